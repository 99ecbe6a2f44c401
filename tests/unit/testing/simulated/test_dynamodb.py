from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from botocore.exceptions import ClientError

from runners.testing import Clock, SimulatedAWS
from runners.testing.simulated.tables import Record

TABLE = "active-jobs"
TEMPLATE = Path("cloudformation/runner-resources.yaml")


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def aws(clock):
    aws = SimulatedAWS(clock)
    aws.active_jobs_table(TABLE)
    return aws


@pytest.fixture
def client(aws):
    return aws.dynamodb


@pytest.fixture
def table(client):
    return client.tables[TABLE]


def item(size=100, key="0", **values):
    """Return an item of that many bytes."""
    made = {"runner": {"S": "glue"}, "task_key": {"S": key}, **{name: {"S": one} for name, one in values.items()}}
    filled = sum(len(name) + len(value["S"]) for name, value in made.items()) + len("text")
    return {**made, "text": {"S": "x" * (size - filled)}}


KEY = {"runner": {"S": "glue"}, "task_key": {"S": "0"}}
BY_RUN = {
    "TableName": TABLE,
    "IndexName": "by_run",
    "KeyConditionExpression": "run_id = :run_id",
    "ExpressionAttributeValues": {":run_id": {"S": "run"}},
}


# What it costs


@pytest.mark.parametrize(("size", "units"), [(100, 1), (1024, 1), (1025, 2), (4096, 4), (409_600, 400)])
def test_a_write_is_billed_by_the_kilobyte(client, table, size, units):
    client.put_item(TableName=TABLE, Item=item(size))
    assert table.write_units == units


def test_a_write_is_billed_by_the_larger_of_what_was_there_and_what_is(client, table):
    client.put_item(TableName=TABLE, Item=item(3_000))
    client.put_item(TableName=TABLE, Item=item(100))
    client.delete_item(TableName=TABLE, Key=KEY)
    client.delete_item(TableName=TABLE, Key=KEY)
    assert table.write_units == 3 + 3 + 1 + 1


def test_letters_are_billed_as_the_bytes_that_they_take(client, table):
    client.put_item(TableName=TABLE, Item={**KEY, "text": {"S": "ü" * 600}})
    assert table.write_units == 2


def test_a_write_whose_condition_does_not_hold_is_billed_too(client, table):
    client.put_item(TableName=TABLE, Item=item(3_000))
    with pytest.raises(ClientError):
        client.put_item(TableName=TABLE, Item=item(100), ConditionExpression="attribute_not_exists(task_key)")
    assert table.write_units == 3 + 3


def test_an_index_is_billed_for_what_it_takes_over(client, table):
    client.put_item(TableName=TABLE, Item=item())
    assert table.write_units == 1
    client.put_item(TableName=TABLE, Item=item(run_id="run"))
    assert table.write_units == 3  # the item, and its entry
    client.put_item(TableName=TABLE, Item=item(run_id="other"))
    assert table.write_units == 6  # the item, its old entry and its new one
    client.put_item(TableName=TABLE, Item=item(run_id="other"))
    assert table.write_units == 7  # nothing changes in the index
    client.delete_item(TableName=TABLE, Key=KEY)
    assert table.write_units == 9


@pytest.mark.parametrize(
    ("size", "consistent", "units"),
    [(100, True, 1), (100, False, 0.5), (4096, True, 1), (4097, True, 2), (8192, False, 1)],
)
def test_a_read_is_billed_by_four_kilobytes(client, table, size, consistent, units):
    client.put_item(TableName=TABLE, Item=item(size))
    client.get_item(TableName=TABLE, Key=KEY, ConsistentRead=consistent)
    assert table.read_units == units


def test_reading_what_is_not_there_is_billed(client, table):
    client.get_item(TableName=TABLE, Key=KEY, ConsistentRead=True)
    assert table.read_units == 1


def test_a_query_is_billed_by_all_that_it_reads_together(client, table):
    for key in "0123456789":
        client.put_item(TableName=TABLE, Item=item(1_000, key))
    asked = {"KeyConditionExpression": "runner = :r", "ExpressionAttributeValues": {":r": {"S": "glue"}}}
    client.query(TableName=TABLE, ConsistentRead=True, **asked)
    assert table.read_units == 3  # 10,000 bytes
    client.query(TableName=TABLE, **asked)
    assert table.read_units == 4.5


