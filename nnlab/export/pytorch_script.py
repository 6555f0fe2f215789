"""Results to take away: tables as CSV and Markdown, charts as pictures, the experiment as PyTorch code, weights as
safetensors.

Code is made from sections (what they are about, the lines), so that the script and the notebook are the same code.
What nnlab draws at random (data, split, weights, order of batches, dropout) is copied into it from nnlab's own
source: the script needs nothing of nnlab and gives the numbers of the run.
"""

from __future__ import annotations

import ast
import inspect
import json
import math
import re
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nnlab import __version__, datasets
from nnlab.datasets import mnist
from nnlab.datasets.split import keep_labels, spread_order
from nnlab.engines import random_streams
from nnlab.spec import Comparison, DataSpec, Experiment, Layer, as_seeds

# -- tables ----------------------------------------------------------------------------------------------------------


def csv_text(frame: pd.DataFrame, spanish: bool = False) -> bytes:
    """A table as CSV (RFC 4180): UTF-8, lines end in CR LF, the index is left out, missing values are empty.

    Parameters
    ----------
    spanish : bool
        As a Spanish Excel opens it on a double click: `;` between cells, decimal commas, a byte order mark in front.
        pandas reads it with `read_csv(..., sep=";", decimal=",")`.

    Notes
    -----
    Text that a spreadsheet would take for a formula (it begins with = + - @, a tab or a carriage return) gets an
    apostrophe in front. Numbers keep all their digits.
    """
    decimal = "," if spanish else "."
    safe = pd.DataFrame({i: _cells(frame.iloc[:, i], decimal) for i in range(frame.shape[1])}, index=frame.index)
    safe.columns = pd.Index([_no_formula(str(name)) for name in frame.columns])
    text = safe.to_csv(index=False, lineterminator="\r\n", sep=";" if spanish else ",", decimal=decimal)
    return text.encode("utf-8-sig" if spanish else "utf-8")


def _cells(column: pd.Series[Any], decimal: str) -> pd.Series[Any]:
    if pd.api.types.is_numeric_dtype(column):
        return column

    def cell(value: Any) -> Any:
        if isinstance(value, str):
            return _no_formula(value)
        return repr(float(value)).replace(".", decimal) if isinstance(value, float) and value == value else value

    return column.astype(object).map(cell)


def _no_formula(text: str) -> str:
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def markdown_table(frame: pd.DataFrame, digits: int = 4) -> str:
    """A table in Markdown; numbers to so many significant digits, missing values empty, | escaped."""

    def cell(value: Any) -> str:
        if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
            return ""
        text = f"{value:.{digits}g}" if isinstance(value, float) else str(value)
        return " ".join(text.replace("\\", "\\\\").replace("|", "\\|").split())

    numeric = [pd.api.types.is_numeric_dtype(frame.iloc[:, i]) for i in range(frame.shape[1])]
    rows = [[cell(value) for value in row] for row in frame.itertuples(index=False, name=None)]
    lines = [
        [cell(str(name)) for name in frame.columns],
        ["---:" if is_number else "---" for is_number in numeric],
        *rows,
    ]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def comparison_file(comparison: Comparison, table: pd.DataFrame) -> bytes:
    """A comparison with its table as JSON; `Comparison.from_json` and `nnlab compare FILE` read it and train it again
    to the same numbers."""
    rows = json.loads(table.to_json(orient="records", double_precision=15))
    content = {"nnlab": __version__, "comparison": comparison.plain(), "table": rows}
    return (json.dumps(content, ensure_ascii=False, indent=2) + "\n").encode()


# -- charts ----------------------------------------------------------------------------------------------------------

_RENDER = Path(__file__).parents[1] / "charts" / "render.py"
_drawing = threading.Lock()  # one at a time: a class that saves its charts must not fill the memory


def chart_file(spec: Mapping[str, Any], rows: Any, form: Literal["svg", "png"]) -> bytes:
    """A chart as a picture, in the light theme and the language of its words: SVG, or PNG with two pixels a point.

    Parameters
    ----------
    spec, rows : what `nnlab.charts` gives and the page shows

    Raises
    ------
    RuntimeError
        If it cannot be drawn.
    """
    from nnlab.charts.paper import on_paper

    command = [sys.executable, "-P", str(_RENDER), form]
    with _drawing:
        done = subprocess.run(command, input=json.dumps(on_paper(dict(spec), rows)).encode(), capture_output=True)
    if done.returncode != 0:
        raise RuntimeError(f"The chart could not be drawn: {done.stderr.decode(errors='replace').strip()[-500:]}")
    return done.stdout


