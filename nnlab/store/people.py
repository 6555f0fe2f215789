"""The people of an installation with a login, the browsers they are signed in with, and their classes."""

from typing import Literal, NamedTuple

Role = Literal["visitor", "student", "teacher", "admin"]


class Person(NamedTuple):
    """Who uses nnlab: the owner of their runs."""

    id: str
    name: str = ""
    role: Role = "visitor"  # without a login everybody is one
