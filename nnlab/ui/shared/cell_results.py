"""What the curves of a comparison's cell show: computed once for all visitors, and from one cell at a time, since the
metrics of all cells together may take a gigabyte."""

from collections.abc import Mapping
from typing import Any

from nnlab.analysis.diagnosis import Diagnosis, diagnose
from nnlab.comparison.cell_runs import CellRun
from nnlab.comparison.table import Cell, cell_row
from nnlab.lab import Lab
from nnlab.ui.shared.cache import Cache, curves_size

_rows: Cache[Mapping[str, Any]] = Cache()
_diagnoses: Cache[Diagnosis] = Cache()


def row_of(lab: Lab, cell: CellRun) -> Mapping[str, Any]:
    """The `cell_row` of a cell."""

    def compute() -> Mapping[str, Any]:
        return cell_row(cell.experiment, Cell(cell.results, lab.cell_metrics(cell)))

    return _rows.get((cell.version, cell.seeds), compute, size_of_curves(cell))


def diagnosis_of(lab: Lab, cell: CellRun) -> Diagnosis:
    """The diagnosis of a cell that has finished."""

    def compute() -> Diagnosis:
        return diagnose(lab.cell_metrics(cell), cell.results, cell.experiment)

    return _diagnoses.get((cell.version, cell.seeds), compute, size_of_curves(cell))


def size_of_curves(cell: CellRun) -> int:
    """The bytes that the curves of a cell take, whole."""
    return sum(map(curves_size, cell.runs))
