"""Transfer learning on the pages: classes that are kept, a run to start from, frozen layers seen as frozen."""

from urllib.parse import parse_qs

import pytest
from page_app import OWNER, SPANISH, address, go, links, open_page, said

from nnlab.spec import Comparison, Experiment, StartFrom
from nnlab.ui.compare.knobs import knobs_for, value_texts
from nnlab.ui.runs import run_table
from nnlab.ui.shared.comparison_naming import experiment_summary
from nnlab.ui.shared.naming import experiment_title, start_words, value_name
from nnlab.ui.shell.text import text

SOURCE = Experiment.of(
    {
        "data": {"name": "digits", "labels": [0, 1, 2, 3, 4], "n_samples": 100},
        "model": {"hidden": [8, 8]},
        "train": {"engine": "numpy", "epochs": 2},
    }
)


def shown(app) -> Experiment:
    return Experiment.from_query({name: value for name, value in address(app).items() if "." in name})


def start_options(app):
    return app.selectbox(key="field-train.start_from").options


@pytest.mark.parametrize("language", SPANISH)
@pytest.mark.parametrize("name", ["digits", "mnist"])
def test_classes_are_chosen_and_come_and_go_with_the_link(lab, language, name):
    app, t = open_page("build", language, link={"data.name": name}), text(language)
    app.multiselect(key="field-data.labels").set_value([9, 5])
    app = go(app)
    assert shown(app).data.labels == (5, 9)
    assert shown(app).outputs == 2
    assert address(app)["data.labels"] == "5-9"
    app.multiselect(key="field-data.labels").set_value([5])
    app = go(app)
    assert sum(":red[" in part.value for part in app.markdown) == 1
    assert t("Classes used") in app.error[0].value
    assert app.button(key="train").disabled
    assert shown(app).data.labels == (5, 9)
    app.multiselect(key="field-data.labels").set_value([])
    app = go(app)
    assert shown(app).data.labels == ()
    app = open_page("build", language, link={"data.name": name, "data.labels": "0-1-2"})
    assert list(app.multiselect(key="field-data.labels").value) == [0, 1, 2]
    app.selectbox(key="field-data.name").set_value("moons")
    assert shown(go(app)).data.labels == ()


@pytest.mark.parametrize("language", SPANISH)
def test_where_no_run_fits_one_sentence_explains_why(lab, language):
    t = text(language)
    inputs = t.many("{n} input", "{n} inputs", 64)
    link = {"data.name": "digits", "model.hidden": "8"}
    nothing = t("you have no finished run on data with {inputs} yet.", inputs=inputs)
    assert nothing in said(open_page("build", language, link=link))
    lab.train_here(SOURCE, 1, owner="somebody else")
    assert nothing in said(open_page("build", language, link=link))
    lab.train_here(SOURCE, 1, owner=OWNER)
    other = t(
        "none of your finished runs on data with {inputs} has the same first hidden layer as this network (width, "
        "activation, normalisation).",
        inputs=inputs,
    )
    assert other in said(open_page("build", language, link={"data.name": "digits", "model.hidden": "9"}))
    none = t("this network has no hidden layer whose weights could be copied.")
    assert none in said(open_page("build", language, link={"data.name": "digits", "model.hidden": "0"}))
    assert "field-train.start_from" in {box.key for box in open_page("build", language, link=link).selectbox}


@pytest.mark.parametrize("language", SPANISH)
def test_a_run_is_chosen_to_start_from_and_its_frozen_layers_are_seen(lab, language):
    run, t = lab.train_here(SOURCE, 1, owner=OWNER), text(language)
    app = open_page("build", language, link={"data.name": "digits", "data.labels": "5-6", "model.hidden": "8-8-4"})
    assert start_options(app)[0] == t("random weights")
    app.selectbox(key="field-train.start_from").set_value(run.key)
    app = go(app)
    assert shown(app).train.start_from == StartFrom(experiment=SOURCE, layers=2)
    assert "🔒" not in said(app)
    app.text_input(key="field-train.start_from.frozen").set_value("1")
    app = go(app)
    made = shown(app)
    assert made.train.start_from == StartFrom(experiment=SOURCE, layers=2, frozen=1)
    assert Experiment.from_query(address(app)) == made
    assert t("🔒 Dashed lines: frozen layers. Their weights do not change during training.") in said(app)
    assert t("{n} more are frozen", n=t.whole(made.frozen_parameters)) in said(app)
    kinds = list(app.dataframe[-1].value[t("Operation")])
    assert [t("frozen") in kind for kind in kinds] == [False, True, False, False, False]
    app.session_state["build-below"] = t("PyTorch code")
    app = go(app)
    assert "requires_grad_(False)" in app.code[0].value
    app.text_input(key="field-train.start_from.layers").set_value("3")
    app = go(app)
    assert t("Reused layers") in app.error[0].value
    assert sum(":red[" in part.value for part in app.markdown) == 1
    assert shown(app) == made
    app.text_input(key="field-train.start_from.layers").set_value("1")
    app = go(app)
    assert shown(app).train.start_from == StartFrom(experiment=SOURCE, layers=1, frozen=1)
    app.selectbox(key="field-train.start_from").set_value("")
    app = go(app)
    assert shown(app).train.start_from is None
    assert "field-train.start_from.layers" not in {field.key for field in app.text_input}


