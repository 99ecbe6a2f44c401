"""What a job has used and cost, read from its outcome: the one table of the names under which services tell it.

It reads what is there and guesses nothing: of a service that tells no such figure, none is known.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runners.job import Outcome, Succeeded

if TYPE_CHECKING:
    from collections.abc import Mapping

DPU_HOUR_USD = 0.44
"""Glue's price of a DPU-hour in us-east-1, for jobs and crawlers (aws.amazon.com/glue/pricing); flexible runs: less."""

_SECONDS_PER_HOUR = 3600


@dataclass(frozen=True)
class Figure:
    """Where an outcome tells a figure, and in which unit."""

    field: str
    """The field of the output, or of a failure's cause."""

    times: float = 1
    """By what its value is multiplied to have the figure's own unit."""


DPU_SECONDS = {"glue": Figure("DPUSeconds"), "crawler": Figure("DPUHours", times=_SECONDS_PER_HOUR)}
"""Data processing units by seconds, by runner."""

BYTES_SCANNED = {"athena": Figure("AthenaQueryDataScannedInBytes")}
"""Bytes of data that were read, by runner."""

COST_USD = {
    "athena": Figure("AthenaEstimatedCostUSD"),
    "glue": Figure("DPUSeconds", times=DPU_HOUR_USD / _SECONDS_PER_HOUR),
    "crawler": Figure("DPUHours", times=DPU_HOUR_USD),
}
"""US dollars at the price of us-east-1, by runner: an estimate, without Glue's minimum per run, nor discounts."""


@dataclass(frozen=True)
class Usage:
    """What a job has used; None is not known."""

    dpu_seconds: float | None = None
    """Data processing units by seconds."""

    bytes_scanned: float | None = None
    """Bytes of data that were read."""

    cost_usd: float | None = None
    """The estimated cost in US dollars."""


def usage_of(runner: str, outcome: Outcome) -> Usage:
    """Return what a job of this runner has used, as its outcome tells."""
    told = outcome.output if isinstance(outcome, Succeeded) else outcome.cause
    return Usage(
        dpu_seconds=_read(DPU_SECONDS.get(runner), told),
        bytes_scanned=_read(BYTES_SCANNED.get(runner), told),
        cost_usd=_read(COST_USD.get(runner), told),
    )


def _read(figure: Figure | None, told: Mapping[str, Any]) -> float | None:
    value = None if figure is None else told.get(figure.field)
    if figure is None or isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return value * figure.times
