"""A world in which all goes wrong that may: several processes of one runner over a simulated AWS.

A schedule, a few bytes, decides what happens next: which process goes on to its next call, what becomes of that call,
when time passes, executions are aborted, runs end, events arrive and the table is away. Every process stops before
every call that it makes to AWS, so that any other may overtake it there. The runner, its table, its activity and the
services are the real ones.

The model has the bounds on which the guarantees rest, and no other (docs/guarantees.md): a start takes effect within
``start_takes_at_most`` less what the clocks differ, unless processes may ``freeze``.
"""

from __future__ import annotations

import itertools
import json
import threading
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from runners.active_jobs import ActiveJobs
from runners.activity import Activity
from runners.job import ActiveJob
from runners.runner import CLAIM_FAILED, Runner
from runners.services.athena import Athena
from runners.services.batch import Batch
from runners.services.dms import Dms
from runners.services.glue import Glue
from runners.settings import Settings
from runners.task import Task
from runners.testing import Clock, Crash, Execution, Fault, FaultyClient, Run, SimulatedAWS, WaitingTask

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from runners.services import Service
    from runners.testing.clock import SkewedClock

MOST_EXECUTIONS = 3
HEARTBEAT_SECONDS = 300
SKEWS = (0.0, 15.0, -10.0)  # seconds, of the processes' clocks
MOST_SKEW = 25.0
FAULTS = list(Fault)
OF_THE_RUNNER = frozenset({"glue", "athena", "dms", "batch"})

INPUTS: dict[str, dict[str, Any]] = {
    "glue": {"GlueJobName": "Sales"},
    "athena": {"AthenaQueryString": "SELECT 1", "AthenaDatabase": "shop"},
    "dms": {"ReplicationTaskIdentifier": "copy"},
    "batch": {"JobName": "job", "JobQueue": "queue", "JobDefinition": "definition"},
}


@dataclass(frozen=True)
class Kind:
    """What sort of world it is.

    Attributes:
        service: at which jobs run.
        most_running: the limit of jobs at a time, if there is one.
        stop_abandoned_jobs: as in the settings.
        heartbeats: whether the tasks have heartbeats and retries of time-outs, as they should.
        freezes: whether a process may stop for any time between a check and a start.

    """

    service: str
    most_running: int | None = None
    stop_abandoned_jobs: bool = True
    heartbeats: bool = True
    freezes: bool = False


local = threading.local()


class Process:
    """A process: does one thing at a time in its own thread, and stops before each call until it is let go on."""

    def __init__(self, clock: SkewedClock) -> None:
        self.clock = clock
        self.call: str | None = None  # where it stands
        self.runner: Runner | None = None
        self.activity: Activity | None = None
        self.job: ActiveJob | None = None  # that it is about to start
        self.seconds_left: float | None = None  # for what it does under a lease
        self._fault: Fault | None = None
        self._go_on = threading.Semaphore(0)
        self._stopped = threading.Semaphore(0)

    @property
    def busy(self) -> bool:
        return self.call is not None

    def begin(self, act: Callable[[], object]) -> None:
        def work() -> None:
            local.process = self
            try:
                act()
            except Crash:
                self.runner = None
            except Exception as error:  # a sweep or a poll that failed as a whole
                self.error = error
            self.call = self.job = self.seconds_left = None
            self._stopped.release()

        self.call = "begun"
        threading.Thread(target=work, daemon=True).start()
        self._stopped.acquire()

    def go_on(self, fault: Fault | None) -> None:
        self._fault = fault
        self._go_on.release()
        self._stopped.acquire()

    def stop_at(self, call: str) -> Fault | None:
        self.call = call
        self._stopped.release()
        self._go_on.acquire()
        return self._fault


class Watched:
    """A service, as it is; while it starts or stops what only a lease allows, its process is known to hurry."""

    def __init__(self, service: Service, seconds: float) -> None:
        self._service = service
        self._seconds = seconds

    def __getattr__(self, name: str) -> Any:
        return getattr(self._service, name)

    def start(self, job: ActiveJob) -> str:
        return self._hurried(job, lambda: self._service.start(job))

    def stop(self, jobs: Sequence[ActiveJob]) -> None:
        if all(job.mark is None for job in jobs):
            self._service.stop(jobs)
        else:
            self._hurried(jobs[0], lambda: self._service.stop(jobs))

    def _hurried(self, job: ActiveJob, act: Callable[[], Any]) -> Any:
        process = local.process
        process.job, process.seconds_left = job, self._seconds
        try:
            return act()
        finally:
            process.job = process.seconds_left = None


class ToldFor:
    """The client of DMS; DMS is not told for which task it runs, but the test has to know."""

    def __init__(self, dms: Any) -> None:
        self._dms = dms

    def __getattr__(self, name: str) -> Any:
        return getattr(self._dms, name)

    def start_replication_task(self, **parameters: Any) -> Any:
        answer = self._dms.start_replication_task(**parameters)
        self._dms.runs()[-1].task_key = local.process.job.task_key
        return answer


