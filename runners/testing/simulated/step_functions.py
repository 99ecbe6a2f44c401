# ruff: noqa: N803  # parameters are named as boto3 names them
"""Step Functions, simulated as far as activities go: executions that wait for tasks, polls, reports, time-outs.

State machines are not interpreted. Each has one state, the task of an activity; what AWS would do with its heartbeat,
its time-out and its ``Retry`` is done here.
"""

from __future__ import annotations

import json
import threading
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from runners.errors import RunnersError
from runners.testing.simulated.account import ACCOUNT, REGION, Account, Client, NotSimulatedError, operation
from runners.testing.simulated.executions import Execution, Reported, WaitingTask

if TYPE_CHECKING:
    from datetime import datetime

POLL_SECONDS = 60.0  # for which GetActivityTask holds the connection
MAX_POLLERS = 1_000  # of one activity
TIMED_OUT = "States.Timeout"
HEARTBEAT_TIMED_OUT = "States.HeartbeatTimeout"

_GONE = "Task Timed Out: 'Provided task does not exist anymore'"
_PAGE = 100
_LARGEST = 262_144  # characters of an input or output
_LONGEST_ERROR, _LONGEST_CAUSE = 256, 32_768  # characters
_EXECUTION_ID = "$$.Execution.Id"


@dataclass(slots=True)
class _Activity:
    arn: str
    scheduled: threading.Condition
    waiting: deque[WaitingTask] = field(default_factory=deque)
    pollers: int = 0


@dataclass(slots=True)
class _Machine:
    arn: str
    name: str
    definition: str
    created_at: datetime


