"""AWS Glue DataBrew: start a job's run, ask how it is, stop it, find one that was never recorded.

Neither a start token nor an argument of a run could carry the task's key. So a DataBrew job is a singleton: the
runner starts its next run only after the outcome of the one before was acknowledged, which also keeps two runs from
writing to the one place that the DataBrew job names. A run that the mark does not know was then started by us.
"""

from __future__ import annotations

import logging
from itertools import takewhile
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from botocore.exceptions import ClientError
from pydantic import BaseModel, ConfigDict, Field

from runners.errors import StartRefusedError, StopFailedError
from runners.job import Failed, Running, Succeeded, Unknown
from runners.links import page_link
from runners.retries import error_code, error_message, repeated, when_throttled
from runners.services import Service, checked, iso, run_told_by
from runners.services.calls import CLOCK_SKEW, described, starting

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mypy_boto3_databrew import GlueDataBrewClient
    from mypy_boto3_databrew.type_defs import DescribeJobRunResponseTypeDef, JobRunTypeDef

    from runners.job import ActiveJob, Status

log = logging.getLogger(__name__)

FAILED = "DataBrewJobFailedError"

RUNNING_STATES = frozenset({"STARTING", "RUNNING", "STOPPING"})
SUCCEEDED_STATES = frozenset({"SUCCEEDED"})
FAILED_STATES = frozenset({"STOPPED", "FAILED", "TIMEOUT"})  # a run that was stopped has not written all its output

# Somebody else's run of the job is on, or the account has as many runs as it may.
_LATER = frozenset({"ConflictException", "ServiceQuotaExceededException"})
_GONE = "ResourceNotFoundException"
_PAGE = 100  # runs; the most that ListJobRuns gives, newest first
_MARKED = 20  # run ids, the newest; a run that is newer than these was started since
_MAX_PAGES = 10


