"""The film that Home begins with: a small network on moons, trained once a server."""

from functools import cache

import numpy as np

from nnlab.analysis.film import film
from nnlab.engines.base import Weights
from nnlab.training.api import train
from nnlab.training.loop import Training
from nnlab.ui.shared.network_view import Look, shown_as
from nnlab.ui.shared.new_experiment import play_experiment


@cache
def home_film(language: str) -> bytes:
    """A training with the NumPy engine, in a quarter of a second: it needs no worker, and nothing compiled."""
    training = train(play_experiment().set({"train.engine": "numpy"}))
    frames, curves = {0: _only(training)}, []
    for epoch in training:
        frames[epoch.epoch] = _only(training)
        figures = (epoch.train_loss, epoch.train_score, epoch.validation_loss, epoch.validation_score)
        curves.append([epoch.epoch, *(float(each[0]) for each in figures)])
    look = shown_as(language, Look(compact=True))
    own = training.dataset.training_sets[0]
    return film(
        training.experiment, frames, own, np.array(curves)[:, None], id="home", live=False, planned=len(curves), **look
    )


def _only(training: Training) -> Weights:
    """A copy of the weights of its only replicate."""
    return {name: array[0].copy() for name, array in training.weights().items()}
