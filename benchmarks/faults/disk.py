"""A small disk of our own, which can be filled without harm to the machine's."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

MARK = "NNLAB_BENCHMARK_MOUNTS"  # in the environment of a process whose mounts are its own
SIZE = 600  # MB
CHUNK = bytes(1 << 16)


def with_private_mounts() -> str | None:
    """Start this command again where what it mounts is seen by nobody else and goes with it; why not, if it cannot."""
    if os.environ.get(MARK):
        return None
    if subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode:
        return "a small disk needs Linux, `unshare` and root"
    command = ["unshare", "-m", sys.executable, "-m", "benchmarks.faults", *sys.argv[1:]]
    os.execvpe(command[0], command, {**os.environ, MARK: "1"})


class Disk:
    """A file system of SIZE MB in memory, mounted at `folder`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}m,mode=755", "nnlab", str(folder)], check=True)
        self.folder, self._ballast = folder, folder / "ballast"

    def fill(self) -> None:
        """Leave not one byte free."""
        with suppress(OSError), self._ballast.open("ab", buffering=0) as file:
            while True:
                file.write(CHUNK)

    def free(self) -> None:
        """Give the space back."""
        self._ballast.unlink(missing_ok=True)

    def close(self) -> None:
        """Unmount."""
        subprocess.run(["umount", "-l", str(self.folder)], check=False)
