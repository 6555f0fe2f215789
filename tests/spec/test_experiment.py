"""Whatever comes in is a valid experiment or one sentence that names the field; texts, links and keys are exact."""

from __future__ import annotations

import json
import pickle
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from nnlab.catalogue.presets import preset_comparisons, presets
from nnlab.spec import (
    DATASETS,
    FIELDS,
    KNOBS,
    MAX_SEED,
    MAX_SEEDS,
    Comparison,
    DataSpec,
    Experiment,
    LayerSpec,
    ModelSpec,
    StartFrom,
    TrainSpec,
    as_seeds,
    parse_seeds,
    seeds_text,
)
from nnlab.spec.errors import Problem, SpecError
from nnlab.spec.knobs import Bounds, bounds

SENTENCE = re.compile(r"\S.*: (got .*, (allowed is|but) .*|there is no such field; .*)\.")


def field_bounds(path: str) -> Bounds:
    return bounds(Experiment, path.split("."))


def refused_or(make: Any, *arguments: Any) -> Any:
    """What `make` gives, or None where it refuses; anything but a SpecError of one sentence escapes."""
    try:
        return make(*arguments)
    except SpecError as caught:
        error = caught
    for problem in error.problems:
        sentence = str(problem)
        assert SENTENCE.fullmatch(sentence), sentence
        assert sentence.isprintable()
        sentence.encode()  # no half characters
    assert str(error) == str(error.problems[0])
    return None


# -- strategies ------------------------------------------------------------------------------------------------------


def _nested(depth: int) -> Any:
    value: Any = 0
    for _ in range(depth):
        value = [value]
    return value


_any_text = st.text(st.characters(), max_size=20)  # surrogates, nulls and line ends among them
_ODD: list[Any] = [
    *(10**400, 10**5000, -(10**5000), float("nan"), float("inf"), -0.0),
    *("", "\0", "\ud800", "a\nb", "8-8", "[", "null", "9" * 5000, "[" * 20_000, b"\xff"),
    *(_nested(800), {1: 2}, {"int": 3}, {("a", 1): 2}, [None], [[8]], object),
]
# by number, not sampled_from: Hypothesis wants to print what it samples from
_odd = st.integers(0, len(_ODD) - 1).map(lambda number: _ODD[number])
_scalar = st.none() | st.booleans() | st.integers() | st.floats() | _any_text | _odd
anything = st.recursive(
    _scalar, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_any_text | st.integers(), inner, max_size=4)
)
_json_value = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _any_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_any_text, inner, max_size=4),
)
_field = st.sampled_from(FIELDS)
_layer = st.integers(1, 4096) | st.fixed_dictionaries(
    {"width": st.integers(1, 4096)},
    optional={
        "activation": st.none() | st.sampled_from(field_bounds("model.activation").choices),
        "norm": st.none() | st.sampled_from(field_bounds("model.norm").choices),
        "dropout": st.none() | st.floats(0, 0.95),
        "residual": st.none() | st.booleans(),
    },
)


def _values_of(path: str) -> st.SearchStrategy[Any]:
    """Values a field admits by itself."""
    bounds = field_bounds(path)
    if path == "model.hidden":
        return st.lists(_layer, max_size=6)
    if path == "data.labels":
        return st.just([]) | st.lists(st.integers(0, 9), min_size=2, unique=True)
    if path == "data.terms":
        return st.lists(st.sampled_from(bounds.choices), min_size=1, unique=True)
    if path == "train.start_from":
        return st.none() | _sources({})
    if bounds.choices:
        return st.sampled_from(bounds.choices)
    if bounds.low is None or bounds.high is None:
        return st.booleans()
    part, _, name = path.partition(".")
    kind = {"data": DataSpec, "model": ModelSpec, "train": TrainSpec}[part].model_fields[name].annotation
    if kind is int:
        return st.integers(int(bounds.low), int(bounds.high))
    return st.floats(bounds.low, bounds.high) | st.just(-0.0 if bounds.low == 0 else bounds.low)


def _sources(model: dict[str, Any]) -> st.SearchStrategy[Any]:
    """What to start from: a network of this kind, on any data, or what starts from one."""
    source = st.fixed_dictionaries(
        {"model": st.just(model), "data": _data_of({}), "train": st.fixed_dictionaries({"lr": st.floats(0.001, 1)})}
    )
    layers = st.integers(1, 3)
    once = st.fixed_dictionaries({"experiment": source, "layers": layers, "frozen": st.integers(0, 2)})
    twice = st.fixed_dictionaries(
        {"experiment": st.tuples(source, once).map(lambda two: two[0] | {"train": {"start_from": two[1]}})}
        | {"layers": layers}
    )
    return once | twice


def _data_of(values: dict[str, Any]) -> st.SearchStrategy[Any]:
    names = st.just(values["name"]) if "name" in values else st.sampled_from(["moons", "xor", "digits"])
    return st.fixed_dictionaries(
        {"name": names}, optional={"labels": st.sampled_from([[5, 6], [1, 9, 3]])}
    )  # terms would change the inputs


