"""What is wrong with an experiment or refused by the lab, as one sentence in the visitor's language."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import streamlit as st

from nnlab.lab import NotYours, UnknownRun
from nnlab.spec import KNOBS
from nnlab.spec.errors import CONFLICTS, SPACE, Problem, SpecError
from nnlab.store import StoreUnavailable
from nnlab.ui.shared.labels import field_name
from nnlab.ui.shell.failure import not_carried_out
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import UNKNOWN, Text, Texts, in_markdown

_KINDS: Texts = {
    "number": "a number",
    "whole number": "a whole number",
    "number without separators": "a number without thousands separators, such as 1000 or 0.5",
    "whole number without separators": "a whole number without separators, such as 1000",
    "text": "text",
    "list": "a list",
    "object": "a group of fields",
    "true or false": "yes or no",
    "list of widths as 8-8-4 (0 for none)": "a list of widths as 8-8-4 (0 for none)",
    "list of classes as 5-6-9 (0 for all)": "a list of classes as 5-6-9 (0 for all)",
}


def problem_text(problem: Problem, t: Text, with_field: bool = True) -> str:
    """One sentence: the field, its value and what is allowed."""
    if problem.got is None:
        got = UNKNOWN
    elif isinstance(problem.got, int | float) and not isinstance(problem.got, bool):
        got = _number(problem.got, t)
    else:
        got = in_markdown(problem.shown)
    if problem.kind == "range":
        low, high = _number(problem.low or 0, t), _number(problem.high or 0, t)
        body = t("{got} is out of range; allowed is from {low} to {high}.", got=got, low=low, high=high)
    elif problem.kind == "memory":
        sizes = {"needs": t.size(problem.needs), "has": t.size(problem.has), "high": _number(problem.high or 0, t)}
        body = t(
            "{got} needs about {needs} of memory; a worker may use {has}, which is enough for {high}.", got=got, **sizes
        )
    elif problem.kind == "conflict":
        body = t(CONFLICTS[problem.expected])
    elif problem.kind in ("choice", "unknown"):
        body = t("{got} is unknown; allowed is {choices}.", got=got, choices=", ".join(problem.choices))
    elif problem.kind == "space":
        need, used, most = (t.size(value or 0) for value in (problem.got, problem.low, problem.high))
        body = t(SPACE[problem.expected], need=need, used=used, most=most)
    elif problem.kind == "fixed":
        fixed = problem.expected
        with suppress(ValueError):  # a number, as the language writes it
            fixed = t.plain(float(fixed))
        body = t("The assignment fixes it at {fixed}; got {got}.", fixed=in_markdown(fixed), got=got)
    elif problem.kind == "json":
        body = t("This is not the text of an experiment: {got}", got=got)
    else:
        expected = t(_KINDS[problem.expected]) if problem.expected in _KINDS else problem.expected
        body = t("{got} is invalid; allowed is {expected}.", got=got, expected=expected)
    name = field_name(problem.field, t)
    if problem.field in ("vary", "by") and isinstance(problem.got, str) and problem.kind == "conflict":
        name += f" ({field_name(KNOBS.get(problem.got, problem.got), t)})"
    return f"{name}: {body}" if with_field else body


def show_problem(problem: Problem, t: Text) -> None:
    """The reason why a field's value is invalid, below the field."""
    st.markdown(f":red[:material/error: {problem_text(problem, t, with_field=False)}]")


def _number(value: float, t: Text) -> str:
    return t.whole(value) if abs(value) < 1e15 and float(value).is_integer() else t.plain(value)


def link_warning(page: Page, problems: Sequence[Problem]) -> None:
    """Which values of the link were ignored, if any."""
    if problems:
        words = " ".join(problem_text(problem, page.t) for problem in problems[:5])
        ignored = page.t("The link contains an invalid value; it was ignored. {problem}", problem=words)
        st.warning(ignored, icon=":material/link_off:")


@contextmanager
def refusals(page: Page, not_yours: str = "") -> Iterator[None]:
    """Around what a callback does: `show_refusal` shows on the page that follows what the lab or the store refused.

    `not_yours` is the sentence for a run or comparison that belongs to somebody else."""
    try:
        yield
    except SpecError as error:
        st.session_state["refused"] = problem_text(error.problems[0], page.t)
    except (NotYours, UnknownRun):
        st.session_state["refused"] = not_yours
    except StoreUnavailable as error:
        st.session_state["refused"] = not_carried_out(error.reason, page.t)


def show_refusal() -> None:
    if refused := st.session_state.pop("refused", None):
        st.error(refused, icon=":material/block:")
