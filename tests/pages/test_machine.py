"""The teacher's view of the server: what is wrong and what to do, whose runs train and wait, what broke off."""

import dataclasses

import pytest
from page_app import LANGUAGES, OWNER, STRANGER, links, open_page, said

from nnlab.jobs.machine import SENTENCES
from nnlab.jobs.trouble import Trouble
from nnlab.settings import settings
from nnlab.spec import Experiment
from nnlab.ui.classroom.machine import problem_words
from nnlab.ui.shared.failure_words import failure_words
from nnlab.ui.shell.text import text

EXPERIMENT = Experiment().set({"data.n_samples": 60, "train.epochs": 5})
in_both_languages = pytest.mark.parametrize("language", LANGUAGES)
PROBLEMS = {"no_workers", "few_workers", "wait", "disk", "store", "memory"}


@pytest.fixture
def teacher(lab, monkeypatch):
    """A teacher who is signed in, with one student, Ana, in a class."""
    monkeypatch.setenv("NNLAB_AUTH", "code")
    monkeypatch.setenv("NNLAB_TEACHERS", "Marta")
    settings.cache_clear()
    person = lab.store.named("Marta")
    lab.store.sign_in(OWNER, person.id)
    return person


@pytest.fixture
def ana(lab, teacher):
    return lab.store.new_student(lab.store.create_class("1B", teacher.id).id, "Ana")


def shown(language="en", **link):
    return open_page("classroom", language, link={"view": "machine", **link})


@in_both_languages
def test_each_problem_says_what_is_wrong_and_what_to_do(lab, language):
    t = text(language)
    machine = dataclasses.replace(lab.machine(), wanted=2, oldest_wait=1200.0, trouble=Trouble("store", "away"))
    assert set(SENTENCES) == PROBLEMS
    for kind in [*SENTENCES, "workers"]:
        words = problem_words(machine, kind, t)
        assert words
        assert "{" not in words
    assert "20 min" in problem_words(machine, "wait", t)


@in_both_languages
def test_a_server_that_is_well_says_so(lab, teacher, language):
    app = shown(language)
    assert app.success[0].value == text(language)("All is well: workers, data base, disk and memory.")
    assert not app.error


@in_both_languages
def test_what_is_wrong_stands_on_top(lab, teacher, language, monkeypatch):
    monkeypatch.setattr(type(lab._dispatcher), "wanted", 2)
    app, t = shown(language), text(language)
    assert [one.value for one in app.error] == [t(SENTENCES["no_workers"])]
    assert not app.success


@in_both_languages
def test_the_students_own_names_are_shown_and_of_others_only_that_they_are_there(lab, ana, language):
    lab.store.create_run(EXPERIMENT, (0,), ana.id, "Ana's net")
    lab.store.create_run(EXPERIMENT, (1,), STRANGER, "Somebody's secret")
    app, t = shown(language), text(language)
    assert "Ana · Ana's net" in said(app)
    assert t("somebody else") in said(app)
    assert "secret" not in said(app)
    assert {one.label: one.value for one in app.metric}[t("Runs that wait")] == "2"


@in_both_languages
def test_a_worker_shows_what_it_trains_with_a_link(lab, ana, language):
    run = lab.store.create_run(EXPERIMENT, (0,), ana.id, "Ana's net")
    lab.store.claim(run.id, "far:1/2/3.00")
    app = shown(language)
    assert f"run={run.id}" in links(app)["Ana · Ana's net"].query_string
    assert "far" in said(app)


@in_both_languages
def test_runs_that_failed_are_there_with_the_reason_and_a_link(lab, ana, language):
    for owner, name in ((ana.id, "deep net"), (STRANGER, "secret net")):
        run = lab.store.create_run(EXPERIMENT, (0,), owner, name)
        lab.store.finish(run.id, lab.store.claim(run.id), "failed", note="memory", error="in English")
    app, t = shown(language), text(language)
    assert "Ana · deep net" in links(app)
    assert failure_words(lab.runs(ana.id)[0], t) in said(app)
    assert t.many("and {n} run of somebody else", "and {n} runs of other people", 1) in said(app)
    assert "secret" not in said(app)


def test_a_student_does_not_see_the_server(lab, ana):
    lab.store.sign_in(OWNER, ana.id)
    assert not shown().metric
