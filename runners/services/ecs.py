"""ECS tasks: run one to its end, ask for many at once, stop them, find one that was never recorded.

A request is the input of RunTask, written as in Step Functions' own integration. ECS has a start token, but to a
token that it knows it repeats what it answered then, also that it had no room. So each start that may be made has
one of its own, recorded before it as the job's mark; ``startedBy`` is the task's key.
"""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError
from pydantic import Field, model_validator

from runners.errors import StartLaterError, StartRefusedError, StartUnclearError
from runners.job import Failed, Running, Succeeded, Unknown
from runners.links import log_link, page_link
from runners.retries import error_code, error_message, is_unclear, repeated
from runners.services import Service, checked, iso, run_told_by
from runners.services.api_inputs import ApiInput, handed_on, request_model
from runners.services.calls import batches, described, grouped, starting, under_key
from runners.services.messages import without_values

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_ecs.type_defs import ContainerTypeDef, FailureTypeDef, TaskTypeDef

    from runners.job import ActiveJob, Status

FAILED = "EcsTaskFailedError"
STOP_REASON = "The state that this task was run for is no longer waited for"

# The last states of a task, as the developer guide lists them under "task lifecycle"; the API has no enum of them.
RUNNING_STATES = frozenset(
    {"PROVISIONING", "PENDING", "ACTIVATING", "RUNNING", "DEACTIVATING", "STOPPING", "DEPROVISIONING"}
)
ENDED_STATES = frozenset({"STOPPED", "DELETED"})

# Why a task ended. One that was cut short is no success, even where its containers took the signal calmly and
# exited with 0: whoever stopped it did so before its work was complete.
ENDED_BY_ITSELF = frozenset({"EssentialContainerExited"})
CUT_SHORT = frozenset(
    {
        "TaskFailedToStart",
        "UserInitiated",
        "ServiceSchedulerInitiated",
        "SpotInterruption",
        "TerminationNotice",
        "InfrastructureHealth",
    }
)

_SET_BY_THE_RUNNER = frozenset({"clientToken", "startedBy", "referenceId"})
_DESCRIBE_BATCH = 100  # tasks; the most that DescribeTasks takes
_DEFINITIONS = 1000  # revisions of task definitions that are remembered; a revision never changes
_MARK_IS_NEW = timedelta(minutes=1)  # when another start is made under one mark, a lease is over, which takes longer
_DEFAULT_CLUSTER = "default"
# What has no code of its own: the cluster or the account is full, or what ECS itself calls is throttled.
_BUSY = re.compile(
    r"^RESOURCE:|^AGENT\b|EMPTY CAPACITY|Capacity is unavailable|reached the limit|capacity limit exceeded"
    r"|RequestLimitExceeded"
)

_utc_now = partial(datetime.now, UTC)


class EcsFields(ApiInput):
    """The fields of a request for ECS that differ from RunTask's, and those that go together."""

    count: Literal[1] = Field(default=1, alias="Count")
    """One state is one task."""

    @model_validator(mode="after")
    def _capacity_is_said_in_one_way(self) -> EcsFields:
        if getattr(self, "launchType", None) and getattr(self, "capacityProviderStrategy", None):
            raise ValueError("give LaunchType or CapacityProviderStrategy, not both")
        return self


