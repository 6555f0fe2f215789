"""The entries of Runs as a table that can be filtered and sorted: runs, and comparisons as one row each."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from nnlab.store import STATES as ALL_STATES
from nnlab.store import Run, StoredComparison
from nnlab.ui.shared.comparison_row import best_scores, best_text
from nnlab.ui.shared.labels import STATES
from nnlab.ui.shared.naming import ago, experiment_title, seeds_words
from nnlab.ui.shared.run_names import Entry, distinct_titles
from nnlab.ui.shared.run_row import score_text, score_value
from nnlab.ui.shared.sortable_table import rows_key, sortable
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import UNKNOWN, Text

WIDTHS = {"name": 320, "seeds": 100, "state": 140, "score": 176, "when": 128}  # pixels: 1280 px show all


def entry_names(entries: Sequence[Entry], t: Text) -> dict[str, str]:
    """The name of each entry by its id, with data and network."""
    titles = distinct_titles(entries, t)
    for one in entries:
        if isinstance(one, Run) and one.name:
            titles[one.id] += f" · {experiment_title(one.experiment, t)}"
    return titles


def matching(
    entries: Sequence[Entry], names: Mapping[str, str], words: str, states: Sequence[str], t: Text
) -> list[Entry]:
    """The entries in one of the states (in any, if none is given) whose row contains every word."""
    wanted = words.lower().split()

    def fits(one: Entry) -> bool:
        text = f"{names[one.id]} {one.id}".lower()
        return all(word in text for word in wanted)

    return [one for one in entries if (not states or one.state in states) and (not wanted or fits(one))]


def states_of(entries: Sequence[Entry]) -> list[str]:
    """The states that occur, in their usual order."""
    there = {one.state for one in entries}
    return [state for state in ALL_STATES if state in there]


def runs_table(page: Page, entries: Sequence[Entry], names: Mapping[str, str]) -> list[Entry]:
    """Draws the table and returns the entries of the selected rows. A click anywhere in a row selects it."""
    t = page.t
    heads = dict(
        zip(
            WIDTHS,
            (t("Name"), t("Seeds"), t("State"), t("Score"), t("When")),
            strict=True,
        )
    )
    scores = _scores(page, entries)
    frame = pd.DataFrame(
        {
            "name": [("" if isinstance(one, Run) else "▸ ") + names[one.id] for one in entries],
            "seeds": [_seeds(one, t) for one in entries],
            "state": [_state(one, t) for one in entries],
            "score": [score for score, _ in scores],
            "when": [pd.Timestamp(one.created) for one in entries],
        }
    ).rename(columns=heads)
    shown = sortable(
        frame,
        {
            heads["score"]: [words or UNKNOWN for _, words in scores],
            heads["when"]: [ago(one.created, t) for one in entries],
        },
    )
    column = st.column_config
    kinds: dict[str, Any] = {"score": column.NumberColumn, "when": column.DatetimeColumn}
    helps = {
        "score": t(
            "On the validation part; mean and 95 % interval over the seeds. It covers what a seed varies: new "
            "samples, other splits, or only the samples of this part."
        )
    }
    chosen: Any = st.dataframe(
        shown,
        hide_index=True,
        key=rows_key("runs", [one.id for one in entries]),
        on_select="rerun",
        selection_mode=("multi-row", "single-cell"),
        height=min(560, 38 + 35 * max(1, len(entries))),
        column_config={
            heads[name]: kinds.get(name, column.TextColumn)(width=width, help=helps.get(name))
            for name, width in WIDTHS.items()
        },
        alt=t("Your runs"),
    )
    picked = set(chosen.selection.rows) | {row for row, _ in chosen.selection.cells}
    return [one for i, one in enumerate(entries) if i in picked]


def _scores(page: Page, entries: Sequence[Entry]) -> list[tuple[float, str]]:
    """The score of each entry to sort by, and as it is shown."""
    compared = [one for one in entries if isinstance(one, StoredComparison)]
    best = dict(zip((one.id for one in compared), best_scores(page, compared), strict=True))
    return [
        (score_value(one), score_text(one, page.t))
        if isinstance(one, Run)
        else (best[one.id], best_text(one, best[one.id], page.t))
        for one in entries
    ]


def _seeds(one: Entry, t: Text) -> str:
    if isinstance(one, Run):
        return seeds_words(one, t)
    return t.many("{n} seed", "{n} seeds", len(one.comparison.seeds))


def _state(one: Entry, t: Text) -> str:
    state = STATES[one.state]
    word = f"{state.sign} {t(state.word)}"
    if isinstance(one, StoredComparison):
        return f"{word} {t.whole(one.done)} / {t.whole(len(one.cells))}"
    return f"{word} {t.percent(one.progress, 0)}" if one.state in ("running", "paused") else word
