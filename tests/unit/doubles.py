"""Doubles of what a runner talks to, all in memory, whose calls can be made to go wrong; the clock is the public one.

Each double asks its ``call`` to make every call, by name. ``Faults`` is the plain one: it counts the calls and
raises what was planned, before or after the call took effect.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict, deque
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from runners import testing
from runners.errors import InvalidInputError, StartLaterError, TaskGoneError
from runners.job import ActiveJob, Failed, Outcome, Running, Status, Succeeded
from runners.services import Service
from runners.task import Task
from runners.testing import Clock

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from datetime import datetime

    from botocore.exceptions import ClientError


class Faults:
    """Makes calls, counts them by name, and lets planned ones go wrong."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self._planned: defaultdict[str, deque[tuple[str, BaseException]]] = defaultdict(deque)

    def before(self, name: str, error: BaseException, times: int = 1) -> None:
        """Let the next calls fail without effect."""
        self._planned[name].extend([("before", error)] * times)

    def after(self, name: str, error: BaseException) -> None:
        """Let the next call take effect and then fail: its answer is lost."""
        self._planned[name].append(("after", error))

    def __call__(self, name: str, effect: Callable[[], Any]) -> Any:
        self.calls[name] += 1
        when, error = self._planned[name].popleft() if self._planned[name] else ("never", None)
        if error is None:
            return effect()
        if when == "after":
            effect()
        raise error


class FakeActivity:
    """An activity: tasks wait until an outcome is reported or their execution is aborted."""

    arn = "arn:aws:states:us-east-1:123456789012:activity:Fake"

    def __init__(self, call: Callable[[str, Callable[[], Any]], Any]) -> None:
        self._call = call
        self._numbers = itertools.count()
        self.scheduled: deque[Task] = deque()
        self.waiting: set[str] = set()
        self.outcomes: dict[str, Outcome] = {}
        self.heartbeats: Counter[str] = Counter()

    def hand_out(self, text: str = '{"Name": "a job"}') -> Task:
        """Return a new task, as if a poll had brought it."""
        task = Task(token=f"secret-token-{next(self._numbers)}", input=text)
        self.waiting.add(task.token)
        return task

    def abort(self, task: Task) -> None:
        """End the task's execution."""
        self.waiting.discard(task.token)

    def poll(self) -> Task | None:
        return self._call("poll", lambda: self.scheduled.popleft() if self.scheduled else None)

    def report(self, token: str, outcome: Outcome) -> None:
        def effect() -> None:
            self._is_waited_for(token)
            self.waiting.remove(token)
            self.outcomes[token] = outcome

        self._call("report", effect)

    def heartbeat(self, token: str) -> None:
        def effect() -> None:
            self._is_waited_for(token)
            self.heartbeats[token] += 1

        self._call("heartbeat", effect)

    def _is_waited_for(self, token: str) -> None:
        if token not in self.waiting:
            raise TaskGoneError("Step Functions answered TaskTimedOut")


@dataclass
class Run:
    """A run at the fake service."""

    task_key: str
    state: str = "RUNNING"


class FakeService(Service):
    """A service whose runs end when a test says so."""

    name = "fake"
    asked_for = ("Name",)

    def __init__(self, call: Callable[[str, Callable[[], Any]], Any], *, ends_at_once: bool = False) -> None:
        self._call = call
        self.ends_at_once = ends_at_once  # type: ignore[misc]
        self.runs: dict[str, Run] = {}

    def validate(self, request: Mapping[str, Any]) -> None:
        if "Name" not in request:
            raise InvalidInputError({"Name": "Field required"})

    def dpu(self, request: Mapping[str, Any]) -> float:
        return float(request.get("Dpu", 0))

    def start(self, job: ActiveJob) -> str:
        def effect() -> str:
            run_id = f"run-{len(self.runs)}"
            self.runs[run_id] = Run(job.task_key)
            return run_id

        return self._call("start", effect)

    def find(self, job: ActiveJob) -> str | None:
        return self._call("find", lambda: next(iter(self.runs_of(job.task_key)), None))

    def describe(self, jobs: Sequence[ActiveJob]) -> dict[str, Status]:
        return self._call("describe", lambda: {job.task_key: self._status(job.run_id) for job in jobs})

    def stop(self, jobs: Sequence[ActiveJob]) -> None:
        def effect() -> None:
            for job in jobs:
                if self.runs[job.run_id].state == "RUNNING":
                    self.runs[job.run_id].state = "STOPPED"

        self._call("stop", effect)

    def run_of_event(self, event: Mapping[str, Any]) -> str | None:
        return event.get("run_id")

    def runs_of(self, task_key: str, state: str | None = None) -> list[str]:
        """Return the runs that were started for a task, newest first."""
        runs = reversed(list(self.runs.items()))
        return [run_id for run_id, run in runs if run.task_key == task_key and state in {None, run.state}]

    def end(self, run_id: str, state: str = "SUCCEEDED") -> None:
        """Let a run end."""
        self.runs[run_id].state = state

    def _status(self, run_id: str | None) -> Status:
        state = self.runs[run_id or ""].state
        if state == "RUNNING":
            return Running(state)
        if state == "SUCCEEDED":
            return Succeeded({"RunId": run_id})
        return Failed("FakeError", {"RunId": run_id, "State": state})


