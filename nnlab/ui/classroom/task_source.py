"""What an assignment is made of: the experiment or comparison of an address, and where a teacher takes it from."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import streamlit as st

from nnlab.catalogue.presets import preset_comparisons, presets
from nnlab.spec import Comparison, Experiment
from nnlab.spec.errors import Problem, SpecError
from nnlab.spec.text import link_parameters
from nnlab.ui.shared.comparison_naming import comparison_summary, comparison_title
from nnlab.ui.shared.naming import ago, experiment_title
from nnlab.ui.shared.problems import refusals
from nnlab.ui.shared.run_links import newest_runs
from nnlab.ui.shared.run_names import distinct_titles
from nnlab.ui.shared.widgets import clickable
from nnlab.ui.shell.frame import Page

NEWEST = 30  # of the teacher's runs and comparisons
Task = Experiment | Comparison
Params = Mapping[str, str]


def task_of(page: Page, params: Params) -> Task | None:
    """The experiment or comparison of an address: of a run, of a comparison, or written out; None if it has none.
    Raises SpecError."""
    if run_id := params.get("run"):
        if (run := page.lab.run(run_id)) is None:
            raise SpecError([Problem("run", run_id, "type", expected="id of a run")])
        return run.experiment
    if comparison_id := params.get("comparison"):
        if (found := page.lab.comparison_state(comparison_id)) is None:
            raise SpecError([Problem("comparison", comparison_id, "type", expected="id of a comparison")])
        return found.comparison
    if "vary" in params:
        return Comparison.from_query(params)
    return Experiment.from_query(params) if any("." in name for name in params) else None


def pasted_link(text: str) -> dict[str, str]:
    """The parameters of a pasted address that are of a task."""
    given = link_parameters(parse_qsl(urlsplit(text.strip()).query or text.strip().lstrip("?")))
    return {name: value for name, value in given.items() if isinstance(value, str) and _of_task(name)}


def _of_task(name: str) -> bool:
    return "." in name or name in ("run", "comparison", "vary", "values", "by", "by_values")


def choose_source(page: Page, use: Any) -> None:
    """The places from which a task can be taken; `use` gets the parameters of its address."""
    t = page.t
    sources = {
        "presets": t("A preset"),
        "draft": t("My draft on Build"),
        "runs": t("A run of mine"),
        "comparisons": t("A comparison of mine"),
        "link": t("A link"),
    }
    if "draft-valid" not in st.session_state:
        del sources["draft"]
    kind = st.segmented_control(
        t("Take it from"),
        list(sources),
        format_func=lambda name: clickable(sources[name]),
        key="make-from",
        default="presets",
        required=True,
    )
    if kind == "link":
        with st.form("make-link-form", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
            st.text_input(t("Link of an experiment, a run or a comparison"), key="make-link", max_chars=4000)
            st.form_submit_button(t("Use it"), key="make-link-go", on_click=_use_link, args=(page, use))
        return
    if kind == "draft":
        experiment, _ = st.session_state["draft-valid"]
        st.button(
            t("Use {what}", what=experiment_title(experiment, t)),
            key="make-draft",
            on_click=use,
            args=(experiment.to_query(),),
        )
        return
    offered = _offered(page, str(kind))
    if not offered:
        st.caption(t("There is none yet."))
        return

    def chosen() -> None:
        if name := st.session_state[f"make-{kind}"]:
            use(offered[name][1])

    look: dict[str, Any] = {"index": None, "placeholder": t("Choose one"), "width": 520}
    label, ids = sources[str(kind)], list(offered)
    st.selectbox(label, ids, format_func=lambda one: offered[one][0], key=f"make-{kind}", on_change=chosen, **look)


def _offered(page: Page, kind: str) -> dict[str, tuple[str, dict[str, str]]]:
    """By id: the title, and the parameters of the address."""
    t = page.t
    if kind == "runs":
        runs = newest_runs(page, NEWEST)
        titles = distinct_titles(runs, t)
        return {run.id: (f"{titles[run.id]} · {ago(run.created, t)}", run.experiment.to_query()) for run in runs}
    if kind == "comparisons":
        mine = page.lab.comparisons(page.owner, limit=NEWEST)
        return {
            one.id: (f"{comparison_title(one, t)} · {ago(one.created, t)}", one.comparison.to_query()) for one in mine
        }
    found = {name: (experiment_title(one, t), one.to_query()) for name, one in presets.items()}
    for name, one in preset_comparisons.items():
        found[f"compare-{name}"] = (f"{t('Comparison')}: {comparison_summary(one, t)}", one.to_query())
    return found


def _use_link(page: Page, use: Any) -> None:
    with refusals(page):
        params = pasted_link(st.session_state["make-link"])
        if (task := task_of(page, params)) is None:
            st.session_state["refused"] = page.t("This link holds no experiment, run or comparison.")
        else:
            use(task.to_query())
