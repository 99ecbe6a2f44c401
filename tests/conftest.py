"""What holds for the whole suite, and what it says at its end: how many schedules were played."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from hypothesis import settings

if TYPE_CHECKING:
    import pytest

settings.register_profile("of this project", deadline=None)  # no test depends on how fast the machine is
settings.load_profile("of this project")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Add up what the tests have counted, in whatever process they ran."""
    counts: Counter[str] = Counter()
    for outcome in ("passed", "failed"):
        for report in terminalreporter.stats.get(outcome, []):
            for name, count in getattr(report, "user_properties", ()):
                if isinstance(count, int):
                    counts[name] += count
    if counts:
        terminalreporter.section("recovery")
        terminalreporter.line(", ".join(f"{count:,} {name}" for name, count in counts.items()))
