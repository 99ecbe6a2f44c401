# ruff: noqa: N803  # arguments are named as boto3 names them
from __future__ import annotations

import json
from datetime import UTC, date, datetime, time
from decimal import Decimal

import boto3
import moto
import pyarrow as pa
import pytest

from runners.steps.ends import as_text, logical
from runners.steps.errors import (
    DataNotRepresentable,
    DataQualityFailed,
    SourceFailed,
    SourceUnavailable,
    StepStopped,
    TargetFailed,
    TargetUnavailable,
    ValidationFailed,
)
from runners.steps.systems import dynamodb_pace
from runners.steps.systems.dynamodb import DynamoDbSource, DynamoDbTarget
from runners.steps.systems.dynamodb_pace import Pace
from runners.testing.steps import step_context
from tests.unit.doubles import Faults, client_error

TOO_MUCH = client_error("ProvisionedThroughputExceededException")


@pytest.fixture(scope="module")
def aws():
    with moto.mock_aws():
        yield boto3.client("dynamodb", region_name="eu-central-1")


@pytest.fixture
def client(aws):
    """A client over an empty table ``orders``, whose calls can be made to go wrong."""
    aws.create_table(
        TableName="orders",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    yield Client(aws)
    aws.delete_table(TableName="orders")


class Client:
    """Moto's client with faults; leaves some items of a put undone if it is told to."""

    def __init__(self, aws):
        self.aws = aws
        self.call = Faults()
        self.undone = 0
        self.puts = []
        self.asked = []

    def describe_table(self, **asked):
        return self.call("describe_table", lambda: self.aws.describe_table(**asked))

    def scan(self, **asked):
        self.asked.append(asked)
        return self.call("scan", lambda: self.aws.scan(**asked))

    def execute_statement(self, **asked):
        self.asked.append(asked)
        return self.call("execute_statement", lambda: self.aws.execute_statement(**asked))

    def batch_write_item(self, RequestItems):
        ((table, items),) = RequestItems.items()
        self.puts.append(len(items))
        done, undone = (items[: -self.undone], items[-self.undone :]) if self.undone else (items, [])
        self.undone = 0
        if done:
            self.call("batch_write_item", lambda: self.aws.batch_write_item(RequestItems={table: done}))
        return {"UnprocessedItems": {table: undone} if undone else {}}


@pytest.fixture(autouse=True)
def pauses(monkeypatch):
    slept = []
    monkeypatch.setattr(dynamodb_pace.time, "sleep", slept.append)
    monkeypatch.setattr(Pace.__init__, "__defaults__", (slept.append,))
    return slept


def context_of(client, **more):
    return step_context(client=lambda service, **config: client, **more)


def put(client, *items):
    for item in items:
        client.aws.put_item(TableName="orders", Item=item)


def read(client, variables=None, **asked):
    source = DynamoDbSource.checked({"Table": "orders", **asked} if "Query" not in asked else asked)
    context = context_of(client, variables=variables)
    with source.open(context) as rows:
        return pa.Table.from_batches(rows.batches(), rows.schema)


def write(client, table, **asked):
    context = context_of(client)
    with DynamoDbTarget.checked({"Table": "orders", **asked}).open(table.schema, context) as sink:
        for batch in table.to_batches():
            sink.write(batch)
        return sink.commit()


def items_of(client):
    found = client.aws.scan(TableName="orders")["Items"]
    return {item["id"]["S"]: item for item in found}


def table_of(**columns):
    return pa.table({name: pa.array(*given) for name, given in columns.items()})


# Reading


def test_declared_columns_take_attributes_of_their_types_and_what_is_absent_is_null(client):
    put(
        client,
        {"id": {"S": "a"}, "n": {"N": "9007199254740993"}, "total": {"N": "1.10"}, "paid": {"BOOL": True}},
        {"id": {"S": "b"}, "data": {"B": b"\x00\xff"}, "lines": {"L": [{"N": "1.5"}, {"S": "x"}, {"NULL": True}]}},
        {"id": {"S": "c"}, "n": {"NULL": True}, "text": {"S": ""}},
    )
    columns = {"id": "string", "n": "int64", "total": "decimal(10,2)", "paid": "bool", "data": "binary"}
    found = read(client, Columns={**columns, "lines": "json", "text": "string"}).sort_by("id").to_pydict()
    assert found == {
        "id": ["a", "b", "c"],
        "n": [9007199254740993, None, None],
        "total": [Decimal("1.10"), None, None],
        "paid": [True, None, None],
        "data": [None, b"\x00\xff", None],
        "lines": [None, '[1.5,"x",null]', None],
        "text": [None, None, ""],
    }


def test_a_path_leads_into_a_map(client):
    put(client, {"id": {"S": "a"}, "customer": {"M": {"name": {"S": "Ann"}}}})
    found = read(client, Columns={"name": {"Type": "string", "Path": "customer.name"}})
    assert found.to_pylist() == [{"name": "Ann"}]


def test_a_number_of_38_digits_is_exact_as_decimal(client):
    number = "0.12345678901234567890123456789012345678"
    put(client, {"id": {"S": "a"}, "n": {"N": number}})
    found = read(client, Columns={"n": "decimal"})
    assert found.to_pylist() == [{"n": number}]
    assert logical(found.schema.field("n")) == "decimal"


@pytest.mark.parametrize(
    ("attribute", "kind"),
    [
        ({"N": "1.5"}, "int64"),
        ({"N": "9223372036854775808"}, "int64"),
        ({"N": "0.12345678901234567890123"}, "float64"),
        ({"N": "1.234"}, "decimal(10,2)"),
        ({"N": "1"}, "string"),
        ({"S": "yes"}, "bool"),
        ({"S": "text"}, "binary"),
        ({"S": "2020-01-31T04:05:06.1234567"}, "timestamp"),
        ({"M": {"deep": {"B": b"x"}}}, "json"),
    ],
)
def test_an_attribute_that_does_not_fit_its_column_is_refused_without_its_value(client, attribute, kind):
    put(client, {"id": {"S": "a"}, "x": attribute})
    with pytest.raises(DataNotRepresentable, match="the column x") as refused:
        read(client, Columns={"x": kind})
    assert str(next(iter(attribute.values()))) not in str(refused.value)


def test_sets_are_lists_in_order_in_json(client):
    put(client, {"id": {"S": "a"}, "tags": {"SS": ["b", "a"]}, "sizes": {"NS": ["10", "9"]}})
    assert read(client, Columns={"tags": "json", "sizes": "json"}).to_pylist() == [
        {"tags": '["a","b"]', "sizes": "[9,10]"}
    ]


def test_without_columns_keys_and_whole_items_come_and_go_back_as_they_were(client):
    item = {
        "id": {"S": "a 🙂"},
        "b": {"B": b"\x00\x01"},
        "bs": {"BS": [b"x", b"y"]},
        "ns": {"NS": ["1", "2"]},
        "m": {"M": {"n": {"N": "12345678901234567890123456789012345678"}, "l": {"L": [{"NULL": True}, {"B": b"z"}]}}},
    }
    put(client, item)
    found = read(client)
    assert found.schema.names == ["id", "item"]
    client.aws.delete_item(TableName="orders", Key={"id": {"S": "a 🙂"}})
    write(client, found, ItemColumn="item")
    assert items_of(client) == {"a 🙂": item}


def test_an_empty_table_still_has_its_columns(client):
    assert read(client, Columns={"n": "int64"}).schema == pa.schema({"n": pa.int64()})
    assert read(client).num_rows == 0


def test_all_segments_and_pages_are_read(client):
    for number in range(40):
        put(client, {"id": {"S": str(number)}})
    client.call.before("scan", TOO_MUCH, times=11)
    assert sorted(read(client, Columns={"id": "string"}, Segments=3)["id"].to_pylist(), key=int) == [
        str(number) for number in range(40)
    ]
    assert {asked["TotalSegments"] for asked in client.asked} == {3}
    assert min(asked.get("Limit", 99) for asked in client.asked) < 10


def test_values_are_bound_to_a_query(client):
    put(client, {"id": {"S": "a' OR 'x' = 'x"}, "n": {"N": "1"}}, {"id": {"S": "b"}, "n": {"N": "2"}})
    found = read(
        client,
        {"name": "a' OR 'x' = 'x"},
        Query='SELECT * FROM "orders" WHERE "id" = {{ name }}',
        Columns={"n": "int64"},
    )
    assert found.to_pylist() == [{"n": 1}]
    assert client.asked[0]["Statement"] == 'SELECT * FROM "orders" WHERE "id" = ?'
    assert client.asked[0]["Parameters"] == [{"S": "a' OR 'x' = 'x"}]


def test_only_items_after_a_value_are_read(client):
    put(client, *({"id": {"S": str(number)}, "n": {"N": str(number)}} for number in range(5)))
    source = DynamoDbSource.checked({"Table": "orders", "Columns": {"n": "int64"}}).after("n", 2)
    with source.open(context_of(client)) as rows:
        assert sorted(pa.Table.from_batches(rows.batches())["n"].to_pylist()) == [3, 4]


def test_what_cannot_be_a_cursor_is_refused():
    with pytest.raises(ValidationFailed, match="is a time"):
        DynamoDbSource.checked({"Table": "orders"}).after("at", datetime(2020, 1, 1, tzinfo=UTC))
    with pytest.raises(ValidationFailed, match="goes with Table"):
        DynamoDbSource.checked({"Query": "SELECT 1"}).after("n", 1)


@pytest.mark.parametrize(
    ("asked", "words"),
    [({}, "give Query or Table"), ({"Query": "SELECT", "Index": "by_day"}, "Index goes with Table")],
)
def test_parameters_that_do_not_go_together_are_refused(asked, words):
    with pytest.raises(ValidationFailed, match=words):
        DynamoDbSource.checked(asked)


def test_an_index_is_scanned_consistently_if_asked(client):
    client.call.before("scan", client_error("ValidationException", "no index"))
    with pytest.raises(SourceFailed, match="no index"):
        read(client, Index="by_day", ConsistentRead=True, Segments=1)
    assert (client.asked[0]["IndexName"], client.asked[0]["ConsistentRead"]) == ("by_day", True)


def test_a_table_that_is_not_there_is_named(client):
    with pytest.raises(SourceFailed, match="the table nowhere: ResourceNotFoundException, there is no such table"):
        read(client, Table="nowhere")


def test_a_key_attribute_named_item_needs_columns(client):
    client.describe_table = lambda **asked: {
        "Table": {
            "KeySchema": [{"AttributeName": "item"}],
            "AttributeDefinitions": [{"AttributeName": "item", "AttributeType": "N"}],
        }
    }
    with pytest.raises(ValidationFailed, match="declare Columns"):
        read(client)


def test_patience_with_a_table_that_answers_nothing_ends(client, pauses):
    client.call.before("scan", TOO_MUCH, times=1000)
    with pytest.raises(SourceUnavailable, match="300 seconds"):
        read(client, Columns={"id": "string"}, Segments=1)
    assert 290 < sum(pauses) < 320


def test_a_step_that_is_to_stop_waits_no_longer(client):
    client.call.before("scan", TOO_MUCH, times=3)
    stops = iter([False, True, True, True])
    context = context_of(client, stopping=lambda: next(stops))
    with (
        pytest.raises(StepStopped),
        DynamoDbSource.checked({"Table": "orders", "Columns": {"id": "string"}, "Segments": 1}).open(context) as rows,
    ):
        list(rows.batches())
    assert client.call.calls["scan"] == 2


# Writing


def test_each_type_has_its_attribute(client):
    table = pa.table(
        [
            pa.array(["a"]),
            pa.array([2**63 - 1]),
            pa.array([0.1]),
            pa.array([Decimal("1.50")]),
            pa.array([True]),
            pa.array([b"\x00"]),
            pa.array([date(2020, 1, 31)]),
            pa.array([datetime(2020, 1, 31, 4, 5, 6, 789, tzinfo=UTC)], pa.timestamp("us", "UTC")),
            pa.array(["2020-01-31 04:05:06"]).cast(pa.timestamp("ns")),
            pa.array([time(4, 5, 6)]),
            pa.array(['{"a":[1.10,null,"x"]}']),
            pa.array(["12345678901234567890.123456789012345678"]),
            pa.array([""]),
            pa.array([None], pa.string()),
        ],
        schema=pa.schema(
            [
                ("id", pa.string()),
                ("int", pa.int64()),
                ("float", pa.float64()),
                ("decimal", pa.decimal128(5, 2)),
                ("bool", pa.bool_()),
                ("binary", pa.binary()),
                ("date", pa.date32()),
                ("at", pa.timestamp("us", "UTC")),
                ("local", pa.timestamp("ns")),
                ("time", pa.time64("us")),
                as_text("json", "json"),
                as_text("number", "decimal"),
                ("empty", pa.string()),
                ("null", pa.string()),
            ]
        ),
    )
    assert write(client, table) == {"table": "orders", "items": 1}
    assert items_of(client)["a"] == {
        "id": {"S": "a"},
        "int": {"N": "9223372036854775807"},
        "float": {"N": "0.1"},
        "decimal": {"N": "1.50"},
        "bool": {"BOOL": True},
        "binary": {"B": b"\x00"},
        "date": {"S": "2020-01-31"},
        "at": {"S": "2020-01-31T04:05:06.000789Z"},
        "local": {"S": "2020-01-31T04:05:06"},
        "time": {"S": "04:05:06"},
        "json": {"M": {"a": {"L": [{"N": "1.10"}, {"NULL": True}, {"S": "x"}]}}},
        "number": {"N": "12345678901234567890.123456789012345678"},
        "empty": {"S": ""},
    }


def test_lists_and_structs_are_lists_and_maps(client):
    write(client, pa.table({"id": ["a"], "x": [[b"x"]], "y": [{"z": None}]}))
    assert items_of(client)["a"] == {"id": {"S": "a"}, "x": {"L": [{"B": b"x"}]}, "y": {"M": {"z": {"NULL": True}}}}


def test_null_can_be_an_attribute(client):
    write(client, table_of(id=(["a"],), x=([None], pa.int64())), Nulls="null")
    assert items_of(client)["a"] == {"id": {"S": "a"}, "x": {"NULL": True}}


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (pa.array([float("nan")]), "neither NaN nor Infinity"),
        (pa.array([1e300]), "between"),
        (pa.array([Decimal("1." + "1" * 40)], pa.decimal256(50, 40)), "38 digits"),
        (pa.array([1], pa.timestamp("ns")), "beyond"),
        (pa.array([2**62], pa.timestamp("s")), "beyond"),
    ],
)
def test_a_value_without_an_exact_form_is_refused(client, column, words):
    table = pa.table({"id": ["a"], "x": column})
    with pytest.raises(DataNotRepresentable, match=f"the column x has no form in DynamoDB.*{words}"):
        write(client, table)
    assert items_of(client) == {}


