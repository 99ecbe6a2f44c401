from __future__ import annotations

import json
from typing import Any

import pytest

from runners.local.dms.errors import UnusableRequestError
from runners.local.dms.task_settings import TaskSettings


def parse(**settings: Any) -> TaskSettings:
    return TaskSettings.parse(json.dumps(settings))


@pytest.mark.parametrize("text", [None, "", "{}"])
def test_a_task_without_settings_has_those_of_dms(text: str | None) -> None:
    settings = TaskSettings.parse(text)
    assert settings.preparation == "DROP_AND_CREATE"
    assert (settings.copies_lobs, settings.sub_tasks, settings.target_schema) == (True, 8, "")
    assert (settings.stops_at_table_error, settings.fails_without_tables) == (False, True)
    assert json.loads(settings.document)["FullLoadSettings"]["CommitRate"] == 10000


def test_settings_are_followed_and_described_with_what_was_left_out() -> None:
    settings = parse(
        TargetMetadata={"TargetSchema": "s", "SupportLobs": False},
        FullLoadSettings={"TargetTablePrepMode": "DO_NOTHING", "MaxFullLoadSubTasks": 3, "CreatePkAfterFullLoad": True},
        ErrorBehavior={"TableErrorPolicy": "STOP_TASK", "FailOnNoTablesCaptured": False},
        ChangeProcessingTuning={"CommitTimeout": 1},
        Logging=None,
    )
    assert (settings.target_schema, settings.copies_lobs, settings.preparation) == ("s", False, "DO_NOTHING")
    assert (settings.sub_tasks, settings.keys_after_load) == (3, True)
    assert (settings.stops_at_table_error, settings.fails_without_tables) == (True, False)
    described = json.loads(settings.document)
    assert described["ChangeProcessingTuning"] == {"CommitTimeout": 1}
    assert described["ErrorBehavior"]["DataErrorPolicy"] == "LOG_ERROR"
    assert TaskSettings.parse(settings.document) == settings


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"Colours": {}}, "Colours"),
        ({"Logging": "on"}, "Logging is no JSON object"),
        ({"BeforeImageSettings": {"EnableBeforeImage": True}}, "BeforeImageSettings.EnableBeforeImage"),
        ({"CharacterSetSettings": {"CharacterReplacements": [{}]}}, "CharacterReplacements"),
        ({"ControlTablesSettings": {"HistoryTableEnabled": True}}, "HistoryTableEnabled"),
        ({"ErrorBehavior": {"DataErrorPolicy": "IGNORE_RECORD"}}, "DataErrorPolicy"),
        ({"ErrorBehavior": {"TableErrorPolicy": "PRAY"}}, "TableErrorPolicy"),
        ({"FullLoadSettings": {"MaxFullLoadSubTasks": 50}}, "from 1 to 49"),
        ({"FullLoadSettings": {"MaxFullLoadSubTasks": True}}, "from 1 to 49"),
        ({"TTSettings": {"EnableTT": True}}, "TTSettings.EnableTT"),
    ],
)
def test_a_setting_that_is_not_followed_is_refused_by_name(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(UnusableRequestError, match=said):
        parse(**settings)


@pytest.mark.parametrize("text", ["[]", "no JSON"])
def test_settings_are_a_json_object(text: str) -> None:
    with pytest.raises(UnusableRequestError, match="ReplicationTaskSettings is no JSON"):
        TaskSettings.parse(text)
