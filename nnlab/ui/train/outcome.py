"""The end of a run: why it ended, the verdict and the next steps, and its final scores."""

import pandas as pd
import streamlit as st

from nnlab.analysis.coverage import covered_and_grain, grain
from nnlab.analysis.predictions import predict
from nnlab.datasets import PartName, load_dataset, mnist
from nnlab.engines.base import Floats
from nnlab.lab import Lab
from nnlab.store import Run
from nnlab.ui.shared.cache import once_per_epoch, weights_size
from nnlab.ui.shared.downloads import download_menu
from nnlab.ui.shared.failure_words import failure_words
from nnlab.ui.shared.labels import WITHOUT_NUMBA
from nnlab.ui.shared.naming import seeds_words
from nnlab.ui.shared.run_links import advice_link, experiment_link
from nnlab.ui.shared.run_row import mean_text
from nnlab.ui.shared.verdict_text import verdict_of, verdict_sentence
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import UNKNOWN, Text, mark
from nnlab.ui.train.numbers import best_epochs


def outcome(page: Page, run: Run) -> None:
    """Verdict and next steps of a run that has results."""
    t = page.t
    diagnosis = verdict_of(page.lab, run)
    with st.container(border=True, key="outcome"):
        sentence = verdict_sentence(diagnosis, run.experiment, t)
        if sentence:
            st.markdown(sentence)
        if formula := _formula(page, run):
            st.markdown(formula)
        with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
            advice_link(page, run, diagnosis)
            page.link("compare", t("Compare depths"), experiment_link(run))
            page.link("inspect", t("Look inside"), {"run": run.id})
            download_menu(page, run, "take")


def _formula(page: Page, run: Run) -> str:
    """For Celsius to Fahrenheit: what the network makes of 100 °C and, where it is a straight line, its formula beside
    the true one. Mean over the seeds."""
    at = _fahrenheit(page.lab, run) if run.experiment.data.name == "celsius" else None
    if at is None:
        return ""
    t = page.t
    said = t("100 °C → {value} °F (212 is right).", value=t.number(float(at[2]), 5))
    if any(layer.activation != "none" for layer in run.experiment.layers):
        return said
    line = t(
        "The network is the line y = {slope} x + {start}; the formula is y = 1.8 x + 32.",
        slope=t.number(float(at[1] - at[0])),
        start=t.number(float(at[0])),
    )
    return f"{said} {line}"


def _without_mnist(page: Page, run: Run) -> None:
    """Why there is no MNIST, and what to do."""
    t, folder = page.t, f"`{mnist.default_folder()}`"
    again = t("When the connection is back, press Try again above.")
    if run.error in (mnist.REASONS["read_only"], mnist.REASONS["blocked"]):
        again = t("Let nnlab write to {folder}, remove the folders in it, and press Try again above.", folder=folder)
    why = run.error if run.error in mnist.REASONS.values() else mark("MNIST could not be downloaded.")
    st.warning(
        f"{t(why or '')}\n\n"
        f"- {again}\n"
        f"- {t('Or copy the four MNIST files into {folder} on the server.', folder=folder)}\n"
        f"- {t('Or use the 8×8 digits that come with nnlab: smaller pictures, the same task.')}",
        icon=":material/cloud_off:",
    )
    epochs = max(run.experiment.train.epochs, 20)
    on_digits = run.experiment.set({"data.name": "digits", "train.epochs": epochs})
    page.link("build", t("Open it with the 8×8 digits"), experiment_link(run, on_digits), icon=":material/swap_horiz:")


@once_per_epoch(weights_size)
def _fahrenheit(lab: Lab, run: Run) -> Floats | None:
    """What the network makes of 0, 1 and 100 °C."""
    stored = lab.snapshot(run.id)
    if stored is None:
        return None
    each = predict(run.experiment, stored[1], load_dataset(run.experiment, run.seeds), [[0.0], [1.0], [100.0]])
    at: Floats = each.mean(axis=0)[:, 0]
    return at


def final_scores(page: Page, run: Run) -> None:
    """The final scores of a run that has results."""
    t = page.t
    with st.container(key="final-scores"):
        st.markdown(f"##### {t('Final scores by part')}", anchors=False)
        st.table(_scores_table(run, t), hide_index=True, border="horizontal", alt=t("Final scores by part"))
        st.caption(_scores_note(run, t))


def _scores_table(run: Run, t: Text) -> pd.DataFrame:
    """One row per part, one column per figure: the mean with its 95 % interval over the seeds."""
    names: dict[PartName, str] = {"train": t("training"), "validation": t("validation"), "test": t("test")}
    figures = {
        "accuracy": {"accuracy": t("Accuracy (%)"), "loss": t("Loss")},
        "mse": {"mse": t("Mean squared error"), "mae": t("Mean absolute error"), "r2": "R²"},
    }[run.experiment.score]
    rows = [
        {t("Part"): word, t("Samples"): t.whole(size)}
        | {heading: mean_text(run, part, figure, t) or UNKNOWN for figure, heading in figures.items()}
        for (part, word), size in zip(names.items(), run.experiment.data.sizes, strict=True)
        if size
    ]
    return pd.DataFrame(rows)


def _scores_note(run: Run, t: Text) -> str:
    """What the scores are, and whether the test part was evaluated."""
    part = run.experiment.data.judged_part
    covered, coarse = covered_and_grain(run.experiment, part, t)
    several = t("Mean and 95 % interval over {what}; it covers {covered}.", what=seeds_words(run, t), covered=covered)
    if len(run.replicates) == 1:
        several = t("One seed does not show how much the scores vary; train several seeds to get an interval.")
        coarse = grain(run.experiment, part, t)
    if coarse:
        several += f" {coarse}."
    if run.experiment.train.patience:
        several += " " + _early_stopping(run, t)
    if not run.experiment.data.sizes[2]:
        return several
    if run.comparison and run.results and not run.results["test"] and run.state == "finished":
        test = t("The test set stays closed until it is opened in the comparison that this run belongs to.")
    elif run.state == "stopped":
        test = t("The test part is evaluated only when a run finishes.")
    elif run.comparison:
        test = t("The test part was evaluated once, when the test set of the comparison was opened.")
    else:
        test = t("The test part was evaluated once, at the end.")
    return f"{several} {test}"


def _early_stopping(run: Run, t: Text) -> str:
    """Which weights the scores are of."""
    epochs = best_epochs(run, t)
    ended = zip(run.final_epochs, (run.results or {}).get("best_epoch", ()), strict=True)
    if any(0 < best < epoch for epoch, best in ended):
        return t(
            "Early stopping, trained by an earlier version: only seeds that stopped early went back to their best "
            "weights ({epochs}).",
            epochs=epochs,
        )
    return t("Early stopping: each seed ends with the weights of its best epoch ({epochs}).", epochs=epochs)


def trouble(page: Page, run: Run) -> None:
    """Why a run did not finish, and what to do about it; what is missing on this server."""
    t = page.t
    if run.without_numba:
        st.caption(t(WITHOUT_NUMBA))
    no_data = run.experiment.data.name == "mnist" and (run.error or "").startswith("MNIST could not be downloaded")
    if run.state == "interrupted":
        st.warning(failure_words(run, t), icon=":material/power_off:")
    elif run.note == "max_seconds":
        words = t("This run was stopped at the time limit of this server. Its progress is saved.")
        st.info(words, icon=":material/timer:")
    elif run.state == "failed" and no_data:
        _without_mnist(page, run)
    elif run.state == "failed":
        icon = ":material/memory:" if run.note == "memory" else ":material/error:"
        st.error(failure_words(run, t), icon=icon)
