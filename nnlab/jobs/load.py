"""What the workers of a scheduler do, for all servers that use it, read from the names of their tasks."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple
from uuid import uuid4

# the beginnings of the names of tasks: what trains runs, what is short, and what only says how many runs wait
RUN, SHORT, MORE = "nnlab-run", "nnlab-short", "nnlab-more"


def new_key(kind: str) -> str:
    """The name of a new task."""
    return f"{kind}-{uuid4().hex}"


class Load(NamedTuple):
    """The tasks that workers have, whichever server submitted them."""

    runs: Counter[str]  # tasks that train, by the worker's address
    short: frozenset[str]  # the addresses of the workers that have short tasks
    n_short: int

    @classmethod
    def of(cls, tasks: Mapping[str, Iterable[Any]], own_runs: Mapping[str, str], own_short: Collection[str]) -> "Load":
        """From the names of the tasks of each worker, and those of this server, which the scheduler may not know yet:
        what trains with its worker's address."""
        known = {str(key): address for address, keys in tasks.items() for key in keys}
        runs = {key: address for key, address in known.items() if key.startswith(RUN)} | dict(own_runs)
        short = {key: address for key, address in known.items() if key.startswith(SHORT)}
        return cls(Counter(runs.values()), frozenset(short.values()), len(short.keys() | set(own_short)))
