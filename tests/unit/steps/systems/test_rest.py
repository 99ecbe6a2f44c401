from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from runners.steps.ends import logical
from runners.steps.errors import (
    DataNotRepresentable,
    DataQualityFailed,
    SourceFailed,
    StepError,
    StepStopped,
    ValidationFailed,
)
from runners.steps.systems.rest import ApiSource
from runners.steps.systems.rest_pages import next_link
from runners.steps.transfer import transfer
from runners.testing.steps import MemoryCursors, run_step, step_context
from tests.unit.steps.systems.http_server import Says, serving
from tests.unit.steps.systems.rows import CountsRows, read

ROWS = [{"id": number} for number in range(1, 6)]


@pytest.fixture(scope="module")
def running():
    with serving() as server:
        yield server


@pytest.fixture
def api(running):
    running.says.clear()
    running.asked.clear()
    running.answers = lambda asked: Says({"error": "not expected"}, 500)
    return running


@pytest.fixture
def context(api):
    return step_context({"shop": {"url": f"{api.url}/v1"}})


def source_of(**parameters: Any) -> ApiSource:
    return ApiSource.checked({"ConnectionName": "shop", "Path": "/orders", "Columns": {"id": "int64"}} | parameters)


def ids(source: ApiSource, context: Any) -> list[int]:
    return read(source, context)["id"].to_pylist()


def failure(source: ApiSource, context: Any) -> StepError:
    with pytest.raises(StepError) as raised:
        read(source, context)
    assert "secret" not in raised.value.cause()
    return raised.value


def queries(api: Any) -> list[dict[str, str]]:
    return [asked.query for asked in api.asked]


# Records


def test_an_answer_is_a_list_of_records(api, context):
    api.says.append(Says(ROWS))
    assert ids(source_of(Query={"open": True, "tag": ["a"]}, Headers={"Accept-Language": "de"}), context) == [
        1,
        2,
        3,
        4,
        5,
    ]
    (asked,) = api.asked
    assert (asked.method, asked.path, asked.query) == ("GET", "/v1/orders", {"open": "true", "tag": "a"})
    assert asked.headers["accept-language"] == "de"


@pytest.mark.parametrize(
    ("path", "document"),
    [
        ("data.items", {"data": {"items": ROWS}}),
        ("/data.v1/the~1items", {"data.v1": {"the/items": ROWS}}),
        ("0.items", [{"items": ROWS}]),
    ],
)
def test_records_stand_at_a_path(api, context, path, document):
    api.says.append(Says(document))
    assert len(ids(source_of(Records=path), context)) == 5


def test_a_single_object_is_one_record_and_null_is_none(api, context):
    api.says += [Says({"order": {"id": 7}}), Says({"order": None})]
    assert ids(source_of(Records="order"), context) == [7]
    assert ids(source_of(Records="order"), context) == []


@pytest.mark.parametrize(("document", "what"), [({}, "nothing"), ({"items": "secret"}, "neither a list nor an object")])
def test_an_answer_without_records_fails(api, context, document, what):
    api.says.append(Says(document))
    assert f"answered {what} at items" in failure(source_of(Records="items"), context).message


def test_a_question_may_be_a_body(api, context):
    api.says.append(Says(ROWS))
    ids(source_of(Method="POST", Body={"filter": {"day": "2026-01-31"}}), context)
    assert api.asked[0].json == {"filter": {"day": "2026-01-31"}}
    assert api.asked[0].headers["content-type"] == "application/json"


def test_an_answer_that_is_too_large_fails(api, context):
    api.says.append(Says(b"[" + b" " * (1 << 20) + b"]"))
    assert "ask for less" in failure(source_of(MaxAnswerMegabytes=1), context).message


@pytest.mark.parametrize(
    "wrong",
    [
        {"Headers": {"Authorization": "Bearer secret"}},
        {"Headers": {"X-Api-Key": "secret"}},
        {"Body": {}},
        {"PaginationIn": "body"},
        {"Columns": {"id": "number"}},
        {"Columns": {"id": {"Path": "id"}}},
        {"Pagination": {"Type": "pages"}},
    ],
)
def test_parameters_that_do_not_go_together_are_refused(wrong):
    with pytest.raises(ValidationFailed) as raised:
        source_of(**wrong)
    assert "secret" not in raised.value.cause()


