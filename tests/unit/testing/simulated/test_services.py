"""The real services and the real runner, over the simulated AWS; every call and answer is one of botocore's model."""

from __future__ import annotations

import json
from datetime import timedelta

import boto3
import pytest
from botocore.exceptions import ClientError, ParamValidationError
from moto import mock_aws

from runners.active_jobs import ActiveJobs
from runners.activity import Activity
from runners.errors import StartLaterError, StartRefusedError
from runners.job import Failed, Running, Succeeded
from runners.runner import Runner
from runners.services.athena import Athena
from runners.services.batch import Batch
from runners.services.dms import Dms
from runners.services.glue import KEY_ARGUMENT, Glue
from runners.settings import Settings
from runners.testing import Clock, SimulatedAWS
from runners.testing.simulated.glue import TASK_KEY_ARGUMENT
from tests.unit.doubles import active_job
from tests.unit.testing.modelled import Modelled


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def aws(clock):
    aws = SimulatedAWS(clock)
    aws.glue.create_job(Name="sales", ExecutionProperty={"MaxConcurrentRuns": 500})
    aws.dms.add_task("sales")
    return aws


REQUESTS = {
    "glue": {"GlueJobName": "sales"},
    "athena": {"AthenaQueryString": "SELECT 1", "AthenaDatabase": "sales"},
    "batch": {"JobName": "sales", "JobQueue": "queue", "JobDefinition": "definition"},
    "dms": {"ReplicationTaskIdentifier": "sales"},
}
FAILED_AS = {"glue": "FAILED", "athena": "FAILED", "batch": "FAILED", "dms": "failed"}
STOPPED_AS = {"glue": "STOPPED", "athena": "CANCELLED", "batch": "FAILED", "dms": "stopped"}


def service_of(aws, name):
    client = Modelled(getattr(aws, name))
    return {"glue": Glue, "athena": Athena, "batch": Batch, "dms": Dms}[name](client)


@pytest.fixture(params=list(REQUESTS))
def name(request):
    return request.param


@pytest.fixture
def service(aws, name):
    return service_of(aws, name)


def job_of(service, number=0, **request):
    job = active_job(number, runner=service.name, request=REQUESTS[service.name] | request)
    return job.marked(service.mark(job), None)


def started(service, number=0, **request):
    job = job_of(service, number, **request)
    return job.started(service.start(job))


def status_of(service, job):
    return service.describe([job])[job.task_key]


# What all services have in common


def test_a_job_runs_until_it_is_ended(aws, service, name):
    job = started(service)
    assert isinstance(status_of(service, job), Running)
    (run,) = getattr(aws, name).live()
    getattr(aws, name).end(run.id)
    assert isinstance(status_of(service, job), Succeeded)
    assert not getattr(aws, name).live()


def test_a_job_may_fail(aws, service, name):
    job = started(service)
    (run,) = getattr(aws, name).live()
    getattr(aws, name).end(run.id, FAILED_AS[name])
    assert isinstance(status_of(service, job), Failed)


def test_a_run_ends_once(aws, service, name):
    started(service)
    client = getattr(aws, name)
    (run,) = client.live()
    client.end(run.id)
    client.end(run.id, FAILED_AS[name])
    assert client.runs()[0].state == client.succeeds_as


def test_a_run_ends_by_itself_after_its_duration(aws, service, name, clock):
    getattr(aws, name).duration = timedelta(minutes=30)
    job = started(service)
    clock.step(1_799)
    assert isinstance(status_of(service, job), Running)
    clock.step(1)
    assert isinstance(status_of(service, job), Succeeded)
    (run,) = getattr(aws, name).runs()
    assert run.ended_at - run.started_at == timedelta(minutes=30)


def test_a_job_is_stopped(aws, service, name):
    job = started(service)
    service.stop([job])
    assert isinstance(status_of(service, job), Failed)
    (run,) = getattr(aws, name).runs()
    assert run.state == STOPPED_AS[name]
    service.stop([job])


def test_a_stop_may_take_its_time(aws, service, name, clock):
    getattr(aws, name).stop_takes = timedelta(seconds=30)
    job = started(service)
    service.stop([job])
    assert isinstance(status_of(service, job), Running)
    clock.step(30)
    assert isinstance(status_of(service, job), Failed)


@pytest.mark.parametrize("name", [name for name in REQUESTS if name != "dms"])  # which is not told
def test_the_runs_of_a_task_are_known_by_its_key(aws, service, name):
    jobs = [started(service, number) for number in range(3)]
    client = getattr(aws, name)
    for job in jobs:
        assert [run.id for run in client.runs(job.task_key)] == [job.run_id]
    client.end(jobs[0].run_id)
    assert client.live(jobs[0].task_key) == []
    assert len(client.live()) == 2
    assert client.runs("another key") == []


