"""The figures and the table of values are what NumPy says of the same arrays."""

import io
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from nnlab.analysis.predictions import one_replicate
from nnlab.engines.random_streams import stacked_weights
from nnlab.export.layer_values import values_table
from nnlab.export.tables import csv_text
from nnlab.spec import Experiment
from nnlab.ui.inspect.layers import scales, statistics
from nnlab.ui.shared.naming import layer_name
from nnlab.ui.shell.text import text

EXPERIMENT = Experiment.of({"model": {"hidden": [5, {"width": 3, "norm": "batch"}]}})


@pytest.fixture
def weights():
    return one_replicate(stacked_weights(EXPERIMENT, (0, 1, 2)), 1)


def test_one_replicate_is_what_the_stack_holds_for_its_seed(weights):
    stacked = stacked_weights(EXPERIMENT, (0, 1, 2))
    assert weights.keys() == stacked.keys()
    for name, values in weights.items():
        np.testing.assert_array_equal(values, stacked[name][1])


def test_every_array_has_its_figures(weights):
    rng = np.random.default_rng(0)
    weights = {name: rng.normal(size=values.shape).astype(np.float32) for name, values in weights.items()}
    figures = statistics(EXPERIMENT, weights)
    assert [f"{row.layer}.{row.array}" for row in figures.itertuples()] == [
        *("0.weight", "0.bias", "1.weight", "1.bias", "1.norm.scale", "1.norm.shift", "2.weight", "2.bias")
    ]
    for row in figures.itertuples():
        values = weights[f"{row.layer}.{row.array}"]
        assert row.shape == "×".join(map(str, values.shape))
        assert row.mean == pytest.approx(values.mean(), abs=1e-6)
        assert row.deviation == pytest.approx(values.std(), abs=1e-6)
        assert (row.min, row.max) == (values.min(), values.max())
        assert row.norm == pytest.approx(np.linalg.norm(values), rel=1e-6)


def test_near_zero_is_the_share_below_a_hundredth_of_the_largest():
    experiment = Experiment.of({"model": {"hidden": []}})
    weights = {"0.weight": np.array([[100.0], [0.99]], np.float32), "0.bias": np.zeros(1, np.float32)}
    figures = statistics(experiment, weights)
    assert list(figures["near_zero"]) == [0.5, 1.0]  # an array of zeros is wholly near zero
    assert np.isfinite(figures.select_dtypes("number").to_numpy()).all()


def test_every_layer_has_its_own_scale_in_whatever_order_its_arrays_are_stored():
    class Stored:
        def snapshot(self, run_id, epoch, replicate):
            return 1, {f"{i}.weight": np.full((2, 1, 1), 10.0**i) for i in (2, 0, 1)}

    run = SimpleNamespace(id="run", epoch=1, state="finished", parameters=3, experiment=EXPERIMENT)
    assert scales(Stored(), run, 1, 0) == [1.0, 10.0, 100.0]


def test_the_table_of_values_is_the_layer_itself(weights):
    first = values_table(weights, 0, ("x", "y"))
    assert list(first["input"]) == ["x", "y", "bias"]
    assert list(first.columns) == ["input", "1", "2", "3", "4", "5"]
    np.testing.assert_array_equal(first.iloc[:2, 1:].to_numpy(np.float32), weights["0.weight"])
    np.testing.assert_array_equal(first.iloc[2, 1:].to_numpy(np.float32), weights["0.bias"])
    second = values_table(weights, 1, ())
    extra = ["norm.scale", "norm.shift", "norm.mean", "norm.variance"]
    assert list(second["input"]) == ["1", "2", "3", "4", "5", "bias", *extra]
    for name in extra:
        row = second.set_index("input").loc[name].to_numpy(np.float32)
        np.testing.assert_array_equal(row, weights[f"1.{name}"])


@pytest.mark.parametrize("spanish", [False, True])
def test_the_table_survives_its_csv_to_the_bit(weights, spanish):
    table = values_table(weights, 0, ("x", "y"))
    text_ = csv_text(table, spanish)
    back = pd.read_csv(io.BytesIO(text_), **({"sep": ";", "decimal": ","} if spanish else {}))
    assert list(back["input"]) == list(table["input"])
    np.testing.assert_array_equal(back.iloc[:2, 1:].to_numpy(np.float32), weights["0.weight"])


def test_layers_are_counted_from_one_and_the_last_is_the_output():
    assert [layer_name(i, 3, text("en")) for i in range(3)] == ["Hidden 1", "Hidden 2", "Output"]
    assert [layer_name(i, 3, text("es")) for i in range(3)] == ["Oculta 1", "Oculta 2", "Salida"]
