"""The network and its training loop as one would write them in PyTorch."""

from nnlab.export import network_code as network
from nnlab.spec import Experiment

_INITS = {
    "default": "",
    "xavier": "nn.init.xavier_uniform_(module.weight)",
    "kaiming": 'nn.init.kaiming_normal_(module.weight, nonlinearity="relu")',
    "orthogonal": "nn.init.orthogonal_(module.weight)",
    "zeros": "nn.init.zeros_(module.weight)",
    "normal": "nn.init.normal_(module.weight, std={scale})",
}


def pytorch_code(experiment: Experiment, seed: int = 0) -> str:
    """The network and its training loop as one would write them in PyTorch: short, and it runs.

    It makes `model`, and `fit(x, y)` to train it on scaled inputs (with early stopping `fit` takes the validation part
    too). Weights and order come from PyTorch's own generator, so the numbers differ a little from nnlab's;
    `pytorch_script.script` gives the same numbers.
    """
    train, helpers, scheduler = experiment.train, network.helper_classes(experiment), _scheduler(experiment)
    imports = "import copy\nimport math\n\n" * bool(train.patience)
    helpers = helpers and f"\n{helpers.rstrip()}\n\n"
    scheduler_step = "\n            scheduler.step()"
    init = f"""
for module in model.modules():
    if isinstance(module, nn.Linear):
        {_INITS[experiment.model.init].format(scale=experiment.model.init_scale)}
        nn.init.zeros_(module.bias)"""
    start = f"""

{network.start_code(experiment).rstrip()}


# start_from(model, source)  # a trained network"""
    stop = f"""
        model.eval()
        with torch.no_grad():
            loss = loss_function(model(x_validation), y_validation).item(){network.early_stopping(train.patience)}"""
    lines = "\n".join(network.network_code(experiment).lines)
    target = "class numbers (n,) int64" if experiment.loss == "cross_entropy" else "(n, 1) float32"
    return f"""{imports}import torch
from torch import nn
{helpers}
torch.manual_seed({seed})
model = nn.Sequential(
{lines}
){init * (experiment.model.init != "default")}{start * bool(train.start_from)}

loss_function = {network.LOSSES[experiment.loss]}
optimizer = {network.optimizer_code(experiment)}{scheduler}


def fit(x, y{", x_validation, y_validation" * bool(train.patience)}):
    # x: scaled inputs (n, {experiment.data.inputs}), y: {target}{network.BEST * bool(train.patience)}
    for epoch in range({train.epochs}):
        {network.training_mode(experiment)}
        for batch in torch.randperm(len(x)).split({train.batch_size}):
            optimizer.zero_grad()
            loss = loss_function(model(x[batch]), y[batch])
            loss.backward()
            optimizer.step(){scheduler_step * bool(scheduler)}{stop * bool(train.patience)}
    model.eval()
"""


def _scheduler(experiment: Experiment) -> str:
    train, steps = experiment.train, experiment.steps_per_epoch
    if train.schedule == "constant":
        return ""
    made = {
        "cosine": f"CosineAnnealingLR(optimizer, T_max={train.epochs * steps})",
        "one_cycle": f"""OneCycleLR(
    optimizer, max_lr={train.lr}, total_steps={train.epochs * steps}, cycle_momentum=False
)""",
        "step": f"""LambdaLR(
    optimizer, lambda step: 0.1 ** min(2, step // {steps} * 3 // {train.epochs})
)""",
    }[train.schedule]
    return f"\nscheduler = torch.optim.lr_scheduler.{made}"
