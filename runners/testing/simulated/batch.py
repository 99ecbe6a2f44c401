# ruff: noqa: N803  # parameters are named as boto3 names them
"""Batch, simulated as far as its jobs go: every queue and definition is there, and a job runs until it is ended."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from runners.testing.simulated.account import ACCOUNT, REGION, operation
from runners.testing.simulated.runs import Run, Runs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DESCRIBE_BATCH = 100  # jobs
PAGE = 100  # jobs

_KEY = re.compile(r"[0-9a-f]{64}$")  # a task's key, with which a runner's names end
_REFUSED = "ClientException"


class Batch(Runs):
    """The client of Batch, and what a test does with its jobs."""

    service = "batch"

    @operation
    def submit_job(
        self,
        *,
        jobName: str,
        jobQueue: str,
        jobDefinition: str,
        parameters: Mapping[str, str] | None = None,
        containerOverrides: Mapping[str, Any] | None = None,  # noqa: ARG002
        retryStrategy: Mapping[str, Any] | None = None,  # noqa: ARG002
        timeout: Mapping[str, int] | None = None,  # noqa: ARG002
        tags: Mapping[str, str] | None = None,  # noqa: ARG002
    ) -> dict[str, Any]:
        """Submit a job, which runs at once."""
        number = self._account.number()
        key = _KEY.search(jobName)
        run = Run(
            f"00000000-0000-4000-a000-{number:012x}",
            jobName,
            key[0] if key else None,
            {"jobQueue": jobQueue, "jobDefinition": jobDefinition, "parameters": dict(parameters or {})},
            self._account.now(),
            "RUNNING",
            number,
        )
        self._started(run)
        self._tell(run)
        return {"jobName": jobName, "jobId": run.id, "jobArn": _arn(run)}

    @operation
    def describe_jobs(self, *, jobs: Sequence[str]) -> dict[str, Any]:
        """Return up to a hundred jobs, without those that there are not."""
        if len(jobs) > DESCRIBE_BATCH:
            raise self.refusal("describe_jobs", _REFUSED, f"Job list must be at most {DESCRIBE_BATCH}")
        return {"jobs": [_described(self._runs[one]) for one in jobs if one in self._runs]}

    @operation
    def list_jobs(
        self,
        *,
        jobQueue: str,
        jobStatus: str | None = None,
        filters: Sequence[Mapping[str, Any]] = (),
        maxResults: int = PAGE,
        nextToken: str | None = None,
    ) -> dict[str, Any]:
        """Return the jobs of a queue: those that run, or those of a status, or in any by their name."""
        names = [name.lower() for one in filters if one["name"] == "JOB_NAME" for name in one["values"]]
        status = None if names else jobStatus or "RUNNING"
        found = [
            {"jobId": run.id, "jobArn": _arn(run), "jobName": run.name, "status": run.state, "createdAt": _created(run)}
            for run in self._runs.values()
            if run.parameters["jobQueue"] == jobQueue
            and status in {None, run.state}
            and (not names or any(_matches(run.name.lower(), name) for name in names))
        ]
        start = int(nextToken or 0)
        end = start + maxResults
        page: dict[str, Any] = {"jobSummaryList": found[start:end]}
        return {**page, "nextToken": str(end)} if end < len(found) else page

    @operation
    def terminate_job(self, *, jobId: str, reason: str) -> dict[str, Any]:
        """Terminate a job; one that has ended stays as it is."""
        run = self._runs.get(jobId)
        if run is None:
            raise self.refusal("terminate_job", _REFUSED, f"Job {jobId} not found")
        if run.live:
            self._stop(run, run.state, "FAILED", statusReason=reason)
        return {}

    def _ended(self, run: Run, before: str) -> None:  # noqa: ARG002
        self._tell(run)

    def _tell(self, run: Run) -> None:
        self._account.send(
            "aws.batch", "Batch Job State Change", {**_described(run), "jobArn": _arn(run)}, (_arn(run),)
        )


def _described(run: Run) -> dict[str, Any]:
    described = {
        "jobArn": _arn(run),
        "jobName": run.name,
        "jobId": run.id,
        "status": run.state,
        "attempts": [],
        "createdAt": _created(run),
        "startedAt": _created(run),
        **run.parameters,
        **run.details,
    }
    return described if run.ended_at is None else {**described, "stoppedAt": int(run.ended_at.timestamp() * 1000)}


def _created(run: Run) -> int:
    return int(run.started_at.timestamp() * 1000)


def _arn(run: Run) -> str:
    return f"arn:aws:batch:{REGION}:{ACCOUNT}:job/{run.id}"


def _matches(name: str, pattern: str) -> bool:
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern
