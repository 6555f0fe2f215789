"""Links that people paste, damage and forge, on every page: never an exception, and nothing is ignored silently."""

import os
from urllib.parse import parse_qsl, urlencode

import hypothesis
import pytest

from benchmarks.fuzz import COMPARISONS, EXPERIMENTS, texts
from nnlab.spec import Experiment
from nnlab.ui.shell.frame import PLACES
from nnlab.ui.shell.text import text
from tests.page_app import LANGUAGES, address, open_page, said

HOSTILE = {
    "home": ["x=1"],
    "play": [],
    "build": [],
    "train": ["run=\0", "run=..%2F..&with=a,b,%00&scale=x", "run=" + "9" * 5000],
    "compare": ["comparison=%00&baseline=x&margin=1e400&vary=depth", "margin=nan&vary=&values="],
    "inspect": ["run=%00&epoch=" + "9" * 5000, "epoch=-1"],
    "backprop": ["data=xor&edits=0:0.weight:9999999999:nan;x&step=" + "9" * 5000, "lr=nan&seed=1e9&race=x"],
    "runs": ["page=" + "9" * 5000, "page=²&state=x,,&q=%00*[&of=local", "comparison=%00"],
    "classroom": ["class=%00&assignment=..%2F..&view=x", "assignment=" + "9" * 5000],
}
LINKS_A_PAGE = int(os.environ.get("NNLAB_TEST_LINKS", "1"))  # more of them find more
LINKS = [urlencode(one.to_query()) for one in (*EXPERIMENTS, *COMPARISONS)]


@pytest.mark.parametrize("name", PLACES)
def test_a_hostile_link_never_breaks_a_page(lab, name):
    @hypothesis.seed(0)
    @hypothesis.settings(max_examples=LINKS_A_PAGE, phases=[hypothesis.Phase.generate], database=None, deadline=None)
    @hypothesis.given(texts(*LINKS))
    def open_all(link):
        open_page(name, link=dict(parse_qsl(link[:5000])))

    for link in HOSTILE[name]:
        open_page(name, link=dict(parse_qsl(link)))
    open_all()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_page_names_what_it_does_not_understand(lab, language):
    t = text(language)
    words = t("This page does not understand a part of the link: {names}", names="`Seeds`, `[x](http://y)`")
    app = open_page("build", language, link={"data.name": "xor", "Seeds": "3", "[x](http://y)": "1"})
    assert words in said(app)


@pytest.mark.parametrize("name", ["build", "play", "compare"])
def test_a_link_out_of_the_source_of_a_page_opens_what_it_meant(lab, name):
    app = open_page(name, link={"data.name": "xor", "amp;model.hidden": "7-7", "amp;train.epochs": "9"})
    opened = Experiment.from_query({k: v for k, v in address(app).items() if "." in k})
    assert (opened.data.name, opened.model.hidden, opened.train.epochs) == ("xor", (7, 7), 9)
    assert not app.warning


def test_several_values_for_one_setting_are_all_ignored(lab):
    app = open_page("build", link={"data.name": ["xor", "circles"], "model.hidden": "3"})
    assert "The link gives several values for a setting, which are all ignored: `data.name`" in said(app)
    assert Experiment.from_query({k: v for k, v in address(app).items() if "." in k}).data.name == "moons"
