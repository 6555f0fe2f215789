"""In how many of ten data seeds is the answer of every classic and preset comparison what its text tells?

    python -m benchmarks.classics [NAME ...] [--data-seeds 10]

Every comparison is trained with its own seeds on data of other data seeds: other problems and samples, or other splits.
Each answer is printed, and at the end in how many data seeds it was as in `TOLD`. The exit code is 1 where that is in
less than nine of ten.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import click

from nnlab import Comparison, compare
from nnlab.catalogue.classics import classics
from nnlab.catalogue.presets import preset_comparisons
from nnlab.comparison.answer_text import AnswerText
from nnlab.comparison.answers import Answer, answer_to
from nnlab.comparison.findings import Finding

QUESTIONS: Mapping[str, Comparison] = {
    **{name: one.comparison for name, one in classics.items()},
    **preset_comparisons,
}


def _stops(answer: Answer, stops: object, learns: object, most: int) -> bool:
    """Whether one group stops learning at depth `most` or before, and another learns at every depth."""
    stopping = [clause.values for clause in answer.clauses if clause.name == "stop_learning"]
    lasting = [clause.values["which"].value for clause in answer.clauses if clause.name == "learn_everywhere"]
    first = any(stops in values["which"].value and values["value"].value <= most for values in stopping)
    return first and any(learns in groups for groups in lasting)


def _helps(answer: Answer, best: tuple[float, ...]) -> bool:
    """Whether the best value is among these, better than none, and the highest is too much."""
    return answer.value("value") in best and {"better_than", "too_much"} <= set(answer.names)


TOLD: Mapping[str, Callable[[Any], bool]] = {
    "overfitting": lambda answer: answer.parts == ["training_rises", "validation_falls", "loss_rises"],
    "vanishing": lambda answer: _stops(answer, "sigmoid", "tanh", 2) and _stops(answer, "sigmoid", "relu", 2),
    "initialisation": lambda answer: _stops(answer, "default", "kaiming", 4),
    "normalisation": lambda answer: _stops(answer, "none", "batch", 2) and answer.value("high") > answer.value("low"),
    "shortcuts": lambda answer: _stops(answer, False, True, 2),
    "residual": lambda answer: _stops(answer, False, True, 20),
    "l2": lambda answer: _helps(answer, (0.03, 0.1)),
    "dropout": lambda answer: _helps(answer, (0.6, 0.8)),
    "batch-size": lambda answer: answer.names == ["in_between"],
    "learning-rate": lambda answer: answer.value("value") == 0.1 and "fails_from" in answer.names,
    "double-descent": lambda answer: answer.names == ["peaks"] and answer.value("value") in (4, 8, 16),
    "scaling": lambda answer: answer.names == ["still_better"],
    "transfer": lambda answer: 5 in answer.value("samples") and answer.names[0] == "copied_gain",
    "binary": lambda answer: answer.names[-1] == "loss_grows",
    "activations": lambda answer: "sigmoid" not in answer.value("values") and answer.names == ["fastest", "slower"],
    "mnist": lambda found: len(found.equal) == 2,  # both others differ by less than a point
    "celsius": lambda answer: answer.value("first") <= 0.1 <= answer.value("value"),
    "scratch": lambda found: len(found.equal) == 1,
}
FINDINGS = ("mnist", "scratch")  # whose answer is the finding


def answered(name: str, data_seed: int, like: Comparison | None = None) -> Answer | Finding:
    """The answer to a question on the data of another data seed, from its own comparison or from one like it; the
    finding where that is the answer."""
    asked = like or QUESTIONS[name]
    other = asked.experiment.set({"data.seed": data_seed, "train.engine": "auto"})
    wanted = Comparison.of({**asked.plain(), "experiment": other.plain()})
    result = compare(wanted)
    return answer_to(name, wanted, result.cells, result.judged) or result.finding


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(QUESTIONS)))
@click.option("--data-seeds", default=10, show_default=True, help="How many: 0, 1, 2 and so on.")
def main(names: tuple[str, ...], data_seeds: int) -> None:
    """Answer the questions on the data of several data seeds."""
    counts = {}
    for name in names or QUESTIONS:
        true = []
        for data_seed in range(data_seeds):
            began, answer = time.perf_counter(), answered(name, data_seed)
            true.append(isinstance(answer, Finding) == (name in FINDINGS) and TOLD[name](answer))
            sentence = AnswerText(answer).sentence() if isinstance(answer, Answer) else str(answer)
            seconds = time.perf_counter() - began
            print(f"{name} {data_seed} {'as told' if true[-1] else 'OTHER'} ({seconds:.1f} s): {sentence}", flush=True)
        counts[name] = sum(true)
    print("", *(f"{name:16} {count} of {data_seeds}" for name, count in counts.items()), sep="\n")
    sys.exit(any(count < 0.9 * data_seeds for count in counts.values()))


if __name__ == "__main__":
    main()