# Pages


def test_numbered_pages_end_with_an_empty_one(api, context):
    api.answers = lambda asked: Says(ROWS[2 * int(asked.query["page"]) - 2 :][:2])
    asked = {"Type": "page", "SizeParameter": "per_page", "Size": 2}
    assert ids(source_of(Pagination=asked), context) == [1, 2, 3, 4, 5]
    assert queries(api) == [{"page": str(page), "per_page": "2"} for page in (1, 2, 3, 4)]


def test_numbered_pages_end_with_the_last_that_the_answer_names(api, context):
    api.answers = lambda asked: Says({"pages": 2, "items": [{"id": int(asked.query["p"])}]})
    asked = {"Type": "page", "Parameter": "p", "First": 0, "PagesAt": "pages"}
    assert ids(source_of(Records="items", Pagination=asked), context) == [0, 1]


def test_offsets_follow_what_has_come_also_where_less_comes_than_was_asked_for(api, context):
    api.answers = lambda asked: Says(ROWS[int(asked.query["offset"]) :][:2])
    assert ids(source_of(Pagination={"Type": "offset", "SizeParameter": "limit", "Size": 100}), context) == [
        1,
        2,
        3,
        4,
        5,
    ]
    assert [query["offset"] for query in queries(api)] == ["0", "2", "4", "5"]


def test_offsets_end_with_the_total(api, context):
    api.answers = lambda asked: Says({"total": 4, "items": ROWS[int(asked.query["start"]) :][:2]})
    asked = {"Type": "offset", "Parameter": "start", "TotalAt": "total"}
    assert ids(source_of(Records="items", Pagination=asked), context) == [1, 2, 3, 4]


def test_cursors_are_followed_to_their_end(api, context):
    api.says += [
        Says({"items": ROWS[:2], "next": "a b"}),
        Says({"items": [], "next": 3}),
        Says({"items": ROWS[2:], "next": None}),
    ]
    assert ids(source_of(Records="items", Pagination={"Type": "cursor", "At": "next"}), context) == [1, 2, 3, 4, 5]
    assert queries(api) == [{}, {"cursor": "a b"}, {"cursor": "3"}]


def test_a_cursor_that_is_none_fails(api, context):
    api.says.append(Says({"items": ROWS, "next": {"secret": 1}}))
    assert (
        "no text at next"
        in failure(source_of(Records="items", Pagination={"Type": "cursor", "At": "next"}), context).message
    )


def test_parameters_of_pages_may_go_into_the_body(api, context):
    api.answers = lambda asked: Says(ROWS[asked.json["offset"] :][:3])
    asked = {"Method": "POST", "Body": {"sort": "id"}, "PaginationIn": "body", "Pagination": {"Type": "offset"}}
    assert ids(source_of(**asked), context) == [1, 2, 3, 4, 5]
    assert api.asked[1].json == {"sort": "id", "offset": 3}


def test_links_of_the_header_are_followed(api, context):
    link = f'<{api.url}/v1/orders?page=1>; rel="prev", <{api.url}/v1/orders?page=2&per=2>; rel="next"'
    api.says += [Says(ROWS[:2], headers=(("Link", link),)), Says(ROWS[2:])]
    assert ids(source_of(Query={"per": 2}, Pagination={"Type": "link"}), context) == [1, 2, 3, 4, 5]
    assert queries(api) == [{"per": "2"}, {"page": "2", "per": "2"}]


def test_links_of_the_answer_may_be_relative(api, context):
    api.says += [Says({"items": ROWS[:2], "next": "/v1/more?page=2"}), Says({"items": ROWS[2:]})]
    assert len(ids(source_of(Records="items", Pagination={"Type": "link", "At": "next"}), context)) == 5
    assert api.asked[1].path == "/v1/more"


def test_a_link_to_another_server_is_not_followed(api, context):
    api.says.append(Says({"items": ROWS, "next": "http://elsewhere.example/secret"}))
    assert (
        "another server"
        in failure(source_of(Records="items", Pagination={"Type": "link", "At": "next"}), context).message
    )


