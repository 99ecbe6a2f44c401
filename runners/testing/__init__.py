"""For tests of what runs on runners: a clock that is stepped, calls that go wrong, and a simulated AWS.

``SimulatedAWS`` has clients of boto3's shape, all in memory, for Step Functions' activities, DynamoDB, Glue, Athena,
DMS and Batch. ``FaultyClient`` wraps any client and lets its calls go wrong as a test decides; ``kill_points`` finds
every place at which a process can stop. All of it is for tests and benchmarks, and for nothing else.

A service of your own is tested like this. It prints files, and each file once, even if the process that printed it
is killed before or after any of its calls, and no record of it stays:

>>> from runners.active_jobs import ActiveJobs
>>> from runners.activity import Activity
>>> from runners.errors import InvalidInputError
>>> from runners.job import Succeeded
>>> from runners.runner import Runner
>>> from runners.services import Service
>>> from runners.settings import Settings
>>> from runners.testing import Clock, Crash, FaultyClient, KillPoint, SimulatedAWS, kill_points

>>> class Prints(Service):
...     name = "prints"
...     asked_for = ("File",)
...
...     def __init__(self, printed):
...         self.printed = printed
...
...     def validate(self, request):
...         if "File" not in request:
...             raise InvalidInputError({"File": "Field required"})
...
...     def start(self, job):
...         self.printed.append(job.task_key)
...         return job.task_key
...
...     def find(self, job):
...         return job.task_key if job.task_key in self.printed else None
...
...     def describe(self, jobs):
...         return {job.task_key: Succeeded({"File": job.request["File"]}) for job in jobs}

A process is a runner over clients that may go wrong. The first one is given a task and dies, or does not; the second
one comes later and finds what is left. If the task itself was lost, its heartbeat times out, and ``Retry`` brings it
back:

>>> def printed_with(stop):
...     clock, printed = Clock(), []
...     aws = SimulatedAWS(clock)
...     arn = aws.step_functions.create_activity(name="Prints")["activityArn"]
...     table = aws.active_jobs_table()
...
...     def works(decide):
...         client = FaultyClient(aws.step_functions, decide)
...         activity = Activity(arn, "a test", polls=client, reports=client)
...         active_jobs = ActiveJobs(table, FaultyClient(aws.dynamodb, decide))
...         runner = Runner(Prints(printed), activity, active_jobs, Settings(active_jobs_table=table), now=clock)
...         if task := activity.poll():
...             runner.take(task)
...         clock.step(60)
...         runner.sweep()
...
...     execution = aws.step_functions.run(arn, {"File": "report.pdf"}, heartbeat_seconds=300, retries=3)
...     try:
...         works(stop)
...     except Crash:
...         pass
...     for _ in range(5):
...         clock.step(150)
...         works(KillPoint())  # nothing goes wrong any more
...     left = list(ActiveJobs(table, aws.dynamodb).of_runner("prints"))
...     return execution.status, len(printed), len(left)

>>> {printed_with(point) for point in kill_points(printed_with)}
{('SUCCEEDED', 1, 0)}

What AWS would do by itself, it does when the clock has been stepped: tasks time out, runs end after their
``duration``, an index shows what was written. ``aws.events`` are the events of EventBridge that were sent; to deliver
them late, twice or never is the test's. What is not simulated raises ``NotSimulatedError``.
"""

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
