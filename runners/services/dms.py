"""DMS replications, on an instance or serverless: start one, ask for many at once, stop them, see that one was started.

A replication is a singleton without a start key, so what it was like is remembered before it is started, and one job at
a time may have it. With ``CompleteWhen`` ``FullLoadComplete`` a job is done when everything there is was copied; the
replication then goes on with changes, and nobody here stops it: before it can be started again, somebody has to.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

from botocore.exceptions import ClientError
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from runners.errors import StartLaterError, StartRefusedError, StopFailedError
from runners.job import Failed, Running
from runners.retries import error_code, error_message
from runners.services import Service, checked, iso
from runners.services.calls import CLOCK_SKEW, batches, described, starting
from runners.services.dms_outcomes import FAILED, Completion, status_of
from runners.services.dms_replications import OTHERWISE_BUSY, RUNNING, HowToStart, Serverless, Tasks
from runners.services.dms_starts import began_since, mark_of, ran_before, start_type
from runners.services.messages import without_values

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mypy_boto3_dms import DatabaseMigrationServiceClient

    from runners.job import ActiveJob, Status
    from runners.services.dms_replications import Kind, Replication

log = logging.getLogger(__name__)

_WRONG_STATE = "InvalidResourceStateFault"
_LATER = frozenset({_WRONG_STATE, "ResourceQuotaExceededFault", "InsufficientResourceCapacityFault"})
_BATCH = 50  # replications asked for in one call; how many its filter takes is not documented
# In a wrong state too, but one that no waiting mends: the connection to an endpoint was never tested with success.
_UNTESTED = "Test connection"
_EVENTS = frozenset({"DMS Replication Task State Change", "DMS Replication State Change"})


def _in_utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


class DmsRequest(BaseModel):
    """The input of a task for DMS; one of the first three says which replication."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ReplicationTaskArn: str | None = Field(default=None, pattern=r"^arn:[^:]+:dms:[^:]*:[^:]*:task:.+$")
    """A replication task."""

    ReplicationTaskIdentifier: str | None = Field(default=None, pattern=r"^[A-Za-z][A-Za-z0-9-]*$", max_length=255)
    """A replication task, by its name."""

    ReplicationConfigArn: str | None = Field(default=None, pattern=r"^arn:[^:]+:dms:[^:]*:[^:]*:replication-config:.+$")
    """A serverless replication, by its config."""

    StartType: HowToStart | None = None
    """How to start: anew, where it stopped, or with a new full load. If absent, it is chosen by what the replication
    is and how far it got (see ``dms_starts.start_type``)."""

    CdcStartTime: Annotated[datetime, AfterValidator(_in_utc)] | None = None
    """From when to capture changes, ISO 8601, in UTC unless it says otherwise; not with ``CdcStartPosition``."""

    CdcStartPosition: str | None = Field(default=None, min_length=1)
    """From which checkpoint or position in the source's log to capture changes."""

    CdcStopPosition: str | None = Field(default=None, pattern=r"^(server_time|commit_time):.+$")
    """When to stop, e.g. ``server_time:2026-01-31T12:00:00``."""

    CompleteWhen: Completion = "Stopped"
    """``Stopped``, or ``FullLoadComplete`` for a replication that goes on with changes after its full load."""

    @model_validator(mode="after")
    def _fields_go_together(self) -> DmsRequest:
        said = (self.ReplicationTaskArn, self.ReplicationTaskIdentifier, self.ReplicationConfigArn)
        if len(list(filter(None, said))) != 1:
            raise ValueError("give one of ReplicationTaskArn, ReplicationTaskIdentifier and ReplicationConfigArn")
        if self.CdcStartTime is not None and self.CdcStartPosition is not None:
            raise ValueError("give CdcStartTime or CdcStartPosition, not both")
        return self

    @property
    def from_position(self) -> bool:
        """Whether it says from where to capture changes."""
        return self.CdcStartTime is not None or self.CdcStartPosition is not None

    def cdc(self) -> dict[str, Any]:
        """Return the positions in the source's log, as the calls of both kinds name them."""
        return self.model_dump(exclude_none=True, include={"CdcStartTime", "CdcStartPosition", "CdcStopPosition"})


