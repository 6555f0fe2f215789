"""Links that hide parts of Play and Build, without any assignment and without a login."""

import pytest
from page_app import LANGUAGES, address, go, open_page, said

from nnlab.spec import Experiment
from nnlab.ui.shared.hiding import PARTS
from nnlab.ui.shell.text import text


def keys(app):
    kinds = (app.button, app.selectbox, app.select_slider, app.slider, app.text_input, app.multiselect, app.toggle)
    return {one.key for kind in kinds for one in kind} | {one.key for one in app.get("button_group")}


def test_hidden_controls_of_play_are_absent_and_keep_their_values(lab):
    hide = "data.name,model.hidden,train.l2,seeds,link,next"
    app = open_page("play", link={"hide": hide, "data.name": "xor", "train.l2": "0.03", "model.hidden": "3-3"})
    assert not {"play-data.name", "play-depth", "play-width", "play-train.l2", "another-seed", "how-sure"} & keys(app)
    assert {"play-data.noise", "play-train.lr"} <= keys(app)
    assert not {"Compare depths", "Open in Build"} & {one.proto.label for one in app.get("page_link")}
    app.select_slider(key="play-train.lr").set_value(0.1)
    go(app)
    after = Experiment.from_query({k: v for k, v in address(app).items() if "." in k})
    assert (after.data.name, after.train.l2, after.model.hidden, after.train.lr) == ("xor", 0.03, (3, 3), 0.1)
    assert set(address(app)["hide"].split(",")) == set(hide.split(","))


def test_hidden_parts_of_build_are_absent(lab):
    app = open_page("build", link={"hide": "data.name,cost,code,more,next,pictures,seeds,data.noise,data.n_samples"})
    assert not {"field-data.name", "field-seeds", "field-train.l2", "layer-by-layer", "field-data.noise"} & keys(app)
    assert not app.metric
    assert not app.expander
    assert [tab.label for tab in app.tabs] == ["Layers", "Link"]
    assert "Compare" not in [one.proto.label for one in app.main.get("page_link")]
    assert not app.button(key="train").disabled
    assert "hide" in address(app)


@pytest.mark.parametrize("name", ["build", "play"])
def test_a_link_that_hides_is_made_where_links_are(lab, name):
    app = open_page(name, link={"hide": "train.lr"}, **{"build-below": "Link"})
    assert app.multiselect(key=f"{name}-hide").value == ["train.lr"]
    app.multiselect(key=f"{name}-hide").set_value(["train.lr", "seeds", "link"])
    go(app)
    (made,) = [code.value for code in app.code if code.value.startswith("http")]
    assert "hide=seeds,link" in made.replace("train.lr,", "")
    assert address(app)["hide"] == "train.lr", "the page itself stays as it is"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", ["build", "play"])
def test_what_cannot_be_hidden_is_named(lab, name, language):
    app = open_page(name, language, link={"hide": "train.lr,everything,[x](http://y)"})
    words = text(language)(
        "The link hides parts that this page does not have: {names}", names="`everything`, `[x](http://y)`"
    )
    assert words in said(app)
    assert address(app)["hide"] == "train.lr"


@pytest.mark.parametrize("part", [*PARTS, "seeds"])
def test_build_works_without_each_of_its_parts(lab, part):
    app = open_page("build", link={"hide": part})
    assert not app.warning
    assert not app.button(key="train").disabled


def test_without_a_login_an_assignment_of_a_link_is_no_assignment(lab):
    app = open_page("build", link={"assignment": "x", "train.lr": "0.5"})
    assert "This is your own work." in said(app)
    assert app.text_input(key="field-train.lr").value == "0.5"
    assert "assignment" not in address(app)
    assert "This server has no login" in said(open_page("classroom", link={"assignment": "x"}))
