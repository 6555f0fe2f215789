"""On every page a number is typed with a decimal comma or point; what is refused stays as typed, with the reason."""

import pytest
from page_app import LANGUAGES, OWNER, address, go, open_page, press, said

from nnlab import presets
from nnlab.ui.shell.text import text


def type_in(app, key, typed):
    app.text_input(key=key).set_value(typed)
    return go(app)


def field(app, key):
    return app.text_input(key=key).value


@pytest.mark.parametrize("language", LANGUAGES)
def test_build(lab, language):
    app = open_page("build", language)
    for typed, kept in (("0,03", "0.03"), ("0.04", "0.04"), ("1,5e-3", "0.0015")):
        app = type_in(app, "field-train.lr", typed)
        assert address(app)["train.lr"] == kept
        assert field(app, "field-train.lr") == text(language).written(kept)
    app = type_in(app, "field-train.epochs", "1e3")
    assert address(app)["train.epochs"] == field(app, "field-train.epochs") == "1000"
    app = type_in(app, "field-train.epochs", "2.000")
    assert field(app, "field-train.epochs") == "2.000"
    assert text(language)("a whole number without separators, such as 1000") in said(app)
    assert app.button(key="train").disabled, "nothing is trained that was not typed"
    app = type_in(app, "field-train.epochs", "2000")
    app.text_input(key="field-train.epochs").set_value("3e3")  # with the same click, as in a browser
    press(app, "train")
    assert [run.epochs for run in lab.runs(OWNER)] == [3000]


@pytest.mark.parametrize("language", LANGUAGES)
def test_play(lab, language):
    app = type_in(open_page("play", language), "play-depth", "3")
    assert address(app)["model.hidden"].count("-") == 2
    app = type_in(app, "play-depth", "50")
    assert (field(app, "play-depth"), address(app)["model.hidden"].count("-")) == ("50", 2)
    assert text(language)("{got} is out of range; allowed is from {low} to {high}.", got=50, low=0, high=6) in said(app)
    app.selectbox(key="play-data.name").set_value("circles")
    assert field(go(app), "play-depth") == "50", "nothing typed is lost"
    app = type_in(app, "play-depth", "2")
    assert ":red[" not in said(app)


@pytest.mark.parametrize("language", LANGUAGES)
def test_inspect(lab, language):
    run = lab.train_here(presets["celsius"].set({"train.epochs": 5}), 1, owner=OWNER)
    titles = [text(language)("Try it")]
    app = open_page("inspect", language, link={"run": run.id}, **{"inspect-below": titles[0]})
    before = app.metric[0].value
    app = type_in(app, "ask-celsius-0", "37,5")
    after = app.metric[0].value
    assert after != before
    app = type_in(app, "ask-celsius-0", "warm")
    assert (field(app, "ask-celsius-0"), app.metric[0].value) == ("warm", after)
    assert ":red[" in said(app)


@pytest.mark.parametrize("language", LANGUAGES)
def test_backpropagation(lab, language):
    app = type_in(open_page("backprop", language), "step-lr", "0,25")
    assert address(app)["lr"] == "0.25"
    app = type_in(app, "step-points", "99")
    assert (field(app, "step-points"), address(app).get("points")) == ("99", None)
    app = type_in(app, "step-value", "-1,5")
    assert address(app)["edits"].endswith(":-1.5")


@pytest.mark.parametrize("language", LANGUAGES)
def test_compare(lab, language):
    app = open_page("compare", language, link={"data.name": "moons", "vary": "lr", "values": "0.1"})
    app.multiselect(key="compare-values").set_value(["0.1", "0,01; 0,003"])
    app = go(app)
    assert address(app)["values"] == "0.003,0.01,0.1"
    app.multiselect(key="compare-values").set_value(["0.1", "0,01,0,1"])
    app = go(app)
    assert "0,01,0,1" in said(app)
    assert app.button(key="compare").disabled
    app.multiselect(key="compare-values").set_value(["0,02"])
    app = go(app)
    app.text_input(key="compare-seeds").set_value("2")
    press(app, "compare")
    (made,) = lab.comparisons(OWNER)
    assert (made.comparison.values, made.comparison.seeds) == ((0.02,), (0, 1))
