"""Experiments whose verdict a person has read off the curves, the labels of `benchmarks.verdicts`.

Every case was trained, and its losses and scores were read as medians over the seeds along the epochs, with the final
scores of every seed, before a rule had judged it. The readings follow these definitions:

- **diverged**: the loss is not finite, or far above that of a blind guess where the network guesses.
- **unstable**: loss and accuracy jump to the end, or some seeds learn the problem and others do not.
- **underfits**: a larger network, another start, another rate or more epochs reach clearly more on the validation part
  of the same data. A network that ends at guessing underfits, whatever made it so; so does one that has hardly
  learned its training part, where the labels are random.
- **overfits**: the training part is learned better than new samples are (5 points or more), and that is not about to
  change; or the validation loss has risen clearly above its lowest while the training loss fell.
- **fits**: none of these; the validation score is about the best that was seen on these data.

Trainings that two readings would suit were left out, and those that read otherwise where another processor rounds
otherwise. Within a kind, every second case is held out.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

from nnlab.analysis.diagnosis import Verdict
from nnlab.spec import FIELDS, Experiment


class Case(NamedTuple):
    """An experiment with its label."""

    kind: str
    verdict: Verdict
    reading: str  # why: figures of the curves
    experiment: Experiment
    seeds: tuple[int, ...]
    random_labels: bool  # labels by the toss of a coin


CASES: list[Case] = []
KINDS: list[str] = []
_PATHS = {path.partition(".")[2]: path for path in FIELDS}
Fields = Mapping[str, Any]

_SAMPLES = {"per_seed": "samples", "init": "kaiming"}
SYNTHETIC: Fields = {"name": "synthetic", **_SAMPLES}
CLOUDS: Fields = {**SYNTHETIC, "classes": 5, "features": 8, "n_samples": 1000, "noise": 0.5}
BINARY: Fields = {
    **SYNTHETIC,
    **{"n_samples": 100, "noise": 1.0, "validation": 0.3, "seed": 7, "epochs": 80, "batch_size": 16},
}
FEW: Fields = {
    **SYNTHETIC,
    **{"n_samples": 400, "features": 10, "noise": 1.0, "validation": 0.5},
    **{"hidden": [64, 64], "epochs": 150, "batch_size": 20},
}
MOONS: Fields = {
    **{"name": "moons", "per_seed": "samples", "n_samples": 500},
    **{"hidden": [8, 8], "activation": "tanh", "init": "xavier", "epochs": 60},
}
DIGITS: Fields = {
    **{"name": "digits", "per_seed": "split", "n_samples": 800},
    **{"hidden": [32], "init": "kaiming", "epochs": 30},
}
CELSIUS: Fields = {
    **{"name": "celsius", "hidden": [3, 3], "activation": "none", "init": "xavier", "lr": 0.1, "epochs": 1000},
}


def plane(name: str) -> Fields:
    """A data set in the plane and a network that is large enough for it."""
    return {"name": name, **_SAMPLES, "n_samples": 500, "hidden": [16, 16], "epochs": 100}


def kind(name: str) -> None:
    """Begin a kind of cases."""
    KINDS.append(name)


def case(
    verdict: Verdict, reading: str, base: Fields, seeds: int | tuple[int, ...] = 5, coin: bool = False, **changes: Any
) -> None:
    """Add a case: a base with some fields changed, by their names without the part."""
    fields = {**base, **changes}
    experiment = Experiment().set({"data.name": fields.pop("name")})
    experiment = experiment.set({_PATHS[name]: value for name, value in fields.items()})
    chosen = tuple(range(seeds)) if isinstance(seeds, int) else seeds
    CASES.append(Case(KINDS[-1], verdict, reading, experiment, chosen, coin))


underfits, fits, overfits = partial(case, "underfits"), partial(case, "fits"), partial(case, "overfits")
unstable, diverged = partial(case, "unstable"), partial(case, "diverged")


# -- labels by the toss of a coin, or all but that

kind("random labels")
overfits("train 64 %, validation 52 %, its loss from 0.71 to 0.75", SYNTHETIC, 10, coin=True, n_samples=100)
_SMALL = {**SYNTHETIC, "n_samples": 100}
overfits("train 66 %, validation 51 %, its loss from 0.72 to 0.80", _SMALL, 10, coin=True, hidden=[8] * 2)
overfits("train 71 %, validation 46 %, its loss from 0.71 to 0.93", _SMALL, 10, coin=True, hidden=[8] * 4)
overfits("train 71 %, validation 45 %, its loss from 0.70 to 0.90", _SMALL, 10, coin=True, hidden=[8] * 8)
underfits("train 56 %, validation 49 %: not even learned", SYNTHETIC, 5, coin=True, n_samples=1000, hidden=[8] * 2)
underfits("train 53 %, validation 50 %", SYNTHETIC, 5, coin=True, n_samples=2000, hidden=[4], epochs=20)
_LONG = {**SYNTHETIC, "hidden": [64, 64], "epochs": 150}
overfits("train 66 %, validation 51 %, loss 0.69 to 0.76", _LONG, 5, coin=True, n_samples=500)
underfits("train 55 %, validation 52 %", MOONS, 5, coin=True, n_samples=2000, epochs=30)
_SHARED = {**SYNTHETIC, "features": 8, "noise": 0.5, "per_seed": "weights"}
underfits("train 53 %, validation 47 %", _SHARED, 5, coin=True, n_samples=2000, epochs=30)
overfits("train 94 %, validation 55 %", {**_SHARED, **_LONG}, 5, coin=True, n_samples=400, epochs=200)
_STRONG = {**SYNTHETIC, "per_seed": "weights", "l2": 0.1}
underfits("50 % everywhere, loss 0.693", _STRONG, 5, coin=True, n_samples=600)
underfits("train 57 %, validation 49 %", SYNTHETIC, 1, coin=True, n_samples=1000, hidden=[16, 16])
_RINGS, _SQUARES = {**plane("circles"), "noise": 3.0}, {**plane("xor"), "noise": 3.0}
underfits("noise hides the rings: train 52 %, validation 50 %", _RINGS, n_samples=2000, epochs=20, hidden=[8])
overfits("train 81 %, validation 47 %", _SQUARES, n_samples=400, hidden=[64, 64], epochs=300)

# -- networks that are too small for the problem, or linear

kind("too small")
underfits("train 66 %, validation 59 %; width 8 reaches 87 and 80 %", BINARY, 10, hidden=[1])
underfits("train 75 %, validation 69 %; width 8 reaches 87 and 80 %", BINARY, 10, hidden=[2])
underfits("train 63 %, validation 58 %", BINARY, 10, hidden=[1, 1])
underfits("train 64 %, validation 65 %; width 8: 81 and 81 %", BINARY, 10, hidden=[1], per_seed="weights")
underfits("88 % and 88 %; a hidden layer reaches 96 %", MOONS, hidden=[])
underfits("53 %: a line cannot part the rings", plane("circles"), hidden=[])
underfits("70 % and 70 %, flat; width 16 reaches 96 %", plane("xor"), hidden=[2])
underfits("52 %: without activation", plane("xor"), activation="none")
underfits("59 % and 58 %", plane("spirals"), hidden=[4])
underfits("41 % and 41 %, two seeds at 60; width 32 reaches 96 %", DIGITS, hidden=[2])
underfits("10 %: guesses", DIGITS, hidden=[1], epochs=60)
underfits("67 % and 62 %, flat; width 32 reaches 92 %", CLOUDS, hidden=[2], noise=1.0)
underfits("88 % as a line, one seed of eight at 50 %", MOONS, 8, activation="relu", init="kaiming", hidden=[2])
underfits("53 % and 49 %", DIGITS, hidden=[4] * 3)

# -- networks that suit the problem

kind("suits")
fits("train 81 %, validation 81 %; a tenth of the labels is wrong", BINARY, 10, hidden=[8], per_seed="weights")
fits("99 % and 97 %, loss flat", plane("spirals"), hidden=[32, 32], epochs=400)
fits("99 % and 99 %: a line is enough", plane("gaussians"), hidden=[])
fits("70 % and 66 %; 68 % is the most possible", plane("gaussians"), noise=3.0, n_samples=2000, hidden=[8], epochs=20)
fits("94 % and 92 %", CLOUDS, hidden=[32])
fits("100 % and 96 %, validation flat", DIGITS)
fits("98 % and 95 %, both losses still fall", DIGITS, hidden=[])
fits("98 % and 96 %", MOONS)
fits("98 % and 97 %", MOONS, activation="relu", hidden=[16, 16], init="kaiming")
fits("100 % and 99 %", plane("circles"))
fits("97 % and 96 %", plane("xor"))
fits("100 % and 97 %", DIGITS, per_seed="weights")
fits("97 %; there is no validation part", MOONS, validation=0)
fits("100 % and 95 % over five folds", DIGITS, 1, folds=5, n_samples=600)
fits("96 % and 94 % after 12 epochs, gains a point in the last fifth", DIGITS, validation=0.1, epochs=12, lr=0.003)
fits("98 % and 98 %, 99 % at the end", plane("circles"), optimizer="sgd", lr=0.05, epochs=40)

# -- good, with single bad epochs

kind("uneven curves")
fits("100 % and 96 %", DIGITS, optimizer="momentum", lr=0.1, batch_size=16)
fits("97 %, two points below it a fifth before the end", MOONS, (0,), lr=0.05, epochs=86)
fits("98 %, one epoch at 90 % a fifth before the end", plane("spirals"), (1,), hidden=[32, 32], lr=0.02, epochs=110)
fits("98 %, one epoch at 95 %", plane("spirals"), 3, hidden=[32, 32], lr=0.02, epochs=145)
fits("98 %, one epoch at 95 %", plane("spirals"), 3, hidden=[32, 32], lr=0.02, epochs=220)
fits("98 %, one epoch at 95 %", plane("xor"), (2,), lr=0.05, epochs=67)
fits("100 % and 96 %", DIGITS, lr=0.03)
fits("99.8 and 99 %, single epochs at 97", plane("circles"), lr=0.1)
fits("99.7 and 98.6 %; the validation loss of 0.02 doubled", plane("gaussians"), batch_size=2, epochs=30)
fits("98 and 95 %, single epochs at 94", MOONS, lr=0.1)

# -- still learning

kind("stopped too early")
underfits("87 and 85 %, loss 0.39 to 0.36 in the last fifth", MOONS, optimizer="sgd", lr=0.01, epochs=15)
underfits("63 and 60 %, 8 points in the last fifth", DIGITS, optimizer="sgd", lr=0.02, epochs=10)
underfits("63 and 59 %", DIGITS, lr=0.001, epochs=6)
underfits("64 and 62 %, 9 points in the last fifth", DIGITS, lr=0.0002)
underfits("85 and 82 %, 10 points in the last fifth", plane("spirals"))
underfits("89 and 86 %, both rise by 15 points", plane("spirals"), hidden=[32, 32], epochs=48)
underfits("87 and 80 %: a gap, but both still rise", plane("spirals"), 8, hidden=[32, 32], epochs=56, n_samples=400)
underfits(
    "84 and 82 %; 93 % after 50 epochs at ten times the rate", CLOUDS, hidden=[32], lr=0.001, epochs=15, noise=1.0
)
underfits("89 and 89 %, a line so far", MOONS, optimizer="sgd", lr=0.03, epochs=40)
underfits("the same with patience that never ends it", MOONS, optimizer="sgd", lr=0.03, epochs=40, patience=100)

# -- overfitting

kind("overfits")
_WEIGHTS = {**FEW, "per_seed": "weights"}
overfits("100 and 79 %, validation loss from 0.47 to 2.4", FEW)
overfits("95 and 81 %, from 0.40 to 0.69", FEW, hidden=[16])
overfits("95 and 83 %, from 0.43 to 0.55", FEW, l2=0.01)
overfits("100 and 76 %, from 0.39 to 1.8", _WEIGHTS)
overfits("99 and 81 % over two times five folds", FEW, 2, per_seed="split", folds=5)
overfits("100 and 77 %", FEW, per_seed="split")
overfits("92 and 83 % after ten epochs, 0.47 to 0.56", FEW, epochs=10)
overfits("99.5 and 64 %", FEW, noise=2.0, epochs=100)
overfits("92 and 84 %, 0.43 to 1.0", FEW, dropout=0.5)
overfits("89 and 82 %, 0.49 to 0.67", BINARY, 10, hidden=[8] * 4)
overfits("85 and 74 %, 0.51 to 1.2", BINARY, 10, hidden=[8] * 8, per_seed="weights")
overfits("89 and 81 %, 0.50 to 0.62", BINARY, 10, hidden=[8] * 8)
overfits("100 and 78 % with 30 training samples", DIGITS, n_samples=100, validation=0.5, hidden=[64], epochs=60)
_RELU = {**MOONS, "activation": "relu", "init": "kaiming", "n_samples": 200, "noise": 0.5, "epochs": 200}
overfits("98 and 74 %, 0.31 to 1.9", _RELU, hidden=[64] * 3)
overfits("82 and 68 %, 0.59 to 0.75", plane("circles"), noise=0.4, n_samples=300, hidden=[64, 64], epochs=150)
overfits("78 and 54 %, 0.68 to 0.97", plane("spirals"), noise=0.2, hidden=[64, 64], epochs=200)
_BROAD = {**plane("gaussians"), "noise": 2.0, "n_samples": 200, "hidden": [64, 64], "epochs": 200}
overfits("91 and 65 %, 0.55 to 1.6", _BROAD)
overfits("99 and 80 %, 0.46 to 0.87", FEW, norm="batch")
overfits("100 and 79 %, 0.50 to 1.8", FEW, hidden=[32] * 6, residual=True, lr=0.003)
overfits("99.7 and 79 %, 0.44 to 1.1", FEW, hidden=[128], activation="leaky_relu")
overfits("99.7 and 82 %, 0.51 to 1.8", CLOUDS, n_samples=200, validation=0.4, hidden=[64, 64], epochs=100)

kind("overfits unevenly")
overfits("98 and 79 %, training loss from 0.02 to 0.3 and back", FEW, optimizer="rmsprop", lr=0.03)
overfits("99.7 and 79 %", FEW, lr=0.03)
overfits("93 and 78 %, training loss from 0.08 to 0.35 and back", BINARY, 10, hidden=[64] * 3, epochs=300)
overfits("96 and 80 %, training accuracy between 95 and 98", FEW, lr=0.05, epochs=80)
overfits("87 and 78 %, 0.32 to 1.04", _RELU, hidden=[64, 64], lr=0.05, batch_size=8)

# -- divergence

kind("diverges")
_TANH = {**DIGITS, "hidden": [32, 32], "activation": "tanh", "optimizer": "momentum"}
_WILD = {**DIGITS, "hidden": [32] * 8, "init": "normal", "init_scale": 2.0, "optimizer": "sgd", "lr": 0.01}
_RESIDUAL = {**FEW, "hidden": [32] * 30, "residual": True, "optimizer": "sgd", "lr": 0.1, "epochs": 30}
diverged("10 %, loss 11 to 7 where a guess has 2.3", DIGITS, optimizer="sgd", lr=30)
diverged("10 %, loss 80 to 250", _TANH, lr=3)
diverged("10 %, loss 50", _TANH, lr=1)
diverged("nan from the first epoch", _WILD)
diverged("nan", MOONS, activation="none", optimizer="momentum", lr=3)
diverged("nan", _RESIDUAL)
diverged("nan", plane("circles"), activation="none", optimizer="sgd", lr=5)
diverged("nan, or 7e14", plane("xor"), activation="elu", optimizer="sgd", lr=10)
diverged("10 %, loss 100 to 270", _TANH, 1, lr=3)

kind("diverges with patience")
diverged("10 %, loss 200; the best weights have 87", _TANH, lr=3, patience=10)
diverged("nan from the first epoch; the starting weights are left", _WILD, patience=5)
diverged("nan from the first epoch", _RESIDUAL, patience=5)
diverged("10 %, loss 11 to 7", DIGITS, optimizer="sgd", lr=30, patience=5)

# -- early stopping

kind("patience")
fits("the weights of epoch 2: 87 and 87 %", FEW, patience=10)
fits("the same without an early end: weights of the best epoch all the same", FEW, patience=200)
fits("96 and 95 %, one seed ended in epoch 5", MOONS, patience=10, epochs=150)
fits("98 and 96 %", MOONS, patience=100)
fits("100 and 96 %", DIGITS, patience=5)
fits("77 and 71 %; 76 % is the most possible", _BROAD, patience=20)
fits("88 and 87 %", _WEIGHTS, patience=10)
underfits("61 and 60 %", BINARY, 10, hidden=[1], patience=10)
fits("96 and 96 %", plane("xor"), optimizer="sgd", lr=0.03, epochs=25, patience=100)

# -- steps that are too long, and luck

kind("unstable")
unstable("jumps between 85 and 97 %", MOONS, lr=0.3)
unstable("79 %, between 50 and 88", MOONS, lr=1)
unstable("between 86 and 98 %, loss rising from 0.1 to 0.3", _TANH, lr=0.3)
unstable("between 84 and 92 %, loss 0.5 to 0.8", CLOUDS, hidden=[16], activation="tanh", optimizer="momentum", lr=1)
unstable("seeds from 50 to 85 %, between 65 and 82", plane("spirals"), optimizer="momentum", lr=0.3, epochs=200)
unstable("75 %, loss 8 to 65 where a guess has 0.7", MOONS, optimizer="momentum", lr=30)
unstable("98 and 94 %, loss from 0.02 to 4 and back, validation loss 8", DIGITS, hidden=[], lr=10)
unstable(
    "three of eight seeds learn it, five guess", MOONS, 8, activation="relu", init="default", hidden=[4] * 8, epochs=100
)
unstable("seven of eight seeds 100 %, one 50", plane("circles"), 8, hidden=[8] * 10, init="default")
unstable("nine of ten seeds 99 %, one 50", plane("circles"), 10, hidden=[4] * 5, init="default")
unstable("between 86 and 96 %, loss 0.2 to 0.4", MOONS, optimizer="rmsprop", lr=0.3)
unstable("between 69 and 85 %, loss 2 to 4", CLOUDS, hidden=[16], activation="tanh", optimizer="momentum", lr=3)
unstable("between 67 and 89 %, loss 0.7 to 3.4", MOONS, hidden=[], lr=30)
unstable(
    "74 %, loss 35 where a guess has 1.6",
    CLOUDS,
    hidden=[16],
    activation="tanh",
    optimizer="momentum",
    lr=30,
    patience=10,
)
unstable("between 50 and 65 %, down from 81", plane("circles"), activation="tanh", lr=0.5)
unstable("76 %, seeds from 38 to 95", DIGITS, activation="tanh", lr=0.3)
unstable("between 72 and 89 %, down from 93", DIGITS, activation="tanh", hidden=[32, 32], lr=0.1)
unstable("between 62 and 78 %, loss 0.43 to 0.66", plane("spirals"), activation="tanh", lr=0.2)

# -- numbers to predict

kind("regression")
fits("0.063, the least possible", CELSIUS)
fits("0.063", CELSIUS, lr=0.01)
underfits("4.3 and falling", CELSIUS, epochs=60)
underfits("1,400 and falling", CELSIUS, activation="sigmoid", lr=0.01)
fits("0.063", CELSIUS, lr=3)
fits("0.063", CELSIUS, hidden=[], lr=1)
diverged("nan", CELSIUS, optimizer="sgd", lr=1)
diverged("nan", CELSIUS, optimizer="sgd", lr=0.001)
diverged("nan", CELSIUS, scaling="standard", optimizer="sgd", lr=0.01)
diverged("nan", CELSIUS, optimizer="momentum", lr=0.001, epochs=200)
unstable("jumps between 1 and 540", CELSIUS, optimizer="sgd", lr=0.0001)
unstable("jumps between 1 and 1,000", CELSIUS, optimizer="rmsprop")
underfits("440, flat: tanh saturates", CELSIUS, activation="tanh")
underfits("43 and falling", CELSIUS, 1, epochs=40)

# -- too much regularisation

kind("regularised")
underfits("10 %", DIGITS, l2=0.3)
underfits("50 %", MOONS, l2=1)
underfits("89 and 88 %, a line; 96 % without", MOONS, l2=0.1)
underfits("74 and 70 %", DIGITS, dropout=0.9)
underfits("89 and 88 %", MOONS, dropout=0.8)
fits("86 and 84 %; validation is as good as any", FEW, l2=0.1)

# -- depth, starts and dead units

kind("deep")
_DESCENT = {**DIGITS, "optimizer": "sgd", "lr": 0.05}
underfits("10 %", _DESCENT, hidden=[32] * 4, activation="sigmoid", init="xavier", lr=0.1)
underfits("16 %", DIGITS, hidden=[32] * 10, activation="sigmoid", init="xavier")
underfits("89 and 88 %; 96 % with two layers", MOONS, hidden=[8] * 8, activation="sigmoid")
underfits("10 %", _DESCENT, hidden=[32] * 8, init="default")
fits("99.7 and 93 %, validation rises to the end", _DESCENT, hidden=[32] * 8, norm="batch")
underfits("10 %", DIGITS, init="zeros")
underfits("10 %, loss 2.5", DIGITS, hidden=[32] * 3, lr=3)
underfits("53 %", MOONS, activation="relu", hidden=[16] * 4, lr=3)
underfits("10 %, loss 2.31", DIGITS, optimizer="sgd", lr=3)
underfits("10 %, loss 2.38", DIGITS, lr=1)
underfits("28 %, flat", DIGITS, lr=0.3)
underfits("50 %", plane("spirals"), lr=0.3)
underfits("50 %, after 92 in the first epoch", plane("xor"), optimizer="momentum", lr=1)

# -- few samples

kind("few samples")
fits("100 and 92 % of ten samples, validation loss falls", MOONS, n_samples=50, epochs=150)
fits("100 and 94 %, validation rises to the end", DIGITS, n_samples=300)
fits("99 and 95 % of twelve samples, validation loss falls to the end", plane("circles"), n_samples=60)
fits("100 and 100 % of six", plane("gaussians"), n_samples=30, per_seed="weights")
fits("97 and 95 %", MOONS, n_samples=200)

# -- a single seed

kind("one seed")
overfits("100 and 77 %, 0.43 to 2.9", FEW, 1)
fits("100 and 96 %", DIGITS, 1)
underfits("85 and 86 %", MOONS, 1, hidden=[])
fits("100 and 100 %", plane("gaussians"), 1, n_samples=100, epochs=60)
underfits("72 and 67 %", BINARY, 1, hidden=[1])
overfits("100 and 78 %, 0.42 to 0.89", FEW, 1, l2=0.003)
underfits("88 and 89 %", MOONS, 1, optimizer="sgd", lr=0.03)
fits("96 and 97 %", MOONS, 1, batch_size=8, lr=0.03)
