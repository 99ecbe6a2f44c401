"""MongoDB: documents found by a filter, and rows written to a collection beside the target, merged into it at the end.

The last step is the server's own ``$merge`` or ``$out``: nothing is seen before it, and a step that fails earlier
leaves nothing. ``$out`` replaces a collection at once and keeps its indexes; ``$merge`` goes document by document, so
readers may see some of the rows before the others, and a repeat leaves the same.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, time
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import pyarrow as pa
from pydantic import Field, JsonValue, PrivateAttr, SecretStr, field_validator, model_validator

from runners.steps.connections import Connection
from runners.steps.ends import Read, Source, Target, as_text
from runners.steps.errors import (
    AuthenticationFailed,
    ConnectionFailed,
    DataNotRepresentable,
    DataQualityFailed,
    SourceFailed,
    SourceUnavailable,
    StepError,
    TargetFailed,
    TargetUnavailable,
    ValidationFailed,
)
from runners.steps.libraries import library
from runners.steps.systems import json_columns, mongodb_values
from runners.steps.systems.adaptive_batches import adaptive_batches
from runners.steps.systems.json_columns import RecordColumns, declared

if TYPE_CHECKING:
    from runners.steps.context import StepContext
    from runners.steps.cursors import CursorValue
    from runners.steps.ends import Rows, Sink

DOCUMENT = "document"
"""The column of whole documents, where no columns are declared."""

STAGING = "etl_runners_staging_"
"""How the names of collections begin that rows are written to before they are published."""

_EXTRA = "mongodb"
_RUNS_CODE = frozenset({"$where", "$function", "$accumulator"})
_NOT_LET_IN = frozenset({18, 8000})  # MongoDB's codes: AuthenticationFailed, and Atlas's own
_DUPLICATE = 11_000
_ROWS_AT_ONCE = 5_000  # that are documents in memory
_ROW_DIGITS = 12


class MongoDbConnection(Connection):
    """Where a MongoDB is, and who asks."""

    host: str = Field(min_length=1)
    """The server, several with commas between them, or the name of a cluster where ``srv`` is true."""

    port: int = 27_017
    """Its port; not for ``srv``."""

    username: str | None = None
    """The user; nobody if left out."""

    password: SecretStr | None = None
    """The password."""

    dbname: str = Field(min_length=1)
    """The database."""

    auth_source: str = "admin"
    """The database that knows the user."""

    srv: bool = False
    """Whether the name leads to the servers by DNS, as with Atlas: ``mongodb+srv://``."""

    replica_set: str | None = None
    """The replica set's name."""

    tls: bool = True
    """Whether to speak TLS."""

    timeout_seconds: float = Field(default=30.0, gt=0, le=900)
    """Seconds to wait for a server that may be asked."""

    def opened(self) -> Any:
        """Return a client that is let in.

        Raises:
            AuthenticationFailed, ConnectionFailed.

        """
        errors = library("pymongo.errors", _EXTRA)
        options: dict[str, Any] = {
            "username": self.username,
            "password": self.password.get_secret_value() if self.password else None,
            "authSource": self.auth_source if self.username else None,
            "replicaSet": self.replica_set,
        }
        address = f"mongodb+srv://{self.host}/" if self.srv else self.host.split(",")
        client = library("pymongo", _EXTRA).MongoClient(
            address,
            **({} if self.srv else {"port": self.port}),
            **{name: value for name, value in options.items() if value is not None},
            tls=self.tls,
            serverSelectionTimeoutMS=int(self.timeout_seconds * 1000),
            tz_aware=True,
            uuidRepresentation="standard",
            appname="etl-runners",
        )
        try:
            client[self.dbname].command("ping")  # connects and lets in
        except errors.OperationFailure as error:
            client.close()
            if error.code in _NOT_LET_IN:
                raise AuthenticationFailed(f"MongoDB did not let the user in: code {error.code}") from None
            raise ConnectionFailed(f"MongoDB refused the connection: code {error.code}") from None
        except errors.PyMongoError as error:
            client.close()
            raise ConnectionFailed(f"MongoDB could not be reached: {type(error).__name__}") from None
        return client


