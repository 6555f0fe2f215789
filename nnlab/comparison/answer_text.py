"""Answers as sentences, in any language."""

import math

from nnlab.comparison.answers import Answer, Clause, Said
from nnlab.comparison.language import GROUPS, Texts, Wording
from nnlab.spec.text import value_text

CLAUSES: Texts = {
    "learn_nothing": "networks {which} learn at no depth tried",
    "stop_learning": "networks {which} stop learning beyond depth {value}",
    "learn_with": "networks {which} learn only with depth {values}",
    "learn_everywhere": "networks {which} learn at every depth tried",
    "at_both_ends": "they reach a validation accuracy of {low} with depth {first} and {high} with depth {last}",
    "from_to": "from {knob} {first} to {last}, {training}, {validation} and {loss}",
    "training_rises": "training accuracy rises by {points}",
    "training_falls": "training accuracy falls by {points}",
    "training_level": "training accuracy does not change significantly",
    "validation_rises": "validation accuracy rises by {points}",
    "validation_falls": "validation accuracy falls by {points}",
    "validation_level": "validation accuracy does not change significantly",
    "loss_rises": "the validation loss grows from {low} to {high}",
    "loss_falls": "the validation loss falls from {low} to {high}",
    "loss_level": "the validation loss does not change significantly",
    "best": "{knob} {value} is best ({figure})",
    "best_of_some": "{knob} {value} is among the best ({figure}), not significantly better than {others}",
    "better_than": "it gains {points} over {value}",
    "too_much": "{value} is too much ({figure})",
    "fails_from": "with {value}, {times} times as much, training accuracy is only {trained}",
    "fails_nowhere": "no larger value fails",
    "in_between": "something in between: the validation loss is lowest with {knob} {value} ({lowest}); it is {low} "
    "with {first} and {high} with {last}",
    "peaks": "no: the validation loss is highest with {knob} {value} ({high}), where training accuracy reaches "
    "{trained}; with {last} it is down to {low}",
    "still_better": "no: even at the best rate of each, the validation loss is lower with standardised inputs ({low} "
    "at {second}) than with raw ones ({high} at {first})",
    "no_longer_better": "at the best rate of each, the validation loss is {low} with standardised inputs (at {second}) "
    "and {high} with raw ones (at {first}), no significant difference",
    "copied_gain": "copied layers gain {points} with {samples} samples a class",
    "copied_no_gain": "with {samples} samples a class, copied layers gain nothing significant",
    "frozen_gain": "freezing the first one costs {points} with {samples}",
    "frozen_no_gain": "with {samples}, freezing it costs nothing significant",
    "loss_grows": "the validation loss grows from {low} with {knob} {first} to {high} with {last}",
    "fastest": "first to reach a validation accuracy of {reached}: {values}, after {epochs} epochs on average",
    "slower": "{epochs} or more with {values}",
    "none_faster": "no {knob} is significantly faster to a validation accuracy of {reached}",
    "all_reach": "with rates from {first} to {value}, every seed comes close to the lowest error ({figure})",
    "some_reach": "with {value} only {share} of them do",
    "none_reaches": "with {value} none does",
}


class AnswerText(Wording[Answer]):
    """The sentence of an answer in one language."""

    def sentence(self) -> str:
        text = "; ".join(map(self._clause, self.about.clauses)) + "."
        return text[0].upper() + text[1:]

    def _clause(self, clause: Clause) -> str:
        values = {name: self._said(value) for name, value in clause.values.items()}
        return self.t(CLAUSES[clause.name]).format(knob=self.knob_name(self.about.knob, self.t), **values)

    def _said(self, said: Said) -> str:
        t, value, name = self.t, said.value, self.value_name
        match said.kind:
            case "clause":
                return self._clause(value)
            case "value":
                return name(self.about.knob, value, t)
            case "values":
                return self.listed([name(self.about.knob, one, t) for one in value])
            case "groups":
                groups = [t(GROUPS[f"{self.about.by} {value_text(one)}"]) for one in value]
                return self.listed(groups, t("{first} or {last}"))
            case "points":
                return t("{n} points", n=self.listed([t.number(100 * one, 2) for one in value]))
            case "accuracy":
                return f"{t.interval(value, math.nan, math.nan, 'accuracy')} %"
            case "loss":
                return t.number(value, 3)
            case "epochs":
                return self.listed([t.number(one, 2) for one in value])
            case "counts":
                return self.listed([t.whole(one) for one in value])
