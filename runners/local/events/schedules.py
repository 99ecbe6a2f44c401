"""Which of EventBridge's scheduled rules are due, by a clock that is handed in.

A ``rate`` rule fires at once when it appears with its first target, or is enabled again, and then at its interval;
a ``cron`` rule fires at its minutes. What was missed is not made up for. A schedule that is not understood is
said once in the log, and its rule never fires.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runners.errors import LocalAWSError
from runners.local.events.schedule_expressions import parse_schedule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from runners.local.events.schedule_expressions import Cron, Rate

logger = logging.getLogger(__name__)


@dataclass
class _Scheduled:
    expression: str
    schedule: Rate | Cron | None
    due: datetime | None


class ScheduledRules:
    """All rules with a schedule, and when each is due.

    ``rules`` answers the enabled ones with targets (each with ``arn`` and ``scheduled_expression``); ``fire`` takes a
    rule and the moment at which it was due.
    """

    def __init__(
        self,
        rules: Callable[[], Iterable[Any]],
        fire: Callable[[Any, datetime], None],
        clock: Callable[[], datetime],
    ) -> None:
        self._rules = rules
        self._fire = fire
        self._clock = clock
        self._known: dict[str, _Scheduled] = {}

    def turn(self) -> None:
        """Fire all that is due by now, and forget rules that are gone or disabled."""
        now = self._clock()
        present = {rule.arn: rule for rule in self._rules()}
        self._known = {
            arn: known
            for arn, known in self._known.items()
            if arn in present and known.expression == present[arn].scheduled_expression
        }
        for arn, rule in present.items():
            if arn not in self._known:
                self._known[arn] = _scheduled(rule, now)
            self._fire_when_due(rule, self._known[arn], now)

    def _fire_when_due(self, rule: Any, scheduled: _Scheduled, now: datetime) -> None:
        due = scheduled.due
        if scheduled.schedule is None or due is None or due > now:
            return
        while due is not None and due <= now:
            fired, due = due, scheduled.schedule.after(due)
        scheduled.due = due
        self._fire(rule, fired)


def _scheduled(rule: Any, now: datetime) -> _Scheduled:
    try:
        schedule = parse_schedule(rule.scheduled_expression)
    except LocalAWSError as error:
        logger.warning("The rule %s will never fire: %s", rule.arn, error, extra={"action": "schedule_refused"})
        return _Scheduled(rule.scheduled_expression, None, None)
    return _Scheduled(rule.scheduled_expression, schedule, schedule.first(now))