@pytest.mark.parametrize("name", [name for name in REQUESTS if name != "athena"])  # which finds it by its start token
def test_what_was_started_and_not_recorded_is_found(service, name):
    job = job_of(service)
    assert service.find(job) is None
    run_id = service.start(job)
    assert service.find(job) == run_id


@pytest.mark.parametrize(("name", "calls"), [("glue", 1), ("athena", 3), ("batch", 2)])
def test_many_jobs_are_described_with_few_calls(aws, name, calls):
    service = service_of(aws, name)
    jobs = [started(service, number) for number in range(120)]
    before = sum(getattr(aws, name).calls.values())
    assert len(service.describe(jobs)) == 120
    assert sum(getattr(aws, name).calls.values()) == before + calls


def test_the_end_of_a_run_is_told_by_an_event(aws, service, name):
    job = started(service)
    aws.events.clear()
    (run,) = getattr(aws, name).live()
    getattr(aws, name).end(run.id)
    (event,) = aws.events
    assert service.run_of_event(event) == job.run_id
    assert json.loads(json.dumps(event)) == event


def test_the_real_runner_lives_a_whole_life_with_it(aws, name, clock):
    arn = aws.step_functions.create_activity(name=name)["activityArn"]
    client = Modelled(aws.step_functions)
    activity = Activity(arn, "a test", polls=client, reports=client)
    table = aws.active_jobs_table()
    settings = Settings(active_jobs_table=table)
    active_jobs = ActiveJobs(table, Modelled(aws.dynamodb))
    runner = Runner(service_of(aws, name), activity, active_jobs, settings, now=clock)
    getattr(aws, name).duration = timedelta(minutes=30)
    execution = client.run(arn, REQUESTS[name], heartbeat_seconds=600)
    runner.take(activity.poll())
    while execution.status == "RUNNING":
        clock.step(60)
        runner.sweep()
    assert execution.status == "SUCCEEDED"
    assert execution.ended_at - execution.started_at <= timedelta(minutes=40)
    assert execution.task.outcome.effective
    assert execution.task.heartbeats > 0
    assert list(active_jobs.of_runner(name)) == []


# Glue


@pytest.fixture
def glue(aws):
    return service_of(aws, "glue")


def test_glue_takes_the_argument_by_which_a_run_carries_its_key():
    assert TASK_KEY_ARGUMENT == KEY_ARGUMENT


def test_a_job_of_glue_has_so_many_runs_at_once_at_most(aws, glue):
    aws.glue.create_job(Name="one")
    started(glue, GlueJobName="one")
    with pytest.raises(StartLaterError, match="ConcurrentRunsExceededException"):
        started(glue, 1, GlueJobName="one")
    aws.glue.end(aws.glue.live()[0].id)
    started(glue, 1, GlueJobName="one")


def test_the_runs_of_a_job_come_in_pages_newest_first(aws):
    client = Modelled(aws.glue)
    ids = [client.start_job_run(JobName="sales")["JobRunId"] for _ in range(450)]
    found, token = [], {}
    while True:
        page = client.get_job_runs(JobName="sales", **token)
        found.append([run["Id"] for run in page["JobRuns"]])
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
        client.start_job_run(JobName="sales")  # which does not move what comes after
    assert [len(page) for page in found] == [200, 200, 50]
    assert [run_id for page in found for run_id in page] == ids[::-1]


def test_25_runs_of_glue_are_stopped_at_once(aws, glue):
    jobs = [started(glue, number) for number in range(30)]
    glue.stop(jobs)
    assert aws.glue.calls["batch_stop_job_run"] == 2
    assert aws.glue.live() == []


def test_glue_says_of_each_run_why_it_is_not_stopped(aws):
    client = Modelled(aws.glue)
    ended = client.start_job_run(JobName="sales")["JobRunId"]
    client.end(ended)
    errors = client.batch_stop_job_run(JobName="sales", JobRunIds=[ended, "jr_0"])["Errors"]
    assert [error["ErrorDetail"]["ErrorCode"] for error in errors] == [
        "IllegalStateException",
        "EntityNotFoundException",
    ]


def test_a_run_of_glue_that_is_stopping_is_not_stopped_again(aws, glue):
    aws.glue.stop_takes = timedelta(minutes=1)
    job = started(glue)
    glue.stop([job])
    glue.stop([job])
    assert aws.glue.live()[0].state == "STOPPING"


