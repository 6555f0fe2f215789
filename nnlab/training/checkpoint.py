"""Checkpoints: what a training needs to continue, as safetensors."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from nnlab.engines.base import Array
from nnlab.spec import Experiment

STATES = ("state", "state of the second group")
"""The groups of arrays that hold the state of the optimizers."""


@dataclass(frozen=True)
class Checkpoint:
    """A training after a complete epoch."""

    experiment: Experiment
    seeds: tuple[int, ...]
    folds: int
    epoch: int
    seconds: float
    arrays: dict[str, dict[str, Array]]
    """By group and name: `weights`, `best` (the weights of the best epochs), the STATES, and `""` with `best_epoch`,
    `best_loss` and `stopped_after`."""

    def to_bytes(self) -> bytes:
        """As safetensors."""
        about = {
            "experiment": self.experiment.to_json(),
            "seeds": json.dumps(self.seeds),
            "folds": str(self.folds),
            "epoch": str(self.epoch),
            "seconds": repr(self.seconds),
        }
        named = {
            f"{group}/{name}" if group else name: np.asarray(array, order="C")
            for group, arrays in self.arrays.items()
            for name, array in arrays.items()
        }
        return save(named, metadata=about)

    @classmethod
    def from_bytes(cls, content: bytes) -> Checkpoint:
        """Raises ValueError if the content is not a checkpoint."""
        arrays: dict[str, dict[str, Array]] = {name: {} for name in ("weights", "best", *STATES, "")}
        try:
            about = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"]
            for name, array in load(content).items():
                group, slash, rest = name.partition("/")
                arrays[group if slash else ""][rest if slash else name] = array
            if not arrays["weights"] or not {"best_epoch", "best_loss", "stopped_after"} <= set(arrays[""]):
                raise KeyError("arrays are missing")
            seeds, folds = tuple(json.loads(about["seeds"])), int(about.get("folds", 0))
            experiment = Experiment.from_json(about["experiment"])
            return cls(experiment, seeds, folds, int(about["epoch"]), float(about["seconds"]), arrays)
        except (SafetensorError, KeyError, TypeError, ValueError) as error:
            raise ValueError("checkpoint: this is not a checkpoint of nnlab.") from error

    def check(self, experiment: Experiment, seeds: tuple[int, ...], folds: int) -> None:
        """Raises ValueError if it was made by another experiment, or with other seeds or folds."""
        if self.experiment.set({"train.epochs": experiment.train.epochs}) != experiment:
            raise ValueError(
                "checkpoint: it was made by another experiment, allowed is one that differs in train.epochs alone."
            )
        if self.seeds != seeds:
            raise ValueError(f"checkpoint: it was made with seeds {list(self.seeds)}, not with {list(seeds)}.")
        if self.folds != folds:
            raise ValueError(f"checkpoint: it was made with {self.folds} folds, not with {folds}.")
