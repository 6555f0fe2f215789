"""How often live pages are drawn again: all pages of the server share half a core, so with many of them each waits
longer.

What a tick costs is measured, so the same holds for whatever the pages show. Each dashboard counts its own pages.
"""

from collections.abc import Callable
from functools import wraps
from math import ceil
from threading import Lock
from time import monotonic, perf_counter, thread_time
from typing import Any, NamedTuple, ParamSpec

import streamlit as st
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.scriptrunner_utils.script_run_context import ThreadState

from nnlab.ui.shell.text import Text

SHARE = 0.5  # of a core, for all ticks together: Python runs one thread at a time
AROUND = 2.0  # what a tick costs the server with its messages, in times of what drawing it costs
USUAL = 0.005  # seconds of a core, before any tick of a kind was measured
MOST = 5.0  # times what a tick has cost so far: one that also imports modules makes no page wait
ROOM = 1.25  # by how much ticks are rarer than they must be, so that they need not change soon
SHARED = 0.45  # of the time between two ticks: a page is at most half a tick late
GONE = 3.0  # ticks that a page has missed when it no longer counts, and as many seconds
What = ParamSpec("What")


class Part(NamedTuple):
    """A part of a page that is drawn again and again."""

    kind: str  # the function that draws it
    last: float  # when it was drawn
    least: float  # seconds between two ticks while few pages are open


class Pace:
    """The live parts of all pages of this process, and by how much their ticks are stretched.

    What a tick takes is measured for each function that draws, so that a page's first tick is paced as those of others.

    Attributes
    ----------
    stretch : float
        1 while the least times between two ticks are kept, 4 if all of them are four times as long.
    on_tick : list of callable
        Each is called with the seconds that a tick has taken, as a visitor sees them.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self.stretch = 1.0
        self.on_tick: list[Callable[[float], None]] = []
        self._parts: dict[tuple[str, str], Part] = {}  # by session and fragment
        self._costs: dict[str, float] = {}  # seconds of a core that a tick takes, by kind
        self._clock, self._lock = clock, Lock()

    def every(self, least: float) -> float:
        """Seconds between two ticks now."""
        seconds = least * self.stretch
        return round(seconds, 1) if seconds < 3 else float(ceil(seconds))

    def shared(self, least: float) -> int:
        """The present period: what was read in it serves all pages. The longer the time between two ticks, the longer a
        period, so that with many pages as many as before draw the same, which is computed once."""
        return int(self._clock() / max(0.9 * least, SHARED * self.every(least)))

    @property
    def pages(self) -> int:
        """How many pages are open."""
        with self._lock:
            return len({session for session, _ in self._present()})

    def drawn(self, session: str, part: str, kind: str, least: float, cost: float | None = None) -> None:
        """A part of a page was drawn. `cost` is what that took of a core in seconds; None for the first time, which
        takes longer than a tick."""
        with self._lock:
            if cost is not None:
                last = self._costs.get(kind, USUAL)
                self._costs[kind] = 0.9 * last + 0.1 * min(cost, MOST * last)
            self._parts[session, part] = Part(kind, self._clock(), least)
            self._parts = parts = self._present()
            wanted = AROUND * sum(self._costs.get(one.kind, USUAL) / one.least for one in parts.values()) / SHARE
            if wanted > self.stretch or wanted * ROOM**2 < self.stretch:
                self.stretch = max(1.0, ROOM * wanted)

    def forget(self, session: str) -> None:
        """A page is drawn anew: its former parts are gone."""
        with self._lock:
            self._parts = {key: one for key, one in self._parts.items() if key[0] != session}

    def _present(self) -> dict[tuple[str, str], Part]:
        now = self._clock()
        return {k: one for k, one in self._parts.items() if now - one.last < GONE * (1 + self.stretch * one.least)}


pace = Pace()
"""That of this process."""


def live(draw: Callable[What, float | None], least: float | None) -> Callable[What, Any]:
    """`draw` as a fragment that is drawn again every `least` seconds, or less often while many pages are open; None:
    only once. What `draw` returns, if anything, is the least time from then on."""
    if least is None:
        return st.fragment(draw)
    kind = f"{draw.__module__}.{draw.__qualname__}"
    now = {"least": least, "every": pace.every(least)}

    @wraps(draw)
    def tick(*args: What.args, **kwargs: What.kwargs) -> None:
        used, began = thread_time(), perf_counter()
        try:
            now["least"] = draw(*args, **kwargs) or now["least"]
        finally:
            context, part = get_script_run_ctx(), ThreadState.get().fragment_id
            if context is not None and part is not None:
                ticks = bool(context.fragment_ids_this_run)
                cost = thread_time() - used if ticks else None
                pace.drawn(context.session_id, part, kind, now["least"], cost)
                for observer in pace.on_tick if ticks else ():
                    observer(perf_counter() - began)
                if (every := pace.every(now["least"])) != now["every"]:
                    now["every"] = every
                    _tell(context, part, every)

    return st.fragment(tick, run_every=now["every"])


def _tell(context: Any, part: str, every: float) -> None:
    """Have the browser tick at another pace from now on. `run_every` alone can be set once only."""
    message = ForwardMsg()
    message.auto_rerun.fragment_id, message.auto_rerun.interval = part, every
    context.enqueue(message)


def forget_page() -> None:
    """Call it where a page begins."""
    if (context := get_script_run_ctx()) is not None and not context.fragment_ids_this_run:
        pace.forget(context.session_id)


def pace_words(t: Text, least: float) -> str:
    """Why a page with this least time between two ticks is drawn less often; empty while it is not."""
    if pace.stretch <= 1:
        return ""
    seconds = pace.every(least)
    every = t.seconds(seconds) if seconds < 3 else f"{t.whole(seconds)} s"
    return t.many(
        "refreshed every {time}: {n} page is open", "refreshed every {time}: {n} pages are open", pace.pages, time=every
    )
