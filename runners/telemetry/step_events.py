"""OpenLineage run events of steps as plain JSON: what was read and what was written, by the places that a step names.

As in the events of jobs, no secret, value or message of a system goes into one: only how an error is called.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from runners.telemetry.lineage_events import ERROR, JOB_TYPE, PRODUCER, RUN_EVENT, facet, namespace_of, parent_facet

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runners.steps.errors import StepError
    from runners.steps.observer import Figures, StepRun

STEP_FACET = "urn:etl-runners:facets:1-0-0:EtlRunnersStepRunFacet"
"""The schema of the facet ``etlRunners_step``; its fields are those of ``_own_facet``."""


def start(run: StepRun) -> dict[str, Any]:
    """Return the event of a run's start."""
    return _event("START", run, run.started_at, {"etlRunners_step": _own_facet(run, None)})


def complete(run: StepRun, figures: Figures, at: datetime) -> dict[str, Any]:
    """Return the event of a run that has published what it made."""
    return _event("COMPLETE", run, at, {"etlRunners_step": _own_facet(run, figures)})


def fail(run: StepRun, error: StepError, figures: Figures, at: datetime) -> dict[str, Any]:
    """Return the event of a run that has failed."""
    failed = facet(ERROR, message=error.name, programmingLanguage="PYTHON")
    return _event("FAIL", run, at, {"etlRunners_step": _own_facet(run, figures), "errorMessage": failed})


def dataset(place: str) -> dict[str, str]:
    """Return a place as a data set, e.g. ``s3://bucket/key`` as the name ``key`` in the namespace ``s3://bucket``."""
    scheme, _, rest = place.partition("://")
    if scheme in {"http", "https"}:  # elsewhere a question mark may be part of a name
        rest = rest.partition("?")[0]
    authority, _, path = rest.partition("/")
    host = authority.rpartition("@")[2]  # whoever names a place leaves credentials out; to be sure
    if not host:
        return {"namespace": scheme if rest else "etl-runners", "name": rest or place}
    return {"namespace": f"{scheme}://{host}", "name": path or host}


def _event(kind: str, run: StepRun, at: datetime, facets: Mapping[str, Any]) -> dict[str, Any]:
    parent = parent_facet(run.execution_id)
    job_type = facet(JOB_TYPE, processingType="BATCH", integration="ETL_RUNNERS", jobType="STEP")
    return {
        "eventType": kind,
        "eventTime": at.isoformat(),
        "producer": PRODUCER,
        "schemaURL": RUN_EVENT,
        "run": {"runId": run.run_id, "facets": {**facets, **({"parent": parent} if parent else {})}},
        "job": {
            "namespace": namespace_of(run.execution_id),
            "name": ".".join(filter(None, ("steps", run.step_type, run.step_id))),
            "facets": {"jobType": job_type},
        },
        "inputs": [dataset(run.source)] if run.source else [],
        "outputs": [dataset(run.target)] if run.target else [],
    }


def _own_facet(run: StepRun, figures: Figures | None) -> dict[str, Any]:
    """Return what only this package tells; figures are known at the end."""
    execution = {"executionArn": run.execution_id} if run.execution_id else {}
    return facet(STEP_FACET, stepType=run.step_type, **execution, **(dict(figures) if figures else {}))
