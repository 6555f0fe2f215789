"""What was made for one viewer and is right for all others, kept until there is too much of it.

Streamlit's cache takes a tenth of a millisecond a call and copies what it gives: too dear for two hundred cells a tick.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from threading import Lock
from typing import Any, Generic, TypeVar

Made = TypeVar("Made")


class Kept(Generic[Made]):
    """The `most` things used last, by key. Nobody changes what he is given."""

    def __init__(self, most: int) -> None:
        self._most, self._lock = most, Lock()
        self._things: OrderedDict[Hashable, Made] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """What is kept under a key, made now if it is not."""
        return self.many([key], lambda _: [make()])[0]

    def many(self, keys: Sequence[Hashable], make: Callable[[list[int]], Sequence[Made]]) -> list[Made]:
        """What is kept under each of the keys; `make` is given the places of all that are not, at once."""
        with self._lock:
            found: dict[Hashable, Any] = {key: self._things[key] for key in keys if key in self._things}
            for key in found:
                self._things.move_to_end(key)
        missing = [place for place, key in enumerate(keys) if key not in found]
        if missing:
            made = dict(zip([keys[place] for place in missing], make(missing), strict=True))
            found |= made
            with self._lock:
                self._things.update(made)
                while len(self._things) > self._most:
                    self._things.popitem(last=False)
        return [found[key] for key in keys]
