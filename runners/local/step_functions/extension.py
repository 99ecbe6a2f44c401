"""Step Functions as an extension of moto: ``GetActivityTask``, and answers as AWS gives them.

Installs the front door of activities (``activity_tasks``) and executions that can be watched and stopped
(``executions``), and mends what moto 5.2.5 answers otherwise (``moto/stepfunctions/responses.py`` and
``parser/models.py``); each replacement says what that is. State machines in JSONata are refused: moto parses
them, but has nothing that evaluates them.
"""

from __future__ import annotations

import base64
import datetime
import json
import uuid
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from moto.core.exceptions import AWSError
from moto.core.responses import ActionResult, EmptyResult
from moto.stepfunctions.models import StepFunctionBackend
from moto.stepfunctions.parser import api, models
from moto.stepfunctions.parser.api import (
    ExecutionStatus,
    InvalidDefinition,
    InvalidExecutionInput,
    InvalidOutput,
    ValidationException,
)
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEventException
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.common.timeouts.timeout import TimeoutSeconds
from moto.stepfunctions.parser.asl.component.state.exec.execute_state import ExecutionState
from moto.stepfunctions.parser.asl.component.state.exec.state_task.state_task_activitiy import StateTaskActivity
from moto.stepfunctions.parser.asl.eval.callback.callback import (
    CallbackOutcomeFailure,
    CallbackOutcomeSuccess,
    HeartbeatTimeoutError,
)
from moto.stepfunctions.parser.models import StepFunctionsParserBackend, stepfunctions_parser_backends
from moto.stepfunctions.responses import StepFunctionResponse

from runners.local.replacements import Replacements
from runners.local.step_functions import execution_events, member_names, run_a_job
from runners.local.step_functions.activity_tasks import ActivityTasks
from runners.local.step_functions.executions import LiveExecution

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runners.local.server import EmbeddedAWS

# Limits in characters, as AWS documents them.
MAX_TOKEN, MAX_WORKER_NAME, MAX_ERROR, MAX_CAUSE, MAX_DATA = 2048, 80, 256, 32_768, 262_144
MAX_EVENTS = 1000  # of one page of a history
DEFAULT_EVENTS = 100
_EXECUTION_DATA = ("input", "output", "inputDetails", "outputDetails")


