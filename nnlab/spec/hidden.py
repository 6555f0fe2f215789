"""What a link can hide on Play and Build: `hide=train.l2,code`, as in TensorFlow Playground."""

from collections.abc import Iterable

from nnlab.spec.experiment import FIELDS

PARTS = ("more", "rate_test", "cost", "pictures", "layers", "code", "link", "next")
"""Parts of pages that are no fields: what is folded away under "More", the test for a learning rate, the cost, the
pictures of data and network, the tabs below, the links to other pages."""
HIDEABLE = (*FIELDS, "seeds", *PARTS)


def parse_hidden(text: str) -> tuple[frozenset[str], tuple[str, ...]]:
    """The names in a link's `hide` that can be hidden, and those that cannot."""
    names = [name.strip() for name in text[:4000].split(",") if name.strip()]
    return frozenset(names) & frozenset(HIDEABLE), tuple(name for name in names if name not in HIDEABLE)


def hidden_text(names: Iterable[str]) -> str:
    """Names for a link; `parse_hidden` reads them back."""
    given = set(names)
    return ",".join(name for name in HIDEABLE if name in given)
