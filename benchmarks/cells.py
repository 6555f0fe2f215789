"""How long a page and a tick take on the Compare page with 200 cells, when all are finished and while two train.

    python -m benchmarks.cells

A tab is opened as in `benchmarks.load`. "page" is a whole page, which every change of a control draws again; "tick" is
an update of the live part. The first view after the server's start reads all cells and is reported separately.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from pathlib import Path

import click
import psutil
import websockets

from benchmarks.load import Viewer, quantile
from benchmarks.serving import Server

WIDTHS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28)
REPEATS = 40


def prepare(home: Path) -> tuple[str, str]:
    """Ids of a finished comparison of 200 cells, and of one with ten more cells, which train for long."""
    os.environ.update(NNLAB_HOME=str(home), NNLAB_WARM="0")
    from nnlab import Comparison, presets
    from nnlab.lab import open_lab

    moons = presets["activations"].set({"data.n_samples": 120, "train.epochs": 60})
    lab = open_lab()

    def grid(last: int) -> Comparison:
        return Comparison(moons, vary="depth", values=range(1, 11), by="width", by_values=(*WIDTHS, last), seeds=5)

    with click.progressbar(grid(32).experiments, label="training 200 cells", file=sys.stderr) as bar:
        for experiment in bar:
            lab.train_here(experiment, 5)
    lab._dispatcher.start = lambda: None  # type: ignore[method-assign]  # the server's workers train them
    return lab.submit_comparison(grid(32)).id, lab.submit_comparison(grid(400)).id


async def measure(server: Server, comparison: str, words: str) -> None:
    """Print the response times of one tab."""
    assert server.process is not None
    process = psutil.Process(server.process.pid)
    tab = Viewer(server, comparison, "compare", "comparison")
    async with websockets.connect(
        f"{server.url.replace('http', 'ws')}/_stcore/stream",
        subprotocols=["streamlit"],
        origin=server.url,
        max_size=None,
        open_timeout=60,
    ) as socket:
        first = await tab.request(socket, None)
        busy = sum(process.cpu_times()[:2])
        pages = [await tab.request(socket, None) for _ in range(REPEATS)]
        busy = sum(process.cpu_times()[:2]) - busy
        ticks = []
        while len(ticks) < REPEATS and any(every < 5 for every in tab.fragments.values()):
            for fragment in [one for one, every in tab.fragments.items() if every < 5]:
                ticks.append(await tab.request(socket, fragment))
                await asyncio.sleep(0.3)
    for name, times in (("page", pages), ("tick", ticks)):
        if times:
            click.echo(
                f"{words}, {name}: p50 {1000 * quantile(times, 0.5):.0f} ms, p95 "
                f"{1000 * quantile(times, 0.95):.0f} ms, worst {1000 * max(times):.0f} ms"
            )
    click.echo(
        f"{words}: first view {1000 * first:.0f} ms; {1000 * busy / REPEATS:.0f} ms of processor time per page; "
        f"exceptions {tab.exceptions}"
    )


@click.command()
@click.option("--home", type=click.Path(path_type=Path), help="A folder that stores the 200 cells for the next time.")
def main(home: Path | None) -> None:
    """Print p50, p95 and worst time of a page and of a tick."""
    with tempfile.TemporaryDirectory() as folder:
        home = home or Path(folder)
        home.mkdir(parents=True, exist_ok=True)
        finished, training = prepare(home)
        os.environ.pop("NNLAB_WARM")
        server = Server(home).start()
        try:
            asyncio.run(measure(server, finished, "200 finished cells"))
            asyncio.run(measure(server, training, "two of 200 cells training"))
        finally:
            server.stop()


if __name__ == "__main__":
    main()
