"""What a trained network is worth: scores, intervals, pictures of what it does, and a verdict on the fit.

Everything here works on plain weights (draws.py says their names and shapes) with the NumPy forward pass, so the
web process, the workers and the command line all measure with the same ruler.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from nnlab.datasets import Dataset, Part, PartName, load_dataset, mnist
from nnlab.scratch import forward
from nnlab.spec import DataSpec, Experiment

Floats = NDArray[np.float64]
Weights = Mapping[str, NDArray[np.float32]]
PARTS: tuple[PartName, ...] = ("train", "validation", "test")

_CHUNK = 10_000  # samples scaled and pushed through at a time: pictures stay uint8 until then
_ANSWERS = 1 << 21  # numbers that all replicates give at a time, while they are only measured: 16 MB


# -- predictions and scores ------------------------------------------------------------------------------------------


def predict(experiment: Experiment, weights: Weights, dataset: Dataset, x: ArrayLike) -> Floats:
    """What every replicate answers.

    Parameters
    ----------
    x : (n, inputs)
        Raw inputs, as they are in the data set; one sample may come as (inputs,).

    Returns
    -------
    (seeds, n, outputs)
        Probabilities for classes (with one output: that of class 1), values in raw units for regression.

    Raises
    ------
    ValueError
        Where x has another number of columns than the experiment has inputs.
    """
    logits = _logits(experiment, weights, dataset, x)
    if experiment.loss == "bce":
        return _sigmoid(logits)
    return np.exp(_log_softmax(logits)) if experiment.loss == "cross_entropy" else logits


def evaluate(
    experiment: Experiment, weights: Weights, dataset: Dataset, part: PartName | Part
) -> dict[str, Floats] | None:
    """Loss and scores of every replicate on one part of the data, in evaluation mode.

    Returns
    -------
    dict of (seeds,) or None
        For classes `loss` and `accuracy` (share right, 0 to 1; an answer of nan is wrong). For regression `loss`,
        `mse`, `mae` and `r2` (1 - squared error / squared deviation from the mean; nan where all targets are equal).
        None where the part is empty.
    """
    samples = getattr(dataset, part) if isinstance(part, str) else part
    if len(samples) == 0:
        return None
    with np.errstate(over="ignore", invalid="ignore"):  # weights that ran away give inf and nan, as they should
        measure = _errors if experiment.task == "regression" else _class_scores
        each = [measure(experiment, logits, y) for logits, y in _answers(experiment, weights, dataset, samples)]
        figures = {name: np.concatenate([one[name] for one in each], axis=1).mean(axis=1) for name in each[0]}
        if experiment.task == "regression":
            spread = np.var(np.asarray(samples.y, float))
            figures |= {"r2": 1 - figures["mse"] / spread if spread > 0 else np.full_like(figures["mse"], np.nan)}
    return figures


def labels(probabilities: Floats) -> NDArray[np.int64]:
    """The class each row of probabilities (..., n, outputs) decides for, (..., n): above 0.5, or the likeliest."""
    if probabilities.shape[-1] == 1:
        return (probabilities[..., 0] > 0.5).astype(np.int64)
    likeliest: NDArray[np.int64] = probabilities.argmax(axis=-1)
    return likeliest


def confusion(
    experiment: Experiment,
    weights: Weights,
    dataset: Dataset,
    part: PartName = "validation",
    seed_index: int | None = None,
) -> Floats:
    """How often class i (row) was taken for class j (column), (classes, classes).

    Counts of one replicate, or their mean over all replicates: the whole adds up to the samples of the part.
    Raises ValueError for regression."""
    if experiment.task == "regression":
        raise ValueError("confusion: got an experiment with numbers to predict, allowed is one with classes.")
    samples: Part = getattr(dataset, part)
    classes = experiment.data.classes
    if len(samples) == 0:
        return np.zeros((classes, classes))
    counts, chosen = np.zeros((classes, classes)), _pick(weights, seed_index)
    for logits, y in _answers(experiment, chosen, dataset, samples):
        guessed = _labels(logits)  # (seeds, n)
        np.add.at(counts, (np.broadcast_to(y, guessed.shape), guessed), 1)
    return counts / len(chosen["0.bias"])


def _logits(experiment: Experiment, weights: Weights, dataset: Dataset, x: ArrayLike) -> Floats:
    """The output layer's numbers, (seeds, n, outputs), before sigmoid or softmax."""
    raw = np.asarray(x)
    if raw.ndim == 1:
        raw = raw.reshape(1, -1)
    if raw.ndim != 2 or raw.shape[1] != experiment.data.inputs:
        raise ValueError(f"x: got shape {raw.shape}, allowed is (n, {experiment.data.inputs}).")
    with np.errstate(over="ignore", invalid="ignore"):
        chunks = [
            forward(experiment.layers, weights, dataset.scaling.apply(raw[start : start + _CHUNK]))
            for start in range(0, max(1, len(raw)), _CHUNK)
        ]
    return np.concatenate(chunks, axis=1).astype(np.float64)


