"""The Compare page: question, cells, finding and table, in both languages, for the owner and for other visitors."""

import dataclasses
import json
import re
from datetime import UTC, datetime

import pytest
import streamlit as st
from page_app import OWNER, SPANISH, address, open_page, press, said

from nnlab import Comparison, compare, presets
from nnlab.catalogue.classics import classics
from nnlab.catalogue.presets import preset_comparisons
from nnlab.comparison.table import Cell, table_of
from nnlab.export.chart_file import chart_file
from nnlab.export.tables import comparison_file
from nnlab.spec import StartFrom
from nnlab.spec.errors import CONFLICTS
from nnlab.store import Person
from nnlab.ui.compare.actions import add_seeds
from nnlab.ui.compare.cell_table import difference_sentence
from nnlab.ui.compare.comparison_state import View, results_of, seconds_left
from nnlab.ui.compare.knobs import value_texts
from nnlab.ui.shared.comparison_naming import knob_name
from nnlab.ui.shared.naming import moment
from nnlab.ui.shared.widgets import clickable
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import text

QUICK = presets["activations"].set({"train.epochs": 3, "data.n_samples": 60})
GRID = Comparison(QUICK, vary="depth", values=(1, 2), by="activation", by_values=("relu", "tanh"), seeds=2)
in_spanish = pytest.mark.parametrize("language", SPANISH)


def open_compare(language="en", owner=OWNER, **link):
    return open_page("compare", language, owner, link)


def trained(lab, comparison, owner=OWNER):
    """A comparison whose cells have all been trained before."""
    for experiment in comparison.experiments:
        lab.train_here(experiment, comparison.seeds, owner=owner)
    return lab.submit_comparison(comparison, owner)


def button_group(app, key):
    return next(one for one in app.get("button_group") if one.key == key)


def keys(app, kind="button"):
    return {one.key for one in app.get(kind)}


def chart_names(app):
    return [chart.proto.alt for chart in app.get("vega_lite_chart")]


def table(app):
    return app.dataframe[0].value


def table_columns(app):
    """All columns, and those that are shown."""
    return list(json.loads(app.dataframe[0].proto.columns or "{}")), list(app.dataframe[0].proto.column_order)


@in_spanish
@pytest.mark.parametrize("seeds", [1, 2])
def test_a_comparison_of_folded_experiments_has_intervals_over_seeds_and_folds(lab, language, seeds):
    folded = QUICK.set({"data.folds": 3})
    run = trained(lab, Comparison(folded, vary="depth", values=[1, 2], seeds=seeds))
    app, t = open_compare(language, comparison=run.id), text(language)
    assert t("{n}-fold validation", n=3) in said(app)
    table = results_of(lab, run).table
    assert table["validation_accuracy_low"].notna().all()
    scores = run.cells[1].results["validation"]["accuracy"]
    assert len(scores) == 3 * seeds
    assert table["validation_accuracy"].iloc[1] == pytest.approx(sum(scores) / len(scores))
    assert table["difference"].notna().sum() == 1
    assert len(app.get("vega_lite_chart")) >= 2


@in_spanish
def test_without_a_comparison_the_presets_offer_questions(lab, language):
    app, t = open_compare(language), text(language)
    keys = {one.key for one in app.button}
    assert {f"ask-{name}-go" for name in preset_comparisons} <= keys
    assert t("How deep should a network be for 100 samples?") in said(app)
    assert {f"classic-{name}-go" for name in classics} <= keys


def test_the_address_names_a_comparison_before_its_first_tick(lab, monkeypatch):
    """A tick carries the address back to the server: an earlier one would close the comparison."""
    ticking = []
    fragment = st.fragment

    def watched(function, **every):
        if function.__name__ != "activity_line":  # of every page, and it does not read the address
            ticking.append(dict(st.query_params))
        return fragment(function, **every)

    monkeypatch.setattr(st, "fragment", watched)
    app = open_compare(**Comparison(QUICK, vary="depth", values=(1, 2), seeds=2).to_query())
    ticking.clear()
    app.button(key="compare").click().run()
    assert ticking
    assert all("comparison" in address for address in ticking)


