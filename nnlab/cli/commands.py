"""The command line: `nnlab`, also `python -m nnlab`.

Results go to standard output as JSON or CSV, progress to standard error. Exit code 2 and one sentence for input that
cannot be, 1 for what went wrong on the way.
"""

from __future__ import annotations

import json
import math
import sqlite3
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import parse_qs, urlsplit

import click

from nnlab import __version__
from nnlab.settings import SettingsError
from nnlab.spec.errors import SpecError

if TYPE_CHECKING:
    import pandas as pd

    from nnlab.engines.base import Epoch
    from nnlab.lab import Lab
    from nnlab.spec import Comparison, Experiment
    from nnlab.store import Run

OWNER = "local"


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="nnlab")
def cli() -> None:
    """Experiments on the architecture of neural networks.

    EXPERIMENT is the name of a preset (see `nnlab presets`), a JSON file, or a link copied from the dashboard's
    address bar."""


# -- commands --------------------------------------------------------------------------------------------------------


@cli.command()
@click.option("--compare", "comparisons", is_flag=True, help="The classic comparisons instead, for `nnlab compare`.")
def presets(comparisons: bool) -> None:
    """Print the presets as JSON: name, task, parameters and the whole experiment."""
    from nnlab.catalogue.classics import classics
    from nnlab.catalogue.presets import presets as known

    if comparisons:
        _print_json(
            {
                name: {"title": one.title, "question": one.question, "comparison": one.comparison.plain()}
                for name, one in classics.items()
            }
        )
        return
    about = {
        name: {"task": one.task, "parameters": one.parameters, "experiment": json.loads(one.to_json())}
        for name, one in known.items()
    }
    _print_json(about)


@cli.group()
def data() -> None:
    """Data sets that have to be downloaded."""


@data.command()
@click.argument("name", type=click.Choice(["mnist"]))
def fetch(name: str) -> None:
    """Download a data set once, checked against its sums, and print its folder as JSON."""
    from nnlab.datasets import mnist

    line = ProgressLine()
    folder = mnist.fetch(
        lambda done, total: line.show(f"{name}: {done / 1e6:.1f} of {total / 1e6:.1f} MB", done / total)
    )
    line.close()
    _print_json({name: str(folder)})


_EXPERIMENT = click.argument("experiment", metavar="EXPERIMENT")
_SEEDS = "Number of seeds (3 is 0, 1, 2), or the seeds: 0,3,5 or 5-8."
_SET = click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="FIELD=VALUE",
    help="Change a field, as model.hidden=[64,32] or train.lr=0.01, or a knob, as depth=3. May be repeated.",
)


@cli.command()
@_EXPERIMENT
@click.option("--seeds", default="1", show_default=True, metavar="SEEDS", help=_SEEDS)
@_SET
@click.option("--name", default="", help="A name for the run.")
@click.option("--again", is_flag=True, help="Train even if the same run is in the store.")
def train(experiment: str, seeds: str, changes: tuple[str, ...], name: str, again: bool) -> None:
    """Train EXPERIMENT under one or more seeds and print its scores as JSON.

    The run is kept in the store: the dashboard shows it and `nnlab export` finds it."""
    from nnlab.spec import parse_seeds

    chosen, wanted = parse_seeds(seeds), _experiment(experiment, changes)
    lab = _lab()
    run = None if again else lab.store.find_finished(wanted.key, chosen, OWNER)
    if run is not None:
        _say(f"The same run is in the store as {run.id}; --again trains it once more.")
    else:
        run = _train(lab, wanted, chosen, name)
    _print_json(report(run))