def _answers(
    experiment: Experiment, weights: Weights, dataset: Dataset, samples: Part
) -> Iterator[tuple[Floats, NDArray[Any]]]:
    """The logits (seeds, n, outputs) and targets (n, ...) of a part, some samples at a time: with many seeds the
    answers to all of MNIST are half a gigabyte."""
    size = max(1, min(_CHUNK, _ANSWERS // (len(weights["0.bias"]) * experiment.outputs)))
    for start in range(0, len(samples), size):
        rows = slice(start, start + size)
        yield _logits(experiment, weights, dataset, samples.x[rows]), samples.y[rows]


def _labels(logits: Floats) -> NDArray[np.int64]:
    return (logits[..., 0] > 0).astype(np.int64) if logits.shape[-1] == 1 else logits.argmax(axis=-1)


def _class_scores(experiment: Experiment, logits: Floats, y: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    """Cross-entropy from logits, finite for any finite logits, and whether the answer is right: (seeds, n) each."""
    if experiment.loss == "bce":
        z = logits[..., 0]  # (seeds, n)
        losses = np.logaddexp(0, np.where(y == 1, -z, z))  # -log sigmoid(±z) = log(1 + exp(∓z))
    else:
        losses = -_log_softmax(logits)[:, np.arange(len(y)), y]  # (seeds, n)
    return {"loss": losses, "accuracy": (_labels(logits) == y) & ~np.isnan(logits).any(axis=2)}


def _errors(experiment: Experiment, logits: Floats, y: NDArray[Any]) -> dict[str, Floats]:
    """Squared error, twice, and absolute error: (seeds, n) each."""
    error = logits[..., 0] - np.asarray(y, float).reshape(-1)
    return {"loss": error**2, "mse": error**2, "mae": np.abs(error)}


def _log_softmax(z: Floats) -> Floats:
    shifted: Floats = z - z.max(axis=-1, keepdims=True)  # log-sum-exp: no overflow
    log_p: Floats = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return log_p


def _sigmoid(z: Floats) -> Floats:
    return np.asarray(np.exp(-np.logaddexp(0, -z)))


def _pick(weights: Weights, seed_index: int | None) -> Weights:
    """The weights of one replicate, still with a leading axis (of one); of all where seed_index is None."""
    if seed_index is None:
        return weights
    return {name: values[seed_index : seed_index + 1] for name, values in weights.items()}


# -- intervals -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Interval:
    """A mean and the ends of its confidence interval; the ends are nan where one value alone says nothing of spread."""

    mean: float
    low: float
    high: float

    @property
    def half(self) -> float:
        """Half its width: what stands behind the ±."""
        return (self.high - self.low) / 2


def interval(values: ArrayLike, level: float = 0.95) -> Interval:
    """Mean of `values` with Student's t interval at `level`.

    One value gives its mean with ends nan; no value, or one that is not finite, gives nan for all three
    (a mean over the seeds that happened to survive would flatter)."""
    x = np.asarray(values, float).ravel()
    if len(x) == 0 or not np.isfinite(x).all():
        return Interval(math.nan, math.nan, math.nan)
    mean = float(x.mean())
    if len(x) == 1:
        return Interval(mean, math.nan, math.nan)
    half = _t_quantile(len(x) - 1, level) * float(x.std(ddof=1)) / math.sqrt(len(x))
    return Interval(mean, mean - half, mean + half)


@lru_cache(maxsize=1024)
def _t_quantile(freedom: int, level: float) -> float:
    from scipy.special import stdtrit  # half a second of scipy.stats is not needed for one quantile

    return float(stdtrit(freedom, (1 + level) / 2))


# -- pictures of what a network does ---------------------------------------------------------------------------------


def surface(
    experiment: Experiment, weights: Weights, dataset: Dataset, size: int = 48, seed_index: int | None = None
) -> pd.DataFrame:
    """What the network answers all over the plane, for data with two inputs.

    The grid depends on the data alone (its range and a tenth more), so nothing moves while training does.

    Parameters
    ----------
    size : int
        Cells across; up, as many as keep the cells square.
    seed_index : int, optional
        Position of one replicate; the mean over all of them where it is left out.

    Returns
    -------
    DataFrame
        One row a cell: `x`, `y` (centre, raw units), `value` (probability of class 1; of the likeliest class where
        there are more than two; the prediction for regression) and `label` (class decided for; -1 for regression).

    Raises ValueError where the data has not two inputs.
    """
    x, y, _ = grid(dataset, size)
    across, up = np.meshgrid(x, y)  # (rows, columns)
    points = np.column_stack([across.ravel(), up.ravel()]).astype(np.float32)
    answer = predict(experiment, _pick(weights, seed_index), dataset, points).mean(axis=0)  # (cells, outputs)
    if experiment.task == "regression":
        value, label = answer[:, 0], np.full(len(points), -1)
    else:
        label = labels(answer)
        value = answer[:, -1] if experiment.data.classes == 2 else answer.max(axis=1)
    return pd.DataFrame({"x": across.ravel(), "y": up.ravel(), "value": value, "label": label})


def grid(dataset: Dataset, size: int = 48) -> tuple[Floats, Floats, float]:
    """Centres across (size,) and up (rows,), and the side of the square cells, of a data set's plane."""
    low, high = _range(dataset)
    if len(low) != 2:
        raise ValueError(f"surface: got data with {len(low)} inputs, allowed is data with 2.")
    step = (high[0] - low[0]) / size
    rows = math.ceil((high[1] - low[1]) / step - 1e-9)
    bottom = (low[1] + high[1] - rows * step) / 2
    return low[0] + step * (np.arange(size) + 0.5), bottom + step * (np.arange(rows) + 0.5), float(step)


def line(
    experiment: Experiment, weights: Weights, dataset: Dataset, size: int = 100, seed_index: int | None = None
) -> pd.DataFrame:
    """The fitted line, for regression on one input: `x` (raw), `value` (mean over replicates, or one of them),
    `low` and `high` (the lowest and highest replicate). Raises ValueError for other data."""
    low, high = _range(dataset)
    if len(low) != 1 or experiment.task != "regression":
        raise ValueError("line: allowed is regression on one input.")
    x = np.linspace(low[0], high[0], size)
    each = predict(experiment, _pick(weights, seed_index), dataset, x[:, None].astype(np.float32))[
        :, :, 0
    ]  # (seeds, n)
    return pd.DataFrame({"x": x, "value": each.mean(axis=0), "low": each.min(axis=0), "high": each.max(axis=0)})


def _range(dataset: Dataset) -> tuple[Floats, Floats]:
    """Lowest and highest raw input (inputs,) of all parts, and a tenth of the range more on either side."""
    x = np.concatenate([np.asarray(getattr(dataset, part).x, float) for part in PARTS])
    low, high = x.min(axis=0), x.max(axis=0)
    margin = np.where(high > low, (high - low) * 0.1, 1.0)
    return low - margin, high + margin


@dataclass(frozen=True)
class Picture:
    """One picture and what the network takes it for."""

    pixels: NDArray[Any]
    """(height, width), raw."""
    label: int
    predicted: int
    probability: float
    """Of the predicted class, mean over the replicates."""


def pictures(
    experiment: Experiment, weights: Weights, dataset: Dataset, count: int = 12, seed_index: int | None = None
) -> list[Picture]:
    """The first pictures of the validation part (of the training part where it is empty) with the network's guess.

    Raises ValueError where the data is no pictures."""
    if dataset.image_shape is None:
        raise ValueError("pictures: allowed is data made of pictures (digits, mnist).")
    samples = dataset.validation if len(dataset.validation) else dataset.train
    x, y = samples.x[:count], samples.y[:count]
    answer = predict(experiment, _pick(weights, seed_index), dataset, x).mean(axis=0)  # (count, classes)
    return [
        Picture(pixels.reshape(dataset.image_shape), int(label), int(row.argmax()), float(row.max()))
        for pixels, label, row in zip(x, y, answer, strict=True)
    ]


# -- a verdict on the fit --------------------------------------------------------------------------------------------

Verdict = Literal["", "underfits", "fits", "overfits", "diverged", "unstable"]


@dataclass(frozen=True)
class Diagnosis:
    """A verdict in one word, the rule that gave it, and every figure it rests on."""

    verdict: Verdict
    """Empty while there is no result."""
    reason: str = ""
    """Which rule spoke; see `diagnose`."""
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Yardstick:
    """What can be had without a network, from the training part alone: the ruler `diagnose` measures with."""

    loss: float
    """Of an answer that knows nothing: the logarithm of the number of classes; for regression the error of always
    saying 0."""
    share: float
    """Accuracy of always saying the commonest class; 0 for regression."""
    variance: float
    """Of the targets (regression), else nan."""
    reference: float
    """Accuracy of 15 nearest neighbours, each sample left out in turn, on at most 1,000 samples; for regression R² of
    the least-squares line."""
    margin: float
    """One standard error of `reference`, at least 0.03: a network must be this far below it to be called worse."""


def diagnose(metrics: pd.DataFrame | None, results: Mapping[str, Any] | None, experiment: Experiment) -> Diagnosis:
    """Says how well an experiment fits, from its final scores and its curves.

    Parameters
    ----------
    metrics : DataFrame
        Tidy, a row an epoch and seed: `epoch`, `seed`, `train_loss`, `train_score`, `validation_loss`,
        `validation_score`.
    results : mapping
        `train`, `validation`, `test`: each None or a mapping from `loss`, `accuracy` or `mse`, to a list over the
        seeds (None or nan where the figure is not a number).

    Notes
    -----
    Fit is the accuracy, or for regression 1 - mse / variance of the training targets. The first rule that holds
    decides:

    1. **diverged**, when at least half the seeds ended with a training loss that is not finite
       (`loss_not_finite`), or above twice a blind guess's and twice its own lowest, or 1,000 blind guesses
       (`loss_ran_away`). Fewer than half: **unstable** (`some_seeds_diverged`).
    2. **unstable**, when with 3 seeds or more the training fit deviates by more than 0.1 between seeds
       (`seeds_disagree`); when for most seeds the training loss, in the last third of the epochs, rises in one
       step by more than a quarter of a blind guess's loss (`loss_jumps`); or when a classifier ends with a training
       loss above twice a blind guess's (`loss_above_guessing`).
    3. **overfits**, by the gap = training fit - validation fit (test fit where there is no validation part):
       above 0.05, above 1.5 standard errors of the two shares (few samples prove little), and with 3 seeds or more
       its 95 % interval above 0 (`gap`); or above 0.02 while the mean validation loss has risen 20 % above its
       lowest as the training loss fell on (`validation_turned`; not with early stopping, which goes back).
    4. **underfits**, when the training fit is no better than always saying the commonest class (`guesses`), or
       below what 15 nearest neighbours reach, for regression the least-squares line (`below_reference`); or when it
       still gained 0.02 in the last fifth of the epochs, for regression the loss still fell by a tenth
       above that of the line (`still_learning`).
    5. **fits** otherwise.
    """
    train = final_scores(results, "train", experiment.score)
    loss = final_scores(results, "train", "loss")
    if train.size == 0:
        return Diagnosis("")
    ruler = yardstick(experiment.data)
    curves = _Curves.of(metrics)

    def fit(score: Floats) -> Floats:
        return score if experiment.score == "accuracy" else 1 - score / max(ruler.variance, 1e-30)

    stops_early = experiment.train.patience > 0
    gone, lost = _diverged(loss, curves, ruler, stops_early)
    figures: dict[str, float] = {"seeds": len(train), "diverged": float(gone.sum())}
    if 2 * gone.sum() >= len(train):
        return Diagnosis("diverged", "loss_not_finite" if 2 * lost.sum() >= len(train) else "loss_ran_away", figures)
    kept = ~gone
    fitted = fit(train[kept])
    figures |= {"train": float(fitted.mean()), "reference": ruler.reference, "guess": ruler.share}
    if gone.any():
        return Diagnosis("unstable", "some_seeds_diverged", figures)

    if len(fitted) > 2:
        figures["deviation"] = float(fitted.std(ddof=1))
        if figures["deviation"] > 0.1:
            return Diagnosis("unstable", "seeds_disagree", figures)
    if (jump := curves.largest_late_rise()) is not None:
        figures["jump"] = float(np.median(jump) / ruler.loss)
        if figures["jump"] > 0.25:
            return Diagnosis("unstable", "loss_jumps", figures)
    if experiment.score == "accuracy" and np.mean(loss) > 2 * ruler.loss:
        return Diagnosis("unstable", "loss_above_guessing", figures | {"loss": float(np.mean(loss))})

    part, held_out = _held_out(results, experiment)
    if part is not None and np.isfinite(held_out).all():
        gap = interval(fitted - fit(held_out))
        error = _sampling_error(experiment, part, fitted.mean(), fit(held_out).mean())
        figures |= {part: float(fit(held_out).mean()), "gap": gap.mean, "gap_low": gap.low, "gap_error": error}
        sure = gap.low > 0 if len(fitted) > 2 else True
        if sure and gap.mean > max(0.05, 1.5 * error):
            return Diagnosis("overfits", "gap", figures)
        if gap.mean > 0.02 and not stops_early and (turn := curves.validation_turn()) is not None:
            figures["rise"], figures["turn"] = turn
            if figures["rise"] > 0.2:
                return Diagnosis("overfits", "validation_turned", figures)

    if (
        experiment.score == "accuracy"
        and figures["train"] <= ruler.share + 0.02
        and not ruler.reference <= ruler.share + 0.02
    ):
        return Diagnosis("underfits", "guesses", figures)
    if figures["train"] < ruler.reference - ruler.margin:
        return Diagnosis("underfits", "below_reference", figures)
    if not stops_early and (late := curves.late_gain()) is not None:
        gained, fell = late
        if experiment.score == "accuracy":
            figures["late_gain"] = gained
            still = gained > 0.02
        else:
            figures["late_fall"] = fell
            still = fell > 0.1 and 1 - figures["train"] > 1.5 * (1 - ruler.reference)
        if still:
            return Diagnosis("underfits", "still_learning", figures)
    return Diagnosis("fits", "", figures)


def final_scores(results: Mapping[str, Any] | None, part: str, name: str) -> Floats:
    """One figure of one part over the seeds, from results as they are stored; empty where there is none."""
    values = ((results or {}).get(part) or {}).get(name)
    if values is None:
        return np.empty(0)
    return np.array([math.nan if value is None else value for value in values], float)


def yardstick(data: DataSpec) -> Yardstick:
    """The ruler for a data set; where its files are not at hand (the run was trained on another machine, and a
    verdict is no reason to download), what is known without them."""
    if data.name == "mnist" and not mnist.available():
        return Yardstick(math.log(data.classes), 1 / data.classes, math.nan, math.nan, math.nan)
    return _measured(data)


@lru_cache(maxsize=64)
def _measured(data: DataSpec) -> Yardstick:
    dataset = load_dataset(data)
    picked = np.random.default_rng(0).permutation(len(dataset.train))[:1000]
    x, y = dataset.scaling.apply(dataset.train.x[picked]), dataset.train.y[picked]
    if data.task == "regression":
        target = y.astype(float)
        design = np.column_stack([x.astype(float), np.ones(len(x))])
        error = target - design @ np.linalg.lstsq(design, target, rcond=None)[0]
        variance = float(target.var())
        r2 = 1 - float((error**2).mean()) / variance if variance > 0 else math.nan
        return Yardstick(float((target**2).mean()), 0.0, variance, r2, 0.03)
    reached = _neighbours_accuracy(x.astype(float), y)
    margin = max(0.03, math.sqrt(reached * (1 - reached) / len(y)))
    return Yardstick(math.log(data.classes), float(np.bincount(y).max() / len(y)), math.nan, reached, margin)


def _neighbours_accuracy(x: Floats, y: NDArray[np.int64]) -> float:
    """Share of samples whose class most of their nearest neighbours (at most 15, itself left out) have."""
    near = max(1, min(15, len(y) // (2 * len(np.unique(y)))))
    squares = (x**2).sum(axis=1)
    distance = squares[:, None] + squares - 2 * x @ x.T  # (n, n)
    np.fill_diagonal(distance, np.inf)
    votes = y[np.argsort(distance, axis=1, kind="stable")[:, :near]]  # (n, near)
    counts = (votes[:, :, None] == np.arange(y.max() + 1)).sum(axis=1)  # (n, classes)
    return float((counts.argmax(axis=1) == y).mean())


@dataclass(frozen=True)
class _Curves:
    """The epoch metrics as arrays (epochs, seeds)."""

    epochs: NDArray[np.int64]
    train_loss: Floats
    train_score: Floats
    validation_loss: Floats

    @classmethod
    def of(cls, metrics: pd.DataFrame | None) -> _Curves:
        if metrics is None or len(metrics) == 0:
            nothing = np.empty((0, 0))
            return cls(np.empty(0, np.int64), nothing, nothing, nothing)
        wide = metrics.pivot(index="epoch", columns="seed", values=["train_loss", "train_score", "validation_loss"])
        each = (wide[name].to_numpy(float) for name in ("train_loss", "train_score", "validation_loss"))
        return cls(wide.index.to_numpy(), *each)

    def largest_late_rise(self) -> Floats | None:
        """Highest rise of the training loss from one epoch to the next in the last third, (seeds,)."""
        steps = np.diff(self.train_loss[-(len(self.epochs) // 3 + 1) :], axis=0)
        return np.nan_to_num(steps, nan=0.0).max(axis=0) if len(steps) >= 4 else None

    def validation_turn(self) -> tuple[float, float] | None:
        """How far the mean validation loss has risen above its lowest (0.2 is 20 %), and the epoch of the lowest;
        None where it has not, or where the training loss did not fall on."""
        if len(self.epochs) < 5 or np.isnan(self.validation_loss).any() or np.isnan(self.train_loss).any():
            return None
        validation, train = self.validation_loss.mean(axis=1), self.train_loss.mean(axis=1)
        lowest = int(validation.argmin())
        tail = max(1, len(validation) // 10)  # the median of the last tenth: one bad epoch is no turn
        if lowest >= len(validation) - tail or np.median(train[-tail:]) >= train[lowest]:
            return None
        rise = float(np.median(validation[-tail:]) / max(validation[lowest], 1e-12) - 1)
        return rise, float(self.epochs[lowest])

    def late_gain(self) -> tuple[float, float] | None:
        """Gain of the mean training score and relative fall of the mean training loss over the last fifth."""
        if len(self.epochs) < 5 or np.isnan(self.train_loss).any():
            return None
        then = -math.ceil(len(self.epochs) / 5) - 1
        score, loss = self.train_score.mean(axis=1), self.train_loss.mean(axis=1)
        return float(score[-1] - score[then]), float(1 - loss[-1] / loss[then]) if loss[then] > 0 else 0.0


def _diverged(
    loss: Floats, curves: _Curves, ruler: Yardstick, stops_early: bool
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Seeds whose training loss ran away in any manner, and those of them where it is no number, (seeds,) each."""
    lost = ~np.isfinite(loss)
    last, lowest = loss, loss
    if curves.train_loss.shape[1:] == loss.shape and len(curves.epochs):
        if not stops_early:  # with early stopping nan marks the epochs after the stop
            lost = lost | ~np.isfinite(curves.train_loss[-1])
            last = np.where(lost, loss, curves.train_loss[-1])
        lowest = np.nanmin(np.vstack([curves.train_loss, np.where(lost, np.inf, loss)]), axis=0)
    with np.errstate(invalid="ignore"):
        away = ((last > 2 * ruler.loss) & (last > 2 * lowest)) | (last > 1000 * ruler.loss)
    return lost | away, lost


def _held_out(results: Mapping[str, Any] | None, experiment: Experiment) -> tuple[PartName | None, Floats]:
    """Scores on samples the network was not trained on: the validation part, else the test part."""
    part: PartName
    for part in PARTS[1:]:
        scores = final_scores(results, part, experiment.score)
        if scores.size:
            return part, scores
    return None, np.empty(0)


def _sampling_error(experiment: Experiment, part: PartName, train: float, held_out: float) -> float:
    """Standard error of the difference of two shares measured on so few samples; 0 for regression."""
    if experiment.score != "accuracy":
        return 0.0
    sizes = dict(zip(PARTS, experiment.data.sizes, strict=True))
    return math.sqrt(train * (1 - train) / sizes["train"] + held_out * (1 - held_out) / sizes[part])
