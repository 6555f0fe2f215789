"""How often the verdict on a training is the one a person has read off its curves.

    python -m benchmarks.verdicts

Trains the experiments of `benchmarks.verdict_cases` and prints a confusion matrix for the half that the rules were
written with and for the half that was held out, and every case that is judged otherwise. The exit code is 1 where fewer
than 95 % of a half are right.
"""

import sys
from dataclasses import replace
from typing import Any

import click
import numpy as np
import pandas as pd

from benchmarks.verdict_cases import CASES, Case
from nnlab import load_dataset
from nnlab.analysis.diagnosis import Diagnosis, diagnose
from nnlab.analysis.scores import measure_reference
from nnlab.comparison.api import results_of
from nnlab.datasets import Dataset, Part
from nnlab.datasets.base import PARTS
from nnlab.training.api import train

VERDICTS = ("underfits", "fits", "overfits", "unstable", "diverged")
TARGET = 0.95


def data_of(case: Case) -> Dataset:
    """The data of a case; random labels are as many of either class, in random order."""
    dataset = load_dataset(case.experiment, case.seeds)
    if not case.random_labels:
        return dataset
    rng = np.random.default_rng(0)
    tossed = [_tossed(one, rng) for one in dataset.training_sets]
    return replace(tossed[0], sets=tuple(tossed) if dataset.sets else ())


def _tossed(dataset: Dataset, rng: np.random.Generator) -> Dataset:
    parts = {name: getattr(dataset, name) for name in PARTS}
    return replace(
        dataset, **{name: Part(part.x, rng.permutation(np.arange(len(part)) % 2)) for name, part in parts.items()}
    )


def trained(case: Case) -> tuple[Diagnosis, dict[str, Any]]:
    """Train a case: its diagnosis, and its results as a finished run stores them."""
    dataset = data_of(case)
    result = train(case.experiment, case.seeds, dataset=dataset).result()
    results = results_of(result)
    reference = measure_reference(dataset.training_sets) if case.random_labels else None
    return diagnose(result.metrics, results, case.experiment, reference), results


def halves() -> tuple[list[Case], list[Case]]:
    """The cases to write rules with, and those held out: every second one of each kind."""
    seen: dict[str, int] = {}
    split: tuple[list[Case], list[Case]] = [], []
    for case in CASES:
        place = seen.get(case.kind, 0)
        split[place % 2].append(case)
        seen[case.kind] = place + 1
    return split


@click.command()
def main() -> None:
    """Print both confusion matrices and the wrong verdicts."""
    missed = False
    for name, cases in zip(("rules were written with", "held out"), halves(), strict=True):
        with click.progressbar(cases, label=name, file=sys.stderr) as bar:
            verdicts = [trained(case)[0] for case in bar]
        labels = [case.verdict for case in cases]
        found = [one.verdict for one in verdicts]
        share = float(np.mean([label == verdict for label, verdict in zip(labels, found, strict=True)]))
        matrix = pd.crosstab(pd.Series(labels, name="read"), pd.Series(found, name="judged"))
        click.echo(f"\nCases {name}: {len(cases)}, right {100 * share:.1f} % (target {100 * TARGET:.0f} %)")
        click.echo(matrix.reindex(index=VERDICTS, columns=VERDICTS, fill_value=0).to_string())
        for case, one in zip(cases, verdicts, strict=True):
            if one.verdict != case.verdict:
                click.echo(f"  {case.kind}: {case.experiment.summary}: {case.verdict} ({case.reading}),")
                click.echo(f"    judged {one.verdict} ({one.reason})")
        missed |= share < TARGET
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
