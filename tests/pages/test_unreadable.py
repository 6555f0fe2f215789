"""A run or comparison that cannot be read breaks no page of its owner."""

import pytest
from page_app import OWNER, SPANISH, links, open_page, press, said

from nnlab import Comparison, presets
from nnlab.store.schema import comparisons_table, runs_table
from nnlab.ui.shell.text import text

QUICK = presets["activations"].set({"train.epochs": 2, "data.n_samples": 60, "train.engine": "numpy"})
PAGES = ("home", "play", "build", "train", "inspect", "compare", "runs", "backprop")


@pytest.fixture
def broken(lab):
    """The newest run and comparison of the visitor, besides readable ones."""
    lab.train_here(QUICK, 1, owner=OWNER, name="fine")
    run = lab.train_here(QUICK, 2, owner=OWNER, name="gone *bad*")
    made = lab.submit_comparison(Comparison(QUICK, vary="depth", values=[1, 2], seeds=1), owner=OWNER, name="worse")
    with lab.store._write() as db:
        for table, column, item in ((runs_table, "experiment", run.id), (comparisons_table, "comparison", made.id)):
            newer = table.c[column].op("||")("of a newer nnlab")
            db.execute(table.update().where(table.c.id == item).values({column: newer}))
    return {"run": run.id, "comparison": made.id}


def test_every_page_opens_with_and_without_a_link_to_it(broken):
    for name in PAGES:
        open_page(name)
        if name in ("train", "inspect", "build", "play", "backprop"):
            open_page(name, link={"run": broken["run"]})
        if name in ("compare", "runs"):
            open_page(name, link={"comparison": broken["comparison"]})
    assert any("fine" in label for label in links(open_page("home")))


@pytest.mark.parametrize("language", SPANISH)
def test_a_comparison_with_an_unreadable_run_says_so_and_is_asked_again(lab, language):
    t = text(language)
    made = lab.submit_comparison(Comparison(QUICK, vary="depth", values=[3, 5], seeds=1), owner=OWNER)
    bad, fine = (cell.run.id for cell in made.cells)
    with lab.store._write() as db:
        db.execute(runs_table.update().where(runs_table.c.id == bad).values(experiment='{"future": 1}'))
    app = open_page("compare", language, link={"comparison": made.id})
    sentence = "A run of this comparison cannot be read: a newer nnlab stored it, or it is damaged."
    assert [one.value for one in app.info] == [t(f"{sentence} Press Compare to train that run again.")]
    press(app, "compare")
    (again,) = lab.comparisons(OWNER)
    assert again.comparison.values == (3, 5)
    assert again.cells[1].run.id == fine, "what can be read is not trained again"
    assert t(sentence) in said(open_page("runs", language, link={"comparison": made.id}))


@pytest.mark.parametrize("language", SPANISH)
def test_runs_names_it_and_deletes_it(broken, lab, language):
    t, app = text(language), open_page("runs", language)
    for name in (r"gone \*bad\*", "worse"):
        assert t("{name} cannot be read: a newer nnlab stored it, or it is damaged.", name=name) in said(app)
    for item in broken.values():
        press(app, f"delete-{item}")
    assert t("{name} cannot be read: a newer nnlab stored it, or it is damaged.", name="worse") not in said(app)
    assert lab.unreadable(OWNER) == []
