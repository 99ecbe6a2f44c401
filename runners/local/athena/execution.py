"""Runs one query from its statement to its result in S3.

The order is always the same: find what is read, bring it, compute all rows in files of the query's own directory, and
only then let objects and tables appear.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import duckdb

from runners.local.athena import serdes, statements
from runners.local.athena.ddl import Ddl, columns_of
from runners.local.athena.ddl_tables import Column
from runners.local.athena.hive_types import hive_name
from runners.local.athena.preparation import Preparation
from runners.local.athena.projection import projection_of
from runners.local.athena.queries import Outcome
from runners.local.athena.reading import Reading
from runners.local.athena.results import ColumnInfo, csv_line, metadata
from runners.local.athena.sql.translation import QueryError, explained, text_of
from runners.local.athena.sql.types import Type, quoted, type_of
from runners.local.athena.targets import (
    Target,
    as_columns_of,
    named_columns,
    target_of_new_table,
    target_of_table,
    target_of_unload,
)
from runners.local.athena.writing import ROWS, Upload, Written, new_partitions, require_empty, write_files
from runners.local.s3.objects import S3Path, S3PathError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mypy_boto3_s3 import S3Client

    from runners.local.athena.catalog import Catalog, Table
    from runners.local.athena.queries import Query
    from runners.local.athena.sql.translation import Translated

ROWS_AT_A_TIME = 2000


class Execution:
    """One query on one connection, with one directory of its own."""

    def __init__(
        self, query: Query, connection: duckdb.DuckDBPyConnection, client: S3Client, catalog: Catalog, directory: Path
    ) -> None:
        self._query = query
        self._request = query.request
        self._connection = connection
        self._client = client
        self._catalog = catalog
        self._directory = directory
        self._reading = Reading(connection, client, catalog, directory, query.go_on)
        self._preparation = Preparation(connection, catalog, self._reading)

    @property
    def scanned_bytes(self) -> int:
        """How much was read so far."""
        return self._reading.scanned_bytes

    def run(self) -> Outcome:
        """Run the query. Raises ``QueryError``."""
        try:
            outcome = self._run()
        except duckdb.Error as error:
            self._query.go_on()  # an interrupt is no error of the query's
            raise explained(error) from error
        except S3PathError as error:
            raise QueryError("HIVE_FILESYSTEM_ERROR", str(error)) from error
        return replace(outcome, scanned_bytes=self.scanned_bytes)

    def _run(self) -> Outcome:
        match self._query.statement:
            case statements.Select() as select:
                return self._select(select)
            case statements.CreateTableAs() as ctas:
                return self._create_table_as(ctas)
            case statements.InsertInto() as insert:
                return self._insert(insert)
            case statements.Unload() as unload:
                return self._unload(unload)
            case other:
                return self._ddl(other)

    # Rows as a result

    def _select(self, statement: statements.Select) -> Outcome:
        translated = self._prepared(statement.query)
        columns = tuple(map(ColumnInfo.of, translated.columns))
        result = self._directory / "result.csv"
        rows = self._connection.execute(translated.sql)
        types = [column.type for column in translated.columns]
        with result.open("w", encoding="utf-8", newline="") as lines:
            lines.write(csv_line(column.name for column in columns))
            while some := rows.fetchmany(ROWS_AT_A_TIME):
                self._query.go_on()
                lines.writelines(csv_line(map(text_of, row, types)) for row in some)
        output = self._put_result(result, columns)
        return Outcome(columns, output)

    def _ddl(self, statement: statements.Statement) -> Outcome:
        ddl = Ddl(self._catalog, self._client, self._request.database, self._columns_of_view)
        names, lines = ddl.carry_out(statement)
        result = self._directory / "result.txt"
        result.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        columns = columns_of(names)
        return Outcome(columns, self._put_result(result, columns), has_header=False)

    def _put_result(self, result: Path, columns: Sequence[ColumnInfo]) -> str:
        output = self._output()
        described = self._directory / f"{result.name}.metadata"
        described.write_bytes(metadata(self._query.query_id, columns))
        self._put(result, output)
        self._put(described, f"{output}.metadata")
        return output

    # Rows as objects

    def _create_table_as(self, statement: statements.CreateTableAs) -> Outcome:
        database = statement.table.database or self._request.database
        self._catalog.require_database(database)
        if self._catalog.has_table(database, statement.table.name):
            if statement.if_not_exists:
                return Outcome(output=self._output(), has_rows=False)
            raise QueryError("TABLE_ALREADY_EXISTS", f"Table '{database}.{statement.table.name}' already exists")
        target = target_of_new_table(statement.properties)
        location = self._location_of_new_table(target)
        require_empty(self._client, location, f"table '{database}.{statement.table.name}'")
        translated = self._prepared(statement.query)
        columns = named_columns(translated)
        table = target.table(database, statement.table.name, location, columns)
        count, written = self._rows_in_files(table, translated.sql, columns, target, with_data=statement.with_data)
        with self._uploaded(written):
            self._catalog.create_table(table)
            try:
                self._catalog.add_partitions(table, new_partitions([], written))
            except BaseException:
                self._catalog.drop_table(table)
                raise
        return self._described(written, count)

    def _insert(self, statement: statements.InsertInto) -> Outcome:
        table = self._catalog.table(statement.table.database or self._request.database, statement.table.name)
        if table.view:
            raise QueryError("NOT_SUPPORTED", f"Inserting into views is not supported: {table}")
        serdes.require_readable(table)
        target = target_of_table(table)
        projection = projection_of(table)
        if projection is not None and not projection.is_hive_style:
            raise QueryError(
                "NOT_SUPPORTED",
                f"the embedded Athena does not insert into {table}, which has storage.location.template",
            )
        translated = self._prepared(statement.query)
        columns = [(name, type_of(of)) for name, of in table.types.items()]
        sql = as_columns_of(translated, columns, statement.columns)
        count, written = self._rows_in_files(table, sql, columns, target)
        with self._uploaded(written):
            if table.partition_columns and projection is None:
                self._catalog.add_partitions(table, new_partitions(self._catalog.partitions(table), written))
        return self._described(written, count)

    def _unload(self, statement: statements.Unload) -> Outcome:
        target = target_of_unload(statement.properties)
        location = str(S3Path.parse(statement.location))
        require_empty(self._client, location, "UNLOAD")
        translated = self._prepared(statement.query)
        columns = named_columns(translated)
        table = target.table(self._request.database, "unload", location, columns)
        count, written = self._rows_in_files(table, translated.sql, columns, target)
        with self._uploaded(written):
            return self._described(written, count)

    def _rows_in_files(
        self, table: Table, sql: str, columns: Sequence[tuple[str, Type]], target: Target, *, with_data: bool = True
    ) -> tuple[int, list[Written]]:
        names = ", ".join(quoted(name) for name, _ in columns)
        limit = "" if with_data else " LIMIT 0"
        self._connection.execute(f"CREATE TABLE {ROWS} AS SELECT * FROM ({sql}) AS q({names}){limit}")  # noqa: S608
        (count,) = self._connection.execute(f"SELECT count(*) FROM {ROWS}").fetchall()[0]  # noqa: S608
        directory = self._directory / "written"
        directory.mkdir()
        written = write_files(
            self._connection, table, columns, target.file_format, directory=directory, go_on=self._query.go_on
        )
        return count, written

    def _uploaded(self, written: Sequence[Written]) -> Upload:
        self._query.go_on()
        return Upload(self._client, written, self._request.encryption)

    def _described(self, written: Sequence[Written], count: int) -> Outcome:
        """Put the manifest, which names the objects, and the metadata."""
        output = self._output()
        manifest, described = self._directory / "manifest.csv", self._directory / "metadata"
        manifest.write_text("".join(f"{one.path}\n" for one in written), encoding="utf-8")
        columns = (ColumnInfo("rows", "bigint", 19),)
        described.write_bytes(metadata(self._query.query_id, columns))
        self._put(manifest, f"{output}-manifest.csv")
        self._put(described, f"{output}.metadata")
        return Outcome(columns, output, f"{output}-manifest.csv", count, has_rows=False)

    def _location_of_new_table(self, target: Target) -> str:
        if target.location is None:
            return f"{self._output()}/"
        if self._request.output_is_enforced:
            raise QueryError(
                "INVALID_TABLE_PROPERTY",
                "The Create Table As Select query failed because it was submitted with an 'external_location' property "
                "to an Athena Workgroup that enforces a centralized output location for all queries. Please remove the "
                "'external_location' property and resubmit the query.",
            )
        return str(S3Path.parse(target.location))

    def _prepared(self, sql: str) -> Translated:
        """Make a query ready to run: its tables are there, and it is in DuckDB's words."""
        translated = self._preparation.translated(sql, self._request.database, self._request.parameters)
        self._query.planned()
        self._query.go_on()
        return translated

    def _columns_of_view(self, sql: str) -> list[Column]:
        translated = self._preparation.translated(sql, self._request.database)
        return [Column(name, hive_name(of)) for name, of in named_columns(translated)]

    def _output(self) -> str:
        return self._query.statement.output_of(self._request.output, self._query.query_id)

    def _put(self, file: Path, location: str) -> None:
        path = S3Path.parse(location)
        extra = dict(self._request.encryption)
        self._client.upload_file(str(file), path.bucket, path.key, ExtraArgs=extra or None)
