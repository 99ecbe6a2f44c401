"""Glue job runs of the embedded AWS: real processes behind Glue's own API."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from moto.events.models import EventsBackend
from moto.glue.models import glue_backends

from runners.local.glue import job_runs
from runners.local.server import ACCOUNT_ID
from tests.integration.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from runners.local.server import EmbeddedAWS

FINAL = {"SUCCEEDED", "FAILED", "TIMEOUT", "STOPPED"}
SLEEPING = "import time\nprint('asleep', flush=True)\ntime.sleep(600)"
PATIENCE_SECONDS = 30


class Jobs:
    """Makes jobs of script texts, in a bucket of the test's own, and looks at their runs."""

    def __init__(self, aws: EmbeddedAWS) -> None:
        self.aws = aws
        self.glue, self.s3, self.logs = aws.client("glue"), aws.client("s3"), aws.client("logs")
        self.bucket = f"jobs-{uuid.uuid4().hex[:12]}"
        self.s3.create_bucket(Bucket=self.bucket)
        self.started: list[tuple[str, str]] = []

    def put(self, key: str, body: str | bytes) -> str:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)
        return f"s3://{self.bucket}/{key}"

    def create(self, script: str, command: str = "glueetl", **settings: Any) -> str:
        name = f"job-{uuid.uuid4().hex[:12]}"
        location = self.put(f"scripts/{name}.py", script)
        settings = {"GlueVersion": "5.0", **settings}
        self.glue.create_job(Name=name, Role="role", Command={"Name": command, "ScriptLocation": location}, **settings)
        return name

    def start(self, job: str, **asked: Any) -> str:
        run_id = self.glue.start_job_run(JobName=job, **asked)["JobRunId"]
        self.started.append((job, run_id))
        return str(run_id)

    def run(self, job: str, run_id: str) -> dict[str, Any]:
        return dict(self.glue.get_job_run(JobName=job, RunId=run_id)["JobRun"])

    def ended(self, job: str, run_id: str) -> dict[str, Any]:
        def final() -> dict[str, Any] | None:
            run = self.run(job, run_id)
            return run if run["JobRunState"] in FINAL else None

        return dict(eventually(final, PATIENCE_SECONDS))

    def outcome(self, script: str, command: str = "glueetl", **settings: Any) -> dict[str, Any]:
        job = self.create(script, command, **settings)
        return self.ended(job, self.start(job))

    def in_state(self, state: str, job: str, run_id: str) -> dict[str, Any]:
        def reached() -> dict[str, Any] | None:
            run = self.run(job, run_id)
            return run if run["JobRunState"] == state else None

        return dict(eventually(reached, PATIENCE_SECONDS))

    def printed(self, group: str, run_id: str) -> list[str]:
        answer = self.logs.get_log_events(
            logGroupName=f"/aws-glue/jobs/{group}", logStreamName=run_id, startFromHead=True
        )
        return [event["message"] for event in answer["events"]]

    def stop_all(self) -> None:
        for job, run_id in self.started:
            self.glue.batch_stop_job_run(JobName=job, JobRunIds=[run_id])
            self.ended(job, run_id)


@pytest.fixture
def jobs(embedded_aws: EmbeddedAWS) -> Iterator[Jobs]:
    made = Jobs(embedded_aws)
    yield made
    made.stop_all()


@pytest.fixture
def short_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_runs, "TIMEOUT_UNIT", timedelta(milliseconds=100))


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


# What a run is.


def test_a_run_executes_its_script_and_succeeds(jobs: Jobs) -> None:
    run = jobs.outcome("print('worked')", WorkerType="G.1X", NumberOfWorkers=2)
    assert run["JobRunState"] == "SUCCEEDED"
    assert "ErrorMessage" not in run
    assert jobs.printed("output", run["Id"]) == ["worked"]
    expected = {"Attempt": 0, "MaxCapacity": 2.0, "WorkerType": "G.1X", "NumberOfWorkers": 2, "GlueVersion": "5.0"}
    assert expected.items() <= run.items()
    assert run["LogGroupName"] == "/aws-glue/jobs"


