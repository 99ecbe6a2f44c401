"""EMR steps and EMR Serverless job runs of the embedded AWS: real processes behind their APIs."""

from __future__ import annotations

import gzip
import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from moto.events.models import EventsBackend

from runners.local.emr import spark_run
from tests.integration.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runners.local.server import EmbeddedAWS

ACTIVE = {"PENDING", "RUNNING", "CANCEL_PENDING"}
FINAL = {"SUCCESS", "FAILED", "CANCELLED"}
PATIENCE_SECONDS = 60
SLEEP = "import time\nprint('asleep', flush=True)\ntime.sleep(600)"
BUCKET = "scripts"
ROLE = "arn:aws:iam::123456789012:role/role"


@pytest.fixture
def without_spark(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run scripts that need no Spark on a machine that may have none."""
    monkeypatch.setattr(spark_run, "require_spark", lambda: None)


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []
    put = EventsBackend.put_events

    def listen(backend: EventsBackend, entries: list[dict[str, Any]]) -> Any:
        sent.extend(json.loads(entry["Detail"]) for entry in entries if entry["Source"].startswith("aws.emr"))
        return put(backend, entries)

    monkeypatch.setattr(EventsBackend, "put_events", listen)
    return sent


class Scripts:
    """A bucket with scripts."""

    def __init__(self, aws: EmbeddedAWS) -> None:
        self.s3 = aws.client("s3")
        self.s3.create_bucket(Bucket=BUCKET)

    def put(self, text: str) -> str:
        key = f"{uuid.uuid4().hex}.py"
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=text.encode())
        return f"s3://{BUCKET}/{key}"

    def text(self, key: str) -> str:
        return gzip.decompress(self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()).decode()


class Clusters(Scripts):
    """Clusters and their steps."""

    def __init__(self, aws: EmbeddedAWS) -> None:
        super().__init__(aws)
        self.emr = aws.client("emr")
        self.made: list[str] = []

    def create(self, *steps: dict[str, Any], keep: bool = True, **settings: Any) -> str:
        instances = {"KeepJobFlowAliveWhenNoSteps": keep, "MasterInstanceType": "m5.xlarge", "InstanceCount": 1}
        asked = {"Instances": instances, "JobFlowRole": "role", "ServiceRole": "role", **settings}
        cluster = str(self.emr.run_job_flow(Name="cluster", Steps=list(steps), **asked)["JobFlowId"])
        self.made.append(cluster)
        return cluster

    def script(self, text: str, *arguments: str, on_failure: str = "CONTINUE") -> dict[str, Any]:
        return self.step("spark-submit", self.put(text), *arguments, on_failure=on_failure)

    def step(self, *arguments: str, jar: str = "command-runner.jar", on_failure: str = "CONTINUE") -> dict[str, Any]:
        program = {"Jar": jar, "Args": list(arguments)}
        return {"Name": "step", "ActionOnFailure": on_failure, "HadoopJarStep": program}

    def add(self, cluster: str, *steps: dict[str, Any]) -> list[str]:
        return list(self.emr.add_job_flow_steps(JobFlowId=cluster, Steps=list(steps))["StepIds"])

    def describe(self, cluster: str, step: str) -> dict[str, Any]:
        return dict(self.emr.describe_step(ClusterId=cluster, StepId=step)["Step"])

    def state(self, cluster: str, step: str) -> str:
        return str(self.describe(cluster, step)["Status"]["State"])

    def ended(self, cluster: str, step: str) -> dict[str, Any]:
        eventually(lambda: self.state(cluster, step) not in ACTIVE, PATIENCE_SECONDS)
        return dict(self.describe(cluster, step)["Status"])

    def cluster_state(self, cluster: str) -> str:
        return str(self.emr.describe_cluster(ClusterId=cluster)["Cluster"]["Status"]["State"])

    def states(self, cluster: str) -> list[str]:
        """Answer the states of all steps, oldest first."""
        listed = self.emr.list_steps(ClusterId=cluster)["Steps"]
        return [step["Status"]["State"] for step in reversed(listed)]


@pytest.fixture
def clusters(embedded_aws: EmbeddedAWS, without_spark: None) -> Iterator[Clusters]:
    return Clusters(embedded_aws)


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


# EMR.


def test_a_step_runs_its_script_with_its_arguments_and_keeps_its_output(
    clusters: Clusters, events: list[dict[str, Any]]
) -> None:
    cluster = clusters.create(LogUri=f"s3://{BUCKET}/logs/")
    assert clusters.cluster_state(cluster) == "WAITING"
    text = "import os, sys, boto3\nprint(sys.argv[1:], os.environ['MODE'])\nboto3.client('s3').list_buckets()"
    setting = "spark.yarn.appMasterEnv.MODE=test"
    (step,) = clusters.add(cluster, clusters.step("spark-submit", "--conf", setting, clusters.put(text), "--day", "1"))
    assert clusters.cluster_state(cluster) == "RUNNING"
    status = clusters.ended(cluster, step)
    assert status["State"] == "COMPLETED"
    assert status["Timeline"]["StartDateTime"] <= status["Timeline"]["EndDateTime"]
    assert clusters.text(f"logs/{cluster}/steps/{step}/stdout.gz") == "['--day', '1'] test\n"
    eventually(lambda: clusters.cluster_state(cluster) == "WAITING")
    eventually(lambda: [event["state"] for event in events] == ["PENDING", "RUNNING", "COMPLETED"])
    expected = {"stepId": step, "clusterId": cluster, "name": "step", "severity": "INFO", "actionOnFailure": "CONTINUE"}
    assert expected.items() <= events[2].items()


def test_a_step_whose_script_fails_says_why(clusters: Clusters, events: list[dict[str, Any]]) -> None:
    cluster = clusters.create(LogUri=f"s3://{BUCKET}/logs/")
    (step,) = clusters.add(cluster, clusters.script("raise ValueError('no rows')"))
    status = clusters.ended(cluster, step)
    assert status["State"] == "FAILED"
    assert status["FailureDetails"]["Message"] == "ValueError: no rows"
    log_file = status["FailureDetails"]["LogFile"]
    assert "ValueError: no rows" in clusters.text(log_file.removeprefix(f"s3://{BUCKET}/"))
    assert eventually(lambda: [event for event in events if event["state"] == "FAILED"])[0]["severity"] == "ERROR"


def test_a_step_that_is_no_pyspark_script_fails_by_name(clusters: Clusters) -> None:
    cluster = clusters.create()
    jar, hive, gone = clusters.add(
        cluster,
        clusters.step(jar="s3://scripts/my.jar"),
        clusters.step("hive-script"),
        clusters.step("spark-submit", "s3://scripts/gone.py"),
    )
    for step, named in ((jar, "no s3://scripts/my.jar"), (hive, "'hive-script'"), (gone, "s3://scripts/gone.py")):
        status = clusters.ended(cluster, step)
        assert status["State"] == "FAILED"
        assert status["FailureDetails"]["Reason"] == "The embedded EMR cannot run this step."
        assert named in status["FailureDetails"]["Message"]


def test_without_spark_a_step_fails_with_what_to_install(clusters: Clusters, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr("runners.local.emr.spark_run.importlib.util.find_spec", lambda _: None)
    cluster = clusters.create()
    (step,) = clusters.add(cluster, clusters.script(""))
    assert "pip install -e '.[spark]'" in clusters.ended(cluster, step)["FailureDetails"]["Message"]
    monkeypatch.setattr("runners.local.emr.spark_run.importlib.util.find_spec", lambda name: name)
    monkeypatch.setattr("runners.local.emr.spark_run.shutil.which", lambda _: None)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    (step,) = clusters.add(cluster, clusters.script(""))
    assert "needs Java 17" in clusters.ended(cluster, step)["FailureDetails"]["Message"]


def test_an_engine_that_breaks_fails_the_step(clusters: Clusters, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError("broken")

    monkeypatch.setattr(spark_run, "carry_out", broken)
    cluster = clusters.create()
    (step,) = clusters.add(cluster, clusters.script(""))
    assert clusters.ended(cluster, step)["FailureDetails"]["Message"] == "ZeroDivisionError: broken"


def test_steps_run_one_at_a_time_and_can_be_cancelled(clusters: Clusters) -> None:
    cluster = clusters.create()
    running, second, third = clusters.add(cluster, *(clusters.script(SLEEP) for _ in range(3)))
    assert clusters.states(cluster) == ["RUNNING", "PENDING", "PENDING"]

    def cancel(*steps: str) -> list[tuple[str, str]]:
        answer = clusters.emr.cancel_steps(ClusterId=cluster, StepIds=list(steps))["CancelStepsInfoList"]
        return [(info["StepId"], info["Status"]) for info in answer]

    assert cancel(third, running) == [(third, "SUBMITTED"), (running, "SUBMITTED")]
    assert clusters.state(cluster, third) == "CANCELLED"
    assert clusters.ended(cluster, running)["State"] == "CANCELLED"
    eventually(lambda: clusters.state(cluster, second) == "RUNNING")
    assert cancel(third) == [(third, "FAILED")]
    clusters.emr.terminate_job_flows(JobFlowIds=[cluster])
    assert clusters.ended(cluster, second)["State"] == "CANCELLED"
    assert clusters.cluster_state(cluster) == "TERMINATED"
    with pytest.raises(ClientError, match="may not be modified") as refused:
        clusters.add(cluster, clusters.script(""))
    assert code_of(refused) == "ValidationException"


def test_a_cluster_may_run_several_steps_at_once_which_cannot_end_others(clusters: Clusters) -> None:
    cluster = clusters.create(StepConcurrencyLevel=2)
    clusters.add(cluster, *(clusters.script(SLEEP) for _ in range(3)))
    assert clusters.states(cluster) == ["RUNNING", "RUNNING", "PENDING"]
    with pytest.raises(ClientError, match="ActionOnFailure setting is not valid"):
        clusters.add(cluster, clusters.script("", on_failure="CANCEL_AND_WAIT"))


@pytest.mark.parametrize(
    ("on_failure", "next_state", "cluster_state"),
    [
        ("CONTINUE", "COMPLETED", "WAITING"),
        ("CANCEL_AND_WAIT", "CANCELLED", "WAITING"),
        ("TERMINATE_CLUSTER", "CANCELLED", "TERMINATED_WITH_ERRORS"),
    ],
)
def test_what_follows_a_failed_step_is_as_it_was_asked_for(
    clusters: Clusters, on_failure: str, next_state: str, cluster_state: str
) -> None:
    cluster = clusters.create()
    _, after = clusters.add(cluster, clusters.step("no", on_failure=on_failure), clusters.script(""))
    assert clusters.ended(cluster, after)["State"] == next_state
    eventually(lambda: clusters.cluster_state(cluster) == cluster_state)


def test_a_cluster_that_is_not_kept_ends_after_its_steps(clusters: Clusters) -> None:
    cluster = clusters.create(clusters.script(""), keep=False)
    eventually(lambda: clusters.cluster_state(cluster) == "TERMINATED", PATIENCE_SECONDS)
    assert clusters.states(cluster) == ["COMPLETED"]


def test_steps_are_listed_by_ten_ids_and_unknown_ones_refused(clusters: Clusters) -> None:
    cluster = clusters.create()
    steps = clusters.add(cluster, *(clusters.step("no") for _ in range(3)))
    listed = clusters.emr.list_steps(ClusterId=cluster, StepIds=steps[:2])["Steps"]
    assert {step["Id"] for step in listed} == set(steps[:2])
    for call, asked in (
        (clusters.emr.list_steps, {"ClusterId": cluster, "StepIds": [f"s-{number}" for number in range(11)]}),
        (clusters.emr.list_steps, {"ClusterId": "j-NOBODY"}),
        (clusters.emr.describe_step, {"ClusterId": cluster, "StepId": "s-NOBODY"}),
        (clusters.emr.cancel_steps, {"ClusterId": cluster, "StepIds": ["s-NOBODY"]}),
    ):
        with pytest.raises(ClientError) as refused:
            call(**asked)
        assert code_of(refused) == "InvalidRequestException"


def test_a_cluster_has_so_many_active_steps_and_no_more(clusters: Clusters) -> None:
    cluster = clusters.create()
    with pytest.raises(ClientError, match="Maximum number of active steps"):
        clusters.add(cluster, *(clusters.step("no") for _ in range(257)))


def test_logs_that_cannot_be_kept_do_not_fail_the_step(clusters: Clusters) -> None:
    cluster = clusters.create(LogUri="s3://nowhere/logs/")
    (step,) = clusters.add(cluster, clusters.script("print(1)"))
    assert clusters.ended(cluster, step)["State"] == "COMPLETED"


# EMR Serverless.


class Serverless(Scripts):
    """An application and its job runs."""

    def __init__(self, aws: EmbeddedAWS) -> None:
        super().__init__(aws)
        self.client = aws.client("emr-serverless")
        made = self.client.create_application(name="app", releaseLabel="emr-7.0.0", type="SPARK")
        self.application = str(made["applicationId"])

    def start(self, text: str = "", *arguments: str, parameters: str | None = None, **asked: Any) -> str:
        spark = {"entryPoint": self.put(text), "entryPointArguments": list(arguments)}
        driver = {"sparkSubmit": {**spark, **({"sparkSubmitParameters": parameters} if parameters else {})}}
        given = {"applicationId": self.application, "executionRoleArn": ROLE, "jobDriver": driver, **asked}
        return str(self.client.start_job_run(**given)["jobRunId"])

    def describe(self, run: str) -> dict[str, Any]:
        return dict(self.client.get_job_run(applicationId=self.application, jobRunId=run)["jobRun"])

    def ended(self, run: str) -> dict[str, Any]:
        eventually(lambda: self.describe(run)["state"] in FINAL, PATIENCE_SECONDS)
        return self.describe(run)

    def cancel(self, run: str) -> None:
        self.client.cancel_job_run(applicationId=self.application, jobRunId=run)


@pytest.fixture
def jobs(embedded_aws: EmbeddedAWS, without_spark: None) -> Serverless:
    return Serverless(embedded_aws)


def test_a_job_run_executes_its_script(jobs: Serverless, events: list[dict[str, Any]]) -> None:
    overrides = {"monitoringConfiguration": {"s3MonitoringConfiguration": {"logUri": f"s3://{BUCKET}/logs"}}}
    run = jobs.start(
        "import os, sys\nprint(sys.argv[1:], os.environ['MODE'])",
        "a",
        "b",
        parameters="--conf spark.emr-serverless.driverEnv.MODE='a mode'",
        name="nightly",
        configurationOverrides=overrides,
        tags={"team": "data"},
    )
    done = jobs.ended(run)
    expected = {"state": "SUCCESS", "name": "nightly", "releaseLabel": "emr-7.0.0", "tags": {"team": "data"}}
    assert expected.items() <= done.items()
    assert done["totalExecutionDurationSeconds"] >= 0
    assert done["createdAt"] <= done["startedAt"] <= done["endedAt"]
    place = f"logs/applications/{jobs.application}/jobs/{run}/SPARK_DRIVER"
    assert jobs.text(f"{place}/stdout.gz") == "['a', 'b'] a mode\n"
    eventually(lambda: len(events) >= 4)
    assert [(event["previousState"], event["state"]) for event in events] == [
        ("SUBMITTED", "PENDING"),
        ("PENDING", "SCHEDULED"),
        ("SCHEDULED", "RUNNING"),
        ("RUNNING", "SUCCESS"),
    ]
    told = {"jobRunId": run, "jobRunName": "nightly", "applicationId": jobs.application, "arn": done["arn"]}
    assert told.items() <= events[3].items()


def test_a_job_run_whose_script_fails_says_why(jobs: Serverless) -> None:
    done = jobs.ended(jobs.start("raise ValueError('no rows')"))
    assert (done["state"], done["stateDetails"]) == ("FAILED", "Job execution failed: ValueError: no rows")


def test_a_job_run_without_its_script_fails(jobs: Serverless) -> None:
    driver = {"sparkSubmit": {"entryPoint": "s3://nowhere/job.py"}}
    done = jobs.ended(jobs.start(jobDriver=driver))
    assert done["state"] == "FAILED"
    assert done["stateDetails"].startswith("s3://nowhere/job.py cannot be had")


def test_an_engine_that_breaks_fails_the_job_run(jobs: Serverless, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError("broken")

    monkeypatch.setattr(spark_run, "carry_out", broken)
    assert "ZeroDivisionError: broken" in jobs.ended(jobs.start())["stateDetails"]


def test_a_client_token_names_one_run(jobs: Serverless) -> None:
    assert jobs.start(clientToken="token") == jobs.start(clientToken="token")
    assert len(jobs.client.list_job_runs(applicationId=jobs.application)["jobRuns"]) == 1


def test_a_job_run_can_be_cancelled(jobs: Serverless) -> None:
    run = jobs.start(SLEEP)
    eventually(lambda: jobs.describe(run)["state"] == "RUNNING", PATIENCE_SECONDS)
    jobs.cancel(run)
    assert jobs.ended(run)["state"] == "CANCELLED"
    jobs.cancel(run)
    done = jobs.start("")
    jobs.ended(done)
    with pytest.raises(ClientError, match="is in state SUCCESS") as refused:
        jobs.cancel(done)
    assert code_of(refused) == "ValidationException"


def test_a_job_run_that_takes_too_long_is_cancelled(jobs: Serverless, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spark_run, "LOOK_INTERVAL", timedelta(milliseconds=50))
    monkeypatch.setattr("runners.local.emr.serverless_run.JobRun.timeout", timedelta(milliseconds=100))
    done = jobs.ended(jobs.start(SLEEP))
    assert (done["state"], done["stateDetails"]) == ("CANCELLED", "The job run exceeded its execution timeout.")


def test_job_runs_are_listed_newest_first_and_page_by_page(jobs: Serverless) -> None:
    assert jobs.client.list_job_runs(applicationId=jobs.application)["jobRuns"] == []
    runs = [jobs.start("", name=str(number)) for number in range(3)]
    for run in runs:
        jobs.ended(run)
    asked = {"applicationId": jobs.application, "states": ["SUCCESS"], "maxResults": 2}
    first = jobs.client.list_job_runs(**asked)
    second = jobs.client.list_job_runs(**asked, nextToken=first["nextToken"])
    assert [run["id"] for run in first["jobRuns"] + second["jobRuns"]] == runs[::-1]
    assert "nextToken" not in second
    for narrower in ({"createdAtAfter": datetime.now(UTC)}, {"createdAtBefore": datetime(2020, 1, 1, tzinfo=UTC)}):
        assert jobs.client.list_job_runs(applicationId=jobs.application, **narrower)["jobRuns"] == []
    with pytest.raises(ClientError, match="nextToken is none"):
        jobs.client.list_job_runs(**asked, nextToken="nobody")
    with pytest.raises(ClientError, match="maxResults is 1 to 50"):
        jobs.client.list_job_runs(applicationId=jobs.application, maxResults=51)


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"jobDriver": {"hive": {"query": "select 1"}}}, "no hive"),
        ({"jobDriver": {"sparkSubmit": {"entryPoint": "s3://scripts/job.jar"}}}, "a JAR"),
        ({"parameters": "--class Main"}, "--class is not known"),
        ({"parameters": "--conf 'open"}, "cannot be read"),
        ({"mode": "STREAMING"}, "mode BATCH"),
        ({"retryPolicy": {"maxAttempts": 2}}, "retryPolicy"),
        ({"executionTimeoutMinutes": 1}, "at least 5 minutes"),
    ],
)
def test_a_job_run_that_the_engine_cannot_do_is_refused(jobs: Serverless, asked: dict[str, Any], named: str) -> None:
    with pytest.raises(ClientError, match=named) as refused:
        jobs.start(**asked)
    assert code_of(refused) == "ValidationException"


def test_what_is_not_there_is_not_found(jobs: Serverless) -> None:
    with pytest.raises(ClientError) as missing:
        jobs.describe("00nobody")
    assert code_of(missing) == "ResourceNotFoundException"
    with pytest.raises(ClientError) as gone:
        jobs.start(applicationId="00nobody")
    assert code_of(gone) == "ResourceNotFoundException"


def test_an_application_that_was_deleted_runs_nothing(jobs: Serverless) -> None:
    jobs.client.stop_application(applicationId=jobs.application)
    jobs.client.delete_application(applicationId=jobs.application)
    with pytest.raises(ClientError, match="is terminated"):
        jobs.start()
