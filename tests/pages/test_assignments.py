"""A student's way through an assignment: the class page, Build and Compare under it, what is handed in."""

from datetime import UTC, datetime, timedelta

import pytest
from page_app import SPANISH, address, go, links, open_page, press, said

from nnlab.spec import FIELDS, Comparison, Experiment
from nnlab.spec.assignment import Assignment
from nnlab.ui.shell.text import in_markdown, text

pytestmark = pytest.mark.usefixtures("with_codes")
BASE = Experiment().set({"data.n_samples": 60, "train.epochs": 2, "train.engine": "numpy", "model.hidden": [5]})
COMPARED = Comparison(BASE, vary="depth", values=[1, 2], seeds=3)
HOSTILE = "[a](http://evil.example) :red[x] www.evil.example **b** $y$ <b>"


@pytest.fixture
def teacher(lab):
    return lab.store.named("Ms Rivera")


@pytest.fixture
def lesson(lab, teacher):
    return lab.store.create_class("3 B", teacher.id)


@pytest.fixture
def ana(lab, lesson):
    return lab.store.new_student(lesson.id, "Ana")


@pytest.fixture
def ask(lab, lesson):
    usual = {"title": "How deep?", "task": BASE, "open_fields": ["depth"], "seeds": 3}
    return lambda **changes: lab.create_assignment(Assignment(**{**usual, **changes}), lesson.id)


def opened(name, person, task, language="en", **link):
    return open_page(name, language, person=person, link={"assignment": task, **link})


def started(lab, ana, task, name="build", language="en", **link):
    lab.take_part(task, ana.id)
    return opened(name, ana, task, language, **link)


def labels(app):
    return [one.proto.label for one in app.get("page_link")]


@pytest.mark.parametrize("language", SPANISH)
def test_the_way_from_the_class_to_what_is_handed_in(lab, lesson, ana, ask, language):
    t = text(language)
    due = datetime.now(UTC) + timedelta(days=2, minutes=5)
    task = ask(question="Why?", guess=["one", "two"], due=due)
    app = open_page("classroom", language, person=ana)
    assert "3 B" in said(app)
    assert links(app)["**How deep?**"].query_string == f"assignment={task}&lang={language}"
    assert t("new") in said(app)

    app = opened("classroom", ana, task, language)
    assert "Why?" in said(app)
    distance = {"en": "in 2 days", "es": "dentro de 2 días"}[language]
    assert distance in said(app)
    assert app.button(key="start").disabled
    app.button_group(key="assignment-guess").set_value("two")
    go(app)
    assert lab.store.participant(task, ana.id).guess == "two"
    assert not app.button(key="start").disabled
    press(app, "start")
    assert address(app)["assignment"] == task
    app = opened("build", ana, task, language)
    assert t("You can change: {fields}.", fields=f"**{t('Depth')}**") in said(app)

    app.slider(key="field-depth").set_value(3)
    go(app)
    press(app, "train")
    (one,) = lab.tries(task)
    assert one.run.experiment == BASE.vary("depth", 3)
    assert (one.run.owner, one.run.seeds) == (ana.id, (0, 1, 2))
    assert address(app)["run"] == one.run.id
    assert t("You expected: {guess}.", guess="**two**") in said(app)
    again = links(app)[t("Try again")]
    assert f"assignment={task}&model.hidden=5-5-5" in again.query_string
    assert t("Your tries") in labels(app)

    lab.resume_here(one.run.id)
    app = opened("classroom", ana, task, language)
    score = next(
        part for part in said(app).split("\n") if t("Your best: {what}, {score}.", what="", score="")[:6] in part
    )
    assert t("You expected: {guess}.", guess="**two**") in score
    assert any(label.startswith({"en": "Depth 3", "es": "Profundidad 3"}[language]) for label in labels(app))
    assert app.button(key="start").label == t("Try again")
    home = open_page("classroom", language, person=ana)
    assert t.many("{n} try handed in", "{n} tries handed in", 1) in said(home)


def test_locked_fields_are_shown_with_a_lock_and_cannot_be_used(lab, ana, ask):
    app = started(lab, ana, ask())
    assert not app.slider(key="field-depth").disabled
    locked = [app.slider(key="field-width"), app.selectbox(key="field-data.name"), app.text_input(key="field-train.lr")]
    locked += [app.text_input(key="field-seeds"), app.selectbox(key="field-validation-kind")]
    locked += [app.selectbox(key="field-model.activation"), app.text_input(key="field-data.noise")]
    assert all(one.disabled for one in locked)
    assert app.text_input(key="field-train.lr").label == ":material/lock: Learning rate"
    assert "Fixed by the assignment: everything else." in said(app)
    keys = {one.key for one in (*app.button, *app.toggle)}
    assert not {"rates-test", "layer-by-layer"} & keys


