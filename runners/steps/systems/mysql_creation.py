"""A table of MySQL's for rows of an Arrow schema: its columns hold every value of the rows' types exactly."""

from __future__ import annotations

from collections.abc import Callable, Collection

import pyarrow as pa

from runners.steps.ends import logical
from runners.steps.errors import DataNotRepresentable
from runners.steps.formats.plain_text import simplified
from runners.steps.templates import SqlDialect

_KEY_CHARACTERS, _KEY_BYTES = 255, 255  # of a text or bytes in a key, at most, as an index takes no longer ones
_MOST_DIGITS, _MOST_SCALE = 65, 30  # of a decimal
_ENDING = "ENGINE = InnoDB DEFAULT CHARSET = utf8mb4"
_LOGICAL = {"json": "JSON", "uuid": "CHAR(36)", "time": "TIME(6)", "date": "DATE", "timestamp": "DATETIME(6)"}
_SIMPLE: tuple[tuple[Callable[[pa.DataType], bool], str], ...] = (
    (pa.types.is_boolean, "BOOLEAN"),
    (pa.types.is_int8, "TINYINT"),
    (pa.types.is_int16, "SMALLINT"),
    (pa.types.is_int32, "INT"),
    (pa.types.is_int64, "BIGINT"),
    (pa.types.is_uint8, "TINYINT UNSIGNED"),
    (pa.types.is_uint16, "SMALLINT UNSIGNED"),
    (pa.types.is_uint32, "INT UNSIGNED"),
    (pa.types.is_uint64, "BIGINT UNSIGNED"),
    (pa.types.is_float32, "FLOAT"),
    (pa.types.is_float64, "DOUBLE"),
    (pa.types.is_date, "DATE"),
    (pa.types.is_time, "TIME(6)"),
    (pa.types.is_null, "LONGTEXT"),
)


def creation(table: str, schema: pa.Schema, key: Collection[str], dialect: SqlDialect, *, mariadb: bool) -> str:
    """Return the statement that creates a table, if it is not there.

    Texts are compared as they are, by code and with the spaces at their end, so that a key tells apart what differs.

    Args:
        table: its name.
        schema: of the rows.
        key: the columns that become the primary key; none if empty.
        dialect: quotes names.
        mariadb: whether the server is MariaDB.

    Raises:
        DataNotRepresentable: MySQL has no type for a column.

    """
    columns = [
        f"{dialect.identifier(field.name)} {column_type(field, in_key=field.name in key)}"
        + (" NOT NULL" if field.name in key else " NULL")
        for field in schema
    ]
    if key:
        columns.append(f"PRIMARY KEY ({', '.join(map(dialect.identifier, key))})")
    collation = "utf8mb4_nopad_bin" if mariadb else "utf8mb4_0900_bin"
    name = dialect.identifier(table)
    return f"CREATE TABLE IF NOT EXISTS {name} ({', '.join(columns)}) {_ENDING} COLLATE {collation}"


def loads_creation(table: str) -> str:
    """Return the statement that creates the table of repeat keys, whose quoted name is given."""
    return (
        f"CREATE TABLE IF NOT EXISTS {table} (repeat_key CHAR(64) CHARACTER SET ascii PRIMARY KEY, "
        "table_name VARCHAR(200) NOT NULL, "
        f"loaded_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP) {_ENDING} COMMENT = 'Which appends are written'"
    )


def column_type(field: pa.Field, *, in_key: bool = False) -> str:
    """Return MySQL's type for a column of rows."""
    kind = simplified(pa.nulls(0, field.type), field.name).type
    if (known := _LOGICAL.get(logical(field))) is not None:
        return known
    if pa.types.is_decimal(kind):
        return _decimal(field.name, kind)
    if pa.types.is_timestamp(kind):
        return "DATETIME(6)" if kind.tz is None else "TIMESTAMP(6)"
    if pa.types.is_string(kind):
        return f"VARCHAR({_KEY_CHARACTERS})" if in_key else "LONGTEXT"
    if pa.types.is_binary(kind):
        return f"VARBINARY({_KEY_BYTES})" if in_key else "LONGBLOB"
    return next(name for holds, name in _SIMPLE if holds(kind))


def _decimal(name: str, kind: pa.DataType) -> str:
    scale = max(kind.scale, 0)
    precision = kind.precision - min(kind.scale, 0)
    if precision > _MOST_DIGITS or scale > _MOST_SCALE:
        raise DataNotRepresentable(
            f"the column {name} is {kind}, and MySQL's decimals have {_MOST_DIGITS} digits, {_MOST_SCALE} of them "
            "behind the point, at most; cast it by Transforms, or create the table with a text",
            column=name,
        )
    return f"DECIMAL({precision},{scale})"
