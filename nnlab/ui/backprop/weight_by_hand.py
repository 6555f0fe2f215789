"""A weight changed by hand, and the loss as a function of it."""

import numpy as np
import streamlit as st

from nnlab.charts.training_step import loss_along, loss_along_rows
from nnlab.scratch.steps import Step
from nnlab.ui.backprop.scene import Scene, change, set_weight, weights_at
from nnlab.ui.backprop.views import readable
from nnlab.ui.shell.frame import Page


def by_hand(page: Page, scene: Scene, step: Step) -> None:
    """Choose a weight and change it. The loss follows; the gradient is the slope of the loss curve at that weight."""
    t = page.t
    st.markdown(f"#### {t('Change a weight by hand')}")
    places = [(name, i) for name in step.parameters for i in range(step.before[name].size)]
    if st.session_state.get("step-weight") not in range(len(places)):
        st.session_state["step-weight"] = 0
    left, right = st.columns([2, 3], gap="medium", vertical_alignment="top")
    with left:
        chosen = st.selectbox(
            t("Weight"),
            list(range(len(places))),
            key="step-weight",
            format_func=lambda i: place_name(*places[int(i)], step),
        )
        name, place = places[int(chosen or 0)]
        value = float(step.before[name].flat[place])
        st.session_state["step-value"] = round(value, 6)
        st.number_input(
            t("Value"),
            step=0.1,
            format="%.4f",
            key="step-value",
            on_change=set_weight,
            args=(name, place, "step-value"),
        )
        touched = any(edit.step == scene.step for edit in scene.edits)
        untouched = step.loss_at(weights_at(scene, edited=False)) if touched else step.loss
        st.metric(
            t("Loss of the batch"),
            t.number(step.loss, 4),
            t.number(step.loss - untouched, 3) if touched else " ",
            delta_color="inverse" if touched else "off",
            delta_arrow="auto" if touched else "off",
            help=t("The loss before this step, and its difference from the loss with the unchanged weights."),
        )
        st.button(
            t("Undo all manual changes"),
            key="step-undo",
            icon=":material/undo:",
            disabled=not scene.edits,
            on_click=lambda: change(edits=()),
        )
    with right:
        slope = float(step.gradients[name].flat[place])
        middle = round(value) if np.isfinite(value) else 0
        index = tuple(int(i) for i in np.unravel_index(place, step.before[name].shape))
        values = np.linspace(middle - 2.5, middle + 2.5, 61)
        with np.errstate(all="ignore"):
            losses = step.loss_along(name, index, values.tolist())
        st.vega_lite_chart(
            loss_along_rows(values, losses, value, step.loss, slope),
            loss_along(labels=page.words, height=250),
            key="step-along",
            alt=t("The loss as a function of this weight"),
        )
        st.caption(
            t(
                "The loss when only this weight changes. The dashed line has slope {slope}: that is the "
                "weight's gradient. If it is positive, a smaller weight gives a smaller loss.",
                slope=f"**{t.number(slope)}**",
            )
        )


def place_name(name: str, place: int, step: Step) -> str:
    """ "W₁ · 2 → 3" (from input 2 to unit 3) or "b₁ · 3"."""
    shape = step.before[name].shape
    if len(shape) == 1:
        return f"{readable(name, step)} · {place + 1}"
    i, j = divmod(place, shape[1])
    return f"{readable(name, step)} · {i + 1} → {j + 1}"
