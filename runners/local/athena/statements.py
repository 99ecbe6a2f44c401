"""What a statement asks for: a query with what is done with its rows, or a change of the catalog.

The one place where Athena's grammar beyond queries is read. Pure: a statement says what is wanted, and does nothing.
What Athena has and this one does not is refused here, by name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from runners.local.athena import ddl_tables
from runners.local.athena.sql.translation import QueryError, parse
from runners.local.athena.words import Words

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from runners.local.athena.ddl_tables import Column, Storage

DDL, DML, UTILITY = "DDL", "DML", "UTILITY"
_WITH_OR_WITHOUT_DATA = re.compile(r"\s+WITH\s+(NO\s+)?DATA\s*$", re.IGNORECASE)


@dataclass(frozen=True)
class TableName:
    """A table by its name, and its database unless it is the query's own."""

    database: str | None
    name: str


@dataclass(frozen=True)
class Statement:
    """The root of all statements."""

    statement_type: ClassVar[str] = DDL
    substatement_type: ClassVar[str]

    def output_of(self, location: str, query_id: str) -> str:
        """Say where below a location, which ends with a slash, the result of a query is."""
        return f"{location}{query_id}.txt"


@dataclass(frozen=True)
class Select(Statement):
    """Rows are asked for."""

    statement_type = DML
    substatement_type = "SELECT"
    query: str

    def output_of(self, location: str, query_id: str) -> str:
        """Say where the rows are."""
        return f"{location}{query_id}.csv"


@dataclass(frozen=True)
class CreateTableAs(Statement):
    """A query's rows become a table."""

    substatement_type = "CREATE_TABLE_AS_SELECT"
    table: TableName
    query: str
    properties: Mapping[str, str | tuple[str, ...]]
    if_not_exists: bool = False
    with_data: bool = True

    def output_of(self, location: str, query_id: str) -> str:
        """Say how the names of manifest and metadata begin; the rows are below it unless they go elsewhere."""
        return f"{location}tables/{query_id}"


@dataclass(frozen=True)
class InsertInto(Statement):
    """A query's rows are added to a table."""

    statement_type = DML
    substatement_type = "INSERT"
    table: TableName
    query: str
    columns: tuple[str, ...] = ()

    def output_of(self, location: str, query_id: str) -> str:
        """Say how the names of manifest and metadata begin."""
        return f"{location}{query_id}"


@dataclass(frozen=True)
class Unload(Statement):
    """A query's rows become objects."""

    statement_type = DML
    substatement_type = "UNLOAD"
    query: str
    location: str
    properties: Mapping[str, str | tuple[str, ...]]

    def output_of(self, location: str, query_id: str) -> str:
        """Say how the names of manifest and metadata begin."""
        return f"{location}{query_id}"


@dataclass(frozen=True)
class CreateTable(Statement):
    """Objects become a table."""

    substatement_type = "CREATE_TABLE"
    table: TableName
    columns: tuple[Column, ...]
    partition_columns: tuple[Column, ...]
    storage: Storage
    location: str
    properties: Mapping[str, str]
    comment: str | None = None
    if_not_exists: bool = False


@dataclass(frozen=True)
class Modify(Statement):
    """Rows of a table would change, which those of the Glue catalog cannot."""

    statement_type = DML
    substatement_type = "MODIFY"
    how: str


@dataclass(frozen=True)
class CreateView(Statement):
    """A query gets a name."""

    substatement_type = "CREATE_VIEW"
    view: TableName
    query: str
    replace: bool = False


@dataclass(frozen=True)
class CreateDatabase(Statement):
    """A database is made."""

    substatement_type = "CREATE_DATABASE"
    name: str
    if_not_exists: bool = False
    comment: str | None = None
    location: str | None = None
    properties: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Drop(Statement):
    """A table or a view is removed; its objects stay."""

    substatement_type = "DROP_TABLE"
    table: TableName
    is_view: bool = False
    if_exists: bool = False


