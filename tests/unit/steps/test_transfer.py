from __future__ import annotations

import pytest

from runners.steps.ends import Source
from runners.steps.errors import DataQualityFailed, StepFailed, StepStopped, TargetUnavailable, ValidationFailed
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


def test_a_column_that_is_to_be_looked_at_must_be_there_even_if_no_row_is(shelf):
    shelf.rows = []
    with pytest.raises(DataQualityFailed, match="'nome'; there are id, name"):
        moved(Checks={"NotNull": ["nome"]})


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


def test_bytes_whose_rows_nobody_counts_are_published_unless_they_should_be_checked(shelf):
    shelf.pieces = [b"id,name\n"]
    shelf.counts = False
    assert moved(Target={"TakesCsv": True})["rows"] is None
    shelf.published.clear()
    with pytest.raises(DataQualityFailed, match="does not say how many rows"):
        moved(Target={"TakesCsv": True}, Checks={"MaxRows": 9})
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


class Broken(MemoryCursors):
    """Cursors that cannot be moved, as whoever moves them dies."""

    broken = True

    def move(self, *asked):
        if self.broken:
            raise TargetUnavailable("the table of cursors does not answer")
        return super().move(*asked)


ONCE = {"Incremental": {"Name": "shelf", "Column": "id"}, "Target": {"AppendsOnce": True}}


def of_execution(name, cursors, **more):
    return step_context(cursors=cursors, execution_id=name, given=ONCE, **more)


@pytest.mark.parametrize(("first", "then"), [("one", "one"), ("one", "two"), ("", "")])
def test_rows_whose_cursor_was_not_moved_are_not_added_again(shelf, first, then):
    cursors = Broken()
    with pytest.raises(TargetUnavailable):
        moved(of_execution(first, cursors), **ONCE)
    cursors.broken = False
    shelf.rows = [*shelf.rows, {"id": 4, "name": "new"}]
    for execution in (then, "later"):
        moved(of_execution(execution, cursors), **ONCE)
    assert [row["id"] for row in shelf.published] == [1, 2, 3, 4]
    assert cursors.kept["shelf"].value == 4


def test_a_run_that_must_not_publish_does_not_announce_it_either(shelf):
    cursors = MemoryCursors()
    with pytest.raises(StepStopped):
        moved(of_execution("one", cursors, may_publish=lambda: False), **ONCE)
    assert (shelf.published, cursors.kept) == ([], {})


def test_rows_of_a_run_that_died_before_it_published_come_with_the_next(shelf):
    cursors = MemoryCursors()
    with pytest.raises(StepStopped):
        moved(of_execution("one", cursors, may_publish=iter([True, False]).__next__), **ONCE)
    assert (shelf.published, cursors.kept["shelf"].value) == ([], None)
    shelf.rows = [*shelf.rows, {"id": 4, "name": "new"}]
    assert moved(of_execution("two", cursors), **ONCE) == {"rows": 3, "published": 3, "cursor": "3"}
    assert moved(of_execution("three", cursors), **ONCE) == {"rows": 1, "published": 1, "cursor": "4"}
    assert [row["id"] for row in shelf.published] == [1, 2, 3, 4]


@pytest.mark.parametrize("first", [[], [{"id": 1, "name": "a"}]])
def test_new_rows_that_a_repeat_of_a_step_finds_are_neither_lost_nor_taken_for_those_that_are_there(shelf, first):
    cursors = MemoryCursors()
    shelf.rows = first
    moved(of_execution("one", cursors), **ONCE)
    shelf.rows = [*first, {"id": 2, "name": "new"}]
    for execution in ("one", "one", "two"):
        moved(of_execution(execution, cursors), **ONCE)
    assert shelf.published == shelf.rows


def test_rows_that_come_again_for_the_lag_come_once_from_a_run_whose_cursor_was_not_moved(shelf):
    cursors = Broken()
    cursors.broken = False
    moved(of_execution("one", cursors), **ONCE)
    cursors.broken, shelf.rows = True, [{"id": 2, "name": "late"}]
    again = {**ONCE, "Source": {"ComesAgain": True}}
    with pytest.raises(TargetUnavailable):
        moved(of_execution("two", cursors), **again)
    cursors.broken, shelf.rows = False, [{"id": 2, "name": "late"}, {"id": 4, "name": "new"}]
    for execution in ("two", "three"):
        moved(of_execution(execution, cursors), **again)
    assert [row["id"] for row in shelf.published] == [1, 2, 3, 2, 2, 4]  # the last two come with the third run's lag
    assert cursors.kept["shelf"].value == 4


def test_rows_without_a_value_in_the_column_come_again_with_a_run_that_is_completed(shelf):
    cursors = MemoryCursors()
    shelf.rows = [{"id": 1, "name": None}, {"id": 2, "name": "b"}]
    by_name = {**ONCE, "Incremental": {"Name": "shelf", "Column": "name"}}
    with pytest.raises(StepStopped):
        moved(of_execution("one", cursors, may_publish=lambda: False), **by_name)
    moved(of_execution("two", cursors), **by_name)
    assert [row["id"] for row in shelf.published] == [1, 2]


def test_a_run_can_be_completed_when_its_source_has_let_go_of_the_rows(shelf):
    cursors = Broken()
    with pytest.raises(TargetUnavailable):
        moved(of_execution("one", cursors), Checks={"MinRows": 3}, **ONCE)
    cursors.broken = False
    shelf.rows = []
    assert moved(of_execution("one", cursors), Checks={"MinRows": 3}, **ONCE)["cursor"] == "3"


def test_of_two_runs_at_one_time_only_one_publishes(shelf):
    cursors = MemoryCursors()

    def meanwhile():
        if not shelf.published:
            moved(of_execution("two", cursors), **ONCE)
        return False

    with pytest.raises(StepFailed, match="Nothing was published; run it again, alone"):
        moved(of_execution("one", cursors, stopping=meanwhile), **ONCE)
    assert [row["id"] for row in shelf.published] == [1, 2, 3]


class Unending(Source):
    """A source that cannot leave rows out."""


def test_a_source_that_cannot_leave_rows_out_is_refused_before_it_is_read():
    step = transfer("UnendingToShelf", Unending, ShelfTarget, "Moves what cannot be continued.")
    with pytest.raises(ValidationFailed, match="Unending cannot be read incrementally"):
        step.Parameters.checked({"Source": {}, "Target": {}, "Incremental": {"Name": "flow", "Column": "id"}})
