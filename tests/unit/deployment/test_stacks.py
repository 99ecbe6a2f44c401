"""Stacks: what is done to them in each status, what is shown while it goes on, and how a failure is told."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from rich.console import Console

from runners.deployment.progress import Progress
from runners.deployment.stacks import LONGEST_PAUSE, TAG, Change, Stacks, pauses
from runners.errors import DeploymentError

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "glue-resources"
ARN = f"arn:aws:cloudformation:us-east-1:123456789012:stack/{NAME}/1"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
ABSENT = {"service_error_code": "ValidationError", "service_message": f"Stack with id {NAME} does not exist"}


class Fixture:
    """Stacks over a stubbed CloudFormation, which must be asked exactly what was announced."""

    def __init__(self) -> None:
        client = boto3.client(
            "cloudformation", region_name="us-east-1", aws_access_key_id="none", aws_secret_access_key="none"
        )
        self.stubber = Stubber(client)
        self.shown = io.StringIO()
        self.slept: list[float] = []
        self.stacks = Stacks(client, "dev", Progress(Console(file=self.shown, width=200)), self.slept.append)

    def describe(self, status: str, name: str = NAME, owner: str | None = "dev", **more: Any) -> None:
        tags = [{"Key": "other", "Value": "x"}] + ([{"Key": TAG, "Value": owner}] if owner else [])
        stack = {"StackName": NAME, "StackId": ARN, "StackStatus": status, "CreationTime": NOW, "Tags": tags, **more}
        self.stubber.add_response("describe_stacks", {"Stacks": [stack]}, {"StackName": name})

    def absent(self, name: str = NAME) -> None:
        self.stubber.add_client_error("describe_stacks", expected_params={"StackName": name}, **ABSENT)

    def events(self, *events: dict[str, Any], token: str | None = None, after: str | None = None) -> None:
        answer: dict[str, Any] = {"StackEvents": list(events)}
        if token:
            answer["NextToken"] = token
        expected = {"StackName": ARN} | ({"NextToken": after} if after else {})
        self.stubber.add_response("describe_stack_events", answer, expected)

    @property
    def lines(self) -> list[str]:
        return self.shown.getvalue().splitlines()


def event(number: int, status: str, resource: str = "Database", reason: str | None = None) -> dict[str, Any]:
    return {
        "StackId": ARN,
        "EventId": str(number),
        "StackName": NAME,
        "LogicalResourceId": resource,
        "ResourceType": "AWS::Glue::Database",
        "ResourceStatus": status,
        "Timestamp": NOW,
    } | ({"ResourceStatusReason": reason} if reason else {})


@pytest.fixture
def at() -> Iterator[Fixture]:
    fixture = Fixture()
    with fixture.stubber:
        yield fixture
        fixture.stubber.assert_no_pending_responses()


def failure(at: Fixture, change: Change) -> str:
    with pytest.raises(DeploymentError) as caught:
        at.stacks.follow(change)
    return str(caught.value)


def request_parameters(**changes: Any) -> dict[str, Any]:
    return {
        "StackName": NAME,
        "TemplateBody": "template",
        "Parameters": [{"ParameterKey": "Polls", "ParameterValue": "4"}],
        "Capabilities": ["CAPABILITY_IAM"],
        "Tags": [{"Key": TAG, "Value": "dev"}],
        **changes,
    }


@pytest.mark.parametrize("command", ["create", "apply"])
def test_a_stack_that_does_not_exist_is_created_and_marked_as_this_environments(at: Fixture, command: str) -> None:
    at.absent()
    at.stubber.add_response("create_stack", {"StackId": ARN}, request_parameters())
    change = getattr(at.stacks, command)(NAME, "template", {"Polls": "4"})
    assert change == Change(NAME, ARN, None)
    assert at.lines == [f"{NAME}: creating"]


def test_creating_a_stack_that_exists_leaves_it_as_it_is(at: Fixture) -> None:
    at.describe("CREATE_COMPLETE")
    assert at.stacks.create(NAME, "template", {}) is None
    assert "`pynt updatestack[glue-resources]`" in at.lines[0]


@pytest.mark.parametrize("command", ["update", "apply"])
def test_an_update_shows_which_parameters_change(at: Fixture, command: str) -> None:
    at.describe(
        "UPDATE_COMPLETE",
        Parameters=[
            {"ParameterKey": "Polls", "ParameterValue": "2"},
            {"ParameterKey": "Region", "ParameterValue": "same"},
            {"ParameterKey": "HasDefault", "ParameterValue": "default"},
        ],
    )
    at.events(event(7, "UPDATE_COMPLETE"))
    at.stubber.add_response("update_stack", {"StackId": ARN})
    change = getattr(at.stacks, command)(NAME, "template", {"Polls": "4", "New": "x", "Region": "same"})
    assert change == Change(NAME, ARN, "7")
    assert at.lines == [f"{NAME}: updating", "  New: (none) → x", "  Polls: 2 → 4"]


def test_a_stack_that_is_up_to_date_needs_no_waiting(at: Fixture) -> None:
    at.describe("CREATE_COMPLETE")
    at.events()
    at.stubber.add_client_error(
        "update_stack", "ValidationError", "No updates are to be performed.", expected_params=request_parameters()
    )
    assert at.stacks.apply(NAME, "template", {"Polls": "4"}) is None
    assert at.lines == [f"{NAME}: up to date"]


def test_an_update_that_cloudformation_refuses_is_an_error(at: Fixture) -> None:
    at.describe("CREATE_COMPLETE")
    at.events()
    at.stubber.add_client_error("update_stack", "ValidationError", "Template format error")
    with pytest.raises(ClientError, match="Template format error"):
        at.stacks.update(NAME, "template", {})


def test_updating_a_stack_that_does_not_exist_says_how_to_create_it(at: Fixture) -> None:
    at.absent()
    with pytest.raises(DeploymentError, match=r"Type `pynt createstack\[glue-resources\]`"):
        at.stacks.update(NAME, "template", {})


@pytest.mark.parametrize(
    "status", ["ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED", "REVIEW_IN_PROGRESS"]
)
def test_what_a_failed_creation_left_is_told_with_what_to_type(at: Fixture, status: str) -> None:
    at.describe(status)
    with pytest.raises(DeploymentError, match=rf"is {status} since before.*pynt deletestack\[glue-resources\]"):
        at.stacks.apply(NAME, "template", {})


def test_a_failed_rollback_of_an_update_is_told_with_what_to_type(at: Fixture) -> None:
    at.describe("UPDATE_ROLLBACK_FAILED")
    with pytest.raises(DeploymentError, match="continue-update-rollback --stack-name glue-resources"):
        at.stacks.apply(NAME, "template", {})


def test_what_a_failed_creation_left_can_be_deleted(at: Fixture) -> None:
    at.describe("ROLLBACK_COMPLETE")
    at.events(event(3, "ROLLBACK_COMPLETE", NAME))
    at.stubber.add_response("delete_stack", {}, {"StackName": NAME})
    assert at.stacks.delete(NAME) == Change(NAME, ARN, "3")


def test_deleting_a_stack_that_does_not_exist_is_fine(at: Fixture) -> None:
    at.absent()
    assert at.stacks.delete(NAME) is None
    assert at.lines == [f"{NAME}: there is none"]


@pytest.mark.parametrize(
    ("owner", "told"), [(None, "something else than these build commands"), ("prod", "the environment prod")]
)
def test_a_stack_that_others_created_is_left_alone(at: Fixture, owner: str | None, told: str) -> None:
    for action in (lambda: at.stacks.delete(NAME), lambda: at.stacks.apply(NAME, "template", {})):
        at.describe("CREATE_COMPLETE", owner=owner)
        with pytest.raises(DeploymentError, match=told):
            action()


def test_a_change_that_an_interruption_left_going_on_is_waited_for_first(at: Fixture) -> None:
    at.describe("UPDATE_IN_PROGRESS")
    at.describe("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
    at.describe("UPDATE_COMPLETE")
    assert at.stacks.create(NAME, "template", {}) is None
    assert len(at.slept) == 2
    assert "waiting for its end" in at.lines[0]


def test_a_deletion_that_an_interruption_left_going_on_ends_with_a_new_stack(at: Fixture) -> None:
    at.describe("DELETE_IN_PROGRESS")
    at.absent()
    at.stubber.add_response("create_stack", {"StackId": ARN})
    assert at.stacks.apply(NAME, "template", {}) is not None


def test_what_becomes_of_each_resource_is_shown_once_and_as_it_comes(at: Fixture) -> None:
    at.describe("CREATE_IN_PROGRESS", ARN)
    at.events(event(1, "CREATE_IN_PROGRESS", NAME))
    at.describe("CREATE_IN_PROGRESS", ARN)
    at.events(event(2, "CREATE_IN_PROGRESS"), event(1, "CREATE_IN_PROGRESS", NAME))
    at.describe("CREATE_COMPLETE", ARN)
    at.events(event(4, "CREATE_COMPLETE", NAME), event(3, "CREATE_COMPLETE"), token="more")
    at.events(event(2, "CREATE_IN_PROGRESS"), event(1, "CREATE_IN_PROGRESS", NAME), after="more")
    at.stacks.follow(Change(NAME, ARN, None))
    assert at.lines == [
        "  glue-resources Database (AWS::Glue::Database) CREATE_COMPLETE",
        "glue-resources: CREATE_COMPLETE",
    ]
    assert len(at.slept) == 2


def test_events_from_before_the_change_are_not_shown(at: Fixture) -> None:
    at.describe("UPDATE_COMPLETE", ARN)
    at.events(event(9, "UPDATE_COMPLETE", "New"), event(8, "CREATE_FAILED", "Old"))
    at.stacks.follow(Change(NAME, ARN, "8"))
    assert "Old" not in at.shown.getvalue()


def test_a_stack_that_is_gone_is_deleted(at: Fixture) -> None:
    at.absent(ARN)
    at.events()
    at.stacks.follow(Change(NAME, ARN, "8"))
    assert at.lines == ["glue-resources: DELETE_COMPLETE"]


def test_a_creation_that_rolled_back_is_told_by_the_first_failure_and_what_to_type(at: Fixture) -> None:
    at.describe("ROLLBACK_COMPLETE", ARN)
    at.events(
        event(5, "ROLLBACK_COMPLETE", NAME),
        event(4, "CREATE_FAILED", "Joined", "later"),
        event(3, "CREATE_FAILED", "Database", "already exists."),
        event(2, "CREATE_FAILED", "Sales", "Resource creation cancelled"),
    )
    assert failure(at, Change(NAME, ARN, None)) == (
        "the stack glue-resources ended as ROLLBACK_COMPLETE. First failed Database (AWS::Glue::Database): already "
        "exists. Mend the cause, then type `pynt deletestack[glue-resources]` and `pynt createstack[glue-resources]`."
    )
    assert "  glue-resources Database (AWS::Glue::Database) CREATE_FAILED: already exists." in at.lines


def test_an_update_that_rolled_back_is_told_to_have_changed_nothing(at: Fixture) -> None:
    at.describe("UPDATE_ROLLBACK_COMPLETE", ARN)
    at.events(event(9, "UPDATE_FAILED"))
    told = failure(at, Change(NAME, ARN, "8"))
    assert "no reason given. The stack is as it was before" in told
    assert "`pynt updatestack[glue-resources]`" in told


def test_a_deletion_that_failed_is_told_to_be_repeated(at: Fixture) -> None:
    at.describe("DELETE_FAILED", ARN)
    at.events()
    assert failure(at, Change(NAME, ARN, "8")) == (
        "the stack glue-resources ended as DELETE_FAILED. "
        "Mend what the reason says, then type `pynt deletestack[glue-resources]` again."
    )


def test_status_and_outputs_of_a_stack_are_read(at: Fixture) -> None:
    at.describe("CREATE_COMPLETE", Outputs=[{"OutputKey": "Arn", "OutputValue": "arn:x"}])
    assert at.stacks.outputs(NAME) == {"Arn": "arn:x"}
    at.describe("CREATE_COMPLETE")
    assert at.stacks.status(NAME) == "CREATE_COMPLETE"
    at.absent()
    assert at.stacks.status(NAME) is None
    at.absent()
    assert at.stacks.outputs(NAME) == {}


def test_an_answer_other_than_missing_is_not_taken_for_missing(at: Fixture) -> None:
    at.stubber.add_client_error("describe_stacks", "AccessDenied", "no")
    with pytest.raises(ClientError, match="AccessDenied"):
        at.stacks.status(NAME)


def test_a_stack_is_looked_at_often_at_first_and_then_ever_more_rarely() -> None:
    taken = list(islice(pauses(), 20))
    assert taken[0] < 0.1
    assert taken == sorted(taken)
    assert taken[-1] == LONGEST_PAUSE