def test_the_times_of_a_run_are_real(jobs: Jobs) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    run = jobs.outcome("pass")
    assert before <= run["StartedOn"] <= run["CompletedOn"] <= datetime.now(UTC) + timedelta(seconds=1)
    assert run["LastModifiedOn"] == run["CompletedOn"]


def test_a_script_is_given_the_jobs_and_the_runs_arguments(jobs: Jobs) -> None:
    job = jobs.create("import sys, json\nprint(json.dumps(sys.argv[1:]))", DefaultArguments={"--a": "1", "--b": "1"})
    run = jobs.ended(job, jobs.start(job, Arguments={"--b": "2"}))
    told = json.loads(jobs.printed("output", run["Id"])[0])
    assert dict(zip(told[::2], told[1::2], strict=True)) == {
        "--a": "1",
        "--b": "2",
        "--JOB_NAME": job,
        "--JOB_RUN_ID": run["Id"],
    }
    assert run["Arguments"] == {"--a": "1", "--b": "2"}


def test_a_python_shell_job_runs_too(jobs: Jobs) -> None:
    run = jobs.outcome("print('worked')", "pythonshell")
    assert (run["JobRunState"], run["MaxCapacity"]) == ("SUCCEEDED", 0.0625)


def test_plain_boto3_in_a_script_reaches_the_embedded_aws(jobs: Jobs) -> None:
    run = jobs.outcome(
        f"import boto3\nboto3.client('s3').put_object(Bucket='{jobs.bucket}', Key='made', Body=b'by the script')"
    )
    assert run["JobRunState"] == "SUCCEEDED", run.get("ErrorMessage")
    assert jobs.s3.get_object(Bucket=jobs.bucket, Key="made")["Body"].read() == b"by the script"


def test_a_persons_own_aws_settings_do_not_reach_a_script(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "secret")
    run = jobs.outcome("import os\nprint(sorted(n for n in os.environ if n in ('AWS_PROFILE', 'AWS_SESSION_TOKEN')))")
    assert jobs.printed("output", run["Id"]) == ["[]"]


def test_sql_runs_on_duckdb_unless_another_engine_is_asked_for(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    job = jobs.create("import os\nprint(os.environ['RUNNERS_SQL_ENGINE'])")
    monkeypatch.delenv("RUNNERS_SQL_ENGINE", raising=False)
    run = jobs.ended(job, jobs.start(job))
    assert jobs.printed("output", run["Id"]) == ["duckdb"]
    monkeypatch.setenv("RUNNERS_SQL_ENGINE", "spark")
    run = jobs.ended(job, jobs.start(job))
    assert jobs.printed("output", run["Id"]) == ["spark"]


def test_extra_python_files_can_be_imported(jobs: Jobs, tmp_path: Path) -> None:
    import zipfile  # noqa: PLC0415 - of this test alone

    with zipfile.ZipFile(tmp_path / "lib.zip", "w") as archive:
        archive.writestr("packed.py", "answer = 42")
    module = jobs.put("lib/loose.py", "answer = 43")
    archive_path = jobs.put("lib/lib.zip", (tmp_path / "lib.zip").read_bytes())
    run = jobs.outcome(
        "import loose, packed\nprint(packed.answer, loose.answer)",
        DefaultArguments={"--extra-py-files": f"{archive_path}, {module}"},
    )
    assert jobs.printed("output", run["Id"]) == ["42 43"], run.get("ErrorMessage")


def test_modules_that_are_installed_may_be_asked_for(jobs: Jobs) -> None:
    run = jobs.outcome("pass", DefaultArguments={"--additional-python-modules": "boto3==1.0"})
    assert run["JobRunState"] == "SUCCEEDED"


def test_modules_that_are_not_installed_fail_the_run_by_name(jobs: Jobs) -> None:
    run = jobs.outcome("pass", DefaultArguments={"--additional-python-modules": "boto3,no-such-module==2"})
    assert run["JobRunState"] == "FAILED"
    assert "pip install 'no-such-module==2'" in run["ErrorMessage"]


def test_what_is_not_done_is_said_in_the_error_log(jobs: Jobs) -> None:
    run = jobs.outcome(
        "pass",
        Connections={"Connections": ["warehouse"]},
        DefaultArguments={"--job-bookmark-option": "job-bookmark-enable", "--extra-jars": "s3://x/y.jar"},
    )
    said = "\n".join(jobs.printed("error", run["Id"]))
    assert "connections are not opened by the embedded Glue: warehouse" in said
    assert "job bookmarks are not kept" in said
    assert "--extra-jars is not passed on" in said


# How a run fails.


def test_a_script_that_raises_fails_with_its_last_line(jobs: Jobs) -> None:
    run = jobs.outcome("def f():\n    raise ValueError('no sales on Sundays')\nf()")
    assert (run["JobRunState"], run["ErrorMessage"]) == ("FAILED", "ValueError: no sales on Sundays")
    trace = jobs.printed("error", run["Id"])
    assert (trace[0], trace[-1]) == ("Traceback (most recent call last):", "ValueError: no sales on Sundays")


def test_a_script_that_dies_fails_with_its_exit_code(jobs: Jobs) -> None:
    run = jobs.outcome("import os\nos._exit(7)")
    assert (run["JobRunState"], run["ErrorMessage"]) == ("FAILED", "Command failed with exit code 7")


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("s3://{bucket}/no/script.py", "there are no objects at s3://{bucket}/no/script.py"),
        ("s3://{bucket}/scripts/", "is no object: name the file"),
        ("s3://no-such-bucket-anywhere/x.py", "NoSuchBucket"),
        ("/tmp/x.py", "is not an S3 path"),
    ],
)
def test_a_script_that_is_not_there_fails_the_run(jobs: Jobs, location: str, message: str) -> None:
    jobs.create("pass")
    run = jobs.outcome("pass", DefaultArguments={"--scriptLocation": location.format(bucket=jobs.bucket)})
    assert run["JobRunState"] == "FAILED"
    assert message.format(bucket=jobs.bucket) in run["ErrorMessage"]


