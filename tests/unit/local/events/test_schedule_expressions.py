from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from runners.errors import LocalAWSError
from runners.local.events.schedule_expressions import parse_schedule

NOW = datetime(2026, 1, 31, 4, 5, 6, tzinfo=UTC)  # a Saturday


@pytest.mark.parametrize(
    ("expression", "interval"),
    [
        ("rate(1 minute)", timedelta(minutes=1)),
        ("rate(5 minutes)", timedelta(minutes=5)),
        ("rate(1 hour)", timedelta(hours=1)),
        ("rate(7 days)", timedelta(days=7)),
    ],
)
def test_a_rate_is_due_at_once_and_then_at_its_interval(expression: str, interval: timedelta) -> None:
    rate = parse_schedule(expression)
    assert rate.first(NOW) == NOW
    assert rate.after(NOW) == NOW + interval


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("cron(* * * * ? *)", "2026-01-31T04:06"),
        ("cron(5 4 * * ? *)", "2026-02-01T04:05"),
        ("cron(0/15 8-18 ? * MON-FRI *)", "2026-02-02T08:00"),
        ("cron(10,20 4 ? * SAT *)", "2026-01-31T04:10"),
        ("cron(*/20 * * * ? *)", "2026-01-31T04:20"),
        ("cron(0 0 1 * ? *)", "2026-02-01T00:00"),
        ("cron(0 12 29 2 ? *)", "2028-02-29T12:00"),
        ("cron(30 1 ? JUN-AUG 1 2027)", "2027-06-06T01:30"),
        ("cron(0 0 ? dec 7 *)", "2026-12-05T00:00"),
    ],
)
def test_a_cron_expression_is_due_at_its_next_minute(expression: str, expected: str) -> None:
    due = parse_schedule(expression).first(NOW)
    assert due == datetime.fromisoformat(expected).replace(tzinfo=UTC)


def test_a_cron_expression_is_in_utc() -> None:
    elsewhere = datetime(2026, 1, 31, 23, 30, tzinfo=timezone(timedelta(hours=-5)))
    assert parse_schedule("cron(0 6 * * ? *)").after(elsewhere) == datetime(2026, 2, 1, 6, 0, tzinfo=UTC)


def test_a_cron_expression_of_the_past_is_never_due_again() -> None:
    assert parse_schedule("cron(0 0 1 1 ? 2020)").after(NOW) is None


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("rate(0 minutes)", "no length"),
        ("rate(1 fortnight)", "neither"),
        ("cron(* * * *)", "six fields"),
        ("at noon", "neither"),
        ("cron(0 12 L * ? *)", "L, W and # are not supported"),
        ("cron(0 12 ? * 6#3 *)", "not supported"),
        ("cron(60 * * * ? *)", "not within 0 to 59"),
        ("cron(5-1 * * * ? *)", "not within"),
        ("cron(0/x * * * ? *)", "not understood"),
        ("cron(0/0 * * * ? *)", "not understood"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_reason(expression: str, reason: str) -> None:
    with pytest.raises(LocalAWSError, match=reason):
        parse_schedule(expression)
