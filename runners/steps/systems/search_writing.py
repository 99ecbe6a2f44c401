"""Writing documents: in bulk, each with an id that a repeat gives again, and for an overwrite into a new index.

The size of the bulk requests follows the server: halved when it has too much to do, or says that one is too large.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from runners.steps.ends import Sink, logical
from runners.steps.errors import DataNotRepresentable, DataQualityFailed, StepError, TargetFailed, TargetUnavailable
from runners.steps.formats.json_text import objects
from runners.steps.formats.plain_text import plain_text, simplified
from runners.steps.systems.http import TRIES, Http
from runners.steps.systems.search_asking import ask, error_type

if TYPE_CHECKING:
    from pydantic import JsonValue

BULK_BYTES = 5 << 20  # of one request, to begin with
_LEAST_BULK_BYTES = 64 << 10
_LONGEST_ID = 512  # bytes
_EXACT_DIGITS = 15  # of a decimal, that a double always keeps
_MAPPED: Sequence[tuple[Callable[[pa.DataType], bool], str]] = (
    (pa.types.is_boolean, "boolean"),
    (pa.types.is_uint64, "unsigned_long"),
    (pa.types.is_integer, "long"),
    (pa.types.is_floating, "double"),
    (pa.types.is_date, "date"),
    (pa.types.is_timestamp, "date"),
    (pa.types.is_time, "keyword"),
    (pa.types.is_binary, "binary"),
    (pa.types.is_large_binary, "binary"),
    (pa.types.is_fixed_size_binary, "binary"),
)
"""The types of a mapping by those of columns."""
_BULK_ANSWER = "errors,items.*.status,items.*.error.type"  # all that is looked at


@dataclass(frozen=True)
class Load:
    """What is written where."""

    index: str
    replaces: bool
    """Whether it replaces all that is there."""
    key: Sequence[str]
    mappings: Mapping[str, JsonValue] | None
    settings: Mapping[str, JsonValue]


@contextmanager
def writing(http: Http, load: Load, schema: pa.Schema, repeat_key: str) -> Iterator[Sink]:
    """Begin to write; without a commit a new index is gone with the block.

    Raises:
        TargetFailed: the index cannot be made, or is none that can be replaced.

    """
    if missing := [name for name in load.key if name not in schema.names]:
        raise TargetFailed(f"Key names the column {missing[0]!r}; there are {', '.join(schema.names)}")
    if load.replaces:
        with _new_index(http, load, schema, repeat_key) as name:
            yield _Replacing(http, load, name, repeat_key)
    else:
        if ask(http, "HEAD", load.index, taken=[HTTPStatus.NOT_FOUND]).status == HTTPStatus.NOT_FOUND:
            _make_index(http, load.index, load, schema)
        yield _Adding(http, load, load.index, repeat_key)


def mapping_of(schema: pa.Schema) -> dict[str, Any]:
    """Return the mapping of columns. What a mapping cannot hold exactly stays exact in the documents' source."""
    return {"properties": {field.name: _mapping(field) for field in schema}}


