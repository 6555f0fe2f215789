"""The command line: what it prints, where, and its exit codes."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from contextlib import suppress
from itertools import count
from urllib.parse import urlencode

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load

from nnlab import Comparison, Experiment, compare, presets, train
from nnlab.catalogue.classics import classics
from nnlab.cli import commands, output, sources
from nnlab.cli.output import progress_bar
from nnlab.cli.sources import experiment_from
from nnlab.datasets import load_dataset, mnist
from nnlab.engines import choice
from nnlab.engines.compiled_cache import Function, Preparation, folder
from nnlab.lab import Lab, close_labs, open_lab
from nnlab.settings import settings
from nnlab.spec.errors import SpecError

SHORT = ("--set", "train.epochs=2")


@pytest.fixture
def nnlab(capfdbinary):
    """Runs a command: (exit code, standard output, standard error)."""

    def run(*arguments):
        code = commands.run_command(arguments)
        out, err = capfdbinary.readouterr()
        return code, out.decode(), err.decode()

    yield run
    close_labs()


def test_presets_are_printed_as_json_that_makes_them_again(nnlab):
    code, out, _ = nnlab("presets")
    assert code == 0
    shown = json.loads(out)
    assert {name: Experiment.of(one["experiment"]) for name, one in shown.items()} == dict(presets)
    assert shown["binary"]["parameters"] == 49


@pytest.fixture
def preparation(monkeypatch, tmp_path):
    """Call it with a function that stands for compiling the engine."""
    return lambda do: monkeypatch.setattr(
        choice, "_PREPARATION", Preparation(lambda: [Function("forward", do), Function("backward", do)], tmp_path)
    )


def test_warm_compiles_the_engine_and_prints_where_its_code_is(nnlab, preparation):
    compiled = []
    preparation(lambda: compiled.append(1))
    code, out, err = nnlab("warm")
    assert (code, compiled) == (0, [1, 1])
    assert json.loads(out) == {"compiled": str(folder())}
    assert "compiled engine" in err


def test_warm_says_in_a_sentence_that_the_engine_cannot_be_compiled(nnlab, preparation):
    preparation(lambda: 1 / 0)
    code, out, err = nnlab("warm")
    assert (code, out) == (1, "")
    last = err.splitlines()[-1]
    assert last.startswith("The compiled engine cannot be used: ZeroDivisionError: division by zero.")
    assert "NumPy engine" in last


def test_rates_prints_the_test_and_what_it_suggests(nnlab):
    code, out, _ = nnlab("rates", "celsius", "--seeds", "2", "--set", "train.optimizer=sgd")
    assert code == 0
    shown = json.loads(out)
    assert shown["seeds"] == [0, 1]
    assert 1e-6 < shown["suggested"] < 1e-3
    lines = [shown[name] for name in ("rates", "loss_low", "loss", "loss_high")]
    assert len({len(line) for line in lines}) == 1
    assert all(low <= mean <= high for _, low, mean, high in zip(*lines, strict=True))


def test_rates_says_null_where_nothing_is_learned(nnlab):
    _, out, _ = nnlab("rates", "activations", "--set", "init=zeros", "--seeds", "1")
    assert json.loads(out)["suggested"] is None


def test_train_prints_one_json_object_with_lists_over_the_seeds(nnlab):
    code, out, err = nnlab("train", "binary", "--seeds", "0,3,5", *SHORT)
    assert code == 0
    shown = json.loads(out)
    assert list(shown) == [
        "run",
        "experiment",
        "engine",
        "seeds",
        "epochs",
        "seconds",
        "parameters",
        "best_epoch",
        "train",
        "validation",
        "test",
    ]
    experiment = presets["binary"].set({"train.epochs": 2})
    assert Experiment.of(shown["experiment"]) == experiment
    assert (shown["engine"], shown["seeds"], shown["epochs"], shown["parameters"]) == ("torch", [0, 3, 5], 2, 49)
    result = train(experiment, [0, 3, 5]).result()
    for part in ("train", "validation", "test"):
        assert set(shown[part]) == {"loss", "accuracy"}
        for name, values in result.evaluate(part).items():
            assert shown[part][name] == pytest.approx(values.tolist(), rel=1e-5)
    assert "epoch 2 of 2" in err


def test_train_prints_the_engine_that_trained(nnlab, monkeypatch):
    monkeypatch.setattr("nnlab.engines.choice._numba_installed", lambda: False)
    _, out, err = nnlab("train", "activations", *SHORT)
    shown = json.loads(out)
    assert (shown["engine"], shown["experiment"]["train"]["engine"]) == ("numpy", "auto")
    assert "The NumPy engine trained this run: the compiled one needs Numba, which does not work here." in err
    _, out, err = nnlab("train", "activations", "--set", "engine=numpy", *SHORT)
    assert json.loads(out)["engine"] == "numpy"
    assert "Numba" not in err


def test_folds_are_printed_as_lists_over_seeds_and_folds(nnlab, tmp_path):
    code, out, _ = nnlab("train", "binary", "--seeds", "2", "--set", "data.folds=5", *SHORT)
    assert code == 0
    shown = json.loads(out)
    assert (shown["seeds"], shown["folds"]) == ([0, 1], 5)
    result = train(presets["binary"].set({"train.epochs": 2, "data.folds": 5}), 2).result()
    for part in ("train", "validation", "test"):
        for name, values in result.evaluate(part).items():
            assert len(shown[part][name]) == 10
            assert shown[part][name] == pytest.approx(values.tolist(), rel=1e-5)

    file = tmp_path / "weights.safetensors"
    export = ("export", shown["run"], "--as", "safetensors", "--out", str(file), "--seed", "1")
    assert nnlab(*export, "--fold", "3")[0] == 0
    assert load(file.read_bytes())["0.weight"] == pytest.approx(result.weights(1, 3)["0.weight"].T, abs=1e-6)
    code, _, err = nnlab(*export, "--fold", "5")
    assert (code, err.strip()) == (2, "--fold: got 5, allowed is from 0 to 4.")


def test_a_part_that_is_empty_is_null(nnlab):
    shown = json.loads(nnlab("train", "celsius", *SHORT)[1])
    assert shown["validation"] is None
    assert shown["test"] is None
    assert set(shown["train"]) == {"loss", "mse", "mae", "r2"}


def test_the_same_training_again_is_answered_from_the_store(nnlab):
    first = json.loads(nnlab("train", "binary", *SHORT)[1])
    code, out, err = nnlab("train", "binary", *SHORT)
    assert (code, json.loads(out)) == (0, first)
    assert first["run"] in err
    assert "in the store" in err
    assert json.loads(nnlab("train", "binary", "--seeds", "2", *SHORT)[1])["run"] != first["run"]
    assert json.loads(nnlab("train", "binary", "--again", *SHORT)[1])["run"] != first["run"]
    assert len(json.loads(nnlab("runs")[1])) == 3


def test_what_is_no_number_is_null(nnlab):
    code, out, _ = nnlab(
        "train", "celsius", "--set", "train.optimizer=sgd", "--set", "train.lr=100", *SHORT[:1], "train.epochs=30"
    )
    assert code == 0
    assert json.loads(out)["train"]["loss"] == [None]


def test_an_experiment_comes_from_a_file_a_link_or_a_query(nnlab, tmp_path):
    experiment = presets["activations"].set({"train.epochs": 1, "data.n_samples": 50, "model.hidden": [5, 3]})
    file = tmp_path / "mine.json"
    file.write_text(experiment.to_json())
    query = "&".join(f"{name}={value}" for name, value in experiment.to_query().items())
    shown = [
        json.loads(nnlab("train", source)[1])["experiment"]
        for source in (str(file), query, "?" + query, f"http://localhost:8501/build?lang=es&{query}")
    ]
    assert [Experiment.of(one) for one in shown] == [experiment] * 4


def test_set_takes_json_text_and_knobs():
    got = experiment_from("mnist", ["model.hidden=[64,32]", "model.activation=tanh", "train.lr=0.5", "l2=0.1"])
    assert got == presets["mnist"].set(
        {"model.hidden": [64, 32], "model.activation": "tanh", "train.lr": 0.5, "train.l2": 0.1}
    )
    assert experiment_from("binary", ["depth=3"]).model.widths == (8, 8, 8)


def test_set_takes_lists_as_links_write_them():
    got = experiment_from("data.name=moons", ["model.hidden=64-32", "data.terms=x1-x2_squared"])
    assert (got.model.widths, got.data.terms) == ((64, 32), ("x1", "x2_squared"))
    assert experiment_from("mnist", ["model.hidden=0", "data.labels=3-8"]).data.labels == (3, 8)


def test_compare_prints_the_table_as_csv(nnlab):
    code, out, err = nnlab("compare", "binary", "--vary", "depth=1,2", "--seeds", "2", *SHORT)
    assert code == 0
    table = pd.read_csv(io.StringIO(out))
    result = compare(Comparison(presets["binary"].set({"train.epochs": 2}), vary="depth", values=[1, 2], seeds=2))
    want = result.table
    assert list(table.columns) == list(want.columns)
    same = [name for name in want.columns if not name.startswith(("seconds_per_epoch", "test_"))]
    pd.testing.assert_frame_equal(table[same].fillna({"reason": ""}), want[same], check_dtype=False)
    finding, basis = err.strip().splitlines()[-2:]
    assert finding == str(result.finding)
    assert "with a 95 % interval for" in basis


def test_compare_keeps_the_test_set_closed_until_it_is_asked_for(nnlab, tmp_path):
    asked = ("compare", "binary", "--vary", "depth=1,2", "--seeds", "2", *SHORT)
    file = tmp_path / "table.json"
    closed = pd.read_csv(io.StringIO(nnlab(*asked, "--json", str(file))[1]))
    assert closed.filter(like="test_").isna().all(axis=None)
    assert {row["test_accuracy"] for row in json.loads(file.read_text())["table"]} == {None}
    opened = pd.read_csv(io.StringIO(nnlab(*asked, "--open-test")[1]))
    assert opened["test_accuracy"].notna().all()


def test_a_margin_decides_which_differences_are_without_importance(nnlab):
    asked = ("compare", "binary", "--vary", "depth=1,2", "--seeds", "2", *SHORT)
    assert "differs by less than 99.5 points from" in nnlab(*asked, "--margin", "99.5")[2]
    assert nnlab(*asked, "--margin", "0")[0] == 2


def test_compare_writes_files_also_for_a_spanish_excel(nnlab, tmp_path):
    table, epochs = tmp_path / "depths.csv", tmp_path / "epochs.csv"
    arguments = ("compare", "activations", "--vary", "activation=relu,tanh", "--seeds", "2", *SHORT)
    code, out, _ = nnlab(*arguments, "--csv", str(table), "--epochs-csv", str(epochs), "--spanish")
    assert (code, out) == (0, "")
    assert pd.read_csv(table, sep=";", decimal=",")["activation"].tolist() == ["relu", "tanh"]
    read = pd.read_csv(epochs, sep=";", decimal=",")
    assert len(read) == 2 * 2 * 2
    assert read["train_loss"].dtype == float


def test_a_comparison_written_as_json_runs_again_to_the_same_numbers(nnlab, tmp_path):
    file, report = tmp_path / "depths.json", tmp_path / "depths.md"
    asked = ("--vary", "depth=1,2", "--by", "activation=relu,tanh", "--seeds", "2")
    code, first, _ = nnlab("compare", "binary", *asked, *SHORT, "--json", str(file), "--markdown", str(report))
    assert code == 0
    assert report.read_text().startswith("| depth | activation | parameters |")
    assert len(json.loads(file.read_text())["table"]) == 4
    code, again, _ = nnlab("compare", str(file))
    assert code == 0
    one, other = (pd.read_csv(io.StringIO(text)).drop(columns="seconds_per_epoch") for text in (first, again))
    pd.testing.assert_frame_equal(one, other)
    link = "http://localhost/compare?" + urlencode(Comparison.from_json(file.read_bytes()).to_query())
    code, linked, _ = nnlab("compare", link, "--seeds", "1", "--vary", "depth=3")
    assert code == 0
    table = pd.read_csv(io.StringIO(linked))
    assert table[["depth", "activation", "seeds"]].to_numpy().tolist() == [[3, "relu", 1], [3, "tanh", 1]]


def test_a_baseline_is_compared_with_instead_of_the_best(nnlab):
    asked = ("compare", "binary", "--vary", "depth=1,2,3", "--seeds", "2", *SHORT)
    code, out, _ = nnlab(*asked, "--baseline", "depth=2")
    assert code == 0
    assert pd.read_csv(io.StringIO(out))["difference"].isna().tolist() == [False, True, False]
    for wrong, sentence in (
        ("depth=9", "baseline: got depth 9, allowed is a cell"),
        ("lr=1", "allowed is a value for"),
    ):
        code, _, err = nnlab(*asked, "--baseline", wrong)
        assert code == 2
        assert sentence in err


def test_a_run_is_exported_in_every_form(nnlab, tmp_path):
    run = json.loads(nnlab("train", "binary", "--seeds", "4,6", *SHORT)[1])["run"]
    code, out, _ = nnlab("export", run, "--as", "csv")
    assert code == 0
    metrics = pd.read_csv(io.StringIO(out))
    assert metrics[["epoch", "seed"]].to_numpy().tolist() == [[1, 4], [1, 6], [2, 4], [2, 6]]
    want = train(presets["binary"].set({"train.epochs": 2}), [4, 6]).result()
    assert metrics["best_epoch"].tolist() == want.best_epoch.tolist() * 2
    assert metrics["validation_loss"].to_numpy() == pytest.approx(want.metrics["validation_loss"].to_numpy(), rel=1e-5)

    code, out, _ = nnlab("export", run, "--as", "script")
    assert code == 0
    assert "SEEDS = [4, 6]" in out
    assert json.loads(nnlab("export", run, "--as", "notebook")[1])["nbformat"] == 4

    for seed, place in (("4", 0), ("6", 1)):
        file = tmp_path / f"{seed}.safetensors"
        assert nnlab("export", run, "--as", "safetensors", "--out", str(file), "--seed", seed)[0] == 0
        tensors = load(file.read_bytes())
        assert tensors["0.weight"] == pytest.approx(want.stacked["0.weight"][place].T, abs=1e-6)


def test_data_that_is_there_is_not_fetched_again(nnlab, mnist_dir):
    code, out, _ = nnlab("data", "fetch", "mnist")
    assert code == 0
    assert json.loads(out) == {"mnist": str(mnist_dir / "mnist")}


def test_stored_data_reach_a_home_without_them(nnlab, mnist_dir, tmp_path, monkeypatch):
    code, out, _ = nnlab("data", "store", "mnist")
    assert (code, json.loads(out)) == (0, {"mnist": {"files": 4, "megabytes": 11.6}})
    monkeypatch.setenv("NNLAB_DATA_DIR", str(tmp_path / "other machine"))
    settings.cache_clear()
    assert open_lab()
    assert mnist.available()
    assert len(load_dataset("mnist").test) == 10_000


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["train", "bogus"], "EXPERIMENT: got 'bogus', allowed is a preset (binary,"),
        (["train", "binary", "--set", "train.lr=abc"], "train.lr: got 'abc', allowed is a number."),
        (["train", "binary", "--set", "train.lr=1e9"], "train.lr: got 1000000000.0, allowed is from 1e-07 to 100."),
        (["train", "binary", "--set", "train.lr"], "--set: got 'train.lr', allowed is a name and a value"),
        (["train", "binary", "--set", "no.such=1"], "no.such: there is no such field; allowed is one of data.name,"),
        (["train", "celsius", "--set", "data.folds=5"], "data.folds: got 5, but this data has too few samples"),
        (["train", "binary", "--seeds", "x"], "seeds: got 'x', allowed is a number of seeds"),
        (["train", "binary", "--seeds", "0"], "seeds: got 0, allowed is from 1 to 1000."),
        (["train", "http://localhost:8501/?lang=es"], "EXPERIMENT: this link carries no experiment"),
        (["train", "data.name=nothing"], "data.name: got 'nothing', allowed is one of synthetic,"),
        (["train", "data.name=xor&model.hiden=8"], "EXPERIMENT: not understood in the link: model.hiden; allowed"),
        (["train", "data.name=xor&Seeds=3"], "EXPERIMENT: not understood in the link: Seeds; allowed are names as"),
        (["train", "data.name=xor&data.name=moons"], 'data.name: got ["xor", "moons"], but a link may give a field'),
        (["train", "https://[/?data.name=xor"], "EXPERIMENT: got 'https://[/?data.name=xor', which is no link"),
        (["train", "binary", "--set", "train.lr=1", "--set", "train.lr=2"], "--set: got train.lr twice, allowed is"),
        (["train", "."], "EXPERIMENT: the file . cannot be read: Is a directory."),
        (["train", "a\0b"], "EXPERIMENT: got 'a\N{REPLACEMENT CHARACTER}b', allowed is a preset"),
        (["train"], "Missing argument 'EXPERIMENT'."),
        (["compare", "binary"], "--vary: it is missing"),
        (["compare", "binary", "--vary", "depth=1", "--by", "depth=2"], "by: got 'depth', but the other setting sets"),
        (["compare", "binary", "--vary", "depth"], "--vary: got 'depth', allowed is a name and a value"),
        (["compare", "binary", "--vary", "depth=1,x"], "depth: got 'x', allowed is a whole number."),
        (["compare", "binary", "--vary", "size=1"], "vary: got 'size', allowed is one of depth,"),
        (["compare", "binary", "--vary", "depth=1", "--csv", "/no/such/folder/a.csv"], "there is no folder"),
        (["compare", "binary", "--vary", "depth=1", "--baseline", "depth=1,depth=2"], "--baseline: got depth twice"),
        (["resume", "nothing"], "RUN: got 'nothing', allowed is the id of a run in the store"),
        (["export", "nothing", "--as", "csv"], "RUN: got 'nothing', allowed is the id of a run"),
        (["export", "nothing", "--as", "pdf"], "'pdf' is not one of 'script', 'notebook', 'safetensors', 'csv'"),
        (["data", "fetch", "cifar"], "'cifar' is not"),
        (["--bogus"], "No such option"),
        (["bogus"], "No such command 'bogus'."),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(nnlab, arguments, sentence):
    code, out, err = nnlab(*arguments)
    assert code == 2
    assert out == ""
    assert sentence in err
    assert len(err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "content",
    [
        *(b"{", b"\xff\xfe", b"[]", b"\0", b'{"data": {"noise": "loud"}}', b'{"dta": 1}', b"[" * 100_000),
        *(b'{"data": {"noise": NaN}}', b'{"data": {"noise": 1e400}}', b"1" * 10_000, b'{"model": {"hidden": 1e99}}'),
        b'{"data": {"noise": 0.1, "noise": 0.3}}',
        '{"model": {"hidden": "\ud800"}}'.encode("utf-8", "surrogatepass"),
    ],
)
def test_a_file_that_is_no_experiment_names_what_is_wrong(nnlab, tmp_path, content):
    file = tmp_path / "bad.json"
    file.write_bytes(content)
    with pytest.raises(SpecError) as error:
        Experiment.from_json(content)
    code, _, err = nnlab("train", str(file))
    assert (code, err.strip()) == (2, str(error.value))
    assert nnlab("compare", str(file), "--vary", "depth=1")[0] == 2


def test_a_file_may_begin_with_a_mark_of_its_encoding(tmp_path):
    file, text = tmp_path / "experiment.json", presets["binary"].to_json()
    for encoding in ("utf-8-sig", "utf-16", "utf-32"):
        file.write_bytes(text.encode(encoding))
        assert experiment_from(str(file), ()) == presets["binary"]


def test_a_file_that_is_too_large_is_not_read(nnlab, tmp_path, monkeypatch):
    file = tmp_path / "large.json"
    file.write_bytes(b" " * 2000)
    monkeypatch.setattr(sources, "MOST_TEXT", 1000)
    assert nnlab("train", str(file)) == (2, "", f"EXPERIMENT: the file {file} is too large, allowed are 1,000 bytes.\n")


def test_a_file_is_a_file_even_if_its_name_could_be_a_link(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("data.name=xor", "lr=0.1.json", "a?b=c"):
        (tmp_path / name).write_text(presets["activations"].to_json())
        assert experiment_from(name, ()) == presets["activations"]


def test_a_link_out_of_the_source_of_a_page_is_read_as_it_was_meant(nnlab):
    link = "http://localhost:8501/build?data.name=xor&amp;model.hidden=8-8&amp;amp;train.lr=0.5&amp;lang=es"
    wanted = Experiment().set({"data.name": "xor", "model.hidden": [8, 8], "train.lr": 0.5, "data.noise": 0.1})
    assert experiment_from(link, ()) == wanted


def test_the_seeds_of_a_link_are_trained_and_what_is_not_used_of_it_is_said(nnlab):
    link = "data.name=celsius&train.epochs=1&seeds=4-5&vary=depth&values=1,2"
    code, out, err = nnlab("train", link)
    assert (code, json.loads(out)["seeds"]) == (0, [4, 5])
    assert "Not used of the link: vary, values." in err


def test_more_than_the_settings_allow_is_bad_input(nnlab, monkeypatch):
    monkeypatch.setenv("NNLAB_MAX_EPOCHS", "1")
    settings.cache_clear()
    for command in (["train", "binary"], ["rates", "binary"], ["compare", "binary", "--vary", "depth=1"]):
        code, out, err = nnlab(*command, *SHORT)
        assert (code, out) == (2, "")
        assert err.startswith("train.epochs: got 2, allowed is from 1 to 1.")


def stop_after(epoch, monkeypatch):
    """Ctrl-C at the end of this epoch."""
    plain = Lab.train_here

    def train_here(self, *args, progress, **options):
        def on_epoch(event):
            progress(event)
            if event.epoch == epoch:
                raise KeyboardInterrupt

        return plain(self, *args, progress=on_epoch, **options)

    monkeypatch.setattr(Lab, "train_here", train_here)


def test_a_run_that_ctrl_c_ended_is_resumed_to_the_same_numbers(nnlab, monkeypatch):
    whole = json.loads(nnlab("train", "binary", "--set", "train.epochs=6")[1])
    with monkeypatch.context() as patch:
        stop_after(3, patch)
        code, out, err = nnlab("train", "binary", "--set", "train.epochs=6", "--again")
    assert (code, out) == (130, "")
    command = re.search(r"To train on: nnlab (resume \S+)", err)[1].split()
    code, out, err = nnlab(*command)
    assert code == 0
    resumed = json.loads(out)
    assert resumed["run"] == command[1]
    assert {**resumed, "run": "", "seconds": 0} == {**whole, "run": "", "seconds": 0}
    assert "epoch 6 of 6" in err

    code, out, err = nnlab(*command)
    assert (code, json.loads(out)) == (0, resumed)
    assert "is finished" in err


def test_a_waiting_run_is_trained_and_one_that_is_being_trained_is_left_alone(nnlab):
    experiment = presets["binary"].set({"train.epochs": 2})
    store = open_lab().store
    waiting = store.create_run(experiment, (0,), "v-someone")
    assert json.loads(nnlab("resume", waiting.id)[1])["epochs"] == 2
    running, _ = store.create_claimed(experiment, (0,), "v-someone", "")
    sentence = f"run: got '{running.id}', but it is being trained already.\n"
    assert nnlab("resume", running.id) == (2, "", f"epoch 0 of 2\n{sentence}")


def test_ctrl_c_in_a_comparison_says_that_nothing_is_kept(nnlab, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("nnlab.comparison.api.compare", interrupted)
    code, out, err = nnlab("compare", "binary", "--vary", "depth=1")
    assert (code, out) == (130, "")
    assert err.splitlines()[-1] == "Stopped. The cells trained so far are lost: this command keeps none."


@pytest.mark.parametrize("encoding", ["cp1252", "cp850", "ascii"])
def test_a_terminal_without_a_character_gets_the_rest(monkeypatch, encoding):
    open_lab().store.create_run(presets["binary"], (0,), "local", "日本 ≥ ü")
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding) for _ in range(2))
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    assert commands.run_command(["runs"]) == 0
    assert json.loads(out.buffer.getvalue().decode(encoding))[0]["name"] == "日本 ≥ ü"
    assert commands.run_command(["train", "≥"]) == 2
    assert commands.run_command(["train", "--help"]) == 0


@pytest.fixture
def unread():
    """A stream whose reader has gone, as of `| head`."""
    reader, writer = os.pipe()
    os.close(reader)
    stream = open(writer, "w", buffering=1)  # noqa: SIM115
    yield stream
    with suppress(BrokenPipeError):
        stream.close()


def test_nobody_has_to_read_to_the_end(monkeypatch, unread):
    monkeypatch.setattr(sys, "stdout", unread)
    assert commands.run_command(["presets"]) == 0
    monkeypatch.setattr(sys, "stdout", None)
    assert commands.run_command(["presets"]) == 0


def test_a_training_goes_on_when_nobody_reads_its_progress(monkeypatch, unread, capfd):
    monkeypatch.setattr(sys, "stderr", unread)
    monkeypatch.setattr(output.time, "monotonic", count(step=10).__next__)
    assert commands.run_command(["train", "celsius", *SHORT]) == 0
    assert json.loads(capfd.readouterr().out)["epochs"] == 2


def test_a_full_disk_behind_the_output_is_one_sentence(monkeypatch, capfd):
    with open("/dev/full", "w", buffering=1) as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert commands.run_command(["presets"]) == 1
    assert capfd.readouterr().err == "The output: No space left on device.\n"


def test_a_seed_that_was_not_trained_is_named(nnlab):
    run = json.loads(nnlab("train", "binary", *SHORT)[1])["run"]
    code, _, err = nnlab("export", run, "--as", "safetensors", "--seed", "9")
    assert (code, err.strip()) == (2, "--seed: got 9, allowed is one of 0.")


def test_a_run_in_the_store_of_the_dashboard_is_the_one_the_command_made(nnlab):
    shown = json.loads(nnlab("train", "binary", "--name", "mine", *SHORT)[1])
    run = open_lab().run(shown["run"])
    assert (run.name, run.owner, run.state, run.epoch) == ("mine", "local", "finished", 2)
    assert np.isfinite(open_lab().metrics(run.id)["train_loss"]).all()


def test_a_store_that_cannot_be_opened_is_one_sentence(nnlab, tmp_path, monkeypatch):
    monkeypatch.setenv("NNLAB_DATABASE_URL", f"sqlite:///{tmp_path}")  # a folder
    settings.cache_clear()
    code, _, err = nnlab("runs")
    assert code == 1
    assert err.startswith(f"The store {tmp_path} cannot be reached: ")
    assert len(err.strip().splitlines()) == 1


def test_a_home_that_is_a_file_is_one_sentence(nnlab, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("NNLAB_HOME", str(tmp_path / "file"))
    settings.cache_clear()
    code, _, err = nnlab("runs")
    assert code == 1
    assert str(tmp_path / "file") in err
    assert len(err.strip().splitlines()) == 1


class _Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_is_a_bar_on_a_terminal(monkeypatch):
    terminal = _Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress_bar("epoch 0 of 4") as show:
        monkeypatch.setattr(output.time, "monotonic", lambda: 1e9)
        show("epoch 1 of 4", 0.25)
        show("too soon to be shown", 0.3)
        show("epoch 4 of 4", 1.0)
    shown = terminal.getvalue()
    assert re.findall(r"epoch . of 4|\d+%|too soon", shown) == [
        *("epoch 0 of 4", "0%"),
        *("epoch 1 of 4", "25%"),
        *("epoch 4 of 4", "100%"),
    ]
    assert shown.count("\n") == 1


def test_progress_elsewhere_is_a_line_now_and_then(monkeypatch, capsys):
    with progress_bar("epoch 0 of 4") as show:
        show("too soon to be shown", 0.25)
        show("epoch 4 of 4", 1.0)
    assert capsys.readouterr().err == "epoch 0 of 4\nepoch 4 of 4\n"


def test_the_module_runs_and_says_its_version():
    done = subprocess.run([sys.executable, "-m", "nnlab", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("nnlab, version ")


def test_help_names_every_command(nnlab):
    _, out, _ = nnlab("--help")
    assert all(f"\n  {name} " in out for name in ("presets", "data", "train", "compare", "export", "runs"))


def test_the_help_of_every_command_has_an_example(nnlab):
    for command in ("presets", "data", "data fetch", "train", "resume", "rates", "compare", "export", "runs"):
        _, out, _ = nnlab(*command.split(), "--help")
        assert f"Example:\n    $ nnlab {command}" in out


def test_classics_are_listed_without_their_outcomes_and_run_by_name(nnlab):
    code, out, _ = nnlab("presets", "--compare")
    assert code == 0
    shown = json.loads(out)
    assert {name: Comparison.of(one["comparison"]) for name, one in shown.items()} == {
        name: one.comparison for name, one in classics.items()
    }
    assert not any(one.outcome in out for one in classics.values())

    code, out, err = nnlab("compare", "overfitting", "--seeds", "1")
    assert code == 0
    assert list(pd.read_csv(io.StringIO(out))["depth"]) == list(classics["overfitting"].comparison.values)
    assert classics["overfitting"].outcome in err


def test_a_classic_that_was_changed_is_told_nothing_of(nnlab):
    _, _, err = nnlab("compare", "overfitting", "--seeds", "1", "--set", "train.epochs=2")
    assert "usually seen" not in err