@in_spanish
def test_the_usual_outcome_of_a_classic_is_shown_once_it_has_finished(lab, language, monkeypatch):
    classic = dataclasses.replace(
        next(iter(classics.values())), comparison=Comparison(QUICK, vary="depth", values=(1, 2), seeds=2)
    )
    monkeypatch.setattr("nnlab.catalogue.classics.classics", {classic.name: classic})
    run = lab.submit_comparison(classic.comparison, OWNER)
    assert text(language)(classic.outcome) not in said(open_compare(language, comparison=run.id))
    lab.stop_comparison(run.id, OWNER)
    run = trained(lab, classic.comparison)
    assert text(language)(classic.outcome) in said(open_compare(language, comparison=run.id))


@in_spanish
def test_a_finished_comparison_shows_its_finding_charts_and_table(lab, language):
    comparison = Comparison(QUICK, vary="depth", values=(1, 2), seeds=2)
    run = trained(lab, comparison)
    app, t = open_compare(language, comparison=run.id), text(language)
    shown = app.dataframe[0].value
    assert list(shown.iloc[:, 0]) == [1, 2]
    assert list(shown[t("Parameters")]) == [one.parameters for one in comparison.experiments]
    assert len(app.get("vega_lite_chart")) >= 4  # capacity, curves, two surfaces
    assert t("Training: {done} of {all} cells done, {time} left").partition(":")[0] not in said(app).partition("\n")[0]
    assert t("The test set plays no role in the choice.") in said(app)
    files = {one.proto.label for kind in ("download_button", "link_button") for one in app.get(kind)}
    assert files >= {t("CSV"), t("CSV (Excel, es)"), t("Every epoch")}


@in_spanish
def test_a_submitted_comparison_has_a_waiting_cell_for_each_value_and_can_be_stopped(lab, language):
    link = Comparison(QUICK, vary="activation", values=("relu", "tanh", "sigmoid"), seeds=3).to_query()
    app = open_compare(language, **link)
    press(app, "compare")
    asked = lab.comparisons(OWNER)[0]
    assert asked.comparison == Comparison.from_query(link)
    assert len(app.get("progress")) == 3
    assert address(app)["comparison"] == asked.id
    press(app, "stop")
    assert not lab.comparison(asked.id).active


def test_switching_the_language_keeps_the_question(lab):
    link = Comparison(QUICK, vary="lr", values=(0.001, 0.01), seeds=(3, 5)).to_query()
    app = open_compare("en", **link)
    app.query_params["lang"] = "es"
    app.run()
    assert text("es")("Compare") in [one.value for one in app.title]
    kept = {name: address(app)[name] for name in link}
    assert Comparison.from_query(kept) == Comparison.from_query(link)


def test_an_invalid_value_is_named_and_nothing_can_be_submitted(lab):
    app = open_compare(**Comparison(QUICK, vary="depth", values=(1, 2), seeds=2).to_query())
    app.text_input(key="compare-seeds").input("many").run()
    assert not app.exception
    assert app.button(key="compare").disabled
    assert "Seeds" in said(app)


def test_an_invalid_value_in_a_link_is_named_and_the_rest_is_used(lab):
    app = open_compare(**{"data.name": "circles", "vary": "depth", "values": "1,900", "seeds": "2"})
    assert app.warning
    assert "900" in app.warning[0].value
    assert address(app)["data.name"] == "circles"


@pytest.mark.parametrize("language", SPANISH)
def test_a_setting_whose_values_cannot_be_compared_is_refused_by_name(lab, language):
    app, t = open_compare(language, vary="data.folds", values="0,5"), text(language)
    assert f"{t('Setting')} ({t('Folds')}): {t(CONFLICTS['knob_other_parts'])}" in app.warning[0].value