class MongoDbSource(Source):
    """Documents of a collection."""

    example: ClassVar[dict[str, Any]] = {
        "ConnectionName": "shop",
        "Collection": "orders",
        "Filter": {"placed_at": {"$gte": {"$date": "2020-01-31T00:00:00Z"}}},
        "Columns": {"_id": "string", "placed_at": "timestamptz", "city": {"Type": "string", "Path": "customer.city"}},
    }

    ConnectionName: str = Field(min_length=1)
    """The connection, by its name."""

    Collection: str = Field(min_length=1)
    """The collection."""

    Filter: dict[str, JsonValue] = Field(default_factory=dict)
    """Which documents, in MongoDB's query language with Extended JSON for dates and ids, e.g. ``{"placed_at": {"$gte":
    {"$date": "{{ ds }}T00:00:00Z"}}}``. A template is a value there, and never an operator; one that runs code is
    refused."""

    Projection: dict[str, bool] = Field(default_factory=dict)
    """Which fields, where whole documents are read; where columns are declared just these are asked for."""

    Columns: json_columns.Columns = Field(default_factory=dict)
    """The columns by name, each a type or ``{"Type": …, "Path": …}``; a document without the field has no value there.
    ``string`` takes texts, ids and UUIDs, ``timestamptz`` dates, ``decimal`` integers and decimals, ``json`` anything
    as Extended JSON. Without columns there is one, ``document``, with the whole document as canonical Extended JSON,
    which loses nothing."""

    _after: tuple[str, Any] | None = PrivateAttr(default=None)

    @field_validator("Filter")
    @classmethod
    def _runs_no_code(cls, given: dict[str, Any]) -> dict[str, Any]:
        if _RUNS_CODE & set(_names(given)):
            raise ValueError(f"a filter must not run code: {', '.join(sorted(_RUNS_CODE))}")
        return given

    @model_validator(mode="after")
    def _a_projection_is_of_whole_documents(self) -> Self:
        if self.Projection and self.Columns:
            raise ValueError("give Projection or Columns")
        return self

    def after(self, column: str, value: CursorValue | str) -> Self:
        """Return the same source without the documents whose field is at most that value.

        Raises:
            ValidationFailed: it is a time without a zone, which is a text in MongoDB, whose order is not that of times.

        """
        asked = self.Columns.get(column)
        if isinstance(value, datetime) and value.tzinfo is None:
            raise ValidationFailed(f"the column {column} is a text in MongoDB: declare it as timestamptz, or as string")
        is_day = isinstance(value, date) and not isinstance(value, datetime)
        at = datetime.combine(value, time(), UTC) if is_day else value  # type: ignore[arg-type]
        copy = self.model_copy()
        copy._after = ((asked.Path if asked else None) or column, at)
        return copy

    @contextmanager
    def open(self, context: StepContext) -> Iterator[Rows]:
        """Begin to read."""
        columns = self._columns()
        filters = [mongodb_values.conditions(self.Filter)]
        if self._after is not None:
            filters.append({self._after[0]: {"$gt": self._after[1]}})
        with _database(self.ConnectionName, context) as database, _explained(SourceUnavailable, SourceFailed):
            found = database[self.Collection].find(
                filters[0] if len(filters) == 1 else {"$and": filters}, self._projection() or None
            )
            try:
                yield Read(columns.schema, self._batches(found, columns, context))
            finally:
                found.close()

    def place(self) -> str:
        """Return the collection."""
        return f"mongodb://{self.ConnectionName}/{self.Collection}"

    def _columns(self) -> RecordColumns:
        if not self.Columns:
            schema = pa.schema([as_text(DOCUMENT, "json", nullable=False)])
            return RecordColumns(schema, [None], [lambda text: text], found=False)
        made = declared(self.Columns)
        own = mongodb_values.readers()
        readers = [own.get(column.Type, mongodb_values.read_number) for column in self.Columns.values()]
        return replace(made, readers=readers)

    def _projection(self) -> dict[str, Any]:
        if not self.Columns:
            return dict(self.Projection)
        roots = {_root(column.Path or name) for name, column in self.Columns.items()}
        return {**dict.fromkeys(sorted(roots), 1), **({} if "_id" in roots else {"_id": 0})}

    def _batches(self, found: Any, columns: RecordColumns, context: StepContext) -> Iterator[pa.RecordBatch]:
        with _explained(SourceUnavailable, SourceFailed):
            for batch in adaptive_batches(lambda count: self._next(found, count), columns.batch):
                context.progress.count(size=batch.nbytes)
                yield batch

    def _next(self, found: Any, count: int) -> list[Any]:
        records = list(islice(found, count))
        if self.Columns:
            return records
        return [{DOCUMENT: mongodb_values.extended(document, canonical=True)} for document in records]


