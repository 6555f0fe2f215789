"""The pieces of the page that shows one training step: controls, network, explanation, checks, and what is below."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from nnlab.charts.training_step import letter, step_network, step_rows
from nnlab.scratch.steps import Stage, Step, finite_differences, formula_line, relative_difference, source
from nnlab.ui.backprop.session import (
    DATA,
    HIDDEN,
    MOST_POINTS,
    MOST_STEPS,
    Scene,
    change,
    last_stage,
    losses_for,
    move,
    start_over,
    take,
    to_loss,
    whole_steps,
)
from nnlab.ui.backprop.words import formula, mark_of, matrices, put_in, sentence, short, title
from nnlab.ui.shared.labels import ACTIVATIONS, LOSSES
from nnlab.ui.shared.labels import DATA as DATA_NAMES
from nnlab.ui.shared.naming import value_name
from nnlab.ui.shell.frame import Page

PICTURE = 610
ALLOWED = {"autograd": 1e-9, "trying": 1e-6}
"""Largest relative difference that is rounding: of double precision, and of finite differences in it."""


# -- what is stepped through ------------------------------------------------------------------------------------------


def setup(page: Page, scene: Scene) -> None:
    """The network and its few points."""
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
            label, low, high, step=by, key=key, format="%d" if whole else "%.6g", on_change=take, args=(name, key),
            help=help_text,
        )  # fmt: skip

    choose("data", t("Data"), DATA, lambda name: t(DATA_NAMES[name]))
    choose("hidden", t("Hidden layers"), HIDDEN, lambda text: t("none") if text == "0" else text.replace("-", " – "))
    choose("activation", t("Activation"), tuple(ACTIVATIONS), lambda name: value_name("model.activation", name, t))
    choose("loss", t("Loss"), losses_for(scene.data), lambda name: t(LOSSES[name]))
    number("points", t("Points"), 1, MOST_POINTS, 1, t("Samples in the batch that is stepped through."))
    number("lr", t("Learning rate"), 1e-5, 10.0, 0.05)
    number("seed", t("Seed"), 0, 2**31 - 1, 1, t("Decides the first weights."))


def summary(page: Page, scene: Scene, step: Step) -> str:
    """The network in a line: XOR · 2 – 3 – 2 · ReLU · 4 points."""
    t = page.t
    widths = [step.x.shape[1], *(layer.width for layer in step.experiment.layers)]
    return " · ".join(
        [
            t(DATA_NAMES[scene.data]),
            " – ".join(map(str, widths)),
            value_name("model.activation", scene.activation, t),
            t(LOSSES[scene.loss]),
            t.many("{n} point", "{n} points", scene.points),
        ]
    )


def controls(page: Page, scene: Scene, step: Step) -> None:
    """Back and forth, the slider of the stages, and the longer jumps."""
    t, last = page.t, last_stage(scene)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="step-controls"):
        st.button(
            t("Back"), icon=":material/arrow_back:", key="step-back", on_click=move, args=(-1,),
            disabled=scene.step == 0 and scene.stage == 0, shortcut="Left",
        )  # fmt: skip
        st.button(
            t("Next"), icon=":material/arrow_forward:", icon_position="right", type="primary", key="step-next",
            on_click=move, args=(1,), disabled=scene.stage == last and scene.step >= MOST_STEPS, shortcut="Right",
        )  # fmt: skip
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
            t("To the loss"), key="step-to-loss", on_click=to_loss, disabled=step.stages[scene.stage].kind == "loss"
        )
        st.button(t("Whole step"), key="step-whole", on_click=whole_steps, args=(1,), disabled=scene.step >= MOST_STEPS)
        st.button(t("10 steps"), key="step-ten", on_click=whole_steps, args=(10,), disabled=scene.step >= MOST_STEPS)
        st.button(
            "", icon=":material/restart_alt:", key="step-over", on_click=start_over, help=t("Start over"),
            disabled=not (scene.step or scene.stage or scene.edits),
        )  # fmt: skip


# -- the picture and what it means ------------------------------------------------------------------------------------


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
            alt=t("The network with the values on it"),
        )
    st.caption(
        t(
            "In a circle: its value for this point; under it, its gradient; b: its bias; on a line: the weight, or on "
            "the way back its gradient. Blue is negative, orange positive."
        )
    )


def explanation(page: Page, scene: Scene, step: Step) -> None:
    """Formula, numbers put in, and the lines of code."""
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
    """The lines of the engine that do this, and where they are."""
    t, own = page.t, [source(function) for function in stage.code]
    where = f"**{own[0].file}, {t('line {n}', n=own[0].line)}**"
    thing: Any = None
    if stage.kind in ("forward", "backward"):
        thing = type(step.chain[stage.part].module)
    elif stage.kind in ("loss", "loss_backward"):
        thing = type(step.loss_function)
    if thing is not None:
        written = formula_line(thing, "forward" if stage.kind in ("forward", "loss") else "backward")
        where += f" · {t('its formula: line {n}', n=written.line)}"
    with st.container(height=48, border=False, key="step-where"):
        st.caption(
            f":material/code: {where}",
            help=t("keep(name, f, …) is f(…), written into memory that is used again at every step."),
        )
    st.code("\n\n".join(one.text for one in own), language="python", height=240, wrap_lines=True)


def all_numbers(page: Page, scene: Scene, step: Step) -> None:
    """Every array of the stage with its shape, for the whole batch."""
    t = page.t
    st.markdown(f"##### {t('All numbers of this stage')}", help=t("A row a point of the batch; under each its shape."))
    with (
        st.container(height=296, border=True, key="step-numbers-strip"),
        st.container(horizontal=True, vertical_alignment="center", gap="medium"),
    ):
        for i, matrix in enumerate(matrices(step.stages[scene.stage], step, t)):
            with st.container(width="content", key=f"step-matrix-{i}"):
                st.latex(rf"\footnotesize {matrix}", width="content")


# -- is it right? -----------------------------------------------------------------------------------------------------


def slip(page: Page, scene: Scene, step: Step) -> None:
    """Expected against got: every gradient beside finite differences and PyTorch's autograd."""
    t = page.t
    st.session_state["step-check"] = scene.check
    opened = st.expander(
        t("Expected against got: are these gradients right?"), icon=":material/fact_check:", key="step-check",
        on_change=lambda: change(check=bool(st.session_state["step-check"])),
    )  # fmt: skip
    if not scene.check:
        return
    with opened:
        st.markdown(
            t(
                "Every gradient of this step once more, in two other ways: by trying (each number a little up and "
                "down, and see what the loss does) and by PyTorch's autograd, in a worker."
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
            (tried[name], t("By trying"), ALLOWED["trying"]),
            (None if theirs is None else theirs[name], "autograd", ALLOWED["autograd"]),
        ):
            if other is None:
                row |= {label: "…", f"{label} ✓": ""}
                continue
            away = relative_difference(ours, other)
            row |= {label: t.number(away, 2), f"{label} ✓": "✓" if away < allowed else "✕"}
        worst = int(np.abs(ours).argmax()) if ours.size else 0
        row[t("Got")] = t.number(float(ours.flat[worst]), 7)
        row[t("Expected (autograd)")] = "…" if theirs is None else t.number(float(theirs[name].flat[worst]), 7)
        rows.append(row)
    table = pd.DataFrame(rows).rename(columns={f"{t('By trying')} ✓": "✓", "autograd ✓": "✓ "})
    with st.container(key="step-slip"):
        st.table(table, hide_index=True, border="horizontal", alt=t("Every gradient against two other ways"))
    st.caption(
        note
        or t(
            "Largest difference relative to the largest number. Rounding: under 1e−6 by trying, 1e−9 for autograd. "
            "Got and expected: the largest number of each."
        )
    )
    if note and not st.session_state.get("step-autograd"):
        st.button(t("Ask again"), key="step-ask-again", icon=":material/refresh:")


def _autograd(page: Page, scene: Scene, step: Step) -> tuple[dict[str, Any] | None, str]:
    """The worker's answer, or None and what to wait for. Never waits."""
    t, state = page.t, st.session_state
    key, answer = state.get("step-autograd") or (None, None)
    if key != scene.numbers or answer is None:
        answer = page.lab.autograd(step.experiment, step.before, step.x, step.t)
        state["step-autograd"] = None if answer is None else (scene.numbers, answer)
    if answer is None:
        return None, t("No worker is up yet to ask PyTorch; it is asked again as soon as one is.")
    if isinstance(answer, dict):
        return answer, ""
    if not answer.done():
        return None, t("A worker is asked for PyTorch's figures; they come as soon as one is free.")
    if answer.status != "finished":
        state["step-autograd"] = None
        return None, t("The worker went away before it answered; it is asked again.")
    state["step-autograd"] = (scene.numbers, answer.result())
    st.rerun()


def _tried(scene: Scene, step: Step) -> dict[str, Any]:
    kept = st.session_state.get("step-tried")
    if kept is None or kept[0] != scene.numbers:
        with np.errstate(all="ignore"):
            kept = st.session_state["step-tried"] = (scene.numbers, finite_differences(step))
    tried: dict[str, Any] = kept[1]
    return tried


def readable(name: str, step: Step) -> str:
    """0.weight → W₁, out.0 → z₁."""
    first, _, own = name.partition(".")
    if first == "out":
        return letter(step, int(own))
    below = str(int(first) + 1).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))
    return {"weight": "W", "bias": "b"}.get(own, own) + below
