"""The names and help texts of fields, choices, settings, states and verdicts."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from nnlab.spec.data import TERMS
from nnlab.ui.shell.text import Text, Texts, in_markdown, mark

DATA_NOTES: Texts = {
    "moons": "Two interleaved half circles that no straight line separates.",
    "circles": "A ring around a disc.",
    "xor": "Opposite corners have the same class: a problem that one neuron cannot solve.",
    "gaussians": "Two clouds of points: a single neuron is enough.",
    "spirals": "Two intertwined spiral arms: the hardest of the two-dimensional data sets.",
    "synthetic": "A generated table of numbers with two or more classes; some of the labels are wrong on purpose.",
    "digits": "1,797 handwritten digits of 8×8 pixels, included in nnlab.",
    "mnist": "70,000 handwritten digits of 28×28 pixels; downloaded once, 11 MB.",
    "celsius": "Seven temperatures in °C and °F, rounded to whole degrees.",
}


CHOICES: Mapping[str, Mapping[str, str]] = {
    "data.name": {
        "moons": mark("Moons"),
        "circles": mark("Circles"),
        "xor": mark("XOR"),
        "gaussians": mark("Two Gaussians"),
        "spirals": mark("Spirals"),
        "synthetic": mark("Synthetic table"),
        "digits": mark("Digits 8×8"),
        "mnist": mark("MNIST 28×28"),
        "celsius": mark("Celsius to Fahrenheit"),
    },
    "data.terms": TERMS,
    "data.per_seed": {
        "samples": mark("New samples"),
        "split": mark("Another split"),
        "weights": mark("Only the weights"),
    },
    "data.scaling": {
        "none": mark("None (unscaled)"),
        "standard": mark("Standardise"),
        "minmax": mark("To the range 0–1"),
    },
    "model.activation": {
        "relu": "ReLU",
        "leaky_relu": "Leaky ReLU",
        "elu": "ELU",
        "gelu": "GELU",
        "silu": "SiLU",
        "tanh": "tanh",
        "sigmoid": mark("Sigmoid"),
        "softplus": "Softplus",
        "none": mark("None (linear)"),
    },
    "model.norm": {"none": mark("None"), "batch": mark("Per batch"), "layer": mark("Per layer")},
    "model.init": {
        "default": mark("PyTorch's default"),
        "xavier": "Xavier (Glorot)",
        "kaiming": "Kaiming (He)",
        "orthogonal": mark("Orthogonal"),
        "zeros": mark("All zeros"),
        "normal": mark("Normal"),
    },
    "train.optimizer": {
        "sgd": "SGD",
        "momentum": "Momentum",
        "nesterov": "Nesterov",
        "rmsprop": "RMSprop",
        "adam": "Adam",
        "adamw": "AdamW",
    },
    "train.schedule": {
        "constant": mark("Constant"),
        "cosine": mark("Cosine"),
        "one_cycle": mark("One cycle"),
        "step": mark("Step"),
    },
    "train.loss": {
        "auto": mark("Default for the task"),
        "bce": mark("Binary cross-entropy"),
        "cross_entropy": mark("Cross-entropy"),
        "mse": mark("Mean squared error"),
    },
    "train.engine": {
        "auto": mark("Automatic"),
        "torch": "PyTorch",
        "numpy": mark("NumPy (from scratch)"),
    },
}
"""Labels of the choices of a field."""

FIELDS: Texts = {
    "data.name": "Data",
    "data.n_samples": "Samples",
    "data.noise": "Noise",
    "data.terms": "Input features",
    "data.features": "Features",
    "data.classes": "Classes",
    "data.labels": "Classes used",
    "data.validation": "Validation share",
    "data.test": "Test share",
    "data.folds": "Folds",
    "data.scaling": "Scaling of the inputs",
    "data.seed": "Data seed",
    "data.per_seed": "What a seed varies",
    "model.hidden": "Hidden layers",
    "model.activation": "Activation",
    "model.norm": "Normalisation",
    "model.dropout": "Dropout",
    "model.residual": "Skip connections",
    "model.init": "Initialisation",
    "model.init_scale": "Standard deviation of the weights",
    "train.engine": "Engine",
    "train.optimizer": "Optimizer",
    "train.lr": "Learning rate",
    "train.schedule": "Learning rate schedule",
    "train.batch_size": "Batch size",
    "train.epochs": "Epochs",
    "train.l2": "L2 (weight decay)",
    "train.patience": "Early stopping (patience)",
    "train.loss": "Loss",
    "train.start_from": "Starting weights",
    "train.start_from.layers": "Reused layers",
    "train.start_from.frozen": "Frozen layers",
    "depth": "Depth",
    "width": "Width",
    "depth_same_size": "Depth at equal size",
    "seeds": "Seeds",
    "disk": "Disk",
    "waiting": "Waiting runs",
    "network_epochs": "Epochs of all networks together",
    "values": "Values",
    "vary": "Setting",
    "by_values": "Values of the second setting",
    "by": "Second setting",
    "assignment": "Assignment",
    "title": "Title",
    "question": "Question",
    "task": "What is trained",
    "open_fields": "What students may change",
    "guess": "Guess",
    "due": "Date",
}

SHORT_NAMES: Texts = {"l2": "L2", "scaling": "scaling"}
"""Of knobs whose field's name is too long inside a sentence."""

