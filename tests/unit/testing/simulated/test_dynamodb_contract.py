"""The same calls, played against the simulated DynamoDB and against moto's, get the same answers and errors."""

from __future__ import annotations

import random
from itertools import count
from typing import Any
from uuid import UUID

import boto3
import pytest
from botocore.exceptions import ClientError, ParamValidationError
from moto import mock_aws

from runners.active_jobs import ActiveJobs
from runners.job import Stage, Succeeded
from runners.testing import NotSimulatedError, SimulatedAWS
from tests.unit.doubles import active_job
from tests.unit.testing.modelled import Modelled

TABLE = "active-jobs"
SCHEMA: dict[str, Any] = {
    "TableName": TABLE,
    "BillingMode": "PAY_PER_REQUEST",
    "KeySchema": [
        {"AttributeName": "runner", "KeyType": "HASH"},
        {"AttributeName": "task_key", "KeyType": "RANGE"},
    ],
    "AttributeDefinitions": [
        {"AttributeName": name, "AttributeType": "S"} for name in ("runner", "task_key", "run_id")
    ],
}

EXTRAS = {"ResponseMetadata", "ConsumedCapacity", "ItemCollectionMetrics"}  # moto gives the last two unasked


def schema(projection):
    key = [{"AttributeName": "run_id", "KeyType": "HASH"}]
    index = {"IndexName": "by_run", "KeySchema": key, "Projection": {"ProjectionType": projection}}
    return {**SCHEMA, "GlobalSecondaryIndexes": [index]}


class Both:
    """Plays calls against both and holds them to each other."""

    def __init__(self, moto, projection="ALL"):
        self.simulated = Modelled(SimulatedAWS().dynamodb)
        self.moto = moto
        for client in (self.simulated, self.moto):
            client.create_table(**schema(projection))

    def __getattr__(self, name):
        def call(**parameters):
            ours, theirs = (played(client, name, parameters) for client in (self.simulated, self.moto))
            assert ours == theirs, f"{name}({parameters})"
            return ours

        return call


