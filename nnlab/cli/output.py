"""Results to standard output or files, progress and messages to standard error."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import pandas as pd


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


def message(sentence: str) -> None:
    """Print a sentence to standard error."""
    click.echo(sentence, err=True)


def print_json(value: Any) -> None:
    """Print JSON with null for values that are not finite."""
    click.echo(json.dumps(_finite(value), ensure_ascii=False, indent=2, allow_nan=False))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_csv(table: pd.DataFrame, file: Path | None, spanish: bool) -> None:
    """Write a table to a file, or to standard output."""
    from nnlab.export.tables import csv_text

    content = csv_text(table, spanish)
    if file is None:
        sys.stdout.buffer.write(content)
    else:
        write_file(file, content)


def write_file(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as error:
        raise click.ClickException(f"{file} cannot be written: {error.strerror}.") from None
