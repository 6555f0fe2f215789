"""Answers to the questions of classics: what the cells show and no more, as a sentence in both languages."""

import numpy as np
import pandas as pd
import pytest

from nnlab import Comparison
from nnlab.catalogue.classics import classics
from nnlab.catalogue.presets import preset_comparisons
from nnlab.comparison.answer_text import AnswerText
from nnlab.comparison.answers import Answer
from nnlab.comparison.answers import answer as answer_of
from nnlab.comparison.language import joined
from nnlab.comparison.table import Cell, judge
from nnlab.ui.shared.comparison_naming import knob_name
from nnlab.ui.shared.naming import value_words
from nnlab.ui.shell.text import text


def seeds_of(name, n=6):
    asked = classics[name].comparison if name in classics else preset_comparisons[name]
    return Comparison.of({**asked.plain(), "seeds": tuple(range(n))})


def spread(mean, n=6, by=0.002):
    """n scores around a mean."""
    return mean + by * np.linspace(-1, 1, n)


def cells_of(comparison, validation, train=None, loss=None, metrics=None):
    """Cells with these mean scores: one number a cell."""
    n, count = len(comparison.seeds), len(comparison.points)
    cells = []
    for place in range(count):
        # the seeds' scores move against each other from cell to cell, as they do on new data
        around = np.roll(spread(0, n), place)
        parts = {
            "train": {
                "accuracy": (train or validation)[place] + around,
                "loss": (loss or [1.0] * count)[place] + around,
            },
            "validation": {"accuracy": validation[place] + around, "loss": (loss or [1.0] * count)[place] + around},
        }
        results = {part: {name: list(values) for name, values in one.items()} for part, one in parts.items()}
        cells.append(Cell(results, metrics[place] if metrics else None))
    return cells


def answer(comparison, cells, diverged=()):
    verdicts = ["diverged" if i in diverged else "fits" for i in range(len(cells))]
    return answer_of(comparison, cells, judge(comparison, cells, verdicts))


def said(comparison, cells, language=None):
    found = answer(comparison, cells)
    if found is None:
        return None
    if language is None:
        return AnswerText(found).sentence()
    return AnswerText(found, text(language), knob_name, value_words).sentence()


def depths(name, *rows):
    """A comparison of groups by depth with these training scores, and its cells."""
    comparison = seeds_of(name)
    return comparison, cells_of(comparison, [score for row in rows for score in row])


def test_a_group_stops_learning_beyond_the_last_depth_where_it_comes_more_than_half_way():
    comparison, cells = depths(
        "vanishing", (0.9, 0.7, 0.1, 0.1, 0.1, 0.1), (0.9,) * 6, (0.95, 0.95, 0.95, 0.95, 0.95, 0.9)
    )
    assert said(comparison, cells) == (
        "Networks with sigmoid stop learning beyond depth 2; networks with tanh or with ReLU learn at every depth "
        "tried."
    )
    assert said(comparison, cells, "es") == (
        "Las redes con sigmoide dejan de aprender cuando la profundidad pasa de 2; las redes con tanh o con ReLU "
        "aprenden con todas las profundidades probadas."
    )
    assert "learn at no depth tried" in said(*depths("vanishing", (0.1,) * 6, (0.9,) * 6, (0.9,) * 6))


def test_a_group_that_fails_in_between_does_not_learn_everywhere():
    comparison, cells = depths("vanishing", (0.9, 0.1, 0.1, 0.1, 0.1, 0.9), (0.9,) * 6, (0.9,) * 6)
    assert "networks with sigmoid learn only with depth 1 and 10" in said(comparison, cells).lower()


def test_the_ends_of_the_remedy_are_told_where_it_works():
    comparison, cells = depths("residual", (0.95, 0.9, 0.8, 0.5, 0.2, 0.1), (0.95, 0.95, 0.95, 0.94, 0.93, 0.91))
    assert said(comparison, cells).endswith(
        "they reach a validation accuracy of 95.0 % with depth 2 and 91.0 % with depth 50."
    )
    both = said(*depths("residual", (0.95,) * 6, (0.95,) * 6))
    assert both.endswith("at every depth tried."), "whose accuracy it would be"


