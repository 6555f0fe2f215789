"""The memory of the web process while 30 visitors open and export the largest things that are allowed.

    python -m benchmarks.bounds [--small]

The store gets a comparison of 40 cells × 100 seeds × 5,000 epochs and a run of about 2 million parameters × 10 seeds
with 20 snapshots, with synthetic numbers instead of training. Visitors are websocket clients, as in `benchmarks.load`;
they open Compare, Train, Inspect, Runs and Home, stay, and save every kind of file, all at the same time. Each row is
the peak of the resident memory of the web process (VmHWM, set back between the rows). The exit code is 1 if one is
above 1 GB, or if a page shows an exception.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
import numpy as np
import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from benchmarks.serving import Server
from nnlab.datasets import mnist
from nnlab.engines.base import METRICS, Epoch, Weights
from nnlab.spec import Comparison, Experiment
from nnlab.store import Store

MOST = 1_000_000_000  # bytes of the web process
OWNER = "benchmark"
BLOCK = 100  # epochs written at a time
LEAVE = 30e6  # bytes of a file after which a visitor leaves; one saves the longest file whole
THREADS = ThreadPoolExecutor(64)


class Visitor:
    """A browser tab, as far as the server can tell."""

    def __init__(self, server: Server, place: str, query: str = "") -> None:
        self.server, self.place, self.query, self.session = server, place, f"{query}&lang=en", ""
        self.exceptions: list[str] = []
        self.files: dict[str, str] = {}  # addresses of what can be saved, and ids of files made on a click, by label
        self.socket: websockets.ClientConnection | None = None

    async def open(self, stack: AsyncExitStack) -> None:
        """Open the page and read it to its end."""
        address = self.server.url.replace("http", "ws") + "/_stcore/stream"
        self.socket = await stack.enter_async_context(
            websockets.connect(
                address, subprotocols=["streamlit"], origin=self.server.url, max_size=None, open_timeout=300
            )
        )
        message = BackMsg()
        message.rerun_script.query_string = self.query
        message.rerun_script.page_name = self.place
        await self.socket.send(message.SerializeToString())
        while True:
            answer = await self._next()
            kind = answer.WhichOneof("type")
            if kind == "new_session":
                self.session = answer.new_session.initialize.session_id
            elif kind == "delta":
                self._see(answer.delta.new_element)
            elif kind == "script_finished" and answer.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
                return

    def _see(self, element: Any) -> None:
        kind = element.WhichOneof("type")
        if kind == "exception":
            self.exceptions.append(f"{self.place}: {element.exception.type} {element.exception.message}")
        elif kind == "alert" and "Something failed" in element.alert.body:
            self.exceptions.append(f"{self.place}: {element.alert.body}")
        elif kind == "download_button" and element.download_button.deferred_file_id:
            self.files[element.download_button.label] = element.download_button.deferred_file_id
        elif kind == "link_button" and "/download/" in element.link_button.url:
            self.files[element.link_button.label] = element.link_button.url

    async def _next(self) -> ForwardMsg:
        assert self.socket is not None
        return ForwardMsg.FromString(await asyncio.wait_for(self.socket.recv(), 900))  # type: ignore[arg-type]

    async def save(self, label: str, most: float) -> int:
        """Save a file as a browser does, and leave after so many bytes; its bytes."""
        address = self.files[label]
        if "/" not in address:  # made on the click
            assert self.socket is not None
            message = BackMsg()
            message.backend_operation_request.request_id = label
            message.backend_operation_request.session_id = self.session
            message.backend_operation_request.deferred_file.file_id = address
            await self.socket.send(message.SerializeToString())
            while (answer := await self._next()).WhichOneof("type") != "backend_operation_response":
                pass
            if answer.backend_operation_response.error_msg:
                self.exceptions.append(f"{label}: {answer.backend_operation_response.error_msg}")
                return 0
            address = answer.backend_operation_response.deferred_file.url
        return await asyncio.get_running_loop().run_in_executor(THREADS, self._fetch, label, address, most)

    def _fetch(self, label: str, address: str, most: float) -> int:
        path = address[address.index("/", address.find("://") + 3) :] if "://" in address else address
        size = 0
        try:
            with urllib.request.urlopen(self.server.url + path, timeout=900) as answer:
                while size < most and (block := answer.read(1 << 16)):
                    size += len(block)
        except urllib.error.URLError as error:
            self.exceptions.append(f"{label}: {error}")
        return size


class Peak:
    """The peak of a process's resident memory since the last row."""

    def __init__(self, pid: int) -> None:
        self.process = Path(f"/proc/{pid}")
        self.worst = 0

    def reset(self) -> None:
        (self.process / "clear_refs").write_text("5")

    def bytes(self, what: str = "VmHWM") -> int:
        line = next(one for one in (self.process / "status").read_text().splitlines() if one.startswith(what))
        return 1024 * int(line.split()[1])

    def row(self, what: str, began: float, note: str = "") -> None:
        peak, now = self.bytes(), self.bytes("VmRSS")
        self.worst = max(self.worst, peak)
        seconds = time.monotonic() - began
        click.echo(f"{what:<44} {peak / 1e6:>8,.0f} {now / 1e6:>8,.0f} {seconds:>8.1f}   {note}")
        self.reset()


