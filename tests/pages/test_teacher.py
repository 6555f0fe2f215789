"""The teacher's side of the Class page: classes, roster, making assignments, live view, projector; and who sees it."""

import pytest
from page_app import SPANISH, address, go, links, open_page, press, said

from benchmarks.class_data import fill
from nnlab import Comparison, presets
from nnlab.spec.assignment import Assignment
from nnlab.store.codes import shown_code
from nnlab.ui.classroom.task_source import pasted_link
from nnlab.ui.shell.text import text

in_spanish = pytest.mark.parametrize("language", SPANISH)
DEPTHS = Comparison(presets["activations"], vary="depth", values=[1, 2], seeds=3)


@pytest.fixture
def lab(with_codes, lab):
    return lab


@pytest.fixture
def teacher(lab):
    return lab.store.named("Ms Rivera")


@pytest.fixture
def filled(lab, teacher):
    """Five students, eleven tries, the last four of which wait."""
    return fill(lab, students=5, tries=11, teacher="Ms Rivera", epochs=2)


def classroom(person, language="en", **link):
    return open_page("classroom", language, link=link, person=person)


def everything(app):
    """All that the page sends to the browser, rows of charts and tables included."""
    found = []

    def collect(node):
        if (proto := getattr(node, "proto", None)) is not None:
            found.append(proto.SerializeToString())
        for child in getattr(node, "children", {}).values():
            collect(child)

    collect(app._tree)
    return b"\n".join(found)


def names(lab, filled):
    return [one.name for one in lab.store.members(filled.class_id)]


# classes


@in_spanish
def test_a_teacher_makes_a_class_and_is_shown_its_code_and_the_address(lab, teacher, language):
    app = classroom(teacher, language)
    app.text_input(key="new-class-name").set_value("2.º A")
    press(app, "new-class-go")
    made = lab.store.taught(teacher)[0]
    assert made.name == "2.º A"
    app = classroom(teacher, language, **{"class": made.id})
    assert shown_code(made.code) in said(app)
    assert text(language)("Nobody yet.") in said(app)


def test_before_the_first_class_the_way_to_an_assignment_is_shown_and_later_no_more(lab, teacher):
    steps = ("1 · Make a class", "2 · Show its code", "3 · Give an assignment")
    assert all(step in said(classroom(teacher)) for step in steps)
    lab.store.create_class("2.º A", teacher.id)
    assert not any(step in said(classroom(teacher)) for step in steps)


@pytest.mark.parametrize("typed", ["", "\N{GRADUATION CAP}"])
def test_a_class_needs_a_name_that_can_be_read(lab, teacher, typed):
    app = classroom(teacher)
    app.text_input(key="new-class-name").set_value(typed)
    press(app, "new-class-go")
    assert app.error[0].value == "A class needs a name, with a letter or a digit at least."
    assert not lab.store.taught(teacher)
    one = lab.store.create_class("A \N{GRADUATION CAP}", teacher.id)
    app = classroom(teacher, **{"class": one.id})
    app.text_input(key="class-name").set_value(typed)
    press(app, "rename-class")
    assert app.error[0].value == "A class needs a name, with a letter or a digit at least."
    assert lab.store.class_(one.id).name == "A \N{GRADUATION CAP}"


def test_a_closed_class_shows_no_code_and_opens_again(lab, teacher):
    one = lab.store.create_class("A", teacher.id)
    app = press(classroom(teacher, **{"class": one.id}), "close-class")
    assert shown_code(one.code) not in said(app)
    assert lab.store.class_(one.id).closed
    press(app, "close-class")
    assert lab.store.class_(one.id).closed is None


def test_a_new_code_ends_the_one_before(lab, teacher):
    one = lab.store.create_class("A", teacher.id)
    app = press(classroom(teacher, **{"class": one.id}), "new-class-code")
    now = lab.store.class_(one.id)
    assert now.code != one.code
    assert shown_code(now.code) in said(app)


@in_spanish
def test_the_roster_lists_everybody_by_name_with_accents_where_they_belong(lab, filled, language):
    app = classroom(lab.store.named("Ms Rivera"), language, **{"class": filled.class_id})
    table = app.dataframe[0].value
    assert list(table[text(language)("Name")]) == ["abejaruco", "águila", "alondra", "avoceta", "búho"]


# making an assignment