@pytest.mark.parametrize("text", ["{", '["a"', "nonsense"])
def test_json_that_is_none_is_refused(client, text):
    table = pa.table([pa.array(["a"]), pa.array([text])], schema=pa.schema([("id", pa.string()), as_text("x", "json")]))
    with pytest.raises(DataNotRepresentable, match="it is no JSON"):
        write(client, table)


def test_lists_become_sets_where_they_are_asked_for(client):
    schema = pa.schema([("id", pa.string()), as_text("tags", "json"), as_text("sizes", "json")])
    table = pa.table([["a"], ['["x","y"]'], ["[1,2.5]"]], schema=schema)
    write(client, table, Sets=["tags", "sizes"])
    assert items_of(client)["a"] == {"id": {"S": "a"}, "tags": {"SS": ["x", "y"]}, "sizes": {"NS": ["1", "2.5"]}}


@pytest.mark.parametrize("text", ["[]", "[1,1]", '["a",1]', "{}", "[true]"])
def test_what_is_no_set_is_refused(client, text):
    table = pa.table([["a"], [text]], schema=pa.schema([("id", pa.string()), as_text("x", "json")]))
    with pytest.raises(DataNotRepresentable, match="a set has"):
        write(client, table, Sets=["x"])


def test_of_rows_with_one_key_the_last_stays_and_a_repeat_leaves_the_same(client):
    table = pa.table({"id": ["a", "b", "a"], "n": [1, 2, 3]})
    for _ in range(2):
        assert write(client, table)["items"] == 2
        assert {key: item["n"]["N"] for key, item in items_of(client).items()} == {"a": "3", "b": "2"}


