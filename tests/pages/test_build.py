"""Build: every preset, every kind of data, every bad value, in both languages."""

from urllib.parse import parse_qs, urlsplit

import pytest
from page_app import LANGUAGES, OWNER, SPANISH, address, go, open_page, said

from nnlab import presets
from nnlab.export.pytorch_code import pytorch_code
from nnlab.spec import DATASETS, Experiment
from nnlab.ui.shared.labels import CHOICES
from nnlab.ui.shared.typed_numbers import read_number
from nnlab.ui.shell.text import text

NEW = Experiment().set({"data.per_seed": "samples"})


def open_build(language="en", link=None, tab=None):
    """The page, with a tab below it open: else the first."""
    return open_page("build", language, link=link, **({"build-below": text(language)(tab)} if tab else {}))


def shown(app) -> Experiment:
    """The experiment that stands in the address."""
    return Experiment.from_query({name: value for name, value in address(app).items() if "." in name})


def set_number(app, field, value):
    app.text_input(key=f"field-{field}").set_value(str(value))
    return go(app)


def choose(app, field, value):
    app.selectbox(key=f"field-{field}").set_value(value)
    return go(app)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("preset", list(presets))
def test_every_preset_opens_with_its_picture_and_table(lab, language, preset):
    app, t = open_build(language, presets[preset].to_query()), text(language)
    assert shown(app) == presets[preset]
    assert app.dataframe[-1].value[t("Parameters")].sum() == presets[preset].parameters
    assert not app.button(key="train").disabled
    assert not app.error
    assert not app.warning


@pytest.mark.parametrize("language", SPANISH)
def test_the_tabs_below_hold_code_and_link_and_are_drawn_once_they_are_open(lab, language):
    link = presets["binary"].to_query()
    assert not open_build(language, link).code, "what draws code takes a browser long to load"
    (code,) = open_build(language, link, "PyTorch code").code
    assert code.value == pytorch_code(presets["binary"]).strip()
    copy, json = open_build(language, link, "Link").code
    copied = {k: v[0] for k, v in parse_qs(urlsplit(copy.value).query).items()}
    assert (Experiment.from_query(copied), copied["lang"]) == (presets["binary"], language)
    assert Experiment.from_json(json.value) == presets["binary"]


@pytest.mark.parametrize("language", SPANISH)
@pytest.mark.parametrize("name", list(DATASETS))
def test_other_data_is_shown_with_its_own_defaults(lab, language, name):
    app, t = choose(open_build(language), "data.name", name), text(language)
    allowed = DATASETS[name].per_seed
    assert shown(app) == Experiment.of({"data": {"name": name, "per_seed": allowed[0]}})
    assert not app.button(key="train").disabled
    offered = [one.options for one in app.radio if one.key == "field-data.per_seed"]
    names = [t(CHOICES["data.per_seed"][one]) for one in allowed]
    assert offered == ([names] if len(allowed) > 1 else [])


@pytest.mark.parametrize("language", SPANISH)
def test_a_visitor_chooses_what_a_seed_varies_and_sees_the_first_seeds_data(lab, language):
    app, t = open_build(language, {"data.name": "moons", "data.folds": "4", "seeds": "7,8"}), text(language)
    assert shown(app).data.per_seed == "weights"
    choice, notes = (
        "field-data.per_seed",
        {
            "samples": t("The samples shown are those of seed {seed}; every seed draws its own.", seed=7),
            "split": t("The split shown is that of seed {seed}; every seed has its own.", seed=7),
        },
    )
    assert not any(note in said(app) for note in notes.values())
    for kind, note in notes.items():
        app.radio(key=choice).set_value(kind)
        app = go(app)
        assert shown(app).data.per_seed == address(app)["data.per_seed"] == kind
        assert note in said(app)
        assert t("{pool} samples in {n} folds, {test} for the test.", pool="160", n=4, test="40") in said(app)
    app.radio(key=choice).set_value("weights")
    assert "data.per_seed" not in address(go(app))


@pytest.mark.parametrize("language", SPANISH)
def test_input_features_change_the_network_and_its_link(lab, language):
    app = open_build(language, {"data.name": "moons"}, "PyTorch code")
    app.button_group(key="field-data.terms").set_value(["x1", "sin_x2", "x1_squared"])
    app = go(app)
    assert shown(app).data.terms == ("x1", "x1_squared", "sin_x2")
    assert address(app)["data.terms"] == "x1-x1_squared-sin_x2"
    assert "(n, 3) = (x₁, x₁², sin x₂)" in app.code[0].value
    app.button_group(key="field-data.terms").set_value([])
    app = go(app)
    assert app.button(key="train").disabled
    assert shown(app).data.terms == ("x1", "x1_squared", "sin_x2")