class World:
    """Step Functions, a service, the table and three processes, driven by a schedule."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.trace: list[str] = []
        self.steps = 0
        self.clock = Clock()
        self.aws = SimulatedAWS(self.clock)
        self.table = self.aws.active_jobs_table()
        self.arn = self.aws.step_functions.create_activity(name="Jobs")["activityArn"]
        self.settings = Settings(
            active_jobs_table=self.table,
            stop_abandoned_jobs=kind.stop_abandoned_jobs,
            max_running_jobs=kind.most_running,
        )
        self.processes = [Process(self.clock.skewed(skew)) for skew in SKEWS]
        self.executions: list[Execution] = []
        self.claimed: set[str] = set()
        self.table_is_away = False
        self.jobs: Any = getattr(self.aws, kind.service)
        if kind.service == "glue":
            self.jobs.create_job(Name="Sales", ExecutionProperty={"MaxConcurrentRuns": 2})
        if kind.service == "dms":
            self.jobs.add_task("copy")

    # What happens

    def play(self, schedule: bytes) -> World:
        """Let happen what a schedule says, two bytes a step, then let all go well, and check what has to be true."""
        for event, choice in itertools.batched(schedule, 2) if hasattr(itertools, "batched") else _pairs(schedule):
            EVENTS[event % len(EVENTS)](self, choice)
            self.steps += 1
            self.check_now()
        self.becomes_quiet()
        self.check_in_the_end()
        return self

    def process_goes_on(self, choice: int) -> None:
        number, rest = choice % len(self.processes), choice // len(self.processes)
        process = self.processes[number]
        if process.busy:
            faults = rest - 60
            self.go_on(number, FAULTS[faults % len(FAULTS)] if faults >= 0 else None)
        elif rest % 3 == 0:
            self.begin(number, "poll", self.poll)
        elif rest % 3 == 1 or not self.aws.events:
            self.begin(number, "sweep", lambda process: process.runner.sweep())
        else:
            events = self.aws.events
            event = events[rest % len(events)]
            if rest % 2:
                events.remove(event)  # else it comes again
            self.begin(number, "hear an event", lambda process: self.hear(process, event))

    def execution_begins(self, choice: int) -> None:
        if len(self.executions) < MOST_EXECUTIONS:
            self.trace.append("an execution begins")
            request = INPUTS[self.kind.service] | {"Priority": choice % 2, "ExecutionArn.$": "$$.Execution.Id"}
            bounds = {"heartbeat_seconds": HEARTBEAT_SECONDS, "retries": 2} if self.kind.heartbeats else {}
            self.executions.append(self.aws.step_functions.run(self.arn, request, **bounds))

    def time_passes(self, choice: int) -> None:
        self.pass_time((1, 20, 31, 76, 121, 400)[choice % 6])

    def pass_time(self, seconds: float) -> None:
        hurry = [process.seconds_left for process in self.processes if process.seconds_left is not None]
        if not self.kind.freezes and seconds >= min(hurry, default=seconds + 1):
            return
        self.trace.append(f"{seconds} s pass")
        self.clock.step(seconds)
        self.aws.settle()
        for process in self.processes:
            if process.seconds_left is not None:
                process.seconds_left -= seconds

    def execution_is_aborted(self, choice: int) -> None:
        if running := self.running():
            execution = running[choice % len(running)]
            self.trace.append(f"execution {self.executions.index(execution)} is aborted")
            self.aws.step_functions.abort(execution)

    def run_ends(self, choice: int) -> None:
        if live := self.jobs.live():
            run = live[choice // 2 % len(live)]
            self.trace.append(f"{run.id} {'fails' if choice % 2 else 'succeeds'}")
            self.end(run, well=not choice % 2)

    def table_goes_away_or_returns(self, choice: int) -> None:
        self.table_is_away = not self.table_is_away
        self.trace.append("the table goes away" if self.table_is_away else "the table is back")

    def index_lags(self, choice: int) -> None:
        self.aws.dynamodb.tables[self.table].indexes["by_run"].lag = timedelta(seconds=choice % 3)

    # What processes do

    def begin(self, number: int, name: str, act: Callable[[Process], object]) -> None:
        process = self.processes[number]
        if process.runner is None:
            process.runner, process.activity = self.new_runner(process)
        self.trace.append(f"{number} begins to {name}")
        process.begin(lambda: act(process))

    def go_on(self, number: int, fault: Fault | None = None) -> None:
        process = self.processes[number]
        self.trace.append(f"{number}: {process.call}" + (f" ({fault.value})" if fault else ""))
        process.go_on(fault)

    def poll(self, process: Process) -> None:
        task = process.activity.poll()
        if task is not None:
            process.runner.take(task)

    def hear(self, process: Process, event: Mapping[str, Any]) -> None:
        if event["source"] == "aws.states":
            process.runner.on_execution_ended(event["detail"]["executionArn"])
        else:
            process.runner.on_event(event)

    def new_runner(self, process: Process) -> tuple[Runner, Activity]:
        step_functions, dynamodb = self.faulty(self.aws.step_functions), self.faulty(self.aws.dynamodb)
        client = self.faulty(ToldFor(self.jobs) if self.kind.service == "dms" else self.jobs)
        service: Any = {
            "glue": lambda: Glue(client),
            "athena": lambda: Athena(client),
            "dms": lambda: Dms(client),
            "batch": lambda: Batch(client),
        }[self.kind.service]()
        activity = Activity(self.arn, "process", step_functions, step_functions)
        watched: Any = Watched(service, self.settings.start_takes_at_most_seconds - MOST_SKEW)
        table = ActiveJobs(self.table, dynamodb)
        runner = Runner(watched, activity, table, self.settings, now=process.clock, sleep=lambda seconds: None)
        return runner, activity

    def faulty(self, client: Any) -> Any:
        is_table = client.meta.service_model.service_name == "dynamodb" if client is self.aws.dynamodb else False

        def decide(operation: str, parameters: Mapping[str, Any]) -> Fault | None:
            if is_table and self.table_is_away:
                return Fault.NOT_CONNECTED
            return local.process.stop_at(operation)

        return FaultyClient(client, decide)

    # What there is

    def end(self, run: Run, *, well: bool = True) -> None:
        if well:
            self.jobs.end(run.id)
        else:
            self.jobs.end(run.id, "failed" if self.kind.service == "dms" else "FAILED")

    def running(self) -> list[Execution]:
        return [execution for execution in self.executions if execution.status == "RUNNING"]

    def records(self) -> list[dict[str, Any]]:
        return [item for item in self.aws.dynamodb.tables[self.table].items() if item["runner"]["S"] in OF_THE_RUNNER]

    def litter(self) -> set[str]:
        """What is in the table besides jobs, their count, and events, which have a time to live."""
        partitions = {item["runner"]["S"].partition(".")[2] for item in self.aws.dynamodb.tables[self.table].items()}
        return partitions - {"", "admissions", "events", "sweeps"}

    def key_of(self, task: WaitingTask) -> str:
        return Task(task.token, "{}").key

    # What must be true

    def check_now(self) -> None:
        self.claimed |= {item["task_key"]["S"] for item in self.records()}
        if self.kind.freezes and self.kind.service != "athena":
            return
        live = self.jobs.live()
        for run in live:
            assert len([one for one in live if one.task_key == run.task_key]) == 1, "a task has two live jobs"
        if self.kind.most_running is not None and self.kind.stop_abandoned_jobs:
            assert len(live) <= self.kind.most_running, "more jobs run than the limit says"

    def becomes_quiet(self) -> None:
        """Let all go well until nothing is left to do, and let every run end."""
        self.trace.append("from now on all goes well")
        self.table_is_away = False
        self.finish_calls()
        for _ in range(60):
            self.check_now()
            if not self.records() and not self.waited_for() and not self.litter():
                return
            for run in self.jobs.live():
                self.end(run)
            self.pass_time(61)
            for name, act in (("poll", self.poll), ("sweep", lambda process: process.runner.sweep())):
                self.begin(0, name, act)
                self.finish_calls()

    def finish_calls(self) -> None:
        for number, process in enumerate(self.processes):
            while process.busy:
                self.go_on(number)

    def waited_for(self) -> list[WaitingTask]:
        """The tasks that still wait and for which there is a promise."""
        waiting = [task for task in self.aws.step_functions.tasks() if task.outcome is None]
        return [
            task
            for task in waiting
            if self.kind.heartbeats or task.handed_out_at is None or self.key_of(task) in self.claimed
        ]

    def check_in_the_end(self) -> None:
        assert not self.records(), "a record stays"
        assert not self.waited_for(), "a task was forgotten"
        assert not self.litter(), "a hold stays"
        if self.kind.stop_abandoned_jobs:
            assert not self.jobs.live(), "a job runs on for an execution that has ended"
        for task in self.aws.step_functions.tasks():
            runs = self.jobs.runs()
            self.check_outcome(task, [run for run in runs if run.task_key == self.key_of(task)])

    def check_outcome(self, task: WaitingTask, runs: list[Run]) -> None:
        if not self.kind.freezes or self.kind.service == "athena":
            assert len(runs) <= 1, "a task had two jobs"
        if task.outcome is None:
            return
        if task.outcome.kind == "succeeded":
            assert [run for run in runs if run.state == self.jobs.succeeds_as], "a success that was none"
        elif task.outcome.kind == "failed":
            cause = json.loads(task.outcome.cause or "{}")
            ended_well = [run for run in runs if run.state == self.jobs.succeeds_as]
            assert task.outcome.error == CLAIM_FAILED or not ended_well, f"a failure that was none: {cause}"


def _pairs(schedule: bytes) -> zip[tuple[int, int]]:
    return zip(schedule[::2], schedule[1::2], strict=False)


EVENTS: list[Callable[[World, int], None]] = [
    *[World.process_goes_on] * 22,
    *[World.time_passes] * 4,
    *[World.execution_begins] * 2,
    World.execution_is_aborted,
    World.run_ends,
    World.run_ends,
    World.table_goes_away_or_returns,
    World.index_lags,
]
