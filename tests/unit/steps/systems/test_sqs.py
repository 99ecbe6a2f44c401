from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from functools import cache
from types import SimpleNamespace
from typing import Any

import boto3
import pyarrow as pa
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from runners.steps.context import StepContext
from runners.steps.cursors import Publishing
from runners.steps.ends import as_text
from runners.steps.errors import (
    DataNotRepresentable,
    SourceFailed,
    StepError,
    StepFailed,
    StepStopped,
    TargetFailed,
    TargetUnavailable,
)
from runners.steps.systems import message_batches
from runners.steps.systems.files import FolderTarget
from runners.steps.systems.sqs import SqsSource, SqsTarget
from runners.steps.systems.sqs_messages import ReceivedMessages
from runners.steps.transfer import transfer
from runners.testing import steps as testing
from runners.testing.steps import run_step
from tests.integration.waiting import eventually
from tests.unit.doubles import client_error
from tests.unit.steps.systems.rows import CountsRows, abandoned, orders, read, written

EXECUTION = "arn:aws:states:eu-central-1:123456789012:execution:daily:1"


@cache
def client_of_all_tests() -> Any:
    """Made once, as that takes long."""
    return boto3.client("sqs", region_name="eu-central-1")


def step_context(**more: Any) -> StepContext:
    return testing.step_context(**{"client": lambda service: client_of_all_tests(), **more})


@pytest.fixture
def sqs():
    with mock_aws():
        yield client_of_all_tests()


@pytest.fixture
def queue(sqs):
    return sqs.create_queue(QueueName="orders")["QueueUrl"]


