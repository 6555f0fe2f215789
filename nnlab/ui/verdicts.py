"""The verdict on a fit in words: what is the case, the figures it rests on, and what to try now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from nnlab.diagnosis import Diagnosis, diagnose
from nnlab.lab import Lab
from nnlab.spec import Experiment, LayerSpec, seeds_text
from nnlab.store import Run
from nnlab.ui.frame import Page
from nnlab.ui.labels import VERDICTS
from nnlab.ui.text import Text, mark

REASONS: Mapping[str, str] = {
    "": mark("it learned the training data and does as well on data it has not seen."),
    "loss_not_finite": mark("the loss left the range of numbers; the steps were too long."),
    "loss_ran_away": mark("the loss ran away instead of falling; the steps were too long."),
    "some_seeds_diverged": mark("some seeds learned, others ran away."),
    "seeds_disagree": mark("the seeds end far apart: the start decides more than the training."),
    "loss_jumps": mark("the loss still jumps up and down at the end; shorter steps would calm it."),
    "loss_above_guessing": mark("it is often right, but far too sure where it is wrong."),
    "gap": mark("it does clearly better on the training data than on data it has not seen."),
    "validation_turned": mark("its validation loss rose again while the training loss fell on."),
    "guesses": mark("it does no better than always naming the commonest class."),
    "below_reference": mark("it stays below what a simple method without a network reaches."),
    "still_learning": mark("it was still getting better when it ended; more epochs would help."),
}

UNCHECKED = mark("it learned the data; none was kept aside to see how it does on new samples.")

_Change = Callable[[Experiment], dict[str, Any]]


def _wider(experiment: Experiment) -> dict[str, Any]:
    if not experiment.model.hidden:
        return {"model.hidden": [8]}
    return {
        "model.hidden": [
            layer.model_copy(update={"width": min(4096, 2 * layer.width)}).model_dump(exclude_none=True)
            if isinstance(layer, LayerSpec)
            else min(4096, 2 * layer)
            for layer in experiment.model.hidden
        ]
    }


REMEDIES: Mapping[str, tuple[str, _Change]] = {
    "diverged": (mark("Try a tenth of the learning rate"), lambda e: {"train.lr": max(1e-7, e.train.lr / 10)}),
    "unstable": (mark("Try a third of the learning rate"), lambda e: {"train.lr": max(1e-7, round(e.train.lr / 3, 8))}),
    "overfits": (mark("Try it with L2 0.01"), lambda e: {"train.l2": max(0.01, 3 * e.train.l2)}),
    "underfits": (mark("Try a network twice as wide"), _wider),
    "still_learning": (mark("Try twice as many epochs"), lambda e: {"train.epochs": 2 * e.train.epochs}),
}
"""By verdict (or reason, where it knows better): words for a link, and the change it makes in Build."""


@st.cache_data(max_entries=256, show_spinner=False)
def verdict_of(run_id: str, epoch: int, state: str, _lab: Lab, _run: Run) -> Diagnosis:
    """The diagnosis of a run, computed once for everybody who looks on."""
    del epoch, state
    return diagnose(_lab.metrics(run_id), _run.results, _run.experiment)


def verdict_sentence(diagnosis: Diagnosis, experiment: Experiment, t: Text) -> str:
    """Icon, word and reason as one line of Markdown; empty without a verdict."""
    if not diagnosis.verdict:
        return ""
    word, icon = VERDICTS[diagnosis.verdict]
    reason = REASONS[diagnosis.reason]
    if not diagnosis.reason and not any(experiment.data.sizes[1:]):
        reason = UNCHECKED
    return f"{icon} **{t('It {verdict}', verdict=t(word))}**: {t(reason)}"


def remedy_link(page: Page, run: Run, diagnosis: Diagnosis) -> None:
    """A link that opens Build with the one change to try first; nothing where all is well."""
    name = diagnosis.reason if diagnosis.reason in REMEDIES else diagnosis.verdict
    if name not in REMEDIES:
        return
    words, change = REMEDIES[name]
    experiment = run.experiment.set(change(run.experiment))
    link = {**experiment.to_query(), "seeds": seeds_text(run.seeds)}
    page.link("build", page.t(words), link, icon=":material/lightbulb:")
