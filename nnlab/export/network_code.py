"""Code for an experiment's network, optimizer and loss in PyTorch."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from nnlab.spec import Experiment, Layer
from nnlab.spec.layer_table import KINDS

LOSSES = {"bce": "nn.BCEWithLogitsLoss()", "cross_entropy": "nn.CrossEntropyLoss()", "mse": "nn.MSELoss()"}
_NORM_NAMES = {"scale": "weight", "shift": "bias", "mean": "running_mean", "variance": "running_var"}


@dataclass
class NetworkCode:
    """The lines inside `nn.Sequential(...)`, and the names of the weights in its state_dict."""

    lines: list[str] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    """nnlab's name → PyTorch's name."""


def network_code(experiment: Experiment, dropout: str = "nn.Dropout({rate})") -> NetworkCode:
    """The layers in order, the output layer last."""
    network, place = NetworkCode(), 0
    for i, layer in enumerate(experiment.layers):
        modules = list(_modules(i, layer, _single_batches(experiment), dropout))
        for j, (text, names) in enumerate(modules):
            prefix = f"{place}.{j}" if layer.residual else f"{place + j}"
            network.names |= {ours: f"{prefix}.{theirs}" for ours, theirs in names.items()}
            if not layer.residual:
                network.lines.append(f"    {text},")
        if layer.residual:
            network.lines.append(f"    Residual({', '.join(text for text, _ in modules)}),")
        place += 1 if layer.residual else len(modules)
    return network


def _modules(i: int, layer: Layer, single_batches: bool, dropout: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The modules of layer i: their code, and nnlab's name → the module's own name of its weights."""
    yield f"nn.Linear({layer.inputs}, {layer.width})", {f"{i}.weight": "weight", f"{i}.bias": "bias"}
    if layer.norm != "none":
        names = list(_NORM_NAMES) if layer.norm == "batch" else ["scale", "shift"]
        kind = ("BatchNorm" if single_batches else "nn.BatchNorm1d") if layer.norm == "batch" else "nn.LayerNorm"
        yield f"{kind}({layer.width})", {f"{i}.norm.{name}": _NORM_NAMES[name] for name in names}
    if layer.activation != "none":
        yield f"nn.{KINDS[layer.activation]}()", {}
    if layer.dropout:
        yield dropout.format(rate=layer.dropout, layer=i), {}


def _single_batches(experiment: Experiment) -> bool:
    """Whether a step may see one sample only, which PyTorch's batch normalisation refuses."""
    data, size = experiment.data, experiment.train.batch_size
    train, validation, _ = data.sizes
    sizes = {train, train - 1} if data.folds and (train + validation) % data.folds else {train}  # uneven folds
    return size == 1 or any(n % size == 1 for n in sizes)


_RESIDUAL = '''
class Residual(nn.Sequential):
    """Adds the input to the output (He et al. 2016)."""

    def forward(self, x):
        return x + super().forward(x)
'''
_BATCH_NORM = '''
class BatchNorm(nn.BatchNorm1d):
    """Batch normalisation that also accepts a batch of one sample, which is its own mean."""

    def forward(self, x):
        if not self.training or len(x) > 1:
            return super().forward(x)
        with torch.no_grad():
            self.running_mean.lerp_(x[0], 0.1)
            self.running_var.mul_(0.9)
        return (x - x) * self.weight + self.bias
'''


def helper_classes(experiment: Experiment) -> str:
    """Modules that the network needs and PyTorch does not have."""
    layers = experiment.layers
    text = _RESIDUAL if any(layer.residual for layer in layers) else ""
    if _single_batches(experiment) and any(layer.norm == "batch" for layer in layers):
        text += "\n" + _BATCH_NORM
    return text


def optimizer_code(experiment: Experiment) -> str:
    """The optimizer of `model`, with its settings."""
    train = experiment.train
    kind, extra = {
        "sgd": ("SGD", ""),
        "momentum": ("SGD", ", momentum=0.9"),
        "nesterov": ("SGD", ", momentum=0.9, nesterov=True"),
        "rmsprop": ("RMSprop", ""),
        "adam": ("Adam", ""),
        "adamw": ("AdamW", ""),
    }[train.optimizer]
    decay = f", weight_decay={train.l2}" if train.l2 or train.optimizer == "adamw" else ""  # AdamW's default is 0.01
    return f"torch.optim.{kind}(model.parameters(), lr={train.lr}{extra}{decay})"


def start_code(experiment: Experiment) -> str:
    """`start_from(model, source)`: copies the first layers of a trained network and freezes some of them."""
    start = experiment.train.start_from
    if start is None:
        return ""
    copied, frozen = (_modules_with_weights(experiment, layers) for layers in (start.layers, start.frozen))
    freeze = f"""
    for module in with_weights(model)[:{frozen}]:
        module.requires_grad_(False)"""
    return f"""
def with_weights(model):
    return [module for module in model if list(module.parameters())]


def start_from(model, source):
    for mine, theirs in zip(with_weights(model)[:{copied}], with_weights(source)):
        mine.load_state_dict(theirs.state_dict()){freeze if start.frozen else ""}
"""


def _modules_with_weights(experiment: Experiment, layers: int) -> int:
    """How many of the modules in `nn.Sequential(...)` that have weights belong to the first layers."""
    return sum(1 if layer.residual or layer.norm == "none" else 2 for layer in experiment.layers[:layers])


def training_mode(experiment: Experiment) -> str:
    """Inside the loop over the epochs: training mode, but evaluation mode for batch normalisation of frozen layers."""
    text, frozen = "model.train()", [layer for layer in experiment.layers if layer.frozen]
    if any(layer.norm == "batch" for layer in frozen):
        text += f"""
        for layer in with_weights(model)[:{_modules_with_weights(experiment, len(frozen))}]:  # frozen
            for module in layer.modules():
                if isinstance(module, nn.BatchNorm1d):
                    module.eval()"""
    return text


BEST = """
    best, waited, best_weights = math.inf, 0, copy.deepcopy(model.state_dict())"""


def early_stopping(patience: int) -> str:
    """After an epoch with the validation loss `loss`."""
    return f"""
        waited += 1
        if loss < best:
            best, waited, best_weights = loss, 0, copy.deepcopy(model.state_dict())
        if waited == {patience}:  # no better for so many epochs: back to the best weights
            model.load_state_dict(best_weights)
            break"""