class Dms(Service):
    """DMS as a service."""

    name = "dms"
    asked_for = ("ReplicationTaskIdentifier", "ReplicationTaskArn", "ReplicationConfigArn")
    has_singletons = True

    def __init__(self, dms: DatabaseMigrationServiceClient) -> None:
        self._tasks = Tasks(dms)
        self._serverless = Serverless(dms)
        self._region = dms.meta.region_name

    def validate(self, request: Mapping[str, Any]) -> None:
        """Check a task's input."""
        checked(DmsRequest, request)

    def singleton(self, job: ActiveJob) -> str:
        """Return the ARN of the job's replication."""
        request = checked(DmsRequest, job.request)
        arn = request.ReplicationTaskArn or request.ReplicationConfigArn
        return arn or self._asked_for(job, request).arn

    def mark(self, job: ActiveJob) -> dict[str, Any]:
        """Return what the replication is like, and how it is to be started.

        Raises:
            StartLaterError: it runs, or is being changed.
            StartRefusedError: there is no such replication, or it cannot do what is asked for.

        """
        request = checked(DmsRequest, job.request)
        replication = self._asked_for(job, request)
        if problem := _problem(request, replication):
            raise _not_started(job, problem)
        if replication.status in RUNNING | OTHERWISE_BUSY:
            raise StartLaterError(f"{replication.arn} is {replication.status}")
        return mark_of(replication, request.StartType or start_type(replication, from_position=request.from_position))

    def start(self, job: ActiveJob) -> str:
        """Start the replication as its mark says."""
        mark = job.mark or self.mark(job)
        arn = str(mark["Arn"])
        cdc = checked(DmsRequest, job.request).cdc()
        with starting("DMS", lambda reason: _not_started(job, reason), _LATER):
            try:
                self._kind(arn).start(arn, mark["StartType"], cdc)
            except ClientError as error:
                if error_code(error) != _WRONG_STATE:
                    raise
                if _UNTESTED in error_message(error):
                    raise _not_started(job, error_message(error)) from None
                # An earlier start of this job, of which nobody heard, may have taken effect only now.
                if job.mark is None or not self.find(job):
                    raise
        return arn

    def find(self, job: ActiveJob) -> str | None:
        """Return the replication if a run of it began after it was marked; without a mark it was never started."""
        if job.mark is None:
            return None
        arn = str(job.mark["Arn"])
        replication = self._kind(arn).by_arn([arn]).get(arn)
        return arn if replication and began_since(job.mark, replication) else None

    def describe(self, jobs: Sequence[ActiveJob]) -> dict[str, Status]:
        """Return the status of each run; replications of one kind are read together, fifty a call."""
        return described("DMS", self._batches(jobs), self._describe_batch)

    def stop(self, jobs: Sequence[ActiveJob]) -> None:
        """Stop replications; one that has stopped is no error.

        Raises:
            StopFailedError: a replication goes on; DMS does not stop one that is still starting.

        """
        for job in jobs:
            if job.run_id:
                self._stop(job.run_id)

    def run_of_event(self, event: Mapping[str, Any]) -> str | None:
        """Return the ARN of a replication's state change, on an instance or serverless."""
        if event.get("source") != "aws.dms" or event.get("detail-type") not in _EVENTS:
            return None
        resources = event.get("resources")
        return str(resources[0]) if resources else None

    def _kind(self, arn: str) -> Kind:
        return self._serverless if ":replication-config:" in arn else self._tasks

    def _asked_for(self, job: ActiveJob, request: DmsRequest) -> Replication:
        """Return the replication that a request names."""
        with starting("DMS", lambda reason: _not_started(job, reason), _LATER):
            if request.ReplicationTaskIdentifier:
                replication = self._tasks.by_identifier(request.ReplicationTaskIdentifier)
            else:
                arn = str(request.ReplicationTaskArn or request.ReplicationConfigArn)
                replication = self._kind(arn).by_arn([arn]).get(arn)
        if replication is None:
            raise _not_started(job, "DMS does not know this replication")
        return replication

    def _batches(self, jobs: Sequence[ActiveJob]) -> Iterator[Sequence[ActiveJob]]:
        """Yield the jobs, at most fifty of one kind at a time."""
        for kind in (self._tasks, self._serverless):
            yield from batches([job for job in jobs if self._kind(str(job.run_id)) is kind], _BATCH)

    def _describe_batch(self, jobs: Sequence[ActiveJob]) -> dict[str, Status]:
        """Return the status of runs of one kind; the tables of those that have ended are read one by one."""
        arns = sorted({str(job.run_id) for job in jobs})
        replications = self._kind(arns[0]).by_arn(arns)
        return described(
            "DMS",
            ([job] for job in jobs),
            lambda one: {one[0].task_key: self._status(one[0], replications.get(str(one[0].run_id)))},
        )

    def _status(self, job: ActiveJob, replication: Replication | None) -> Status:
        arn = str(job.run_id)
        if replication is None:
            return Failed(FAILED, _cause(job, "UNKNOWN", "DMS does not know this replication (any more)"))
        mark = _mark_of(job)
        if not began_since(mark, replication):
            return Running("starting")
        kind = self._kind(arn)
        return status_of(
            replication,
            mark,
            job.request.get("CompleteWhen", "Stopped"),
            lambda: kind.tables(arn),
            kind.page(self._region, replication),
        )

    def _stop(self, arn: str) -> None:
        kind = self._kind(arn)
        try:
            kind.stop(arn)
        except ClientError as error:
            if error_code(error) not in {_WRONG_STATE, "ResourceNotFoundFault"}:
                raise
            reason = error_message(error)
        else:
            return
        log.info("DMS did not stop a replication", extra={"action": "stop_refused", "run_id": arn, "reason": reason})
        replication = kind.by_arn([arn]).get(arn)
        if replication and replication.status in RUNNING - {"stopping"}:
            raise StopFailedError(f"DMS did not stop {arn}, which is {replication.status}: {reason}")