@pytest.mark.parametrize(
    ("header", "address"),
    [
        ('</a>; rel="next"', "/a"),
        ("</a>; rel=next", "/a"),
        ('</a>; title="x"; rel="last next", </b>; rel="first"', "/a"),
        ("</a>; rel='next'", "/a"),
        ('</a>; rel="nextish"', None),
        ("", None),
    ],
)
def test_the_next_link_is_found_however_it_is_written(header, address):
    assert next_link(header) == address


@pytest.mark.parametrize(
    ("pagination", "answers"),
    [
        ({"Type": "page"}, [ROWS, ROWS]),
        ({"Type": "cursor", "At": "1.next"}, [[{"id": 1}, {"next": "a"}], [{"id": 2}, {"next": "a"}]]),
        ({"Type": "link", "At": "1.next"}, [[{"id": 1}, {"next": "/a"}], [{"id": 2}, {"next": "/a"}]]),
    ],
)
def test_a_page_that_comes_twice_fails_instead_of_going_round_for_ever(api, context, pagination, answers):
    api.says += map(Says, answers)
    failed = failure(source_of(Pagination=pagination), context)
    assert isinstance(failed, SourceFailed)
    assert "twice" in failed.message


def test_more_pages_than_are_allowed_fail(api, context):
    api.answers = lambda asked: Says([{"id": int(asked.query["page"])}])
    assert "more than the 3" in failure(source_of(Pagination={"Type": "page", "MaxPages": 3}), context).message
    assert len(api.asked) == 3


def test_a_number_of_pages_that_is_none_fails(api, context):
    api.says.append(Says({"items": ROWS, "pages": "many"}))
    asked = {"Type": "page", "PagesAt": "pages"}
    assert "no number at pages" in failure(source_of(Records="items", Pagination=asked), context).message


def test_a_step_that_is_to_stop_asks_for_no_more_pages(api):
    stopping = step_context({"shop": {"url": api.url}}, stopping=lambda: True)
    with pytest.raises(StepStopped):
        read(source_of(), stopping)
    assert api.asked == []


def test_pages_are_read_only_when_they_are_asked_for(api, context, monkeypatch):
    monkeypatch.setattr("runners.steps.systems.json_columns.BATCH_BYTES", 1)
    api.answers = lambda asked: Says([{"id": int(asked.query["page"])}])
    with source_of(Pagination={"Type": "page"}).open(context) as rows:
        batches = rows.batches()
        next(batches)
        next(batches)
        assert len(api.asked) == 2


# Columns


def test_numbers_keep_all_their_digits(api, context):
    document = b'[{"id": 9223372036854775807, "price": 0.1234567890123456789, "big": 123456789012345678901234567890}]'
    api.says.append(Says(document))
    columns = {"id": "int64", "price": "decimal(38,19)", "big": "decimal"}
    (row,) = read(source_of(Columns=columns), context).to_pylist()
    assert row == {
        "id": 9223372036854775807,
        "price": Decimal("0.1234567890123456789"),
        "big": "123456789012345678901234567890",
    }


def test_values_stand_at_paths_within_their_record(api, context):
    api.says.append(Says([{"id": 1, "customer": {"name": "Ada"}, "tags": ["x"], "a.b": 2}, {"customer": None}]))
    columns = {
        "id": "int64",
        "name": {"Type": "string", "Path": "customer.name"},
        "tag": {"Type": "string", "Path": "tags.0"},
        "dotted": {"Type": "int32", "Path": "/a.b"},
        "all": {"Type": "json", "Path": ""},
    }
    first, second = read(source_of(Columns=columns), context).to_pylist()
    assert first | {"all": ""} == {"id": 1, "name": "Ada", "tag": "x", "dotted": 2, "all": ""}
    assert json.loads(first["all"])["customer"] == {"name": "Ada"}
    assert second | {"all": ""} == {"id": None, "name": None, "tag": None, "dotted": None, "all": ""}