def test_a_transaction_costs_double(client, table):
    client.transact_write_items(
        TransactItems=[
            {"Put": {"TableName": TABLE, "Item": item(2_000)}},
            {
                "ConditionCheck": {
                    "TableName": TABLE,
                    "Key": {**KEY, "task_key": {"S": "1"}},
                    "ConditionExpression": GONE,
                }
            },
        ]
    )
    assert table.write_units == 2 * (2 + 1)
    with pytest.raises(ClientError):
        client.transact_write_items(
            TransactItems=[{"Put": {"TableName": TABLE, "Item": item(), "ConditionExpression": GONE}}]
        )
    assert table.write_units == 6 + 2 * 2


GONE = "attribute_not_exists(task_key)"


def test_numbers_and_documents_have_a_size(client, table):
    values = {
        "number": {"N": "-12.50"},
        "flag": {"BOOL": True},
        "none": {"NULL": True},
        "blob": {"B": b"1234"},
        "list": {"L": [{"S": "ab"}, {"N": "7"}]},
        "map": {"M": {"a": {"S": "b"}}},
    }
    client.put_item(TableName=TABLE, Item={**KEY, **values})
    assert client.get_item(TableName=TABLE, Key=KEY)["Item"] == {**KEY, **values}
    assert table.write_units == 1


# An index lags


def found(client):
    return client.query(**BY_RUN)["Items"]


ENTRY = {**KEY, "run_id": {"S": "run"}}  # an index has the keys only


def test_an_index_shows_a_write_when_its_lag_is_over(client, table, clock):
    table.indexes["by_run"].lag = timedelta(seconds=2)
    client.put_item(TableName=TABLE, Item=item(run_id="run"))
    clock.step(1.9)
    assert found(client) == []
    clock.step(0.1)
    assert found(client) == [ENTRY]
    client.delete_item(TableName=TABLE, Key=KEY)
    assert found(client) == [ENTRY]
    clock.step(2)
    assert found(client) == []


def test_an_index_takes_writes_over_in_their_order(client, table, clock):
    index = table.indexes["by_run"]
    index.lag = timedelta(seconds=5)
    client.put_item(TableName=TABLE, Item=item(run_id="run"))
    index.lag = timedelta(0)
    client.delete_item(TableName=TABLE, Key=KEY)
    assert found(client) == []
    clock.step(5)
    assert found(client) == []


# What else a test needs


def test_what_a_caller_does_to_an_item_changes_nothing_in_the_table(client, table):
    mine = item()
    client.put_item(TableName=TABLE, Item=mine)
    mine["text"]["S"] = "changed"
    answer = client.get_item(TableName=TABLE, Key=KEY)["Item"]
    del answer["text"]
    assert table.items() == [item()]


def test_items_expire_when_their_time_to_live_is_over(client, table, clock):
    soon = {"expires_at": {"N": str(int(clock().timestamp()) + 60)}}
    client.put_item(TableName=TABLE, Item={**KEY, **soon})
    client.put_item(TableName=TABLE, Item=item(key="1"))
    assert client.delete_expired(TABLE) == 0
    clock.step(61)
    assert client.delete_expired(TABLE) == 1
    assert table.items() == [item(key="1")]


def test_the_table_is_the_one_that_is_deployed(table):
    class Loader(yaml.SafeLoader):
        """Reads CloudFormation's own tags as nothing."""

    Loader.add_multi_constructor("!", lambda loader, suffix, node: None)
    deployed = yaml.load(TEMPLATE.read_text(), Loader)["Resources"]["ActiveJobs"]["Properties"]
    schema = [(key["AttributeName"], key["KeyType"]) for key in deployed["KeySchema"]]
    assert schema == list(zip(table.keys, ("HASH", "RANGE"), strict=True))
    (index,) = deployed["GlobalSecondaryIndexes"]
    ours = table.indexes[index["IndexName"]]
    assert [key["AttributeName"] for key in index["KeySchema"]] == list(ours.keys)
    entry = ours.projected(Record.of({**item(run_id="run"), "more": {"S": "x"}}))
    assert ("more" in entry.item) is (index["Projection"]["ProjectionType"] == "ALL")
