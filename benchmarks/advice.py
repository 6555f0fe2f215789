"""Whether the first piece of advice helps: how often it lowers the validation loss.

    python -m benchmarks.advice

Trains the experiments of `benchmarks.verdict_cases`, applies the first piece of advice against the verdict of each, and
trains again under the same seeds. Counted is whether the validation loss (the training loss where there is no
validation part), as mean over the seeds, is lower; a loss that is not finite counts as infinite. The exit code is 1
where it is lower in fewer than 80 % of the cases of a verdict, or of all.
"""

import sys

import click
import numpy as np
import pandas as pd

from benchmarks.verdict_cases import CASES
from benchmarks.verdicts import trained
from nnlab.analysis.advice import advise
from nnlab.analysis.scores import final_scores

TARGET = 0.8


def loss_of(results: dict[str, object], *parts: str) -> float:
    """The mean loss over the seeds on the first of the parts that has samples; nan where none has."""
    for part in parts:
        if (loss := final_scores(results, part, "loss")).size:
            return float(np.mean(np.where(np.isfinite(loss), loss, np.inf)))
    return np.nan


@click.command()
def main() -> None:
    """Print a table: a row for each piece of advice against a verdict, and those that did not help."""
    rows, worse = [], []
    with click.progressbar(CASES, label="cases", file=sys.stderr) as bar:
        for case in bar:
            diagnosis, before = trained(case)
            advice = advise(diagnosis, case.experiment)
            if advice is None:
                continue
            _, after = trained(case._replace(experiment=case.experiment.set(advice.changes)))
            old, new = (loss_of(one, "validation", "train") for one in (before, after))
            helped, (tested, again) = new < old, (loss_of(one, "test") for one in (before, after))
            rows.append((diagnosis.verdict, str(advice), helped, again < tested if again == again else np.nan))
            if not helped:
                what = f"{case.experiment.summary}: {diagnosis.verdict} ({diagnosis.reason}), {advice}"
                worse.append(f"  {what}: loss {old:.3g} → {new:.3g}")
    table = pd.DataFrame(rows, columns=["verdict", "advice", "validation", "test"]).astype({"test": float})
    shares = {"cases": ("validation", "size"), "validation": ("validation", "mean"), "test": ("test", "mean")}
    verdicts = table.groupby("verdict").agg(**shares)
    click.echo("How often the loss is lower than before, on the validation part and on the test part:\n")
    click.echo(table.groupby(["verdict", "advice"]).agg(**shares).round(2).to_string())
    click.echo(f"\n{verdicts.round(2).to_string()}\n\nall: {len(table)} cases, {table['validation'].mean():.2f}")
    click.echo("\n".join(["Not lower:", *worse]))
    sys.exit(bool((verdicts["validation"] < TARGET).any() or table["validation"].mean() < TARGET))


if __name__ == "__main__":
    main()
