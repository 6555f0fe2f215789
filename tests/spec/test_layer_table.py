"""The layer table says what the network is."""

from __future__ import annotations

import pytest

from nnlab.catalogue.presets import presets
from nnlab.spec import Experiment
from nnlab.spec.layer_table import layer_table
from nnlab.training.api import build_model

EXPERIMENTS = {
    **presets,
    "no hidden layer": Experiment().vary("depth", 0),
    "everything": Experiment.of(
        {
            "data": {"name": "digits"},
            "model": {
                "hidden": [16, {"width": 16, "norm": "layer", "residual": True}, {"width": 4, "dropout": 0.5}],
                "norm": "batch",
                "activation": "gelu",
            },
        }
    ),
}
EXPERIMENTS["everything, two layers frozen"] = EXPERIMENTS["everything"].vary(
    "start_from", {"experiment": EXPERIMENTS["everything"].set({"train.epochs": 1}), "layers": 3, "frozen": 2}
)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_its_total_is_the_number_of_trainable_parameters_in_pytorch(name: str) -> None:
    experiment = EXPERIMENTS[name]
    parameters, rows = list(build_model(experiment).parameters()), layer_table(experiment)
    for frozen, total in ((False, experiment.parameters), (True, experiment.frozen_parameters)):
        assert sum(p.numel() for p in parameters if p.requires_grad != frozen) == total
        assert sum(row.parameters for row in rows if row.frozen == frozen) == total


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_formula_comes_to_its_number(name: str) -> None:
    for row in layer_table(EXPERIMENTS[name])[1:]:
        assert eval(row.formula.replace("·", "*")) == row.parameters


def test_the_course_s_binary_network_is_4_8_plus_8_and_8_1_plus_1() -> None:
    rows = layer_table(presets["binary"])
    assert [(r.name, r.kind, r.output_shape, r.parameters, r.formula) for r in rows] == [
        ("Input", "", "(batch, 4)", 0, ""),
        ("Hidden 1", "Linear → ReLU", "(batch, 8)", 40, "4·8 + 8"),
        ("Output", "Linear → Sigmoid", "(batch, 1)", 9, "8·1 + 1"),
    ]


def test_rows_name_every_part_in_order_and_the_skip_connections() -> None:
    rows = layer_table(EXPERIMENTS["everything"])
    assert [row.kind for row in rows] == [
        "",
        "Linear → BatchNorm → GELU",
        "Linear → LayerNorm → GELU",
        "Linear → BatchNorm → GELU → Dropout 0.5",
        "Linear → Softmax",
    ]
    assert [row.skip for row in rows] == [False, False, True, False, False]