class StepFunctions(Client):
    """The client of Step Functions, and what a test does with it: ``run``, ``abort``, ``tasks``."""

    service = "stepfunctions"

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self.executions: dict[str, Execution] = {}
        """All executions by their ARN."""
        self.transitions = 0
        """State transitions, as Step Functions bills them: one for each state that is entered, retries included."""
        self.refused: Counter[str] = Counter()
        """How many reports and heartbeats were refused, by method."""
        self._activities: dict[str, _Activity] = {}
        self._machines: dict[str, _Machine] = {}
        self._tasks: dict[str, WaitingTask] = {}
        self._closed = False

    # What a test does

    def run(
        self,
        activity: str,
        task_input: Mapping[str, Any] | str = "{}",
        *,
        heartbeat_seconds: float | None = None,
        timeout_seconds: float | None = None,
        retries: int = 0,
        execution: Execution | None = None,
    ) -> Execution:
        """Start an execution that waits for one task of an activity, or let a running one wait for one more.

        Args:
            activity: the activity's ARN.
            task_input: the task's input; ``{"ExecutionArn.$": "$$.Execution.Id"}`` gets the execution's ARN.
            heartbeat_seconds: ``HeartbeatSeconds`` of the state; counted from the time at which the task is handed out.
            timeout_seconds: ``TimeoutSeconds`` of the state; counted from the time at which the task is scheduled.
            retries: ``MaxAttempts`` of a ``Retry`` on both names of a time-out; each brings a new task at once.
            execution: a running execution that waits for this task too.

        """
        with self._account.settled():
            if activity not in self._activities:
                raise RunnersError(f"there is no activity {activity}; create it first with create_activity")
            if execution is None:
                execution = self._begun(self._machine_for(activity, heartbeat_seconds, timeout_seconds, retries))
            elif execution.status != "RUNNING":
                raise RunnersError(f"{execution.arn} is {execution.status}; only a running one can wait for a task")
            text = task_input if isinstance(task_input, str) else _resolved(task_input, execution.arn)
            self._schedule(
                execution, activity, text, heartbeat=heartbeat_seconds, timeout=timeout_seconds, retries=retries
            )
        return execution

    def abort(self, execution: Execution) -> None:
        """Stop an execution, as ``StopExecution`` does; one that has ended stays as it is."""
        with self._account.settled():
            self._end(execution, "ABORTED")

    def task(self, token: str) -> WaitingTask:
        """Return the task of a token."""
        return self._tasks[token]

    def tasks(self) -> list[WaitingTask]:
        """Return all tasks, as they are now, the oldest first."""
        with self._account.settled():
            return list(self._tasks.values())

    def close(self) -> None:
        """End all open polls, empty, and every later one at once."""
        with self._account.lock:
            self._closed = True
            for activity in self._activities.values():
                activity.scheduled.notify_all()

    # Activities

    @operation
    def create_activity(self, *, name: str, tags: object = None) -> dict[str, Any]:  # noqa: ARG002
        """Create an activity; one of the same name is the same."""
        arn = f"arn:aws:states:{REGION}:{ACCOUNT}:activity:{name}"
        self._activities.setdefault(arn, _Activity(arn, threading.Condition(self._account.lock)))
        return {"activityArn": arn, "creationDate": self._account.now()}

    @operation
    def get_activity_task(self, *, activityArn: str, workerName: str | None = None) -> dict[str, Any]:
        """Hand out a task. On a virtual clock an answer comes at once, empty if there is none."""
        activity = self._activities.get(activityArn)
        if activity is None:
            text = f"Activity Does Not Exist: '{activityArn}'"
            raise self.refusal("get_activity_task", "ActivityDoesNotExist", text)
        task = self._next(activity) if self._account.clock.virtual else self._awaited(activity)
        if task is None:
            return {}
        task.handed_out_at = task.last_heartbeat_at = self._account.now()
        task.worker = workerName
        self._expect_heartbeat(task)
        return {"taskToken": task.token, "input": task.input}

    @operation
    def send_task_success(self, *, taskToken: str, output: str) -> dict[str, Any]:
        """Take a task's output."""
        task = self._reported("send_task_success", taskToken)
        if not _is_json(output) or len(output) > _LARGEST:
            raise self.refusal("send_task_success", "InvalidOutput", "Invalid Output: 'output must be valid JSON'")
        self._settled(task, Reported("succeeded", self._account.now(), output=output))
        return {}

    @operation
    def send_task_failure(self, *, taskToken: str, error: str = "", cause: str = "") -> dict[str, Any]:
        """Take a task's failure."""
        if len(error) > _LONGEST_ERROR or len(cause) > _LONGEST_CAUSE:
            text = f"error may have {_LONGEST_ERROR} characters, cause {_LONGEST_CAUSE}"
            raise self.refusal("send_task_failure", "ValidationException", text)
        task = self._reported("send_task_failure", taskToken)
        self._settled(task, Reported("failed", self._account.now(), error=error, cause=cause))
        return {}

    @operation
    def send_task_heartbeat(self, *, taskToken: str) -> dict[str, Any]:
        """Take a sign of life."""
        task = self._awaited_by("send_task_heartbeat", taskToken)
        task.last_heartbeat_at = self._account.now()
        task.heartbeats += 1
        return {}

    # State machines and executions

    @operation
    def create_state_machine(
        self,
        *,
        name: str,
        definition: str,
        roleArn: str,  # noqa: ARG002
        type: str = "STANDARD",  # noqa: A002, ARG002
    ) -> dict[str, Any]:
        """Keep a definition, which is shown and never interpreted."""
        return {
            "stateMachineArn": self._machine(name, definition).arn,
            "creationDate": self._account.now(),
        }

    @operation
    def start_execution(self, *, stateMachineArn: str, input: str = "{}") -> dict[str, Any]:  # noqa: A002
        """Start an execution of a state machine that begins with the task of an activity; no other state is entered."""
        definition = json.loads(self._known_machine("start_execution", stateMachineArn).definition)
        state = definition["States"][definition["StartAt"]]
        if state["Type"] != "Task" or state["Resource"] not in self._activities:
            raise NotSimulatedError("the simulated Step Functions runs nothing but a task of an activity that exists")
        execution = self._begun(self._machines[stateMachineArn])
        self._schedule(
            execution,
            state["Resource"],
            input,
            heartbeat=state.get("HeartbeatSeconds"),
            timeout=state.get("TimeoutSeconds"),
            retries=_retries(state),
        )
        return {"executionArn": execution.arn, "startDate": execution.started_at}

    @operation
    def list_state_machines(self, *, maxResults: int = _PAGE, nextToken: str | None = None) -> dict[str, Any]:
        """Return the state machines."""
        machines = [
            {"stateMachineArn": one.arn, "name": one.name, "type": "STANDARD", "creationDate": one.created_at}
            for one in self._machines.values()
        ]
        return _page("stateMachines", machines, maxResults, nextToken)

    @operation
    def describe_state_machine(self, *, stateMachineArn: str) -> dict[str, Any]:
        """Return a state machine with its definition."""
        machine = self._known_machine("describe_state_machine", stateMachineArn)
        return {
            "stateMachineArn": machine.arn,
            "name": machine.name,
            "status": "ACTIVE",
            "definition": machine.definition,
            "roleArn": f"arn:aws:iam::{ACCOUNT}:role/simulated",
            "type": "STANDARD",
            "creationDate": machine.created_at,
        }

    @operation
    def list_executions(
        self,
        *,
        stateMachineArn: str,
        statusFilter: str | None = None,
        maxResults: int = _PAGE,
        nextToken: str | None = None,
    ) -> dict[str, Any]:
        """Return the executions of a state machine, newest first."""
        self._known_machine("list_executions", stateMachineArn)
        executions = [
            {key: value for key, value in _described(one).items() if key != "input"}
            for one in reversed(self.executions.values())
            if one.machine == stateMachineArn and statusFilter in {None, one.status}
        ]
        return _page("executions", executions, maxResults, nextToken)

    @operation
    def describe_execution(self, *, executionArn: str) -> dict[str, Any]:
        """Return an execution."""
        return _described(self._execution("describe_execution", executionArn))

    @operation
    def stop_execution(self, *, executionArn: str, error: str = "", cause: str = "") -> dict[str, Any]:  # noqa: ARG002
        """Abort an execution; one that has ended stays as it is."""
        execution = self._execution("stop_execution", executionArn)
        self._end(execution, "ABORTED")
        return {"stopDate": execution.ended_at}

    # How it works

    def _execution(self, method: str, arn: str) -> Execution:
        if arn not in self.executions:
            raise self.refusal(method, "ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")
        return self.executions[arn]

    def _known_machine(self, method: str, arn: str) -> _Machine:
        if arn not in self._machines:
            raise self.refusal(method, "StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")
        return self._machines[arn]

    def _machine_for(self, activity: str, heartbeat: float | None, timeout: float | None, retries: int) -> _Machine:
        """Return the state machine of one such task; it is the same for the same task."""
        state: dict[str, Any] = {"Type": "Task", "Resource": activity, "End": True}
        if heartbeat is not None:
            state["HeartbeatSeconds"] = heartbeat
        if timeout is not None:
            state["TimeoutSeconds"] = timeout
        if retries:
            state["Retry"] = [{"ErrorEquals": [TIMED_OUT, HEARTBEAT_TIMED_OUT], "MaxAttempts": retries}]
        definition = json.dumps({"StartAt": "Job", "States": {"Job": state}})
        same = next((one for one in self._machines.values() if one.definition == definition), None)
        return same or self._machine(f"{activity.rpartition(':')[2]}-{len(self._machines)}", definition)

    def _machine(self, name: str, definition: str) -> _Machine:
        arn = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{name}"
        return self._machines.setdefault(arn, _Machine(arn, name, definition, self._account.now()))

    def _begun(self, machine: _Machine) -> Execution:
        arn = f"arn:aws:states:{REGION}:{ACCOUNT}:execution:{machine.name}:{self._account.number():08d}"
        execution = Execution(arn, machine.arn, self._account.now())
        self.executions[arn] = execution
        self._tell(execution)
        return execution

    def _schedule(
        self,
        execution: Execution,
        activity: str,
        task_input: str,
        *,
        heartbeat: float | None,
        timeout: float | None,
        retries: int,
    ) -> None:
        token = f"AQCEAAAAKgAAAAMAAAAA-simulated-{self._account.number():08d}"
        now = self._account.now()
        task = WaitingTask(token, activity, execution, task_input, heartbeat, timeout, retries, now)
        self.transitions += 1
        self._tasks[token] = task
        execution.tasks.append(task)
        self._activities[activity].waiting.append(task)
        if timeout is not None:
            self._account.at(now + timedelta(seconds=timeout), lambda: self._time_out(task, TIMED_OUT))
        self._activities[activity].scheduled.notify()

    def _next(self, activity: _Activity) -> WaitingTask | None:
        while activity.waiting:
            task = activity.waiting.popleft()
            if task.outcome is None:
                return task
        return None

    def _awaited(self, activity: _Activity) -> WaitingTask | None:
        """Return the next task, or None if none came within a minute."""
        if activity.pollers >= MAX_POLLERS:
            text = f"Activity Worker Limit Exceeded: '{activity.arn}'"
            raise self.refusal("get_activity_task", "ActivityWorkerLimitExceeded", text)
        until = self._account.clock() + timedelta(seconds=POLL_SECONDS)
        activity.pollers += 1
        try:
            while True:
                task = self._next(activity)
                left = (until - self._account.clock()).total_seconds()
                if task is not None or left <= 0 or self._closed:
                    return task
                next_event = self._account.seconds_to_next()
                activity.scheduled.wait(left if next_event is None else min(left, next_event))
                self._account.settle()
        finally:
            activity.pollers -= 1

    def _expect_heartbeat(self, task: WaitingTask) -> None:
        """Look at the task when its heartbeat should have come by then, and again after each that did."""
        if task.outcome or task.heartbeat_seconds is None or task.last_heartbeat_at is None:
            return
        due = task.last_heartbeat_at + timedelta(seconds=task.heartbeat_seconds)
        if due > self._account.now():
            self._account.at(due, lambda: self._expect_heartbeat(task))
        else:
            self._time_out(task, HEARTBEAT_TIMED_OUT)

    def _awaited_by(self, method: str, token: str) -> WaitingTask:
        """Return the task of a token, if somebody still waits for it."""
        task = self._tasks.get(token)
        if task is None:
            self.refused[method] += 1
            raise self.refusal(method, "InvalidToken", "Invalid Token: 'Invalid token'")
        if task.outcome is not None:
            self.refused[method] += 1
            raise self.refusal(method, "TaskTimedOut", _GONE)
        return task

    def _reported(self, method: str, token: str) -> WaitingTask:
        if token in self._tasks:
            self._tasks[token].reports += 1
        return self._awaited_by(method, token)

    def _time_out(self, task: WaitingTask, error: str) -> None:
        if task.outcome is not None:
            return
        if not task.retries:
            self._settled(task, Reported("timed_out", self._account.now(), error=error))
            return
        task.outcome = Reported("timed_out", self._account.now(), error=error)
        self._schedule(
            task.execution,
            task.activity,
            task.input,
            heartbeat=task.heartbeat_seconds,
            timeout=task.timeout_seconds,
            retries=task.retries - 1,
        )

    def _settled(self, task: WaitingTask, outcome: Reported) -> None:
        task.outcome = outcome
        if outcome.kind != "succeeded":
            self._end(task.execution, "FAILED")
        elif all(one.outcome is not None for one in task.execution.tasks):
            self._end(task.execution, "SUCCEEDED")

    def _end(self, execution: Execution, status: str) -> None:
        if execution.status != "RUNNING":
            return
        execution.status = status
        execution.ended_at = self._account.now()
        for task in execution.tasks:
            if task.outcome is None:
                task.outcome = Reported("aborted", execution.ended_at)
        self._tell(execution)

    def _tell(self, execution: Execution) -> None:
        detail = {
            "executionArn": execution.arn,
            "stateMachineArn": execution.machine,
            "name": execution.arn.rpartition(":")[2],
            "status": execution.status,
            "startDate": _milliseconds(execution.started_at),
            "stopDate": None if execution.ended_at is None else _milliseconds(execution.ended_at),
        }
        self._account.send("aws.states", "Step Functions Execution Status Change", detail, (execution.arn,))