def test_glue_hears_its_capacity_in_either_way(aws, glue):
    started(glue, GlueJobCapacity=3)
    started(glue, 1, WorkerType="G.1X", NumberOfWorkers=4)
    first, second = aws.glue.runs()
    assert first.details["MaxCapacity"] == 3
    assert (second.details["WorkerType"], second.details["NumberOfWorkers"]) == ("G.1X", 4)


def test_glue_tells_of_an_end_what_it_is_told(aws, glue):
    job = started(glue)
    aws.glue.end(job.run_id, "FAILED", ErrorMessage="no such table")
    assert status_of(glue, job).cause["ErrorMessage"] == "no such table"
    assert aws.events[-1]["detail"]["message"] == "no such table"
    job = started(glue, 1)
    aws.events.clear()
    aws.glue.end(job.run_id, "ERROR")
    assert aws.events == []  # as at AWS, where EventBridge hears of four states only


# Athena


@pytest.fixture
def athena(aws):
    return service_of(aws, "athena")


def test_a_second_start_under_the_same_token_is_the_same_query(aws, athena):
    job = job_of(athena)
    assert athena.start(job) == athena.start(job)
    assert len(aws.athena.runs()) == 1
    with pytest.raises(ClientError, match="InvalidRequestException"):
        aws.athena.start_query_execution(QueryString="SELECT 2", ClientRequestToken=job.task_key)
    with pytest.raises(ParamValidationError):
        aws.athena.start_query_execution(QueryString="SELECT 2", ClientRequestToken="short")


def test_a_query_without_a_token_is_a_new_one(aws):
    ids = {aws.athena.start_query_execution(QueryString="SELECT 1")["QueryExecutionId"] for _ in range(2)}
    assert len(ids) == 2


def test_athena_tells_of_an_end_what_it_is_told(aws, athena):
    job = started(athena)
    aws.athena.end(
        job.run_id,
        "FAILED",
        StateChangeReason="no such table",
        AthenaError={"ErrorCategory": 2, "Retryable": False},
        Statistics={"DataScannedInBytes": 7},
    )
    cause = status_of(athena, job).cause
    assert cause["AthenaQueryExecutionStateChangeReason"] == "no such table"
    assert cause["AthenaError"]["ErrorCategory"] == 2
    assert cause["AthenaQueryDataScannedInBytes"] == 7


def test_a_saved_query_is_started_by_its_name(aws, athena):
    for number in range(60):
        aws.athena.create_named_query(Name=f"daily-{number}", Database="sales", QueryString=f"SELECT {number}")
    request = {"AthenaNamedQuery": "daily-59"}
    job = active_job(runner="athena", request=request)
    job = job.marked(athena.mark(job), None)
    job = job.started(athena.start(job))
    aws.athena.end(job.run_id)
    assert status_of(athena, job).output["AthenaQueryString"] == "SELECT 59"
    query_id = aws.athena.create_named_query(Name="other", Database="sales", QueryString="SELECT 0")["NamedQueryId"]
    assert Modelled(aws.athena).get_named_query(NamedQueryId=query_id)["NamedQuery"]["Name"] == "other"


# DMS


@pytest.fixture
def dms(aws):
    return service_of(aws, "dms")


def test_a_replication_task_runs_once_at_a_time(aws, dms):
    job = started(dms)
    with pytest.raises(StartLaterError):
        job_of(dms, 1)
    with pytest.raises(ClientError, match="InvalidResourceStateFault"):
        aws.dms.start_replication_task(ReplicationTaskArn=job.run_id, StartReplicationTaskType="reload-target")
    aws.dms.end(job.run_id)
    started(dms, 1)
    assert len(aws.dms.runs_of(job.run_id)) == 2
    assert [run.live for run in aws.dms.runs_of(job.run_id)] == [False, True]


def test_a_run_of_a_replication_task_begins_later_than_the_last_one_even_while_time_stands_still(aws, dms):
    first = started(dms)
    aws.dms.end(first.run_id)
    second = started(dms, 1)
    aws.dms.end(second.run_id)
    assert isinstance(status_of(dms, second), Succeeded)


def test_the_first_start_of_a_replication_task_is_another_than_later_ones(aws):
    client = Modelled(aws.dms)
    arn = client.add_task("orders")
    start = {"ReplicationTaskArn": arn}
    with pytest.raises(ClientError, match="InvalidParameterCombinationException"):
        client.start_replication_task(**start, StartReplicationTaskType="reload-target")
    client.start_replication_task(**start, StartReplicationTaskType="start-replication")
    client.end(arn)
    with pytest.raises(ClientError, match="InvalidParameterCombinationException"):
        client.start_replication_task(**start, StartReplicationTaskType="start-replication")
    client.start_replication_task(**start, StartReplicationTaskType="reload-target")
    changes = client.add_task("changes", migration_type="cdc")
    for _ in range(2):
        client.start_replication_task(ReplicationTaskArn=changes, StartReplicationTaskType="start-replication")
        client.end(changes)


