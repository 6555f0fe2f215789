"""Checkpoints: a training after a complete epoch, as safetensors."""

import json

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from nnlab.engines.base import Array
from nnlab.engines.choice import EngineName
from nnlab.spec import Experiment

STATES = ("state", "state of the second group")
"""The groups of arrays that hold the state of the optimizers."""

PROGRESS = ("best_epoch", "best_loss", "stopped_after")
"""The arrays (replicates,) of early stopping."""

Arrays = dict[str, dict[str, Array]]
"""By group and name: `weights`, `best` (the weights of the best epochs), the STATES, and `""` with the PROGRESS."""


def pack(
    arrays: Arrays,
    experiment: Experiment,
    engine: EngineName,
    seeds: tuple[int, ...],
    epoch: int,
    seconds: float,
) -> bytes:
    """A checkpoint; `unpack` reads it."""
    about = {
        "experiment": experiment.to_json(),
        "engine": engine,
        "seeds": json.dumps(seeds),
        "epoch": str(epoch),
        "seconds": repr(seconds),
    }
    named = {
        f"{group}/{name}" if group else name: np.asarray(array, order="C")
        for group, members in arrays.items()
        for name, array in members.items()
    }
    return save(named, metadata=about)


def unpack(content: bytes, experiment: Experiment, seeds: tuple[int, ...]) -> tuple[EngineName, int, float, Arrays]:
    """Engine, epoch, seconds and arrays. Raises ValueError if the content is not a checkpoint, or was made by another
    experiment (but for its epochs) or with other seeds."""
    arrays: Arrays = {name: {} for name in ("weights", "best", *STATES, "")}
    try:
        about = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"]
        for path, array in load(content).items():
            group, _, name = path.rpartition("/")
            arrays[group][name] = array
        if not arrays["weights"] or not set(PROGRESS) <= set(arrays[""]):
            raise KeyError("arrays are missing")
        made_by, made_with = Experiment.from_store(about["experiment"]), tuple(json.loads(about["seeds"]))
        engine = about.get("engine", made_by.train.engine)  # older experiments named theirs
        epoch, seconds = int(about["epoch"]), float(about["seconds"])
    except (SafetensorError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError("checkpoint: this is not a checkpoint of nnlab.") from error
    if made_by.set({"train.epochs": experiment.train.epochs}) != experiment:
        raise ValueError(
            "checkpoint: it was made by another experiment, allowed is one that differs in train.epochs alone."
        )
    if made_with != seeds:
        raise ValueError(f"checkpoint: it was made with seeds {list(made_with)}, not with {list(seeds)}.")
    return engine, epoch, seconds, arrays
