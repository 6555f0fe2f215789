"""The settings of a comparison as the page offers them."""

import pytest

from nnlab import Comparison, Experiment
from nnlab.spec import DATASETS
from nnlab.ui.compare.knobs import knobs_for, parsed, suggested


@pytest.mark.parametrize("name", DATASETS)
def test_the_suggested_values_of_every_setting_can_be_compared(name):
    for per_seed in DATASETS[name].per_seed:
        experiment = Experiment.of({"data": {"name": name, "per_seed": per_seed}})
        for knob in knobs_for(experiment):
            first, offered = suggested(experiment, knob)
            assert len(first) > 1
            assert set(first) <= set(offered)
            Comparison(experiment, vary=knob, values=parsed(first, knob), seeds=2)
