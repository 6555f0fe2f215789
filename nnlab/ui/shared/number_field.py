"""Fields for numbers. A browser's own number field reads them by the browser's language: with an English one, `0,03`
is 3."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from nnlab.spec.errors import Problem, SpecError
from nnlab.ui.shared.problems import show_problem
from nnlab.ui.shared.typed_numbers import Typed, read_number, typed_problems
from nnlab.ui.shared.widgets import bound
from nnlab.ui.shell.text import Text

Take = Callable[[Any], None]


def number_field(
    label: str, value: float | Typed | None, take: Take, *, key: str, t: Text, whole: bool = False, **options: Any
) -> None:
    """A field that shows `value` and passes what is typed to `take`: a number, None where the field was emptied, or
    `Typed` text, whose problem the caller shows."""

    def read(text: str) -> None:
        try:
            take(read_number(text, whole=whole) if text.strip() else None)
        except SpecError:
            take(Typed(text, whole))

    shown = value.text if isinstance(value, Typed) else "" if value is None else t.plain(value)
    st.text_input(label, **bound(key, shown, read), **options)


def bounded_number_field(
    label: str, value: float, low: float, high: float, take: Take, *, key: str, t: Text, **options: Any
) -> None:
    """As `number_field`, for a value outside a form: what is no number from `low` to `high` stays as typed with the
    reason below, and `take` is not called. Where `low` is an int, only whole numbers are allowed."""
    state, refused, whole = st.session_state, f"{key}-refused", isinstance(low, int)

    def check(new: float | Typed | None) -> None:
        problems = list(typed_problems(Typed("", whole) if new is None else new))
        if isinstance(new, int | float) and not low <= new <= high:
            problems = [Problem("", new, "range", low, high)]
        state[refused] = (value, new, problems[0]) if problems else None
        if not problems:
            take(new)

    beside, typed, problem = state.get(refused) or (None, None, None)
    if beside != value:  # another value has come from elsewhere
        typed, problem = value, None
    number_field(label, typed, check, key=key, t=t, whole=whole, **options)
    if problem is not None:
        show_problem(problem, t)
