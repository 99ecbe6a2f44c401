from __future__ import annotations

import contextlib
import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

from runners.local.dms import full_load
from runners.local.dms.columns import Column, DmsType, Kind, SourceTable, TableName
from runners.local.dms.errors import EndpointError, TableError
from runners.local.dms.full_load import FullLoad, StoppedError
from runners.local.dms.table_mappings import TableMappings
from runners.local.dms.task_settings import TaskSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RULES = {"rule-type": "selection", "rule-id": "1", "rule-action": "include",
         "object-locator": {"schema-name": "s", "table-name": "%"}}  # fmt: skip


class FakeSource:
    """Tables whose reads are functions."""

    def __init__(self, **tables: Callable[[], Iterator[list[tuple[str | None, ...]]]]) -> None:
        self.reads = tables
        self.cancelled = threading.Event()
        self.closed = 0

    def tables(self) -> list[TableName]:
        return [TableName("s", name) for name in self.reads]

    def describe(self, name: TableName) -> SourceTable:
        return SourceTable(name, (Column("id", DmsType(Kind.INT4), "integer", "id"),))

    def read(self, table: SourceTable, *_: Any, **__: Any) -> Iterator[list[tuple[str | None, ...]]]:
        return self.reads[table.name.name]()

    def cancel(self) -> None:
        self.cancelled.set()

    def close(self) -> None:
        self.closed += 1


class FakeTarget:
    reads_native = False

    def __init__(self) -> None:
        self.published: dict[str, list[Any]] = {}
        self.cancels = 0

    def check(self) -> None:
        pass

    @contextlib.contextmanager
    def writing(self, table: Any) -> Iterator[Callable[[Any], None]]:
        rows: list[Any] = []
        yield rows.extend
        self.published[table.name] = rows

    def cancel(self) -> None:
        self.cancels += 1


def load_of(source: FakeSource, target: Any = None, **settings: Any) -> FullLoad:
    mappings = TableMappings.parse(json.dumps({"rules": [RULES]}))
    return FullLoad(
        lambda: source,
        lambda: target or FakeTarget(),
        mappings,
        TaskSettings.parse(json.dumps(settings)),
        lambda *_: None,
    )


def rows(*ids: str) -> Callable[[], Iterator[Any]]:
    return lambda: iter([[(value,) for value in ids]])


def failing(error: Exception) -> Callable[[], Iterator[Any]]:
    def read() -> Iterator[Any]:
        yield [("1",)]
        raise error

    return read


def states(load: FullLoad) -> dict[str, str]:
    return {table.table.name: table.state for table in load.tables}


def test_a_load_copies_every_table_and_counts_its_rows() -> None:
    source, target = FakeSource(a=rows("1", "2"), b=rows("3")), FakeTarget()
    load = load_of(source, target)
    load.run()
    assert target.published == {"a": [("1",), ("2",)], "b": [("3",)]}
    assert {table.table.name: table.rows for table in load.tables} == {"a": 2, "b": 1}
    assert source.closed == 3  # for the catalogue, and for each table


def test_a_table_in_error_publishes_nothing_and_the_others_go_on() -> None:
    target = FakeTarget()
    load = load_of(FakeSource(a=failing(TableError("no")), b=rows("3")), target)
    load.run()
    assert states(load) == {"a": full_load.ERROR, "b": full_load.COMPLETED}
    assert target.published == {"b": [("3",)]}
    assert load.tables[0].error == "no"


def test_an_error_that_may_quote_a_value_says_only_what_it_is() -> None:
    load = load_of(FakeSource(a=failing(ValueError("hush-hush"))))
    load.run()
    assert load.tables[0].error == "Copying s.a failed: ValueError"


def test_a_lost_endpoint_ends_the_load() -> None:
    load = load_of(
        FakeSource(a=failing(EndpointError("gone")), b=rows("3")), FullLoadSettings={"MaxFullLoadSubTasks": 1}
    )
    with pytest.raises(EndpointError, match="gone"):
        load.run()
    assert states(load) == {"a": full_load.ERROR, "b": full_load.BEFORE_LOAD}


def test_one_error_ends_a_load_that_is_to_stop_at_errors() -> None:
    source = FakeSource(a=failing(TableError("no")), b=rows("3"))
    settings = {"ErrorBehavior": {"TableErrorPolicy": "STOP_TASK"}, "FullLoadSettings": {"MaxFullLoadSubTasks": 1}}
    load = load_of(source, **settings)
    with pytest.raises(TableError, match="no"):
        load.run()
    assert states(load) == {"a": full_load.ERROR, "b": full_load.BEFORE_LOAD}


def test_a_stop_cancels_what_goes_on_again_and_again_until_it_ends() -> None:
    source, target = FakeSource(), FakeTarget()
    reading = threading.Event()

    def blocked() -> Iterator[Any]:
        yield [("1",)]
        reading.set()
        # The first cancel comes too early for a statement that is about to begin.
        for _ in range(2):
            assert source.cancelled.wait(10)
            source.cancelled.clear()
        raise TableError("cancelled")

    source.reads = {"a": blocked, "b": rows("3")}
    load = load_of(source, target, FullLoadSettings={"MaxFullLoadSubTasks": 1})
    stopping = threading.Thread(target=lambda: reading.wait(10) and load.stop())
    stopping.start()
    with pytest.raises(StoppedError):
        load.run()
    stopping.join()
    assert states(load) == {"a": full_load.CANCELLED, "b": full_load.BEFORE_LOAD}
    assert target.published == {}
    assert target.cancels >= 2


def test_a_load_that_was_stopped_before_it_ran_copies_nothing() -> None:
    target = FakeTarget()
    load = load_of(FakeSource(a=rows("1")), target)
    load.stop()
    with pytest.raises(StoppedError):
        load.run()
    assert target.published == {}


def test_tables_that_are_completed_are_not_loaded_again() -> None:
    first = load_of(FakeSource(a=rows("1")))
    first.run()
    target = FakeTarget()
    second = load_of(FakeSource(a=rows("1"), b=rows("2")), target)
    second.run(first.tables)
    assert target.published == {"b": [("2",)]}
    assert states(second) == {"a": full_load.COMPLETED, "b": full_load.COMPLETED}
