"""The network and its training loop as one would write them in PyTorch."""

from __future__ import annotations

from nnlab.export.network_code import (
    LOSSES,
    early_stopping,
    helper_classes,
    network_code,
    optimizer_code,
    start_code,
    training_mode,
)
from nnlab.spec import Experiment

_INITS = {
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
    train, loss, scheduler = experiment.train, experiment.loss, _scheduler(experiment)
    lines = ["import copy\n" * bool(train.patience) + "import torch\nfrom torch import nn"]
    if helpers := helper_classes(experiment):
        lines += ["", helpers.rstrip(), ""]
    lines += ["", f"torch.manual_seed({seed})", "model = nn.Sequential(", *network_code(experiment).lines, ")"]
    if experiment.model.init != "default":
        lines += [
            "for module in model.modules():",
            "    if isinstance(module, nn.Linear):",
            f"        {_INITS[experiment.model.init].format(scale=experiment.model.init_scale)}",
            "        nn.init.zeros_(module.bias)",
        ]
    if train.start_from:
        lines += ["", start_code(experiment).rstrip(), "", "", "# start_from(model, source)  # a trained network"]
    lines += ["", f"loss_function = {LOSSES[loss]}", f"optimizer = {optimizer_code(experiment)}"]
    if scheduler:
        lines += [f"scheduler = {scheduler}"]
    target = "class numbers (n,) int64" if loss == "cross_entropy" else "(n, 1) float32"
    held_out = ", x_validation, y_validation" if train.patience else ""
    lines += ["", "", f"def fit(x, y{held_out}):  # x: scaled inputs (n, {experiment.data.inputs}), y: {target}"]
    if train.patience:
        lines += ['    best, waited, best_weights = float("inf"), 0, copy.deepcopy(model.state_dict())']
    lines += [
        f"    for epoch in range({train.epochs}):",
        f"        {training_mode(experiment)}",
        f"        for batch in torch.randperm(len(x)).split({train.batch_size}):",
        "            optimizer.zero_grad()",
        "            loss = loss_function(model(x[batch]), y[batch])",
        "            loss.backward()",
        "            optimizer.step()",
        *(["            scheduler.step()"] if scheduler else []),
    ]
    if train.patience:
        lines += [
            "        model.eval()",
            "        with torch.no_grad():",
            "            loss = loss_function(model(x_validation), y_validation).item()",
            early_stopping(train.patience).strip("\n"),
        ]
    return "\n".join([*lines, "    model.eval()\n"])


def _scheduler(experiment: Experiment) -> str:
    train, total = experiment.train, experiment.train.epochs * experiment.steps_per_epoch
    if train.schedule == "cosine":
        return f"torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max={total})"
    if train.schedule == "one_cycle":
        return (
            f"torch.optim.lr_scheduler.OneCycleLR(\n    optimizer, max_lr={train.lr}, total_steps={total}, "
            "cycle_momentum=False\n)"
        )
    if train.schedule == "step":
        steps = experiment.steps_per_epoch
        return (
            "torch.optim.lr_scheduler.LambdaLR(\n"
            f"    optimizer, lambda step: 0.1 ** min(2, step // {steps} * 3 // {train.epochs})\n)"
        )
    return ""
