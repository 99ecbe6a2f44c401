from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from runners.local.events.schedules import ScheduledRules

START = datetime(2026, 1, 31, 4, 5, 6, tzinfo=UTC)


@dataclass
class Rule:
    arn: str
    scheduled_expression: str


class World:
    """Some rules, a clock that is set, and what fired."""

    def __init__(self) -> None:
        self.rules: list[Rule] = []
        self.now = START
        self.fired: list[tuple[str, datetime]] = []
        self.scheduled = ScheduledRules(lambda: self.rules, self._fire, lambda: self.now)

    def _fire(self, rule: Rule, due: datetime) -> None:
        self.fired.append((rule.arn, due))

    def turn(self, after: timedelta = timedelta(0)) -> list[tuple[str, datetime]]:
        """Let time pass; answer what fires then."""
        self.now += after
        self.fired.clear()
        self.scheduled.turn()
        return list(self.fired)


@pytest.fixture
def world() -> World:
    return World()


def test_a_rate_fires_at_once_and_then_at_its_interval(world: World) -> None:
    world.rules = [Rule("rule", "rate(1 minute)")]
    assert world.turn() == [("rule", START)]
    assert world.turn(timedelta(seconds=59)) == []
    assert world.turn(timedelta(seconds=1)) == [("rule", START + timedelta(minutes=1))]
    assert world.turn() == []


def test_what_was_missed_fires_once(world: World) -> None:
    world.rules = [Rule("rule", "rate(1 minute)")]
    world.turn()
    assert world.turn(timedelta(minutes=5, seconds=30)) == [("rule", START + timedelta(minutes=5))]
    assert world.turn(timedelta(seconds=30)) == [("rule", START + timedelta(minutes=6))]


def test_a_rule_that_is_gone_or_disabled_fires_no_more_and_anew_when_it_is_back(world: World) -> None:
    rules = [Rule("rule", "rate(1 hour)")]
    world.rules = rules
    world.turn()
    world.rules = []
    assert world.turn(timedelta(hours=2)) == []
    world.rules = rules
    assert len(world.turn()) == 1


def test_a_changed_expression_begins_anew(world: World) -> None:
    world.rules = [Rule("rule", "rate(1 hour)")]
    world.turn()
    world.rules = [Rule("rule", "rate(2 hours)")]
    assert len(world.turn(timedelta(minutes=1))) == 1
    assert world.turn(timedelta(hours=1)) == []


def test_a_cron_expression_waits_for_its_minute(world: World) -> None:
    world.rules = [Rule("rule", "cron(6 4 * * ? *)")]
    assert world.turn() == []
    assert world.turn(timedelta(minutes=1)) == [("rule", datetime(2026, 1, 31, 4, 6, tzinfo=UTC))]


def test_a_schedule_that_ended_fires_never(world: World) -> None:
    world.rules = [Rule("rule", "cron(6 4 31 1 ? 2026)")]
    world.turn()
    assert len(world.turn(timedelta(minutes=1))) == 1
    assert world.turn(timedelta(days=366)) == []


def test_a_schedule_that_is_not_understood_is_said_once_and_stops_no_other(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.rules = [Rule("odd", "cron(0 12 L * ? *)"), Rule("rule", "rate(1 minute)")]
    assert [arn for arn, _ in world.turn()] == ["rule"]
    world.turn()
    assert caplog.text.count("The rule odd will never fire") == 1