# -- the network in PyTorch ------------------------------------------------------------------------------------------

_ACTIVATIONS = {
    "relu": "nn.ReLU()",
    "leaky_relu": "nn.LeakyReLU()",
    "elu": "nn.ELU()",
    "gelu": "nn.GELU()",
    "silu": "nn.SiLU()",
    "tanh": "nn.Tanh()",
    "sigmoid": "nn.Sigmoid()",
    "softplus": "nn.Softplus()",
}
_LOSSES = {"bce": "nn.BCEWithLogitsLoss()", "cross_entropy": "nn.CrossEntropyLoss()", "mse": "nn.MSELoss()"}
_NORM_NAMES = {"scale": "weight", "shift": "bias", "mean": "running_mean", "variance": "running_var"}


@dataclass
class _Network:
    """The lines inside `nn.Sequential(...)`, and where in its state_dict the weights of nnlab are found."""

    lines: list[str] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    """nnlab's name → PyTorch's name."""


def _network(experiment: Experiment, dropout: str = "nn.Dropout({rate})") -> _Network:
    network, place = _Network(), 0
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
        kept = list(_NORM_NAMES) if layer.norm == "batch" else ["scale", "shift"]
        kind = ("BatchNorm" if single_batches else "nn.BatchNorm1d") if layer.norm == "batch" else "nn.LayerNorm"
        yield f"{kind}({layer.width})", {f"{i}.norm.{name}": _NORM_NAMES[name] for name in kept}
    if layer.activation != "none":
        yield _ACTIVATIONS[layer.activation], {}
    if layer.dropout:
        yield dropout.format(rate=layer.dropout, layer=i), {}


def _single_batches(experiment: Experiment) -> bool:
    """Whether some step sees one sample only, which PyTorch's batch normalisation refuses."""
    size = experiment.train.batch_size
    return size == 1 or any(n % size == 1 for n in _train_sizes(experiment.data))


def _train_sizes(data: DataSpec) -> tuple[int, ...]:
    """How many samples a training part has; folds may be of two sizes."""
    train, validation, _ = data.sizes
    uneven = data.folds and (train + validation) % data.folds
    return (train, train - 1) if uneven else (train,)


_RESIDUAL = '''
class Residual(nn.Sequential):
    """Adds what comes in to what goes out (He et al. 2016)."""

    def forward(self, x):
        return x + super().forward(x)
'''
_BATCH_NORM = '''
class BatchNorm(nn.BatchNorm1d):
    """Batch normalisation that takes a batch of one sample, too: it is its own mean."""

    def forward(self, x):
        if not self.training or len(x) > 1:
            return super().forward(x)
        with torch.no_grad():
            self.running_mean.lerp_(x[0], 0.1)
            self.running_var.mul_(0.9)
        return (x - x) * self.weight + self.bias
'''
_DROPOUT = '''
class Dropout(nn.Module):
    """Dropout with a random stream of its own for every seed, epoch and layer."""

    def __init__(self, rate, layer):
        super().__init__()
        self.rate, self.layer = rate, layer

    def start_epoch(self, seed, epoch):
        self.stream = np.random.Generator(np.random.SFC64(({stream}, seed, epoch, self.layer)))

    def forward(self, x):
        if not self.training:
            return x
        kept = self.stream.random(tuple(x.shape), np.float32) >= self.rate
        return x * torch.from_numpy(kept) * (1 / (1 - self.rate))
'''


def _helper_classes(experiment: Experiment) -> str:
    layers = experiment.layers
    text = _RESIDUAL if any(layer.residual for layer in layers) else ""
    if _single_batches(experiment) and any(layer.norm == "batch" for layer in layers):
        text += "\n" + _BATCH_NORM
    return text


def _optimizer(experiment: Experiment) -> str:
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


def _taking(experiment: Experiment) -> str:
    """`start_from(model, source)`: the first layers of a trained network, some of them frozen."""
    start = experiment.train.start_from
    if start is None:
        return ""
    frozen = f"""
    for module in with_weights(model)[:{_weighted(experiment, start.frozen)}]:
        module.requires_grad_(False)"""
    return f"""
def with_weights(model):
    return [module for module in model if list(module.parameters())]


def start_from(model, source):
    for mine, theirs in zip(with_weights(model)[:{_weighted(experiment, start.layers)}], with_weights(source)):
        mine.load_state_dict(theirs.state_dict()){frozen if start.frozen else ""}
"""


