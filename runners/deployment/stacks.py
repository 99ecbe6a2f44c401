"""CloudFormation stacks: created, updated and deleted, with their events as they come.

It knows nothing of what a stack is for. It never touches a stack that another project or environment created.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from runners.errors import DeploymentError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mypy_boto3_cloudformation import CloudFormationClient

    from runners.deployment.progress import Progress

TAG = "etl-runners-environment"
FIRST_PAUSE = 0.05  # seconds between looks at a stack; the embedded AWS is done at once
LONGEST_PAUSE = 5.0  # seconds
_LONGER = 1.5  # how much longer each pause is than the one before

_DONE = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "DELETE_COMPLETE"})
_ONLY_DELETE = frozenset(
    {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED", "REVIEW_IN_PROGRESS"}
)
_CANCELLED = ("Resource creation cancelled", "Resource update cancelled", "Resource deletion cancelled")


@dataclass(frozen=True)
class Change:
    """A change of a stack that is under way."""

    stack: str
    """The stack's name."""

    stack_id: str
    """The stack's ARN, under which a deleted stack can still be seen."""

    last_event: str | None
    """The newest event from before the change."""


class Stacks:
    """The stacks of one environment; ``sleep`` waits that many seconds between looks."""

    def __init__(
        self,
        cloudformation: CloudFormationClient,
        environment: str,
        progress: Progress,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._cloudformation = cloudformation
        self._environment = environment
        self._progress = progress
        self._sleep = sleep

    def status(self, stack: str) -> str | None:
        """Return a stack's status, or nothing if there is no such stack."""
        description = self._describe(stack)
        return description["StackStatus"] if description else None

    def outputs(self, stack: str) -> dict[str, str]:
        """Return a stack's outputs; none if there is no such stack."""
        description = self._describe(stack) or {}
        return {output["OutputKey"]: output["OutputValue"] for output in description.get("Outputs", [])}

    def owned(self) -> frozenset[str]:
        """Return the names of all stacks that this environment has created and not deleted."""
        pages = self._cloudformation.get_paginator("describe_stacks").paginate()
        return frozenset(
            stack["StackName"] for page in pages for stack in page["Stacks"] if _owner(stack) == self._environment
        )

    def check_owner(self, stack: str) -> None:
        """See that a stack, if there is one, was created by this environment.

        Raises:
            DeploymentError: it was created by another, or by something else.

        """
        description = self._describe(stack)
        if description is not None:
            self._check_owner(stack, description)

    def create(self, stack: str, template: str, parameters: Mapping[str, str]) -> Change | None:
        """Begin to create a stack; one that exists is left as it is."""
        description = self._settled(stack)
        if description is None:
            return self._create(stack, template, parameters)
        self._progress.say(f"{stack}: exists already; `pynt updatestack[{stack}]` brings it up to date")
        return None

    def update(self, stack: str, template: str, parameters: Mapping[str, str]) -> Change | None:
        """Begin to update a stack; return nothing if it is up to date.

        Raises:
            DeploymentError: there is no such stack, or it can only be deleted.

        """
        description = self._settled(stack)
        if description is None:
            raise DeploymentError(f"there is no stack {stack} to update. Type `pynt createstack[{stack}]`.")
        return self._update(stack, template, parameters, description)

    def apply(self, stack: str, template: str, parameters: Mapping[str, str]) -> Change | None:
        """Begin to create a stack or to update it, whichever it needs; return nothing if it is up to date."""
        description = self._settled(stack)
        if description is None:
            return self._create(stack, template, parameters)
        return self._update(stack, template, parameters, description)

    def delete(self, stack: str) -> Change | None:
        """Begin to delete a stack; return nothing if there is none."""
        description = self._settled(stack, to_delete=True)
        if description is None:
            self._progress.say(f"{stack}: there is none")
            return None
        change = self._change(stack, description["StackId"])
        self._progress.say(f"{stack}: deleting")
        self._cloudformation.delete_stack(StackName=stack)
        return change

    def follow(self, change: Change) -> None:
        """Wait for the end of a change, and show its events as they come.

        Raises:
            DeploymentError: it failed; the message has the first resource that did, why, and what to type.

        """
        events: list[Any] = []
        with self._progress.following(change.stack) as show:
            for pause in pauses():
                description = self._describe(change.stack_id)
                status = description["StackStatus"] if description else "DELETE_COMPLETE"
                new = self._new_events(change, events)
                for step in filter(None, map(_step, new)):
                    show(step)
                events += new
                if not _in_progress(status):
                    break
                self._sleep(pause)
        if status not in _DONE:
            raise DeploymentError(_failure(change.stack, status, events))
        self._progress.say(f"{change.stack}: {status}")

    def _settled(self, stack: str, *, to_delete: bool = False) -> Any | None:
        """Describe a stack once nothing happens to it any more, as it may after an interruption."""
        description = self._describe(stack)
        if description is None:
            return None
        self._check_owner(stack, description)
        if _in_progress(description["StackStatus"]):
            self._progress.say(f"{stack}: {description['StackStatus']} since before, waiting for its end")
            for pause in pauses():
                self._sleep(pause)
                description = self._describe(stack)
                if description is None:
                    return None
                if not _in_progress(description["StackStatus"]):
                    break
        status = description["StackStatus"]
        if not to_delete and (status in _ONLY_DELETE or status == "UPDATE_ROLLBACK_FAILED"):
            raise DeploymentError(f"the stack {stack} is {status} since before. {_advice(stack, status)}")
        return description

    def _check_owner(self, stack: str, description: Any) -> None:
        owner = _owner(description)
        if owner == self._environment:
            return
        whose = f"the environment {owner}" if owner else "something else than these build commands"
        raise DeploymentError(
            f"the stack {stack} was created by {whose}, and is left alone. Choose another account or region "
            f"in config/{self._environment}.yaml, or delete that stack yourself."
        )

    def _create(self, stack: str, template: str, parameters: Mapping[str, str]) -> Change:
        self._progress.say(f"{stack}: creating")
        answer = self._cloudformation.create_stack(
            StackName=stack,
            TemplateBody=template,
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            Capabilities=["CAPABILITY_IAM"],
            Tags=[{"Key": TAG, "Value": self._environment}],
        )
        return Change(stack, answer["StackId"], None)

    def _update(self, stack: str, template: str, parameters: Mapping[str, str], description: Any) -> Change | None:
        change = self._change(stack, description["StackId"])
        try:
            self._cloudformation.update_stack(
                StackName=stack,
                TemplateBody=template,
                Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
                Capabilities=["CAPABILITY_IAM"],
                Tags=[{"Key": TAG, "Value": self._environment}],
            )
        except ClientError as error:
            if "No updates are to be performed" not in error.response["Error"].get("Message", ""):
                raise
            self._progress.say(f"{stack}: up to date")
            return None
        self._progress.say(f"{stack}: updating")
        for line in _differences(description, parameters):
            self._progress.say(f"  {line}")
        return change

    def _describe(self, stack: str) -> Any | None:
        try:
            return self._cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
        except ClientError as error:
            if "does not exist" in error.response["Error"].get("Message", ""):
                return None
            raise

    def _change(self, stack: str, stack_id: str) -> Change:
        newest = self._cloudformation.describe_stack_events(StackName=stack_id)["StackEvents"][:1]
        return Change(stack, stack_id, newest[0]["EventId"] if newest else None)

    def _new_events(self, change: Change, seen: list[Any]) -> list[Any]:
        """Return the events since the change began that are not in ``seen``, the oldest first."""
        last = seen[-1]["EventId"] if seen else change.last_event
        new: list[Any] = []
        for page in self._cloudformation.get_paginator("describe_stack_events").paginate(StackName=change.stack_id):
            for event in page["StackEvents"]:
                if event["EventId"] == last:
                    return new[::-1]
                new.append(event)
        return new[::-1]


def pauses() -> Iterator[float]:
    """Yield the pauses between looks at a stack, in seconds: short at first, then longer, without an end."""
    pause = FIRST_PAUSE
    while True:
        yield pause
        pause = min(pause * _LONGER, LONGEST_PAUSE)


def _owner(description: Any) -> str | None:
    return next((tag["Value"] for tag in description.get("Tags", []) if tag["Key"] == TAG), None)


def _in_progress(status: str) -> bool:
    return status.endswith("_IN_PROGRESS") and status not in _ONLY_DELETE


def _step(event: Any) -> str:
    """Describe an event of a resource that came to an end, good or bad; of others nothing."""
    status = event["ResourceStatus"]
    if event["LogicalResourceId"] == event["StackName"] or status.endswith("_IN_PROGRESS"):
        return ""
    reason = f": {event.get('ResourceStatusReason', '')}" if status.endswith("FAILED") else ""
    return f"  {event['StackName']} {event['LogicalResourceId']} ({event['ResourceType']}) {status}{reason}"


def _failure(stack: str, status: str, events: list[Any]) -> str:
    failed = (
        event
        for event in events
        if event["ResourceStatus"].endswith("_FAILED")
        and not event.get("ResourceStatusReason", "").startswith(_CANCELLED)
    )
    first = next(failed, None)
    what = f"the stack {stack} ended as {status}"
    if first is not None:
        reason = first.get("ResourceStatusReason", "no reason given").rstrip(".")
        what += f". First failed {first['LogicalResourceId']} ({first['ResourceType']}): {reason}"
    return f"{what}. {_advice(stack, status)}"


def _advice(stack: str, status: str) -> str:
    if status == "DELETE_FAILED":
        return f"Mend what the reason says, then type `pynt deletestack[{stack}]` again."
    if status in _ONLY_DELETE:
        return f"Mend the cause, then type `pynt deletestack[{stack}]` and `pynt createstack[{stack}]`."
    if status == "UPDATE_ROLLBACK_FAILED":
        return (
            f"Mend the cause, then type `aws cloudformation continue-update-rollback --stack-name {stack}` "
            f"and `pynt updatestack[{stack}]`."
        )
    return f"The stack is as it was before. Mend the cause, then type `pynt updatestack[{stack}]`."


def _differences(description: Any, parameters: Mapping[str, str]) -> list[str]:
    before = {
        parameter["ParameterKey"]: parameter.get("ParameterValue", "")
        for parameter in description.get("Parameters", [])
    }
    return [
        f"{name}: {before.get(name, '(none)')} → {parameters.get(name, '(default)')}"
        for name in sorted(before.keys() | parameters.keys())
        if before.get(name) != parameters.get(name, before.get(name))
    ]