@st.composite
def _possible_values(draw: st.DrawFn) -> dict[str, Any]:
    values: dict[str, Any] = {"data": {}, "model": {}, "train": {}}
    for path in draw(st.sets(_field)):
        part, _, name = path.partition(".")
        values[part][name] = draw(_values_of(path))
    if "start_from" in values["train"] and draw(st.booleans()):  # such that it can be: the same network
        values["train"]["start_from"] = draw(_sources(values["model"]))
        values["data"] = draw(_data_of(values["data"]))
        values["train"]["start_from"]["experiment"]["data"] = {"name": values["data"]["name"]}
    return values


def _made(values: Any) -> Experiment | None:
    try:
        return Experiment.of(values)
    except SpecError:
        return None


experiments = _possible_values().map(_made).filter(lambda made: made is not None)
slow = settings(suppress_health_check=list(HealthCheck))


# -- anything at all -------------------------------------------------------------------------------------------------


@given(anything | st.fixed_dictionaries({}, optional={"data": anything, "model": anything, "train": anything}))
@slow
def test_any_value_is_an_experiment_or_one_sentence(values: Any):
    made = refused_or(Experiment.of, values)
    assert made is None or Experiment.from_json(made.to_json()) == made


@given(_field, anything)
@slow
def test_any_value_of_any_field_is_taken_or_refused_by_that_fields_name(path: str, value: Any):
    part, _, name = path.partition(".")
    values = {part: {name: value}}
    if refused_or(Experiment.of, values) is None:
        with pytest.raises(SpecError) as caught:
            Experiment.of(values)
        fields = {problem.field.partition("[")[0].partition(" ")[0] for problem in caught.value.problems}
        # what is possible by itself may contradict a default of the rest, nothing else
        inside = any(field.startswith(f"{path}.") for field in fields)  # of what it starts from
        assert path in fields or inside or caught.value.problems[0].kind == "conflict"
    refused_or(Experiment().set, {path: value})
    refused_or(Experiment().vary, path, value)


@given(st.dictionaries(_field | _any_text | st.integers(), anything, max_size=4) | anything)
@slow
def test_any_change_is_an_experiment_or_one_sentence(changes: Any):
    refused_or(Experiment().set, changes)


@given(st.sampled_from([*KNOBS, *FIELDS]) | anything, anything)
@slow
def test_any_value_of_any_knob_is_an_experiment_or_one_sentence(knob: Any, value: Any):
    refused_or(presets["binary"].vary, knob, value)


@given(_json_value.map(json.dumps) | _any_text | st.binary(max_size=40))
@example("[" * 100_000)
@example('{"data":' * 50_000)
@example('{"data":{"noise":' + "[" * 900 + "]" * 900 + "}}")
@example('{"data":{"noise":NaN}}')
@example('{"data":{"n_samples":' + "9" * 5000 + "}}")
@example('{"\\ud800":"\\ud800"}')
@example('{"data":{"name":"\\ud800\\u0000"}}')
@example(b"\xff\xfe")
@example("﻿{}")
@slow
def test_any_text_is_an_experiment_or_one_sentence(text: str | bytes):
    refused_or(Experiment.from_json, text)
    refused_or(Comparison.from_json, text)


_parameters = st.dictionaries(
    _field | _any_text | _any_text.map("data.".__add__) | st.sampled_from(["vary", "values", "seeds"]),
    _any_text | _odd | st.lists(_any_text, max_size=3) | st.sampled_from(["1", "0.5", "8-8", "true", "[[8],[4]]"]),
    max_size=5,
)


@given(_parameters)
@example({"model.hidden": "[" * 100_000})
@example({"values": "[" * 100_000})
@example({"values": "[{}]"})
@example({"data.\n\x1b[31m": "1"})
@example({"vary": [], "values": [], "seeds": []})
@slow
def test_any_link_is_an_experiment_or_one_sentence(params: dict[str, Any]):
    made = refused_or(Experiment.from_query, params)
    assert made is None or Experiment.from_query(made.to_query()) == made
    refused_or(Comparison.from_query, params)


@given(
    anything
    | st.fixed_dictionaries(
        {},
        optional={
            "experiment": anything,
            "vary": st.sampled_from([*KNOBS, *FIELDS]) | anything,
            "values": st.lists(anything, max_size=4) | anything,
            "seeds": st.integers(-1, 1001) | anything,
        },
    )
)
@slow
def test_any_comparison_is_made_or_refused_in_one_sentence(values: Any):
    made = refused_or(Comparison.of, values)
    assert made is None or Comparison.from_json(made.to_json()) == made


@given(_any_text | st.text("0123456789-, ", max_size=20) | _odd.filter(lambda odd: isinstance(odd, str)))
@example("0-999," * 100_000)
@example("1-" + "9" * 4000)
@example("²")
@slow
def test_any_text_is_seeds_or_one_sentence(text: str):
    seeds = refused_or(parse_seeds, text)
    assert seeds is None or (1 <= len(seeds) <= MAX_SEEDS and all(0 <= seed <= MAX_SEED for seed in seeds))