class StepFunctions:
    """The extension. One for each embedded AWS."""

    def __init__(self) -> None:
        self._moto = Replacements()
        self._wait_seconds = 0.0
        self._stopping = False
        self.tasks = ActivityTasks(exists=_activity_exists)

    def start(self, aws: EmbeddedAWS) -> None:
        """Open the front door."""
        self._wait_seconds = aws.activity_poll_wait.total_seconds()
        self._name_errors()
        self._open_activities()
        self._mend_executions()
        self._mend_interpreter()

    def stop(self) -> None:
        """Stop every execution and poll, and put moto back as it was."""
        self._stopping = True
        for execution in _all_executions():
            execution.stop(_now(), "EmbeddedAWS.Stopped", None)
        self.tasks.close()
        self._moto.undo()

    def _name_errors(self) -> None:
        # moto answers most errors of its interpreter without a code.
        for kind in vars(api).values():
            if isinstance(kind, type) and issubclass(kind, AWSError) and "code" in vars(kind):
                self._moto.add(kind, "TYPE", kind.__name__)

    def _open_activities(self) -> None:
        # moto answers NotImplementedError to GetActivityTask, and looks for a token in every execution there is.
        self._moto.add(StepFunctionResponse, "get_activity_task", self._get_activity_task_method())
        self._moto.replace(StepFunctionResponse, "send_task_success", self._send_task_success_method())
        # moto drops the cause of a failure.
        self._moto.replace(StepFunctionResponse, "send_task_failure", self._send_task_failure_method())
        # moto refuses the heartbeat of a task whose state asks for none.
        self._moto.replace(StepFunctionResponse, "send_task_heartbeat", self._send_task_heartbeat_method())
        self._mend_activities()

    def _mend_executions(self) -> None:
        # moto gives executions an empty store of activities, and tells EventBridge nothing of them.
        self._moto.replace(models, "Execution", partial(LiveExecution, self.tasks, self._tell))
        # moto calls an execution without a name "None".
        start = StepFunctionsParserBackend.start_execution
        self._moto.replace(StepFunctionsParserBackend, "start_execution", _named(start))
        self._moto.replace(StepFunctionResponse, "stop_execution", _stop_execution)
        self._moto.replace(StepFunctionResponse, "get_execution_history", _get_execution_history)
        for name in ("describe_execution", "list_executions"):
            described = getattr(StepFunctionResponse, name)
            self._moto.replace(StepFunctionResponse, name, _with_stop_date(described))
        # moto forgets the executions of a state machine that is deleted, and lets them run on.
        delete = StepFunctionBackend.delete_state_machine
        self._moto.replace(StepFunctionBackend, "delete_state_machine", _stopping_executions(delete))

    def _mend_activities(self) -> None:
        create, delete = StepFunctionBackend.create_activity, StepFunctionBackend.delete_activity

        # moto refuses what AWS answers: an activity that exists already.
        def create_activity(backend: Any, name: str, *arguments: Any, **named: Any) -> Any:
            existing = [activity for activity in backend.activities.values() if activity.name == name]
            return existing[0] if existing else create(backend, name, *arguments, **named)

        def delete_activity(backend: Any, activity_arn: str) -> None:
            delete(backend, activity_arn)
            self.tasks.forget(activity_arn)

        self._moto.replace(StepFunctionBackend, "create_activity", create_activity)
        self._moto.replace(StepFunctionBackend, "delete_activity", delete_activity)

    def _mend_interpreter(self) -> None:
        validate = StepFunctionsParserBackend._validate_definition
        self._moto.replace(StepFunctionsParserBackend, "_validate_definition", staticmethod(_without_jsonata(validate)))
        # moto lets a task with a heartbeat but without TimeoutSeconds time out after 60 s; AWS has no such limit.
        self._moto.replace(ExecutionState, "from_state_props", _untimed(ExecutionState.from_state_props))
        # moto matches a lost heartbeat with States.Timeout only; at AWS States.HeartbeatTimeout matches it too.
        self._moto.replace(StateTaskActivity, "_from_error", _naming_heartbeats(StateTaskActivity._from_error))
        # moto calls an activity that does not exist "activity_arn", whatever its name.
        evaluate = StateTaskActivity._eval_execution
        self._moto.replace(StateTaskActivity, "_eval_execution", _naming_the_activity(evaluate))
        run_a_job.install(self._moto)
        member_names.install(self._moto)
        # moto sleeps before a retry where nothing can wake it; the end of the server does.
        self._moto.replace(retrier_decl, "time", SimpleNamespace(sleep=self.tasks.closed.wait))

    def _tell(self, execution: LiveExecution) -> None:
        if not self._stopping:  # then whoever would be told stops as well
            execution_events.send_status(execution)

    def _get_activity_task_method(self) -> Any:
        def get_activity_task(response: Any) -> ActionResult:
            arn, worker = _text(response, "activityArn", 256), _text(response, "workerName", MAX_WORKER_NAME)
            task = self.tasks.poll(arn, worker or None, self._wait_seconds)
            return EmptyResult() if task is None else ActionResult({"taskToken": task.callback_id, "input": task.input})

        return get_activity_task

    def _send_task_success_method(self) -> Any:
        def send_task_success(response: Any) -> ActionResult:
            token, output = _text(response, "taskToken", MAX_TOKEN), _text(response, "output", MAX_DATA)
            task = self.tasks.find(token)
            try:
                json.loads(output)
            except ValueError:
                raise InvalidOutput("Invalid Output: the output is not JSON") from None
            task.report(CallbackOutcomeSuccess(token, output))
            return EmptyResult()

        return send_task_success

    def _send_task_failure_method(self) -> Any:
        def send_task_failure(response: Any) -> ActionResult:
            token = _text(response, "taskToken", MAX_TOKEN)
            error, cause = _text(response, "error", MAX_ERROR), _text(response, "cause", MAX_CAUSE)
            self.tasks.find(token).report(CallbackOutcomeFailure(token, error or None, cause or None))
            return EmptyResult()

        return send_task_failure

    def _send_task_heartbeat_method(self) -> Any:
        def send_task_heartbeat(response: Any) -> ActionResult:
            self.tasks.find(_text(response, "taskToken", MAX_TOKEN)).heartbeat()
            return EmptyResult()

        return send_task_heartbeat


class _HeartbeatTimeout(StatesErrorName):
    """The error of a lost heartbeat: shown as States.Timeout, matched by two names."""

    def __init__(self) -> None:
        super().__init__(typ=StatesErrorNameType.StatesTimeout)

    def __eq__(self, other: object) -> bool:
        names = {StatesErrorNameType.StatesTimeout, StatesErrorNameType.StatesHeartbeatTimeout}
        return getattr(other, "error_name", None) in {name.to_name() for name in names}

    __hash__ = object.__hash__


def _now() -> datetime.datetime:
    return datetime.datetime.now(tz=datetime.UTC)


def _text(response: Any, name: str, limit: int) -> str:
    """Answer a parameter of a request; ``ValidationException``, without the value, when it is too long."""
    value = response._get_param(name) or ""
    if len(value) > limit:
        raise ValidationException(
            f"1 validation error detected: Value at '{name}' failed to satisfy constraint: "
            f"Member must have length less than or equal to {limit}"
        )
    return str(value)


def _activity_exists(activity_arn: str) -> bool:
    parts = activity_arn.split(":")
    if len(parts) < len(["arn", "aws", "states", "region", "account", "activity", "name"]):
        return False
    return activity_arn in stepfunctions_parser_backends[parts[4]][parts[3]].activities


def _all_executions() -> Iterator[Any]:
    for account in stepfunctions_parser_backends.values():
        for backend in account.values():
            for state_machine in backend.state_machines:
                yield from state_machine.executions


