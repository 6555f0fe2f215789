"""The classic comparisons of the field: what to think about before, and what is usually seen, told afterwards.

Every setting was found by trials: each comparison shows its effect in the mean over the seeds and takes seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from nnlab.catalogue.presets import presets, transfer_comparison
from nnlab.spec import Comparison, DataSpec, Experiment, ModelSpec, TrainSpec


@dataclass(frozen=True)
class Classic:
    """A comparison that teaches one thing. The texts are English; the dashboard translates them."""

    name: str
    """As the command line takes it."""
    title: str
    question: str
    """To think about before."""
    comparison: Comparison
    outcome: str
    """Told afterwards: what is usually seen, why, and who saw it."""


def classic_of(comparison: Comparison) -> Classic | None:
    """The classic that a comparison is, under whatever seeds; None where it is none."""
    asked = _without_seeds(comparison)
    return next((one for one in classics.values() if _without_seeds(one.comparison) == asked), None)


def _without_seeds(comparison: Comparison) -> dict[str, Any]:
    return {name: value for name, value in comparison.plain().items() if name != "seeds"}


# -- experiments that several share ----------------------------------------------------------------------------------

_DIGITS = DataSpec(name="digits")
_FEW = DataSpec(name="synthetic", n_samples=1000, features=10, noise=1.0, validation=0.7)
"""100 samples to learn from, a tenth of them mislabelled, and 700 to tell networks apart."""
_PLAIN_DESCENT = TrainSpec(optimizer="sgd", lr=0.1, schedule="cosine", epochs=30)
"""No momentum and no adaptive steps: nothing hides what the gradients are like."""
_DEPTHS = (1, 2, 4, 6, 8, 10)


def _deep(train: TrainSpec = _PLAIN_DESCENT, **model: Any) -> Experiment:
    """32 neurons a layer on the digits; the depth is what is varied."""
    return Experiment(data=_DIGITS, model=ModelSpec(hidden=(32,), **model), train=train)


# -- the classics ----------------------------------------------------------------------------------------------------

_ALL = (
    Classic(
        "overfitting",
        "Depth against overfitting",
        "100 samples, a tenth of the labels wrong: what happens to training and validation as the network gets deeper?",
        Comparison(presets["binary"], vary="depth", values=range(1, 9), seeds=20),
        "Training accuracy climbs with depth while validation accuracy gains nothing and its loss doubles: deeper "
        "networks have the room to learn the wrong labels by heart, and are then sure of them. Bias falls, variance "
        "grows (Geman et al. 1992); large networks can fit even random labels (Zhang et al. 2017).",
    ),
    Classic(
        "vanishing",
        "Vanishing gradients",
        "Sigmoid, tanh and ReLU, from 1 to 10 hidden layers: which of them still learns when the network is deep?",
        Comparison(
            _deep(init="xavier"),
            vary="depth",
            values=_DEPTHS,
            by="activation",
            by_values=("sigmoid", "tanh", "relu"),
            seeds=5,
        ),
        "From 4 layers on the sigmoid network only guesses, while tanh and ReLU learn at every depth. The sigmoid's "
        "slope is at most 1/4, so every layer divides the gradient by four or more on its way back, and the first "
        "layers never move (Hochreiter 1991; Bengio et al. 1994; Glorot and Bengio 2010).",
    ),
    Classic(
        "initialisation",
        "Xavier and Kaiming",
        "ReLU networks that differ only in how their first weights are drawn: does it matter, and from what depth on?",
        Comparison(
            _deep(TrainSpec(optimizer="sgd", lr=0.05, epochs=40)),
            vary="depth",
            values=_DEPTHS,
            by="init",
            by_values=("default", "xavier", "kaiming"),
            seeds=5,
        ),
        "With up to 2 layers it hardly matters. PyTorch's default weights are small: signals shrink from layer to "
        "layer, and from 6 layers on nothing is learned. Xavier keeps their size for a linear layer (Glorot and Bengio "
        "2010) and gets unsteady at 10; Kaiming makes up for the half that ReLU cuts off (He et al. 2015) and learns "
        "at every depth.",
    ),
    Classic(
        "normalisation",
        "Batch normalisation",
        "Sigmoid networks stop learning when they are deep. What if every layer's sums are centred and scaled first?",
        Comparison(
            _deep(activation="sigmoid", init="xavier"),
            vary="depth",
            values=_DEPTHS,
            by="norm",
            by_values=("none", "batch"),
            seeds=5,
        ),
        "Without it the sigmoid network guesses from 4 layers on; with it even 10 layers learn, better than 1. Sums "
        "with mean 0 and deviation 1 stay where the sigmoid is steep, and the learned scale can make them larger, so "
        "the gradient gets through (Ioffe and Szegedy 2015).",
    ),
    Classic(
        "shortcuts",
        "A shortcut for the gradient",
        "Sigmoid networks again: what if every layer's input is added to its output?",
        Comparison(
            _deep(activation="sigmoid", init="xavier"),
            vary="depth",
            values=_DEPTHS,
            by="residual",
            by_values=(False, True),
            seeds=5,
        ),
        "With residual connections the network learns at every depth, though hardly better than with one layer: the "
        "gradient flows back through the sums undiminished, past the sigmoids. To be trainable is one thing, to be "
        "worth it another (Srivastava et al. 2015; He et al. 2016).",
    ),
    Classic(
        "residual",
        "Plain against residual",
        "ReLU, Kaiming and batch normalisation: can a network of 50 layers be trained now, or is something missing?",
        Comparison(
            Experiment(
                data=_DIGITS,
                model=ModelSpec(hidden=(16,), init="kaiming", norm="batch"),
                train=TrainSpec(optimizer="momentum", lr=0.01, epochs=20, batch_size=64),
            ),
            vary="depth",
            values=(2, 5, 10, 20, 30, 50),
            by="residual",
            by_values=(False, True),
            seeds=5,
        ),
        "Plain networks get worse with depth, on the training data too, so it is no overfitting: this is the "
        "degradation that residual networks were made for. With shortcuts 50 layers learn nearly as well as 2: a layer "
        "that has nothing to add can leave its input as it is (He et al. 2016).",
    ),
    Classic(
        "l2",
        "L2 against overfitting",
        "100 noisy samples and a large network: how strongly should large weights be punished?",
        Comparison(
            Experiment(
                data=_FEW,
                model=ModelSpec(hidden=(64, 64), init="kaiming"),
                train=TrainSpec(optimizer="momentum", lr=0.05, epochs=200, batch_size=20),
            ),
            vary="l2",
            values=(0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3),
            seeds=10,
        ),
        "Without it the network learns every sample, wrong labels included. As L2 grows training accuracy falls to "
        "what the data deserves, validation accuracy rises and the gap closes; too much of it and the network learns "
        "nothing at all. Small weights make smooth functions that cannot bend around single samples (Krogh and Hertz "
        "1992).",
    ),
    Classic(
        "dropout",
        "Dropout against overfitting",
        "The same network: what if neurons are switched off at random while it learns, few or nearly all of them?",
        Comparison(
            Experiment(
                data=_FEW,
                model=ModelSpec(hidden=(64, 64), init="kaiming"),
                train=TrainSpec(lr=0.003, epochs=200, batch_size=20),
            ),
            vary="dropout",
            values=(0, 0.2, 0.4, 0.6, 0.8, 0.9),
            seeds=10,
        ),
        "Up to about 0.6 training accuracy falls, validation accuracy rises and validation loss drops; at 0.9 too "
        "little of the network is left. No neuron can rely on a particular other one, and the whole network answers as "
        "the average of very many smaller ones (Srivastava et al. 2014).",
    ),
    Classic(
        "batch-size",
        "Batch size and noise",
        "The same learning rate and the same number of epochs: one sample a step, all of them, or something between?",
        Comparison(
            Experiment(
                data=DataSpec(name="synthetic", n_samples=1000, features=8, noise=1.0, validation=0.4),
                model=ModelSpec(hidden=(32,), init="kaiming"),
                train=TrainSpec(optimizer="sgd", lr=0.1, epochs=40),
            ),
            vary="batch_size",
            values=(1, 4, 16, 64, 400),
            seeds=10,
        ),
        "One sample a step is fast at first, then the loss jumps about and never settles; all 400 at once give a "
        "smooth curve that has hardly started after 40 steps. Between them it is best. A batch's gradient is an "
        "estimate whose noise shrinks with the root of its size, while its steps get fewer (Wilson and Martinez 2003).",
    ),
    Classic(
        "learning-rate",
        "Learning rates",
        "From tiny to huge steps: where does the network learn best, and how far is that from disaster?",
        Comparison(
            Experiment(
                data=_DIGITS,
                model=ModelSpec(hidden=(32, 32), activation="tanh", init="xavier"),
                train=TrainSpec(optimizer="momentum", epochs=20),
            ),
            vary="lr",
            values=(0.0001, 0.001, 0.01, 0.03, 0.1, 0.3, 1, 3),
            seeds=10,
        ),
        "At 0.0001 the network hardly moves; larger rates learn more in the same time, up to 0.1. At 0.3 the loss "
        "jumps, from 1 on every step overshoots and it runs away. So the best rate lies close below the first that "
        "diverges (Bengio 2012).",
    ),
    Classic(
        "double-descent",
        "Double descent",
        "60 samples, a fifth of the labels wrong: as the network gets wider, does validation only ever get worse?",
        Comparison(
            Experiment(
                data=DataSpec(name="synthetic", n_samples=600, features=12, noise=2.0, validation=0.7, seed=3),
                model=ModelSpec(hidden=(8,), init="kaiming"),
                train=TrainSpec(optimizer="momentum", lr=0.1, epochs=1000, batch_size=60),
            ),
            vary="width",
            values=(1, 2, 4, 8, 16, 32, 64, 128),
            seeds=20,
        ),
        "Validation gets worse up to about 8 neurons, where the network just manages to learn all samples by heart, "
        "wrong labels included; beyond, it gets better again, and 128 neurons are as good as one. At the threshold few "
        "functions fit and they are wild; with more room training finds smoother ones (Belkin et al. 2019; Nakkiran "
        "et al. 2020). The loss does so on every sample we tried, accuracy on some only, such as this one; without "
        "wrong labels wider is simply better.",
    ),
    Classic(
        "scaling",
        "Standardised against raw inputs",
        "Pixels from 0 to 16 as they are, or with mean 0 and deviation 1: is it only a matter of the learning rate?",
        Comparison(
            Experiment(
                data=_DIGITS, model=ModelSpec(hidden=(32,), init="kaiming"), train=TrainSpec(optimizer="sgd", epochs=20)
            ),
            vary="lr",
            values=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1),
            by="scaling",
            by_values=("none", "standard"),
            seeds=10,
        ),
        "Raw inputs make gradients large, so small rates do well and 0.3 already kills the network; standardised it "
        "learns at rates up to 1. Even each at its best rate, standardised inputs win: all "
        "directions of the loss are then about equally steep, and one rate suits them all (LeCun et al. 1998).",
    ),
    Classic(
        "transfer",
        "Transfer learning",
        "A network that knows the digits 0 to 4 is to learn 5 to 9 from 10, 50 or 200 samples each: do its first "
        "layers help, and may one of them be frozen?",
        transfer_comparison,
        "With 10 samples a class two layers taken over bring the network several points more than from nothing, "
        "with 50 one or two, with 200 less than one: what they bring, it would soon have learned by itself. With "
        "the first layer frozen most of the gain is lost, and with more samples it costs points, for its features "
        "were made to tell 0 to 4 apart (Yosinski et al. 2014). Taking over makes up for depth: a network of one "
        "hidden layer does as well from nothing with 10 samples, and gains nothing by it.",
    ),
)

classics: Mapping[str, Classic] = MappingProxyType({one.name: one for one in _ALL})
"""By name, in the order they are taught."""