@given(anything)
@slow
def test_any_value_is_seeds_or_one_sentence(value: Any):
    seeds = refused_or(as_seeds, value)
    assert seeds is None or len(set(seeds)) == len(seeds) >= 1


# -- texts, links, keys ----------------------------------------------------------------------------------------------


@given(experiments)
@slow
def test_json_link_and_key_give_the_same_experiment_back(experiment: Experiment):
    text, query = experiment.to_json(), experiment.to_query()
    assert all(isinstance(value, str) for value in query.values())
    for back in (Experiment.from_json(text), Experiment.from_query(query), Experiment.of(experiment.plain())):
        assert back == experiment
        assert back.to_json() == text
        assert back.key == experiment.key
        assert hash(back) == hash(experiment)


@given(experiments, experiments)
@slow
def test_experiments_are_equal_just_when_their_texts_and_keys_are(one: Experiment, two: Experiment):
    assert (one == two) == (one.to_json() == two.to_json()) == (one.key == two.key)


@given(experiments, _field, st.data())
@slow
def test_setting_a_field_changes_that_field_alone(experiment: Experiment, path: str, data: st.DataObject):
    assume(path != "data.name")  # another data set brings its own defaults
    value = data.draw(_values_of(path))
    changed = refused_or(experiment.set, {path: value})
    assume(changed is not None)
    before, after = experiment.plain(), changed.plain()
    # the scale is one of init="normal"; "auto" means cross-entropy from three classes on; folds take no share
    follows = {
        "model.init": "model.init_scale",
        "data.classes": "train.loss",
        "data.labels": "data.classes",
        "data.folds": "data.validation",
    }.get(path)
    for other in set(FIELDS) - {path, follows}:
        part, _, name = other.partition(".")
        assert after[part].get(name) == before[part].get(name), other
    assert refused_or(changed.set, {path: value}) == changed


@given(experiments, st.integers(0, 10), st.integers(1, 64))
@slow
def test_depth_keeps_the_width_and_width_keeps_the_depth(experiment: Experiment, depth: int, width: int):
    experiment = experiment.vary("start_from", None)  # whose first layers would have to stay
    first = (experiment.model.widths or (8,))[0]
    assume(experiment.model.norm != "layer" or min(first, width) > 1)
    assume(experiment.model.norm != "batch" or experiment.train.batch_size > 1)
    deeper = experiment.vary("depth", depth)
    assert deeper.model.widths == (first,) * depth
    assert deeper.knob("depth") == depth
    wider = experiment.vary("width", width)
    assert wider.model.widths == (width,) * max(1, experiment.model.depth)
    assert wider.knob("width") == width
    for made in (deeper, wider):
        assert made.data == experiment.data
        assert made.train == experiment.train
        assert made.model.activation == experiment.model.activation


_knob_values = {
    "depth": [1, 2, 8],
    "width": [4, 16],
    "activation": ["relu", "tanh"],
    "residual": [True, False],
    "lr": [0.001, 1e-07, 3],
    "batch_size": [1, 100_000],
    "dropout": [0, 0.5],
    "model.hidden": [[], [8], [8, 4], [8, {"width": 4, "activation": "tanh"}], [{"width": 3, "dropout": 0.25}]],
    "train.patience": [0, 3],
    "data.scaling": ["none", "minmax"],
    "data.terms": [["x1", "x2"], ["x1_squared"], ["x1", "sin_x2", "x1_times_x2"]],
    "start_from": [None, {"experiment": {"model": {"hidden": [8, 8]}}, "layers": 1}],
}


@pytest.mark.parametrize("knob", _knob_values)
def test_a_comparison_survives_its_link_and_its_text_whatever_the_knob(knob: str):
    first = presets["activations"].set({"model.activation": "relu"}) if knob == "start_from" else presets["activations"]
    comparison = Comparison(first, vary=knob, values=_knob_values[knob], seeds=[3, 7])
    for back in (Comparison.from_query(comparison.to_query()), Comparison.from_json(comparison.to_json())):
        assert back == comparison
        assert back.key == comparison.key
        assert [one.key for one in back.experiments] == [one.key for one in comparison.experiments]
    assert all(isinstance(value, str) for value in comparison.to_query().values())


@given(experiments, st.sampled_from([*KNOBS, *FIELDS]), st.data(), st.sets(st.integers(0, MAX_SEED), min_size=1))
@slow
def test_any_comparison_survives_its_link_and_its_text(
    experiment: Experiment, knob: str, data: st.DataObject, seeds: set[int]
):
    one_value = st.integers(1, 12) if knob in ("depth", "width") else _values_of(KNOBS.get(knob, knob))
    values = data.draw(st.lists(one_value, min_size=1, max_size=4))
    comparison = refused_or(
        Comparison.of, {"experiment": experiment, "vary": knob, "values": values, "seeds": sorted(seeds)[:5]}
    )
    assume(comparison is not None)
    for back in (Comparison.from_query(comparison.to_query()), Comparison.from_json(comparison.to_json())):
        assert back == comparison
        assert back.to_json() == comparison.to_json()