def test_a_failed_run_is_tried_again_as_often_as_the_job_says(jobs: Jobs) -> None:
    job = jobs.create("raise ValueError('always')", MaxRetries=2)
    first = jobs.start(job)
    runs = eventually(
        lambda: (
            (found := jobs.glue.get_job_runs(JobName=job)["JobRuns"])[0]["Id"].endswith("_attempt_2")
            and found[0]["JobRunState"] == "FAILED"
            and found
        ),
        PATIENCE_SECONDS,
    )
    assert [run["Id"] for run in runs] == [f"{first}_attempt_2", f"{first}_attempt_1", first]
    assert [run["Attempt"] for run in runs] == [2, 1, 0]
    assert [run.get("PreviousRunId") for run in runs] == [f"{first}_attempt_1", first, None]
    assert {run["JobRunState"] for run in runs} == {"FAILED"}


def test_a_run_that_takes_too_long_times_out_and_is_not_tried_again(jobs: Jobs, short_minutes: None) -> None:
    job = jobs.create(SLEEPING, Timeout=600, MaxRetries=1)
    run = jobs.ended(job, jobs.start(job, Timeout=5))
    assert (run["JobRunState"], run["Timeout"]) == ("TIMEOUT", 5)
    assert len(jobs.glue.get_job_runs(JobName=job)["JobRuns"]) == 1


# Stopping.


def test_a_run_is_stopped_with_all_that_it_started(jobs: Jobs) -> None:
    job = jobs.create(
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(child.pid, flush=True)\ntime.sleep(600)"
    )
    run_id = jobs.start(job)
    jobs.in_state("RUNNING", job, run_id)
    (pid,) = eventually(lambda: jobs.printed("output", run_id), PATIENCE_SECONDS)
    answer = jobs.glue.batch_stop_job_run(JobName=job, JobRunIds=[run_id])
    assert answer["SuccessfulSubmissions"] == [{"JobName": job, "JobRunId": run_id}]
    assert answer["Errors"] == []
    run = jobs.ended(job, run_id)
    assert run["JobRunState"] == "STOPPED"
    assert "ErrorMessage" not in run
    eventually(lambda: not alive(int(pid)), PATIENCE_SECONDS)