def _weighted(experiment: Experiment, layers: int) -> int:
    """Modules with weights, of those in `nn.Sequential(...)`, that the first layers are."""
    return sum(1 if layer.residual or layer.norm == "none" else 2 for layer in experiment.layers[:layers])


def _training_mode(experiment: Experiment) -> list[str]:
    """Inside the loop over the epochs: `model.train()`, but batch normalisation of frozen layers stays as it is."""
    lines, frozen = ["        model.train()"], [layer for layer in experiment.layers if layer.frozen]
    if any(layer.norm == "batch" for layer in frozen):
        lines += [
            f"        for layer in with_weights(model)[:{_weighted(experiment, len(frozen))}]:  # frozen",
            "            for module in layer.modules():",
            "                if isinstance(module, nn.BatchNorm1d):",
            "                    module.eval()",
        ]
    return lines


_INITS = {
    "xavier": "nn.init.xavier_uniform_(module.weight)",
    "kaiming": 'nn.init.kaiming_normal_(module.weight, nonlinearity="relu")',
    "orthogonal": "nn.init.orthogonal_(module.weight)",
    "zeros": "nn.init.zeros_(module.weight)",
    "normal": "nn.init.normal_(module.weight, std={scale})",
}


def pytorch_code(experiment: Experiment, seed: int = 0) -> str:
    """The network and its training loop as one would write them in PyTorch: short, and it runs.

    It makes `model`, and `fit(x, y)` to train it on scaled inputs (with early stopping `fit` takes the validation
    part too). Weights and order come from PyTorch's own generator, so the numbers differ a little from nnlab's;
    `script` gives the very numbers."""
    train, loss = experiment.train, experiment.loss
    lines = ["import copy\n" * bool(train.patience) + "import torch\nfrom torch import nn"]
    if helpers := _helper_classes(experiment):
        lines += ["", helpers.rstrip(), ""]
    lines += ["", f"torch.manual_seed({seed})", "model = nn.Sequential(", *_network(experiment).lines, ")"]
    if experiment.model.init != "default":
        lines += [
            "for module in model.modules():",
            "    if isinstance(module, nn.Linear):",
            f"        {_INITS[experiment.model.init].format(scale=experiment.model.init_scale)}",
            "        nn.init.zeros_(module.bias)",
        ]
    if train.start_from:
        lines += ["", _taking(experiment).rstrip(), "", "", "# start_from(model, source)  # a trained network"]
    lines += ["", f"loss_function = {_LOSSES[loss]}", f"optimizer = {_optimizer(experiment)}"]
    scheduler = _scheduler(experiment)
    if scheduler:
        lines += [f"scheduler = {scheduler}"]
    target = "class numbers (n,) int64" if loss == "cross_entropy" else "(n, 1) float32"
    held_out = ", x_validation, y_validation" if train.patience else ""
    lines += ["", "", f"def fit(x, y{held_out}):  # x: scaled inputs (n, {experiment.data.inputs}), y: {target}"]
    if train.patience:
        lines += ['    best, waited, best_weights = float("inf"), 0, copy.deepcopy(model.state_dict())']
    lines += [
        f"    for epoch in range({train.epochs}):",
        *_training_mode(experiment),
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
            "        waited += 1",
            "        if loss < best:",
            "            best, waited, best_weights = loss, 0, copy.deepcopy(model.state_dict())",
            f"        if waited == {train.patience}:  # no better for so many epochs: back to the best",
            "            model.load_state_dict(best_weights)",
            "            break",
        ]
    lines += ["    model.eval()"]
    return "\n".join(lines) + "\n"


def safetensors(
    experiment: Experiment, weights: Mapping[str, NDArray[Any]], seed: int = 0, fold: int | None = None
) -> bytes:
    """One replicate's weights as a safetensors file, for `load_state_dict` of the model of `pytorch_code`.

    Parameters
    ----------
    weights : dict
        Of one replicate, by the names of random_streams.py; `weight` is (inputs, outputs) there and (outputs, inputs) in the
        file, as PyTorch has it.

    The file's metadata hold the experiment (its JSON text), the seed and, where there are folds, the fold."""
    from safetensors.numpy import save

    network = _network(experiment)
    tensors = {}
    for ours, theirs in network.names.items():
        values = np.asarray(weights[ours], np.float32)
        tensors[theirs] = np.ascontiguousarray(values.T)
        if theirs.endswith("running_var"):
            tensors[theirs.replace("running_var", "num_batches_tracked")] = np.array(0, np.int64)
    about = {"format": "pt", "experiment": experiment.to_json(), "seed": str(seed)}
    return save(tensors, about if fold is None else about | {"fold": str(fold)})


