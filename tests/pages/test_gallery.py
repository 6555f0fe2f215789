"""The classics on the Compare page: their questions before, their usual outcome after, in both languages."""

import pytest
from streamlit.testing.v1 import AppTest

from nnlab import Comparison
from nnlab.catalogue.classics import classic_of, classics
from nnlab.ui.shell.text import text

OWNER = "v-" + "g" * 22
LANGUAGES = ("es", "en")


def place():
    """The part of the page that holds the gallery, or the usual outcome of the open comparison."""
    import streamlit as st

    from nnlab.store import Person
    from nnlab.ui.compare.question_form import gallery
    from nnlab.ui.compare.results import usual_outcome
    from nnlab.ui.shell.frame import Page
    from nnlab.ui.shell.text import text

    page = Page("compare", text(st.session_state["language"]), Person("v-" + "g" * 22))
    if opened := st.session_state.get("opened"):
        usual_outcome(page, page.lab.comparison(opened))
    else:
        gallery(page, page.lab.forecast(page.owner), lambda comparison: st.session_state.update(asked=comparison))


def shown(language, **state):
    app = AppTest.from_function(place, default_timeout=60)
    for name, value in {"language": language, **state}.items():
        app.session_state[name] = value
    app.run()
    assert not app.exception
    return app


def said(app):
    return "\n".join(str(part.value) for part in [*app.markdown, *app.caption])


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_classic_shows_its_question_but_not_its_outcome(lab, language):
    t = text(language)
    app = shown(language)
    words, buttons = said(app), [button.label for button in app.button]
    for classic in classics.values():
        assert t(classic.title) in buttons
        assert t(classic.question) in words
        assert t(classic.outcome) not in words


def test_a_card_submits_its_comparison(lab):
    app = shown("en")
    next(one for one in app.button if one.key == "classic-residual-go").click().run()
    assert not app.exception
    assert app.session_state["asked"] == classics["residual"].comparison


def test_the_outcome_is_shown_once_a_classic_has_finished_with_any_seeds(lab):
    classic = classics["overfitting"]
    waiting, done = (
        Comparison.from_query({**classic.comparison.to_query(), "seeds": seeds}) for seeds in ("30-31", "3-3")
    )
    for experiment in done.experiments:
        lab.train_here(experiment, done.seeds, owner=OWNER)
    waiting, done = (lab.submit_comparison(one, OWNER).id for one in (waiting, done))
    for language in LANGUAGES:
        assert not said(shown(language, opened=waiting))
        words, t = said(shown(language, opened=done)), text(language)
        assert t(classic.question) in words
        assert t(classic.outcome) in words


def test_no_outcome_is_shown_for_a_comparison_that_is_no_classic(lab):
    asked = classics["overfitting"].comparison
    own = Comparison(asked.experiment, vary="depth", values=(1, 2), seeds=2)
    for experiment in own.experiments:
        lab.train_here(experiment, own.seeds, owner=OWNER)
    assert not said(shown("en", opened=lab.submit_comparison(own, OWNER).id))


def test_a_classic_is_recognised_whatever_its_seeds_and_engine_and_from_its_link():
    for name, classic in classics.items():
        assert name == classic.name
        assert classic_of(Comparison.from_query(classic.comparison.to_query())) is classic
        assert classic_of(classic.comparison.model_copy(update={"seeds": (8,)})) is classic
        by_torch = classic.comparison.experiment.vary("engine", "torch")  # as versions stored it that knew no other
        assert classic_of(classic.comparison.model_copy(update={"experiment": by_torch})) is classic
    changed = classics["l2"].comparison
    assert classic_of(Comparison(changed.experiment.vary("width", 8), vary="l2", values=changed.values)) is None
