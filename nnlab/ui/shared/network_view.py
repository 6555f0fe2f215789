"""The network view: a component that shows a training as a film, and lets the visitor look into it and change weights.

The browser draws it (`nnlab/ui/network_view/`); the server sends the bytes of a film, once for all viewers.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import streamlit as st

from nnlab.analysis.curves import evenly_spaced
from nnlab.analysis.film import BYTES, CURVES, FRAMES, film, thin
from nnlab.analysis.predictions import one_replicate, replicate
from nnlab.charts.colours import CLASSES, DIVERGING, INKS, TRAIN, VALIDATION
from nnlab.datasets import PARTS, Dataset
from nnlab.engines.base import Array, Weights
from nnlab.lab import Lab
from nnlab.store import Run
from nnlab.ui.shared.cache import Cache, once_per_epoch
from nnlab.ui.shared.pictures import available_dataset
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import Text, text

MOST_OTHERS = 20  # other replicates whose borders are drawn
MOST_POINTS = 400  # of a curve
LIVE_FRAMES, LIVE_BYTES = 40, 100_000  # while a run trains, its film is sent at every tick
MOST_PARAMETERS, LIVE_PARAMETERS = 120_000, 10_000
"""Above them two frames of a film have more bytes than it should have."""


@cache
def _component() -> Callable[..., Any]:
    return st.components.v2.component("nnlab.network_view", js="view.js", css="view.css", html="")


class Look(NamedTuple):
    """How a film is shown."""

    start: int | None = None
    """The epoch it rests on; without it a film plays once."""
    charted: bool = True  # whether loss and score are sent and drawn under it
    editable: tuple[int, int] | None = None
    """Buttons add and remove layers and neurons, up to so many layers and neurons a layer."""
    reports: bool = False  # whether the page is told the epoch and the layer
    compact: bool = False


PLAIN = Look()


def network_view(
    page: Page, run: Run, index: int = 0, *, key: str, look: Look = PLAIN, **on: Callable[[], None]
) -> bool:
    """Draws the film of one replicate of a run; False where it cannot be shown: no weights yet, or too many.

    Parameters
    ----------
    on_epoch, on_layer, on_change : callable
        Called when the film rests on another epoch, when a neuron is pinned, and when a button of an editable network
        is pressed; the component's state holds `epoch`, `layer`, `change`.
    """
    data = _film_of(page.lab, run, index, page.t.language, look)
    if data is not None:
        mount(data, key, **on)
    return data is not None


def mount(data: bytes, key: str, **on: Callable[[], None]) -> None:
    """Draws the bytes of a film; `on` as for `network_view`."""
    _component()(key=key, data=data, **{f"{name}_change": call for name, call in on.items()})


def can_film(run: Run) -> bool:
    """Whether the network is small enough for a film: while it trains, every viewer gets it anew each second."""
    return run.experiment.parameters <= (LIVE_PARAMETERS if run.active else MOST_PARAMETERS)


_frames: Cache[Weights | None] = Cache()


@once_per_epoch()
def _film_of(lab: Lab, run: Run, index: int, language: str, look: Look) -> bytes | None:
    experiment = run.experiment
    dataset, stored = _data_of(run, index), lab.snapshot_epochs(run.id)
    if dataset is None or not stored or not can_film(run):
        return None
    most = (LIVE_FRAMES, LIVE_BYTES) if run.active else (FRAMES, BYTES)
    epochs = thin(stored, experiment.parameters, *most)
    frames = _growing(lab, run, epochs, index) if run.active else lab.frames(run.id, epochs, index)
    if run.active and (latest := lab.snapshot(run.id, replicate=index)) and latest[0] > epochs[-1]:
        frames.append(latest)
    own = {epoch: one_replicate(weights, 0) for epoch, weights in frames}
    others = [] if run.active or experiment.data.raw_inputs != 2 else _others(lab, run, index)
    curves = _curves(lab, run, list(own)) if look.charted else None
    more: dict[str, Any] = {
        "id": f"{run.id}-{index}",
        "live": run.active,
        "planned": run.epochs,
        **shown_as(language, look),
    }
    if run.results and run.final_epochs[index] < epochs[-1]:
        more["best"] = _best(run, index)
    return film(experiment, own, dataset, curves, index, others, **more)


def _growing(lab: Lab, run: Run, epochs: Sequence[int], index: int) -> list[tuple[int, Weights]]:
    """As `Lab.frames`, of a run that trains: most frames are those of a second ago."""

    def read(missing: list[int]) -> list[Weights | None]:
        found = dict(lab.frames(run.id, [epochs[place] for place in missing], index))
        return [found.get(epochs[place]) for place in missing]

    weights = _frames.many([(lab, run.id, epoch, index) for epoch in epochs], read)
    return [(epoch, one) for epoch, one in zip(epochs, weights, strict=True) if one is not None]


def _data_of(run: Run, index: int) -> Dataset | None:
    """What one replicate was trained on; None where it would have to be downloaded first."""
    dataset = available_dataset(run.experiment.data, (run.replicates[index].seed,))
    return dataset and replicate({}, dataset, index)[1]


def _best(run: Run, index: int) -> dict[str, Any]:
    """The epoch whose weights a replicate went back to at the end, and their figures on both parts."""
    results = run.results or {}

    def figures(name: str) -> list[float | None]:
        values = [part[name][index] if part else np.nan for part in (results[part] for part in PARTS[:2])]
        return [value if np.isfinite(value) else None for value in values]

    loss = "loss" if run.experiment.score == "accuracy" else "mse"
    return {"epoch": run.final_epochs[index], "loss": figures(loss), "score": figures(run.experiment.score)}


def _curves(lab: Lab, run: Run, frames: Sequence[int]) -> Array:
    """The CURVES (epochs, replicates, 5) at the epochs of the frames, and at so many others that a curve shows its
    shape."""
    some = {place + 1 for place in evenly_spaced(run.epoch, MOST_POINTS)}
    rows = lab.metrics(run.id, epochs=sorted(some.union(frames)))
    return rows[list(CURVES)].to_numpy(float).reshape(-1, len(run.replicates), len(CURVES))


def shown_as(language: str, look: Look) -> dict[str, Any]:
    """What `film` tells the browser beside the training: the words of a language, the colours, and the look."""
    return {"language": language, "words": _words(text(language)), "colours": _colours(), **look._asdict()}


def _others(lab: Lab, run: Run, index: int) -> list[tuple[Weights, Dataset]]:
    """The final weights of some other replicates, each with the data it was trained on."""
    some = [i for i in range(len(run.replicates)) if i != index][:MOST_OTHERS]
    stored = [(lab.snapshot(run.id, replicate=i), _data_of(run, i)) for i in some]
    return [(one_replicate(one[1], 0), own) for one, own in stored if one and own]


def _colours() -> dict[str, Any]:
    def theme(place: int) -> dict[str, Any]:
        ink = {name: pair[place] for name, pair in INKS.items()}
        return {
            "diverging": DIVERGING[place],
            "classes": CLASSES,
            "train": TRAIN,
            "validation": VALIDATION,
            "hair": ink["hair"],
            "inkColour": [int(ink["ink"][k : k + 2], 16) for k in (1, 3, 5)],
            "css": {
                "ink": ink["ink"],
                "faint": ink["faint"],
                "accent": ink["chosen"],
                "wrong": ink["wrong"],
                "train-ink": ink["train"],
                "validation-ink": ink["validation"],
            },
        }

    return {"light": theme(0), "dark": theme(1)}


def _words(t: Text) -> dict[str, str]:
    return {
        "epoch": t("epoch"),
        "loss": t("Loss"),
        "score": t("Accuracy"),
        "train": t("Training"),
        "validation": t("Validation"),
        "log": t("logarithmic"),
        "network": t("The network"),
        "input": t("input"),
        "output": t("output"),
        "layer": t("Layer"),
        "neuron": t("neuron"),
        "picture": t("The chosen picture"),
        "folded": t("+N: N more neurons; only those with the largest weights are drawn."),
        "legend": t("Blue is negative, orange positive. A line is a weight; the thicker, the larger."),
        "squaresPlane": t("A square is what its neuron answers at every point."),
        "squaresLine": t("A square is what its neuron answers along the input."),
        "squaresPicture": t(
            "A square of the first layer shows the weights of the pixels, any other the answer to the chosen picture."
        ),
        "squaresSample": t("A square is what its neuron answers to the first sample."),
        "frozen": t("Dashed lines: frozen layers."),
        "hidden": t("Hidden layers"),
        "change": t("Drag a line, or click a square, to change weights."),
        "band": t("Shaded: the range of all seeds."),
        "weight": t("Weight"),
        "drag": t("Drag up or down to change it"),
        "undo": t("Undo"),
        "play": t("Play the film"),
        "pause": t("Pause"),
        "back": t("One step back"),
        "forward": t("One step forward"),
        "speed": t("Speed"),
        "player": t("Film"),
        "changed": t("You have changed weights here. The run itself is not touched."),
        "best": t("Early stopping: the run ended with the weights of the best epoch, {n}."),
        "measured": t("Loss and accuracy are now of the first {train} training and {validation} validation samples."),
        "close": t("Close"),
        "inputNote": t("An input has no weights of its own."),
        "bias": t("Bias"),
        "from": t("From"),
        "history": t("During training"),
        "weights": t("Weights"),
        "strongest": t("Strongest inputs"),
        "pixel": t("Pixel"),
        "asTable": t("As a table"),
        "unit": t("Neuron"),
        "save": t("Save as"),
        "surface": t("What the network says"),
        "surfaceNote": t(
            "The class it predicts at each point; paler where it is less certain. Filled points: training; rings: "
            "validation."
        ),
        "valueNote": t("Its value at each point: blue below zero, orange above."),
        "others": t("Thin lines: where the other seeds draw the border."),
        "line": t("The fitted line"),
        "lineNote": t("Points: the samples."),
        "diverged": t("The training has diverged: the weights are no numbers any more. Try a smaller learning rate."),
        "pictures": t("Sample pictures"),
        "picturesNote": t("Click a picture to see what every neuron makes of it."),
        "table": t("Right and wrong"),
        "tableNote": t("Rows: true class. Columns: predicted class."),
        "predictedClass": t("predicted class"),
        "probabilities": t("Probabilities of the classes"),
        "fewerLayers": t("One layer less"),
        "moreLayers": t("One layer more"),
        "fewerNeurons": t("One neuron less"),
        "moreNeurons": t("One neuron more"),
    }