# -- the whole run as a script and as a notebook ---------------------------------------------------------------------


@dataclass(frozen=True)
class Section:
    """A stretch of code and what is said about it."""

    title: str
    text: str
    code: str


def script(experiment: Experiment, seeds: int | Iterable[int] = 1) -> str:
    """The run as one Python file that needs NumPy and PyTorch (scikit-learn for digits and for folds) and nothing of
    nnlab.

    It makes or loads the same data, starts from the same weights, takes the same batches and prints the final scores
    of every seed as JSON: those of the run, but for rounding."""
    chosen, data = as_seeds(seeds), experiment.data
    needs = "NumPy, PyTorch and scikit-learn" if data.name == "digits" or data.folds else "NumPy and PyTorch"
    every = "every seed and fold" if data.folds else "every seed"
    head = f'"""{_title(experiment)}\n\nMade by nnlab; needs {needs}. Prints the scores of {every} as JSON.\n"""\n'
    parts = [
        f"# -- {part.title} {'-' * (74 - len(part.title))}\n\n{part.code.strip()}\n"
        for part in _sections(experiment, chosen)
    ]
    return head + "\n" + "\n\n".join(parts)


def notebook(experiment: Experiment, seeds: int | Iterable[int] = 1) -> str:
    """The same code as `script` as a Jupyter notebook (the JSON text of an .ipynb), explained cell by cell."""
    cells: list[dict[str, Any]] = [_markdown_cell(0, f"# {_title(experiment)}\n\nMade by nnlab.")]
    for part in _sections(experiment, as_seeds(seeds)):
        cells.append(_markdown_cell(len(cells), f"## {part.title}\n\n{part.text}"))
        cells.append(
            {
                "cell_type": "code",
                "id": f"cell-{len(cells)}",
                "metadata": {},
                "execution_count": None,
                "outputs": [],
                "source": part.code.strip().splitlines(keepends=True),
            }
        )
    about = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    return json.dumps(
        {"cells": cells, "metadata": about, "nbformat": 4, "nbformat_minor": 5}, ensure_ascii=False, indent=1
    )


