"""What is tried first against each verdict: it changes something, it can be made, and it has not failed before."""

import math

import pytest

from nnlab import presets
from nnlab.analysis.advice import ADVICE, advise
from nnlab.analysis.diagnosis import Diagnosis
from nnlab.spec import Experiment

MOONS = presets["activations"].set({"model.activation": "relu", "model.hidden": [16] * 10, "model.init": "kaiming"})
FIGURES = {"seeds": 3, "growth_start": 2718.0, "growth_end": 2.0, "dead": 12, "units": 16, "dead_start": 0.0}
VERDICTS = {
    "": "fits",
    "loss_not_finite": "diverged",
    "loss_ran_away": "diverged",
    "some_seeds_diverged": "unstable",
    "seeds_disagree": "unstable",
    "loss_jumps": "unstable",
    "loss_peaks": "unstable",
    "loss_above_guessing": "unstable",
    "gap": "overfits",
    "validation_turned": "overfits",
    "guesses": "underfits",
    "hardly_learned": "underfits",
    "below_reference": "underfits",
    "still_learning": "underfits",
    "vanishing_gradients": "underfits",
    "exploding_gradients": "diverged",
    "dead_units": "underfits",
}


def diagnosis(reason, **changes):
    return Diagnosis(VERDICTS[reason], reason, FIGURES | changes)


def tried(reason, experiment=MOONS, worse=(), **changes):
    """The fields that the first piece of advice changes; None without one."""
    advice = advise(diagnosis(reason, **changes), experiment, worse)
    if advice is None:
        return None
    before, after = experiment.plain(), experiment.set(advice.changes).plain()
    return {
        f"{part}.{name}": after[part][name]
        for part in before
        for name in before[part] | after[part]
        if before[part].get(name) != after[part].get(name)
    }


def test_nothing_is_tried_where_all_is_well_or_nothing_has_been_trained():
    assert tried("") is None
    assert advise(Diagnosis(""), MOONS) is None


def test_against_a_vanishing_gradient():
    sigmoid = MOONS.set({"model.activation": "sigmoid", "model.init": "xavier"})
    assert tried("vanishing_gradients", sigmoid) == {"model.activation": "relu", "model.init": "kaiming"}
    plain = MOONS.set({"model.init": "default"})
    assert tried("vanishing_gradients", plain) == {"model.init": "kaiming"}
    both = {"model.norm": "batch", "model.residual": True}
    assert tried("vanishing_gradients", plain.vary("depth", 30)) == both
    assert tried("vanishing_gradients", MOONS) == {"model.norm": "batch"}
    assert tried("vanishing_gradients", MOONS.set({"model.norm": "batch"})) == {"model.residual": True}


def test_against_an_exploding_gradient():
    wild = MOONS.set({"model.init": "normal", "model.init_scale": 2.0})
    assert tried("exploding_gradients", wild) == {"model.init": "kaiming", "model.init_scale": 0.1}
    assert tried("exploding_gradients") == {"model.norm": "batch"}
    deep = MOONS.set({"model.hidden": [16] * 30, "model.residual": True})
    assert tried("exploding_gradients", deep) == {"model.norm": "batch"}
    assert tried("exploding_gradients", deep.set({"model.norm": "batch"})) == {"train.lr": 0.001}
    late = {"growth_start": 1.0, "growth_end": 1e4}
    assert tried("exploding_gradients", wild, **late) == {"train.lr": 0.001}


def test_against_dead_units():
    assert tried("dead_units", MOONS.set({"train.lr": 1.0})) == {"train.lr": 0.1}
    assert tried("dead_units", dead_start=0.8) == {"model.activation": "leaky_relu"}


def test_against_divergence():
    assert tried("loss_not_finite") == {"train.lr": 0.001}
    descent = MOONS.set({"train.optimizer": "momentum", "train.lr": 3.0})
    assert tried("loss_not_finite", descent) == {"train.optimizer": "adam", "train.lr": 0.01}
    assert tried("loss_ran_away", descent) == {"train.lr": 0.3}


def test_against_an_unstable_training():
    assert tried("loss_jumps") == {"train.lr": 0.001}
    assert tried("seeds_disagree", MOONS.set({"model.init": "default"})) == {"model.init": "kaiming"}
    tanh = MOONS.set({"model.activation": "tanh", "model.init": "default"})
    assert tried("seeds_disagree", tanh) == {"model.init": "xavier"}
    assert tried("seeds_disagree") == {"model.hidden": [32] * 10}


def test_against_overfitting():
    assert tried("gap") == {"train.patience": 10}
    assert tried("gap", MOONS.set({"train.epochs": 12})) == {"train.patience": 3}
    stops = MOONS.set({"train.patience": 5, "data.per_seed": "samples"})
    more = tried("validation_turned", stops)
    assert more == {"data.n_samples": 1000, "data.validation": 0.1, "data.test": 0.1}  # as many are held out
    all_there_are = Experiment.of({"data": {"name": "digits"}, "train": {"patience": 5}})
    assert tried("gap", all_there_are) == {"train.l2": 0.01}


