"""The end of a run: why it ended, its final scores, the verdict, and where to go from here."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from nnlab.analysis.scores import final_scores
from nnlab.analysis.statistics import interval
from nnlab.datasets import mnist
from nnlab.spec import Experiment, seeds_text
from nnlab.store import Run
from nnlab.ui.shared.downloads import download_menu
from nnlab.ui.shared.naming import seeds_words
from nnlab.ui.shared.verdicts import remedy_link, verdict_of, verdict_sentence
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import Text


def outcome(page: Page, run: Run) -> None:
    """Final scores, verdict and next steps of a run that has results."""
    t = page.t
    diagnosis = verdict_of(run.id, run.epoch, run.state, page.lab, run)
    with st.container(border=True, key="outcome"):
        sentence = verdict_sentence(diagnosis, run.experiment, t)
        if sentence:
            st.markdown(sentence)
        st.table(scores_table(run, t), hide_index=True, border="horizontal", alt=t("Final scores of every part"))
        st.caption(scores_note(run, t))
        with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
            remedy_link(page, run, diagnosis)
            link = {**run.experiment.to_query(), "seeds": seeds_text(run.seeds)}
            page.link("compare", t("Compare depths"), link)
            page.link("inspect", t("Look inside"), {"run": run.id})
            download_menu(page, run, "take")


def scores_table(run: Run, t: Text) -> pd.DataFrame:
    """One row a part, one column a figure, each a mean with its 95 % interval over the seeds."""
    names = {"train": t("training"), "validation": t("validation"), "test": t("test")}
    figures = {
        "accuracy": {"accuracy": t("Accuracy (%)"), "loss": t("Loss")},
        "mse": {"mse": t("Mean squared error"), "mae": t("Mean absolute error"), "r2": "R²"},
    }[run.experiment.score]
    sizes = dict(zip(names, run.experiment.data.sizes, strict=True))
    rows = []
    for part, word in names.items():
        if not sizes[part]:
            continue
        row: dict[str, str] = {t("Part"): word, t("Samples"): t.whole(sizes[part])}
        for figure, heading in figures.items():
            values = final_scores(run.results, part, figure)
            ends = interval(values, run.experiment.data.folds)
            kind = "accuracy" if figure == "accuracy" else "loss"
            row[heading] = t.interval(ends.mean, ends.low, ends.high, kind) if values.size else "–"
        rows.append(row)
    return pd.DataFrame(rows)


def scores_note(run: Run, t: Text) -> str:
    """What the figures are."""
    several = (
        t("Mean and 95 % interval over {what}.", what=seeds_words(run, t))
        if len(run.replicates) > 1
        else t("One seed alone says nothing of the spread; train several for an interval.")
    )
    if not run.experiment.data.sizes[2]:
        return several
    if run.comparison and run.results and not run.results["test"] and run.state == "finished":
        return f"{several} {t('The test set stays closed until it is opened on the comparison this run answers.')}"
    if run.state == "stopped":
        return f"{several} {t('The test part is looked at only when a run comes to its end.')}"
    return f"{several} {t('The test part was looked at once, at the end.')}"


def trouble(page: Page, run: Run) -> None:
    """Why a run did not come to its end, in one sentence, and what to do."""
    t = page.t
    if run.state == "interrupted":
        st.warning(
            t("This run was interrupted: its worker went away more than once. What it learned is kept; resume it."),
            icon=":material/power_off:",
        )
    elif run.note == "max_seconds":
        st.info(
            t("It was stopped at the most time a run may take here; what it learned is kept."), icon=":material/timer:"
        )
    elif run.state == "failed" and no_data(run):
        st.warning(
            f"{t('MNIST could not be downloaded.')}\n\n"
            f"- {t('Try again when the network is back: the button above resumes the run.')}\n"
            f"- {t('Put the four MNIST files into {folder} on the server.', folder=f'`{mnist.default_folder()}`')}\n"
            f"- {t('Or use the digits that come with nnlab: smaller pictures, the same task.')}",
            icon=":material/cloud_off:",
        )
        link = {**on_digits(run.experiment).to_query(), "seeds": seeds_text(run.seeds)}
        page.link("build", t("Open it with digits instead"), link, icon=":material/swap_horiz:")
    elif run.state == "failed":
        st.error(f"{t('The training broke off.')} {run.error or ''}", icon=":material/error:")


def no_data(run: Run) -> bool:
    """Whether it failed because MNIST was not to be had."""
    return run.experiment.data.name == "mnist" and (run.error or "").startswith("MNIST could not be downloaded")


def on_digits(experiment: Experiment) -> Experiment:
    """The same network and training on the pictures that need no download."""
    return experiment.set({"data.name": "digits", "train.epochs": max(experiment.train.epochs, 20)})
