"""The commands that show and save what is in the store: `nnlab runs`, `nnlab export`."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nnlab.cli.output import example, note, print_json, write
from nnlab.spec.errors import shortened

if TYPE_CHECKING:
    from nnlab.lab import Lab
    from nnlab.store import Run

FILE = click.Path(dir_okay=False, path_type=Path)
SPANISH = click.option("--spanish", is_flag=True, help="CSV for a Spanish Excel: ; and decimal commas.")


def known(lab: Lab, run_id: str) -> Run:
    """The run of an id. Raises click.UsageError."""
    if (run := lab.run(run_id)) is None:
        shown = shortened(run_id)
        raise click.UsageError(f"RUN: got '{shown}', allowed is the id of a run in the store (see `nnlab runs`).")
    return run


@click.command(epilog=example("export RUN --as script --out run.py"))
@click.argument("run_id", metavar="RUN")
@click.option(
    "--as",
    "form",
    type=click.Choice(["script", "notebook", "safetensors", "csv"]),
    required=True,
    help="A Python script or a Jupyter notebook that gives the same numbers, the weights, or every epoch as a table.",
)
@click.option("--out", type=FILE, help="File; else standard output.")
@click.option("--seed", type=int, help="Which replicate's weights (safetensors).  [default: the first]")
@click.option("--fold", default=0, show_default=True, help="Which of its folds, from 0.")
@SPANISH
def export(run_id: str, form: str, out: Path | None, seed: int | None, fold: int, spanish: bool) -> None:
    """Write RUN, by its id, as code, weights or a table."""
    from nnlab.export.notebook import notebook
    from nnlab.export.pytorch_script import script
    from nnlab.export.tables import csv_blocks
    from nnlab.lab import open_lab

    lab = open_lab()
    run = known(lab, run_id)
    if form == "csv":
        content: bytes | Iterable[bytes] = csv_blocks(lab.epoch_blocks(run), spanish)
    elif form == "safetensors":
        content = _weights_file(lab, run, seed, fold)
    else:
        if run.state != "finished":
            note(f"The run is {run.state} at epoch {run.epoch}; the {form} trains all {run.epochs}.")
        content = (script if form == "script" else notebook)(run.experiment, run.seeds).encode()
    if out is None and form == "safetensors" and sys.stdout.isatty():
        raise click.UsageError("--out: weights are not text; name a file to write them to.")
    write(content, out)


def _weights_file(lab: Lab, run: Run, seed: int | None, fold: int) -> bytes:
    from nnlab.analysis.predictions import one_replicate
    from nnlab.export.weights_file import safetensors

    seed, folds = run.seeds[0] if seed is None else seed, max(1, run.experiment.data.folds)
    if seed not in run.seeds:
        raise click.UsageError(f"--seed: got {seed}, allowed is one of {', '.join(map(str, run.seeds))}.")
    if not 0 <= fold < folds:
        raise click.UsageError(f"--fold: got {fold}, allowed is from 0 to {folds - 1}.")
    place = run.seeds.index(seed) * folds + fold
    found = lab.snapshot(run.id, replicate=place)
    if found is None:
        raise click.ClickException(f"The run {run.id} has no weights yet: it is {run.state}.")
    return safetensors(run.experiment, one_replicate(found[1], 0), *run.replicates[place])


@click.command(epilog=example("runs --limit 5"))
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 10_000), help="At most so many.")
def runs(limit: int) -> None:
    """Print the runs in the store as JSON, newest first."""
    from nnlab.lab import open_lab

    listed = [
        {
            "run": run.id,
            "name": run.name,
            "data": run.experiment.data.name,
            "state": run.state,
            "epoch": run.epoch,
            "epochs": run.epochs,
            "seeds": list(run.seeds),
            "parameters": run.parameters,
            "created": run.created.isoformat(timespec="seconds"),
        }
        for run in open_lab().runs(limit=limit)
    ]
    print_json(listed)
