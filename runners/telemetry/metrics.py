"""The metrics of a runner, written once: their names, units and meaning, for every form in which they are given out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Literal

NAMESPACE = "ETLRunners"
"""The namespace of the metrics in CloudWatch; their one dimension is ``Service``, the runner's name."""


class Kind(Enum):
    """How values of one metric are put together."""

    COUNT = "count"
    """They are added up."""
    LEVEL = "level"
    """The last one counts."""
    TIMES = "times"
    """Each is kept, for percentiles."""


@dataclass(frozen=True)
class Metric:
    """One metric."""

    name: str
    """Its name in CloudWatch."""

    prometheus: str
    """Its name for Prometheus, as it is exposed."""

    kind: Kind
    """How its values are put together."""

    meaning: str
    """What it counts or measures."""

    unit: Literal["Count", "Seconds", "Bytes", "None"] = "Count"
    """CloudWatch's unit."""


STARTED = Metric("Started", "runners_jobs_started_total", Kind.COUNT, "Jobs that were started")
SUCCEEDED = Metric("Succeeded", "runners_jobs_succeeded_total", Kind.COUNT, "Jobs whose success was reported")
FAILED = Metric(
    "Failed", "runners_jobs_failed_total", Kind.COUNT, "Jobs whose failure was reported, and tasks with invalid input"
)
ABANDONED = Metric("Abandoned", "runners_jobs_abandoned_total", Kind.COUNT, "Jobs for which nobody waited any more")
PUT_OFF = Metric(
    "PutOff", "runners_starts_put_off_total", Kind.COUNT, "Starts that have to be tried again, as the service is busy"
)
DURATION = Metric(
    "Duration", "runners_job_duration_seconds", Kind.TIMES, "From the start of a job to its report", "Seconds"
)
QUEUE_WAIT = Metric(
    "QueueWait", "runners_job_queue_wait_seconds", Kind.TIMES, "From the claim of a task to its start", "Seconds"
)
ACTIVE = Metric("Active", "runners_jobs_active", Kind.LEVEL, "Active jobs that the last sweep has found")
WAITING = Metric("Waiting", "runners_jobs_waiting", Kind.LEVEL, "Those of them that were not started yet")
EMPTY_POLLS = Metric("EmptyPolls", "runners_empty_polls_total", Kind.COUNT, "Polls that brought no task")
LATE_HEARTBEATS = Metric(
    "LateHeartbeats", "runners_late_heartbeats_total", Kind.COUNT, "Heartbeats that were sent later than they were due"
)
THROTTLED = Metric("Throttles", "runners_throttles_total", Kind.COUNT, "Calls that AWS refused because of their rate")
DPU_SECONDS = Metric(
    "DPUSeconds", "runners_dpu_seconds_total", Kind.COUNT, "Data processing units by seconds, of ended jobs", "None"
)
BYTES_SCANNED = Metric(
    "BytesScanned", "runners_scanned_bytes_total", Kind.COUNT, "Bytes of data that ended jobs have read", "Bytes"
)
COST_USD = Metric("CostUSD", "runners_cost_usd_total", Kind.COUNT, "Estimated cost of ended jobs in US dollars", "None")

METRICS = (
    STARTED,
    SUCCEEDED,
    FAILED,
    ABANDONED,
    PUT_OFF,
    DURATION,
    QUEUE_WAIT,
    ACTIVE,
    WAITING,
    EMPTY_POLLS,
    LATE_HEARTBEATS,
    THROTTLED,
    DPU_SECONDS,
    BYTES_SCANNED,
    COST_USD,
)
"""All there are."""
