"""From the start of a server to its first finished run: on a fresh machine, and once the engine is compiled.

    python -m benchmarks.cold_start [--rounds 3]

A visitor opens Build as soon as the server answers and presses Train: the default experiment, one seed. The first
round of each pair has an empty home, so the workers compile the engine; the second one has the home of the first. The
table shows medians of the seconds from the start of the server. The exit code is 1 unless the first finished run comes
within 12 s and 4 s.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

import click

from benchmarks.serving import Server
from nnlab.store import Run, Store

MOMENTS = ("server answers", "page answered", "run queued", "worker takes it", "engine ready", "run finished")
WITHIN = {"empty cache": 12.0, "warm cache": 4.0}


def ask(server: Server, **body: Any) -> Any:
    """One request of a visitor without a browser, in the session of the earlier ones."""
    request = urllib.request.Request(
        f"{server.url}/_stcore/agent/interact",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def one_start(home: Path, seed: int) -> dict[str, float]:
    """Seconds from the start of the server to each moment."""
    server = Server(home, STREAMLIT_SERVER_ENABLE_AGENT_API="true", NUMBA_CACHE_DIR="")
    began, after = time.time(), []
    server.start()
    try:
        after.append(time.time())
        session = ask(server, page="build", query_params={"data.seed": [str(seed)]})["session_id"]
        after.append(time.time())
        ask(server, session_id=session, trigger={"key": "train"})
        store = Store(server.database_url)
        compiling, run = time.time(), newest(store)
        while run.active:
            if (run.note or "").startswith("compiling"):
                compiling = time.time()
            time.sleep(0.01)
            run = newest(store)
        store.close()
        assert run.state == "finished", run.error
        assert run.started is not None
        assert run.finished is not None
        after += [run.created.timestamp(), run.started.timestamp()]
        after += [max(compiling, after[-1]), run.finished.timestamp()]
        return {name: moment - began for name, moment in zip(MOMENTS, after, strict=True)}
    finally:
        server.stop()


def newest(store: Store) -> Run:
    return next(iter(store.runs()))


@click.command()
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1))
def main(rounds: int) -> None:
    """From the start of a server to its first finished run."""
    seen: dict[str, list[dict[str, float]]] = {name: [] for name in WITHIN}
    for turn in range(rounds):
        with tempfile.TemporaryDirectory() as home:
            for i, name in enumerate(WITHIN):
                seen[name].append(one_start(Path(home), 2 * turn + i))
    print("| seconds | " + " | ".join(MOMENTS) + " |")
    print("| --- |" + " ---: |" * len(MOMENTS))
    slow = False
    for name, turns in seen.items():
        median = [statistics.median(turn[moment] for turn in turns) for moment in MOMENTS]
        print(f"| {name} | " + " | ".join(f"{value:.1f}" for value in median) + " |")
        slow |= median[-1] > WITHIN[name]
    print(f"\nWithin {' and '.join(f'{limit:.0f} s' for limit in WITHIN.values())}: {'NOT MET' if slow else 'met'}")
    sys.exit(slow)


if __name__ == "__main__":
    main()