class MongoDbTarget(Target):
    """A collection. Rows are written to one beside it, which the server merges into it, or puts in its place."""

    example: ClassVar[dict[str, Any]] = {"ConnectionName": "shop", "Collection": "orders", "Mode": "overwrite"}

    ConnectionName: str = Field(min_length=1)
    """The connection, by its name."""

    Collection: str = Field(min_length=1)
    """The collection; it is made if it is not there."""

    Mode: Literal["append", "overwrite", "upsert"] = "append"
    """``append`` adds the rows, once for each execution however often it is repeated; ``overwrite`` replaces all
    documents and keeps the indexes; ``upsert`` sets the fields of the documents with the same key."""

    Key: tuple[str, ...] = ()
    """For ``upsert``: the columns by which rows are the same; a unique index must be on them."""

    TimesAs: mongodb_values.TimesAs = "date"
    """Whether dates, and times with a zone, become BSON's dates, which have milliseconds, or texts in ISO 8601. Times
    without a zone are always texts, as BSON has none."""

    @model_validator(mode="after")
    def _a_key_goes_with_upsert(self) -> Self:
        if (self.Mode == "upsert") != bool(self.Key):
            raise ValueError("Mode upsert needs Key, and Key goes with no other mode")
        return self

    @contextmanager
    def open(self, schema: pa.Schema, context: StepContext) -> Iterator[Sink]:
        """Begin to write."""
        self._check(schema)
        with _database(self.ConnectionName, context) as database:
            staging = database[f"{STAGING}{uuid.uuid4().hex}"]
            try:
                with _explained(TargetUnavailable, TargetFailed):
                    database.create_collection(staging.name)  # so that it is there without a row, too
                    if self.Key:
                        staging.create_index([(name, 1) for name in self.Key], unique=True)
                    yield _Staged(self, staging, database[self.Collection], context)
            finally:
                with _explained(TargetUnavailable, TargetFailed):
                    staging.drop()

    def place(self) -> str:
        """Return the collection."""
        return f"mongodb://{self.ConnectionName}/{self.Collection}"

    def _check(self, schema: pa.Schema) -> None:
        missing = [name for name in self.Key if name not in schema.names]
        if missing:
            raise TargetFailed(f"there is no column {', '.join(missing)}; there are {', '.join(schema.names)}")
        unfit = [name for name in schema.names if not name or name.startswith("$") or set(name) & {".", "\0"}]
        if unfit:
            raise TargetFailed(f"MongoDB takes no field of this name, rename the column: {', '.join(unfit)}")
        if self.Mode == "append" and "_id" in schema.names:
            raise TargetFailed("rows that are appended get an _id of their own: rename the column, or upsert by it")


