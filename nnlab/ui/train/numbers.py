"""Four numbers of a run while it learns, with their sparklines."""

import math
from collections.abc import Mapping
from typing import Literal

import numpy as np
from streamlit.delta_generator import DeltaGenerator

from nnlab.analysis.coverage import grain
from nnlab.analysis.scores import score_interval
from nnlab.charts.curves import sparkline
from nnlab.datasets import PARTS, PartName
from nnlab.engines.base import Floats
from nnlab.store import Run
from nnlab.ui.shared.cache import curve_rows
from nnlab.ui.shared.naming import seeds_words
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import Text
from nnlab.ui.train.curve_charts import chart_rows

POINTS, SPARK = 60, 44  # of a sparkline: points, pixels
NUMBERS: list[tuple[PartName, str]] = [(part, metric) for metric in ("loss", "score") for part in PARTS[:2]]


def _names(run: Run, t: Text) -> dict[tuple[PartName, str], str]:
    """The names of the four numbers, in the order of NUMBERS."""
    losses = t("Loss, training"), t("Loss, validation")
    if run.experiment.task == "regression":
        scores = t("Typical error, training"), t("Typical error, validation")
    else:
        scores = t("Accuracy, training"), t("Accuracy, validation")
    return dict(zip(NUMBERS, losses + scores, strict=True))


def number_titles(run: Run, t: Text) -> dict[tuple[PartName, str], tuple[str, str]]:
    """The name of each number, and what it is."""
    regression = run.experiment.task == "regression"
    seeds = t("Mean over {what}.", what=seeds_words(run, t)) if len(run.replicates) > 1 else ""
    coarse = grain(run.experiment, "validation", t)
    best = t("Of the weights of each seed's best epoch.") if run.final_epochs and run.experiment.train.patience else ""
    helps = {
        "loss": t(
            "How far the predictions are from the targets; training reduces it. Validation: samples that are not used "
            "for training."
        ),
        "score": t("Square root of the mean squared error, in the units of the target.")
        if regression
        else t("Share of the samples that are classified correctly."),
    }
    sizes = {"score": f"{coarse}." if coarse else ""}
    return {
        (part, metric): (name, " ".join(filter(None, [helps[metric], seeds, best, sizes.get(metric)])))
        for (part, metric), name in _names(run, t).items()
    }


def four_numbers(page: Page, run: Run, places: Mapping[str, DeltaGenerator]) -> None:
    """Loss and score on the training and validation parts, each with its latest change; after the end those of the
    weights that the run ended with."""
    t, rows = page.t, curve_rows(page.lab, run)
    regression = run.experiment.task == "regression"
    for (part, metric), name in _names(run, t).items():
        course = rows[f"{part}_{metric}"].to_numpy(float, copy=True)
        course = np.sqrt(course) if regression and metric == "score" else course
        kind = "accuracy" if metric == "score" and not regression else "loss"
        final = _final_value(run, part, metric)
        if final is not None and len(course):
            course[-1] = final
        value, change, arrow = _value_and_change(t, course, kind)
        if final is not None and run.experiment.train.patience:
            change, arrow = best_epochs(run, t), "off"
        places[f"number-{part}-{metric}"].metric(
            name,
            value,
            change,
            delta_color="blue" if part == "train" else "orange",
            delta_arrow=arrow,
            label_visibility="collapsed",
        )


def _final_value(run: Run, part: PartName, metric: str) -> float | None:
    """The final mean over the replicates, as the table of final scores has it; None before the end."""
    figure = run.experiment.score if metric == "score" else metric
    mean = score_interval(run.experiment, run.results, part, figure).mean
    if math.isnan(mean):
        return None
    return math.sqrt(mean) if figure == "mse" else mean


def best_epochs(run: Run, t: Text) -> str:
    """The epochs whose weights the replicates ended with: "epoch 12", "epochs 12 to 30"."""
    first, last = min(run.final_epochs), max(run.final_epochs)
    if first == last:
        return t("epoch {n}", n=t.whole(first))
    return t("epochs {first} to {last}", first=t.whole(first), last=t.whole(last))


def sparklines(page: Page, run: Run, places: Mapping[str, DeltaGenerator]) -> None:
    """The curve of each of the four numbers, the size of a word."""
    for (part, metric), name in _names(run, page.t).items():
        places[f"spark-{part}-{metric}"].vega_lite_chart(
            chart_rows(page.lab, run, metric, POINTS),
            sparkline(metric, parts=(part,), labels=page.words, height=SPARK),
            key=f"spark-{part}-{metric}",
            alt=name,
        )


def _value_and_change(t: Text, course: Floats, kind: str) -> tuple[str, str, Literal["up", "down", "off"]]:
    """The last value of a curve, its change over the last tenth, and the direction of the change."""
    if not len(course) or np.isnan(course[-1]):
        return "–", " ", "off"
    last, back = float(course[-1]), max(1, len(course) // 10)
    value = t.percent(last) if kind == "accuracy" else t.number(last)
    if len(course) <= back or not np.isfinite(course[-1 - back]) or not np.isfinite(last):
        return value, " ", "off"
    difference = last - float(course[-1 - back])
    if abs(difference) < 1e-3 * abs(last):
        return value, t("steady"), "off"
    size = abs(difference)
    change = t("{n} points", n=t.number(100 * size, 2)) if kind == "accuracy" else t.number(size, 2)
    return value, change, "up" if difference > 0 else "down"
