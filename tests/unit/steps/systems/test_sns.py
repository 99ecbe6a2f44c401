from __future__ import annotations

import json

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.core import DEFAULT_ACCOUNT_ID
from moto.sns import sns_backends

from runners.steps.errors import TargetFailed, ValidationFailed
from runners.steps.systems.sns import SnsTarget
from runners.testing.steps import step_context
from tests.unit.doubles import client_error
from tests.unit.steps.systems.rows import abandoned, orders, written

REGION = "eu-central-1"


@pytest.fixture
def sns(monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws():
        yield boto3.client("sns")


@pytest.fixture
def topic(sns):
    return sns.create_topic(Name="orders")["TopicArn"]


def published(topic: str):
    return [
        (json.loads(message), subject)
        for _, message, subject, *_ in sns_backends[DEFAULT_ACCOUNT_ID][REGION].topics[topic].sent_notifications
    ]


def test_each_row_is_published_as_a_message(topic):
    context = step_context()
    told = written(SnsTarget(TopicArn=topic, Subject="New orders"), context, orders("Ada", None))
    assert told == {"topic": topic, "messages": 2}
    assert published(topic) == [({"id": 1, "name": "Ada"}, "New orders"), ({"id": 2, "name": None}, "New orders")]
    assert context.progress.bytes > 0


def test_rows_may_share_a_message(topic):
    written(SnsTarget(TopicArn=topic, RowsPerMessage=10), step_context(), orders("a", "b"))
    assert published(topic) == [([{"id": 1, "name": "a"}, {"id": 2, "name": "b"}], None)]


def test_nothing_is_published_without_a_commit(topic):
    with abandoned(SnsTarget(TopicArn=topic), step_context(), orders("a")):
        pass
    assert published(topic) == []


def test_a_message_that_is_too_large_keeps_all_from_being_published(topic):
    with pytest.raises(TargetFailed, match="may have 262,144"):
        written(SnsTarget(TopicArn=topic), step_context(), orders("a", "x" * 300_000))
    assert published(topic) == []


class Client:
    """SNS's client that keeps what it was asked."""

    def __init__(self, code: str = "") -> None:
        self.code = code
        self.entries: list[dict[str, str]] = []

    def publish_batch(self, *, TopicArn, PublishBatchRequestEntries):  # noqa: N803  # as boto3 names them
        if self.code:
            raise client_error(self.code)
        self.entries += PublishBatchRequestEntries
        return {"Failed": []}


def test_a_repeat_gives_a_fifo_topic_the_same_keys_in_the_same_group():
    target = SnsTarget(TopicArn="arn:aws:sns:eu-central-1:123456789012:orders.fifo", GroupId="shop")
    client = Client()
    for _ in range(2):
        written(target, step_context(client=lambda service: client, execution_id="arn:1"), orders("a", "b"))
    keys = [entry["MessageDeduplicationId"] for entry in client.entries]
    assert keys[:2] == keys[2:]
    assert len(set(keys)) == 2
    assert {entry["MessageGroupId"] for entry in client.entries} == {"shop"}


def test_a_topic_that_there_is_not_is_named():
    target = SnsTarget(TopicArn="arn:aws:sns:eu-central-1:123456789012:nowhere")
    client = Client("NotFound")
    with pytest.raises(TargetFailed, match=r"there is no topic .*nowhere"):
        written(target, step_context(client=lambda service: client), orders("a"))


def test_another_error_of_aws_is_not_taken_for_a_missing_topic():
    target = SnsTarget(TopicArn="arn:aws:sns:eu-central-1:123456789012:orders")
    client = Client("AuthorizationError")
    with pytest.raises(ClientError):
        written(target, step_context(client=lambda service: client), orders("a"))


def test_lineage_names_the_topic_and_no_account():
    assert SnsTarget(TopicArn="arn:aws:sns:eu-central-1:123456789012:orders").place() == "sns://orders"


def test_a_topic_is_named_by_its_arn():
    with pytest.raises(ValidationFailed, match="TopicArn"):
        SnsTarget.checked({"TopicArn": "orders"})
