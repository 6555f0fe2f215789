"""Opening a page in an AppTest, and reading what it shows: what the tests of all pages share."""

from pathlib import Path

from streamlit.testing.v1 import AppTest

from nnlab.lab import open_lab
from nnlab.store import Person

ROOT = Path(__file__).parents[1]
OWNER = "v-" + "o" * 22
STRANGER = "v-" + "x" * 22
LANGUAGES = ("es", "en")


def open_page(name, language="en", owner=OWNER, link=None, *, person: Person | None = None, **state):
    """A page as a visitor opens it by its link; `state` is put into the session before.

    With a login (the fixture `with_codes`) `person` is who is signed in with the browser."""
    if person is not None:
        owner = f"v-{person.id[2:]}"  # the browser's cookie
        open_lab().store.sign_in(owner, person.id)
    app = AppTest.from_file(ROOT / "dashboard.py", default_timeout=60)
    for key, value in {"visitor": owner, **state}.items():
        app.session_state[key] = value
    for key, value in {"lang": language, **(link or {})}.items():
        app.query_params[key] = value
    return go(app if name == "home" else app.switch_page(f"pages/{name}.py"))


def go(app):
    """Runs the page once more; it must not fail."""
    app.run()
    assert not app.exception
    return app


def press(app, key):
    app.button(key=key).click()
    return go(app)


def said(app):
    """Everything written on the page."""
    parts = [*app.title, *app.markdown, *app.caption, *app.info, *app.warning, *app.error]
    return "\n".join(str(part.value) for part in parts)


def address(app):
    """The parameters in the address bar."""
    return {k: v if isinstance(v, str) else v[-1] for k, v in dict(app.query_params).items()}


def links(app):
    """The links of the page by their labels."""
    return {link.proto.label: link.proto for link in app.get("page_link")}
