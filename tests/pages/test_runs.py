"""Runs: the list, its filter, deleting with undo, and what the command line trained."""

import numpy as np
import pytest
import sqlalchemy as sa
from page_app import LANGUAGES, OWNER, STRANGER, address, go, links, open_page, press, said

from nnlab import Comparison, presets
from nnlab.jobs.worker import work
from nnlab.lab import NotYours
from nnlab.spec import StartFrom
from nnlab.ui.runs import run_table
from nnlab.ui.runs.run_table import entry_names, matching, states_of
from nnlab.ui.shared.comparison_naming import comparison_title, knob_name, settings_summary
from nnlab.ui.shared.naming import experiment_title, value_name
from nnlab.ui.shared.run_names import distinct_titles
from nnlab.ui.shared.run_row import score_text, score_value
from nnlab.ui.shell.text import in_markdown, text

QUICK = presets["activations"].set({"train.epochs": 2, "data.n_samples": 60})
DEPTHS = Comparison(QUICK, vary="depth", values=[1, 2], seeds=2)


MOONS = {language: experiment_title(QUICK, text(language)) for language in LANGUAGES}


def open_runs(language="en", owner=OWNER, link=None, **query):
    return open_page("runs", language, owner, {**query, **(link or {})})


@pytest.mark.parametrize("language", LANGUAGES)
def test_runs_are_listed_newest_first_with_data_network_state_and_score(lab, language):
    lab.train_here(QUICK.set({"data.folds": 2}), 3, owner=OWNER, name="first")
    lab.submit(presets["celsius"], 1, owner=OWNER, name="second")
    t = text(language)
    table = open_runs(language).dataframe[0].value
    assert list(table[t("Name")]) == [
        f"second · {t('Celsius to Fahrenheit')} · 2×3 {t('linear')}",
        f"first · {MOONS[language]}",
    ]
    assert t("waiting") in table[t("State")].iloc[0]
    assert t("finished") in table[t("State")].iloc[1]
    assert 0 <= table[t("Score")].iloc[1] <= 1
    assert table[t("Seeds")].iloc[1] == f"{t.many('{n} seed', '{n} seeds', 3)} × {t('{n} folds', n=2)}"


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
    assert list(app.dataframe[0].value["Name"]) == [f"from the shell · {MOONS['en']}"]
    assert app.query_params["of"] in ("local", ["local"])


def test_the_filter_looks_at_name_data_network_and_state(lab):
    lab.train_here(QUICK, 1, owner=OWNER, name="warm up")
    lab.submit(presets["celsius"], 1, owner=OWNER)
    lab.submit_comparison(DEPTHS, OWNER)
    t, entries = text("en"), lab.recent(OWNER, 10)

    def found(words, states=()):
        return [one.id for one in matching(entries, entry_names(entries, t), words, states, t)]

    compared, waiting, finished = (one.id for one in entries)
    assert found("WARM") == [finished]
    assert found("celsius 2×3") == [waiting]
    assert found("depth 1, 2") == [compared]
    assert found("", ["waiting"]) == [compared, waiting]
    assert found("nothing like it") == []
    assert states_of(entries) == ["waiting", "finished"]


def test_the_filter_stands_in_the_link(lab):
    lab.train_here(QUICK, 1, owner=OWNER, name="warm up")
    lab.submit(presets["celsius"], 1, owner=OWNER)
    app = open_runs(q="warm")
    assert list(app.dataframe[0].value["Name"]) == [f"warm up · {MOONS['en']}"]
    app.text_input(key="filter-text").set_value("cels").run()
    assert app.query_params["q"] in ("cels", ["cels"])


def many_comparisons(lab, n):
    """As `lab.submit_comparison` stores them, of two cells each."""
    for i in range(n):
        comparison = Comparison(QUICK, vary="depth", values=[1, 2], seeds=1)
        made = lab.store.create_comparison(comparison, OWNER, f"comparison {i}")
        runs = [lab.store.create_run(one, (0,), OWNER, comparison=made) for one in comparison.experiments]
        lab.store.set_cells(made, comparison, [[(run.id, False)] for run in runs])


