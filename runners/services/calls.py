"""How every service makes its calls: what an answer to a start means, and asking about many jobs in batches.

Knows errors and batches, and no service.
"""

from __future__ import annotations

import logging
import re
from collections import defaultdict
from contextlib import contextmanager
from datetime import timedelta
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from runners.errors import StartLaterError
from runners.retries import error_code, error_message, is_throttled, is_unclear, is_unsent, repeated
from runners.side_by_side import side_by_side

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence

    from runners.errors import StartRefusedError
    from runners.job import ActiveJob, Status

log = logging.getLogger(__name__)

Item = TypeVar("Item")
Shared = TypeVar("Shared", bound="Hashable")
Parameters = ParamSpec("Parameters")
Answer = TypeVar("Answer")

CLOCK_SKEW = timedelta(minutes=10)
"""By how much the clocks of a service and of the machine that claimed a job may differ."""

CALLS_AT_ONCE = 8
"""Questions about jobs that are under way at a time: enough for ten thousand jobs, and easy on a service's quota."""

CREDENTIALS_RENEWED = frozenset(
    {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "UnrecognizedClientException"}
)
"""Codes by which AWS refuses credentials that are about to be renewed, or that it does not know yet."""

# Some services say these with a status below 500, so the status alone does not tell.
_UNCLEAR_CODE = re.compile(r"Internal|Timeout|TimedOut|ServerException|ServiceUnavailable")
_VALUE = re.compile(r"value: .*?, (?=type: |valid )", re.DOTALL)


@contextmanager
def starting(service: str, refused: Callable[[str], StartRefusedError], later: Collection[str] = ()) -> Iterator[None]:
    """Say what an error of a start means: not now, never, or unclear.

    Args:
        service: who answered, for messages, e.g. ``Glue``.
        refused: makes the error to raise of the reason why the job will never start.
        later: the service's own codes for being busy, besides throttling.

    Raises:
        StartLaterError: the service did nothing, and may do so later.
        StartRefusedError: the service did nothing, and never will.
        ClientError, BotoCoreError: unclear.

    """
    try:
        yield
    except ParamValidationError as error:
        raise refused(_VALUE.sub("", str(error))) from None  # its values are the task's
    except ClientError as error:
        code, message = error_code(error), error_message(error)
        if code in later or code in CREDENTIALS_RENEWED or is_throttled(error):
            raise StartLaterError(f"{service} answered {code}: {message}", throttled=is_throttled(error)) from None
        if is_unclear(error) or _UNCLEAR_CODE.search(code):
            raise
        raise refused(f"{code}: {message}") from None
    except BotoCoreError as error:
        if is_unsent(error):
            raise StartLaterError(f"{service} cannot be reached: {error}") from None
        raise


def under_key(start: Callable[Parameters, Answer]) -> Callable[Parameters, Answer]:
    """Repeat a start that carries a start key, so that it may be made twice.

    If an attempt was unclear and none succeeds, it stays unclear: that a later attempt is throttled or refused says
    nothing of what the earlier one has started.
    """

    @wraps(start)
    def keyed(*values: Parameters.args, **named: Parameters.kwargs) -> Answer:
        unclear: list[Exception] = []

        @wraps(start)  # whose call it is, counts of throttles read from it
        def attempt() -> Answer:
            try:
                return start(*values, **named)
            except (ClientError, BotoCoreError) as error:
                if is_unclear(error):
                    unclear.append(error)
                raise

        try:
            return repeated(attempt)()
        except (ClientError, BotoCoreError):
            if unclear:
                raise unclear[-1] from None
            raise

    return keyed


def grouped(jobs: Iterable[ActiveJob], by: Callable[[ActiveJob], Shared]) -> dict[Shared, list[ActiveJob]]:
    """Return the jobs by what some of them share, such as the name of the Glue job that they run."""
    groups: dict[Shared, list[ActiveJob]] = defaultdict(list)
    for job in jobs:
        groups[by(job)].append(job)
    return groups


def batches(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """Yield the items, at most ``size`` at a time."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def described(
    service: str, groups: Iterable[Sequence[ActiveJob]], ask: Callable[[Sequence[ActiveJob]], Mapping[str, Status]]
) -> dict[str, Status]:
    """Ask about groups of jobs; what is not answered is logged and left out, and stops no other group.

    Args:
        service: who is asked, for the log, e.g. ``Glue``.
        groups: the jobs, as many together as one call takes.
        ask: returns the status of a group's jobs by their ``task_key``.

    """

    def asked(group: Sequence[ActiveJob]) -> Mapping[str, Status]:
        try:
            return ask(group)
        except Exception as error:
            log.warning(
                "a service did not answer about some jobs",
                extra={"action": "describe_failed", "service": service, "jobs": len(group), "error": str(error)},
                exc_info=not isinstance(error, ClientError | BotoCoreError),  # an answer that nobody expected
            )
            return {}

    return {key: status for answer in side_by_side(asked, groups, CALLS_AT_ONCE) for key, status in answer.items()}