def _markdown_cell(number: int, text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": f"cell-{number}", "metadata": {}, "source": text.splitlines(keepends=True)}


def _title(experiment: Experiment) -> str:
    widths = "-".join(str(layer.width) for layer in experiment.layers)
    frozen = f" ({experiment.frozen_parameters} more are frozen)" if experiment.frozen_parameters else ""
    numbers = f"{experiment.parameters} parameters{frozen}"
    return f"{experiment.data.name}: network {experiment.data.inputs}-{widths}, {numbers}."


def _sections(experiment: Experiment, seeds: tuple[int, ...]) -> list[Section]:
    every, source = [experiment], experiment.train.start_from
    while source:
        every, source = [source.experiment, *every], source.experiment.train.start_from
    imports = {"json", "math"} | ({"copy"} if any(one.train.patience for one in every) else set())
    mnist_files = any(one.data.name == "mnist" for one in every)
    if mnist_files:
        imports |= {"gzip", "hashlib", "os", "urllib.request"}
    head = "\n".join(f"import {name}" for name in sorted(imports))
    head += "\nfrom pathlib import Path" * mnist_files
    head += "\n\nimport numpy as np\nimport torch\n"
    kinds = sorted({_fold_kind(one.data) for one in every if one.data.folds})
    head += f"from sklearn.model_selection import {', '.join(kinds)}\n" if kinds else ""
    head += f"from torch import nn\n\nSEEDS = {list(seeds)}"
    sections = [Section("Settings", "A seed decides the first weights and dropout.", head)]
    for one, after in pairwise(every):  # what it starts from; the names are then used again
        parts = [*_training_sections(one), _source_section(one, after)]
        sections += [Section(f"Before: {part.title}", part.text, part.code) for part in parts]
    return [*sections, *_training_sections(experiment), _run_section(experiment.data)]


def _training_sections(experiment: Experiment) -> list[Section]:
    data = experiment.data
    split = "{} samples to train, {} to validate, {} to test".format(*data.sizes)
    fitted = "scaling is fitted on the training part alone"
    if data.folds:
        split = f"{data.folds} folds of {sum(data.sizes[:2])} samples, {data.sizes[2]} samples to test"
        fitted = "scaling is fitted on the training part of each fold alone"
    start, first = experiment.train.start_from, "Drawn with NumPy, one stream a seed"
    if start:
        first += f"; the first {start.layers} layers are taken from the network before, {start.frozen} of them frozen"
    return [
        Section("Data", f"{split}; {fitted}.", _data_code(data)),
        Section("Tensors", "What the network is given and what it should answer.", _tensor_code(experiment)),
        Section("Network", "The layers in order; the last one gives the network's answer.", _model_code(experiment)),
        Section("First weights", f"{first}.", _weights_code(experiment)),
        Section("Scores", "Loss and scores of one part, in evaluation mode.", _scores_code(experiment)),
        Section("Training", _training_text(experiment), _training_code(experiment)),
    ]


def _fold_kind(data: DataSpec) -> str:
    return "StratifiedKFold" if data.facts.classes else "KFold"


# data


def _data_code(data: DataSpec) -> str:
    train, validation, test = data.sizes
    own_test = data.facts.own_test > 0
    splits = data.folds > 0 or validation > 0 or (test > 0 and not own_test)
    functions = _mnist_functions(data) if data.name == "mnist" else _functions(datasets.LOADERS[data.name], data)
    if splits:
        functions = _functions(spread_order) | functions
    lines = [f"rng = np.random.default_rng(({datasets._SAMPLING}, {data.seed}))"]
    lines += ["x, y, x_test, y_test = load(rng)" if own_test else "x, y = load(rng)"]
    if splits:
        by = "y" if data.facts.classes else "np.zeros(len(y))"
        lines += [
            f"order = spread_order({by}, np.random.default_rng(({datasets._SPLIT}, {data.seed})))",
            "x, y = x[order], y[order]",
        ]
    cut, rest = [train, train + validation], "rest" if own_test else "test"
    if data.folds:  # cut in the last section, and scaled there
        if not own_test:
            lines += [f"x, x_test = np.split(x, {cut[1:]})", f"y, y_test = np.split(y, {cut[1:]})"]
        return "\n\n\n".join([*functions.values(), "\n".join(lines)])
    lines += [f"x_train, x_validation, x_{rest} = np.split(x, {cut})"]
    lines += [f"y_train, y_validation, y_{rest} = np.split(y, {cut})"]
    return "\n\n\n".join([*functions.values(), "\n".join(lines), _scaling_code(data)])


def _with_values(source: str, data: DataSpec) -> str:
    """The source of a family's `load(spec, rng) -> Raw` as `load(rng)`, which returns Raw's first two, x and y."""
    source = re.sub(r"    if spec\.labels:\n        (.*\n)", "    \\1" if data.labels else "", source)  # decided here
    source = re.sub(r"\bspec\.(\w+)", lambda match: repr(getattr(data, match[1])), source)
    source = re.sub(r"\bSHAPES\['(\w+)'\]", r"\1", source).replace("(spec, rng)", "(rng)")
    made = next(node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Return))
    assert isinstance(made.value, ast.Call)
    x, y = (ast.get_source_segment(source, argument) for argument in made.value.args[:2])
    lines = source.splitlines()
    return "\n".join([*lines[: made.lineno - 1], f"    return {x}, {y}", *lines[made.end_lineno :]])


def _functions(function: Callable[..., Any], data: DataSpec | None = None) -> dict[str, str]:
    """The source, without annotations, of a function and of the functions and constants it uses, in an order in
    which they can be run; for the loader of a data set with the values of `data` put in."""
    source = textwrap.dedent(inspect.getsource(function))
    source = _without_annotations(source[source.index("def ") :])  # what is kept between calls here need not be there
    if data:
        source = _with_values(source, data)
    found: dict[str, str] = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name):
            used: Any = function.__globals__.get(node.id)
            used = inspect.unwrap(used)
            if inspect.isfunction(used) and used is not function:
                found |= _functions(used)
            elif isinstance(used, (int, float, str, tuple)):
                found[node.id] = f"{node.id} = {used!r}"
    return {**found, function.__name__: source.strip()}