def test_another_visitor_can_view_a_comparison_but_not_stop_it(lab):
    run = lab.submit_comparison(Comparison(QUICK, vary="depth", values=(1, 2), seeds=2), "v-" + "a" * 22)
    app = open_compare(comparison=run.id)
    assert "stop" not in {one.key for one in app.button}
    assert "someone else's" in said(app)


def test_a_link_to_an_unknown_comparison_still_opens_its_question(lab):
    link = Comparison(QUICK, vary="depth", values=(1, 3), seeds=2).to_query()
    app = open_compare(**link, comparison="AAAAAAAAAAAA")
    assert "does not have the results" in app.info[0].value
    assert not app.button(key="compare").disabled


# -- two knobs -------------------------------------------------------------------------------------------------------


@in_spanish
def test_a_second_knob_is_added_on_request_and_is_part_of_the_link(lab, language):
    app = open_compare(language, **Comparison(QUICK, vary="depth", values=(1, 2), seeds=2).to_query())
    assert "compare-by" not in keys(app, "selectbox")
    press(app, "compare-add-by")
    app.selectbox(key="compare-by").set_value("norm").run()
    held = {name: value for name, value in address(app).items() if name != "lang"}
    assert (held["by"], held["by_values"]) == ("norm", "none,batch,layer")
    assert text(language).many("{n} cell", "{n} cells", 6) in said(app)
    press(app, "compare-drop-by")
    assert "by" not in app.query_params
    assert "compare-by" not in keys(app, "selectbox")


def test_a_link_with_two_knobs_opens_them_and_its_limit_is_named(lab):
    app = open_compare(**GRID.to_query())
    assert app.selectbox(key="compare-by").value == "activation"
    wide = {**GRID.to_query(), "vary": "lr", "values": ",".join(str(i / 1000) for i in range(1, 150))}
    app = open_compare(**wide)
    assert app.warning
    assert "200" in app.warning[0].value


def test_a_knob_is_not_offered_beside_itself(lab):
    app = open_compare(**GRID.to_query())
    app.selectbox(key="compare-vary").set_value("activation").run()
    assert not app.exception
    assert "compare-by" not in keys(app, "selectbox")  # it was the other one


@in_spanish
def test_two_knobs_give_a_heat_map_curves_by_the_second_and_a_table_of_both(lab, language):
    run = trained(lab, GRID)
    app, t = open_compare(language, comparison=run.id), text(language)
    knobs = {"knob": knob_name("depth", t), "by": knob_name("activation", t)}
    assert t("The score by {knob} and {by}, one cell for each pair", **knobs) in chart_names(app)
    curves = t("Curves over epochs, one for each value of {knob}", **knobs)
    assert {f"{curves}: {knobs['by']} {name}" for name in ("ReLU", "tanh")} <= set(chart_names(app))
    assert list(table(app).iloc[:, 1]) == ["ReLU", "ReLU", "tanh", "tanh"]
    assert list(table(app).iloc[:, 0]) == [1, 2, 1, 2]
    assert t("Score by both settings") in said(app)


def test_a_cell_and_a_list_of_values_show_their_names_whole(lab):
    comparison = Comparison(QUICK, vary="activation", values=("sigmoid", "leaky_relu"), seeds=2)
    app = open_compare(comparison=trained(lab, comparison).id)
    assert {"**Sigmoid**", "**Leaky ReLU**"} <= {one.value for one in app.markdown}  # text wraps, labels do not
    assert all(len(one.proto.label) < 10 for one in app.get("page_link") if "%" in one.proto.label)
    assert app.multiselect(key="compare-values").proto.wrap


def guess(app):
    """The control that asks for a guess, if it is there."""
    return next((one for one in app.get("button_group") if one.key == "guess-choice"), None)


