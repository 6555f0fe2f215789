"""Which settings cannot be compared, because their values are scored on other samples."""

import pytest

from nnlab.catalogue.classics import classics
from nnlab.catalogue.presets import preset_comparisons
from nnlab.spec import Comparison, Experiment
from nnlab.spec.comparison import _experiments
from nnlab.spec.errors import SpecError

REFUSED = {
    "data.name": ["moons", "circles"],
    "data.labels": [[0, 1], [0, 2]],
    "data.classes": [2, 3],
    "data.features": [2, 8],
    "data.seed": [0, 1],
    "data.folds": [0, 5],
    "data.validation": [0.2, 0.4],
    "data.test": [0.2, 0.4],
    "data.per_seed": ["samples", "weights"],
}


@pytest.mark.parametrize("knob", REFUSED)
def test_a_setting_whose_values_have_other_samples_is_refused_by_name(knob):
    with pytest.raises(SpecError, match=rf"vary: got '{knob}', but .*(compared|choose)"):
        Comparison.of({"experiment": {}, "vary": knob, "values": REFUSED[knob]})
    with pytest.raises(ValueError, match=f"by: got '{knob}'"):
        Comparison(Experiment(), vary="depth", values=[1, 2], by=knob, by_values=REFUSED[knob])


def test_the_number_of_samples_is_refused_where_it_would_change_the_validation_part():
    split = Experiment().set({"data.per_seed": "split"})
    with pytest.raises(ValueError, match="vary: got 'n_samples', but with a split for every seed"):
        Comparison(split, vary="n_samples", values=[100, 200])
    for allowed in (Experiment(), split.set({"data.per_seed": "samples"}), split.set({"data.name": "digits"})):
        assert Comparison(allowed, vary="n_samples", values=[1000, 1500]).comparable


def test_the_settings_of_presets_and_classics_can_be_compared():
    comparisons = [*preset_comparisons.values(), *(one.comparison for one in classics.values())]
    assert all(one.comparable for one in comparisons)


@pytest.mark.parametrize("knob", REFUSED)
def test_what_an_earlier_version_stored_can_still_be_read(knob):
    experiment = Experiment.of(
        {
            "data": {
                "name": {"data.labels": "digits", "data.classes": "synthetic", "data.features": "synthetic"}.get(
                    knob, "xor"
                )
            }
        }
    )
    plain = Comparison(experiment, values=[1, 2]).to_json()
    values = "[" + ",".join(f'"{one}"' if isinstance(one, str) else str(one) for one in REFUSED[knob]) + "]"
    old = plain.replace('"vary":"depth"', f'"vary":"{knob}"').replace('"values":[1,2]', f'"values":{values}')
    with pytest.raises(SpecError, match=knob):
        Comparison.from_json(old)
    read = Comparison.from_store(old)
    assert (read.vary, read.comparable, len(read.points)) == (knob, False, 2)
    assert read.to_json() == old.replace(" ", "")
    with pytest.raises(SpecError, match=knob):
        Comparison.from_json(old)


def test_a_changed_copy_has_cells_of_its_own():
    depths = Comparison(Experiment(), values=[1, 2])
    assert [one.model.depth for one in depths.experiments] == [1, 2]
    assert [one.model.depth for one in depths.model_copy(update={"values": (3,)}).experiments] == [3]
    tanh = depths.model_copy(update={"experiment": Experiment().vary("activation", "tanh")})
    assert [one.model.activation for one in tanh.experiments] == ["tanh", "tanh"]


def test_cells_that_a_later_rule_refuses_are_read_whenever_they_are_asked_for():
    """A unit that is normalised by itself was allowed before."""
    plain = Comparison(Experiment().vary("width", 1), vary="residual", values=[False, True]).to_json()
    old = plain.replace('"vary":"residual"', '"vary":"norm"').replace("[false,true]", '["none","layer"]')
    with pytest.raises(SpecError, match=r"model\.hidden: got \[1\], but layer normalisation needs"):
        Comparison.from_json(old)
    grid = old.replace('"values":["none","layer"]', '"values":["layer","batch"],"by":"width","by_values":[2,1]')
    with pytest.raises(SpecError, match=r"model\.hidden: got \[1\], but layer normalisation needs"):
        Comparison.from_json(grid)
    read = Comparison.from_store(old)
    _experiments.cache_clear()
    assert [one.model.norm for one in read.experiments] == ["none", "layer"]
