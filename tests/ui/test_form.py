"""Any values in the form or in a link give an experiment, or a sentence beside the field that explains why not."""

from __future__ import annotations

import re
from typing import Any

import pytest
import streamlit as web
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from nnlab.catalogue.presets import presets
from nnlab.spec import DATASETS, FIELDS, Experiment, parse_seeds, seeds_text
from nnlab.spec.errors import SpecError
from nnlab.ui.build.draft import draft_of, read_draft, with_data
from nnlab.ui.build.form import Form
from nnlab.ui.shared.labels import CHOICES
from nnlab.ui.shared.problems import problem_text
from nnlab.ui.shell.text import text

ENGLISH = text("en")
FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

_number = st.none() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
_choice = st.sampled_from(sorted({choice for choices in CHOICES.values() for choice in choices}))
_layer = st.integers(-3, 5000) | st.fixed_dictionaries(
    {"width": _number},
    optional={"activation": _choice, "norm": _choice, "dropout": _number, "residual": st.booleans()},
)
_value = _number | st.booleans() | _choice | st.lists(_layer, max_size=4) | st.text(max_size=10)
_changes = st.dictionaries(st.sampled_from((*FIELDS, "seeds")), _value, max_size=4)
_link = st.dictionaries(
    st.sampled_from((*FIELDS, "seeds", "data.nothing", "train.nothing", "run")) | st.text(max_size=8),
    st.sampled_from(["0", "1", "2", "-1", "0.8", "0.95", "nan", "1e400", "8-8", "[", "", "bce", "mnist", "5-2"])
    | _choice
    | st.text(max_size=12),
    max_size=5,
)


@pytest.fixture
def state(monkeypatch) -> dict[str, Any]:
    """A session's memory."""
    memory: dict[str, Any] = {}
    monkeypatch.setattr(web, "session_state", memory)
    return memory


@pytest.mark.parametrize("name", list(presets))
def test_a_draft_makes_the_experiment_it_was_taken_from(name):
    assert read_draft(draft_of(presets[name], (3, 4, 9))) == (presets[name], (3, 4, 9))


@FEW
@given(_changes)
@example({"model.hidden": [{"width": None}]})
@example({"model.hidden": [0, 5000, {"width": 3, "dropout": 7}]})
@example({"data.test": 0.8, "data.validation": 0.8})
def test_any_draft_is_an_experiment_or_problems_that_name_fields_of_the_form(changes):
    draft = {**draft_of(Experiment()), **changes}
    try:
        experiment, seeds = read_draft(draft)
    except SpecError as error:
        for problem in error.problems:
            assert re.split(r"[\[ ]", problem.field)[0] in (*FIELDS, "seeds")
            for language in ("es", "en"):
                assert problem_text(problem, text(language)).endswith((".", problem.shown))
    else:
        assert read_draft(draft_of(experiment, seeds)) == (experiment, seeds)


@FEW
@given(_link)
@example({"data.test": "0.8"})
@example({"data.test": "0.8", "model.hidden": "4-4", "train.lr": "0.5"})
@example({"data.nothing" * 20: "1", "model.hidden": "4-4"})
def test_any_link_opens(link):
    with pytest.MonkeyPatch.context() as patch:
        memory: dict[str, Any] = {}
        patch.setattr(web, "session_state", memory)
        form = Form(ENGLISH, link)
        assert not form.problems
        again = Form(ENGLISH, form.query())
        assert (again.experiment, again.seeds, again.link_problems) == (form.experiment, form.seeds, [])


@pytest.mark.parametrize(
    ("bad", "named"),
    [
        ({"train.lr": "much"}, "train.lr"),
        ({"data.test": "0.8"}, "data.validation"),  # together with the usual validation share
        ({"data.nothing": "1"}, "data.nothing"),
        ({"train.nothing": "1"}, "train.nothing"),
        ({"model.hidden": "4-0"}, "model.hidden[1]"),
        ({"train.loss": "mse"}, "train.loss"),
        ({"seeds": "3,3"}, "seeds"),
        ({"data.name": "cats"}, "data.name"),
    ],
)
def test_an_invalid_value_of_a_link_is_named_and_the_rest_is_opened(state, bad, named):
    good = {"model.activation": "tanh", "train.epochs": "7", "data.noise": "0.3"}
    form = Form(ENGLISH, {**good, **bad})
    assert named in {problem.field for problem in form.link_problems}
    assert form.experiment.to_query().items() >= good.items()


