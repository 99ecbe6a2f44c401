"""DynamoDB: items scanned in parallel or selected by PartiQL, and rows put as items by their keys.

DynamoDB has no schema: columns are declared, or items travel whole. It has no transaction over many items either, so
rows can be seen as they are written. A put replaces the item with the same key, so a repeat leaves the same items.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import pyarrow as pa
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import Field, PrivateAttr, model_validator

from runners.retries import error_code, error_message, is_transient
from runners.steps.ends import Read, Source, Target, as_text
from runners.steps.errors import (
    DataNotRepresentable,
    DataQualityFailed,
    SourceFailed,
    SourceUnavailable,
    StepError,
    TargetFailed,
    TargetUnavailable,
    ValidationFailed,
)
from runners.steps.parameters import SqlText
from runners.steps.sql_dialect import SqlDialect
from runners.steps.systems import dynamodb_values as values
from runners.steps.systems import json_columns
from runners.steps.systems.dynamodb_pace import Pace
from runners.steps.systems.json_columns import RecordColumns, batches, declared

if TYPE_CHECKING:
    from runners.steps.context import StepContext
    from runners.steps.cursors import CursorValue
    from runners.steps.ends import Rows, Sink
    from runners.steps.systems.dynamodb_values import Attribute

Item = Mapping[str, "Attribute"]

ITEM = "item"
"""The column of whole items, where no columns are declared."""

PARTIQL = SqlDialect("partiql", "qmark", longest_name=255)
_ITEMS_OF_A_PAGE = 4096  # where DynamoDB is not to be spared, its own limit of 1 MB comes first
_ITEMS_OF_A_PUT = 25  # the most that BatchWriteItem takes
_ROWS_AT_ONCE = 2_000  # that are items in memory
_SIZE_IN_PYTHON = 4  # about how many times as much memory an item takes
_KEY_COLUMNS: Mapping[str, Callable[[str], pa.Field]] = {
    "S": lambda name: pa.field(name, pa.string()),
    "N": lambda name: as_text(name, "decimal"),
    "B": lambda name: pa.field(name, pa.binary()),
}
_READERS: Mapping[str, Callable[[Any], Any]] = {
    "string": values.read_text,
    "binary": values.read_binary,
    "json": values.read_json,
}
_NAMED_ERRORS = {
    "AccessDeniedException": "the role has no right to do this",
    "ResourceNotFoundException": "there is no such table or index",
}


class DynamoDbSource(Source):
    """Items of a DynamoDB table, or of a query in PartiQL.

    A scan is eventually consistent unless it is told otherwise, and no snapshot: items that are written meanwhile may
    be in it or not.
    """

    example: ClassVar[dict[str, Any]] = {
        "Table": "orders",
        "Columns": {"order_id": "string", "total": "decimal(12,2)", "lines": "json"},
    }

    Table: str | None = Field(default=None, min_length=3)
    """The table, which is scanned."""

    Index: str | None = Field(default=None, min_length=3)
    """An index of the table, which is scanned instead."""

    Query: SqlText | None = None
    """A query in PartiQL instead of a table, e.g. ``SELECT * FROM "orders" WHERE "customer" = {{ customer }}``; the
    ``{{ values }}`` in it are bound."""

    Columns: json_columns.Columns = Field(default_factory=dict)
    """The columns by name, each a type or ``{"Type": …, "Path": …}``; an item without the attribute has no value
    there. ``decimal`` takes every number, ``json`` everything but binaries. Without columns there is one for each key
    attribute of the table, and ``item`` with the whole item in DynamoDB's own JSON, which loses nothing."""

    Segments: int = Field(default=4, ge=1, le=64)
    """Parts of the table that are scanned at the same time."""

    ConsistentRead: bool = False
    """Whether all writes that came before are seen; costs twice as much, and no global index can do it."""

    _after: tuple[str, Any] | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _there_is_one(self) -> Self:
        if (self.Query is None) == (self.Table is None):
            raise ValueError("give Query or Table")
        if self.Index is not None and self.Table is None:
            raise ValueError("Index goes with Table; a Query names its own")
        return self

    def after(self, column: str, value: CursorValue | str) -> Self:
        """Return the same source without the items whose attribute is at most that value.

        Raises:
            ValidationFailed: it is a time, which is a text in DynamoDB, whose order is not that of times.

        """
        if self.Query is not None:
            raise ValidationFailed("Incremental goes with Table; a Query says itself where to begin")
        if isinstance(value, date):
            raise ValidationFailed(
                f"the column {column} is a time, which DynamoDB has as a text: declare it as string, if its texts are "
                "written so that they stand in order"
            )
        copy = self.model_copy()
        copy._after = (column, value)
        return copy

    @contextmanager
    def open(self, context: StepContext) -> Iterator[Rows]:
        """Begin to read."""
        client = _client(context)
        pace = Pace(_ITEMS_OF_A_PAGE, context.check_stop)
        pages = self._selected(client, context, pace) if self.Table is None else self._scanned(client, pace)
        made = self._columns(client)

        def sized() -> Iterator[tuple[list[Any], int]]:
            for items in pages:
                context.check_stop()
                size = sum(map(values.size_of, items))
                context.progress.count(size=size)
                yield [made.record(item) for item in items], size * _SIZE_IN_PYTHON

        try:
            yield Read(made.columns.schema, batches(sized(), made.columns))
        finally:
            pages.close()

    def place(self) -> str:
        """Return the table, or that it is a query."""
        return f"dynamodb://{self.Table or 'query'}"

    def _columns(self, client: Any) -> _Items:
        if self.Columns:
            made = declared(self.Columns)
            kinds = [column.Type for column in self.Columns.values()]
            readers = [_READERS.get(kind, read) for kind, read in zip(kinds, made.readers, strict=True)]
            return _Items(replace(made, readers=readers), whole=False)
        keys = _keys(client, self.Table, SourceFailed) if self.Table else {}
        if ITEM in keys:
            raise ValidationFailed(f"the table {self.Table} has a key attribute {ITEM!r}; declare Columns")
        fields = [*(_KEY_COLUMNS[kind](name) for name, kind in keys.items()), as_text(ITEM, "json", nullable=False)]
        as_it_is = [lambda value: value] * len(fields)
        return _Items(RecordColumns(pa.schema(fields), [None] * len(fields), as_it_is, found=False), whole=True)

    def _selected(self, client: Any, context: StepContext, pace: Pace) -> Any:
        statement = context.templates.sql(str(self.Query), PARTIQL)
        call: dict[str, Any] = {"Statement": statement.text, "ConsistentRead": self.ConsistentRead}
        if statement.parameters:
            call["Parameters"] = [values.attribute_of(value) for value in statement.parameters]
        return _pages(partial(client.execute_statement, **call), "NextToken", "NextToken", pace)

    def _scanned(self, client: Any, pace: Pace) -> Any:
        call: dict[str, Any] = {"TableName": self.Table, "ConsistentRead": self.ConsistentRead}
        if self.Index is not None:
            call["IndexName"] = self.Index
        if self._after is not None:
            column, value = self._after
            call |= {
                "FilterExpression": "#after > :after",
                "ExpressionAttributeNames": {"#after": column},
                "ExpressionAttributeValues": {":after": values.attribute_of(value)},
            }
        scans = [
            partial(client.scan, **call, Segment=segment, TotalSegments=self.Segments)
            for segment in range(self.Segments)
        ]
        return _side_by_side([_pages(scan, "LastEvaluatedKey", "ExclusiveStartKey", pace) for scan in scans])