def write_run(
    store: Store, experiment: Experiment, seeds: Sequence[int], comparison: str | None = None, snapshots: int = 0
) -> str:
    """A finished run with synthetic curves, results and weights."""
    run = store.create_run(experiment, seeds, OWNER, comparison=comparison)
    attempt, epochs, n = store.claim(run.id), experiment.train.epochs, len(seeds)
    assert attempt is not None
    rng = np.random.default_rng(abs(hash(run.key)) % 2**32)
    times = np.arange(1, epochs + 1)[:, None] / epochs
    loss = (0.1 + np.exp(-5 * times)) * rng.uniform(0.9, 1.1, (epochs, n))
    figures = dict(zip(METRICS, (loss, 1 - loss / 3, loss * 1.1, 1 - loss / 2.9), strict=True))
    weights = random_weights(experiment, n, rng)
    wanted = [round(epochs * i / max(1, snapshots - 1)) for i in range(snapshots - 1)]
    for start in range(0, epochs, BLOCK):
        rows = [
            Epoch(epoch=i + 1, seeds=tuple(seeds), lr=0.01, seconds=0.01, **{k: v[i] for k, v in figures.items()})
            for i in range(start, min(start + BLOCK, epochs))
        ]
        some = [("step", at, weights) for at in wanted if start <= at < start + BLOCK]
        store.append(run.id, attempt, rows, snapshots=some)
    store.append(run.id, attempt, [], epoch=epochs, engine="numpy", seconds=60.0, snapshots=[("last", epochs, weights)])
    store.finish(run.id, attempt, "finished", results=results(experiment, n, rng))
    return run.id


def random_weights(experiment: Experiment, replicates: int, rng: np.random.Generator) -> Weights:
    sizes = [experiment.data.inputs, *(layer.width for layer in experiment.layers)]
    weights: Weights = {}
    for i, (inputs, units) in enumerate(pairwise(sizes)):
        scale = np.float32(inputs**-0.5)
        weights[f"{i}.weight"] = rng.standard_normal((replicates, inputs, units), np.float32) * scale
        weights[f"{i}.bias"] = np.zeros((replicates, units), np.float32)
    return weights


def results(experiment: Experiment, replicates: int, rng: np.random.Generator) -> dict[str, Any]:
    """As `stored_results` gives them."""
    from nnlab.analysis.scores import _packed

    def part() -> dict[str, list[float]]:
        return {name: rng.uniform(0.8, 0.9, replicates).tolist() for name in ("loss", "accuracy")}

    right = rng.random((replicates, experiment.data.sizes[1])) < rng.uniform(0.8, 0.95)
    each = [experiment.train.epochs] * replicates
    return {
        "train": part(),
        "validation": part(),
        "test": part(),
        "outcomes": [_packed(row) for row in right],
        "epochs": each,
        "best_epoch": each,
        "final_epoch": each,
    }


