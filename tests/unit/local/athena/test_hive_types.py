from __future__ import annotations

import pytest

from runners.local.athena.hive_types import as_in_catalog, hive_name
from runners.local.athena.sql.translation import QueryError
from runners.local.athena.sql.types import type_of


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("integer", "int"),
        ("real", "float"),
        ("varbinary", "binary"),
        ("varchar", "string"),
        ("varchar(3)", "varchar(3)"),
        ("char(2)", "char(2)"),
        ("decimal(18,2)", "decimal(18,2)"),
        ("timestamp(6)", "timestamp"),
        ("map(varchar, array(bigint))", "map<string,array<bigint>>"),
        ("row(a integer, b row(c double))", "struct<a:int,b:struct<c:double>>"),
        ("row(integer, boolean)", "struct<field0:int,field1:boolean>"),
    ],
)
def test_types_of_results_have_names_in_the_catalog(written: str, name: str) -> None:
    assert hive_name(type_of(written)) == name


@pytest.mark.parametrize("written", ["timestamp(3) with time zone", "json", "unknown", "array(interval day to second)"])
def test_a_type_that_no_table_has_is_refused(written: str) -> None:
    with pytest.raises(QueryError, match="Unsupported Hive type"):
        hive_name(type_of(written))


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("INTEGER", "int"),
        ("decimal", "decimal(10,0)"),
        ("array<DECIMAL>", "array<decimal(10,0)>"),
        ("decimal (5, 1)", "decimal(5,1)"),
    ],
)
def test_types_are_kept_in_one_way(written: str, name: str) -> None:
    assert as_in_catalog(written) == name