def played(client, name, parameters):
    """Make a call, and return its answer, or what its error tells."""
    if name != "transact_write_items":
        parameters = {"TableName": TABLE, **parameters}
    try:
        answer = getattr(client, name)(**parameters)
    except ClientError as error:
        response = error.response
        told = [response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"], response.get("Item")]
        for reason in response.get("CancellationReasons", []):
            told.append((reason.get("Code"), reason.get("Item")))
        return told
    return {key: value for key, value in answer.items() if key not in EXTRAS}


@pytest.fixture(scope="module")
def moto_client():
    """One for all tests: it takes longer to make than a test to run."""
    with mock_aws():
        yield boto3.client("dynamodb", region_name="us-east-1")


@pytest.fixture
def moto(moto_client):
    yield moto_client
    moto_client.delete_table(TableName=TABLE)


@pytest.fixture
def both(moto):
    return Both(moto)


def item(key="0", **values):
    return {
        "runner": {"S": "glue"},
        "task_key": {"S": key},
        **{name: {"S": value} if isinstance(value, str) else {"N": str(value)} for name, value in values.items()},
    }


def key(name="0"):
    return item(name)


def test_items_come_and_go(both):
    assert both.get_item(Key=key(), ConsistentRead=True) == {}
    assert both.put_item(Item=item(version=1)) == {}
    assert both.get_item(Key=key(), ConsistentRead=True) == {"Item": item(version=1)}
    assert both.put_item(Item=item(version=2), ReturnValues="ALL_OLD") == {"Attributes": item(version=1)}
    assert both.delete_item(Key=key(), ReturnValues="ALL_OLD") == {"Attributes": item(version=2)}
    assert both.delete_item(Key=key()) == {}
    assert both.delete_item(Key=key(), ReturnValues="ALL_OLD") == {}


@pytest.mark.parametrize(
    ("condition", "values"),
    [
        ("attribute_not_exists(task_key)", {}),
        ("attribute_exists(task_key)", {}),
        ("version = :v", {":v": {"N": "1"}}),
        ("version = :v", {":v": {"N": "1.0"}}),
        ("version = :v", {":v": {"S": "1"}}),
        ("version <> :v", {":v": {"N": "1"}}),
        ("version < :v", {":v": {"N": "10"}}),
        ("version <= :v", {":v": {"N": "1"}}),
        ("version > :v", {":v": {"N": "0.5"}}),
        ("version >= :v", {":v": {"N": "2"}}),
        ("holder < :v", {":v": {"S": "b"}}),
        ("absent = :v", {":v": {"S": "b"}}),
        ("absent < :v", {":v": {"S": "b"}}),
        ("attribute_not_exists(holder) OR holder = :v", {":v": {"S": "a"}}),
        ("attribute_not_exists(holder) OR holder = :v", {":v": {"S": "b"}}),
        ("attribute_exists(holder) AND NOT holder = :v", {":v": {"S": "b"}}),
        ("NOT (holder = :v OR version = :w) AND version < :w", {":v": {"S": "b"}, ":w": {"N": "2"}}),
        ("holder = :v AND version = :w OR attribute_not_exists(task_key)", {":v": {"S": "a"}, ":w": {"N": "1"}}),
        (":v < version", {":v": {"N": "0"}}),
    ],
)
@pytest.mark.parametrize("there", [True, False])
def test_a_condition_holds_or_not(both, condition, values, there):
    if there:
        both.put_item(Item=item(version=1, holder="a"))
    given = {"ExpressionAttributeValues": values} if values else {}
    shows_old = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    both.put_item(Item=item(version=7), ConditionExpression=condition, **given, **shows_old)
    both.get_item(Key=key())
    both.delete_item(Key=key(), ConditionExpression=condition, **given)
    both.get_item(Key=key())


def test_a_name_may_be_given_beside_the_expression(both):
    both.put_item(Item=item(version=1))
    names = {"ExpressionAttributeNames": {"#version": "version"}}
    values = {"ExpressionAttributeValues": {":v": {"N": "1"}}}
    assert both.put_item(Item=item(version=2), ConditionExpression="#version = :v", **names, **values) == {}


@pytest.mark.parametrize(
    ("update", "values"),
    [
        ("SET version = :v", {":v": {"N": "5"}}),
        ("SET version = version + :v", {":v": {"N": "5"}}),
        ("SET version = version - :v, holder = :h", {":v": {"N": "5"}, ":h": {"S": "b"}}),
        ("SET waiting = if_not_exists(waiting, :v) + :v", {":v": {"N": "5"}}),
        ("SET holder = :h REMOVE version", {":h": {"S": "b"}}),
        ("REMOVE version, holder", {}),
        ("SET absent = absent + :v", {":v": {"N": "5"}}),
        ("SET holder = holder + :v", {":v": {"N": "5"}}),
    ],
)
def test_an_update_changes_some_attributes(both, update, values):
    both.put_item(Item=item(version=1, holder="a"))
    given = {"ExpressionAttributeValues": values} if values else {}
    both.update_item(Key=key(), UpdateExpression=update, **given, ReturnValues="ALL_NEW")
    both.get_item(Key=key())


def test_an_update_makes_the_item_if_it_is_not_there(both):
    values = {":v": {"N": "1"}}
    both.update_item(Key=key(), UpdateExpression="SET version = :v", ExpressionAttributeValues=values)
    assert both.get_item(Key=key()) == {"Item": item(version=1)}


def test_an_update_has_a_condition_too(both):
    values = {":v": {"N": "1"}, ":before": {"N": "0"}}
    update = {"UpdateExpression": "SET version = :v", "ConditionExpression": "version = :before"}
    assert (
        both.update_item(Key=key(), **update, ExpressionAttributeValues=values)[0] == "ConditionalCheckFailedException"
    )


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("put_item", {"Item": {"runner": {"S": "glue"}}}),
        ("put_item", {"Item": item("")}),
        ("put_item", {"Item": item(run_id="")}),
        ("put_item", {"Item": item(big="x" * 409_600)}),
        ("get_item", {"Key": {"runner": {"S": "glue"}}}),
        ("get_item", {"Key": {**key(), "more": {"S": "x"}}}),
        ("get_item", {"TableName": "other-table", "Key": key()}),
        ("put_item", {"TableName": "other-table", "Item": item()}),
        (
            "query",
            {
                "IndexName": "by_run",
                "ConsistentRead": True,
                "KeyConditionExpression": "run_id = :r",
                "ExpressionAttributeValues": {":r": {"S": "x"}},
            },
        ),
        (
            "query",
            {"KeyConditionExpression": "task_key = :r", "ExpressionAttributeValues": {":r": {"S": "x"}}},
        ),
    ],
)
def test_what_dynamodb_does_not_take_is_refused(both, name, parameters):
    assert isinstance(getattr(both, name)(**parameters), list)


