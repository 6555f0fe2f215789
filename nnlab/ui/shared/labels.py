"""The names and help texts of fields, choices, settings, states and verdicts."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from nnlab.ui.shell.text import Text, mark

DATA: Mapping[str, str] = {
    "moons": mark("Moons"),
    "circles": mark("Circles"),
    "xor": mark("XOR"),
    "gaussians": mark("Two Gaussians"),
    "spirals": mark("Spirals"),
    "synthetic": mark("Synthetic table"),
    "digits": mark("Digits 8×8"),
    "mnist": mark("MNIST 28×28"),
    "celsius": mark("Celsius to Fahrenheit"),
}

DATA_NOTES: Mapping[str, str] = {
    "moons": mark("Two interleaved half circles that no straight line separates."),
    "circles": mark("A ring around a disc."),
    "xor": mark("Opposite corners have the same class: a problem that one neuron cannot solve."),
    "gaussians": mark("Two clouds of points: a single neuron is enough."),
    "spirals": mark("Two intertwined spiral arms: the hardest of the two-dimensional data sets."),
    "synthetic": mark(
        "A generated table of numbers with two or more classes; some of the labels are wrong on purpose."
    ),
    "digits": mark("1,797 handwritten digits of 8×8 pixels, included in nnlab."),
    "mnist": mark("70,000 handwritten digits of 28×28 pixels; downloaded once, 11 MB."),
    "celsius": mark("Seven temperatures in °C and °F, rounded to whole degrees."),
}

ACTIVATIONS: Mapping[str, str] = {
    "relu": "ReLU",
    "leaky_relu": "Leaky ReLU",
    "elu": "ELU",
    "gelu": "GELU",
    "silu": "SiLU",
    "tanh": "tanh",
    "sigmoid": mark("Sigmoid"),
    "softplus": "Softplus",
    "none": mark("None (linear)"),
}
NORMS: Mapping[str, str] = {"none": mark("None"), "batch": mark("Per batch"), "layer": mark("Per layer")}
INITS: Mapping[str, str] = {
    "default": mark("PyTorch's default"),
    "xavier": "Xavier (Glorot)",
    "kaiming": "Kaiming (He)",
    "orthogonal": mark("Orthogonal"),
    "zeros": mark("All zeros"),
    "normal": mark("Normal"),
}
OPTIMIZERS: Mapping[str, str] = {
    "sgd": "SGD",
    "momentum": "Momentum",
    "nesterov": "Nesterov",
    "rmsprop": "RMSprop",
    "adam": "Adam",
    "adamw": "AdamW",
}
SCHEDULES: Mapping[str, str] = {
    "constant": mark("Constant"),
    "cosine": mark("Cosine"),
    "one_cycle": mark("One cycle"),
    "step": mark("Step"),
}
LOSSES: Mapping[str, str] = {
    "auto": mark("Default for the task"),
    "bce": mark("Binary cross-entropy"),
    "cross_entropy": mark("Cross-entropy"),
    "mse": mark("Mean squared error"),
}
SCALINGS: Mapping[str, str] = {
    "none": mark("None (unscaled)"),
    "standard": mark("Standardise"),
    "minmax": mark("To the range 0–1"),
}
ENGINES: Mapping[str, str] = {"torch": "PyTorch", "numpy": mark("NumPy (from scratch)")}

CHOICES: Mapping[str, Mapping[str, str]] = {
    "data.name": DATA,
    "data.scaling": SCALINGS,
    "model.activation": ACTIVATIONS,
    "model.norm": NORMS,
    "model.init": INITS,
    "train.optimizer": OPTIMIZERS,
    "train.schedule": SCHEDULES,
    "train.loss": LOSSES,
    "train.engine": ENGINES,
}
"""Labels of the choices of a field."""

FIELDS: Mapping[str, str] = {
    "data.name": mark("Data"),
    "data.n_samples": mark("Samples"),
    "data.noise": mark("Noise"),
    "data.features": mark("Features"),
    "data.classes": mark("Classes"),
    "data.labels": mark("Classes used"),
    "data.validation": mark("Validation share"),
    "data.test": mark("Test share"),
    "data.folds": mark("Folds"),
    "data.scaling": mark("Scaling of the inputs"),
    "data.seed": mark("Data seed"),
    "model.hidden": mark("Hidden layers"),
    "model.activation": mark("Activation"),
    "model.norm": mark("Normalisation"),
    "model.dropout": mark("Dropout"),
    "model.residual": mark("Skip connections"),
    "model.init": mark("Initialisation"),
    "model.init_scale": mark("Standard deviation of the weights"),
    "train.engine": mark("Engine"),
    "train.optimizer": mark("Optimizer"),
    "train.lr": mark("Learning rate"),
    "train.schedule": mark("Learning rate schedule"),
    "train.batch_size": mark("Batch size"),
    "train.epochs": mark("Epochs"),
    "train.l2": mark("L2 (weight decay)"),
    "train.patience": mark("Early stopping (patience)"),
    "train.loss": mark("Loss"),
    "train.start_from": mark("Starting weights"),
    "train.start_from.layers": mark("Reused layers"),
    "train.start_from.frozen": mark("Frozen layers"),
    "depth": mark("Depth"),
    "width": mark("Width"),
    "depth_same_size": mark("Depth at equal size"),
    "seeds": mark("Seeds"),
    "values": mark("Values"),
    "vary": mark("Setting"),
    "by_values": mark("Values of the second setting"),
    "by": mark("Second setting"),
}

KNOBS: Mapping[str, str] = {
    "depth": mark("depth"),
    "depth_same_size": mark("depth at equal size"),
    "width": mark("width"),
    "activation": mark("activation"),
    "norm": mark("normalisation"),
    "dropout": mark("dropout"),
    "residual": mark("skip connections"),
    "init": mark("initialisation"),
    "optimizer": mark("optimizer"),
    "lr": mark("learning rate"),
    "schedule": mark("learning rate schedule"),
    "batch_size": mark("batch size"),
    "epochs": mark("epochs"),
    "l2": mark("L2"),
    "engine": mark("engine"),
    "noise": mark("noise"),
    "n_samples": mark("samples"),
    "scaling": mark("scaling"),
    "start_from": mark("starting weights"),
}
"""Settings inside a sentence: "vary depth over 1, 2, 4"."""

HELP: Mapping[str, str] = {
    "data.n_samples": mark("How many samples are drawn in all: training, validation and test together."),
    "data.noise": mark("How far points stray from their shape (standard deviation)."),
    "data.validation": mark("Share of the samples on which networks are compared while you choose one."),
    "data.test": mark("Share of the samples held out for a single evaluation at the end."),
    "data.folds": mark(
        "The samples outside the test part are split into this many folds. Every seed trains one network per "
        "fold: on the other folds, validated on that one."
    ),
    "data.scaling": mark(
        "Standardise: every input gets mean 0 and standard deviation 1, computed on the training part."
    ),
    "data.seed": mark("Determines which samples are drawn, how they are split and the order of the batches."),
    "model.activation": mark(
        "The function a neuron applies to its weighted sum. Without it, a network of any depth is linear."
    ),
    "model.norm": mark("Centres and scales the outputs of a layer, over the batch or over the layer's neurons."),
    "model.dropout": mark("Share of neurons switched off at random in every training step, against overfitting."),
    "model.residual": mark(
        "Adds a layer's input to its output where their widths match; this makes deep networks easier to train."
    ),
    "model.init": mark("How the weights are drawn before the first step."),
    "train.engine": mark(
        "The code that trains: PyTorch, or nnlab's own in NumPy. Both give the same numbers up to rounding."
    ),
    "train.optimizer": mark("The rule that turns gradients into steps."),
    "train.lr": mark("The size of a step. Too small: training is slow. Too large: the loss jumps or diverges."),
    "train.schedule": mark("How the learning rate changes during training."),
    "train.batch_size": mark("Number of samples used for each step. All of them: full batch."),
    "train.epochs": mark("How many times training goes through all training samples."),
    "train.l2": mark("Pulls weights towards zero, against overfitting."),
    "train.patience": mark("Stops a seed after this many epochs without a better validation loss; 0 turns it off."),
    "train.loss": mark("The number that training minimises."),
    "data.labels": mark("The digits to classify; all ten if you choose none."),
    "train.start_from": mark(
        "Transfer learning: the first layers start with the weights of a finished run, seed by seed, instead of "
        "random ones."
    ),
    "train.start_from.layers": mark(
        "How many hidden layers, counted from the first, start with the weights of that run."
    ),
    "train.start_from.frozen": mark("How many of these layers keep their weights while the others are trained."),
    "depth": mark("Number of hidden layers."),
    "width": mark("Neurons in each hidden layer."),
    "seeds": mark(
        "The same experiment from several random starts, trained together. 5 means seeds 0 to 4; a list such as "
        "0,3,7 or a range such as 5-8 works too."
    ),
}


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

VERDICTS: Mapping[str, tuple[str, str]] = {  # word, icon
    "underfits": (mark("underfits"), "◔"),
    "fits": (mark("fits"), "●"),
    "overfits": (mark("overfits"), "▲"),
    "diverged": (mark("diverged"), "✕"),
    "unstable": (mark("unstable"), "≈"),
    "": ("", ""),
}


def field_name(path: str, t: Text) -> str:
    """A field's name; for `model.hidden[2].width`: "Hidden layers 3"."""
    path = path.removesuffix(" (how many)")
    if path in FIELDS:
        return t(FIELDS[path])
    if path.startswith("train.start_from."):  # something of the experiment it starts from
        return t(FIELDS["train.start_from"])
    base, bracket, rest = path.partition("[")
    if bracket and base in FIELDS and rest[: rest.find("]")].isdigit():
        return f"{t(FIELDS[base])} {int(rest[: rest.find(']')]) + 1}"
    return path
