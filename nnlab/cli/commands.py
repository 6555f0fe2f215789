"""The command line: `nnlab`, also `python -m nnlab`.

Results go to standard output as JSON or CSV, progress to standard error. The exit code is 2 for invalid input and 1 for
other errors; each error is one sentence.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from nnlab import __version__
from nnlab.catalogue.classics import classic_of, classics
from nnlab.catalogue.presets import presets as all_presets
from nnlab.cli.admin import admin
from nnlab.cli.output import any_terminal, end_output, note, print_json, progress_bar, write
from nnlab.cli.output import example as _example
from nnlab.cli.serve import serve
from nnlab.cli.sources import baseline_place, comparison_from, experiment_from, seeds_from
from nnlab.cli.stored import FILE, SPANISH, export, known, runs
from nnlab.settings import SettingsError
from nnlab.spec import Experiment, parse_seeds
from nnlab.spec.errors import SpecError

if TYPE_CHECKING:
    from nnlab.engines.base import Epoch
    from nnlab.engines.compiled_cache import Progress
    from nnlab.store import Run

_SEEDS = "Number of seeds (3 is 0, 1, 2), or the seeds: 0,3,5 or 5-8."
_SET = click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="FIELD=VALUE",
    help="Change a field, as model.hidden=[64,32] or train.lr=0.01, or a knob, as depth=3. May be repeated.",
)


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=_example("train binary --seeds 3"),
)
@click.version_option(__version__, prog_name="nnlab")
def cli() -> None:
    """Experiments on the architecture of neural networks.

    EXPERIMENT is the name of a preset (see `nnlab presets`), a JSON file, or a link copied from the dashboard's
    address bar."""


for one in (admin, export, runs, serve):
    cli.add_command(one)


@cli.command(epilog=_example("presets", "presets --compare"))
@click.option("--compare", "comparisons", is_flag=True, help="The classic comparisons instead, for `nnlab compare`.")
def presets(comparisons: bool) -> None:
    """Print the presets as JSON: name, task, parameters and the whole experiment."""
    shown: dict[str, dict[str, Any]] = {
        name: {"task": one.task, "parameters": one.parameters, "experiment": json.loads(one.to_json())}
        for name, one in all_presets.items()
    }
    if comparisons:
        shown = {
            name: {"title": one.title, "question": one.question, "comparison": one.comparison.plain()}
            for name, one in classics.items()
        }
    print_json(shown)


@cli.group(epilog=_example("data fetch mnist"))
def data() -> None:
    """Data sets that are files."""


@data.command(epilog=_example("data fetch mnist"))
@click.argument("name", type=click.Choice(["mnist"]))
def fetch(name: str) -> None:
    """Download a data set once, verify its checksums and print its folder as JSON."""
    from nnlab.datasets import mnist

    with progress_bar(name) as show:
        folder = mnist.fetch(
            lambda done, total: show(f"{name}: {done / 1e6:.1f} of {total / 1e6:.1f} MB", done / total)
        )
    print_json({name: str(folder)})


@data.command(epilog=_example("data store mnist"))
@click.argument("name", type=click.Choice(["mnist"]))
def store(name: str) -> None:
    """Put the files of a data set into the data base, download them first if necessary, and print their size as JSON.

    Workers and servers with the same NNLAB_DATABASE_URL then need no download."""
    from nnlab.datasets import mnist
    from nnlab.lab import open_lab

    with progress_bar(name) as show:
        folder = mnist.fetch(lambda done, total: show(name, done / total))
    files = {f"{name}/{file.name}": (folder / file.name).read_bytes() for file in mnist.FILES}
    open_lab().store.store_data_files(files)
    print_json({name: {"files": len(files), "megabytes": round(sum(map(len, files.values())) / 1e6, 1)}})


@cli.command(epilog=_example("warm"))
def warm() -> None:
    """Compile the engine ahead of the first run and print the folder of its code as JSON.

    A server does so by itself when it starts; the image of a container can hold the folder."""
    from nnlab.engines.choice import prepare
    from nnlab.engines.compiled_cache import CannotCompile, folder

    with progress_bar("compiled engine") as show:
        try:
            prepare(lambda now: show(_compiled(now), now.done / now.functions))
        except CannotCompile as error:
            raise click.ClickException(f"{error} Runs are trained with the NumPy engine.") from None
    print_json({"compiled": str(folder())})


def _compiled(now: Progress) -> str:
    return f"preparing the compiled engine: {now.done} of {now.functions}"


@cli.command(epilog=_example("train mnist --seeds 3 --set model.hidden=[64,32] --set train.epochs=2"))
@click.argument("experiment")
@click.option("--seeds", metavar="SEEDS", help=_SEEDS + "  [default: those of a link, else 1]")
@_SET
@click.option("--name", default="", help="A name for the run.")
@click.option("--again", is_flag=True, help="Train even if the same run is in the store.")
def train(experiment: str, seeds: str | None, changes: tuple[str, ...], name: str, again: bool) -> None:
    """Train EXPERIMENT under one or more seeds and print its scores as JSON.

    What a seed varies besides the weights is data.per_seed: samples (new ones), split (another one) or weights (nothing
    else).

    The run is saved in the store, where the dashboard and `nnlab export` find it. Ctrl-C ends it after its last whole
    epoch; `nnlab resume` trains on."""
    from nnlab.jobs.limits import check_limits
    from nnlab.jobs.memory import here_bytes
    from nnlab.lab import open_lab

    wanted = experiment_from(experiment, changes)
    chosen = parse_seeds(seeds or seeds_from(experiment, "1"))
    check_limits(wanted, chosen, here_bytes())
    lab = open_lab()
    run = None if again else lab.store.find_finished(wanted, chosen, "local")
    if run is not None:
        note(f"The same run is in the store as {run.id}; --again trains it once more.")
    else:
        with _training(wanted) as on_epoch:
            run = lab.train_here(wanted, chosen, name=name, progress=on_epoch)
    _print_run(run)


@cli.command(epilog=_example("resume RUN"))
@click.argument("run_id", metavar="RUN")
def resume(run_id: str) -> None:
    """Train RUN on, by its id, and print its scores as JSON.

    RUN was interrupted, paused, stopped or failed, or waits in the queue. It continues after its last whole epoch, in
    this process."""
    from nnlab.lab import open_lab

    lab = open_lab()
    run = known(lab, run_id)
    if run.state != "finished":
        with _training(run.experiment) as on_epoch:
            run = lab.resume_here(run_id, on_epoch)
    else:
        note(f"The run {run.id} is finished.")
    _print_run(run)


@contextmanager
def _training(experiment: Experiment) -> Iterator[Callable[[Epoch], None]]:
    """Shows the progress of a training, and after Ctrl-C how to go on; gives what is called after every epoch."""
    from nnlab.engines.choice import working_engine
    from nnlab.lab import Interrupted

    total = experiment.train.epochs
    with progress_bar(f"epoch 0 of {total}") as show:

        def on_epoch(epoch: Epoch) -> None:
            loss = float(epoch.train_loss.mean())
            show(f"epoch {epoch.epoch} of {total}, training loss {loss:.3g}", epoch.epoch / total)

        try:
            working_engine(experiment, lambda now: show(_compiled(now), 0))
            yield on_epoch
        except Interrupted as stop:
            raise _Stopped(f"Stopped. To train on: nnlab resume {stop.run_id}") from None


class _Stopped(click.ClickException):
    """Ctrl-C ended what a command did; the message says how to go on."""

    exit_code = 130


def _print_run(run: Run) -> None:
    """The scores of a finished run; of another one, why it is none."""
    if run.state != "finished":
        raise click.ClickException(run.error or f"The run {run.id} is {run.state} after {run.epoch} epochs.")
    if run.without_numba:
        note("The NumPy engine trained this run: the compiled one needs Numba, which does not work here.")
    results = run.results or {}
    shown = {
        "run": run.id,
        "experiment": json.loads(run.experiment.to_json()),
        "engine": run.engine,
        "seeds": list(run.seeds),
        **({"folds": run.experiment.data.folds} if run.experiment.data.folds else {}),
        "epochs": run.epoch,
        "seconds": run.seconds,
        "parameters": run.parameters,
        "best_epoch": results.get("best_epoch"),
        **{part: results.get(part) for part in ("train", "validation", "test")},
    }
    print_json(shown)


@cli.command(epilog=_example("rates activations --seeds 3"))
@click.argument("experiment")
@click.option("--seeds", metavar="SEEDS", help=_SEEDS + "  [default: those of a link, else 3]")
@_SET
def rates(experiment: str, seeds: str | None, changes: tuple[str, ...]) -> None:
    """Find a learning rate for EXPERIMENT and print the range test as JSON.

    The learning rate grows from step to step, from 1e-6 to 10. The loss before each step, as mean, lowest and highest
    over the seeds, shows where it starts to fall and where it rises. `suggested` is null if it never falls."""
    from nnlab.jobs.limits import check_limits
    from nnlab.jobs.memory import here_bytes
    from nnlab.training.lr_range_test import range_test

    wanted = experiment_from(experiment, changes)
    chosen = parse_seeds(seeds or seeds_from(experiment, "3"))
    check_limits(wanted, chosen, here_bytes())
    test = range_test(wanted, chosen)
    shown = {
        "experiment": json.loads(wanted.to_json()),
        "seeds": list(chosen),
        "suggested": test.suggested,
        "rates": test.rates.tolist(),
        "loss": test.losses.mean(1).tolist(),
        "loss_low": test.losses.min(1).tolist(),
        "loss_high": test.losses.max(1).tolist(),
    }
    print_json(shown)


@cli.command(epilog=_example("compare binary --vary depth=1,2,4,8 --seeds 10 --csv depths.csv"))
@click.argument("source", metavar="EXPERIMENT|COMPARISON")
@click.option("--vary", metavar="KNOB=VALUES", help="As depth=1,2,4,8 or activation=relu,tanh.")
@click.option("--by", metavar="KNOB=VALUES", help="A second knob: each of its values with each value of the first.")
@click.option("--seeds", metavar="SEEDS", help=_SEEDS + "  [default: 5]")
@_SET
@click.option("--baseline", metavar="KNOB=VALUE,...", help="Compare with this cell, as depth=1, instead of the best.")
@click.option(
    "--margin",
    type=click.FloatRange(0, 100, min_open=True),
    metavar="POINTS",
    help="Smaller differences are without importance: in points of accuracy, or in % of the best squared error.  "
    "[default: 1, or 5]",
)
@click.option("--open-test", is_flag=True, help="Show the test scores too: once, after you have chosen by validation.")
@click.option("--csv", type=FILE, help="Write the table here.")
@click.option("--epochs-csv", type=FILE, help="Write every epoch of every seed here.")
@click.option("--markdown", type=FILE, help="Write the table here for a report.")
@click.option("--json", type=FILE, help="Write question and table here; this command runs it again.")
@SPANISH
def compare(
    source: str,
    vary: str | None,
    by: str | None,
    seeds: str | None,
    changes: tuple[str, ...],
    baseline: str | None,
    margin: float | None,
    open_test: bool,
    spanish: bool,
    **files: Path | None,
) -> None:
    """Train an experiment for several values of a knob (or two) and print the table as CSV.

    One row per cell: scores as mean and 95 % interval, gap, best epoch, seconds per epoch, verdict, paired difference
    to the best or to the baseline. The test columns stay empty without --open-test. The finding follows. Instead of
    EXPERIMENT and --vary, give a comparison's JSON file or link, or the name of a classic (see `nnlab presets
    --compare`); its usual outcome is printed at the end.

    Nothing is saved in the store: after Ctrl-C the comparison has to be trained again. The page Compare of the
    dashboard keeps every cell that is trained."""
    from nnlab.jobs.limits import check_comparison
    from nnlab.jobs.memory import here_bytes

    comparison = comparison_from(source, vary, by, seeds, changes)
    place = None if baseline is None else baseline_place(comparison, baseline)
    for file in filter(None, files.values()):
        if not file.resolve().parent.is_dir():
            raise click.UsageError(f"{file}: there is no folder {file.resolve().parent}.")
    check_comparison(comparison, here_bytes())

    from nnlab.comparison.answer_text import AnswerText
    from nnlab.comparison.api import compare as run_comparison
    from nnlab.comparison.findings import FindingText
    from nnlab.comparison.table import epoch_blocks, table_of
    from nnlab.export.tables import comparison_file, csv_blocks, csv_text, in_blocks, markdown_table

    with progress_bar(comparison.vary) as show:
        try:
            result = run_comparison(comparison, progress=show, margin=None if margin is None else margin / 100)
        except KeyboardInterrupt:
            raise _Stopped("Stopped. The cells trained so far are lost: this command keeps none.") from None
    table = table_of(comparison, result.cells, baseline=place, test=open_test)
    write(csv_text(table, spanish), files["csv"])
    if files["epochs_csv"]:
        metrics = (() if cell.metrics is None else in_blocks(cell.metrics) for cell in result.cells)
        write(csv_blocks(epoch_blocks(comparison, metrics), spanish), files["epochs_csv"])
    if files["markdown"]:
        write(markdown_table(table).encode(), files["markdown"])
    if files["json"]:
        write(comparison_file(comparison, table), files["json"])
    if result.answer:
        note(AnswerText(result.answer).sentence())
    finding = FindingText(result.finding)
    for text in filter(None, (finding.sentence(result.answer), finding.basis(result.answer))):
        note(text)
    if classic := classic_of(comparison):
        note(f"What is usually seen: {classic.outcome}")


def run_command(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; errors are one sentence on standard error."""
    from nnlab.datasets.mnist import DatasetUnavailable

    any_terminal()
    try:
        code = cli.main(arguments and list(arguments), prog_name="nnlab", standalone_mode=False)
        end_output()
        return code if isinstance(code, int) else 0
    except (click.Abort, KeyboardInterrupt):
        sentence, code = "Stopped.", 130
    except click.ClickException as error:
        sentence, code = error.format_message(), error.exit_code
    except (SpecError, SettingsError) as error:
        sentence, code = str(error), 2
    except DatasetUnavailable as error:
        sentence, code = " ".join([str(error), *error.hints]), 1
    except SystemExit:  # click's, where nobody reads on, as of `nnlab presets | head`
        end_output()
        return 0
    except OSError as error:
        sentence, code = f"{error.filename or 'The output'}: {error.strerror or error}.", 1
    except Exception as error:
        from nnlab.store import StoreUnavailable  # imported already where it is raised

        if not isinstance(error, StoreUnavailable):
            raise  # a fault of nnlab: its traceback is useful
        sentence, code = f"{error} NNLAB_HOME and NNLAB_DATABASE_URL set where it is.", 1
    note(sentence)
    end_output()
    return code


def main() -> NoReturn:
    """The `nnlab` command."""
    sys.exit(run_command())