HELP: Texts = {
    "data.n_samples": "How many samples are drawn in all: training, validation and test together.",
    "data.noise": "How far points stray from their shape (standard deviation).",
    "data.terms": "What the network takes of each point (x₁, x₂). With x₁² and x₂², circles need no hidden layer.",
    "data.validation": "Share of the samples on which networks are compared while you choose one.",
    "data.test": "Share of the samples held out for a single evaluation at the end.",
    "data.folds": "The samples outside the test part are split into this many folds. Every seed trains one network per "
    "fold: on the other folds, validated on that one.",
    "data.scaling": "Standardise: every input gets mean 0 and standard deviation 1, computed on the training part.",
    "data.seed": "Determines which samples are drawn, how they are split and the order of the batches.",
    "data.per_seed": "What every seed draws anew besides the initial weights. Scores and comparisons then hold for "
    "what varies, and for nothing else.",
    "model.activation": "The function a neuron applies to its weighted sum. Without it, a network of any depth is "
    "linear.",
    "model.norm": "Centres and scales the outputs of a layer, over the batch or over the layer's neurons.",
    "model.dropout": "Share of neurons switched off at random in every training step, against overfitting.",
    "model.residual": "Adds a layer's input to its output where their widths match; this makes deep networks easier to "
    "train.",
    "model.init": "How the weights are drawn before the first step.",
    "train.engine": "The code that trains. Automatic: the fastest one here, usually the compiled engine, nnlab's own "
    "code turned into machine code. PyTorch: the reference, the library most people use. NumPy: nnlab's own code, "
    "written to be read. All give the same numbers up to rounding.",
    "train.optimizer": "The rule that turns gradients into steps. Its constants are PyTorch's; docs/conventions.md "
    "lists where Keras differs.",
    "train.lr": "The size of a step. Too small: training is slow. Too large: the loss jumps or diverges.",
    "train.schedule": "How the learning rate changes during training.",
    "train.batch_size": "Number of samples used for each step. All of them: full batch.",
    "train.epochs": "How many times training goes through all training samples.",
    "train.l2": "Pulls weights towards zero, against overfitting.",
    "train.patience": "Stops a seed after this many epochs without a better validation loss. Stopped or not, every "
    "seed ends with the weights of its best epoch. 0 turns it off.",
    "train.loss": "The number that training minimises.",
    "data.labels": "The digits to classify; all ten if you choose none.",
    "train.start_from": "Transfer learning: the first layers start with the weights of a finished run, seed by seed, "
    "instead of random ones.",
    "train.start_from.layers": "How many hidden layers, counted from the first, start with the weights of that run.",
    "train.start_from.frozen": "How many of these layers keep their weights while the others are trained.",
    "depth": "Number of hidden layers.",
    "width": "Neurons in each hidden layer.",
    "seeds": "The same experiment several times, each with other random numbers. 5 means seeds 0 to 4; a list such as "
    "0,3,7 or a range such as 5-8 works too.",
}


