"""A run as one Python file that needs nothing of nnlab and gives the numbers of the run.

The code consists of sections (a title, an explanation, lines of code), so that the script and the notebook are the
same code. Whatever nnlab draws at random (data, split, weights, order of batches, dropout) is copied into it from
nnlab's own source.
"""

import textwrap
from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

from nnlab import datasets
from nnlab.datasets.base import shift_and_scale
from nnlab.datasets.terms import term_columns
from nnlab.engines import random_streams
from nnlab.export import pytorch_code as network
from nnlab.export.data_code import data_code
from nnlab.export.function_source import function_source
from nnlab.spec import DataSpec, Experiment, as_seeds


class Section(NamedTuple):
    """A stretch of code with its title and an explanation."""

    title: str
    text: str
    code: str


def script(experiment: Experiment, seeds: int | Iterable[int] = 1) -> str:
    """The run as one Python file that needs NumPy and PyTorch (scikit-learn for digits and for folds), not nnlab.

    It makes or loads the same data, starts from the same weights, takes the same batches and prints the final scores
    of every seed as JSON; they are those of the run, up to rounding, whichever engine trained it.
    """
    chosen, data = as_seeds(seeds), experiment.data
    needs = "NumPy, PyTorch and scikit-learn" if data.name == "digits" or data.folds else "NumPy and PyTorch"
    head = f'"""{title(experiment)}\n\nMade by nnlab; needs {needs}. Prints the scores of {_every(data)} as JSON:\n'
    head += 'those of the run, within 1e-5 unless training is chaotic and enlarges rounding.\n"""\n'
    parts = [
        f"# -- {part.title} {'-' * (74 - len(part.title))}\n\n{part.code.strip()}\n"
        for part in sections(experiment, chosen)
    ]
    return head + "\n" + "\n\n".join(parts)


def title(experiment: Experiment) -> str:
    """`moons: network 2-8-1, 33 parameters.`"""
    widths = "-".join(str(layer.width) for layer in experiment.layers)
    frozen = f" ({experiment.frozen_parameters} more are frozen)" if experiment.frozen_parameters else ""
    numbers = f"{experiment.parameters} parameters{frozen}"
    return f"{experiment.data.name}: network {experiment.data.inputs}-{widths}, {numbers}."


def sections(experiment: Experiment, seeds: tuple[int, ...]) -> list[Section]:
    """The code of the run, section by section: settings, the networks it starts from, its own training, the scores."""
    every = [experiment]
    while source := every[0].train.start_from:
        every.insert(0, source.experiment)
    found = [Section("Settings", "The seed decides the first weights and dropout.", _imports(every, seeds))]
    for one, after in pairwise(every):  # a source and what starts from it; the names are then used again
        parts = [*_training_sections(one), _source_section(one, after)]
        found += [Section(f"Before: {part.title}", part.text, part.code) for part in parts]
    return [*found, *_training_sections(experiment), _run_section(experiment.data)]


def _imports(every: list[Experiment], seeds: tuple[int, ...]) -> str:
    imports = {"json", "math"} | ({"copy"} if any(one.train.patience for one in every) else set())
    mnist_files = any(one.data.name == "mnist" for one in every)
    if mnist_files:
        imports |= {"gzip", "hashlib", "os", "urllib.request"}
    head = "\n".join(f"import {name}" for name in sorted(imports))
    head += "\nfrom pathlib import Path" * mnist_files
    head += "\n\nimport numpy as np\nimport torch\n"
    kinds = sorted({_fold_kind(one.data) for one in every if one.data.folds})
    head += f"from sklearn.model_selection import {', '.join(kinds)}\n" if kinds else ""
    return head + f"from torch import nn\n\nSEEDS = {list(seeds)}"


def _training_sections(experiment: Experiment) -> list[Section]:
    data, train = experiment.data, experiment.train
    split = "{} samples to train, {} to validate, {} to test".format(*data.sizes)
    fitted = "the scaling is fitted on the training part alone"
    if data.folds:
        split = f"{data.folds} folds of {sum(data.sizes[:2])} samples, {data.sizes[2]} samples to test"
        fitted += ", separately for each fold"
    elif data.per_seed != "weights":
        fitted += ", separately for each seed"
    split += {"samples": "; every seed draws its own", "split": "; every seed splits them anew"}.get(data.per_seed, "")
    first = "Drawn with NumPy from a random stream that the seed names"
    if train.start_from:
        taken, frozen = train.start_from.layers, train.start_from.frozen
        first += f"; the first {taken} layers are then copied from the network before, and {frozen} of them are frozen"
    steps = f"{train.epochs} epochs of {experiment.steps_per_epoch} steps"
    if train.patience:
        steps += f", fewer when the validation loss has not improved for {train.patience} epochs"
    steps += f". The optimizer is {train.optimizer}, the learning rate {train.lr} ({train.schedule})"
    inputs = f"The inputs {', '.join(data.term_names)}, scaled," if data.computed_terms else "Scaled inputs"
    return [
        Section("Data", f"{split}.", data_code(data)),
        Section("Tensors", f"{inputs} and targets; {fitted}.", _tensor_code(experiment)),
        Section("Network", "The layers in order; the last one is the output layer.", _model_code(experiment)),
        Section("First weights", f"{first}.", _weights_code(experiment)),
        Section("Scores", "Loss and scores of one part, in evaluation mode.", _scores_code(experiment)),
        Section("Training", f"{steps}.", _training_code(experiment)),
    ]