def test_columns_that_are_not_declared_are_found_in_the_first_records(api, context):
    first = [
        {"id": 1, "name": "2026-01-31", "open": True, "tags": ["a"], "note": None, "mixed": 1},
        {"id": 2.50, "name": "5", "open": None, "tags": {}, "note": None, "mixed": "x", "late": "y"},
    ]
    api.says += [Says(first), Says([{"id": 3, "late": "z"}]), Says([])]
    found = read(source_of(Columns={}, Pagination={"Type": "page"}), context)
    kinds = {field.name: logical(field) or str(field.type) for field in found.schema}
    assert kinds == {
        "id": "decimal",
        "name": "string",
        "open": "bool",
        "tags": "json",
        "note": "json",
        "mixed": "json",
        "late": "string",
    }
    assert found["id"].to_pylist() == ["1", "2.5", "3"]
    assert found["mixed"].to_pylist() == ["1", '"x"', None]


@pytest.mark.parametrize("later", [{"id": "secret"}, {"id": 1, "new secret": 2}])
def test_a_later_record_that_does_not_fit_what_was_found_fails(api, context, later):
    api.says += [Says([{"id": 1}]), Says([later]), Says([])]
    failed = failure(source_of(Columns={}, Pagination={"Type": "page"}), context)
    assert isinstance(failed, DataNotRepresentable)
    assert "Columns" in failed.message


@pytest.mark.parametrize("document", [[], ["a", "b"]])
def test_where_no_columns_can_be_found_they_have_to_be_declared(api, context, document):
    api.says.append(Says(document))
    assert "declare the columns" in failure(source_of(Columns={}), context).message


def test_an_empty_result_has_the_declared_columns(api, context):
    api.says.append(Says([]))
    assert read(source_of(), context).schema == pa.schema([("id", pa.int64())])


# Incremental


ApiToCount = transfer("ApiToCount", ApiSource, CountsRows, "From an API.")


def test_an_incremental_step_asks_for_what_is_new_and_leaves_out_what_it_has(api):
    api.answers = lambda asked: Says([row for row in ROWS if row["id"] >= int(asked.query.get("since", 0))])
    cursors = MemoryCursors()
    parameters = {
        "Source": {"ConnectionName": "shop", "SinceParameter": "since", "Columns": {"id": "int64"}},
        "Target": {},
        "Incremental": {"Name": "orders", "Column": "id"},
    }
    counts = []
    for _ in range(2):
        context = step_context({"shop": {"url": api.url}}, cursors=cursors)
        counts.append(run_step(ApiToCount, parameters, context)["counted"])
    assert counts == [5, 0]
    assert [asked.query for asked in api.asked] == [{}, {"since": "5"}]


def test_a_number_that_is_only_a_text_cannot_be_a_cursor(api):
    api.says.append(Says([{"id": 9}, {"id": 10}]))
    parameters = {
        "Source": {"ConnectionName": "shop", "SinceParameter": "since"},
        "Target": {},
        "Incremental": {"Name": "orders", "Column": "id"},
    }
    with pytest.raises(DataQualityFailed, match="is decimal, which cannot be a cursor"):
        run_step(ApiToCount, parameters, step_context({"shop": {"url": api.url}}))


def test_an_incremental_step_needs_the_parameter_that_takes_the_cursor():
    with pytest.raises(ValidationFailed, match="SinceParameter"):
        source_of().after("id", 5)


@pytest.mark.parametrize(
    ("columns", "value", "why"),
    [({}, 1, "needs a type"), ({"id": "int64"}, "x", "another type"), ({"other": "int64"}, 1, "needs a type")],
)
def test_a_column_that_cannot_be_compared_with_the_cursor_fails(api, context, columns, value, why):
    api.says.append(Says(ROWS))
    source = source_of(SinceParameter="since", Columns=columns).after("id", value)
    assert why in failure(source, context).message


def test_a_time_is_asked_for_as_iso_8601(api, context):
    source = source_of(SinceParameter="since", Columns={"at": "timestamptz"}).after(
        "at", datetime(2026, 1, 31, tzinfo=UTC)
    )
    api.says.append(
        Says([{"at": "2026-01-31T00:00:00Z"}, {"at": "2026-01-31T01:00:00+01:00"}, {"at": "2026-02-01T00:00Z"}])
    )
    assert read(source, context).num_rows == 1
    assert api.asked[0].query == {"since": "2026-01-31T00:00:00+00:00"}


def test_lineage_names_the_connection():
    assert source_of().place() == "api://shop/orders"