def test_what_cannot_be_stopped_is_an_entry_of_the_errors(jobs: Jobs) -> None:
    job = jobs.create("pass")
    ended = jobs.start(job)
    jobs.ended(job, ended)
    answer = jobs.glue.batch_stop_job_run(JobName=job, JobRunIds=[ended, "jr_unknown"])
    assert answer["SuccessfulSubmissions"] == []
    assert [(error["JobRunId"], error["ErrorDetail"]["ErrorCode"]) for error in answer["Errors"]] == [
        (ended, "InvalidInputException"),
        ("jr_unknown", "EntityNotFoundException"),
    ]
    assert "SUCCEEDED" in answer["Errors"][0]["ErrorDetail"]["ErrorMessage"]


def test_stopping_runs_of_an_unknown_job_is_an_entry_of_the_errors(jobs: Jobs) -> None:
    answer = jobs.glue.batch_stop_job_run(JobName="no-such-job", JobRunIds=["jr_1"])
    assert [error["JobRunId"] for error in answer["Errors"]] == ["jr_1"]


def test_more_than_25_runs_are_not_stopped_at_once(jobs: Jobs) -> None:
    with pytest.raises(ClientError) as error:
        jobs.glue.batch_stop_job_run(JobName="any", JobRunIds=[f"jr_{number}" for number in range(26)])
    assert code_of(error) == "InvalidInputException"


# Limits.


def test_a_job_has_no_more_runs_at_once_than_it_allows(jobs: Jobs) -> None:
    job = jobs.create(SLEEPING, ExecutionProperty={"MaxConcurrentRuns": 2})
    jobs.start(job)
    jobs.start(job)
    with pytest.raises(ClientError) as error:
        jobs.start(job)
    assert code_of(error) == "ConcurrentRunsExceededException"


def test_a_job_runs_again_once_its_run_has_ended(jobs: Jobs) -> None:
    job = jobs.create("pass")
    for _ in range(2):
        assert jobs.ended(job, jobs.start(job))["JobRunState"] == "SUCCEEDED"


def test_an_account_that_is_full_refuses_runs(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = jobs.create(SLEEPING), jobs.create(SLEEPING)
    jobs.start(first)
    monkeypatch.setattr(job_runs, "MAX_CONCURRENT_RUNS", 1)
    with pytest.raises(ClientError) as error:
        jobs.start(second)
    assert code_of(error) == "ResourceNumberLimitExceededException"


def test_a_run_that_may_queue_waits_for_room_and_then_runs(jobs: Jobs) -> None:
    job = jobs.create(SLEEPING, JobRunQueuingEnabled=True)
    assert jobs.glue.get_job(JobName=job)["Job"]["JobRunQueuingEnabled"] is True
    first, second = jobs.start(job), jobs.start(job)
    waiting = jobs.run(job, second)
    assert (waiting["JobRunState"], waiting["JobRunQueuingEnabled"]) == ("WAITING", True)
    assert "Concurrent runs exceeded" in waiting["StateDetail"]
    jobs.glue.batch_stop_job_run(JobName=job, JobRunIds=[first])
    jobs.in_state("RUNNING", job, second)


def test_a_waiting_run_can_be_stopped(jobs: Jobs) -> None:
    job = jobs.create(SLEEPING, JobRunQueuingEnabled=True)
    jobs.start(job)
    second = jobs.start(job)
    jobs.glue.batch_stop_job_run(JobName=job, JobRunIds=[second])
    assert jobs.run(job, second)["JobRunState"] == "STOPPED"


# What is refused.


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"MaxCapacity": 2.0}, "Worker Type and Number of Workers instead"),
        ({"MaxCapacity": 2.0, "WorkerType": "G.1X"}, "do not set Max Capacity"),
        ({"MaxCapacity": 2.0, "NumberOfWorkers": 2}, "do not set Max Capacity"),
        ({"MaxCapacity": 2.0, "AllocatedCapacity": 2}, "only Allocated Capacity or Max Capacity"),
        ({"WorkerType": "G.99X", "NumberOfWorkers": 2}, "G.99X is not a worker type"),
        ({"Arguments": {"--job-language": "scala"}}, "runs Python"),
    ],
)
def test_a_request_that_glue_refuses_is_refused(jobs: Jobs, asked: dict[str, Any], message: str) -> None:
    job = jobs.create("pass")
    with pytest.raises(ClientError, match=message) as error:
        jobs.start(job, **asked)
    assert code_of(error) == "InvalidInputException"
    assert jobs.glue.get_job_runs(JobName=job)["JobRuns"] == []


