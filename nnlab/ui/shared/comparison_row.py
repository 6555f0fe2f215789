"""A comparison as one row: name, state, how many of its cells are done, the best score, time."""

import math
from collections.abc import Sequence

import streamlit as st

from nnlab.store import StoredComparison
from nnlab.ui.shared.cache import Cache
from nnlab.ui.shared.run_row import row_places
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import Text, in_markdown
from nnlab.ui.shell.ticks import live

_best: Cache[float] = Cache()


def comparison_row(page: Page, one: StoredComparison, title: str) -> None:
    """Draws the row, with the widths of `run_row`; it is updated while a cell is under way."""
    live(_row, 2.0 if one.active else None)(page, one, title)


def _row(page: Page, seen: StoredComparison, title: str) -> None:
    t = page.t
    one = (page.lab.comparison_state(seen.id) or seen) if seen.active else seen
    if seen.active and not one.active:
        st.rerun()
    name, course, score = row_places(t, one)
    with name:
        page.link("compare", in_markdown(title), {"comparison": one.id}, icon=":material/stacked_line_chart:")
    course.caption(cells_done(one, t))
    score.markdown(best_text(one, best_scores(page, [one])[0], t))


def cells_done(one: StoredComparison, t: Text) -> str:
    """ "5 of 8 networks"."""
    return t.many("{done} of {n} network", "{done} of {n} networks", len(one.cells), done=t.whole(one.done))


def best_scores(page: Page, comparisons: Sequence[StoredComparison]) -> list[float]:
    """The best mean score of each comparison; nan before one has results."""
    keys = [(one.id, one.cells, one.states, one.comparison.seeds) for one in comparisons]
    return _best.many(keys, lambda missing: page.lab.best_scores([comparisons[i] for i in missing]))


def best_text(one: StoredComparison, score: float, t: Text) -> str:
    """ "best 84.4 %"; empty while there is none."""
    return "" if math.isnan(score) else t("best {score}", score=t.score(score, one.comparison.experiment.score))
