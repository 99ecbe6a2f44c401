"""What the benchmarks share: a simulated AWS with one real runner before it, and jobs to put between them.

The runner, its table, its activity and its service are those that go to AWS; only the clients are simulated.
"""

from __future__ import annotations

import itertools
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from runners.active_jobs import ActiveJobs
from runners.activity import Activity
from runners.log import JsonFormatter
from runners.observer import Observer
from runners.runner import Runner
from runners.services import Service
from runners.services.athena import Athena
from runners.services.batch import Batch
from runners.services.dms import Dms
from runners.services.glue import Glue
from runners.settings import Settings
from runners.task import Task
from runners.testing.clock import Time, WallClock
from runners.testing.simulated import AWS_QUOTAS, Execution, SimulatedAWS, WaitingTask
from runners.testing.simulated.quotas import Quotas
from runners.testing.simulated.runs import Run, Runs

LATENCY = timedelta(milliseconds=20)
"""Of each call to the simulated AWS."""

NO_TIME = timedelta(0)
GLUE_JOB_OF_PATTERNS = "transform"
RUNS_OF_ONE_GLUE_JOB = 1_000

# As config/dev.yaml has it.
SWEEP_INTERVAL_SECONDS = 15.0
HEARTBEAT_INTERVAL_SECONDS = 60.0
TASK_HEARTBEAT_SECONDS = 300.0


