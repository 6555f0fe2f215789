"""A weight changed by hand, and the loss as a function of it."""

from functools import partial

import numpy as np
import streamlit as st

from nnlab.charts.training_step import loss_along, loss_along_rows
from nnlab.scratch.steps import Step
from nnlab.ui.backprop import scene as scenes
from nnlab.ui.backprop.scene import Scene, change, set_weight, weights_at
from nnlab.ui.backprop.views import readable
from nnlab.ui.shared.number_field import bounded_number_field
from nnlab.ui.shell.frame import Page


def by_hand(page: Page, scene: Scene, step: Step) -> None:
    """Choose a weight and change it. The loss follows; the gradient is the slope of the loss curve at that weight."""
    t = page.t
    st.markdown(f"#### {t('Change a weight by hand')}", anchors=False)
    places = [(name, index) for name in step.parameters for index in np.ndindex(step.before[name].shape)]
    # from input 2 to unit 3: W₁ · 2 → 3; the bias of unit 3: b₁ · 3
    labels = [f"{readable(name, step)} · {' → '.join(str(i + 1) for i in index)}" for name, index in places]
    if st.session_state.get("step-weight") not in range(len(places)):
        st.session_state["step-weight"] = 0
    left, right = st.columns([2, 3], gap="medium", vertical_alignment="top")
    with left:
        options = range(len(places))
        name, index = places[st.selectbox(t("Weight"), options, format_func=lambda i: labels[i], key="step-weight")]
        value = float(step.before[name][index])
        change_it = partial(set_weight, name, int(np.ravel_multi_index(index, step.before[name].shape)))
        shown, most = round(value, 6), scenes.LARGEST_WEIGHT
        bounded_number_field(t("Value"), shown, -most, most, change_it, key="step-value", t=t)
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
            on_click=change,
            kwargs={"edits": ()},
        )
    with right:
        slope = float(step.gradients[name][index])
        middle = round(value) if np.isfinite(value) else 0
        values = np.linspace(middle - 2.5, middle + 2.5, 61)
        with np.errstate(all="ignore"):
            losses = step.loss_along(name, index, values)
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
