"""With a login every page asks for it, and shows nothing else before."""

import re
import time
from typing import ClassVar

import pytest
from page_app import LANGUAGES, OWNER, address, go, open_page, press, said

from nnlab.settings import settings
from nnlab.store import Store, StoreUnavailable
from nnlab.store.codes import shown_code
from nnlab.ui.shell.account import ROLES
from nnlab.ui.shell.frame import PLACES
from nnlab.ui.shell.text import in_markdown, text

pytestmark = pytest.mark.usefixtures("with_codes")


@pytest.fixture(autouse=True)
def _from_one_address(monkeypatch):
    monkeypatch.setattr("nnlab.ui.shell.sign_in.network_of", lambda _: "10.0.0.1")


@pytest.fixture
def store(lab):
    return lab.store


@pytest.fixture
def lesson(store):
    return store.create_class("3º B", store.named("Ms Rivera").id)


def typed(app, field, words, button):
    app.text_input(key=field).set_value(words)
    return press(app, button)


def is_gate(app):
    """Only the sign-in is on the page."""
    return [one.value for one in app.title][:1] in (["Sign in"], ["Entrar"]) and not app.get("page_link")


@pytest.mark.parametrize("auth", ["code", "oidc"])
@pytest.mark.parametrize("name", PLACES)
def test_every_page_and_deep_link_of_a_fresh_server_asks_for_the_login(lab, monkeypatch, name, auth):
    monkeypatch.setenv("NNLAB_AUTH", auth)
    settings.cache_clear()
    app = open_page(name, link={"run": "aaaaaaaaaaaa", "comparison": "aaaaaaaaaaaa", "data.name": "moons"})
    assert is_gate(app)
    assert address(app)["run"] == "aaaaaaaaaaaa", "the address stays"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_class_code_a_nickname_and_a_personal_code_lead_in(store, lesson, language):
    t = text(language)
    app = open_page("train", language, link={"run": "aaaaaaaaaaaa"})
    typed(app, "code", shown_code(lesson.code).lower(), "use-code")
    assert "3º B" in app.title[0].value
    typed(app, "nickname", "Zoë", "join")
    code = shown(app)
    assert t("This is your personal code:") in said(app)
    (zoe,) = store.members(lesson.id)
    assert store.try_code(code, "10.0.0.1").id == zoe.id
    assert store.person_of(OWNER) is None, "not before the browser has its new cookie"
    press(app, "enter")
    assert store.redeem(ticket(app), OWNER, "v-new") == f"train?lang={language}&run=aaaaaaaaaaaa"
    assert store.person_of("v-new").id == zoe.id


def test_no_line_of_the_log_has_a_nickname_a_code_or_a_cookie(store, lesson, json_log, monkeypatch):
    app = open_page("build", link={"data.n_samples": "123"})
    typed(app, "code", "ABCD-EFGH", "use-code")
    typed(app, "code", shown_code(lesson.code), "use-code")
    typed(app, "nickname", "Zoë", "join")
    code = shown(app)

    def fail(*_):
        raise RuntimeError(f"Zoë with {code} and {OWNER}")

    monkeypatch.setattr(type(store), "new_ticket", fail)
    app.button(key="enter").click().run()
    events, text = [line.get("event") for line in json_log()], str(json_log())
    assert "sign_in_refused" in events
    assert "RuntimeError" in text
    assert not [
        one for one in ("Zoë", "ABCD", code, lesson.code, shown_code(lesson.code), OWNER, "n_samples") if one in text
    ]


def shown(app):
    """The personal code on the page."""
    return next((one[1] for one in re.finditer(r"^#{1,2} ([0-9A-Z]{5}-[0-9A-Z]{5})$", said(app), re.MULTILINE)), None)


def ticket(app):
    """That the browser is sent away with."""
    (sent,) = [one.proto for one in app.get("bidi_component") if "enter?ticket=" in str(one.proto)]
    return str(sent).partition("enter?ticket=")[2].partition('"')[0].partition("\\")[0]


def test_a_personal_code_is_enough(store, lesson):
    ana = store.new_student(lesson.id, "Ana")
    app = typed(open_page("home"), "code", store.new_code(ana.id), "use-code")
    assert store.redeem(ticket(app), OWNER, "v-new") == "?lang=en"
    assert store.person_of("v-new") == ana