def _without_annotations(source: str) -> str:
    raw = source.encode()
    starts = [0, *np.cumsum([len(line) for line in raw.splitlines(keepends=True)]).tolist()]

    def end(node: ast.expr) -> int:
        return int(starts[(node.end_lineno or 1) - 1] + (node.end_col_offset or 0))

    cuts: list[tuple[int, int]] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.arg) and node.annotation:
            cuts.append((starts[node.lineno - 1] + node.col_offset + len(node.arg.encode()), end(node.annotation)))
        elif isinstance(node, ast.FunctionDef) and node.returns:
            begin = starts[node.returns.lineno - 1] + node.returns.col_offset
            cuts.append((raw.rfind(b" ->", 0, begin), end(node.returns)))
        elif isinstance(node, ast.AnnAssign) and node.value:
            cuts.append((end(node.target), end(node.annotation)))
    for begin, finish in sorted(cuts, reverse=True):
        raw = raw[:begin] + raw[finish:]
    return raw.decode()


def _mnist_functions(data: DataSpec) -> dict[str, str]:
    names = [file.name for file in mnist.FILES]
    sums = "\n".join(f'    "{file.name}": "{file.sha256}",' for file in mnist.FILES)
    code = f'''
FOLDER = Path(os.environ.get("NNLAB_DATA_DIR", "data")) / "mnist"
MIRROR = "{mnist.MIRRORS[0]}"
SHA256 = {{
{sums}
}}


def read(name):
    """One of the four files of MNIST, from the folder or, the first time, from the mirror."""
    path = FOLDER / name
    if not path.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        urllib.request.urlretrieve(MIRROR + name, path)
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != SHA256[name]:
        raise SystemExit(f"{{path}} is damaged: delete it and start again.")
    if "images" in name:
        return np.frombuffer(gzip.decompress(content), np.uint8, offset=16).reshape(-1, 784)
    return np.frombuffer(gzip.decompress(content), np.uint8, offset=8).astype(np.int64)


def load(rng):
    """Pictures (n, 784) with pixels from 0 to 255 and their digits (n,), to train and to test."""
    x, y = read("{names[0]}"), read("{names[1]}")
'''
    before: dict[str, str] = {}
    if data.labels:
        before = _functions(keep_labels)
        code += f"    x, y = keep_labels(x, y, {data.labels})\n"
    if data.n_samples < data.max_samples:
        before |= _functions(spread_order)
        code += f"    chosen = spread_order(y, rng)[:{data.n_samples}]\n    x, y = x[chosen], y[chosen]\n"
    test = f'read("{names[2]}"), read("{names[3]}")'
    test = f"*keep_labels({test}, {data.labels})" if data.labels else test
    return before | {"load": f"{code}    return x, y, {test}".strip()}


def _scaling_code(data: DataSpec) -> str:
    if data.scaling == "none":
        return "def scale(x):\n    return x.astype(np.float32)"
    picture = data.facts.image_shape is not None
    if picture and data.scaling == "minmax":
        full = 16 if data.name == "digits" else 255
        width = f"shift, width = np.zeros(1), np.array([{full}.0])"
    elif picture:
        width = (
            "counts = np.bincount(x_train.ravel(), minlength=256)\n"
            "values = np.arange(len(counts))\n"
            "shift = np.average(values, weights=counts)\n"
            "width = np.sqrt(np.average((values - shift) ** 2, weights=counts))"
        )
    elif data.scaling == "standard":
        width = "exact = x_train.astype(np.float64)\nshift, width = exact.mean(0), exact.std(0)"
    else:
        width = "shift = x_train.min(0).astype(np.float64)\nwidth = x_train.max(0) - shift"
    return (
        f"{width}\nwidth = np.where(width > 0, width, 1.0)  # a feature that never changes is only shifted\n"
        "shift, factor = shift.astype(np.float32), (1 / width).astype(np.float32)\n\n\n"
        "def scale(x):\n    return (x.astype(np.float32) - shift) * factor"
    )


def _tensor_code(experiment: Experiment) -> str:
    target = (
        "torch.from_numpy(y)"
        if experiment.loss == "cross_entropy"
        else "torch.from_numpy(y).float().reshape(len(y), 1)"
    )
    if experiment.data.folds:
        scaling = textwrap.indent(_scaling_code(experiment.data).replace("\n\n\n", "\n\n"), "    ")
        return f"""
def three_parts(x_train, y_train, x_validation, y_validation):
{scaling}

    def tensors(x, y):
        return torch.from_numpy(scale(x)), {target}

    return tensors(x_train, y_train), tensors(x_validation, y_validation), tensors(x_test, y_test)
"""
    return f"""
def tensors(x, y):
    return torch.from_numpy(scale(x)), {target}


train_part = tensors(x_train, y_train)
validation_part = tensors(x_validation, y_validation)
test_part = tensors(x_test, y_test)
"""


# network


