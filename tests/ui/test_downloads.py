"""Large files are sent in blocks, and hold what the whole tables hold."""

from __future__ import annotations

import re
from io import BytesIO
from typing import Any

import anyio
import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect

from nnlab.analysis.predictions import one_replicate
from nnlab.comparison.table import epochs_of
from nnlab.export.layer_values import values_table
from nnlab.export.tables import csv_text
from nnlab.jobs import comparisons
from nnlab.jobs.dispatcher import Dispatcher
from nnlab.jobs.worker import work
from nnlab.lab import Lab, open_lab
from nnlab.spec import Comparison, Experiment
from nnlab.store import StoreUnavailable
from nnlab.ui.server import downloads
from nnlab.ui.shell.failure import not_carried_out
from nnlab.ui.shell.text import text

QUICK = Experiment().set({"data.n_samples": 60, "model.hidden": [3, 2], "train.epochs": 6, "train.engine": "numpy"})


@pytest.fixture
def lab(home: Any, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """Runs wait until the test calls `work`."""
    monkeypatch.setattr(Dispatcher, "start", lambda self: None)
    return open_lab()


def get(address: str, leave_after: int | None = None) -> tuple[int, dict[str, str], list[bytes]]:
    """Status, headers and blocks of the answer of a server that has these routes; a browser may leave after some."""
    path, _, query = address.partition("?")
    sent: list[Any] = []

    async def ask() -> None:
        gone = anyio.Event()

        async def receive() -> dict[str, Any]:
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)
            if len([one for one in sent if one.get("body")]) == leave_after:
                gone.set()
                await anyio.sleep(0)
                raise OSError("the browser has gone")

        scope = {
            "type": "http",
            "method": "GET",
            "path": path,
            "query_string": query.encode(),
            "headers": [],
            "asgi": {"spec_version": "2.4"},
        }
        await Starlette(routes=downloads.routes())(scope, receive, send)

    try:
        anyio.run(ask)
    except (OSError, ClientDisconnect):
        if leave_after is None:
            raise
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers, [one["body"] for one in sent[1:] if one["body"]]


def content(address: str) -> bytes:
    status, headers, blocks = get(address)
    assert status == 200, blocks
    assert headers["cache-control"] == "no-store"
    return b"".join(blocks)


