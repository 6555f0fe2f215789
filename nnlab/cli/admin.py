"""`nnlab admin`: what whoever runs a server does with its store."""

from collections import Counter
from pathlib import Path
from typing import Any

import click

from nnlab.cli.output import example, print_json
from nnlab.cli.people import classes, users

DAY = 86400.0


@click.group(epilog=example("admin prune --dry-run"))
def admin() -> None:
    """Look after the store of a server (NNLAB_HOME or NNLAB_DATABASE_URL)."""


for one in (users, classes):
    admin.add_command(one)


@admin.command(epilog=example("admin status"))
def status() -> None:
    """Print how the server is as JSON: workers, runs, queue, disk and memory, and sentences about what is wrong.

    The server itself is asked if its environment has NNLAB_METRICS. Without that the store is read: only workers that
    train are known then. The exit code is 1 if the server cannot do its work."""
    from nnlab.jobs.machine import ask_server, read_machine
    from nnlab.lab import open_lab
    from nnlab.settings import settings

    address = settings().metrics
    shown = (ask_server(address) if address else None) or read_machine(open_lab().store, {}, 0, None).plain()
    print_json(shown)
    if not shown.get("ok", True):
        raise click.exceptions.Exit(1)


@admin.command(epilog=example("admin prune --dry-run", "admin prune --older-than 30"))
@click.option(
    "--older-than",
    type=click.FloatRange(min=0),
    metavar="DAYS",
    help="One age for all, however small the store is.  [default: the ages of the settings]",
)
@click.option("--dry-run", is_flag=True, help="Only print what would be removed.")
def prune(older_than: float | None, dry_run: bool) -> None:
    """Remove what is deleted or old and print what that frees as JSON.

    A server does so every hour. Removed are deleted runs and comparisons, drafts of Play, checkpoints of stopped runs,
    and some of the snapshots of runs that have not changed for a day (of a store above 500 MB; the last weights stay).
    The store can be used meanwhile."""
    from nnlab.lab import open_lab
    from nnlab.store import Retention

    store = open_lab().store
    keep = None if older_than is None else Retention.older_than(older_than * DAY)
    before, runs, freed = store.bytes_on_disk(), Counter[str](), Counter[str]()
    for step in store.prune(keep, dry_run=dry_run):
        runs[step.what] += step.runs
        freed[step.what] += step.bytes
    shown: dict[str, Any] = {
        what: {"runs": runs[what], "megabytes": _megabytes(freed[what])}
        for what in ("deleted", "drafts", "checkpoints", "snapshots")
    }
    print_json(shown | {"store": {"before": _megabytes(before), "after": _megabytes(store.bytes_on_disk())}})


@admin.command(epilog=example("admin vacuum"))
def vacuum() -> None:
    """Write the data base anew, as small as what it holds, and print its size in megabytes as JSON.

    Files of earlier versions need it once; newer ones shrink by themselves. Stop the server first; the disk must have
    room for a second file."""
    from nnlab.lab import open_lab

    store = open_lab().store
    before = store.bytes_of_files()
    store.vacuum()
    print_json({"before": _megabytes(before), "after": _megabytes(store.bytes_of_files())})


@admin.command(epilog=example("admin backup nnlab-backup.db"))
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def backup(file: Path) -> None:
    """Write everything in the store into FILE and print the number of runs as JSON.

    The store may be SQLite or PostgreSQL, and may be used meanwhile; FILE has it as it is at this moment, and can be
    restored into either."""
    from nnlab.lab import open_lab
    from nnlab.store.backup import backup as write_backup

    runs = write_backup(open_lab().store, file)
    print_json({"backup": str(file), "runs": runs, "megabytes": _megabytes(file.stat().st_size)})


@admin.command(epilog=example("admin restore nnlab-backup.db"))
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def restore(file: Path) -> None:
    """Read the backup FILE into an empty store and print the number of runs as JSON.

    A backup of an earlier version is brought up to date on the way. Runs that were waiting or running continue."""
    from nnlab.lab import open_lab
    from nnlab.store.backup import NotEmpty
    from nnlab.store.backup import restore as read_backup

    try:
        runs = read_backup(open_lab().store, file)
    except NotEmpty:
        raise click.ClickException(
            "The store is not empty: name an empty one by NNLAB_HOME or NNLAB_DATABASE_URL."
        ) from None
    print_json({"restored": str(file), "runs": runs})


@admin.command(epilog=example("admin check"))
def check() -> None:
    """Look for what is damaged, left over or unreadable in the store, and print a sentence for each thing found.

    The exit code is 1 if anything was found. It reads the whole store, which may be used meanwhile."""
    from nnlab.lab import open_lab
    from nnlab.store.check import check as find

    found = 0
    for sentence in find(open_lab().store):
        found += 1
        click.echo(sentence)
    if found:
        raise click.exceptions.Exit(1)
    click.echo("Nothing is wrong with the store.")


def _megabytes(size: float) -> float:
    return round(size / 1e6, 1)