def _train(lab: Lab, experiment: Experiment, seeds: tuple[int, ...], name: str) -> Run:
    line, total = ProgressLine(), experiment.train.epochs

    def show(epoch: Epoch) -> None:
        loss = float(epoch.train_loss.mean())
        line.show(f"epoch {epoch.epoch} of {total}, training loss {loss:.3g}", epoch.epoch / total)

    try:
        run = lab.train_here(experiment, seeds, owner=OWNER, name=name, progress=show)
    finally:
        line.close()
    if run.state != "finished":
        raise click.ClickException(run.error or f"The run {run.id} is {run.state} after {run.epoch} epochs.")
    return run


def report(run: Run) -> dict[str, Any]:
    """What `nnlab train` prints of a finished run."""
    results = run.results or {}
    return {
        "run": run.id,
        "experiment": json.loads(run.experiment.to_json()),
        "engine": run.engine,
        "seeds": list(run.seeds),
        **({"folds": run.experiment.data.folds} if run.experiment.data.folds else {}),
        "epochs": run.epoch,
        "seconds": run.seconds,
        "parameters": run.parameters,
        **{part: results.get(part) for part in ("train", "validation", "test")},
    }


@cli.command()
@_EXPERIMENT
@click.option("--seeds", default="3", show_default=True, metavar="SEEDS", help=_SEEDS)
@_SET
def rates(experiment: str, seeds: str, changes: tuple[str, ...]) -> None:
    """Find a learning rate for EXPERIMENT and print the test as JSON.

    The rate grows from step to step, from 1e-6 to 10; the loss before each step, as mean, lowest and highest of the
    seeds, shows from where on it falls and where it goes up. `suggested` is null where it does not fall."""
    from nnlab.jobs.limits import check_limits
    from nnlab.spec import parse_seeds
    from nnlab.training.lr_range_test import range_test

    chosen, wanted = parse_seeds(seeds), _experiment(experiment, changes)
    check_limits(wanted, chosen)
    test = range_test(wanted, chosen)
    losses = {"loss": test.losses.mean(1), "loss_low": test.losses.min(1), "loss_high": test.losses.max(1)}
    _print_json(
        {
            "experiment": json.loads(wanted.to_json()),
            "seeds": list(chosen),
            "suggested": test.suggested,
            "rates": test.rates.tolist(),
            **{name: values.tolist() for name, values in losses.items()},
        }
    )


_FILE = click.Path(dir_okay=False, path_type=Path)


@cli.command()
@click.argument("source", metavar="EXPERIMENT|COMPARISON")
@click.option("--vary", metavar="KNOB=VALUES", help="As depth=1,2,4,8 or activation=relu,tanh.")
@click.option(
    "--by", metavar="KNOB=VALUES", help="A second knob: every value of the one with every value of the other."
)
@click.option("--seeds", metavar="SEEDS", help=_SEEDS + "  [default: 5]")
@_SET
@click.option("--baseline", metavar="KNOB=VALUE,...", help="Compare with this cell, as depth=1, instead of the best.")
@click.option("--csv", "csv_file", type=_FILE, help="Write the table here.")
@click.option("--epochs-csv", type=_FILE, help="Write every epoch of every seed here.")
@click.option("--markdown", type=_FILE, help="Write the table here for a report.")
@click.option("--json", "json_file", type=_FILE, help="Write question and table here; this command runs it again.")
@click.option("--spanish", is_flag=True, help="CSV for a Spanish Excel: ; and decimal commas.")
def compare(
    source: str,
    vary: str | None,
    by: str | None,
    seeds: str | None,
    changes: tuple[str, ...],
    baseline: str | None,
    csv_file: Path | None,
    epochs_csv: Path | None,
    markdown: Path | None,
    json_file: Path | None,
    spanish: bool,
) -> None:
    """Train an experiment with a knob (or two) set to several values and print the table as CSV.

    One row a cell: scores as mean and 95 % interval over the seeds, gap, best epoch, seconds an epoch, verdict, paired
    difference to the best or to the baseline. In place of EXPERIMENT and --vary: a comparison's JSON file or link, or
    a classic's name (see `nnlab presets --compare`); what is usually seen of it is told afterwards."""
    from nnlab.catalogue.classics import classic_of
    from nnlab.export.tables import comparison_file, markdown_table

    comparison = _comparison(source, vary, by, seeds, changes)
    place = None if baseline is None else _baseline(comparison, baseline)
    for file in (csv_file, epochs_csv, markdown, json_file):
        if file is not None and not file.resolve().parent.is_dir():
            raise click.UsageError(f"{file}: there is no folder {file.resolve().parent}.")

    from nnlab.comparison.api import compare as run_comparison
    from nnlab.comparison.table import table_of

    line = ProgressLine()
    result = run_comparison(comparison, progress=line.show)
    line.close()
    table = result.table if place is None else table_of(comparison, result.cells, baseline=place)
    _write_csv(table, csv_file, spanish)
    if epochs_csv:
        _write_csv(result.epochs, epochs_csv, spanish)
    if markdown:
        _write(markdown, markdown_table(table).encode())
    if json_file:
        _write(json_file, comparison_file(comparison, table))
    _say(str(result.finding))
    if classic := classic_of(comparison):
        _say(f"What is usually seen: {classic.outcome}")