@pytest.mark.parametrize("language", SPANISH)
def test_validation_is_hold_out_or_k_fold(lab, language):
    app, t = open_build(language), text(language)
    app.selectbox(key="field-validation-kind").set_value("k-fold")
    app = go(app)
    assert shown(app) == NEW.set({"data.folds": 5})
    assert "field-data.validation" not in {one.key for one in app.text_input}
    assert t("{pool} samples in {n} folds, {test} for the test.", pool="160", n=5, test="40") in said(app)
    assert shown(set_number(app, "data.folds", 8)).data.folds == 8
    assert address(app)["data.folds"] == "8"
    for folds, sentence in (
        (1, "A single fold leaves nothing to train on; allowed is 0 (hold-out) or from 2 to 20."),
        (21, ""),
    ):
        app = set_number(app, "data.folds", folds)
        assert t(sentence) in said(app)
        assert app.button(key="train").disabled
        assert shown(app).data.folds == 8
    app.selectbox(key="field-validation-kind").set_value("hold-out")
    assert shown(go(app)) == NEW


@pytest.mark.parametrize("language", SPANISH)
def test_more_folds_than_a_class_has_samples_are_refused_in_place_of_the_picture(lab, language):
    link = {"data.name": "synthetic", "data.classes": "3", "data.n_samples": "60", "data.noise": "3"}
    app = open_build(language, {**link, "data.folds": "16"})
    sentence = text(language)("Every fold needs a sample of every class; use fewer folds or more samples.")
    assert any(sentence in error.value for error in app.error)
    assert app.button("train").disabled
    assert not open_build(language, {**link, "data.folds": "3"}).button("train").disabled


@pytest.mark.parametrize("name", list(DATASETS))
def test_folded_data_changes_into_any_other(lab, name):
    app = open_build(link={"data.folds": "5", "data.n_samples": "100", "train.patience": "5"})
    assert shown(choose(app, "data.name", name)).data.folds == (0 if name == "celsius" else 5)


@pytest.mark.parametrize("name", list(DATASETS))
def test_data_that_does_not_allow_the_previous_split_does_not_break_the_page(lab, name):
    app = open_build(link={"data.n_samples": "50", "data.validation": "0.7", "train.patience": "5"})
    assert shown(choose(app, "data.name", name)).data.name == name


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("data.n_samples", 5, "{} is out of range; allowed is from 10 to 100,000."),
        ("data.noise", -0.5, "{} is out of range; allowed is from 0 to 3."),
        ("train.lr", 0.0, "{} is out of range; allowed is from 1e−7 to 100."),
        ("train.epochs", 0, "{} is out of range; allowed is from 1 to 100,000."),
        ("train.batch_size", -1, "{} is out of range; allowed is from 1 to 100,000."),
        ("model.dropout", 1.5, "{} is out of range; allowed is from 0 to 0.95."),
        ("data.validation", 0.9, "{} is out of range; allowed is from 0 to 0.8."),
    ],
)
def test_an_invalid_value_is_explained_beside_its_field_and_the_last_experiment_stays(lab, field, value, sentence):
    app = open_build("en", presets["activations"].to_query())
    before = address(app)
    app = set_number(app, field, value)
    beside = [part.value for part in app.markdown if ":red[" in part.value]
    assert len(beside) == 1
    assert sentence.format(f"{value:g}".replace("-", "−")) in beside[0]
    assert len(app.error) == 1
    assert app.button(key="train").disabled
    assert shown(app) == presets["activations"]
    assert address(app) == before, "a link always holds a valid experiment"
    assert read_number(app.text_input(key=f"field-{field}").value) == value, "stays as typed"


@pytest.mark.parametrize("language", SPANISH)
def test_contradicting_values_give_one_sentence_and_correcting_them_enables_train(lab, language):
    app, t = open_build(language), text(language)
    app = set_number(app, "data.validation", 0.6)
    app = set_number(app, "data.test", 0.6)
    assert t("Validation and test together must leave at least a tenth for training.") in said(app)
    assert app.button(key="train").disabled
    app = set_number(app, "data.test", 0.1)
    assert not app.error
    assert not app.button(key="train").disabled
    assert shown(app).data.validation == 0.6


@pytest.mark.parametrize("seeds", ["0", "x", "3,3", "-1", "99999", ""])
def test_invalid_seeds_are_explained_beside_the_field(lab, seeds):
    app = open_build()
    app.text_input(key="field-seeds").set_value(seeds)
    app = go(app)
    assert app.button(key="train").disabled
    assert sum(":red[" in part.value for part in app.markdown) == 1


@pytest.mark.parametrize("language", SPANISH)
def test_more_than_this_server_allows_is_refused_before_it_is_submitted(lab, language):
    app = set_number(open_build(language), "train.epochs", 90_000)
    assert app.button(key="train").disabled
    assert len(app.error) == 1
    assert text(language)("Epochs") in app.error[0].value


def test_a_switch_of_language_keeps_every_typed_value_even_an_invalid_one(lab):
    app = open_build("en")
    app = set_number(app, "train.epochs", 33)
    app = set_number(app, "data.noise", 0.35)
    app = choose(app, "model.activation", "silu")
    app = set_number(app, "train.lr", -4.0)
    app.text_input(key="field-seeds").set_value("2,5")
    app = go(app)
    app.segmented_control(key="language-choice").set_value("es")
    app = go(app)
    assert app.title[0].value == text("es")("Build a network")
    assert app.text_input(key="field-train.epochs").value == "33"
    assert app.text_input(key="field-data.noise").value == "0,35"
    assert app.selectbox(key="field-model.activation").value == "silu"
    assert app.text_input(key="field-train.lr").value == "−4"
    assert app.text_input(key="field-seeds").value == "2,5"
    assert address(app)["lang"] == "es"