@dataclass(frozen=True)
class DropDatabase(Statement):
    """A database is removed, with its tables if it cascades."""

    substatement_type = "DROP_DATABASE"
    name: str
    if_exists: bool = False
    cascade: bool = False


@dataclass(frozen=True)
class Partition:
    """A partition by its columns' values, and where its objects are if that is said."""

    values: Mapping[str, str]
    location: str | None = None


@dataclass(frozen=True)
class AddPartitions(Statement):
    """Partitions are made known."""

    substatement_type = "ALTER_TABLE_ADD_PARTITION"
    table: TableName
    partitions: tuple[Partition, ...]
    if_not_exists: bool = False


@dataclass(frozen=True)
class DropPartitions(Statement):
    """Partitions are forgotten."""

    substatement_type = "ALTER_TABLE_DROP_PARTITION"
    table: TableName
    partitions: tuple[Partition, ...]
    if_exists: bool = False


@dataclass(frozen=True)
class RepairTable(Statement):
    """The partitions that lie below a table's location, in Hive's style, are made known."""

    substatement_type = "MSCK_REPAIR_TABLE"
    table: TableName


@dataclass(frozen=True)
class Show(Statement):
    """A look into the catalog.

    ``what`` is one of TABLES, VIEWS, DATABASES, PARTITIONS, COLUMNS, CREATE TABLE, TABLE; the last is DESCRIBE.
    """

    statement_type = UTILITY
    substatement_type = "SHOW"
    what: str
    table: TableName | None = None
    database: str | None = None
    pattern: str | None = None


def statement(sql: str) -> Statement:
    """Read a statement. Raises ``QueryError`` where Athena would refuse it, or this one has to."""
    words = Words(sql)
    first = words.peek()
    if first.kind == "end":
        words.fail("<query>")
    keyword = first.value.upper()
    if keyword in {"SELECT", "WITH", "VALUES", "(", "TABLE"}:
        return Select(_query(words.rest()))
    read = _READERS.get(keyword)
    if read is None:
        if keyword in _REFUSED:
            raise QueryError(
                "NOT_SUPPORTED", f"Queries of this type are not supported: the embedded Athena has no {keyword}"
            )
        words.fail("'ALTER', 'CREATE', 'DESCRIBE', 'DROP', 'INSERT', 'MSCK', 'SHOW', 'UNLOAD', <query>")
    return read(sql)


_REFUSED = frozenset(
    {"EXPLAIN", "ANALYZE", "OPTIMIZE", "VACUUM", "PREPARE", "EXECUTE", "DEALLOCATE", "GRANT", "REVOKE", "USE", "SET"}
)


def _query(text: str) -> str:
    """Answer a query's text once sqlglot has read it."""
    parse(text)
    return text


def _create(sql: str) -> Statement:
    words = Words(sql)
    words.expect("CREATE")
    if words.takes("DATABASE") or words.takes("SCHEMA"):
        return _create_database(sql)
    replace = words.takes("OR", "REPLACE")
    if words.takes("VIEW"):
        view = _table_name(words)
        words.expect("AS")
        return CreateView(view, _query(words.rest()), replace)
    if words.takes("EXTERNAL", "TABLE"):
        return _create_external_table(sql)
    words.expect("TABLE")
    if_not_exists = words.takes("IF", "NOT", "EXISTS")
    table = _table_name(words)
    properties = _properties(words) if words.takes("WITH") else {}
    if not words.takes("AS"):
        raise QueryError(
            "NOT_SUPPORTED",
            "a CREATE TABLE without EXTERNAL is one of Iceberg, which the embedded Athena does not have: "
            "write CREATE EXTERNAL TABLE, or CREATE TABLE … AS SELECT",
        )
    return _create_table_as(words, table, properties, if_not_exists=if_not_exists)


