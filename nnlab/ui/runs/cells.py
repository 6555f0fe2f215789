"""The runs of one comparison as entries of Runs."""

from collections.abc import Sequence
from itertools import product
from typing import Any

import streamlit as st

from nnlab.comparison.cell_runs import ComparisonRun
from nnlab.store import Run
from nnlab.ui.shared.comparison_naming import comparison_title, setting_words, value_names, varied
from nnlab.ui.shared.naming import seeds_words
from nnlab.ui.shared.run_names import Entry
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import Text, in_markdown


def cell_entries(page: Page, opened: ComparisonRun) -> tuple[Sequence[Entry], dict[str, str]]:
    """Draws whose runs these are, with the way back; the runs in the order of the cells, and their names."""
    t = page.t
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="opened-comparison"):
        look: dict[str, Any] = {"icon": ":material/arrow_back:", "key": "all-runs", "type": "tertiary"}
        st.button(t("All runs"), on_click=page.set_query, args=({},), **look)
        name = in_markdown(comparison_title(opened, t))
        page.link("compare", name, {"comparison": opened.id}, width="content")
    names: dict[str, str] = {}
    runs: list[Run] = []
    for cell, words in zip(opened.cells, _cell_names(opened, t), strict=True):
        for run in cell.runs:
            if run.id not in names and not run.deleted:
                names[run.id] = words if len(cell.runs) == 1 else f"{words} · {seeds_words(run, t)}"
                runs.append(run)
    return runs, names


def _cell_names(opened: ComparisonRun, t: Text) -> list[str]:
    """ "depth 4", "depth 4, activation ReLU"."""
    first, *second = (
        [setting_words(knob, value, t) for value in value_names(knob, values, t)]
        for knob, values in varied(opened.comparison).items()
    )
    return [", ".join((one, *other)) for other in product(*second) for one in first]
