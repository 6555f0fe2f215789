"""With NNLAB_LOG=json every line is an object, and none has personal data."""

import json
import logging

import pytest

from nnlab import logs
from nnlab.spec import Experiment
from nnlab.store.errors import StoreUnavailable

COOKIE, PERSON = "v-" + "o" * 22, "p-" + "x" * 22


def failed(error):
    try:
        raise error
    except type(error):
        logging.getLogger("nnlab.pages").exception("reference 12ab: %s", error)


def test_a_line_has_time_level_logger_process_event_and_run(json_log):
    logging.getLogger("nnlab.jobs.worker").info("run %s begins", "abc", extra={"event": "run_begun", "run": "abc"})
    (line,) = json_log()
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "info",
        "logger": "nnlab.jobs.worker",
        "process": "web",
        "event": "run_begun",
        "run": "abc",
        "message": "run abc begins",
    }


def test_an_error_has_its_type_and_place_but_not_its_text(json_log):
    failed(ValueError("the nickname Ana Ruiz is taken"))
    (line,) = json_log()
    assert (line["error"], line["message"]) == ("ValueError", "reference 12ab: ValueError")
    assert line["where"][-1].endswith(" failed")
    assert "Ana" not in json.dumps(line)


def test_why_the_store_is_away_is_said(json_log):
    failed(StoreUnavailable("full", "the disk of sqlite is full"))
    assert "full" in json_log()[0]["error"]


@pytest.mark.parametrize("logger", ["uvicorn.error", "streamlit.runtime", "nnlab.pages"])
def test_no_cookie_person_or_mail_address_is_in_a_line(json_log, logger):
    logging.getLogger(logger).warning("%s and %s wrote to ana@example.org", COOKIE, {"who": PERSON})
    text = json.dumps(json_log())
    assert not [word for word in (COOKIE, PERSON, "ana@example.org") if word in text]


@pytest.mark.parametrize("address", ["192.0.2.17:5512", "('192.0.2.17', 55122)", "2001:db8::1:5", "[2001:db8::7]:99"])
def test_visitors_addresses_and_links_are_not_in_the_lines_of_other_libraries(json_log, address):
    link = "/build?" + "&".join(f"{name}={value}" for name, value in Experiment().to_query().items())
    logging.getLogger("uvicorn.error").warning('%s - "GET %s"', address, link)
    text = json.dumps(json_log())
    assert "192.0.2.17" not in text
    assert "2001:db8" not in text
    assert "/build" in text
    assert "moons" not in text


def test_text_stays_as_it_was(monkeypatch):
    before = logging.root.handlers[:]
    logs.set_up("web")
    assert logging.root.handlers == before