def _model_code(experiment: Experiment) -> str:
    code = _helper_classes(experiment)
    if any(layer.dropout for layer in experiment.layers):
        code += "\n" + _DROPOUT.replace("{stream}", str(random_streams.DROPOUT_STREAM))
    lines = "\n".join("    " + line for line in _network(experiment, "Dropout({rate}, layer={layer})").lines)
    return f"{code}\n\ndef build_model():\n    return nn.Sequential(\n{lines}\n    )\n"


def _weights_code(experiment: Experiment) -> str:
    model = experiment.model
    zero = "np.zeros(fan_out)"
    draw = {
        "default": "bound = 1 / math.sqrt(fan_in)\n"
        "weight, bias = rng.uniform(-bound, bound, (fan_in, fan_out)), rng.uniform(-bound, bound, fan_out)",
        "zeros": f"weight, bias = np.zeros((fan_in, fan_out)), {zero}",
        "normal": f"weight, bias = rng.normal(0.0, {model.init_scale}, (fan_in, fan_out)), {zero}",
        "xavier": "bound = math.sqrt(6 / (fan_in + fan_out))  # Glorot and Bengio 2010\n"
        f"weight, bias = rng.uniform(-1, 1, (fan_in, fan_out)) * bound, {zero}",
        "kaiming": "weight = rng.normal(0.0, math.sqrt(2 / fan_in), (fan_in, fan_out))  # He et al. 2015\n"
        f"bias = {zero}",
        "orthogonal": "q, r = np.linalg.qr(rng.normal(size=(max(fan_in, fan_out), min(fan_in, fan_out))))\n"
        "q = q * np.sign(np.diag(r))  # Saxe et al. 2014\n"
        f"weight, bias = q if fan_in >= fan_out else q.T, {zero}",
    }[model.init]
    return f"""
def draw_weights(model, seed):
    rng = np.random.default_rng(({random_streams.WEIGHTS_STREAM}, seed))
    for module in model.modules():
        if isinstance(module, nn.Linear):
            fan_in, fan_out = module.in_features, module.out_features
{textwrap.indent(draw, " " * 12)}
            module.weight.data = torch.tensor(weight.T, dtype=torch.float32).contiguous()
            module.bias.data = torch.tensor(bias, dtype=torch.float32)

{_taking(experiment)}"""


# training


def _scores_code(experiment: Experiment) -> str:
    if experiment.score == "mse":
        figures = """    return {
        "loss": loss_function(answer, y).item(),
        "mse": ((answer - y) ** 2).mean().item(),
        "mae": (answer - y).abs().mean().item(),
        "r2": (1 - ((answer - y) ** 2).mean() / y.var(correction=0)).item(),
    }"""
    else:
        right = "(answer > 0) == (y > 0.5)" if experiment.loss == "bce" else "answer.argmax(1) == y"
        figures = f"""    return {{
        "loss": loss_function(answer, y).item(),
        "accuracy": ({right}).double().mean().item(),
    }}"""
    return f"""
loss_function = {_LOSSES[experiment.loss]}


@torch.no_grad()
def scores(model, x, y):
    if len(x) == 0:
        return None
    model.eval()
    answer = model(x)
{figures}
"""


def _training_text(experiment: Experiment) -> str:
    train = experiment.train
    text = f"{train.epochs} epochs of {experiment.steps_per_epoch} steps"
    if train.patience:
        text += f", fewer when the validation loss has not become better for {train.patience} epochs"
    return text + f". The optimizer is {train.optimizer}, the learning rate {train.lr} ({train.schedule})."


