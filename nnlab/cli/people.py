"""`nnlab admin users` and `classes`: the people of a server with a login."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from nnlab.cli.output import example, print_json

if TYPE_CHECKING:
    from nnlab.store import Person, Store


@click.group(epilog=example("admin users list", "admin users code 'Ana López'"))
def users() -> None:
    """List people, give them codes, rename and remove them.

    WHO is an id of the list, a name of NNLAB_TEACHERS or NNLAB_ADMINS, or a name that only one person has."""


@users.command("list", epilog=example("admin users list"))
def list_users() -> None:
    """Print everybody as JSON, newest first: role, number of runs and their megabytes, when they were seen last."""
    print_json(
        [
            {
                "id": one.id,
                "name": one.name,
                "role": one.role,
                "email": one.email,
                "runs": one.runs,
                "megabytes": round(one.bytes / 1e6, 1),
                "seen": one.seen.isoformat(timespec="seconds"),
            }
            for one in _store().accounts()
        ]
    )


@users.command(epilog=example("admin users code 'Ana López'"))
@click.argument("who")
def code(who: str) -> None:
    """Print a new personal code for somebody; the one before ends. It is how a teacher gets in at first."""
    from nnlab.store.codes import shown_code

    store = _store()
    person = _person(store, who)
    print_json(
        {"id": person.id, "name": person.name, "role": person.role, "code": shown_code(store.new_code(person.id))}
    )


@users.command(epilog=example("admin users rename p-3qV7Zk0cW9sX1yB5tN8mRg Zoe"))
@click.argument("who")
@click.argument("name")
def rename(who: str, name: str) -> None:
    """Give somebody another name. A login brings back the name that its provider has."""
    store = _store()
    try:
        store.rename_person(_person(store, who).id, name)
    except ValueError:
        raise click.ClickException("A name has a letter or a digit at least.") from None


@users.command(epilog=example("admin users remove p-3qV7Zk0cW9sX1yB5tN8mRg"))
@click.argument("who")
def remove(who: str) -> None:
    """Remove somebody: name, address, codes, sign-ins and what they handed in at once, their runs with the next
    clean-up (`nnlab admin prune`). Their classes are closed."""
    store = _store()
    person = _person(store, who)
    store.remove_person(person.id)
    print_json({"removed": person.id})


@click.group(epilog=example("admin classes list"))
def classes() -> None:
    """List the classes, or add one for a teacher who has not been there yet."""


@classes.command("list", epilog=example("admin classes list"))
def list_classes() -> None:
    """Print the classes as JSON, newest first, with their codes."""
    from nnlab.store import Person
    from nnlab.store.codes import shown_code

    store = _store()
    found = []
    for one in store.taught(Person("", role="admin")):
        teacher = store.person(one.teacher)
        found.append(
            {
                "id": one.id,
                "name": one.name,
                "code": shown_code(one.code),
                "closed": one.closed is not None,
                "teacher": teacher and teacher.name,
                "members": len(store.members(one.id)),
            }
        )
    print_json(found)


@classes.command(epilog=example("admin classes add '3º B' --teacher 'Ana López'"))
@click.argument("name")
@click.option("--teacher", "who", required=True, metavar="WHO", help="As for `nnlab admin users`.")
def add(name: str, who: str) -> None:
    """Add a class and print the code with which students join it as JSON."""
    from nnlab.store.codes import shown_code

    store = _store()
    teacher = _person(store, who)
    if not teacher.teaches:
        raise click.ClickException(f"{teacher.name} is no teacher: name them in NNLAB_TEACHERS.")
    try:
        one = store.create_class(name, teacher.id)
    except ValueError:
        raise click.ClickException("A class needs a name, with a letter or a digit at least.") from None
    print_json({"id": one.id, "name": one.name, "code": shown_code(one.code)})


def _store() -> Store:
    from nnlab.lab import open_lab

    return open_lab().store


def _person(store: Store, who: str) -> Person:
    """Whom an id or a name names."""
    from nnlab.settings import settings
    from nnlab.store.people import is_staff, name_key

    if (person := store.person(who)) is not None:
        return person
    if settings().auth == "code" and is_staff(who):
        return store.named(who)
    found = [one for one in store.accounts() if name_key(one.name) == name_key(who)]
    if not found:
        raise click.ClickException(f"{who!r}: nobody has this id or name. Teachers are named in NNLAB_TEACHERS.")
    if len(found) > 1:
        ids = ", ".join(one.id for one in found)
        raise click.ClickException(f"{who!r}: {len(found)} people have this name; take one of the ids {ids}.")
    person = store.person(found[0].id)
    assert person is not None
    return person
