"""What a screen reader says when a training ends."""

import pytest
from page_app import LANGUAGES, OWNER

from nnlab import presets
from nnlab.ui.shared.ending import end_words
from nnlab.ui.shared.run_row import score_text
from nnlab.ui.shell.text import text


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_end_is_said_with_the_score(lab, language):
    t, moons = text(language), presets["activations"].set({"train.epochs": 2})
    waiting = lab.submit(moons, 1, owner=OWNER)
    assert end_words(waiting, t) == ""
    lab.stop(waiting.id, OWNER)
    assert end_words(lab.run(waiting.id), t) == t("Training: {state}", state=t("stopped"))
    for experiment, name in (
        (moons, t("accuracy")),
        (presets["celsius"].set({"train.epochs": 2}), t("mean squared error")),
    ):
        run = lab.train_here(experiment, 1, OWNER)
        assert end_words(run, t) == t("Training finished: {name} {score}", name=name, score=score_text(run, t))
