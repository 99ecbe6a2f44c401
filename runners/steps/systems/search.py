"""Elasticsearch and OpenSearch over plain HTTP: documents as rows, and rows as documents.

Only what differs between the two is said twice. None of it was tried against a real server: the tests speak to a small
one of their own that checks what is asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import Field, JsonValue, PrivateAttr, model_validator

from runners.steps.ends import Rows, Sink, Source, Target
from runners.steps.systems import json_columns  # a field has the name of what it holds
from runners.steps.systems.http import READING, WRITING, HttpConnection, opened
from runners.steps.systems.json_columns import Column
from runners.steps.systems.search_reading import Engine, Search, reading
from runners.steps.systems.search_writing import Load, writing

if TYPE_CHECKING:
    import pyarrow as pa

    from runners.steps.context import StepContext
    from runners.steps.cursors import CursorValue

_ELASTICSEARCH = Engine("elasticsearch", "_pit", "id", "_shard_doc")
_OPENSEARCH = Engine("opensearch", "_search/point_in_time", "pit_id", "_id")


class SearchConnection(HttpConnection):
    """Where a cluster is, and who asks."""

    aws: bool = False
    """Whether it is Amazon's: requests are then signed with the credentials of the process."""

    region: str | None = None
    """With ``aws``: the region; that of the process if left out."""

    @model_validator(mode="before")
    @classmethod
    def _aws_signs(cls, given: Any) -> Any:
        if isinstance(given, Mapping) and given.get("aws") is True:
            return {**given, "authentication": {"type": "aws", "region": given.get("region")}}
        return given


class _SearchSource(Source):
    engine: ClassVar[Engine]
    example: ClassVar[dict[str, Any]] = {
        "ConnectionName": "search",
        "Index": "products",
        "Query": {"term": {"in_stock": True}},
        "Columns": {"sku": "string", "price": "decimal(12,2)", "brand": {"Type": "string", "Path": "brand.name"}},
    }

    ConnectionName: str = Field(min_length=1)
    """The connection, by its name."""

    Index: str = Field(pattern=r"^[^\s/\\?\"<>|#]+$")
    """The index, an alias, or a pattern such as ``logs-*``."""

    Query: dict[str, JsonValue] | None = None
    """Which documents, in the query language of the engine; all if left out."""

    Columns: json_columns.Columns = Field(default_factory=dict)
    """The columns by name, each a type or ``{"Type": …, "Path": …}``. Without them they are those of the index's
    mapping: whole numbers as int64, doubles as float64, texts and dates as they were written, objects as JSON; a value
    that is not of its mapping's type, such as a list, then fails the step."""

    IdColumn: str | None = Field(default=None, min_length=1)
    """A column for the documents' ids."""

    Order: str | None = Field(default=None, min_length=1)
    """A field that differs in every document, by which pages follow each other; ``_shard_doc`` for Elasticsearch,
    ``_id`` for OpenSearch if left out."""

    PageSize: int = Field(default=1_000, ge=1, le=10_000)
    """Documents of one answer."""

    _after: tuple[str, Any] | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _the_id_has_its_own_column(self) -> Self:
        if self.IdColumn is not None and self.IdColumn in self.Columns:
            raise ValueError("IdColumn is the name of another column")
        return self

    def after(self, column: str, value: CursorValue | str) -> Self:
        """Return the same source without the documents whose field is at most that value."""
        copy = self.model_copy()
        copy._after = (column, value.isoformat() if isinstance(value, date) else value)
        return copy

    @contextmanager
    def open(self, context: StepContext) -> Iterator[Rows]:
        """Begin to read the documents as they are now, whatever is written meanwhile."""
        search = Search(self.Index, self._query(), self.Columns, self.IdColumn, self.Order, self.PageSize)
        with (
            opened(context, self.ConnectionName, SearchConnection, READING) as http,
            reading(http, self.engine, search, context) as rows,
        ):
            yield rows

    def place(self) -> str:
        """Return the index as lineage names it."""
        return f"{self.engine.name}://{self.ConnectionName}/{self.Index}"

    def _query(self) -> dict[str, Any]:
        asked: dict[str, Any] = self.Query or {"match_all": {}}
        if self._after is None:
            return asked
        name, value = self._after
        column: Column | None = self.Columns.get(name)
        field = (column.Path if column else None) or name
        return {"bool": {"must": [asked], "filter": [{"range": {field: {"gt": value}}}]}}


class ElasticsearchSource(_SearchSource):
    """Documents of an Elasticsearch index."""

    engine = _ELASTICSEARCH


class OpenSearchSource(_SearchSource):
    """Documents of an OpenSearch index."""

    engine = _OPENSEARCH


class _SearchTarget(Target):
    engine: ClassVar[Engine]
    example: ClassVar[dict[str, Any]] = {
        "ConnectionName": "search",
        "Index": "products",
        "Mode": "upsert",
        "Key": ["sku"],
    }

    ConnectionName: str = Field(min_length=1)
    """The connection, by its name."""

    Index: str = Field(pattern=r"^[^\s/\\*?\"<>|,#:A-Z_+.-][^\s/\\*?\"<>|,#:A-Z]*$", max_length=200)
    """The index. For ``overwrite`` an alias, which is made if there is none."""

    Mode: Literal["append", "overwrite", "upsert"] = "append"
    """``overwrite`` fills a new index and then lets the alias point to it, at once. ``append`` and ``upsert`` write to
    the index as the rows come, where they can be seen before the end; a repeat writes the same documents again, not
    others: by the key, or for ``append`` by the number of the row, which wants rows in the same order."""

    Key: tuple[str, ...] = ()
    """The columns that make the documents' ids; needed for ``upsert``. Of rows with the same key the last stays."""

    Mappings: dict[str, JsonValue] | None = None
    """The mapping of an index that is made; of the rows' types if left out."""

    Settings: dict[str, JsonValue] = Field(default_factory=dict)
    """The settings of an index that is made, e.g. ``{"number_of_replicas": 1}``."""

    @model_validator(mode="after")
    def _a_key_is_there_for_upsert(self) -> Self:
        if self.Mode == "upsert" and not self.Key:
            raise ValueError("Mode upsert needs Key")
        if self.Mode == "append" and self.Key:
            raise ValueError("Key goes with Mode upsert or overwrite")
        return self

    @contextmanager
    def open(self, schema: pa.Schema, context: StepContext) -> Iterator[Sink]:
        """Begin to write; an index that was made for ``overwrite`` is gone with the block unless it was committed."""
        load = Load(self.Index, self.Mode == "overwrite", self.Key, self.Mappings, self.Settings)
        with (
            opened(context, self.ConnectionName, SearchConnection, WRITING) as http,
            writing(http, load, schema, context.repeat_key) as sink,
        ):
            yield sink

    def place(self) -> str:
        """Return the index as lineage names it."""
        return f"{self.engine.name}://{self.ConnectionName}/{self.Index}"


class ElasticsearchTarget(_SearchTarget):
    """An Elasticsearch index that rows are written to."""

    engine = _ELASTICSEARCH


class OpenSearchTarget(_SearchTarget):
    """An OpenSearch index that rows are written to."""

    engine = _OPENSEARCH
