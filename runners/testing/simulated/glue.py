# ruff: noqa: N803  # parameters are named as boto3 names them
"""Glue, simulated as far as jobs and their runs go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runners.testing.simulated.account import Account, operation
from runners.testing.simulated.runs import Run, Runs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TASK_KEY_ARGUMENT = "--runner_task_key"  # by which a run says for which task it was started
PAGE = 200  # runs
STOP_BATCH = 25  # runs

_GONE = "EntityNotFoundException"
_TOLD = frozenset({"SUCCEEDED", "FAILED", "TIMEOUT", "STOPPED"})  # states of which EventBridge hears


class Glue(Runs):
    """The client of Glue, and what a test does with its runs."""

    service = "glue"

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self._jobs: dict[str, dict[str, Any]] = {}
        self._of_job: dict[str, list[Run]] = {}  # the oldest first
        self._live: dict[str, int] = {}

    @operation
    def create_job(
        self,
        *,
        Name: str,
        Role: str = "",  # noqa: ARG002
        Command: Mapping[str, Any] | None = None,  # noqa: ARG002
        ExecutionProperty: Mapping[str, int] | None = None,
        MaxCapacity: float = 10.0,
    ) -> dict[str, Any]:
        """Create a job, of which one run at a time is allowed unless ``ExecutionProperty`` says otherwise."""
        at_once = (ExecutionProperty or {}).get("MaxConcurrentRuns", 1)
        self._jobs[Name] = {"at_once": at_once, "capacity": MaxCapacity}
        self._of_job.setdefault(Name, [])
        self._live.setdefault(Name, 0)
        return {"Name": Name}

    @operation
    def start_job_run(
        self,
        *,
        JobName: str,
        Arguments: Mapping[str, str] | None = None,
        MaxCapacity: float | None = None,
        WorkerType: str | None = None,
        NumberOfWorkers: int | None = None,
        Timeout: int = 2880,
    ) -> dict[str, Any]:
        """Start a run."""
        job = self._job("start_job_run", JobName)
        if self._live[JobName] >= job["at_once"]:
            text = f"Concurrent runs exceeded for {JobName}"
            raise self.refusal("start_job_run", "ConcurrentRunsExceededException", text)
        number = self._account.number()
        arguments = dict(Arguments or {})
        now = self._account.now()
        details = {"Timeout": Timeout, "MaxCapacity": MaxCapacity or NumberOfWorkers or job["capacity"]}
        if WorkerType is not None:
            details |= {"WorkerType": WorkerType, "NumberOfWorkers": NumberOfWorkers}
        parameters = {"JobName": JobName, "Arguments": arguments}
        run = Run(
            f"jr_{number:064x}",
            JobName,
            arguments.get(TASK_KEY_ARGUMENT),
            parameters,
            now,
            "RUNNING",
            number,
            None,
            details,
        )
        self._of_job[JobName].append(run)
        self._live[JobName] += 1
        self._started(run)
        return {"JobRunId": run.id}

    @operation
    def get_job_run(self, *, JobName: str, RunId: str) -> dict[str, Any]:
        """Return a run."""
        run = self._runs.get(RunId)
        if run is None or run.name != JobName:
            raise self.refusal("get_job_run", _GONE, f"Job run {RunId} of job {JobName} is not found")
        return {"JobRun": self._described(run)}

    @operation
    def get_job_runs(self, *, JobName: str, MaxResults: int = PAGE, NextToken: str | None = None) -> dict[str, Any]:
        """Return the runs of a job, newest first, up to 200 at a time."""
        self._job("get_job_runs", JobName)
        if not 1 <= MaxResults <= PAGE:
            raise self.refusal("get_job_runs", "InvalidInputException", f"MaxResults must be from 1 to {PAGE}")
        runs = self._of_job[JobName]
        end = len(runs) if NextToken is None else int(NextToken)  # how many are older than the page before
        start = max(0, end - MaxResults)
        page: dict[str, Any] = {"JobRuns": [self._described(run) for run in reversed(runs[start:end])]}
        return {**page, "NextToken": str(start)} if start else page

    @operation
    def batch_stop_job_run(self, *, JobName: str, JobRunIds: Sequence[str]) -> dict[str, Any]:
        """Stop up to 25 runs of a job; of one that has ended, it says why not."""
        if not 1 <= len(JobRunIds) <= STOP_BATCH:
            raise self.refusal("batch_stop_job_run", "InvalidInputException", f"give 1 to {STOP_BATCH} JobRunIds")
        stopped, errors = [], []
        for run_id in JobRunIds:
            run = self._runs.get(run_id)
            submitted = {"JobName": JobName, "JobRunId": run_id}
            if run is None or run.name != JobName:
                errors.append({**submitted, "ErrorDetail": {"ErrorCode": _GONE, "ErrorMessage": "Job run not found"}})
            elif not run.live or run.state == "STOPPING":
                detail = {"ErrorCode": "IllegalStateException", "ErrorMessage": f"The run is {run.state}"}
                errors.append({**submitted, "ErrorDetail": detail})
            else:
                self._stop(run, "STOPPING", "STOPPED")
                stopped.append(submitted)
        return {"SuccessfulSubmissions": stopped, "Errors": errors}

    def _job(self, method: str, name: str) -> dict[str, Any]:
        if name not in self._jobs:
            raise self.refusal(method, _GONE, f"Job {name} is not found")
        return self._jobs[name]

    def _described(self, run: Run) -> dict[str, Any]:
        described = {
            "Id": run.id,
            "Attempt": 0,
            "JobName": run.name,
            "StartedOn": run.started_at,
            "LastModifiedOn": run.ended_at or run.started_at,
            "JobRunState": run.state,
            "Arguments": run.parameters["Arguments"],
            "PredecessorRuns": [],
            "LogGroupName": "/aws-glue/jobs",
            "ExecutionTime": 0,
            **run.details,
        }
        if run.ended_at is not None:
            described["CompletedOn"] = run.ended_at
            described["ExecutionTime"] = int((run.ended_at - run.started_at).total_seconds())
        return described

    def _ended(self, run: Run, before: str) -> None:  # noqa: ARG002
        self._live[run.name] -= 1
        if run.state in _TOLD:
            detail = {
                "jobName": run.name,
                "severity": "INFO" if run.state == "SUCCEEDED" else "ERROR",
                "state": run.state,
                "jobRunId": run.id,
                "message": run.details.get("ErrorMessage", ""),
            }
            self._account.send("aws.glue", "Glue Job State Change", detail)