@pytest.mark.parametrize("excel", ["", "?excel=es"])
def test_every_epoch_of_a_run_is_sent_in_blocks_and_is_the_whole_table(lab, monkeypatch, excel):
    run = lab.submit(QUICK.set({"train.patience": 2}), 3)
    work()
    run = lab.run(run.id)
    monkeypatch.setattr("nnlab.lab.BLOCK", 6)  # two epochs
    status, headers, blocks = get(f"/download/runs/{run.id}/epochs.csv{excel}")
    assert (status, len(blocks)) == (200, (run.epoch + 1) // 2)
    assert b"".join(blocks) == csv_text(lab.epochs(run), spanish=bool(excel))
    name = f"nnlab-moons-3x2-relu-{run.id}{'-excel' if excel else ''}.csv"
    assert headers["content-disposition"] == f'attachment; filename="{name}"'


@pytest.mark.parametrize("excel", ["", "?excel=es"])
@pytest.mark.parametrize("values", [[[4], [8, 8, 4]], [1, 2]])
def test_every_epoch_of_a_comparison_is_sent_in_blocks_and_is_the_whole_table(lab, monkeypatch, excel, values):
    knob = "model.hidden" if isinstance(values[0], list) else "depth"
    comparison = Comparison(QUICK, vary=knob, values=values, seeds=2)
    made = lab.submit_comparison(comparison)
    wider = Comparison(QUICK, vary=knob, values=values, seeds=3)
    work()
    lab.extend_comparison(made.id, wider, "local")
    work()
    run = lab.comparison(made.id)
    want = csv_text(epochs_of(wider, [lab.cell_metrics(cell) for cell in run.cells]), spanish=bool(excel))
    monkeypatch.setattr(comparisons, "BLOCK", 4)
    status, headers, blocks = get(f"/download/comparisons/{made.id}/epochs.csv{excel}")
    assert status == 200
    assert len(blocks) > 4
    assert b"".join(blocks) == want
    assert re.search(r'filename="nnlab-moons-[\w.]+-epochs(-es)?\.csv"', headers["content-disposition"])


def test_the_table_of_a_comparison_has_a_row_for_each_cell(lab):
    made = lab.submit_comparison(Comparison(QUICK, vary="depth", values=[1, 2], seeds=2))
    work()
    english = pd.read_csv(BytesIO(content(f"/download/comparisons/{made.id}/table.csv")))
    assert list(english["depth"]) == [1, 2]
    assert list(english["validation_accuracy"]) == [
        pytest.approx(np.mean(cell.results["validation"]["accuracy"])) for cell in lab.comparison(made.id).cells
    ]
    assert english["test_accuracy"].isna().all(), "the test set is closed"
    spanish = content(f"/download/comparisons/{made.id}/table.csv?excel=es")
    pd.testing.assert_frame_equal(english, pd.read_csv(BytesIO(spanish), sep=";", decimal=","))


def test_while_the_store_is_away_the_answer_is_a_sentence_in_the_visitors_language(lab, monkeypatch):
    def away(*_: Any) -> None:
        raise StoreUnavailable("unreachable", "connection refused")

    monkeypatch.setattr(Lab, "comparison", away)
    status, _, blocks = get("/download/comparisons/some/table.csv?lang=es")
    assert (status, b"".join(blocks).decode()) == (503, not_carried_out("unreachable", text("es")))


def test_the_weights_of_any_replicate_and_layer_are_sent(lab):
    run = lab.submit(QUICK, 2)
    work()
    weights = lab.snapshot(run.id)[1]
    for place in (0, 1):
        one = one_replicate(weights, place)
        file = load(content(f"/download/runs/{run.id}/weights.safetensors?replicate={place}"))
        np.testing.assert_array_equal(file["0.weight"], one["0.weight"].T)
        for layer, inputs in ((0, ("x₁", "x₂")), (2, ())):
            table = values_table(one, layer, inputs)
            asked = f"/download/runs/{run.id}/layer.csv?epoch=6&replicate={place}&layer={layer}"
            assert content(asked).decode().split("\r\n")[1:] == csv_text(table).decode().split("\r\n")[1:]


def test_what_is_not_there_is_said_in_a_sentence(lab):
    run = lab.submit(QUICK, 2)
    addresses = [
        "/download/runs/nothere/epochs.csv",
        f"/download/runs/{run.id}/epochs.csv",  # not trained yet
        "/download/comparisons/nothere/epochs.csv",
    ]
    work()
    addresses[1] = f"/download/runs/{run.id}/weights.safetensors?replicate=2"
    layer = f"/download/runs/{run.id}/layer.csv"
    addresses += [f"{layer}?epoch=6&replicate=0&layer={bad}" for bad in ("9", "-1", "x", "9" * 5000)]
    addresses += [
        f"{layer}?epoch={'9' * 30}&replicate=0&layer=0",
        layer,
        f"/download/runs/{run.id}/weights.safetensors",
    ]
    for address in addresses:
        status, _, blocks = get(f"{address}{'&' if '?' in address else '?'}lang=es")
        assert (status, b"".join(blocks).decode()) == (404, "En esta dirección no hay nada que descargar."), address


def test_a_download_ends_when_the_browser_goes_and_too_many_are_refused(lab, monkeypatch):
    run = lab.submit(QUICK, 2)
    work()
    monkeypatch.setattr("nnlab.lab.BLOCK", 2)
    address = f"/download/runs/{run.id}/epochs.csv"
    _, _, blocks = get(address, leave_after=2)
    assert len(blocks) == 2
    assert downloads._downloads.open == 0
    monkeypatch.setattr(downloads._downloads, "open", downloads.MOST)
    assert get(address)[0] == 503