def _create_table_as(
    words: Words, table: TableName, properties: Mapping[str, str | tuple[str, ...]], *, if_not_exists: bool
) -> CreateTableAs:
    query = words.rest()
    data = _WITH_OR_WITHOUT_DATA.search(query)
    if data:
        query = query[: data.start()]
    return CreateTableAs(table, _query(query), properties, if_not_exists, with_data=not (data and data[1]))


def _create_database(sql: str) -> CreateDatabase:
    words = Words(sql, hive=True)
    words.expect("CREATE")
    if not words.takes("SCHEMA"):
        words.expect("DATABASE")
    if_not_exists = words.takes("IF", "NOT", "EXISTS")
    name = words.name()
    comment = words.text() if words.takes("COMMENT") else None
    location = words.text() if words.takes("LOCATION") else None
    properties = ddl_tables.properties(words) if words.takes("WITH", "DBPROPERTIES") else {}
    words.end()
    return CreateDatabase(name, if_not_exists, comment, location, properties)


def _create_external_table(sql: str) -> CreateTable:
    words = Words(sql, hive=True)
    words.expect("CREATE", "EXTERNAL", "TABLE")
    if_not_exists = words.takes("IF", "NOT", "EXISTS")
    table = _table_name(words)
    described = ddl_tables.description(words)
    return CreateTable(
        table,
        described.columns,
        described.partition_columns,
        described.storage,
        described.location,
        described.properties,
        described.comment,
        if_not_exists,
    )


def _insert(sql: str) -> InsertInto:
    words = Words(sql)
    words.expect("INSERT", "INTO")
    table = _table_name(words)
    columns: tuple[str, ...] = ()
    if words.peek().value == "(" and not _begins_query(words):
        columns = words.names()
    return InsertInto(table, _query(words.rest()), columns)


def _begins_query(words: Words) -> bool:
    """Whether what stands in the parentheses here is a query, and no list of columns."""
    ahead = Words(words.statement[words.peek().start :])
    while ahead.takes("("):
        pass
    return any(ahead.takes(word) for word in ("SELECT", "WITH", "VALUES", "TABLE"))


def _unload(sql: str) -> Unload:
    words = Words(sql)
    words.expect("UNLOAD")
    query = words.in_parentheses()
    words.expect("TO")
    location = words.text()
    properties = _properties(words) if words.takes("WITH") else {}
    words.end()
    return Unload(_query(query.strip()), location, properties)


def _drop(sql: str) -> Statement:
    words = Words(sql, hive=True)
    words.expect("DROP")
    is_database = words.takes("DATABASE") or words.takes("SCHEMA")
    is_view = not is_database and words.takes("VIEW")
    if not is_database and not is_view:
        words.expect("TABLE")
    if_exists = words.takes("IF", "EXISTS")
    if not is_database:
        table = _table_name(words)
        words.takes("PURGE")
        words.end()
        return Drop(table, is_view, if_exists)
    name = words.name()
    cascade = words.takes("CASCADE")
    if not cascade:
        words.takes("RESTRICT")
    words.end()
    return DropDatabase(name, if_exists, cascade)


def _alter(sql: str) -> Statement:
    words = Words(sql, hive=True)
    words.expect("ALTER", "TABLE")
    table = _table_name(words)
    if words.takes("ADD") and (words.peek().value.upper() in {"IF", "PARTITION"}):
        if_not_exists = words.takes("IF", "NOT", "EXISTS")
        partitions = [_partition(words)]
        while words.peek().value.upper() == "PARTITION":
            partitions.append(_partition(words))
        words.end()
        return AddPartitions(table, tuple(partitions), if_not_exists)
    if words.takes("DROP"):
        if_exists = words.takes("IF", "EXISTS")
        partitions = [_partition(words)]
        while words.takes(","):
            partitions.append(_partition(words))
        words.end()
        return DropPartitions(table, tuple(partitions), if_exists)
    raise QueryError(
        "NOT_SUPPORTED", "the embedded Athena's ALTER TABLE adds and drops partitions; change the table through Glue"
    )


