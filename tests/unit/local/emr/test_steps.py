from __future__ import annotations

from typing import Any

import botocore.session
import pytest

from runners.errors import LocalAWSError
from runners.local.emr import steps
from runners.local.emr.steps import CANCEL_PENDING, CANCELLED, COMPLETED, FAILED, PENDING, RUNNING, Step


def step(*arguments: str, jar: str = "command-runner.jar") -> Step:
    return Step(name="step", hadoop_jar_step={"Jar": jar, "Args": list(arguments)}, action_on_failure="CONTINUE")


def test_its_states_are_emrs() -> None:
    model = botocore.session.get_session().get_service_model("emr")
    assert steps.ACTIVE | {COMPLETED, CANCELLED, FAILED} < set(model.shape_for("StepState").enum)


def test_a_step_goes_from_pending_to_its_end() -> None:
    one = step()
    one.start()
    assert one.state == PENDING
    assert one.begin()
    assert not one.begin()
    one.end(FAILED, {"Message": "why"})
    assert one.status["State"] == FAILED
    assert one.status["FailureDetails"] == {"Message": "why"}
    assert set(one.status["Timeline"]) == {"CreationDateTime", "StartDateTime", "EndDateTime"}
    one.end(COMPLETED)
    assert one.state == FAILED


def test_a_step_that_waits_is_cancelled_at_once() -> None:
    one = step()
    assert one.cancel()
    assert one.state == CANCELLED
    assert not one.cancel()
    assert not one.begin()


@pytest.mark.parametrize("cancelled_first", [True, False])
def test_a_step_that_runs_is_killed_and_then_cancelled_however_it_ends(cancelled_first: bool) -> None:
    killed: list[bool] = []
    one = step()
    one.begin()
    assert one.state == RUNNING
    actions: list[Any] = [one.cancel, lambda: one.can_be_killed_by(lambda: killed.append(True))]
    for action in actions if cancelled_first else reversed(actions):
        action()
    assert (one.state, killed) == (CANCEL_PENDING, [True])
    one.end(FAILED, {"Message": "killed"})
    assert (one.state, one.failure_details) == (CANCELLED, None)


def test_a_pyspark_script_by_spark_submit_is_a_job() -> None:
    job = step("spark-submit", "--conf", "spark.a=1", "s3://bucket/job.py", "x").job()
    assert (job.location, job.arguments, job.settings) == ("s3://bucket/job.py", ("x",), {"spark.a": "1"})


@pytest.mark.parametrize(
    ("one", "named"),
    [
        (step(jar="s3://bucket/my.jar"), "no s3://bucket/my.jar"),
        (step("hive-script", "--run-hive-script"), "'hive-script'"),
        (step(), "no ''"),
    ],
)
def test_anything_else_is_refused_by_name(one: Step, named: str) -> None:
    with pytest.raises(LocalAWSError, match=named):
        one.job()
