"""One full load: which tables, a few of them at a time, each from its source to its target, and how far each got.

It knows neither tasks nor their states: it ends, by itself or because it is stopped, or raises ``EndpointError`` when
an endpoint is gone.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from runners.local.dms.columns import LOB_KINDS, SourceTable, TableName, TargetTable
from runners.local.dms.errors import DmsError, EndpointError, TableError, TableMissingError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from runners.local.dms.columns import Row
    from runners.local.dms.sources import Source
    from runners.local.dms.table_mappings import Filter, TableMappings
    from runners.local.dms.targets import Target
    from runners.local.dms.task_settings import TaskSettings

MAX_TABLES_AT_ONCE = 2
"""A laptop's share of MaxFullLoadSubTasks."""

CANCEL_INTERVAL_SECONDS = 0.2

BEFORE_LOAD = "Before load"
LOADING = "Full load"
COMPLETED = "Table completed"
CANCELLED = "Table cancelled"
ERROR = "Table error"
MISSING = "Table does not exist"
IN_ERROR = frozenset({ERROR, MISSING})

NOTHING_FOUND = (
    "No tables were found at task initialization. Either the selected tables or schemas no longer exist, or no match "
    "was found for the table selection patterns"
)


class StoppedError(DmsError):
    """The load was asked to stop."""


@dataclass
class TableLoad:
    """How the load of one table stands."""

    table: TableName
    filters: tuple[Filter, ...] = ()
    state: str = BEFORE_LOAD
    rows: int = 0
    started: datetime | None = None
    ended: datetime | None = None
    updated: datetime = field(default_factory=lambda: datetime.now(UTC))
    reloaded: bool = False
    error: str = ""
    """Why the table is in error; holds no value of a row."""

    def enter(self, state: str, error: str = "") -> None:
        """Change the state."""
        self.updated = datetime.now(UTC)
        if state == LOADING:
            self.rows, self.started, self.ended = 0, self.updated, None
        else:
            self.ended = self.updated
        self.error = error
        self.state = state


