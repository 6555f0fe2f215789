"""What the command line prints and writes, whatever the terminal: progress, notes, JSON, files."""

import io
import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO, cast

import click


def any_terminal() -> None:
    """Let a terminal that lacks a character, as ≥ in a code page of Windows, show a question mark in its place."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def end_output() -> None:
    """Write what is still to be written; if nobody reads it, leave nothing for Python to complain about at its end."""
    for stream in (sys.stdout, sys.stderr):
        if stream is None:  # closed by the shell
            continue
        try:
            stream.flush()
        except OSError:
            with suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def note(text: str) -> None:
    """A sentence beside the result, on standard error; no command fails because nobody reads it."""
    with suppress(OSError):
        click.echo(text, err=True)


def example(*commands: str) -> str:
    """The end of a command's help."""
    return "\n".join(("\b", "Example:", *(f"  $ nnlab {command}" for command in commands)))


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[str, float], None]]:
    """Yield a function of a label and the share done (0 to 1), which draws a bar on a terminal and otherwise prints the
    label, at most every five seconds."""
    stream = cast(TextIO, _Unread(sys.stderr))
    with click.progressbar(length=1000, label=label, file=stream, width=20, update_min_steps=0) as bar:
        every = 0.1 if stream.isatty() else 5.0
        shown = time.monotonic()

        def show(label: str, share: float) -> None:
            nonlocal shown
            if share < 1 and time.monotonic() - shown < every:
                return
            shown = time.monotonic()
            bar.label = label
            bar.update(round(1000 * share) - bar.pos)

        yield show


class _Unread(io.TextIOBase):
    """A stream that may be closed at its other end: a training goes on when nobody reads its progress."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with suppress(OSError):
            if self._stream is not None:
                self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            if self._stream is not None:
                self._stream.flush()

    def isatty(self) -> bool:
        return self._stream is not None and self._stream.isatty()


def print_json(value: Any) -> None:
    """Print JSON with null for values that are not finite; with escapes for characters that the terminal lacks."""
    finite = json.loads(json.dumps(value), parse_constant=lambda constant: None)
    text = json.dumps(finite, ensure_ascii=False, indent=2)
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(finite, indent=2)
    click.echo(text)


def write(content: bytes | Iterable[bytes], file: Path | None) -> None:
    """Write to a file, or to standard output; what comes in blocks is never whole in memory."""
    blocks = [content] if isinstance(content, bytes) else content
    if file is None:
        if sys.stdout is not None:
            sys.stdout.buffer.writelines(blocks)
            sys.stdout.flush()
        return
    try:
        with file.open("wb") as stream:
            stream.writelines(blocks)
    except OSError as error:
        raise click.ClickException(f"{file} cannot be written: {error.strerror}.") from None
