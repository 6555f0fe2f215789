"""What everything that parses makes of hostile inputs: a value, or one sentence.

    python -m benchmarks.fuzz --count 100000 --seed 0

Valid inputs are changed: parts deleted, repeated, swapped, nested, made huge, replaced by numbers, control characters
and Unicode. Each target is a reader and the errors it may raise. The command prints the inputs that were accepted,
refused and unhandled by target, and the dearest one; the exit code is 1 if an input raised another error, took more
than a second of processor time or 100 MB, gave a message that is no short sentence, or a value that does not survive
its own link and text.
"""

import json
import os
import reprlib
import resource
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock
from urllib.parse import parse_qsl, urlencode

import click
import hypothesis
from hypothesis import strategies as st

from nnlab.catalogue.classics import classics
from nnlab.catalogue.presets import presets
from nnlab.cli.sources import baseline_place, comparison_from, experiment_from
from nnlab.datasets import load_dataset
from nnlab.datasets.mnist import IdxError, read_idx
from nnlab.engines.costs import estimate_bytes, estimate_seconds
from nnlab.jobs.limits import find_limit
from nnlab.settings import SettingsError, load_settings
from nnlab.spec import DATASETS, FIELDS, KNOBS, Comparison, Experiment, parse_seeds, seeds_text
from nnlab.spec.assignment import Assignment
from nnlab.spec.errors import SpecError
from nnlab.spec.hidden import parse_hidden
from nnlab.spec.layer_table import layer_table
from nnlab.spec.text import link_parameters
from nnlab.store import Store, UnknownRun
from nnlab.training.checkpoint import unpack
from nnlab.ui.backprop import scene
from nnlab.ui.build.draft import draft_of, read_draft, valid_part
from nnlab.ui.compare.knobs import parsed, split_typed
from nnlab.ui.compare.question import QuestionInput, comparison_of
from nnlab.ui.play.controls import changed, in_drawing
from nnlab.ui.shared.typed_numbers import read_number
from nnlab.ui.shell.visitors import valid_name

SECONDS, MEGABYTES, LONGEST = 1.0, 100, 1000  # an input may take so much; a sentence has so many characters at most

EXPERIMENTS = (
    *presets.values(),
    Experiment.of(
        {"data": {"name": "digits", "labels": [5, 6, 9]}, "model": {"hidden": [8, {"width": 4, "norm": "batch"}]}}
    ),
    Experiment.of({"data": {"name": "xor", "terms": ["x1_squared", "sin_x2"], "folds": 5}}),
    Experiment.of({"train": {"start_from": {"experiment": Experiment().plain(), "layers": 1, "frozen": 1}}}),
)
COMPARISONS = (
    *(one.comparison for one in classics.values()),
    Comparison(Experiment(), vary="depth_same_size", values=[1, 2, 4], by="activation", by_values=["relu", "tanh"]),
)
TOKENS = (
    *("", "-1", "0", "1e400", "-0.0", "NaN", "Infinity", "9" * 400, "1_000", "1.000,5", "٣", "²", "𝟙", "null", "true"),
    *(
        "\0",
        "\r\n",
        "\x1b[31m",
        "\u202e",
        "\ufeff",
        "%00",
        "%ff",
        "&amp;",
        "&",
        "=",
        ";",
        ",",
        "-",
        "[",
        "]",
        "{",
        "}",
        '"',
    ),
    *(
        "8-8-8",
        "0-999999999",
        "../../etc/passwd",
        "<script>",
        "$\\frac{1}{0}$",
        "`",
        "**",
        "' OR 1=1 --",
        "${HOME}",
        "{0}",
    ),
    *("data.", "model.hidden", "train.lr", "Data.name", "__class__", "vary", "values", "seeds", "start_from"),
)
HUGE = (1_000, 100_000)
_SHORT = reprlib.Repr()
_SHORT.maxstring = 300


def texts(*valid: str) -> st.SearchStrategy[str]:
    """Valid texts with up to four changes."""
    return st.builds(_changed_text, st.sampled_from(valid), st.lists(_changes, max_size=4))