@pytest.mark.parametrize("language", SPANISH)
def test_a_network_that_no_longer_fits_its_source_is_reported_and_the_source_can_be_removed(lab, language):
    lab.train_here(SOURCE, 1, owner=OWNER)
    started = SOURCE.vary("start_from", {"experiment": SOURCE, "layers": 1})
    app, t = open_page("build", language, link=started.to_query()), text(language)
    assert shown(app) == started
    app.slider(key="field-width").set_value(9)
    app = go(app)
    assert t("Reused layers") in app.error[0].value
    app.selectbox(key="field-train.start_from").set_value("")
    app = go(app)
    assert not app.error
    assert shown(app).model.hidden == (9, 9)


def test_a_link_brings_a_source_the_visitor_has_not_run(lab):
    started = SOURCE.vary("start_from", {"experiment": SOURCE, "layers": 1})
    app = open_page("build", "en", link=started.to_query())
    assert shown(app) == started
    assert start_options(app) == ["random weights", experiment_title(SOURCE, text("en"))]
    app.selectbox(key="field-data.name").set_value("mnist")
    app = go(app)
    assert shown(app).train.start_from is None


@pytest.mark.parametrize("language", SPANISH)
@pytest.mark.parametrize("page", ["train", "runs"])
def test_a_finished_run_leads_to_build_with_what_starts_from_it(lab, monkeypatch, language, page):
    run, t = lab.train_here(SOURCE, (3, 4), owner=OWNER), text(language)
    monkeypatch.setattr(run_table, "runs_table", lambda page, runs, names: runs[:1])  # as if it were chosen
    app = open_page(page, language, link={"run": run.id} if page == "train" else {})
    label = t("Reuse its weights")
    link = {key: value[0] for key, value in parse_qs(links(app)[label].query_string).items()}
    made = Experiment.from_query(link)
    assert made.train.start_from == StartFrom(experiment=SOURCE, layers=2)
    assert made.data.labels == (5, 6, 7, 8, 9)
    assert link["seeds"] == "3-4"
    app = open_page("build", language, link={k: v for k, v in link.items() if k != "lang"})
    assert shown(app) == made
    assert not app.warning


def test_nothing_leads_on_from_a_run_without_hidden_layers_or_classes(lab):
    t = text("en")
    for changes in ({"model.hidden": []}, {"data.name": "celsius", "model.hidden": [3]}):
        run = lab.train_here(SOURCE.set(changes), 1, owner=OWNER)
        assert t("Reuse its weights") not in links(open_page("train", "en", link={"run": run.id}))
    waiting = lab.submit(SOURCE.set({"train.epochs": 3}), owner=OWNER)
    link = links(open_page("train", "en", link={"run": waiting.id}))[t("Reuse its weights")]
    assert link.disabled


@pytest.mark.parametrize("language", SPANISH)
def test_the_source_of_an_experiment_is_named_wherever_the_experiment_is(lab, language):
    t = text(language)
    start = StartFrom(experiment=SOURCE, layers=2, frozen=1)
    started = SOURCE.set({"data.labels": [5, 7], "train.start_from": start})
    words = start_words(start, t)
    assert "0–4" in words
    assert "2" in words
    assert "5 7" in experiment_title(started, t)
    assert words in experiment_summary(started, t)
    assert (value_name("start_from", start, t), value_name("start_from", None, t)) == (words, t("random weights"))
    for value in (start, None):
        assert started.vary("start_from", value_texts([value])[0]) == started.vary("start_from", value)
    run = lab.submit(started, owner=OWNER)
    assert words in said(open_page("train", language, link={"run": run.id}))
    assert "start_from" not in knobs_for(started)


@pytest.mark.parametrize("language", SPANISH)
def test_a_comparison_of_source_experiments_is_submitted_shown_and_opened_by_its_link(lab, language):
    t = text(language)
    base = SOURCE.set({"data.labels": [5, 6, 7], "data.n_samples": 60})
    start = StartFrom(experiment=SOURCE, layers=2, frozen=1)
    asked = Comparison(base, vary="n_samples", values=(40, 60), by="start_from", by_values=(None, start), seeds=2)
    for experiment in asked.experiments:
        lab.train_here(experiment, asked.seeds, owner=OWNER)
    run = lab.submit_comparison(asked, OWNER)
    assert not run.active
    app = open_page("compare", language, link={"comparison": run.id})
    assert not app.warning
    assert t("random weights") in str(app.dataframe[0].value.to_csv())
    app = open_page("compare", language, link=asked.to_query())
    assert not app.warning
    assert list(app.multiselect(key="compare-by-values").value) == ["none", start.to_text()]
    assert Comparison.from_query(address(app)) == asked
    app.button(key="compare").click()
    app = go(app)
    assert len(lab.comparisons(OWNER)) == 2
    one = Comparison(base, vary="start_from", values=(start, None), seeds=2)
    app = open_page("compare", language, link=one.to_query())
    assert Comparison.from_query(address(app)) == one
    app.multiselect(key="compare-values").set_value([start.to_text()])
    app = go(app)
    assert Comparison.from_query(address(app)).values == (start,)
