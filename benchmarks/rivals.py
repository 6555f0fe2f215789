"""The same experiment in the plain PyTorch loop of the tutorials and in scikit-learn.

Each function takes an experiment (moons or MNIST, Adam, constant learning rate) and returns the seconds of one epoch of
one model: of the fastest of several epochs, or of several fits for scikit-learn, whose epochs cannot be timed. Seconds
are the calling thread's processor time, so PyTorch and BLAS must have one thread.
"""

from __future__ import annotations

import warnings
from time import thread_time as clock

import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from nnlab.datasets import load_dataset
from nnlab.spec import Experiment


def tutorial_epoch(experiment: Experiment, epochs: int) -> float:
    """As in PyTorch's tutorials: a DataLoader, a Sequential, torch.optim.Adam, `loss.item()` at every step."""
    data, train = load_dataset(experiment), experiment.train
    x, y = torch.from_numpy(data.scaling.apply(data.train.x)), torch.tensor(data.train.y)
    binary = experiment.loss == "bce"
    loader = DataLoader(
        TensorDataset(x, y.float()[:, None] if binary else y), batch_size=train.batch_size, shuffle=True
    )
    modules: list[nn.Module] = []
    for layer in experiment.layers:
        modules += [nn.Linear(layer.inputs, layer.width), nn.ReLU()]
    model = nn.Sequential(*modules[:-1])
    loss_function = nn.BCEWithLogitsLoss() if binary else nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=train.lr)
    seconds = []
    for _ in range(1 + epochs):  # the first warms up
        began, total = clock(), 0.0
        for inputs, targets in loader:
            optimizer.zero_grad()
            loss = loss_function(model(inputs), targets)
            loss.backward()
            optimizer.step()
            total += loss.item()
        seconds.append(clock() - began)
    return min(seconds[1:])


def sklearn_epoch(experiment: Experiment, epochs: int, fits: int = 2) -> float:
    """MLPClassifier with the same layers, batches and learning rate."""
    data, train = load_dataset(experiment), experiment.train
    x = data.scaling.apply(data.train.x)
    seconds = []
    for _ in range(fits):
        model = MLPClassifier(
            experiment.model.widths,
            alpha=0.0,
            batch_size=train.batch_size,
            learning_rate_init=train.lr,
            max_iter=epochs,
            n_iter_no_change=epochs + 1,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            began = clock()
            model.fit(x, data.train.y)
        seconds.append((clock() - began) / model.n_iter_)
    return min(seconds)
