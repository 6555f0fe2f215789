"""What the training of an experiment takes: parameters, time, steps, memory, disk."""

from collections.abc import Sequence

import streamlit as st

from nnlab.engines.costs import estimate_bytes, estimate_seconds
from nnlab.spec import Experiment
from nnlab.store.budget import stored_bytes
from nnlab.ui.shared.naming import disk_words, wait_words
from nnlab.ui.shell.frame import Page


def cost(page: Page, experiment: Experiment, seeds: Sequence[int]) -> None:
    """Two figures, and a line with the others."""
    t, exp = page.t, experiment
    help_text = t("Parameters of one network; steps (batches × epochs); time and memory of one worker for all seeds.")
    st.caption(t("Cost"), help=help_text)
    left, right = st.columns(2)
    left.metric(t("Parameters"), t.whole(exp.parameters))
    expected = page.lab.forecast(page.owner).of([estimate_seconds(exp, len(seeds))])
    right.metric(t("Time"), t.seconds(expected.seconds))
    steps = t.many("{n} step in total", "{n} steps in total", exp.steps_per_epoch * exp.train.epochs)
    parts = [steps, t("needs about {size}", size=t.size(estimate_bytes(exp, len(seeds))))]
    if stores := disk_words(stored_bytes(exp, len(seeds)), t):
        parts.append(stores)
    if exp.train.start_from:
        parts.append(t("the source experiment is trained first, unless it has been trained with these seeds"))
    if wait := wait_words(expected, t):
        parts.append(wait)
    st.caption(" · ".join(parts))