def test_two_invalid_values_of_different_kinds_are_both_reported(state):
    form = Form(ENGLISH, {"seeds": "3,3", "train.lr": "much", "train.epochs": "7"})
    assert {problem.field for problem in form.link_problems} == {"seeds", "train.lr"}
    assert form.experiment.train.epochs == 7


def test_the_same_link_does_not_undo_what_was_typed_since(state):
    link = {"data.name": "moons", "train.epochs": "7"}
    Form(ENGLISH, link).query()
    state["draft"]["train.epochs"] = 9
    form = Form(ENGLISH, link | {"seeds": "1"})
    assert form.experiment.train.epochs == 9
    assert Form(ENGLISH, {"data.name": "circles"}).experiment.data.name == "circles", "another link is taken"


def test_an_invalid_value_stays_as_typed_and_the_last_experiment_stays(state):
    Form(ENGLISH, {"train.epochs": "7"})
    state["draft"] |= {"train.epochs": -5, "data.noise": 99.0, "seeds": "x"}
    form = Form(ENGLISH, {})
    assert set(form.problems) == {"train.epochs", "data.noise", "seeds"}
    assert (form.draft["train.epochs"], form.experiment.train.epochs) == (-5, 7)


@pytest.mark.parametrize("old", list(DATASETS))
@pytest.mark.parametrize("new", list(DATASETS))
def test_another_data_set_brings_its_own_defaults_and_keeps_network_and_training(old, new):
    before, after = ({"name": name, "per_seed": DATASETS[name].per_seed[0]} for name in (old, new))
    mine = Experiment.of({"data": before, "model": {"hidden": [5, 4]}, "train": {"epochs": 9}})
    experiment = with_data(mine, new)
    assert experiment == Experiment.of({"data": after, "model": {"hidden": [5, 4]}, "train": {"epochs": 9}})


@pytest.mark.parametrize(
    ("old", "chosen", "new", "then"),
    [
        ("moons", "samples", "digits", "split"),  # the usual choice of each
        ("digits", "split", "mnist", "weights"),
        ("mnist", "weights", "xor", "samples"),
        ("moons", "weights", "digits", "weights"),  # another one that the new data allow
        ("moons", "split", "mnist", "split"),
        ("moons", "split", "celsius", "weights"),  # one that they do not allow
    ],
)
def test_other_data_keep_what_a_seed_varies_where_the_visitor_chose_it(old, chosen, new, then):
    mine = Experiment.of({"data": {"name": old, "per_seed": chosen}})
    assert with_data(mine, new).data.per_seed == then


def test_a_new_draft_draws_new_samples_for_every_seed_and_an_old_link_does_not(state):
    assert Form(ENGLISH, {}).experiment.data.per_seed == "samples"
    assert Form(ENGLISH, {"data.name": "moons"}).experiment.data.per_seed == "weights"


@pytest.mark.parametrize("new", list(DATASETS))
def test_what_the_new_data_does_not_allow_returns_to_its_default(new):
    moons = {"data": {"name": "moons", "n_samples": 50, "validation": 0.7}, "train": {"patience": 5}}
    celsius = {"data": {"name": "celsius"}}
    assert with_data(Experiment.of(moons), new).data.name == new
    assert with_data(Experiment.of(celsius), new).data.name == new
    loss = Experiment.of({"data": {"name": "moons"}, "train": {"loss": "cross_entropy"}})
    assert with_data(loss, new).data.name == new


def test_seeds_are_written_as_they_are_read():
    for seeds in ((0,), (0, 1, 2), (3, 7), (5, 6, 7, 8)):
        assert parse_seeds(seeds_text(seeds)) == seeds
