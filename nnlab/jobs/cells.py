"""The runs of a comparison's cells: found in the store, or queued."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence

from nnlab.comparison.cell_runs import cover
from nnlab.engines.base import ALGORITHM
from nnlab.engines.costs import estimate_seconds
from nnlab.jobs.limits import seeds_that_fit
from nnlab.settings import settings
from nnlab.spec import Comparison, Experiment
from nnlab.store import Store, StoredComparison

SPLIT_FROM = 3.0  # seconds: faster cells are not split


def split_seeds(experiment: Experiment, seeds: Sequence[int]) -> list[Sequence[int]]:
    """The seeds of one cell. Those of a costly cell spread over the workers, a run each; more runs where all seeds of
    one do not fit into memory."""
    runs = settings().workers if estimate_seconds(experiment, len(seeds)) >= SPLIT_FROM else 1
    each = max(1, min(math.ceil(len(seeds) / runs), seeds_that_fit(experiment, len(seeds))))
    return [seeds[start : start + each] for start in range(0, len(seeds), each)]


def missing(store: Store, owner: str, comparison: Comparison, reuse: bool = True) -> Iterator[tuple[Experiment, int]]:
    """The cells for which runs have to be trained: their experiments and the number of their seeds without one."""
    for experiment in comparison.experiments:
        found = store.find_parts(experiment, owner) if reuse else []
        if seeds := cover(comparison.seeds, found)[1]:
            yield experiment, len(seeds)


def new_runs(stored: StoredComparison | None, comparison: Comparison) -> int:
    """The runs that a new version of a stored comparison may queue, at most."""
    before, seeds = stored.comparison if stored else None, comparison.seeds
    more = [seed for seed in seeds if before and seed not in before.seeds]
    cells = zip(comparison.points, comparison.experiments, strict=True)
    return sum(len(split_seeds(one, more if before and point in before.points else seeds)) for point, one in cells)


def queue_cells(
    store: Store, stored: StoredComparison, comparison: Comparison, reuse: bool, wake: Callable[[], None]
) -> None:
    """Find or queue the runs of every cell of `comparison`, the new version of a stored one; `wake` the dispatcher."""
    owner, name, seeds = stored.owner, stored.name, comparison.seeds

    def runs_of(experiment: Experiment, former: Mapping[str, bool]) -> list[tuple[str, bool]]:
        parts, missing = [], list(seeds)
        if reuse:
            found = store.find_parts(experiment, owner)
            found.sort(key=lambda run: (run.id not in former, run.seeds != seeds, run.owner != owner, run.created))
            runs, missing = cover(seeds, found)
            for run in runs:
                own = run if run.owner == owner else store.copy_run(run, owner, name, stored.id)
                if own and own.draft:
                    own = store.keep(own.id, stored.id)
                if own is None:  # it was changed or cancelled at this moment: look again
                    return runs_of(experiment, former)
                parts.append((own.id, former.get(own.id, True)))
        for some in split_seeds(experiment, missing):
            parts.append((store.create_run(experiment, some, owner, name, comparison=stored.id).id, False))
        return parts

    same_seeds = stored.comparison.seeds == seeds
    before = dict(zip(stored.comparison.points, stored.cells, strict=False))  # a new one has no cells yet
    earlier = store.runs(ids=[run_id for cell in stored.cells for run_id, _ in cell], include_deleted=True)
    outdated = {run.id for run in earlier if run.algorithm != ALGORITHM}
    cells: list[Sequence[tuple[str, bool]]] = []
    for point, experiment in zip(comparison.points, comparison.experiments, strict=True):
        parts = before.get(point, ())
        stays = parts and same_seeds and not outdated.intersection(run_id for run_id, _ in parts)
        cells.append(parts if stays else runs_of(experiment, dict(parts)))
        if len(cells) == 1:
            wake()  # the first is trained while the others are queued
    store.set_cells(stored.id, comparison, cells)
    wake()
