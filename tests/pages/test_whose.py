"""Runs of others: a copy of one's own for everybody, the name and the stop for their teacher alone."""

import pytest
from page_app import OWNER, SPANISH, STRANGER, address, open_page, press, said

from nnlab import Comparison, presets
from nnlab.ui.shared.whose import stop_anybodys
from nnlab.ui.shell.frame import Page
from nnlab.ui.shell.text import text

QUICK = presets["activations"].set({"train.epochs": 2, "data.n_samples": 60, "train.engine": "numpy"})
QUESTION = Comparison(QUICK, vary="depth", values=(1, 2), seeds=1)


@pytest.fixture
def people(lab, with_codes):
    """Ana, her teacher, another student and another teacher."""
    store = lab.store
    rivera, okafor, root = (store.named(name) for name in ("Ms Rivera", "Mr Okafor", "Root"))
    mine, other = store.create_class("A", rivera.id), store.create_class("B", okafor.id)
    ana, ben = store.new_student(mine.id, "Ana_1"), store.new_student(other.id, "Ben")
    return {"ana": ana, "ben": ben, "rivera": rivera, "okafor": okafor, "root": root}


def has(app, key):
    return any(button.key == key and not button.disabled for button in app.button)


@pytest.mark.parametrize("page", ["train", "inspect"])
@pytest.mark.parametrize("language", SPANISH)
def test_a_finished_run_of_others_is_copied_into_ones_own(lab, page, language):
    run = lab.train_here(QUICK, 2, owner=OWNER)
    app = open_page(page, language, STRANGER, {"run": run.id})
    assert text(language)("This is someone else's: you can look at it, but not change it.") in said(app)
    app = press(app, "copy")
    (mine,) = lab.runs(STRANGER)
    assert address(app)["run"] == mine.id != run.id
    assert mine.results == run.results
    assert not has(app, "copy")


def test_a_finished_comparison_of_others_is_copied_without_training(lab):
    for experiment in QUESTION.experiments:
        lab.train_here(experiment, 1, owner=OWNER)
    theirs = lab.submit_comparison(QUESTION, OWNER)
    app = press(open_page("compare", owner=STRANGER, link={"comparison": theirs.id}), "copy")
    (mine,) = lab.comparisons(STRANGER)
    assert address(app)["comparison"] == mine.id != theirs.id
    assert not mine.active


def test_a_run_in_training_is_not_copied(lab):
    run = lab.submit(QUICK, 1, owner=OWNER)
    assert not has(open_page("train", owner=STRANGER, link={"run": run.id}), "copy")


@pytest.mark.parametrize("who", ["rivera", "root", "okafor", "ben"])
def test_only_their_teacher_stops_a_run_and_learns_whose_it_is(lab, people, who):
    run = lab.submit(QUICK, 1, owner=people["ana"].id)
    app = open_page("train", person=people[who], link={"run": run.id})
    allowed = who in ("rivera", "root")
    assert ("Ana\\_1" in said(app), has(app, "stop")) == (allowed, allowed)
    assert not any(has(app, key) for key in ("pause", "resume", "more-epochs"))
    if allowed:
        press(app, "stop")
    assert lab.run(run.id).state == ("stopped" if allowed else "waiting")


@pytest.mark.parametrize("who", ["rivera", "ben"])
def test_only_their_teacher_stops_a_comparison(lab, people, who):
    theirs = lab.submit_comparison(QUESTION, people["ana"].id)
    app = open_page("compare", person=people[who], link={"comparison": theirs.id})
    assert has(app, "stop") == (who == "rivera")
    if who == "rivera":
        press(app, "stop")
        assert not lab.comparison(theirs.id).active


def test_a_forged_click_stops_nothing(lab, people, monkeypatch):
    """The right is looked up when the click arrives, whatever the page had shown."""
    monkeypatch.setattr("nnlab.ui.shell.frame.still_signed_in", lambda _: None)
    asked = []
    for who in ("ben", "okafor", "rivera", "ana"):
        stop_anybodys(Page("train", text("en"), people[who]), people["ana"].id, asked.append)
    assert asked == [people["ben"].id, people["okafor"].id, people["ana"].id, people["ana"].id]


def test_the_runs_page_of_a_teacher_lists_their_own_only(lab, people):
    lab.submit(QUICK, 1, owner=people["ana"].id)
    assert "Nothing trained yet" in said(open_page("runs", person=people["rivera"]))


@pytest.mark.parametrize("who", ["ana", "root"])
def test_students_do_not_list_the_runs_of_whoever_runs_the_server(lab, people, who):
    lab.train_here(QUICK, 1, "local", "of the server")
    app = open_page("runs", person=people[who], link={"of": "local"})
    shown = who == "root"
    assert ("Nothing trained yet" in said(app), bool(app.toggle)) == (not shown, shown)
