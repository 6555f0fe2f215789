"""Every verdict in words: its figures as each language writes them, and the page of rules."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnlab import presets
from nnlab.analysis.advice import advise
from nnlab.analysis.diagnosis import LIMITS, Diagnosis
from nnlab.ui.shared.verdict_text import NOTES, REASONS, reason_words, verdict_sentence, verdict_words
from nnlab.ui.shell.text import text

MOONS = presets["activations"].set({"model.activation": "relu", "model.hidden": [16] * 10})
FIGURES = {
    "seeds": 5,
    "diverged": 3,
    "loss": 12.34,
    "train": 0.9876,
    "validation": 0.8543,
    "reference": 0.9321,
    "guess": 0.501,
    "gap": 0.1333,
    "deviation": 0.123,
    "jump": 0.456,
    "peak": 25.0,
    "rise": 0.789,
    "turn": 1234,
    "late_gain": 0.0345,
    "late_fall": 0.234,
    "gradient_start": 1 / 4321,
    "growth_start": 2718,
    "growth_end": 2.0,
    "dead": 12,
    "units": 16,
    "layer": 3,
    "dead_share": 0.3,
    "dead_layers": 2,
    "dead_start": 0.0,
}
SAID = {  # reason: verdict, and what its sentence holds in English
    "": ("fits", ["98.8 %", "85.4 %"]),
    "loss_not_finite": ("diverged", ["in 3 of 5 seeds"]),
    "loss_ran_away": ("diverged", ["in 3 of 5 seeds", "12 times"]),
    "some_seeds_diverged": ("unstable", ["in 3 of 5 seeds"]),
    "seeds_disagree": ("unstable", ["12 points"]),
    "loss_jumps": ("unstable", ["46 %"]),
    "loss_peaks": ("unstable", ["25 times"]),
    "loss_above_guessing": ("unstable", ["12 times", "98.8 %"]),
    "gap": ("overfits", ["98.8 %", "85.4 %", "13 points"]),
    "validation_turned": ("overfits", ["79 %", "epoch 1,234"]),
    "guesses": ("underfits", ["98.8 %", "50.1 %"]),
    "hardly_learned": ("underfits", ["85.4 %", "50.1 %", "98.8 %"]),
    "below_reference": ("underfits", ["98.8 %", "93.2 %"]),
    "still_learning": ("underfits", ["3.5 points"]),
    "vanishing_gradients": ("underfits", ["4,300 times", "98.8 %", "93.2 %"]),
    "exploding_gradients": ("diverged", ["2,700 times", "in 3 of 5 seeds"]),
    "dead_units": ("underfits", ["12 of the 16 units of layer 3", "98.8 %", "93.2 %"]),
}
RULES = {  # of the curves, beside a cause
    "vanishing_gradients": "below_reference",
    "exploding_gradients": "loss_not_finite",
    "dead_units": "below_reference",
}


def diagnosis(reason, notes=(), **changes):
    cause = reason if reason in RULES else ""
    return Diagnosis(SAID[reason][0], RULES.get(reason, reason), FIGURES | changes, cause, notes)


def test_every_reason_is_held_to_its_figures():
    assert set(SAID) == set(REASONS) - {"no_gradient"}


@pytest.mark.parametrize("reason", SAID)
def test_a_sentence_holds_the_figures_its_verdict_rests_on(reason):
    english = reason_words(diagnosis(reason), MOONS, text("en"))
    spanish = reason_words(diagnosis(reason), MOONS, text("es"))
    for figure in SAID[reason][1]:
        assert figure in english
        own = figure.split("-")[0].removeprefix("in ").split(" ")[0 if figure[0].isdigit() else -1]
        if own[0].isdigit():
            assert own.translate(str.maketrans(".,", ",.")) in spanish
    assert english.endswith(".")
    assert not {"{", "}"} & set(english + spanish)


@pytest.mark.parametrize("note", NOTES)
def test_what_else_was_seen_follows_and_that_it_learned_all_the_same(note):
    changes = {"gradient_start": 0.0} if note == "no_gradient" else {}
    notes = ("vanishing_gradients" if note == "no_gradient" else note,)
    fine = reason_words(diagnosis("", notes, **changes), MOONS, text("en"))
    ill = reason_words(diagnosis("loss_jumps", notes, **changes), MOONS, text("en"))
    assert fine.endswith("It learned nevertheless.")
    assert "nevertheless" not in ill
    shown = {"dead_share": "30 % of its units", "dead_layers": "In 2 of 5 seeds", "no_gradient": "no gradient reaches"}
    if note in shown:
        assert shown[note] in fine


def test_a_gradient_that_does_not_arrive_is_not_called_so_many_times_smaller():
    said = reason_words(diagnosis("vanishing_gradients", gradient_start=0.0), MOONS, text("en"))
    assert said.startswith("no gradient at all reaches the first layer. It reaches 98.8 %")


def test_what_is_beyond_counting_is_over_a_million():
    for growth in (1.2e6, 3e300, math.inf):
        said = diagnosis("exploding_gradients", growth_end=growth)
        assert "over a million times" in reason_words(said, MOONS, text("en"))
        assert "más de un millón de veces" in reason_words(said, MOONS, text("es"))


def test_one_seed_is_not_counted_and_what_was_not_measured_is_not_praised():
    assert "seeds" not in reason_words(diagnosis("loss_not_finite", seeds=1, diverged=1), MOONS, text("en"))
    figures = {name: value for name, value in FIGURES.items() if name != "validation"}
    assert "was not measured" in reason_words(Diagnosis("fits", "", figures), MOONS, text("en"))


def test_numbers_to_predict_are_spoken_of_by_their_variance():
    celsius = presets["celsius"]
    assert "98.8 % of the variance" in reason_words(diagnosis("below_reference"), celsius, text("en"))
    assert "98,8 % de la varianza" in reason_words(diagnosis("below_reference"), celsius, text("es"))
    assert "23.4 % of its loss" in reason_words(diagnosis("still_learning"), celsius, text("en"))


def test_a_cell_holds_the_verdict_and_what_is_sick_inside():
    assert verdict_words(diagnosis("dead_units"), text("en")) == "◔ underfits: dead units"
    assert verdict_words(diagnosis("gap"), text("es")) == "▲ sobreajuste"
    assert verdict_words(Diagnosis(""), text("en")) == ""


def test_one_seed_makes_a_verdict_tentative_in_sentence_and_cell():
    one = diagnosis("gap", seeds=1)
    assert verdict_sentence(one, MOONS, text("en")).startswith("▲ **It seems to overfit, with one seed**: it does")
    assert verdict_sentence(one, MOONS, text("es")).startswith("▲ **Parece sobreajuste, con una sola semilla**: ")
    assert verdict_sentence(diagnosis("gap"), MOONS, text("en")).startswith("▲ **It overfits**: ")
    assert verdict_words(one, text("en")) == "▲ overfits (one seed)"
    assert verdict_words(diagnosis("dead_units", seeds=1), text("es")) == "◔ subajuste: neuronas muertas (una semilla)"


def test_without_a_verdict_nothing_is_said():
    nothing = Diagnosis("")
    assert verdict_sentence(nothing, MOONS, text("en")) == reason_words(nothing, MOONS, text("en")) == ""


MAY_RUN_AWAY = ["loss", "jump", "rise", "deviation", "gradient_start", "growth_start", "growth_end"]


@given(
    st.sampled_from(list(SAID)),
    st.dictionaries(st.sampled_from(MAY_RUN_AWAY), st.floats(0, 1e300) | st.just(float("inf"))),
)
@settings(deadline=None)
def test_any_figures_can_be_said_in_few_signs(reason, figures):
    for language in ("en", "es"):
        for experiment in (MOONS, presets["celsius"]):
            said = reason_words(diagnosis(reason, ("exploding_gradients",), **figures), experiment, text(language))
            assert 20 < len(said) < 400


# -- the page that tells the rules

ROWS = re.findall(
    r"^\| ([a-z, ]+) \| `?(\w*)`? ?\| (.+?) \| ?([\d.]*) ?\| ?(.*?) ?\|$",
    (Path(__file__).parents[2] / "docs" / "diagnosis.md").read_text(encoding="utf-8"),
    re.MULTILINE,
)


def test_the_page_of_rules_has_every_reason_with_its_threshold_and_what_to_try():
    assert {reason for _, reason, *_ in ROWS} == set(SAID)
    young = MOONS.set({"model.activation": "sigmoid", "model.init": "normal"})
    for verdicts, reason, _, threshold, what in ROWS:
        assert SAID[reason][0] in verdicts.split(", ")
        assert (float(threshold) if threshold else None) == LIMITS.get(reason), reason
        assert str(advise(diagnosis(reason), young) or "") == what