def _tensor_code(experiment: Experiment) -> str:
    """Scaled inputs and targets as tensors; parts that seeds or folds do not share are scaled in the last section."""
    data = experiment.data
    scaling = function_source(shift_and_scale, name=data.scaling, full_scale=data.facts.full_scale)["shift_and_scale"]
    target = "torch.from_numpy(y)"
    if experiment.loss != "cross_entropy":
        target += ".float().reshape(len(y), 1)"
    terms = data.computed_terms
    columns = "\n    parts = [(term_columns(x), y) for x, y in parts]" * bool(terms)
    before = function_source(term_columns, terms=terms)["term_columns"] + "\n\n\n" if terms else ""
    shared = not data.folds and data.per_seed == "weights"
    parts = "\n\n" + _parts_code("{}_{}") if shared else ""
    return f"""{before}{scaling}


def as_tensors(*parts):{columns}
    # the scaling is fitted on the first part, the training part
    shift, scale = shift_and_scale(parts[0][0])
    inputs = [torch.from_numpy((x.astype(np.float32) - shift) * scale) for x, _ in parts]
    targets = [{target} for _, y in parts]
    return list(zip(inputs, targets))
{parts}"""


def _parts_code(form: str) -> str:
    """The three parts of `as_tensors`; the form says how inputs and targets of a part are named."""
    train, validation = (f"({form.format('x', part)}, {form.format('y', part)})" for part in ("train", "validation"))
    return f"train_part, validation_part, test_part = as_tensors(\n    {train}, {validation}, (x_test, y_test)\n)"


_DROPOUT = '''
class Dropout(nn.Module):
    """Dropout with a random stream for every seed, epoch and layer."""

    def __init__(self, rate, layer):
        super().__init__()
        self.rate, self.layer = rate, layer

    def start_epoch(self, seed, epoch):
        self.stream = dropout_stream(seed, epoch, self.layer)

    def forward(self, x):
        if not self.training:
            return x
        stays_on = self.stream.random(tuple(x.shape), np.float32) >= self.rate
        return x * torch.from_numpy(stays_on) * (1 / (1 - self.rate))
'''


def _model_code(experiment: Experiment) -> str:
    code = network.helper_classes(experiment)
    if _drops(experiment):
        code += "\n\n\n".join([*function_source(random_streams.dropout_stream).values(), _DROPOUT.strip("\n")]) + "\n"
    lines, _ = network.network_code(experiment, "Dropout({rate}, layer={layer})")
    layers, biases = "\n".join(lines), network.cancelled_biases(experiment)
    body = f"model = nn.Sequential(\n{layers}\n){biases}\nreturn model"
    return f"{code}\n\ndef build_model():\n{textwrap.indent(body, '    ')}\n"


def _drops(experiment: Experiment) -> bool:
    return any(layer.dropout for layer in experiment.layers)


def _weights_code(experiment: Experiment) -> str:
    model = experiment.model
    functions = function_source(random_streams.draw_layer, init=model.init, init_scale=model.init_scale)
    return f"""{functions["draw_layer"]}


def draw_weights(model, seed):
    rng = np.random.default_rng(({random_streams.WEIGHTS_STREAM}, seed))
    for module in model.modules():
        if isinstance(module, nn.Linear):
            weight, bias = draw_layer(rng, module.in_features, module.out_features)
            module.weight.data = torch.tensor(weight.T, dtype=torch.float32).contiguous()
            module.bias.data = torch.tensor(bias, dtype=torch.float32)

{network.start_code(experiment)}"""


def _scores_code(experiment: Experiment) -> str:
    if experiment.score == "mse":
        scores = """
        "mse": ((answer - y) ** 2).mean().item(),
        "mae": (answer - y).abs().mean().item(),
        "r2": (1 - ((answer - y) ** 2).mean() / y.var(correction=0)).item(),"""
    else:
        right = "(answer > 0) == (y > 0.5)" if experiment.loss == "bce" else "answer.argmax(1) == y"
        scores = f'\n        "accuracy": ({right}).double().mean().item(),'
    return f"""
loss_function = {network.LOSSES[experiment.loss]}


@torch.no_grad()
def scores(model, x, y):
    if len(x) == 0:
        return None
    model.eval()
    answer = model(x)
    return {{
        "loss": loss_function(answer, y).item(),{scores}
    }}
"""


