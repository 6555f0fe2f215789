"""The engine one can read: a neural network in plain NumPy.

Start with `core.py` (the whole idea, about a hundred lines of code), then `modules.py`, `losses.py` and
`optimizers.py` for more of each kind, and `training.py` for the engine that trains any experiment with them.
"""

from nnlab.scratch.network import activations, forward

__all__ = ["activations", "forward"]
