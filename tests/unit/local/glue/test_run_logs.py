"""How what a script prints comes into CloudWatch Logs."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest
from moto.logs.models import logs_backends

from runners.local.glue import run_logs
from runners.local.glue.run_logs import ERROR_GROUP, OUTPUT_GROUP, RunLogs

ACCOUNT, REGION = "000000000042", "us-west-2"  # no other test's


@pytest.fixture
def run_id(tmp_path: Path) -> str:
    (tmp_path / "stdout").write_bytes(b"")
    (tmp_path / "stderr").write_bytes(b"")
    return f"jr_{uuid.uuid4().hex}"


@pytest.fixture
def logs(run_id: str, tmp_path: Path) -> RunLogs:
    return RunLogs(ACCOUNT, REGION, run_id, tmp_path)


def messages(group: str, run_id: str) -> list[str]:
    stream: Any = logs_backends[ACCOUNT][REGION].groups[group].streams[run_id]
    return [event.message for event in stream.events]


def test_each_line_is_an_event_and_a_line_that_goes_on_waits(logs: RunLogs, run_id: str, tmp_path: Path) -> None:
    with (tmp_path / "stdout").open("ab", buffering=0) as output:
        output.write(b"one\ntw")
        logs.ship()
        assert messages(OUTPUT_GROUP, run_id) == ["one"]
        output.write("o\r\nthree ü".encode())
        logs.ship(last=True)
    assert messages(OUTPUT_GROUP, run_id) == ["one", "two", "three ü"]


def test_output_and_errors_go_to_groups_of_their_own(logs: RunLogs, run_id: str, tmp_path: Path) -> None:
    (tmp_path / "stdout").write_text("fine\n")
    (tmp_path / "stderr").write_text("oh\n")
    logs.note("not kept")
    logs.ship(last=True)
    assert messages(OUTPUT_GROUP, run_id) == ["fine"]
    assert messages(ERROR_GROUP, run_id) == ["embedded Glue: not kept", "oh"]


def test_two_runs_share_the_groups(logs: RunLogs, run_id: str, tmp_path: Path) -> None:
    RunLogs(ACCOUNT, REGION, f"{run_id}_attempt_1", tmp_path).note("again")
    assert messages(ERROR_GROUP, f"{run_id}_attempt_1") == ["embedded Glue: again"]


def test_a_line_without_end_becomes_several_events(
    logs: RunLogs, run_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_logs, "MAX_EVENT", 10)
    monkeypatch.setattr(run_logs, "MAX_CHUNK", 16)
    (tmp_path / "stdout").write_text("x" * 50)
    logs.ship()
    assert messages(OUTPUT_GROUP, run_id), "a line that never ends is not kept back for ever"
    logs.ship(last=True)
    assert "".join(messages(OUTPUT_GROUP, run_id)) == "x" * 50


def test_bytes_that_are_no_text_do_no_harm(logs: RunLogs, run_id: str, tmp_path: Path) -> None:
    (tmp_path / "stdout").write_bytes(b"\xff\xfe\n")
    logs.ship(last=True)
    assert messages(OUTPUT_GROUP, run_id) == ["\ufffd\ufffd"]


def test_a_script_that_printed_nothing_has_no_events(logs: RunLogs, run_id: str) -> None:
    logs.ship(last=True)
    assert messages(OUTPUT_GROUP, run_id) == []
