"""Every gradient of the step compared with finite differences and with PyTorch autograd."""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from nnlab.scratch.steps import Step, finite_differences, relative_difference
from nnlab.ui.backprop.scene import (
    Scene,
    change,
)
from nnlab.ui.backprop.views import readable
from nnlab.ui.shell.frame import Page

ALLOWED = {"autograd": 1e-9, "trying": 1e-6}
"""Largest relative difference that rounding explains, in double precision."""


def gradient_check(page: Page, scene: Scene, step: Step) -> None:
    """Every gradient next to finite differences and PyTorch's autograd."""
    t = page.t
    st.session_state["step-check"] = scene.check
    opened = st.expander(
        t("Are these gradients right? Compare them with two other methods"),
        icon=":material/fact_check:",
        key="step-check",
        on_change=lambda: change(check=bool(st.session_state["step-check"])),
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
        held = st.session_state.get("step-autograd")
        waiting = held is None or held[0] != scene.numbers or not isinstance(held[1], dict)
        st.fragment(_compared, run_every=0.5 if waiting else None)(page, scene, step)


def _compared(page: Page, scene: Scene, step: Step) -> None:
    t = page.t
    theirs, note = _autograd(page, scene, step)
    tried = _tried(scene, step)
    rows = []
    for name, ours in step.gradients.items():
        shape = "×".join(map(str, ours.shape))
        row: dict[str, Any] = {t("Gradient"): f"∂L/∂{readable(name, step)}", t("Shape"): shape}
        for other, label, allowed in (
            (tried[name], t("Finite differences"), ALLOWED["trying"]),
            (None if theirs is None else theirs[name], "autograd", ALLOWED["autograd"]),
        ):
            if other is None:
                row |= {label: "…", f"{label} ✓": ""}
                continue
            away = relative_difference(ours, other)
            row |= {label: t.number(away, 2), f"{label} ✓": "✓" if away < allowed else "✕"}
        worst = int(np.abs(ours).argmax()) if ours.size else 0
        row[t("Computed here")] = t.number(float(ours.flat[worst]), 7)
        row[t("By autograd")] = "…" if theirs is None else t.number(float(theirs[name].flat[worst]), 7)
        rows.append(row)
    table = pd.DataFrame(rows).rename(columns={f"{t('Finite differences')} ✓": "✓", "autograd ✓": "✓ "})
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


def _autograd(page: Page, scene: Scene, step: Step) -> tuple[dict[str, Any] | None, str]:
    """The gradients of a worker, or None and a note. Does not wait."""
    t, state = page.t, st.session_state
    key, answer = state.get("step-autograd") or (None, None)
    if key != scene.numbers or answer is None:
        answer = page.lab.autograd(step.experiment, step.before, step.x, step.t)
        state["step-autograd"] = None if answer is None else (scene.numbers, answer)
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


def _tried(scene: Scene, step: Step) -> dict[str, Any]:
    kept = st.session_state.get("step-tried")
    if kept is None or kept[0] != scene.numbers:
        with np.errstate(all="ignore"):
            kept = st.session_state["step-tried"] = (scene.numbers, finite_differences(step))
    tried: dict[str, Any] = kept[1]
    return tried
