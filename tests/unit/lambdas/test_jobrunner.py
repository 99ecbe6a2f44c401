from __future__ import annotations

import pytest

from runners import clients
from runners.errors import ConfigurationError
from runners.lambdas.jobrunner import handler
from tests.unit.conftest import ACTIVE_JOBS
from tests.unit.lambdas.conftest import Context, status_change
from tests.unit.services.test_glue import GlueDouble, event, run_of


@pytest.fixture
def glue(function, monkeypatch):
    client = GlueDouble()
    monkeypatch.setattr(clients, "glue", lambda: client)
    client.runs["sales"] = [run_of(0)]
    return client


def records(dynamodb):
    return [item for item in dynamodb.scan(TableName=ACTIVE_JOBS)["Items"] if item["runner"] == {"S": "glue"}]


def test_a_tick_of_the_schedule_polls_starts_and_records(glue, step_functions, scheduled, dynamodb):
    step_functions.schedule("Activity", {"GlueJobName": "sales", "day": "x"})
    handler(scheduled, Context())
    assert [call["Arguments"]["--day"] for call in glue.started] == ["x"]
    assert [record["run_id"]["S"] for record in records(dynamodb)] == ["jr_0"]


def test_a_later_tick_reports_what_has_ended(glue, step_functions, scheduled, dynamodb, new_process):
    token = step_functions.schedule("Activity", {"GlueJobName": "sales"})
    handler(scheduled, Context())
    glue.runs["sales"] = [run_of(0, "SUCCEEDED")]
    new_process()
    handler(scheduled, Context())
    assert step_functions.succeeded[token]["GlueJobRunId"] == "jr_0"
    assert not records(dynamodb)


def test_an_event_of_glue_reports_its_run_and_opens_no_poll(glue, step_functions, scheduled):
    token = step_functions.schedule("Activity", {"GlueJobName": "sales"})
    handler(scheduled, Context())
    glue.runs["sales"] = [run_of(0, "FAILED", ErrorMessage="out of memory")]
    step_functions.calls.clear()
    handler(event(), Context())
    error, cause = step_functions.failed[token]
    assert (error, cause["ErrorMessage"]) == ("GlueJobFailedError", "out of memory")
    assert step_functions.calls["get_activity_task"] == 0


def test_an_event_about_a_run_of_somebody_else_does_nothing(glue, step_functions):
    handler(event(), Context())
    assert not step_functions.calls
    assert not glue.call.calls


def test_bad_input_fails_its_task_at_once_with_each_field_named(glue, step_functions, scheduled, dynamodb):
    token = step_functions.schedule("Activity", {"Timeout": "hush", "Password": "hush"})
    handler(scheduled, Context())
    error, cause = step_functions.failed[token]
    assert error == "InvalidInput"
    assert set(cause["Problems"]) == {"GlueJobName", "Timeout"}
    assert "hush" not in str(cause)
    assert not records(dynamodb)


def test_an_invocation_with_little_time_left_only_sweeps(glue, step_functions, scheduled):
    step_functions.schedule("Activity", {"GlueJobName": "sales"})
    handler(scheduled, Context(seconds=60))
    assert step_functions.calls["get_activity_task"] == 0


def test_missing_settings_are_named(monkeypatch, new_process, aws):
    for name in ("ACTIVE_JOBS_TABLE", "ACTIVITY_ARN"):
        monkeypatch.delenv(f"RUNNERS_{name}", raising=False)
    with pytest.raises(ConfigurationError, match="RUNNERS_ACTIVE_JOBS_TABLE"):
        handler({}, Context())


def test_a_missing_activity_is_named(glue, monkeypatch):
    monkeypatch.delenv("RUNNERS_ACTIVITY_ARN")
    with pytest.raises(ConfigurationError, match="RUNNERS_ACTIVITY_ARN"):
        handler({}, Context())


def test_no_token_is_written_to_the_log(glue, step_functions, scheduled, new_process, capsys):
    glue.runs["sales"] = [run_of(0)]
    tokens = [step_functions.schedule("Activity", each) for each in ("no json", {"GlueJobName": "sales"})]
    handler(scheduled, Context())
    step_functions.waiting.clear()
    new_process()
    handler(status_change("ABORTED"), Context())
    log = capsys.readouterr().err
    assert '"action": "job_started"' in log
    assert '"action": "job_abandoned"' in log
    assert glue.stopped == [("sales", ["jr_0"])]
    assert not [token for token in tokens if token in log]