@cli.command()
@click.argument("run_id", metavar="RUN")
@click.option(
    "--as",
    "form",
    type=click.Choice(["script", "notebook", "safetensors", "csv"]),
    required=True,
    help="A Python script or a Jupyter notebook that gives the same numbers, the weights, or every epoch as a table.",
)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="File; else standard output.")
@click.option("--seed", type=int, help="Which replicate's weights (safetensors).  [default: the first]")
@click.option("--fold", default=0, show_default=True, help="Which of its folds, from 0.")
@click.option("--spanish", is_flag=True, help="CSV for a Spanish Excel: ; and decimal commas.")
def export(run_id: str, form: str, out: Path | None, seed: int | None, fold: int, spanish: bool) -> None:
    """Write RUN, by its id, as code, weights or a table."""
    from nnlab.export.notebook import notebook
    from nnlab.export.pytorch_script import script
    from nnlab.export.tables import csv_text

    lab = _lab()
    run = lab.run(run_id)
    if run is None:
        raise click.UsageError(f"RUN: got '{run_id}', allowed is the id of a run in the store (see `nnlab runs`).")
    if form == "csv":
        content = csv_text(lab.metrics(run.id), spanish)
    elif form == "safetensors":
        content = _weights_file(lab, run, seed, fold)
    else:
        if run.state != "finished":
            _say(f"The run is {run.state} at epoch {run.epoch}; the {form} trains all {run.epochs}.")
        make = script if form == "script" else notebook
        content = make(run.experiment, run.seeds).encode()
    if out is not None:
        _write(out, content)
    elif form == "safetensors" and sys.stdout.isatty():
        raise click.UsageError("--out: weights are no text; name a file to write them to.")
    else:
        sys.stdout.buffer.write(content)


def _weights_file(lab: Lab, run: Run, seed: int | None, fold: int) -> bytes:
    from nnlab.export.weights_file import safetensors

    seed, folds = run.seeds[0] if seed is None else seed, max(1, run.experiment.data.folds)
    if seed not in run.seeds:
        raise click.UsageError(f"--seed: got {seed}, allowed is one of {', '.join(map(str, run.seeds))}.")
    if not 0 <= fold < folds:
        raise click.UsageError(f"--fold: got {fold}, allowed is from 0 to {folds - 1}.")
    found = lab.snapshot(run.id)
    if found is None:
        raise click.ClickException(f"The run {run.id} has no weights yet: it is {run.state}.")
    place = run.seeds.index(seed) * folds + fold
    own = {name: values[place] for name, values in found[1].items()}
    return safetensors(run.experiment, own, *run.replicates[place])


@cli.command()
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 10_000), help="At most so many.")
def runs(limit: int) -> None:
    """Print the runs in the store as JSON, newest first."""
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
        for run in _lab().runs(limit=limit)
    ]
    _print_json(listed)