class Ecs(Service):
    """ECS as a service."""

    name = "ecs"
    asked_for = ("TaskDefinition", "Cluster")

    def __init__(self, ecs: ECSClient, now: Callable[[], datetime] = _utc_now) -> None:
        self._ecs = ecs
        self._now = now
        self._region = ecs.meta.region_name
        shape = ecs.meta.service_model.operation_model("RunTask").input_shape
        self._request = request_model(shape, EcsFields, without=_SET_BY_THE_RUNNER)
        self._definition = lru_cache(_DEFINITIONS)(self._read_definition)

    def validate(self, request: Mapping[str, Any]) -> None:
        """Check a task's input."""
        checked(self._request, request)

    def mark(self, job: ActiveJob) -> dict[str, Any]:  # noqa: ARG002  # a service's signature
        """Return a new start token, and the time."""
        return {"ClientToken": uuid.uuid4().hex, "MarkedAt": self._now().isoformat()}

    def start(self, job: ActiveJob) -> str:
        """Run one task under the job's start token and return its ARN."""
        call = checked(self._request, job.request).call()
        call |= {"startedBy": job.task_key, "clientToken": _mark(job)["ClientToken"]}
        is_first = self._age_of_mark(job) < _MARK_IS_NEW
        try:
            with starting("ECS", lambda reason: _not_started(job, reason)):
                answer = self._run_task(call)
        except StartLaterError as later:
            if is_first:
                raise
            # Nor has ECS said what it did under this token before, so the job must not get another one.
            raise StartUnclearError(f"an earlier start may have run a task, and now {later}") from None
        if answer["tasks"]:
            return str(answer["tasks"][0]["taskArn"])
        reason = _reason(answer["failures"])
        if not reason or _BUSY.search(reason):
            raise StartLaterError(f"ECS started no task: {reason or 'it gave no reason'}")
        raise _not_started(job, reason)

    def _run_task(self, call: dict[str, Any]) -> Mapping[str, Any]:
        try:
            return under_key(self._ecs.run_task)(**call)
        except ClientError as error:
            if started := error.response.get("resourceIds"):
                # A ConflictException: with this token a task was run of what the request meant then, such as the
                # latest revision of its task definition.
                return {"tasks": [{"taskArn": started[0]}]}  # type: ignore[index]
            if _BUSY.search(error_message(error)) and not is_unclear(error):
                raise StartLaterError(f"ECS answered {error_code(error)}: {error_message(error)}") from None
            raise

    def find(self, job: ActiveJob) -> str | None:
        """Look for the task that was started by the task's key and is not being stopped.

        One that has ended or is about to is found by the next start: its token gets the same task again.
        """
        try:
            found = repeated(self._ecs.list_tasks)(cluster=_cluster(job), startedBy=job.task_key)
        except ClientError as error:
            if error_code(error) != "ClusterNotFoundException":
                raise
            return None
        return next(iter(found["taskArns"]), None)

    def describe(self, jobs: Sequence[ActiveJob]) -> dict[str, Status]:
        """Return the status of each task; those of one cluster are read together, up to 100 a call."""
        groups = (batch for group in grouped(jobs, _cluster).values() for batch in batches(group, _DESCRIBE_BATCH))
        return described("ECS", groups, self._describe_tasks)

    def stop(self, jobs: Sequence[ActiveJob]) -> None:
        """Stop tasks, one a call; one that has stopped already stays as it is."""
        for job in jobs:
            if job.run_id is None:
                continue
            try:
                repeated(self._ecs.stop_task)(cluster=_cluster(job), task=job.run_id, reason=STOP_REASON)
            except ClientError as error:
                # The ARN is ECS's own, so what is wrong with it is that its task is forgotten.
                if error_code(error) not in {"InvalidParameterException", "ClusterNotFoundException"}:
                    raise

    def run_of_event(self, event: Mapping[str, Any]) -> str | None:
        """Return the task of an ``ECS Task State Change``."""
        return run_told_by(event, "aws.ecs", "ECS Task State Change", "taskArn")

    def _describe_tasks(self, jobs: Sequence[ActiveJob]) -> dict[str, Status]:
        """Return the status of tasks of one cluster."""
        arns = [str(job.run_id) for job in jobs]
        try:
            answer = repeated(self._ecs.describe_tasks)(cluster=_cluster(jobs[0]), tasks=arns)
        except ClientError as error:
            if error_code(error) != "ClusterNotFoundException":
                raise
            return {job.task_key: self._unknown(job, "ECS does not know this cluster (any more)") for job in jobs}
        tasks = {task["taskArn"]: task for task in answer["tasks"]}
        missing = {failure.get("arn") for failure in answer["failures"] if failure.get("reason") == "MISSING"}
        statuses: dict[str, Status] = {}
        for job in jobs:
            if task := tasks.get(str(job.run_id)):
                statuses[job.task_key] = self._status(task)
            elif job.run_id in missing:
                statuses[job.task_key] = self._unknown(job, "ECS does not know this task (any more)")
        return statuses

    def _unknown(self, job: ActiveJob, message: str) -> Unknown:
        return Unknown(FAILED, _cause(job, str(job.run_id), "UNKNOWN", message))

    def _age_of_mark(self, job: ActiveJob) -> timedelta:
        """Return for how long a start may have been made: since the mark, or since the claim where there is none."""
        marked_at = (job.mark or {}).get("MarkedAt")
        return self._now() - (datetime.fromisoformat(marked_at) if marked_at else job.claimed_at)

    def _status(self, task: TaskTypeDef) -> Status:
        if task["lastStatus"] not in ENDED_STATES:
            # A state that AWS adds later is taken as running: the task's own time-out has the last word.
            return Running(task["lastStatus"])
        definition = self._definition(task["taskDefinitionArn"])
        failures = [
            _failure(container)
            for container in task["containers"]
            if container.get("exitCode") != 0 and _is_essential(container, definition)
        ]
        output = self._output(task, definition)
        if not failures and task.get("stopCode") not in CUT_SHORT and task["containers"]:
            return Succeeded(output)
        reasons = [task.get("stopCode"), task.get("stoppedReason"), *failures]
        return Failed(FAILED, {**output, "ErrorMessage": "; ".join(filter(None, reasons))})

    def _read_definition(self, arn: str) -> dict[str, Any]:
        """Return the containers of a task definition by name; none if it was deleted since."""
        try:
            answer = repeated(self._ecs.describe_task_definition)(taskDefinition=arn)
        except ClientError as error:
            if error_code(error) != "ClientException":
                raise
            return {}
        containers = answer["taskDefinition"]["containerDefinitions"]
        return {container["name"]: container for container in containers}

    def _output(self, task: TaskTypeDef, definition: Mapping[str, Any]) -> dict[str, Any]:
        cluster, task_id = task["clusterArn"].rsplit("/", 1)[-1], task["taskArn"].rsplit("/", 1)[-1]
        started, stopped = task.get("startedAt"), task.get("executionStoppedAt") or task.get("stoppedAt")
        return {
            "TaskArn": task["taskArn"],
            "TaskDefinitionArn": task["taskDefinitionArn"],
            "ClusterArn": task["clusterArn"],
            "LastStatus": task["lastStatus"],
            "StopCode": task.get("stopCode"),
            "StoppedReason": task.get("stoppedReason"),
            "CreatedAt": iso(task.get("createdAt")),
            "StartedAt": iso(started),
            "StoppedAt": iso(task.get("stoppedAt")),
            "ExecutionTimeSeconds": (stopped - started).total_seconds() if started and stopped else None,
            "Cpu": task.get("cpu"),
            "Memory": task.get("memory"),
            "Containers": [
                {
                    "Name": container["name"],
                    "ExitCode": container.get("exitCode"),
                    "Reason": container.get("reason"),
                    **self._log_link(container, definition.get(container["name"], {}), task_id),
                }
                for container in task["containers"]
            ],
            "ConsoleLink": page_link(self._region, f"ecs/v2/clusters/{cluster}/tasks/{task_id}?region={self._region}"),
        }

    def _log_link(self, container: ContainerTypeDef, definition: Mapping[str, Any], task_id: str) -> dict[str, str]:
        """Return where a container logs, if its definition says where in CloudWatch."""
        configuration = definition.get("logConfiguration", {})
        options = configuration.get("options", {})
        if configuration.get("logDriver") != "awslogs" or not {"awslogs-group", "awslogs-stream-prefix"} <= set(
            options
        ):
            return {}
        stream = f"{options['awslogs-stream-prefix']}/{container['name']}/{task_id}"
        return {"LogsLink": log_link(options.get("awslogs-region", self._region), options["awslogs-group"], stream)}


