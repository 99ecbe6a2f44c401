"""Ends of transfers that stand for any system: rows in memory, and a target that shows what was published."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import PrivateAttr

from runners.steps.ends import Encoding, Read, Source, Target
from runners.steps.transfer import transfer

CSV = Encoding("csv", (("delimiter", ","),))


class Shelf:
    """What the ends of one test read and write; what is being written is published by a commit only."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = [{"id": 1, "name": "a"}, {"id": 2, "name": None}, {"id": 3, "name": "c"}]
        self.per_batch = 2
        self.pieces: list[bytes] | None = None
        self.counts = True  # whether who gives pieces says how many rows they are
        self.published: list[Any] = []
        self.schema: pa.Schema | None = None
        self.open_sinks = 0
        self.open_sources = 0
        self.fails_at: int | None = None
        self.asked_after: tuple[str, Any] | None = None
        self.keys: set[str] = set()  # of what was published

    @property
    def table(self) -> pa.Table:
        return pa.Table.from_pylist(self.rows, pa.schema([("id", pa.int64()), ("name", pa.string())]))


class ShelfSource(Source):
    """Rows from the shelf."""

    Name: str = "shelf"
    ComesAgain: bool = False  # whether it gives rows from before the cursor, too
    shelf: ClassVar[Shelf]

    _after: Any = PrivateAttr(default=None)

    def after(self, column: str, value: Any) -> ShelfSource:
        self.shelf.asked_after = (column, value)
        copy = self.model_copy()
        copy._after = value
        return copy

    @contextmanager
    def open(self, context: Any) -> Iterator[Read]:
        self.shelf.open_sources += 1
        try:
            yield Read(self.shelf.table.schema, self._batches())
        finally:
            self.shelf.open_sources -= 1

    def _batches(self) -> Iterator[pa.RecordBatch]:
        table = self.shelf.table
        if self._after is not None and not self.ComesAgain:
            table = table.filter(pc.greater(table[self.shelf.asked_after[0]], self._after))
        for number, batch in enumerate(table.to_batches(self.shelf.per_batch)):
            if number == self.shelf.fails_at:
                raise RuntimeError("the source broke")
            yield batch

    def encoded(self, encoding: Encoding, context: Any) -> Any:
        if self.shelf.pieces is None or encoding != CSV:
            return None
        return nullcontext(Pieces(self.shelf.pieces, len(self.shelf.rows) if self.shelf.counts else None))

    def place(self) -> str:
        return f"shelf://{self.Name}"


class Pieces:
    def __init__(self, pieces: list[bytes], rows: int | None) -> None:
        self._pieces = pieces
        self.rows: int | None = None
        self._rows = rows

    def chunks(self) -> Iterator[bytes]:
        yield from self._pieces
        self.rows = self._rows


class ShelfTarget(Target):
    """Rows onto the shelf."""

    Name: str = "published"
    TakesCsv: bool = False
    AppendsOnce: bool = False
    shelf: ClassVar[Shelf]

    @contextmanager
    def open(self, schema: pa.Schema, context: Any) -> Iterator[ShelfSink]:
        self.shelf.schema = schema
        with self._sink(context.repeat_key if self.AppendsOnce else "") as sink:
            yield sink

    def encoding(self) -> Encoding | None:
        return CSV if self.TakesCsv else None

    @contextmanager
    def open_encoded(self, context: Any) -> Iterator[ShelfSink]:
        with self._sink() as sink:
            yield sink

    @contextmanager
    def _sink(self, key: str = "") -> Iterator[ShelfSink]:
        self.shelf.open_sinks += 1
        try:
            yield ShelfSink(self.shelf, key)
        finally:
            self.shelf.open_sinks -= 1

    def place(self) -> str:
        return f"shelf://{self.Name}"


class ShelfSink:
    def __init__(self, shelf: Shelf, key: str) -> None:
        self._shelf = shelf
        self._key = key
        self._written: list[Any] = []

    def write(self, piece: pa.RecordBatch | bytes) -> None:
        self._written += [bytes(piece)] if isinstance(piece, bytes | memoryview) else piece.to_pylist()

    def commit(self) -> dict[str, Any]:
        if self._key and self._key in self._shelf.keys:
            return {"repeated": True}
        self._shelf.keys.add(self._key)
        self._shelf.published += self._written
        return {"published": len(self._written)}


ShelfToShelf = transfer("ShelfToShelf", ShelfSource, ShelfTarget, "Moves rows from a shelf to a shelf.")
