"""What holds for the whole suite, and what it says at its end: how many schedules were played."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

settings.register_profile("of this project", deadline=None)  # no test depends on how fast the machine is
settings.load_profile("of this project")


@pytest.fixture(autouse=True)
def logger_as_it_was() -> Iterator[None]:
    """Undo what a command does to the log, so that the next test can capture it."""
    logger = logging.getLogger("runners")
    before = (logger.level, logger.propagate, list(logger.handlers))
    yield
    logger.level, logger.propagate, logger.handlers = before
    logger.setLevel(before[0])  # clears the loggers' caches


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