@given(experiments, st.integers(1, 64))
@slow
def test_depth_at_equal_size_keeps_the_parameters_as_nearly_as_one_width_can(experiment: Experiment, depth: int):
    experiment = experiment.vary("start_from", None)
    assume(experiment.model.norm != "batch" or experiment.train.batch_size > 1)
    made = experiment.vary("depth_same_size", depth)
    width = made.model.widths[0]
    assert made.model.widths == (width,) * depth
    assert made.knob("depth_same_size") == depth
    assert (made.data, made.train) == (experiment.data, experiment.train)
    away = abs(made.parameters - experiment.parameters)
    least = 2 if made.model.norm == "layer" else 1
    for other in {max(least, width - 1), min(4096, width + 1)}:
        other_made = experiment.set({"model.hidden": [other] * depth})
        assert away <= abs(other_made.parameters - experiment.parameters)


@pytest.mark.parametrize(
    ("knob", "by"), [("depth", "width"), ("width", "depth"), ("residual", "model.hidden"), ("lr", "activation")]
)
def test_two_knobs_survive_their_link_and_their_text(knob: str, by: str):
    comparison = Comparison(
        presets["activations"], vary=knob, values=_knob_values[knob], by=by, by_values=_knob_values[by], seeds=[3, 7]
    )
    for back in (Comparison.from_query(comparison.to_query()), Comparison.from_json(comparison.to_json())):
        assert back == comparison
        assert back.points == comparison.points
    assert len(comparison.experiments) == len(_knob_values[knob]) * len(_knob_values[by])
    for point, experiment in zip(comparison.points, comparison.experiments, strict=True):
        assert (experiment.knob(knob), experiment.knob(by)) == (point.value, point.by_value)


def test_one_knob_is_written_as_before_there_were_two():
    assert set(json.loads(Comparison(Experiment()).to_json())) == {"experiment", "vary", "values", "seeds"}
    assert not {"by", "by_values"} & set(Comparison(Experiment()).to_query())


@given(st.lists(st.integers(0, 30), min_size=1, unique=True) | st.integers(1, 1000).map(range))
def test_seeds_survive_their_text(seeds: Any):
    assert parse_seeds(seeds_text(tuple(seeds))) == tuple(seeds)


@pytest.mark.parametrize(
    ("text", "seeds"),
    [("3", (0, 1, 2)), ("3,7", (3, 7)), ("5-8", (5, 6, 7, 8)), ("4-4", (4,)), (" 1 - 2 , 9 ", (1, 2, 9))],
)
def test_seeds_are_written_as_a_number_a_list_or_a_range(text: str, seeds: tuple[int, ...]):
    assert parse_seeds(text) == seeds


# -- one experiment, one text ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ({"data": {"noise": -0.0}}, {"data": {"noise": 0}}),
        ({"model": {"hidden": [{"width": 8}]}}, {"model": {"hidden": ["8"]}}),
        ({"model": {"hidden": [{"width": 8, "norm": None}]}}, {"model": {"hidden": [8.0]}}),
        ({"model": {"hidden": [{"width": 8, "dropout": -0.0}]}}, {"model": {"hidden": [{"width": 8, "dropout": 0}]}}),
        ({"train": {"loss": "bce"}}, {"train": {"loss": "auto"}}),
        ({"data": {"name": "digits"}, "train": {"loss": "cross_entropy"}}, {"data": {"name": "digits"}}),
        (
            {"data": {"name": "celsius"}, "train": {"loss": "mse"}},
            {"data": {"name": "celsius", "noise": 2, "test": 0.3}},
        ),
        ({"data": {"features": 9, "classes": 5}}, {}),
        ({"data": {"name": "mnist", "test": 0.5}}, {"data": {"name": "mnist"}}),
        ({"model": {"init": "xavier", "init_scale": 3}}, {"model": {"init": "xavier"}}),
        ({"train": {"lr": "0.01"}}, {"train": {"lr": 1e-2}}),
    ],
)
def test_what_makes_no_difference_has_one_text(one: Any, two: Any):
    assert Experiment.of(one).to_json() == Experiment.of(two).to_json()
    assert Experiment.of(one) == Experiment.of(two)


def test_the_text_is_sorted_and_without_blanks():
    text = Experiment().to_json()
    assert text == json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))


def test_a_link_holds_only_what_differs_from_the_defaults():
    assert Experiment().to_query() == {"data.name": "moons"}
    experiment = Experiment().set({"model.hidden": [64, 32], "train.lr": 0.1, "model.residual": True})
    assert experiment.to_query() == {
        "data.name": "moons",
        "model.hidden": "64-32",
        "model.residual": "true",
        "train.lr": "0.1",
    }
    assert Comparison(Experiment(), values=[1, 2], seeds=3).to_query()["values"] == "1,2"


def test_another_data_set_brings_its_own_defaults_and_keeps_what_was_chosen():
    digits = Experiment().set({"data.seed": 5, "data.validation": 0.3}).set({"data.name": "digits"})
    assert (digits.data.n_samples, digits.data.scaling) == (1797, "minmax")
    assert (digits.data.seed, digits.data.validation) == (5, 0.3)
    assert Experiment().set({"data.name": "mnist"}).set({"data.name": "moons"}) == Experiment()


