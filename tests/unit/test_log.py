from __future__ import annotations

import json
import logging
from datetime import datetime

from runners.log import JsonFormatter, configure


def line_of(**fields):
    record = logging.makeLogRecord(
        {"name": "runners.test", "levelname": "INFO", "msg": "a %s", "args": ("job",)} | fields
    )
    return json.loads(JsonFormatter().format(record))


def test_a_line_is_one_json_object_with_its_action():
    line = line_of(action="job_started", run_id="jr_1")
    assert datetime.fromisoformat(line.pop("time")).utcoffset().total_seconds() == 0
    assert line == {
        "level": "INFO",
        "logger": "runners.test",
        "message": "a job",
        "action": "job_started",
        "run_id": "jr_1",
    }


def test_an_exception_stays_on_its_line():
    try:
        int("oh")
    except ValueError as error:
        text = JsonFormatter().format(logging.makeLogRecord({"exc_info": (ValueError, error, error.__traceback__)}))
    assert "\n" not in text
    assert "ValueError: invalid literal" in json.loads(text)["exception"]


def test_what_json_does_not_know_is_written_as_text():
    assert line_of(reason=ValueError("oh"))["reason"] == "oh"


def test_configuring_twice_changes_only_the_level(capsys):
    logger = logging.getLogger("runners")
    before = len(logger.handlers)
    configure("INFO")
    configure("WARNING")
    assert len(logger.handlers) == before + 1
    logger.info("not shown")
    logger.warning("shown", extra={"action": "tried"})
    lines = capsys.readouterr().err.splitlines()
    assert [json.loads(line)["message"] for line in lines] == ["shown"]
