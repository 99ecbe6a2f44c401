from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from runners.local.step_functions import execution_events
from runners.local.step_functions.execution_events import MAX_DATA, send_status


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    details: list[Any] = []
    monkeypatch.setattr(
        execution_events.service_events, "send", lambda *event, resources: details.append((*event, resources))
    )
    return details


def execution(**changes: Any) -> Any:
    values = {
        "account_id": "123456789012",
        "region_name": "us-east-1",
        "sm_type": "STANDARD",
        "exec_arn": "arn:execution",
        "state_machine_arn": "arn:machine",
        "name": "name",
        "status": "SUCCEEDED",
        "start_date": datetime(2026, 1, 31, 4, 5, 6, 789000, tzinfo=UTC),
        "stop_date": datetime(2026, 1, 31, 4, 5, 7, tzinfo=UTC),
        "execution_input": "{}",
        "output": "[]",
        "error": None,
        "cause": None,
    }
    return SimpleNamespace(**(values | changes))


def test_times_are_in_milliseconds(sent: list[Any]) -> None:
    send_status(execution())
    ((*_, detail, resources),) = sent
    assert (detail["startDate"], detail["stopDate"]) == (1769832306789, 1769832307000)
    assert resources == ["arn:execution"]


def test_an_express_state_machine_tells_nothing(sent: list[Any]) -> None:
    send_status(execution(sm_type="EXPRESS"))
    assert sent == []


@pytest.mark.parametrize(
    ("given", "made", "included"),
    [(10, 10, (True, True)), (MAX_DATA, 10, (False, True)), (10, MAX_DATA + 1, (False, False))],
)
def test_data_that_is_too_long_for_an_event_is_left_out(
    sent: list[Any], given: int, made: int, included: tuple[bool, bool]
) -> None:
    send_status(execution(execution_input="x" * given, output="y" * made))
    ((*_, detail, _resources),) = sent
    assert (detail["inputDetails"]["included"], detail["outputDetails"]["included"]) == included
    assert (detail["input"] is not None, detail["output"] is not None) == included
