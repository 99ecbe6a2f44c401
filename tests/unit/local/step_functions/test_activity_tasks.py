from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from moto.stepfunctions.parser.api import ActivityDoesNotExist, ActivityWorkerLimitExceeded, InvalidToken, TaskTimedOut
from moto.stepfunctions.parser.asl.eval.callback.callback import CallbackOutcomeSuccess

from runners.local.step_functions import activity_tasks
from runners.local.step_functions.activity_tasks import ActivityTasks, WaitingTask
from tests.integration.waiting import eventually, in_background

if TYPE_CHECKING:
    from collections.abc import Callable

ARN = "activity"
LONG = 30.0  # seconds that no test waits


@pytest.fixture
def tasks() -> ActivityTasks:
    return ActivityTasks(exists=lambda arn: arn == ARN)


def outcome(token: str = "token") -> Any:
    return CallbackOutcomeSuccess(token, "{}")


def test_a_poll_takes_the_oldest_task(tasks: ActivityTasks) -> None:
    for token in ("one", "two"):
        tasks.schedule(token, ARN, token)
    assert [task and task.input for task in (tasks.poll(ARN, None, 0) for _ in range(3))] == ["one", "two", None]


def test_a_waiting_poll_gets_a_task_as_it_comes(tasks: ActivityTasks) -> None:
    waiting = in_background(lambda: tasks.poll(ARN, "worker", LONG))
    tasks.schedule("token", ARN, "input")
    assert waiting().callback_id == "token"


def test_a_task_that_nobody_waits_for_is_passed_over(tasks: ActivityTasks) -> None:
    tasks.schedule("abandoned", ARN, "").abandon()
    tasks.schedule("wanted", ARN, "")
    taken = tasks.poll(ARN, None, 0)
    assert taken is not None
    assert taken.callback_id == "wanted"


def test_an_unknown_activity_has_neither_tasks_nor_polls(tasks: ActivityTasks) -> None:
    with pytest.raises(ActivityDoesNotExist):
        tasks.schedule("token", "other", "")
    with pytest.raises(ActivityDoesNotExist):
        tasks.poll("other", None, 0)


def test_polls_beyond_the_limit_are_refused_until_others_end(
    tasks: ActivityTasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activity_tasks, "MAX_POLLERS", 1)
    first = in_background(lambda: tasks.poll(ARN, None, LONG))

    def refused() -> bool:
        try:
            tasks.poll(ARN, None, 0)
        except ActivityWorkerLimitExceeded:
            return True
        return False

    eventually(refused)
    tasks.schedule("token", ARN, "")
    assert first() is not None
    assert tasks.poll(ARN, None, 0) is None


def test_the_end_wakes_polls_and_tasks(tasks: ActivityTasks) -> None:
    task = tasks.schedule("token", ARN, "")
    tasks.poll(ARN, None, 0)
    waiting = in_background(lambda: task.wait(LONG))
    polling = in_background(lambda: tasks.poll(ARN, None, LONG))
    tasks.close()
    assert waiting() is None
    assert polling() is None
    assert tasks.closed.is_set()


def test_a_token_is_found_for_ever_and_no_other_is(tasks: ActivityTasks) -> None:
    task = tasks.expect("token")
    task.abandon()
    assert tasks.find("token") is task
    with pytest.raises(InvalidToken):
        tasks.find("other")


def test_forgetting_an_activity_ends_its_polls_and_drops_its_tasks(tasks: ActivityTasks) -> None:
    waiting = in_background(lambda: tasks.poll(ARN, None, LONG))
    eventually(lambda: ARN in tasks._queues and tasks._queues[ARN].pollers)
    tasks.forget(ARN)
    assert waiting() is None
    tasks.schedule("token", ARN, "")
    tasks.forget(ARN)
    assert tasks.poll(ARN, None, 0) is None


def test_forgetting_an_activity_without_tasks_does_nothing(tasks: ActivityTasks) -> None:
    tasks.forget(ARN)
    assert tasks.poll(ARN, None, 0) is None


def test_an_outcome_that_comes_before_anybody_listens_is_there() -> None:
    task = WaitingTask("token")
    task.report(outcome())
    assert task.setup_heartbeat_endpoint(LONG).clear_and_wait() is True
    assert task.get_outcome() is not None
    assert task.wait(0) is not None


def test_a_heartbeat_is_one_sign_of_life() -> None:
    task = WaitingTask("token")
    task.heartbeat()
    endpoint = task.setup_heartbeat_endpoint(0.01)
    assert endpoint.clear_and_wait() is True
    assert endpoint.clear_and_wait() is False


@pytest.mark.parametrize(
    "wait",
    [
        lambda task: task.wait(0),
        lambda task: task.get_activity_task_start_endpoint().wait(timeout_seconds=0),
        lambda task: task.setup_heartbeat_endpoint(0).clear_and_wait(),
    ],
)
def test_whoever_waited_in_vain_waits_no_more(wait: Callable[[WaitingTask], Any]) -> None:
    task = WaitingTask("token")
    assert not wait(task)
    assert task.was_abandoned()
    assert not task.hand_out(None)
    for answer in (lambda: task.report(outcome()), task.heartbeat):
        with pytest.raises(TaskTimedOut):
            answer()


def test_an_interrupted_task_is_abandoned() -> None:
    task = WaitingTask("token")
    started = in_background(lambda: task.get_activity_task_start_endpoint().wait(timeout_seconds=LONG))
    task.interrupt_all()
    assert started() is None


def test_the_start_names_the_worker() -> None:
    task = WaitingTask("token")
    task.hand_out("worker")
    assert task.get_activity_task_start_endpoint().wait(timeout_seconds=0).worker_name == "worker"


def test_of_many_outcomes_at_once_one_is_taken() -> None:
    task = WaitingTask("token")
    barrier = threading.Barrier(8)

    def report() -> bool:
        barrier.wait()
        try:
            task.report(outcome())
        except TaskTimedOut:
            return False
        return True

    assert sum(result() for result in [in_background(report) for _ in range(8)]) == 1
