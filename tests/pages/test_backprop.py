"""Backpropagation: every stage in both languages, the link, weights by hand, checks that wait for nobody."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from page_app import SPANISH, address, open_page, press

from nnlab.engines.autograd_check import autograd
from nnlab.lab import Lab
from nnlab.ui.backprop.scene import DATA, HIDDEN, Scene, from_query, last_stage, losses_for, step_of, weights_at
from nnlab.ui.shell.text import text

pytestmark = pytest.mark.usefixtures("lab")


def open_backprop(language="en", **query):
    return open_page("backprop", language, link=query)


def formulas(app):
    return [element.value for element in app.markdown if element.value.startswith("$")]


def scene_of(app):
    return app.session_state["step-scene"]


@pytest.mark.parametrize(
    ("language", "query"),
    [
        ("es", {}),
        ("en", {}),
        ("es", {"data": "moons", "hidden": "4-4", "activation": "gelu", "loss": "bce"}),
        ("en", {"data": "celsius", "hidden": "3", "activation": "none"}),
        ("es", {"data": "circles", "hidden": "0", "activation": "tanh"}),
    ],
)
def test_every_stage_is_shown_forward_and_back(language, query):
    app = open_backprop(language, **query)
    last = last_stage(scene_of(app))
    seen = []
    for stage in range(last + 1):
        assert scene_of(app).stage == stage
        seen.append("\n".join(formulas(app)))
        press(app, "step-next")
    assert (scene_of(app).step, scene_of(app).stage) == (1, 0)
    for stage in reversed(range(last + 1)):
        press(app, "step-back")
        assert scene_of(app).stage == stage
        assert "\n".join(formulas(app)) == seen[stage]
    assert app.button(key="step-back").disabled


@pytest.mark.parametrize("language", SPANISH)
@pytest.mark.parametrize(
    "activation", ["relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid", "softplus", "none"]
)
def test_every_activation_has_words_formula_and_the_place_of_its_code(language, activation):
    app = open_backprop(language, activation=activation, stage="2")
    line = text(language)("line {n}", n="")
    shown = "\n".join(caption.value for caption in app.caption)
    assert f"nnlab/scratch/{'core' if activation in ('relu', 'none') else 'modules'}.py, {line}" in shown
    assert len(formulas(app)) > 3


def test_the_link_shows_the_same_again():
    app = open_backprop()
    app.selectbox(key="step-data").set_value("moons").run()
    app.selectbox(key="step-hidden").set_value("2-2").run()
    press(app, "step-ten")
    press(app, "step-to-loss")
    app.text_input(key="step-value").set_value("0.75").run()
    link = {name: values[0] if isinstance(values, list) else values for name, values in app.query_params.items()}
    again = open_backprop(**{name: value for name, value in link.items() if name != "lang"})
    assert scene_of(again) == scene_of(app)
    assert formulas(again) == formulas(app)
    assert scene_of(again).edits[0].value == 0.75


def test_a_weight_set_by_hand_changes_the_loss_as_calculated():
    app = open_backprop()
    before = app.metric[0].value
    app.selectbox(key="step-weight").set_value(3).run()
    app.text_input(key="step-value").set_value("1.5").run()
    scene = scene_of(app)
    assert [(edit.name, edit.place, edit.value) for edit in scene.edits] == [("0.weight", 3, 1.5)]
    step = step_of(scene)
    z = step.x @ step.before["0.weight"] + step.before["0.bias"]
    logits = np.maximum(z, 0) @ step.before["1.weight"] + step.before["1.bias"]
    by_hand = -np.mean([row[t.argmax()] - np.log(np.exp(row).sum()) for row, t in zip(logits, step.t, strict=True)])
    assert step.before["0.weight"][1, 0] == 1.5
    assert app.metric[0].value == text("en").number(by_hand, 4) != before
    press(app, "step-undo")
    assert app.metric[0].value == before


def test_a_change_by_hand_forgets_those_of_later_steps_but_not_of_earlier_ones():
    app = open_backprop()
    app.text_input(key="step-value").set_value("0.5").run()
    press(app, "step-whole")
    press(app, "step-next")
    app.text_input(key="step-value").set_value("0.6").run()
    assert [edit.step for edit in scene_of(app).edits] == [0, 1]
    for _ in range(last_stage(scene_of(app)) + 1):
        press(app, "step-back")
    app.selectbox(key="step-weight").set_value(1).run()
    app.text_input(key="step-value").set_value("0.7").run()
    assert [(edit.step, edit.place) for edit in scene_of(app).edits] == [(0, 0), (0, 1)]


def test_another_network_starts_at_its_first_step():
    app = open_backprop(step="7", stage="3", edits="2:0.weight:1:0.5")
    app.selectbox(key="step-activation").set_value("tanh").run()
    assert replace(scene_of(app), activation="relu") == Scene()


@pytest.mark.parametrize("language", SPANISH)
def test_the_check_waits_for_no_worker_and_shows_the_answer_when_it_comes(language, monkeypatch):
    class Answer:
        status = "pending"

        def __init__(self, *given):
            self.given = given

        def done(self):
            return self.status == "finished"

        def result(self):
            return autograd(*self.given)

    asked = []
    monkeypatch.setattr(Lab, "autograd", lambda self, *given: asked.append(Answer(*given)) or asked[-1])
    app = open_backprop(language, check="1")
    table = app.table[0].value
    assert (table["✓"] == "✓").all()  # by trying: no worker is needed
    assert set(table["✓ "]) == {""}
    asked[0].status = "finished"
    app.run()
    table = app.table[0].value
    assert (table["✓"] == "✓").all()
    assert (table["✓ "] == "✓").all()
    assert len(table) == 9  # two layers' weights and biases, four modules' outputs but one a loss's, and the input
    assert len(asked) == 1


@pytest.mark.parametrize("language", SPANISH)
def test_without_workers_the_check_says_so(language):
    app = open_backprop(language, check="1")
    said = "\n".join(caption.value for caption in app.caption)
    assert text(language)("No worker is ready yet. PyTorch's gradients appear as soon as one is.") in said


@pytest.mark.parametrize("language", SPANISH)
def test_the_switch_shows_overflow_beside_log_sum_exp(language):
    app = open_backprop(language)
    assert r"\mathrm{nan}" not in "".join(formulas(app))
    app.toggle(key="step-large").set_value(True).run()
    naive, stable = formulas(app)[-2:]
    assert r"\mathrm{nan}" in naive
    assert "nan" not in stable
    assert "-1000" in stable
    assert any(text(language)("overflow") in one.value for one in app.markdown)


def test_both_engines_are_submitted_with_the_same_weights_and_batches(lab):
    app = open_backprop(seed="4", hidden="2")
    press(app, "step-race")
    runs = [lab.run(run_id) for run_id in scene_of(app).race.split(",")]
    assert [run.experiment.train.engine for run in runs] == ["torch", "numpy"]
    assert {run.seeds for run in runs} == {(4,)}
    assert runs[0].experiment.set({"train.engine": "numpy"}) == runs[1].experiment
    link = {name: value for name, value in address(app).items() if name != "lang"}
    assert scene_of(open_backprop(**link)).race == scene_of(app).race
    app.text_input(key="step-seed").set_value("5").run()
    assert scene_of(app).race == ""


@pytest.mark.parametrize("language", SPANISH)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("data", "mnist"),
        ("hidden", "9"),
        ("points", "99"),
        ("stage", "40"),
        ("lr", "nan"),
        ("edits", "0:9.weight:0:1"),
        ("step", "-1"),
        ("loss", "mse"),
    ],
)
def test_what_a_link_holds_that_cannot_be_is_one_sentence(language, name, value):
    app = open_backprop(language, **{name: value})
    assert len(app.warning) == 1
    assert name in app.warning[0].value


@given(
    st.dictionaries(
        st.sampled_from([*Scene.__dataclass_fields__, "other"]),
        st.one_of(st.text(max_size=12), st.integers(-3, 40).map(str), st.sampled_from([*DATA, *HIDDEN, "bce", "tanh"])),
    )
)
def test_any_link_gives_a_scene_that_can_be_shown(query):
    scene, _ = from_query(query)
    assert scene.loss in losses_for(scene.data)
    assert 0 <= scene.stage <= last_stage(scene)
    assert from_query(scene.query())[0] == scene
    assert all(np.isfinite(value).all() for value in weights_at(replace(scene, step=0)).values())


def test_weights_that_run_away_are_shown_and_break_nothing():
    app = open_backprop(data="celsius", hidden="4-4", activation="none", lr="10", step="50", stage="6")
    assert not app.exception
    loss = step_of(scene_of(app)).loss
    assert not np.isfinite(loss) or loss > 1e6


def test_the_stages_counted_are_the_stages_there_are():
    for data in DATA:
        for hidden in HIDDEN:
            for activation in ("relu", "none"):
                for loss in losses_for(data):
                    scene = Scene(data=data, hidden=hidden, activation=activation, loss=loss)
                    assert len(step_of(scene).stages) == last_stage(scene) + 1
