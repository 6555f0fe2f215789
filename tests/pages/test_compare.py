"""Compare: the question, the cells, the finding and the table, in both languages, for its owner and for others."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from nnlab import Comparison, presets
from nnlab.lab import close_labs, open_lab
from nnlab.presets import preset_comparisons
from nnlab.ui.text import text

ROOT = Path(__file__).parents[2]
OWNER = "v-" + "o" * 22
LANGUAGES = ("es", "en")
QUICK = presets["activations"].set({"train.epochs": 3, "data.n_samples": 60})


@pytest.fixture
def lab(home, monkeypatch):
    """A lab whose workers never start: the tests train by themselves."""
    one = open_lab()
    monkeypatch.setattr(one._foreman, "start", lambda: None)
    yield one
    close_labs()


def open_compare(language="en", owner=OWNER, **query):
    app = AppTest.from_file(ROOT / "dashboard.py", default_timeout=60)
    app.session_state["visitor"] = owner
    app.query_params["lang"] = language
    app.run()
    for name, value in query.items():
        app.query_params[name] = value
    app.switch_page("pages/compare.py").run()
    assert not app.exception
    return app


def said(app):
    return "\n".join(str(part.value) for part in [*app.title, *app.markdown, *app.caption, *app.warning, *app.error])


def trained(lab, comparison, owner=OWNER):
    """The comparison with every cell finished before it is asked: all of them are taken from the store."""
    for experiment in comparison.experiments:
        lab.train_here(experiment, comparison.seeds, owner=owner)
    return lab.submit_comparison(comparison, owner)


def param(app, name):
    """What the address bar holds, as AppTest gives it: a text, or a list of one."""
    value = app.query_params[name]
    return value[-1] if isinstance(value, list) else value


def button(app, key):
    return next(one for one in app.button if one.key == key)


@pytest.mark.parametrize("language", LANGUAGES)
def test_without_a_comparison_the_presets_offer_questions(lab, language):
    app, t = open_compare(language), text(language)
    keys = {one.key for one in app.button}
    assert {f"ask-{name}-go" for name in preset_comparisons} <= keys
    assert t("How deep for 100 samples?") in said(app)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_finished_comparison_says_its_finding_and_shows_charts_and_table(lab, language):
    comparison = Comparison(QUICK, vary="depth", values=(1, 2), seeds=2)
    run = trained(lab, comparison)
    app, t = open_compare(language, comparison=run.id), text(language)
    shown = app.dataframe[0].value
    assert list(shown.iloc[:, 0]) == [1, 2]
    assert list(shown[t("Parameters")]) == [one.parameters for one in comparison.experiments]
    assert len(app.get("vega_lite_chart")) >= 4  # capacity, curves, two surfaces
    assert t("Training: {done} of {all} values done, {time} left").partition(":")[0] not in said(app).partition("\n")[0]
    assert t("The test part plays no role in the choice.") in said(app)
    assert {one.proto.label for one in app.get("download_button")} >= {t("CSV"), t("CSV (Excel, es)"), t("Every epoch")}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_pressed_question_waits_a_cell_a_value_and_can_be_stopped(lab, language):
    link = Comparison(QUICK, vary="activation", values=("relu", "tanh", "sigmoid"), seeds=3).to_query()
    app = open_compare(language, **link)
    button(app, "compare").click().run()
    assert not app.exception
    asked = lab.comparisons(OWNER)[0]
    assert asked.comparison == Comparison.from_query(link)
    assert len(app.get("progress")) == 3
    assert param(app, "comparison") == asked.id
    button(app, "stop").click().run()
    assert not app.exception
    assert not lab.comparison(asked.id).active


def test_switching_the_language_keeps_the_question(lab):
    link = Comparison(QUICK, vary="lr", values=(0.001, 0.01), seeds=(3, 5)).to_query()
    app = open_compare("en", **link)
    app.query_params["lang"] = "es"
    app.run()
    assert text("es")("Compare") in [one.value for one in app.title]
    kept = {name: param(app, name) for name in link}
    assert Comparison.from_query(kept) == Comparison.from_query(link)


def test_a_value_that_cannot_be_is_named_beside_the_question_and_nothing_can_be_pressed(lab):
    app = open_compare(**Comparison(QUICK, vary="depth", values=(1, 2), seeds=2).to_query())
    next(one for one in app.text_input if one.key == "compare-seeds").input("many").run()
    assert not app.exception
    assert button(app, "compare").disabled
    assert "Seeds" in said(app)


def test_a_link_with_a_value_that_cannot_be_keeps_the_rest_and_says_so(lab):
    app = open_compare(**{"data.name": "circles", "vary": "depth", "values": "1,900", "seeds": "2"})
    assert app.warning
    assert "900" in app.warning[0].value
    assert param(app, "data.name") == "circles"


def test_another_visitor_looks_but_cannot_stop(lab):
    run = lab.submit_comparison(Comparison(QUICK, vary="depth", values=(1, 2), seeds=2), "v-" + "a" * 22)
    app = open_compare(comparison=run.id)
    assert "stop" not in {one.key for one in app.button}
    assert "somebody else's" in said(app)


def test_a_comparison_this_server_does_not_have_is_still_a_question(lab):
    link = Comparison(QUICK, vary="depth", values=(1, 3), seeds=2).to_query()
    app = open_compare(**link, comparison="AAAAAAAAAAAA")
    assert "does not have the results" in app.info[0].value
    assert not button(app, "compare").disabled
