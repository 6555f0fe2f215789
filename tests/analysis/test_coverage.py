"""What intervals cover, and how coarse scores of few samples are, in the words of both languages."""

import pytest

from nnlab.analysis.coverage import covered_and_grain, covers, grain
from nnlab.spec import Experiment
from nnlab.ui.shell.text import text

MOONS = {"data.name": "moons", "data.n_samples": 150}
DIGITS = {"data.name": "digits", "data.n_samples": 1797}


@pytest.mark.parametrize(
    ("changes", "part", "english", "spanish"),
    [
        (
            MOONS | {"data.per_seed": "samples"},
            "validation",
            "new samples of this kind",
            "muestras nuevas de este tipo",
        ),
        (MOONS | {"data.per_seed": "samples"}, "test", "new samples of this kind", "muestras nuevas de este tipo"),
        (
            DIGITS | {"data.per_seed": "split"},
            "validation",
            "other splits of these data",
            "otros repartos de estos datos",
        ),
        (DIGITS | {"data.per_seed": "split"}, "test", "these 359 test images", "estas 359 imágenes de prueba"),
        (DIGITS | {"data.folds": 5}, "validation", "these data in 5 folds", "estos datos en 5 particiones"),
        (MOONS, "validation", "these 30 validation samples", "estas 30 muestras de validación"),
        ({"data.name": "mnist"}, "validation", "these 3,000 validation images", "estas 3.000 imágenes de validación"),
        ({"data.name": "celsius"}, "train", "these 7 training samples", "estas 7 muestras de entrenamiento"),
    ],
)
def test_an_interval_says_what_it_covers(changes, part, english, spanish):
    covered = covers(Experiment().set(changes), part)
    assert covered.words(text("en")) == english
    assert covered.words(text("es")) == spanish


def test_a_small_score_says_what_one_sample_is():
    small = Experiment().set(MOONS)
    assert grain(small, "validation", text("en")) == "30 validation samples: one is 3.3 points"
    assert grain(small, "validation", text("es")) == "30 muestras de validación: una vale 3,3 puntos"
    assert (
        grain(small.set({"data.n_samples": 500}), "validation", text("es"))
        == "100 muestras de validación: una vale 1 punto"
    )
    assert grain(small.set({"data.n_samples": 2000}), "validation", text("en")) == ""
    assert grain(small.set({"data.validation": 0.0}), "validation", text("en")) == ""
    assert grain(Experiment().set({"data.name": "celsius"}), "train", text("en")) == ""


def test_the_samples_are_named_once():
    own, shared = Experiment().set(MOONS | {"data.per_seed": "samples"}), Experiment().set(MOONS)
    size = "30 validation samples: one is 3.3 points"
    assert covered_and_grain(own, "validation", text("en")) == ("new samples of this kind", size)
    both = "these 30 validation samples, of which one is 3.3 points", ""
    assert covered_and_grain(shared, "validation", text("en")) == both
    both = "these 100 validation samples, of which one is 1 point", ""
    assert covered_and_grain(shared.set({"data.n_samples": 500}), "validation", text("en")) == both


def test_the_folds_of_a_seed_are_one_score():
    folds = Experiment().set({"data.name": "moons", "data.n_samples": 100, "data.folds": 3})
    assert grain(folds, "validation", text("en")) == "80 validation samples: one is 1.2 points"
