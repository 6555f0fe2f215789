"""Weights as a safetensors file."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnlab.export.pytorch_code import network_code
from nnlab.spec import Experiment


def safetensors(
    experiment: Experiment, weights: Mapping[str, NDArray[Any]], seed: int = 0, fold: int | None = None
) -> bytes:
    """The weights of one replicate as a safetensors file, for `load_state_dict` of the model of `pytorch_code`.

    The file's metadata hold the experiment (its JSON text), the seed and, where there are folds, the fold. `weight` is
    (inputs, outputs) in nnlab and (outputs, inputs) in the file, as in PyTorch.
    """
    from safetensors.numpy import save

    tensors = {}
    for ours, theirs in network_code(experiment)[1].items():
        values = np.asarray(weights[ours], np.float32)
        tensors[theirs] = np.ascontiguousarray(values.T)
        if theirs.endswith("running_var"):
            tensors[theirs.replace("running_var", "num_batches_tracked")] = np.array(0, np.int64)
    about = {"format": "pt", "experiment": experiment.to_json(), "seed": str(seed)}
    return save(tensors, about if fold is None else about | {"fold": str(fold)})