class _Staged:
    """Rows in a collection beside the target."""

    def __init__(self, target: MongoDbTarget, staging: Any, collection: Any, context: StepContext) -> None:
        self._target = target
        self._staging = staging
        self._collection = collection
        self._context = context
        self._rows = 0

    def write(self, batch: pa.RecordBatch) -> None:
        """Write a batch beside the target."""
        for start in range(0, batch.num_rows, _ROWS_AT_ONCE):
            self._write(batch.slice(start, _ROWS_AT_ONCE))
        self._context.progress.count(size=batch.nbytes)

    def _write(self, batch: pa.RecordBatch) -> None:
        names = batch.schema.names
        for key in self._target.Key:
            if batch.column(names.index(key)).null_count:
                raise DataQualityFailed(f"a row has no value in its key {key}")
        columns = [
            mongodb_values.values_of(field, column, self._target.TimesAs)
            for field, column in zip(batch.schema, batch.columns, strict=True)
        ]
        documents = [self._with_id(dict(zip(names, row, strict=True))) for row in zip(*columns, strict=True)]
        with _explained(TargetUnavailable, TargetFailed):
            self._staging.insert_many(documents)

    def commit(self) -> dict[str, Any]:
        """Let the server merge what was written into the target."""
        with _explained(TargetUnavailable, TargetFailed):
            self._staging.aggregate(self._published_by())
            if self._repeats:
                # An earlier try may have had more rows, if the source has changed since.
                beyond = {"$gte": self._id_of(self._rows), "$lt": f"{self._context.repeat_key};"}
                self._collection.delete_many({"_id": beyond})
        return {"collection": self._target.Collection, "documents": self._rows}

    @property
    def _repeats(self) -> bool:
        return self._target.Mode == "append" and bool(self._context.repeat_key)

    def _published_by(self) -> list[dict[str, Any]]:
        name = self._collection.name
        if self._target.Mode == "overwrite":
            return [{"$out": name}]
        if self._target.Mode == "append":
            return [{"$merge": {"into": name, "whenMatched": "replace" if self._repeats else "fail"}}]
        merge = {"into": name, "on": list(self._target.Key), "whenMatched": "merge"}
        # The document that is there keeps its _id, unless this is the key.
        return [*([] if "_id" in self._target.Key else [{"$unset": "_id"}]), {"$merge": merge}]

    def _with_id(self, document: dict[str, Any]) -> dict[str, Any]:
        if self._repeats:
            document["_id"] = self._id_of(self._rows)
        self._rows += 1
        return document

    def _id_of(self, row: int) -> str:
        return f"{self._context.repeat_key}:{row:0{_ROW_DIGITS}d}"


@contextmanager
def _database(connection: str, context: StepContext) -> Iterator[Any]:
    described = context.connections
    client, name = described.opened(connection, MongoDbConnection, lambda found: (found.opened(), found.dbname))
    try:
        yield client[name]
    finally:
        client.close()


@contextmanager
def _explained(unavailable: type[StepError], failed: type[StepError]) -> Iterator[None]:
    """Raise what PyMongo raises as an error of steps, without the documents that it quotes."""
    errors, bson_errors = library("pymongo.errors", _EXTRA), library("bson.errors", _EXTRA)
    try:
        yield
    except (errors.AutoReconnect, errors.ExecutionTimeout, errors.WTimeoutError) as error:
        raise unavailable(f"MongoDB does not answer just now: {type(error).__name__}") from None
    except (errors.DocumentTooLarge, bson_errors.InvalidDocument, bson_errors.InvalidBSON) as error:
        raise DataNotRepresentable(
            f"a document is larger than 16 MB, or a value is beyond what can be read or written: {type(error).__name__}"
        ) from None
    except errors.PyMongoError as error:
        raise _refused(error, failed) from None


def _refused(error: Any, failed: type[StepError]) -> StepError:
    details = getattr(error, "details", None) or {}
    writes = details.get("writeErrors") or [{}]
    code = writes[0].get("code", getattr(error, "code", None))
    if code == _DUPLICATE:
        return DataQualityFailed(
            "two rows have the same key, or a unique index of the collection is violated", code=code
        )
    said = details.get("codeName", type(error).__name__)
    return failed(f"MongoDB refused what it was asked for: {said}", code=code)


def _root(path: str) -> str:
    """Return the first name of a path, or of a JSON pointer."""
    return path.lstrip("/").partition("/" if path.startswith("/") else ".")[0]


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield name
            yield from _names(item)
    elif isinstance(value, list):
        for item in value:
            yield from _names(item)