@in_spanish
def test_an_assignment_is_made_of_the_experiment_in_the_address(lab, teacher, language):
    one = lab.store.create_class("A", teacher.id)
    task = presets["activations"]
    app = classroom(teacher, language, make="1", **{"class": one.id}, **task.to_query())
    assert app.button(key="make-go").disabled
    app.text_input(key="make-title").set_value("How deep?")
    app.text_area(key="make-text").set_value("Try three.\nThen say why.")
    app.text_area(key="make-guess").set_value("1\n2\n\n3")
    app.checkbox(key="make-open-depth").set_value(True)
    app.checkbox(key="make-open-train.lr").set_value(True)
    app.number_input(key="make-seeds").set_value(5)
    app.multiselect(key="make-hidden").set_value(["code"])
    app = go(app)
    assert "How deep?" in said(app)
    press(app, "make-go")
    stored = lab.store.assignments([one.id])[0]
    assert stored.assignment == Assignment(
        title="How deep?",
        question="Try three.\nThen say why.",
        task=task,
        open_fields=["depth", "train.lr"],
        hidden=["code"],
        seeds=5,
        guess=["1", "2", "3"],
    )
    assert address(app)["assignment"] == stored.id


def test_an_assignment_of_a_comparison_opens_its_values(lab, teacher):
    one = lab.store.create_class("A", teacher.id)
    app = classroom(teacher, make="1", **DEPTHS.to_query())
    app.text_input(key="make-title").set_value("Depths")
    app.checkbox(key="make-open-values").set_value(True)
    press(go(app), "make-go")
    made = lab.store.assignments([one.id])[0].assignment
    assert made.open_fields == ("values",)
    assert made.task.vary == "depth"


def test_hiding_what_is_locked_hides_no_open_field(lab, teacher):
    one = lab.store.create_class("A", teacher.id)
    app = classroom(teacher, make="1", **presets["activations"].to_query())
    app.text_input(key="make-title").set_value("T")
    app.checkbox(key="make-open-depth").set_value(True)
    app.toggle(key="make-hide-locked").set_value(True)
    press(go(app), "make-go")
    made = lab.store.assignments([one.id])[0].assignment
    assert "train.lr" in made.hidden
    assert not {"depth", "model.hidden"} & set(made.hidden)


def test_seeds_that_share_their_samples_are_offered_their_own(lab, teacher):
    lab.store.create_class("A", teacher.id)
    app = classroom(teacher, make="1", **{"data.name": "moons"})
    app = press(app, "make-own")
    assert address(app)["data.per_seed"] == "samples"
    assert not [one for one in app.button if one.key == "make-own"]


@pytest.mark.parametrize("there", [True, False])
def test_data_that_is_not_on_the_server_is_said_before_a_class_needs_it(lab, teacher, monkeypatch, there):
    monkeypatch.setattr("nnlab.datasets.mnist.available", lambda: there)
    lab.store.create_class("A", teacher.id)
    said_so = "not on this server yet: download it on the Build page" in said(
        classroom(teacher, make="1", **presets["mnist"].to_query())
    )
    assert said_so != there


@in_spanish
def test_without_a_task_its_sources_are_offered(lab, teacher, language):
    lab.store.create_class("A", teacher.id)
    run = lab.submit(presets["celsius"], 1, owner=teacher.id)
    app = classroom(teacher, language, make="1")
    app.button_group(key="make-from").set_value("runs")
    app = go(app)
    app.selectbox(key="make-runs").set_value(run.id)
    app = go(app)
    assert address(app)["data.name"] == "celsius"


@pytest.mark.parametrize(
    ("pasted", "params"),
    [
        ("https://a.example/build?data.name=xor&seeds=3&lang=es", {"data.name": "xor"}),
        ("https://a.example/train?run=abc&with=x", {"run": "abc"}),
        ("http://a.example/compare?vary=depth&values=1,2&data.name=moons", {"vary": "depth", "values": "1,2"}),
        ("https://a.example/", {}),
        ("nonsense", {}),
    ],
)
def test_a_pasted_link_gives_what_is_of_a_task(pasted, params):
    assert params.items() <= pasted_link(pasted).items()
    assert "seeds" not in pasted_link(pasted)
    assert "lang" not in pasted_link(pasted)


def test_an_invalid_link_is_said_and_makes_nothing(lab, teacher):
    lab.store.create_class("A", teacher.id)
    app = classroom(teacher, make="1", **{"train.lr": "fast"})
    assert "fast" in app.warning[0].value
    app = classroom(teacher, make="1", run="nothing")
    assert "nothing" in app.warning[0].value


@in_spanish
def test_build_and_compare_offer_teachers_alone_to_make_an_assignment(lab, teacher, filled, language):
    student = lab.store.person(lab.store.members(filled.class_id)[0].id)
    words = text(language)("Make an assignment")
    for name in ("build", "compare"):
        assert words in links(open_page(name, language, person=teacher))
        assert words not in links(open_page(name, language, person=student))


# an assignment