def test_numbers_and_arrays_of_numpy_are_numbers_and_lists():
    experiment = presets["binary"]
    assert experiment.vary("depth", np.int64(3)) == experiment.vary("depth", 3)
    assert experiment.vary("lr", np.float32(0.5)) == experiment.vary("lr", 0.5)
    assert experiment.set({"model.hidden": np.array([8, 4])}) == experiment.set({"model.hidden": [8, 4]})
    comparison = Comparison(experiment, vary="depth", values=np.arange(1, 4), seeds=np.arange(2))
    assert comparison == Comparison(experiment, vary="depth", values=[1, 2, 3], seeds=2)


# -- how it reads ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"model.hidden": [8, 8], "model.activation": "tanh"}, "moons 200, 2-8-8-1 tanh, adam 0.01 × 50"),
        ({"model.hidden": []}, "moons 200, 2-1, adam 0.01 × 50"),
        ({"data.name": "celsius", "model.activation": "none"}, "celsius 7, 1-8-1, adam 0.01 × 50"),
        (
            {"model.hidden": [{"width": 4, "norm": "batch"}, 3], "train.optimizer": "sgd", "train.lr": 1e-7},
            "moons 200, 2-4-3-1 relu, sgd 1e-07 × 50",
        ),
        (
            {"train.start_from": {"experiment": {"data": {"noise": 0}}, "layers": 1}},
            "moons 200, 2-8-1 relu, adam 0.01 × 50, from 1 of moons, 0 frozen",
        ),
    ],
)
def test_an_experiment_reads_like_data_network_and_training(changes: dict[str, Any], text: str):
    experiment = Experiment().set(changes)
    assert repr(experiment) == str(experiment) == f"Experiment({text})"


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"values": [1, 2, 4], "seeds": 10}, "depth 1, 2, 4 on moons 200, 2-8-1 relu, adam 0.01 × 50, 10 seeds"),
        (
            {"vary": "residual", "values": [False, True], "seeds": 1},
            "residual false, true on moons 200, 2-8-1 relu, adam 0.01 × 50, 1 seed",
        ),
        (
            {"values": [1, 2], "by": "model.hidden", "by_values": [[8, 4], []], "vary": "lr", "seeds": [3, 7]},
            "lr 1.0, 2.0 by model.hidden 8-4, 0 on moons 200, 2-8-1 relu, adam 0.01 × 50, seeds 3,7",
        ),
    ],
)
def test_a_comparison_reads_like_its_knobs_and_its_experiment(values: dict[str, Any], text: str):
    comparison = Comparison(Experiment(), **values)
    assert repr(comparison) == str(comparison) == f"Comparison({text})"


# -- what follows from an experiment ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "parameters"), [("binary", 49), ("mnist", 25_450), ("celsius", 22)])
def test_the_systems_of_the_course_have_their_numbers_of_parameters(name: str, parameters: int):
    assert presets[name].parameters == parameters


def test_every_preset_survives_its_text_and_its_link():
    for experiment in presets.values():
        assert Experiment.from_json(experiment.to_json()) == experiment
        assert Experiment.from_query(experiment.to_query()) == experiment
    for comparison in preset_comparisons.values():
        assert Comparison.from_query(comparison.to_query()) == comparison


@given(experiments)
@slow
def test_the_parts_add_up_and_training_has_room_for_every_class(experiment: Experiment):
    data = experiment.data
    train, validation, test = data.sizes
    assert train >= max(2, data.facts.classes and data.classes)
    assert min(validation, test) >= 0
    assert train + validation + (0 if data.facts.own_test else test) == min(data.n_samples, data.max_samples)


@given(experiments)
@slow
def test_layers_join_and_their_parameters_add_up(experiment: Experiment):
    layers = experiment.layers
    assert [layer.inputs for layer in layers] == [experiment.data.inputs, *(layer.width for layer in layers[:-1])]
    assert layers[-1].width == experiment.outputs
    assert experiment.parameters + experiment.frozen_parameters == sum(
        layer.inputs * layer.width + layer.width * (3 if layer.norm != "none" else 1) for layer in layers
    )
    assert all(layer.inputs == layer.width for layer in layers if layer.residual)


def test_a_layers_own_settings_win_over_the_networks():
    model = ModelSpec(hidden=(8, LayerSpec(width=8, activation="tanh", residual=False)), dropout=0.5, residual=True)
    first, second = model.layers(8)
    assert (first.activation, first.dropout, first.residual) == ("relu", 0.5, True)
    assert (second.activation, second.dropout, second.residual) == ("tanh", 0.5, False)