def _is_essential(container: ContainerTypeDef, definition: Mapping[str, Any]) -> bool:
    """Whether a container's end is its task's end. One that ECS itself adds to a task is in no definition."""
    if not definition:
        return True  # nothing is known, so nothing is overlooked
    return container["name"] in definition and bool(definition[container["name"]].get("essential", True))


def _failure(container: ContainerTypeDef) -> str:
    ended = f"exited with {container['exitCode']}" if "exitCode" in container else "has no exit code"
    reason = container.get("reason")
    return f"essential container {container['name']} {ended}" + (f": {reason}" if reason else "")


def _reason(failures: Sequence[FailureTypeDef]) -> str:
    return "; ".join(": ".join(filter(None, [failure.get("reason"), failure.get("detail")])) for failure in failures)


def _cluster(job: ActiveJob) -> str:
    return str(job.request.get("Cluster") or _DEFAULT_CLUSTER)


def _mark(job: ActiveJob) -> dict[str, Any]:
    assert job.mark is not None, "the runner records a mark before it starts a task"  # noqa: S101
    return job.mark


def _not_started(job: ActiveJob, reason: str) -> StartRefusedError:
    return StartRefusedError(FAILED, _cause(job, "", "NOT_STARTED", without_values(reason, handed_on(job.request))))


def _cause(job: ActiveJob, arn: str, state: str, message: str) -> dict[str, Any]:
    return {
        "TaskArn": arn,
        "TaskDefinition": job.request["TaskDefinition"],
        "Cluster": _cluster(job),
        "LastStatus": state,
        "ErrorMessage": message,
    }