def test_rows_are_counted_and_turned_over_by_entry_not_by_cell(lab):
    mine = lab.store.create_run(QUICK, (0,), OWNER, name="my own run")
    many_comparisons(lab, 120)
    app = open_runs()
    assert list(app.dataframe[0].value["Name"])[::99] == ["▸ comparison 119", "▸ comparison 20"]
    assert "1 to 100 of 121" in said(app)
    app = press(app, "page-1")
    assert list(app.dataframe[0].value["Name"])[-2:] == ["▸ comparison 0", f"my own run · {MOONS['en']}"]
    assert "101 to 121 of 121" in said(app)
    assert [button.label for button in app.button if button.key.startswith("page-")] == ["Newer"]
    app.text_input(key="filter-text").set_value("own run")
    assert list(go(app).dataframe[0].value["Name"]) == [f"my own run · {MOONS['en']}"]
    assert lab.recent(OWNER, 500)[-1].id == mine.id


def test_a_page_of_many_comparisons_takes_as_many_queries_as_one_of_few(lab):
    asked = []
    sa.event.listen(lab.store._engine, "before_cursor_execute", lambda *event: asked.append(event[2]))

    def queries():
        asked.clear()
        open_runs()
        return len([one for one in asked if one.startswith("SELECT")])

    open_runs()  # what is read once a minute
    many_comparisons(lab, 2)
    few = queries()
    many_comparisons(lab, 60)
    assert queries() == few


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_comparison_is_one_row_with_its_question_cells_state_and_best_score(lab, language):
    t, title = text(language), comparison_title
    made = lab.submit_comparison(DEPTHS, OWNER)
    row = open_runs(language).dataframe[0].value.iloc[0]
    assert (row[t("Name")], row[t("State")]) == (f"▸ {title(made, t)}", f"◌ {t('waiting')} 0 / 2")
    assert np.isnan(row[t("Score")])
    work()
    lab.train_here(QUICK.vary("depth", 2), 2, owner=OWNER)
    table = open_runs(language).dataframe[0].value
    assert list(table[t("Name")])[1] == f"▸ {title(made, t)}"
    assert t("finished") + " 2 / 2" in table[t("State")].iloc[1]
    means = [np.mean(cell.results["validation"]["accuracy"]) for cell in lab.comparison(made.id).cells]
    assert table[t("Score")].iloc[1] == max(means)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_comparison_opens_to_its_runs_named_by_their_cells(lab, language):
    t, made = text(language), lab.submit_comparison(DEPTHS, OWNER)
    lab.submit(presets["celsius"], 1, OWNER)
    app = open_runs(language, link={"comparison": made.id})
    assert list(app.dataframe[0].value[t("Name")]) == [f"{knob_name('depth', t)} {n}" for n in (1, 2)]
    assert comparison_title(made, t) in {label.replace("\\", "") for label in links(app)}
    app = press(app, "all-runs")
    assert list(app.dataframe[0].value[t("Name")])[1] == f"▸ {comparison_title(made, t)}"


def test_a_link_to_a_comparison_that_is_not_there_leads_back(lab):
    app = open_runs(link={"comparison": "nothere"})
    assert "no comparison at this address" in said(app)
    assert "All runs" in links(app)


@pytest.fixture
def all_selected(monkeypatch):
    """As if every row were selected."""
    monkeypatch.setattr(run_table, "runs_table", lambda page, entries, names: list(entries))


@pytest.mark.usefixtures("all_selected")
def test_the_same_undo_brings_back_runs_and_comparisons(lab):
    other = QUICK.set({"data.seed": 4})
    mine, made = lab.train_here(other, 1, owner=OWNER, name="mine"), lab.submit_comparison(DEPTHS, OWNER)
    app = press(open_runs(), "delete")
    assert lab.recent(OWNER, 10) == []
    assert "1 run deleted, 1 comparison deleted" in said(app)
    press(app, "undo")
    assert [one.id for one in lab.recent(OWNER, 10)] == [made.id, mine.id]
    assert {run.state for run in lab.comparison(made.id).runs} == {"waiting"}


@pytest.mark.usefixtures("all_selected")
def test_nothing_of_another_visitor_can_be_deleted_or_renamed(lab):
    lab.train_here(QUICK, 1, name="from the shell")
    app = open_runs(of="local")
    assert not {"delete", "rename-menu"} & {button.key for button in app.button}
    theirs = lab.submit_comparison(DEPTHS, STRANGER)
    app = open_runs(link={"comparison": theirs.id})
    assert "delete" not in {button.key for button in app.button}
    for change in (lab.delete_comparison, lab.restore_comparison):
        with pytest.raises(NotYours):
            change(theirs.id, OWNER)