@pytest.mark.parametrize("language", SPANISH)
def test_an_invalid_value_of_a_link_is_named_and_the_rest_is_opened(lab, language):
    app = open_build(language, {"data.name": "circles", "train.lr": "much", "data.test": "0.8", "model.hidden": "5-4"})
    t = text(language)
    assert len(app.warning) == 1
    assert t("Learning rate") in app.warning[0].value
    assert t("Validation share") in app.warning[0].value
    assert shown(app) == Experiment.of({"data": {"name": "circles"}, "model": {"hidden": [5, 4]}})


def test_depth_width_and_activation_change_code_table_and_link_at_once(lab):
    app = open_build()
    app.slider(key="field-depth").set_value(3)
    app = go(app)
    app.slider(key="field-width").set_value(12)
    app = choose(go(app), "model.activation", "tanh")
    assert shown(app).model.hidden == (12, 12, 12)
    assert app.dataframe[-1].value["Parameters"].sum() == shown(app).parameters
    app.session_state["build-below"] = "PyTorch code"
    assert go(app).code[0].value.count("nn.Tanh") == 3
    assert address(app)["model.hidden"] == "12-12-12"
    app.slider(key="field-depth").set_value(0)
    app = go(app)
    assert shown(app).model.hidden == ()
    assert app.slider(key="field-width").disabled
    app.slider(key="field-depth").set_value(2)
    assert shown(go(app)).model.hidden == (12, 12), "the width is remembered"


@pytest.mark.parametrize("language", SPANISH)
def test_layers_are_edited_one_by_one(lab, language):
    app = open_build(language, {"model.hidden": "8-8"})
    app.toggle(key="layer-by-layer").set_value(True)
    app = go(app)
    app.text_input(key="layer-1-width").set_value("5")
    app = go(app)
    app.selectbox(key="layer-0-activation").set_value("tanh")
    app = go(app)
    app.selectbox(key="layer-1-norm").set_value("batch")
    app = go(app)
    app.text_input(key="layer-1-dropout").set_value("0.25")
    app = go(app)
    plain = shown(app).plain()["model"]["hidden"]
    assert plain == [{"width": 8, "activation": "tanh"}, {"width": 5, "norm": "batch", "dropout": 0.25}]
    app.button(key="layer-add").click()
    app = go(app)
    assert shown(app).plain()["model"]["hidden"] == [*plain, plain[1]]
    app.button(key="layer-0-remove").click()
    app = go(app)
    assert shown(app).plain()["model"]["hidden"] == [plain[1], plain[1]]
    app.text_input(key="layer-0-dropout").set_value("")
    app = go(app)
    app.selectbox(key="layer-0-norm").set_value("")
    app = go(app)
    assert shown(app).plain()["model"]["hidden"] == [5, plain[1]]
    assert Experiment.from_query(address(app)) == shown(app)


@pytest.mark.parametrize("width", ["0", "-3", "5000", "", "1.000", "wide"])
def test_an_invalid_width_is_explained_beside_its_layer(lab, width):
    app = open_build(link={"model.hidden": "8-6"})
    app.text_input(key="layer-1-width").set_value(width)
    app = go(app)
    assert sum(":red[" in part.value for part in app.markdown) == 1
    assert app.button(key="train").disabled
    assert shown(app).model.hidden == (8, 6)
    app.text_input(key="layer-1-width").set_value("7")
    assert shown(go(app)).model.hidden == (8, 7)


def test_an_invalid_dropout_is_explained_beside_its_layer(lab):
    app = open_build(link={"model.hidden": "8-6"})
    app.text_input(key="layer-0-dropout").set_value("7.0")
    app = go(app)
    assert sum(":red[" in part.value for part in app.markdown) == 1
    assert app.button(key="train").disabled


def test_a_layers_activation_can_be_none(lab):
    app = open_build(link={"model.hidden": "8-6"})
    app.selectbox(key="layer-0-activation").set_value("none")
    assert shown(go(app)).layers[0].activation == "none"
    assert "none" in CHOICES["model.activation"]


@pytest.mark.parametrize("activation", list(CHOICES["model.activation"]))
def test_every_activation_is_drawn_and_written(lab, activation):
    app = choose(open_build(tab="PyTorch code"), "model.activation", activation)
    assert shown(app).model.activation == activation
    assert app.code[0].value == pytorch_code(shown(app)).strip()


def test_train_submits_what_is_shown_with_its_seeds(lab):
    app = open_build(link={"data.name": "xor", "model.hidden": "4", "seeds": "3,7"})
    app.button(key="train").click()
    go(app)
    (run,) = lab.runs(owner=OWNER)
    assert (run.experiment.data.name, run.experiment.model.hidden, run.seeds) == ("xor", (4,), (3, 7))
