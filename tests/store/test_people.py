"""People, their browsers and classes, over SQLite and PostgreSQL."""

import re
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from nnlab.settings import settings
from nnlab.spec import Experiment
from nnlab.spec.assignment import Assignment
from nnlab.store import ClassFull, NameTaken, Person, Store, StoreUnavailable, classes, people

pytestmark = pytest.mark.usefixtures("with_codes")
BROWSER, OTHER = "v-" + "b" * 22, "v-" + "c" * 22


@pytest.fixture
def lesson(store):
    """A class and its teacher."""
    teacher = store.named("Ms Rivera")
    return store.create_class("  3º   B ", teacher.id), teacher


def names(members):
    return [one.name for one in members]


def test_a_class_has_a_code_that_is_easy_to_type(store, lesson):
    one, teacher = lesson
    assert one.name == "3º B"
    assert re.fullmatch("[2-9B-DF-HJ-NP-TV-Z]{8}", one.code)
    typed = f" {one.code[:3].lower()}-{one.code[3:]} "
    assert store.try_code(typed, "10.0.0.1") == one
    assert store.taught(teacher) == [one]
    assert store.try_code("", "10.0.0.1") is None


def test_a_closed_class_lets_nobody_in(store, lesson):
    one, _ = lesson
    store.close_class(one.id)
    assert store.try_code(one.code, "10.0.0.1") is None
    assert store.class_(one.id).closed
    store.close_class(one.id, closed=False)
    assert store.try_code(one.code, "10.0.0.1") == one


def test_students_are_members_by_name_and_join_once(store, lesson):
    one, _ = lesson
    zoe, ana = store.new_student(one.id, "Zoe"), store.new_student(one.id, "ana")
    store.join(one.id, zoe.id)
    assert names(store.members(one.id)) == ["ana", "Zoe"]
    assert store.joined(ana) == [one]
    assert store.taught(ana) == []
    store.leave(one.id, ana.id)
    assert names(store.members(one.id)) == ["Zoe"]


@pytest.mark.parametrize("again", ["Ana María", " ana  maría ", "ANA MARÍA", "Ana Mari\u0301a", "Ana\u200b María"])
def test_a_nickname_is_given_once_in_a_class(store, lesson, again):
    one, teacher = lesson
    store.new_student(one.id, "Ana María")
    with pytest.raises(NameTaken):
        store.new_student(one.id, again)
    assert len(store.members(one.id)) == 1
    elsewhere = store.create_class("Other", teacher.id)
    assert store.new_student(elsewhere.id, again).name


@pytest.mark.parametrize("nickname", ["Ms Rivera", "ms  rivera", "ROOT"])
def test_nobody_takes_a_teachers_name(store, lesson, nickname):
    with pytest.raises(NameTaken):
        store.new_student(lesson[0].id, nickname)


@pytest.mark.parametrize("nickname", ["", "   ", "\u202e\u200b", "...", "\x00"])
def test_a_nickname_can_be_read(store, lesson, nickname):
    with pytest.raises(ValueError, match=r".*"):
        store.new_student(lesson[0].id, nickname)
    assert store.members(lesson[0].id) == []


def test_a_class_has_room_for_so_many_and_no_more(store, lesson, monkeypatch):
    monkeypatch.setattr(classes, "MOST_MEMBERS", 2)
    for name in ("Ana", "Ben"):
        store.new_student(lesson[0].id, name)
    with pytest.raises(ClassFull):
        store.new_student(lesson[0].id, "Cleo")
    assert len(store.members(lesson[0].id)) == 2
    ben, dan = store.members(lesson[0].id)[1], store.new_student(store.create_class("B", "p-t").id, "Dan")
    with pytest.raises(ClassFull):
        store.join(lesson[0].id, dan.id)
    store.join(lesson[0].id, ben.id)  # who is in it is no one more
    assert names(store.members(lesson[0].id)) == ["Ana", "Ben"]


def test_many_who_join_at_once_are_no_more_than_a_class_holds(store, lesson, monkeypatch):
    elsewhere = store.create_class("B", "p-t").id
    people = [store.new_student(elsewhere, f"S{n}").id for n in range(8)]
    monkeypatch.setattr(classes, "MOST_MEMBERS", 3)

    def join(person):
        with suppress(ClassFull):
            store.join(lesson[0].id, person)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(join, people * 2))
    assert len(store.members(lesson[0].id)) == 3