class DynamoDbTarget(Target):
    """Items of a DynamoDB table, put by their keys.

    Rows can be seen as they are written, as DynamoDB has no transaction over many items: a step that fails amid the
    rows leaves those that it has put, and its repeat puts them again. Of rows with the same key the last one stays.
    Items whose keys do not come are left as they are: to replace all, empty the table first, or write a new one.
    """

    example: ClassVar[dict[str, Any]] = {"Table": "orders"}

    Table: str = Field(min_length=3)
    """The table; its key attributes are columns."""

    Mode: Literal["upsert"] = "upsert"
    """Puts by key. DynamoDB has neither an append (a key is there once) nor an atomic way to replace all items."""

    Sets: tuple[str, ...] = ()
    """Columns with JSON lists, which become sets of texts or numbers."""

    Nulls: Literal["absent", "null"] = "absent"
    """What becomes of NULL: no attribute, or one of the type NULL."""

    ItemColumn: str | None = None
    """A column with whole items in DynamoDB's own JSON, as ``DynamoDbSource`` gives without columns; no other column
    is written then."""

    Writers: int = Field(default=4, ge=1, le=32)
    """Calls at the same time."""

    @contextmanager
    def open(self, schema: pa.Schema, context: StepContext) -> Iterator[Sink]:
        """Begin to write."""
        client = _client(context)
        keys = _keys(client, self.Table, TargetFailed)
        self._check(schema, keys)
        threads = ThreadPoolExecutor(self.Writers, "dynamodb")
        try:
            yield _Puts(self, keys, client, context, threads)
        finally:
            threads.shutdown(cancel_futures=True)

    def place(self) -> str:
        """Return the table."""
        return f"dynamodb://{self.Table}"

    def _check(self, schema: pa.Schema, keys: Mapping[str, str]) -> None:
        named = [*self.Sets, *([self.ItemColumn] if self.ItemColumn else keys)]
        missing = [name for name in named if name not in schema.names]
        if missing:
            raise TargetFailed(f"there is no column {', '.join(missing)}; there are {', '.join(schema.names)}")
        for name, kind in () if self.ItemColumn else keys.items():
            if values.kind_of(schema.field(name)) != kind:
                raise TargetFailed(
                    f"the key attribute {name} of the table {self.Table} is {kind}, and the column is "
                    f"{schema.field(name).type}: cast it"
                )


