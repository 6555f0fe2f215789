"""What the students of a class have varied."""

from collections.abc import Sequence

from nnlab.spec import FIELDS, Experiment
from nnlab.spec.comparison import not_compared

Knobs = tuple[str, ...]


def varied_knobs(experiments: Sequence[Experiment]) -> Knobs:
    """The fields in which some of these experiments differ; of the hidden layers `depth` or `width` where only that
    differs."""
    fields = [field for field in FIELDS if len({_hashable(one.knob(field)) for one in experiments}) > 1]
    return tuple(_layers(experiments) if field == "model.hidden" else field for field in fields)


def comparable(knobs: Knobs, experiments: Sequence[Experiment]) -> bool:
    """Whether the scores of experiments that differ in these knobs can be compared: they are of the same problem."""
    return not any(not_compared(knob, one.data) for knob in knobs for one in experiments)


def _layers(experiments: Sequence[Experiment]) -> str:
    models = [one.model for one in experiments]
    if any(not isinstance(width, int) for model in models for width in model.hidden):
        return "model.hidden"
    widths = {width for model in models for width in model.widths}
    if len(widths) == 1:
        return "depth"
    alike = all(len(set(model.widths)) == 1 for model in models)
    return "width" if alike and len({model.depth for model in models}) == 1 else "model.hidden"


def _hashable(value: object) -> object:
    return repr(value) if isinstance(value, (list, tuple)) else value
