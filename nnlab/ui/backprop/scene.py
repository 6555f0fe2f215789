"""The state of the page Backpropagation: network, points, step and stage, in the session and in the link.

A Scene is the whole state. Widgets show it, and change it before the script runs. All numbers follow from it,
so a reload and a link show the same page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Any

import numpy as np
import streamlit as st

from nnlab.datasets import load_dataset
from nnlab.engines.base import Array, targets
from nnlab.engines.random_streams import initial_weights
from nnlab.scratch.steps import Step, few_points, follow
from nnlab.spec import MAX_SEED, Experiment
from nnlab.spec.errors import Problem
from nnlab.ui.shared.labels import CHOICES
from nnlab.ui.shared.widgets import bound

DATA = ("xor", "moons", "circles", "gaussians", "celsius")
HIDDEN = ("0", "2", "3", "4", "2-2", "3-3", "4-4")
ACTIVATIONS = tuple(CHOICES["model.activation"])
MOST_POINTS, MOST_STEPS, MOST_EDITS = 6, 2000, 50
LARGEST_WEIGHT = 1e6  # set by hand
RATES = 1e-5, 10.0  # the lowest and the highest learning rate


@dataclass(frozen=True)
class Edit:
    """A weight changed by hand before step `step` (from 0)."""

    step: int
    name: str
    place: int  # in the array, counted row by row
    value: float

    def __str__(self) -> str:
        return f"{self.step}:{self.name}:{self.place}:{_number(self.value)}"


@dataclass(frozen=True)
class Scene:
    """A network, a few points, and the stage of the step that is shown."""

    data: str = "xor"
    hidden: str = "3"
    activation: str = "relu"
    loss: str = "cross_entropy"
    points: int = 4
    lr: float = 0.5
    seed: int = 0
    step: int = 0
    stage: int = 0
    point: int = 0
    edits: tuple[Edit, ...] = ()
    check: bool = False
    race: str = ""

    @property
    def experiment(self) -> Experiment:
        """The network as an experiment on 200 samples; both engines train it in `engine_race`."""
        return Experiment().set(
            {
                "data.name": self.data,
                "data.scaling": "standard",
                "model.hidden": [int(width) for width in self.hidden.split("-") if width != "0"],
                "model.activation": self.activation,
                "train.optimizer": "sgd",
                "train.lr": self.lr,
                "train.loss": self.loss,
                "train.epochs": 200 if self.data == "celsius" else 60,
            }
        )

    @property
    def numbers(self) -> Scene:
        """The scene with only the fields on which the numbers of the step depend; the others have their defaults."""
        edits = tuple(edit for edit in self.edits if edit.step <= self.step)
        return replace(self, stage=0, point=0, edits=edits, check=False, race="")

    def query(self) -> dict[str, str]:
        """The fields of the link: those that differ from the defaults."""
        changed = {field.name: getattr(self, field.name) for field in fields(self)}
        changed = {name: value for name, value in changed.items() if value != getattr(Scene(), name)}
        return {name: _text(value) for name, value in {"data": self.data, **changed}.items()}


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return ";".join(map(str, value))
    if isinstance(value, bool):
        return "1" if value else "0"
    return _number(value) if isinstance(value, float) else str(value)


def _number(value: float) -> str:
    """The shortest text that is read back as the same number."""
    return f"{value:.6g}" if float(f"{value:.6g}") == value else repr(value)


def from_query(query: Mapping[str, str]) -> tuple[Scene, list[Problem]]:
    """The scene of a link, and the problems of its invalid values, which are ignored."""
    scene, problems = Scene(), []

    def take(name: str, read: Callable[[str], Any], allowed: Callable[[Any], bool], problem: Problem) -> None:
        nonlocal scene
        if name not in query:
            return
        try:
            value = read(query[name])
            if allowed(value):
                scene = replace(scene, **{name: value})
                return
        except ValueError:
            pass
        problems.append(problem)

    def choice(name: str, choices: tuple[str, ...]) -> None:
        take(name, str, choices.__contains__, Problem(name, query.get(name), "choice", choices=choices))

    def number(name: str, low: float, high: float, read: Callable[[str], float] = int) -> None:
        problem = Problem(name, query.get(name), "range", low, high)
        take(name, read, lambda value: low <= value <= high, problem)

    choice("data", DATA)
    scene = usual_for(scene, scene.data)
    choice("hidden", HIDDEN)
    choice("activation", ACTIVATIONS)
    choice("loss", losses_for(scene.data))
    number("points", 1, MOST_POINTS)
    number("lr", *RATES, float)
    number("seed", 0, MAX_SEED)
    number("step", 0, MOST_STEPS)
    number("point", 0, scene.points - 1)
    edits = Problem("edits", query.get("edits"), "type", expected="list")
    take("edits", lambda text: _edits(text, scene), lambda made: len(made) <= MOST_EDITS, edits)
    number("stage", 0, last_stage(scene))
    take("check", lambda text: text == "1", lambda _: True, edits)
    take("race", str, lambda text: len(text) < 60, edits)
    return scene, problems


def _edits(text: str, scene: Scene) -> tuple[Edit, ...]:
    """Raises ValueError if an edit names no weight of this network."""
    shapes = {name: value.size for name, value in initial_weights(scene.experiment, 0).items()}
    made = []
    for one in filter(None, text.split(";")):
        step, name, place, value = one.split(":")
        edit = Edit(int(step), name, int(place), float(value))
        if not (
            0 <= edit.step <= MOST_STEPS and 0 <= edit.place < shapes.get(name, 0) and abs(edit.value) <= LARGEST_WEIGHT
        ):
            raise ValueError(one)
        made.append(edit)
    return tuple(sorted(made, key=lambda edit: edit.step))


def usual_for(scene: Scene, data: str) -> Scene:
    """The scene with another data set and its default loss and learning rate."""
    if data == "celsius":
        return replace(scene, data=data, loss="mse", lr=0.05, points=4)
    return replace(scene, data=data, loss="cross_entropy" if scene.loss == "mse" else scene.loss, lr=0.5)


def losses_for(data: str) -> tuple[str, ...]:
    """The losses that suit the data set."""
    return ("mse",) if data == "celsius" else ("cross_entropy", "bce")


def last_stage(scene: Scene) -> int:
    """The number of the last stage, the update."""
    hidden = 0 if scene.hidden == "0" else scene.hidden.count("-") + 1
    modules = hidden * (1 if scene.activation == "none" else 2) + 1 + (scene.loss == "cross_entropy")
    return 2 * modules + 3


def loss_stage(scene: Scene) -> int:
    """The number of the stage that computes the loss."""
    return (last_stage(scene) - 1) // 2


def batch(scene: Scene) -> tuple[Experiment, Array, Array]:
    """The experiment, the points x (n, inputs) and the targets (n, outputs)."""
    experiment = scene.experiment
    x, y = few_points(load_dataset(experiment), scene.points)
    return experiment, x, targets(experiment, y)


def weights_at(scene: Scene, *, edited: bool = True) -> dict[str, Array]:
    """The weights before step `scene.step`: starting weights rounded to two decimals (easy to check by hand), trained
    step by step, with the visitor's edits (`edited`: those of this step too)."""
    experiment, x, t = batch(scene)
    drawn = initial_weights(experiment, scene.seed)
    weights: dict[str, Array] = {name: np.round(value.astype(float), 2) for name, value in drawn.items()}
    at = 0
    for edit in scene.edits:
        if edit.step > scene.step or (edit.step == scene.step and not edited):
            break
        weights, at = follow(experiment, weights, x, t, scene.lr, edit.step - at), edit.step
        weights[edit.name].flat[edit.place] = edit.value
    return follow(experiment, weights, x, t, scene.lr, scene.step - at)