_changes = st.tuples(
    st.sampled_from(("delete", "repeat", "swap", "insert", "replace", "nest", "huge", "character", "number")),
    st.floats(0, 1),
    st.floats(0, 1),
    st.sampled_from(TOKENS) | st.text(max_size=5) | st.integers().map(str) | st.floats().map(str),
)


def _changed_text(text: str, changes: list[tuple[str, float, float, str]]) -> str:
    for kind, at, other, token in changes:
        first, last = sorted((int(at * len(text)), int(other * len(text))))
        head, part, tail = text[:first], text[first:last], text[last:]
        text = {
            "delete": head + tail,
            "repeat": head + part * 2 + tail,
            "swap": part + head + tail,
            "insert": head + token + part + tail,
            "replace": head + token + tail,
            "nest": head + "[" * len(part) + part[:20] + "]" * len(part) + tail,
            "huge": head + (token or "x") * min(HUGE[at > 0.5], 1_000_000 // max(1, len(token))) + tail,
            "character": head + token[:1] + text[first + 1 :],
            "number": head + str(int(1e6 * at)) + tail,
        }[kind]
    return text


_VALUES = (None, True, -1, 10**400, 1e308, float("nan"), float("inf"), "x" * 100_000, "\ud800", *TOKENS)
_leaves = st.integers(0, len(_VALUES) - 1).map(_VALUES.__getitem__)
_hostile = st.one_of(
    _leaves,
    st.integers(),
    st.floats(),
    st.lists(_leaves, max_size=3),
    st.dictionaries(st.sampled_from((*TOKENS, "width", "experiment", "layers")), _leaves, max_size=3),
    st.tuples(st.sampled_from(TOKENS), st.sampled_from((100, 20_000))).map(lambda item: [item[0]] * item[1]),
    st.integers(1, 3000).map(lambda depth: _nested(depth)),
)


def _nested(depth: int) -> Any:
    value: Any = {}
    for _ in range(depth):
        value = {"train": {"start_from": {"experiment": value, "layers": 1}}} if depth % 2 else [value]
    return value


def values(*valid: Any) -> st.SearchStrategy[Any]:
    """Valid nested values with up to three parts replaced, deleted or repeated."""
    change = st.tuples(st.lists(st.integers(0, 20), max_size=6), st.sampled_from(("set", "delete", "add")), _hostile)
    return st.builds(_changed_value, st.sampled_from([json.dumps(one) for one in valid]), st.lists(change, max_size=3))


def _changed_value(text: str, changes: list[tuple[list[int], str, Any]]) -> Any:
    root = {"": json.loads(text)}
    for path, kind, value in changes:
        holder: Any = root
        key: Any = ""
        for step in path:
            if not isinstance(holder[key], (dict, list)) or not holder[key]:
                break
            holder = holder[key]
            keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
            key = keys[step % len(keys)]
        if kind == "set":
            holder[key] = value
        elif kind == "delete" and holder is not root:
            holder.pop(key)
        elif isinstance(holder, dict):
            holder["added"] = value
        else:
            holder += [value] * 3
    return root[""]


def files(*valid: Any) -> st.SearchStrategy[bytes]:
    """JSON files: of changed values, and changed texts; in several encodings."""
    changed = values(*valid).map(_dumps) | texts(*(json.dumps(one) for one in valid))
    return st.builds(_encoded, changed, st.sampled_from(("utf-8", "utf-8", "utf-8-sig", "utf-16", "latin-1")))


def _dumps(value: Any) -> str:
    try:
        return json.dumps(value)
    except RecursionError:
        return "[" * 100_000


def _encoded(text: str, encoding: str) -> bytes:
    return text.encode(encoding, "surrogatepass" if encoding.startswith("utf") else "replace")


def contents(*valid: bytes) -> st.SearchStrategy[bytes]:
    """Binary files, changed."""
    return texts(*(one.decode("latin-1") for one in valid)).map(lambda text: text.encode("latin-1", "replace"))


class Target(NamedTuple):
    """Something that parses."""

    inputs: st.SearchStrategy[Any]
    read: Callable[[Any], object]
    refusals: tuple[type[Exception], ...] = (SpecError,)


def survives(value: Experiment | Comparison) -> None:
    """The value is the same from its link, its text and its plain values, and all that pages compute of it exists."""
    for back in (type(value).from_query(value.to_query()), type(value).from_json(value.to_json())):
        assert back == value, f"{value.to_json()} comes back as {back.to_json()}"
    assert len(repr(value)) < 20_000
    for one in value.experiments[:3] if isinstance(value, Comparison) else [value]:
        seeds = value.seeds if isinstance(value, Comparison) else (0,)
        find_limit(one, seeds)
        assert estimate_seconds(one, len(seeds)) > 0
        assert estimate_bytes(one, len(seeds)) > 0
        assert len(layer_table(one)) == one.model.depth + 2


def _link(text: str) -> dict[str, Any]:
    return link_parameters(parse_qsl(text, keep_blank_values=True))


def _page_link(text: str) -> dict[str, str]:
    return dict(parse_qsl(text, keep_blank_values=True))


def _draft(link: str) -> None:
    draft, _ = valid_part(
        {k: v for k, v in _page_link(link).items() if k.partition(".")[0] in ("data", "model", "train", "seeds")}
    )
    read_draft(draft)


def _edited(edits: Mapping[str, Any]) -> None:
    experiment, seeds = read_draft(draft_of(Experiment()) | dict(edits))
    survives(experiment)
    assert parse_seeds(seeds_text(seeds)) == seeds


def _scene(text: str) -> None:
    made, _ = scene.from_query(_page_link(text))
    assert scene.from_query(made.query())[0] == made


def _typed(typed: tuple[str, str, str]) -> None:
    knob, values, seeds = typed
    texts = split_typed(values.split(" ")[:300], knob)
    parsed(texts, knob)
    survives(comparison_of(QuestionInput("draft", Experiment(), knob, tuple(texts), seeds)))


def _play(change: tuple[str, Any, str, int]) -> None:
    name, value, kind, layer = change
    made = changed(Experiment(), {name: value})
    if isinstance(made, Experiment):
        made = changed(made, {"model.hidden": in_drawing(made, kind, layer)})
    if not isinstance(made, Experiment):
        raise SpecError(made)


def _command_line(given: tuple[str, list[str]]) -> None:
    survives(experiment_from(*given))


def _compare(given: tuple[str, str, str | None, str, list[str], str]) -> None:
    *question, baseline = given
    comparison = comparison_from(*question)
    survives(comparison)
    baseline_place(comparison, baseline)


def _settings(environment: Mapping[str, str]) -> None:
    clean = {name: text.replace("\0", "").encode("utf-8", "replace").decode() for name, text in environment.items()}
    with mock.patch.dict(os.environ, clean):
        made = load_settings()
    assert made.workers > 0


def _cookie(text: str) -> None:
    name = valid_name(text)
    assert len(name) == 24
    assert name.isascii()


@contextmanager
def targets() -> Iterator[dict[str, Target]]:
    """Every target by its name; a folder and a store exist meanwhile."""
    plain = [one.plain() for one in EXPERIMENTS]
    both = [one.plain() for one in COMPARISONS]
    asked = [
        Assignment(title="a", question="b", task=one, guess=["c", "d"]).plain()
        for one in (EXPERIMENTS[0], COMPARISONS[-1])
    ]
    links = [urlencode(one.to_query()) for one in EXPERIMENTS]
    questions = [urlencode(one.to_query()) for one in COMPARISONS]
    sets = texts("train.lr=0.1", "model.hidden=[8,4]", "depth=3", "data.terms=x1-x2", "model.hidden=8-4", "width=4")
    vary = texts(
        "depth=1,2,4", "lr=0.1,0.01", "activation=relu,tanh", "model.hidden=8,8-8", "data.noise=0,1", "width=[1,2]"
    )
    seeds = texts("10", "0,3,5", "5-8", "0-999999999", "1,2,3-5")
    points = (
        "data=moons&hidden=3-3&activation=tanh&points=5&lr=0.1&seed=3&step=2&stage=4&point=1&edits=0:0.weight:1:0.5"
    )
    usual = draft_of(Experiment())
    settings = ("NNLAB_HOME", "NNLAB_DATA_DIR", "NNLAB_DATABASE_URL", "NNLAB_WORKERS", "NNLAB_MAX_EPOCHS", "NNLAB_WARM")
    with tempfile.TemporaryDirectory() as folder:
        store, file = Store(f"sqlite:///{folder}/nnlab.db"), Path(folder, "file")
        run = store.create_run(Experiment(), (0,), "local")

        def ids(text: str) -> None:
            for find in (store.run, store.comparison, store.snapshot_epochs, store.snapshot, store.checkpoint):
                find(text)  # type: ignore[operator]
            with suppress(UnknownRun):
                store.curves(text)
            store.rename(run.id, text)

        def idx(content: bytes) -> None:
            file.write_bytes(content)
            read_idx(file)

        usage = (SpecError, click.UsageError)
        for name in ("synthetic", "digits"):
            load_dataset(name)  # imports scikit-learn
        yield {
            "links of experiments": Target(texts(*links), lambda text: survives(Experiment.from_query(_link(text)))),
            "links of comparisons": Target(
                texts(*questions), lambda text: survives(Comparison.from_query(_link(text)))
            ),
            "files of experiments": Target(files(*plain), lambda content: survives(Experiment.from_json(content))),
            "files of comparisons": Target(files(*both), lambda content: survives(Comparison.from_json(content))),
            "files of assignments": Target(
                files(*asked), lambda content: Assignment.from_json(Assignment.from_json(content).to_json())
            ),
            "what links hide": Target(texts("train.lr,code,more"), parse_hidden, ()),
            "values of experiments": Target(values(*plain), lambda value: survives(Experiment.of(value))),
            "values of comparisons": Target(values(*both), lambda value: survives(Comparison.of(value))),
            "experiments in the store": Target(files(*plain), Experiment.from_store),
            "comparisons in the store": Target(files(*both), Comparison.from_store),
            "nnlab train": Target(
                st.tuples(texts(*presets, *links, "http://host/build?data.name=xor"), st.lists(sets, max_size=2)),
                _command_line,
                usage,
            ),
            "nnlab compare": Target(
                st.tuples(
                    st.sampled_from((*classics, "binary", *questions[:2])) | texts(*questions),
                    vary,
                    st.none() | vary,
                    seeds,
                    st.lists(sets, max_size=1),
                    texts("depth=1", "depth=2,activation=relu", "lr=0.1"),
                ),
                _compare,
                usage,
            ),
            "seeds": Target(seeds, lambda text: parse_seeds(seeds_text(parse_seeds(text)))),
            "number fields": Target(
                st.tuples(texts("0.03", "0,03", "−2", "1e3", "1.000,5", " 5 "), st.booleans()),
                lambda given: read_number(given[0], "train.lr", whole=given[1]),
            ),
            "Build's links": Target(texts(*links, *(f"{one}&seeds=3" for one in links)), _draft),
            "Build's fields": Target(
                st.dictionaries(st.sampled_from(FIELDS), _hostile | values(usual["model.hidden"]), max_size=3),
                _edited,
            ),
            "Play's controls": Target(
                st.tuples(
                    st.sampled_from((*FIELDS, "depth", "width", "nothing")),
                    _hostile,
                    st.sampled_from(("unit+", "unit-", "layer+", "layer-", "x")),
                    st.integers(-3, 9),
                ),
                _play,
            ),
            "Backpropagation's links": Target(texts(points, "data=xor", "data=celsius&step=3"), _scene),
            "Compare's fields": Target(
                st.tuples(st.sampled_from(tuple(KNOBS)), texts("1 2 4", "0,01; 0,1", "relu tanh", "8-8 4"), seeds),
                _typed,
            ),
            "names of data sets": Target(texts(*DATASETS.keys() - {"mnist"}, "binary"), load_dataset),
            "ids": Target(texts(run.id), ids, ()),
            "cookies": Target(texts("v-" + "a" * 22), _cookie, ()),
            "settings": Target(
                st.dictionaries(st.sampled_from(settings), texts("/tmp/x", "4", "~/x", "postgresql://u:p@h/d", "1")),
                _settings,
                (SettingsError,),
            ),
            "checkpoints": Target(
                contents(_checkpoint()), lambda content: unpack(content, Experiment(), (0,)), (ValueError,)
            ),
            "files of MNIST": Target(contents(b"\0\0\x08\x02\0\0\0\x02\0\0\0\x03abcdef"), idx, (IdxError,)),
        }
        store.close()


def _checkpoint() -> bytes:
    from nnlab.training.api import train

    training = train(Experiment().set({"data.n_samples": 20, "train.epochs": 1, "train.engine": "numpy"}), 1)
    next(training)
    return training.checkpoint()


@dataclass
class Outcome:
    """What a target made of its inputs."""

    counts: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    megabytes: float = 0.0
    faults: dict[str, Any] = field(default_factory=dict)  # an input of each kind


def run(target: Target, count: int, seed: int) -> Outcome:
    """Give a target so many inputs; the same ones for the same seed."""
    outcome = Outcome()
    options = hypothesis.settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )

    warnings.simplefilter("ignore", hypothesis.errors.HypothesisWarning)  # of large inputs

    @hypothesis.seed(seed)
    @options
    @hypothesis.given(target.inputs)
    def try_all(given: Any) -> None:
        began, memory = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        try:
            target.read(given)
            kind = "accepted"
        except target.refusals as error:
            kind = "refused"
            if fault := _bad_sentence(error):
                outcome.faults.setdefault(fault, given)
        except Exception as error:
            kind = "unhandled"
            outcome.faults.setdefault(f"{type(error).__name__}: {str(error)[:200]}", given)
        seconds = time.process_time() - began
        megabytes = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory) / 1024
        outcome.counts[kind] += 1
        outcome.seconds, outcome.megabytes = max(outcome.seconds, seconds), max(outcome.megabytes, megabytes)
        if seconds > SECONDS or megabytes > MEGABYTES:
            outcome.faults.setdefault(f"took {seconds:.1f} s and {megabytes:.0f} MB", given)

    try_all()
    return outcome