@pytest.mark.parametrize(
    ("nickname", "sentence"),
    [("ANA", "has this nickname already"), ("Ms Rivera", "has this nickname already"), ("…", "one letter or digit")],
)
def test_a_nickname_that_is_refused_is_one_sentence(store, lesson, nickname, sentence):
    store.new_student(lesson.id, "Ana")
    app = typed(open_page("home"), "code", lesson.code, "use-code")
    typed(app, "nickname", nickname, "join")
    assert sentence in said(app)
    assert len(store.members(lesson.id)) == 1
    typed(app, "nickname", "Zoe", "join")
    assert len(store.members(lesson.id)) == 2


def test_a_class_that_closes_meanwhile_lets_nobody_in(store, lesson):
    app = typed(open_page("home"), "code", lesson.code, "use-code")
    store.close_class(lesson.id)
    typed(app, "nickname", "Zoe", "join")
    assert "closed or full" in said(app)
    assert store.members(lesson.id) == []
    press(app, "other-code")
    assert is_gate(app)


def test_a_wrong_code_is_one_sentence_and_many_say_how_long_to_wait(store):
    app = typed(open_page("home"), "code", "AAAA", "use-code")
    assert "There is no such code" in said(app)
    for n in range(29):
        store.try_code(f"AAAA{n}", "10.0.0.1")
    typed(app, "code", "AAAA", "use-code")
    assert re.search(r"Try again in \d+ s\.", said(app))
    assert is_gate(app)


@pytest.mark.parametrize("name", PLACES)
def test_who_is_signed_in_sees_every_page_and_their_name(store, lesson, name):
    zoe = store.new_student(lesson.id, "Zoë " + "x" * 76)
    app = open_page(name, person=zoe)
    assert not is_gate(app)
    assert in_markdown(zoe.name) in said(app)
    assert app.button(key="sign-out")


HOSTILE = ["**bold** [x](http://x)", ":red[x] :material/home: $x$", "<script>x</script>", "`x` ![x](http://x)"]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_shown_as_it_is(store, name):
    lesson = store.create_class(name, store.named("Ms Rivera").id)
    app = typed(open_page("home"), "code", lesson.code, "use-code")
    assert app.title[0].value == in_markdown(lesson.name)
    typed(app, "nickname", name, "join")
    assert app.title[0].value == f"Welcome, {in_markdown(name)}"
    app = open_page("home", person=store.person(store.members(lesson.id)[0].id))
    assert in_markdown(name) in said(app)
    assert name not in said(app)


def test_signing_out_forgets_everything_and_leaves(store, lesson):
    ana = store.new_student(lesson.id, "Ana")
    app = open_page("build", person=ana, mine="secret")
    press(app, "sign-out")
    assert "mine" not in app.session_state
    assert any("?lang=en" in str(one.proto) for one in app.get("bidi_component"))
    assert store.person_of(app_cookie(ana)) is None


def app_cookie(person):
    return f"v-{person.id[2:]}"


def test_a_tab_that_is_still_open_changes_nothing_after_the_sign_out(store, lesson, lab, monkeypatch):
    ana = store.new_student(lesson.id, "Ana")
    app = open_page("home", person=ana)
    run = next(one.key for one in app.button if one.key and one.key.startswith("run-"))
    store.sign_out(app_cookie(ana))
    monkeypatch.setattr("nnlab.ui.shell.signed_in.CHECK_EVERY", -1)
    app.button(key=run).click()
    app.run()
    assert lab.runs() == []
    assert is_gate(go(app))


@pytest.mark.parametrize("click", ["renew-code", "code-join"])
def test_a_click_after_the_sign_out_neither_ends_the_code_nor_joins_a_class(store, lesson, monkeypatch, click):
    ana = store.new_student(lesson.id, "Ana")
    code, other = store.new_code(ana.id), store.create_class("Other", lesson.teacher)
    app = open_page("home", person=ana)
    store.sign_out(app_cookie(ana))
    monkeypatch.setattr("nnlab.ui.shell.signed_in.CHECK_EVERY", -1)
    app.text_input(key="code").set_value(other.code)
    app.button(key=click).click()
    app.run()
    assert store.try_code(code, "10.0.0.1") == ana
    assert store.members(other.id) == []
    assert is_gate(go(app))


