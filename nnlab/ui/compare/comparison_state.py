"""The state of a comparison: table, finding, curves, time left; computed once for all visitors as cells change."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import cached_property
from time import monotonic
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from nnlab.analysis.design import Design
from nnlab.analysis.statistics import interval
from nnlab.charts.comparison import capacity_rows
from nnlab.comparison.answer_text import AnswerText
from nnlab.comparison.answers import Answer, answer, needs_curves
from nnlab.comparison.cell_runs import CellRun
from nnlab.comparison.findings import Finding, FindingText, finding
from nnlab.comparison.table import Cell, Judged, cell_row, judge, scores_table, with_differences
from nnlab.engines.base import METRICS
from nnlab.lab import ComparisonRun, Lab
from nnlab.ui.compare.knobs import is_number, value_texts
from nnlab.ui.shared.cache import Cache
from nnlab.ui.shared.cell_results import row_of, size_of_curves
from nnlab.ui.shared.comparison_naming import knob_name, value_names
from nnlab.ui.shared.naming import value_words
from nnlab.ui.shared.reading import read_once
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.ticks import live

ENDS = "", "_low", "_high"
CURVES = ("epoch", *(f"{name}{end}" for name in METRICS for end in ENDS))
WAITING = 3  # how much longer a tick takes while nothing of a comparison trains
TICK = 1.0  # seconds between two drawings while a comparison trains, at least
CELLS_PER_SECOND = 50  # a tick takes longer where there are more cells
Curve = NDArray[np.float32]  # (epochs, columns of CURVES)
NO_CURVE: Curve = np.empty((0, len(CURVES)), np.float32)


class Results(NamedTuple):
    """What the finished cells of a comparison show."""

    table: pd.DataFrame  # of all cells; nan where a cell has not finished
    finding: Finding
    judged: Judged  # against the best, or against a baseline
    answer: Answer | None  # to the question of a classic or preset comparison, once all cells have finished

    @property
    def reference(self) -> int | None:
        """Place of the cell that the others are compared with."""
        return self.judged.reference


_results: Cache[Results] = Cache()
_curves: Cache[Curve] = Cache()
_latest: Cache[pd.DataFrame] = Cache()
_capacity: Cache[pa.Table] = Cache()


def results_of(lab: Lab, run: ComparisonRun, baseline: int | None = None, margin: float | None = None) -> Results:
    """The results so far; differences are to the cell in the place `baseline`, or to the best cell. Those below
    `margin` are without importance, see `finding`."""
    grows = run.comparison.values, run.comparison.by_values, run.comparison.seeds  # under the same id
    finished = tuple(None if cell.active else cell.version for cell in run.cells)
    key = run.id, grows, finished, baseline, margin, run.test_opened is not None
    networks = sum(len(each.seeds) for each in run.runs)
    size = networks * run.comparison.experiment.data.sizes[1] // 4  # of the scores of single samples, packed
    done = {place: row_of(lab, cell) for place, cell in enumerate(run.cells) if not cell.active}
    return _results.get(key, lambda: _compute_results(lab, run, done, baseline, margin), size)


def _compute_results(
    lab: Lab, run: ComparisonRun, done: Mapping[int, Mapping[str, Any]], baseline: int | None, margin: float | None
) -> Results:
    """`done`: the rows of the finished cells by their places."""
    rows = [done.get(place) or cell_row(cell.experiment, Cell(None, None)) for place, cell in enumerate(run.cells)]
    cells = [Cell(cell.results, None, cell.active or cell.complete) for cell in run.cells]
    table = scores_table(run.comparison, cells, test=run.test_opened is not None, rows=rows)
    verdicts = table["verdict"].tolist()
    among = judge(run.comparison, cells, verdicts)  # with 200 cells of MNIST a third of a second
    judged = among if baseline is None else judge(run.comparison, cells, verdicts, baseline)
    found = finding(table, run.comparison, cells, margin, among)
    return Results(with_differences(table, judged), found, judged, _answer(lab, run, among))


def _answer(lab: Lab, run: ComparisonRun, judged: Judged) -> Answer | None:
    if any(cell.active or not cell.complete for cell in run.cells):
        return None
    needed = needs_curves(run.comparison)
    cells = [Cell(cell.results, lab.cell_metrics(cell) if needed else None) for cell in run.cells]
    return answer(run.comparison, cells, judged)


class View:
    """A comparison as one visitor sees it at one moment, with its names in the visitor's language."""

    def __init__(
        self, page: Page, run: ComparisonRun, baseline: int | None = None, margin: float | None = None
    ) -> None:
        self.page, self.run, self.baseline, self.margin = page, run, baseline, margin
        self.t, self.comparison, self.cells = page.t, run.comparison, run.cells
        self.score = self.comparison.experiment.score
        self.knob = knob_name(self.comparison.vary, self.t)
        self.by = knob_name(self.comparison.by, self.t) if self.comparison.by else ""
        self.values = value_names(self.comparison.vary, self.comparison.values, self.t)
        self.by_values = value_names(self.comparison.by or "", self.comparison.by_values, self.t)
        self.names = [(value, by) for by in self.by_values or ("",) for value in self.values]  # of the cells

    @cached_property
    def results(self) -> Results:
        return results_of(self.page.lab, self.run, self.baseline, self.margin)

    @property
    def text(self) -> FindingText:
        """The sentences about the finding."""
        return self._text(self.results.finding)

    def _text(self, found: Finding) -> FindingText:
        return FindingText(found, self.t, knob_name, value_words)

    @property
    def guess(self) -> str:
        """What the visitor expected, beside the outcome; empty without a guess."""
        guess, values = self.run.guesses.get(self.page.owner), self.comparison.values
        texts = dict(zip(value_texts(values), values, strict=True))
        outcome = self._text(Finding("incomplete", self.comparison.vary)) if self.run.active else self.text
        if guess == "":
            return outcome.guessed_no_difference()
        return outcome.guessed(texts[guess]) if guess in texts else ""

    @property
    def answer(self) -> str:
        """The answer to the question of a classic or preset comparison; empty where there is none."""
        found = self.results.answer
        return AnswerText(found, self.t, knob_name, value_words).sentence() if found else ""

    @property
    def ordered(self) -> bool:
        """Whether the first knob's values are numbers."""
        values = self.comparison.values
        return is_number(self.comparison.vary) and all(isinstance(value, (int, float)) for value in values)

    @property
    def look(self) -> dict[str, Any]:
        """What the charts of the first knob have in common."""
        return {"kind": self.score, "ordered": self.ordered, "labels": self.page.words}

    @property
    def part(self) -> str:
        """The part whose scores and curves are shown first."""
        if self.results.reference is not None:
            return self.results.finding.part
        return "validation" if self.has_validation else "train"

    @property
    def has_validation(self) -> bool:
        return all(one.data.sizes[1] for one in self.comparison.experiments)

    def short_names(self) -> list[str]:
        """The values of each cell: `4`, or `4 · ReLU` with a second knob."""
        return [" · ".join(filter(None, names)) for names in self.names]

    def full_name(self, place: int) -> str:
        """A cell with knobs and values: "depth 4", "depth 4, activation ReLU"."""
        value, by_value = self.names[place]
        return f"{self.knob} {value}" + (f", {self.by} {by_value}" if self.by else "")

    @cached_property
    def latest_table(self) -> pd.DataFrame:
        """The table, with the scores of the last epoch for cells that still train: for charts. Callers do not change
        it."""
        return _latest.get(self._moment, self._latest_table)

    def capacity_rows(self) -> pa.Table:
        """The rows of the chart of scores by the first knob's values: for Arrow, which a chart takes as they are."""

        def make() -> pa.Table:
            knob = self.comparison.vary
            rows = capacity_rows(self.latest_table.assign(**{knob: self.values}), knob, self.score)
            return pa.Table.from_pandas(rows, preserve_index=False)

        return _capacity.get((*self._moment, self.values), make)

    @property
    def _moment(self) -> tuple[Hashable, ...]:
        """What the latest scores depend on."""
        of = self.comparison
        opened = self.run.test_opened is not None
        versions = tuple(cell.version for cell in self.cells)
        return self.run.id, of.values, of.by_values, of.seeds, versions, opened, self.baseline, self.margin

    def _latest_table(self) -> pd.DataFrame:
        table = self.results.table.copy()
        for place, cell in enumerate(self.cells):
            if cell.results or not cell.run.epoch:
                continue
            last = self.page.lab.metrics(cell.run.id, after=cell.run.epoch - 1)
            last = last[last["epoch"] == last["epoch"].max()]
            for part in ("train", "validation"):
                over = interval(last[f"{part}_score"], Design.of(cell.experiment, part))
                table.loc[place, [f"{part}_{self.score}{end}" for end in ENDS]] = over.mean, over.low, over.high
        return table

    def curves(self, points: int) -> list[Curve]:
        """The curve of each cell, with at most so many points."""
        return [self._curve(cell, points) if cell.run.epoch else NO_CURVE for cell in self.cells]

    def _curve(self, cell: CellRun, points: int) -> Curve:
        def read() -> Curve:
            return self.page.lab.cell_curves(cell, points)[list(CURVES)].to_numpy(np.float32)

        size = size_of_curves(cell) if cell.experiment.train.patience else 0
        return _curves.get((cell.version, cell.seeds, points), read, size)


