"""Backpropagation: a small network on a few points, one stage per click, with every number."""

import streamlit as st

from nnlab.ui.backprop.engine_race import engine_race
from nnlab.ui.backprop.gradient_check import gradient_check
from nnlab.ui.backprop.log_sum_exp import large_logits
from nnlab.ui.backprop.scene import open_scene, remember, step_of
from nnlab.ui.backprop.views import all_numbers, controls, explanation, picture, setup, summary
from nnlab.ui.backprop.weight_by_hand import by_hand
from nnlab.ui.shared.problems import link_warning
from nnlab.ui.shared.widgets import title_row
from nnlab.ui.shell.frame import open_page

page = open_page("backprop")
t = page.t
scene, problems = open_scene(page.query())
page.set_query(remember(scene))  # before a fragment ticks, as on Compare
step = step_of(scene)

with title_row("step-head"):
    with st.container(width="content", gap=None):
        st.title(t("How a network learns, step by step"), anchor=False)
        st.caption(summary(page, scene, step))
    with st.popover(t("Network and data"), icon=":material/tune:", key="step-setup"):
        setup(page, scene)
link_warning(page, problems[:1])
controls(page, scene, step)
left, right = st.columns([11, 9], gap="medium")
with left:
    picture(page, scene, step)
with right:
    explanation(page, scene, step)
all_numbers(page, scene, step)
gradient_check(page, scene, step)
st.divider()
by_hand(page, scene, step)
st.divider()
engine_race(page, scene)
if scene.loss == "cross_entropy":
    st.divider()
    large_logits(page)
