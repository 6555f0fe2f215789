"""Each classic has the outcome that its text states, here with fewer seeds and values; and the course's comparisons."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnlab import Comparison, Experiment, compare, presets, train
from nnlab.analysis.statistics import paired
from nnlab.catalogue.classics import classics
from nnlab.comparison.api import ComparisonResult

SCALINGS = ("none", "standard")

pytestmark = pytest.mark.usefixtures("one_thread")


class Seen:
    """The cells of a comparison by their values: `seen.validation[4, "tanh"]` is the mean accuracy."""

    def __init__(self, comparison: Comparison) -> None:
        self.result: ComparisonResult = compare(comparison)
        self.table = self.result.table
        points = [tuple(point) if comparison.by else point.value for point in comparison.points]
        self.cells = dict(zip(points, self.result.cells, strict=True))
        self.train, self.validation, self.gap, self.verdict = (
            dict(zip(points, self.table[column], strict=True))
            for column in ("train_accuracy", "validation_accuracy", "gap", "verdict")
        )
        self.reason = dict(zip(points, self.table["reason"], strict=True))
        self.loss = {point: np.mean(cell.results["validation"]["loss"]) for point, cell in self.cells.items()}

    def against(self, *point: Any) -> Any:
        """The table with paired differences to one cell."""
        return self.result.against(*point).set_index([self.result.comparison.vary])

    def unrest(self, point: Any) -> float:
        """How far the training loss moves from epoch to epoch, in the last third."""
        losses = self.cells[point].metrics.pivot(index="epoch", columns="seed", values="train_loss").to_numpy()
        return float(np.abs(np.diff(losses[-(len(losses) // 3) :], axis=0)).mean())


def seen(name: str, seeds: int = 3, values: Sequence[Any] = (), by_values: Sequence[Any] = ()) -> Seen:
    """A classic with some of its values."""
    classic = classics[name].comparison
    assert set(values) <= set(classic.values)
    return Seen(
        Comparison(
            classic.experiment,
            vary=classic.vary,
            values=tuple(values) or classic.values,
            by=classic.by,
            by_values=tuple(by_values) or classic.by_values,
            seeds=seeds,
        )
    )


def test_overfitting_deeper_networks_learn_more_and_keep_less() -> None:
    """All of it: depths 1 to 8 with 20 seeds, the table of docs/classics.md."""
    depths = Seen(classics["overfitting"].comparison)
    assert [depths.verdict[depth] for depth in range(1, 9)] == ["fits"] * 2 + ["overfits"] * 6
    assert depths.train[5] > depths.train[1] + 0.06
    assert depths.validation[2] == max(depths.validation.values())
    assert depths.loss[8] > depths.loss[4] > depths.loss[1]
    assert depths.loss[8] > 1.6 * depths.loss[1]
    assert all(depths.gap[depth] > depths.gap[1] + 0.03 for depth in range(3, 9))
    to_the_best = depths.table.set_index("depth")
    assert to_the_best.loc[7, "difference_high"] < 0
    assert to_the_best.loc[7, "p"] < 0.05
    assert to_the_best.loc[1, "p"] > 0.05  # one layer cannot be told from two


def test_vanishing_sigmoid_guesses_from_four_layers_on_and_the_others_learn() -> None:
    cells = seen("vanishing", values=(4, 10))
    for depth in (4, 10):
        assert cells.train[depth, "sigmoid"] < 0.15
        assert cells.reason[depth, "sigmoid"] == "vanishing_gradients"
        assert min(cells.validation[depth, "tanh"], cells.validation[depth, "relu"]) > 0.8


def test_initialisation_decides_whether_a_deep_relu_network_learns() -> None:
    cells = seen("initialisation", values=(1, 8))
    shallow = [cells.validation[1, init] for init in ("default", "xavier", "kaiming")]
    assert max(shallow) - min(shallow) < 0.03
    assert cells.train[8, "default"] < 0.15
    assert cells.reason[8, "default"] == "vanishing_gradients"
    assert min(cells.validation[8, "xavier"], cells.validation[8, "kaiming"]) > 0.85


def test_normalisation_lets_deep_sigmoid_networks_learn() -> None:
    cells = seen("normalisation", values=(1, 10))
    assert cells.train[10, "none"] < 0.15 < 0.8 < cells.train[1, "none"]
    assert cells.validation[10, "batch"] > cells.validation[1, "batch"] > cells.validation[1, "none"]
    assert cells.validation[10, "batch"] > 0.93


def test_shortcuts_let_deep_sigmoid_networks_learn_but_hardly_better_than_one_layer() -> None:
    cells = seen("shortcuts", values=(1, 10))
    assert cells.train[10, False] < 0.15
    assert cells.validation[10, True] > 0.8
    assert abs(cells.validation[10, True] - cells.validation[1, True]) < 0.04


def test_residual_networks_of_50_layers_learn_where_plain_ones_degrade_on_the_training_data_too() -> None:
    cells = seen("residual", values=(2, 50))
    assert cells.train[2, False] > 0.9
    assert cells.train[50, False] < 0.3
    assert cells.validation[2, True] > 0.9
    assert cells.validation[50, True] > 0.85


def test_l2_closes_the_gap_and_too_much_of_it_stops_learning() -> None:
    cells = seen("l2", values=(0, 0.01, 0.1, 0.3))
    assert cells.gap[0] > cells.gap[0.01] + 0.02 > cells.gap[0.1] + 0.04
    against = cells.against(0)
    assert against.loc[0.01, "difference_low"] > 0
    assert against.loc[0.1, "difference_low"] > 0.01
    assert cells.loss[0] > 2 * cells.loss[0.01]
    assert cells.train[0.3] < 0.6


def test_dropout_helps_until_too_little_of_the_network_is_left() -> None:
    cells = seen("dropout", values=(0, 0.6, 0.9), seeds=10)
    assert cells.train[0] == 1
    assert cells.train[0.6] < 0.97
    assert cells.gap[0] > cells.gap[0.6] + 0.05
    assert cells.against(0).loc[0.6, "difference_low"] > 0.01
    assert cells.against(0.9).loc[0.6, "difference_low"] > 0
    assert cells.loss[0] > 2 * cells.loss[0.6]


def test_batch_size_one_never_settles_all_at_once_hardly_starts_and_between_is_best() -> None:
    cells = seen("batch-size", values=(1, 16, 400), seeds=5)
    assert cells.unrest(1) > 5 * cells.unrest(16) > 5 * cells.unrest(400)
    assert cells.against(1).loc[16, "difference_low"] > 0
    assert cells.against(400).loc[16, "difference_low"] > 0
    first = {size: cell.metrics.query("epoch == 1")["train_loss"].mean() for size, cell in cells.cells.items()}
    assert first[1] < first[16] < first[400]


def test_learning_rates_are_best_close_below_those_that_diverge() -> None:
    cells = seen("learning-rate")
    rates = classics["learning-rate"].comparison.values
    up_to_best = [cells.validation[rate] for rate in rates[:5]]
    assert up_to_best == sorted(up_to_best)
    assert cells.validation[0.1] > max(cells.validation[0.3], 0.95)
    assert cells.verdict[0.0001] == "underfits"
    for rate in (1, 3):
        assert cells.verdict[rate] in ("diverged", "unstable")
        assert cells.loss[rate] > 10  # a blind guess: 2.3


def test_double_descent_is_worst_where_all_samples_can_just_be_learned() -> None:
    cells = seen("double-descent", values=(1, 2, 8, 64), seeds=20)
    assert cells.train[1] < 0.8 < 0.97 < cells.train[8] < 1 == cells.train[64]
    against = cells.against(8)
    assert all(against.loc[width, "difference_low"] > 0.005 for width in (1, 2, 64))
    assert all(against.loc[width, "p"] < 0.05 for width in (1, 2, 64))
    assert cells.loss[8] > 1.1 * cells.loss[64] > 1.1 * cells.loss[1]


def test_scaling_standardised_inputs_learn_where_raw_ones_kill_the_network_and_win_at_the_best_rates() -> None:
    cells = seen("scaling", values=(0.001, 0.03, 0.1, 0.3), seeds=5)
    best = {scaling: max(cells.validation[rate, scaling] for rate in (0.001, 0.03, 0.1, 0.3)) for scaling in SCALINGS}
    assert best["standard"] > best["none"] + 0.005
    assert cells.validation[0.001, "none"] > cells.validation[0.001, "standard"] + 0.2
    assert cells.validation[0.1, "none"] < 0.8
    assert cells.validation[0.3, "none"] < 0.2 < 0.95 < cells.validation[0.3, "standard"]


def test_mnist_gains_a_little_from_a_second_layer(mnist_dir: Path) -> None:
    """Fewer depths and seeds than the table of docs/classics.md, which `nnlab compare` gives in half a minute."""
    depths = Seen(Comparison(presets["mnist"], vary="depth", values=(1, 2), seeds=3))
    assert set(depths.verdict.values()) == {"fits"}
    assert all(0.95 < score < 0.965 for score in depths.validation.values())
    assert depths.validation[1] < depths.validation[2]
    assert depths.train[1] < depths.train[2]
    assert max(depths.gap.values()) < 0.02


def test_transfer_two_layers_taken_over_beat_nothing_at_10_samples_a_class(mnist_dir: Path) -> None:
    """With all 10 seeds: the paired intervals exclude zero, on validation and on the test part."""
    classic = classics["transfer"].comparison
    results = {}
    for start in classic.by_values[:2]:
        trained = train(classic.experiment.vary("start_from", start), classic.seeds).result()
        results[start] = {part: trained.evaluate(part)["accuracy"] for part in ("validation", "test")}
    nothing, taken = results.values()
    for part, least in (("validation", 0.03), ("test", 0.01)):
        gain = paired(taken[part], nothing[part])
        assert gain.low > least
        assert gain.mean > 0.03


def test_transfer_a_frozen_layer_costs_and_a_shallow_network_needs_no_help(mnist_dir: Path) -> None:
    classic = classics["transfer"].comparison
    few, more = (classic.experiment.vary("n_samples", n) for n in (250, 1250))

    def right(experiment: Experiment, seeds: int = 5) -> np.ndarray:
        return train(experiment, seeds).result().evaluate("test")["accuracy"]

    _, taken, frozen = classic.by_values
    costs, free = (right(more.vary("start_from", start), seeds=10) for start in (frozen, taken))
    assert paired(costs, free).high < 0
    shallow = {"model.hidden": [64], "model.norm": "none"}
    assert right(few.set(shallow)).mean() > right(few).mean() + 0.02
    source = taken.experiment.set(shallow)
    alike = few.set({**shallow, "train.start_from": {"experiment": source, "layers": 1}})
    assert right(alike).mean() < right(few.set(shallow)).mean()
