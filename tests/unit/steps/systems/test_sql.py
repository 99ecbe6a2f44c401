"""The statements that sources in SQL databases have in common."""

from __future__ import annotations

from typing import ClassVar

import pytest

from runners.steps.errors import TemplateFailed, ValidationFailed
from runners.steps.systems.sql import SqlSource, SqlTarget
from runners.steps.templates import POSTGRESQL, SQLITE, SqlDialect, Statement, Templates


class Formatted(SqlSource):
    dialect: ClassVar[SqlDialect] = POSTGRESQL


class Marked(SqlSource):
    dialect: ClassVar[SqlDialect] = SQLITE


def statement(source, **variables):
    found = source.statement(Templates(variables))
    return Statement(" ".join(found.text.split()), found.parameters)


def test_a_table_is_read_by_its_quoted_name():
    source = Formatted(ConnectionName="shop", Table="public.orders", Columns=("id", "a b"))
    assert statement(source) == Statement('SELECT "id", "a b" FROM "public"."orders"', None)
    assert statement(Formatted(ConnectionName="shop", Table="orders")) == Statement('SELECT * FROM "orders"', None)


@pytest.mark.parametrize("hostile", ['orders"; DROP TABLE orders; --', "a\nb", "", "a" * 64])
def test_a_name_that_is_none_is_refused(hostile):
    with pytest.raises(TemplateFailed):
        statement(Formatted(ConnectionName="shop", Table="orders", Columns=(hostile,)))


def test_values_of_a_query_are_bound():
    source = Formatted(ConnectionName="shop", Query="SELECT * FROM t WHERE a = {{ a }} AND b IN ({{ b }})")
    assert statement(source, a="'", b=[1, 2]) == Statement(
        "SELECT * FROM t WHERE a = %s AND b IN (%s, %s)", ("'", 1, 2)
    )


def test_what_comes_after_a_cursor_is_asked_of_the_database():
    source = Formatted(ConnectionName="shop", Query="SELECT * FROM t WHERE a = {{ a }};").after("id", 7)
    assert statement(source, a=1) == Statement(
        'SELECT * FROM ( SELECT * FROM t WHERE a = %s ) AS source WHERE "id" > %s', (1, 7)
    )
    marked = Marked(ConnectionName="shop", Query="SELECT '100%' AS share").after("share", "a")
    assert statement(marked) == Statement(
        """SELECT * FROM ( SELECT '100%' AS share ) AS source WHERE "share" > ?""", ("a",)
    )


def test_a_percent_beside_a_cursor_is_doubled_for_a_driver_that_takes_it_for_a_placeholder():
    source = Formatted(ConnectionName="shop", Query="SELECT '100%' AS share").after("share", "a")
    assert statement(source).text == """SELECT * FROM ( SELECT '100%%' AS share ) AS source WHERE "share" > %s"""


def test_the_database_counts_the_rows_where_only_their_number_is_asked_for():
    source = Formatted(ConnectionName="shop", Query="SELECT * FROM t WHERE a = {{ a }};").counted()
    assert statement(source, a=1) == Statement(
        "SELECT count(*) AS counted FROM ( SELECT * FROM t WHERE a = %s ) AS source", (1,)
    )


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({}, "give Query or Table"),
        ({"Query": "SELECT 1", "Table": "t"}, "give Query or Table"),
        ({"Query": "SELECT 1", "Columns": ["a"]}, "Columns goes with Table"),
    ],
)
def test_a_source_is_a_query_or_a_table(wrong, said):
    with pytest.raises(ValidationFailed, match=said):
        Formatted.checked({"ConnectionName": "shop", **wrong})


@pytest.mark.parametrize("wrong", [{"Mode": "upsert"}, {"Key": ["id"]}, {"Mode": "overwrite", "Key": ["id"]}])
def test_a_key_goes_with_upsert_alone(wrong):
    with pytest.raises(ValidationFailed, match="Mode upsert needs Key"):
        SqlTarget.checked({"ConnectionName": "shop", "Table": "t", **wrong})
