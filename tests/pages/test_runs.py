"""Runs: the list, its filter, deleting with undo, and what the command line trained."""

import numpy as np
import pytest
from page_app import LANGUAGES, OWNER, open_page

from nnlab import presets
from nnlab.ui.runs.run_table import matching, states_of
from nnlab.ui.shared.run_row import score_text, score_value
from nnlab.ui.shell.text import text

QUICK = presets["activations"].set({"train.epochs": 2, "data.n_samples": 60})


def open_runs(language="en", owner=OWNER, **query):
    return open_page("runs", language, owner, query)


@pytest.mark.parametrize("language", LANGUAGES)
def test_runs_are_listed_newest_first_with_data_network_state_and_score(lab, language):
    lab.train_here(QUICK.set({"data.folds": 2}), 3, owner=OWNER, name="first")
    lab.submit(presets["celsius"], 1, owner=OWNER, name="second")
    t = text(language)
    table = open_runs(language).dataframe[0].value
    assert list(table[t("Name")]) == ["second", "first"]
    assert list(table[t("Data")]) == [t("Celsius to Fahrenheit"), t("Moons")]
    assert t("waiting") in table[t("State")].iloc[0]
    assert t("finished") in table[t("State")].iloc[1]
    assert 0 <= table[t("Score")].iloc[1] <= 1
    assert f"{t.many('{n} seed', '{n} seeds', 3)} × {t('{n} folds', n=2)}" in table[t("Network")].iloc[1]


@pytest.mark.parametrize("language", LANGUAGES)
def test_scores_in_the_list_are_never_of_the_test_set(lab, language):
    whole = lab.train_here(QUICK, 2, owner=OWNER)
    without = lab.train_here(QUICK.set({"data.validation": 0.0}), 2, owner=OWNER)
    for run, part, word in ((whole, "validation", ""), (without, "train", f" ({text(language)('training')})")):
        accuracy = run.results[part]["accuracy"]
        assert np.mean(run.results["test"]["accuracy"]) != np.mean(accuracy)
        assert score_value(run) == np.mean(accuracy)
        shown = score_text(run, text(language))
        assert shown.startswith(text(language).number(100 * np.mean(accuracy), 3))
        assert shown.endswith(f" %{word}")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_visitor_without_runs_is_led_to_build(lab, language):
    lab.train_here(QUICK, 1, owner="v-" + "x" * 22)
    app, t = open_runs(language), text(language)
    assert not app.dataframe
    assert t("Build a network") in {link.proto.label for link in app.get("page_link")}


def test_runs_of_the_command_line_are_shown_when_asked_for(lab):
    lab.train_here(QUICK, 1, name="from the shell")
    app = open_runs()
    assert not app.dataframe
    app.toggle(key="filter-local").set_value(True).run()
    assert list(app.dataframe[0].value["Name"]) == ["from the shell"]
    assert app.query_params["of"] in ("local", ["local"])


def test_the_filter_looks_at_name_data_network_and_state(lab):
    lab.train_here(QUICK, 1, owner=OWNER, name="warm up")
    lab.submit(presets["celsius"], 1, owner=OWNER)
    t, runs = text("en"), lab.runs(OWNER)
    assert [run.name for run in matching(runs, "WARM", [], t)] == ["warm up"]
    assert [run.experiment.data.name for run in matching(runs, "celsius 2×3", [], t)] == ["celsius"]
    assert [run.state for run in matching(runs, "", ["waiting"], t)] == ["waiting"]
    assert matching(runs, "nothing like it", [], t) == []
    assert states_of(runs) == ["waiting", "finished"]


def test_the_filter_stands_in_the_link(lab):
    lab.train_here(QUICK, 1, owner=OWNER, name="warm up")
    lab.submit(presets["celsius"], 1, owner=OWNER)
    app = open_runs(q="warm")
    assert list(app.dataframe[0].value["Name"]) == ["warm up"]
    app.text_input(key="filter-text").set_value("cels").run()
    assert app.query_params["q"] in ("cels", ["cels"])


def test_several_hundred_runs_are_listed(lab):
    for i in range(300):
        lab.store.create_run(QUICK.set({"data.seed": i}), (0,), OWNER, name=f"run {i}")
    table = open_runs().dataframe[0].value
    assert len(table) == 300
    assert table["Name"].iloc[0] == "run 299"
