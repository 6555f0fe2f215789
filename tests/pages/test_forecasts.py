"""Where a page says how long a training takes, it also says when it will be done behind other runs."""

import pytest
from page_app import SPANISH, STRANGER, open_page, said

from nnlab import presets
from nnlab.settings import settings
from nnlab.ui.shell.text import text

LONG = presets["mnist"].set({"train.epochs": 50})
LINK = {"data.name": "moons", "train.epochs": "20"}


@pytest.fixture
def one_worker(lab, monkeypatch):
    monkeypatch.setenv("NNLAB_WORKERS", "1")
    settings.cache_clear()
    return lab


@pytest.mark.parametrize("language", SPANISH)
@pytest.mark.parametrize(("page", "link"), [("build", LINK), ("compare", {**LINK, "vary": "depth"}), ("home", {})])
def test_a_page_says_when_a_run_is_done_behind_others_and_nothing_while_nobody_waits(one_worker, language, page, link):
    after = text(language).many("after {n} other run", "after {n} other runs", 2)
    assert after not in said(open_page(page, language, link=link))
    for seeds in (1, 2):
        one_worker.submit(LONG, seeds, f"{STRANGER}{seeds}")
    assert after in said(open_page(page, language, link=link))
