"""What others do, in the same simulation: the patterns that a runner is compared with. Each starts Glue jobs.

A plain loop is a function every three minutes that reads one job per call and has fifty at a time. Wait-Describe-Choice
is a loop in the state machine. ``.sync`` is Step Functions' own integration: AWS does not say how often it asks, so
only its transitions are known and nothing else of it is told.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from benchmarks.lambda_mode import COLD_START_SECONDS, MEMORY_GB
from benchmarks.prices import Bill
from benchmarks.simulation import GLUE_JOB_OF_PATTERNS, KINDS, World, about
from benchmarks.virtual_time import VirtualTime, virtual_time

LOOP_EVERY_SECONDS = 180.0
LOOP_AT_ONCE = 50
POLL_PATIENCE_SECONDS = 60.0


@dataclass
class Followed:
    """What came of following jobs in some way.

    Attributes:
        bill: what was counted.
        status_calls: how often the service was asked about a run.
        seconds: from the first job's begin until the last was known to have ended.
        late: for each job, the seconds from its end until that was known.
        started: for each job, the seconds from the beginning until it was started.

    """

    bill: Bill = field(default_factory=Bill)
    status_calls: int = 0
    seconds: float = 0.0
    late: list[float] = field(default_factory=list)
    started: list[float] = field(default_factory=list)


def sync(jobs: int) -> Followed:
    """Return what is known of ``.sync``: a transition for each job that is started at the first try."""
    return Followed(Bill(transitions=jobs))


def wait_describe_choice(jobs: int, job_seconds: float, wait_seconds: float, within_seconds: float) -> Followed:
    """Simulate state machines that start a job, wait, describe it, choose, and wait again."""
    with virtual_time() as clock:
        world = _world(clock, job_seconds)
        followed = Followed()
        transitions: list[str] = []

        def execution() -> None:
            transitions.append("Start")
            run_id = world.aws.glue.start_job_run(JobName=GLUE_JOB_OF_PATTERNS)["JobRunId"]
            followed.started.append(clock.seconds)
            while True:
                transitions.append("Wait")
                clock.sleep(wait_seconds)
                transitions.append("Describe")
                run = world.aws.glue.get_job_run(JobName=GLUE_JOB_OF_PATTERNS, RunId=run_id)["JobRun"]
                transitions.append("Choice")
                if run["JobRunState"] == "SUCCEEDED":
                    followed.late.append((clock() - run["CompletedOn"]).total_seconds())
                    return

        _begin_each(clock, jobs, within_seconds, execution)
        while len(followed.late) < jobs:
            clock.sleep(1)
        followed.bill = Bill(transitions=len(transitions))
        followed.status_calls = world.asked()
        followed.seconds = clock.seconds
    return followed


def plain_loop(jobs: int, job_seconds: float, within_seconds: float) -> Followed:
    """Simulate a function that polls for tasks, keeps a table and reads every job by a call of its own."""
    with virtual_time() as clock:
        world = _world(clock, job_seconds)
        loop = _Loop(world, clock)
        _begin_each(clock, jobs, within_seconds, lambda: world.schedule(1))
        loop_seconds = invocations = 0.0
        while len(loop.followed.late) < jobs:
            began = clock.seconds
            loop.go_round()
            loop_seconds += clock.seconds - began
            invocations += 1
            clock.sleep(max(0.0, LOOP_EVERY_SECONDS - (clock.seconds - began)))
        table = world.aws.dynamodb.tables[world.table]
        loop.followed.bill = Bill(
            transitions=world.aws.step_functions.transitions,
            lambda_requests=invocations,
            lambda_gb_seconds=(loop_seconds + COLD_START_SECONDS) * MEMORY_GB,
            write_units=table.write_units,
            read_units=table.read_units,
        )
        loop.followed.status_calls = world.asked()
        loop.followed.seconds = clock.seconds
        return loop.followed


class _Loop:
    """The function: one call after the other, and a table item for each job, which only its own end changes."""

    def __init__(self, world: World, clock: VirtualTime) -> None:
        self.followed = Followed()
        self._world = world
        self._clock = clock
        self._runs = 0

    def go_round(self) -> None:
        """Start what may start, then look at every job."""
        while self._runs < LOOP_AT_ONCE and self._began_one():
            pass
        key = {":runner": {"S": "loop"}}
        condition = "runner = :runner"
        page = self._world.aws.dynamodb.query(
            TableName=self._world.table, KeyConditionExpression=condition, ExpressionAttributeValues=key
        )
        for item in page["Items"]:
            self._look_at(item)

    def _began_one(self) -> bool:
        """Poll for a task; one that comes while the function is not there waits for its next round."""
        answer = self._world.aws.step_functions.get_activity_task(activityArn=self._world.activity_arn)
        if not answer.get("taskToken"):
            return False
        run_id = self._world.aws.glue.start_job_run(JobName=GLUE_JOB_OF_PATTERNS)["JobRunId"]
        item = {"runner": "loop", "task_key": run_id, "token": answer["taskToken"]}
        self._world.aws.dynamodb.put_item(
            TableName=self._world.table, Item={name: {"S": value} for name, value in item.items()}
        )
        self.followed.started.append(self._clock.seconds)
        self._runs += 1
        return True

    def _look_at(self, item: dict[str, Any]) -> None:
        run_id, token = item["task_key"]["S"], item["token"]["S"]
        run = self._world.aws.glue.get_job_run(JobName=GLUE_JOB_OF_PATTERNS, RunId=run_id)["JobRun"]
        if run["JobRunState"] != "SUCCEEDED":
            self._world.aws.step_functions.send_task_heartbeat(taskToken=token)
            return
        self._world.aws.step_functions.send_task_success(taskToken=token, output="{}")
        self.followed.late.append((self._clock() - run["CompletedOn"]).total_seconds())
        key = {name: item[name] for name in ("runner", "task_key")}
        self._world.aws.dynamodb.delete_item(TableName=self._world.table, Key=key)
        self._runs -= 1


def _world(clock: VirtualTime, job_seconds: float) -> World:
    world = World(KINDS["glue"], clock)
    world.aws.glue.create_job(Name=GLUE_JOB_OF_PATTERNS, ExecutionProperty={"MaxConcurrentRuns": 1_000})
    world.service.duration = about(job_seconds)
    return world


def _begin_each(clock: VirtualTime, jobs: int, within_seconds: float, begin: Callable[[], object]) -> None:
    def begin_one_after_the_other() -> None:
        for _ in range(jobs):
            clock.start(begin)
            clock.sleep(within_seconds / jobs)

    clock.start(begin_one_after_the_other)
