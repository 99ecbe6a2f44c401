"""MongoDB's ends against mongomock, to which ``$merge`` and ``$unset`` are added here; no real server was to be had."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time
from decimal import Decimal
from uuid import UUID

import mongomock
import mongomock.aggregate
import mongomock.store
import pyarrow as pa
import pymongo
import pytest
from bson import Binary, Decimal128, Int64, ObjectId
from bson.errors import InvalidBSON
from pymongo import errors

from runners.steps.ends import as_text
from runners.steps.errors import (
    AuthenticationFailed,
    ConnectionFailed,
    DataNotRepresentable,
    DataQualityFailed,
    SourceFailed,
    SourceUnavailable,
    TargetFailed,
    TargetUnavailable,
    ValidationFailed,
)
from runners.steps.systems import adaptive_batches
from runners.steps.systems.mongodb import STAGING, MongoDbConnection, MongoDbSource, MongoDbTarget
from runners.testing.steps import step_context
from tests.unit.steps.systems.rows import abandoned, written
from tests.unit.steps.systems.rows import read as all_of

SHOP = {"host": "mongo.example", "username": "etl", "password": "planted", "dbname": "shop"}
EXECUTION = "arn:aws:states:eu-central-1:123456789012:execution:daily:1"
ID = ObjectId("5e3a1b2c3d4e5f6071829304")


def merged(in_collection, database, options):
    """What the server does for ``$merge``, as far as it is asked for here."""
    into = database[options["into"]]
    for document in in_collection:
        by = {name: document[name] for name in options.get("on", ["_id"])}
        found = into.find_one(by)
        if found is None:
            into.insert_one(document)
        elif options["whenMatched"] == "fail":
            raise errors.OperationFailure("E11000", 11000)
        elif options["whenMatched"] == "replace":
            into.replace_one(by, document)
        else:
            into.update_one(by, {"$set": document})
    return []


@pytest.fixture
def server(monkeypatch):
    """A server in memory; ``connected`` says how it was asked for."""
    store = mongomock.store.ServerStore()
    connected = []

    def client(address, **options):
        connected.append((address, options))
        return mongomock.MongoClient(_store=store, tz_aware=True)

    handlers = mongomock.aggregate._PIPELINE_HANDLERS
    monkeypatch.setitem(handlers, "$merge", merged)
    monkeypatch.setitem(
        handlers,
        "$unset",
        lambda documents, database, name: [
            {key: value for key, value in document.items() if key != name} for document in documents
        ],
    )
    monkeypatch.setattr(pymongo, "MongoClient", client)
    found = client("test")["shop"]
    connected.clear()
    found.connected = connected
    return found


def context_of(**more):
    return step_context({"shop": SHOP}, **more)


def read(**asked):
    return all_of(MongoDbSource.checked({"ConnectionName": "shop", "Collection": "orders", **asked}), context_of())


def target(**asked):
    return MongoDbTarget.checked({"ConnectionName": "shop", "Collection": "orders", **asked})


def write(table, execution="", **asked):
    return written(
        target(**asked), context_of(execution_id=execution, given=asked), *table.to_batches(), schema=table.schema
    )


def stagings(server):
    return [name for name in server.list_collection_names() if name.startswith(STAGING)]


# Connecting


def test_a_connection_says_how_to_connect(server):
    read(Columns={"n": "int64"})
    ((address, options),) = server.connected
    assert address == ["mongo.example"]
    expected = {"port": 27017, "username": "etl", "password": "planted", "authSource": "admin", "tls": True}
    assert expected.items() <= options.items()
    assert options["uuidRepresentation"] == "standard"


def test_a_cluster_is_found_by_dns_where_it_says_so(server):
    MongoDbConnection(host="cluster.example", dbname="shop", srv=True, replica_set="rs0").opened()
    ((address, options),) = server.connected
    assert address == "mongodb+srv://cluster.example/"
    assert options["replicaSet"] == "rs0"
    assert not {"port", "username", "authSource"} & options.keys()


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (errors.OperationFailure("planted", 18), AuthenticationFailed, "code 18"),
        (errors.OperationFailure("planted", 13), ConnectionFailed, "refused the connection: code 13"),
        (errors.ServerSelectionTimeoutError("planted"), ConnectionFailed, "ServerSelectionTimeoutError"),
    ],
)
def test_a_server_that_cannot_be_used_is_told_without_what_it_says(server, monkeypatch, error, kind, words):
    def refuse(*args, **options):
        raise error

    monkeypatch.setattr(mongomock.Database, "command", refuse)
    with pytest.raises(kind, match=words) as raised:
        read()
    assert "planted" not in str(raised.value)
    assert len(server.connected) == (2 if kind is AuthenticationFailed else 1)


# Reading


def test_declared_columns_take_fields_of_their_types(server):
    server.orders.insert_one(
        {
            "_id": ID,
            "n": Int64(2**63 - 1),
            "small": 5.0,
            "ratio": 0.1,
            "whole": 3,
            "total": Decimal128("1.10"),
            "any": Decimal128("NaN"),
            "at": datetime(2020, 1, 31, 4, 5, 6, 789000, UTC),
            "day": datetime(2020, 1, 31, tzinfo=UTC),
            "local": "2020-01-31T04:05:06.789123",
            "paid": True,
            "data": b"\x00\xff",
            "uuid": "12345678-1234-5678-1234-567812345678",
            "customer": {"city": "Köln 🙂", "tags": [1, None]},
        }
    )
    columns = {
        "_id": "string",
        "n": "int64",
        "small": "int32",
        "ratio": "float64",
        "whole": "float64",
        "any": "decimal",
    }
    columns |= {"total": "decimal(10,2)", "at": "timestamptz", "day": "date", "local": "timestamp", "paid": "bool"}
    columns |= {"data": "binary", "uuid": "string", "customer": "json", "absent": "string"}
    (row,) = read(Columns={**columns, "city": {"Type": "string", "Path": "customer.city"}}).to_pylist()
    assert row == {
        "_id": str(ID),
        "n": 2**63 - 1,
        "small": 5,
        "ratio": 0.1,
        "whole": 3.0,
        "total": Decimal("1.10"),
        "any": "NaN",
        "at": datetime(2020, 1, 31, 4, 5, 6, 789000, UTC),
        "day": date(2020, 1, 31),
        "local": datetime.fromisoformat("2020-01-31T04:05:06.789123"),
        "paid": True,
        "data": b"\x00\xff",
        "uuid": "12345678-1234-5678-1234-567812345678",
        "customer": '{"city":"Köln 🙂","tags":[1,null]}',
        "absent": None,
        "city": "Köln 🙂",
    }


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (1.5, "int64"),
        (2.0**60, "int64"),
        (True, "int64"),
        (float("inf"), "int64"),
        (2**53 + 1, "float64"),
        ("1", "float64"),
        (0.1, "decimal"),
        (0.1, "decimal(10,2)"),
        (True, "decimal(10,2)"),
        (Decimal128("1.234"), "decimal(10,2)"),
        (1, "string"),
        (1, "bool"),
        (datetime(2020, 1, 31, 1, tzinfo=UTC), "date"),
        (datetime(2020, 1, 31, 1, tzinfo=UTC), "timestamp"),
        (Binary(b"x", 5), "binary"),
        ("x", "binary"),
        ("x", "date"),
    ],
)
def test_a_field_that_does_not_fit_its_column_is_refused(server, value, kind):
    server.orders.insert_one({"x": value})
    with pytest.raises(DataNotRepresentable, match="the column x"):
        read(Columns={"x": kind})


def test_without_columns_whole_documents_come_as_canonical_extended_json(server):
    server.orders.insert_one({"_id": ID, "n": Int64(1), "x": Decimal128("1.10"), "secret": 1})
    found = read(Projection={"secret": False})
    assert [json.loads(text) for text in found["document"].to_pylist()] == [
        {"_id": {"$oid": str(ID)}, "n": {"$numberLong": "1"}, "x": {"$numberDecimal": "1.10"}}
    ]


def test_a_filter_has_dates_and_templates_that_stay_values(server):
    day = datetime(2020, 1, 31, tzinfo=UTC)
    server.orders.insert_many(
        [{"n": 1, "at": day, "name": '{"$gt": ""}'}, {"n": 2, "at": datetime(2020, 1, 1, tzinfo=UTC)}]
    )
    source = MongoDbSource.read(
        {
            "ConnectionName": "shop",
            "Collection": "orders",
            "Filter": {"at": {"$gte": {"$date": "{{ ds }}T00:00:00Z"}}, "name": "{{ name }}"},
            "Columns": {"n": "int64"},
        },
        step_context(variables={"ds": "2020-01-31", "name": '{"$gt": ""}'}).templates,
    )
    assert all_of(source, context_of()).to_pylist() == [{"n": 1}]


@pytest.mark.parametrize("code", [{"$where": "1"}, {"$or": [{"$expr": {"$function": {}}}]}])
def test_a_filter_that_runs_code_is_refused(code):
    with pytest.raises(ValidationFailed, match="must not run code"):
        MongoDbSource.checked({"ConnectionName": "shop", "Collection": "orders", "Filter": code})


def test_projection_and_columns_do_not_go_together():
    with pytest.raises(ValidationFailed, match="give Projection or Columns"):
        read(Projection={"a": True}, Columns={"a": "json"})


def test_only_the_fields_of_columns_are_asked_for(server, monkeypatch):
    asked = []
    find = mongomock.Collection.find
    monkeypatch.setattr(mongomock.Collection, "find", lambda self, *args: asked.append(args) or find(self, *args))
    read(Columns={"a": {"Type": "string", "Path": "b.c"}, "d": {"Type": "string", "Path": "/e.f/g"}})
    read(Columns={"_id": "string"})
    assert asked == [({}, {"b": 1, "e.f": 1, "_id": 0}), ({}, {"_id": 1})]


def test_only_documents_after_a_value_are_read(server):
    days = [datetime(2020, 1, day, tzinfo=UTC) for day in (1, 2, 3)]
    server.orders.insert_many([{"n": number, "a": {"at": day}} for number, day in enumerate(days)])
    source = MongoDbSource.checked(
        {
            "ConnectionName": "shop",
            "Collection": "orders",
            "Columns": {"n": "int64", "at": {"Type": "timestamptz", "Path": "a.at"}},
            "Filter": {"n": {"$lt": 2}},
        }
    )
    for value in (days[0], date(2020, 1, 1)):
        assert all_of(source.after("at", value), context_of())["n"].to_pylist() == [1]
    assert all_of(source.after("n", 5), context_of()).num_rows == 0
    with pytest.raises(ValidationFailed, match="is a text in MongoDB"):
        source.after("at", datetime.fromisoformat("2020-01-31"))


def test_batches_have_as_many_documents_as_their_size_allows(server, monkeypatch):
    monkeypatch.setattr(adaptive_batches, "FIRST_ROWS", 2)
    monkeypatch.setattr(adaptive_batches, "BATCH_BYTES", 3_000)
    server.orders.insert_many([{"x": "a" * 1_000}] * 1 + [{"x": "a" * 1_000} for _ in range(7)])
    context = context_of()
    source = MongoDbSource.checked({"ConnectionName": "shop", "Collection": "orders", "Columns": {"x": "string"}})
    with source.open(context) as rows:
        assert [batch.num_rows for batch in rows.batches()] == [2, 2, 2, 2]
    assert context.progress.bytes > 8_000


def test_an_empty_collection_still_has_its_columns(server):
    assert read(Columns={"n": "int64"}).schema == pa.schema({"n": pa.int64()})


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (errors.AutoReconnect("planted"), SourceUnavailable, "does not answer just now: AutoReconnect"),
        (errors.OperationFailure("planted", 2, {"codeName": "BadValue"}), SourceFailed, "BadValue"),
        (InvalidBSON("planted"), DataNotRepresentable, "beyond what can be read"),
    ],
)
def test_what_goes_wrong_while_reading_is_told_without_values(server, monkeypatch, error, kind, words):
    def refuse(*args):
        raise error

    monkeypatch.setattr(mongomock.Collection, "find", refuse)
    with pytest.raises(kind, match=words) as raised:
        read()
    assert "planted" not in str(raised.value)


# Writing

TABLE = pa.table(
    [
        pa.array([1], pa.int32()),
        pa.array([2**63 - 1]),
        pa.array([float("nan")]),
        pa.array([Decimal("1.50")]),
        pa.array([date(2020, 1, 31)]),
        pa.array([datetime(2020, 1, 31, 4, 5, 6, 789000, UTC)], pa.timestamp("us", "UTC")),
        pa.array(["2020-01-31 04:05:06.123456"]).cast(pa.timestamp("us")),
        pa.array([time(4, 5, 6)]),
        pa.array([b"\x00"]),
        pa.array([""]),
        pa.array([None], pa.string()),
        pa.array(['{"a":[1.10,3000000000,null,0.12345678901234567890],"id":{"$oid":"5e3a1b2c3d4e5f6071829304"}}']),
        pa.array(["Infinity"]),
        pa.array(["12345678-1234-5678-1234-567812345678"]),
    ],
    schema=pa.schema(
        [
            ("int", pa.int32()),
            ("long", pa.int64()),
            ("float", pa.float64()),
            ("decimal", pa.decimal128(5, 2)),
            ("day", pa.date32()),
            ("at", pa.timestamp("us", "UTC")),
            ("local", pa.timestamp("us")),
            ("time", pa.time64("us")),
            ("binary", pa.binary()),
            ("empty", pa.string()),
            ("null", pa.string()),
            as_text("json", "json"),
            as_text("number", "decimal"),
            as_text("uuid", "uuid"),
        ]
    ),
)


def test_each_type_has_its_value(server):
    assert write(TABLE) == {"collection": "orders", "documents": 1}
    (found,) = server.orders.find()
    assert isinstance(found.pop("_id"), ObjectId)
    assert found.pop("float") != found.get("float")
    assert (type(found["int"]), type(found["long"]), type(found["json"]["a"][1])) == (int, Int64, Int64)
    assert found == {
        "int": 1,
        "long": 2**63 - 1,
        "decimal": Decimal128("1.50"),
        "day": datetime(2020, 1, 31, tzinfo=UTC),
        "at": datetime(2020, 1, 31, 4, 5, 6, 789000, UTC),
        "local": "2020-01-31T04:05:06.123456",
        "time": "04:05:06",
        "binary": b"\x00",
        "empty": "",
        "null": None,
        "json": {"a": [1.1, 3_000_000_000, None, Decimal128("0.12345678901234567890")], "id": ID},
        "number": Decimal128("Infinity"),
        "uuid": Binary.from_uuid(UUID("12345678-1234-5678-1234-567812345678")),
    }


def test_times_can_be_texts(server):
    write(TABLE.select(["day", "at"]), TimesAs="text")
    (found,) = server.orders.find({}, {"_id": 0})
    assert found == {"day": "2020-01-31", "at": "2020-01-31T04:05:06.789000Z"}


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        (pa.field("x", pa.uint64()), 2**63, "beyond"),
        (pa.field("x", pa.decimal128(38, 0)), Decimal("1" * 38), "34 digits"),
        (as_text("x", "decimal"), "1" * 35, "34 digits"),
        (as_text("x", "json"), "{", "no JSON"),
        (as_text("x", "json"), "1e9999", "34 digits"),
        (as_text("x", "json"), str(2**64), "64 bits"),
        (as_text("x", "json"), '{"$oid":"1"}', "beyond"),
        (as_text("x", "uuid"), "1", "beyond"),
        (pa.field("x", pa.timestamp("us", "UTC")), datetime(2020, 1, 1, 0, 0, 0, 1, UTC), "finer; set TimesAs to text"),
        (pa.field("x", pa.timestamp("ns")), 1, "beyond"),
        (pa.field("x", pa.list_(pa.int64())), [1], "give it as JSON"),
    ],
)
def test_a_value_without_an_exact_form_is_refused_and_nothing_is_left(server, field, value, words):
    with pytest.raises(DataNotRepresentable, match=f"the column x has no form in MongoDB.*{words}"):
        write(pa.table([pa.array([value], field.type)], schema=pa.schema([field])))
    assert server.list_collection_names() == []


def test_nothing_is_seen_before_the_commit_and_nothing_left_without_one(server):
    server.orders.insert_one({"n": 1})
    table = pa.table({"n": [2]})
    for mode in ("append", "overwrite"):
        with abandoned(target(Mode=mode), context_of(), *table.to_batches()):
            assert server.orders.count_documents({}) == 1
            assert len(stagings(server)) == 1
        assert server.orders.count_documents({}) == 1
        assert stagings(server) == []


def test_a_repeat_of_an_append_leaves_the_same_even_if_there_are_fewer_rows(server):
    server.orders.insert_one({"n": 0})
    assert write(pa.table({"n": [1, 2, 3]}), EXECUTION)["documents"] == 3
    for _ in range(2):
        write(pa.table({"n": [1, 2]}), EXECUTION)
        assert sorted(found["n"] for found in server.orders.find()) == [0, 1, 2]
    write(pa.table({"n": [9]}), EXECUTION + "2")
    assert sorted(found["n"] for found in server.orders.find()) == [0, 1, 2, 9]


def test_an_append_outside_an_execution_adds_each_time(server):
    for _ in range(2):
        write(pa.table({"n": [1]}))
    assert server.orders.count_documents({}) == 2


def test_overwrite_replaces_all_documents_even_by_none(server):
    server.orders.insert_one({"n": 0})
    write(pa.table({"n": [1, 2]}), Mode="overwrite")
    assert sorted(found["n"] for found in server.orders.find()) == [1, 2]
    write(pa.table({"n": pa.array([], pa.int64())}), Mode="overwrite")
    assert server.orders.count_documents({}) == 0


def test_upsert_sets_fields_by_key_and_keeps_the_id_and_other_fields(server):
    server.orders.insert_one({"_id": ID, "k": 1, "n": 0, "other": "kept"})
    for _ in range(2):
        write(pa.table({"k": [1, 2], "n": [1, 2]}), Mode="upsert", Key=["k"])
    first, second = server.orders.find().sort("k")
    assert first == {"_id": ID, "k": 1, "n": 1, "other": "kept"}
    assert (second["k"], second["n"]) == (2, 2)


def test_upsert_can_go_by_the_id(server):
    write(pa.table({"_id": ["a"], "n": [1]}), Mode="upsert", Key=["_id"])
    assert list(server.orders.find()) == [{"_id": "a", "n": 1}]


def test_two_rows_with_one_key_are_refused(server):
    with pytest.raises(DataQualityFailed, match="same key"):
        write(pa.table({"k": [1, 1]}), Mode="upsert", Key=["k"])
    assert server.list_collection_names() == []


def test_a_row_without_its_key_is_refused(server):
    with pytest.raises(DataQualityFailed, match="no value in its key k"):
        write(pa.table({"k": [None, 1]}), Mode="upsert", Key=["k"])


@pytest.mark.parametrize(
    ("names", "asked", "words"),
    [
        (["a"], {"Mode": "upsert", "Key": ["k"]}, "there is no column k; there are a"),
        (["$a"], {}, "rename the column: .a"),
        (["a.b"], {}, "rename the column: a.b"),
        (["_id"], {}, "get an _id of their own"),
    ],
)
def test_columns_are_checked_before_anything_is_touched(server, names, asked, words):
    with pytest.raises(TargetFailed, match=words):
        write(pa.table({name: [1] for name in names}), **asked)
    assert server.connected == []


@pytest.mark.parametrize("asked", [{"Mode": "upsert"}, {"Key": ["a"]}])
def test_a_key_goes_with_upsert_alone(asked):
    with pytest.raises(ValidationFailed, match="Mode upsert needs Key"):
        target(**asked)


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (errors.NetworkTimeout("planted"), TargetUnavailable, "NetworkTimeout"),
        (errors.DocumentTooLarge("planted"), DataNotRepresentable, "larger than 16 MB"),
        (errors.BulkWriteError({"writeErrors": [{"code": 121, "errmsg": "planted"}]}), TargetFailed, "BulkWriteError"),
    ],
)
def test_what_goes_wrong_while_writing_is_told_without_values(server, monkeypatch, error, kind, words):
    def refuse(*args):
        raise error

    monkeypatch.setattr(mongomock.Collection, "insert_many", refuse)
    with pytest.raises(kind, match=words) as raised:
        write(pa.table({"n": [1]}))
    assert "planted" not in str(raised.value)


def test_examples_are_valid_and_say_where_they_are():
    assert MongoDbSource.checked(MongoDbSource.example).place() == "mongodb://shop/orders"
    assert MongoDbTarget.checked(MongoDbTarget.example).place() == "mongodb://shop/orders"
