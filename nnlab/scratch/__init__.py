"""A neural network in plain NumPy, to read and to teach with.

Start with `core.py` (the whole idea, about a hundred lines of code), then `modules.py`, `losses.py` and
`optimizers.py` for more of each kind. `nnlab.engines.numpy_engine` trains any experiment with them.
"""

from nnlab.scratch.network import activations, forward

__all__ = ["activations", "forward"]
