"""Trainings whose curves a person has read, of every kind that was once judged wrong: a short `benchmarks.verdicts`."""

import pytest

from benchmarks.verdict_cases import CASES, Case
from benchmarks.verdicts import halves, trained


def first(kind: str, verdict: str, reading: str = "") -> Case:
    return next(
        one for one in halves()[0] if (one.kind, one.verdict) == (kind, verdict) and one.reading.startswith(reading)
    )


SHORT = {
    "random labels, hardly learned": first("random labels", "underfits"),
    "random labels, learned by heart": first("random labels", "overfits", "train 71 %"),
    "one hidden unit": first("too small", "underfits"),
    "one bad epoch before the end": first("uneven curves", "fits", "98 %, one epoch at 90"),
    "validation still rises": first("deep", "fits", "99.7 and 93 %"),
    "a gap with an uneven loss": first("overfits unevenly", "overfits"),
    "a loss of 200 at 10 %": first("diverges", "diverged", "10 %, loss 100"),
    "divergence with patience": first("diverges with patience", "diverged"),
    "nan with patience": first("diverges with patience", "diverged", "nan from"),
    "patience that ends nothing": first("patience", "fits", "96 and 96 %"),
    "patience that ends it": first("patience", "fits", "the weights of epoch 2"),
    "an accuracy that jumps": first("unstable", "unstable"),
    "numbers that jump": first("regression", "unstable"),
}


@pytest.mark.parametrize("name", SHORT)
def test_a_training_is_judged_as_a_person_read_it(name):
    case = SHORT[name]
    diagnosis, _ = trained(case)
    assert diagnosis.verdict == case.verdict, (case.reading, diagnosis)


def test_half_of_at_least_sixty_cases_of_every_verdict_are_held_out():
    kept, held = halves()
    assert len(kept) + len(held) == len(CASES) >= 60
    assert abs(len(kept) - len(held)) < 10
    for half in (kept, held):
        assert {one.verdict for one in half} == {"underfits", "fits", "overfits", "unstable", "diverged"}
