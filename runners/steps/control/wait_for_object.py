"""``WaitForObject``: waits, for as long as a Lambda may, until objects are in S3.

A wait of hours belongs to the runner of data arrivals, which costs nothing while it waits.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import AwareDatetime, Field
from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from runners.steps.control.objects import Found, Objects
from runners.steps.errors import StepError
from runners.steps.step import Step

if TYPE_CHECKING:
    from runners.steps.context import StepContext

_KEYS_TOLD = 100  # in the result
_STOPS_WITHIN = 1.0  # seconds


class ObjectMissing(StepError):  # noqa: N818  # a state machine reads it so
    """What was waited for has not come in time."""


class WaitForObjectParameters(Objects):
    """What is waited for."""

    MinObjects: int = Field(default=1, ge=1)
    """How many objects there must be."""

    NewerThan: AwareDatetime | None = None
    """Only objects created at this time (ISO 8601) or later count, to the second."""

    Timeout: timedelta = Field(default=timedelta(minutes=5), gt=timedelta(0), le=timedelta(hours=24))
    """How long to wait, e.g. ``PT5M`` or seconds."""

    Interval: timedelta = Field(default=timedelta(seconds=10), gt=timedelta(0), le=timedelta(minutes=10))
    """From one look to the next."""

    def counts(self, found: Found) -> bool:
        """Whether an object is young enough."""
        return self.NewerThan is None or found.modified >= self.NewerThan.replace(microsecond=0)


class WaitForObject(Step):
    """Waits until objects are in S3."""

    Parameters = WaitForObjectParameters
    example: ClassVar[dict[str, Any]] = {
        "Bucket": "my-data",
        "Pattern": "landing/{{ ds }}/*.csv",
        "MinObjects": 2,
        "Timeout": "PT10M",
    }

    @property
    def source(self) -> str:
        """Where the objects are to come."""
        return str(self.parameters.words)

    def run(self, context: StepContext) -> dict[str, Any]:
        """Look until the objects are there.

        Raises:
            ObjectMissing: they have not come in time.

        """
        asked: WaitForObjectParameters = self.parameters
        s3 = context.client("s3")

        def look() -> list[Found]:
            context.check_stop()
            return [one for one in asked.found(s3) if asked.counts(one)]

        looking = Retrying(
            retry=retry_if_result(lambda found: len(found) < asked.MinObjects),
            wait=wait_fixed(asked.Interval),
            stop=stop_after_delay(asked.Timeout),
            sleep=lambda seconds: _wait(seconds, context),
        )
        try:
            found = looking(look)
        except RetryError as error:
            there = len(error.last_attempt.result())
            raise ObjectMissing(
                f"there are {there} objects at {asked.words} after {asked.Timeout}, and {asked.MinObjects} were waited "
                "for",
                objects=there,
            ) from None
        return {"objects": len(found), "keys": [one.key for one in found[:_KEYS_TOLD]]}


def _wait(seconds: float, context: StepContext) -> None:
    """Wait until the next look, unless the step is to stop before."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        context.check_stop()
        time.sleep(min(left, _STOPS_WITHIN))