def test_at_most_25_items_go_in_one_call_and_what_is_undone_goes_again(client, pauses):
    client.undone = 5
    write(client, pa.table({"id": [str(number) for number in range(60)]}), Writers=1)
    assert len(items_of(client)) == 60
    assert client.puts[0] == 25
    assert client.puts[1] == 5
    assert client.puts[2] <= 12
    assert max(client.puts) == 25
    assert len(pauses) == 1


def test_more_is_put_at_a_time_again_when_it_goes_well(client):
    client.call.before("batch_write_item", TOO_MUCH, times=3)
    write(client, pa.table({"id": [str(number) for number in range(300)]}), Writers=1)
    assert client.puts[:4] == [25, 12, 6, 3]
    assert max(client.puts[4:]) == 25
    assert len(items_of(client)) == 300


def test_a_table_that_takes_nothing_is_unavailable(client):
    client.call.before("batch_write_item", TOO_MUCH, times=1000)
    with pytest.raises(TargetUnavailable):
        write(client, pa.table({"id": ["a"]}))


def test_what_aws_says_of_an_item_is_not_repeated(client):
    client.call.before("batch_write_item", client_error("ValidationException", "cannot be converted: secret"))
    with pytest.raises(TargetFailed, match=r"ValidationException$"):
        write(client, pa.table({"id": ["a"]}))


