"""What the arguments EXPERIMENT and COMPARISON, and the options that change them, mean."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import click

from nnlab.catalogue.classics import classics
from nnlab.catalogue.presets import presets
from nnlab.spec import KNOBS, Comparison, Experiment
from nnlab.spec.text import from_link


def experiment_from(source: str, changes: Sequence[str]) -> Experiment:
    """The experiment of a preset's name, a file or a link, with the changes of --set."""
    if source in presets:
        experiment = presets[source]
    elif (params := _params(source)) is not None:
        if not any(name.partition(".")[0] in ("data", "model", "train") for name in params):
            raise click.UsageError("EXPERIMENT: this link carries no experiment (nothing like data.name=moons).")
        experiment = Experiment.from_query(params)
    else:
        try:
            content = Path(source).read_bytes()
        except (OSError, ValueError):
            raise click.UsageError(
                f"EXPERIMENT: got '{source}', allowed is a preset ({', '.join(presets)}), a JSON file or a link."
            ) from None
        experiment = Experiment.from_json(content)
    return _changed(experiment, changes)


def comparison_from(
    source: str, vary: str | None, by: str | None, seeds: str | None, changes: Sequence[str]
) -> Comparison:
    """The comparison of a source, changed by the options; or a new one of the source's experiment."""
    stored = _stored_comparison(source)
    if stored is None and vary is None:
        raise click.UsageError("--vary: it is missing; allowed is a name and values, as depth=1,2,4,8.")
    experiment = experiment_from(source, changes) if stored is None else _changed(stored.experiment, changes)
    own = ("vary", "values", "by", "by_values", "seeds")  # the others are the experiment's
    query = {name: text for name, text in stored.to_query().items() if name in own} if stored else {}
    for option, values, text in (("vary", "values", vary), ("by", "by_values", by)):
        if text is not None:
            query[option], query[values] = _split(f"--{option}", text, "depth=1,2,4,8")
    if seeds is not None:
        query["seeds"] = seeds
    return Comparison.from_query({**query, **experiment.to_query()})


def baseline_place(comparison: Comparison, text: str) -> int:
    """The place of the cell that `depth=1` or `depth=1,activation=relu` names."""
    from nnlab.comparison.table import place_of

    given = dict(_split("--baseline", part, "depth=1") for part in text.split(","))
    knobs = [knob for knob in (comparison.vary, comparison.by) if knob]
    if set(given) != set(knobs):
        raise click.UsageError(f"--baseline: got '{text}', allowed is a value for {' and for '.join(knobs)}.")
    values = {name: given[knob] for name, knob in zip(("values", "by_values"), knobs, strict=False)}
    try:
        return place_of(comparison, Comparison.from_query(comparison.to_query() | values).points[0])
    except ValueError as error:
        raise click.UsageError(f"--{error}" if str(error).startswith("baseline") else str(error)) from None


def _stored_comparison(source: str) -> Comparison | None:
    """The comparison of a classic's name, a link or a file; None if the source is not a comparison."""
    if source in classics:
        return classics[source].comparison
    if (params := _params(source)) is not None:
        return Comparison.from_query(params) if "vary" in params or "values" in params else None
    try:
        content = json.loads(Path(source).read_bytes())
    except (OSError, ValueError):
        return None
    is_comparison = isinstance(content, dict) and ("comparison" in content or "experiment" in content)
    return Comparison.of(content) if is_comparison else None


def _changed(experiment: Experiment, changes: Sequence[str]) -> Experiment:
    values: dict[str, Any] = dict(_split("--set", change, "train.lr=0.01") for change in changes)
    for name, text in values.items():
        values[name] = from_link(name, text)  # 64-32 or x1-x2
        if values[name] is text:
            with suppress(ValueError):
                values[name] = json.loads(text)  # 0.01; relu stays text
    experiment = experiment.set({name: value for name, value in values.items() if name not in KNOBS})
    for knob in filter(KNOBS.__contains__, values):
        experiment = experiment.vary(knob, values[knob])
    return experiment


def _params(source: str) -> Mapping[str, str] | None:
    """The parameters of a link; None if the source is not a link."""
    if "=" not in source and "://" not in source:
        return None
    query = urlsplit(source).query if "://" in source or "?" in source else source
    return {name: values[-1] for name, values in parse_qs(query, keep_blank_values=True).items()}


def _split(option: str, text: str, example: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise click.UsageError(f"{option}: got '{text}', allowed is a name and a value, as {example}.")
    return name.strip(), value
