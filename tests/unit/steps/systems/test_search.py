from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from runners.steps.ends import as_text, logical
from runners.steps.errors import (
    DataNotRepresentable,
    DataQualityFailed,
    SourceFailed,
    StepError,
    StepStopped,
    TargetFailed,
    TargetUnavailable,
    ValidationFailed,
)
from runners.steps.systems import search_writing
from runners.steps.systems.search import (
    ElasticsearchSource,
    ElasticsearchTarget,
    OpenSearchSource,
    OpenSearchTarget,
    SearchConnection,
)
from runners.steps.systems.search_reading import mapped
from runners.steps.systems.search_writing import mapping_of
from runners.testing.steps import step_context
from tests.unit.steps.systems.http_server import Says, serving
from tests.unit.steps.systems.rows import abandoned, orders, read, written
from tests.unit.steps.systems.search_server import SearchServer

EXECUTION = "arn:aws:states:eu-central-1:123456789012:execution:daily:1"
ENDS = {
    "elasticsearch": (ElasticsearchSource, ElasticsearchTarget),
    "opensearch": (OpenSearchSource, OpenSearchTarget),
}


@pytest.fixture(scope="module")
def running():
    with serving() as http:
        yield http


@pytest.fixture(params=list(ENDS))
def engine(request):
    return request.param


@pytest.fixture
def server(running, engine, monkeypatch):
    found = SearchServer(engine)
    running.says.clear()
    running.asked.clear()
    running.answers = found.answer
    monkeypatch.setattr("runners.steps.systems.http.Http.pause", lambda self, tries: None)
    return found


@pytest.fixture
def context(running):
    return context_of(running)


def context_of(running: Any, **more: Any) -> Any:
    return step_context({"search": {"url": running.url}}, **more)


@pytest.fixture
def source_of(engine):
    return lambda **parameters: ENDS[engine][0].checked({"ConnectionName": "search", "Index": "orders"} | parameters)


@pytest.fixture
def target_of(engine):
    return lambda **parameters: ENDS[engine][1].checked({"ConnectionName": "search", "Index": "orders"} | parameters)


def refusal(action: Any, *given: Any) -> StepError:
    with pytest.raises(StepError) as raised:
        action(*given)
    assert "secret" not in raised.value.cause()
    return raised.value


# Reading


def test_documents_are_rows_page_by_page_at_one_point_in_time(server, running, context, source_of):
    server.index("orders", *({"id": number} for number in range(5)), id={"type": "long"})
    found = read(source_of(PageSize=2), context)
    assert found.to_pylist() == [{"id": number} for number in range(5)]
    searches = [asked.json for asked in running.asked if asked.path == "/_search"]
    assert [search.get("search_after") for search in searches] == [None, [1], [3], [4]]
    assert server.points == {}


def test_the_query_and_the_order_are_passed_on(server, running, context, source_of):
    server.index("orders", {"id": 1}, id={"type": "long"})
    read(source_of(Query={"term": {"open": True}}, Order="id"), context)
    asked = next(asked.json for asked in running.asked if asked.path == "/_search")
    assert (asked["query"], asked["sort"]) == ({"term": {"open": True}}, [{"id": "asc"}])


def test_columns_are_those_of_the_mapping():
    mapping = {
        "id": {"type": "long"},
        "price": {"type": "double"},
        "name": {"type": "text"},
        "open": {"type": "boolean"},
        "at": {"type": "date"},
        "big": {"type": "unsigned_long"},
        "raw": {"type": "binary"},
        "customer": {"properties": {"name": {"type": "keyword"}}},
        "place": {"type": "geo_point"},
        "other": {"type": "alias", "path": "id"},
        "differs": {"type": "long"},
    }
    other = {"differs": {"type": "keyword"}, "id": {"type": "integer"}}
    found = mapped({"a": {"mappings": {"properties": mapping}}, "b": {"mappings": {"properties": other}}})
    assert {name: column.Type for name, column in found.items()} == {
        "id": "int64",
        "price": "float64",
        "name": "string",
        "open": "bool",
        "at": "string",
        "big": "decimal",
        "raw": "binary",
        "customer": "json",
        "place": "json",
        "differs": "json",
    }


def test_columns_may_be_declared_and_the_id_be_one_of_them(server, context, source_of):
    server.index("orders", {"customer": {"name": "Ada"}, "price": 1.10, "unmapped": 1})
    columns = {"name": {"Type": "string", "Path": "customer.name"}, "price": "decimal(5,2)"}
    found = read(source_of(Columns=columns, IdColumn="key"), context)
    assert found.to_pylist() == [{"key": "0", "name": "Ada", "price": Decimal("1.10")}]


