from __future__ import annotations

from datetime import timedelta
from typing import Any

import botocore.session
import pytest

from runners.local.emr import serverless_run
from runners.local.emr.serverless_run import CANCELLED, CANCELLING, FAILED, PENDING, RUNNING, SCHEDULED, SUCCESS, JobRun


def run(told: list[tuple[str, str]] | None = None, **asked: Any) -> JobRun:
    def tell(one: JobRun, before: str) -> None:
        if told is not None:
            told.append((before, one.state))

    given = {
        "applicationId": "app",
        "executionRoleArn": "arn:role",
        "jobDriver": {"sparkSubmit": {"entryPoint": "s3://bucket/job.py"}},
        **asked,
    }
    return JobRun(given, "123456789012", "us-east-1", "emr-7.0.0", tell)


def test_its_states_are_emr_serverless_s() -> None:
    model = botocore.session.get_session().get_service_model("emr-serverless")
    states = {serverless_run.SUBMITTED, PENDING, SCHEDULED, RUNNING, CANCELLING, SUCCESS, FAILED, CANCELLED}
    assert states < set(model.shape_for("JobRunState").enum)


def test_each_new_state_is_told_with_the_one_before() -> None:
    told: list[tuple[str, str]] = []
    one = run(told)
    for state in (PENDING, SCHEDULED, RUNNING, SUCCESS):
        assert one.move(state)
    assert not one.move(FAILED)
    assert told == [("SUBMITTED", PENDING), (PENDING, SCHEDULED), (SCHEDULED, RUNNING), (RUNNING, SUCCESS)]
    assert one.as_dict()["billedResourceUtilization"]["vCPUHour"] == 0.0


def test_a_run_that_is_cancelled_is_killed_and_stays_cancelled() -> None:
    killed: list[bool] = []
    one = run()
    one.can_be_killed_by(lambda: killed.append(True))
    assert one.state == RUNNING
    assert one.cancel("because")
    assert not one.cancel()
    assert not one.move(RUNNING)
    one.move(FAILED, "killed")
    assert (one.state, one.state_details, killed) == (CANCELLED, "because", [True])


def test_a_run_that_was_cancelled_before_it_runs_is_killed_when_it_does() -> None:
    killed: list[bool] = []
    one = run()
    assert one.cancel()
    one.can_be_killed_by(lambda: killed.append(True))
    one.move(SUCCESS)
    assert (one.state, killed) == (CANCELLED, [True])


@pytest.mark.parametrize(("minutes", "timeout"), [(7, timedelta(minutes=7)), (0, None)])
def test_a_timeout_of_nothing_is_none(minutes: int, timeout: timedelta | None) -> None:
    assert run(executionTimeoutMinutes=minutes).timeout == timeout
    assert run().timeout == timedelta(hours=12)


def test_settings_come_from_the_configuration_and_from_the_options_which_win() -> None:
    overrides = {
        "applicationConfiguration": [
            {"classification": "spark-defaults", "properties": {"spark.a": "1", "spark.b": "1"}},
            {"classification": "other", "properties": {"spark.c": "1"}},
        ],
        "monitoringConfiguration": {"s3MonitoringConfiguration": {"logUri": "s3://bucket/logs/"}},
    }
    driver = {
        "entryPoint": "s3://bucket/job.py",
        "entryPointArguments": ["--conf", "x"],
        "sparkSubmitParameters": "--conf spark.b=2",
    }
    one = run(configurationOverrides=overrides, jobDriver={"sparkSubmit": driver})
    job = one.job()
    assert (job.settings, job.arguments) == ({"spark.a": "1", "spark.b": "2"}, ("--conf", "x"))
    assert one.logs == f"s3://bucket/logs/applications/app/jobs/{one.run_id}/SPARK_DRIVER/"
    assert run().logs is None
