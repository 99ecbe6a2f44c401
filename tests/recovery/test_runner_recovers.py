"""Two processes run the same runner; they stop at every call, crash there, lose answers and overtake each other.

A seed decides the schedule: which process goes on to its next call, what becomes of that call, when time passes, when
executions are aborted and runs end. Whatever it chooses, the rules of the runner must hold. The model has one bound,
the one on which the runner builds: a start takes no longer than ``start_takes_at_most_seconds``.
"""

from __future__ import annotations

import os
import random
import threading
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runners.errors import StartLaterError, StartRefusedError
from runners.job import Succeeded
from runners.runner import CLAIM_FAILED, Runner
from runners.settings import Settings
from tests.unit.doubles import Clock, FakeActivity, FakeService, FakeSingleton, MemoryActiveJobs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from runners.job import ActiveJob, Outcome
    from runners.task import Task


class Crash(BaseException):
    """The process is gone, with all that it had in memory."""


class OneByOne:
    """A pool without threads: a process does one thing after the other, so that a schedule says all."""

    def __init__(self, *_: object, **__: object) -> None: ...

    def __enter__(self) -> OneByOne:
        return self

    def __exit__(self, *_: object) -> None: ...

    def map(self, act: Callable[[ActiveJob], None], jobs: Iterable[ActiveJob]) -> list[None]:
        return [act(job) for job in jobs]


class Process:
    """A process: does one thing at a time in its own thread, and stops before each call until it is let go on."""

    def __init__(self) -> None:
        self.call: str | None = None  # where it stands
        self.runner: Runner | None = None
        self._fault = ""
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
            except ConnectionError:  # a sweep or a claim that failed as a whole
                pass
            self.call = None
            self._stopped.release()

        self.call = "begun"
        threading.Thread(target=work, daemon=True).start()
        self._stopped.acquire()

    def go_on(self, fault: str) -> None:
        self._fault = fault
        self._go_on.release()
        self._stopped.acquire()

    def stop_at(self, call: str) -> str:
        self.call = call
        self._stopped.release()
        self._go_on.acquire()
        return self._fault


local = threading.local()

SCHEDULES = int(os.environ.get("SCHEDULES", "500"))  # of each kind; more of them when the runner's rules change
MOST_TASKS = 2
REFUSED = "FakeRefusedError"
FAULTS = ["crash before", "crash after", "lost before", "lost after", "busy", "refused"]


def call(name: str, effect: Callable[[], Any]) -> Any:
    fault = local.process.stop_at(name)
    if name == "start" and fault == "busy":
        raise StartLaterError("too many runs")
    if name == "start" and fault == "refused":
        raise StartRefusedError(REFUSED, {})
    if fault == "crash before":
        raise Crash
    if fault == "lost before":
        raise ConnectionError("no effect")
    result = effect()
    if fault == "crash after":
        raise Crash
    if fault == "lost after":
        raise ConnectionError("took effect")
    return result


