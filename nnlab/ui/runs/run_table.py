"""The runs as a table that can be filtered and sorted; fast with several hundred of them."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from nnlab.store import STATES as ALL_STATES
from nnlab.store import Run
from nnlab.ui.shared.labels import STATES
from nnlab.ui.shared.naming import ago, network_title, run_title, seeds_words, value_name
from nnlab.ui.shared.run_row import score_text, score_value
from nnlab.ui.shared.sortable_table import rows_key, sortable
from nnlab.ui.shell.text import UNKNOWN, Text


def matching(runs: Sequence[Run], words: str, states: Sequence[str], t: Text) -> list[Run]:
    """The runs in one of the states (in any, if none is given) whose row contains every word."""
    wanted = words.lower().split()

    def fits(run: Run) -> bool:
        text = " ".join([run_title(run, t), _data(run, t), network_title(run.experiment, t), run.id])
        return all(word in text.lower() for word in wanted)

    return [run for run in runs if (not states or run.state in states) and (not wanted or fits(run))]


def states_of(runs: Sequence[Run]) -> list[str]:
    """The states that occur, in their usual order."""
    there = {run.state for run in runs}
    return [state for state in ALL_STATES if state in there]


def runs_table(runs: Sequence[Run], t: Text) -> list[Run]:
    """Draws the table and returns the runs of the selected rows. A click anywhere in a row selects it."""
    names = {
        "name": t("Name"),
        "data": t("Data"),
        "network": t("Network"),
        "state": t("State"),
        "score": t("Score"),
        "when": t("When"),
    }
    frame = pd.DataFrame(
        {
            "name": [run_title(run, t) for run in runs],
            "data": [_data(run, t) for run in runs],
            "network": [f"{network_title(run.experiment, t)} · {seeds_words(run, t)}" for run in runs],
            "state": [_state(run, t) for run in runs],
            "score": [score_value(run) for run in runs],
            "when": [pd.Timestamp(run.created) for run in runs],
        }
    ).rename(columns=names)
    shown = sortable(
        frame,
        {
            names["score"]: [score_text(run, t) or UNKNOWN for run in runs],
            names["when"]: [ago(run.created, t) for run in runs],
        },
    )
    column = st.column_config
    chosen: Any = st.dataframe(
        shown,
        hide_index=True,
        key=rows_key("runs", [run.id for run in runs]),
        on_select="rerun",
        selection_mode=("multi-row", "single-cell"),
        height=min(560, 38 + 35 * max(1, len(runs))),
        column_config={
            names["name"]: column.TextColumn(width="medium"),
            names["data"]: column.TextColumn(width="small"),
            names["network"]: column.TextColumn(width="small"),
            names["state"]: column.TextColumn(width="small"),
            names["score"]: column.NumberColumn(
                width="small",
                help=t(
                    "On the validation part; mean and 95 % interval over the seeds. It covers what a seed varies: new "
                    "samples, other splits, or only the samples of this part."
                ),
            ),
            names["when"]: column.DatetimeColumn(width="small"),
        },
        alt=t("Your runs"),
    )
    picked = set(chosen.selection.rows) | {row for row, _ in chosen.selection.cells}
    return [run for i, run in enumerate(runs) if i in picked]


def _data(run: Run, t: Text) -> str:
    return value_name("data.name", run.experiment.data.name, t)


def _state(run: Run, t: Text) -> str:
    state = STATES[run.state]
    word = f"{state.sign} {t(state.word)}"
    return f"{word} {t.percent(run.progress, 0)}" if run.state in ("running", "paused") else word