def queried(client, condition="runner = :runner", values=None, **options):
    """Query to the end, page by page."""
    if isinstance(client, Both):
        ours, theirs = (queried(one, condition, values, **options) for one in (client.simulated, client.moto))
        assert ours == theirs
        return ours
    asked = {
        "TableName": TABLE,
        "KeyConditionExpression": condition,
        "ExpressionAttributeValues": values or {":runner": {"S": "glue"}},
        **options,
    }
    items = []
    while True:
        page = client.query(**asked)
        items += page["Items"]
        if "LastEvaluatedKey" not in page:
            return items
        asked["ExclusiveStartKey"] = page["LastEvaluatedKey"]


@pytest.mark.parametrize(
    "options", [{}, {"Limit": 3}, {"ScanIndexForward": False}, {"ScanIndexForward": False, "Limit": 2}]
)
def test_a_query_returns_a_partition_in_order(both, options):
    for number in (3, 1, 2, 5, 4, 0):
        both.put_item(Item=item(str(number), version=number))
    both.put_item(Item={**item("9"), "runner": {"S": "athena"}})
    found = [one["task_key"]["S"] for one in queried(both, ConsistentRead=True, **options)]
    assert found == sorted("012345", reverse=not options.get("ScanIndexForward", True))


@pytest.mark.parametrize("comparison", ["=", "<", "<=", ">", ">="])
def test_a_query_may_ask_for_a_part_of_a_partition(both, comparison):
    for number in range(5):
        both.put_item(Item=item(str(number)))
    condition = f"runner = :runner AND task_key {comparison} :key"
    assert queried(both, condition, {":runner": {"S": "glue"}, ":key": {"S": "2"}})


def test_a_query_of_nothing_is_empty(both):
    assert queried(both) == []


def test_a_count_has_no_items(both):
    both.put_item(Item=item())
    condition = {"KeyConditionExpression": "runner = :r", "ExpressionAttributeValues": {":r": {"S": "glue"}}}
    assert both.query(**condition, Select="COUNT") == {"Count": 1, "ScannedCount": 1}


@pytest.mark.parametrize("projection", ["ALL", "KEYS_ONLY"])
def test_an_index_shows_items_by_their_other_key(moto, projection):
    both = Both(moto, projection)
    both.put_item(Item=item("0", run_id="run", version=1))
    both.put_item(Item=item("1", version=1))
    both.put_item(Item=item("2", run_id="other", version=1))
    by_run = {"condition": "run_id = :run_id", "values": {":run_id": {"S": "run"}}, "IndexName": "by_run"}
    assert len(queried(both, **by_run)) == 1
    both.put_item(Item=item("0", run_id="other", version=2))
    assert queried(both, **by_run) == []
    both.delete_item(Key=key("2"))
    by_run["values"] = {":run_id": {"S": "other"}}
    assert len(queried(both, **by_run)) == 1