def _retries(state: Mapping[str, Any]) -> int:
    """Return how often a state is tried again when it times out."""
    for retrier in state.get("Retry", []):
        if {TIMED_OUT, HEARTBEAT_TIMED_OUT, "States.ALL"} & set(retrier["ErrorEquals"]):
            return int(retrier.get("MaxAttempts", 3))
    return 0


def _described(execution: Execution) -> dict[str, Any]:
    described = {
        "executionArn": execution.arn,
        "stateMachineArn": execution.machine,
        "name": execution.arn.rpartition(":")[2],
        "status": execution.status,
        "startDate": execution.started_at,
        "input": "{}",
    }
    return described if execution.ended_at is None else {**described, "stopDate": execution.ended_at}


def _page(name: str, records: list[dict[str, Any]], size: int, token: str | None) -> dict[str, Any]:
    start = int(token or 0)
    end = start + (size or _PAGE)
    page: dict[str, Any] = {name: records[start:end]}
    return {**page, "nextToken": str(end)} if end < len(records) else page


def _resolved(task_input: Mapping[str, Any], execution: str) -> str:
    """Return an input as JSON, with the ARN of its execution where it asks for that."""
    return json.dumps(
        {
            name.removesuffix(".$") if value == _EXECUTION_ID else name: execution if value == _EXECUTION_ID else value
            for name, value in task_input.items()
        }
    )


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
