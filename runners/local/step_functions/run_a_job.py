"""Step Functions' own ``.sync``: a state that starts a job at its service and waits for its end, without a runner.

Here so that a state machine may mix both on a laptop. It covers the services whose jobs the embedded AWS runs; the
others, which moto 5.2.5 would start and not wait for, are refused by name. For another state machine
moto waits itself.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from moto.stepfunctions.parser.api import HistoryEventType, TaskFailedEventDetails
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
    FailureEvent,
    FailureEventException,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_glue,
    state_task_service_unsupported,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.resource import ResourceCondition
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_callback import (
    StateTaskServiceCallback,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_glue import (
    StateTaskServiceGlue,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_unsupported import (
    StateTaskServiceUnsupported,
)
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from moto.stepfunctions.parser.asl.utils.boto_client import boto_client_for
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from moto.stepfunctions.parser.asl.component.common.error_name.error_name import ErrorName

    from runners.local.replacements import Replacements


@dataclass(frozen=True, slots=True)
class NativeJob:
    """A job that ``.sync`` waits for.

    Attributes:
        describe: the method of the service's client that says how the job is.
        ids: the parameters of that method, each with its path in the state's parameters and the start's answer.
        result: the part of its answer that becomes the state's result; empty for all of it.
        state: where in the result the job's state stands.
        running: the states in which the wait goes on.
        stop: makes the call that stops the job, of the client and those parameters.

    """

    describe: str
    ids: Mapping[str, str]
    result: str
    state: tuple[str, ...]
    running: frozenset[str]
    stop: Callable[[Any, dict[str, str]], object]


JOBS = {
    ("glue", "startjobrun"): NativeJob(
        "get_job_run",
        {"JobName": "JobName", "RunId": "JobRunId"},
        "JobRun",
        ("JobRunState",),
        frozenset({"STARTING", "RUNNING", "STOPPING", "WAITING"}),
        lambda glue, ids: glue.batch_stop_job_run(JobName=ids["JobName"], JobRunIds=[ids["RunId"]]),
    ),
    ("athena", "startqueryexecution"): NativeJob(
        "get_query_execution",
        {"QueryExecutionId": "QueryExecutionId"},
        "",
        ("QueryExecution", "Status", "State"),
        frozenset({"QUEUED", "RUNNING"}),
        lambda athena, ids: athena.stop_query_execution(**ids),
    ),
}
SUCCEEDED = "SUCCEEDED"


_BOTH = frozenset({ResourceCondition.Sync, ResourceCondition.WaitForTaskToken})


def install(moto: Replacements) -> None:
    """Let ``.sync`` wait for these jobs."""
    moto.replace(StateTaskServiceGlue, "_build_sync_resolver", _resolver)
    moto.add(StateTaskServiceUnsupported, "_build_sync_resolver", _resolver)
    start = StateTaskServiceUnsupported._eval_service_task
    moto.replace(StateTaskServiceUnsupported, "_eval_service_task", _refusing(start))
    moto.add(StateTaskServiceUnsupported, "_from_error", _with_the_services_code)
    moto.replace(StateTaskServiceCallback, "_eval_sync", _stopping(StateTaskServiceCallback._eval_sync))
    # While it waits, moto's interpreter needs the endpoint that only states with a token have.
    for module in (state_task_service_glue, state_task_service_unsupported):
        moto.replace(module, "_SUPPORTED_INTEGRATION_PATTERNS", _BOTH)


def _refusing(start: Callable[..., None]) -> Callable[..., None]:
    """Start no job whose end nothing here would wait for."""

    def start_or_refuse(task: Any, env: Any, **others: Any) -> None:
        resource = task.resource
        if (
            resource.condition == ResourceCondition.Sync
            and (resource.service_name, resource.api_action.lower()) not in JOBS
        ):
            message = f"The embedded AWS does not wait for {resource.resource_arn}: use a runner's activity"
            raise FailureEventException(_failed(task, env, StatesErrorName(StatesErrorNameType.StatesRuntime), message))
        start(task, env=env, **others)

    return start_or_refuse


def _with_the_services_code(task: Any, env: Any, ex: Exception) -> FailureEvent:
    """Name what a service answered to a start, such as ``Athena.InvalidRequestException``."""
    if not isinstance(ex, ClientError):
        failure: FailureEvent = StateTaskServiceCallback._from_error(task, env=env, ex=ex)
        return failure
    name = f"{task.resource.service_name.capitalize()}.{ex.response['Error']['Code']}"
    return _failed(task, env, CustomErrorName(name), ex.response["Error"]["Message"])


def _resolver(
    task: Any, env: Any, resource_runtime_part: Any, normalised_parameters: dict[str, Any], state_credentials: Any
) -> _Wait:
    """Return what moto calls time and again until it answers the state's result."""
    service = task.resource.service_name
    job = JOBS[service, task.resource.api_action.lower()]
    known = {**normalised_parameters, **env.stack.pop()}
    ids = {parameter: known[place] for parameter, place in job.ids.items()}
    client = boto_client_for(service=service, region=resource_runtime_part.region, state_credentials=state_credentials)

    return _Wait(task, env, job, client, ids)


@dataclass(frozen=True, slots=True)
class _Wait:
    """What moto calls time and again until it answers the state's result."""

    task: Any
    env: Any
    job: NativeJob
    client: Any
    ids: dict[str, str]

    def __call__(self) -> dict[str, Any] | None:
        answer = getattr(self.client, self.job.describe)(**self.ids)
        answer.pop("ResponseMetadata")
        described: dict[str, Any] = answer[self.job.result] if self.job.result else answer
        state: Any = described
        for name in self.job.state:
            state = state[name]
        if state in self.job.running:
            return None
        if state != SUCCEEDED:
            error = StatesErrorName(StatesErrorNameType.StatesTaskFailed)
            raise FailureEventException(_failed(self.task, self.env, error, to_json_str(described)))
        return described

    def stop(self) -> None:
        """Stop the job, for an execution that was stopped or timed out; a job that has just ended is no error."""
        with suppress(ClientError):
            self.job.stop(self.client, self.ids)


def _stopping(wait: Callable[..., Any]) -> Callable[..., Any]:
    """Stop the job for which nobody waits any more, as Step Functions does."""

    def wait_or_stop(task: Any, **parts: Any) -> Any:
        outcome = wait(task, **parts)
        if not isinstance(outcome, dict) and isinstance(parts["sync_resolver"], _Wait):
            parts["sync_resolver"].stop()
        return outcome

    return wait_or_stop


def _failed(task: Any, env: Any, error: ErrorName, cause: str) -> FailureEvent:
    details = TaskFailedEventDetails(
        resource=task._get_sfn_resource(),
        resourceType=task._get_sfn_resource_type(),
        error=error.error_name,
        cause=cause,
    )
    return FailureEvent(
        env=env,
        error_name=error,
        event_type=HistoryEventType.TaskFailed,
        event_details=EventDetails(taskFailedEventDetails=details),  # type: ignore[typeddict-item]  # moto: one of them
    )