class FakeSingleton(FakeService):
    """A service with one machine, whose runs have no keys: only their number tells a start from earlier ones.

    It is started and stopped as a whole, so whoever stops it stops what runs there now.
    """

    has_singletons = True

    def singleton(self, job: ActiveJob) -> str | None:
        return self._call("singleton", lambda: "machine")

    def mark(self, job: ActiveJob) -> dict[str, Any]:
        return self._call("mark", lambda: {"Runs": len(self.runs)})

    def start(self, job: ActiveJob) -> str:
        if any(run.state == "RUNNING" for run in self.runs.values()):
            raise StartLaterError("the machine runs")
        return super().start(job)

    def find(self, job: ActiveJob) -> str | None:
        def effect() -> str | None:
            count = len(self.runs)
            return f"run-{count - 1}" if job.mark and count > job.mark["Runs"] else None

        return self._call("find", effect)

    def stop(self, jobs: Sequence[ActiveJob]) -> None:
        def effect() -> None:
            for run in self.runs.values():  # whosever it is: the machine is stopped, not a run
                if run.state == "RUNNING":
                    run.state = "STOPPED"

        self._call("stop", effect)


class MemoryActiveJobs:
    """The table of active jobs as a dictionary (see ``runners.active_jobs.ActiveJobs``)."""

    def __init__(self, call: Callable[[str, Callable[[], Any]], Any]) -> None:
        self._call = call
        self.records: dict[str, ActiveJob] = {}
        self.holders: dict[str, str] = {}
        self.parked: set[str] = set()
        self.admitted = 0
        self.last_sweep: datetime | None = None

    def claim(self, job: ActiveJob) -> bool:
        return self._call("claim", lambda: self.records.setdefault(job.task_key, job) is job)

    def advance(self, job: ActiveJob) -> bool:
        def effect() -> bool:
            current = self.records.get(job.task_key)
            if current is None or current.version != job.version - 1:
                return False
            self.records[job.task_key] = job
            return True

        return self._call("advance", effect)

    def read(self, job: ActiveJob) -> ActiveJob | None:
        return self._call("read", lambda: self.records.get(job.task_key))

    def close(self, job: ActiveJob) -> bool:
        def effect() -> bool:
            current = self.records.get(job.task_key)
            if current is None or current.version != job.version:
                return False
            del self.records[job.task_key]
            return True

        return self._call("close", effect)

    def hold(self, job: ActiveJob, singleton: str) -> bool:
        def effect() -> bool:
            if self.holders.get(singleton) not in self.records:
                self.holders[singleton] = job.task_key
            return self.holders[singleton] == job.task_key

        return self._call("hold", effect)

    def release(self, job: ActiveJob, singleton: str) -> None:
        def effect() -> None:
            if self.holders.get(singleton) == job.task_key:
                del self.holders[singleton]

        self._call("release", effect)

    def release_lost(self, runner: str, active: Collection[str]) -> None:
        def effect() -> None:
            self.holders = {name: key for name, key in self.holders.items() if key in self.records}

        self._call("release_lost", effect)

    def swept_at(self, runner: str) -> datetime | None:
        return self._call("swept_at", lambda: self.last_sweep)

    def note_sweep(self, runner: str, at: datetime) -> None:
        def effect() -> None:
            self.last_sweep = at

        self._call("note_sweep", effect)

    def admissions(self, runner: str) -> int:
        return self._call("admissions", lambda: self.admitted)

    def admit(self, jobs: Sequence[ActiveJob], admissions: int) -> bool:
        def effect() -> bool:
            current = [self.records.get(job.task_key) for job in jobs]
            before = [job.version - 1 for job in jobs]
            if self.admitted != admissions or [job and job.version for job in current] != before:
                return False
            self.admitted += 1
            self.records |= {job.task_key: job for job in jobs}
            return True

        return self._call("admit", effect)

    def park(self, runner: str, run_id: str, now: datetime) -> None:
        self._call("park", lambda: self.parked.add(run_id))

    def was_parked(self, runner: str, run_id: str) -> bool:
        return self._call("was_parked", lambda: run_id in self.parked)

    def of_runner(self, runner: str) -> Iterator[ActiveJob]:
        return iter(self._call("of_runner", lambda: [job for job in self.records.values() if job.runner == runner]))

    def of_run(self, runner: str, run_id: str) -> list[ActiveJob]:
        return [job for job in self.of_runner(runner) if job.run_id == run_id]


def active_job(number: int = 0, **changes: Any) -> ActiveJob:
    """Return a job that was just claimed by the fake service's runner."""
    task = Task(token=f"secret-token-{number}", input="{}")
    now = Clock().now
    values: dict[str, Any] = {
        "runner": "fake",
        "task_key": task.key,
        "token": task.token,
        "request": {"Name": "a job"},
        "claimed_at": now,
        "lease_expires_at": now + timedelta(seconds=120),
    }
    return ActiveJob(**(values | changes))


def client_error(code: str, message: str = "because", status: int = 400) -> ClientError:
    """Return an error as boto3 raises it for an answer of AWS to whatever operation."""
    return testing.client_error("Operation", code, message, status)


class CountingClient:
    """A boto3 client that counts its calls by name and lets planned ones go wrong."""

    def __init__(self, client: Any, call: Faults | None = None) -> None:
        self._client = client
        self.call = call or Faults()

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._client, name)
        if name in {"meta", "exceptions", "get_paginator"}:
            return attribute
        return lambda **parameters: self.call(name, lambda: attribute(**parameters))
