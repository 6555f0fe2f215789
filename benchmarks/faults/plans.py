"""What the visitors of the benchmark train, and what they ask of their runs."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nnlab.spec import Comparison, Experiment

KINDS: Mapping[str, tuple[dict[str, Any], int]] = {
    "moons": ({"data.n_samples": 2000, "model.hidden": [8, 8], "train.epochs": 1250}, 10),
    "digits": ({"data.name": "digits", "model.hidden": [64, 32], "train.epochs": 450}, 5),
    "patience": (
        {
            "data.n_samples": 2000,
            "data.noise": 0.4,
            "model.hidden": [16, 16],
            "train.epochs": 1500,
            "train.patience": 350,
            "train.lr": 0.0005,
        },
        8,
    ),
    "folds": ({"data.n_samples": 2000, "data.folds": 5, "model.hidden": [16, 16], "train.epochs": 450}, 3),
    "dropout": (
        {
            "data.n_samples": 5000,
            "model.hidden": [64, 64],
            "train.epochs": 80,
            "model.dropout": 0.1,
            "train.schedule": "cosine",
        },
        3,
    ),
    "torch": ({"train.engine": "torch", "data.n_samples": 1000, "train.epochs": 250}, 3),
    "numpy": ({"train.engine": "numpy", "data.n_samples": 1000, "model.hidden": [16, 16], "train.epochs": 450}, 5),
    "batch norm": (
        {
            "data.n_samples": 2000,
            "data.per_seed": "samples",
            "model.hidden": [16, 16],
            "model.norm": "batch",
            "train.epochs": 750,
        },
        5,
    ),
}
EXTENDABLE = ("moons", "digits", "folds", "torch", "numpy", "batch norm")  # more epochs equal as many from the start
CELLS = {"data.n_samples": 1500, "model.hidden": [12], "train.epochs": 400}
EVERY_COMPARISON = 12  # runs


@dataclass(frozen=True)
class Plan:
    """One run, and what happens to it: `pause` (and resume), `stop`, `extend` or nothing."""

    name: str
    owner: str
    experiment: Experiment
    seeds: tuple[int, ...]
    action: str
    at: float  # the share of its epochs at which the action is requested
    more: int = 0  # epochs

    @property
    def whole(self) -> Experiment:
        """What is trained in the end, unless it is stopped."""
        return self.experiment.set({"train.epochs": self.experiment.train.epochs + self.more})


def plans(runs: int, chance: random.Random) -> Iterator[Plan | tuple[str, str, Comparison]]:
    """So many runs; among them those of comparisons: pairs with (name, owner, comparison) that share two cells."""
    made, names = 0, list(KINDS)
    while made < runs:
        if made % EVERY_COMPARISON == EVERY_COMPARISON - 4 and runs - made >= 4:
            base = Experiment().set(CELLS | {"data.seed": made})
            for values in ((1, 2, 3), (2, 3, 4)):
                yield f"depth {made}", f"owner {made % 7}", Comparison(base, vary="depth", values=values, seeds=6)
            made += 4
            continue
        kind = names[made % len(names)]
        changes, seeds = KINDS[kind]
        action = chance.choice(["", "", "", "pause", "pause", "stop", "extend" if kind in EXTENDABLE else ""])
        experiment = Experiment().set(changes)
        yield Plan(
            f"{kind} {made}",
            f"owner {made % 7}",
            experiment,
            tuple(range(100 * made, 100 * made + seeds)),
            action,
            chance.uniform(0.05, 0.8),
            experiment.train.epochs // 4 if action == "extend" else 0,
        )
        made += 1
