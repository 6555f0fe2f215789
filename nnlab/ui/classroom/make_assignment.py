"""Making an assignment: what students start with, what they may change, what is asked; and how it looks to them."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from nnlab.engines.costs import estimate_seconds
from nnlab.settings import settings
from nnlab.spec import FIELDS, Comparison, Experiment
from nnlab.spec.assignment import MOST_QUESTION, MOST_TITLE, OPEN_IN_EXPERIMENT, Assignment
from nnlab.spec.data import OPTIONAL_FIELDS
from nnlab.spec.errors import SpecError
from nnlab.spec.hidden import PARTS
from nnlab.store import Class
from nnlab.ui.classroom.rights import as_teacher
from nnlab.ui.classroom.task_source import Task, choose_source, task_of
from nnlab.ui.shared.assigned import fixed_words, open_words
from nnlab.ui.shared.comparison_naming import comparison_summary, experiment_summary
from nnlab.ui.shared.due import due_field, typed_due, until_words
from nnlab.ui.shared.hiding import hideable_name
from nnlab.ui.shared.labels import field_name
from nnlab.ui.shared.pictures import on_server
from nnlab.ui.shared.problems import link_warning, problem_text, show_refusal
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import Text, Texts, in_markdown, lines_in_markdown, mark

GROUPS = (
    (mark("Data"), ("data.n_samples", "data.noise"), "data."),
    (mark("Network"), ("depth", "width", "model.activation"), "model."),
    (mark("Training"), ("train.optimizer", "train.lr", "train.epochs", "train.batch_size"), "train."),
)
"""As on Build: the heading, the fields in sight, and the part whose other fields stand under "More"."""
NEVER = ("data.name", "data.classes", "data.features", "train.start_from")  # behind "More" too: another problem
IN_COMPARISON: Texts = {"vary": "Which setting is varied, over which values", "values": "Only the values"}
OPEN, SEEDS = "make-open", 10


def make_page(page: Page) -> None:
    """Draws the form: first the task, then what is asked of the class."""
    t, query = page.t, page.query()
    st.title(t("Make an assignment"), anchor=False)
    show_refusal()
    if made := st.session_state.pop("opened-assignment", None):
        page.go("classroom", {"assignment": made})
    classes = page.lab.store.taught(page.person)
    if not classes:
        st.info(t("First make the class that it is for."), icon=":material/group_add:")
        page.link("classroom", t("Your classes"), width="content")
        return
    task: Task | None = None
    try:
        task = task_of(page, query)
    except SpecError as error:
        link_warning(page, error.problems[:1])

    def use(params: dict[str, str]) -> None:
        kept = {name: value for name, value in query.items() if name in ("make", "class")}
        page.set_query({**kept, **params})

    with st.container(border=True, key="make-task"):
        st.markdown(f"#### 1 · {t('What students start with')}", anchors=False)
        if task is not None:
            st.markdown(f"**{in_markdown(_summary(task, t))}**")
            _about_the_data(page, task, use)
        with st.expander(t("Something else"), expanded=task is None) if task is not None else st.container():
            choose_source(page, use)
    if task is not None:
        _form(page, task, classes)


def _summary(task: Task, t: Text) -> str:
    return comparison_summary(task, t) if isinstance(task, Comparison) else experiment_summary(task, t)


def _about_the_data(page: Page, task: Task, use: Any) -> None:
    """Say if it is still to be downloaded; and where all seeds share their samples, a class is no larger than one
    student: offer the other way."""
    t = page.t
    experiment = task.experiment if isinstance(task, Comparison) else task
    if not on_server(experiment.data):
        words = t("This needs the data, which is not on this server yet: download it on the Build page.")
        st.warning(words, icon=":material/download:")
    best = experiment.data.facts.per_seed[0]
    if experiment.data.per_seed != "weights" or best == "weights":
        return
    words = t(
        "All seeds of this task share their samples, so the seeds of a whole class say little more than those of "
        "one student. Let every seed draw its own."
    )
    st.info(words, icon=":material/casino:")
    own = experiment.set({"data.per_seed": best})
    changed = task.model_copy(update={"experiment": own}) if isinstance(task, Comparison) else own
    label = t("New samples for every seed") if best == "samples" else t("Another split for every seed")
    st.button(label, key="make-own", on_click=use, args=(changed.to_query(),))


def _form(page: Page, task: Task, classes: Sequence[Class]) -> None:
    t = page.t
    with st.container(border=True, key="make-open-fields"):
        st.markdown(f"#### 2 · {t('What students may change')}", anchors=False)
        _open_fields(page, task)
        _hidden_parts(page, task)
    with st.container(border=True, key="make-question"):
        st.markdown(f"#### 3 · {t('What you ask')}", anchors=False)
        left, right = st.columns([3, 2], gap="medium")
        with left:
            st.text_input(t("Title"), key="make-title", max_chars=MOST_TITLE, placeholder=t("How deep?"))
            st.text_area(t("Question"), key="make-text", max_chars=MOST_QUESTION, height=110)
            help_text = t(
                "Students choose one before their first training; the assignment's page shows them beside the outcome."
            )
            st.text_area(
                t("Answers to guess from, one a line (none: no guess)"), key="make-guess", height=110, help=help_text
            )
        with right:
            _class_field(page, classes)
            help_text = t("Every student has other seeds, so 30 students with 10 seeds are one experiment of 300.")
            st.number_input(t("Seeds for each student"), 1, 100, SEEDS, key="make-seeds", help=help_text, width=200)
            due_field(page, "make-due")
            st.caption(_cost(page, task))
    assignment = _assignment(page, task)
    with st.container(border=True, key="make-preview"):
        st.markdown(f"#### 4 · {t('As a student sees it')}", anchors=False)
        _preview(page, assignment)
    look: dict[str, Any] = {"type": "primary", "icon": ":material/assignment_add:", "key": "make-go"}
    st.button(
        t("Make the assignment"),
        on_click=_create,
        args=(page, task),
        disabled=not isinstance(assignment, Assignment),
        **look,
    )


def _open_fields(page: Page, task: Task) -> None:
    t = page.t
    if isinstance(task, Comparison):
        for field, words in IN_COMPARISON.items():
            st.checkbox(t(words), key=f"{OPEN}-{field}")
        return
    fixed = {f"data.{name}" for name in OPTIONAL_FIELDS - task.data.facts.uses}
    for (heading, first, prefix), column in zip(GROUPS, st.columns(3, gap="medium"), strict=True):
        with column:
            st.markdown(f"**{t(heading)}**")
            for field in first:
                if field not in fixed:
                    _checkbox(page, field)
            with st.expander(t("More")):
                for field in FIELDS:
                    if field.startswith(prefix) and field not in (*first, *fixed, *NEVER):
                        _checkbox(page, field)


def _checkbox(page: Page, field: str) -> None:
    st.checkbox(field_name(field, page.t), key=f"{OPEN}-{field}")


def _hidden_parts(page: Page, task: Task) -> None:
    t = page.t
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        st.multiselect(
            t("Not shown to students"),
            PARTS,
            format_func=lambda part: hideable_name(part, t),
            key="make-hidden",
            placeholder=t("nothing"),
            width=560,
        )
        if isinstance(task, Experiment):
            st.toggle(t("Hide what they may not change"), key="make-hide-locked")


def _class_field(page: Page, classes: Sequence[Class]) -> None:
    ids = [one.id for one in classes]
    names = {one.id: one.name for one in classes}
    wanted = page.query().get("class")
    index = ids.index(wanted) if wanted in ids else 0
    st.selectbox(page.t("Class"), ids, index, format_func=names.__getitem__, key="make-class")


def _cost(page: Page, task: Task) -> str:
    """About how long a try takes, and those of a class of 30 on these workers."""
    t, seeds = page.t, int(st.session_state.get("make-seeds", SEEDS))
    experiments = task.experiments if isinstance(task, Comparison) else (task,)
    seconds = sum(estimate_seconds(one, seeds) for one in experiments)
    whole = 30 * seconds / max(1, settings().workers)
    return t(
        "A try takes about {one}; if 30 students train at once, {all}.", one=t.seconds(seconds), all=t.seconds(whole)
    )


def _assignment(page: Page, task: Task) -> Assignment | str:
    """The assignment as it is typed, or a sentence about what is missing."""
    state = st.session_state
    allowed = IN_COMPARISON if isinstance(task, Comparison) else OPEN_IN_EXPERIMENT
    opened = [field for field in allowed if state.get(f"{OPEN}-{field}")]
    title = state.get("make-title", "").strip()
    if not title:
        return page.t("It needs a title.")
    hidden = list(state.get("make-hidden", []))
    if state.get("make-hide-locked") and isinstance(task, Experiment):
        layers = {"model.hidden"} if {"depth", "width"} & set(opened) else set()
        hidden += [field for field in FIELDS if field not in opened and field not in layers]
    values = {
        "title": title,
        "question": state.get("make-text", ""),
        "task": task,
        "open_fields": opened,
        "hidden": hidden,
        "seeds": int(state.get("make-seeds", SEEDS)),
        "guess": [line.strip() for line in state.get("make-guess", "").splitlines() if line.strip()],
        "due": typed_due("make-due"),
    }
    try:
        return Assignment.of(values)
    except SpecError as error:
        return problem_text(error.problems[0], page.t)


def _preview(page: Page, given: Assignment | str) -> None:
    t = page.t
    if isinstance(given, str):
        st.caption(given)
        return
    st.markdown(f"**{in_markdown(given.title)}**")
    if given.question:
        st.markdown(lines_in_markdown(given.question))
    if given.due:
        st.caption(until_words(given.due, t))
    if given.guess:
        st.radio(
            t("What do you expect?"),
            given.guess,
            index=None,
            format_func=in_markdown,
            horizontal=True,
            key="make-guess-preview",
            disabled=True,
        )
    st.markdown(f"{open_words(given, t)} {fixed_words(given, t)}")


def _create(page: Page, task: Task) -> None:
    given = _assignment(page, task)
    class_id = st.session_state["make-class"]
    if isinstance(given, Assignment):
        as_teacher(page, class_id, _make, page, given, class_id)


def _make(page: Page, given: Assignment, class_id: str) -> None:
    st.session_state["opened-assignment"] = page.lab.create_assignment(given, class_id)