class _Adding:
    def __init__(self, http: Http, load: Load, index: str, repeat_key: str) -> None:
        self._http = http
        self._load = load
        self._index = index
        self._run = repeat_key or uuid.uuid4().hex
        self._limit = BULK_BYTES
        self._lines: list[bytes] = []
        self._size = 0
        self._rows = 0

    def write(self, batch: pa.RecordBatch) -> None:
        for document, document_id in zip(objects(batch), self._ids(batch), strict=True):
            line = f'{{"index":{{"_id":{json.dumps(document_id)}}}}}\n'.encode() + document + b"\n"
            if self._size + len(line) > self._limit and self._lines:
                self._flush()
            self._lines.append(line)
            self._size += len(line)

    def commit(self) -> dict[str, Any]:
        self._flush()
        ask(self._http, "POST", f"{self._index}/_refresh")
        return {"index": self._load.index, "documents": self._rows}

    def _ids(self, batch: pa.RecordBatch) -> Iterator[str]:
        begins, self._rows = self._rows, self._rows + batch.num_rows
        if not self._load.key:
            return (f"{self._run[:32]}-{number}" for number in range(begins, self._rows))
        return _keys(batch, self._load.key)

    def _flush(self) -> None:
        """Send what is kept, in requests as large as the server takes."""
        left, self._lines, self._size = self._lines, [], 0
        tries = 0
        while left:
            count = _fitting(left, self._limit)
            postponed = self._send(left[:count])
            left = postponed + left[count:]
            if len(postponed) < count:
                tries = 0
            elif (tries := tries + 1) == TRIES:
                raise TargetUnavailable(f"the index {self._index} took none of the documents, {TRIES} times in a row")
            if postponed:
                self._http.pause(tries)

    def _send(self, lines: list[bytes]) -> list[bytes]:
        """Send documents; return those that the server has put off."""
        said = ask(
            self._http,
            "POST",
            f"{self._index}/_bulk",
            b"".join(lines),
            query={"filter_path": _BULK_ANSWER},
            taken=[HTTPStatus.REQUEST_ENTITY_TOO_LARGE],
        )
        if said.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            if len(lines) == 1:
                raise DataNotRepresentable("a row makes a document that is larger than the server takes")
            self._slow_down(lines)
            return lines
        if not said.document.get("errors"):
            return []
        results = [next(iter(item.values())) for item in said.document["items"]]
        refused = [one for one in results if _is_refused(one["status"])]
        if refused:
            kind = error_type(refused[0])
            raise TargetFailed(f"{len(refused)} of {len(lines)} documents were refused: {kind}", type=kind)
        self._slow_down(lines)
        busy = [result["status"] == HTTPStatus.TOO_MANY_REQUESTS for result in results]
        return [line for line, is_busy in zip(lines, busy, strict=True) if is_busy]

    def _slow_down(self, lines: Sequence[bytes]) -> None:
        """Send no more than half as much from now on."""
        self._limit = max(_LEAST_BULK_BYTES, min(self._limit, sum(map(len, lines))) // 2)


class _Replacing(_Adding):
    """Fills a new index, to which the alias points once it is full."""

    def commit(self) -> dict[str, Any]:
        result = super().commit()
        if not self._load.key:
            count = ask(self._http, "GET", f"{self._index}/_count").document["count"]
            if count != self._rows:
                raise TargetFailed(f"the new index has {count} documents, and should have {self._rows}")
        alias = self._load.index
        actions: list[Any] = [{"add": {"index": self._index, "alias": alias}}]
        for old in _indices_of(self._http, f"_alias/{alias}"):
            # What an earlier run has made is not needed any more; what somebody else has made only loses the alias.
            own = re.fullmatch(rf"{re.escape(alias)}-[0-9a-f]{{16}}-[0-9a-f]{{8}}", old)
            actions.append({"remove_index": {"index": old}} if own else {"remove": {"index": old, "alias": alias}})
        ask(self._http, "POST", "_aliases", {"actions": actions})
        return result


@contextmanager
def _new_index(http: Http, load: Load, schema: pa.Schema, repeat_key: str) -> Iterator[str]:
    """Make an index with a name of its own, which is deleted with the block unless an alias points to it."""
    exists = ask(http, "HEAD", load.index, taken=[HTTPStatus.NOT_FOUND]).status != HTTPStatus.NOT_FOUND
    if exists and not _indices_of(http, f"_alias/{load.index}"):
        raise TargetFailed(
            f"{load.index} is an index, which cannot be replaced at once: give it another name, and this as an alias"
        )
    begins = f"{load.index}-{repeat_key[:16] or uuid.uuid4().hex[:16]}-"
    if repeat_key:
        _delete_unused(http, f"{begins}*")  # of a try that was killed
    name = begins + uuid.uuid4().hex[:8]
    _make_index(http, name, load, schema)
    try:
        yield name
    finally:
        with suppress(StepError):
            _delete_unused(http, name)


def _make_index(http: Http, name: str, load: Load, schema: pa.Schema) -> None:
    body: dict[str, Any] = {"mappings": load.mappings or mapping_of(schema)}
    ask(http, "PUT", name, body | ({"settings": load.settings} if load.settings else {}))


def _delete_unused(http: Http, pattern: str) -> None:
    for name, aliases in _indices_of(http, f"{pattern}/_alias").items():
        if not aliases:
            ask(http, "DELETE", name, taken=[HTTPStatus.NOT_FOUND])


def _indices_of(http: Http, path: str) -> dict[str, Any]:
    """Return the aliases of indices by the indices' names; nothing if there are none."""
    said = ask(http, "GET", path, taken=[HTTPStatus.NOT_FOUND])
    if said.status == HTTPStatus.NOT_FOUND:
        return {}
    return {name: index.get("aliases") for name, index in said.document.items()}


def _mapping(field: pa.Field) -> dict[str, Any]:
    kind, means = field.type, logical(field)
    if means:
        return {"type": "object", "enabled": False} if means == "json" else {"type": "keyword"}
    if pa.types.is_decimal(kind):
        return {"type": "double" if kind.precision <= _EXACT_DIGITS else "keyword"}
    for is_such, type_name in _MAPPED:
        if is_such(kind):
            return {"type": type_name}
    return {"type": "text", "fields": {"keyword": {"type": "keyword", "ignore_above": 256}}}


def _keys(batch: pa.RecordBatch, key: Sequence[str]) -> Iterator[str]:
    columns = [plain_text(simplified(batch.column(name), name), name).to_pylist() for name in key]
    for values in zip(*columns, strict=True):
        if None in values:
            raise DataQualityFailed(f"a row has no value in its key {', '.join(key)}")
        document_id = values[0] if len(values) == 1 else json.dumps(values, ensure_ascii=False)
        if not 0 < len(document_id.encode()) <= _LONGEST_ID:
            raise DataNotRepresentable(
                f"the key {', '.join(key)} is empty, or longer than the {_LONGEST_ID} bytes of an id"
            )
        yield document_id


def _fitting(lines: Sequence[bytes], limit: int) -> int:
    """Return how many of the first documents fit into a request; one at least."""
    size = 0
    for number, line in enumerate(lines):
        size += len(line)
        if size > limit and number:
            return number
    return len(lines)


def _is_refused(status: int) -> bool:
    return status >= HTTPStatus.BAD_REQUEST and status != HTTPStatus.TOO_MANY_REQUESTS
