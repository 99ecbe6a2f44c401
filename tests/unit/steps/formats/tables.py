"""Tables for tests of formats: written to bytes and read again, and made by hypothesis of every type."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime, time
from decimal import Context, Decimal
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from runners.steps.ends import as_text

_EXACTLY = Context(prec=80)  # digits

NAME = "s3://bucket/rows"

_texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20) | st.sampled_from(
    ["", "NULL", '"', '""', "a,b", "a\nb", "a\r\nb", "\\", "\\N", "😀", " ", "\ufeff", "007", "1e5", "nan", "true"]
)


def _decimals(precision: int, scale: int) -> st.SearchStrategy[Decimal]:
    most = 10**precision - 1
    return st.integers(-most, most).map(lambda number: Decimal(number).scaleb(-scale, _EXACTLY))


COLUMNS: dict[str, tuple[str, pa.Field, st.SearchStrategy[Any]]] = {
    name: (kind, field.with_name(name), values)
    for name, kind, field, values in [
        ("flag", "bool", pa.field("", pa.bool_()), st.booleans()),
        ("small", "int32", pa.field("", pa.int32()), st.integers(-(2**31), 2**31 - 1)),
        ("large", "int64", pa.field("", pa.int64()), st.integers(-(2**63), 2**63 - 1)),
        ("double", "float64", pa.field("", pa.float64()), st.floats()),
        ("money", "decimal(18,4)", pa.field("", pa.decimal128(18, 4)), _decimals(18, 4)),
        ("long", "decimal(38,18)", pa.field("", pa.decimal128(38, 18)), _decimals(38, 18)),
        ("longest", "decimal(76,30)", pa.field("", pa.decimal256(76, 30)), _decimals(76, 30)),
        ("text", "string", pa.field("", pa.string()), _texts),
        ("day", "date", pa.field("", pa.date32()), st.dates()),
        ("clock", "time", pa.field("", pa.time64("us")), st.times()),
        ("moment", "timestamp", pa.field("", pa.timestamp("us")), st.datetimes()),
        ("instant", "timestamptz", pa.field("", pa.timestamp("us", "UTC")), st.datetimes(timezones=st.just(UTC))),
        ("bytes", "binary", pa.field("", pa.binary()), st.binary(max_size=20)),
        ("json", "json", as_text("", "json"), st.sampled_from(['{"a":[1,2.50]}', "[]", '"x"', "12345678901234567890"])),
    ]
}
"""By the name of a column: its type's name, its field, and values of it."""


@st.composite
def tables(draw: st.DrawFn, without: tuple[str, ...] = ()) -> pa.Table:
    """Make a table with a column of each type, and with NULLs; cut into batches that begin anywhere."""
    count = draw(st.integers(0, 6))
    chosen = {name: column for name, column in COLUMNS.items() if name not in without}
    arrays = [
        pa.array(draw(st.lists(st.none() | values, min_size=count, max_size=count)), field.type)
        for _, field, values in chosen.values()
    ]
    table = pa.Table.from_arrays(arrays, schema=pa.schema([field for _, field, _ in chosen.values()]))
    cut = draw(st.integers(0, count))
    return pa.concat_tables([table.slice(0, cut), table.slice(cut)])


def types(without: tuple[str, ...] = ()) -> dict[str, str]:
    """Answer the names of the types of the columns of ``tables``."""
    return {name: kind for name, (kind, _, _) in COLUMNS.items() if name not in without}


def written(form: Any, table: pa.Table, name: str = NAME) -> bytes:
    """Answer the bytes of a file of a table."""
    out = io.BytesIO()
    with form.writing(table.schema, out, name) as writer:
        for batch in table.to_batches():
            writer.write(batch)
        writer.close()
    return out.getvalue()


def read(form: Any, data: bytes, name: str = NAME) -> pa.Table:
    """Answer the table that a file has."""
    with form.reading(io.BytesIO(data), name) as rows:
        return pa.Table.from_batches(list(rows.batches()), rows.schema)


def same(one: pa.Table, other: pa.Table) -> bool:
    """Whether two tables have the same columns and values; NaN is the same as NaN, and zero is not -0."""
    return one.schema.equals(other.schema, check_metadata=True) and repr(one.to_pylist()) == repr(other.to_pylist())


EDGES = pa.table(
    {
        "large": pa.array([2**63 - 1, -(2**63), None]),
        "double": pa.array([float("nan"), float("-inf"), -0.0]),
        "long": pa.array([Decimal(0), Decimal("-1e-18"), None], pa.decimal128(38, 18)),
        "text": pa.array(["", None, 'é"😀,\r\n']),
        "day": pa.array([date(1, 1, 1), date(9999, 12, 31), None]),
        "clock": pa.array([time(1, 2, 3, 5000), time(0), None]),
        "moment": pa.array(
            [datetime.fromisoformat(text) for text in ("2020-01-31T04:05:06.789", "2020-01-01")] + [None]
        ),
        "instant": pa.array([datetime(2020, 1, 31, 4, 5, 6, tzinfo=UTC), None, None], pa.timestamp("us", "UTC")),
        "bytes": pa.array([b"\x00\xff", b"", None]),
    }
)
"""What is lost by many writers."""