def curve_rows(curves: Sequence[Curve], columns: Sequence[str], ends: Sequence[float] = ()) -> pa.Table:
    """The rows of a chart of curves: `place`, then the columns. `ends` are values of two rows that belong to no curve
    (place -1) and stretch the chart's axis."""
    wanted = [CURVES.index(name) for name in columns]
    blocks = [curve[:, wanted] for curve in curves]
    places = np.repeat(np.arange(len(blocks), dtype=np.float32), [len(block) for block in blocks])
    if len(ends):
        blocks.append(np.array([[1.0, *[end] * (len(wanted) - 1)] for end in ends], np.float32))
        places = np.append(places, np.full(len(ends), -1, np.float32))
    whole = np.concatenate(blocks)
    return pa.table({"place": places, **{name: whole[:, i] for i, name in enumerate(columns)}})


def seconds_left(lab: Lab, run: ComparisonRun) -> float:
    """Time until all cells have finished, behind what goes before them in the queue; at least a second."""
    return max(1.0, lab.forecast(run.owner).left({one.id for one in run.runs}))


def auto_refresh(page: Page, opened: ComparisonRun, seconds: float, draw: Callable[[ComparisonRun], None]) -> None:
    """Draw a comparison, and again every so many seconds while it is active: less often while all its cells wait."""
    fresh, since = [opened], monotonic()  # the page has just read it

    def read() -> ComparisonRun | None:
        return page.lab.comparison(opened.id)

    def again() -> float | None:
        run = fresh.pop() if fresh else read_once(opened.id, TICK, read, since)
        if run is not None:
            draw(run)
        return every and every * (1 if run is None or any(one.state == "running" for one in run.runs) else WAITING)

    every = max(seconds, len(opened.cells) / CELLS_PER_SECOND) if opened.active else None
    live(again, every)()
