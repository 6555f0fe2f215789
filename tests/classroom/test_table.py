"""Everything that a class has handed in, as one CSV for its teacher."""

from datetime import UTC, datetime, timedelta
from io import BytesIO

import anyio
import pandas as pd
import pytest
from starlette.applications import Starlette

from nnlab.classroom.table import EPOCHS, WHAT, WHO, table_blocks, varied_fields
from nnlab.engines.base import METRICS
from nnlab.spec import Comparison, Experiment
from nnlab.spec.assignment import Assignment
from nnlab.store.schema import runs_table
from nnlab.ui.server import downloads
from nnlab.ui.shell.visitors import COOKIE


def table_of(lab, assignment_id):
    stored = lab.store.assignment(assignment_id)
    own = lab.store.participants(assignment_id), lab.tries(assignment_id)
    return pd.concat(table_blocks(stored.assignment, *own, lab.part_blocks), ignore_index=True)


def get(path, person=None, lab=None):
    """Status and content of the answer to the browser of somebody."""
    path, _, query = path.partition("?")
    headers, sent = [], []
    if person is not None:
        token = f"v-{person.id[2:]}"
        lab.store.sign_in(token, person.id)
        headers = [(b"cookie", f"{COOKIE}={token}".encode())]

    async def ask():
        async def receive():
            await anyio.sleep_forever()

        async def send(message):
            sent.append(message)

        scope = {"type": "http", "method": "GET", "path": path, "query_string": query.encode(), "headers": headers}
        await Starlette(routes=downloads.routes())({**scope, "asgi": {"spec_version": "2.4"}}, receive, send)

    anyio.run(ask)
    return sent[0]["status"], b"".join(one["body"] for one in sent[1:])


def test_every_student_try_seed_and_epoch_is_a_row(lab, filled):
    table = table_of(lab, filled.experiment)
    assert list(table.columns) == [*WHO, *WHAT, "model.hidden", *EPOCHS]
    tries = lab.tries(filled.experiment)
    assert set(table["item"]) - {""} == {one.run.id for one in tries}
    for one in tries:
        rows = table[table["item"] == one.run.id]
        wanted = lab.metrics(one.run.id)
        assert len(rows) == max(1, len(wanted))
        if len(wanted):
            pd.testing.assert_frame_equal(
                rows[list(METRICS)].reset_index(drop=True).astype(float), wanted[list(METRICS)].astype(float)
            )
            assert set(rows["seed"]) == set(one.run.seeds)
    names = {one.person: one.name for one in lab.store.participants(filled.experiment)}
    assert set(table["student"]) == set(names.values())
    for person, name in names.items():
        own = table[(table["student"] == name) & (table["try"] != "")]
        assert sorted(set(map(int, own["try"]))) == list(range(1, 1 + sum(one.person == person for one in tries)))


def test_of_a_comparison_every_cell_is_there(lab, filled):
    table = table_of(lab, filled.comparison)
    assert set(table["model.hidden"]) == {"1", "2", "8"}
    assert set(table["try"]) == {"1"}


def test_a_student_who_has_started_and_not_trained_is_one_row(lab, filled):
    lab.take_part(filled.comparison, lab.store.new_student(filled.class_id, "garza").id)
    table = table_of(lab, filled.comparison)
    row = table[table["try"] == ""]
    assert len(row) == 1
    assert row["epoch"].isna().all()


def test_before_anybody_starts_there_are_only_the_names_of_the_columns(lab, filled):
    new = lab.create_assignment(Assignment(title="New", task=Experiment()), filled.class_id)
    assert len(table_of(lab, new)) == 0


def test_late_tries_are_marked(lab, filled):
    assert set(table_of(lab, filled.experiment)["late"]) == {"false"}
    lab.store.set_due(filled.experiment, datetime.now(UTC) - timedelta(hours=1))
    assert set(table_of(lab, filled.experiment)["late"]) == {"true"}


def test_a_comparison_that_is_extended_after_the_date_is_late(lab, filled):
    first, *others = lab.tries(filled.comparison)
    lab.store.set_due(filled.comparison, max(one.created for one in (first, *others)) + timedelta(minutes=30))
    wider = first.run.comparison.model_copy(update={"values": (*first.run.comparison.values, 5)})
    new = lab.extend_comparison(first.run.id, wider, first.person).cells[-1].runs[0]
    assert not any(one.late for one in lab.tries(filled.comparison))
    later = runs_table.update().where(runs_table.c.id == new.id).values(created=runs_table.c.created + 3600)
    lab.store._change(later)
    assert [one.run.id for one in lab.tries(filled.comparison) if one.late] == [first.run.id]


@pytest.mark.parametrize(
    ("task", "opened", "fields"),
    [
        (Experiment(), ["depth", "train.lr"], ("model.hidden", "train.lr")),
        (Experiment(), [], ()),
        (Comparison(Experiment(), vary="activation", values=["relu", "tanh"]), ["values"], ("model.activation",)),
    ],
)
def test_the_columns_of_settings_are_those_that_may_differ(task, opened, fields):
    assert varied_fields(Assignment(title="T", task=task, open_fields=opened)) == fields


def test_the_file_is_for_the_teacher_of_the_class_and_administrators_alone(lab, filled):
    path = f"/download/assignments/{filled.experiment}/results.csv"
    student = lab.store.person(lab.tries(filled.experiment)[0].person)
    for person, status in (
        (None, 401),
        (student, 403),
        (lab.store.named("Mr Okafor"), 403),
        (lab.store.named("Ms Rivera"), 200),
        (lab.store.named("Root"), 200),
    ):
        answered, content = get(path, person, lab)
        assert answered == status
        assert (student.name in content.decode()) == (status == 200)
    assert get("/download/assignments/none/results.csv", lab.store.named("Root"), lab)[0] == 403


def test_the_file_is_the_table_for_pandas_and_for_a_spanish_excel(lab, filled):
    teacher, path = lab.store.named("Ms Rivera"), f"/download/assignments/{filled.experiment}/results.csv"
    wanted = table_of(lab, filled.experiment)
    lab.store.new_student(filled.class_id, "Absent")
    for excel, given in (("", {}), ("?excel=es", {"sep": ";", "decimal": ","})):
        read = pd.read_csv(BytesIO(get(path + excel, teacher, lab)[1]), float_precision="round_trip", **given)
        assert list(read.columns) == list(wanted.columns)
        assert read["student"].tolist() == [*wanted["student"], "Absent"], "who has not started is a row, too"
        assert read.iloc[-1][["place", "guess", "try", "epoch"]].isna().all()
        assert read["train_loss"].dropna().tolist() == wanted["train_loss"].dropna().tolist()
