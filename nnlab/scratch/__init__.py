"""The engine one can read: a neural network in plain NumPy.

Start with `core.py` (the whole idea, about a hundred lines of code), then `modules.py`, `losses.py` and
`optimizers.py` for more of each kind, and `training.py` for the engine that trains any experiment with them.
"""

from typing import TYPE_CHECKING, Any

from nnlab.scratch.network import activations, forward

if TYPE_CHECKING:
    from nnlab.scratch.training import NumpyEngine

__all__ = ["NumpyEngine", "activations", "forward"]


def __getattr__(name: str) -> Any:
    if name == "NumpyEngine":  # the forward pass alone needs no data sets
        from nnlab.scratch.training import NumpyEngine

        return NumpyEngine
    raise AttributeError(f"module 'nnlab.scratch' has no attribute {name!r}")
