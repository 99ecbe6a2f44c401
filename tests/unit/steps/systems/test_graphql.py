from __future__ import annotations

from typing import Any

import pytest

from runners.steps.errors import SourceFailed, StepStopped, ValidationFailed
from runners.steps.systems.graphql import GraphQlSource
from runners.steps.templates import Templates
from runners.testing.steps import step_context
from tests.unit.steps.systems.http_server import Says, serving
from tests.unit.steps.systems.rows import read

QUERY = "query($after: String) {products(after: $after) {nodes {id} pageInfo {hasNextPage endCursor}}}"


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
    return step_context({"shop": {"url": f"{api.url}/graphql"}})


def source_of(**parameters: Any) -> GraphQlSource:
    asked = {
        "ConnectionName": "shop",
        "Query": QUERY,
        "Records": "products.nodes",
        "PageInfo": "products.pageInfo",
        "Columns": {"id": "int64"},
    }
    return GraphQlSource.checked(asked | parameters)


def page(*ids: int, cursor: str | None = None, more: bool = False) -> Says:
    nodes = [{"id": number} for number in ids]
    return Says({"data": {"products": {"nodes": nodes, "pageInfo": {"hasNextPage": more, "endCursor": cursor}}}})


def test_pages_are_followed_by_their_cursor(api, context):
    api.says += [page(1, 2, cursor="a", more=True), page(cursor="b", more=True), page(3, cursor="c")]
    assert read(source_of(Variables={"since": "2026-01-31"}), context)["id"].to_pylist() == [1, 2, 3]
    assert [asked.json["variables"] for asked in api.asked] == [
        {"since": "2026-01-31"},
        {"since": "2026-01-31", "after": "a"},
        {"since": "2026-01-31", "after": "b"},
    ]
    assert {asked.json["query"] for asked in api.asked} == {QUERY}
    assert api.asked[0].path == "/graphql"


def test_without_pages_one_answer_has_all_and_its_columns_can_be_found(api, context):
    api.says.append(Says({"data": {"shop": {"name": "Corner"}}}))
    found = read(source_of(PageInfo=None, Records="shop", Columns={}), context)
    assert found.to_pylist() == [{"name": "Corner"}]


def test_values_are_rendered_into_variables_and_never_into_the_query():
    given = {
        "ConnectionName": "shop",
        "Records": "x",
        "Query": "{a(b: {{c: 1}}) {{%d%}}",
        "Variables": {"day": "{{ ds }}"},
    }
    source = GraphQlSource.read(given, Templates({"ds": "2026-01-31"}))
    assert (source.Query, source.Variables) == ("{a(b: {{c: 1}}) {{%d%}}", {"day": "2026-01-31"})


@pytest.mark.parametrize("status", [200, 400])
def test_errors_in_an_answer_fail_the_step_with_their_messages(api, context, status):
    errors = [{"message": "Cannot query field x", "extensions": {"secret": 1}}, {"message": 5}, "secret"]
    api.says.append(Says({"data": {"products": {}}, "errors": errors}, status))
    with pytest.raises(SourceFailed, match="answered 3 errors: Cannot query field x") as raised:
        read(source_of(), context)
    assert "secret" not in raised.value.cause()


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"data": None},
        [],
        {"data": {"products": {"nodes": []}}},
        {"data": {"products": {"nodes": [], "pageInfo": {"hasNextPage": True, "endCursor": None}}}},
    ],
)
def test_an_answer_without_what_is_needed_fails(api, context, document):
    api.says.append(Says(document))
    with pytest.raises(SourceFailed):
        read(source_of(), context)


def test_a_cursor_that_comes_twice_fails_instead_of_going_round_for_ever(api, context):
    api.says += [page(1, cursor="a", more=True), page(2, cursor="a", more=True)]
    with pytest.raises(SourceFailed, match="twice"):
        read(source_of(), context)


def test_more_pages_than_are_allowed_fail(api, context):
    api.says += [page(1, cursor="a", more=True), page(2, cursor="b", more=True)]
    with pytest.raises(SourceFailed, match="more than the 2"):
        read(source_of(MaxPages=2), context)


def test_a_step_that_is_to_stop_asks_for_no_more_pages(api):
    with pytest.raises(StepStopped):
        read(source_of(), step_context({"shop": {"url": api.url}}, stopping=lambda: True))


def test_a_query_of_pages_has_the_variable_of_the_cursor():
    with pytest.raises(ValidationFailed, match=r"the variable \$after"):
        source_of(Query="{products {nodes {id}}}")


def test_lineage_names_the_connection_and_what_is_read():
    assert source_of().place() == "graphql://shop/products.nodes"
