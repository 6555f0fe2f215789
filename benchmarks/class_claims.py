"""How often what a class page claims is false, where students choose what to try by what they have seen.

    python -m benchmarks.class_claims [--classes 1000]

Networks of 4 depths are trained on moons under 2,000 seeds. A class of 30 students draws from them, 10 seeds each; the
truth is the mean over all 2,000. Students stop or go on in four ways. Then all is repeated with scores that are alike
for every setting: whatever is claimed is false. Three ways to compare settings: as the class page does
(`nnlab.analysis.incomplete`), by the plain means, and by the mean difference over the seeds that tried both. The exit
code is 1 if the class page makes a false claim in more than 5 % of the classes of a row, or its intervals cover the
truth in less than 93 %.
"""

import sys
from collections.abc import Callable

import click
import numpy as np

from nnlab import Experiment, train
from nnlab.analysis.design import Design
from nnlab.analysis.incomplete import LEAST_SEEDS, Estimated, estimate
from nnlab.analysis.statistics import LEVEL, holm, two_sided
from nnlab.engines.base import Floats

BASE = Experiment().set({"data.per_seed": "samples", "model.activation": "tanh", "train.epochs": 40, "train.lr": 0.02})
DEPTHS, SEEDS, AT_ONCE = (1, 2, 3, 4), 2000, 100
STUDENTS, EACH = 30, 10
Choose = Callable[[np.random.Generator, Floats, Floats], list[int]]
"""Which settings a student tries, of the student's means of all settings and the true ones."""


def trained() -> Floats:
    """Validation accuracies (depths, seeds)."""
    found = []
    for depth in DEPTHS:
        experiment, blocks = BASE.vary("depth", depth), []
        for first in range(0, SEEDS, AT_ONCE):
            scores = train(experiment, range(first, first + AT_ONCE)).result().evaluate("validation")
            blocks.append(scores["accuracy"])
        found.append(np.concatenate(blocks))
    return np.array(found)


def alike(rng: np.random.Generator, common: float) -> Floats:
    """Scores without any difference between the settings; a share of their variance is common to a seed."""
    seed, rest = rng.normal(size=SEEDS), rng.normal(size=(len(DEPTHS), SEEDS))
    scores: Floats = 0.9 + 0.04 * (seed * common**0.5 + rest * (1 - common) ** 0.5)
    return scores - scores.mean(axis=1, keepdims=True) + 0.9


def at_random(rng: np.random.Generator, means: Floats, truth: Floats) -> list[int]:
    return rng.permutation(len(means))[: rng.integers(1, 4)].tolist()


def until_content(rng: np.random.Generator, means: Floats, truth: Floats) -> list[int]:
    """Begins with the task as it is, and tries something else while the result is below the usual one."""
    tried = [0]
    for one in rng.permutation(np.arange(1, len(means))).tolist():
        if max(means[tried]) >= truth.mean():
            break
        tried.append(one)
    return tried


def uphill(rng: np.random.Generator, means: Floats, truth: Floats) -> list[int]:
    """Goes on to a neighbour as long as that is better."""
    tried = [int(rng.integers(len(means)))]
    while near := [i for i in (tried[-1] - 1, tried[-1] + 1) if 0 <= i < len(means) and i not in tried]:
        tried.append(int(rng.choice(near)))
        if means[tried[-1]] < means[tried[-2]]:
            break
    return tried


def once_more(rng: np.random.Generator, means: Floats, truth: Floats) -> list[int]:
    """Tries another one only if the first was worse than it usually is."""
    first = int(rng.integers(len(means)))
    others = [i for i in range(len(means)) if i != first]
    return [first, int(rng.choice(others))] if means[first] < truth[first] else [first]


WAYS: dict[str, Choose] = {
    "at random": at_random,
    "until content": until_content,
    "uphill": uphill,
    "once more after bad luck": once_more,
}


