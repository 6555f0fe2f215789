"""A neural network in plain NumPy, to read and to teach with.

Start with `core.py`, a complete network in about a hundred lines of code. `modules.py`, `losses.py` and `optimizers.py`
add more of each kind. `nnlab.engines.numpy_engine` trains any experiment with them.
"""

from nnlab.scratch.network import activations, forward

__all__ = ["activations", "forward"]
