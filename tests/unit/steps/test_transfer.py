from __future__ import annotations

import pytest

from runners.steps.ends import Source
from runners.steps.errors import DataQualityFailed, StepFailed, StepStopped, ValidationFailed
from runners.steps.transfer import transfer
from runners.testing.steps import MemoryCursors, run_step, step_context
from tests.unit.steps.ends import Shelf, ShelfSource, ShelfTarget, ShelfToShelf


@pytest.fixture(autouse=True)
def shelf(monkeypatch):
    found = Shelf()
    monkeypatch.setattr(ShelfSource, "shelf", found, raising=False)
    monkeypatch.setattr(ShelfTarget, "shelf", found, raising=False)
    yield found
    assert (found.open_sources, found.open_sinks) == (0, 0)  # whatever happened, both were closed


def moved(context=None, **parameters):
    return run_step(ShelfToShelf, {"Source": {}, "Target": {}, **parameters}, context)


def test_all_rows_are_published_at_once_and_counted(shelf):
    context = step_context()
    assert moved(context) == {"rows": 3, "published": 3}
    assert shelf.published == shelf.rows
    assert context.progress.rows == 3


def test_an_empty_result_is_published_with_its_columns(shelf):
    shelf.rows = []
    assert moved()["rows"] == 0
    assert shelf.schema.names == ["id", "name"]


def test_a_source_that_breaks_midway_publishes_nothing(shelf):
    shelf.fails_at = 1
    with pytest.raises(RuntimeError, match="the source broke"):
        moved()
    assert shelf.published == []


def test_a_step_that_is_stopped_publishes_nothing(shelf):
    asked = iter([False, False, True])
    with pytest.raises(StepStopped):
        moved(step_context(stopping=lambda: next(asked)))
    assert shelf.published == []


@pytest.mark.parametrize(
    ("checks", "said"),
    [
        ({"MinRows": 4}, "there are 3 rows, and should be 4 at least"),
        ({"MaxRows": 2}, "there are 3 rows, and should be 2 at most"),
        ({"NotNull": ["id", "name"]}, "name in 1"),
        ({"NotNull": ["nome"]}, "'nome'; there are id, name"),
    ],
)
def test_rows_that_are_not_as_promised_are_not_published(shelf, checks, said):
    with pytest.raises(DataQualityFailed, match=said):
        moved(Checks=checks)
    assert shelf.published == []


def test_checks_that_hold_let_the_rows_pass(shelf):
    assert moved(Checks={"MinRows": 3, "MaxRows": 3, "NotNull": ["id"]})["rows"] == 3


def test_transforms_change_the_rows_and_checks_look_at_what_is_written(shelf):
    moved(
        Transforms=[{"Type": "rename", "Columns": {"name": "label"}}, {"Type": "keep", "Columns": ["label"]}],
        Checks={"MinRows": 1},
    )
    assert shelf.published == [{"label": "a"}, {"label": None}, {"label": "c"}]


def test_a_place_is_told_for_lineage():
    step = ShelfToShelf(ShelfToShelf.Parameters.checked({"Source": {"Name": "in"}, "Target": {"Name": "out"}}))
    assert (step.source, step.target) == ("shelf://in", "shelf://out")


# Bytes as they are


def test_bytes_that_the_target_takes_as_they_are_go_straight_through(shelf):
    shelf.pieces = [b"id,name\n", b"1,a\n"]
    context = step_context()
    assert moved(context, Target={"TakesCsv": True}) == {"rows": 3, "published": 2}
    assert shelf.published == shelf.pieces
    assert context.progress.rows == 3


@pytest.mark.parametrize(
    "looks_at_rows",
    [
        {"Transforms": [{"Type": "drop", "Columns": ["name"]}]},
        {"Checks": {"NotNull": ["id"]}},
        {"Incremental": {"Name": "shelf", "Column": "id"}},
    ],
)
def test_whoever_looks_at_the_rows_gets_rows(shelf, looks_at_rows):
    shelf.pieces = [b"id,name\n"]
    moved(Target={"TakesCsv": True}, **looks_at_rows)
    assert [row["id"] for row in shelf.published] == [1, 2, 3]


def test_a_source_that_cannot_give_the_bytes_gives_rows(shelf):
    assert moved(Target={"TakesCsv": True})["published"] == 3


def test_bytes_that_hold_too_few_rows_are_not_published(shelf):
    shelf.pieces = [b"id,name\n"]
    with pytest.raises(DataQualityFailed):
        moved(Target={"TakesCsv": True}, Checks={"MinRows": 9})
    assert shelf.published == []


# Incremental


def test_the_first_run_moves_all_and_the_next_asks_for_what_came_after(shelf):
    cursors = MemoryCursors()
    asked = {"Incremental": {"Name": "shelf", "Column": "id"}}
    assert moved(step_context(cursors=cursors), **asked)["cursor"] == "3"
    assert shelf.asked_after is None
    shelf.rows = [{"id": 7, "name": "new"}]
    assert moved(step_context(cursors=cursors), **asked)["cursor"] == "7"
    assert shelf.asked_after == ("id", 3)
    assert cursors.kept["shelf"].value == 7


def test_a_first_run_may_begin_somewhere(shelf):
    moved(Incremental={"Name": "shelf", "Column": "id", "From": 2})
    assert shelf.asked_after == ("id", 2)


def test_nothing_new_leaves_the_cursor_where_it_is(shelf):
    cursors = MemoryCursors()
    asked = {"Incremental": {"Name": "shelf", "Column": "id"}}
    moved(step_context(cursors=cursors), **asked)
    before = cursors.kept["shelf"]
    shelf.rows = []
    assert moved(step_context(cursors=cursors), **asked)["cursor"] == "3"
    assert cursors.kept["shelf"] == before


def test_a_cursor_stays_where_it_was_when_nothing_was_published(shelf):
    cursors = MemoryCursors()
    shelf.fails_at = 1
    with pytest.raises(RuntimeError):
        moved(step_context(cursors=cursors), Incremental={"Name": "shelf", "Column": "id"})
    assert cursors.kept == {}


def test_two_runs_at_one_time_do_not_both_move_the_cursor(shelf):
    cursors = MemoryCursors()

    class MovedMeanwhile(MemoryCursors):
        def read(self, step):
            return None

    moved(step_context(cursors=cursors), Incremental={"Name": "shelf", "Column": "id"})
    late = MovedMeanwhile()
    late.kept = cursors.kept
    with pytest.raises(StepFailed, match="moved by somebody else"):
        moved(step_context(cursors=late), Incremental={"Name": "shelf", "Column": "id"})


@pytest.mark.parametrize("column", ["nome", "name"])
def test_a_cursor_needs_a_column_that_is_there(shelf, column):
    asked = {"Incremental": {"Name": "shelf", "Column": column}}
    if column == "name":
        assert moved(**asked)["cursor"] == "c"
        return
    with pytest.raises(DataQualityFailed, match="'nome', which there is not; there are id, name"):
        moved(**asked)


class Unending(Source):
    """A source that cannot leave rows out."""


def test_a_source_that_cannot_leave_rows_out_is_refused_before_it_is_read():
    step = transfer("UnendingToShelf", Unending, ShelfTarget, "Moves what cannot be continued.")
    with pytest.raises(ValidationFailed, match="Unending cannot be read incrementally"):
        step.Parameters.checked({"Source": {}, "Target": {}, "Incremental": {"Name": "flow", "Column": "id"}})
