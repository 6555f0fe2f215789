"""N viewers over websockets, as a class has them, while two workers train or after they have; all on this machine.

    python -m benchmarks.load --viewers 200 --seconds 60
    python -m benchmarks.load --viewers 200 --finished

Each viewer acts as a browser tab: it opens Train or Compare, receives from the server which fragments tick and how
often, and requests every tick when it is due, also when the server changes the interval. A tick's time is from the
request to the last message of the response. One of 31 viewers has the teacher's page of a class of 30 with 100 tries;
of the others two thirds watch two runs on Train, one third a comparison. All have signed in, and both workers train all
the while. This client shares the cores with the server and the workers, so the measured times
are rather too long. The exit code is 1 unless the 95th percentile of all ticks is below 500 ms, no session is dropped
and the web process takes less than 600 MB.

With `--finished` both runs have ended, and every other viewer is on Play: all of them watch films, which their browsers
play without the server. The exit code is 1 unless the server then needs less than 5 % of a core.
"""

from __future__ import annotations

import asyncio
import math
import os
import random
import statistics
import sys
import tempfile
import time
from contextlib import closing
from itertools import cycle, islice
from pathlib import Path

import click
import psutil
import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from benchmarks.class_data import fill
from benchmarks.serving import Server
from nnlab import Comparison, presets
from nnlab.jobs.cluster import LocalProcess
from nnlab.lab import Lab, open_lab
from nnlab.settings import load_settings, settings
from nnlab.store import Store
from nnlab.ui.shell.visitors import COOKIE


class Viewer:
    """One browser tab; by default on the Train page of a run."""

    def __init__(self, server: Server, run_id: str, place: str = "train", what: str = "run", number: int = 0) -> None:
        self.place, self.what, self.cookie = place, what, cookie(number)
        self.url = server.url.replace("http", "ws") + "/_stcore/stream"
        self.origin = server.url
        self.run_id = run_id
        self.first: float | None = None
        self.ticks: list[float] = []
        self.received = 0  # bytes
        self.exceptions = 0
        self.dropped = False
        self.page = ""  # its hash
        self.fragments: dict[str, float] = {}

    async def watch(self, start: float, end: float, measured: float = 0.0) -> None:
        """As `_watch`; a connection that the server closes or does not answer is noted."""
        try:
            await self._watch(start, end, measured)
        except (OSError, TimeoutError, websockets.WebSocketException) as error:
            self.dropped = True
            click.echo(f"dropped: {type(error).__name__}: {error}", err=True)

    async def _watch(self, start: float, end: float, measured: float = 0.0) -> None:
        """Open the page at `start` and request ticks until `end` (seconds of the monotonic clock); those before
        `measured` are not counted."""
        await asyncio.sleep(max(0, start - time.monotonic()))
        async with websockets.connect(
            self.url,
            subprotocols=["streamlit"],
            origin=self.origin,
            additional_headers={"Cookie": f"{COOKIE}={self.cookie}"},
            max_size=None,
            open_timeout=60,
        ) as socket:
            self.first = await self.request(socket, None)
            due = {fragment: time.monotonic() + every for fragment, every in self.fragments.items()}
            while time.monotonic() < end:
                if min(due.values(), default=end) >= end:
                    await asyncio.sleep(end - time.monotonic())
                    break
                fragment = min(due, key=due.__getitem__)
                await asyncio.sleep(max(0, due[fragment] - time.monotonic()))
                took = await self.request(socket, fragment)
                if time.monotonic() > measured:
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
            raw = await asyncio.wait_for(socket.recv(), 60)
            self.received += len(raw)
            answer = ForwardMsg.FromString(raw)  # type: ignore[arg-type]
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


def cookie(number: int) -> str:
    """The name of a viewer's browser."""
    return f"v-{number:022}"


def quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else float("nan")


def start_cluster(home: Path) -> LocalProcess:
    """The workers as the server starts them; the environment leads the server and this process to them."""
    os.environ["NNLAB_HOME"] = str(home)
    process = LocalProcess(load_settings().database_url)
    contact, tls = process.contact, "DASK_DISTRIBUTED__COMM__TLS__"
    key = {f"{tls}CLIENT__CERT": contact.certificate, f"{tls}CLIENT__KEY": contact.key}
    os.environ.update({"NNLAB_SCHEDULER": contact.address, f"{tls}CA_FILE": contact.certificate, **key})
    return process


def class_assignment(viewers: int) -> str:
    """The id of an assignment of a class of 30; so many browsers are signed in as its teacher's."""
    with closing(Lab(Store(settings().database_url))) as lab:
        filled = fill(lab)
        for number in range(viewers):
            lab.store.sign_in(cookie(number), filled.teacher)
    return filled.experiment


def watched(epochs: int) -> tuple[list[str], str]:
    """A run whose film is small, one that has none while it trains, and a comparison."""
    lab = open_lab()
    moons = presets["activations"].set({"train.epochs": epochs, "data.n_samples": 40_000})
    digits = presets["activations"].set({"data.name": "digits", "train.epochs": epochs, "model.hidden": [128, 128]})
    runs = [lab.submit(one, range(10), owner=f"load-{i}").id for i, one in enumerate((moons, digits))]
    depths = Comparison(moons, vary="depth", values=[1, 2, 4, 8], seeds=5)
    return runs, lab.submit_comparison(depths, owner="load-2").id


