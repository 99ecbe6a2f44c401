"""For tests of what runs on runners: a clock that is stepped, calls that go wrong, and a simulated AWS."""

from __future__ import annotations

from runners.testing.clock import Clock, SkewedClock, WallClock
from runners.testing.faults import Crash, Fault, FaultyClient, KillPoint, client_error, kill_points
from runners.testing.simulated import (
    AWS_QUOTAS,
    Execution,
    NotSimulatedError,
    Quota,
    Reported,
    Run,
    SimulatedAWS,
    WaitingTask,
)

__all__ = [
    "AWS_QUOTAS",
    "Clock",
    "Crash",
    "Execution",
    "Fault",
    "FaultyClient",
    "KillPoint",
    "NotSimulatedError",
    "Quota",
    "Reported",
    "Run",
    "SimulatedAWS",
    "SkewedClock",
    "WaitingTask",
    "WallClock",
    "client_error",
    "kill_points",
]
