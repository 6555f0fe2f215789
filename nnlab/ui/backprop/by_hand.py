"""Below the step: a weight changed by hand, two engines on one curve, and why log-sum-exp."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from nnlab.charts.curves import ENGINES, race
from nnlab.charts.training_step import along, along_rows
from nnlab.lab import LimitError
from nnlab.scratch.core import LogSoftmax
from nnlab.scratch.steps import Step, naive_log_softmax, overflow, source
from nnlab.store import Run
from nnlab.ui.backprop.session import Scene, change, set_weight, weights_at
from nnlab.ui.backprop.views import readable
from nnlab.ui.shared.problems import problem_text
from nnlab.ui.shell.frame import Page

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
    large = st.toggle(
        t("Logits of 1,000"),
        key="step-large",
        help=t("A network that is very sure, or badly scaled inputs, gives such numbers."),
    )
    logits = np.array([1000.0, 999.0, 0.0]) if large else np.array([2.0, 1.0, -1.0])
    naive, stable, said = overflow(logits)
    left, right = st.columns(2, gap="medium")
    for column, heading, values, function, complaints in (
        (left, t("As on paper: log(softmax)"), naive, naive_log_softmax, said),
        (right, t("With log-sum-exp"), stable, LogSoftmax.forward, []),
    ):
        with column, st.container(border=True):
            st.markdown(f"**{heading}**")
            x, y = (
                rf"\begin{{bmatrix}} {' & '.join(_raw(v, t) for v in row)} \end{{bmatrix}}" for row in (logits, values)
            )
            st.latex(rf"\begin{{aligned}} x &= {x} \\[4pt] y &= {y} \end{{aligned}}")
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
        t(
            "e to the power of 1,000 is more than a computer's number holds. Taking the largest off first changes "
            "nothing in the result, and no power is above 0."
        )
    )


def _raw(value: float, t: Any) -> str:
    if np.isnan(value):
        return r"\mathrm{nan}"
    if np.isinf(value):
        return r"\infty" if value > 0 else r"-\infty"
    text = f"{value:.4f}".rstrip("0").rstrip(".")
    return str(t.written(text)).replace(",", "{,}")


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
    with left, st.container(key="step-race-picture"):
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
