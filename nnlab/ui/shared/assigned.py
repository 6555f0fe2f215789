"""The assignment that a page is opened under: what a student may change there, and how it is handed in."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import streamlit as st

from nnlab.lab import NotYours
from nnlab.spec import FIELDS, Comparison, Experiment
from nnlab.spec.assignment import LAYERS, Assignment
from nnlab.spec.errors import Problem, SpecError
from nnlab.spec.text import from_link, link_text, list_text, value_text
from nnlab.store import StoredAssignment
from nnlab.ui.shared.due import is_over, until_words
from nnlab.ui.shared.labels import field_name
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import Text, in_markdown

ESSENTIAL = (
    *("data.name", "data.n_samples", "data.noise", *LAYERS, "model.activation"),
    *("train.optimizer", "train.lr", "train.epochs", "train.batch_size"),
)
"""Fields that are named where all that is fixed would be too much."""
FEW, MANY = 4, 6  # names of locked fields in a sentence; of open ones


class Assigned(NamedTuple):
    """An assignment as one of its participants, or its teacher, works on it."""

    stored: StoredAssignment
    seeds: tuple[int, ...]  # the participant's own
    collected: bool  # False: its teacher tries it

    @property
    def id(self) -> str:
        return self.stored.id

    @property
    def assignment(self) -> Assignment:
        return self.stored.assignment

    def link(self, answer: Experiment | Comparison) -> dict[str, str]:
        """The parameters of a link to an answer: the assignment, and the values of what is open."""
        return {"assignment": self.id, **open_values(self.assignment, answer)}


def open_values(assignment: Assignment, answer: Experiment | Comparison) -> dict[str, str]:
    """The values of what is open, as in a link."""
    if isinstance(answer, Experiment):
        return {path: link_text(answer.knob(path)) for path in FIELDS if assignment.is_open(path)}
    values = {"vary": answer.vary, "values": list_text(answer.values)}
    values |= {"by": answer.by, "by_values": list_text(answer.by_values)} if answer.by else {}
    return {name: value for name, value in values.items() if assignment.is_open(name)}


def read_answer(assignment: Assignment, link: Mapping[str, str]) -> tuple[Experiment, list[Problem]]:
    """The experiment of a link under an assignment, and what of the link is invalid or fixed."""
    changes, answer, problems = dict[str, object](), assignment.experiment, list[Problem]()
    for path, text in sorted(link.items(), key=lambda item: item[0] != "data.name"):  # which brings its own defaults
        try:
            value = from_link(path, text)
            if path not in FIELDS:
                raise SpecError([Problem(path, text, "unknown", choices=FIELDS)])
            if not assignment.is_open(path):
                fixed = assignment.experiment.knob(path)
                raise SpecError([Problem(path, text, "fixed", expected=value_text(fixed))])
            answer = assignment.changed({**changes, path: value})
            assignment.check(answer)
            changes[path] = value
        except SpecError as error:
            problems += error.problems[:1]
    return assignment.changed(changes), problems


def opened_assignment(page: Page) -> Assigned | None:
    """The assignment of the address; None without one. Who has not started it, or is not in its class, is sent to it,
    and who presses Train after it was deleted, which would train something else that is not handed in."""
    if not (wanted := page.query().get("assignment")):
        return None
    t, stored = page.t, page.lab.store.assignment(wanted)
    if page.person.role == "visitor":
        words = t("There is no assignment at this address; its teacher may have deleted it. This is your own work.")
        st.warning(words, icon=":material/link_off:")
        return None
    if stored is None or stored.deleted:
        page.go("classroom", {"assignment": wanted})
        return None
    if page.name != (place := page_of(stored.assignment)):
        page.go(place, {"assignment": stored.id})
    participant = page.lab.store.participant(stored.id, page.owner)
    guessed = participant and (participant.guess is not None or not stored.assignment.guess)
    if participant and guessed and in_class(page, stored.class_id):
        return Assigned(stored, stored.assignment.seeds_of(participant.place), True)
    if page.lab.store.teaches(page.person, stored.class_id):
        return Assigned(stored, stored.assignment.seeds_of(0), False)
    page.go("classroom", {"assignment": stored.id})
    return None


def page_of(assignment: Assignment) -> str:
    """The page on which an assignment is trained."""
    return "compare" if isinstance(assignment.task, Comparison) else "build"


def in_class(page: Page, class_id: str) -> bool:
    """Whether the visitor is in a class."""
    return any(one.id == class_id for one in page.lab.store.joined(page.person))


def banner(page: Page, task: Assigned) -> None:
    """One line above a page: the assignment, and what it fixes."""
    t, assignment = page.t, task.assignment
    with st.container(border=True, gap="xsmall", key="assignment-banner"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            icon = ":material/assignment:"
            page.link("classroom", f"**{in_markdown(assignment.title)}**", {"assignment": task.id}, icon=icon)
            if assignment.due:
                st.caption(until_words(assignment.due, t), width="content")
        st.markdown(" ".join(filter(None, (open_words(assignment, t), fixed_words(assignment, t), _seeds(task, t)))))
        if not task.collected:
            st.caption(t("This is what your students see. What you train here is not handed in."))
        elif is_over(assignment.due):
            st.caption(t("The date has passed: what you hand in now is marked as late."))


def open_words(assignment: Assignment, t: Text) -> str:
    """What may be changed: "You can change: **depth**." """
    if not assignment.open_fields:
        return t("You can change nothing: train it and see.")
    if len(assignment.open_fields) > MANY:
        return t("You can change what has no lock.")
    return t("You can change: {fields}.", fields=f"**{_names(assignment.open_fields, t)}**")


def fixed_words(assignment: Assignment, t: Text) -> str:
    """What is locked: "Fixed by the assignment: learning rate, epochs."; empty if nothing that is shown."""
    if isinstance(assignment.task, Comparison):
        locked = ["experiment", *(name for name in ("vary", "values") if not assignment.is_open(name)), "seeds"]
        return t("Fixed by the assignment: {fields}.", fields=_names(locked, t))
    locked = [name for name in ESSENTIAL if not (assignment.is_open(name) or name in assignment.hidden)]
    if not locked:
        return ""
    names = _names(locked, t) if len(locked) <= FEW else t("everything else")
    return t("Fixed by the assignment: {fields}.", fields=names)


def _names(fields: Sequence[str], t: Text) -> str:
    names = {"experiment": t("Experiment")}
    return ", ".join(names.get(field) or field_name(field, t) for field in fields)


def _seeds(task: Assigned, t: Text) -> str:
    if not task.collected:
        return ""
    first, last = task.seeds[0], task.seeds[-1]
    shown = t.whole(first) if first == last else f"{t.whole(first)}–{t.whole(last)}"
    return t("Your seeds, which nobody else in the class has: {seeds}.", seeds=shown)


def hand_in(page: Page, task: Assigned, answer: Experiment | Comparison) -> str:
    """Trains an answer and hands it in, that of its teacher without handing it in; the id of its run or comparison.
    Raises SpecError where it is refused."""
    lab, assignment = page.lab, task.assignment
    if task.collected and not in_class(page, task.stored.class_id):  # taken out of it since the page was drawn
        raise NotYours(task.id)
    if task.collected:
        return lab.submit_try(task.id, answer, page.owner).id
    assignment.check(answer)
    if isinstance(answer, Comparison):
        return lab.submit_comparison(answer.model_copy(update={"seeds": task.seeds}), page.owner).id
    return lab.submit(answer, task.seeds, page.owner).id
