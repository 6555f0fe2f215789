"""`nnlab admin users` and `classes`."""

import json

import pytest

from nnlab.cli.commands import run_command
from nnlab.lab import open_lab
from nnlab.settings import settings
from nnlab.spec import Comparison, Experiment
from nnlab.store.codes import typed_code

pytestmark = pytest.mark.usefixtures("with_codes")
QUICK = Experiment().set({"data.n_samples": 60, "train.epochs": 1, "train.engine": "numpy"})


@pytest.fixture
def store(home, monkeypatch):
    one = open_lab()
    monkeypatch.setattr(one._dispatcher, "start", lambda: None)
    return one.store


@pytest.fixture
def printed(capsys):
    """`printed("users", "list")` is what a command prints, or the sentence it fails with."""

    def run(*words):
        capsys.readouterr()
        status = run_command(["admin", *words])
        out, err = capsys.readouterr()
        return json.loads(out) if status == 0 and out else err.strip()

    return run


def test_a_teacher_gets_a_code_before_the_first_sign_in_and_a_class(store, printed):
    first = printed("users", "code", "Ms Rivera")
    second = printed("users", "code", "ms rivera")
    assert (first["id"], first["role"]) == (second["id"], "teacher")
    assert store.try_code(first["code"], "10.0.0.1") is None
    assert store.try_code(second["code"], "10.0.0.1").id == first["id"]
    added = printed("classes", "add", "3º B", "--teacher", "Ms Rivera")
    assert store.try_code(added["code"], "10.0.0.1").name == "3º B"
    (listed,) = printed("classes", "list")
    assert (listed["code"], listed["teacher"], listed["members"]) == (added["code"], "Ms Rivera", 0)


def test_nobody_else_gets_a_class(store, printed):
    one = store.create_class("A", store.named("Ms Rivera").id)
    store.new_student(one.id, "Ana")
    assert "Ana is no teacher" in printed("classes", "add", "B", "--teacher", "Ana")
    assert "nobody has this id or name" in printed("users", "code", "Ms River")


def test_a_name_that_two_people_have_asks_for_the_id(store, printed):
    teacher = store.named("Ms Rivera").id
    anas = [store.new_student(store.create_class(name, teacher).id, "Ana").id for name in "AB"]
    said = printed("users", "remove", "Ana")
    assert all(one in said for one in anas)
    printed("users", "rename", anas[0], "Ana  G.")
    assert store.person(anas[0]).name == "Ana G."
    assert "a letter or a digit" in printed("users", "rename", anas[0], "...")


def test_everybody_is_listed_with_their_runs_and_megabytes(store, printed):
    one = store.create_class("A", store.named("Ms Rivera").id)
    ana = store.new_student(one.id, "Ana")
    open_lab().train_here(QUICK, 3, ana.id)
    rows = {row["name"]: row for row in printed("users", "list")}
    assert (rows["Ana"]["runs"], rows["Ana"]["role"]) == (1, "student")
    assert rows["Ana"]["megabytes"] * 1e6 == pytest.approx(store.used(ana.id), abs=5e4)
    assert rows["Ms Rivera"]["runs"] == 0


def test_who_is_removed_leaves_nothing_behind(store, printed):
    lab, one = open_lab(), store.create_class("A", store.named("Ms Rivera").id)
    ana, ben = store.new_student(one.id, "Ana Unmistakable"), store.new_student(one.id, "Ben")
    code = store.new_code(ana.id)
    store.sign_in("v-ana", ana.id)
    store.new_ticket("v-ana", ana.id, "")
    run = lab.train_here(QUICK, 1, ana.id, "of Ana Unmistakable")
    other = lab.train_here(QUICK.set({"data.seed": 5}), 1, ben.id)
    comparison = lab.submit_comparison(Comparison(QUICK, vary="depth", values=[1, 2], seeds=1), ana.id, guess="1")
    assert printed("users", "remove", ana.id) == {"removed": ana.id}
    assert store.person_of("v-ana") is None
    assert store.try_code(code, "10.0.0.1") is None
    assert [member.name for member in store.members(one.id)] == ["Ben"]
    assert store.counts().waiting == 0
    printed("prune")
    assert store.run(run.id) is None
    assert store.comparison(comparison.id) is None
    assert store.run(other.id) == other
    with store._read() as db:
        for table in ("people", "sign_ins", "tickets", "members", "runs", "comparisons", "guesses"):
            rows = repr(db.exec_driver_sql(f"SELECT * FROM {table}").all())
            assert ana.id not in rows, table
            assert "Unmistakable" not in rows, table


def test_a_removed_teachers_classes_are_closed(store, printed):
    one = store.create_class("A", store.named("Ms Rivera").id)
    printed("users", "remove", "Ms Rivera")
    assert store.class_(one.id).closed


def test_with_a_login_names_of_the_settings_are_addresses(store, printed, monkeypatch):
    monkeypatch.setenv("NNLAB_AUTH", "oidc")
    settings.cache_clear()
    assert "nobody has this id or name" in printed("users", "code", "Ms Rivera")


def test_the_clean_up_forgets_old_sign_ins(store, printed):
    ana = store.new_student(store.create_class("A", "p-t").id, "Ana")
    for token in ("v-old", "v-new"):
        store.sign_in(token, ana.id)
    store.try_code("WRONG", "10.0.0.1")
    with store._write() as db:
        db.exec_driver_sql("UPDATE wrong_codes SET moment = moment - 90000")
        db.exec_driver_sql("UPDATE sign_ins SET seen = seen - 31 * 86400")
    store.sign_in("v-new", ana.id)
    printed("prune")
    with store._read() as db:
        assert db.exec_driver_sql("SELECT count(*) FROM sign_ins").scalar() == 1
        assert db.exec_driver_sql("SELECT count(*) FROM wrong_codes").scalar() == 0
    assert store.person_of("v-new") == ana
    assert typed_code(" a-b c ") == "ABC"