# -- input -----------------------------------------------------------------------------------------------------------


def _experiment(text: str, changes: Sequence[str]) -> Experiment:
    """The experiment a preset's name, a file or a link means, with the changes of --set."""
    from nnlab.catalogue.presets import presets as known

    if text in known:
        experiment = known[text]
    elif "=" in text or "://" in text:
        experiment = _linked(text)
    else:
        experiment = _read(Path(text), known)
    return _changed(experiment, changes)


def _changed(experiment: Experiment, changes: Sequence[str]) -> Experiment:
    """With the changes of --set."""
    from nnlab.spec import KNOBS

    fields: dict[str, Any] = {}
    knobs: dict[str, Any] = {}
    for change in changes:
        field, value = _split("--set", change, "train.lr=0.01")
        (knobs if field in KNOBS else fields)[field] = _value(value)
    experiment = experiment.set(fields)
    for knob, value in knobs.items():
        experiment = experiment.vary(knob, value)
    return experiment


def _comparison(source: str, vary: str | None, by: str | None, seeds: str | None, changes: Sequence[str]) -> Comparison:
    """What the source asks, where it is a comparison, with what the options ask."""
    from nnlab.spec import Comparison

    asked = _asked(source)
    if asked is None and vary is None:
        raise click.UsageError("--vary: it is missing; allowed is a name and values, as depth=1,2,4,8.")
    experiment = _experiment(source, changes) if asked is None else _changed(asked.experiment, changes)
    question = ("vary", "values", "by", "by_values", "seeds")
    query = {name: text for name, text in asked.to_query().items() if name in question} if asked else {}
    for option, values, text in (("vary", "values", vary), ("by", "by_values", by)):
        if text is not None:
            query[option], query[values] = _split(f"--{option}", text, "depth=1,2,4,8")
    if seeds is not None:
        query["seeds"] = seeds
    return Comparison.from_query({**query, **experiment.to_query()})


def _asked(source: str) -> Comparison | None:
    """The comparison that a classic's name, a link or a file means; None where it is none."""
    from nnlab.catalogue.classics import classics
    from nnlab.spec import Comparison

    if source in classics:
        return classics[source].comparison
    if "=" in source or "://" in source:
        params = _params(source)
        return Comparison.from_query(params) if "vary" in params or "values" in params else None
    try:
        content = json.loads(Path(source).read_bytes())
    except (OSError, ValueError):
        return None
    known = isinstance(content, dict) and ("comparison" in content or "experiment" in content)
    return Comparison.from_json(json.dumps(content)) if known else None


def _baseline(comparison: Comparison, text: str) -> int:
    """The place of the cell that `depth=1` or `depth=1,activation=relu` means."""
    from nnlab.comparison.table import place_of
    from nnlab.spec import Comparison

    given = dict(_split("--baseline", part, "depth=1") for part in text.split(","))
    knobs = [knob for knob in (comparison.vary, comparison.by) if knob]
    if set(given) != set(knobs):
        raise click.UsageError(f"--baseline: got '{text}', allowed is a value for {' and for '.join(knobs)}.")
    values = {name: given[knob] for name, knob in zip(("values", "by_values"), knobs, strict=False)}
    asked = comparison.to_query() | values
    try:
        return place_of(comparison, Comparison.from_query(asked).points[0])
    except (SpecError, ValueError) as error:
        raise click.UsageError(f"--{error}" if str(error).startswith("baseline") else str(error)) from None


def _linked(text: str) -> Experiment:
    from nnlab.spec import Experiment

    params = _params(text)
    if not any(name.partition(".")[0] in ("data", "model", "train") for name in params):
        raise click.UsageError("EXPERIMENT: this link carries no experiment (nothing like data.name=moons).")
    return Experiment.from_query(params)


