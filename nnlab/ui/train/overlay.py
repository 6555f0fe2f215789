"""Other runs laid over the curves of a run: chosen below the charts and part of the link."""

from __future__ import annotations

import streamlit as st

from nnlab.store import Run
from nnlab.ui.shared.run_links import MOST_OVERLAID
from nnlab.ui.shell.frame import Page
from nnlab.ui.train.curve_charts import overlaid_names


def overlaid_runs(page: Page, run: Run) -> dict[str, Run]:
    """The runs that the link lays over this one, by id; only those with the same kind of score."""
    named = [one for one in page.query().get("with", "").split(",") if one and one != run.id][:MOST_OVERLAID]
    found = {run_id: page.lab.run(run_id) for run_id in named}
    return {run_id: one for run_id, one in found.items() if one and one.experiment.score == run.experiment.score}


def overlay_choice(page: Page, run: Run, overlaid: dict[str, Run]) -> None:
    """The choice among the visitor's runs with the same kind of score."""
    t, score = page.t, run.experiment.score
    own = page.lab.runs(page.owner, limit=200)
    choices = overlaid | {
        one.id: one for one in own if one.id != run.id and one.experiment.score == score and one.epoch
    }
    if not choices:
        return
    names = dict(zip(choices, overlaid_names(list(choices.values()), t), strict=True))
    st.session_state["overlay"] = list(overlaid)

    def write_link() -> None:
        chosen = st.session_state["overlay"]
        link = {name: value for name, value in page.query().items() if name != "with"}
        page.set_query(link | ({"with": ",".join(chosen)} if chosen else {}))

    st.multiselect(
        t("Overlay other runs"),
        list(choices),
        format_func=lambda run_id: names.get(run_id, run_id),
        key="overlay",
        max_selections=MOST_OVERLAID,
        placeholder=t("Choose runs"),
        select_all=False,
        on_change=write_link,
    )
