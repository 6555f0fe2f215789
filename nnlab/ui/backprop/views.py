"""The parts of the page that show one training step: controls, network, explanation, arrays."""

from functools import partial
from typing import Any

import streamlit as st

from nnlab.charts.training_step import letter, step_network, step_rows
from nnlab.scratch.steps import Step, formula_line, source
from nnlab.spec import MAX_SEED
from nnlab.ui.backprop import scene as scenes
from nnlab.ui.backprop.formulas import matrices, put_in, short
from nnlab.ui.backprop.scene import Scene, shown
from nnlab.ui.backprop.words import formula, sentence, titles
from nnlab.ui.shared.naming import value_name
from nnlab.ui.shared.number_field import bounded_number_field
from nnlab.ui.shared.widgets import clickable
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import Text


def setup(page: Page, scene: Scene) -> None:
    """The widgets for the network and its points."""
    t = page.t
    data, activation, loss = (
        partial(value_name, field, t=t) for field in ("data.name", "model.activation", "train.loss")
    )
    st.selectbox(t("Data"), scenes.DATA, format_func=data, **shown(scene, "data"))
    st.selectbox(
        t("Hidden layers"),
        scenes.HIDDEN,
        format_func=lambda text: t("none") if text == "0" else text.replace("-", " – "),
        **shown(scene, "hidden"),
    )
    st.selectbox(t("Activation"), scenes.ACTIVATIONS, format_func=activation, **shown(scene, "activation"))
    st.selectbox(t("Loss"), scenes.losses_for(scene.data), format_func=loss, **shown(scene, "loss"))
    in_batch = t("Number of samples in the batch.")
    _number(t, scene, "points", t("Points"), (1, scenes.MOST_POINTS), in_batch)
    _number(t, scene, "lr", t("Learning rate"), scenes.RATES)
    _number(t, scene, "seed", t("Seed"), (0, MAX_SEED), t("Determines the starting weights."))


def _number(
    t: Text, scene: Scene, name: str, label: str, allowed: tuple[float, float], help: str | None = None
) -> None:
    """A field for a number of the scene."""
    value, take = getattr(scene, name), lambda new: scenes.change(**{name: new})
    bounded_number_field(label, value, *allowed, take, key=f"step-{name}", t=t, help=help)


def summary(page: Page, scene: Scene, step: Step) -> str:
    """The network in a line: XOR · 2 – 3 – 2 · ReLU · 4 points."""
    t = page.t
    widths = [step.x.shape[1], *(layer.width for layer in step.experiment.layers)]
    return " · ".join(
        [
            value_name("data.name", scene.data, t),
            " – ".join(map(str, widths)),
            value_name("model.activation", scene.activation, t),
            value_name("train.loss", scene.loss, t),
            t.many("{n} point", "{n} points", scene.points),
        ]
    )


def controls(page: Page, scene: Scene, step: Step) -> None:
    """Buttons for stages and steps, and the slider over the stages."""
    t, last = page.t, scenes.last_stage(scene)
    at_end = scene.step >= scenes.MOST_STEPS
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="step-controls"):
        st.button(
            t("Back"),
            icon=":material/arrow_back:",
            key="step-back",
            on_click=scenes.move,
            args=(-1,),
            disabled=scene.step == 0 and scene.stage == 0,
            shortcut="Left",
        )
        st.button(
            t("Next"),
            icon=":material/arrow_forward:",
            icon_position="right",
            type="primary",
            key="step-next",
            on_click=scenes.move,
            args=(1,),
            disabled=scene.stage == last and at_end,
            shortcut="Right",
        )
        with st.container(width=250):
            st.select_slider(
                t("Stage {n} of {all} · step {step}", n=scene.stage + 1, all=last + 1, step=t.whole(scene.step + 1)),
                range(last + 1),
                format_func=lambda i: clickable(titles(step.stages[i], step, t)[1]),
                **shown(scene, "stage"),
            )
        loss_stage = scenes.loss_stage(scene)
        st.button(
            t("Go to the loss"),
            key="step-to-loss",
            on_click=scenes.change,
            kwargs={"stage": loss_stage},
            disabled=scene.stage == loss_stage,
        )
        for key, label, n in (("step-whole", t("One full step"), 1), ("step-ten", t("10 steps"), 10)):
            st.button(label, key=key, on_click=scenes.whole_steps, args=(n,), disabled=at_end)
        st.button(
            "",
            icon=":material/restart_alt:",
            key="step-over",
            on_click=scenes.change,
            kwargs={"step": 0, "stage": 0, "edits": ()},
            help=t("Start over"),
            disabled=not (scene.step or scene.stage or scene.edits),
        )