def a_class(rng: np.random.Generator, bank: Floats, choose: Choose) -> Floats:
    """The scores (settings, seeds) of a class, nan where a student has not tried a setting."""
    seen, truth = np.full((len(bank), STUDENTS * EACH), np.nan), bank.mean(axis=1)
    own = rng.permutation(bank.shape[1])[: STUDENTS * EACH].reshape(STUDENTS, EACH)
    for student, seeds in enumerate(own):
        for one in choose(rng, bank[:, seeds].mean(axis=1), truth):
            seen[one, student * EACH : (student + 1) * EACH] = bank[one, seeds]
    return seen[(~np.isnan(seen)).sum(axis=1) >= LEAST_SEEDS]


def claims(estimated: Estimated, truth: Floats, design: Design) -> tuple[bool, list[bool]]:
    """Whether a claim is false, and which differences to the best are covered."""
    best, found = estimated.differences(design)
    pairs = [(one, truth[i] - truth[best]) for i, one in enumerate(found) if one]
    wrong = any(one.distinct and true > -1e-9 for one, true in pairs)
    return wrong, [one.low <= true <= one.high for one, true in pairs]


def plain_claim(seen: Floats, truth: Floats, by_seed: bool) -> bool:
    """Whether a t test of the best mean against the others makes a false claim: of plain means, or seed by seed."""
    best, p, sign = int(np.nanmean(seen, axis=1).argmax()), [], []
    for one in range(len(seen)):
        for other in range(one):
            a, b = seen[one], seen[other]
            both = (a - b)[~np.isnan(a - b)]
            if len(both) < LEAST_SEEDS:
                continue
            parts = [both] if by_seed else [each[~np.isnan(each)] for each in (a, b)]
            mean = both.mean() if by_seed else parts[0].mean() - parts[1].mean()
            variance = sum(each.var(ddof=1) / len(each) for each in parts)
            p.append(two_sided(np.array([mean]), np.array([variance]), min(map(len, parts)) - 1)[0])
            true = truth[one] - truth[other]
            sign.append(best in (one, other) and mean * true <= 1e-12)
    return bool((np.array(sign) & (holm(np.array(p)) < LEVEL)).any()) if p else False


def row(rng: np.random.Generator, bank: Floats, design: Design, choose: Choose, classes: int) -> tuple[float, ...]:
    """False claims, coverage of means and differences as on the class page; false claims of the two plain ways."""
    truth = bank.mean(axis=1)
    wrong, means, pairs, plain, paired = [], [], [], [], []
    for _ in range(classes):
        seen = a_class(rng, bank, choose)
        if len(seen) < len(bank):
            continue
        estimated = estimate(seen)
        over = [estimated.interval(i, design) for i in range(len(seen))]
        means += [one.low <= true <= one.high for one, true in zip(over, truth, strict=True)]
        false, covered = claims(estimated, truth, design)
        wrong.append(false)
        pairs += covered
        plain.append(plain_claim(seen, truth, False))
        paired.append(plain_claim(seen, truth, True))
    return tuple(float(np.mean(one)) for one in (wrong, means, pairs, plain, paired))


@click.command()
@click.option("--classes", default=1000, show_default=True, help="Of every row.")
def main(classes: int) -> None:
    """Print false claims and coverage as Markdown; the exit code is 1 if a target is missed."""
    rng, failed = np.random.default_rng(0), False
    numbers = Design()  # normal numbers, no shares of right answers
    banks = {
        "moons, depth 1 to 4": (trained(), Design.of(BASE, "validation")),
        "no difference": (alike(rng, 0.4), numbers),
        "no difference, hard seeds": (alike(rng, 0.8), numbers),
    }
    click.echo("| | students try | false claims | means covered | differences covered | plain means | seed by seed |")
    click.echo("| --- | --- | ---: | ---: | ---: | ---: | ---: |")
    for name, (bank, design) in banks.items():
        for way, choose in WAYS.items():
            shares = row(rng, bank, design, choose, classes)
            failed |= shares[0] > 0.05 + 2 * (0.05 * 0.95 / classes) ** 0.5 or min(shares[1:3]) < 0.93
            click.echo(f"| {name} | {way} | {' | '.join(f'{100 * share:.1f} %' for share in shares)} |")
    sys.exit(failed)


if __name__ == "__main__":
    main()