@in_spanish
def test_a_guess_is_asked_for_kept_and_shown_beside_the_outcome(lab, language):
    comparison, t = Comparison(QUICK, vary="depth", values=(1, 2), seeds=2), text(language)
    app = open_compare(language, **comparison.to_query())
    assert guess(app).options == [clickable(name) for name in ("1", "2", t("no difference"))]
    guess(app).set_value("2").run()
    assert guess(app).value == "2"
    press(app, "compare")
    asked = lab.comparisons(OWNER)[0]
    guessed = f"{knob_name('depth', t)} 2"
    assert asked.guesses == {OWNER: "2"}
    assert guess(app) is None  # it has been made
    assert t("You guessed {guess}.", guess=guessed) in said(app)
    lab.stop_comparison(asked.id, OWNER)
    run = trained(lab, comparison)
    lab.guess(run.id, "2", OWNER)
    app = open_compare(language, comparison=run.id)
    assert guess(app) is None  # the outcome is there
    assert t("You guessed {guess}; no difference was found.", guess=guessed) in said(app)
    assert "Apostaste" not in (others := said(open_compare(language, "stranger", comparison=run.id)))
    assert "You guessed" not in others


def test_a_comparison_runs_without_a_guess_and_a_class_guesses_while_it_trains(lab):
    app = open_compare(**GRID.to_query())
    press(app, "compare")
    asked = lab.comparisons(OWNER)[0]
    assert asked.guesses == {}
    for visitor, value in (("ben", ""), ("eva", "1")):
        other = open_compare("en", visitor, comparison=asked.id)
        guess(other).set_value(value).run()
        assert guess(other) is None
    assert lab.comparison(asked.id).guesses == {"ben": "", "eva": "1"}
    assert guess(app) is not None
    lab.stop_comparison(asked.id, OWNER)
    assert guess(open_compare("en", "ana", comparison=asked.id)) is None


def test_a_guess_is_for_its_own_setting(lab):
    app = open_compare(**Comparison(QUICK, vary="depth", values=(1, 2), seeds=2).to_query())
    guess(app).set_value("2").run()
    app.selectbox(key="compare-vary").set_value("width").run()
    assert guess(app).value is None
    press(app, "compare")
    assert lab.comparisons(OWNER)[0].guesses == {}


def curve_axes(app):
    """The scale of the axis of losses, and the last epoch of the chart."""
    chart = next(one for one in app.get("vega_lite_chart") if one.proto.alt.startswith("Curves over epochs"))
    text = json.dumps(json.loads(chart.proto.spec), sort_keys=True)
    return ("log" if '"type": "log"' in text else "linear"), int(re.search(r'"domain": \[1, (\d+)\]', text)[1])


def test_curves_are_logarithmic_over_decades_end_where_training_ended_and_can_be_made_linear(lab):
    early = presets["celsius"].set({"train.epochs": 1500})
    wide = trained(lab, Comparison(early, vary="lr", values=(0.01, 0.1), seeds=2))
    app = open_compare(comparison=wide.id)
    assert curve_axes(app) == ("log", 1500)
    assert app.toggle(key="compare-log").value
    app.toggle(key="compare-log").set_value(False).run()
    assert curve_axes(app)[0] == "linear"
    assert not app.toggle(key="compare-log").value
    patient = QUICK.set({"train.patience": 1, "train.lr": 0.3, "train.epochs": 400})
    narrow = trained(lab, Comparison(patient, vary="depth", values=(1, 2), seeds=2))
    assert curve_axes(open_compare(comparison=narrow.id)) == ("linear", max(run.epoch for run in narrow.runs))
    assert max(run.epoch for run in narrow.runs) < 400


