"""A film of a training: the weights of one network at many epochs, as bytes from which a browser draws it.

The browser computes the forward passes itself (`nnlab/ui/network_view/network.js`), so that every frame, every
change of a weight and every neuron's picture costs the server nothing.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from nnlab.analysis.curves import evenly_spaced
from nnlab.analysis.predictions import extent
from nnlab.datasets import Dataset, Part
from nnlab.engines.base import METRICS, Array, Weights
from nnlab.spec import DATASETS, Experiment

FRAMES, BYTES = 200, 1_000_000
"""Most frames of a film, and bytes of its weights unless two frames take more."""
SAMPLES = 1000  # of a part, on which the browser measures the loss and which it draws
PICTURES = 15
CURVES = ("epoch", *METRICS)
"""The columns of a film's curves."""
_PIXELS = 100_000  # numbers of the samples of both parts, at most


def thin(epochs: Sequence[int], parameters: int, frames: int = FRAMES, size: int = BYTES) -> list[int]:
    """Of the epochs with weights those that fit a film of so many frames and bytes, evenly spread, with the first and
    the last: at least these two."""
    most = int(np.clip(size // (4 * parameters), 2, frames))
    return [epochs[place] for place in evenly_spaced(len(epochs), most)]


def film(
    experiment: Experiment,
    frames: Mapping[int, Weights],
    dataset: Dataset,
    curves: Array | None = None,
    index: int = 0,
    others: Sequence[tuple[Weights, Dataset]] = (),
    **more: Any,
) -> bytes:
    """The film of one replicate.

    Parameters
    ----------
    frames : mapping of epoch to dict of arrays, without an axis of replicates
        In the order of the epochs, at least one.
    dataset : Dataset
        On which the replicate was trained.
    curves : ndarray (epochs, replicates, 5), optional
        The CURVES of all replicates; of several the film has the lowest and the highest, too.
    index : int
        The place of the replicate.
    others : sequence of (dict of arrays, Dataset)
        The final weights of other replicates, whose borders are drawn faintly, and what each was trained on.
    **more
        What else the browser is told; values that JSON can hold.

    Returns
    -------
    bytes
        The length of the header (uint32, little-endian), the header (JSON, padded with spaces to a multiple of 4), and
        float32 arrays, whose names and lengths `parts` of the header holds. Samples are feature by feature.
    """
    first = next(iter(frames.values()))
    names, inputs = sorted(first), experiment.data.inputs  # one order for all films of a run: a browser keeps places
    parts: dict[str, Array] = {
        "weights": np.concatenate([weights[name].ravel() for weights in frames.values() for name in names]),
        "shift": np.broadcast_to(dataset.scaling.shift, inputs),
        "factor": np.broadcast_to(dataset.scaling.scale, inputs),
        "curves": np.empty((0, 5)) if curves is None else curves[:, index],
    }
    if curves is not None and curves.shape[1] > 1:
        ends = [end.reduce(curves[:, :, 1:], axis=1) for end in (np.fmin, np.fmax)]
        parts["band"] = np.concatenate(ends, axis=1)
    if others:
        parts |= {
            "other_weights": np.concatenate([weights[name].ravel() for weights, _ in others for name in names]),
            "other_shift": np.concatenate([np.broadcast_to(own.scaling.shift, inputs) for _, own in others]),
            "other_factor": np.concatenate([np.broadcast_to(own.scaling.scale, inputs) for _, own in others]),
        }
    samples, counts = _samples(dataset)
    parts = {name: np.ascontiguousarray(array, "<f4").ravel() for name, array in (parts | samples).items()}
    header = {
        "layers": [asdict(layer) for layer in experiment.layers],
        "task": experiment.task,
        "loss": experiment.loss,
        "score": experiment.score,
        "arrays": [[name, first[name].size] for name in names],
        "epochs": list(frames),
        "others": len(others),
        "samples": counts,
        "parts": [[name, array.size] for name, array in parts.items()],
        **_described(dataset),
        **more,
    }
    text = json.dumps(header, ensure_ascii=False).encode()
    text += b" " * (-len(text) % 4)
    return b"".join([len(text).to_bytes(4, "little"), text, *(array.tobytes() for array in parts.values())])


def _samples(dataset: Dataset) -> tuple[dict[str, Array], dict[str, list[int]]]:
    """Some samples of both parts, feature by feature; and how many these are, and how many there are."""
    most = max(1, min(SAMPLES if dataset.image_shape is None else PICTURES, _PIXELS // dataset.raw_inputs))
    arrays: dict[str, Array] = {}
    counts: dict[str, list[int]] = {}
    for name in ("train", "validation"):
        part: Part = getattr(dataset, name)
        some = slice(min(most, len(part)))
        arrays |= {f"{name}_x": np.asarray(part.x[some], np.float32).T, f"{name}_y": np.asarray(part.y[some]).T}
        counts[name] = [len(part.y[some]), len(part)]
    return arrays, counts


def _described(dataset: Dataset) -> dict[str, Any]:
    """What the header says about the data."""
    return {
        "features": list(dataset.input_names) if dataset.image_shape is None else [],
        "axes": list(dataset.feature_names[:2]),
        "terms": list(dataset.scaling.terms),
        "classes": [str(name) for name in dataset.class_names],
        "target": dataset.target_name,
        "image": dataset.image_shape,
        "full": DATASETS[dataset.name].full_scale,
        "extent": [end.tolist() for end in extent(dataset)] if dataset.raw_inputs <= 2 else None,
    }
