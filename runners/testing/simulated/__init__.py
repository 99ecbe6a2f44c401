"""An AWS in memory for tests and benchmarks: clients of boto3's shape, plain Python, fast, on any clock.

It has exactly what the runners call; whatever else is asked of it raises ``NotSimulatedError``. Nothing here starts a
thread or opens a connection.
"""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from runners.testing.clock import Clock
from runners.testing.simulated.account import Account, NotSimulatedError
from runners.testing.simulated.athena import Athena
from runners.testing.simulated.batch import Batch
from runners.testing.simulated.dms import Dms
from runners.testing.simulated.dynamodb import DynamoDB
from runners.testing.simulated.executions import Execution, Reported, WaitingTask
from runners.testing.simulated.glue import Glue
from runners.testing.simulated.quotas import AWS_QUOTAS, Quota, Quotas
from runners.testing.simulated.runs import Run
from runners.testing.simulated.step_functions import StepFunctions

if TYPE_CHECKING:
    from collections.abc import Callable

    from runners.testing.clock import Time

__all__ = [
    "AWS_QUOTAS",
    "Execution",
    "NotSimulatedError",
    "Quota",
    "Reported",
    "Run",
    "SimulatedAWS",
    "WaitingTask",
]


class SimulatedAWS:
    """An AWS, empty at first.

    Args:
        clock: its time; a virtual clock if not given. On a virtual one no call waits for anything.
        latency: how long each call takes, slept on the clock.
        quotas: how often each operation may be called, e.g. ``AWS_QUOTAS``; no limits if not given.

    """

    def __init__(
        self, clock: Time | None = None, latency: timedelta = timedelta(0), quotas: Quotas | None = None
    ) -> None:
        self.clock: Time = Clock() if clock is None else clock
        self._account = Account(self.clock, latency, quotas)

    @cached_property
    def step_functions(self) -> StepFunctions:
        """The client of Step Functions."""
        return StepFunctions(self._account)

    @cached_property
    def dynamodb(self) -> DynamoDB:
        """The client of DynamoDB."""
        return DynamoDB(self._account)

    @cached_property
    def glue(self) -> Glue:
        """The client of Glue."""
        return Glue(self._account)

    @cached_property
    def athena(self) -> Athena:
        """The client of Athena."""
        return Athena(self._account)

    @cached_property
    def dms(self) -> Dms:
        """The client of DMS."""
        return Dms(self._account)

    @cached_property
    def batch(self) -> Batch:
        """The client of Batch."""
        return Batch(self._account)

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events of EventBridge that were sent and that nobody has taken out of this list, oldest first."""
        return self._account.events

    def on_event(self, listener: Callable[[dict[str, Any]], object]) -> None:
        """Let every event be delivered at once, by the thread whose call brings it about."""
        self._account.listeners.append(listener)

    def settle(self) -> None:
        """Let happen what was due until now: runs that end by themselves, tasks that time out."""
        with self._account.settled():
            pass

    def active_jobs_table(self, name: str = "active-jobs") -> str:
        """Create the table of active jobs as the template has it, and return its name."""
        keys = {"runner": "HASH", "task_key": "RANGE"}
        self.dynamodb.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in keys.items()],
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in (*keys, "run_id")],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "by_run",
                    "KeySchema": [{"AttributeName": "run_id", "KeyType": "HASH"}],
                    "Projection": {"ProjectionType": "KEYS_ONLY"},
                }
            ],
        )
        return name
