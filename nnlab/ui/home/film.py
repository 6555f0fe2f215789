"""The film that Home begins with: a small network on moons, trained once a server."""

from functools import cache
from typing import Any

import numpy as np

from nnlab.analysis.film import film
from nnlab.engines.base import METRICS, Weights
from nnlab.training.api import train
from nnlab.training.loop import Training
from nnlab.ui.shared.network_view import Look, shown_as
from nnlab.ui.shared.new_experiment import play_experiment


@cache
def home_film(language: str) -> bytes:
    """The film in a language."""
    return film(*_trained(), id="home", live=False, **shown_as(language, Look(compact=True)))


@cache
def _trained() -> tuple[Any, ...]:
    """What `film` takes: a training with the NumPy engine, in a quarter of a second. It needs no worker, and nothing
    compiled."""
    training = train(play_experiment().set({"train.engine": "numpy"}))
    frames, curves = {0: _only(training)}, []
    for epoch in training:
        frames[epoch.epoch] = _only(training)
        curves.append([epoch.epoch, *(float(getattr(epoch, name)[0]) for name in METRICS)])
    return training.experiment, frames, training.dataset.training_sets[0], np.array(curves)[:, None]


def _only(training: Training) -> Weights:
    """A copy of the weights of its only replicate."""
    return {name: array[0].copy() for name, array in training.weights().items()}