# -- error sentences -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (5, "experiment: got 5, allowed is an object."),
        ({"trian": {}}, "trian: there is no such field; allowed is one of data, model, train."),
        ({"train": {"lr": 500}}, "train.lr: got 500, allowed is from 1e-07 to 100."),
        ({"train": {"lr": "fast"}}, "train.lr: got 'fast', allowed is a number."),
        (
            {"train": {"optimizer": "adm"}},
            "train.optimizer: got 'adm', allowed is one of sgd, momentum, nesterov, rmsprop, adam, adamw.",
        ),
        ({"model": {"residual": "maybe"}}, "model.residual: got 'maybe', allowed is true or false."),
        ({"model": {"hidden": [8, 5000]}}, "model.hidden[1]: got 5000, allowed is from 1 to 4096."),
        ({"model": {"hidden": [8, "a"]}}, "model.hidden[1]: got 'a', allowed is a whole number."),
        (
            {"model": {"hidden": [{"width": 8, "dropout": 1}]}},
            "model.hidden[0].dropout: got 1, allowed is from 0 to 0.95.",
        ),
        (
            {"model": {"hidden": [{"norm": "batch"}]}},
            "model.hidden[0].width: got null, allowed is a value (it is missing).",
        ),
        ({"model": {"hidden": [8] * 65}}, "model.hidden (how many): got 65, allowed is from 0 to 64."),
        ({"model": {"hidden": ["x"] * 10_000}}, "model.hidden (how many): got 10000, allowed is from 0 to 64."),
        ({"data": {"terms": ["x1"] * 8}}, "data.terms (how many): got 8, allowed is from 1 to 7."),
        ({"model": dict.fromkeys(map(str, range(101)))}, "model (how many): got 101, allowed is from 0 to 7."),
        ({"data": {"n_samples": 10**5000}}, "data.n_samples: got too much to show, allowed is from 10 to 100000."),
        (
            {"data": {"validation": 0.8, "test": 0.8}},
            "data.validation: got 0.8, but validation and test together must leave at least a tenth for training.",
        ),
        (
            {"data": {"validation": 0}, "train": {"patience": 3}},
            "train.patience: got 3, but early stopping needs a validation share above 0.",
        ),
        (
            {"data": {"name": "celsius"}, "train": {"loss": "bce"}},
            "train.loss: got 'bce', but binary cross-entropy needs data with two classes.",
        ),
        ({"data": {"name": "digits", "labels": [5]}}, "data.labels (how many): got 1, allowed is from 2 to 10."),
        ({"data": {"name": "digits", "labels": [5, 10]}}, "data.labels[1]: got 10, allowed is from 0 to 9."),
        (
            {"data": {"name": "mnist", "labels": [5, 6, 5]}},
            "data.labels: got [5, 6, 5], but every class may appear only once.",
        ),
        (
            {"model": {"norm": "batch"}, "train": {"batch_size": 1}},
            "train.batch_size: got 1, but batch normalisation needs batches of two samples or more: in a batch of one, "
            "every unit is its own mean, and nothing of the input is left.",
        ),
        (
            {"model": {"hidden": [8, {"width": 1, "norm": "layer"}]}},
            "model.hidden: got [8, 1], but layer normalisation needs layers of two units or more: a single unit is its "
            "own mean, and nothing of the input is left.",
        ),
        (
            {"train": {"start_from": {"layers": 1}}},
            "train.start_from.experiment: got null, allowed is a value (it is missing).",
        ),
        (
            {"train": {"start_from": {"experiment": {}, "layers": 2}}},
            "train.start_from.layers: got 2, allowed is from 1 to 1.",
        ),
        (
            {"train": {"start_from": {"experiment": {}, "layers": 1, "frozen": 2}}},
            "train.start_from.frozen: got 2, allowed is from 0 to 1.",
        ),
        (
            {"train": {"start_from": {"experiment": {"train": {"lr": 500}}, "layers": 1}}},
            "train.start_from.experiment.train.lr: got 500, allowed is from 1e-07 to 100.",
        ),
        (
            {"train": {"start_from": {"experiment": {"trian": 1}, "layers": 1}}},
            "train.start_from.experiment.trian: there is no such field; allowed is one of data, model, train.",
        ),
        (
            {"train": {"start_from": {"experiment": {"data": {"name": "digits"}}, "layers": 1}}},
            "train.start_from: got 64, but the source experiment must have as many inputs as this one.",
        ),
        (
            {"train": {"start_from": {"experiment": {"model": {"hidden": []}}, "layers": 1}}},
            "train.start_from: got 0, but both networks need a hidden layer, so that the first layers can be copied.",
        ),
        (
            {"train": {"start_from": {"experiment": {"model": {"norm": "batch"}}, "layers": 1}}},
            "train.start_from.layers: got 1, but the copied layers must have the same width, activation, "
            "normalisation and skip connection in both networks.",
        ),
        (
            {"train": {"start_from": "x"}},
            "train.start_from: got 'x', allowed is a JSON text with experiment, layers and frozen (or none).",
        ),
    ],
)
def test_a_refusal_names_the_field_what_it_was_and_what_is_allowed(values: Any, sentence: str):
    with pytest.raises(SpecError) as caught:
        Experiment.of(values)
    assert str(caught.value) == sentence