def put_of(before=None, **values):
    write = {"TableName": TABLE, "Item": item(**values)}
    if before is None:
        return {"Put": {**write, "ConditionExpression": "attribute_not_exists(task_key)"}}
    condition = {"ConditionExpression": "version = :v", "ExpressionAttributeValues": {":v": {"N": str(before)}}}
    return {"Put": {**write, **condition, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}}


def count_of(by, most):
    return {
        "Update": {
            "TableName": TABLE,
            "Key": key("counter"),
            "UpdateExpression": "SET running = if_not_exists(running, :zero) + :by",
            "ConditionExpression": "attribute_not_exists(running) OR running < :most",
            "ExpressionAttributeValues": {":by": {"N": str(by)}, ":most": {"N": str(most)}, ":zero": {"N": "0"}},
        }
    }


def test_a_transaction_does_all_or_nothing(both):
    assert both.transact_write_items(TransactItems=[put_of(version=1), count_of(1, most=2)]) == {}
    both.transact_write_items(TransactItems=[put_of(before=1, version=2), count_of(1, most=2)])
    refused = both.transact_write_items(TransactItems=[put_of(before=2, version=3), count_of(1, most=2)])
    assert refused[0] == "TransactionCanceledException"
    assert [code for code, _ in refused[3:]] == ["None", "ConditionalCheckFailed"]
    assert both.get_item(Key=key()) == {"Item": item(version=2)}
    assert both.get_item(Key=key("counter"))["Item"]["running"] == {"N": "2"}
    both.transact_write_items(TransactItems=[put_of(before=9, version=3), count_of(-1, most=3)])
    both.get_item(Key=key("counter"))


def test_a_transaction_may_check_and_delete(both):
    both.put_item(Item=item(version=1))
    check = {"ConditionCheck": {"TableName": TABLE, "Key": key(), "ConditionExpression": "attribute_exists(version)"}}
    delete = {"Delete": {"TableName": TABLE, "Key": key("1")}}
    assert both.transact_write_items(TransactItems=[check, delete]) == {}
    both.delete_item(Key=key())
    assert both.transact_write_items(TransactItems=[check, delete])[0] == "TransactionCanceledException"


def test_a_transaction_touches_an_item_once(both):
    refused = both.transact_write_items(TransactItems=[put_of(version=1), put_of(before=1, version=2)])
    assert refused[0] == "ValidationException"


def test_a_table_is_there_once_and_shows_its_key(both):
    assert both.create_table(**schema("ALL"))[0] == "ResourceInUseException"
    described = both.simulated.describe_table(TableName=TABLE)["Table"]
    assert described["KeySchema"] == both.moto.describe_table(TableName=TABLE)["Table"]["KeySchema"]
    assert both.describe_table(TableName="other-table")[0] == "ResourceNotFoundException"


# As the runners call it


class Recorded:
    """A client whose calls are told, with what came of them."""

    def __init__(self, client):
        self._client = client
        self.calls = []

    def __getattr__(self, name):
        def call(**parameters):
            try:
                answer = getattr(self._client, name)(**parameters)
            except ClientError as error:
                self.calls.append((name, parameters, error.response["Error"]["Code"], error.response.get("Item")))
                raise
            told = {key: value for key, value in answer.items() if key not in EXTRAS}
            self.calls.append((name, parameters, told))
            return answer

        return call


def lived(client, seed, monkeypatch):
    """Let jobs live at random, by the real table of active jobs, and return its calls and what they said."""
    chance, writes = random.Random(seed), map(UUID, map("{:032x}".format, count()))
    monkeypatch.setattr("runners.active_jobs.uuid4", writes.__next__)
    recorded = Recorded(client)
    table = ActiveJobs(TABLE, recorded)
    acts = [
        table.claim,
        lambda job: table.advance(job.started("run-1")),
        lambda job: table.advance(job.reporting(Succeeded({"RunId": "run"}))),
        lambda job: table.advance(job.put_off(job.claimed_at)),
        table.close,
        table.read,
        lambda job: table.hold(job, "machine"),
        lambda job: table.release(job, "machine"),
        lambda job: table.admit([job.put_off(job.claimed_at)], chance.randrange(3)),
        lambda job: table.admissions("fake"),
        lambda job: table.park("fake", "run-1", job.claimed_at),
        lambda job: table.was_parked("fake", "run-1"),
        lambda job: table.release_lost("fake", [job.task_key]),
        lambda job: list(table.of_runner("fake")),
        lambda job: sorted(table.of_run("fake", "run-1"), key=lambda one: one.task_key),
    ]
    said = []
    for _ in range(80):
        job = active_job(chance.randrange(4), version=chance.randrange(1, 4))
        said.append(chance.choice(acts)(job))
    return recorded.calls, said