@pytest.mark.parametrize("document", [{"id": ["secret"]}, {"id": 1, "secret.path": 2}])
def test_a_document_that_does_not_fit_the_mapping_fails(server, context, source_of, document):
    server.index("orders", document, id={"type": "long"})
    assert isinstance(refusal(read, source_of(), context), DataNotRepresentable)
    assert server.points == {}


def test_an_index_that_there_is_not_fails(server, context, source_of):
    refused = refusal(read, source_of(), context)
    assert isinstance(refused, SourceFailed)
    assert "404: index_not_found_exception" in refused.message


def test_an_index_without_a_mapping_needs_declared_columns(server, context, source_of):
    server.index("orders")
    assert "declare the columns" in refusal(read, source_of(), context).message
    assert read(source_of(Columns={"id": "int64"}), context).num_rows == 0


def test_documents_that_may_be_missing_fail_the_step(server, context, source_of):
    server.index("orders", {"id": 1}, id={"type": "long"})
    server.shards_failed = 1
    assert "missing" in refusal(read, source_of(), context).message


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"hits": {}}, "no list of hits"),
        ({"hits": {"hits": [{"_id": "1", "sort": [1]}]}}, "does not keep"),
        ({"hits": {"hits": [{"_id": "1", "_source": {"id": 1}}]}}, "no order"),
    ],
)
def test_an_answer_without_what_is_needed_fails(server, running, source_of, answer, why):
    server.index("orders", id={"type": "long"})
    running.answers = lambda asked: Says(answer) if asked.path == "/_search" else server.answer(asked)
    assert why in refusal(read, source_of(), context_of(running)).message


def test_an_incremental_step_asks_for_what_is_after_the_cursor(server, running, context, source_of):
    server.index("orders", {"at": "x"}, at={"type": "date"})
    columns = {"moved": {"Type": "string", "Path": "at"}}
    read(source_of(Columns=columns).after("moved", datetime(2026, 1, 31, tzinfo=UTC)), context)
    asked = next(asked.json for asked in running.asked if asked.path == "/_search")
    assert asked["query"] == {
        "bool": {
            "must": [{"match_all": {}}],
            "filter": [{"range": {"at": {"gt": "2026-01-31T00:00:00+00:00"}}}],
        }
    }


def test_a_step_that_is_to_stop_gives_its_point_in_time_back(server, running, source_of):
    server.index("orders", {"id": 1}, id={"type": "long"})
    with pytest.raises(StepStopped):
        read(source_of(), context_of(running, stopping=lambda: True))
    assert server.points == {}


# Writing


def test_rows_become_documents_of_an_index_that_is_made_for_them(server, context, target_of):
    told = written(target_of(Settings={"number_of_replicas": 1}), context, orders("Ada", None))
    assert told == {"index": "orders", "documents": 2}
    assert list(server.documents("orders").values()) == [{"id": 1, "name": "Ada"}, {"id": 2, "name": None}]
    assert server.indices["orders"]["mappings"]["properties"]["id"] == {"type": "long"}
    assert server.indices["orders"]["settings"] == {"number_of_replicas": 1}
    assert server.refreshed == ["orders"]
    assert context.progress.bytes > 0


def test_a_repeat_of_an_append_writes_the_same_documents(server, running, target_of):
    for _ in range(2):
        written(target_of(), context_of(running, execution_id=EXECUTION), orders("a", "b"), orders("c"))
    assert len(server.documents("orders")) == 3
    written(target_of(), context_of(running), orders("a"))
    assert len(server.documents("orders")) == 4


def test_an_upsert_replaces_documents_with_the_same_key(server, context, target_of):
    target = target_of(Mode="upsert", Key=["id"])
    written(target, context, orders("a", "b"))
    written(target, context, orders("c"))
    assert server.documents("orders") == {"1": {"id": 1, "name": "c"}, "2": {"id": 2, "name": "b"}}


def test_a_key_of_several_columns_is_a_list(server, context, target_of):
    written(target_of(Mode="upsert", Key=["id", "name"]), context, orders("ü"))
    assert list(server.documents("orders")) == ['["1", "ü"]']


@pytest.mark.parametrize(
    ("name", "error"), [(None, DataQualityFailed), ("", DataNotRepresentable), ("x" * 513, DataNotRepresentable)]
)
def test_a_key_that_is_no_id_is_refused(server, context, target_of, name, error):
    assert isinstance(refusal(written, target_of(Mode="upsert", Key=["name"]), context, orders(name)), error)


