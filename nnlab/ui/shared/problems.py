"""What is wrong with an experiment, as one sentence in the visitor's language."""

from __future__ import annotations

import re
from collections.abc import Mapping

from nnlab.spec.errors import CONFLICTS, Problem
from nnlab.ui.shared.labels import field_name
from nnlab.ui.shell.text import Text, mark

_KINDS: Mapping[str, str] = {
    "number": mark("a number"),
    "whole number": mark("a whole number"),
    "text": mark("text"),
    "list": mark("a list"),
    "object": mark("a group of fields"),
    "true or false": mark("yes or no"),
}


_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+!|$<>~:])")
"""Signs that would be formatting: what somebody typed is shown as typed."""


def problem_text(problem: Problem, t: Text, with_field: bool = True) -> str:
    """One sentence: which field, what it was, what is allowed."""
    typed = t.plain(problem.got) if isinstance(problem.got, float) else problem.shown
    got = "–" if problem.got is None else _MARKDOWN.sub(r"\\\1", typed)
    if problem.kind == "range":
        low, high = (t.whole(v) if float(v).is_integer() else t.plain(v) for v in (problem.low or 0, problem.high or 0))
        body = t("{got} is out of bounds; allowed is from {low} to {high}.", got=got, low=low, high=high)
    elif problem.kind == "conflict":
        body = t(CONFLICTS[problem.expected])
    elif problem.kind in ("choice", "unknown"):
        body = t("{got} is not known here; allowed is {choices}.", got=got, choices=", ".join(problem.choices))
    elif problem.kind == "json":
        body = t("This is not the text of an experiment: {got}", got=got)
    else:
        expected = t(_KINDS[problem.expected]) if problem.expected in _KINDS else problem.expected
        body = t("{got} does not fit; wanted is {expected}.", got=got, expected=expected)
    return f"{field_name(problem.field, t)}: {body}" if with_field else body