@pytest.mark.parametrize("seed", range(10))
def test_the_table_of_active_jobs_lives_the_same_at_both(both, seed, monkeypatch):
    ours, theirs = lived(both.simulated, seed, monkeypatch), lived(both.moto, seed, monkeypatch)
    for ours_of, theirs_of in zip(ours[0], theirs[0], strict=True):
        assert without_order(ours_of) == without_order(theirs_of)
    assert ours[1] == theirs[1]
    assert any(isinstance(one, list) and one for one in ours[1])


def without_order(call):
    """Return a call to an index without the order of its items, of which nothing is promised."""
    name, parameters, *told = call
    if parameters.get("IndexName") and "Items" in told[0]:
        told[0]["Items"].sort(key=lambda one: one["task_key"]["S"])
    return name, parameters, told


def test_many_jobs_are_listed_page_by_page_at_both(both):
    big = {"Text": "x" * 200_000}
    for client in (both.simulated, both.moto):
        table = ActiveJobs(TABLE, client)
        for number in range(12):
            table.claim(active_job(number, request=big, stage=Stage.CLAIMED))
        assert len(list(table.of_runner("fake"))) == 12


# Where moto differs from DynamoDB, DynamoDB's documentation says how it is


@pytest.fixture
def client():
    client = Modelled(SimulatedAWS().dynamodb)
    client.create_table(**schema("ALL"))
    return client


def code_of(call, **parameters):
    with pytest.raises(ClientError) as caught:
        call(TableName=TABLE, **parameters)
    return caught.value.response["Error"]["Code"]


@pytest.mark.parametrize("comparison", ["=", "<", "<=", ">", ">="])
def test_what_is_of_another_type_compares_with_nothing(client, comparison):
    client.put_item(TableName=TABLE, Item=item(version=1))
    condition = {"ConditionExpression": f"version {comparison} :v", "ExpressionAttributeValues": {":v": {"S": "1"}}}
    assert code_of(client.put_item, Item=item(), **condition) == "ConditionalCheckFailedException"


@pytest.mark.parametrize(
    "more",
    [
        {"ConditionExpression": "version = :v"},
        {"ConditionExpression": "#v = :v", "ExpressionAttributeValues": {":v": {"N": "1"}}},
        {"ConditionExpression": "version = :v", "ExpressionAttributeValues": {":v": {"N": "1"}, ":w": {"N": "1"}}},
        {
            "ConditionExpression": "version = :v",
            "ExpressionAttributeValues": {":v": {"N": "1"}},
            "ExpressionAttributeNames": {"#v": "version"},
        },
        {"ExpressionAttributeValues": {":v": {"N": "1"}}},
    ],
)
def test_placeholders_and_expressions_go_together(client, more):
    assert code_of(client.put_item, Item=item(), **more) == "ValidationException"


def test_a_query_needs_an_index_and_a_value_that_there_is(client):
    asked = {"KeyConditionExpression": "run_id = :r", "ExpressionAttributeValues": {":r": {"S": "x"}}}
    assert code_of(client.query, IndexName="by_no", **asked) == "ValidationException"
    asked["ExpressionAttributeValues"] = {":s": {"S": "x"}}
    assert code_of(client.query, IndexName="by_run", **asked) == "ValidationException"


