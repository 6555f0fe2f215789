"""Live pages share half a core: their ticks are rarer the more of them there are, whatever they show."""

import pytest
from streamlit.testing.v1 import AppTest

from nnlab.ui.shell import ticks
from nnlab.ui.shell.text import text
from nnlab.ui.shell.ticks import AROUND, GONE, ROOM, SHARE, Pace, pace_words


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def pace(clock, monkeypatch):
    monkeypatch.setattr(ticks, "pace", Pace(clock))
    return ticks.pace


def share(pace, pages, least, cost):
    """What ticks of so many pages need of a core."""
    return pages * AROUND * cost / pace.every(least)


def test_what_was_read_serves_all_pages_for_longer_where_ticks_are_rarer(pace, clock):
    def seconds_until_read_again():
        begun, period = clock.now, pace.shared(1.0)
        while pace.shared(1.0) == period:
            clock.now += 0.01
        return clock.now - begun

    seconds_until_read_again()
    assert seconds_until_read_again() == pytest.approx(0.9, abs=0.02)
    for page in range(200):
        pace.drawn(f"page {page}", "1", "curves", 1.0, 0.02)
    seconds_until_read_again()
    assert 2 < seconds_until_read_again() == pytest.approx(0.45 * pace.every(1.0), abs=0.02)


def test_one_tick_that_takes_seconds_makes_no_page_wait(pace):
    """As the first of a server, in which modules are imported."""
    pace.drawn("a page", "1", "film", 0.1, 3.0)
    assert pace.every(0.1) < 0.5
    for _ in range(50):
        pace.drawn("a page", "1", "film", 0.1, 0.005)
    assert pace.every(0.1) == 0.1


def test_few_pages_keep_their_usual_ticks(pace):
    for page in range(10):
        pace.drawn(f"page {page}", "1", "curves", 1.0, 0.01)
    assert pace.every(1.0) == 1.0
    assert pace.every(0.1) == 0.1
    assert pace_words(text("en"), 1.0) == ""


@pytest.mark.parametrize(("pages", "least", "cost"), [(200, 1.0, 0.01), (200, 3.0, 0.05), (60, 0.1, 0.005)])
def test_many_pages_take_no_more_than_their_share_of_a_core(pace, pages, least, cost):
    for page in range(pages):
        pace.drawn(f"page {page}", "1", "all", least, cost)
    assert pace.every(least) > least
    assert SHARE / ROOM**2 / 1.3 < share(pace, pages, least, cost) <= SHARE


def test_a_page_whose_ticks_cost_more_slows_all_of_them(pace):
    for page in range(40):
        pace.drawn(f"page {page}", "1", "cheap", 1.0, 0.002)
    before = pace.every(1.0)
    for page in range(40):
        pace.drawn(f"page {page}", "2", "dear", 2.0, 0.1)
    assert pace.every(1.0) > before == 1.0
    assert pace.pages == 40


def test_the_ticks_are_the_usual_ones_again_when_the_class_has_left(pace, clock):
    for page in range(200):
        pace.drawn(f"page {page}", "1", "curves", 1.0, 0.01)
    clock.now += GONE * (1 + pace.every(1.0)) + 1
    pace.drawn("page 0", "1", "curves", 1.0, 0.01)
    assert (pace.every(1.0), pace.pages) == (1.0, 1)


def test_what_a_page_showed_before_no_longer_counts(pace):
    for page in range(200):
        pace.drawn(f"page {page}", "1", "curves", 1.0, 0.01)
        pace.forget(f"page {page}")
    assert pace.pages == 0


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "refreshed every 5 s: 200 pages are open"), ("es", "se actualiza cada 5 s: hay 200 páginas abiertas")],
)
def test_a_page_says_that_it_is_refreshed_less_often(pace, language, words):
    for page in range(200):
        pace.drawn(f"page {page}", "1", "curves", 1.0, 0.01)
    pace.stretch = 5.0
    assert pace_words(text(language), 1.0) == words


def test_a_fragment_tells_the_browser_its_new_pace_without_drawing_the_page_again(pace):
    def script():
        import streamlit as st
        from streamlit.runtime.scriptrunner import get_script_run_ctx

        from nnlab.ui.shell.ticks import live, pace

        context, told = get_script_run_ctx(), []
        enqueue = context.enqueue
        context.enqueue = lambda message: (told.append(message), enqueue(message))

        def draw():
            pace.stretch = 4.0  # as when many pages have arrived since the page was drawn
            return 2.0

        live(draw, 1.0)()
        intervals = [one.auto_rerun for one in told if one.WhichOneof("type") == "auto_rerun"]
        st.text(str([(one.interval, one.fragment_id == intervals[0].fragment_id) for one in intervals]))

    pace.drawn = lambda *_: None
    assert AppTest.from_function(script).run().text[0].value == "[(1.0, True), (8.0, True)]"


def test_a_page_that_is_drawn_anew_counts_with_what_it_shows_now(pace):
    def script():
        import streamlit as st

        from nnlab.ui.shell.ticks import forget_page, live

        def before():
            pass

        def after():
            pass

        forget_page()
        live(after if st.session_state.get("again") else before, 1.0)()

    app = AppTest.from_function(script).run()
    app.session_state["again"] = True
    app.run()
    assert [one.kind.rpartition(".")[2] for one in pace._parts.values()] == ["after"]