def test_a_key_is_a_column(server, context, target_of):
    assert "'number'" in refusal(written, target_of(Mode="upsert", Key=["number"]), context, orders("a")).message


def test_documents_are_sent_in_requests_of_bounded_size(server, context, target_of, monkeypatch):
    monkeypatch.setattr(search_writing, "BULK_BYTES", 1_000)
    written(target_of(), context, orders(*["x" * 200] * 10))
    assert server.bulks == [3, 3, 3, 1]


def test_documents_that_are_put_off_are_sent_again_and_no_others(server, context, target_of):
    server.index("orders")
    server.busy = 2
    written(target_of(), context, orders("a", "b", "c"))
    assert server.bulks == [3, 2]
    assert len(server.documents("orders")) == 3


def test_a_server_that_takes_nothing_is_unavailable(server, context, target_of):
    server.index("orders")
    server.busy = 1_000
    assert isinstance(refusal(written, target_of(), context, orders("a", "b")), TargetUnavailable)


def test_requests_that_are_too_large_are_made_smaller(server, context, target_of, monkeypatch):
    monkeypatch.setattr(search_writing, "_LEAST_BULK_BYTES", 100)
    monkeypatch.setattr(search_writing, "BULK_BYTES", 4_000)
    server.most_bytes = 1_100
    written(target_of(), context, orders(*["x" * 200] * 10))
    assert len(server.documents("orders")) == 10
    assert server.bulks[:3] == [10, 5, 2]


def test_a_document_that_is_too_large_is_refused(server, context, target_of):
    server.most_bytes = 100
    assert isinstance(refusal(written, target_of(), context, orders("secret" * 100)), DataNotRepresentable)


def test_documents_that_are_refused_fail_the_step_with_the_type_of_the_error(server, context, target_of):
    server.refuses = "mapper_parsing_exception"
    refused = refusal(written, target_of(), context, orders("a", "refused", "refused"))
    assert refused.message == "2 of 3 documents were refused: mapper_parsing_exception"


def test_an_error_without_a_type_is_said_to_have_none(server, running, context, target_of):
    running.answers = lambda asked: Says({"error": {"type": "The secret Value"}}, 400)
    assert "400: an error without a type" in refusal(written, target_of(), context, orders("a")).message


# Overwriting


def test_an_overwrite_fills_a_new_index_and_then_points_the_alias_to_it(server, context, target_of):
    target = target_of(Mode="overwrite")
    written(target, context, orders("a", "b"))
    (first,) = server.indices
    assert server.indices[first]["aliases"] == {"orders": {}}
    written(target, context, orders("c"))
    (second,) = server.indices
    assert second != first
    assert list(server.documents("orders").values()) == [{"id": 1, "name": "c"}]


def test_an_index_of_somebody_else_only_loses_the_alias(server, context, target_of):
    server.index("orders-2025", {"id": 9}, aliases=("orders", "archive"))
    written(target_of(Mode="overwrite"), context, orders("a"))
    assert server.indices["orders-2025"]["aliases"] == {"archive": {}}
    assert list(server.documents("orders").values()) == [{"id": 1, "name": "a"}]


def test_an_overwrite_without_a_commit_changes_nothing(server, context, target_of, monkeypatch):
    monkeypatch.setattr(search_writing, "BULK_BYTES", 10)
    server.index("orders-2025", {"id": 9}, aliases=("orders",))
    with abandoned(target_of(Mode="overwrite"), context, orders("a", "b")):
        assert len(server.indices) == 2
    assert list(server.indices) == ["orders-2025"]
    assert server.documents("orders") == {"0": {"id": 9}}


def test_a_repeat_deletes_what_a_killed_try_has_left_and_nothing_that_is_used(server, running, target_of):
    begins = context_of(running, execution_id=EXECUTION).repeat_key[:16]
    server.index(f"orders-{begins}-00000000", {"id": 1})
    server.index(f"orders-{begins}-11111111", {"id": 2}, aliases=("other",))
    written(target_of(Mode="overwrite"), context_of(running, execution_id=EXECUTION), orders("a"))
    assert f"orders-{begins}-00000000" not in server.indices
    assert f"orders-{begins}-11111111" in server.indices
    assert len(server.indices) == 2


def test_an_index_that_is_no_alias_is_not_replaced(server, context, target_of):
    server.index("orders", {"id": 9})
    assert "is an index" in refusal(written, target_of(Mode="overwrite"), context, orders("a")).message
    assert list(server.indices) == ["orders"]


