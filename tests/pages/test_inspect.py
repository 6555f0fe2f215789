"""Inspect: every kind of run from the inside, in both languages, for its owner and for others."""

import numpy as np
import pytest
from page_app import OWNER, SPANISH, STRANGER, address, go, links, open_page, said

from nnlab import presets
from nnlab.analysis.predictions import predict
from nnlab.datasets import load_dataset
from nnlab.spec import DATASETS
from nnlab.store import Retention, budget
from nnlab.ui.shared import network_view
from nnlab.ui.shared.pictures import own_data_note
from nnlab.ui.shell.text import text

QUICK = presets["activations"].set({"train.epochs": 4, "data.n_samples": 60})
TABS = ("What each neuron detects", "Try it", "Right and wrong", "Statistics")


def open_inspect(language="en", tab=None, owner=OWNER, **link):
    state = {"inspect-below": text(language)(tab)} if tab else {}
    return open_page("inspect", language, owner, link, **state)


@pytest.mark.parametrize("language", SPANISH)
@pytest.mark.parametrize("tab", TABS)
@pytest.mark.parametrize("name", ["moons", "synthetic", "digits", "celsius"])
def test_every_tab_opens_for_every_kind_of_data(lab, language, tab, name):
    experiment = QUICK.set(
        {"data.name": name, "train.epochs": 2, "data.n_samples": 60}
        | ({"data.n_samples": 200} if name == "digits" else {})
    )
    own = DATASETS[name].per_seed[0]
    run = lab.train_here(experiment.set({"data.per_seed": own}), (3, 8), owner=OWNER)
    if tab == TABS[0] and name in ("synthetic", "celsius"):
        tab = TABS[1]
    app = open_inspect(language, tab, run=run.id)
    if tab == TABS[2]:  # the samples of the seed that is shown
        app.selectbox(key="inspect-seed").set_value(run.replicates[1])
        note = own_data_note(run.experiment.data, 8, text(language))
        assert note in said(go(app))
        assert ("8" in note) == (own != "weights")
    assert address(app) == {"run": run.id, "epoch": "2", "lang": language}
    assert len(app.get("vega_lite_chart")) >= 2


@pytest.mark.parametrize("tab", TABS[:2])
def test_input_features_have_their_names_and_a_point_is_typed_by_its_coordinates(lab, tab):
    run = lab.train_here(QUICK.set({"data.terms": ["x1_squared", "x1_times_x2", "sin_x2"]}), 1, owner=OWNER)
    app = open_inspect(tab=tab, run=run.id)
    table = next(one.value for one in app.dataframe if "input" in one.value)
    assert list(table["input"]) == ["x₁²", "x₁x₂", "sin x₂", "bias"]
    if tab == TABS[1]:
        assert [field.label for field in app.text_input if field.key.startswith("ask-")] == ["x₁", "x₂"]
    else:
        assert len(app.get("vega_lite_chart")) >= 2


@pytest.mark.parametrize("language", SPANISH)
@pytest.mark.parametrize("folds", [0, 3])
def test_the_table_of_values_holds_the_stored_weights_of_the_chosen_epoch_seed_and_layer(lab, language, folds):
    run = lab.train_here(QUICK.set({"data.folds": folds}), (3, 8), owner=OWNER)
    app = open_inspect(language, run=run.id)
    epochs = lab.snapshot_epochs(run.id)
    for epoch, index, layer in ((epochs[-1], 0, 0), (epochs[1], 1, 1), (epochs[0], len(run.replicates) - 1, 2)):
        app.session_state["inspect-epoch"] = epoch
        app.selectbox(key="inspect-seed").set_value(run.replicates[index])
        app.segmented_control(key="inspect-layer").set_value(layer)
        app = go(app)
        kept = lab.snapshot(run.id, epoch)[1]
        table = app.dataframe[0].value
        expected = np.vstack([kept[f"{layer}.weight"][index], kept[f"{layer}.bias"][index]])
        np.testing.assert_array_equal(table.iloc[:, 1:].to_numpy(np.float32), expected)
        assert address(app)["epoch"] == str(epoch)


@pytest.mark.parametrize("language", SPANISH)
def test_the_last_epoch_of_early_stopping_says_whose_weights_it_shows(lab, language):
    run, t = lab.train_here(QUICK.set({"train.patience": 3, "train.epochs": 300}), 2, owner=OWNER), text(language)
    app = open_inspect(language, run=run.id)
    for index in (0, 1):
        app.selectbox(key="inspect-seed").set_value(run.replicates[index])
        app = go(app)
        best = t.whole(run.results["best_epoch"][index])
        assert t("Early stopping: the run ended with the weights of the best epoch, {n}.", n=best) in said(app)
    app.session_state["inspect-epoch"] = lab.snapshot_epochs(run.id)[1]
    assert t("Early stopping: the run ended with the weights of the best epoch, {n}.", n=best) not in said(go(app))


