"""N live viewers over websockets, as a class has them, while two runs train; all on this machine.

    python -m benchmarks.load --viewers 50 --seconds 30

Each viewer acts as a browser tab: it opens the Train page of a run, receives from the server which fragments tick and
how often, and requests every tick. A tick's time is from the request to the last message of the response. This client
shares the cores with the server and the workers, so the measured times are rather too long.
"""

from __future__ import annotations

import asyncio
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import psutil
import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from benchmarks.serving import ROOT, Server


class Viewer:
    """One browser tab; by default on the Train page of a run."""

    def __init__(self, server: Server, run_id: str, place: str = "train", what: str = "run") -> None:
        self.place, self.what = place, what
        self.url = server.url.replace("http", "ws") + "/_stcore/stream"
        self.origin = server.url
        self.run_id = run_id
        self.first: float | None = None
        self.ticks: list[float] = []
        self.exceptions = 0
        self.page = ""  # its hash
        self.fragments: dict[str, float] = {}

    async def watch(self, start: float, end: float, measured: float = 0.0) -> None:
        """Open the page at `start` and request ticks until `end` (seconds of the monotonic clock); those before
        `measured` are not counted."""
        await asyncio.sleep(max(0, start - time.monotonic()))
        async with websockets.connect(
            self.url, subprotocols=["streamlit"], origin=self.origin, max_size=None, open_timeout=60
        ) as socket:
            self.first = await self.request(socket, None)
            due = {fragment: time.monotonic() + every for fragment, every in self.fragments.items()}
            while due and time.monotonic() < end:
                fragment = min(due, key=due.__getitem__)
                await asyncio.sleep(max(0, due[fragment] - time.monotonic()))
                took = await self.request(socket, fragment)
                if (
                    self.fragments.get(fragment, 9) < 3 and time.monotonic() > measured
                ):  # without the navigation's slow tick
                    self.ticks.append(took)
                if fragment in self.fragments:  # as setInterval in a browser, independent of the response
                    late = time.monotonic() - due[fragment]
                    due[fragment] += self.fragments[fragment] * (1 + late // self.fragments[fragment])
                due = {f: due.get(f, time.monotonic() + every) for f, every in self.fragments.items()}

    async def request(self, socket: websockets.ClientConnection, fragment: str | None) -> float:
        message = BackMsg()
        message.rerun_script.query_string = f"{self.what}={self.run_id}&lang=en"
        if self.page:
            message.rerun_script.page_script_hash = self.page
        else:
            message.rerun_script.page_name = self.place
        if fragment is not None:
            message.rerun_script.fragment_id = fragment
            message.rerun_script.is_auto_rerun = True
        begun = time.perf_counter()
        await socket.send(message.SerializeToString())
        while True:
            answer = ForwardMsg.FromString(await asyncio.wait_for(socket.recv(), 60))  # type: ignore[arg-type]
            kind = answer.WhichOneof("type")
            if kind == "navigation":
                pages = {page.url_pathname: page.page_script_hash for page in answer.navigation.app_pages}
                self.page = pages[self.place]
            if kind == "auto_rerun":
                self.fragments[answer.auto_rerun.fragment_id] = answer.auto_rerun.interval
            elif kind == "stop_auto_rerun":
                self.fragments.pop(answer.stop_auto_rerun.fragment_id, None)
            elif kind == "delta" and answer.delta.new_element.WhichOneof("type") == "exception":
                self.exceptions += 1
            elif kind == "script_finished" and answer.script_finished == ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                self.fragments.clear()  # the whole page is sent again, with new fragments
            elif kind == "script_finished":
                return time.perf_counter() - begun


def quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else float("nan")


def start_cluster(home: Path) -> tuple[subprocess.Popen[str], str]:
    """The workers as the server starts them, used by the server and this process."""
    process = subprocess.Popen(
        [sys.executable, "-m", "nnlab.jobs.cluster"],
        cwd=ROOT,
        text=True,
        env={**os.environ, "NNLAB_HOME": str(home)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def submit_two(home: Path, scheduler: str) -> list[str]:
    """Two runs that take longer than the measurement."""
    os.environ.update(NNLAB_HOME=str(home), NNLAB_SCHEDULER=scheduler)
    from nnlab import presets
    from nnlab.lab import open_lab

    lab = open_lab()
    moons = presets["activations"].set({"train.epochs": 5000, "data.n_samples": 2000})
    digits = presets["activations"].set({"data.name": "digits", "train.epochs": 5000, "model.hidden": [64, 64]})
    return [lab.submit(one, range(10), owner=f"load-{i}").id for i, one in enumerate((moons, digits))]


@click.command()
@click.option("--viewers", default=50, show_default=True)
@click.option("--seconds", default=30.0, show_default=True, help="Length of the measurement.")
def main(viewers: int, seconds: float) -> None:
    """Print p50, p95 and worst time of a tick, and the number of ticks."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        cluster, scheduler = start_cluster(home)
        server = Server(home, NNLAB_SCHEDULER=scheduler).start()
        try:
            runs = submit_two(home, scheduler)
            asyncio.run(measure(server, runs, viewers, seconds))
        finally:
            server.stop()
            cluster.communicate()


async def measure(server: Server, runs: list[str], viewers: int, seconds: float) -> None:
    warm = Viewer(server, runs[0])
    await warm.watch(time.monotonic(), time.monotonic() + 3)
    arrival = time.monotonic() + 0.5
    many = [Viewer(server, runs[i % len(runs)]) for i in range(viewers)]
    spread = min(10.0, viewers / 10)  # seconds in which they arrive
    all_here = arrival + spread + 1  # arrivals are not counted: a full page costs ten ticks
    end = all_here + seconds
    assert server.process is not None
    process = psutil.Process(server.process.pid)
    before, mine = sum(process.cpu_times()[:2]), time.process_time()
    arrivals = random.Random(0).choices(range(int(1000 * spread)), k=viewers)  # ms; random, as in a class
    await asyncio.gather(
        *(v.watch(arrival + late / 1000, end, all_here) for v, late in zip(many, arrivals, strict=True))
    )
    busy, mine = sum(process.cpu_times()[:2]) - before, time.process_time() - mine
    ticks = [tick for viewer in many for tick in viewer.ticks]
    first = [viewer.first for viewer in many if viewer.first is not None]
    every = statistics.median([e for v in many for e in v.fragments.values() if e < 3] or [float("nan")])
    click.echo(f"{viewers} viewers, tick every {every:g} s, {seconds:g} s, {os.cpu_count()} cores, two runs training")
    click.echo(f"ticks     {len(ticks)}   exceptions shown {sum(v.exceptions for v in many)}")
    click.echo(
        f"tick      p50 {1000 * quantile(ticks, 0.5):.0f} ms   p95 {1000 * quantile(ticks, 0.95):.0f} ms   "
        f"worst {1000 * max(ticks, default=float('nan')):.0f} ms"
    )
    click.echo(
        f"server    {1000 * busy / max(1, len(ticks)):.1f} ms of processor time per tick, everything included; "
        f"this client {1000 * mine / max(1, len(ticks)):.1f} ms"
    )
    click.echo(f"full page p50 {1000 * quantile(first, 0.5):.0f} ms   p95 {1000 * quantile(first, 0.95):.0f} ms")
    met = quantile(ticks, 0.95) < 0.3
    click.echo(f"p95 of a tick below 300 ms: {'met' if met else 'not met'}")


if __name__ == "__main__":
    main()
