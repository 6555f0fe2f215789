"""The same experiment as its users would write it: the PyTorch loop of the tutorials, scikit-learn, Keras, JAX, and a
network of objects as in TensorFlow Playground.

Each takes a dense ReLU experiment (moons or MNIST, Adam, constant learning rate) and only trains. Those that can be
timed by the epoch are iterators that yield after every epoch, as `nnlab.train` does.
"""

from __future__ import annotations

import json
import os
import subprocess
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from threading import Barrier

import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from nnlab.datasets import load_dataset
from nnlab.spec import Experiment

PLAYGROUND = Path(__file__).with_name("playground.mjs")
ONE_THREAD = {"NPROC": "1", "TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
"""Environment for JAX (XLA reads NPROC) and TensorFlow."""


def tutorial_epochs(experiment: Experiment, seed: int = 0) -> Iterator[None]:
    """As in PyTorch's tutorials: a DataLoader, a Sequential, torch.optim.Adam, `loss.item()` at every step."""
    torch.manual_seed(seed)
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
    for _ in range(train.epochs):
        total = 0.0
        for inputs, targets in loader:
            optimizer.zero_grad()
            loss = loss_function(model(inputs), targets)
            loss.backward()
            optimizer.step()
            total += loss.item()
        yield


def sklearn_fit(experiment: Experiment, seed: int = 0) -> None:
    """MLPClassifier with the same layers, batches and learning rate."""
    data, train = load_dataset(experiment), experiment.train
    model = MLPClassifier(
        experiment.model.widths,
        alpha=0.0,
        batch_size=train.batch_size,
        learning_rate_init=train.lr,
        max_iter=train.epochs,
        n_iter_no_change=train.epochs + 1,
        random_state=seed,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(data.scaling.apply(data.train.x), data.train.y)


def keras_epochs(experiment: Experiment) -> Iterator[None]:
    """`fit` with the same layers, batches and learning rate."""
    import keras

    data, spec = load_dataset(experiment), experiment.train
    binary = experiment.loss == "bce"
    hidden = [keras.layers.Dense(width, activation="relu") for width in experiment.model.widths]
    last = keras.layers.Dense(experiment.outputs, activation="sigmoid" if binary else "softmax")
    model = keras.Sequential([keras.Input((experiment.data.inputs,)), *hidden, last])
    model.compile(
        keras.optimizers.Adam(spec.lr), loss="binary_crossentropy" if binary else "sparse_categorical_crossentropy"
    )
    x, y = data.scaling.apply(data.train.x), data.train.y
    for _ in range(spec.epochs):
        model.fit(x, y, batch_size=spec.batch_size, verbose=0)
        yield


def playground_seconds(experiment: Experiment, models: int) -> list[float]:
    """Seconds of each of several models in Node, by the clock: plain gradient descent, one model after the other."""
    data = load_dataset(experiment)
    job = {
        "x": data.scaling.apply(data.train.x).tolist(),
        "y": (2 * data.train.y - 1).tolist(),
        "depth": experiment.model.depth,
        "width": experiment.model.widths[0],
        "batch": experiment.train.batch_size,
        "epochs": experiment.train.epochs,
        "models": models,
        "rate": 0.03,
    }
    done = subprocess.run(["node", str(PLAYGROUND), json.dumps(job)], capture_output=True, text=True, check=True)
    seconds: list[float] = json.loads(done.stdout)["seconds"]
    return seconds


def installed(package: str) -> bool:
    return find_spec(package) is not None


@contextmanager
def processes(count: int, warm_up: Callable[[], object]) -> Iterator[ProcessPoolExecutor]:
    """New processes of one thread each, which have all called `warm_up`."""
    spawn = get_context("spawn")
    with ProcessPoolExecutor(count, spawn, _prepare, (spawn.Barrier(count), warm_up)) as pool:
        list(pool.map(abs, range(count)))
        yield pool


def _prepare(ready: Barrier, warm_up: Callable[[], object]) -> None:
    os.environ |= ONE_THREAD
    torch.set_num_threads(1)
    warm_up()
    ready.wait()
