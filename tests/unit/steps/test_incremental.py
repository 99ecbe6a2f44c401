from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pytest

from runners.steps.cursors import Cursor, Publishing
from runners.steps.errors import DataQualityFailed, ValidationFailed
from runners.steps.incremental import Continuation, Incremental
from runners.testing.steps import MemoryCursors, step_context

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


class Asked:
    """A source that keeps what it is asked for."""

    def after(self, column, value):
        return (column, value)


def continuation(cursor=None, **asked):
    cursors = MemoryCursors()
    if cursor is not None:
        cursors.kept["flow"] = Cursor(cursor, 1)
    begun = Continuation(Incremental(Name="flow", Column="at", **asked), step_context(cursors=cursors))
    return begun, cursors


def batch(*values, kind=None):
    return pa.record_batch({"at": pa.array(values, kind)})


def test_a_lag_goes_back_before_the_cursor():
    begun, _ = continuation(NOON, Lag=timedelta(minutes=5))
    assert begun.source(Asked()) == ("at", NOON - timedelta(minutes=5))


def test_a_lag_never_moves_the_cursor_back():
    begun, cursors = continuation(NOON, Lag=timedelta(minutes=5))
    begun.seen(batch(NOON - timedelta(minutes=3)))
    begun.publishing()
    assert begun.moved_on() == {"cursor": str(NOON)}
    assert cursors.kept["flow"].value == NOON


def test_the_largest_of_all_batches_counts_and_nulls_do_not():
    begun, cursors = continuation()
    for values in ([NOON, None], [NOON - timedelta(days=1)], [None]):
        begun.seen(batch(*values, kind=pa.timestamp("us", "UTC")))
    begun.publishing()
    begun.moved_on()
    assert cursors.kept["flow"].value == NOON


def test_dates_are_cursors_too():
    begun, cursors = continuation()
    begun.seen(batch(date(2026, 1, 31)))
    begun.publishing()
    begun.moved_on()
    assert cursors.kept["flow"].value == date(2026, 1, 31)


@pytest.mark.parametrize("values", [[1.5], [True]])
def test_what_does_not_grow_exactly_is_no_cursor(values):
    begun, _ = continuation()
    with pytest.raises(DataQualityFailed, match="cannot be a cursor"):
        begun.seen(batch(*values))


@pytest.mark.parametrize(
    ("value", "kind"), [(NOON, pa.timestamp("us", "UTC")), (date(2026, 1, 31), pa.date32()), (3, pa.int16())]
)
def test_a_run_that_is_completed_goes_no_further_than_it_came(value, kind):
    cursors = MemoryCursors()
    cursors.publish("flow", Publishing(value, "key"), None)
    begun = Continuation(Incremental(Name="flow", Column="at"), step_context(cursors=cursors))
    later = value + (1 if isinstance(value, int) else timedelta(days=1))
    assert begun.seen(batch(None, value, later, kind=kind)).to_pydict() == {"at": [None, value]}
    assert begun.context.repeat_key == "key"
    assert begun.moved_on() == {"cursor": str(value)}


def test_a_lag_does_not_go_forward():
    with pytest.raises(ValidationFailed, match="Lag"):
        Incremental.checked({"Name": "flow", "Column": "at", "Lag": "-PT5M"})
