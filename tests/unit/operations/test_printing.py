import io
import logging
from datetime import UTC, datetime, timedelta

import pytest

from runners.errors import ConfigurationError
from runners.operations import printing


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, "0 s"),
        (-5, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (61, "1 min 1 s"),
        (11_520, "3 h 12 min"),
        (90_000, "1 d 1 h"),
    ],
)
def test_a_duration_is_told_in_its_two_largest_units(seconds, told):
    assert printing.rough(timedelta(seconds=seconds)) == told


def test_columns_are_as_wide_as_what_stands_in_them_and_empty_cells_show_a_hyphen(capsys):
    printing.print_table(("name", "run"), [("a long name", ""), ("b", "run-1")])

    assert capsys.readouterr().out.splitlines() == ["name         run", "a long name  -", "b            run-1"]


def test_without_rows_there_is_no_header(capsys):
    printing.print_table(("name", "run"), [])

    assert capsys.readouterr().out == ""


def test_what_has_no_value_is_left_out_of_fields(capsys):
    printing.print_fields([("service", "glue"), ("run", ""), ("asked for", "Load")])

    assert capsys.readouterr().out.splitlines() == ["service    glue", "asked for  Load"]


def test_json_has_times_in_utc_and_refuses_what_is_none(capsys):
    printing.print_json({"at": datetime(2026, 1, 31, tzinfo=UTC)})
    assert "2026-01-31T00:00:00+00:00" in capsys.readouterr().out
    with pytest.raises(TypeError, match="no JSON"):
        printing.print_json({"at": object()})


def test_one_is_not_told_as_several():
    assert [printing.plural(count, "job") for count in (0, 1, 2)] == ["0 jobs", "1 job", "2 jobs"]


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("typed", "answer"), [("y\n", True), ("YES\n", True), ("\n", False), ("", False), ("no\n", False)]
)
def test_a_person_is_asked_and_only_a_yes_is_one(monkeypatch, capsys, typed, answer):
    monkeypatch.setattr("sys.stdin", Terminal(typed))

    assert printing.confirmed("Stop it", yes=False) is answer
    asked = capsys.readouterr().err
    assert asked.startswith("Stop it? [y/N] ")
    assert ("Nothing was done." in asked) is not answer


def test_nobody_is_asked_without_a_terminal(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))

    with pytest.raises(ConfigurationError, match="--yes"):
        printing.confirmed("Stop it", yes=False)
    assert printing.confirmed("Stop it", yes=True)


def test_a_warning_is_one_line_without_a_traceback_and_shown_once(capsys):
    printing.show_warnings("told_elsewhere")
    printing.show_warnings()
    logger = logging.getLogger("runners.services")
    error = ValueError("no answer")
    logger.error("asking failed", exc_info=error, extra={"action": "describe_failed", "task_key": "k" * 64})
    logger.warning("known", extra={"action": "told_elsewhere"})

    assert capsys.readouterr().err == f"runners: asking failed ({'k' * 10}): no answer\n"


def test_a_warning_tells_the_reason_rather_than_the_name_of_an_error(capsys):
    printing.show_warnings()
    told = {"error": "SourceUnavailable", "reason": "the shop cannot be reached"}
    logging.getLogger("runners.steps").warning("it is tried again", extra=told)

    assert capsys.readouterr().err == "runners: it is tried again: the shop cannot be reached\n"


def test_what_errors_repeat_of_values_and_tokens_is_not_shown(capsys):
    token = "AQCEAAAAKgAAAAMA" * 20
    error = ValueError(f"Invalid length for parameter taskToken, value: secret, valid max length: 1; {token}")
    printing.show_warnings()
    logging.getLogger("runners.services").error("asking failed", exc_info=error)

    for shown in (printing.said_by(error), capsys.readouterr().err):
        assert "Invalid length for parameter taskToken" in shown
        assert "secret" not in shown
        assert token not in shown
