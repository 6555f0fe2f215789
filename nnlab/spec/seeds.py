"""Seeds, and the replicates that a run trains."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from nnlab.spec.errors import Problem, SpecError, whole

MAX_SEED = 2**31 - 1
MAX_SEEDS = 1000


class Replicate(NamedTuple):
    """One of the networks a run trains."""

    seed: int
    fold: int | None  # from 0; None for hold-out


def replicates(seeds: Iterable[int], folds: int) -> tuple[Replicate, ...]:
    """The replicates in the order of every replicate axis: fold after fold, seed by seed."""
    return tuple(Replicate(seed, fold) for seed in seeds for fold in (range(folds) if folds else (None,)))


def seeds_summary(seeds: Sequence[int]) -> str:
    """Seeds in a few words: `10 seeds` for 0 to 9, `seeds 3,7` for others."""
    text = seeds_text(seeds)
    return f"{text} seed{'s' if len(seeds) > 1 else ''}" if text.isdigit() else f"seeds {text}"


def as_seeds(seeds: int | Iterable[int]) -> tuple[int, ...]:
    """The seeds 0 to 9 for `10`, or those of a list. Raises SpecError."""
    if isinstance(seeds, bool) or not isinstance(seeds, (int, Iterable)) or isinstance(seeds, (str, bytes)):
        raise SpecError([Problem("seeds", seeds, "type", expected="number of seeds or a list of seeds")])
    if isinstance(seeds, int):
        return tuple(range(whole("seeds", seeds, 1, MAX_SEEDS)))
    given = tuple(seeds)
    if not 1 <= len(given) <= MAX_SEEDS:
        raise SpecError([Problem("seeds (how many)", len(given), "range", 1, MAX_SEEDS)])
    made = tuple(whole("seeds", seed, 0, MAX_SEED) for seed in given)
    if len(set(made)) < len(made):
        raise SpecError.conflict("seeds", list(made), "seeds_repeat")
    return made


def parse_seeds(text: str) -> tuple[int, ...]:
    """Seeds from text: `10` (0 to 9), `3,7` (these two), `5-8` (5 to 8). Raises SpecError."""
    try:
        # one seed too many is enough to refuse "0-999,0-999,..."
        seeds = int(text) if text.strip().lstrip("-").isdigit() else list(islice(_listed(text), MAX_SEEDS + 1))
    except ValueError:
        expected = "number of seeds, or a list as 0,1,2 or 5-8"
        raise SpecError([Problem("seeds", text, "type", expected=expected)]) from None
    return as_seeds(seeds)


def _listed(text: str) -> Iterator[int]:
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        yield from range(int(first), int(last) + 1) if dash else [int(first)]


def seeds_text(seeds: Sequence[int]) -> str:
    """The shortest text `parse_seeds` reads back."""
    if tuple(seeds) == tuple(range(len(seeds))):
        return str(len(seeds))
    if len(seeds) == 1 or tuple(seeds) == tuple(range(seeds[0], seeds[0] + len(seeds))):
        return f"{seeds[0]}-{seeds[-1]}"
    return ",".join(map(str, seeds))
