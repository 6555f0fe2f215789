"""The promises of comparisons on trained networks, in a short version of `benchmarks.calibration`."""

from dataclasses import replace

import pytest

from benchmarks.calibration import CASES, FOR_FALSE_CLAIMS, run

COINS = {case.name: case for case in (*CASES, *FOR_FALSE_CLAIMS) if case.coin and not case.experiment.data.folds}


@pytest.mark.parametrize("name", [name for name in COINS if "40" not in name])
def test_labels_that_are_coin_flips_tell_no_network_from_another(name):
    """Ten data seeds: as many false claims as can be by chance, far fewer than with intervals over the seeds alone."""
    case = replace(COINS[name], values=(1, 4), experiment=COINS[name].experiment.set({"train.epochs": 30}))
    now, before = run(case, 10)
    assert sum(now.claimed) <= 1
    assert sum(now.means) >= 16
    assert sum(now.pairs) >= 8
    assert sum(before.means) <= 14