def _partition(words: Words) -> Partition:
    words.expect("PARTITION", "(")
    values = {}
    while True:
        column = words.name()
        words.expect("=")
        value = words.next()
        if value.kind not in {"text", "number"}:
            words.fail("<string>", value)
        values[column] = value.value
        if not words.takes(","):
            break
    words.expect(")")
    return Partition(values, words.text() if words.takes("LOCATION") else None)


def _repair(sql: str) -> RepairTable:
    words = Words(sql, hive=True)
    words.expect("MSCK", "REPAIR", "TABLE")
    table = _table_name(words)
    words.end()
    return RepairTable(table)


def _show(sql: str) -> Show:
    words = Words(sql, hive=True)
    words.expect("SHOW")
    what = words.next().value.upper()
    if what == "CREATE":
        words.expect("TABLE")
        shown = Show("CREATE TABLE", _table_name(words))
    elif what == "PARTITIONS":
        shown = Show(what, _table_name(words))
    elif what == "COLUMNS":
        shown = Show(what, _columns_of(words))
    elif what in {"TABLES", "VIEWS", "DATABASES", "SCHEMAS"}:
        database = words.name() if words.takes("IN") or words.takes("FROM") else None
        words.takes("LIKE")
        pattern = words.text() if words.peek().kind == "text" else None
        shown = Show("DATABASES" if what == "SCHEMAS" else what, None, database, pattern)
    else:
        raise QueryError("NOT_SUPPORTED", f"the embedded Athena has no SHOW {what}")
    words.end()
    return shown


def _columns_of(words: Words) -> TableName:
    if not words.takes("IN"):
        words.expect("FROM")
    table = _table_name(words)
    if words.takes("IN") or words.takes("FROM"):
        return TableName(words.name(), table.name)
    return table


def _describe(sql: str) -> Show:
    words = Words(sql, hive=True)
    words.next()
    if not words.takes("EXTENDED"):
        words.takes("FORMATTED")
    table = _table_name(words)
    words.end()
    return Show("TABLE", table)


def _table_name(words: Words) -> TableName:
    parts = [words.name()]
    while words.takes("."):
        parts.append(words.name())
    if len(parts) > 2:  # noqa: PLR2004 - a catalog before database and table
        if parts[0] != "awsdatacatalog":
            raise QueryError(
                "CATALOG_NOT_FOUND", f"Catalog '{parts[0]}' does not exist: the embedded Athena has AwsDataCatalog"
            )
        parts = parts[-2:]
    return TableName(parts[0] if len(parts) > 1 else None, parts[-1])


def _properties(words: Words) -> dict[str, str | tuple[str, ...]]:
    """Read ``(name = value, …)`` as CTAS and UNLOAD have it: values are texts, words, numbers and arrays of texts."""
    words.expect("(")
    found: dict[str, str | tuple[str, ...]] = {}
    while True:
        name = words.name()
        words.expect("=")
        found[name] = _array(words) if words.takes("ARRAY") else _plain_value(words)
        if not words.takes(","):
            break
    words.expect(")")
    return found


def _plain_value(words: Words) -> str:
    value = words.next()
    if value.kind not in {"text", "word", "number"}:
        words.fail("<string>", value)
    return value.value


def _array(words: Words) -> tuple[str, ...]:
    words.expect("[")
    found = [words.text()]
    while words.takes(","):
        found.append(words.text())
    words.expect("]")
    return tuple(found)


_READERS: dict[str, Callable[[str], Statement]] = {
    "CREATE": _create,
    "INSERT": _insert,
    "UNLOAD": _unload,
    "DROP": _drop,
    "ALTER": _alter,
    "MSCK": _repair,
    "SHOW": _show,
    "DESCRIBE": _describe,
    "DESC": _describe,
    **dict.fromkeys(("DELETE", "UPDATE", "MERGE"), lambda sql: Modify(sql.split(maxsplit=1)[0].upper())),
}
