"""The section of the exported script that makes or reads the samples and divides them."""

from nnlab import datasets
from nnlab.datasets import mnist, plane, synthetic
from nnlab.datasets.split import keep_labels, spread_order
from nnlab.export.function_source import function_source
from nnlab.spec import DataSpec


def data_code(data: DataSpec) -> str:
    """The samples in their parts or, where seeds have data of their own, `draw_parts(seed)`; under k-fold training and
    validation are one part."""
    functions, lines = {"samples": _samples_code, "split": _splits_code, "weights": _parts_of_all}[data.per_seed](data)
    return "\n\n\n".join([*functions.values(), lines])


def _parts_of_all(data: DataSpec) -> tuple[dict[str, str], str]:
    """The parts that all seeds share."""
    train, validation, test = datasets.part_sizes(data)
    own_test = data.facts.own_test > 0
    functions, lines = _load_code(data)
    if data.folds or validation or (test and not own_test):
        functions = function_source(spread_order) | functions
        lines += _order_lines(data)
    if not data.folds:
        cut, rest = [train, train + validation], "rest" if own_test else "test"
        lines += [f"{of}_train, {of}_validation, {of}_{rest} = np.split({of}, {cut})" for of in "xy"]
    elif not own_test:
        lines += [f"{of}, {of}_test = np.split({of}, {[train]})" for of in "xy"]
    return functions, "\n".join(lines)


def _load_code(data: DataSpec) -> tuple[dict[str, str], list[str]]:
    """The functions that make or read the samples, and their call."""
    loader = datasets.LOADERS[data.name]
    functions = _mnist_functions(data) if data.name == "mnist" else function_source(loader, spec=data)
    names = "x, y, x_test, y_test" if data.facts.own_test else "x, y"
    rng = f"rng = np.random.default_rng(({datasets.SAMPLING_STREAM}, {data.seed}))"
    return functions, [rng, f"{names} = load(rng)"]


def _order_lines(data: DataSpec) -> list[str]:
    stream = f"np.random.default_rng(({datasets.SPLIT_STREAM}, {data.seed}))"
    return [f"order = spread_order({_classes(data)}, {stream})", "x, y = x[order], y[order]"]


def _classes(data: DataSpec) -> str:
    return "y" if data.facts.classes else "np.zeros(len(y))"


def _splits_code(data: DataSpec) -> tuple[dict[str, str], str]:
    """One test part, and the other samples, of which every seed has its own split."""
    train, validation, test = datasets.part_sizes(data)
    functions, lines = _load_code(datasets.whole(data))
    if not data.facts.own_test:
        lines += [*_order_lines(data), *(f"{of}, {of}_test = np.split({of}, [len({of}) - {test}])" for of in "xy")]
    lines += ["pool = x, y", "", ""]
    stream = f"{datasets.SPLIT_STREAM}, {data.seed}, seed, 1"
    code = f"""def draw_parts(seed):
    \"\"\"The training and the validation part of a seed, and the test part, which is one for all.\"\"\"
    x, y = pool
    order = spread_order({_classes(data)}, np.random.default_rng(({stream})))
    train, validation = order[:{train}], order[len(order) - {validation} :]
    return (x[train], y[train]), (x[validation], y[validation]), (x_test, y_test)"""
    return function_source(spread_order) | functions, "\n".join([*lines, code])


def _samples_code(data: DataSpec) -> tuple[dict[str, str], str]:
    """New samples for every seed."""
    if data.name == "synthetic":
        functions = function_source(synthetic.draw_problem) | function_source(synthetic.draw, spec=data)
        numbers = f"np.random.default_rng(({datasets.SAMPLING_STREAM}, {data.seed}))"
        problem = f"problem = draw_problem({data.features}, {data.classes}, {numbers})\n\n\n"
        call = "problem, n, rng"
    else:
        functions, problem, call = function_source(plane.draw, spec=data, problem=()), "", "n, rng"
    stream = f"{datasets.SAMPLING_STREAM}, {data.seed}, seed, part"
    return (
        functions,
        f"""{problem}def draw_parts(seed):
    \"\"\"The parts of a seed, each from random numbers of its own.\"\"\"
    rngs = [np.random.default_rng(({stream})) for part in (1, 2, 3)]
    return [draw({call}) for n, rng in zip({datasets.part_sizes(data)}, rngs)]""",
    )


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
