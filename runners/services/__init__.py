"""The services that run jobs: one module each, all of the same shape. Nothing here knows Step Functions.

A service is small: what its request looks like, how to start a job, how many jobs are at once, how to stop them,
how to find what was started but never recorded, and which event speaks of which run. Claims, leases, heartbeats,
crashes and reports are the runner's (``runners.runner``), written once against this shape.
"""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

from pydantic import BaseModel, ValidationError

from runners.errors import InvalidInputError
from runners.problems import problems_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from runners.job import ActiveJob, Status

Request = TypeVar("Request", bound=BaseModel)


class Service(Protocol):
    """The shape of a service. What has a default here is for the few services that differ."""

    name: ClassVar[str]
    """The runner's name in records and logs, e.g. ``glue``."""

    asked_for: ClassVar[tuple[str, ...]]
    """The fields of a request that say what was asked for, e.g. ``("GlueJobName",)``: no arguments, no secrets."""

    starts_per_second: ClassVar[float | None] = None
    """What AWS's quota allows in the long run; None where none is known."""

    starts_at_once: ClassVar[int] = 1
    """How many starts may come in a burst before that counts."""

    ends_at_once: ClassVar[bool] = False
    """Whether a job may have ended as soon as it was started, so that it is worth asking then."""

    has_singletons: ClassVar[bool] = False
    """Whether ``singleton`` returns any."""

    def validate(self, request: Mapping[str, Any]) -> None:
        """Check a task's input.

        Raises:
            InvalidInputError: names each field that is wrong, and what is wrong.

        """

    @classmethod
    def job_name(cls, request: Mapping[str, Any]) -> str:
        """Return what a request asks for, in one word: the name that limits are given by, and that people see."""
        return " ".join(str(request[field]) for field in cls.asked_for if request.get(field))

    def dpu(self, request: Mapping[str, Any]) -> float:  # noqa: ARG002  # for those that count in it
        """Return the data processing units that a job takes; 0 for services that do not count in them."""
        return 0.0

    def singleton(self, job: ActiveJob) -> str | None:  # noqa: ARG002  # for those that have one
        """Return what at the service only one job can use at a time, such as a replication task; usually nothing.

        The runner lets one of its jobs at a time have it, from before ``mark`` until its outcome is acknowledged.

        Raises:
            StartLaterError, StartRefusedError: as ``start`` does.

        """
        return None

    def mark(self, job: ActiveJob) -> dict[str, Any]:  # noqa: ARG002  # for those that need one
        """Return, as JSON, what has to be known before the start to tell its run from earlier ones; usually nothing.

        For a service without a start key whose runs have no names of their own. It is recorded as ``job.mark``
        before ``start``, and taken anew whenever a start has surely not happened.

        Raises:
            StartLaterError, StartRefusedError: as ``start`` does.

        """
        return {}

    def start(self, job: ActiveJob) -> str:
        """Start the job under its ``task_key`` and return the run id.

        Raises:
            StartLaterError: not started; the service is busy.
            StartRefusedError: not started; the service will never start it.
            Any other error: unclear whether it was started; ``find`` will tell.

        """
        ...

    def find(self, job: ActiveJob) -> str | None:
        """Return the run that was started under the job's ``task_key``, or None if there is none.

        For a service that needs a mark: a job without one was never started.
        """

    def was_submitted(self, job: ActiveJob) -> bool:  # noqa: ARG002  # for those that cannot be asked
        """Whether a job that ``find`` does not tell of may run, so that starting it again tells which run it is.

        For a service that has a start key but cannot be asked for it. Asked only of a job that nobody waits for any
        more and that is to be stopped.
        """
        return False

    def describe(self, jobs: Sequence[ActiveJob]) -> Mapping[str, Status]:
        """Return the status of started jobs by their ``task_key``, asked for as many at a time as the API allows.

        A job that the service could not be asked about just now is left out: nothing is concluded from that.
        """
        ...

    def stop(self, jobs: Sequence[ActiveJob]) -> None:
        """Stop started jobs; one that has ended already is no error.

        Raises:
            Any error: some may go on, and stopping them is worth another try.

        """

    def run_of_event(self, event: Mapping[str, Any]) -> str | None:
        """Return the run id that an event of EventBridge speaks of, or None if it speaks of none."""


def checked(model: type[Request], request: Mapping[str, Any]) -> Request:
    """Read a request by its pydantic model.

    Raises:
        InvalidInputError: with a problem for each field; it never repeats a value, which may be a secret.

    """
    try:
        return model.model_validate(dict(request))
    except ValidationError as error:
        raise InvalidInputError(problems_of(error, model, "(input)")) from None


def run_told_by(event: Mapping[str, Any], source: str, kind: str, field: str) -> str | None:
    """Return what stands in a field of an event's detail, if the event is of this source and this ``detail-type``."""
    if event.get("source") != source or event.get("detail-type") != kind:
        return None
    run_id = event.get("detail", {}).get(field)
    return str(run_id) if run_id else None


def iso(moment: datetime | None) -> str | None:
    """Return a time as ISO 8601 in UTC, e.g. ``2026-01-31T04:05:06.789000+00:00``; None stays None."""
    return None if moment is None else moment.astimezone(UTC).isoformat()
