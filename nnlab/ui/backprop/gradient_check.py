"""Every gradient of the step compared with finite differences and with PyTorch autograd."""

import numpy as np
import pandas as pd
import streamlit as st

from nnlab.engines.base import Array
from nnlab.scratch.steps import Step, finite_differences, relative_difference
from nnlab.spec.errors import SpecError
from nnlab.ui.backprop.scene import Scene, shown
from nnlab.ui.backprop.views import readable
from nnlab.ui.shared.problems import problem_text
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.ticks import live
from nnlab.ui.shell.trouble_text import trouble_text


def gradient_check(page: Page, scene: Scene, step: Step) -> None:
    """Every gradient next to finite differences and PyTorch's autograd."""
    t = page.t
    opened = st.expander(
        t("Are these gradients right? Compare them with two other methods"),
        icon=":material/fact_check:",
        **shown(scene, "check"),
    )
    if not scene.check:
        return
    with opened:
        st.markdown(
            t(
                "Every gradient of this step, computed by two other methods: finite differences (change each "
                "number a little and measure how the loss changes) and PyTorch's autograd, in a worker."
            )
        )
        held, answer = st.session_state.get("step-autograd") or (None, None)
        waiting = held != scene.numbers or not isinstance(answer, dict)
        live(_compared, 0.5 if waiting else None)(page, scene, step)


def _compared(page: Page, scene: Scene, step: Step) -> None:
    t = page.t
    theirs, note = _autograd(page, scene, step)
    with np.errstate(all="ignore"):
        tried = finite_differences(step)

    def agreement(ours: Array, other: Array | None, allowed: float) -> tuple[str, str]:
        """The relative difference, and whether rounding in double precision explains it."""
        if other is None:
            return "…", ""
        difference = relative_difference(ours, other)
        return t.number(difference, 2), "✓" if difference < allowed else "✕"

    rows = []
    for name, ours in step.gradients.items():
        other = None if theirs is None else theirs[name]
        largest = np.abs(ours).argmax()
        rows.append(
            (
                f"∂L/∂{readable(name, step)}",
                "×".join(map(str, ours.shape)),
                *agreement(ours, tried[name], 1e-6),
                *agreement(ours, other, 1e-9),
                t.number(float(ours.flat[largest]), 7),
                "…" if other is None else t.number(float(other.flat[largest]), 7),
            )
        )
    methods = (t("Finite differences"), "✓", "autograd", "✓ ", t("Computed here"), t("By autograd"))
    table = pd.DataFrame(rows, columns=[t("Gradient"), t("Shape"), *methods])
    with st.container(key="step-slip"):
        st.table(table, hide_index=True, border="horizontal", alt=t("Every gradient, by three methods"))
    st.caption(
        note
        or t(
            "The largest difference, relative to the largest number. Rounding explains differences below 1e−6"
            " for finite differences and 1e−9 for autograd. The last two columns show the largest number of "
            "each gradient."
        )
    )
    if note and not st.session_state.get("step-autograd"):
        st.button(t("Try again"), key="step-ask-again", icon=":material/refresh:")


def _autograd(page: Page, scene: Scene, step: Step) -> tuple[dict[str, Array] | None, str]:
    """The gradients of a worker, or None and a note. Does not wait."""
    t, state = page.t, st.session_state
    key, answer = state.get("step-autograd") or (None, None)
    if key != scene.numbers:
        try:
            answer = page.lab.autograd(step.experiment, step.before, step.x, step.t)
        except SpecError as error:
            return None, problem_text(error.problems[0], t)
        state["step-autograd"] = None if answer is None else (scene.numbers, answer)
    if (trouble := page.lab.trouble) and not isinstance(answer, dict):
        return None, trouble_text(trouble, t)
    if answer is None:
        return None, t("No worker is ready yet. PyTorch's gradients appear as soon as one is.")
    if isinstance(answer, dict):
        return answer, ""
    if not answer.done():
        return None, t("PyTorch's gradients are requested; they appear as soon as a worker is free.")
    if answer.status != "finished":
        state["step-autograd"] = None
        return None, t("The worker stopped before it finished; the gradients are requested again.")
    state["step-autograd"] = (scene.numbers, answer.result())
    st.rerun()
