"""Rows of Arrow as texts of JSON objects, built column by column, each value exactly what it was.

64-bit integers and decimals are numbers with all their digits; NaN and Infinity, which JSON does not know, are texts;
times are ISO 8601; binary is base64; a text that is JSON stands as it is.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from json.encoder import encode_basestring
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from runners.steps.ends import logical
from runners.steps.errors import DataNotRepresentable
from runners.steps.formats.plain_text import is_finite, plain_text, simplified
from runners.steps.systems.json_values import NotJsonError, parsed

Decimals = Literal["number", "string"]

_NUMBER = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$"
_SPACES = str.maketrans("\r\n", "  ")  # outside of texts; within, JSON has none of them


class ObjectTexts:
    """Writes batches of a schema as texts of objects.

    Args:
        schema: the columns.
        before: what stands before each object.
        after: what stands after each.
        decimals: whether decimals are numbers, or texts for readers that make doubles of all numbers.

    Raises:
        DataNotRepresentable: two columns have one name.

    """

    def __init__(self, schema: pa.Schema, before: str, after: str, decimals: Decimals) -> None:
        if len(set(schema.names)) < len(schema):
            raise DataNotRepresentable("JSON has no form for rows with two columns of one name")
        names = [json.dumps(name, ensure_ascii=False) for name in schema.names]
        self._before = [before + "{" + name + ":" if not place else f",{name}:" for place, name in enumerate(names)]
        self._after = "}" + after if names else before + "{}" + after
        self._decimals = decimals

    def bytes_of(self, batch: pa.RecordBatch) -> bytes:
        """Return a batch's rows.

        Raises:
            DataNotRepresentable: a value has no form in JSON.

        """
        parts: list[pa.Array | pa.Scalar] = []
        for before, values, field in zip(self._before, batch.columns, batch.schema, strict=True):
            parts += [pa.scalar(before), self._texts(values, field).fill_null("null")]
        if not parts:
            return self._after.encode() * int(batch.num_rows)
        rows = pc.binary_join_element_wise(*parts, pa.scalar(self._after), "")
        _, ends, data = rows.buffers()
        size = np.frombuffer(ends, np.int32)[len(rows)] if len(rows) else 0
        text: bytes = memoryview(data or b"")[:size].tobytes()
        return text

    def _texts(self, values: pa.Array, field: pa.Field) -> pa.Array:
        kind = logical(field)
        if kind == "json":
            return _each(values, lambda text: _checked(text, field.name))
        if kind == "decimal" and self._decimals == "number":
            return pc.if_else(pc.match_substring_regex(values, _NUMBER), values, _quoted(values))
        values = simplified(values, field.name)
        if pa.types.is_null(values.type):
            return values.cast(pa.string())
        if pa.types.is_string(values.type):
            return _quoted(values)
        if pa.types.is_binary(values.type):
            return _each(values, lambda value: f'"{b64encode(value).decode()}"')
        return self._plain(values, plain_text(values, field.name))

    def _plain(self, values: pa.Array, texts: pa.Array) -> pa.Array:
        kind = values.type
        if pa.types.is_timestamp(kind):
            return _quoted(pc.replace_substring(pc.replace_substring(texts, " ", "T"), "+00", "Z"))
        if pa.types.is_floating(kind):
            texts = pc.if_else(pc.equal(texts, "-0"), "-0.0", texts)  # an integer has no zero below zero
            return texts if is_finite(values) else pc.if_else(pc.is_finite(values), texts, _quoted(texts))
        if pa.types.is_temporal(kind) or (pa.types.is_decimal(kind) and self._decimals == "string"):
            return _quoted(texts)
        return texts


def objects(batch: pa.RecordBatch) -> list[bytes]:
    """Return each row of a batch as an object on one line, its decimals as numbers.

    Raises:
        DataNotRepresentable: a value has no form in JSON.

    """
    return ObjectTexts(batch.schema, "", "\n", "number").bytes_of(batch).split(b"\n")[:-1]


def _each(values: pa.Array, text_of: Callable[[Any], str]) -> pa.Array:
    return pa.array([None if value is None else text_of(value) for value in values.to_pylist()], pa.string())


def _quoted(texts: pa.Array) -> pa.Array:
    """Return texts in quotes, with what JSON wants escaped."""
    data = np.frombuffer(texts.buffers()[2] or b"", np.uint8)
    if np.any((data < ord(" ")) | (data == ord('"')) | (data == ord("\\"))):
        return _each(texts, encode_basestring)
    return pc.binary_join_element_wise(pa.scalar('"'), texts, pa.scalar('"'), "")


def _checked(text: str, name: str) -> str:
    try:
        parsed(text)
    except NotJsonError:
        raise DataNotRepresentable(
            f"a text of the column {name} is said to be JSON, and is none", column=name
        ) from None
    return text.translate(_SPACES)