def test_a_new_personal_code_ends_the_one_before(store, lesson):
    ana = store.new_student(lesson.id, "Ana")
    old = store.new_code(ana.id)
    store.sign_in("v-phone", ana.id)
    app = press(open_page("home", person=ana), "renew-code")
    new = shown(app)
    assert store.try_code(new, "10.0.0.1") == ana
    assert store.try_code(old, "10.0.0.1") is None
    go(app)
    assert shown(app) is None, "shown once"
    assert store.person_of("v-phone") is None


def test_another_class_is_joined_by_its_code(store, lesson):
    ana = store.new_student(lesson.id, "Ana")
    other = store.create_class("Other", store.named("Mr Okafor").id)
    app = typed(open_page("home", person=ana), "code", other.code, "code-join")
    assert store.joined(ana) == [other, lesson]
    typed(app, "code", store.new_code(ana.id), "code-join")
    assert "This is a personal code" in said(app)


def test_a_second_class_says_what_it_calls_somebody_whose_name_is_there(store, lesson):
    other = store.create_class("Other", store.named("Mr Okafor").id)
    store.new_student(other.id, "ANA")
    ana = store.new_student(lesson.id, "Ana")
    app = typed(open_page("home", person=ana), "code", other.code, "code-join")
    assert [one.value for one in app.toast] == [
        "You are in the class Other now. Somebody in it has your name: there you are **Ana \\(2\\)**."
    ]


def test_a_class_that_closes_while_its_code_is_typed_lets_no_second_class_in(store, lesson, monkeypatch):
    other = store.create_class("Other", store.named("Mr Okafor").id)
    ana, look_up = store.new_student(lesson.id, "Ana"), Store.try_code

    def close_after(self, *given):
        found = look_up(self, *given)
        self.close_class(other.id)
        return found

    monkeypatch.setattr(Store, "try_code", close_after)
    app = typed(open_page("home", person=ana), "code", other.code, "code-join")
    assert "This class is closed or full. Ask your teacher." in said(app)
    assert store.members(other.id) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_roles_have_a_word(language):
    assert all(text(language)(words) for words in ROLES.values())


def test_a_place_is_a_page_of_this_server_whatever_its_parameters(store, lesson):
    """No redirect to another host: the place is the page's own name and its parameters, escaped."""
    ana = store.new_student(lesson.id, "Ana")
    evil = {"next": "//evil.example", "x": "https://evil.example/\r\nSet-Cookie: a=b"}
    app = typed(open_page("home", link=evil), "code", store.new_code(ana.id), "use-code")
    place = store.redeem(ticket(app), OWNER, "v-new")
    assert place.startswith("?lang=en&next=%2F%2Fevil.example&x=https%3A%2F%2F")
    assert not set(place) & set("\r\n ")


def test_without_a_login_nothing_of_it_is_there(lab, monkeypatch):
    monkeypatch.setenv("NNLAB_AUTH", "none")
    settings.cache_clear()
    app = open_page("home")
    assert "sign-out" not in [one.key for one in app.button]
    assert "Class" not in "".join(one.proto.label for one in app.get("page_link"))


def test_while_the_store_is_away_nobody_is_let_in_or_sent_away(store, lesson, monkeypatch):
    ana = store.new_student(lesson.id, "Ana")
    app = open_page("home", person=ana)

    def away(*_, **__):
        raise StoreUnavailable("unreachable", "The store cannot be reached: gone.")

    with monkeypatch.context() as patch:
        patch.setattr(Store, "person_of", away)
        assert "cannot be reached right now" in said(app.run())
        assert not app.get("page_link")
        assert not is_gate(app)
    assert not is_gate(go(app))


