"""AWS Glue workflows: start a run, ask for many at once, stop them, find one that was never recorded.

Glue has no start token, so each run carries the task's key as a run property, by which ``find`` recognises it. A run
is over when all its actions are, however they ended; its statistics tell whether that is a success.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from botocore.exceptions import ClientError
from pydantic import BaseModel, ConfigDict, Field

from runners.errors import StartRefusedError, StopFailedError
from runners.job import Failed, Running, Succeeded, Unknown
from runners.links import page_link
from runners.log import job_fields
from runners.retries import error_code, error_message, repeated, when_throttled
from runners.services import Service, checked, iso
from runners.services.calls import described, grouped, starting
from runners.services.messages import without_values

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mypy_boto3_glue import GlueClient
    from mypy_boto3_glue.type_defs import WorkflowRunTypeDef

    from runners.job import ActiveJob, Status

log = logging.getLogger(__name__)

FAILED = "GlueWorkflowFailedError"
KEY_PROPERTY = "runner_task_key"  # by which a run says for which task it was started

RUNNING_STATES = frozenset({"RUNNING", "STOPPING"})
SUCCEEDED_STATES = frozenset({"COMPLETED"})  # if no action went wrong: see UNSUCCESSFUL_ACTIONS
FAILED_STATES = frozenset({"STOPPED", "ERROR"})
UNSUCCESSFUL_ACTIONS = ("FailedActions", "TimeoutActions", "StoppedActions", "ErroredActions")

_LATER = frozenset({"ConcurrentRunsExceededException", "ResourceNumberLimitExceededException"})
_GONE = "EntityNotFoundException"
_PAGE = 1000  # runs; the most that GetWorkflowRuns gives
_MAX_PAGES = 10  # of one workflow's runs, which Glue keeps for 90 days


class GlueWorkflowRequest(BaseModel):
    """The input of a task for a Glue workflow."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    GlueWorkflowName: str = Field(min_length=1, max_length=255)
    """The workflow to run."""

    RunProperties: dict[str, str] = Field(default_factory=dict)
    """Properties of the run, which its jobs can read; Glue may log them, so no secrets."""