def picture(page: Page, scene: Scene, step: Step) -> None:
    """The network with its numbers, for one of the points."""
    t = page.t
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", height=44, border=False
    ):
        st.segmented_control(
            t("Point"),
            range(scene.points),
            format_func=lambda i: clickable(t("Point {n}", n=1) if i == 0 else str(i + 1)),
            required=True,
            label_visibility="collapsed",
            width="content",
            **shown(scene, "point"),
        )
        loss = short(step.loss, t) if scene.stage >= scenes.loss_stage(scene) else "…"
        st.markdown(f"{t('Loss of the batch')} **{loss}**", width="content")
    with st.container(key="step-picture"):
        st.vega_lite_chart(
            step_rows(step, scene.stage, scene.point, partial(short, t=t)),
            step_network(labels=page.words, height=610),
            key="step-network",
            alt=t("The network with its values"),
        )
    st.caption(
        t(
            "In each circle: the unit's value for this point; below it, its gradient; b is its bias. On each "
            "line: the weight, or in the backward pass its gradient. Blue is negative, orange is positive."
        )
    )


def explanation(page: Page, scene: Scene, step: Step) -> None:
    """The sentence, the formula, the formula with numbers, and the lines of code with their place."""
    t, stage = page.t, step.stages[scene.stage]
    with st.container(height=136, border=False, key="step-words"):
        st.markdown(f"##### {titles(stage, step, t)[0]}", anchors=False)
        st.markdown(sentence(stage, t))
    with st.container(height=92, border=False, key="step-formula"):
        set_formula(formula(stage))
    with st.container(height=222, border=True, key="step-put-in"):
        set_formula(put_in(stage, step, scene.point, t))
    code = [source(function) for function in stage.code]
    where = f"**{code[0].file}, {t('line {n}', n=code[0].line)}**"
    if stage.owner is not None and stage.kind != "update":
        line = formula_line(stage.owner, stage.way).line
        where += f" · {t('its formula: line {n}', n=line)}"
    with st.container(height=48, border=False, key="step-where"):
        st.caption(
            f":material/code: {where}",
            help=t("keep(name, f, …) computes f(…) and stores it in memory that every step reuses."),
        )
    # as high as the longest: nothing moves from stage to stage, and nothing scrolls
    st.code("\n\n".join(one.text for one in code), language=None, height=350, wrap_lines=True)


def all_numbers(page: Page, scene: Scene, step: Step) -> None:
    """Every array of the stage with its shape, over the whole batch."""
    t = page.t
    st.markdown(
        f"##### {t('All numbers of this stage')}",
        anchors=False,
        help=t("One row per point of the batch; the shape is below each array."),
    )
    with (
        st.container(height=296, border=True, key="step-numbers-strip"),
        st.container(horizontal=True, vertical_alignment="center", gap="medium"),
    ):
        for i, matrix in enumerate(matrices(step.stages[scene.stage], step, t)):
            with st.container(width="content", key=f"step-matrix-{i}"):
                set_formula(rf"\footnotesize {matrix}", width="content")


def set_formula(tex: str, width: Any = "stretch") -> None:
    """A formula, centred. `st.latex` would put a box around it that scrolls, a stop of the tab key without a name."""
    st.markdown(rf"$\displaystyle {tex}$", text_alignment="center", width=width)


def readable(name: str, step: Step) -> str:
    """0.weight → W₁, out.0 → z₁."""
    first, _, own = name.partition(".")
    if first == "out":
        return letter(step, int(own))
    below = str(int(first) + 1).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))
    return {"weight": "W", "bias": "b"}.get(own, own) + below