def test_an_overwrite_with_documents_missing_is_not_published(server, running, context, target_of):
    running.answers = lambda asked: Says({"count": 1}) if asked.path.endswith("_count") else server.answer(asked)
    refused = refusal(written, target_of(Mode="overwrite"), context, orders("a", "b"))
    assert isinstance(refused, TargetFailed)
    assert "has 1 documents, and should have 2" in refused.message
    assert server.indices == {}


def test_rows_with_the_same_key_are_one_document_of_an_overwrite(server, context, target_of):
    written(target_of(Mode="overwrite", Key=["id"]), context, orders("a"), orders("b"))
    assert server.documents("orders") == {"1": {"id": 1, "name": "b"}}


def test_the_mapping_may_be_given(server, context, target_of):
    written(target_of(Mode="overwrite", Mappings={"dynamic": "strict"}), context, orders("a"))
    (index,) = server.indices.values()
    assert index["mappings"] == {"dynamic": "strict"}


def test_every_type_of_column_has_one_of_the_mapping():
    columns = {
        "a": (pa.bool_(), "boolean"),
        "b": (pa.int32(), "long"),
        "c": (pa.uint64(), "unsigned_long"),
        "d": (pa.float32(), "double"),
        "e": (pa.decimal128(15, 2), "double"),
        "f": (pa.decimal128(16, 2), "keyword"),
        "g": (pa.date32(), "date"),
        "h": (pa.timestamp("us", "UTC"), "date"),
        "i": (pa.time64("us"), "keyword"),
        "j": (pa.binary(), "binary"),
        "k": (pa.string(), "text"),
    }
    schema = pa.schema([(name, kind) for name, (kind, _) in columns.items()])
    schema = schema.append(as_text("l", "json")).append(as_text("m", "decimal"))
    found = {name: field["type"] for name, field in mapping_of(schema)["properties"].items()}
    assert found == {name: kind for name, (_, kind) in columns.items()} | {"l": "object", "m": "keyword"}


def test_values_survive_the_way_there_and_back(server, context, source_of, target_of):
    values = {
        "id": (pa.int64(), 9223372036854775807),
        "price": (pa.decimal128(38, 19), Decimal("1234567890123456789.1234567890123456789")),
        "rate": (pa.float64(), 0.1),
        "name": (pa.string(), 'a "quoted"\nline 🎉'),
        "open": (pa.bool_(), True),
        "day": (pa.date32(), date(2026, 1, 31)),
        "at": (pa.timestamp("us", "UTC"), datetime(2026, 1, 31, 4, 5, 6, 789, tzinfo=UTC)),
        "clock": (pa.time64("us"), time(4, 5, 6)),
        "raw": (pa.binary(), b"\x00\xff"),
        "empty": (pa.string(), ""),
        "none": (pa.string(), None),
    }
    schema = pa.schema([(name, kind) for name, (kind, _) in values.items()]).append(as_text("tags", "json"))
    row = {name: value for name, (_, value) in values.items()} | {"tags": '{"a":[1.10,null]}'}
    written(target_of(), context, pa.RecordBatch.from_pylist([row], schema=schema))
    types = {"id": "int64", "price": "decimal(38,19)", "rate": "float64", "name": "string", "open": "bool"}
    types |= {"day": "date", "at": "timestamptz", "clock": "time", "raw": "binary", "empty": "string", "none": "string"}
    found = read(source_of(Columns=types | {"tags": "json"}), context)
    # The small server's own JSON makes doubles of decimals, as a client in another language might.
    assert found.drop(["price", "tags"]).to_pylist() == [{name: row[name] for name in types if name != "price"}]
    assert logical(found.schema.field("tags")) == "json"


# What they are told


@pytest.mark.parametrize(
    "wrong",
    [{"Mode": "upsert"}, {"Key": ["id"]}, {"Index": "a/b"}, {"Index": "Orders"}, {"Index": "_all"}, {"Index": "a*"}],
)
def test_a_target_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValidationFailed):
        ElasticsearchTarget.checked({"ConnectionName": "search", "Index": "orders"} | wrong)


def test_the_id_s_column_has_a_name_of_its_own():
    with pytest.raises(ValidationFailed, match="IdColumn"):
        OpenSearchSource.checked(
            {"ConnectionName": "search", "Index": "orders", "Columns": {"id": "int64"}, "IdColumn": "id"}
        )


def test_a_connection_to_aws_signs_its_requests():
    connection = SearchConnection.model_validate({"url": "https://x", "aws": True, "region": "eu-central-1"})
    assert (connection.authentication.type, connection.authentication.region) == ("aws", "eu-central-1")


def test_lineage_names_the_connection_and_the_index(engine, source_of, target_of):
    assert source_of().place() == target_of().place() == f"{engine}://search/orders"