@in_spanish
def test_the_live_view_has_a_row_for_everybody_and_counts_them(lab, teacher, filled, language):
    app, t = classroom(teacher, language, assignment=filled.experiment), text(language)
    table = app.dataframe[0].value
    assert list(table[t("Student")]) == names(lab, filled)
    tries = {}
    for one in lab.tries(filled.experiment):
        tries[one.person] = tries.get(one.person, 0) + 1
    ids = [one.id for one in lab.store.members(filled.class_id)]
    assert list(table[t("Tries")]) == [tries.get(person, 0) for person in ids]
    figures = {one.label: one.value for one in app.metric}
    assert figures[t("Have started")] == "5 / 5"
    assert figures[t("Under way")] == "4"
    assert t("waiting") in list(table[t("Running now")])


def test_the_class_is_one_picture_one_table_and_a_sentence(lab, teacher, filled):
    app, t = classroom(teacher, "en", assignment=filled.comparison), text("en")
    table = app.dataframe[1].value
    assert list(table[t("Seeds")]) == [3, 3, 3]
    assert list(table[t("Setting")]) == [f"{t('width')} {n}" for n in (1, 2, 8)]
    chart = app.get("vega_lite_chart")[0].proto
    assert "q50" in chart.spec
    assert t.many("{n} seed", "{n} seeds", 3) in said(app)


@in_spanish
def test_the_projector_shows_no_name_anywhere(lab, teacher, filled, language):
    for assignment in (filled.experiment, filled.comparison):
        sent = everything(classroom(teacher, language, assignment=assignment, view="projector"))
        for one in lab.store.members(filled.class_id):
            assert one.name.encode() not in sent
            assert one.id.encode() not in sent
        named = everything(classroom(teacher, language, assignment=assignment))
        assert all(name.encode() in named for name in names(lab, filled))


@in_spanish
def test_the_code_is_large_on_the_projector_without_any_name(lab, teacher, filled, language):
    app = classroom(teacher, language, **{"class": filled.class_id}, view="projector")
    sent = everything(app)
    assert shown_code(lab.store.class_(filled.class_id).code).encode() in sent
    assert not [name for name in names(lab, filled) if name.encode() in sent]


def test_a_deleted_assignment_says_so_and_comes_back(lab, teacher, filled):
    app = press(classroom(teacher, assignment=filled.experiment), "delete-assignment")
    assert lab.store.assignment(filled.experiment).deleted
    assert "deleted" in app.warning[0].value
    press(app, "restore-assignment")
    assert not lab.store.assignment(filled.experiment).deleted


# who sees what


@in_spanish
def test_a_teacher_sees_only_their_own_classes(lab, filled, language):
    t, other, admin = text(language), lab.store.named("Mr Okafor"), lab.store.named("Root")
    refusal = t("This is not your class. Only its teacher sees it.")
    assert "1.º B" not in str(links(classroom(other, language)))
    app = classroom(other, language, **{"class": filled.class_id})
    assert refusal in said(app)
    assert not app.dataframe
    for view in ({}, {"view": "projector"}):
        app = classroom(other, language, assignment=filled.experiment, **view)
        assert not app.dataframe
        assert not app.get("vega_lite_chart")
    assert refusal not in said(classroom(admin, language, **{"class": filled.class_id}))


@in_spanish
def test_a_student_is_told_that_a_class_page_is_its_teachers(lab, filled, language):
    student = lab.store.person(lab.store.members(filled.class_id)[0].id)
    app = classroom(student, language, **{"class": filled.class_id})
    assert text(language)("This is not your class. Only its teacher sees it.") in said(app)
    code = lab.store.class_(filled.class_id).code
    assert shown_code(code).encode() not in everything(app)
    others = [name for name in names(lab, filled) if name != student.name]
    for link in ({"class": filled.class_id}, {"assignment": filled.experiment}, {"make": "1"}):
        sent = everything(classroom(student, language, **link))
        assert not [name for name in others if name.encode() in sent]


def test_a_teachers_link_without_sign_in_shows_nothing(lab, filled):
    app = open_page("classroom", link={"assignment": filled.experiment})
    assert not app.dataframe
    assert not [name for name in names(lab, filled) if name.encode() in everything(app)]


def test_hostile_names_and_answers_are_shown_as_text(lab, teacher):
    wild = "**[x](http://a.example)** :red[y]"
    one = lab.store.create_class(wild, teacher.id)
    student = lab.store.new_student(one.id, wild)
    made = lab.create_assignment(Assignment(title=wild, task=presets["activations"], guess=[wild, "'"]), one.id)
    lab.guess_outcome(made, wild, student.id)
    for link in ({}, {"class": one.id}, {"assignment": made}, {"assignment": made, "view": "projector"}):
        shown = said(classroom(teacher, **link))
        assert "](http" not in shown
        assert ":red[" not in shown
    app = classroom(teacher, make="1", **presets["activations"].to_query())
    app.text_input(key="make-title").set_value(wild)
    app.text_area(key="make-guess").set_value(f"{wild}\n2")
    app = go(app)
    assert "](http" not in said(app)
    assert "](http" not in str(app.radio(key="make-guess-preview").options)