class _Items:
    """How items become records, and these become columns."""

    def __init__(self, columns: RecordColumns, *, whole: bool) -> None:
        self.columns = columns
        self._whole = whole

    def record(self, item: Item) -> dict[str, Any]:
        if not self._whole:
            return {name: values.plain(attribute) for name, attribute in item.items()}
        keys = {name: next(iter(item[name].values())) for name in self.columns.schema.names if name in item}
        return {**keys, ITEM: values.as_document(item)}


class _Puts:
    """Puts rows, batch by batch."""

    def __init__(
        self, target: DynamoDbTarget, keys: Mapping[str, str], client: Any, context: StepContext, threads: Any
    ) -> None:
        self._target = target
        self._keys = keys
        self._client = client
        self._context = context
        self._threads = threads
        self._pace = Pace(_ITEMS_OF_A_PUT, context.check_stop)
        self._count = 0

    def write(self, batch: pa.RecordBatch) -> None:
        """Put a batch's rows; all of them are put when it returns, so that a later row with the same key comes last."""
        for start in range(0, batch.num_rows, _ROWS_AT_ONCE):
            self._write(batch.slice(start, _ROWS_AT_ONCE))

    def commit(self) -> dict[str, Any]:
        """Say what was put."""
        return {"table": self._target.Table, "items": self._count}

    def _write(self, batch: pa.RecordBatch) -> None:
        by_key = {self._key_of(item): item for item in self._items(batch)}
        items = list(by_key.values())
        chunks = [items[start : start + _ITEMS_OF_A_PUT] for start in range(0, len(items), _ITEMS_OF_A_PUT)]
        for size in self._threads.map(self._put, chunks):
            self._context.progress.count(size=size)
        self._count += len(items)

    def _items(self, batch: pa.RecordBatch) -> Iterator[dict[str, Attribute]]:
        whole = self._target.ItemColumn
        if whole is not None:
            yield from map(values.from_document, batch.column(whole).drop_null().to_pylist())
            return
        missing: Attribute | None = {"NULL": True} if self._target.Nulls == "null" else None
        columns = [
            [one or missing for one in values.attributes_of(field, column, as_set=field.name in self._target.Sets)]
            for field, column in zip(batch.schema, batch.columns, strict=True)
        ]
        for row in zip(*columns, strict=True):
            yield {name: one for name, one in zip(batch.schema.names, row, strict=True) if one is not None}

    def _key_of(self, item: Item) -> tuple[Any, ...]:
        """Return an item's key, by which it is told from others."""
        found = [item.get(name, {}).get(kind) for name, kind in self._keys.items()]
        if None in found:
            raise DataQualityFailed(f"a row has no value, or one of another type, in its key {', '.join(self._keys)}")
        if values.size_of(item) > values.LARGEST_ITEM:
            raise DataNotRepresentable("a row is larger than an item can be, which is 400 KB")
        return tuple(found)

    def _put(self, items: list[Item]) -> int:
        """Put at most 25 items, those that DynamoDB leaves undone again; return their bytes."""
        left: list[Any] = [{"PutRequest": {"Item": item}} for item in items]
        while left:
            undone, rest = _answered(partial(self._some_put, left), self._pace, TargetUnavailable)
            left = [*undone, *rest]
            if undone:
                self._pace.was_too_much(TargetUnavailable)
            else:
                self._pace.went_well()
        return sum(map(values.size_of, items))

    def _some_put(self, left: list[Any]) -> tuple[list[Any], list[Any]]:
        """Put as many as the pace allows; return those that DynamoDB left undone, and the rest."""
        table, size = self._target.Table, self._pace.size
        answer = self._client.batch_write_item(RequestItems={table: left[:size]})
        return answer.get("UnprocessedItems", {}).get(table, []), left[size:]


