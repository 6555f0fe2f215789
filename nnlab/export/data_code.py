"""Code that makes or loads the data of an experiment, splits and scales it."""

from nnlab import datasets
from nnlab.datasets import mnist
from nnlab.datasets.base import shift_and_scale
from nnlab.datasets.split import keep_labels, spread_order
from nnlab.export.function_source import function_source
from nnlab.spec import DataSpec, Experiment


def data_code(data: DataSpec) -> str:
    """The samples, in their parts; with folds the test part alone is cut off."""
    train, validation, test = data.sizes
    own_test = data.facts.own_test > 0
    splits = data.folds > 0 or validation > 0 or (test > 0 and not own_test)
    functions = (
        _mnist_functions(data) if data.name == "mnist" else function_source(datasets.LOADERS[data.name], spec=data)
    )
    if splits:
        functions = function_source(spread_order) | functions
    lines = [f"rng = np.random.default_rng(({datasets.SAMPLING_STREAM}, {data.seed}))"]
    lines += ["x, y, x_test, y_test = load(rng)" if own_test else "x, y = load(rng)"]
    if splits:
        by = "y" if data.facts.classes else "np.zeros(len(y))"
        lines += [
            f"order = spread_order({by}, np.random.default_rng(({datasets.SPLIT_STREAM}, {data.seed})))",
            "x, y = x[order], y[order]",
        ]
    cut = [train, train + validation]
    if not data.folds:
        rest = "rest" if own_test else "test"
        lines += [f"{of}_train, {of}_validation, {of}_{rest} = np.split({of}, {cut})" for of in "xy"]
    elif not own_test:
        lines += [f"{of}, {of}_test = np.split({of}, {cut[1:]})" for of in "xy"]
    return "\n\n\n".join([*functions.values(), "\n".join(lines)])


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
    """Images (n, 784) with pixels from 0 to 255 and their digits (n,), for training and for the test."""
    x, y = read("{names[0]}"), read("{names[1]}")
'''
    before: dict[str, str] = {}
    if data.labels:
        before = function_source(keep_labels)
        code += f"    x, y = keep_labels(x, y, {data.labels})\n"
    if data.n_samples < data.max_samples:
        before |= function_source(spread_order)
        code += f"    chosen = spread_order(y, rng)[:{data.n_samples}]\n    x, y = x[chosen], y[chosen]\n"
    test = f'read("{names[2]}"), read("{names[3]}")'
    test = f"*keep_labels({test}, {data.labels})" if data.labels else test
    return before | {"load": f"{code}    return x, y, {test}".strip()}


def tensor_code(experiment: Experiment) -> str:
    """Scaled inputs and targets as tensors; with folds every fold is scaled in the last section."""
    data = experiment.data
    full_scale = {"digits": 16.0, "mnist": 255.0}.get(data.name)
    functions = function_source(shift_and_scale, name=data.scaling, full_scale=full_scale)
    target = "torch.from_numpy(y)"
    if experiment.loss != "cross_entropy":
        target += ".float().reshape(len(y), 1)"
    parts = "" if data.folds else f"\n\n{parts_code('x_train', 'y_train', 'x_validation', 'y_validation')}"
    return f"""{functions["shift_and_scale"]}


def as_tensors(*parts):
    # the scaling is fitted on the first part, the training part
    shift, scale = shift_and_scale(parts[0][0])
    inputs = [torch.from_numpy((x.astype(np.float32) - shift) * scale) for x, _ in parts]
    targets = [{target} for _, y in parts]
    return list(zip(inputs, targets))
{parts}"""


def parts_code(x_train: str, y_train: str, x_validation: str, y_validation: str) -> str:
    """The three parts of `as_tensors`."""
    return (
        "train_part, validation_part, test_part = as_tensors(\n"
        f"    ({x_train}, {y_train}), ({x_validation}, {y_validation}), (x_test, y_test)\n)"
    )