@pytest.mark.parametrize(
    ("train", "validation", "loss", "told"),
    [
        ((0.9, 0.96), (0.85, 0.8), (0.5, 1.5), "rises by 6 points, validation accuracy falls by 5 points and"),
        ((0.9, 0.9), (0.8, 0.8), (0.5, 0.5), "does not change significantly, validation accuracy does not change"),
        ((0.96, 0.9), (0.8, 0.85), (1.5, 0.5), "falls by 6 points, validation accuracy rises by 5 points and"),
    ],
)
def test_a_trend_is_told_only_where_it_is_significant(train, validation, loss, told):
    comparison = seeds_of("overfitting")
    middle = len(comparison.values) - 2
    train, validation, loss = ([one[0], *[one[0]] * middle, one[1]] for one in (train, validation, loss))
    sentence = said(comparison, cells_of(comparison, validation, train, loss))
    assert sentence.startswith("From depth 1 to 6, training accuracy")
    assert told in sentence


def test_a_peak_is_told_where_it_differs_from_both_ends_and_else_the_trend():
    comparison = seeds_of("double-descent")
    train, validation = [0.8, 0.9, 0.95, 0.99, 1, 1, 1, 1], [0.65] * 8
    losses = [1, 2, 3, 4, 3.8, 3.6, 3.4, 3.2]
    sentence = said(comparison, cells_of(comparison, validation, train, losses))
    assert sentence == (
        "No: the validation loss is highest with width 8 (4), where training accuracy reaches 99.0 %; with 128 it is "
        "down to 3.2."
    )
    growing = said(comparison, cells_of(comparison, validation, train, sorted(losses)))
    assert growing.startswith("From width 1 to 128, ")
    assert growing.endswith("the validation loss grows from 1 to 4.")


def test_the_best_is_told_with_what_cannot_be_told_from_it():
    comparison = seeds_of("l2")
    sentence = said(comparison, cells_of(comparison, [0.8, 0.8, 0.81, 0.83, 0.86, 0.8598, 0.5]))
    assert sentence == (
        "L2 0.03 is among the best (86.0 %), not significantly better than 0.1; it gains 6 points over 0.0; 0.3 is too "
        "much (50.0 %)."
    )
    assert said(comparison, cells_of(comparison, [0.8, 0.8, 0.81, 0.83, 0.86, 0.84, 0.5]), "es") == (
        "Lo mejor es L2 0,03 (86,0 %); gana 6,0 puntos frente a 0; 0,3 ya es demasiado (50,0 %)."
    )


def test_the_first_rate_that_learns_nothing_is_compared_with_the_best():
    comparison = seeds_of("learning-rate")
    rates = [0.3, 0.8, 0.9, 0.95, 0.97, 0.8, 0.1, 0.1]
    cells = cells_of(comparison, rates)
    assert said(comparison, cells).endswith("; with 1.0, 10 times as much, training accuracy is only 10.0 %.")
    judged = answer(comparison, cells, diverged=(4, 6, 7))
    assert judged.value("value") == 0.03, "what diverged takes no part, as in the finding"
    assert said(comparison, cells_of(comparison, sorted(rates))).endswith("; no larger value fails.")


def test_scaling_is_told_where_it_is_better_or_no_different_and_not_where_it_is_worse():
    comparison = seeds_of("scaling")
    n = len(comparison.values)

    def told(raw, scaled):
        return said(
            comparison, cells_of(comparison, [0.9] * 2 * n, loss=[1.0] * (n - 1) + [raw] + [1.0] * (n - 1) + [scaled])
        )

    assert told(0.3, 0.2).startswith("No: even at the best rate of each")
    assert told(0.2, 0.2).endswith("no significant difference.")
    assert told(0.2, 0.3) is None, "the finding tells which is best"


def test_copied_and_frozen_layers_are_told_by_samples_a_class():
    comparison = seeds_of("transfer")
    cells = cells_of(comparison, [0.6, 0.8, 0.9, 0.7, 0.8, 0.9, 0.65, 0.8, 0.85])
    assert said(comparison, cells) == (
        "Copied layers gain 10 points with 5 samples a class; with 20 and 100 samples a class, copied layers gain "
        "nothing significant; freezing the first one costs 5 and 5 points with 5 and 100; with 20, freezing it costs "
        "nothing significant."
    )


def test_the_lowest_loss_in_between_is_told_with_both_ends_and_else_the_best():
    comparison = seeds_of("batch-size")
    scores, losses = [0.8, 0.8, 0.81, 0.84, 0.8], [0.6, 0.5, 0.4, 0.5, 0.7]
    assert said(comparison, cells_of(comparison, scores, loss=losses)) == (
        "Something in between: the validation loss is lowest with batch size 16 (0.4); it is 0.6 with 1 and 0.7 with "
        "400."
    )
    assert said(comparison, cells_of(comparison, scores, loss=sorted(losses))) == "Batch size 64 is best (84.0 %)."