def _client(context: StepContext) -> Any:
    # Its own retries would hide from the pace that it was too much.
    return context.client("dynamodb", config=Config(retries={"total_max_attempts": 1}))


def _keys(client: Any, table: str | None, failed: type[StepError]) -> dict[str, str]:
    """Return the key attributes of a table with their types, ``S``, ``N`` or ``B``."""
    try:
        found = client.describe_table(TableName=table)["Table"]
    except (ClientError, BotoCoreError) as error:
        raise _explained(error, failed, f"the table {table}") from None
    types = {one["AttributeName"]: one["AttributeType"] for one in found["AttributeDefinitions"]}
    return {one["AttributeName"]: types[one["AttributeName"]] for one in found["KeySchema"]}


def _pages(ask: Callable[..., Any], token: str, resumed_by: str, pace: Pace) -> Iterator[list[Item]]:
    """Yield the items of each page.

    Args:
        ask: gets a page.
        token: where an answer says what comes next.
        resumed_by: the parameter that takes it.
        pace: says how many items to ask for.

    """
    paging: dict[str, Any] = {}
    while True:
        answer = _answered(partial(_page, ask, paging, pace), pace, SourceUnavailable)
        pace.went_well()
        yield answer["Items"]
        if not answer.get(token):
            return
        paging = {resumed_by: answer[token]}


def _page(ask: Callable[..., Any], paging: Mapping[str, Any], pace: Pace) -> Any:
    # Each try asks for as much as the pace then says.
    return ask(**paging, **({"Limit": pace.size} if pace.size < _ITEMS_OF_A_PAGE else {}))


def _side_by_side(segments: list[Iterator[list[Item]]]) -> Iterator[list[Item]]:
    """Yield the pages of all segments as they come, one of each being read at a time."""
    with ThreadPoolExecutor(len(segments), "dynamodb") as threads:
        reading: dict[Future[list[Item] | None], Iterator[list[Item]]] = {
            threads.submit(next, segment, None): segment for segment in segments
        }
        while reading:
            done, _ = wait(reading, return_when=FIRST_COMPLETED)
            for future in done:
                segment, items = reading.pop(future), future.result()
                if items is not None:
                    reading[threads.submit(next, segment, None)] = segment
                    yield items


def _answered(call: Callable[[], Any], pace: Pace, unavailable: type[StepError]) -> Any:
    """Call DynamoDB until it answers; only for calls that may be made twice."""
    failed = SourceFailed if unavailable is SourceUnavailable else TargetFailed
    while True:
        try:
            return call()
        except (ClientError, BotoCoreError) as error:
            if not is_transient(error):
                raise _explained(error, failed, "what it was asked for") from None
        pace.was_too_much(unavailable)


def _explained(error: Exception, failed: type[StepError], what: str) -> StepError:
    code = error_code(error) or type(error).__name__
    # What it says of a query holds no value, as they are bound; what it says of an item may.
    said = _NAMED_ERRORS.get(code) or (error_message(error) if failed is SourceFailed else "")
    return failed(f"DynamoDB refused {what}: {code}{f', {said}' if said else ''}", code=code)