PER_SEED_HELP: Texts = {
    "samples": "Every seed draws its own samples: results hold for new samples of this kind.",
    "split": "Every seed splits the samples anew into training and validation: results hold for other splits of these "
    "data.",
    "weights": "All seeds share samples, split and batches: results hold only for this split.",
}


class EngineLabel(NamedTuple):
    """How the engine that trained a run is shown: a word, and a sentence about it."""

    word: str
    help: str


ENGINES: Mapping[str, EngineLabel] = {
    "compiled": EngineLabel(
        mark("compiled engine"), mark("Compiled: trained by nnlab's own code, which Numba turned into machine code.")
    ),
    "numpy": EngineLabel("NumPy", mark("NumPy: trained by nnlab's own code, which is written to be read.")),
    "torch": EngineLabel(
        "PyTorch",
        mark(
            "PyTorch: trained by the library that most people use. It computes all seeds at once, so the last digits "
            "of a seed depend on how many others there are. Where training is chaotic, as with a high learning rate, "
            "that can grow into a visible difference."
        ),
    ),
}
WITHOUT_NUMBA = mark("NumPy trained this run: the compiled engine needs Numba, which does not work on this server.")


class State(NamedTuple):
    """How a run's state is shown: a word, an icon with its badge's colour, and a sign for where no icon can stand."""

    word: str
    icon: str
    colour: Literal["gray", "blue", "orange", "green", "red"]
    sign: str


STATES: Mapping[str, State] = {
    "waiting": State(mark("waiting"), ":material/hourglass_empty:", "gray", "◌"),
    "running": State(mark("running"), ":material/play_arrow:", "blue", "▶"),
    "paused": State(mark("paused"), ":material/pause:", "orange", "‖"),
    "finished": State(mark("finished"), ":material/check:", "green", "✓"),
    "stopped": State(mark("stopped"), ":material/stop:", "gray", "■"),
    "failed": State(mark("failed"), ":material/error:", "red", "✕"),
    "interrupted": State(mark("interrupted"), ":material/power_off:", "orange", "⌁"),
}

VERDICTS: Mapping[str, tuple[str, str, str, str]] = {  # word, icon, start of a sentence, the same with one seed
    "underfits": (mark("underfits"), "◔", mark("It underfits"), mark("It seems to underfit, with one seed")),
    "fits": (mark("fits"), "●", mark("It fits"), mark("It seems to fit, with one seed")),
    "overfits": (mark("overfits"), "▲", mark("It overfits"), mark("It seems to overfit, with one seed")),
    "diverged": (mark("diverged"), "✕", mark("It diverged"), mark("It diverged with this one seed")),
    "unstable": (mark("unstable"), "≈", mark("It is unstable"), mark("It seems unstable, with one seed")),
    "": ("", "", "", ""),
}


def field_name(path: str, t: Text) -> str:
    """A field's name; for `model.hidden[2].width`: "Hidden layers 3"."""
    if path.endswith(" (characters)"):
        return f"{field_name(path.removesuffix(' (characters)'), t)} ({t('characters')})"
    path = path.removesuffix(" (how many)")
    if path in FIELDS:
        return t(FIELDS[path])
    if path.startswith("train.start_from."):  # something of the experiment it starts from
        return t(FIELDS["train.start_from"])
    base, bracket, rest = path.partition("[")
    if bracket and base in FIELDS and rest[: rest.find("]")].isdigit():
        return f"{t(FIELDS[base])} {int(rest[: rest.find(']')]) + 1}"
    return in_markdown(path)  # unknown, from a link