def test_dms_tells_why_a_run_failed(aws, dms):
    job = started(dms)
    aws.dms.end(job.run_id, "failed", LastFailureMessage="no memory")
    assert status_of(dms, job).cause["LastFailureMessage"] == "no memory"
    assert aws.events[-1]["detail"]["eventType"] == "REPLICATION_TASK_FAILED"


def test_what_dms_does_not_take_is_refused(aws, dms):
    client = Modelled(aws.dms)
    arn = client.add_task("orders", status="creating")
    for call, parameters, code in [
        (client.stop_replication_task, {"ReplicationTaskArn": arn}, "InvalidResourceStateFault"),
        (client.stop_replication_task, {"ReplicationTaskArn": arn + "X"}, "ResourceNotFoundFault"),
        (client.describe_table_statistics, {"ReplicationTaskArn": arn}, "InvalidResourceStateFault"),
        (client.describe_replication_tasks, {"MaxRecords": 101}, "InvalidParameterValueException"),
        (
            client.describe_replication_tasks,
            {"Filters": [{"Name": "color", "Values": ["red"]}]},
            "InvalidParameterValueException",
        ),
        (
            client.describe_replication_tasks,
            {"Filters": [{"Name": "replication-task-id", "Values": ["no"]}]},
            "ResourceNotFoundFault",
        ),
        (
            client.start_replication_task,
            {"ReplicationTaskArn": arn, "StartReplicationTaskType": "start-replication"},
            "InvalidResourceStateFault",
        ),
    ]:
        with pytest.raises(ClientError, match=code):
            call(**parameters)
    with pytest.raises(ClientError, match="InvalidParameterValueException"):
        aws.dms.start_replication_task(ReplicationTaskArn=aws.dms.add_task("new"), StartReplicationTaskType="begin")
    with pytest.raises(StartRefusedError):
        job_of(dms, ReplicationTaskIdentifier="no-such-task")
    client.end(arn)  # which never ran


def test_replication_tasks_come_in_pages(aws):
    client = Modelled(aws.dms)
    for number in range(24):
        client.add_task(f"task-{number}")
    first = client.describe_replication_tasks(MaxRecords=20)
    second = client.describe_replication_tasks(MaxRecords=20, Marker=first["Marker"])
    assert (len(first["ReplicationTasks"]), len(second["ReplicationTasks"])) == (20, 5)
    assert "Marker" not in second


# Batch


@pytest.fixture
def batch(aws):
    return service_of(aws, "batch")


def test_jobs_of_batch_are_listed_by_name_in_any_state_or_while_they_run(aws, batch):
    done, running = started(batch), started(batch, 1)
    aws.batch.end(done.run_id)
    client = Modelled(aws.batch)

    def listed(**query):
        return [one["jobId"] for one in client.list_jobs(jobQueue="queue", **query)["jobSummaryList"]]

    assert listed() == [running.run_id]
    assert listed(jobStatus="SUCCEEDED") == [done.run_id]
    assert listed(filters=[{"name": "JOB_NAME", "values": ["SALES-*"]}]) == [done.run_id, running.run_id]
    assert listed(filters=[{"name": "JOB_NAME", "values": ["sales"]}]) == []
    assert client.list_jobs(jobQueue="other")["jobSummaryList"] == []
    page = client.list_jobs(jobQueue="queue", filters=[{"name": "JOB_NAME", "values": ["sales-*"]}], maxResults=1)
    assert len(page["jobSummaryList"]) == 1
    assert page["nextToken"]


def test_a_job_of_batch_whose_name_has_no_key_is_nobodys(aws):
    aws.batch.submit_job(jobName="by-hand", jobQueue="queue", jobDefinition="definition")
    assert aws.batch.runs()[0].task_key is None


def test_what_batch_does_not_take_is_refused(aws):
    client = Modelled(aws.batch)
    with pytest.raises(ClientError, match="ClientException"):
        client.describe_jobs(jobs=["id"] * 101)
    with pytest.raises(ClientError, match="ClientException"):
        client.terminate_job(jobId="no-such-job", reason="test")


# The same at moto, as far as it goes