def log_to_nowhere() -> None:
    """Have log lines made as ever, and thrown away: their making is part of what the runner costs."""
    handler = logging.StreamHandler(open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115  # for good
    handler.setFormatter(JsonFormatter())
    logger = logging.getLogger("runners")
    logger.handlers, logger.propagate = [handler], False
    logger.setLevel(logging.INFO)


class RealTime(WallClock):
    """The real time, but for what was skipped of it; knows how much was slept: the latency of the simulated AWS."""

    def __init__(self) -> None:
        self.slept_seconds = 0.0
        self.is_slept = True
        """Whether a sleep is slept; if not, it takes no time, as it is right while jobs are put into place."""
        self._skipped = timedelta(0)
        self._lock = threading.Lock()

    def __call__(self) -> datetime:
        """Return the time, aware, in UTC."""
        return super().__call__() + self._skipped

    def skip(self, seconds: float) -> None:
        """Let time pass in which nothing happens."""
        self._skipped += timedelta(seconds=seconds)

    def sleep(self, seconds: float) -> None:
        """Wait, and note for how long it really was."""
        if not self.is_slept:
            return
        began = time.perf_counter()
        super().sleep(seconds)
        with self._lock:
            self.slept_seconds += time.perf_counter() - began


def about(seconds: float) -> Callable[[Run], timedelta]:
    """Return durations for runs: spread evenly, by a tenth, around so many seconds, the same at every simulation.

    Jobs of exactly half an hour would flatter whoever looks every three minutes.
    """
    return lambda run: timedelta(seconds=seconds * (0.9 + 0.2 * (run.number * _GOLDEN % 1)))


_GOLDEN = (5**0.5 - 1) / 2  # its multiples fill the range from 0 to 1 evenly


def percentile(values: Iterable[float], part: float) -> float:
    """Return the value that this part of all values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


@dataclass(frozen=True)
class Kind:
    """A service, as benchmarks use it.

    Attributes:
        title: the service's name, as people know it.
        make: makes the real service of a simulated AWS.
        request: a task's input, by the task's number.
        prepare: makes what has to be at the service: for the first of these tasks, and so many more.
        client: the name of its simulated client.
        asks: the methods of that client by which the service is asked about runs.

    """

    title: str
    make: Callable[[SimulatedAWS], Service]
    request: Callable[[int], Mapping[str, Any]]
    prepare: Callable[[SimulatedAWS, int, int], object]
    client: str
    asks: tuple[str, ...]


def glue_job(number: int) -> str:
    """Return the Glue job of a task: one job has at most 1,000 runs at a time, which is AWS's own limit."""
    return f"transform-{number // RUNS_OF_ONE_GLUE_JOB}"


def _create_glue_jobs(aws: SimulatedAWS, first: int, tasks: int) -> None:
    for number in range(first, first + tasks):
        if number % RUNS_OF_ONE_GLUE_JOB == 0:
            aws.glue.create_job(Name=glue_job(number), ExecutionProperty={"MaxConcurrentRuns": RUNS_OF_ONE_GLUE_JOB})


def _add_replication_tasks(aws: SimulatedAWS, first: int, tasks: int) -> None:
    for number in range(first, first + tasks):
        aws.dms.add_task(f"task-{number}")


KINDS = {
    "athena": Kind(
        "Athena",
        lambda aws: Athena(cast("Any", aws.athena)),
        lambda number: {"AthenaQueryString": f"SELECT {number}", "AthenaDatabase": "sales"},
        lambda _aws, _first, _tasks: None,
        "athena",
        ("batch_get_query_execution", "get_query_execution"),
    ),
    "glue": Kind(
        "Glue",
        lambda aws: Glue(cast("Any", aws.glue)),
        lambda number: {"GlueJobName": glue_job(number), "part": str(number)},
        _create_glue_jobs,
        "glue",
        ("get_job_runs", "get_job_run"),
    ),
    "dms": Kind(
        "DMS",
        lambda aws: Dms(cast("Any", aws.dms)),
        lambda number: {"ReplicationTaskIdentifier": f"task-{number}"},
        _add_replication_tasks,
        "dms",
        ("describe_replication_tasks", "describe_table_statistics"),
    ),
    "batch": Kind(
        "Batch",
        lambda aws: Batch(cast("Any", aws.batch)),
        lambda number: {"JobName": f"job-{number}", "JobQueue": "queue", "JobDefinition": "definition"},
        lambda _aws, _first, _tasks: None,
        "batch",
        ("describe_jobs",),
    ),
}
"""The services that are simulated."""


class World:
    """A simulated AWS with an activity, a table and tasks of one service; the runner before it is the real one.

    Args:
        kind: the service.
        clock: the time of AWS, and of the runner.
        latency: how long a call takes.
        quotas: how often each may be made.

    """

    def __init__(
        self, kind: Kind, clock: Time, latency: timedelta = LATENCY, quotas: Quotas | None = AWS_QUOTAS
    ) -> None:
        self.kind = kind
        self.clock = clock
        self.aws = SimulatedAWS(clock, latency, quotas)
        self.table = self.aws.active_jobs_table()
        self.activity_arn = self.aws.step_functions.create_activity(name=f"{kind.client}-activity")["activityArn"]
        self.activity = Activity(
            self.activity_arn, "benchmark", cast("Any", self.aws.step_functions), cast("Any", self.aws.step_functions)
        )
        self._scheduled = 0
        self._tasks = itertools.count()

    def settings(self, **changes: Any) -> Settings:
        """Return a runner's settings: those of ``config/dev.yaml``, but for the changes."""
        own = {
            "active_jobs_table": self.table,
            "activity_arn": self.activity_arn,
            "max_active_jobs": 100_000,
            "sweep_interval_seconds": SWEEP_INTERVAL_SECONDS,
            "heartbeat_interval_seconds": HEARTBEAT_INTERVAL_SECONDS,
        }
        return Settings(**{**own, **changes})

    def runner(self, observer: Observer | None = None, **changes: Any) -> Runner:
        """Return a runner as a fresh process has it."""
        table = ActiveJobs(self.table, cast("Any", self.aws.dynamodb))
        return Runner(
            self.kind.make(self.aws),
            self.activity,
            table,
            self.settings(**changes),
            now=self.clock,
            sleep=self.clock.sleep,
            observer=observer,
        )

    @property
    def service(self) -> Runs:
        """The simulated client of the service."""
        client: Runs = getattr(self.aws, self.kind.client)
        return client

    def schedule(self, tasks: int, heartbeat_seconds: float | None = TASK_HEARTBEAT_SECONDS) -> list[Execution]:
        """Let so many executions wait for a task each."""
        self.kind.prepare(self.aws, self._scheduled, tasks)
        self._scheduled += tasks
        return [
            self.aws.step_functions.run(
                self.activity_arn,
                {**self.kind.request(next(self._tasks)), "ExecutionArn.$": "$$.Execution.Id"},
                heartbeat_seconds=heartbeat_seconds,
            )
            for _ in range(tasks)
        ]

    def start_jobs(self, runner: Runner, jobs: int, between: Callable[[], object] = lambda: None) -> None:
        """Have a runner take so many new tasks, one after the other, with something done between two of them."""
        self.schedule(jobs, heartbeat_seconds=None)
        for _ in range(jobs):
            between()
            task = self.activity.poll()
            if task is None:
                raise RuntimeError("the simulated Step Functions did not hand out a task")
            runner.take(task)

    def task_key(self, task: WaitingTask) -> str:
        """Return the key of a task in records."""
        return Task(task.token, task.input).key

    def asked(self) -> int:
        """Return how often the service was asked about runs."""
        return sum(self.service.calls[name] for name in self.kind.asks)
