"""What is wrong with an experiment, as one sentence in the visitor's language."""

from __future__ import annotations

import re
from collections.abc import Mapping

from nnlab.spec.errors import Problem
from nnlab.ui.shared.labels import field_name
from nnlab.ui.shell.text import Text, mark

_CONFLICTS: Mapping[str, str] = {
    "early_stopping_needs_validation": mark("Early stopping needs a validation share above 0."),
    "shares_exceed_one": mark("Validation and test together must leave at least a tenth for training."),
    "too_few_samples": mark("The training part would be too small; use more samples or smaller shares."),
    "one_fold": mark("One fold would leave nothing to train on; allowed is from 2 to 20."),
    "folds_need_split": mark("This data has too few samples to be split into folds."),
    "folds_exceed_class": mark("Every fold needs a sample of every class; take fewer folds or more samples."),
    "loss_needs_binary": mark("Binary cross-entropy needs data with two classes."),
    "loss_needs_classes": mark("Cross-entropy needs data with classes."),
    "loss_needs_regression": mark("Mean squared error is for data with numbers to predict."),
    "seeds_repeat": mark("Every seed may appear only once."),
    "values_repeat": mark("Every value may appear only once."),
    "knob_without_effect": mark("This data has no such setting."),
    "source_not_trained": mark("What it starts from has not been trained under these seeds; train it first."),
    "data_not_here": mark("The files are not on this machine yet; Build offers to download them."),
    "labels_repeat": mark("Every class may appear only once."),
    "sources_nested": mark("At most three experiments may start one from the other."),
    "source_inputs": mark("The run it starts from must have as many inputs as this data."),
    "source_needs_layers": mark("Both networks need a hidden layer, for the first layers to be taken over."),
    "source_differs": mark(
        "The layers taken over must have the same width, activation, normalisation and skip connection in both."
    ),
}

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
        body = t(_CONFLICTS[problem.expected]) if problem.expected in _CONFLICTS else str(problem)
    elif problem.kind in ("choice", "unknown"):
        body = t("{got} is not known here; allowed is {choices}.", got=got, choices=", ".join(problem.choices))
    elif problem.kind == "json":
        body = t("This is not the text of an experiment: {got}", got=got)
    else:
        expected = t(_KINDS[problem.expected]) if problem.expected in _KINDS else problem.expected
        body = t("{got} does not fit; wanted is {expected}.", got=got, expected=expected)
    return f"{field_name(problem.field, t)}: {body}" if with_field else body
