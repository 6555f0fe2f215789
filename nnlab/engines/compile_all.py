"""Compiles the compiled engine and prints its progress for another process: `python -m nnlab.engines.compile_all`."""

from contextlib import suppress

from nnlab.engines.compiled_cache import Preparation
from nnlab.engines.compiled_steps import FUNCTIONS

if __name__ == "__main__":
    with suppress(BrokenPipeError):  # who asked for it has ended
        Preparation(lambda: FUNCTIONS).run(lambda now: print(*now, flush=True))
