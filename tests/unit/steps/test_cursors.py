from __future__ import annotations

from datetime import UTC, date, datetime

import boto3
import pytest

from runners.steps.cursors import Cursor, Cursors, Publishing, UnsetCursors
from runners.steps.errors import StepFailed, ValidationFailed


@pytest.fixture
def cursors(aws):
    client = boto3.client("dynamodb")
    client.create_table(
        TableName="cursors",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "step", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "step", "AttributeType": "S"}],
    )
    return Cursors("cursors", client)


@pytest.mark.parametrize(
    "value",
    [
        2**63 - 1,
        "text",
        datetime(2026, 1, 31, 4, 5, 6, 789, tzinfo=UTC),
        datetime.fromisoformat("2026-01-31T00:00:00"),
        date(2026, 1, 31),
    ],
)
def test_a_cursor_comes_back_as_it_was_kept(cursors, value):
    assert cursors.read("flow") is None
    cursors.move("flow", value, None, "arn:execution")
    assert cursors.read("flow") == Cursor(value, 1)


def test_a_cursor_is_moved_from_where_it_was_read(cursors):
    cursors.move("flow", 1, None)
    cursors.move("flow", 2, cursors.read("flow"))
    assert cursors.read("flow") == Cursor(2, 2)


@pytest.mark.parametrize("seen", [None, Cursor(1, 1)])
def test_whoever_is_late_does_not_move_it(cursors, seen):
    cursors.move("flow", 1, None)
    cursors.move("flow", 2, Cursor(1, 1))
    with pytest.raises(StepFailed, match="two runs of it at one time"):
        cursors.move("flow", 3, seen)
    assert cursors.read("flow") == Cursor(2, 2)


@pytest.mark.parametrize("before", [None, 1])
def test_a_run_that_is_about_to_publish_is_known_until_the_cursor_is_moved(cursors, before):
    seen = None if before is None else cursors.move("flow", before, None)
    noon = datetime(2026, 1, 31, 12, tzinfo=UTC)
    noted = cursors.publish("flow", Publishing(noon, "key", "arn:execution"), seen)
    assert cursors.read("flow") == noted
    assert (noted.value, noted.publishing) == (before, Publishing(noon, "key", "arn:execution"))
    assert cursors.read("flow") == noted
    assert cursors.move("flow", noon, noted) == cursors.read("flow") == Cursor(noon, noted.version + 1)


def test_of_two_runs_only_one_is_about_to_publish(cursors):
    cursors.publish("flow", Publishing(1, "one"), None)
    with pytest.raises(StepFailed, match="Nothing was published; run it again, alone"):
        cursors.publish("flow", Publishing(2, "two"), None)


def test_a_try_whose_answer_was_lost_finds_its_own_write(cursors):
    cursors.move("flow", 5, None)
    cursors.move("flow", 5, None)
    assert cursors.read("flow") == Cursor(5, 1)


def test_without_a_table_an_incremental_step_says_which_setting_is_missing():
    with pytest.raises(ValidationFailed, match="RUNNERS_CURSORS_TABLE"):
        UnsetCursors().read("flow")
