"""Both engines trained from the same weights on the same batches, their losses in one chart."""

import pandas as pd
import streamlit as st

from nnlab.charts.curves import ENGINES, engine_losses
from nnlab.spec import Experiment
from nnlab.store import Run
from nnlab.ui.backprop.scene import Scene, change
from nnlab.ui.shared.problems import refusals, show_refusal
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import Text
from nnlab.ui.shell.ticks import live
from nnlab.ui.shell.trouble_text import trouble_text


def engine_race(page: Page, scene: Scene) -> None:
    """Train with both engines from the same weights on the same batches."""
    t = page.t
    st.markdown(f"#### {t('Two engines, one curve')}", anchors=False)
    st.markdown(
        t(
            "PyTorch and the NumPy code above train this network on all the data: the same starting weights, "
            "the same batches, plain gradient descent."
        )
    )
    racing = any(run.active for run in racers(page, scene))
    st.button(
        t("Train with both"),
        icon=":material/sports_score:",
        key="step-race",
        on_click=start_race,
        args=(page, scene),
        disabled=racing,
    )
    show_refusal()
    live(_race, 0.7 if racing else None)(page, scene, racing)


def start_race(page: Page, scene: Scene) -> None:
    """Submit both runs; stored results of the same experiment are reused."""
    with refusals(page):
        made = [page.lab.submit(experiment, (scene.seed,), owner=page.owner).id for experiment in _entries(scene)]
        change(race=",".join(made))


def racers(page: Page, scene: Scene) -> list[Run]:
    """The two runs of the scene, PyTorch first; none if they belong to another network."""
    found = [run for run in map(page.lab.run, filter(None, scene.race.split(","))) if run is not None]
    return found if [run.experiment for run in found] == _entries(scene) else []


def _entries(scene: Scene) -> list[Experiment]:
    return [scene.experiment.set({"train.engine": engine}) for engine in ("torch", "numpy")]


def _race(page: Page, scene: Scene, racing: bool) -> None:
    t, runs = page.t, racers(page, scene)
    if racing and not any(run.active for run in runs):
        st.rerun()
    losses = [page.lab.curves(run.id).set_index("epoch")["train_loss"] for run in runs]
    rows = pd.DataFrame(dict(zip(ENGINES, losses, strict=False)), columns=ENGINES, dtype=float)
    left, right = st.columns([4, 1], gap="medium", vertical_alignment="center")
    with left, st.container(key="step-race-picture"):
        st.vega_lite_chart(
            rows.rename_axis("epoch").reset_index(),
            engine_losses(scene.experiment.train.epochs, labels=page.words),
            key="step-race-chart",
            alt=t("Training loss of both engines by epoch"),
        )
    with right:
        for i, name in enumerate(ENGINES):
            done = bool(runs) and runs[i].state == "finished"
            seconds = _milliseconds(runs[i].seconds, t) if done else "–"
            st.metric(name, seconds, help=t("Training time, without the time in the queue."))
        apart = float((rows["PyTorch"] - rows["NumPy"]).abs().max())
        st.metric(t("Largest difference"), t.number(apart, 2), help=t("Between the two losses, over all epochs."))
    if not runs:
        st.caption(t("Press the button: both curves appear here."))
    elif any(run.state == "failed" for run in runs):
        st.caption(t("One of the two trainings failed; try another learning rate."))
    elif (trouble := page.lab.trouble) and racing:
        st.caption(trouble_text(trouble, t))
    else:
        st.caption(t("PyTorch is the wide line, NumPy the dashed line on top of it."))


def _milliseconds(seconds: float, t: Text) -> str:
    return f"{t.whole(1000 * seconds)} ms" if seconds < 0.95 else t.seconds(seconds)