def _problem(request: DmsRequest, replication: Replication) -> str | None:
    """Return why a replication cannot do what is asked for, or None if it can."""
    if replication.status == "deleting":
        return "the replication is being deleted"
    if not replication.captures and (request.from_position or request.CdcStopPosition):
        return "the replication is a full load; positions for capturing changes go with cdc and full-load-and-cdc"
    if request.CompleteWhen == "FullLoadComplete" and not replication.loads:
        return "CompleteWhen is FullLoadComplete, but the replication has no full load"
    if request.StartType not in {None, "start-replication"} and not ran_before(replication):
        return "the replication has never run, so StartType can only be start-replication, or be left out"
    return None


def _mark_of(job: ActiveJob) -> Mapping[str, Any]:
    """Return a started job's mark, or what serves as one: its run began since the claim."""
    claimed = {"Status": "failed", "StartDate": iso(job.claimed_at - CLOCK_SKEW), "UpdateDate": iso(job.claimed_at)}
    return claimed if job.mark is None else job.mark


def _not_started(job: ActiveJob, reason: str) -> StartRefusedError:
    return StartRefusedError(FAILED, _cause(job, "NOT_STARTED", without_values(reason)))


def _cause(job: ActiveJob, status: str, message: str) -> dict[str, Any]:
    names = {name: job.request[name] for name in Dms.asked_for if job.request.get(name)}
    return {**names, "Status": status, "ErrorMessage": message}
