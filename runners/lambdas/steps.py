"""The steps: each invocation runs one, for a task that a state machine hands to the function directly.

A failure's type is its name for ``Retry`` and ``Catch``; its text is JSON, which is the ``errorMessage`` within the
``Cause``.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Protocol

from runners import log
from runners.limits import fit_json
from runners.step_parts import executor_of
from runners.steps.errors import StepError
from runners.steps.executor import Executor, StepResult
from runners.steps.settings import StepSettings

TO_GIVE_UP = timedelta(seconds=10)
"""What is left of an invocation for a step that is out of time: to undo what it began, and to say so."""

CAUSE_LIMIT = 12_000  # characters; Step Functions takes 32,768 of a cause, where each quote of it is escaped

Event = dict[str, Any]


class Context(Protocol):
    """What Lambda tells an invocation about itself."""

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until Lambda ends the invocation."""


@cache
def _executor() -> Executor:
    settings = StepSettings.from_environment(os.environ)
    log.configure(settings.log_level)
    return executor_of(settings)


def handler(event: Event, context: Context) -> StepResult:
    """Run the step that a task asks for.

    Raises:
        StepError: by its name; its text is its cause.

    """
    left = timedelta(milliseconds=context.get_remaining_time_in_millis())
    try:
        return _executor().execute(event, deadline=datetime.now(UTC) + left - TO_GIVE_UP)
    except StepError as error:
        failure = error
    failure.args = (fit_json(failure.document(), CAUSE_LIMIT),)
    raise failure.with_traceback(None)
