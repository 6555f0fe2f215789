"""What a class has found, as sentences."""

from nnlab.classroom.results import ClassResults
from nnlab.comparison.language import joined
from nnlab.ui.shared.comparison_naming import knob_name, setting_words
from nnlab.ui.shared.naming import value_name
from nnlab.ui.shell.text import Text, Texts, mark

MOST_NAMED = 5
LEFT_OUT: Texts = {
    "unfinished": "{n} unfinished",
    "stopped": "{n} stopped",
    "longer": "{n} trained for longer",
    "failed": "{n} failed",
    "diverged": "{n} diverged",
}
HOW = mark(
    "Equal settings of all students count as one, over all their seeds. Students choose what to try by what they have "
    "seen, so plain means would mislead: means and differences are estimated for all seeds of the class, with what "
    "each seed did under other settings. At most one class in 20 gets a false claim. Nothing is claimed about runs "
    "that were stopped because they looked bad, nor that a student's best try is as good on new data: the best of "
    "several tries is lucky, too."
)


def setting_name(found: ClassResults, place: int, t: Text) -> str:
    """A setting: "depth 2", "learning rate 0.1, activation tanh"; the task itself where nothing was varied."""
    values = found.settings[place].values
    words = [setting_words(knob, value_name(knob, one, t), t) for knob, one in zip(found.knobs, values, strict=True)]
    return ", ".join(words) or t("as the task is")


def score_words(found: ClassResults, place: int, t: Text) -> str:
    """The mean of a setting with its interval: "96.1 ± 0.4 %"."""
    over = found.settings[place].interval
    return t.interval(over.mean, over.low, over.high, found.score) + " %" * (found.score == "accuracy")


def finding_words(found: ClassResults, t: Text) -> str:
    """The finding: a sentence or two."""
    if not found.settings:
        return t("No try has finished yet.")
    if not found.comparable:
        fields = joined([knob_name(knob, t) for knob in found.knobs])
        return t("Students varied {fields}: scores of different problems are not compared.", fields=fields)
    if found.best is None:
        return t("Too few seeds have finished to compare settings.")
    best, judged = found.settings[found.best], found.judged
    words = {
        "setting": setting_name(found, found.best, t),
        "score": score_words(found, found.best, t),
        "seeds": t.many("{n} seed", "{n} seeds", best.seeds),
        "students": t.many("{n} student", "{n} students", len(best.students)),
    }
    if len(judged) == 1:
        return t("{setting}: {score} over {seeds} of {students}.", **words)
    if not found.rivals:
        return t(
            "Best is {setting}: {score} over {seeds} of {students}, significantly better than all others.", **words
        )
    if len(found.rivals) == len(judged) - 1:
        return t(
            "No setting stands out: {setting} has the best mean ({score} over {seeds} of {students}), but it is "
            "not significantly better than any other.",
            **words,
        )
    rivals = _listed([setting_name(found, place, t) for place in found.rivals], t)
    return t(
        "Among the best is {setting}: {score} over {seeds} of {students}, not significantly better than {rivals}.",
        **words,
        rivals=rivals,
    )


def limits_words(found: ClassResults, t: Text) -> str:
    """What takes no part in the finding, and what it is limited to; empty if nothing."""
    parts = [t(LEFT_OUT[reason], n=t.whole(n)) for reason, n in found.left_out.items()]
    texts = [t("Runs that do not count: {parts}.", parts=", ".join(parts))] if parts else []
    wild = [setting_name(found, i, t) for i, one in enumerate(found.settings) if one.diverged]
    if wild:
        texts.append(t("Not compared, because training diverged for somebody: {settings}.", settings=_listed(wild, t)))
    if found.alone and found.comparable:
        alone = [setting_name(found, place, t) for place in found.alone]
        texts.append(t("Not compared, because only one student has tried it: {settings}.", settings=_listed(alone, t)))
    if found.shared and found.settings:
        n = found.settings[0].experiment.data.sizes[1]
        texts.append(
            t(
                "All seeds are scored on the same {n} samples, so more seeds make the interval little narrower.",
                n=t.whole(n),
            )
        )
    return " ".join(texts)


def _listed(names: list[str], t: Text) -> str:
    more = len(names) - MOST_NAMED
    if more > 0:
        names = [*names[:MOST_NAMED], t.many("{n} more", "{n} more", more)]
    *first, last = names
    between = "; " if any("," in one for one in first) else ", "
    return t("{first} and {last}", first=between.join(first), last=last) if first else last
