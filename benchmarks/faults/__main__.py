"""Runs under random faults: nothing lost, nothing doubled, no gap, every number as without them.

    python -m benchmarks.faults --database sqlite --runs 100 --seed 0
    python -m benchmarks.faults --database postgresql --runs 100 --seed 0

Visitors submit runs of all kinds, pause, resume, stop and extend them, while one fault after the other hits the server
at random moments. Nobody opens a page after the server is started again. In the end every run is compared, bit by bit,
with the same experiment trained without faults. The exit code is 1 if anything is lost, doubled, missing, unequal or
stuck, or if a page showed no sentence.

A full disk needs Linux and root (the data base is then on a small disk in memory); without, that fault is left out.
PostgreSQL must be installed: the command starts its own server.
"""

from __future__ import annotations

import random
import signal
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import click

from benchmarks.faults.check import Verdict, check
from benchmarks.faults.disk import with_private_mounts
from benchmarks.faults.injection import Fault, faults
from benchmarks.faults.machine import Machine
from benchmarks.faults.pages import Readings, read_pages
from benchmarks.faults.visitors import Visitors

PAUSE = (2.0, 12.0)  # seconds between a recovery and the next fault
GIVE_UP = 120.0  # seconds: a fault that is not recovered from until then counts as such


@dataclass
class Report:
    """What happened."""

    counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    recovered: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))  # seconds
    stuck: list[str] = field(default_factory=list)
    pages: Readings = field(default_factory=Readings)


def disturb(machine: Machine, visitors: Visitors, fault: Fault, chance: random.Random, report: Report) -> None:
    """Let one fault happen, and wait until the runs it hit go on."""
    trains = dict(visitors.trains)
    report.counts[fault.name] += 1
    begun = time.monotonic()
    with fault.happen(machine, chance) as pids:
        hit = {run for run, pid in trains.items() if pids is None or pid in pids}
        ends = time.monotonic() + chance.uniform(*fault.lasts)
        if fault.visited:
            shown = next(iter(hit or visitors.runs), None)
            comparison = next(iter(visitors.comparisons[-1:]), None)
            read_pages(machine.service.url, fault.name, shown, comparison, chance, report.pages)
        time.sleep(max(0.0, ends - time.monotonic()))
    passed = begun if fault.lasts[1] == 0 or pids is not None else time.monotonic()
    if hit:
        wait_for_recovery(visitors, fault, hit, passed, report)


def wait_for_recovery(visitors: Visitors, fault: Fault, hit: set[str], since: float, report: Report) -> None:
    """Until one of the runs that were hit has a new epoch, or none of them is to be trained any more."""
    while time.monotonic() - since < GIVE_UP:
        moments = [visitors.wrote[run][0] for run in hit if run in visitors.wrote]
        if any(moment > since for moment in moments):
            report.recovered[fault.name].append(max(moments) - since)
            return
        if not any(run.id in hit for run in visitors.active):
            return
        time.sleep(0.1)
    report.stuck.append(f"{fault.name}: no new epoch of {', '.join(hit)} within {GIVE_UP:.0f} s")


def run_benchmark(machine: Machine, runs: int, seed: int, minutes: float) -> tuple[Report, Verdict, Visitors]:
    """Submit and disturb runs for so many minutes or until all have ended, then compare."""
    chance, report = random.Random(seed), Report()
    machine.service.begin()
    visitors = Visitors(machine.url, runs, random.Random(seed + 1))
    visitors.start()
    possible, end = faults(machine), time.monotonic() + 60 * minutes
    while not visitors.done and time.monotonic() < end + 60 * minutes:
        time.sleep(chance.uniform(*PAUSE))
        if time.monotonic() > end:
            visitors.all_submitted = True  # what has been submitted ends without faults
        elif visitors.active:
            fault = chance.choices(possible, [one.weight for one in possible])[0]
            click.echo(f"{time.strftime('%X')} {fault.name}", err=True)
            disturb(machine, visitors, fault, chance, report)
    visitors.leave()
    verdict = check(visitors.lab.store, visitors.expected())
    visitors.lab.close()
    return report, verdict, visitors


def show(report: Report, verdict: Verdict, visitors: Visitors, seconds: float) -> bool:
    """Print the tables; whether all is as it must be."""
    attempts = sum(run.attempts - 1 for run in visitors.runs.values())
    print(f"{len(visitors.plans)} runs, {sum(report.counts.values())} faults in {seconds / 60:.1f} minutes\n")
    print("| fault | times | recovered, p50 | p95 | pages read |\n| --- | ---: | ---: | ---: | ---: |")
    for name, times in sorted(report.counts.items()):
        took = sorted(report.recovered[name])
        quantiles = [
            f"{took[min(len(took) - 1, int(share * len(took)))]:.1f} s" if took else "–" for share in (0.5, 0.95)
        ]
        print(f"| {name} | {times} | {' | '.join(quantiles)} | {report.pages.read[name]} |")
    took = sorted(second for some in report.recovered.values() for second in some)
    if took:
        p95 = took[int(0.95 * len(took))]
        print(f"\nrecovery: p50 {took[len(took) // 2]:.1f} s, p95 {p95:.1f} s, worst {took[-1]:.1f} s")
    print(f"compared: {verdict.epochs} epochs, {verdict.frames} stored weights; {attempts} attempts more than runs")
    for kind, sentences in (*verdict.wrong.items(), ("not recovered", report.stuck), ("pages", report.pages.wrong)):
        print(f"{kind}: {len(sentences)}")
        for sentence in sentences[:20]:
            print(f"    {sentence}")
    for name, counted in (("alerts on pages", report.pages.alerts), ("errors that visitors met", visitors.refused)):
        print(f"{name}:")
        for what, times in counted.most_common(12):
            print(f"    {times} × {what}")
    return not any(verdict.wrong.values()) and not report.stuck and not report.pages.wrong


@click.command(help=__doc__)
@click.option("--database", type=click.Choice(["sqlite", "postgresql"]), default="sqlite", show_default=True)
@click.option("--runs", default=100, show_default=True, type=click.IntRange(1))
@click.option("--seed", default=0, show_default=True)
@click.option(
    "--minutes",
    default=30.0,
    show_default=True,
    help="Runs are submitted and disturbed for so long; they then have as long again to end.",
)
def main(database: str, runs: int, seed: int, minutes: float) -> None:
    """See the module's text."""
    if refusal := with_private_mounts():
        print(f"left out: a full disk; {refusal}\n")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started is ended
    with tempfile.TemporaryDirectory(prefix="nnlab-faults-") as folder:
        Path(folder).chmod(0o711)
        machine, begun = Machine(Path(folder), database == "postgresql", refusal is None), time.monotonic()
        try:
            report, verdict, visitors = run_benchmark(machine, runs, seed, minutes)
        finally:
            machine.close()
    sys.exit(not show(report, verdict, visitors, time.monotonic() - begun))


if __name__ == "__main__":
    main()
