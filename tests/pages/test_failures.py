"""While the store cannot be used, every page says so calmly in the visitor's language, and goes on when it is back."""

import math
import re
from contextlib import contextmanager

import pytest
from page_app import LANGUAGES, OWNER, SPANISH, address, go, open_page, press, said
from streamlit.runtime.scriptrunner.script_runner import ScriptRunner

from nnlab.lab import Lab
from nnlab.spec import Experiment
from nnlab.store import Store, StoreUnavailable
from nnlab.ui.play import film
from nnlab.ui.runs import run_table
from nnlab.ui.shell import failure
from nnlab.ui.shell.failure import show_failure
from nnlab.ui.shell.frame import PLACES
from nnlab.ui.shell.text import text

REASONS = ("unreachable", "full", "newer", "damaged", "read_only")
SHORT = Experiment().set({"data.n_samples": 60, "train.epochs": 2, "train.engine": "numpy"})


class Failing:
    """Lets the store fail, at once or after so many calls; `after = None` brings it back."""

    def __init__(self, monkeypatch):
        self.after, self.reason, self.calls = None, "unreachable", 0
        for name in ("_read", "_write"):
            monkeypatch.setattr(Store, name, self._checked(getattr(Store, name)))

    def _checked(self, method):
        def call(store, *args, **kwargs):
            self.calls += 1
            if self.after is not None and self.calls > self.after:
                raise StoreUnavailable(self.reason, "The store <db> cannot be used: [x](http://x).")
            return method(store, *args, **kwargs)

        return call

    def now(self, reason="unreachable", after=0):
        self.after, self.reason, self.calls = after, reason, 0


@pytest.fixture
def store(lab, monkeypatch):
    return Failing(monkeypatch)


@pytest.fixture
def run(lab):
    return lab.train_here(SHORT, 1, OWNER).id


def opened(name, language, run):
    link = {"run": run} if name in ("train", "inspect") else {}
    return open_page(name, language, link=link)


@pytest.mark.parametrize("language", SPANISH)
@pytest.mark.parametrize("name", PLACES)
def test_every_page_says_what_is_kept_and_what_to_do_and_comes_back(store, run, name, language, monkeypatch):
    monkeypatch.setattr(film, "SOON", math.inf)  # no run is late
    t = text(language)
    opened(name, language, run)
    store.calls = 0
    usual = said(opened(name, language, run))
    assert store.calls
    for after in sorted({0, store.calls // 2, store.calls - 1}):  # from the start, in the middle, at the end
        store.now(after=after)
        app = opened(name, language, run)
        (warning,) = app.warning
        assert t("The data base cannot be reached right now.") in warning.value
        assert t("Your runs and what you typed are kept.") in warning.value
        assert t(failure._NEXT["unreachable"]) in warning.value
        assert "http" not in said(app)
        labels = {link.proto.label.strip("*") for link in app.sidebar.get("page_link")}
        others = {t(place.label) for place in PLACES.values()} - {t("Class")}  # which needs a login
        assert others <= labels, "the way to other pages stays"
        store.after = None
        assert said(go(app)) == usual


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("reason", REASONS)
def test_each_reason_has_its_sentences(store, reason, language):
    store.now(reason)
    t, (warning,) = text(language), open_page("runs", language).warning
    assert t(failure._WHAT[reason]) in warning.value
    assert t(failure._NEXT[reason]) in warning.value
    assert (t("Your runs and what you typed are kept.") in warning.value) == (reason != "damaged")


def test_what_was_typed_is_there_again(store):
    app = open_page("build", link={"data.name": "moons"})
    app.text_input(key="field-train.epochs").set_value("77")
    store.now()
    assert go(app).warning
    store.after = None
    app = go(app)
    assert app.text_input(key="field-train.epochs").value == "77"
    assert address(app)["train.epochs"] == "77"


def refuse(monkeypatch, name):
    """The store's method `name` fails once, because the disk is full."""
    method = getattr(Store, name)

    def call(*args, **kwargs):
        monkeypatch.setattr(Store, name, method)
        raise StoreUnavailable("full", "The store is full.")

    monkeypatch.setattr(Store, name, call)


@pytest.mark.parametrize("language", SPANISH)
def test_a_run_that_could_not_be_stored_is_submitted_by_the_next_click(lab, monkeypatch, language):
    t, app = text(language), open_page("build", language, link=SHORT.to_query())
    refuse(monkeypatch, "create_run")
    press(app, "train")
    assert t("The server has no disk space left.") in said(app)
    assert t("Your last action was not carried out; nothing else has changed.") in said(app)
    assert not lab.runs(OWNER)
    press(app, "train")
    assert len(lab.runs(OWNER)) == 1


@pytest.mark.parametrize("language", SPANISH)
def test_a_callback_that_could_not_be_stored_says_so_on_the_page_that_follows(lab, run, monkeypatch, language):
    t = text(language)
    monkeypatch.setattr(run_table, "runs_table", lambda page, entries, names: list(entries))
    refuse(monkeypatch, "delete")
    with callbacks_as_on_the_server():
        app = press(open_page("runs", language), "delete")
        assert t("The server has no disk space left.") in said(app)
        app = go(app)
    assert t("Your last action was not carried out; nothing else has changed.") in said(app)
    assert not lab.run(run).deleted


def test_any_other_failure_is_one_sentence_with_the_reference_of_the_log(lab, monkeypatch, caplog):
    monkeypatch.setattr(Lab, "activity", lambda *_: 1 / 0)
    for language, sentence in (("en", "Something failed"), ("es", "Algo ha fallado")):
        with callbacks_as_on_the_server():
            app = open_page("runs", language)
        (error,) = app.error
        assert sentence in error.value
        assert "division" not in error.value
        reference = re.search(r"[0-9a-f]{6}", error.value)[0]
        assert f"reference {reference}: ZeroDivisionError: division by zero" in caplog.text


@contextmanager
def callbacks_as_on_the_server():
    """Streamlit's AppTest knows no `on_script_error`, and so none before a page's script begins."""
    made = ScriptRunner.__init__

    def make(self, *args, **kwargs):
        made(self, *args, **kwargs, on_script_error=show_failure)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ScriptRunner, "__init__", make)
        yield