def test_a_page_that_is_full_does_not_say_that_it_is_the_last(client):
    client.put_item(TableName=TABLE, Item=item())
    asked = {"KeyConditionExpression": "runner = :r", "ExpressionAttributeValues": {":r": {"S": "glue"}}}
    assert client.query(TableName=TABLE, **asked, Limit=1)["LastEvaluatedKey"] == key()
    assert "LastEvaluatedKey" not in client.query(TableName=TABLE, **asked, Limit=2)


def test_an_update_cannot_change_a_key(client):
    change = {"UpdateExpression": "SET task_key = :v", "ExpressionAttributeValues": {":v": {"S": "other"}}}
    assert code_of(client.update_item, Key=key(), **change) == "ValidationException"


def test_a_transaction_under_the_same_token_is_made_once(client):
    add = {"TransactItems": [count_of(1, most=9)], "ClientRequestToken": "token"}
    for _ in range(2):
        client.transact_write_items(**add)
    assert client.get_item(TableName=TABLE, Key=key("counter"))["Item"]["running"] == {"N": "1"}
    with pytest.raises(ClientError, match="IdempotentParameterMismatchException"):
        client.transact_write_items(**{**add, "TransactItems": [count_of(2, most=9)]})


def test_a_transaction_has_a_hundred_actions_at_most(client):
    writes = [{"Put": {"TableName": TABLE, "Item": item(str(number))}} for number in range(101)]
    with pytest.raises(ClientError, match="ValidationException"):
        client.transact_write_items(TransactItems=writes)


# What is not simulated is refused


@pytest.mark.parametrize(
    "condition",
    [
        "contains(version, :v)",
        "begins_with(version, :v)",
        "version BETWEEN :v AND :v",
        "version IN (:v)",
        "a.b = :v",
        "version = :v)",
        "version",
        "size(version) = :v",
        "list[0] = :v",
    ],
)
def test_a_condition_that_is_not_understood_is_refused_loudly(condition):
    client = SimulatedAWS().dynamodb
    client.create_table(**schema("ALL"))
    values = {":v": {"N": "1"}}
    with pytest.raises(NotSimulatedError, match="does not understand"):
        client.put_item(TableName=TABLE, Item=item(), ConditionExpression=condition, ExpressionAttributeValues=values)


@pytest.mark.parametrize("update", ["ADD version :v", "DELETE version :v", "SET version", "SET a = list_append(a, :v)"])
def test_an_update_that_is_not_understood_is_refused_loudly(update):
    client = SimulatedAWS().dynamodb
    client.create_table(**schema("ALL"))
    values = {":v": {"N": "1"}}
    with pytest.raises(NotSimulatedError, match="does not understand"):
        client.update_item(TableName=TABLE, Key=key(), UpdateExpression=update, ExpressionAttributeValues=values)


@pytest.mark.parametrize(
    "condition", ["runner = :r AND begins_with(task_key, :r)", "runner > :r", "runner = :r AND task_key <> :r"]
)
def test_a_key_condition_that_is_not_understood_is_refused_loudly(client, condition):
    with pytest.raises(NotSimulatedError, match="does not understand"):
        client.query(TableName=TABLE, KeyConditionExpression=condition, ExpressionAttributeValues={":r": {"S": "glue"}})


def test_a_key_condition_names_the_keys(client):
    asked = {"KeyConditionExpression": "runner = :r AND version = :r", "ExpressionAttributeValues": {":r": {"S": "x"}}}
    assert code_of(client.query, **asked) == "ValidationException"


def test_other_kinds_of_values_answers_and_actions_are_refused_loudly(client):
    for call, parameters in [
        (client.put_item, {"TableName": TABLE, "Item": {**item(), "tags": {"SS": ["a"]}}}),
        (client.delete_item, {"TableName": TABLE, "Key": key(), "ReturnValues": "ALL_NEW"}),
        (client.transact_write_items, {"TransactItems": [{"Put": {"TableName": TABLE, "Item": item(), "x": 1}}]}),
    ]:
        with pytest.raises((NotSimulatedError, ParamValidationError)):
            call(**parameters)