@in_spanish
def test_two_knobs_show_all_cells_and_the_progress_while_they_train(lab, language):
    run = lab.submit_comparison(GRID, OWNER)
    app, t = open_compare(language, comparison=run.id), text(language)
    assert t("Every cell with its state, loss curve and score") in chart_names(app)
    assert t("No cell has finished yet.") in said(app)
    assert t("Training: {done} of {all} cells done, {time} left").format(
        done=0, all=4, time=t.seconds(seconds_left(lab, run))
    ) in said(app)


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("en", "Preparing the compiled engine, only once: about 6 s left"),
        ("es", "Preparando el motor compilado, solo una vez: unos 6 s más"),
    ],
)
def test_a_comparison_that_waits_for_the_engine_says_how_long(lab, language, sentence):
    run = lab.submit_comparison(GRID, OWNER)
    first = run.runs[0].id
    attempt = lab.store.claim(first)
    lab.store.heartbeat(first, attempt, loading=0.25, note="compiling 6")
    assert sentence in said(open_compare(language, comparison=run.id))
    lab.store.heartbeat(first, attempt)
    assert sentence not in said(open_compare(language, comparison=run.id))


def test_one_cell_is_stopped_and_the_others_continue(lab):
    run = lab.submit_comparison(GRID, OWNER)
    app = open_compare(comparison=run.id)
    assert "stop" in keys(app)
    lab.stop_comparison(run.id, OWNER, 2)
    app.run()
    assert not app.exception
    assert [cell.active for cell in lab.comparison(run.id).cells] == [True, True, False, True]


# -- the table -------------------------------------------------------------------------------------------------------


@in_spanish
def test_the_table_shows_few_columns_first_and_the_rest_on_request(lab, language):
    run = trained(lab, Comparison(QUICK, vary="depth", values=(1, 2), seeds=3))
    app, t = open_compare(language, comparison=run.id), text(language)
    _, order = table_columns(app)
    assert t("Verdict") in order
    assert t("Difference (points)") in order
    assert "p" in order
    assert t("Parameters") not in order
    more = button_group(app, "table-more")
    more.set_value(["parameters"]).run()
    assert t("Parameters") in table_columns(app)[1]


@pytest.mark.parametrize(
    ("changes", "covers"),
    [
        ({"data.per_seed": "samples"}, "new samples of this kind"),
        ({"data.per_seed": "split"}, "other splits of these data"),
        ({"data.per_seed": "weights"}, "these 12 validation samples"),
        ({"data.per_seed": "weights", "data.folds": 3}, "these data in 3 folds"),
    ],
)
def test_every_statistical_column_names_its_method_and_what_its_interval_covers(lab, changes, covers):
    run = trained(lab, Comparison(QUICK.set(changes), vary="depth", values=(1, 2), seeds=3))
    app = open_compare(comparison=run.id)
    settings = json.loads(app.dataframe[0].proto.columns)
    assert "Student" in settings["Validation (%)"]["help"]
    assert covers in settings["Validation (%)"]["help"]
    assert covers in said(app), "and so does the finding"
    assert "seed to seed" in settings["Training (%)"]["help"]
    assert "paired" in settings["Difference (points)"]["help"]
    assert "Holm" in settings["p"]["help"]


@in_spanish
def test_a_stopped_cell_takes_no_part_and_is_named(lab, language):
    comparison = Comparison(QUICK, vary="depth", values=(1, 2, 8), seeds=2)
    for depth in (1, 2):
        lab.train_here(QUICK.vary("depth", depth), comparison.seeds, owner=OWNER)
    run = lab.submit_comparison(comparison, OWNER)
    lab.stop_comparison(run.id, OWNER)
    t = text(language)
    named = t("Not trained as planned and left out: {values}.", values=f"{knob_name('depth', t)} 8")
    assert named in said(open_compare(language, comparison=run.id))
    assert results_of(lab, lab.comparison(run.id)).judged.places == (0, 1)


@in_spanish
def test_the_margin_is_chosen_and_part_of_the_link(lab, language):
    run = trained(lab, Comparison(QUICK, vary="depth", values=(1, 2), seeds=3))
    app, t = open_compare(language, comparison=run.id), text(language)
    app.selectbox(key="table-margin").set_value(0.05).run()
    assert not app.exception
    assert address(app)["margin"] == "5"
    wide = open_compare(language, comparison=run.id, margin="100")
    assert wide.selectbox(key="table-margin").value == 1.0
    assert t("{n} points", n=100) in said(wide)
    assert open_compare(language, comparison=run.id, margin="x").selectbox(key="table-margin").value == 0.01


