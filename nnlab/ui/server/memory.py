"""How the C library keeps memory that the process has freed."""

import ctypes
from contextlib import suppress

M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8  # of mallopt(3)


def return_freed_memory() -> None:
    """Let the C library return large blocks to the system as soon as they are freed (glibc; nothing elsewhere).

    Else each of its arenas, two for every thread that has worked, keeps what arrays have once taken."""
    with suppress(AttributeError, OSError):
        library = ctypes.CDLL(None)
        library.mallopt(M_MMAP_THRESHOLD, 1 << 18)
        library.mallopt(M_ARENA_MAX, 2)