def step_of(scene: Scene) -> Step:
    """The step with all its numbers."""
    return _step_of(scene.numbers)


@lru_cache(maxsize=128)
def _step_of(scene: Scene) -> Step:
    experiment, x, t = batch(scene)
    with np.errstate(all="ignore"):  # weights that run away are seen in the numbers
        return Step(experiment, weights_at(scene), x, t, scene.lr)


def open_scene(query: Mapping[str, str]) -> tuple[Scene, list[Problem]]:
    """The scene of this visit: from a new link, else the last one of the session."""
    state = st.session_state
    problems: list[Problem] = []
    if "step-scene" not in state or (query and dict(query) != state.get("step-link")):
        state["step-scene"], problems = from_query(query)
    return state["step-scene"], problems


def remember(scene: Scene) -> dict[str, str]:
    """The link of the scene; the session stores it, so that it is not read as a new link."""
    link = st.session_state["step-link"] = scene.query()
    return link


def change(**values: Any) -> None:
    """Change fields of the scene. Another network or other points start at the first step, without edits."""
    scene: Scene = st.session_state["step-scene"]
    if "data" in values:
        scene = usual_for(scene, values["data"])
    scene = replace(scene, **values)
    if set(values) & {"data", "hidden", "activation", "loss", "points", "lr", "seed"}:
        scene = replace(scene, step=0, stage=0, edits=(), race="")
    st.session_state["step-scene"] = replace(
        scene, point=min(scene.point, scene.points - 1), stage=min(scene.stage, last_stage(scene))
    )


def shown(scene: Scene, name: str) -> dict[str, Any]:
    """The options of a widget that shows a field of the scene and changes it."""
    return bound(f"step-{name}", getattr(scene, name), lambda value: change(**{name: value}))


def move(by: int) -> None:
    """Go some stages forward, past the last one into the next step, or back."""
    scene: Scene = st.session_state["step-scene"]
    stages = last_stage(scene) + 1
    place = min(max(scene.step * stages + scene.stage + by, 0), (MOST_STEPS + 1) * stages - 1)
    change(step=place // stages, stage=place % stages)


def whole_steps(n: int) -> None:
    """Go n steps forward, to the update that ends the last of them; the current step counts."""
    scene: Scene = st.session_state["step-scene"]
    last = last_stage(scene)
    change(step=min(MOST_STEPS, scene.step + n - (scene.stage < last)), stage=last)


def set_weight(name: str, place: int, value: float) -> None:
    """Set a weight before this step; edits of later steps are removed."""
    scene: Scene = st.session_state["step-scene"]
    kept = [e for e in scene.edits if e.step <= scene.step and (e.step, e.name, e.place) != (scene.step, name, place)]
    if len(kept) < MOST_EDITS:
        change(edits=(*kept, Edit(scene.step, name, place, float(value))))