class World:
    """Step Functions, a service, the table and two processes, driven by a schedule that a seed decides."""

    def __init__(self, seed: int, kind: type[FakeService], *, stop_abandoned_jobs: bool) -> None:
        self.random = random.Random(seed)
        self.trace: list[str] = []
        self.clock = Clock()
        self.activity = FakeActivity(call)
        self.service = kind(call)
        self.table = MemoryActiveJobs(call)
        self.settings = Settings(active_jobs_table="active-jobs", stop_abandoned_jobs=stop_abandoned_jobs)
        self.processes = [Process(), Process()]
        self.tasks: dict[str, Task] = {}
        self.claimed: set[str] = set()
        self.time_to_start: dict[int, float] = {}  # seconds that a process that is about to start may still take

    # What may happen

    def step(self) -> None:
        number = self.random.randrange(len(self.processes))
        event = self.random.choices(
            [self.process_goes_on, self.time_passes, self.execution_is_aborted, self.run_ends], [10, 2, 0.5, 0.5]
        )[0]
        event(number)
        for key in self.tasks:
            assert len(self.service.runs_of(key, "RUNNING")) <= 1, f"a task has two live runs: {self.trace}"

    def process_goes_on(self, number: int) -> None:
        if self.processes[number].busy:
            self.go_on(number, self.random.choice(FAULTS) if self.random.random() < 0.3 else "")
        elif len(self.tasks) < MOST_TASKS and self.random.random() < 0.4:
            task = self.activity.hand_out()
            self.tasks[task.key] = task
            self.begin(number, "take", lambda runner: runner.take(task))
        else:
            self.begin(number, "sweep", Runner.sweep)

    def time_passes(self, _: int) -> None:
        seconds = self.random.choice([1, 20, 31, 76, 121])
        if seconds < min(self.time_to_start.values(), default=10**9):
            self.trace.append(f"{seconds} s pass")
            self.clock.step(seconds)
            self.time_to_start = {number: left - seconds for number, left in self.time_to_start.items()}

    def execution_is_aborted(self, _: int) -> None:
        if self.activity.waiting:
            token = self.random.choice(sorted(self.activity.waiting))
            self.trace.append(f"{token} is aborted")
            self.activity.waiting.discard(token)

    def run_ends(self, _: int) -> None:
        if live := self.live_runs():
            run_id, state = self.random.choice(live), self.random.choice(["SUCCEEDED", "FAILED"])
            self.trace.append(f"{run_id} is {state}")
            self.service.end(run_id, state)

    def begin(self, number: int, name: str, act: Callable[[Runner], object]) -> None:
        process = self.processes[number]
        runner = process.runner or Runner(self.service, self.activity, self.table, self.settings, now=self.clock, sleep=self.clock.step)
        process.runner = runner
        self.trace.append(f"{number} begins a {name}")
        process.begin(lambda: act(runner))
        self.note_start(number)

    def go_on(self, number: int, fault: str = "") -> None:
        before = set(self.table.records)
        self.trace.append(f"{number}: {self.processes[number].call} {fault}".rstrip())
        self.processes[number].go_on(fault)
        self.claimed |= set(self.table.records) - before
        self.note_start(number)

    def note_start(self, number: int) -> None:
        self.time_to_start.pop(number, None)
        # Stopping a singleton's run is as delicate as starting it, and done under a lease as well.
        delicate = {"start", "stop"} if isinstance(self.service, FakeSingleton) else {"start"}
        if self.processes[number].call in delicate:
            self.time_to_start[number] = self.settings.start_takes_at_most_seconds

    def live_runs(self) -> list[str]:
        return [run_id for run_id, run in self.service.runs.items() if run.state == "RUNNING"]

    # What must hold in the end

    def becomes_quiet(self) -> None:
        """Let all go well until nothing is left to do, and every run end whose task is waited for."""
        self.trace.append("from now on all goes well")
        self.finish_calls()
        for _ in range(8):
            if not self.table.records:
                return
            for run_id in self.live_runs():
                # A singleton's run ends even if nobody waits for it: others wait for the singleton.
                task = self.tasks[self.service.runs[run_id].task_key]
                if task.token in self.activity.waiting or isinstance(self.service, FakeSingleton):
                    self.service.end(run_id)
            self.clock.step(301)
            self.begin(0, "sweep", Runner.sweep)
            self.finish_calls()

    def finish_calls(self) -> None:
        for number, process in enumerate(self.processes):
            while process.busy:
                self.go_on(number)

    def check(self) -> None:
        assert not self.table.records, f"a record stays: {self.trace}"
        live = len(self.live_runs())
        assert live <= 1 or not isinstance(self.service, FakeSingleton), f"a singleton has two runs: {self.trace}"
        if self.settings.stop_abandoned_jobs:
            assert not self.live_runs(), f"a run lives on after its execution has ended: {self.trace}"
        for key, task in self.tasks.items():
            if key in self.claimed:
                assert task.token not in self.activity.waiting, f"a task was forgotten: {self.trace}"
            assert self.is_true(self.activity.outcomes.get(task.token), key), f"a wrong outcome: {self.trace}"

    def is_true(self, outcome: Outcome | None, key: str) -> bool:
        states = {self.service.runs[run_id].state for run_id in self.service.runs_of(key)}
        if isinstance(outcome, Succeeded):
            return states == {"SUCCEEDED"}
        return outcome is None or outcome.error in {CLAIM_FAILED, REFUSED} or states == {"FAILED"}


@pytest.mark.parametrize("stop_abandoned_jobs", [True, False])
@pytest.mark.parametrize("kind", [FakeService, FakeSingleton])
def test_whatever_the_schedule_no_job_is_started_twice_forgotten_or_left_running(
    kind: type[FakeService], stop_abandoned_jobs: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runners.side_by_side.ThreadPoolExecutor", OneByOne)
    monkeypatch.setattr("runners.runner.log.disabled", True)

    @settings(max_examples=SCHEDULES, deadline=None, database=None, report_multiple_bugs=False)
    @given(seed=st.integers(0, 2**32), steps=st.integers(10, 80))
    def holds(seed: int, steps: int) -> None:
        world = World(seed, kind, stop_abandoned_jobs=stop_abandoned_jobs)
        try:
            for _ in range(steps):
                world.step()
        finally:
            world.becomes_quiet()
        world.check()

    holds()
