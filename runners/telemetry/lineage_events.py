"""OpenLineage run events as plain JSON: what is told of a job, in the words of the specification. It sends nothing.

Written against https://openlineage.io/spec/2-0-2/OpenLineage.json and the facets next to it. No token, input value
or message of a service goes into an event: why a job failed stands in the history of its execution.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

from runners import __version__
from runners.job import ActiveJob, Failed, Outcome, Succeeded
from runners.telemetry.usage import usage_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    Dataset = dict[str, str]

PRODUCER = f"urn:etl-runners:{__version__}"
JOB_FACET = "urn:etl-runners:facets:1-0-0:EtlRunnersJobRunFacet"
"""The schema of the facet ``etlRunners_job``; its fields are those of ``_own_facet``."""

_SPEC = "https://openlineage.io/spec"
RUN_EVENT = f"{_SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent"
_PARENT = f"{_SPEC}/facets/1-2-0/ParentRunFacet.json#/$defs/ParentRunFacet"
ERROR = f"{_SPEC}/facets/1-0-1/ErrorMessageRunFacet.json#/$defs/ErrorMessageRunFacet"
_NOMINAL_TIME = f"{_SPEC}/facets/1-0-1/NominalTimeRunFacet.json#/$defs/NominalTimeRunFacet"
_QUERY = f"{_SPEC}/facets/1-0-2/ExternalQueryRunFacet.json#/$defs/ExternalQueryRunFacet"
JOB_TYPE = f"{_SPEC}/facets/2-0-4/JobTypeJobFacet.json#/$defs/JobTypeJobFacet"

_RUNS = UUID("7b0c6a52-6c5c-5f0e-9d0d-3f7f4a0f3c1e")  # of which run ids are made; to change it would change them all
_QUERIES = frozenset({"athena", "redshift"})  # runners whose run ids are those of queries
_DEFAULT_NAMESPACE = "etl-runners"


def run_id(task_key: str) -> str:
    """Return the id of a job's run: always the same for a task, however often and wherever it is told."""
    return str(uuid5(_RUNS, task_key))


def namespace_of(arn: str | None) -> str:
    """Return Step Functions in the account and region of an ARN, e.g. ``arn:aws:states:eu-central-1:123456789012``."""
    return ":".join(arn.split(":")[:5]) if arn and arn.count(":") >= 5 else _DEFAULT_NAMESPACE  # noqa: PLR2004


class Events:
    """Makes events of one namespace.

    Args:
        namespace: of the jobs; empty for that of the execution that waits.
        job_name: names a job by what it runs, e.g. by ``Service.job_name``.

    """

    def __init__(self, namespace: str, job_name: Callable[[ActiveJob], str]) -> None:
        self._namespace = namespace
        self._job_name = job_name

    def start(self, job: ActiveJob, at: datetime) -> dict[str, Any]:
        """Return the event of a job's start."""
        return self._event("START", job, at, {}, None)

    def end(self, job: ActiveJob, outcome: Outcome, at: datetime) -> dict[str, Any]:
        """Return the event of an outcome, ``COMPLETE`` or ``FAIL``."""
        failed = isinstance(outcome, Failed)
        facets = {"errorMessage": _error_facet(outcome)} if isinstance(outcome, Failed) else {}
        return self._event("FAIL" if failed else "COMPLETE", job, at, facets, outcome)

    def abort(self, job: ActiveJob, at: datetime) -> dict[str, Any]:
        """Return the event of a job for which nobody waits any more."""
        return self._event("ABORT", job, at, {}, None)

    def _event(
        self, kind: str, job: ActiveJob, at: datetime, facets: Mapping[str, Any], outcome: Outcome | None
    ) -> dict[str, Any]:
        return {
            "eventType": kind,
            "eventTime": at.isoformat(),
            "producer": PRODUCER,
            "schemaURL": RUN_EVENT,
            "run": {"runId": run_id(job.task_key), "facets": {**_run_facets(job, outcome), **facets}},
            "job": {
                "namespace": self._namespace or namespace_of(job.execution),
                "name": ".".join(filter(None, (job.runner, self._job_name(job)))),
                "facets": {"jobType": _job_type_facet(job)},
            },
            "inputs": _inputs(job, outcome),
            "outputs": _outputs(job, outcome),
        }


def _run_facets(job: ActiveJob, outcome: Outcome | None) -> dict[str, Any]:
    facets = {
        "nominalTime": facet(_NOMINAL_TIME, nominalStartTime=job.claimed_at.isoformat()),
        "etlRunners_job": _own_facet(job, outcome),
    }
    if job.execution and (parent := parent_facet(job.execution)):
        facets["parent"] = parent
    if job.run_id and job.runner in _QUERIES:
        facets["externalQuery"] = facet(_QUERY, externalQueryId=job.run_id, source=job.runner)
    return facets


def facet(schema: str, **fields: Any) -> dict[str, Any]:
    """Return a facet of a schema."""
    return {"_producer": PRODUCER, "_schemaURL": schema, **fields}


def _own_facet(job: ActiveJob, outcome: Outcome | None) -> dict[str, Any]:
    """Return what only this package tells; figures that are not known are left out."""
    known: dict[str, Any] = {"serviceRunId": job.run_id, "executionArn": job.execution}
    if outcome is not None:
        usage = usage_of(job.runner, outcome)
        known |= {"dpuSeconds": usage.dpu_seconds, "bytesScanned": usage.bytes_scanned, "costUSD": usage.cost_usd}
    fields = {name: value for name, value in known.items() if value is not None}
    return facet(JOB_FACET, runner=job.runner, taskKey=job.task_key, attempt=job.attempt, **fields)


def parent_facet(execution: str) -> dict[str, Any] | None:
    """Return the execution as the parent, from ``arn:aws:states:region:account:execution:StateMachine:name``."""
    kind, _, names = execution.removeprefix(f"{namespace_of(execution)}:").partition(":")
    if kind not in {"execution", "express"} or not names:
        return None
    parent = {"namespace": namespace_of(execution), "name": names.split(":")[0]}
    return facet(_PARENT, run={"runId": run_id(execution)}, job=parent)


def _error_facet(failed: Failed) -> dict[str, Any]:
    return facet(ERROR, message=failed.error, programmingLanguage="UNKNOWN")


def _job_type_facet(job: ActiveJob) -> dict[str, Any]:
    kind = "QUERY" if job.runner in _QUERIES else "JOB"
    return facet(JOB_TYPE, processingType="BATCH", integration="ETL_RUNNERS", jobType=kind)


def _inputs(job: ActiveJob, outcome: Outcome | None) -> list[Dataset]:
    """Return the objects that a wait for data has found."""
    if job.runner != "arrivals" or not isinstance(outcome, Succeeded):
        return []
    bucket, found = outcome.output.get("Bucket"), outcome.output.get("Objects", [])
    return [{"namespace": f"s3://{bucket}", "name": str(each["Key"])} for each in found]


def _outputs(job: ActiveJob, outcome: Outcome | None) -> list[Dataset]:
    """Return the object in which a query of Athena has left its result; what other services write is not told."""
    if job.runner != "athena" or not isinstance(outcome, Succeeded):
        return []
    place = str(outcome.output.get("AthenaResultOutputLocation") or "")
    bucket, _, key = place.removeprefix("s3://").partition("/")
    return [{"namespace": f"s3://{bucket}", "name": key}] if place.startswith("s3://") and key else []
