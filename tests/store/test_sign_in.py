"""Codes that are tried, and tickets: what somebody who guesses or forges gets."""

import itertools
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from nnlab.store import Store, Wait
from nnlab.store.codes import CLASS, LETTERS, PERSONAL, shown_code

pytestmark = pytest.mark.usefixtures("with_codes")
BROWSER, OTHER, NEW = ("v-" + letter * 22 for letter in "bcn")
DAY = 86400


@pytest.fixture
def clock(monkeypatch):
    """The time of a SQLite store that is opened after it."""
    moment = [1e9]
    monkeypatch.setattr(time, "time", lambda: moment[0])
    return moment


@pytest.fixture
def timed(home, clock):
    made = Store(f"sqlite:///{home / 'clock.db'}")
    yield made
    made.close()


@pytest.fixture
def lesson(timed):
    return timed.create_class("3º B", timed.named("Ms Rivera").id)


def test_a_code_is_somebodys_or_a_classs(store):
    lesson = store.create_class("A", store.named("Ms Rivera").id)
    ana = store.new_student(lesson.id, "Ana")
    assert store.try_code(shown_code(lesson.code).lower(), "10.0.0.1") == lesson
    assert store.try_code(shown_code(store.new_code(ana.id)), "10.0.0.1") == ana
    assert store.try_code("WRONG", "10.0.0.1") is None
    store.close_class(lesson.id)
    assert store.try_code(lesson.code, "10.0.0.1") is None


def test_a_class_of_60_signs_in_at_once_from_one_address_with_mistakes(timed, lesson):
    for n in range(60):
        if n % 3 == 0:
            assert timed.try_code(f"TYPO{n}", "10.0.0.1") is None
        assert timed.try_code(lesson.code, "10.0.0.1") == lesson


def test_who_guesses_waits_and_a_right_code_then_waits_too(timed, lesson, clock):
    answers = [timed.try_code(f"GUESS{n}", "10.0.0.1") for n in range(31)]
    assert answers[:30] == [None] * 30
    assert answers[30] == Wait(10.0)
    assert timed.try_code(lesson.code, "10.0.0.1") == Wait(10.0), "or the wait would tell nothing"
    assert timed.try_code(lesson.code, "10.0.0.2") == lesson
    clock[0] += 9.0
    assert timed.try_code(lesson.code, "10.0.0.1").seconds == pytest.approx(1)
    clock[0] += 1.1
    assert timed.try_code(lesson.code, "10.0.0.1") == lesson
    assert timed.try_code("GUESS", "10.0.0.1") is None
    assert isinstance(timed.try_code("GUESS", "10.0.0.1"), Wait)


def guesses(store, clock, seconds, networks):
    """Codes that are looked at for who tries again as soon as one may."""
    end, done = clock[0] + seconds, 0
    while clock[0] < end:
        answer = store.try_code(f"GUESS{done}", next(networks))
        done += answer is None
        if isinstance(answer, Wait):
            clock[0] += answer.seconds
    return done


def test_an_attacker_has_no_chance_in_a_day(timed, clock):
    """The figures of docs/security.md: minutes are tried, a day reckoned by what they found."""
    minutes = 600
    one = guesses(timed, clock, minutes, itertools.repeat("10.0.0.1"))
    assert one == pytest.approx(30 + minutes / 10, abs=1)
    clock[0] += DAY
    many = guesses(timed, clock, minutes / 4, (f"10.1.{n >> 8}.{n & 255}" for n in itertools.count()))
    assert many == pytest.approx(300 + minutes / 4, abs=1)
    a_day = 300 + DAY  # from any number of addresses; from one 30 + DAY / 10
    assert 20 * a_day / len(LETTERS) ** CLASS < 5e-6, "one of 20 open classes"
    assert 2000 * a_day / len(LETTERS) ** PERSONAL < 1e-6, "one of 2,000 people"


def test_the_count_of_wrong_codes_is_that_of_all_dashboards(store, url):
    for n in range(30):
        store.try_code(f"GUESS{n}", "10.0.0.1")
    other = Store(url)
    assert isinstance(other.try_code("GUESS", "10.0.0.1"), Wait)
    other.close()


def test_many_guesses_at_once_are_no_more_than_one_after_the_other(store):
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: store.try_code(f"GUESS{n}", "10.0.0.1"), range(40)))
    assert answers.count(None) in (30, 31)  # a slow machine takes ten seconds, which are one more


def test_no_address_is_stored_in_plain(store):
    store.try_code("GUESS", "10.9.8.7")
    with store._read() as db:
        assert "10.9.8.7" not in repr(db.exec_driver_sql("SELECT * FROM wrong_codes").all())


def test_a_ticket_signs_its_browser_in_with_a_new_cookie_once(store):
    ana = store.new_student(store.create_class("A", "p-t").id, "Ana")
    ticket = store.new_ticket(BROWSER, ana.id, "train?run=1")
    assert store.person_of(BROWSER) is None
    assert store.redeem(ticket, BROWSER, NEW) == "train?run=1"
    assert store.person_of(NEW) == ana
    assert store.person_of(BROWSER) is None, "who knew the cookie from before is not signed in"
    assert store.redeem(ticket, BROWSER, OTHER) is None
    assert store.person_of(OTHER) is None


def test_a_new_ticket_ends_the_sign_in_of_the_cookie_before(store):
    lesson = store.create_class("A", "p-t")
    ana, ben = (store.new_student(lesson.id, name) for name in ("Ana", "Ben"))
    store.sign_in(BROWSER, ana.id)
    store.redeem(store.new_ticket(BROWSER, ben.id, ""), BROWSER, NEW)
    assert store.person_of(BROWSER) is None
    assert store.person_of(NEW) == ben


@pytest.mark.parametrize("forged", ["", "x", "' OR 1=1 --", "\x00", "A" * 32, "x" * 100_000])
def test_a_forged_ticket_signs_nobody_in(store, forged):
    store.new_ticket(BROWSER, "p-ana", "")
    store.remember(OTHER, "train")
    for browser in (BROWSER, OTHER):
        assert store.redeem(forged, browser, NEW) is None
    assert store.person_of(NEW) is None


def test_a_ticket_of_another_browser_signs_nobody_in(store):
    """A link that somebody sends would sign its reader in as the sender, who then sees what the reader trains."""
    ana = store.new_student(store.create_class("A", "p-t").id, "Ana")
    ticket = store.new_ticket(BROWSER, ana.id, "")
    assert store.redeem(ticket, OTHER, NEW) is None
    assert store.redeem(ticket, BROWSER, NEW) == "", "and it is not used up"


def test_a_ticket_ends_after_a_minute(timed, lesson, clock):
    ana = timed.new_student(lesson.id, "Ana")
    ticket = timed.new_ticket(BROWSER, ana.id, "")
    clock[0] += 61
    assert timed.redeem(ticket, BROWSER, NEW) is None


def test_the_place_is_remembered_for_the_length_of_a_login(timed, clock):
    timed.remember(BROWSER, "train?run=1")
    timed.remember(BROWSER, "compare")
    timed.remember(OTHER, "runs")
    assert timed.remembered(BROWSER) == "compare"
    clock[0] += 601
    assert timed.remembered(BROWSER) is None