@pytest.fixture
def fifo(sqs):
    return sqs.create_queue(QueueName="orders.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]


class Spied:
    """SQS's client with one call replaced."""

    def __init__(self, client: Any, **replaced: Any) -> None:
        self._client = client
        self.__dict__.update(replaced)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


def context_of(client: Any, **more: Any):
    return step_context(client=lambda service: client, **more)


def bodies(sqs: Any, url: str) -> list[Any]:
    found = []
    while came := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        found += [json.loads(message["Body"]) for message in came]
    return found


def sent(sqs: Any, url: str, *texts: str) -> None:
    for text in texts:
        sqs.send_message(QueueUrl=url, MessageBody=text)


def source_of(**parameters: Any) -> SqsSource:
    return SqsSource.checked({"Queue": "orders", "WaitSeconds": 0} | parameters)


def waiting(sqs: Any, url: str) -> tuple[int, int]:
    """How many messages can be seen, and how many are held."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return int(found[names[0]]), int(found[names[1]])


# The target


@pytest.mark.parametrize("named", ["orders", "the address"])
def test_each_row_is_a_message(sqs, queue, named):
    context = step_context()
    told = written(SqsTarget(Queue=queue if named == "the address" else "orders"), context, orders("Ada", None))
    assert told == {"queue": queue, "messages": 2}
    assert bodies(sqs, queue) == [{"id": 1, "name": "Ada"}, {"id": 2, "name": None}]
    assert context.progress.bytes == len('{"id":1,"name":"Ada"}{"id":2,"name":null}')


def test_rows_may_share_a_message(sqs, queue):
    target = SqsTarget(Queue="orders", RowsPerMessage=2)
    assert written(target, step_context(), orders("a"), orders("b", "c"))["messages"] == 2
    assert bodies(sqs, queue) == [[{"id": 1, "name": "a"}, {"id": 1, "name": "b"}], [{"id": 2, "name": "c"}]]


def test_no_rows_are_no_message(sqs, queue):
    assert written(SqsTarget(Queue="orders"), step_context())["messages"] == 0
    assert bodies(sqs, queue) == []


def test_nothing_is_sent_without_a_commit(sqs, queue):
    with abandoned(SqsTarget(Queue="orders"), step_context(), orders("a")):
        pass
    assert bodies(sqs, queue) == []


def test_ten_messages_are_sent_at_a_time_and_as_many_bytes_as_there_may_be(sqs, queue):
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"MaximumMessageSize": "1024"})
    calls = []

    def send(**call: Any) -> Any:
        calls.append(len(call["Entries"]))
        return sqs.send_message_batch(**call)

    context = context_of(Spied(sqs, send_message_batch=send))
    written(SqsTarget(Queue="orders"), context, orders(*["x" * 10] * 12, *["x" * 500] * 3))
    assert calls == [10, 3, 1, 1]


def test_a_message_that_is_too_large_keeps_all_from_being_sent(sqs, queue):
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"MaximumMessageSize": "1024"})
    with pytest.raises(TargetFailed, match=r"message 2 has 1,\d\d\d bytes, and may have 1,024"):
        written(SqsTarget(Queue="orders"), step_context(), orders("small", "x" * 1_024))
    assert bodies(sqs, queue) == []


def test_a_value_without_a_form_in_json_keeps_all_from_being_sent(sqs, queue):
    batch = pa.RecordBatch.from_arrays([pa.array(["{}", "{"])], schema=pa.schema([as_text("tags", "json")]))
    with pytest.raises(DataNotRepresentable, match="column tags"):
        written(SqsTarget(Queue="orders"), step_context(), batch)
    assert bodies(sqs, queue) == []


def test_a_repeat_sends_nothing_twice_to_a_fifo_queue(sqs, fifo):
    target = SqsTarget(Queue="orders.fifo", GroupId="shop")
    for _ in range(2):
        written(target, step_context(execution_id=EXECUTION), orders("a", "a"))
    assert bodies(sqs, fifo) == [{"id": 1, "name": "a"}, {"id": 2, "name": "a"}]


def test_another_run_outside_an_execution_sends_all_again_to_a_fifo_queue(sqs, fifo):
    for _ in range(2):
        written(SqsTarget(Queue="orders.fifo"), step_context(), orders("a"))
    assert waiting(sqs, fifo) == (2, 0)


def test_messages_that_sqs_failed_to_take_are_sent_again_and_no_others(sqs, queue, monkeypatch):
    monkeypatch.setattr(message_batches, "wait_random_exponential", lambda **_: lambda state: 0)
    calls = []

    def send(**call: Any) -> Any:
        calls.append([entry["Id"] for entry in call["Entries"]])
        failed = [{"Id": "1", "Code": "InternalError", "SenderFault": False}]
        return {"Failed": failed if len(calls) < 3 else []}

    written(SqsTarget(Queue="orders"), context_of(Spied(sqs, send_message_batch=send)), orders("a", "b", "c"))
    assert calls == [["0", "1", "2"], ["1"], ["1"]]


@pytest.mark.parametrize(("fault", "error"), [(True, TargetFailed), (False, TargetUnavailable)])
def test_messages_that_are_never_taken_fail_the_step(sqs, queue, monkeypatch, fault, error):
    monkeypatch.setattr(message_batches, "wait_random_exponential", lambda **_: lambda state: 0)
    refused = {"Failed": [{"Id": "0", "Code": "InvalidMessageContents", "SenderFault": fault, "Message": "a secret"}]}
    context = context_of(Spied(sqs, send_message_batch=lambda **call: refused))
    with pytest.raises(error) as raised:
        written(SqsTarget(Queue="orders"), context, orders("a"))
    assert "secret" not in raised.value.cause()


@pytest.mark.parametrize("end", [SqsTarget(Queue="nowhere"), SqsSource(Queue="nowhere")])
def test_a_queue_that_there_is_not_is_named(sqs, end):
    with pytest.raises(StepError, match="there is no queue 'nowhere'"):
        written(end, step_context()) if isinstance(end, SqsTarget) else read(end, step_context())


def test_another_error_of_aws_is_not_taken_for_a_missing_queue(sqs):
    def refuses(**_: Any) -> Any:
        raise client_error("AccessDenied")

    with pytest.raises(ClientError):
        read(source_of(), context_of(Spied(sqs, get_queue_url=refuses)))


def test_lineage_names_the_queue_and_no_account():
    assert SqsTarget(Queue="https://sqs.eu-central-1.amazonaws.com/123456789012/orders").place() == "sqs://orders"
    assert SqsSource(Queue="orders").place() == "sqs://orders"


# The source


def test_messages_are_rows(sqs, queue):
    attribute = {
        "source": {"DataType": "String", "StringValue": "shop"},
        "raw": {"DataType": "Binary", "BinaryValue": b"x"},
    }
    sent(sqs, queue, "first")
    sqs.send_message(QueueUrl=queue, MessageBody="second", MessageAttributes=attribute)
    found = read(source_of(), step_context())
    assert found["body"].to_pylist() == ["first", "second"]
    assert found["attributes"].to_pylist() == ["{}", '{"source":"shop"}']
    assert abs((datetime.now(UTC) - found["sent_at"][0].as_py()).total_seconds()) < 60
    assert found["group_id"].to_pylist() == [None, None]
    assert len(set(found["message_id"].to_pylist())) == 2


def test_an_empty_queue_has_the_same_columns(sqs, queue):
    found = read(source_of(), step_context())
    assert (found.num_rows, found.schema.names) == (0, ["message_id", "sent_at", "group_id", "body", "attributes"])


def test_members_of_messages_are_columns(sqs, queue):
    sent(sqs, queue, '{"id": 9007199254740993, "customer": {"name": "Ada"}}', '{"id": 2}')
    columns = {"id": "int64", "name": {"Type": "string", "Path": "customer.name"}}
    found = read(source_of(Columns=columns), step_context())
    assert found.to_pylist() == [{"id": 9007199254740993, "name": "Ada"}, {"id": 2, "name": None}]


def test_a_message_that_is_no_json_fails_and_stays(sqs, queue):
    sent(sqs, queue, "secret")
    with pytest.raises(SourceFailed, match="no JSON") as raised:
        read(source_of(Columns={"id": "int64"}), step_context())
    assert "secret" not in raised.value.cause()
    assert waiting(sqs, queue) == (1, 0)


def test_no_more_messages_are_received_than_are_asked_for(sqs, queue):
    sent(sqs, queue, *"abcdefghijklmno")
    assert read(source_of(MaxMessages=12), step_context()).num_rows == 12
    assert waiting(sqs, queue) == (15, 0)


def test_receiving_ends_with_its_time(sqs, queue, monkeypatch):
    sent(sqs, queue, *"abcdefghijkl")
    times = iter([0.0, 1.0, 400.0])
    monkeypatch.setattr("runners.steps.systems.sqs.monotonic", lambda: next(times))
    assert read(source_of(), step_context()).num_rows == 10


def test_a_step_that_is_to_stop_gives_its_messages_back(sqs, queue):
    sent(sqs, queue, "a")
    with pytest.raises(StepStopped):
        read(source_of(), step_context(stopping=lambda: True))
    assert waiting(sqs, queue) == (1, 0)


def test_a_message_that_is_delivered_twice_is_one_row(sqs, queue):
    twice = {"MessageId": "m", "ReceiptHandle": "r", "Body": "a", "Attributes": {"SentTimestamp": "0"}}
    answers = iter([{"Messages": [twice]}, {"Messages": [twice]}, {}])
    client = Spied(
        sqs,
        receive_message=lambda **call: next(answers),
        change_message_visibility_batch=lambda **call: {},
    )
    assert read(source_of(), context_of(client))["body"].to_pylist() == ["a"]


# The whole way


SqsToCount = transfer("SqsToCount", SqsSource, CountsRows, "From a queue.")
PARAMETERS = {"Source": {"Queue": "orders", "WaitSeconds": 0}, "Target": {}}


def test_messages_are_deleted_once_the_target_has_committed(sqs, queue):
    sent(sqs, queue, *"abcdefghijkl")
    assert run_step(SqsToCount, PARAMETERS, step_context())["deleted"] == 12
    assert waiting(sqs, queue) == (0, 0)


def test_messages_stay_when_the_target_takes_them_not(sqs, queue):
    sent(sqs, queue, "a")
    with pytest.raises(StepError):
        run_step(SqsToCount, PARAMETERS | {"Checks": {"MinRows": 2}}, step_context())
    assert waiting(sqs, queue) == (1, 0)


def test_messages_stay_when_the_target_has_only_those_of_an_earlier_try(sqs, queue):
    sent(sqs, queue, "a")
    assert "deleted" not in run_step(SqsToCount, PARAMETERS | {"Target": {"Repeated": True}}, step_context())
    assert waiting(sqs, queue) == (1, 0)


SqsToShelf = transfer("SqsToShelf", SqsSource, FolderTarget, "From a queue into a file.")
TO_FILE = {"Source": {"Queue": "orders", "WaitSeconds": 0}, "Target": {"ConnectionName": "shelf", "Path": "orders.csv"}}


@pytest.fixture
def shelf(tmp_path):
    """A folder, and what runs the step into it: each time as a try of the same execution, unless another is named."""
    cursors = testing.MemoryCursors()

    def run(execution: str = EXECUTION) -> dict[str, Any]:
        context = step_context(
            connections={"shelf": {"root": str(tmp_path)}}, cursors=cursors, execution_id=execution, given=TO_FILE
        )
        return run_step(SqsToShelf, TO_FILE, context)

    return SimpleNamespace(run=run, file=tmp_path / "orders.csv", cursors=cursors)


def test_a_repeat_after_the_messages_were_deleted_puts_no_others_in_their_place(sqs, queue, shelf):
    sent(sqs, queue, "first")
    said = shelf.run()
    sent(sqs, queue, "second")
    assert shelf.run() == {"rows": 1, "file": said["file"], "bytes": said["bytes"], "repeated": True}
    assert "first" in shelf.file.read_text()
    assert waiting(sqs, queue) == (1, 0)


def test_a_repeat_after_a_try_that_died_before_it_could_note_that_it_had_published_moves_all_again(
    sqs, queue, shelf, monkeypatch
):
    def dies(*_: Any) -> None:
        raise KeyboardInterrupt

    sent(sqs, queue, "first")
    with monkeypatch.context() as dying:
        dying.setattr(shelf.cursors, "move", dies)
        with pytest.raises(KeyboardInterrupt):
            shelf.run()
    assert shelf.run()["deleted"] == 1
    assert "first" in shelf.file.read_text()


@pytest.mark.parametrize("execution", [EXECUTION + "2", ""])
def test_another_execution_replaces_what_is_there(sqs, queue, shelf, execution):
    sent(sqs, queue, "first")
    shelf.run()
    sent(sqs, queue, "second")
    assert shelf.run(execution)["deleted"] == 1
    assert "second" in shelf.file.read_text()


def test_of_two_tries_at_one_time_the_second_publishes_nothing_and_gives_its_messages_back(
    sqs, queue, shelf, monkeypatch
):
    sent(sqs, queue, "first")
    monkeypatch.setattr(shelf.cursors, "read", shelf.cursors.kept.copy().get)
    shelf.cursors.publish("sqs://orders to file://shelf/orders.csv", Publishing("another", "try"), None)
    with pytest.raises(StepFailed, match=r"moved by somebody else meanwhile.* Nothing was published"):
        shelf.run()
    assert not shelf.file.exists()
    assert waiting(sqs, queue) == (1, 0)


def test_what_was_published_is_not_noted_where_a_repeat_does_no_harm(sqs, queue):
    sent(sqs, queue, "a")
    cursors = testing.MemoryCursors()
    run_step(SqsToCount, PARAMETERS, step_context(cursors=cursors, execution_id=EXECUTION))
    assert cursors.kept == {}


# What is held


def test_messages_that_are_held_are_seen_by_nobody_else_for_another_while(sqs, queue):
    calls = []
    client = Spied(
        sqs,
        receive_message=lambda **call: {"Messages": [{"MessageId": "m", "ReceiptHandle": "r"}]},
        change_message_visibility_batch=lambda **call: calls.append(call["Entries"]) or {},
    )
    with ReceivedMessages(client, queue, visibility=0.03) as held:
        held.receive(10, 0)
        eventually(lambda: len(calls) > 1)
    assert {entry["VisibilityTimeout"] for entries in calls[:-1] for entry in entries} == {0.03}
    assert [entry["VisibilityTimeout"] for entry in calls[-1]] == [0]


def test_messages_whose_time_cannot_be_prolonged_are_only_logged(sqs, queue, caplog):
    sent(sqs, queue, "a")

    def refuses(**_: Any) -> Any:
        raise client_error("InternalError")

    held = ReceivedMessages(Spied(sqs, change_message_visibility_batch=refuses), queue, visibility=60)
    held.receive(10, 0)
    with caplog.at_level(logging.WARNING, "runners"):
        held.prolong()
    assert [record.action for record in caplog.records] == ["visibility_not_changed"]


def test_messages_that_sqs_does_not_delete_are_counted_and_logged(sqs, queue, caplog):
    sent(sqs, queue, "a", "b")
    client = Spied(sqs, delete_message_batch=lambda **call: {"Failed": [{"Id": "0"}]})
    held = ReceivedMessages(client, queue, visibility=60)
    held.receive(10, 0)
    with caplog.at_level(logging.WARNING, "runners"):
        assert held.delete() == 1
    assert [record.messages for record in caplog.records] == [1]
    assert len(held) == 0