def _training_code(experiment: Experiment) -> str:
    train, data = experiment.train, experiment.data
    steps, total, before = str(experiment.steps_per_epoch), str(train.epochs * experiment.steps_per_epoch), ""
    if len({math.ceil(n / train.batch_size) for n in _train_sizes(data)}) > 1:  # folds that differ by a sample
        steps, total = "steps", f"({train.epochs} * steps)"
        before = f"steps = math.ceil(len(train_part[0]) / {train.batch_size})\n"
    rate = {
        "constant": "",
        "cosine": f"return {train.lr} * (1 + math.cos(math.pi * step / {total})) / 2",
        "step": f"return {train.lr} * 0.1 ** min(2, step // {steps} * 3 // {train.epochs})",
        "one_cycle": f"low, high, end = {train.lr / 25}, {train.lr}, {train.lr / 250_000}\n"
        f"top = max(1.0, 0.3 * {total} - 1)\n"
        "if step <= top:  # up\n"
        "    return low + (high - low) * (1 - math.cos(math.pi * step / top)) / 2\n"
        f"down = min(1.0, (step - top) / max(1.0, {total} - 1 - top))\n"
        "return end + (high - end) * (1 + math.cos(math.pi * down)) / 2",
    }[train.schedule]
    lines = []
    if rate:
        lines += ["def learning_rate(step):", textwrap.indent(before + rate, "    "), "", ""]
    lines += [
        "def train(seed):",
        "    model = build_model()",
        "    draw_weights(model, seed)",
        *([f"    start_from(model, sources[{_source_key(experiment)}])"] if train.start_from else []),
        f"    optimizer = {_optimizer(experiment)}",
        "    x, y = train_part",
    ]
    lines += ["    step = 0"] * bool(rate)
    if train.patience:
        lines += ["    best, waited, best_weights = math.inf, 0, copy.deepcopy(model.state_dict())"]
    lines += [
        f"    for epoch in range(1, {train.epochs} + 1):",
        *_training_mode(experiment),
    ]
    if any(layer.dropout for layer in experiment.layers):
        lines += [
            "        for module in model.modules():",
            "            if isinstance(module, Dropout):",
            "                module.start_epoch(seed, epoch)",
        ]
    lines += [
        f"        order = np.random.default_rng(({random_streams.ORDER_STREAM}, {data.seed}, epoch)).permutation(len(x))",
        f"        for batch in torch.from_numpy(order).split({train.batch_size}):",
    ]
    if rate:
        lines += [
            "            for group in optimizer.param_groups:",
            '                group["lr"] = learning_rate(step)',
            "            step += 1",
        ]
    lines += [
        "            optimizer.zero_grad()",
        "            loss = loss_function(model(x[batch]), y[batch])",
        "            loss.backward()",
        "            optimizer.step()",
    ]
    if train.patience:
        lines += [
            '        loss = scores(model, *validation_part)["loss"]',
            "        waited += 1",
            "        if loss < best:",
            "            best, waited, best_weights = loss, 0, copy.deepcopy(model.state_dict())",
            f"        if waited == {train.patience}:  # no better for so many epochs: back to the best",
            "            model.load_state_dict(best_weights)",
            "            break",
        ]
    lines += ["    return model"]
    return "\n".join(lines)


def _source_key(experiment: Experiment) -> str:
    """Which of the networks before one starts from: with as many folds as before, that of the same fold."""
    start = experiment.train.start_from
    if start is None or not start.experiment.data.folds:
        return "seed"
    return "seed, fold" if start.experiment.data.folds == experiment.data.folds else "seed, 0"


def _source_section(experiment: Experiment, after: Experiment) -> Section:
    """Trains what the experiment after this one starts from."""
    if not experiment.data.folds:
        text = "Every seed in turn: the network whose first layers are taken over."
        return Section("Run", text, "sources = {seed: train(seed) for seed in SEEDS}")
    first = "" if _source_key(after) == "seed, fold" else "[:1]"
    loop = f"{_fold_loop(experiment.data, first)}        trained[seed, fold] = train(seed)"
    code = f"trained = {{}}\n{loop}\nsources = trained"
    return Section("Run", "The networks whose first layers are taken over: every seed with its folds.", code)


def _fold_loop(data: DataSpec, first: str = "") -> str:
    kind = f"{_fold_kind(data)}({data.folds}, shuffle=True, random_state={data.seed})"
    return f"""folds = list({kind}.split(np.zeros(len(x)), {"y" if data.facts.classes else "None"}))
for seed in SEEDS:
    for fold, (kept, held_out) in enumerate(folds{first}):
        train_part, validation_part, test_part = three_parts(x[kept], y[kept], x[held_out], y[held_out])
"""


def _run_section(data: DataSpec) -> Section:
    if not data.folds:
        code = """
parts = {"train": train_part, "validation": validation_part, "test": test_part}
for seed in SEEDS:
    model = train(seed)
    print(json.dumps({"seed": seed, **{name: scores(model, *part) for name, part in parts.items()}}))
"""
        return Section("Run", "Every seed in turn, and the final scores.", code)
    code = f"""{_fold_loop(data)}        model = train(seed)
        parts = {{"train": train_part, "validation": validation_part, "test": test_part}}
        figures = {{name: scores(model, *part) for name, part in parts.items()}}
        print(json.dumps({{"seed": seed, "fold": fold, **figures}}))
"""
    return Section("Run", "Every seed with every fold in turn, and the final scores.", code)