@click.command()
@click.option("--viewers", default=50, show_default=True)
@click.option("--seconds", default=30.0, show_default=True, help="Length of the measurement.")
@click.option("--finished", is_flag=True, help="Of runs that have ended: the viewers watch films.")
def main(viewers: int, seconds: float, finished: bool) -> None:
    """Print p50, p95 and worst time of a tick, and what the server does for them."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        cluster = start_cluster(home)
        assignment = class_assignment(viewers)
        server = Server(home, NNLAB_AUTH="code", NNLAB_TEACHERS="teacher").start()
        try:
            runs, comparison = watched(100 if finished else 5000)  # 5,000 take longer than the measurement
            tabs = [("train", "run", run) for run in runs]
            if finished:
                tabs += [("play", "run", run) for run in runs]
                wait_for(server, runs)
            else:
                tabs = [("classroom", "assignment", assignment), *10 * [*tabs, ("compare", "comparison", comparison)]]
            met = asyncio.run(measure(server, tabs, viewers, seconds))
        finally:
            server.stop()
            cluster.close()
    for target, reached in met.items():
        if finished == (target == IDLE):
            click.echo(f"{target}: {'met' if reached else 'NOT MET'}")
    sys.exit(not all(reached for target, reached in met.items() if finished == (target == IDLE)))


def wait_for(server: Server, runs: list[str]) -> None:
    """Until the runs have ended."""
    with closing(Store(server.database_url)) as store:
        while any(run is None or run.active for run in map(store.run, runs)):
            time.sleep(0.2)


async def share_of_a_core(process: psutil.Process, start: float, end: float) -> float:
    """What a process needs from one moment of the monotonic clock to another."""
    await asyncio.sleep(start - time.monotonic())
    before = sum(process.cpu_times()[:2])
    await asyncio.sleep(end - time.monotonic())
    return (sum(process.cpu_times()[:2]) - before) / (end - start)


async def largest(process: psutil.Process, end: float) -> tuple[float, float]:
    """The most that a process takes until a moment of the monotonic clock, in bytes: resident, and its share (PSS)."""
    resident = share = 0.0
    while time.monotonic() < end:
        memory = process.memory_full_info()
        resident, share = max(resident, memory.rss), max(share, memory.pss)
        await asyncio.sleep(1)
    return resident, share


IDLE = "below 5 % of a core"


async def measure(server: Server, tabs: list[tuple[str, str, str]], viewers: int, seconds: float) -> dict[str, bool]:
    """Print the times, once all viewers are there; which targets are met."""
    for place, what, opened in {tab[0]: tab for tab in tabs}.values():  # the server is warm; Play has trained
        await Viewer(server, opened, place, what).watch(time.monotonic(), time.monotonic() + 10 * (place == "play") + 2)
    arrival = time.monotonic() + 0.5
    opens = enumerate(islice(cycle(tabs), viewers))
    many = [Viewer(server, opened, place, what, number) for number, (place, what, opened) in opens]
    spread = viewers / 5  # seconds in which they arrive
    all_here = arrival + spread + 10  # arrivals are not counted: a page costs ten ticks
    end = all_here + seconds
    assert server.process is not None
    process = psutil.Process(server.process.pid)
    arrivals = random.Random(0).choices(range(int(1000 * spread)), k=viewers)  # ms; random, as in a class
    share, (resident, pss), *_ = await asyncio.gather(
        share_of_a_core(process, all_here, end),
        largest(process, end),
        *(v.watch(arrival + late / 1000, end, all_here) for v, late in zip(many, arrivals, strict=True)),
    )
    ticks = [tick for viewer in many for tick in viewer.ticks]
    first = [viewer.first for viewer in many if viewer.first is not None]
    sent = sum(viewer.received for viewer in many) / viewers
    dropped, p95 = sum(viewer.dropped for viewer in many), quantile(ticks, 0.95)
    click.echo(f"{viewers} viewers, {seconds:g} s, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    for place in dict.fromkeys(place for place, _, _ in tabs):
        fastest = [min(v.fragments.values()) for v in many if v.place == place and v.fragments]
        every = f"every {statistics.median(fastest):g} s" if fastest else "none"
        own = [tick for viewer in many if viewer.place == place for tick in viewer.ticks]
        click.echo(f"{place:<9} tick {every}, p50 {1000 * quantile(own, 0.5):.0f} ms, {len(own)} ticks")
    click.echo(
        f"all ticks p50 {1000 * quantile(ticks, 0.5):.0f} ms   p95 {1000 * p95:.0f} ms   "
        f"worst {1000 * max(ticks, default=math.nan):.0f} ms   exceptions shown {sum(v.exceptions for v in many)}"
    )
    click.echo(f"full page p50 {1000 * quantile(first, 0.5):.0f} ms   p95 {1000 * quantile(first, 0.95):.0f} ms")
    click.echo(f"server    {100 * share:.1f} % of a core, {10 * 100 * share / viewers:.2f} ms a second and viewer")
    click.echo(f"memory    {resident / 1e6:.0f} MB resident, {pss / 1e6:.0f} MB its own share (PSS)")
    click.echo(f"received  {sent / 1e3:,.0f} kB a viewer, {sent / 1e3 / (end - arrival):.1f} kB a second")
    click.echo(f"dropped   {dropped} of {viewers} sessions")
    return {
        "p95 of a tick below 500 ms": p95 < 0.5,
        "no dropped session": not dropped and not any(viewer.exceptions for viewer in many),
        "web process below 600 MB": resident < 600e6,
        IDLE: share < 0.05,
    }


if __name__ == "__main__":
    main()