def test_rates_with_which_every_seed_comes_near_the_lowest_error_are_told_and_the_next():
    comparison = seeds_of("celsius")

    def told(*errors):
        """The sentence on these training errors, one number a rate or one a seed."""
        rows = [np.broadcast_to(one, 6) for one in errors]
        cells = [Cell({part: {"mse": list(row)} for part in ("train", "validation")}, None) for row in rows]
        return said(comparison, cells)

    near = "With rates from 0.01 to 0.1, every seed comes close to the lowest error (1)"
    half = [1, 1, 1, 9, 9, np.nan]
    assert told(50, 1.09, 1, half, 9, np.nan) == f"{near}; with 1.0 only 50.0 % of them do."
    assert told(50, 1.09, 1, np.nan, 9, 9) == f"{near}; with 1.0 none does."
    assert told(50, 50, 1, 1, 1, 1) == "With rates from 0.1 to 100.0, every seed comes close to the lowest error (1)."
    assert told(*[half] * 6) is None


def test_a_validation_loss_is_said_to_grow_only_where_it_does():
    comparison = seeds_of("binary")
    score, middle = [0.8] * len(comparison.values), [0.5] * (len(comparison.values) - 2)
    grown = said(comparison, cells_of(comparison, score, loss=[0.5, *middle, 0.9]))
    assert grown == "The validation loss grows from 0.5 with depth 1 to 0.9 with 8."
    assert said(comparison, cells_of(comparison, score, loss=[0.9, *middle, 0.5])) is None
    assert said(comparison, cells_of(comparison, score, loss=[0.5, *middle, 0.5])) is None


def reaching(epochs, total=60):
    """Curves of validation accuracy that reach 90 % in these epochs, one a seed."""
    rows = [
        (epoch, seed, 0.9 if epoch >= at else 0.89) for epoch in range(1, total + 1) for seed, at in enumerate(epochs)
    ]
    return pd.DataFrame(rows, columns=["epoch", "seed", "validation_score"])


def test_the_fastest_is_the_first_to_a_score_and_not_the_best_in_the_end():
    comparison = seeds_of("activations")
    at = {"sigmoid": (99, 50, 99, 55, 58, 99), "relu": (9, 11, 10, 12, 8, 10), "tanh": (13, 9, 14, 10, 12, 8)}
    metrics = [reaching(at[one]) for one in comparison.values]
    best_last = [0.99, 0.95, 0.95]
    sentence = said(comparison, cells_of(comparison, best_last, metrics=metrics))
    assert sentence == (
        "First to reach a validation accuracy of 90.0 %: relu and tanh, after 10 and 11 epochs on average; 58 or "
        "more with sigmoid."
    )
    assert said(comparison, cells_of(comparison, best_last, metrics=metrics), "es").endswith("con sigmoide.")
    same = [reaching(at["relu"]), reaching(at["tanh"]), reaching(at["relu"][::-1])]
    assert said(comparison, cells_of(comparison, best_last, metrics=same)).startswith("No activation is significantly")


def test_there_is_no_answer_for_other_questions_one_seed_or_cells_that_have_not_finished():
    comparison = seeds_of("l2")
    cells = cells_of(comparison, [0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.5])
    other = Comparison.of({**comparison.plain(), "values": (0, 0.1)})
    assert answer(comparison, cells) is not None
    assert answer(comparison, cells_of(comparison, [0.8] * 7)) is None, "the finding says that none stands out"
    assert answer(other, cells[:2]) is None
    assert answer(comparison, [*cells[:-1], Cell(None, None)]) is None
    assert answer(comparison, [*cells[:-1], cells[-1]._replace(complete=False)]) is None
    assert answer(seeds_of("l2", 1), cells_of(seeds_of("l2", 1), [0.8] * 7)) is None


def test_losses_that_are_not_finite_give_no_answer():
    comparison = seeds_of("double-descent")
    assert answer(comparison, cells_of(comparison, [0.6] * 8, loss=[np.nan] * 8)) is None


def test_names_with_commas_are_listed_with_semicolons():
    wording = AnswerText(Answer("lr", "", ()))
    assert wording.listed(["1", "2", "4"]) == "1, 2 and 4"
    assert wording.listed(["0,01", "0,03", "1"]) == "0,01; 0,03 and 1"
    assert joined(["0,1"]) == "0,1"
