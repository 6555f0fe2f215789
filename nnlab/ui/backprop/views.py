"""The parts of the page that show one training step: controls, network, explanation, arrays."""

from functools import partial
from typing import Any

import streamlit as st

from nnlab.charts.training_step import letter, step_network, step_rows
from nnlab.scratch.steps import Stage, Step, formula_line, source
from nnlab.ui.backprop.formulas import matrices, put_in, short
from nnlab.ui.backprop.scene import (
    DATA,
    HIDDEN,
    MOST_POINTS,
    MOST_STEPS,
    Scene,
    last_stage,
    losses_for,
    move,
    start_over,
    take,
    to_loss,
    whole_steps,
)
from nnlab.ui.backprop.words import formula, mark_of, sentence, title
from nnlab.ui.shared.labels import CHOICES
from nnlab.ui.shared.naming import value_name
from nnlab.ui.shell.frame import Page

PICTURE = 610


def setup(page: Page, scene: Scene) -> None:
    """The widgets for the network and its points."""
    t = page.t

    def choose(name: str, label: str, options: tuple[str, ...], show: Any, help_text: str | None = None) -> None:
        key = f"step-{name}"
        st.session_state[key] = getattr(scene, name)
        st.selectbox(label, options, key=key, format_func=show, on_change=take, args=(name, key), help=help_text)

    def number(name: str, label: str, low: float, high: float, by: float, help_text: str | None = None) -> None:
        key = f"step-{name}"
        st.session_state[key] = getattr(scene, name)
        whole = isinstance(by, int)
        st.number_input(
            label,
            low,
            high,
            step=by,
            key=key,
            format="%d" if whole else "%.6g",
            on_change=take,
            args=(name, key),
            help=help_text,
        )

    choose("data", t("Data"), DATA, partial(value_name, "data.name", t=t))
    choose("hidden", t("Hidden layers"), HIDDEN, lambda text: t("none") if text == "0" else text.replace("-", " – "))
    choose(
        "activation",
        t("Activation"),
        tuple(CHOICES["model.activation"]),
        partial(value_name, "model.activation", t=t),
    )
    choose("loss", t("Loss"), losses_for(scene.data), partial(value_name, "train.loss", t=t))
    number("points", t("Points"), 1, MOST_POINTS, 1, t("Number of samples in the batch."))
    number("lr", t("Learning rate"), 1e-5, 10.0, 0.05)
    number("seed", t("Seed"), 0, 2**31 - 1, 1, t("Determines the starting weights."))


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
    t, last = page.t, last_stage(scene)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="step-controls"):
        st.button(
            t("Back"),
            icon=":material/arrow_back:",
            key="step-back",
            on_click=move,
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
            on_click=move,
            args=(1,),
            disabled=scene.stage == last and scene.step >= MOST_STEPS,
            shortcut="Right",
        )
        st.session_state["step-stage"] = scene.stage
        with st.container(width=250):
            st.select_slider(
                t("Stage {n} of {all} · step {step}", n=scene.stage + 1, all=last + 1, step=t.whole(scene.step + 1)),
                range(last + 1),
                key="step-stage",
                format_func=lambda i: mark_of(step.stages[i], step, t),
                on_change=take,
                args=("stage", "step-stage"),
            )
        st.button(
            t("Go to the loss"), key="step-to-loss", on_click=to_loss, disabled=step.stages[scene.stage].kind == "loss"
        )
        st.button(
            t("One full step"), key="step-whole", on_click=whole_steps, args=(1,), disabled=scene.step >= MOST_STEPS
        )
        st.button(t("10 steps"), key="step-ten", on_click=whole_steps, args=(10,), disabled=scene.step >= MOST_STEPS)
        st.button(
            "",
            icon=":material/restart_alt:",
            key="step-over",
            on_click=start_over,
            help=t("Start over"),
            disabled=not (scene.step or scene.stage or scene.edits),
        )


def picture(page: Page, scene: Scene, step: Step) -> None:
    """The network with its numbers, for one of the points."""
    t = page.t
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", height=44, border=False
    ):
        st.session_state["step-point"] = scene.point
        st.segmented_control(
            t("Point"),
            range(scene.points),
            key="step-point",
            format_func=lambda i: t("Point {n}", n=1) if i == 0 else str(i + 1),
            required=True,
            on_change=take,
            args=("point", "step-point"),
            label_visibility="collapsed",
            width="content",
        )
        known = scene.stage >= (last_stage(scene) - 1) // 2
        st.markdown(f"{t('Loss of the batch')} **{short(step.loss, t) if known else '…'}**", width="content")
    with st.container(key="step-picture"):
        st.vega_lite_chart(
            step_rows(step, scene.stage, scene.point, lambda value: short(value, t)),
            step_network(labels=page.words, height=PICTURE),
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
    """The sentence, the formula, the formula with numbers, and the lines of code."""
    t, stage = page.t, step.stages[scene.stage]
    with st.container(height=136, border=False, key="step-words"):
        st.markdown(f"##### {title(stage, step, t)}")
        st.markdown(sentence(stage, t))
    with st.container(height=92, border=False, key="step-formula"):
        st.latex(formula(stage))
    with st.container(height=222, border=True, key="step-put-in"):
        st.latex(put_in(stage, step, scene.point, t))
    code(page, stage, step)


def code(page: Page, stage: Stage, step: Step) -> None:
    """The lines of code that compute the stage, with file and line number."""
    t, own = page.t, [source(function) for function in stage.code]
    where = f"**{own[0].file}, {t('line {n}', n=own[0].line)}**"
    if stage.owner is not None and stage.kind != "update":
        written = formula_line(stage.owner, stage.way)
        where += f" · {t('its formula: line {n}', n=written.line)}"
    with st.container(height=48, border=False, key="step-where"):
        st.caption(
            f":material/code: {where}",
            help=t("keep(name, f, …) computes f(…) and stores it in memory that every step reuses."),
        )
    st.code("\n\n".join(one.text for one in own), language="python", height=240, wrap_lines=True)


def all_numbers(page: Page, scene: Scene, step: Step) -> None:
    """Every array of the stage with its shape, over the whole batch."""
    t = page.t
    st.markdown(
        f"##### {t('All numbers of this stage')}",
        help=t("One row per point of the batch; the shape is below each array."),
    )
    with (
        st.container(height=296, border=True, key="step-numbers-strip"),
        st.container(horizontal=True, vertical_alignment="center", gap="medium"),
    ):
        for i, matrix in enumerate(matrices(step.stages[scene.stage], step, t)):
            with st.container(width="content", key=f"step-matrix-{i}"):
                st.latex(rf"\footnotesize {matrix}", width="content")


def readable(name: str, step: Step) -> str:
    """0.weight → W₁, out.0 → z₁."""
    first, _, own = name.partition(".")
    if first == "out":
        return letter(step, int(own))
    below = str(int(first) + 1).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))
    return {"weight": "W", "bias": "b"}.get(own, own) + below
