"""Names that tell runs and comparisons apart: what differs follows what they have in common."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from nnlab.spec import Experiment
from nnlab.store import Run, StoredComparison
from nnlab.ui.shared.comparison_naming import comparison_title, setting_words, settings_summary
from nnlab.ui.shared.labels import FIELDS
from nnlab.ui.shared.naming import moment, run_title, seeds_words, value_name
from nnlab.ui.shell.text import Text

Entry = Run | StoredComparison
_PATHS = [path for path in FIELDS if path.count(".") == 1]  # "train.start_from" has its parts in its words


def distinct_titles(entries: Sequence[Entry], t: Text) -> dict[str, str]:
    """The title of each by its id. Equal titles are followed by the few settings that differ, or by the time."""
    same: dict[str, list[Entry]] = defaultdict(list)
    for one in entries:
        same[run_title(one, t) if isinstance(one, Run) else comparison_title(one, t)].append(one)
    titles: dict[str, str] = {}
    for title, group in same.items():
        more = _differences(group, t) if len(group) > 1 else [""]
        titles |= {one.id: " · ".join(filter(None, (title, words))) for one, words in zip(group, more, strict=True)}
    return titles


def _differences(group: Sequence[Entry], t: Text) -> list[str]:
    """What tells these apart: as few settings as possible, of those that differ."""
    differing = [path for path in _PATHS if len({str(_experiment(one).knob(path)) for one in group}) > 1]
    words = [[*(_words(one, path, t) for path in differing), _trained(one, t)] for one in group]
    chosen: list[int] = []
    apart = 1  # how many names there are

    def names(columns: Sequence[int]) -> list[str]:
        return [" · ".join(row[column] for column in columns) for row in words]

    while apart < len(group):
        best = max(range(len(words[0])), key=lambda column: len(set(names([*chosen, column]))))
        if len(set(names([*chosen, best]))) == apart:
            break
        chosen.append(best)
        apart = len(set(names(chosen)))
    found = names(chosen)
    times = Counter(found)
    ends = [_time(one, t) if times[name] > 1 else "" for one, name in zip(group, found, strict=True)]
    return [" · ".join(filter(None, both)) for both in zip(found, ends, strict=True)]


def _experiment(one: Entry) -> Experiment:
    return one.experiment if isinstance(one, Run) else one.comparison.experiment


def _words(one: Entry, path: str, t: Text) -> str:
    return setting_words(path, value_name(path, _experiment(one).knob(path), t), t)


def _trained(one: Entry, t: Text) -> str:
    """The seeds of a run; the values and seeds of a comparison."""
    return seeds_words(one, t) if isinstance(one, Run) else settings_summary(one.comparison, t)


def _time(one: Entry, t: Text) -> str:
    return f"{moment(one.created, t)}:{one.created.second:02}"
