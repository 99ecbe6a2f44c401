"""What a build command shows."""

from __future__ import annotations

import io

from rich.console import Console

from runners.deployment.progress import Progress


def test_without_a_terminal_work_under_way_is_one_plain_line() -> None:
    shown = io.StringIO()
    progress = Progress(Console(file=shown))
    with progress.working("packaging"):
        progress.say("[bold] stays as it is " + "x" * 100)
    assert shown.getvalue().splitlines() == ["packaging …", "[bold] stays as it is " + "x" * 100]


def test_on_a_terminal_work_under_way_is_shown_live() -> None:
    shown = io.StringIO()
    progress = Progress(Console(file=shown, force_terminal=True))
    with progress.working("packaging"):
        progress.say("done")
    assert "packaging" in shown.getvalue()
    assert "packaging …" not in shown.getvalue()
    assert "done" in shown.getvalue()
