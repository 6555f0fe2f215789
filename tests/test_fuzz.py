"""Everything that parses makes of a hostile input a value or one sentence: a short `benchmarks.fuzz`."""

from benchmarks.fuzz import run, targets


def test_a_hostile_input_is_a_value_or_one_sentence():
    with targets() as every:
        found = {name: run(target, 5, seed=1).faults for name, target in every.items()}
    assert {name: list(faults) for name, faults in found.items() if any("took" not in fault for fault in faults)} == {}
