"""Whether there is room on the disk for what is to be trained."""

from collections.abc import Iterable

from nnlab.jobs.limits import LimitError
from nnlab.settings import settings
from nnlab.spec import Experiment
from nnlab.spec.errors import Problem
from nnlab.store import Store
from nnlab.store.budget import stored_bytes


def check_space(store: Store, owner: str, jobs: Iterable[tuple[Experiment, int]]) -> None:
    """Raise LimitError if new runs, by experiment and number of seeds, would not fit what their owner or the whole
    store may hold; runs that are still to be trained count as large as they will be."""
    needed = sum(stored_bytes(experiment, n_seeds) for experiment, n_seeds in jobs)
    if not needed:  # all of it is there
        return
    allowed = settings()
    for whose, used, most in (
        ("visitor", store.used(owner) + store.promised(owner), allowed.max_visitor_mb),
        ("store", store.bytes_on_disk(), allowed.max_store_mb),
    ):
        if used + needed > most * 1e6:
            raise LimitError([Problem("disk", needed, "space", used, most * 1e6, expected=whose)])