def large_comparison(store: Store, small: bool) -> str:
    samples, values, seeds, epochs = (200, 4, 10, 500) if small else (60_000, 40, 100, 5000)
    base = Experiment().set({"data.n_samples": samples, "data.validation": 0.5, "train.epochs": epochs})
    comparison = Comparison(base, vary="lr", values=np.geomspace(1e-4, 1, values).round(8), seeds=seeds)
    made = store.create_comparison(comparison, OWNER)
    runs = [[(write_run(store, one, comparison.seeds, made), False)] for one in comparison.experiments]
    store.set_cells(made, comparison, runs)
    return made


def large_run(store: Store, small: bool) -> str:
    name, hidden = ("mnist", [1500, 500]) if mnist.available() else ("digits", [1300, 1300])
    changes = {"data.name": name, "model.hidden": [32] if small else hidden, "train.epochs": 20}
    return write_run(store, Experiment().set(changes), range(3 if small else 10), snapshots=20)


async def visit(server: Server, peak: Peak, comparison: str, run: str, visitors: int) -> list[str]:
    """Print a row for each page and file; the exceptions shown."""
    exceptions: list[str] = []
    places = [
        ("Compare", "compare", f"comparison={comparison}"),
        ("Train", "train", f"run={run}"),
        ("Inspect", "inspect", f"run={run}"),
        ("Runs", "runs", ""),
        ("Home", "", ""),
    ]
    async with AsyncExitStack() as stack:
        opened: dict[str, list[Visitor]] = {}
        for name, place, query in places:
            began = time.monotonic()
            opened[name] = [Visitor(server, place, query) for _ in range(visitors)]
            await asyncio.gather(*(one.open(stack) for one in opened[name]))
            peak.row(f"{visitors} visitors on {name}", began)
        for name in ("Compare", "Train", "Inspect"):
            for label in opened[name][0].files:
                began = time.monotonic()
                sizes = await asyncio.gather(*(one.save(label, LEAVE) for one in opened[name]))
                peak.row(f"{visitors} × {name}: {label}", began, f"{max(sizes) / 1e6:,.1f} MB each")
        began, first = time.monotonic(), opened["Compare"][0]
        size = await first.save("Every epoch", float("inf")) if first.files else 0
        peak.row("1 × Compare: Every epoch, whole", began, f"{size / 1e6:,.1f} MB")
        exceptions += [text for many in opened.values() for one in many for text in one.exceptions]
    return exceptions


@click.command()
@click.option("--visitors", default=30, show_default=True)
@click.option("--small", is_flag=True, help="A small comparison and a small run: whether the measurement works.")
@click.option("--home", type=click.Path(path_type=Path), help="Keep the data base here, and use it if it is there.")
def main(visitors: int, small: bool, home: Path | None) -> None:
    """Print the peak of the web process's memory for every page and file."""
    with tempfile.TemporaryDirectory() as folder:
        place = home or Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        server = Server(place, NNLAB_WARM="0", NNLAB_WORKERS="1")
        ids = place / "ids"
        if not ids.exists():
            began = time.monotonic()
            with closing(Store(server.database_url)) as store:
                ids.write_text(f"{large_comparison(store, small)} {large_run(store, small)}")
            click.echo(f"written in {time.monotonic() - began:.0f} s")
        comparison, run = ids.read_text().split()
        server.start()
        try:
            assert server.process is not None
            peak = Peak(server.process.pid)
            click.echo(f"{'':<44} {'peak MB':>8} {'then MB':>8} {'seconds':>8}")
            peak.row("started", time.monotonic())
            exceptions = asyncio.run(visit(server, peak, comparison, run, visitors))
        finally:
            server.stop()
    for text in dict.fromkeys(exceptions):
        click.echo(f"exception: {text} ({exceptions.count(text)} times)")
    met = peak.worst < MOST and not exceptions
    click.echo(f"worst {peak.worst / 1e6:,.0f} MB; below 1 GB and without exceptions: {'met' if met else 'NOT MET'}")
    sys.exit(not met)


if __name__ == "__main__":
    main()