def _named(start: Any) -> Any:
    def start_execution(
        backend: Any, state_machine_arn: str, name: str | None = None, execution_input: Any = None, *more: Any
    ) -> Any:
        if name:
            backend._validate_name(name)
        if len(execution_input or "") > MAX_DATA:
            raise InvalidExecutionInput(f"The input is longer than {MAX_DATA} characters")
        return start(backend, state_machine_arn, name or str(uuid.uuid4()), execution_input, *more)

    return start_execution


def _stop_execution(response: Any) -> ActionResult:
    """As moto's, which drops error and cause."""
    execution = response.stepfunction_backend.describe_execution(_text(response, "executionArn", 256))
    error, cause = _text(response, "error", MAX_ERROR), _text(response, "cause", MAX_CAUSE)
    execution.stop(_now(), error or None, cause or None)
    return ActionResult({"stopDate": execution.stop_date or _now()})


def _with_stop_date(described: Any) -> Any:
    """As moto's, which knows no stop date of an execution that timed out."""

    def describe(response: Any) -> Any:
        answer = described(response)
        for item in answer.result.get("executions", [answer.result]):
            if item["status"] == ExecutionStatus.TIMED_OUT.value and "stopDate" not in item:
                item["stopDate"] = response.stepfunction_backend.describe_execution(item["executionArn"]).stop_date
        return answer

    return describe


def _get_execution_history(response: Any) -> ActionResult:
    """As moto's, which answers all events in one page, forward and with their data, whatever is asked for."""
    arn = response._get_param("executionArn")
    reverse = response._get_bool_param("reverseOrder", False)
    limit = min(response._get_int_param("maxResults") or DEFAULT_EVENTS, MAX_EVENTS)
    events = response.stepfunction_backend.describe_execution(arn).events()
    if reverse:
        events.reverse()
    token = response._get_param("nextToken")
    if token:
        # An id, not a place: while the execution runs, the newest events move what is read backwards.
        last = _last_seen(token)
        events = [event for event in events if (event["id"] < last if reverse else event["id"] > last)]
    page = events[:limit]
    if not response._get_bool_param("includeExecutionData", True):
        page = [_without_data(event) for event in page]
    more = len(events) > limit
    return ActionResult({"events": page, "nextToken": _page_token(page[-1]["id"]) if more else None})


def _page_token(event_id: int) -> str:
    return base64.urlsafe_b64encode(f"after {event_id}".encode()).decode()


def _last_seen(token: str) -> int:
    try:
        return int(base64.urlsafe_b64decode(token).decode().removeprefix("after "))
    except ValueError:
        raise ValidationException("The nextToken is not one of this history") from None


def _without_data(event: dict[str, Any]) -> dict[str, Any]:
    return {
        name: {key: kept for key, kept in value.items() if key not in _EXECUTION_DATA}
        if isinstance(value, dict)
        else value
        for name, value in event.items()
    }


def _stopping_executions(delete: Any) -> Any:
    def delete_state_machine(backend: Any, arn: str) -> None:
        running = [
            execution for machine in backend.state_machines if machine.arn == arn for execution in machine.executions
        ]
        delete(backend, arn)
        for execution in running:
            execution.stop(_now(), None, "The state machine was deleted")

    return delete_state_machine


def _without_jsonata(validate: Any) -> Any:
    def validate_definition(definition: str) -> None:
        validate(definition=definition)
        if _uses_jsonata(json.loads(definition)):
            raise InvalidDefinition(
                "Invalid State Machine Definition: the embedded AWS evaluates JSONPath only; "
                "QueryLanguage JSONata runs at AWS but not here"
            )

    return validate_definition


def _uses_jsonata(node: Any) -> bool:
    if isinstance(node, dict):
        return node.get("QueryLanguage") == "JSONata" or any(map(_uses_jsonata, node.values()))
    return isinstance(node, list) and any(map(_uses_jsonata, node))


def _naming_the_activity(evaluate: Any) -> Any:
    def evaluate_or_name(task: Any, env: Any) -> None:
        try:
            evaluate(task, env)
        except FailureEventException as error:
            events: Any = error.failure_event.event_details or {}
            details = events.get("executionFailedEventDetails", {})
            if details.get("cause"):
                details["cause"] = details["cause"].replace("activity_arn", task.resource.resource_arn)
            raise

    return evaluate_or_name


def _untimed(from_state_props: Any) -> Any:
    def read(state: Any, state_props: Any) -> None:
        from_state_props(state, state_props)
        if state.timeout.is_default_value():
            state.timeout = TimeoutSeconds(timeout_seconds=TimeoutSeconds.DEFAULT_TIMEOUT_SECONDS, is_default=True)

    return read


def _naming_heartbeats(from_error: Any) -> Any:
    def read(state: Any, env: Any, ex: Exception) -> Any:
        failure = from_error(state, env, ex)
        if isinstance(ex, HeartbeatTimeoutError):
            failure.error_name = _HeartbeatTimeout()
        return failure

    return read