def _params(link: str) -> dict[str, str]:
    query = urlsplit(link).query if "://" in link or "?" in link else link
    return {name: values[-1] for name, values in parse_qs(query, keep_blank_values=True).items()}


def _read(path: Path, known: Mapping[str, Experiment]) -> Experiment:
    from nnlab.spec import Experiment

    try:
        content = path.read_bytes()
    except (OSError, ValueError):
        raise click.UsageError(
            f"EXPERIMENT: got '{path}', allowed is a preset ({', '.join(known)}), a JSON file or a link."
        ) from None
    return Experiment.from_json(content)


def _split(option: str, text: str, example: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise click.UsageError(f"{option}: got '{text}', allowed is a name and a value, as {example}.")
    return name.strip(), value


def _value(text: str) -> Any:
    """JSON where it is, else the text itself: 0.01, [64,32], relu."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _lab() -> Lab:
    from nnlab.lab import open_lab

    return open_lab()


# -- output ----------------------------------------------------------------------------------------------------------


class ProgressLine:
    """Where things are and the time left, on standard error: one line that changes on a terminal, else a line every
    few seconds."""

    def __init__(self) -> None:
        self.began = self.shown = time.monotonic()
        self.terminal = sys.stderr.isatty()
        self.open = False

    def show(self, text: str, share: float) -> None:
        now = time.monotonic()
        if now - self.shown < (0.1 if self.terminal else 5) and share < 1:
            return
        self.shown = now
        left = (now - self.began) * (1 - share) / share if share > 0 else math.inf
        text = f"{100 * share:3.0f} %  {text}" + (f", {_duration(left)} left" if 0 < left < math.inf else "")
        if self.terminal:
            click.echo(f"\r\x1b[K{text}", err=True, nl=False)
            self.open = True
        else:
            click.echo(text, err=True)

    def close(self) -> None:
        if self.open:
            click.echo("\r\x1b[K", err=True, nl=False)
            self.open = False


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _say(sentence: str) -> None:
    click.echo(sentence, err=True)


def _print_json(value: Any) -> None:
    click.echo(json.dumps(_finite(value), ensure_ascii=False, indent=2, allow_nan=False))


def _finite(value: Any) -> Any:
    """The same with null for what is not a number."""
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _write_csv(table: pd.DataFrame, file: Path | None, spanish: bool) -> None:
    from nnlab.export.tables import csv_text

    content = csv_text(table, spanish)
    if file is None:
        sys.stdout.buffer.write(content)
    else:
        _write(file, content)


def _write(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as error:
        raise click.ClickException(f"{file} cannot be written: {error.strerror}.") from None


def run_command(arguments: Sequence[str] | None = None) -> int:
    """Runs a command and gives its exit code; errors are one sentence on standard error."""
    from nnlab.datasets.mnist import DatasetUnavailable

    try:
        code = cli.main(arguments and list(arguments), prog_name="nnlab", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except (click.Abort, KeyboardInterrupt):
        _say("Stopped.")
        return 130
    except click.UsageError as error:
        _say(error.format_message())
        return 2
    except click.ClickException as error:
        _say(error.format_message())
        return 1
    except (SpecError, SettingsError) as error:
        _say(str(error))
        return 2
    except DatasetUnavailable as error:
        _say(" ".join([str(error), *error.hints]))
        return 1
    except OSError as error:
        _say(f"{error.filename or 'A file'}: {error.strerror or error}.")
        return 1
    except Exception as error:
        if not isinstance(error, sqlite3.Error) and not type(error).__module__.startswith("sqlalchemy."):
            raise  # a mistake of nnlab's own: its traceback is wanted
        reason = str(getattr(error, "orig", error)).splitlines()[0]
        _say(f"The store cannot be used: {reason} (NNLAB_HOME and NNLAB_DATABASE_URL say where it is).")
        return 1


def main() -> NoReturn:
    """The `nnlab` command."""
    sys.exit(run_command())