@pytest.mark.parametrize("command", ["gluestreaming", "glueray"])
def test_a_kind_of_job_that_a_laptop_cannot_run_is_refused(jobs: Jobs, command: str) -> None:
    job = jobs.create("pass", command)
    with pytest.raises(ClientError, match=f"is a {command} job") as error:
        jobs.start(job)
    assert code_of(error) == "InvalidInputException"


def test_a_job_with_both_kinds_of_capacity_cannot_be_created(jobs: Jobs) -> None:
    with pytest.raises(ClientError) as error:
        jobs.create("pass", MaxCapacity=2.0, WorkerType="G.1X", NumberOfWorkers=2)
    assert code_of(error) == "InvalidInputException"


def test_an_unknown_job_and_an_unknown_run_are_not_found(jobs: Jobs) -> None:
    job = jobs.create("pass")
    calls: list[Callable[[], Any]] = [
        lambda: jobs.start("no-such-job"),
        lambda: jobs.run("no-such-job", "jr_1"),
        lambda: jobs.run(job, "jr_1"),
        lambda: jobs.glue.get_job_runs(JobName="no-such-job"),
        lambda: jobs.start(job, JobRunId="jr_1"),
    ]
    for call in calls:
        with pytest.raises(ClientError) as error:
            call()
        assert code_of(error) == "EntityNotFoundException"


# Reading runs.


def test_runs_come_newest_first_over_pages(jobs: Jobs) -> None:
    job = jobs.create("pass")
    ids = []
    for _ in range(3):
        ids.append(jobs.start(job))
        jobs.ended(job, ids[-1])
    pages = jobs.glue.get_paginator("get_job_runs").paginate(JobName=job, PaginationConfig={"PageSize": 2})
    found = [[run["Id"] for run in page["JobRuns"]] for page in pages]
    assert found == [ids[:0:-1], ids[:1]]


def test_a_page_has_at_most_200_runs(jobs: Jobs) -> None:
    job = jobs.create("pass")
    with pytest.raises(ClientError) as error:
        jobs.glue.get_job_runs(JobName=job, MaxResults=201)
    assert code_of(error) == "InvalidInputException"


def test_a_run_may_be_started_as_the_retry_of_another(jobs: Jobs) -> None:
    job = jobs.create("pass")
    first = jobs.start(job)
    jobs.ended(job, first)
    second = jobs.ended(job, jobs.start(job, JobRunId=first))
    assert second["PreviousRunId"] == first


# Events.


@pytest.fixture
def events(embedded_aws: EmbeddedAWS) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """What EventBridge has passed on of Glue's job runs."""
    sqs, bridge = embedded_aws.client("sqs"), embedded_aws.client("events")
    name = f"glue-{uuid.uuid4().hex[:12]}"
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {"source": ["aws.glue"], "detail-type": ["Glue Job State Change"]}
    bridge.put_rule(Name=name, EventPattern=json.dumps(pattern))
    bridge.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])

    def received() -> list[dict[str, Any]]:
        messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(message["Body"]) for message in messages]

    yield received
    bridge.remove_targets(Rule=name, Ids=["queue"])
    bridge.delete_rule(Name=name)


@pytest.mark.parametrize(
    ("script", "state", "severity", "message"),
    [
        ("pass", "SUCCEEDED", "INFO", "Job run succeeded"),
        ("raise ValueError('x')", "FAILED", "ERROR", "failed to execute with exception ValueError: x"),
        (SLEEPING, "TIMEOUT", "WARN", "Job run timed out"),
    ],
)
def test_the_end_of_a_run_is_an_event(  # noqa: PLR0917 - fixtures and parameters
    jobs: Jobs,
    events: Callable[[], list[dict[str, Any]]],
    short_minutes: None,
    script: str,
    state: str,
    severity: str,
    message: str,
) -> None:
    job = jobs.create(script, Timeout=600 if state != "TIMEOUT" else 5)
    run_id = jobs.start(job)
    (event,) = eventually(events, PATIENCE_SECONDS)
    assert jobs.run(job, run_id)["JobRunState"] == state
    assert (event["source"], event["detail-type"]) == ("aws.glue", "Glue Job State Change")
    detail = event["detail"]
    assert (detail["jobName"], detail["jobRunId"]) == (job, run_id)
    assert (detail["state"], detail["severity"]) == (state, severity)
    assert message in detail["message"]


