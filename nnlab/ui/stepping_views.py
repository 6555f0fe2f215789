"""The pieces of the page that shows one training step: controls, network, explanation, checks, and what is below."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from nnlab.charts.steps import ENGINES, along, along_rows, race, step_network, step_rows
from nnlab.lab import LimitError
from nnlab.scratch.core import LogSoftmax
from nnlab.scratch.steps import (
    Stage,
    Step,
    finite_differences,
    formula_line,
    naive_log_softmax,
    overflow,
    relative_difference,
    source,
)
from nnlab.store import Run
from nnlab.ui.frame import Page
from nnlab.ui.labels import ACTIVATIONS, LOSSES, choice_name, problem_text
from nnlab.ui.labels import DATA as DATA_NAMES
from nnlab.ui.stepping import (
    DATA,
    HIDDEN,
    MOST_POINTS,
    MOST_STEPS,
    Scene,
    change,
    last_stage,
    losses_for,
    move,
    set_weight,
    start_over,
    take,
    to_loss,
    weights_at,
    whole_steps,
)
from nnlab.ui.stepping_words import formula, mark_of, matrices, put_in, sentence, short, title

PICTURE = 540
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
    choose("activation", t("Activation"), tuple(ACTIVATIONS), lambda name: choice_name("model.activation", name, t))
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
            choice_name("model.activation", scene.activation, t),
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
        with st.container(width="stretch"):
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
            t("Point"), range(scene.points), key="step-point", format_func=lambda i: t("Point {n}", n=i + 1) if i == 0 else str(i + 1),
            required=True, on_change=take, args=("point", "step-point"), label_visibility="collapsed", width="content",
        )  # fmt: skip
        st.markdown(
            f"{t('Loss of the batch')} **{short(step.loss, t) if scene.stage >= (last_stage(scene) - 1) // 2 else '…'}**",
            width="content",
        )
    st.vega_lite_chart(
        step_rows(step, scene.stage, scene.point, lambda value: short(value, t)),
        step_network(labels=page.words, height=PICTURE),
        key="step-network",
        alt=t("The network with the values on it"),
    )
    st.caption(
        t("In a circle: its value for this point; under it, its gradient; b: its bias; on a line: the weight, or on the way back its gradient. Blue is negative, orange positive.")
    )  # fmt: skip


def explanation(page: Page, scene: Scene, step: Step) -> None:
    """Formula, numbers put in, and the lines of code."""
    t, stage = page.t, step.stages[scene.stage]
    with st.container(height=112, border=False, key="step-words"):
        st.markdown(f"##### {title(stage, step, t)}")
        st.markdown(sentence(stage, t))
    with st.container(height=98, border=False, key="step-formula"):
        st.latex(formula(stage))
    with st.container(height=186, border=True, key="step-put-in"):
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
    st.markdown(
        f":material/code: {where}",
        help=t("keep(name, f, …) is f(…), written into memory that is used again at every step."),
    )
    st.code("\n\n".join(one.text for one in own), language="python", height=240, wrap_lines=True)


def all_numbers(page: Page, scene: Scene, step: Step) -> None:
    """Every array of the stage with its shape, for the whole batch."""
    t = page.t
    st.markdown(f"##### {t('All numbers of this stage')}", help=t("A row a point of the batch; under each its shape."))
    with st.container(height=190, border=True, key="step-numbers-strip"):
        st.latex(r"\footnotesize " + r" \quad ".join(matrices(step.stages[scene.stage], step, t)))


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
        row: dict[str, Any] = {t("Gradient"): f"∂L/∂{readable(name, step)}", t("Shape"): "×".join(map(str, ours.shape))}
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
    st.dataframe(table, hide_index=True, height=36 * len(rows) + 38, alt=t("Every gradient against two other ways"))
    st.caption(
        note
        or t("Largest difference relative to the largest number. Rounding: under 1e−6 by trying, 1e−9 for autograd. Got and expected: the largest number of each.")
    )  # fmt: skip
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
    from nnlab.charts.steps import letter

    first, _, own = name.partition(".")
    if first == "out":
        return letter(step, int(own))
    below = str(int(first) + 1).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))
    return {"weight": "W", "bias": "b"}.get(own, own) + below


# -- a weight by hand -------------------------------------------------------------------------------------------------


def by_hand(page: Page, scene: Scene, step: Step) -> None:
    """Choose a weight, change it, watch the loss; the gradient is the slope of the curve where it stands."""
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
            t("Value"), step=0.1, format="%.4f", key="step-value", on_change=set_weight, args=(name, place, "step-value")
        )  # fmt: skip
        touched = any(edit.step == scene.step for edit in scene.edits)
        untouched = step.loss_at(weights_at(scene, edited=False)) if touched else step.loss
        st.metric(
            t("Loss of the batch"),
            t.number(step.loss, 4),
            t.number(step.loss - untouched, 3) if touched else " ",
            delta_color="inverse" if touched else "off",
            delta_arrow="auto" if touched else "off",
            help=t("Before this step; the change is against the weights as they were before your hand."),
        )
        st.button(
            t("Undo all changes by hand"), key="step-undo", icon=":material/undo:", disabled=not scene.edits,
            on_click=lambda: change(edits=()),
        )  # fmt: skip
    with right:
        slope = float(step.gradients[name].flat[place])
        middle = round(value) if np.isfinite(value) else 0
        index = tuple(int(i) for i in np.unravel_index(place, step.before[name].shape))
        values = np.linspace(middle - 2.5, middle + 2.5, 61)
        with np.errstate(all="ignore"):
            losses = step.loss_along(name, index, values.tolist())
        st.vega_lite_chart(
            along_rows(values, losses, value, step.loss, slope),
            along(labels=page.words, height=250),
            key="step-along",
            alt=t("The loss against the value of this weight"),
        )
        st.caption(
            t(
                "The loss if only this weight were different. The dashed line has the slope {slope}: that is its "
                "gradient. Going down means going left where it is positive.",
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


# -- why log-sum-exp --------------------------------------------------------------------------------------------------


def large_logits(page: Page) -> None:
    """Log-softmax as on paper beside the log-sum-exp trick."""
    t = page.t
    st.markdown(f"#### {t('Why log-sum-exp?')}")
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        large = st.toggle(t("Logits of 1,000"), key="step-large", help=t("A network that is very sure, or badly scaled inputs, gives such numbers."))  # fmt: skip
    logits = np.array([1000.0, 999.0, 0.0]) if large else np.array([2.0, 1.0, -1.0])
    naive, stable, said = overflow(logits)
    left, right = st.columns(2, gap="medium")
    for column, heading, values, function, complaints in (
        (left, t("As on paper: log(softmax)"), naive, naive_log_softmax, said),
        (right, t("With log-sum-exp"), stable, LogSoftmax.forward, []),
    ):
        with column, st.container(border=True):
            st.markdown(f"**{heading}**")
            shown = r" & ".join(_raw(v, t) for v in values)
            given = r" & ".join(_raw(v, t) for v in logits)
            st.latex(rf"\begin{{aligned}} x &= \begin{{bmatrix}} {given} \end{{bmatrix}} \\[4pt] y &= \begin{{bmatrix}} {shown} \end{{bmatrix}} \end{{aligned}}")  # fmt: skip
            if complaints:
                kinds = {
                    "overflow": t("overflow"),
                    "invalid value": t("invalid value"),
                    "divide by zero": t("divide by zero"),
                }
                st.markdown(f":red[:material/warning: NumPy: {', '.join(kinds.get(c, c) for c in complaints)}]")
            elif np.isfinite(values).all():
                st.markdown(f":green[:material/check: {t('All finite.')}]")
            lines = source(function)
            st.markdown(f":material/code: {lines.file}, {t('line {n}', n=lines.line)}")
            st.code(lines.text, language="python", height=210, wrap_lines=True)
    st.caption(
        t("e to the power of 1,000 is more than a computer's number holds. Taking the largest off first changes nothing in the result, and no power is above 0.")
    )  # fmt: skip


def _raw(value: float, t: Any) -> str:
    if np.isnan(value):
        return r"\mathrm{nan}"
    if np.isinf(value):
        return r"\infty" if value > 0 else r"-\infty"
    text = f"{value:.4f}".rstrip("0").rstrip(".")
    return text.replace(".", "{,}") if t.language == "es" else text


# -- two engines ------------------------------------------------------------------------------------------------------


def engines(page: Page, scene: Scene) -> None:
    """Both engines from the same weights on the same batches."""
    t = page.t
    st.markdown(f"#### {t('Two engines, one curve')}")
    st.markdown(
        t(
            "This network, trained on all the data by PyTorch and by the NumPy code above: the same first weights, the "
            "same batches, plain gradient descent."
        )
    )
    runs = racers(page, scene)
    st.button(
        t("Train both"), icon=":material/sports_score:", key="step-race", on_click=start_race, args=(page, scene),
        disabled=bool(runs) and any(run.active for run in runs),
    )  # fmt: skip
    if refused := st.session_state.pop("step-refused", None):
        st.error(refused, icon=":material/block:")
    live = any(run.active for run in runs)
    st.fragment(_race, run_every=0.7 if live else None)(page, scene, live)


def start_race(page: Page, scene: Scene) -> None:
    """Submits both runs; what has been trained before is there at once."""
    made = []
    try:
        for engine in ("torch", "numpy"):
            experiment = scene.experiment.set({"train.engine": engine})
            made.append(page.lab.submit(experiment, (scene.seed,), owner=page.owner).id)
        change(race=",".join(made))
    except LimitError as error:
        st.session_state["step-refused"] = problem_text(error.problems[0], page.t)


def racers(page: Page, scene: Scene) -> list[Run]:
    """The two runs of the scene, PyTorch first; none where they are of another network."""
    found = [run for run in map(page.lab.run, filter(None, scene.race.split(","))) if run is not None]
    wanted = [scene.experiment.set({"train.engine": engine}) for engine in ("torch", "numpy")]
    return found if [run.experiment for run in found] == wanted else []


def _race(page: Page, scene: Scene, live: bool) -> None:
    t, runs = page.t, racers(page, scene)
    if live and not any(run.active for run in runs):
        st.rerun()
    epochs = scene.experiment.train.epochs
    rows = pd.DataFrame({"epoch": [], **{name: [] for name in ENGINES}}, dtype=float)
    if runs:
        curves = [
            page.lab.curves(run.id)[["epoch", "train_loss"]].rename(columns={"train_loss": name})
            for run, name in zip(runs, ENGINES, strict=True)
        ]
        rows = curves[0].merge(curves[1], on="epoch", how="outer")
    left, right = st.columns([4, 1], gap="medium", vertical_alignment="center")
    with left:
        st.vega_lite_chart(
            rows,
            race(epochs, labels=page.words),
            key="step-race-chart",
            alt=t("Training loss of both engines by epoch"),
        )
    with right:
        for i, name in enumerate(ENGINES):
            done = bool(runs) and runs[i].state == "finished"
            st.metric(
                name, _milliseconds(runs[i].seconds, t) if done else "–", help=t("Time of training, without waiting.")
            )
        both = rows.dropna()
        apart = float((both[ENGINES[0]] - both[ENGINES[1]]).abs().max()) if len(both) else float("nan")
        st.metric(t("Largest distance"), t.number(apart, 2), help=t("Of the two losses, over all epochs."))
    if not runs:
        st.caption(t("Train both, and the two curves grow here."))
    elif any(run.state == "failed" for run in runs):
        st.caption(t("One of the two broke off; try another learning rate."))
    elif page.lab.trouble and live:
        st.caption(t("No worker can be reached now; the runs start as soon as one can."))
    else:
        st.caption(t("PyTorch is the broad line, NumPy the dashed one upon it."))


def _milliseconds(seconds: float, t: Any) -> str:
    return f"{t.whole(1000 * seconds)} ms" if seconds < 0.95 else str(t.seconds(seconds))
