"""Exported code runs and gives the run's numbers; exported weights load into it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from typing import get_args

import numpy as np
import pytest
import torch
from safetensors.torch import load

from nnlab import load_dataset, presets, train
from nnlab.analysis.predictions import predict
from nnlab.engines import random_streams
from nnlab.export.notebook import notebook
from nnlab.export.pytorch_code import pytorch_code
from nnlab.export.pytorch_script import script
from nnlab.export.weights_file import safetensors
from nnlab.spec import DATASETS, Activation, Experiment, Init, Optimizer, Scaling, Schedule, replicates

# -- the short code

SHORT = Experiment.of({"data": {"name": "moons", "n_samples": 60}, "train": {"epochs": 2}})
EVERYTHING = [
    *[{"train.optimizer": one, "train.l2": 0.01} for one in get_args(Optimizer)],
    *[{"train.schedule": one} for one in get_args(Schedule)],
    *[{"model.init": one} for one in get_args(Init)],
    *[{"model.activation": one} for one in get_args(Activation)],
    {"model.hidden": []},
    {"model.norm": "layer", "model.residual": True, "model.hidden": [8, 8, 4]},
    {"model.norm": "batch", "train.optimizer": "sgd"},
    {"model.norm": "batch", "train.optimizer": "sgd", "train.batch_size": 35},
    {"model.dropout": 0.3},
    {
        "model.hidden": [6, {"width": 6, "norm": "batch", "dropout": 0.1, "residual": True, "activation": "tanh"}],
        "train.optimizer": "momentum",
    },
    {"train.patience": 1, "train.lr": 0.3, "train.epochs": 20},
    {"train.patience": 50, "train.schedule": "cosine"},
    {"train.patience": 50, "train.lr": 0.3, "train.epochs": 20},
    {"train.loss": "cross_entropy"},
    {"train.engine": "numpy"},
    {"train.engine": "torch"},
    {"train.schedule": "one_cycle", "train.epochs": 1, "train.batch_size": 100},
    {"data.validation": 0, "data.test": 0, "data.seed": 7},
    {"data.name": "synthetic", "data.classes": 4},
    {"data.name": "circles", "data.terms": ["x1_squared", "x2_squared", "sin_x2"], "model.hidden": []},
]


@pytest.mark.parametrize("changes", EVERYTHING, ids=str)
def test_the_short_code_runs_and_learns_the_same_kind_of_thing(changes):
    experiment = SHORT.set(changes)
    made = {}
    exec(pytorch_code(experiment), made)
    assert sum(p.numel() for p in made["model"].parameters()) == experiment.parameters
    dataset = load_dataset(experiment)

    def tensors(part):
        y = torch.tensor(part.y) if experiment.loss == "cross_entropy" else torch.tensor(part.y).float()[:, None]
        return torch.tensor(dataset.scaling.apply(part.x)), y

    before = {name: value.clone() for name, value in made["model"].state_dict().items()}
    made["fit"](*tensors(dataset.train), *(tensors(dataset.validation) if experiment.train.patience else ()))
    assert not made["model"].training
    if experiment.model.init != "zeros":
        assert any(not torch.equal(before[name], value) for name, value in made["model"].state_dict().items())


@pytest.mark.parametrize("init", get_args(Init))
def test_the_short_code_starts_from_weights_of_the_same_spread(init):
    experiment = Experiment.of({"data": {"name": "mnist"}, "model": {"hidden": [200], "init": init}})
    made = {}
    exec(pytorch_code(experiment, seed=1), made)
    ours = random_streams.initial_weights(experiment, 1)["0.weight"]
    theirs = made["model"][0].weight.detach().numpy()
    assert theirs.std() == pytest.approx(ours.std(), rel=0.02)
    assert np.abs(theirs).max() == pytest.approx(np.abs(ours).max(), rel=0.3)


@pytest.mark.parametrize("schedule", get_args(Schedule))
def test_the_short_code_has_the_learning_rates_of_the_run(schedule):
    for total in range(1, 21):
        for epochs in {1, total, 2 if total % 2 == 0 else total}:
            steps = total // epochs
            data = {"name": "moons", "n_samples": 20 * steps, "validation": 0, "test": 0}
            train = {"schedule": schedule, "epochs": epochs, "batch_size": 20, "lr": 0.3, "optimizer": "sgd"}
            experiment = Experiment.of({"data": data, "model": {"hidden": []}, "train": train})
            assert experiment.steps_per_epoch == steps
            made, rates = {}, []
            exec(pytorch_code(experiment), made)
            made["optimizer"].register_step_pre_hook(lambda of, *_, to=rates: to.append(of.param_groups[0]["lr"]))
            made["fit"](torch.zeros(20 * steps, 2), torch.zeros(20 * steps, 1))
            used = [random_streams.learning_rates(experiment.train, steps, epoch) for epoch in range(1, epochs + 1)]
            assert rates == pytest.approx(np.concatenate(used), rel=1e-6, abs=1e-12), (epochs, steps)


def test_early_stopping_of_the_short_code_goes_back_to_the_best():
    x = torch.randn(40, 2, generator=torch.Generator().manual_seed(0))
    y = (x[:, :1] > 0).float()
    kept = []
    for epochs in (1, 2, 50):  # the second ends before early stopping does
        made = {}
        exec(pytorch_code(SHORT.set({"train.patience": 2, "train.epochs": epochs, "train.lr": 0.5})), made)
        made["fit"](x, y, x, 1 - y)  # whatever is learned makes validation worse: the first epoch is the best
        kept.append(made["model"].state_dict())
    assert all(torch.equal(kept[0][name], other[name]) for other in kept[1:] for name in kept[0])


def test_the_short_code_starts_from_a_network_and_freezes_its_first_layers():
    source = SHORT.set({"model.norm": "batch", "model.hidden": [6, 6], "model.dropout": 0.2})
    plain = source.set({"model.dropout": 0.0})
    experiment = plain.vary("start_from", {"experiment": source, "layers": 2, "frozen": 1})
    before, made = {}, {}
    exec(pytorch_code(source), before)
    exec(pytorch_code(experiment), made)
    before["model"][1].running_mean += 1
    made["start_from"](made["model"], before["model"])
    assert sum(p.numel() for p in made["model"].parameters() if p.requires_grad) == experiment.parameters
    taken = [before["model"][i] for i in (0, 1, 4, 5)]  # dropout has no weights
    for mine, theirs in zip([made["model"][i] for i in (0, 1, 3, 4)], taken, strict=True):
        assert all(torch.equal(value, theirs.state_dict()[name]) for name, value in mine.state_dict().items())
    first = [{name: value.clone() for name, value in made["model"][i].state_dict().items()} for i in range(5)]
    made["fit"](torch.randn(40, 2), torch.ones(40, 1))
    for i, module in enumerate(made["model"]):
        if i < 5:
            still = [torch.equal(value, first[i][name]) for name, value in module.state_dict().items()]
            assert all(still) if i < 3 else not all(still), i


# -- weights


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"model.norm": "batch", "model.hidden": [8, 8], "model.residual": True, "model.dropout": 0.2},
        {"model.norm": "layer", "model.hidden": [4, 8, 8]},
        {"model.hidden": [4, {"width": 4, "norm": "batch", "residual": True}, 3]},
    ],
    ids=str,
)
def test_exported_weights_load_into_the_short_code_and_answer_alike(changes):
    experiment = SHORT.set(changes)
    result = train(experiment, [2, 9]).result()
    content = safetensors(experiment, result.weights(9), seed=9)
    made = {}
    exec(pytorch_code(experiment), made)
    made["model"].load_state_dict(load(content))
    made["model"].eval()
    x = load_dataset(experiment).test.x
    logits = made["model"](torch.tensor(result.dataset.scaling.apply(x))).detach().sigmoid().numpy()
    assert logits == pytest.approx(predict(experiment, result.stacked, result.dataset, x)[1], abs=1e-5)


def test_exported_weights_name_their_experiment_and_seed():
    content = safetensors(SHORT, random_streams.initial_weights(SHORT, 3), seed=3)
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    assert Experiment.from_json(header["__metadata__"]["experiment"]) == SHORT
    assert header["__metadata__"]["seed"] == "3"
    assert header["0.weight"]["shape"] == [8, 2]


# -- the script and the notebook


def printed(code):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(code, "script", "exec"), {"__name__": "__main__"})
    return [json.loads(line) for line in out.getvalue().splitlines()]


def check(experiment, shown, seeds=(1, 4), tolerance=1e-5):
    result = train(experiment, seeds).result()
    each = replicates(seeds, experiment.data.folds)
    assert [(line["seed"], line.get("fold")) for line in shown] == list(each)
    for part in ("train", "validation", "test"):
        want = result.evaluate(part)
        for i, line in enumerate(shown):
            if want is None:
                assert line[part] is None
            else:
                scores = {name: values[i] for name, values in want.items()}
                assert line[part] == pytest.approx(scores, rel=tolerance, abs=tolerance)


@pytest.mark.parametrize("scaling", get_args(Scaling))
@pytest.mark.parametrize("name", [name for name in DATASETS if name != "mnist"])
def test_the_script_gives_the_runs_numbers_on_every_data_set(name, scaling):
    experiment = Experiment.of({"data": {"name": name, "scaling": scaling, "seed": 3}, "train": {"epochs": 2}})
    check(experiment, printed(script(experiment, (1, 4))))


@pytest.mark.parametrize("changes", EVERYTHING, ids=str)
def test_the_script_gives_the_runs_numbers_with_every_setting(changes):
    experiment = SHORT.set(changes)
    check(experiment, printed(script(experiment, (1, 4))))


@pytest.mark.parametrize(
    "own", [{}, {"data.per_seed": "samples"}, {"data.per_seed": "split", "data.folds": 3}], ids=str
)
def test_the_script_computes_the_input_features(own):
    experiment = SHORT.set({"data.terms": ["x1", "x1_times_x2", "sin_x1"], **own})
    check(experiment, printed(script(experiment, (1, 4))), tolerance=1e-6)


@pytest.mark.parametrize("engine", ["numpy", "torch"])
@pytest.mark.parametrize("optimizer", ["adam", "rmsprop"])
def test_the_script_gives_the_runs_numbers_with_biases_that_batch_normalisation_cancels(optimizer, engine):
    changes = {"model.norm": "batch", "model.hidden": [8, 8], "model.residual": True, "train.epochs": 10}
    experiment = SHORT.set({**changes, "train.optimizer": optimizer, "train.engine": engine})
    check(experiment, printed(script(experiment, (1, 4))), tolerance=1e-6)


DIGITS = Experiment.of(
    {
        "data": {"name": "digits", "labels": [0, 1, 2, 3, 4], "n_samples": 150},
        "model": {"hidden": [8, 8], "activation": "tanh"},
        "train": {"epochs": 2},
    }
)


@pytest.mark.parametrize(
    ("of_source", "changes", "start"),
    [
        ({}, {}, {"layers": 1}),
        ({}, {"train.patience": 1, "train.lr": 0.3, "train.epochs": 9}, {"layers": 2, "frozen": 2}),
        ({"train.patience": 1, "train.lr": 0.3, "train.epochs": 9}, {}, {"layers": 2, "frozen": 1}),
        (
            {"model.norm": "batch", "model.residual": True, "train.optimizer": "sgd", "train.lr": 0.1},
            {"model.dropout": 0.2},
            {"layers": 2, "frozen": 2},
        ),
        ({"model.norm": "layer", "model.dropout": 0.1}, {"train.l2": 0.1}, {"layers": 1, "frozen": 1}),
        ({"train.engine": "numpy"}, {"data.scaling": "standard"}, {"layers": 2, "frozen": 1}),
    ],
    ids=str,
)
def test_the_script_trains_what_it_starts_from_and_gives_the_runs_numbers(of_source, changes, start):
    source = DIGITS.set(of_source)
    taken = {"experiment": source, **start}
    experiment = source.set({"train.patience": 0, "data.labels": [5, 6, 9], "train.start_from": taken, **changes})
    check(experiment, printed(script(experiment, (1, 4))), tolerance=1e-4)  # large steps enlarge rounding
    again = experiment.set(
        {"data.labels": [7, 8], "train.start_from": {"experiment": experiment, "layers": 1, "frozen": 1}}
    )
    check(again, printed(script(again, (1,))), (1,))
    book = json.loads(notebook(again, (1,)))
    assert all(cell["cell_type"] == "markdown" for cell in book["cells"][1::2])
    assert max(map(len, script(again).splitlines())) <= 120


FOLDED = (  # 80 samples that are not test
    {"data.folds": 4, "model.dropout": 0.2},
    {"data.folds": 3, "train.schedule": "one_cycle", "train.batch_size": 53},  # 53 or 54 to train on: 1 step or 2
    {"data.folds": 3, "train.schedule": "step", "train.batch_size": 53, "train.epochs": 6},
    {"data.folds": 5, "train.patience": 2, "train.lr": 0.1, "train.epochs": 20},
    {"data.name": "digits", "data.folds": 2, "data.n_samples": 200, "data.scaling": "standard"},
    {"data.name": "synthetic", "data.folds": 7, "data.scaling": "minmax", "data.seed": 3},
)


@pytest.mark.parametrize("changes", FOLDED, ids=str)
def test_the_script_trains_every_fold_and_gives_the_runs_numbers(changes):
    experiment = SHORT.set({"data.n_samples": 100}).set(changes)
    check(experiment, printed(script(experiment, (1, 4))), tolerance=1e-3)


@pytest.mark.parametrize(("before", "after"), [(2, 2), (0, 2), (2, 0), (3, 2)])
def test_the_script_starts_folds_from_the_networks_they_start_from(before, after):
    source = DIGITS.set({"data.folds": before, "model.dropout": 0.1})
    start = {"experiment": source, "layers": 2, "frozen": 1}
    experiment = source.set({"data.labels": [5, 6, 9], "data.folds": after, "train.start_from": start})
    check(experiment, printed(script(experiment, (1, 4))), tolerance=1e-3)
    again = experiment.set({"train.start_from": {"experiment": experiment, "layers": 1}})
    check(again, printed(script(again, (1,))), (1,), tolerance=1e-3)


OWN, SPLIT = {"data.per_seed": "samples"}, {"data.per_seed": "split"}
SYNTHETIC = {"data.name": "synthetic", "data.features": 5, "data.classes": 3, "data.n_samples": 90}
SMALL_DIGITS = {"data.name": "digits", "data.n_samples": 200}
TWO = {"model.hidden": [8, 8]}
STOPS = {"train.patience": 2, "train.lr": 0.3, "train.epochs": 12}
VARIED = [
    SHORT.set(changes)
    for changes in (
        OWN | {"train.epochs": 4},
        SPLIT | {"data.seed": 5},
        OWN | TWO | {"data.name": "circles", "model.activation": "tanh", "train.schedule": "cosine"},
        OWN | {"data.name": "xor", "data.folds": 3, "train.optimizer": "momentum"},
        SPLIT | {"data.name": "gaussians", "data.folds": 4, "data.n_samples": 70, "train.optimizer": "nesterov"},
        OWN | {"data.name": "spirals", "model.dropout": 0.2, "train.optimizer": "adamw", "train.l2": 0.01},
        OWN | SYNTHETIC | {"data.seed": 7, "model.norm": "layer", "train.optimizer": "rmsprop"},
        OWN | SYNTHETIC | {"data.folds": 2, "data.scaling": "minmax", "train.schedule": "step"},
        SPLIT | SYNTHETIC | {"model.norm": "batch", "train.optimizer": "sgd", "train.lr": 0.1},
        SYNTHETIC | {"data.noise": 1.0, "model.norm": "batch", "train.batch_size": 18},
        SPLIT | SMALL_DIGITS,
        SPLIT | SMALL_DIGITS | {"data.folds": 3, "data.labels": [1, 2, 7], "model.activation": "gelu"},
        SMALL_DIGITS | TWO | {"model.residual": True, "train.schedule": "one_cycle"},
        {"data.name": "celsius", "train.lr": 0.1},
        OWN | STOPS,
        SPLIT | STOPS | {"data.folds": 3},
        OWN | {"train.engine": "torch", "model.norm": "batch", "train.optimizer": "sgd", "train.batch_size": 12},
        OWN | {"train.engine": "numpy", "model.init": "orthogonal", "model.activation": "softplus"},
    )
]
_FIRST, _FIRST_FOLDS = SHORT.set(OWN | TWO), SHORT.set(SPLIT | SMALL_DIGITS | TWO | {"data.folds": 2})
VARIED += [
    _FIRST.set(SPLIT | {"train.start_from": {"experiment": _FIRST, "layers": 2, "frozen": 1}}),
    _FIRST_FOLDS.set({"data.labels": [3, 4, 5], "train.start_from": {"experiment": _FIRST_FOLDS, "layers": 1}}),
    SHORT.set(TWO | {"train.start_from": {"experiment": _FIRST.set({"data.folds": 2}), "layers": 2, "frozen": 2}}),
]


@pytest.mark.parametrize("experiment", VARIED, ids=str)
def test_the_script_draws_every_seeds_own_data_and_gives_the_runs_numbers(experiment):
    """Within 1e-6, whatever a seed varies and however it is trained."""
    code = script(experiment, (1, 4))
    check(experiment, printed(code), tolerance=1e-6)
    assert max(map(len, code.splitlines())) <= 120


def test_the_script_of_mnist_reads_the_files_and_gives_the_runs_numbers(mnist_dir):
    for changes, seeds in (
        ({"data.n_samples": 1500, "data.scaling": "standard"}, (1, 4)),
        ({"data.validation": 0.0}, (1,)),
        ({"data.labels": [5, 7], "data.n_samples": 1500, "data.per_seed": "split"}, (1, 4)),
    ):
        experiment = presets["mnist"].set({"train.epochs": 1, "train.batch_size": 500, **changes})
        check(experiment, printed(script(experiment, seeds)), seeds)


def test_the_script_needs_nothing_of_nnlab(tmp_path):
    """In a process of its own that refuses to import nnlab."""
    (tmp_path / "nnlab.py").write_text("raise ImportError('the script must stand alone')\n")
    file = tmp_path / "run.py"
    file.write_text(script(presets["binary"].set({"train.epochs": 5}), (1, 4)))
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, str(file)], capture_output=True, text=True, env=environment, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    check(presets["binary"].set({"train.epochs": 5}), [json.loads(line) for line in done.stdout.splitlines()])


@pytest.mark.parametrize("changes", [{}, {"data.folds": 2}, OWN, SPLIT | {"data.folds": 2}], ids=str)
def test_the_notebook_is_the_script_in_cells_and_runs_top_to_bottom(changes):
    experiment = SHORT.set({"model.dropout": 0.2, **changes})
    book = json.loads(notebook(experiment, (1, 4)))
    assert (book["nbformat"], book["nbformat_minor"]) == (4, 5)
    code = ["".join(cell["source"]) for cell in book["cells"] if cell["cell_type"] == "code"]
    assert len({cell["id"] for cell in book["cells"]}) == len(book["cells"])
    assert all(cell["cell_type"] == "markdown" for cell in book["cells"][1::2])  # every cell is explained
    space, out = {}, io.StringIO()
    with contextlib.redirect_stdout(out):
        for cell in code:
            exec(cell, space)
    check(experiment, [json.loads(line) for line in out.getvalue().splitlines()])
    assert all(cell in script(experiment, (1, 4)) for cell in code)


def test_code_has_no_line_beyond_120_characters_and_no_name_of_nnlab():
    for changes in (*EVERYTHING, *FOLDED):
        for text in (script(SHORT.set(changes)), pytorch_code(SHORT.set(changes))):
            assert max(map(len, text.splitlines())) <= 120
            assert "import nnlab" not in text
            assert "from nnlab" not in text