@pytest.mark.parametrize("waits", [False, True])
def test_a_stop_is_an_event(jobs: Jobs, events: Callable[[], list[dict[str, Any]]], waits: bool) -> None:
    job = jobs.create(SLEEPING, JobRunQueuingEnabled=True)
    run_id = jobs.start(job)
    if waits:
        run_id = jobs.start(job)
    jobs.glue.batch_stop_job_run(JobName=job, JobRunIds=[run_id])
    (event,) = eventually(events, PATIENCE_SECONDS)
    assert (event["detail"]["jobRunId"], event["detail"]["state"]) == (run_id, "STOPPED")


def test_a_target_that_fails_does_not_touch_the_run(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Any, events: Any) -> None:
        raise RuntimeError("no bus")

    monkeypatch.setattr(EventsBackend, "put_events", fail)
    job = jobs.create("pass")
    for _ in range(2):
        assert jobs.ended(job, jobs.start(job))["JobRunState"] == "SUCCEEDED"


def test_what_breaks_in_the_embedded_glue_itself_fails_the_run_and_no_other(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = jobs.create("pass")
    with monkeypatch.context() as broken:
        broken.setattr(job_runs, "RunLogs", None)
        run = jobs.ended(job, jobs.start(job))
    assert run["JobRunState"] == "FAILED"
    assert run["ErrorMessage"].startswith("TypeError: ")
    assert jobs.ended(job, jobs.start(job))["JobRunState"] == "SUCCEEDED"


def test_a_run_that_moto_itself_starts_is_real_as_well(jobs: Jobs) -> None:
    job = jobs.create("import sys\nprint(sys.argv[1:3])")
    backend = glue_backends[ACCOUNT_ID]["us-east-1"]
    run_id = backend.start_job_run(job, {"--a": "1"}, None, None, 7, None, None, None, None, None)
    run = jobs.ended(job, run_id)
    assert (run["JobRunState"], run["Timeout"]) == ("SUCCEEDED", 7)
    assert jobs.printed("output", run_id) == ["['--a', '1']"]


# Processes.


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and was not fetched by its parent yet does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def test_no_script_outlives_an_embedded_aws_that_is_stopped(jobs: Jobs) -> None:
    job = jobs.create("import os, time\nprint(os.getpid(), flush=True)\ntime.sleep(600)")
    run_id = jobs.start(job)
    jobs.in_state("RUNNING", job, run_id)
    (pid,) = eventually(lambda: jobs.printed("output", run_id), PATIENCE_SECONDS)
    jobs.started.clear()
    jobs.aws.stop()
    assert not alive(int(pid))


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes through /proc")
def test_no_script_outlives_an_embedded_aws_that_is_killed(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import sys\n"
        "from runners.local.server import EmbeddedAWS\n"
        "aws = EmbeddedAWS().start()\n"
        "s3, glue = aws.client('s3'), aws.client('glue')\n"
        "s3.create_bucket(Bucket='scripts')\n"
        f"script = {'import os, pathlib, time; pathlib.Path({!r}).write_text(str(os.getpid())); time.sleep(600)'!r}\n"
        "s3.put_object(Bucket='scripts', Key='x.py', Body=script.format(sys.argv[1]))\n"
        "glue.create_job(Name='x', Role='r', Command={'Name': 'glueetl', 'ScriptLocation': 's3://scripts/x.py'})\n"
        "glue.start_job_run(JobName='x')\n"
        "sys.stdin.read()\n"
    )
    pid_file = tmp_path / "pid"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "TMPDIR": str(tmp_path)}
    with subprocess.Popen([sys.executable, str(program), str(pid_file)], stdin=subprocess.PIPE, env=environment) as aws:
        pid = int(eventually(lambda: pid_file.exists() and pid_file.read_text(), PATIENCE_SECONDS))
        assert alive(pid)
        aws.kill()
    eventually(lambda: not alive(pid), PATIENCE_SECONDS)