def test_with_much_open_what_is_fixed_is_named(lab, ana, ask):
    app = started(lab, ana, ask(open_fields=[path for path in FIELDS if path != "train.epochs"]))
    assert "You can change what has no lock. Fixed by the assignment: Epochs." in said(app)
    assert app.text_input(key="field-train.epochs").disabled
    assert "layer-by-layer" in {one.key for one in app.toggle}
    app.selectbox(key="field-data.name").set_value("circles")
    go(app)
    assert not app.error
    assert not app.button(key="train").disabled


def test_the_question_stands_beside_its_data_unless_pictures_are_hidden(ana, ask):
    (picture,) = opened("classroom", ana, ask()).get("vega_lite_chart")
    assert "Samples of the data" in str(picture.proto)
    assert not opened("classroom", ana, ask(hidden=["pictures"])).get("vega_lite_chart")


def test_one_seed_is_said_in_the_singular(ana, ask):
    words = "Entrenas con 1 semilla tuya, que nadie más tiene en la clase."
    assert words in said(opened("classroom", ana, ask(seeds=1), "es"))


def test_hidden_parts_are_absent_and_keep_their_values(lab, ana, ask):
    hidden = ["train.lr", "model.hidden", "cost", "code", "pictures", "more"]
    task = ask(open_fields=["train.optimizer"], hidden=hidden)
    app = started(lab, ana, task)
    keys = {one.key for one in (*app.text_input, *app.slider, *app.selectbox, *app.toggle)}
    assert not {"field-train.lr", "field-depth", "field-width", "field-model.norm"} & keys
    assert not app.metric
    assert not app.expander
    assert [tab.label for tab in app.tabs] == ["Layers"]
    press(app, "train")
    assert lab.tries(task)[0].run.experiment == BASE


def test_a_link_changes_what_is_open_and_names_what_is_fixed(lab, ana, ask):
    task = ask(open_fields=["train.lr", "depth"])
    link = {"train.lr": "0.3", "model.hidden": "5-5", "train.epochs": "7"}
    app = started(lab, ana, task, **link)
    assert app.text_input(key="field-train.lr").value == "0.3"
    assert app.slider(key="field-depth").value == 2
    assert "Epochs: The assignment fixes it at 2" in said(app)
    assert {k: v for k, v in address(app).items() if k != "lang"} == {
        "assignment": task,
        "train.lr": "0.3",
        "model.hidden": "5-5",
    }
    app = started(lab, ana, task, **{"model.hidden": "9-9", "train.lr": "x", "data.nothing": "1"})
    assert app.slider(key="field-width").value == 5
    assert f"Hidden layers: The assignment fixes it at {in_markdown('5-5')}" in said(app)
    assert not app.error


def test_what_is_open_is_shown_although_more_is_hidden(lab, ana, ask):
    app = started(lab, ana, ask(open_fields=["train.l2", "depth"], hidden=["more"]))
    assert [one.key for one in app.text_input if one.key == "field-train.l2"]
    assert [one.label for one in app.expander] == ["More: Training"]
    assert not [one for one in app.selectbox if one.key == "field-train.schedule"]


def test_the_own_draft_is_there_after_an_assignment(lab, ana, ask):
    task = ask(open_fields=["train.lr"])
    lab.take_part(task, ana.id)
    app = open_page("build", person=ana, link={"train.lr": "0.5"})
    app.query_params["assignment"] = task
    for name in ("train.lr", "data.name", "seeds"):
        app.query_params.pop(name, None)
    go(app)
    app.text_input(key="field-train.lr").set_value("0.7")
    go(app)
    assert address(app)["train.lr"] == "0.7"
    for name in ("assignment", "train.lr", "hide"):
        app.query_params.pop(name, None)
    go(app)
    assert app.text_input(key="field-train.lr").value == "0.5"
    assert not app.text_input(key="field-train.lr").disabled
    app.query_params["assignment"] = task
    for name in [name for name in address(app) if name not in ("assignment", "lang")]:
        app.query_params.pop(name, None)
    go(app)
    assert app.text_input(key="field-train.lr").value == "0.7"