def test_a_closed_class_is_joined_by_nobody_but_who_its_teacher_puts_back(store, lesson):
    ana, dan = store.new_student(lesson[0].id, "Ana"), store.new_student(store.create_class("B", "p-t").id, "Dan")
    store.close_class(lesson[0].id)
    store.join(lesson[0].id, ana.id)
    store.leave(lesson[0].id, ana.id)
    for person in (ana, dan):
        with pytest.raises(ClassFull):
            store.join(lesson[0].id, person.id)
    store.join(lesson[0].id, ana.id, also_closed=True)
    assert names(store.members(lesson[0].id)) == ["Ana"]


def test_a_new_code_is_for_one_class_alone(store, lesson):
    one, teacher = lesson
    other = store.create_class("B", teacher.id)
    store.renew_class_code(one.id)
    assert store.class_(one.id).code not in (one.code, other.code)
    assert store.class_(other.id).code == other.code


def test_a_third_of_one_name_is_the_third(store, lesson):
    one, teacher = lesson
    people = [store.new_student(store.create_class(f"{n}", teacher.id).id, "Ana") for n in range(3)]
    for person in people:
        store.join(one.id, person.id)
    assert names(store.members(one.id)) == ["Ana", "Ana (2)", "Ana (3)"]


def test_two_of_one_name_are_told_apart_wherever_their_class_is_shown(store, lesson):
    one, teacher = lesson
    task = store.create_assignment(Assignment(title="Why?", task=Experiment()), one.id)
    second = store.new_student(store.create_class("B", teacher.id).id, "ANA")
    first = store.new_student(one.id, "Ana")
    third = store.find_or_create("https://a.example\n1", "Ana (2)")
    for person in (second, third):  # as they come in, whoever has been on the server for longer
        store.join(one.id, person.id)
    shown = {first.id: "Ana", second.id: "ANA (2)", third.id: "Ana (2) (2)"}
    assert {member.id: member.name for member in store.members(one.id)} == shown
    assert [store.take_part(task, person).name for person in shown] == list(shown.values())
    assert {each.person: each.name for each in store.participants(task)} == shown
    store.leave(one.id, first.id)
    assert {each.person: each.name for each in store.participants(task)} == shown, "who has started keeps the name"
    with pytest.raises(NameTaken):
        store.new_student(one.id, "ana")


def test_a_long_nickname_is_cut(store, lesson):
    assert store.new_student(lesson[0].id, "x" * 300).name == "x" * 80


def test_roles_come_from_the_settings_and_from_no_nickname(store, lesson, monkeypatch):
    one, teacher = lesson
    student = store.new_student(one.id, "Mr Oka for")
    assert (teacher.role, store.named("root").role, student.role) == ("teacher", "admin", "student")
    monkeypatch.setenv("NNLAB_TEACHERS", "Mr Oka for")
    settings.cache_clear()
    assert store.person(student.id).role == "student"
    assert store.person(teacher.id).role == "student", "no teacher any more"


def test_the_teacher_of_a_name_is_one_person(store):
    assert store.named("Ms Rivera").id == store.named("ms  rivera").id != store.named("Mr Okafor").id


def test_a_login_is_one_person_by_issuer_and_subject(store, monkeypatch):
    monkeypatch.setenv("NNLAB_TEACHERS", "Ada@School.example")
    settings.cache_clear()
    ada = store.find_or_create("https://a.example\n1", "Ada", "ada@school.EXAMPLE")
    assert ada.role == "teacher"
    assert store.find_or_create("https://a.example\n1", "Ada L.", "ada@school.example")._replace(name="Ada") == ada
    assert store.person(ada.id).name == "Ada L."
    other = store.find_or_create("https://b.example\n1", "Ada", "ada@school.example")
    assert other.id != ada.id
    unverified = store.find_or_create("https://a.example\n2", "Ada", None)
    assert unverified.role == "student"
    named = store.find_or_create("https://a.example\n3", "ada@school.example", None)
    assert named.role == "student"


