"""Finding a learning rate on Build and on Compare: asked of a worker, shown, taken over; in both languages."""

import pytest
from page_app import SPANISH, go, open_page, press

from nnlab import Experiment, presets
from nnlab.lab import Lab, close_labs, open_lab
from nnlab.training.lr_range_test import range_test
from nnlab.ui.shell.text import text

PAGES = ("build", "compare")
MOONS = presets["activations"]


class Answer:
    """A worker's answer that comes when the test says so."""

    def __init__(self, experiment, seeds):
        self.given, self.status = (experiment, seeds), "pending"

    def done(self):
        return self.status != "pending"

    def result(self):
        if self.status != "finished":
            raise RuntimeError("the worker is gone")
        return range_test(*self.given)


@pytest.fixture
def asked(home, monkeypatch):
    """What the lab was asked, in order; there are no workers."""
    lab, answers = open_lab(), []
    monkeypatch.setattr(lab._dispatcher, "start", lambda: None)
    ask = Lab.rate_test
    monkeypatch.setattr(lab._dispatcher, "submit", lambda _, *given: answers.append(Answer(*given)) or answers[-1])
    assert Lab.rate_test is ask
    yield answers
    close_labs()


def opened(page, language="en", experiment=MOONS, **more):
    return open_page(page, language, link={**experiment.to_query(), **more})


def said(app):
    return "\n".join(part.value for part in [*app.caption, *app.markdown])


def charts(app):
    """The pictures of a range test on the page."""
    return [chart for chart in app.get("vega_lite_chart") if '"rate"' in chart.proto.spec]


def of_link(app):
    """The experiment in the address bar."""
    return Experiment.from_query({k: v if isinstance(v, str) else v[-1] for k, v in dict(app.query_params).items()})


@pytest.mark.parametrize("language", SPANISH)
@pytest.mark.parametrize("page", PAGES)
def test_a_rate_is_tested_shown_and_taken_over(asked, page, language):
    app, t = opened(page, language), text(language)
    assert not charts(app)
    press(app, "rates-test")
    assert asked[0].given == (MOONS, (0, 1, 2))
    waiting = t("Testing: the chart appears once a worker has been free for a second or two.")
    assert waiting in said(app)
    assert app.button(key="rates-test").disabled
    asked[0].status = "finished"
    go(app)
    assert waiting not in said(app)
    assert len(charts(app)) == 1
    assert app.button(key="rates-use").disabled  # the preset's rate is the one suggested
    app = opened_with(app, page, MOONS.set({"train.lr": 1.0}))
    assert len(charts(app)) == 1  # the same test: it does not depend on the rate
    press(app, "rates-use")
    assert of_link(app) == MOONS.set({"train.lr": range_test(MOONS).suggested})
    assert len(asked) == 1


def opened_with(app, page, experiment):
    """The same visit, another link."""
    app.query_params.clear()
    for name, value in experiment.to_query().items():
        app.query_params[name] = value
    return go(app)


@pytest.mark.parametrize("language", SPANISH)
def test_a_test_of_another_experiment_says_so_and_comes_back_with_it(asked, language):
    app, t = opened("build", language), text(language)
    press(app, "rates-test")
    asked[0].status = "finished"
    go(app)
    go(app)
    app.selectbox(key="field-train.optimizer").set_value("sgd")
    go(app)
    assert t("The experiment has changed since the last test: test again.") in said(app)
    assert not charts(app)
    app.selectbox(key="field-train.optimizer").set_value("adam")
    go(app)
    assert len(charts(app)) == 1


@pytest.mark.parametrize("language", SPANISH)
@pytest.mark.parametrize("page", PAGES)
def test_trouble_is_one_sentence(asked, page, language):
    t = text(language)
    app = opened(page, language)
    press(app, "rates-test")
    asked[0].status = "error"
    go(app)
    go(app)
    assert t("The worker could not finish the test; try again.") in said(app)
    assert not app.button(key="rates-test").disabled
    app = opened(page, language, presets["mnist"])  # not on this disk
    press(app, "rates-test")
    assert t(
        "The files are not on this machine yet; download them on the Build page or with `nnlab data fetch mnist`."
    ) in said(app)
    assert len(asked) == 1


@pytest.mark.parametrize("language", SPANISH)
def test_without_a_worker_it_says_so_and_asks_again(asked, language, monkeypatch):
    app, t, lab = opened("build", language), text(language), open_lab()
    ask = lab._dispatcher.submit
    monkeypatch.setattr(lab._dispatcher, "submit", lambda *given: None)
    press(app, "rates-test")
    assert t("No worker is running yet; the test starts as soon as one is.") in said(app)
    monkeypatch.setattr(lab._dispatcher, "submit", ask)
    go(app)
    assert len(asked) == 1


@pytest.mark.parametrize("language", SPANISH)
def test_a_network_that_does_not_learn_gets_no_button(asked, language):
    app, t = opened("build", language, MOONS.vary("init", "zeros")), text(language)
    press(app, "rates-test")
    asked[0].status = "finished"
    go(app)
    go(app)
    assert t(
        "The loss falls at no learning rate, so this network does not learn from this data: check its "
        "initialisation, activation and depth."
    ) in said(app)
    assert "rates-use" not in {button.key for button in app.button}


def test_where_the_rate_is_what_is_compared_there_is_none_to_use(asked):
    app = opened("compare", vary="lr", values="0.01,0.1")
    press(app, "rates-test")
    asked[0].status = "finished"
    go(app)
    go(app)
    assert charts(app)
    assert "rates-use" not in {button.key for button in app.button}
