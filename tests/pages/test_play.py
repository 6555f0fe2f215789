"""Play: every change trains at once, and nothing is listed that is not kept."""

import json
import re

import pytest
from page_app import LANGUAGES, OWNER, STRANGER, address, go, links, open_page, press, said

from nnlab import presets
from nnlab.jobs.worker import work
from nnlab.spec import Experiment
from nnlab.ui.shared import network_view
from nnlab.ui.shared.new_experiment import play_experiment
from nnlab.ui.shared.run_row import score_value
from nnlab.ui.shell.text import text


def drawn(app):
    return sum("network_view" in one.proto.component_name for one in app.get("bidi_component"))


def waiting(lab):
    return [lab.run(run_id) for run_id in lab.store.queue()]


def trained(lab, app):
    """Train what the page has asked for, and look at it."""
    work()
    return go(app)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_trains_what_it_shows_and_draws_its_film(lab, language):
    app = open_page("play", language)
    (run,) = waiting(lab)
    assert run.experiment == play_experiment()
    assert run.seeds == (0,)
    assert drawn(app) == 0
    assert drawn(trained(lab, app)) == 1
    assert waiting(lab) == []
    assert text(language)("Play") in said(app)


def test_a_change_replaces_what_still_waits_and_goes_before_all_others(lab):
    other = lab.submit(presets["activations"], 1, owner=STRANGER)
    app = open_page("play")
    app.text_input(key="play-depth").set_value("3")
    app = go(app)
    first, second = waiting(lab)
    assert first.experiment == play_experiment().vary("depth", 3)
    assert second.id == other.id
    app.selectbox(key="play-data.name").set_value("circles")
    assert waiting(lab)[0].experiment.data.name == "circles" or go(app)
    assert [run.experiment.data.name for run in waiting(lab)][:1] == ["circles"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_input_features_are_chosen_for_data_in_the_plane_alone(lab, language):
    app = open_page("play", language, link={"data.name": "circles", "model.hidden": "0"})
    features = app.button_group(key="play-data.terms")
    assert features.label == text(language)("Input features")
    assert features.value == ["x1", "x2"]
    features.set_value(["x2_squared", "x1_squared"])
    app = go(app)
    assert waiting(lab)[0].experiment.data.terms == ("x1_squared", "x2_squared")
    assert address(app)["data.terms"] == "x1_squared-x2_squared"
    assert drawn(trained(lab, app)) == 1
    app.button_group(key="play-data.terms").set_value([])
    app = go(app)
    assert "1" in app.error[0].value
    assert app.button_group(key="play-data.terms").value == ["x1_squared", "x2_squared"]
    app.selectbox(key="play-data.name").set_value("digits")
    assert not [one for one in go(app).button_group if one.key == "play-data.terms"]


def test_what_was_trained_before_is_shown_without_training(lab):
    lab.train_here(play_experiment(), 1, owner=STRANGER)
    app = open_page("play")
    assert waiting(lab) == []
    assert drawn(app) == 1
    app = press(app, "keep")
    (mine,) = lab.runs(OWNER)
    assert mine.experiment == play_experiment()
    assert not [one for one in app.button if one.key == "keep"]


def test_nothing_is_listed_until_it_is_kept(lab):
    app = trained(lab, open_page("play"))
    assert lab.runs(OWNER) == []
    press(app, "keep")
    (run,) = lab.runs(OWNER)
    assert run.experiment == play_experiment()


def test_another_seed_and_ten_seeds(lab):
    app = trained(lab, open_page("play"))
    press(app, "another-seed")
    assert waiting(lab)[0].seeds == (1,)
    app = trained(lab, press(app, "how-sure"))
    assert re.search(r"Accuracy, validation: [\d.]+ ± [\d.]+ %", said(app))
    assert "10 seeds" in said(app)
    assert "new samples of this kind" in said(app)
    app.text_input(key="play-width").set_value("6")
    go(app)
    assert waiting(lab)[0].seeds == (0,)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_address_and_the_links_carry_the_experiment(lab, language):
    link = {"data.name": "xor", "model.hidden": "5-5", "train.lr": "0.1", "data.per_seed": "samples"}
    app, t = open_page("play", language, link=link), text(language)
    assert address(app) == {**link, "lang": language}
    shown = Experiment.from_query(link)
    assert waiting(lab)[0].experiment == shown
    for label in ("Open in Build", "Compare depths"):
        assert "data.name=xor" in links(app)[t(label)].query_string


def test_each_kind_of_data_begins_with_a_network_that_learns_it_and_is_found_again(lab):
    app = open_page("play")
    app.text_input(key="play-depth").set_value("3")
    app = go(app)
    deep = waiting(lab)[0].experiment
    for name in ("digits", "celsius", "spirals"):
        app.selectbox(key="play-data.name").set_value(name)
        app = trained(lab, go(app))
        assert drawn(app) == 1
        run = lab.run(app.session_state["play-runs"][0])
        assert run.experiment.data.name == name
        good = score_value(run)
        assert good > 0.9 if name == "digits" else good < 1 if name == "celsius" else run.experiment.model == deep.model


def test_a_bad_link_says_what_is_wrong_and_shows_the_usual_network(lab):
    app = open_page("play", link={"data.name": "moon"})
    assert "data.name" in said(app) or "Data" in said(app)
    assert waiting(lab)[0].experiment == play_experiment()


@pytest.mark.parametrize(
    ("before", "kind", "layer", "after"),
    [
        ([4, 3], "unit+", 0, [5, 3]),
        ([4, 3], "unit-", 1, [4, 2]),
        ([4, 3], "layer+", None, [4, 3, 3]),
        ([4, 3], "layer-", None, [4]),
        ([], "layer+", None, [4]),
        ([], "layer-", None, []),
    ],
)
def test_buttons_in_the_drawing_change_the_network(before, kind, layer, after):
    from nnlab.ui.play.controls import in_drawing

    assert in_drawing(play_experiment().set({"model.hidden": before}), kind, layer) == after


@pytest.mark.parametrize(
    ("before", "kind", "layer", "after"),
    [
        ([1], "unit-", 0, [1]),
        ([8] * 6, "unit+", 0, [8] * 6),
        ([8] * 6, "layer+", None, [8] * 6),
        ([32, 20], "unit-", 0, [31, 20]),  # wider and deeper ones come from links
        ([32, 20], "unit+", 1, [32, 20]),
        ([4] * 9, "layer-", None, [4] * 8),
    ],
)
def test_the_drawing_stays_within_its_limits_and_a_click_changes_one_thing(before, kind, layer, after):
    from nnlab.ui.play.controls import in_drawing

    assert in_drawing(play_experiment().set({"model.hidden": before}), kind, layer) == after


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_training_that_lets_wait_says_what_for(lab, language, monkeypatch):
    monkeypatch.setattr("nnlab.ui.play.film.SOON", 0)
    lab.store.create_run(presets["activations"], (0,), STRANGER, draft=True, quick=True)
    app = open_page("play", language)
    assert text(language)("waiting: number {n} in the queue", n="2") in said(app)


def test_a_training_that_fails_is_not_tried_again_until_something_changes(lab):
    app = open_page("play")
    (run,) = waiting(lab)
    lab.store.finish(run.id, lab.store.claim(run.id), "failed", error="no room")
    app = go(go(app))
    assert waiting(lab) == []
    assert "failed" in said(app)
    assert links(app)["Show it on Train"]
    app.text_input(key="play-depth").set_value("3")
    go(app)
    assert len(waiting(lab)) == 1


def test_a_training_that_another_tab_has_cancelled_is_trained_again(lab):
    app = open_page("play")
    (run,) = waiting(lab)
    lab.store.cancel_drafts([run.id], OWNER)
    go(app)
    assert [one.experiment for one in waiting(lab)] == [run.experiment]


@pytest.mark.parametrize("index", [0, 2])
def test_the_film_of_early_stopping_ends_with_the_figures_of_its_weights(lab, index):
    run = lab.submit(play_experiment().set({"train.patience": 1, "train.epochs": 60}), 3, owner=OWNER)
    work()
    run = lab.run(run.id)
    content = network_view._film_of(lab, run, index, "en", network_view.PLAIN)
    best = json.loads(content[4 : 4 + int.from_bytes(content[:4], "little")])["best"]
    assert best["epoch"] == run.final_epochs[index] < run.epoch
    for place, part in enumerate(("train", "validation")):
        assert best["loss"][place] == run.results[part]["loss"][index]
        assert best["score"][place] == run.results[part]["accuracy"][index]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_network_too_large_for_a_film_says_so(lab, language):
    large = {"data.name": "moons", "model.hidden": "400-400", "train.epochs": "1"}
    app, t = open_page("play", language, link=large), text(language)
    work()
    app = go(app)
    assert drawn(app) == 0
    assert t("This network is too large for a film.") in said(app)
    assert links(app)[t("Show it on Train")]


@pytest.mark.parametrize("path", ["model.hidden", "data.labels"])
def test_a_list_of_a_link_is_explained_in_the_visitors_language(lab, path):
    from nnlab.spec.errors import SpecError
    from nnlab.ui.shared.problems import problem_text

    with pytest.raises(SpecError) as refused:
        Experiment.from_query({path: "x+y"})
    (problem,) = refused.value.problems
    assert problem.expected in problem_text(problem, text("en"))
    assert problem.expected not in problem_text(problem, text("es"))
