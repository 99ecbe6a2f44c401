from __future__ import annotations

import pytest

from runners.step_command import progress
from runners.step_command.progress import PLAIN_INTERVAL, Lines, in_words, showing


class Seconds:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.mark.parametrize(
    ("rows", "size", "seconds", "words"),
    [
        (0, 0, 0.0, ""),
        (1, 0, 0.0, "1 rows"),
        (1_000_000, 164_000_000, 2.0, "1,000,000 rows, 164.0 MB, 500,000 rows/s, 82.0 MB/s"),
        (0, 999, 1.0, "999 B, 999 B/s"),
        (0, 1_000, 0.0, "1.0 kB"),
        (0, 5_000_000_000_000_000, 0.0, "5000.0 TB"),
    ],
)
def test_what_was_moved_is_said_in_words(rows, size, seconds, words):
    assert in_words(rows, size, seconds) == words


def test_a_line_is_said_now_and_then_only():
    said, seconds = [], Seconds()
    lines = Lines("S3ToMySql", said.append, seconds)
    for _ in range(21):
        lines.moved(1000, 0)
        seconds.now += PLAIN_INTERVAL / 10
    assert said == ["S3ToMySql: 1,000 rows, 100 rows/s", "S3ToMySql: 1,000 rows, 50 rows/s"]


def test_a_terminal_shows_how_far_the_step_is_and_nothing_remains_on_standard_output(capsys, monkeypatch):
    monkeypatch.setenv("TTY_COMPATIBLE", "1")  # rich takes the captured output for a terminal
    monkeypatch.setenv("COLUMNS", "120")
    with showing("S3ToMySql", live=True) as moved:
        moved(1000, 0)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("live", [True, False])
def test_plain_lines_go_to_standard_error_where_nobody_looks_or_rich_is_not_installed(capsys, monkeypatch, live):
    monkeypatch.setattr(progress, "find_spec", lambda _: None)
    monkeypatch.setattr(progress, "PLAIN_INTERVAL", 0.0)
    with showing("S3ToMySql", live=live) as moved:
        moved(1000, 0)
    captured = capsys.readouterr()
    assert captured.err.startswith("S3ToMySql: 1,000 rows")
    assert captured.out == ""