@pytest.mark.parametrize("tab", TABS)
@pytest.mark.parametrize(("language", "name"), [("es", "moons"), ("en", "synthetic"), ("es", "digits")])
def test_a_folded_run_is_seen_with_a_seed_and_its_fold(lab, language, tab, name):
    experiment = QUICK.set({"data.name": name, "train.epochs": 2, "data.n_samples": 200, "data.folds": 2})
    run, t = lab.train_here(experiment, (3, 8), owner=OWNER), text(language)
    if tab == TABS[0] and name == "synthetic":
        tab = TABS[1]
    app = open_inspect(language, tab, run=run.id)
    choices = [t("seed {n}, fold {fold}", n=seed, fold=fold) for seed in (3, 8) for fold in (0, 1)]
    assert app.selectbox(key="inspect-seed").options == choices
    app.selectbox(key="inspect-seed").set_value(run.replicates[3])
    assert len(go(app).get("vega_lite_chart")) >= 2
    if tab == TABS[2]:
        assert any(t.whole(80) in caption.value for caption in app.caption)  # all the samples its fold keeps aside


def test_a_link_opens_its_epoch_and_a_bad_one_the_last(lab):
    run = lab.train_here(QUICK, 1, owner=OWNER)
    assert address(open_inspect(run=run.id, epoch="2"))["epoch"] == "2"
    for bad in ("999", "-1", "x", "²"):
        assert address(open_inspect(run=run.id, epoch=bad))["epoch"] == "4"


def test_celsius_is_entered_in_degrees(lab):
    run = lab.train_here(presets["celsius"].set({"train.epochs": 20}), 1, owner=OWNER)
    app = open_inspect(tab="Try it", run=run.id)
    assert app.text_input(key="ask-celsius-0").value == "100"
    weights = lab.snapshot(run.id)[1]
    for degrees in (100, 0):
        app.text_input(key="ask-celsius-0").set_value(str(degrees))
        answer = predict(run.experiment, weights, load_dataset(run.experiment), [[degrees]])
        assert go(app).metric[0].value == text("en").number(float(answer.mean()), 5)


def test_a_network_too_large_for_a_film_has_a_slider_instead(lab):
    run = lab.train_here(QUICK.set({"model.hidden": [400, 300], "train.epochs": 1}), 1, owner=OWNER)
    app = open_inspect(run=run.id)
    app.select_slider(key="inspect-epoch").set_value(0)
    assert address(go(app))["epoch"] == "0"


def test_a_thinned_run_is_inspected_and_filmed_at_the_epochs_that_stay(lab, monkeypatch):
    monkeypatch.setattr(budget, "UNTHINNED_BYTES", 0)
    monkeypatch.setattr(budget, "THINNED_STEPS", 3)
    run = lab.train_here(QUICK.set({"train.epochs": 9}), 1, owner=OWNER)
    list(lab.store.prune(Retention.older_than(-1)))
    left = [0, 4, 8, 9]
    assert lab.snapshot_epochs(run.id) == left
    filmed, film = [], network_view.film
    monkeypatch.setattr(network_view, "film", lambda *given, **more: filmed.append(given[1]) or film(*given, **more))
    assert address(open_inspect(run=run.id, epoch="4"))["epoch"] == "4"
    assert address(open_inspect(run=run.id, epoch="5"))["epoch"] == "9"  # its weights are gone
    app = open_page("train", run=run.id)
    assert not app.exception
    assert [list(frames) for frames in filmed] == [left] * len(filmed)
    assert len(filmed) >= 2


@pytest.mark.parametrize("language", SPANISH)
def test_without_runs_it_leads_to_the_presets(lab, language):
    app, t = open_inspect(language), text(language)
    assert t("Nothing trained yet, so there are no weights to show.") in said(app)
    assert t("Start with one of the presets") in links(app)


@pytest.mark.parametrize("language", SPANISH)
def test_a_waiting_run_explains_that_its_weights_come_later(lab, language):
    run = lab.submit(QUICK, 1, owner=OWNER)
    assert text(language)("This run has no weights yet; they appear after its first epoch.") in said(
        open_inspect(language, run=run.id)
    )


@pytest.mark.parametrize("language", SPANISH)
def test_an_unknown_run_is_reported_and_ones_own_is_shown(lab, language):
    mine = lab.train_here(QUICK, 1, owner=OWNER)
    app = open_inspect(language, run="nothing")
    assert text(language)(
        "There is no readable run at this address; it may have been deleted, or a newer nnlab stored it."
    ) in said(app)
    assert address(app)["run"] == mine.id


def test_anothers_run_can_be_looked_into_by_its_link(lab):
    theirs = lab.train_here(QUICK, 1, owner=STRANGER)
    mine = lab.train_here(QUICK.set({"data.seed": 5}), 1, owner=OWNER)
    app = open_inspect(run=theirs.id)
    assert address(app)["run"] == theirs.id
    app.selectbox(key="inspect-run").set_value(mine.id)
    assert address(go(app))["run"] == mine.id


@pytest.mark.parametrize("language", SPANISH)
def test_mnist_without_its_files_still_shows_its_weights(lab, language, mnist_dir, monkeypatch, tmp_path):
    run = lab.train_here(presets["mnist"].set({"data.n_samples": 500, "train.epochs": 1}), 1, owner=OWNER)
    from nnlab.settings import settings

    monkeypatch.setenv("NNLAB_DATA_DIR", str(tmp_path / "nothing"))
    settings.cache_clear()
    app = open_inspect(language, "Try it", run=run.id)
    assert text(language)(
        "This needs the data, which is not on this server yet: download it on the Build page."
    ) in said(app)
    assert app.dataframe


def test_a_deleted_runs_weights_are_not_shown(lab):
    run = lab.train_here(QUICK, 1, owner=OWNER)
    lab.delete(run.id, OWNER)
    app = open_inspect(run=run.id)
    assert not app.get("vega_lite_chart")