def errors_of(client, calls):
    """Return the code of each call's error, or which fields its answer has."""
    told = []
    for name, parameters in calls:
        try:
            answer = getattr(client, name)(**parameters)
        except ClientError as error:
            told.append((name, error.response["Error"]["Code"]))
        else:
            told.append((name, sorted(set(answer) - {"ResponseMetadata"})))
    return told


COMMAND = {"Name": "glueetl", "ScriptLocation": "s3://scripts/x.py"}

SAME_CALLS = {
    "glue": [
        ("create_job", {"Name": "orders", "Role": "role", "Command": COMMAND}),
        ("start_job_run", {"JobName": "orders", "Arguments": {KEY_ARGUMENT: "key"}}),
        ("start_job_run", {"JobName": "no-such-job"}),
        ("get_job_run", {"JobName": "orders", "RunId": "jr_0"}),
        ("get_job_runs", {"JobName": "orders"}),
    ],
    "athena": [
        ("start_query_execution", {"QueryString": "SELECT 1", "ResultConfiguration": {"OutputLocation": "s3://b/p/"}}),
        ("create_named_query", {"Name": "daily", "Database": "sales", "QueryString": "SELECT 1"}),
        ("list_named_queries", {}),
    ],
    "dms": [
        (
            "start_replication_task",
            {
                "ReplicationTaskArn": "arn:aws:dms:us-east-1:123456789012:task:NO",
                "StartReplicationTaskType": "start-replication",
            },
        ),
        ("stop_replication_task", {"ReplicationTaskArn": "arn:aws:dms:us-east-1:123456789012:task:NO"}),
    ],
    "batch": [("describe_jobs", {"jobs": ["no-such-job"]})],
}


@pytest.mark.parametrize("name", list(SAME_CALLS))
@mock_aws
def test_a_service_answers_as_motos_does(name):
    theirs = errors_of(boto3.client(name), SAME_CALLS[name])
    assert errors_of(Modelled(getattr(SimulatedAWS(), name)), SAME_CALLS[name]) == theirs


@mock_aws
def test_a_run_of_glue_shows_what_motos_shows(aws):
    for client in (boto3.client("glue"), aws.glue):
        client.create_job(Name="orders", Role="role", Command=COMMAND)
    shown = []
    for client in (boto3.client("glue"), aws.glue):
        run_id = client.start_job_run(JobName="orders", Arguments={KEY_ARGUMENT: "key"})["JobRunId"]
        run = client.get_job_run(JobName="orders", RunId=run_id)["JobRun"]
        shown.append((run["Id"] == run_id, run["JobName"], run["Arguments"], run["Attempt"], run["StartedOn"].tzinfo))
        (listed,) = client.get_job_runs(JobName="orders")["JobRuns"]
        assert listed["Id"] == run_id
    theirs, ours = shown
    assert ours[:-1] == theirs[:-1]
    assert ours[-1] is not None


NO_ID = "00000000-0000-4000-8000-000000000000"


@pytest.mark.parametrize(
    ("name", "call", "parameters", "code"),
    [
        ("glue", "get_job_runs", {"JobName": "sales", "MaxResults": 201}, "InvalidInputException"),
        ("glue", "batch_stop_job_run", {"JobName": "sales", "JobRunIds": ["jr_0"] * 26}, "InvalidInputException"),
        ("athena", "get_query_execution", {"QueryExecutionId": NO_ID}, "InvalidRequestException"),
        ("athena", "stop_query_execution", {"QueryExecutionId": NO_ID}, "InvalidRequestException"),
        ("athena", "batch_get_query_execution", {"QueryExecutionIds": [NO_ID] * 51}, "InvalidRequestException"),
        ("athena", "get_named_query", {"NamedQueryId": NO_ID}, "InvalidRequestException"),
        ("athena", "batch_get_named_query", {"NamedQueryIds": [NO_ID] * 51}, "InvalidRequestException"),
    ],
)
def test_what_a_service_does_not_take_is_refused(aws, name, call, parameters, code):
    with pytest.raises(ClientError, match=code):
        getattr(getattr(aws, name), call)(**parameters)


def test_athena_names_what_it_does_not_know_beside_what_it_does(aws, athena):
    run_id = started(athena).run_id
    answer = Modelled(aws.athena).batch_get_query_execution(QueryExecutionIds=[NO_ID, run_id])
    assert [one["QueryExecutionId"] for one in answer["QueryExecutions"]] == [run_id]
    assert [one["QueryExecutionId"] for one in answer["UnprocessedQueryExecutionIds"]] == [NO_ID]
    assert aws.athena.batch_get_named_query(NamedQueryIds=[NO_ID])["NamedQueries"] == []