def test_differences_are_to_the_chosen_baseline_which_is_part_of_the_link(lab):
    run = trained(lab, Comparison(QUICK, vary="depth", values=(1, 2, 3), seeds=3))
    app = open_compare(comparison=run.id)
    app.selectbox(key="compared-with").set_value(2).run()
    assert not app.exception
    assert address(app)["baseline"] == "3"
    again = open_compare(**{name: value for name, value in address(app).items() if name != "lang"})
    assert again.selectbox(key="compared-with").value == 2
    differences = table(again)["Difference (points)"]
    expected = table_of(run.comparison, [Cell(cell.results, None) for cell in run.cells], baseline=2)["difference"]
    assert list(differences[:2]) == pytest.approx(list(expected[:2]))
    assert differences[2] == 0
    unknown = open_compare(comparison=run.id, baseline="77")
    assert unknown.selectbox(key="compared-with").value == -1


@in_spanish
def test_many_rows_are_filtered_by_value_and_by_verdict(lab, language):
    run = trained(lab, Comparison(QUICK, vary="width", values=range(1, 13), seeds=1))
    app, t = open_compare(language, comparison=run.id), text(language)
    assert len(table(app)) == 12
    words = app.text_input(key="table-words")
    words.input(f"{knob_name('width', t)} 12").run()
    assert list(table(app).iloc[:, 0]) == [12]
    words.input("nothing").run()
    assert t("No row matches this filter.") in app.info[0].value
    words.input("").run()
    verdict = lab_verdicts(lab, run)[0]
    button_group(app, "table-verdicts").set_value([verdict]).run()
    assert not app.exception
    assert len(table(app)) == lab_verdicts(lab, run).count(verdict)


def lab_verdicts(lab, run):
    return list(results_of(lab, lab.comparison(run.id)).table["verdict"])


def test_a_row_is_explained_with_its_difference_to_the_best(lab):
    run = trained(lab, Comparison(QUICK, vary="depth", values=(1, 2), seeds=3))
    app = open_compare(comparison=run.id)
    assert "Select a row" in said(app)
    view = View(Page("compare", text("en"), Person(OWNER)), lab.comparison(run.id))
    words = difference_sentence(view, 1 - view.results.reference)
    assert "points against depth" in words
    assert "told apart" in words


# -- the test part ---------------------------------------------------------------------------------------------------


@in_spanish
def test_the_test_set_stays_closed_until_its_owner_opens_it_on_purpose(lab, language):
    run = trained(lab, Comparison(QUICK, vary="depth", values=(1, 2), seeds=2))
    app, t = open_compare(language, comparison=run.id), text(language)
    head = t("Test") + " (%)"
    assert head not in table(app).columns
    press(app, "open-test")
    assert lab.comparison(run.id).test_opened is None  # it was only asked
    warning = "if you go on choosing by test scores, they are no longer an honest estimate."
    assert t(f"It can do this only once: {warning} This page will show when the test set was opened.") in said(app)
    press(app, "open-test-now")
    app.run()
    opened = lab.comparison(run.id).test_opened
    assert opened is not None
    assert head in table(app).columns
    assert moment(opened, t)[:6].split(" ")[0] in said(app)
    assert t("Test set opened on {when}.").partition("{")[0] in said(app)
    assert "open-test" not in keys(app)


def test_a_moment_is_written_as_the_language_writes_it():
    when = datetime(2026, 11, 21, 10, 15, tzinfo=UTC)
    assert moment(when, text("en"), UTC) == "21 Nov 2026 10:15"
    assert moment(when, text("es"), UTC) == "21 nov 2026 10:15"