def test_back_from_the_run_leads_to_the_assignment_not_to_the_own_draft(lab, ana, ask):
    task = ask()
    app = started(lab, ana, task)
    press(app, "train")
    assert "run" in address(app)
    go(app.switch_page("pages/build.py"))  # the entry that Streamlit leaves in the history: the run's parameters here
    assert address(app)["assignment"] == task
    press(app, "train")
    assert len(lab.tries(task)) == len(lab.runs(ana.id)) == 1


def test_who_has_not_started_is_led_to_the_question(lab, ana, ask):
    app = opened("build", ana, ask(question="Why?"))
    assert "Why?" in said(app)
    assert app.button(key="start").label == "Start"
    app = opened("compare", ana, ask(task=COMPARED, open_fields=[], guess=["a", "b"], question="Which?"))
    assert "Which?" in said(app)
    task = ask(task=COMPARED, open_fields=["values"])
    app = started(lab, ana, task)
    assert [one.value for one in app.title] == ["Compare"], "it is trained there"


def test_a_comparison_is_asked_under_own_seeds_and_handed_in(lab, lesson, ana, ask):
    luis = lab.store.new_student(lesson.id, "Luis")
    task = ask(task=COMPARED, open_fields=["values"])
    lab.take_part(task, ana.id)
    app = started(lab, luis, task, "compare")
    assert app.selectbox(key="compare-vary").disabled
    assert app.text_input(key="compare-seeds").value == "3-5"
    assert app.text_input(key="compare-seeds").disabled
    assert not app.multiselect(key="compare-values").disabled
    keys = {one.key for one in app.button}
    assert not {"compare-add-by", "rates-test", "ask-binary-go"} & keys
    app.multiselect(key="compare-values").set_value(["1", "4"])
    go(app)
    assert address(app)["values"] == "1,4"
    press(app, "compare")
    (one,) = lab.tries(task)
    assert (one.run.comparison.values, one.run.comparison.seeds, one.person) == ((1, 4), (3, 4, 5), luis.id)
    assert {"assignment": task, "comparison": one.run.id}.items() <= address(app).items()
    assert "Your tries" in labels(app)
    app = opened("classroom", luis, task)
    assert "Depth 1, 4" in labels(app)


def test_a_comparison_whose_values_are_fixed_ignores_those_of_a_link(lab, ana, ask):
    app = started(lab, ana, ask(task=COMPARED, open_fields=[]), "compare", values="1,2,8", vary="width")
    assert app.multiselect(key="compare-values").value == ["1", "2"]
    assert app.multiselect(key="compare-values").disabled
    app = started(lab, ana, ask(task=COMPARED, open_fields=["vary"]), "compare", values="3,5", vary="width")
    assert app.selectbox(key="compare-vary").value == "width"
    assert app.multiselect(key="compare-values").value == ["3", "5"]


@pytest.mark.parametrize("language", SPANISH)
def test_late_is_said_and_not_forbidden(lab, ana, ask, language):
    t = text(language)
    task = ask(due=datetime.now(UTC) - timedelta(hours=3))
    app = started(lab, ana, task, language=language)
    assert t("The date has passed: what you hand in now is marked as late.") in said(app)
    press(app, "train")
    app = opened("classroom", ana, task, language)
    assert t("late") in said(app)
    assert t("what you hand in now is marked as late") in said(app)


def test_its_teacher_tries_it_without_handing_in(lab, teacher, ask):
    task = ask(guess=["a", "b"])
    app = opened("classroom", teacher, task, view="student")
    assert not app.button(key="start").disabled
    app = opened("build", teacher, task)
    assert "What you train here is not handed in." in said(app)
    assert app.slider(key="field-width").disabled
    press(app, "train")
    assert lab.store.participants(task) == []
    assert lab.tries(task) == []
    assert [run.experiment for run in lab.runs(teacher.id)] == [BASE]


def test_a_student_of_another_class_joins_by_the_code_first(lab, teacher, ask, lesson, monkeypatch):
    monkeypatch.setattr("nnlab.ui.shell.sign_in.network_of", lambda _: "10.0.0.1")
    other = lab.store.create_class("4 A", teacher.id)
    bea = lab.store.new_student(other.id, "Bea")
    task = ask()
    app = opened("classroom", bea, task)
    assert "start" not in {one.key for one in app.button}
    app.text_input(key="class-code").set_value(lesson.code)
    press(app, "class-code-join")
    assert not app.button(key="start").disabled
    assert {one.id for one in lab.store.joined(bea)} == {other.id, lesson.id}