def test_what_was_stored_before_it_was_refused_still_opens_and_can_be_changed():
    older = {"model": {"norm": "batch"}, "train": {"batch_size": 1}}
    stored = Experiment.from_store(json.dumps(older))
    assert stored.set({"train.epochs": 100}).train.batch_size == 1
    assert stored.set({"train.batch_size": 2}) == Experiment.of(older | {"train": {"batch_size": 2}})
    with pytest.raises(SpecError):
        Experiment.from_json(stored.to_json())
    both = Comparison.from_store(
        json.dumps({"experiment": older, "vary": "batch_size", "values": [1, 8], "seeds": [0]})
    )
    assert [one.train.batch_size for one in both.experiments] == [1, 8]
    with pytest.raises(SpecError, match="batches of two"):
        Comparison.from_json(both.to_json())
    with pytest.raises(SpecError, match="layers of two units"):
        Comparison.of({"experiment": {"model": {"norm": "layer"}}, "vary": "width", "values": [1, 8]})


def test_normalisation_that_is_frozen_needs_no_batch():
    source = {"model": {"norm": "batch"}}
    train = {"batch_size": 1, "start_from": {"experiment": source, "layers": 1}}
    with pytest.raises(SpecError, match="batches of two"):
        Experiment.of(source | {"train": train})
    train["start_from"]["frozen"] = 1
    assert Experiment.of(source | {"train": train}).layers[0].frozen


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"vary": "depht"}, f"vary: got 'depht', allowed is one of {', '.join(KNOBS)}."),
        (
            {"deep": 1},
            "deep: there is no such field; allowed is one of experiment, vary, values, by, by_values, seeds.",
        ),
        ({"values": [1, 1]}, "values: got [1, 1], but every value may appear only once."),
        ({"values": [1, 2], "seeds": 0}, "seeds: got 0, allowed is from 1 to 1000."),
        ({"by": "width"}, "by_values (how many): got 0, allowed is from 1 to 200."),
        ({"by": "width", "by_values": [2, 2]}, "by_values: got [2, 2], but every value may appear only once."),
        (
            {"by": "depth_same_size", "by_values": [2]},
            "by: got 'depth_same_size', but the other setting sets the same field.",
        ),
        (
            {"values": list(range(1, 21)), "by": "train.patience", "by_values": list(range(11))},
            "cells (values of the one knob times those of the other): got 220, allowed is from 1 to 200.",
        ),
        (
            {"experiment": {"data": {"name": "celsius"}}, "by": "noise", "by_values": [0, 1]},
            "by: got 'noise', but this data set has no such setting.",
        ),
        (
            {"experiment": {"data": {"name": "celsius"}}, "vary": "noise", "values": [0, 1]},
            "vary: got 'noise', but this data set has no such setting.",
        ),
    ],
)
def test_an_invalid_comparison_names_the_field_and_what_is_allowed(values: Any, sentence: str):
    with pytest.raises(SpecError) as caught:
        Comparison.of(values)
    assert str(caught.value) == sentence


def test_a_refusal_travels_between_processes():
    with pytest.raises(SpecError) as caught:
        Experiment.of({"data": {"noise": 9}})
    travelled = pickle.loads(pickle.dumps(caught.value))
    assert (str(travelled), travelled.problems) == (str(caught.value), caught.value.problems)


def test_every_problem_is_reported_not_only_the_first():
    with pytest.raises(SpecError) as caught:
        Experiment.of({"data": {"noise": 9}, "train": {"lr": -1, "epochs": "x"}})
    assert [problem.field for problem in caught.value.problems] == ["data.noise", "train.lr", "train.epochs"]


def test_what_came_from_a_link_is_shown_short_and_printable():
    problem = Problem("data.\n\0" + "x" * 100, "line\nline\x1b[31m" + "y" * 1000, "type", expected="number")
    assert str(problem).isprintable()
    assert len(str(problem)) < 160


def test_what_is_off_leaves_no_trace_in_a_text_so_that_keys_stay_what_they_were():
    as_before = presets["mnist"].vary("engine", "torch")
    assert as_before.key == "42d38b8f025ff32bcbcbf4bb395e1252cf74679e521079629827631e3591f291"
    assert presets["binary"].set({"train.start_from": "none"}).key == presets["binary"].key
    every = presets["mnist"].set({"data.labels": range(10)})
    assert (every.data.labels, every.key) == ((), presets["mnist"].key)
    assert Experiment.of({"data": {"name": "moons", "labels": [1, 5]}}) == Experiment()


def test_input_features_that_are_the_coordinates_leave_texts_links_and_keys_as_they_were():
    text = (
        '{"data":{"classes":2,"features":2,"n_samples":200,"name":"moons","noise":0.2,"scaling":"standard","seed":0,'
        '"test":0.2,"validation":0.2},"model":{"activation":"relu","dropout":0.0,"hidden":[8],"init":"default",'
        '"init_scale":0.1,"norm":"none","residual":false},"train":{"batch_size":32,"engine":"auto","epochs":50,'
        '"l2":0.0,"loss":"auto","lr":0.01,"optimizer":"adam","patience":0,"schedule":"constant"}}'
    )
    for experiment in (Experiment(), Experiment().set({"data.terms": ["x2", "x1"]})):
        assert experiment.to_json() == text
        assert experiment.key == "cb145ce945d5617a851f057c0c0aa52a9539413935b3aeeafa18e995ddff1f0c"
        assert experiment.to_query() == {"data.name": "moons"}
    assert Experiment().set({"data.name": "digits", "data.terms": ["sin_x1"]}) == Experiment().set(
        {"data.name": "digits"}
    )