def test_cells_trained_after_the_test_set_was_opened_are_counted(lab):
    comparison = Comparison(QUICK, vary="depth", values=(1, 2), seeds=2)
    run = trained(lab, comparison)
    lab.open_test(run.id, OWNER)
    lab.extend_comparison(run.id, Comparison(QUICK, vary="depth", values=(1, 2, 3), seeds=2), OWNER)
    assert "1 cell was trained after that" in said(open_compare(comparison=run.id))


def test_another_visitor_can_neither_open_the_test_set_nor_add_values(lab):
    run = trained(lab, Comparison(QUICK, vary="depth", values=(1, 2), seeds=2))
    app = open_compare(owner="v-" + "b" * 22, comparison=run.id)
    assert not {"open-test", "add-go"} & keys(app)
    assert "The test set is not open yet" in said(app)
    assert "Test (%)" not in table(app).columns
    assert "download-json" in {one.key for one in app.get("download_button")}


# -- more values and seeds -------------------------------------------------------------------------------------------


@in_spanish
def test_only_added_values_and_seeds_are_trained(lab, language):
    run = trained(lab, Comparison(QUICK, vary="depth", values=(1, 2), seeds=2))
    app = open_compare(language, comparison=run.id)
    app.multiselect(key="add-values").set_value(["4"])
    app.text_input(key="add-seeds").set_value("1")
    press(app, "add-go")
    wider = lab.comparison(run.id)
    assert wider.comparison.values == (1, 2, 4)
    assert wider.comparison.seeds == (0, 1, 2)
    assert [[one.seeds for one in cell.runs if one.active] for cell in wider.cells] == [[(2,)], [(2,)], [(0, 1, 2)]]
    assert address(app)["values"] == "1,2,4"  # the question is the wider one
    assert text(language)("partly reused") not in said(app)


def test_an_invalid_added_value_is_refused_with_a_sentence(lab):
    run = trained(lab, Comparison(QUICK, vary="depth", values=(1, 2), seeds=2))
    app = open_compare(comparison=run.id)
    app.multiselect(key="add-values").set_value(["900"])
    press(app, "add-go")
    assert "900" in app.error[0].value
    assert lab.comparison(run.id).comparison.values == (1, 2)


def test_seeds_are_added_from_the_lowest_free_one():
    assert add_seeds((0, 1, 2), 2) == (0, 1, 2, 3, 4)
    assert add_seeds((1, 4), 3) == (1, 4, 0, 2, 3)


# -- files ----------------------------------------------------------------------------------------------------------


def test_the_file_of_a_comparison_trains_it_again_to_the_same_numbers(lab):
    run = trained(lab, GRID)
    table = results_of(lab, run).table
    again = compare(Comparison.from_json(comparison_file(run.comparison, table)))
    assert list(again.table["validation_accuracy"]) == pytest.approx(list(table["validation_accuracy"]), abs=1e-12)


def test_starting_weights_can_be_compared_through_the_controls(lab):
    source = QUICK.set({"data.noise": 0.1})
    comparison = Comparison(QUICK, vary="start_from", values=(None, StartFrom(experiment=source, layers=1)), seeds=2)
    app = open_compare(**comparison.to_query())
    assert app.multiselect(key="compare-values").value == list(value_texts(comparison.values))
    assert not app.button(key="compare").disabled
    press(app, "compare")
    assert lab.comparisons(OWNER)[0].comparison == comparison


def test_every_chart_of_the_page_can_be_saved_as_a_picture(lab):
    run = trained(lab, GRID)
    app, t = open_compare(comparison=run.id), text("en")
    names = app.selectbox(key="save-chart").options
    depth, activation = knob_name("depth", t), knob_name("activation", t)
    assert t("The score by {knob} and {by}, one cell for each pair", knob=depth, by=activation) in names
    assert set(names) == set(chart_names(app)) - {t("The colours of the curves by {knob}", knob=depth)}
    _, drawn = app.session_state["compare-charts"]
    for name in names:
        if "heat" in drawn[name].key or name == names[-1]:  # rendering takes seconds
            assert b"<svg" in chart_file(drawn[name].spec, drawn[name].rows, "svg")
