"""What the arguments EXPERIMENT and COMPARISON, and the options that change them, mean."""

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import click

from nnlab.catalogue.classics import classics
from nnlab.catalogue.presets import presets
from nnlab.cli.output import note
from nnlab.spec import FIELDS, KNOBS, Comparison, Experiment
from nnlab.spec.errors import shortened
from nnlab.spec.text import MOST_TEXT, from_link, link_parameters, parse_json

_QUESTION = ("vary", "values", "by", "by_values")
_OF_PAGES = ("lang", "comparison", "run")  # they say what a page shows, not what is trained
_KNOWN = {*FIELDS, *_QUESTION, *_OF_PAGES, "seeds", "baseline", "margin"}

Parameters = Mapping[str, Any]


def experiment_from(source: str, changes: Sequence[str]) -> Experiment:
    """The experiment of a preset's name, a file or a link, with the changes of --set."""
    read = presets[source] if source in presets else _read(source)
    if isinstance(read, Mapping):
        _note_unused(read, (*_QUESTION, "baseline", "margin"))
    return _changed(_experiment(read), changes)


def comparison_from(
    source: str, vary: str | None, by: str | None, seeds: str | None, changes: Sequence[str]
) -> Comparison:
    """The comparison of a source, changed by the options; or a new one of the source's experiment."""
    read = presets.get(source) or (b"" if source in classics else _read(source))
    stored = classics[source].comparison if source in classics else _comparison(read)
    if stored is None and vary is None:
        raise click.UsageError("--vary: it is missing; allowed is a name and values, as depth=1,2,4,8.")
    if isinstance(read, Mapping):
        _note_unused(read, ("baseline", "margin", *(() if stored else ("seeds",))))
    experiment = _changed(stored.experiment if stored else _experiment(read), changes)
    own = (*_QUESTION, "seeds")  # the others are the experiment's
    query = {name: text for name, text in stored.to_query().items() if name in own} if stored else {}
    for option, values, text in (("vary", "values", vary), ("by", "by_values", by)):
        if text is not None:
            query[option], query[values] = _split(f"--{option}", text, "depth=1,2,4,8")
    if seeds is not None:
        query["seeds"] = seeds
    return Comparison.from_query({**query, **experiment.to_query()})


def seeds_from(source: str, usual: str) -> str:
    """The seeds of a link that has some, as Build's; else the usual ones."""
    read = None if source in presets or os.path.exists(source) else _link(source)
    return str((read or {}).get("seeds", usual))


def baseline_place(comparison: Comparison, text: str) -> int:
    """The place of the cell that `depth=1` or `depth=1,activation=relu` names."""
    from nnlab.comparison.table import place_of

    given = _options("--baseline", text.split(","), "depth=1")
    knobs = [knob for knob in (comparison.vary, comparison.by) if knob]
    if set(given) != set(knobs):
        shown = shortened(text)
        raise click.UsageError(f"--baseline: got '{shown}', allowed is a value for {' and for '.join(knobs)}.")
    values = {name: given[knob] for name, knob in zip(("values", "by_values"), knobs, strict=False)}
    try:
        return place_of(comparison, Comparison.from_query(comparison.to_query() | values).points[0])
    except ValueError as error:
        raise click.UsageError(f"--{error}" if str(error).startswith("baseline") else str(error)) from None


def _read(source: str) -> bytes | Parameters:
    """The content of a file, else the parameters of a link."""
    if os.path.exists(source):
        return _content(Path(source))
    if (params := _link(source)) is not None:
        return params
    raise click.UsageError(
        f"EXPERIMENT: got '{shortened(source)}', allowed is a preset ({', '.join(presets)}), a JSON file or a link."
    )


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            content = opened.read(MOST_TEXT + 1)
    except OSError as error:
        raise click.UsageError(f"EXPERIMENT: the file {file} cannot be read: {error.strerror}.") from None
    if len(content) > MOST_TEXT:
        raise click.UsageError(f"EXPERIMENT: the file {file} is too large, allowed are {MOST_TEXT:,} bytes.")
    return content


def _link(source: str) -> Parameters | None:
    """The parameters of a link; None if the source is not one."""
    if "=" not in source and "://" not in source:
        return None
    try:
        query = urlsplit(source).query if "://" in source or "?" in source else source
        params = link_parameters(parse_qsl(query, keep_blank_values=True))
    except ValueError as error:  # a link to a host like [ or with a thousand parameters
        why = shortened(str(error))
        raise click.UsageError(f"EXPERIMENT: got '{shortened(source)}', which is no link: {why}.") from None
    if unknown := [name for name in params if name not in _KNOWN]:
        raise click.UsageError(
            f"EXPERIMENT: not understood in the link: {', '.join(map(shortened, unknown[:5]))}; allowed are names as "
            f"data.name, model.hidden, train.lr, vary, values, seeds."
        )
    return params


def _note_unused(params: Parameters, names: Iterable[str]) -> None:
    if unused := [name for name in names if name in params]:
        note(f"Not used of the link: {', '.join(unused)}.")


def _experiment(read: Experiment | bytes | Parameters) -> Experiment:
    if isinstance(read, Experiment):
        return read
    if isinstance(read, bytes):
        return Experiment.from_json(read)
    if not any(name in FIELDS for name in read):
        raise click.UsageError("EXPERIMENT: this link carries no experiment (nothing like data.name=moons).")
    return Experiment.from_query(read)


def _comparison(read: Experiment | bytes | Parameters) -> Comparison | None:
    """The comparison; None if it is an experiment."""
    if isinstance(read, Mapping):
        return Comparison.from_query(read) if any(name in read for name in _QUESTION) else None
    if isinstance(read, bytes):
        content = parse_json(read, "comparison")
        is_comparison = isinstance(content, dict) and ("comparison" in content or "experiment" in content)
        return Comparison.of(content) if is_comparison else None
    return None


def _changed(experiment: Experiment, changes: Sequence[str]) -> Experiment:
    values: dict[str, Any] = dict(_options("--set", changes, "train.lr=0.01"))
    for name, text in values.items():
        values[name] = from_link(name, text)  # 64-32 or x1-x2
        if values[name] is text:
            with suppress(ValueError):
                values[name] = parse_json(text, name)  # 0.01; relu stays text
    experiment = experiment.set({name: value for name, value in values.items() if name not in KNOBS})
    for knob in filter(KNOBS.__contains__, values):
        experiment = experiment.vary(knob, values[knob])
    return experiment


def _options(option: str, texts: Iterable[str], example: str) -> dict[str, str]:
    """Names and values; no name may be there twice."""
    found: dict[str, str] = {}
    for name, value in (_split(option, text, example) for text in texts):
        if name in found:
            raise click.UsageError(f"{option}: got {shortened(name)} twice, allowed is one value for each name.")
        found[name] = value
    return found


def _split(option: str, text: str, example: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise click.UsageError(f"{option}: got '{shortened(text)}', allowed is a name and a value, as {example}.")
    return name.strip(), value