class DataBrewRequest(BaseModel):
    """The input of a task for DataBrew."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    DataBrewJobName: str = Field(min_length=1, max_length=240)
    """The recipe job or profile job to run; all that it does is said in its definition."""


class DataBrew(Service):
    """DataBrew as a service."""

    name = "databrew"
    asked_for = ("DataBrewJobName",)
    has_singletons = True

    def __init__(self, databrew: GlueDataBrewClient) -> None:
        self._databrew = databrew
        self._region = databrew.meta.region_name

    def validate(self, request: Mapping[str, Any]) -> None:
        """Check a task's input."""
        checked(DataBrewRequest, request)

    def singleton(self, job: ActiveJob) -> str:
        """Return the DataBrew job's name: one of our runs of it at a time."""
        return _job_name(job)

    def mark(self, job: ActiveJob) -> dict[str, Any]:
        """Return the ids of the newest runs that there are before the start."""
        with starting("DataBrew", lambda reason: _not_started(job, reason)):
            runs = repeated(self._databrew.list_job_runs)(Name=_job_name(job), MaxResults=_MARKED)["JobRuns"]
        return {"RunIds": [run["RunId"] for run in runs if "RunId" in run]}

    def start(self, job: ActiveJob) -> str:
        """Start a run."""
        with starting("DataBrew", lambda reason: _not_started(job, reason), _LATER):
            return when_throttled(self._databrew.start_job_run)(Name=_job_name(job))["RunId"]

    def find(self, job: ActiveJob) -> str | None:
        """Return the first run since the mark.

        Somebody who does not use this runner may have started it, a schedule for instance: DataBrew tells who, but
        not which start. It is a run of the same definition from the same moments, and serves as well.
        """
        if job.mark is None:
            return None
        known = set(job.mark["RunIds"])
        try:
            run_ids = (run["RunId"] for run in self._runs_since_claim(job))
            since = list(takewhile(lambda run_id: run_id not in known, run_ids))
        except ClientError as error:
            if error_code(error) != _GONE:
                raise
            return None  # no such job any more
        return since[-1] if since else None

    def describe(self, jobs: Sequence[ActiveJob]) -> dict[str, Status]:
        """Return the status of each run, one a call: of each DataBrew job there is one, and lists are of one job."""
        return described("DataBrew", ([job] for job in jobs), self._describe_run)

    def stop(self, jobs: Sequence[ActiveJob]) -> None:
        """Stop runs, one a call; one that has ended is no error.

        Raises:
            StopFailedError: a run goes on; the others were stopped.

        """
        going_on = [f"{job.run_id} of job {_job_name(job)}" for job in jobs if job.run_id and not self._stopped(job)]
        if going_on:
            raise StopFailedError(f"DataBrew did not stop {', '.join(going_on)}")

    def run_of_event(self, event: Mapping[str, Any]) -> str | None:
        """Return the run of a ``DataBrew Job State Change``."""
        return run_told_by(event, "aws.databrew", "DataBrew Job State Change", "jobRunId")

    def _runs_since_claim(self, job: ActiveJob) -> Iterator[JobRunTypeDef]:
        """Yield the runs of the job's DataBrew job, newest first, back to the claim."""
        oldest = job.claimed_at - CLOCK_SKEW
        query: dict[str, Any] = {"Name": _job_name(job), "MaxResults": _PAGE}
        for _ in range(_MAX_PAGES):
            page = repeated(self._databrew.list_job_runs)(**query)
            for run in page["JobRuns"]:
                if "StartedOn" in run and run["StartedOn"] < oldest:  # one that was just started may have none yet
                    return
                yield run
            if not page.get("NextToken"):
                return
            query["NextToken"] = page["NextToken"]

    def _describe_run(self, jobs: Sequence[ActiveJob]) -> dict[str, Status]:
        (job,) = jobs
        run_id = str(job.run_id)
        try:
            run = repeated(self._databrew.describe_job_run)(Name=_job_name(job), RunId=run_id)
        except ClientError as error:
            if error_code(error) != _GONE:
                raise
            unknown = _cause(job, run_id, "UNKNOWN", "DataBrew does not know this run (any more)")
            return {job.task_key: Unknown(FAILED, unknown)}
        return {job.task_key: self._status(job, run_id, run)}

    def _status(self, job: ActiveJob, run_id: str, run: DescribeJobRunResponseTypeDef) -> Status:
        state = run["State"]
        if state in SUCCEEDED_STATES:
            places = [output["Location"] for output in run.get("Outputs", [])]
            output = {
                "DataBrewJobName": _job_name(job),
                "DataBrewJobRunId": run_id,
                "DataBrewJobRunState": state,
                **self._details(job, run),
                "OutputLocations": [f"s3://{place['Bucket']}/{place.get('Key', '')}" for place in places],
            }
            return Succeeded(output)
        if state in FAILED_STATES:
            message = run.get("ErrorMessage") or f"the run ended as {state}"
            return Failed(FAILED, {**_cause(job, run_id, state, message), **self._details(job, run)})
        # A state that AWS adds later is taken as running: the task's own time-out has the last word.
        return Running(state)

    def _details(self, job: ActiveJob, run: DescribeJobRunResponseTypeDef) -> dict[str, Any]:
        page = f"databrew/home?region={self._region}#job-details?job={quote(_job_name(job), safe='')}&tab=history"
        return {
            "DatasetName": run.get("DatasetName"),
            "DataBrewJobStartedOn": iso(run.get("StartedOn")),
            "DataBrewJobCompletedOn": iso(run.get("CompletedOn")),
            "ExecutionTimeSeconds": run.get("ExecutionTime"),
            "Attempt": run.get("Attempt"),
            "LogGroupName": run.get("LogGroupName"),
            "ConsoleLink": page_link(self._region, page),
        }

    def _stopped(self, job: ActiveJob) -> bool:
        try:
            repeated(self._databrew.stop_job_run)(Name=_job_name(job), RunId=str(job.run_id))
        except ClientError as error:
            reason = f"{error_code(error)}: {error_message(error)}"
            told = {"action": "stop_refused", "run_id": job.run_id, "reason": reason}
            log.info("DataBrew did not stop a run", extra=told)
            status = self.describe([job]).get(job.task_key, Running("UNKNOWN"))
            return not isinstance(status, Running) or status.state == "STOPPING"
        return True


def _job_name(job: ActiveJob) -> str:
    return str(job.request["DataBrewJobName"])


def _not_started(job: ActiveJob, reason: str) -> StartRefusedError:
    return StartRefusedError(FAILED, _cause(job, "", "NOT_STARTED", reason))


def _cause(job: ActiveJob, run_id: str, state: str, message: str) -> dict[str, Any]:
    return {
        "DataBrewJobName": _job_name(job),
        "DataBrewJobRunId": run_id,
        "DataBrewJobRunState": state,
        "ErrorMessage": message,
    }