def test_a_personal_code_finds_its_person_until_there_is_a_new_one(store, lesson):
    ana = store.new_student(lesson[0].id, "Ana")
    first = store.new_code(ana.id)
    assert store.try_code(f"{first[:5].lower()} - {first[5:]}", "10.0.0.1") == ana
    second = store.new_code(ana.id)
    assert store.try_code(first, "10.0.0.1") is None
    assert store.try_code(second, "10.0.0.1") == ana
    assert store.try_code("", "10.0.0.1") is None


def test_a_browser_is_signed_in_until_it_signs_out(store, lesson):
    ana, ben = (store.new_student(lesson[0].id, name) for name in ("Ana", "Ben"))
    assert store.person_of(BROWSER) is None
    store.sign_in(BROWSER, ana.id)
    store.sign_in(OTHER, ana.id)
    assert store.person_of(BROWSER) == ana
    store.sign_in(BROWSER, ben.id)
    assert store.person_of(BROWSER) == ben
    store.sign_out(BROWSER)
    assert store.person_of(BROWSER) is None
    assert store.person_of(OTHER) == ana


def test_a_new_personal_code_signs_out_all_other_browsers(store, lesson):
    ana, ben = (store.new_student(lesson[0].id, name) for name in ("Ana", "Ben"))
    for token, person in ((BROWSER, ana), (OTHER, ana), ("v-ben", ben)):
        store.sign_in(token, person.id)
    store.new_code(ana.id, BROWSER)
    assert [store.person_of(token) for token in (BROWSER, OTHER, "v-ben")] == [ana, None, ben]


def test_a_sign_in_ends_a_month_after_its_last_use(home, with_codes, monkeypatch):
    clock = [time.time()]
    monkeypatch.setattr(time, "time", lambda: clock[0])
    store = Store(f"sqlite:///{home / 'clock.db'}")
    ana = store.new_student(store.create_class("A", "p-t").id, "Ana")
    store.sign_in(BROWSER, ana.id)
    for _ in range(3):
        clock[0] += 29 * 86400
        assert store.person_of(BROWSER, seen=True) == ana
        (member,) = store.members(store.joined(ana)[0].id)
        assert member.seen.timestamp() == pytest.approx(clock[0])
    clock[0] += 59
    store.person_of(BROWSER, seen=True)
    assert store.members(store.joined(ana)[0].id)[0].seen == member.seen, "at most once a minute"
    clock[0] += 29 * 86400
    assert store.person_of(BROWSER) == ana, "a page that only refreshes is no use of it"
    clock[0] += 2 * 86400
    assert store.person_of(BROWSER) is None
    store.close()


def test_who_is_there_is_known_also_while_nothing_can_be_written(store, lesson, monkeypatch):
    ana = store.new_student(lesson[0].id, "Ana")
    store.sign_in(BROWSER, ana.id)
    monkeypatch.setattr(people, "SEEN_EVERY", -1)

    def full(_):
        raise StoreUnavailable("full", "The store is full.")

    monkeypatch.setattr(Store, "_write", full)
    assert store.person_of(BROWSER, seen=True) == ana


def test_no_cookie_and_no_personal_code_is_stored(store, lesson):
    ana = store.new_student(lesson[0].id, "Ana")
    code = store.new_code(ana.id)
    store.sign_in(BROWSER, ana.id)
    with store._read() as db:
        for table in ("people", "sign_ins"):
            rows = repr(db.exec_driver_sql(f"SELECT * FROM {table}").all())
            assert code not in rows
            assert BROWSER not in rows


def test_a_teacher_sees_the_students_of_their_classes(store, lesson):
    one, teacher = lesson
    ana = store.new_student(one.id, "Ana")
    ben = store.new_student(store.create_class("B", store.named("Mr Okafor").id).id, "Ben")
    assert store.may_see(teacher, ana.id)
    assert not store.may_see(teacher, ben.id)
    assert store.may_see(store.named("Root"), ben.id)
    assert not store.may_see(ana, ben.id)
    assert len(store.taught(store.named("Root"))) == 2


def test_a_class_is_taught_by_its_teacher_and_administrators(store, lesson):
    one, teacher = lesson
    asked = [teacher, store.named("Root"), store.named("Mr Okafor"), store.new_student(one.id, "Ana"), Person("v-1")]
    assert [store.teaches(person, one.id) for person in asked] == [True, True, False, False, False]
    assert not store.teaches(teacher, "no class")
