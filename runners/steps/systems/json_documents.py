"""Rows as JSON objects, for messages and documents: numbers exact, times as ISO 8601, binary as base64.

NaN and infinities are refused, as JSON has none. A text that is JSON becomes part of the object.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa

from runners.steps.ends import logical
from runners.steps.errors import DataNotRepresentable
from runners.steps.formats.plain_text import is_finite, plain_text, simplified
from runners.steps.systems.json_values import NotJsonError, parsed, text_of


def documents(batch: pa.RecordBatch) -> Iterator[str]:
    """Yield each row as a JSON object on one line, its members in the order of the columns.

    Raises:
        DataNotRepresentable: a value has no form in JSON.

    """
    names = [json.dumps(name, ensure_ascii=False) for name in batch.schema.names]
    columns = [_texts(values, field) for field, values in zip(batch.schema, batch.columns, strict=True)]
    for row in zip(*columns, strict=True):
        yield "{" + ",".join(f"{name}:{text}" for name, text in zip(names, row, strict=True)) + "}"


def _texts(column: pa.Array, field: pa.Field) -> Sequence[str]:
    """Return the values of a column as JSON texts."""
    values = simplified(column, field.name)
    if pa.types.is_floating(values.type) and not is_finite(values):
        raise _without_form(field)
    written: Callable[[Any], str] = _writer(values.type, logical(field))
    plain = values if pa.types.is_binary(values.type) else plain_text(values, field.name)
    try:
        return ["null" if value is None else written(value) for value in plain.to_pylist()]
    except (NotJsonError, ArithmeticError, ValueError):
        raise _without_form(field) from None


def _writer(kind: pa.DataType, means: str) -> Callable[[Any], str]:
    """Return what makes JSON of a value: of its plain text, or for binary of its bytes."""
    if pa.types.is_binary(kind):
        return _base64
    if pa.types.is_timestamp(kind):
        return _moment
    if pa.types.is_date(kind) or pa.types.is_time(kind):
        return _quoted
    if pa.types.is_string(kind):
        return {"json": _json, "decimal": _number}.get(means, _quoted)
    return str


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _base64(value: bytes) -> str:
    return f'"{base64.b64encode(value).decode()}"'


def _moment(text: str) -> str:
    moment = text.replace(" ", "T", 1)
    return f'"{moment.removesuffix("+00")}Z"' if moment.endswith("+00") else f'"{moment}"'


def _json(text: str) -> str:
    """Return JSON on one line, with its numbers as they were."""
    return text_of(parsed(text))


def _number(text: str) -> str:
    return text_of(Decimal(text))


def _without_form(field: pa.Field) -> DataNotRepresentable:
    what = "a number that JSON does not know" if logical(field) != "json" else "what is no JSON"
    return DataNotRepresentable(f"a value of the column {field.name} is {what}", column=field.name)