def test_input_features_are_inputs_of_the_network_and_have_one_order():
    experiment = Experiment().set({"data.terms": ["sin_x1", "x2_squared", "x1"], "model.hidden": []})
    assert experiment.data.terms == ("x1", "x2_squared", "sin_x1")
    assert (experiment.data.inputs, experiment.data.raw_inputs, experiment.parameters) == (3, 2, 4)
    assert experiment.to_query()["data.terms"] == "x1-x2_squared-sin_x1"
    assert experiment.summary.startswith("moons 200 (x₁, x₂², sin x₁), 3-1, ")
    assert experiment.set({"data.name": "circles"}).data.terms == experiment.data.terms


@pytest.mark.parametrize(
    ("terms", "sentence"),
    [
        ([], "data.terms (how many): got 0, allowed is from 1 to 7."),
        (["x1", "x1"], 'data.terms: got ["x1", "x1"], but every input feature may appear only once.'),
        (
            ["x1", "x3"],
            "data.terms[1]: got 'x3', allowed is one of x1, x2, x1_squared, x2_squared, x1_times_x2, sin_x1, sin_x2.",
        ),
    ],
)
def test_invalid_input_features_are_named(terms, sentence):
    with pytest.raises(SpecError, match=f"^{re.escape(sentence)}$"):
        Experiment().set({"data.terms": terms})


def test_a_text_names_its_engine_and_a_link_leaves_out_the_automatic_one():
    experiment = Experiment()
    assert experiment.train.engine == "auto"
    assert json.loads(experiment.to_json())["train"]["engine"] == "auto"
    assert "train.engine" not in experiment.to_query()
    assert Experiment.from_query({"data.name": "moons"}) == experiment
    for engine in ("torch", "numpy"):
        named = experiment.vary("engine", engine)
        assert named.to_query()["train.engine"] == engine
        assert Experiment.from_query(named.to_query()) == Experiment.from_json(named.to_json()) == named
        assert named.key != experiment.key
    with pytest.raises(SpecError, match=r"train\.engine: got 'compiled', allowed is one of auto, torch, numpy"):
        experiment.vary("engine", "compiled")


@pytest.mark.parametrize("name", ["digits", "mnist"])
@pytest.mark.parametrize("labels", [(5, 6, 7, 8, 9), (3, 1)])
def test_the_samples_of_some_classes_are_counted_without_loading_the_data(name: str, labels: tuple[int, ...]):
    data = DataSpec(name=name, labels=labels)
    assert data.labels == tuple(sorted(labels))
    assert data.classes == len(labels)
    assert data.max_samples == sum(DATASETS[name].class_sizes[label] for label in labels)
    assert sum(data.sizes) == data.max_samples + sum(
        DATASETS[name].test_sizes[label] for label in labels if name == "mnist"
    )
    assert sum(DATASETS[name].class_sizes) == DATASETS[name].max_samples
    assert sum(DATASETS[name].test_sizes) == DATASETS[name].own_test
    other = Experiment(data=data).set({"data.name": "synthetic"})
    assert (other.data.classes, other.data.labels) == (2, ())


def test_experiments_start_one_from_the_other_three_times_at_most():
    experiment = Experiment()
    for sources in (1, 2, 3):
        experiment = experiment.set({"train.start_from": StartFrom(experiment=experiment, layers=1)})
        assert experiment.sources == sources
        assert Experiment.from_query(experiment.to_query()) == experiment
        assert len(experiment.to_query()["train.start_from"]) < 100 * sources
    with pytest.raises(SpecError, match="at most three experiments in a row"):
        experiment.vary("start_from", StartFrom(experiment=experiment, layers=1))
    deep: dict[str, Any] = {}
    for _ in range(400):
        deep = {"train": {"start_from": {"experiment": deep, "layers": 1}}}
    assert refused_or(Experiment.of, deep) is None


def test_frozen_layers_are_the_first_and_their_parameters_are_not_trainable():
    source = Experiment.of({"model": {"hidden": [8, 8, 4]}})
    experiment = Experiment.of({"model": {"hidden": [8, 8, 6], "dropout": 0.2}})
    assert experiment.layers_shared(source) == 2
    started = experiment.vary("start_from", {"experiment": source, "layers": 2, "frozen": 1})
    assert [layer.frozen for layer in started.layers] == [True, False, False, False]
    assert (started.parameters, started.frozen_parameters) == (experiment.parameters - 24, 24)
    assert started.knob("start_from") == StartFrom(experiment=source, layers=2, frozen=1)
    assert started.vary("start_from", "none") == experiment
    assert started.vary("start_from", started.train.start_from.to_text()) == started


def test_every_data_set_makes_an_experiment_of_its_own_kind():
    for name, facts in DATASETS.items():
        experiment = Experiment().set({"data.name": name})
        assert (experiment.data.inputs, experiment.task) == (facts.inputs, facts.task)
