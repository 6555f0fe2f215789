"""Home: every preset is a card that runs or opens, in both languages."""

from pathlib import Path
from urllib.parse import parse_qs

import pytest
from streamlit.testing.v1 import AppTest

from nnlab import presets
from nnlab.lab import close_labs, open_lab
from nnlab.spec import Experiment
from nnlab.ui.home.cards import CARDS
from nnlab.ui.shell.text import text

ROOT = Path(__file__).parents[2]
OWNER = "v-" + "o" * 22
LANGUAGES = ("es", "en")


def open_home(language="en", owner=OWNER):
    app = AppTest.from_file(ROOT / "dashboard.py", default_timeout=30)
    app.session_state["visitor"] = owner
    app.query_params["lang"] = language
    app.run()
    assert not app.exception
    return app


def said(app):
    parts = [*app.title, *app.markdown, *app.caption, *app.info, *app.warning, *app.error]
    return "\n".join(str(part.value) for part in parts)


def links(app):
    """Where the page leads: label → parameters, for each link."""
    return [(link.proto.label, parse_qs(link.proto.query_string)) for link in app.get("page_link")]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_preset_is_a_card_with_its_question_its_time_and_a_link(lab, language):
    app, t = open_home(language), text(language)
    assert {card.preset for card in CARDS} == set(presets)
    opened = []
    titles = {f"**{t(card.title)}**" for card in CARDS}
    for label, query in links(app):
        if label in titles:
            assert query["lang"] == [language]
            opened.append(Experiment.from_query({k: v[0] for k, v in query.items()}))
    assert opened == [presets[card.preset] for card in CARDS]
    for card in CARDS:
        assert t(card.question) in said(app)
        assert app.button(key=f"run-{card.preset}").label == t(card.action)
    assert len(app.get("vega_lite_chart")) == len(CARDS), "one of the presets is code, and the last card is a network"


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.preset)
def test_run_trains_what_the_card_asks(lab, card):
    app = open_home()
    app.button(key=f"run-{card.preset}").click().run()
    assert not app.exception
    if card.comparison is not None:
        (asked,) = lab.comparisons(OWNER)
        assert asked.comparison == card.comparison
        return
    (run,) = lab.runs(owner=OWNER)
    assert (run.experiment, run.seeds) == (presets[card.preset], tuple(range(card.seeds)))


@pytest.mark.parametrize("language", LANGUAGES)
def test_before_the_first_run_home_points_to_the_cards(lab, language):
    assert text(language)(
        "Nothing trained yet. Press the button of a card above: the first curve appears within seconds."
    ) in said(open_home(language))


@pytest.mark.parametrize("language", LANGUAGES)
def test_recent_runs_are_led_back_to_and_only_ones_own(lab, language):
    quick = presets["activations"].set({"train.epochs": 2, "data.n_samples": 60})
    mine = lab.train_here(quick, 2, owner=OWNER, name="mine [*]")
    other = lab.train_here(quick.set({"data.seed": 4}), 1, owner="v-" + "x" * 22, name="theirs")
    found = {query["run"][0] for _, query in links(open_home(language)) if "run" in query}
    assert mine.id in found
    assert other.id not in found


def test_a_preset_over_the_limits_is_refused_in_one_sentence(lab, monkeypatch):
    from nnlab.settings import settings

    monkeypatch.setenv("NNLAB_MAX_EPOCHS", "50")
    settings.cache_clear()
    close_labs()
    monkeypatch.setattr(open_lab()._dispatcher, "start", lambda: None)
    app = open_home()
    app.button(key="run-celsius").click().run()
    assert not app.exception
    assert [error.value for error in app.error] == ["Epochs: 1,000 is out of range; allowed is from 1 to 50."]
    assert not open_lab().runs(owner=OWNER)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_last_card_leads_to_the_step_by_step_page(lab, language):
    app, t = open_home(language), text(language)
    assert t("One training step in detail") in said(app)
    assert t("Step through it") in [label for label, _ in links(app)]
