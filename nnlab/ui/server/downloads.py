"""Files that may be large, sent in blocks as they are made: neither the server nor a page holds one whole.

    /download/runs/ID/epochs.csv             every epoch and replicate of a run
    /download/runs/ID/weights.safetensors    of the replicate in a place
    /download/runs/ID/layer.csv              the weights of one layer of it at an epoch
    /download/comparisons/ID/epochs.csv      every epoch and replicate of all cells
    /download/comparisons/ID/table.csv       a row for each cell
    /download/assignments/ID/results.csv     every student, try, epoch and seed: for the teacher of the class alone

Who has the id of a run or comparison may read, as on the pages, and has to be signed in as there. `excel=es` is the CSV
for a Spanish Excel. A file ends when the browser goes.
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from nnlab.ui.server.enter import signed_in
from nnlab.ui.shell.address import server_path
from nnlab.ui.shell.visitors import COOKIE

if TYPE_CHECKING:
    from nnlab.lab import ComparisonRun, Lab
    from nnlab.store import Run

AT_ONCE = 2  # blocks that are made at the same time: the other downloads wait
MOST = 100  # downloads at the same time; each holds a block
PIECE = 1 << 18  # bytes of a file that are sent at a time
CSV, BINARY = "text/csv; charset=utf-8", "application/octet-stream"


class File(NamedTuple):
    """A download: its name, its kind and what it is made of."""

    name: str
    kind: str
    blocks: Iterable[bytes]


Asked = Mapping[str, str]
"""The parameters of the address."""
Make = Callable[["Lab", str, Asked], File]
MayRead = Callable[["Lab", str, str], bool]
"""Whether the browser with a cookie may have the file of an id."""


def run_epochs(lab: Lab, run_id: str, asked: Asked) -> File:
    from nnlab.export.tables import csv_blocks

    run, spanish = _trained(lab, run_id), "excel" in asked
    blocks = csv_blocks(lab.epoch_blocks(run), spanish)
    return File(_name(run, "-excel.csv" if spanish else ".csv"), CSV, blocks)


def run_weights(lab: Lab, run_id: str, asked: Asked) -> File:
    from nnlab.export.weights_file import safetensors
    from nnlab.ui.shared.naming import weights_end

    run = _trained(lab, run_id)
    one = run.replicates[place := _place(asked["replicate"], len(run.replicates))]

    def content() -> Iterator[bytes]:
        if (stored := lab.snapshot(run.id, replicate=place)) is None:
            raise LookupError(run_id)
        yield safetensors(run.experiment, {name: each[0] for name, each in stored[1].items()}, one.seed, one.fold)

    return File(_name(run, weights_end(one)), BINARY, _on_disk(content()))


def run_layer(lab: Lab, run_id: str, asked: Asked) -> File:
    from nnlab.analysis.predictions import one_replicate
    from nnlab.export.layer_values import values_table
    from nnlab.export.tables import csv_blocks, in_blocks
    from nnlab.ui.shared.pictures import input_names

    run, spanish = _trained(lab, run_id), "excel" in asked
    place, layer = _place(asked["replicate"], len(run.replicates)), _place(asked["layer"], len(run.experiment.layers))
    epoch = _place(asked["epoch"], run.epoch + 1)

    def content() -> Iterator[bytes]:
        if (stored := lab.snapshot(run.id, epoch, place)) is None:
            raise LookupError(run_id)
        table = values_table(one_replicate(stored[1], 0), layer, input_names(run.experiment.data) if layer == 0 else ())
        yield from csv_blocks(in_blocks(table), spanish)

    name = f"nnlab-{run.id}-layer-{layer + 1}{'-es' if spanish else ''}.csv"
    return File(name, CSV, _on_disk(content()))


def comparison_table(lab: Lab, comparison_id: str, asked: Asked) -> File:
    from nnlab.comparison.table import Cell, table_of
    from nnlab.export.tables import csv_text
    from nnlab.ui.shared.cell_results import row_of

    run, spanish = _compared(lab, comparison_id), "excel" in asked

    def content() -> Iterator[bytes]:
        cells = [Cell(cell.results, None, cell.active or cell.complete) for cell in run.cells]
        rows = [row_of(lab, cell) for cell in run.cells]
        yield csv_text(table_of(run.comparison, cells, test=run.test_opened is not None, rows=rows), spanish)

    return File(f"nnlab-comparison-{run.id}{'-excel' if spanish else ''}.csv", CSV, content())


def comparison_epochs(lab: Lab, comparison_id: str, asked: Asked) -> File:
    from nnlab.comparison.table import epoch_blocks
    from nnlab.export.tables import csv_blocks
    from nnlab.ui.shared.comparison_naming import comparison_file_name

    run, spanish = _compared(lab, comparison_id), "excel" in asked
    blocks = csv_blocks(epoch_blocks(run.comparison, map(lab.cell_blocks, run.cells)), spanish)
    end = "-epochs-es.csv" if spanish else "-epochs.csv"
    return File(comparison_file_name(run.comparison) + end, CSV, blocks)


def assignment_results(lab: Lab, assignment_id: str, asked: Asked) -> File:
    from nnlab.classroom.table import table_blocks
    from nnlab.export.tables import csv_blocks

    if (stored := lab.store.assignment(assignment_id)) is None:
        raise LookupError(assignment_id)
    spanish = "excel" in asked
    started = lab.store.participants(stored.id)
    ids = {one.person for one in started}
    others = [one.name for one in lab.store.members(stored.class_id) if one.id not in ids]
    blocks = csv_blocks(
        table_blocks(stored.assignment, started, lab.tries(stored.id), lab.part_blocks, others), spanish
    )
    return File(f"nnlab-class-{stored.id}{'-excel' if spanish else ''}.csv", CSV, blocks)


def _trained(lab: Lab, run_id: str) -> Run:
    run = lab.run(run_id)
    if run is None or not run.epoch:
        raise LookupError(run_id)
    return run


def _compared(lab: Lab, comparison_id: str) -> ComparisonRun:
    run = lab.comparison(comparison_id)
    if run is None:
        raise LookupError(comparison_id)
    return run


def _name(run: Run, end: str) -> str:
    from nnlab.ui.shared.naming import file_name

    return file_name(run, end)


def _place(text: str, size: int) -> int:
    if not (text.isdecimal() and len(text) < 10 and int(text) < size):
        raise LookupError(text)
    return int(text)


def _on_disk(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The blocks through a file without a name, for what takes memory while it is made: a slow browser holds none."""
    with tempfile.TemporaryFile() as file:
        file.writelines(blocks)
        file.seek(0)
        while piece := file.read(PIECE):
            yield piece