class TestByLogin:
    """With OpenID Connect, as Streamlit knows the visitor."""

    ADA: ClassVar = {
        "is_logged_in": True,
        "iss": "https://a.example",
        "sub": "1",
        "name": "Ada",
        "email": "ada@x.example",
        "iat": time.time() + 3600,  # whenever the test runs, a moment ago
    }

    @pytest.fixture(autouse=True)
    def _login(self, with_codes, monkeypatch):
        monkeypatch.setenv("NNLAB_AUTH", "oidc")
        monkeypatch.setenv("NNLAB_TEACHERS", "ada@x.example")
        settings.cache_clear()
        monkeypatch.setattr("nnlab.ui.shell.sign_in.has_cookie", lambda: True)

    @pytest.fixture
    def user(self, monkeypatch):
        """What `st.user` holds."""
        known = {}
        monkeypatch.setattr("streamlit.user", known)
        return known

    @pytest.mark.parametrize("verified", [True, False, "true", None])
    def test_who_returns_from_the_provider_gets_a_ticket_to_where_they_were(self, store, user, verified):
        store.remember(OWNER, "train?run=1")
        user.update(self.ADA, email_verified=verified)
        app = open_page("home")
        assert store.person_of(OWNER) is None
        assert store.redeem(ticket(app), OWNER, "v-new") == "train?run=1"
        ada = store.person_of("v-new")
        assert (ada.name, ada.role) == ("Ada", "teacher" if verified is True else "student")

    @pytest.mark.parametrize("pressed", [True, False])
    def test_a_login_from_before_signs_nobody_in(self, store, user, pressed):
        """Who has signed out on all devices, or whose sign-in has ended, presses Continue and logs in again."""
        user.update(self.ADA, iat=time.time() - 3600 if pressed else self.ADA["iat"])
        if pressed:
            store.remember(OWNER, "train?run=1")
        app = open_page("home")
        assert is_gate(app)
        assert not [one for one in app.get("bidi_component") if "enter?ticket=" in str(one.proto)]

    def test_the_way_back_from_the_provider_is_no_way_in_for_an_earlier_login(self, store, user, monkeypatch):
        monkeypatch.setattr("streamlit.secrets", {"auth": {"cookie_secret": "x", "client_id": "x"}})
        user.update(self.ADA)
        press(open_page("home"), "login-")
        assert store.remembered(OWNER) is None
        assert is_gate(open_page("home"))

    def test_signing_out_on_all_devices_ends_every_browsers_sign_in(self, store, user):
        ada, bob = (store.find_or_create(f"https://a.example\n{n}", name) for n, name in ((1, "Ada"), (2, "Bob")))
        for token, person in (("v-phone", ada), ("v-bob", bob)):
            store.sign_in(token, person.id)
        user.update(self.ADA)
        app = open_page("runs", person=ada)
        app.button(key="sign-out-everywhere").click().run()
        assert [store.person_of(token) for token in (app_cookie(ada), "v-phone", "v-bob")] == [None, None, bob]

    def test_a_deep_link_is_where_they_were_not_an_earlier_login(self, store, user):
        store.remember(OWNER, "train?run=1")
        user.update(self.ADA)
        assert store.redeem(ticket(open_page("compare")), OWNER, "v-new") == "compare?lang=en"

    def test_the_cookie_alone_is_not_enough_once_the_login_has_ended(self, store, user):
        ada = store.find_or_create("https://a.example\n1", "Ada")
        assert is_gate(open_page("runs", person=ada))
        assert store.person_of(app_cookie(ada)) is None, "nor for downloads"

    def test_a_cookie_of_one_and_the_login_of_another_is_a_new_sign_in(self, store, user):
        bob = store.find_or_create("https://a.example\n2", "Bob")
        user.update(self.ADA)
        store.remember(app_cookie(bob), "")
        app = open_page("runs", person=bob)
        assert not app.get("page_link")
        assert store.redeem(ticket(app), app_cookie(bob), "v-new")
        assert store.person_of("v-new").name == "Ada"

    def test_who_is_logged_in_sees_the_page(self, store, user):
        ada = store.find_or_create("https://a.example\n1", "Ada")
        user.update(self.ADA)
        app = open_page("runs", person=ada)
        assert not is_gate(app)
        assert "renew-code" not in [one.key for one in app.button], "codes are for the other kind"

    def test_without_secrets_a_sentence_tells_whoever_runs_the_server(self, store, user, caplog):
        app = open_page("home")
        assert "The login of this server is not set up" in said(app)
        assert "secrets.toml has no [auth]" in caplog.text

    def test_each_provider_has_a_button(self, store, user, monkeypatch):
        one = {"client_id": "x"}
        monkeypatch.setattr("streamlit.secrets", {"auth": {"cookie_secret": "x", "school": one, "uni": one}})
        app = open_page("home")
        labels = [one.label for one in app.button if one.key and one.key.startswith("login-")]
        assert labels == ["Continue with School", "Continue with Uni"]
        press(app, "login-uni")
        assert "The login of this server is not set up" in said(app), "what is missing for it"
        assert store.remembered(OWNER) == "?lang=en"
