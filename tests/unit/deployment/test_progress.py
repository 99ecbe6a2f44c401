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


def test_without_a_terminal_each_step_is_a_line() -> None:
    shown = io.StringIO()
    with Progress(Console(file=shown)).following("stack") as show:
        show("first step")
        show("second step")
    assert shown.getvalue().splitlines() == ["first step", "second step"]


def test_on_a_terminal_the_newest_step_is_shown_live_as_it_is_written() -> None:
    shown = io.StringIO()
    with Progress(Console(file=shown, force_terminal=True)).following("stack") as show:
        show("failed: [Database]")
    assert "failed: [Database]" in shown.getvalue()
    assert not shown.getvalue().startswith("failed")
