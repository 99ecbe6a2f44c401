"""What a thousand jobs of half an hour cost with runners as Lambda functions, and what a month without any costs.

Simulated on the virtual clock: the functions' real code, the ticks of their schedules, the events that reach them. All
calls, units and billed seconds are counted, and AWS's prices say what they cost. Beside it, from the same simulation,
what others do (``benchmarks.patterns``).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from unittest import mock

from benchmarks import patterns, results
from benchmarks.lambda_mode import EVENT_DELIVERY_SECONDS, MEMORY_GB, SCHEDULE_SECONDS, Function
from benchmarks.prices import Bill
from benchmarks.results import Figure
from benchmarks.simulation import (
    HEARTBEAT_INTERVAL_SECONDS,
    KINDS,
    SWEEP_INTERVAL_SECONDS,
    World,
    about,
    log_to_nowhere,
    percentile,
)
from benchmarks.virtual_time import VirtualTime, virtual_time
from runners import clients
from runners.composition import SERVICES
from runners.lambdas import invocation
from runners.lambdas.invocation import Parts
from runners.lambdas.on_job_event import on_job_event
from runners.services.step import StepProcesses

JOBS = 1_000
JOB_SECONDS = 1_800.0
BURST_SECONDS = 60.0
WHEN = {"within a minute": BURST_SECONDS, "over eight hours": 8 * 3_600.0}
"""When executions begin: one after the other within so many seconds."""
DAY_SECONDS = 86_400.0
DAYS = 30
STATE_MACHINES = 10  # of the account, each of which asks the runner
POLLS = 4  # as config/dev.yaml has it
USD_AT_MOST = 0.035
IDLE_USD_AT_MOST = 2
POLLED = SERVICES.keys() - {StepProcesses.name}  # by functions; steps have none that polls


@dataclass(frozen=True)
class Spent:
    """What came of a simulation.

    Attributes:
        bill: what was counted.
        seconds: from the first execution until the last has ended.
        late: for each job, the seconds from its end until Step Functions had its outcome.
        waited: for each job, the seconds from the scheduling of its task until its run began.

    """

    bill: Bill
    seconds: float
    late: Sequence[float]
    waited: Sequence[float]


def measure(jobs: int = JOBS, job_seconds: float = JOB_SECONDS, idle_seconds: float = DAY_SECONDS) -> Iterator[Figure]:
    """Measure for Glue."""
    what = f"{jobs:,} jobs of {job_seconds / 60:g} min"
    for when, within_seconds in WHEN.items():
        spent = runner_spends(jobs, job_seconds, within_seconds)
        yield Figure(f"{what}, {when}: runner", spent.bill.usd, "USD", USD_AT_MOST)
        for part, usd in spent.bill.parts.items():
            yield Figure(f"{what}, {when}: runner's {part}", usd, "USD")
        yield Figure(f"{what}, {when}: runner, from end to report, 99 %", percentile(spent.late, 0.99), "s")
        yield Figure(f"{what}, {when}: runner, from scheduled to started, 99 %", percentile(spent.waited, 0.99), "s")
    yield from compared(jobs, job_seconds)
    idle = idle_day(idle_seconds).times(DAYS * DAY_SECONDS / idle_seconds)
    yield Figure("Idle month of one runner", idle.usd, "USD")
    yield Figure(f"Idle month of all {len(POLLED)} runners", idle.usd * len(POLLED), "USD", IDLE_USD_AT_MOST)


def compared(jobs: int, job_seconds: float) -> Iterator[Figure]:
    """Measure what others do with the same jobs."""
    yield Figure(".sync: cost", patterns.sync(jobs).bill.usd, "USD")
    others = {
        f"Wait-Describe-Choice every {minutes:g} min": patterns.wait_describe_choice(
            jobs, job_seconds, 60 * minutes, BURST_SECONDS
        )
        for minutes in (1, 3)
    }
    others["plain loop, 50 at a time"] = patterns.plain_loop(jobs, job_seconds, BURST_SECONDS)
    for name, followed in others.items():
        yield Figure(f"{name}: cost", followed.bill.usd, "USD")
        yield Figure(f"{name}: status calls per job", followed.status_calls / jobs, "calls")
        yield Figure(f"{name}: from end to known, 99 %", percentile(followed.late, 0.99), "s")
        yield Figure(f"{name}: all jobs done", followed.seconds / 3600, "h")


def runner_spends(jobs: int, job_seconds: float, within_seconds: float) -> Spent:
    """Simulate jobs that begin one after the other within a time."""
    with _lambda_mode() as (clock, world, function):
        world.service.duration = about(job_seconds)
        world.aws.on_event(lambda event: _deliver(event, world, function))
        clock.start(lambda: function.every(SCHEDULE_SECONDS, lambda: _is_over(world, jobs), _tick))
        clock.start(lambda: _keep_settling(world, clock, jobs))
        for _ in range(jobs):
            world.schedule(1)
            clock.sleep(within_seconds / jobs)
        while not _is_over(world, jobs) or function.running:
            clock.sleep(1)
        return _spent(world, function, clock.seconds)


def idle_day(seconds: float) -> Bill:
    """Simulate a runner of whose activity nobody wants anything; the day is the same every day."""
    with _lambda_mode() as (clock, world, function):
        for number in range(STATE_MACHINES):
            _ask(world, number)
        function.every(SCHEDULE_SECONDS, lambda: clock.seconds >= seconds, _tick)
        while function.running:
            clock.sleep(1)
        return _spent(world, function, clock.seconds).bill


def _ask(world: World, number: int) -> None:
    definition = f'{{"StartAt": "A", "States": {{"A": {{"Type": "Task", "Resource": "{world.activity_arn}"}}}}}}'
    world.aws.step_functions.create_state_machine(name=f"workflow-{number}", definition=definition, roleArn="role")


def _is_over(world: World, jobs: int) -> bool:
    executions = world.aws.step_functions.executions
    return len(executions) == jobs and all(one.status != "RUNNING" for one in executions.values())


def _keep_settling(world: World, clock: VirtualTime, jobs: int) -> None:
    """Let jobs end when their time has come, not when the next call is made."""
    while not _is_over(world, jobs):
        world.aws.settle()
        clock.sleep(0.25)


def _spent(world: World, function: Function[Parts], seconds: float) -> Spent:
    table = world.aws.dynamodb.tables[world.table]
    bill = Bill(
        transitions=world.aws.step_functions.transitions,
        lambda_requests=function.invocations,
        lambda_gb_seconds=function.seconds * MEMORY_GB,
        write_units=table.write_units,
        read_units=table.read_units,
    )
    return Spent(bill, seconds, *lateness(world))


def lateness(world: World) -> tuple[list[float], list[float]]:
    """Return how late each job was reported, and how late it was started, in seconds."""
    runs = {run.task_key: run for run in world.service.runs()}
    late, waited = [], []
    for task in world.aws.step_functions.tasks():
        run = runs[world.task_key(task)]
        if task.outcome is not None and run.ended_at is not None:
            late.append((task.outcome.at - run.ended_at).total_seconds())
            waited.append((run.started_at - task.scheduled_at).total_seconds())
    return late, waited


# The function


def _tick(parts: Parts, time_left: Callable[[], timedelta]) -> None:
    _handle({}, parts, time_left)


def _handle(event: Mapping[str, Any], parts: Parts, time_left: Callable[[], timedelta]) -> None:
    """Do what ``runners.lambdas.jobrunner.handler`` does, with the parts of one of several environments."""
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: int(time_left() / timedelta(milliseconds=1)))
    with invocation.at_work(parts):
        if not on_job_event(dict(event), context, parts):
            invocation.turn(parts, context)


def _deliver(event: Mapping[str, Any], world: World, function: Function[Parts]) -> None:
    """Invoke the function for events that its rules let through."""
    ours = event["source"] == "aws.states" and event["detail"]["status"] in EXECUTION_STATUSES
    if ours or event["source"] == f"aws.{world.kind.client}":
        function.invoke(lambda parts, time_left: _handle(event, parts, time_left), EVENT_DELIVERY_SECONDS)


EXECUTION_STATUSES = frozenset({"RUNNING", "FAILED", "TIMED_OUT", "ABORTED"})
"""Of executions, that the rule in ``cloudformation/runner-lambda.yaml`` lets through."""


@contextmanager
def _lambda_mode() -> Iterator[tuple[VirtualTime, World, Function[Parts]]]:
    """Give a simulated AWS in which a function runs the real code, on a virtual clock."""
    log_to_nowhere()
    with ExitStack() as stack:
        clock = stack.enter_context(virtual_time())
        world = World(KINDS["glue"], clock)
        for name in ("step_functions", "step_functions_polls", "dynamodb", "glue"):
            client = getattr(world.aws, name.removesuffix("_polls"))
            stack.enter_context(mock.patch.object(clients, name, lambda client=client: client))
        stack.enter_context(mock.patch.dict(os.environ, _environment(world)))
        for cached in (invocation.settings, invocation._clients):  # what a new process does not have
            cached.cache_clear()
            stack.callback(cached.cache_clear)
        yield clock, world, Function(clock, lambda: invocation.parts_of(world.kind.make(world.aws)))


def _environment(world: World) -> dict[str, str]:
    values = {
        "service": world.kind.client,
        "activity_arn": world.activity_arn,
        "active_jobs_table": world.table,
        "max_active_jobs": JOBS,
        "polls": POLLS,
        "sweep_interval_seconds": SWEEP_INTERVAL_SECONDS,
        "heartbeat_interval_seconds": HEARTBEAT_INTERVAL_SECONDS,
    }
    return {f"RUNNERS_{name.upper()}": str(value) for name, value in values.items()} | {"AWS_LAMBDA_FUNCTION_NAME": ""}


if __name__ == "__main__":
    results.run("cost", measure)