class _Downloads:
    """What is downloaded at the moment."""

    def __init__(self) -> None:
        self.making, self.open = CapacityLimiter(AT_ONCE), 0

    async def answer(self, make: Make, may_read: MayRead | None, request: Request) -> Response:
        from nnlab.lab import open_lab
        from nnlab.store import StoreUnavailable
        from nnlab.ui.shell.failure import not_carried_out
        from nnlab.ui.shell.text import text

        def begin() -> tuple[File, Iterator[bytes], bytes]:
            """With the first block: what is missing is known before the answer begins."""
            if may_read and not may_read(open_lab(), request.path_params["id"], request.cookies.get(COOKIE, "")):
                raise PermissionError
            file = make(open_lab(), request.path_params["id"], request.query_params)
            blocks = iter(file.blocks)
            return file, blocks, next(blocks, b"")

        t = text(request.query_params.get("lang", ""))
        if not await signed_in(request):
            return PlainTextResponse(t("Sign in first, then ask for the file again."), 401)
        if self.open >= MOST:
            return PlainTextResponse(t("Too many files are being downloaded; try again in a minute."), 503)
        try:
            file, blocks, first = await run_sync(begin, limiter=self.making)
        except PermissionError:
            return PlainTextResponse(t("Only the teacher of the class may download this."), 403)
        except (LookupError, ValueError):
            return PlainTextResponse(t("There is nothing to download at this address."), 404)
        except StoreUnavailable as error:
            return PlainTextResponse(not_carried_out(error.reason, t), 503)
        headers = {
            "Content-Disposition": f'attachment; filename="{file.name}"',
            "Content-Encoding": "identity",  # to compress a gigabyte would hold up every page
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        }
        return StreamingResponse(self._send(first, blocks), headers=headers, media_type=file.kind)

    async def _send(self, block: bytes | None, blocks: Iterator[bytes]) -> AsyncIterator[bytes]:
        """The first block and the others, each made when the browser has taken the one before."""
        self.open += 1
        try:
            while block is not None:
                yield block
                block = await run_sync(next, blocks, None, limiter=self.making)
        finally:
            self.open -= 1


_downloads = _Downloads()


def _route(path: str, make: Make, may_read: MayRead | None = None) -> Route:
    return Route(server_path(f"download{path}"), partial(_downloads.answer, make, may_read))


def teaches(lab: Lab, assignment_id: str, token: str) -> bool:
    """Whether the browser with this cookie is that of the teacher of an assignment's class, or of an administrator."""
    stored, person = lab.store.assignment(assignment_id), lab.store.person_of(token)
    return bool(stored and person and lab.store.teaches(person, stored.class_id))


def routes() -> list[Route]:
    """The routes of all downloads."""
    return [
        _route("/runs/{id}/epochs.csv", run_epochs),
        _route("/runs/{id}/weights.safetensors", run_weights),
        _route("/runs/{id}/layer.csv", run_layer),
        _route("/comparisons/{id}/epochs.csv", comparison_epochs),
        _route("/comparisons/{id}/table.csv", comparison_table),
        _route("/assignments/{id}/results.csv", assignment_results, teaches),
    ]
