from datetime import UTC, datetime, timedelta

from runners.local.execution_view import as_markdown, visits

START = datetime(2026, 1, 31, 4, 0, tzinfo=UTC)


def event(number, kind, after, seconds, **details):
    return {
        "id": number,
        "type": kind,
        "previousEventId": after,
        "timestamp": START + timedelta(seconds=seconds),
        **details,
    }


def entered(number, name, after, seconds):
    return event(number, "TaskStateEntered", after, seconds, stateEnteredEventDetails={"name": name})


def exited(number, name, after, seconds):
    return event(number, "TaskStateExited", after, seconds, stateExitedEventDetails={"name": name})


def test_a_state_goes_from_waiting_for_a_runner_over_running_to_succeeded():
    history = [
        event(1, "ExecutionStarted", 0, 0),
        entered(2, "Load", 0, 1),
        event(3, "ActivityScheduled", 2, 1),
        event(4, "ActivityStarted", 3, 2),
        event(5, "ActivitySucceeded", 4, 5),
        exited(6, "Load", 5, 5),
    ]

    seen = [visits(history[:length])[0].status for length in range(2, 7)]

    assert seen == ["running", "waiting for a runner", "running", "running", "succeeded"]
    assert visits(history)[0].took(START) == timedelta(seconds=4)


def test_a_state_that_has_not_ended_took_as_long_as_it_is_now():
    assert visits([entered(1, "Load", 0, 0)])[0].took(START + timedelta(seconds=7)) == timedelta(seconds=7)


def test_events_of_parallel_branches_are_told_apart():
    history = [
        event(1, "ParallelStateEntered", 0, 0, stateEnteredEventDetails={"name": "Both"}),
        entered(2, "Left", 1, 0),
        entered(3, "Right", 1, 0),
        event(4, "ActivityScheduled", 3, 0),
        event(5, "ActivityScheduled", 2, 0),
        event(6, "ActivityStarted", 4, 1),
        event(7, "ActivityTimedOut", 6, 2),
    ]

    assert [(visit.name, visit.status) for visit in visits(history)] == [
        ("Both", "running"),
        ("Left", "waiting for a runner"),
        ("Right", "timed out"),
    ]


def test_a_failure_that_was_caught_is_still_shown_as_a_failure_once_the_state_is_left():
    history = [entered(1, "Load", 0, 0), event(2, "ActivityFailed", 1, 1), exited(3, "Load", 2, 1)]

    assert visits(history)[0].status == "failed"


def test_an_exit_is_matched_to_the_entry_of_its_own_state():
    history = [
        event(1, "ParallelStateEntered", 0, 0, stateEnteredEventDetails={"name": "Both"}),
        entered(2, "Left", 1, 0),
        exited(3, "Left", 2, 1),
        event(4, "ParallelStateExited", 3, 2, stateExitedEventDetails={"name": "Both"}),
    ]

    assert {visit.name: visit.exited for visit in visits(history)} == {
        "Both": START + timedelta(seconds=2),
        "Left": START + timedelta(seconds=1),
    }


def test_an_event_without_a_known_state_is_passed_over():
    assert visits([event(1, "ExecutionStarted", 0, 0), event(2, "ActivityStarted", 99, 1)]) == []


def test_a_history_as_markdown_has_a_row_an_event_and_no_cell_is_broken_by_its_content():
    history = [
        event(1, "ExecutionStarted", 0, 0, executionStartedEventDetails={"input": "{}", "roleArn": "x"}),
        event(2, "ActivityScheduled", 1, 0.5, activityScheduledEventDetails={"input": '{"a": 1}', "resource": "x"}),
        event(3, "ActivityFailed", 2, 1.5, activityFailedEventDetails={"error": "E", "cause": "a|b\nc`d"}),
    ]

    rows = as_markdown(history).splitlines()

    assert rows[2] == "| 1 | 0 | 0.00 | ExecutionStarted |  |"
    assert rows[3] == '| 2 | 1 | 0.50 | ActivityScheduled | input `{"a": 1}` |'
    assert rows[4] == "| 3 | 2 | 1.50 | ActivityFailed | error `E`<br>cause `a\\|b c'd` |"
