"""The classic comparisons of the field: a question to think about first, and the usual outcome.

Every setting was found by trials: each comparison takes seconds and shows its effect on at least nine of ten data seeds
(`benchmarks.classics`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from nnlab.catalogue.presets import preset_comparisons, transfer_comparison
from nnlab.spec import Comparison, DataSpec, Experiment, ModelSpec, TrainSpec


@dataclass(frozen=True)
class Classic:
    """A comparison that teaches one thing. The texts are English; the dashboard translates them."""

    name: str  # on the command line
    title: str
    question: str  # to think about first
    comparison: Comparison
    outcome: str  # shown afterwards: what usually happens, why, and who described it


def _network(data: DataSpec, hidden: tuple[int, ...], train: TrainSpec, **model: Any) -> Experiment:
    """With the initial weights of Kaiming, unless `init` is another."""
    return Experiment(data=data, model=ModelSpec(hidden=hidden, **{"init": "kaiming", **model}), train=train)


_DIGITS = DataSpec(name="digits", per_seed="split")
# 100 samples to train on, a tenth of them mislabelled, and 700 for validation, so that small differences show; every
# seed draws its own
_FEW = DataSpec(name="synthetic", n_samples=1000, features=10, noise=1.0, validation=0.7, per_seed="samples")
_MANY = DataSpec(name="synthetic", n_samples=1000, features=8, noise=1.0, validation=0.4, per_seed="samples")
_VERY_FEW = DataSpec(name="synthetic", n_samples=600, features=12, noise=2.0, validation=0.7, per_seed="samples")

_L2_NETWORK = _network(_FEW, (64, 64), TrainSpec(optimizer="momentum", lr=0.05, epochs=200, batch_size=20))
_DROPOUT_NETWORK = _network(_FEW, (64, 64), TrainSpec(lr=0.003, epochs=200, batch_size=20))
_BATCHES_NETWORK = _network(_MANY, (32,), TrainSpec(optimizer="sgd", lr=0.1, epochs=25))
_WIDTHS_NETWORK = _network(_VERY_FEW, (8,), TrainSpec(optimizer="momentum", lr=0.1, epochs=1000, batch_size=60))
_RATES_NETWORK = _network(
    _DIGITS, (32, 32), TrainSpec(optimizer="momentum", epochs=20), activation="tanh", init="xavier"
)

# no momentum and no adaptive steps: nothing hides the size of the gradients
_DESCENT = TrainSpec(optimizer="sgd", lr=0.1, schedule="cosine", epochs=30)


def _by_depth(by: str, by_values: tuple[Any, ...], train: TrainSpec = _DESCENT, **model: Any) -> Comparison:
    """32 neurons a layer on the digits, at several depths."""
    experiment = _network(_DIGITS, (32,), train, **model)
    return Comparison(experiment, vary="depth", values=(1, 2, 4, 6, 8, 10), by=by, by_values=by_values, seeds=5)


_ALL = (
    Classic(
        "overfitting",
        "Depth and overfitting",
        "100 samples, a tenth of the labels wrong: what happens to training and validation as the network gets deeper?",
        Comparison(
            _network(_FEW, (8,), TrainSpec(epochs=100, batch_size=20)), vary="depth", values=range(1, 7), seeds=10
        ),
        "From 1 to 6 layers training accuracy rises by about 5 points, validation accuracy falls by about 4, and the "
        "validation loss about triples: deeper networks have the capacity to memorise the wrong labels and then "
        "predict them with confidence. Bias falls and variance grows (Geman et al. 1992); large networks can even fit "
        "random labels (Zhang et al. 2017).",
    ),
    Classic(
        "vanishing",
        "Vanishing gradients",
        "Sigmoid, tanh and ReLU, from 1 to 10 hidden layers: which of them still learns when the network is deep?",
        _by_depth("activation", ("sigmoid", "tanh", "relu"), init="xavier"),
        "From 4 layers on, the sigmoid network only guesses, while tanh and ReLU learn at every depth. The slope of "
        "the sigmoid is at most 1/4, so in backpropagation every layer divides the gradient by four or more, and the "
        "weights of the first layers hardly change (Hochreiter 1991; Bengio et al. 1994; Glorot and Bengio 2010).",
    ),
    Classic(
        "initialisation",
        "Xavier and Kaiming",
        "ReLU networks that differ only in how the initial weights are drawn: does it matter, and from which depth on?",
        _by_depth(
            "init", ("default", "xavier", "kaiming"), TrainSpec(optimizer="sgd", lr=0.05, epochs=40), init="default"
        ),
        "Up to 2 layers it hardly matters. PyTorch's default weights are small: activations shrink from layer to "
        "layer, and from 6 layers on the network learns next to nothing. Xavier preserves their variance through "
        "linear layers (Glorot and Bengio 2010), yet at 10 layers some seeds learn badly; Kaiming compensates for the "
        "half that ReLU sets to zero (He et al. 2015) and learns at every depth.",
    ),
    Classic(
        "normalisation",
        "Batch normalisation",
        "Deep sigmoid networks do not learn. What if the sums in every layer are centred and scaled before the "
        "activation?",
        _by_depth("norm", ("none", "batch"), activation="sigmoid", init="xavier"),
        "Without it, the sigmoid network only guesses from 4 layers on; with it even 10 layers learn, and better than "
        "1. Sums with mean 0 and standard deviation 1 stay where the sigmoid is steep, and the learned scale can "
        "enlarge them, so the gradient does not vanish (Ioffe and Szegedy 2015).",
    ),
    Classic(
        "shortcuts",
        "Skip connections and the gradient",
        "Sigmoid networks again: what if every layer's input is added to its output?",
        _by_depth("residual", (False, True), activation="sigmoid", init="xavier"),
        "With skip connections the network learns at every depth, and 10 layers are only 2 or 3 points better than "
        "one: the additions pass the gradient back undiminished, past the sigmoids. That a deep network can be "
        "trained does not mean that its depth helps much (Srivastava et al. 2015; He et al. 2016).",
    ),
    Classic(
        "residual",
        "Plain and residual networks",
        "ReLU, Kaiming and batch normalisation: can a network of 50 layers be trained now, or is something missing?",
        Comparison(
            _network(_DIGITS, (16,), TrainSpec(optimizer="momentum", lr=0.01, epochs=20, batch_size=64), norm="batch"),
            vary="depth",
            values=(2, 5, 10, 20, 30, 50),
            by="residual",
            by_values=(False, True),
            seeds=5,
        ),
        "Plain networks get worse with depth, on the training data too, so it is not overfitting: it is the "
        "degradation problem, which residual networks solve. With skip connections even 50 layers learn, though not "
        "as well as 2: a layer that has nothing to add can pass on its input unchanged (He et al. 2016).",
    ),
    Classic(
        "l2",
        "L2 against overfitting",
        "100 noisy samples and a large network: how strongly should large weights be penalised?",
        Comparison(_L2_NETWORK, vary="l2", values=(0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3), seeds=10),
        "Without L2 the network memorises all samples, wrong labels included. As L2 grows to about 0.03, training "
        "accuracy falls to what the data allow, validation accuracy rises by about 5 points and the gap closes; with "
        "0.3 the network learns nothing at all. Small weights make smooth functions that cannot bend around single "
        "samples (Krogh and Hertz 1992).",
    ),
    Classic(
        "dropout",
        "Dropout against overfitting",
        "The same network: what if a few of its neurons, or nearly all of them, are switched off at random during "
        "training?",
        Comparison(_DROPOUT_NETWORK, vary="dropout", values=(0, 0.2, 0.4, 0.6, 0.8, 0.95), seeds=10),
        "Up to a rate of about 0.6, training accuracy falls, validation accuracy rises by about 5 points and the "
        "validation loss falls to a third; at 0.95 too few neurons are left. No neuron can rely on one particular "
        "other neuron, and the whole network predicts like the average of very many smaller ones (Srivastava et al. "
        "2014).",
    ),
    Classic(
        "batch-size",
        "Batch size and noise",
        "The same learning rate and the same number of epochs: one sample a step, all of them, or something in "
        "between?",
        Comparison(_BATCHES_NETWORK, vary="batch_size", values=(1, 4, 16, 64, 400), seeds=20),
        "With one sample a step the loss falls fast at first, then fluctuates and never settles; with all 400 it "
        "falls smoothly but has not come far after 25 steps. Sizes in between reach the lowest validation loss. The "
        "gradient of a batch is an estimate: its noise falls with the square root of the batch size, but larger "
        "batches also mean fewer steps (Wilson and Martinez 2003).",
    ),
    Classic(
        "learning-rate",
        "Learning rates",
        "From tiny to huge steps: at which rate does the network learn best, and how far is that from divergence?",
        Comparison(_RATES_NETWORK, vary="lr", values=(0.0001, 0.001, 0.01, 0.03, 0.1, 0.3, 1, 3), seeds=10),
        "At 0.0001 the network hardly learns; larger rates learn more in the same time, up to 0.03 or 0.1. At 0.3 the "
        "loss jumps; from 1 on every step overshoots and the loss explodes. So the best rate lies not far below the "
        "first one that diverges (Bengio 2012).",
    ),
    Classic(
        "double-descent",
        "Double descent",
        "60 samples, a fifth of the labels wrong: as the network gets wider, does validation keep getting worse?",
        Comparison(_WIDTHS_NETWORK, vary="width", values=(1, 2, 4, 8, 16, 32, 64, 128), seeds=20),
        "The validation loss grows up to about 8 neurons, where the network can just memorise all samples, wrong "
        "labels included; beyond that it falls again, by about a quarter up to 128 neurons. At this threshold only a "
        "few, very irregular functions fit all samples; in wider networks training finds smoother ones (Belkin et al. "
        "2019; Nakkiran et al. 2020). Accuracy hardly follows: from 8 neurons on it changes by a point or two.",
    ),
    Classic(
        "scaling",
        "Standardised and raw inputs",
        "Pixels from 0 to 16 as they are, or with mean 0 and standard deviation 1: is it only a matter of the "
        "learning rate?",
        Comparison(
            _network(_DIGITS, (32,), TrainSpec(optimizer="sgd", epochs=20)),
            vary="lr",
            values=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1),
            by="scaling",
            by_values=("none", "standard"),
            seeds=20,
        ),
        "Raw inputs make the gradients large, so small rates work well and 0.3 already ruins the network; with "
        "standardised inputs it learns best at 0.3. Even when each uses its best rate, standardised inputs reach the "
        "lower validation loss: the loss is then about equally steep in all directions, and one rate suits all of "
        "them (LeCun et al. 1998).",
    ),
    Classic(
        "transfer",
        "Transfer learning",
        "A network that has learned the digits 0 to 4 is to learn 5 to 9 from 5, 20 or 100 samples each: do its first "
        "layers help, and may one of them be frozen?",
        transfer_comparison,
        "With 5 samples a class, three copied layers gain 6 to 11 points over random weights; with 20 and 100 the "
        "gain is mostly too small to show. Freezing the first layer costs points again, because its features were "
        "learned to distinguish 0 to 4 (Yosinski et al. 2014). Copied layers make up for time and depth: trained for "
        "longer or with a higher rate, random weights fall behind by only 4 to 6 points with 5 samples, and a network "
        "of one hidden layer does better than both from random weights.",
    ),
)

classics: Mapping[str, Classic] = MappingProxyType({one.name: one for one in _ALL})
"""By name, in teaching order."""


def question_of(comparison: Comparison) -> str | None:
    """The name of the classic or of the preset comparison that a comparison equals, whatever its seeds and its engine;
    None where it equals none."""
    known = {**preset_comparisons, **{name: one.comparison for name, one in classics.items()}}
    return next((name for name, one in known.items() if _asks_the_same(one, comparison)), None)


def classic_of(comparison: Comparison) -> Classic | None:
    """The classic that a comparison equals, whatever its seeds and its engine; None where it equals none."""
    return classics.get(question_of(comparison) or "")


def _asks_the_same(one: Comparison, other: Comparison) -> bool:
    settings = [(of.vary, of.values, of.by, of.by_values) for of in (one, other)]
    return settings[0] == settings[1] and one.experiment.vary("engine", "auto") == other.experiment.vary(
        "engine", "auto"
    )
