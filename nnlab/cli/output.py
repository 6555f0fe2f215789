"""What the command line prints and writes: progress, JSON, files."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[str, float], None]]:
    """Yield a function of a label and the share done (0 to 1), which draws a bar on a terminal and otherwise prints the
    label, at most every five seconds."""
    with click.progressbar(length=1000, label=label, file=sys.stderr, width=20, update_min_steps=0) as bar:
        every = 0.1 if sys.stderr.isatty() else 5.0
        shown = time.monotonic()

        def show(label: str, share: float) -> None:
            nonlocal shown
            if share < 1 and time.monotonic() - shown < every:
                return
            shown = time.monotonic()
            bar.label = label
            bar.update(round(1000 * share) - bar.pos)

        yield show


def print_json(value: Any) -> None:
    """Print JSON with null for values that are not finite."""
    finite = json.loads(json.dumps(value), parse_constant=lambda constant: None)
    click.echo(json.dumps(finite, ensure_ascii=False, indent=2))


def write(content: bytes, file: Path | None) -> None:
    """Write to a file, or to standard output."""
    if file is None:
        sys.stdout.buffer.write(content)
        return
    try:
        file.write_bytes(content)
    except OSError as error:
        raise click.ClickException(f"{file} cannot be written: {error.strerror}.") from None