def test_against_underfitting():
    assert tried("still_learning") == {"train.epochs": 120}
    assert tried("below_reference") == {"model.hidden": [32] * 10}
    assert tried("guesses", MOONS.set({"train.l2": 1.0})) == {"train.l2": 0.1}
    assert tried("guesses", MOONS.set({"model.dropout": 0.8})) == {"model.dropout": 0.4}
    assert tried("guesses", MOONS.set({"model.init": "zeros"})) == {"model.init": "kaiming"}
    assert tried("below_reference", MOONS.set({"model.hidden": [1]})) == {"model.hidden": [8]}
    own = [{"width": 16, "activation": "tanh"}, 4]
    wider = [{"width": 32, "activation": "tanh"}, 8]
    assert tried("below_reference", MOONS.set({"model.hidden": own})) == {"model.hidden": wider}


def test_advice_goes_as_far_as_is_allowed_and_no_further():
    assert tried("still_learning", MOONS.set({"train.epochs": 60_000})) == {"train.epochs": 100_000}
    assert tried("below_reference", MOONS.set({"model.hidden": [3000]})) == {"model.hidden": [4096]}
    largest = {"data.n_samples": 100_000, "train.patience": 5}
    assert tried("gap", MOONS.set({**largest, "train.l2": 5})) == {"train.l2": 10}
    assert tried("gap", MOONS.set({**largest, "train.l2": 10})) is None


def test_a_network_without_activation_is_not_told_to_grow():
    line = MOONS.set({"model.activation": "none"})
    for reason in ("guesses", "below_reference", "hardly_learned"):
        assert tried(reason, line) == {"model.activation": "relu"}
        assert tried(reason, MOONS.set({"model.hidden": []})) == {"model.hidden": [16]}
    assert "model.hidden" not in tried("seeds_disagree", line.set({"model.init": "xavier"}))
    by_layer = MOONS.set({"model.hidden": [{"width": 4, "activation": "none"}]})
    assert tried("below_reference", by_layer) == {"model.hidden": [4]}  # and its activation is ReLU


def test_advice_reaches_layers_with_settings_of_their_own():
    def told(reason, layer, **common):
        return advise(diagnosis(reason), MOONS.set({"model.hidden": [{"width": 16, **layer}] * 4} | common))

    relu = {"activation": "relu"}
    assert told("vanishing_gradients", relu, **{"model.activation": "sigmoid"}).name == "batch_norm"  # it has ReLU
    assert tried("vanishing_gradients", MOONS.set({"model.hidden": [{"width": 16, "activation": "tanh"}] * 4})) == {
        "model.hidden": [16] * 4
    }
    halved = MOONS.set(told("guesses", {"dropout": 0.8}, **{"model.dropout": 0.2}).changes)
    assert [layer.dropout for layer in halved.layers] == [0.4] * 4 + [0]
    assert told("guesses", {"dropout": 0.1}, **{"model.dropout": 0.8}).name == "wider"
    assert told("exploding_gradients", {"norm": "batch"}).name == "skip"
    assert MOONS.set(told("exploding_gradients", {"norm": "none"}).changes).layers[0].norm == "batch"
    narrowing = MOONS.set({"model.hidden": [16, 8, 4], "model.norm": "batch"})
    assert tried("exploding_gradients", narrowing) == {"train.lr": 0.001}  # no layer can have a skip connection


def test_data_that_say_nothing_are_not_answered_with_a_larger_network():
    assert tried("hardly_learned") is None


def test_what_a_cell_of_the_comparison_has_shown_to_be_worse_is_not_tried():
    narrow = MOONS.set({"model.hidden": [8, 8]})
    wider, longer = narrow.set({"model.hidden": [16, 16]}), narrow.set({"train.epochs": 120})
    assert tried("below_reference", narrow) == {"model.hidden": [16, 16]}
    assert tried("below_reference", narrow, [wider]) == {"train.epochs": 120}
    assert tried("below_reference", narrow, [wider, longer]) is None
    assert tried("below_reference", narrow, [longer]) == {"model.hidden": [16, 16]}


EDGE = Experiment.of(
    {
        "data": {"name": "moons", "n_samples": 100_000},
        "model": {"hidden": [4096, {"width": 4096, "activation": "tanh"}], "dropout": 0.2, "norm": "batch"},
        "train": {"lr": 1e-7, "epochs": 100_000, "l2": 10, "patience": 10},
    }
)
ALL = [*presets.values(), MOONS, EDGE, MOONS.set({"model.hidden": []})]


@pytest.mark.parametrize("reason", VERDICTS)
def test_advice_can_be_made_and_changes_the_experiment(reason):
    for experiment in ALL:
        for figures in ({}, {"growth_end": math.inf}, {"dead_start": 1.0}):
            advice = advise(diagnosis(reason, **figures), experiment)
            if advice:
                assert experiment.set(advice.changes) != experiment
                assert advice.name in ADVICE
                assert "{" not in str(advice)
    assert reason in ("", "hardly_learned") or tried(reason)


def test_advice_is_an_english_sentence():
    assert str(advise(diagnosis("gap"), EDGE.set({"train.l2": 0.0}))) == "Try it with L2 0.01"
    assert str(advise(diagnosis("still_learning"), MOONS)) == "Try twice as many epochs"