@pytest.mark.parametrize("page", ["classroom", "build", "compare"])
def test_a_deleted_assignment_says_so(lab, ana, ask, page):
    task = ask(task=COMPARED, open_fields=["values"]) if page == "compare" else ask()
    lab.take_part(task, ana.id)
    lab.store.delete_assignment(task)
    for gone in (task, "nothing"):
        app = opened(page, ana, gone)
        assert "There is no assignment at this address; its teacher may have deleted it." in said(app)
        assert "train" not in {one.key for one in app.button}


@pytest.mark.parametrize("kind", ["build", "compare"])
def test_what_is_pressed_after_the_assignment_was_deleted_trains_nothing_else(lab, ana, ask, kind):
    task = ask(task=COMPARED, open_fields=["values"]) if kind == "compare" else ask()
    app = started(lab, ana, task, kind)
    lab.store.delete_assignment(task)
    press(app, {"build": "train", "compare": "compare"}[kind])
    assert "its teacher may have deleted it" in said(app)
    assert lab.runs(ana.id) == []


@pytest.mark.parametrize("kind", ["build", "compare"])
def test_who_was_taken_out_of_the_class_hands_in_nothing_more_until_they_join_by_its_code(
    lab, lesson, ana, ask, kind, monkeypatch
):
    monkeypatch.setattr("nnlab.ui.shell.sign_in.network_of", lambda _: "10.0.0.1")
    task = ask(task=COMPARED, open_fields=["values"]) if kind == "compare" else ask()
    app = started(lab, ana, task, kind)
    lab.store.leave(lesson.id, ana.id)
    press(app, {"build": "train", "compare": "compare"}[kind])
    assert "This assignment is for a class that you are not in." in said(app)
    assert (lab.tries(task), lab.runs(ana.id), lab.store.joined(ana)) == ([], [], [])
    app = opened("classroom", ana, task)
    app.text_input(key="class-code").set_value(lesson.code)
    press(app, "class-code-join")
    assert not app.button(key="start").disabled


@pytest.mark.parametrize("way", ["start", "guess"])
def test_no_click_on_an_open_page_leads_back_into_a_class(lab, lesson, ana, ask, way):
    task = ask(guess=["one", "two"] if way == "guess" else [])
    app = opened("classroom", ana, task)
    lab.store.leave(lesson.id, ana.id)
    if way == "start":
        press(app, "start")
    else:
        app.button_group(key="assignment-guess").set_value("two")
        go(app)
    assert lab.store.members(lesson.id) == []
    assert lab.store.participants(task) == []


def test_what_somebody_else_has_handed_in_has_no_way_back_for_others(lab, lesson, ana, ask):
    luis = lab.store.new_student(lesson.id, "Luis")
    run = lab.submit_try(ask(), BASE, ana.id)
    assert "Your tries" in labels(open_page("train", person=ana, link={"run": run.id}))
    assert "Your tries" not in labels(open_page("train", person=luis, link={"run": run.id}))


@pytest.mark.parametrize("page", ["classroom", "build", "train"])
def test_what_a_teacher_writes_is_text(lab, ana, ask, page):
    task = ask(title=HOSTILE, question=f"{HOSTILE}\n# c\n\n- d", guess=[HOSTILE[:38], "b"])
    first = opened("classroom", ana, task)
    lab.guess_outcome(task, HOSTILE[:38], ana.id)
    run = lab.submit_try(task, BASE, ana.id)
    link = {"run": run.id} if page == "train" else {"assignment": task}
    app = open_page(page, person=ana, link=link)
    for one in (first, app, open_page("classroom", person=ana)):
        written = said(one) + "".join(labels(one))
        assert HOSTILE not in written
        assert HOSTILE[:38] not in written
        assert "\n# c" not in written
        assert "\n- d" not in written
        assert in_markdown(HOSTILE) in written


def test_limits_are_said_where_one_trains(lab, ana, ask, monkeypatch):
    from nnlab.settings import settings

    monkeypatch.setenv("NNLAB_MAX_WAITING", "1")
    settings.cache_clear()
    task = ask()
    app = started(lab, ana, task)
    press(app, "train")
    app = opened("build", ana, task, **{"model.hidden": "5-5"})
    press(app, "train")
    assert "With this you would have more waiting and running runs than this server allows" in said(app)
    assert len(lab.tries(task)) == 1