def test_an_item_of_more_than_400_kb_is_refused(client):
    with pytest.raises(DataNotRepresentable, match="400 KB"):
        write(client, pa.table({"id": ["a"], "x": ["x" * 410_000]}))
    assert items_of(client) == {}


def test_a_row_without_its_key_is_refused(client):
    with pytest.raises(DataQualityFailed, match="no value, or one of another type, in its key id"):
        write(client, pa.table({"id": ["a", None]}))


@pytest.mark.parametrize(
    ("table", "asked", "words"),
    [
        (pa.table({"x": ["a"]}), {}, "there is no column id; there are x"),
        (pa.table({"id": ["a"]}), {"Sets": ["tags"]}, "there is no column tags"),
        (pa.table({"id": ["a"]}), {"ItemColumn": "item"}, "there is no column item"),
        (pa.table({"id": [1]}), {}, "the key attribute id of the table orders is S, and the column is int64"),
        (pa.table({"id": [b"a"]}), {}, "the column is binary"),
    ],
)
def test_columns_are_checked_before_anything_is_written(client, table, asked, words):
    with pytest.raises(TargetFailed, match=words):
        write(client, table, **asked)
    assert client.puts == []


@pytest.mark.parametrize("text", ["[]", "1", '{"a":1}', '{"a":{"X":1}}', '{"a":{"B":"*"}}', "{"])
def test_an_item_that_is_none_is_refused(client, text):
    with pytest.raises(DataNotRepresentable, match="no item in DynamoDB's own JSON"):
        write(client, pa.table({"item": [text]}), ItemColumn="item")


def test_rows_move_from_table_to_table(client):
    put(client, {"id": {"S": "a"}, "n": {"N": "1"}})
    context = context_of(client)
    with DynamoDbSource.checked({"Table": "orders"}).open(context) as rows:
        (batch,) = rows.batches()
    assert json.loads(batch["item"][0].as_py()) == {"id": {"S": "a"}, "n": {"N": "1"}}
    assert context.progress.bytes > 0


def test_examples_are_valid_and_say_where_they_are():
    assert DynamoDbTarget.checked(DynamoDbTarget.example).place() == "dynamodb://orders"
    assert DynamoDbSource.checked(DynamoDbSource.example).place() == "dynamodb://orders"
    assert DynamoDbSource.checked({"Query": "SELECT"}).place() == "dynamodb://query"
