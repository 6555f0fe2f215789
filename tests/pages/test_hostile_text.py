"""Names of runs and values of links that try to be more than text, on the pages that show them."""

import pytest
from page_app import OWNER, go, open_page, said

from nnlab.spec import Experiment
from nnlab.ui.shell.text import in_markdown

HOSTILE = "[a](http://evil.example) :red[x] www.evil.example"
CALM = in_markdown(HOSTILE)


@pytest.mark.parametrize("page", ["home", "train", "runs"])
def test_a_hostile_name_of_a_run_is_text(lab, page):
    run = lab.train_here(Experiment().set({"data.n_samples": 60, "train.epochs": 1, "train.engine": "numpy"}), 1, OWNER)
    lab.rename(run.id, HOSTILE, OWNER)
    app = open_page(page, link={"run": run.id} if page == "train" else {})
    labels = [link.proto.label for link in app.get("page_link")]
    assert HOSTILE not in said(app) + "".join(labels)
    assert page == "runs" or CALM in said(app) + "".join(labels)


@pytest.mark.parametrize("page", ["build", "compare", "backprop", "play"])
def test_a_hostile_link_is_text(lab, page):
    app = go(
        open_page(page, link={HOSTILE: HOSTILE, "data.name": HOSTILE, "model.activation": HOSTILE, "vary": HOSTILE})
    )
    assert HOSTILE not in said(app)
