"""How often each operation may be called: the quotas of AWS as token buckets, refilled as the clock goes on.

Only quotas that AWS documents stand here; an operation without one is never throttled.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from runners.testing.clock import Time


@dataclass(frozen=True, slots=True)
class Quota:
    """A token bucket.

    Attributes:
        burst: calls at once, at most.
        per_second: calls in the long run.

    """

    burst: float
    per_second: float


Quotas = Mapping[str, Mapping[str, Quota]]
"""By botocore's name of the service and the method's name; ``*`` is one bucket for all other calls of the service."""

_TASKS = Quota(burst=3_000, per_second=500)
_ATHENA_WRITES = Quota(burst=80, per_second=20)

AWS_QUOTAS: Quotas = {
    "stepfunctions": {
        "get_activity_task": _TASKS,
        "send_task_success": _TASKS,
        "send_task_failure": _TASKS,
        "send_task_heartbeat": _TASKS,
        "describe_execution": Quota(burst=300, per_second=15),
        "describe_state_machine": Quota(burst=200, per_second=20),
        "list_executions": Quota(burst=200, per_second=5),
        "list_state_machines": Quota(burst=100, per_second=5),
        "stop_execution": Quota(burst=1_000, per_second=200),
        "create_activity": Quota(burst=100, per_second=1),
        "create_state_machine": Quota(burst=100, per_second=1),
    },
    "athena": {
        "start_query_execution": _ATHENA_WRITES,
        "stop_query_execution": _ATHENA_WRITES,
        "batch_get_query_execution": Quota(burst=40, per_second=20),
        "get_query_execution": Quota(burst=200, per_second=100),
    },
    "dms": {"*": Quota(burst=200, per_second=8)},
    "batch": {"submit_job": Quota(burst=50, per_second=50)},
}
"""The defaults of a new account in a large region such as us-east-1.

From "Step Functions service quotas", "Athena API call quotas", "Quotas for AWS Database Migration Service" (all its
calls together) and AWS's knowledge centre on Batch. For Glue's job runs and for DynamoDB on demand there is no figure.
"""


class Buckets:
    """The buckets of an account, all full at first; may be used from several threads."""

    def __init__(self, quotas: Quotas, clock: Time) -> None:
        self._quotas = quotas
        self._clock = clock
        self._left: dict[tuple[str, str], tuple[float, datetime]] = {}
        self._lock = threading.Lock()

    def take(self, service: str, operation: str) -> bool:
        """Take a token for a call; False if there is none."""
        of_service = self._quotas.get(service, {})
        name = operation if operation in of_service else "*"
        quota = of_service.get(name)
        if quota is None:
            return True
        with self._lock:
            now = self._clock()
            left, since = self._left.get((service, name), (quota.burst, now))
            left = min(quota.burst, left + quota.per_second * max(0.0, (now - since).total_seconds()))
            taken = left >= 1
            self._left[(service, name)] = (left - taken, now)
        return taken
