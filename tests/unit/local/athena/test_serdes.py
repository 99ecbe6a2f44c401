from __future__ import annotations

import pytest

from runners.local.athena import serdes
from runners.local.athena.catalog import Table
from runners.local.athena.ddl_tables import HIVE_JSON, LAZY_SIMPLE, OPEN_CSV, OPENX_JSON, PARQUET, Column, Storage
from runners.local.athena.sql.translation import QueryError
from runners.local.athena.sql.types import type_of
from runners.local.athena.text_rows import Json, LazySimple, OpenCSV


def table(serde: str, parameters: dict[str, str] | None = None, **properties: str) -> Table:
    given = {key.replace("_", "."): value for key, value in properties.items()}
    return Table(
        "db", "t", (Column("x", "int"),), storage=Storage(serde, parameters=parameters or {}), properties=given
    )


@pytest.mark.parametrize("serde", [LAZY_SIMPLE, OPEN_CSV, OPENX_JSON, HIVE_JSON, PARQUET])
def test_tables_of_these_serdes_are_read(serde: str) -> None:
    serdes.require_readable(table(serde))


@pytest.mark.parametrize(
    ("unread", "named"),
    [
        (table("org.apache.hadoop.hive.ql.io.orc.OrcSerde"), "OrcSerde"),
        (table("org.apache.hadoop.hive.serde2.RegexSerDe"), "RegexSerDe"),
        (table(""), "no SerDe"),
        (Table("db", "t", (), storage=Storage(PARQUET), properties={"table_type": "ICEBERG"}), "iceberg"),
        (Table("db", "t", (), storage=Storage(PARQUET, "org.apache.hudi.HoodieInputFormat")), "hudi"),
        (Table("db", "t", (), storage=Storage(PARQUET), properties={"spark.sql.sources.provider": "delta"}), "delta"),
    ],
)
def test_others_are_refused_by_their_name(unread: Table, named: str) -> None:
    with pytest.raises(QueryError, match=named) as caught:
        serdes.require_readable(unread)
    assert caught.value.kind == "NOT_SUPPORTED"


@pytest.mark.parametrize(("serde", "reader"), [(LAZY_SIMPLE, LazySimple), (OPEN_CSV, OpenCSV), (HIVE_JSON, Json)])
def test_each_serde_reads_lines_its_own_way(serde: str, reader: type) -> None:
    assert isinstance(serdes.line_reader(table(serde)), reader)


def test_a_table_says_how_many_lines_are_no_rows() -> None:
    assert serdes.header_lines(table(LAZY_SIMPLE)) == 0
    assert serdes.header_lines(table(LAZY_SIMPLE, skip_header_line_count="2")) == 2
    assert serdes.header_lines(table(LAZY_SIMPLE, {"skip.header.line.count": "1"})) == 1
    with pytest.raises(QueryError, match="no number"):
        serdes.header_lines(table(LAZY_SIMPLE, skip_header_line_count="x"))


def test_a_strict_table_may_ask_for_null_instead_of_errors() -> None:
    of = type_of("int")
    assert "trino_fail" in serdes.conversion(table(OPENX_JSON), "c", of, "x")
    assert "trino_fail" in serdes.conversion(table(OPEN_CSV), "c", of, "x")
    assert "trino_fail" not in serdes.conversion(table(LAZY_SIMPLE), "c", of, "x")
    assert "trino_fail" not in serdes.conversion(table(OPEN_CSV, use_null_for_invalid_data="TRUE"), "c", of, "x")