class GlueWorkflow(Service):
    """Glue's workflows as a service."""

    name = "glueworkflow"
    asked_for = ("GlueWorkflowName",)

    def __init__(self, glue: GlueClient) -> None:
        self._glue = glue
        self._region = glue.meta.region_name

    def validate(self, request: Mapping[str, Any]) -> None:
        """Check a task's input."""
        checked(GlueWorkflowRequest, request)

    def start(self, job: ActiveJob) -> str:
        """Start a run that carries the task's key."""
        request = checked(GlueWorkflowRequest, job.request)
        properties = {**request.RunProperties, KEY_PROPERTY: job.task_key}
        with starting("Glue", lambda reason: _not_started(job, reason), _LATER):
            start = when_throttled(self._glue.start_workflow_run)
            return start(Name=request.GlueWorkflowName, RunProperties=properties)["RunId"]

    def find(self, job: ActiveJob) -> str | None:
        """Look for a run with the task's key among the workflow's runs."""
        for run in self._runs(_workflow(job)):
            if run.get("WorkflowRunProperties", {}).get(KEY_PROPERTY) == job.task_key:
                return run["WorkflowRunId"]
        return None

    def describe(self, jobs: Sequence[ActiveJob]) -> dict[str, Status]:
        """Return the status of each run; the runs of one workflow are read together, up to 1,000 a call."""
        return described("Glue", grouped(jobs, _workflow).values(), self._describe_runs)

    def stop(self, jobs: Sequence[ActiveJob]) -> None:
        """Stop runs, one a call; one that has ended is no error.

        Raises:
            StopFailedError: a run goes on; the others were stopped.

        """
        going_on = [
            f"{job.run_id} of workflow {_workflow(job)}" for job in jobs if job.run_id and not self._stopped(job)
        ]
        if going_on:
            raise StopFailedError(f"Glue did not stop {', '.join(going_on)}")

    def run_of_event(self, event: Mapping[str, Any]) -> str | None:  # noqa: ARG002  # no event is a workflow's
        """Return None: Glue sends events of jobs and crawlers, and none of a workflow's runs; sweeps notice them."""
        return None

    def _describe_runs(self, jobs: Sequence[ActiveJob]) -> dict[str, Status]:
        """Return the status of runs of one workflow."""
        name = _workflow(jobs[0])
        missing = {str(job.run_id): job for job in jobs}
        statuses: dict[str, Status] = {}
        if len(missing) > 1:
            for run in self._runs(name, pages=len(missing)):  # more calls than that would be no gain
                if job := missing.pop(run["WorkflowRunId"], None):
                    statuses[job.task_key] = self._status(job, run)
                    if not missing:
                        return statuses
        for run_id, job in missing.items():
            statuses[job.task_key] = self._describe_run(name, run_id, job)
        return statuses

    def _describe_run(self, name: str, run_id: str, job: ActiveJob) -> Status:
        try:
            return self._status(job, repeated(self._glue.get_workflow_run)(Name=name, RunId=run_id)["Run"])
        except ClientError as error:
            if error_code(error) != _GONE:
                raise
            return Unknown(FAILED, _cause(job, run_id, "UNKNOWN", "Glue does not know this run (any more)"))

    def _runs(self, name: str, pages: int = _MAX_PAGES) -> Iterator[WorkflowRunTypeDef]:
        """Yield a workflow's runs, bounded by a number of pages, in no documented order; none if it is gone."""
        query: dict[str, Any] = {"Name": name, "IncludeGraph": False, "MaxResults": _PAGE}
        for _ in range(min(pages, _MAX_PAGES)):
            try:
                page = repeated(self._glue.get_workflow_runs)(**query)
            except ClientError as error:
                if error_code(error) != _GONE:
                    raise
                return
            yield from page.get("Runs", [])
            if not page.get("NextToken"):
                return
            query["NextToken"] = page["NextToken"]

    def _status(self, job: ActiveJob, run: WorkflowRunTypeDef) -> Status:
        state, run_id = run["Status"], run["WorkflowRunId"]
        unsuccessful = _unsuccessful(run)
        if state in SUCCEEDED_STATES and not unsuccessful:
            properties = {**run.get("WorkflowRunProperties", {})}
            properties.pop(KEY_PROPERTY, None)
            named = {
                "GlueWorkflowName": _workflow(job),
                "GlueWorkflowRunId": run_id,
                "GlueWorkflowRunStatus": state,
            }
            return Succeeded({**named, **self._details(job, run), "RunProperties": properties})
        if state in SUCCEEDED_STATES | FAILED_STATES:
            message = run.get("ErrorMessage") or unsuccessful or f"the run ended as {state}"
            return Failed(FAILED, {**_cause(job, run_id, state, message), **self._details(job, run)})
        # A state that AWS adds later is taken as running: the task's own time-out has the last word.
        return Running(state)

    def _details(self, job: ActiveJob, run: WorkflowRunTypeDef) -> dict[str, Any]:
        place = f"{quote(_workflow(job), safe='')}?runId={run['WorkflowRunId']}"
        page = f"glue/home?region={self._region}#/v2/etl-configuration/workflows/run/{place}"
        return {
            "GlueWorkflowStartedOn": iso(run.get("StartedOn")),
            "GlueWorkflowCompletedOn": iso(run.get("CompletedOn")),
            "Statistics": run.get("Statistics"),
            "ConsoleLink": page_link(self._region, page),
        }

    def _stopped(self, job: ActiveJob) -> bool:
        name, run_id = _workflow(job), str(job.run_id)
        try:
            repeated(self._glue.stop_workflow_run)(Name=name, RunId=run_id)
        except ClientError as error:
            reason = f"{error_code(error)}: {error_message(error)}"
            log.info("Glue did not stop a run", extra={"action": "stop_refused", **job_fields(job), "reason": reason})
            status = self.describe([job]).get(job.task_key, Running("UNKNOWN"))
            return not isinstance(status, Running) or status.state == "STOPPING"
        return True


def _unsuccessful(run: WorkflowRunTypeDef) -> str:
    """Say how many of a run's actions did not succeed, e.g. ``FailedActions: 1``; empty if all did."""
    statistics: Mapping[str, Any] = run.get("Statistics", {})
    counts = {name: statistics.get(name, 0) for name in UNSUCCESSFUL_ACTIONS}
    return ", ".join(f"{name}: {count}" for name, count in counts.items() if count)


def _workflow(job: ActiveJob) -> str:
    return str(job.request["GlueWorkflowName"])


def _not_started(job: ActiveJob, reason: str) -> StartRefusedError:
    values = (job.request.get("RunProperties") or {}).values()
    return StartRefusedError(FAILED, _cause(job, "", "NOT_STARTED", without_values(reason, values)))


def _cause(job: ActiveJob, run_id: str, state: str, message: str) -> dict[str, Any]:
    return {
        "GlueWorkflowName": _workflow(job),
        "GlueWorkflowRunId": run_id,
        "GlueWorkflowRunStatus": state,
        "ErrorMessage": message,
    }