class FullLoad:
    """A load that goes on or is over. ``run`` is called once, ``stop`` from any thread."""

    def __init__(
        self,
        connect: Callable[[], Source],
        target: Callable[[], Target],
        mappings: TableMappings,
        settings: TaskSettings,
        log: Callable[[str, str], None],
    ) -> None:
        """``log`` takes lines of the task's log, each with its level: ``I``, ``W`` or ``E``."""
        self.tables: list[TableLoad] = []
        """Every table of the load, once the source's catalogue is read."""
        self._connect = connect
        self._make_target = target
        self._mappings = mappings
        self._settings = settings
        self._log = log
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._ended = threading.Event()
        self._cancelling: threading.Thread | None = None
        self._cancels: list[Callable[[], None]] = []
        self._fatal: DmsError | None = None

    def run(self, completed: Sequence[TableLoad] = (), *, reloaded: bool = False) -> None:
        """Load every table but those that are completed already; ``reloaded``: they have been loaded before.

        Raises ``EndpointError`` when an endpoint cannot be reached, ``StoppedError`` when the load was stopped, and
        another ``DmsError`` where a table or a mapping in error ends the whole load.
        """
        try:
            target = self._make_target()
            target.check()
            with self._cancelled_by(target.cancel):
                self._plan(completed, reloaded=reloaded)
                waiting = [load for load in self.tables if load.state == BEFORE_LOAD]
                workers = min(self._settings.sub_tasks, MAX_TABLES_AT_ONCE)
                with ThreadPoolExecutor(workers, thread_name_prefix="dms-table") as pool:
                    list(pool.map(lambda load: self._load(load, target), waiting))
        except DmsError:
            self._require_going_on()
            raise
        finally:
            self._ended.set()
            if self._cancelling:
                self._cancelling.join()
        self._require_going_on()
        if self._fatal:
            raise self._fatal

    def stop(self) -> None:
        """End the load soon, whatever it waits for."""
        self._stopped.set()
        self._cancel()

    def _cancel(self) -> None:
        """Have what goes on fail, now and again until the load is over: a statement may be about to begin."""
        with self._lock:
            if self._cancelling is None and not self._ended.is_set():
                self._cancelling = threading.Thread(target=self._cancel_until_ended, name="dms-cancel", daemon=True)
                self._cancelling.start()

    def _cancel_until_ended(self) -> None:
        while not self._ended.is_set():
            with self._lock:
                cancels = list(self._cancels)
            for cancel in cancels:
                # It may be over by itself, or its connection gone.
                with suppress(Exception):
                    cancel()
            self._ended.wait(CANCEL_INTERVAL_SECONDS)

    def _plan(self, completed: Sequence[TableLoad], *, reloaded: bool) -> None:
        with self._source() as source:
            there = source.tables()
        loads = [
            TableLoad(selected.table, selected.filters, reloaded=reloaded) for selected in self._mappings.select(there)
        ]
        done = {load.table: load for load in completed}
        self.tables = [done.get(load.table, load) for load in loads]
        for schema, name in self._mappings.missing(there):
            load = TableLoad(TableName(schema, name))
            load.enter(MISSING, f"{load.table} is asked for explicitly, and the source has no such table")
            self._log("E", load.error)
            self.tables.append(load)
            self._end_if_one_error_is_too_many(TableMissingError(load.error))
        if not self.tables and self._settings.fails_without_tables:
            raise TableMissingError(NOTHING_FOUND)
        if not self.tables:
            self._log("W", NOTHING_FOUND)

    def _load(self, load: TableLoad, target: Target) -> None:
        if self._stopped.is_set() or self._fatal:
            return
        load.enter(LOADING)
        try:
            self._copy(load, target)
        except StoppedError:
            load.enter(CANCELLED)
        except EndpointError as error:
            load.enter(CANCELLED if self._stopped.is_set() else ERROR, str(error))
            self._fatal = self._fatal or error
            self._cancel()
        except Exception as error:  # whatever broke, it broke this table
            self._fail(load, error)
        else:
            load.enter(COMPLETED)
            self._log("I", f"Load finished for table {load.table}. {load.rows} rows received.")

    def _fail(self, load: TableLoad, error: Exception) -> None:
        if self._stopped.is_set():
            load.enter(CANCELLED)
            return
        # What is no error of its own may quote a value, and so says only what it is.
        said = str(error) if isinstance(error, DmsError) else f"Copying {load.table} failed: {type(error).__name__}"
        load.enter(ERROR, said)
        self._log("E", f"Table {load.table} was errored/suspended. {said}")
        self._end_if_one_error_is_too_many(TableError(said))

    def _end_if_one_error_is_too_many(self, error: DmsError) -> None:
        if self._settings.stops_at_table_error:
            self._fatal = self._fatal or error
            self._cancel()

    def _copy(self, load: TableLoad, target: Target) -> None:
        with self._source() as source:
            table = source.describe(load.table)
            if table.not_copied:
                self._log("W", f"Columns of {load.table} that DMS does not migrate: {', '.join(table.not_copied)}")
            wanted = self._mappings.target_of(self._without_lobs(table), self._settings.target_schema)
            columns = [column.source for column in wanted.columns if column.source]
            rows = source.read(table, columns, load.filters, native=target.reads_native)
            with target.writing(wanted) as write:
                for batch in rows:
                    self._require_going_on()
                    write(_completed(batch, wanted))
                    load.rows += len(batch)
                    load.updated = datetime.now(UTC)
                self._require_going_on()

    def _without_lobs(self, table: SourceTable) -> SourceTable:
        if self._settings.copies_lobs:
            return table
        left_out = [column.name for column in table.columns if column.type.kind in LOB_KINDS]
        if left_out:
            self._log("W", f"SupportLobs is false, so that {table.name} is copied without {', '.join(left_out)}")
        return replace(table, columns=tuple(column for column in table.columns if column.name not in left_out))

    def _require_going_on(self) -> None:
        if self._stopped.is_set():
            raise StoppedError("The load was stopped")
        if self._fatal:
            raise self._fatal

    @contextmanager
    def _source(self) -> Iterator[Source]:
        source = self._connect()
        try:
            with self._cancelled_by(source.cancel):
                yield source
        finally:
            source.close()

    @contextmanager
    def _cancelled_by(self, cancel: Callable[[], None]) -> Iterator[None]:
        with self._lock:
            self._cancels.append(cancel)
        try:
            if self._stopped.is_set():
                raise StoppedError("The load was stopped")
            yield
        finally:
            with self._lock:
                self._cancels.remove(cancel)


def _completed(rows: list[Row], table: TargetTable) -> list[Row]:
    """Put the columns that have one value for every row among those that were read."""
    constants = [(place, column.constant) for place, column in enumerate(table.columns) if column.source is None]
    if not constants:
        return rows
    completed = []
    for row in rows:
        values: list[Any] = list(row)
        for place, constant in constants:
            values.insert(place, constant)
        completed.append(tuple(values))
    return completed