def _bad_sentence(error: Exception) -> str:
    """What is wrong with a refusal: it names the field, the value and what is allowed, in one short printable line."""
    text = error.format_message() if isinstance(error, click.ClickException) else str(error)
    if len(text) > LONGEST:
        return f"a sentence of {len(text)} characters"
    if not text.isprintable():
        return f"a sentence that cannot be printed: {text[:200]!r}"
    says = ("allowed", ", but ", "missing") if isinstance(error, (SpecError, SettingsError)) else ("",)
    return "" if any(part in text for part in says) else f"a sentence that says nothing: {text[:200]}"


@click.command()
@click.option("--count", default=100_000, show_default=True, help="Inputs, of all targets together.")
@click.option("--seed", default=0, show_default=True, help="Another seed, other inputs.")
@click.option("--only", default="", help="Targets whose names contain this.")
def main(count: int, seed: int, only: str) -> None:
    """Run every target and print what became of its inputs."""
    total: Counter[str] = Counter()
    bad = False
    print(f"{'target':26} {'accepted':>9} {'refused':>9} {'unhandled':>9} {'dearest':>9}")
    with targets() as every:
        chosen = {name: target for name, target in every.items() if only in name}
        for name, target in chosen.items():
            outcome = run(target, -(-count // len(chosen)), seed)
            total += outcome.counts
            numbers = " ".join(f"{outcome.counts[kind]:9,}" for kind in ("accepted", "refused", "unhandled"))
            print(f"{name:26} {numbers} {outcome.seconds:7.2f} s +{outcome.megabytes:.0f} MB", flush=True)
            for fault, given in outcome.faults.items():
                print(f"    {fault}\n        {_SHORT.repr(given)}")
            bad |= bool(outcome.faults)
    print(f"{'all':26} " + " ".join(f"{total[kind]:9,}" for kind in ("accepted", "refused", "unhandled")))
    sys.exit(bad)


if __name__ == "__main__":
    main()