def _training_code(experiment: Experiment) -> str:
    train, scheduled = experiment.train, experiment.train.schedule != "constant"
    functions = function_source(random_streams.epoch_order)
    if scheduled:
        functions |= function_source(random_streams.learning_rates, train=train)
    start = f"\n    start_from(model, sources[{_source_key(experiment)}])" if train.start_from else ""
    dropout = """
        for module in model.modules():
            if isinstance(module, Dropout):
                module.start_epoch(seed, epoch)"""
    set_rate = """
            for group in optimizer.param_groups:
                group["lr"] = rate"""
    with_rates = "batch, rate in zip(batches, learning_rates(len(batches), epoch).tolist())"
    steps = with_rates if scheduled else "batch in batches"
    stop = f"""
        loss = scores(model, *validation_part)["loss"]{network.early_stopping(train.patience)}"""
    code = f"""def train(seed):
    model = build_model()
    draw_weights(model, seed){start}
    optimizer = {network.optimizer_code(experiment)}
    x, y = train_part{network.BEST * bool(train.patience)}
    for epoch in range(1, {train.epochs} + 1):
        {network.training_mode(experiment)}{dropout * _drops(experiment)}
        batches = torch.from_numpy(epoch_order({experiment.data.seed}, epoch, len(x))).split({train.batch_size})
        for {steps}:{set_rate * scheduled}
            optimizer.zero_grad()
            loss = loss_function(model(x[batch]), y[batch])
            loss.backward()
            optimizer.step(){(stop + network.BACK) * bool(train.patience)}
    return model"""
    return "\n\n\n".join([*functions.values(), code])


def _source_key(experiment: Experiment) -> str:
    """The key of the network that one starts from: with equal numbers of folds, the one of the same fold."""
    start = experiment.train.start_from
    if start is None or not start.experiment.data.folds:
        return "seed"
    return "seed, fold" if start.experiment.data.folds == experiment.data.folds else "seed, 0"


def _source_section(experiment: Experiment, after: Experiment) -> Section:
    """Trains what the experiment after this one starts from."""
    data = experiment.data
    text = f"The networks whose first layers are copied, one for {_every(data)}."
    key = "seed, fold" if data.folds else "seed"
    only_first = data.folds > 0 and _source_key(after) != "seed, fold"
    # a name of its own, since a source may start from networks too
    loop = _loop(data, f"trained[{key}] = train(seed)", "[:1]" if only_first else "")
    return Section("Run", text, f"trained = {{}}\n{loop}\nsources = trained")


def _run_section(data: DataSpec) -> Section:
    fold = '"fold": fold, ' if data.folds else ""
    body = f"""model = train(seed)
parts = {{"train": train_part, "validation": validation_part, "test": test_part}}
figures = {{name: scores(model, *part) for name, part in parts.items()}}
print(json.dumps({{"seed": seed, {fold}**figures}}))"""
    which = "Every fold of every seed" if data.folds else "Every seed"
    return Section("Run", f"{which} in turn, and the final scores.", _loop(data, body))


def _every(data: DataSpec) -> str:
    return "every seed and fold" if data.folds else "every seed"


def _loop(data: DataSpec, body: str, folds: str = "") -> str:
    """`body` for every seed and fold, or for those of the `folds` that a slice selects, with the parts as tensors."""
    own, before = data.per_seed != "weights", ""
    lines = []
    if data.folds:
        fold_seed = "fold_seed" if own else f"{data.seed}"
        kind = f"{_fold_kind(data)}({data.folds}, shuffle=True, random_state={fold_seed})"
        split = f"folds = list({kind}.split(np.zeros(len(x)), {'y' if data.facts.classes else 'None'}))"
        if own:
            stream = f"{datasets.SPLIT_STREAM}, {data.seed}, seed, 2"
            lines += ["(x, y), _, (x_test, y_test) = draw_parts(seed)"]
            lines += [f"fold_seed = int(np.random.default_rng(({stream})).integers(2**31))", split]
        else:
            before = f"{split}\n"
        body = textwrap.indent(f"{_parts_code('{}[{}_rows]')}\n{body}", "    ")
        lines += [f"for fold, (train_rows, validation_rows) in enumerate(folds{folds}):"]
    elif own:
        lines += ["train_part, validation_part, test_part = as_tensors(*draw_parts(seed))"]
    return f"{before}for seed in SEEDS:\n{textwrap.indent(chr(10).join([*lines, body]), '    ')}"


def _fold_kind(data: DataSpec) -> str:
    return "StratifiedKFold" if data.facts.classes else "KFold"
