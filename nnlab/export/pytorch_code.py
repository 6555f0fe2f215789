"""Code for an experiment's network, optimizer and loss in PyTorch, and the whole as one would write it by hand."""

from collections.abc import Iterator

from nnlab.spec import Experiment, Layer
from nnlab.spec.layer_table import KINDS

LOSSES = {"bce": "nn.BCEWithLogitsLoss()", "cross_entropy": "nn.CrossEntropyLoss()", "mse": "nn.MSELoss()"}
_INITS = {
    "xavier": "nn.init.xavier_uniform_(module.weight)",
    "kaiming": 'nn.init.kaiming_normal_(module.weight, nonlinearity="relu")',
    "orthogonal": "nn.init.orthogonal_(module.weight)",
    "zeros": "nn.init.zeros_(module.weight)",
    "normal": "nn.init.normal_(module.weight, std={scale})",
}
_NORM_NAMES = {"scale": "weight", "shift": "bias", "mean": "running_mean", "variance": "running_var"}


def network_code(experiment: Experiment, dropout: str = "nn.Dropout({rate})") -> tuple[list[str], dict[str, str]]:
    """The lines inside `nn.Sequential(...)`, output layer last, and nnlab's name → PyTorch's name of its weights."""
    lines: list[str] = []
    names: dict[str, str] = {}
    for i, layer in enumerate(experiment.layers):
        modules = list(_modules(i, layer, _single_batches(experiment), dropout))
        for j, (_, own) in enumerate(modules):
            prefix = f"{len(lines)}.{j}" if layer.residual else f"{len(lines) + j}"
            names |= {ours: f"{prefix}.{theirs}" for ours, theirs in own.items()}
        texts = [text for text, _ in modules]
        lines += [f"Residual({', '.join(texts)})"] if layer.residual else texts
    return [f"    {line}," for line in lines], names


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


def helper_classes(experiment: Experiment) -> str:
    """Modules that the network needs and PyTorch does not have."""
    residual = '''
class Residual(nn.Sequential):
    """Adds the input to the output (He et al. 2016)."""

    def forward(self, x):
        return x + super().forward(x)
'''
    batch_norm = '''

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
    normalises = _single_batches(experiment) and any(layer.norm == "batch" for layer in experiment.layers)
    return residual * any(layer.residual for layer in experiment.layers) + batch_norm * normalises


def cancelled_biases(experiment: Experiment) -> str:
    """Gives the biases before batch normalisation, which subtracts them with the mean, the gradient 0 that they have.
    Autograd finds rounding noise instead, which Adam and RMSprop scale up to whole steps."""
    if all(layer.norm != "batch" for layer in experiment.layers):
        return ""
    return """
modules = list(model.modules())
for linear, norm in zip(modules, modules[1:]):
    if isinstance(norm, nn.BatchNorm1d):  # subtracts the bias with the mean: its gradient is 0, not rounding noise
        linear.bias.register_hook(torch.zeros_like)"""


def optimizer_code(experiment: Experiment) -> str:
    """The optimizer of `model`, with its settings."""
    train = experiment.train
    kind = {"rmsprop": "RMSprop", "adam": "Adam", "adamw": "AdamW"}.get(train.optimizer, "SGD")
    extra = {"momentum": ", momentum=0.9", "nesterov": ", momentum=0.9, nesterov=True"}.get(train.optimizer, "")
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
    best, waited, best_weights = math.inf, 0, model.state_dict()"""

BACK = """
    model.load_state_dict(best_weights)"""


def early_stopping(patience: int) -> str:
    """After an epoch with the validation loss `loss`."""
    return f"""
        waited += 1
        if loss < best:
            best, waited, best_weights = loss, 0, copy.deepcopy(model.state_dict())
        if waited == {patience}:  # no better for so many epochs
            break"""


def pytorch_code(experiment: Experiment, seed: int = 0) -> str:
    """The network and its training loop as one would write them in PyTorch: short, and it runs.

    It makes `model`, and `fit(x, y)` to train it on scaled inputs (with early stopping `fit` takes the validation part
    too). Weights and order come from PyTorch's own generator, so the numbers differ a little from nnlab's;
    `pytorch_script.script` gives the same numbers.
    """
    train, helpers, scheduler = experiment.train, helper_classes(experiment), _scheduler(experiment)
    imports = "import copy\nimport math\n\n" * bool(train.patience)
    helpers = helpers and f"\n{helpers.rstrip()}\n\n"
    scheduler_step = "\n            scheduler.step()"
    init = f"""
for module in model.modules():
    if isinstance(module, nn.Linear):
        {_INITS.get(experiment.model.init, "").format(scale=experiment.model.init_scale)}
        nn.init.zeros_(module.bias)"""
    start = f"""

{start_code(experiment).rstrip()}


# start_from(model, source)  # a trained network"""
    stop = f"""
        model.eval()
        with torch.no_grad():
            loss = loss_function(model(x_validation), y_validation).item(){early_stopping(train.patience)}"""
    lines = "\n".join(network_code(experiment)[0])
    of_point = f" = ({', '.join(experiment.data.term_names)})" if experiment.data.computed_terms else ""
    target = "class numbers (n,) int64" if experiment.loss == "cross_entropy" else "(n, 1) float32"
    return f"""{imports}import torch
from torch import nn
{helpers}
torch.manual_seed({seed})
model = nn.Sequential(
{lines}
){cancelled_biases(experiment)}{init * (experiment.model.init != "default")}{start * bool(train.start_from)}

loss_function = {LOSSES[experiment.loss]}
optimizer = {optimizer_code(experiment)}{scheduler}


def fit(x, y{", x_validation, y_validation" * bool(train.patience)}):
    # x: scaled inputs (n, {experiment.data.inputs}){of_point}, y: {target}{BEST * bool(train.patience)}
    for epoch in range({train.epochs}):
        {training_mode(experiment)}
        for batch in torch.randperm(len(x)).split({train.batch_size}):
            optimizer.zero_grad()
            loss = loss_function(model(x[batch]), y[batch])
            loss.backward()
            optimizer.step(){scheduler_step * bool(scheduler)}{(stop + BACK) * bool(train.patience)}
    model.eval()
"""


def _scheduler(experiment: Experiment) -> str:
    train, steps = experiment.train, experiment.steps_per_epoch
    total = train.epochs * steps
    if train.schedule == "constant":
        return ""
    cycle = max(3, total)  # a shorter one ends early
    rise = "" if cycle >= 7 else f", pct_start={2 / cycle}"  # up in one step: PyTorch takes 30 % of the steps, less one
    made = {
        "cosine": f"CosineAnnealingLR(optimizer, T_max={total})",
        "one_cycle": f"""OneCycleLR(
    optimizer, max_lr={train.lr}, total_steps={cycle}{rise}, cycle_momentum=False
)""",
        "step": f"""LambdaLR(
    optimizer, lambda step: 0.1 ** min(2, step // {steps} * 3 // {train.epochs})
)""",
    }[train.schedule]
    return f"\nscheduler = torch.optim.lr_scheduler.{made}"