@pytest.mark.usefixtures("all_selected")
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_comparison_leads_to_its_results_and_to_its_runs(lab, language):
    made, t = lab.submit_comparison(DEPTHS, OWNER), text(language)
    app = open_runs(language)
    assert settings_summary(DEPTHS, t) in said(app)
    assert f"comparison={made.id}" in links(app)[in_markdown(comparison_title(made, t))].query_string
    app = press(app, "its-runs")
    assert address(app)["comparison"] == made.id
    assert app.button(key="open").label == t("Overlay")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ([{"train.lr": 0.01}, {"train.lr": 0.03}], ["learning rate 0.01", "learning rate 0.03"]),
        ([{"train.optimizer": "sgd"}, {"train.optimizer": "adam"}], ["optimizer SGD", "optimizer Adam"]),
        (
            [{"train.lr": 0.01}, {"train.lr": 0.03}, {"train.lr": 0.03, "train.epochs": 4}],
            ["learning rate 0.01 · epochs 2", "learning rate 0.03 · epochs 2", "learning rate 0.03 · epochs 4"],
        ),
    ],
)
def test_equal_names_are_followed_by_what_differs(lab, changes, words):
    runs = [lab.store.create_run(QUICK.set(change), (0,), OWNER) for change in changes]
    other = lab.store.create_run(presets["celsius"], (0,), OWNER)
    titles = distinct_titles([*runs, other], text("en"))
    assert [titles[run.id] for run in runs] == [f"{MOONS['en']} · {one}" for one in words]
    assert "·" not in titles[other.id].replace(" · ", "", 1)


def test_comparisons_of_the_same_question_are_told_apart_too(lab):
    slower = Comparison(QUICK.set({"train.lr": 0.5}), vary="depth", values=[1, 2], seeds=2)
    for one in (DEPTHS, slower):
        lab.submit_comparison(one, OWNER)
    titles = distinct_titles(lab.recent(OWNER, 10), text("en"))
    assert list(titles.values()) == [f"Moons: depth 1, 2 · learning rate {rate}" for rate in ("0.5", "0.01")]


def test_a_long_question_is_named_without_its_values(lab):
    long = Comparison(
        QUICK, vary="activation", values=["relu", "tanh", "sigmoid"], by="depth", by_values=[1, 2, 4], seeds=1
    )
    lab.submit_comparison(long, OWNER)
    assert comparison_title(lab.recent(OWNER, 1)[0], text("en")) == "Moons: activation × depth"


def test_runs_that_differ_in_nothing_are_told_apart_by_seeds_or_time(lab):
    seeds = [lab.store.create_run(QUICK, of, OWNER) for of in ((0,), (1,), (0, 1))]
    assert list(distinct_titles(seeds, text("en")).values()) == [
        f"{MOONS['en']} · {words}" for words in ("1 seed", "seed 1", "2 seeds")
    ]
    twins = [lab.store.create_run(QUICK, (0,), OWNER, created=1e9 + 61 * i) for i in range(2)]
    first, second = distinct_titles(twins, text("en")).values()
    assert first != second
    assert ":" in first


def test_the_frozen_layers_are_named_before_the_data():
    source = presets["mnist"].plain()
    names = [
        value_name("start_from", StartFrom.model_validate({"experiment": source, "layers": 1, "frozen": n}), text("en"))
        for n in (0, 1)
    ]
    assert names == ["1 layer of MNIST 28×28", "1 layer (1 frozen) of MNIST 28×28"]


def test_several_hundred_runs_are_listed(lab):
    for i in range(300):
        lab.store.create_run(QUICK.set({"data.seed": i}), (0,), OWNER, name=f"run {i}")
    app = open_runs()
    assert list(app.dataframe[0].value["Name"])[::99] == [f"run {n} · {MOONS['en']}" for n in (299, 200)]
    assert "1 to 100 of 300" in said(app)


def test_a_link_to_a_deleted_comparison_offers_its_owner_to_restore_it(lab):
    made = lab.submit_comparison(DEPTHS, OWNER)
    lab.delete_comparison(made.id, OWNER)
    link = {"comparison": made.id}
    assert "restore" not in {button.key for button in open_page("compare", owner=STRANGER, link=link).button}
    app = open_page("compare", link=link)
    assert "This comparison was deleted." in said(app)
    press(app, "restore")
    assert [one.id for one in lab.recent(OWNER, 10)] == [made.id]
