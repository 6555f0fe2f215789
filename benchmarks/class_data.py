"""Fill a store with a class: 30 students, their guesses and 100 tries of an assignment.

    NNLAB_HOME=/tmp/class NNLAB_AUTH=code NNLAB_TEACHERS=teacher python -m benchmarks.class_data

Prints the teacher's personal code and the addresses of the class, of an assignment of an experiment and of one of a
comparison. Some runs were stopped, some still wait.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import click
import numpy as np

from nnlab import Comparison, Experiment
from nnlab.jobs.worker import work
from nnlab.lab import Lab, open_lab
from nnlab.spec.assignment import Assignment

_BIRDS = (
    "abejaruco águila alondra avoceta búho calandria cernícalo chorlito cigüeña codorniz colibrí cormorán flamenco "
    "focha garza gaviota golondrina gorrión grulla halcón jilguero lechuza martín mirlo ruiseñor tórtola urraca "
    "vencejo verdecillo zorzal andarríos bisbita carbonero escribano estornino mosquitero petirrojo pinzón zarcero"
)
NICKNAMES = _BIRDS.split()
MOONS = Experiment().set(
    {
        "data.per_seed": "samples",
        "data.n_samples": 150,
        "model.hidden": [4],
        "model.activation": "tanh",
        "train.lr": 0.03,
        "train.epochs": 30,
    }
)
DEEP = Assignment(
    title="How deep?",
    question="How many hidden layers does this network need for the two moons? Try at least three depths.",
    task=MOONS,
    open_fields=["depth"],
    hidden=["code"],
    seeds=5,
    guess=["1", "2", "3", "4 or more"],
    due=datetime.now(UTC) + timedelta(hours=1),
)
WIDTHS = Assignment(
    title="How wide?",
    question="Which width is enough?",
    task=Comparison(MOONS, vary="width", values=[1, 2, 8], seeds=3),
    open_fields=["values"],
    seeds=3,
)


@dataclass(frozen=True)
class Filled:
    """What `fill` has made."""

    teacher: str  # a person's id
    class_id: str
    experiment: str  # the ids of the two assignments
    comparison: str


def fill(lab: Lab, students: int = 30, tries: int = 100, teacher: str = "teacher", epochs: int = 30) -> Filled:
    """Make a class of this teacher with so many students, two assignments, and so many tries of the first one."""
    store, rng = lab.store, np.random.default_rng(0)
    owner = store.named(teacher)
    class_id = store.create_class("1.º B", owner.id).id
    task = MOONS.set({"train.epochs": epochs})
    deep = lab.create_assignment(DEEP.model_copy(update={"task": task}), class_id)
    wide = lab.create_assignment(WIDTHS, class_id)
    names = [
        NICKNAMES[i % len(NICKNAMES)] + (f" {i // len(NICKNAMES)}" if i >= len(NICKNAMES) else "")
        for i in range(students)
    ]
    people = [store.new_student(class_id, name).id for name in names]
    taking_part = people[: max(1, students - students // 10)]  # a tenth has not started
    for person in taking_part:
        lab.guess_outcome(deep, str(rng.choice(DEEP.guess, p=[0.1, 0.5, 0.3, 0.1])), person)
    lab._dispatcher.start = lambda: None  # type: ignore[method-assign]  # trained here
    for person in people[: students // 3]:
        lab.submit_try(wide, WIDTHS.task, person)
    work()
    _try(lab, deep, taking_part, tries, task, rng)
    return Filled(owner.id, class_id, deep, wide)


def _try(
    lab: Lab, assignment_id: str, people: list[str], tries: int, task: Experiment, rng: np.random.Generator
) -> None:
    """Each in turn tries a depth; the last ones wait, two were stopped."""
    depths = {person: rng.permutation([1, 2, 3, 4, 5, 6, 8])[: 2 + i % 6].tolist() for i, person in enumerate(people)}
    turns = [(person, depth) for k in range(7) for person in people for depth in depths[person][k : k + 1]]
    for i, (person, depth) in enumerate(turns[:tries]):
        experiment, seeds = task.vary("depth", depth), _seeds(lab, assignment_id, person)
        if i >= tries - 4:
            run = lab.store.create_run(experiment, seeds, person)
        elif i % 40 == 39:
            run = lab.store.create_run(experiment, seeds, person)
            lab.store.request(run.id, "stop")
        else:
            run = lab.train_here(experiment, seeds, person)
        lab.store.add_try(assignment_id, run.id, person)


def _seeds(lab: Lab, assignment_id: str, person: str) -> tuple[int, ...]:
    stored, participant = lab.store.assignment(assignment_id), lab.store.participant(assignment_id, person)
    assert stored is not None
    assert participant is not None
    return stored.assignment.seeds_of(participant.place)


@click.command()
@click.option("--students", default=30, show_default=True)
@click.option("--tries", default=100, show_default=True)
@click.option("--teacher", default="teacher", show_default=True, help="A name in NNLAB_TEACHERS.")
def main(students: int, tries: int, teacher: str) -> None:
    """Fill the store of NNLAB_HOME and print where to look."""
    lab = open_lab()
    filled = fill(lab, students, tries, teacher)
    click.echo(f"code       {lab.store.new_code(filled.teacher)}")
    click.echo(f"class      /classroom?class={filled.class_id}")
    click.echo(f"experiment /classroom?assignment={filled.experiment}")
    click.echo(f"comparison /classroom?assignment={filled.comparison}")


if __name__ == "__main__":
    main()
