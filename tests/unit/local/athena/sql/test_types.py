"""The types of Trino: how they are read, and which of them two values have in common."""

from __future__ import annotations

import pytest

from runners.local.athena.sql.errors import QueryError
from runners.local.athena.sql.types import common, turns_into, type_of


@pytest.mark.parametrize(
    ("written", "of"),
    [
        ("int", "integer"),
        ("string", "varchar"),
        ("float", "real"),
        ("binary", "varbinary"),
        ("decimal(10,2)", "decimal(10,2)"),
        ("decimal(5)", "decimal(5,0)"),
        ("decimal", "decimal(38,0)"),
        ("varchar(3)", "varchar(3)"),
        ("char(3)", "char(3)"),
        ("char", "char(1)"),
        ("timestamp", "timestamp(3)"),
        ("timestamp(6)", "timestamp(6)"),
        ("timestamp(3) with time zone", "timestamp(3) with time zone"),
        ("interval day to second", "interval day to second"),
        ("array<array<int>>", "array(array(integer))"),
        ("map<string,struct<a:int>>", "map(varchar, row(a integer))"),
        (
            "row(a integer, varchar, timestamp(3) with time zone)",
            "row(a integer, varchar, timestamp(3) with time zone)",
        ),
        ('row("B ""c" integer)', 'row("b ""c" integer)'),
        ("row(interval day to second)", "row(interval day to second)"),
    ],
)
def test_a_type_is_read_in_hives_words_and_in_trinos(written: str, of: str) -> None:
    assert str(type_of(written)) == of
    assert type_of(of) == type_of(written)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "strange",
        "array",
        "array<int",
        "array<int,int>",
        "map<int>",
        "decimal(39,2)",
        "decimal(2,3)",
        "varchar(a)",
        "int(3)",
        "int int",
        "decimal(1,2,3)",
        "array(int>)",
    ],
)
def test_what_is_no_type_is_an_error(written: str) -> None:
    with pytest.raises(QueryError) as raised:
        type_of(written)
    assert raised.value.kind == "TYPE_NOT_FOUND"


@pytest.mark.parametrize("written", ["time", "uuid", "timestamp(9)", "hyperloglog", "ipaddress"])
def test_a_type_that_is_not_kept_here_is_refused(written: str) -> None:
    with pytest.raises(QueryError) as raised:
        type_of(written)
    assert raised.value.kind == "NOT_SUPPORTED"


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ("integer", "bigint", "bigint"),
        ("integer", "decimal(5,2)", "decimal(12,2)"),
        ("bigint", "decimal(38,10)", "decimal(38,10)"),
        ("integer", "decimal(10,0)", "decimal(10,0)"),
        ("decimal(5,2)", "decimal(3,3)", "decimal(6,3)"),
        ("decimal(5,2)", "double", "double"),
        ("decimal(5,2)", "real", "real"),
        ("bigint", "real", "real"),
        ("real", "double", "double"),
        ("varchar(2)", "varchar(5)", "varchar(5)"),
        ("varchar(2)", "varchar", "varchar"),
        ("unknown", "date", "date"),
        ("date", "timestamp(3)", "timestamp(3)"),
        ("timestamp(3)", "timestamp(6)", "timestamp(6)"),
        ("date", "timestamp(3) with time zone", "timestamp(3) with time zone"),
        ("array(integer)", "array(double)", "array(double)"),
        ("row(a integer)", "row(b double)", "row(double)"),
        ("map(varchar, integer)", "map(varchar, bigint)", "map(varchar, bigint)"),
        ("integer", "varchar", None),
        ("boolean", "integer", None),
        ("date", "varchar", None),
        ("array(integer)", "array(varchar)", None),
        ("row(a integer)", "row(a integer, b integer)", None),
        ("array(integer)", "integer", None),
        ("json", "varchar", None),
    ],
)
def test_two_types_have_the_type_in_common_that_trino_says(one: str, other: str, both: str | None) -> None:
    found = common(type_of(one), type_of(other))
    assert (found and str(found)) == both
    assert common(type_of(other), type_of(one)) == found


def test_a_type_turns_into_a_wider_one_alone() -> None:
    assert turns_into(type_of("integer"), type_of("bigint"))
    assert turns_into(type_of("varchar(3)"), type_of("varchar"))
    assert not turns_into(type_of("bigint"), type_of("integer"))
    assert not turns_into(type_of("varchar"), type_of("bigint"))
