"""What all simulated services share: latency, quotas, counts, events, time, threads, and what they refuse."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError, ParamValidationError

from runners.retries import is_throttled
from runners.testing import AWS_QUOTAS, Clock, NotSimulatedError, Quota, SimulatedAWS

ACTIVITY = {"name": "Glue"}


def test_a_call_takes_its_latency_on_the_clock():
    clock = Clock()
    aws = SimulatedAWS(clock, latency=timedelta(milliseconds=20))
    before = clock()
    aws.step_functions.create_activity(**ACTIVITY)
    aws.step_functions.create_activity(**ACTIVITY)
    assert clock() - before == timedelta(milliseconds=40)


def test_a_call_that_comes_too_soon_is_throttled_and_has_no_effect():
    clock = Clock()
    aws = SimulatedAWS(clock, quotas={"glue": {"create_job": Quota(burst=2, per_second=1)}})
    aws.glue.create_job(Name="a")
    aws.glue.create_job(Name="b")
    with pytest.raises(ClientError) as caught:
        aws.glue.create_job(Name="c")
    assert is_throttled(caught.value)
    clock.step(1)
    aws.glue.create_job(Name="d")
    assert aws.glue.calls == {"create_job": 4}
    assert aws.glue.throttled == {"create_job": 1}
    with pytest.raises(ClientError, match="EntityNotFoundException"):
        aws.glue.get_job_runs(JobName="c")


def test_a_bucket_is_never_fuller_than_full():
    clock = Clock()
    aws = SimulatedAWS(clock, quotas={"glue": {"create_job": Quota(burst=2, per_second=1)}})
    clock.step(3_600)
    throttled = 0
    for number in range(5):
        try:
            aws.glue.create_job(Name=str(number))
        except ClientError:
            throttled += 1
    assert throttled == 3


def test_some_services_have_one_bucket_for_all_calls():
    aws = SimulatedAWS(quotas={"dms": {"*": Quota(burst=1, per_second=1)}})
    arn = aws.dms.add_task("sales")
    aws.dms.start_replication_task(ReplicationTaskArn=arn, StartReplicationTaskType="start-replication")
    with pytest.raises(ClientError, match="ThrottlingException"):
        aws.dms.stop_replication_task(ReplicationTaskArn=arn)


def test_the_quotas_of_aws_speak_of_calls_that_there_are():
    aws = SimulatedAWS()
    clients = {one.service: one for one in (aws.step_functions, aws.athena, aws.dms, aws.batch)}
    for service, quotas in AWS_QUOTAS.items():
        assert set(quotas) - {"*"} <= set(clients[service].meta.method_to_api_mapping)
        assert all(0 < quota.per_second <= quota.burst for quota in quotas.values())


def test_1000_polls_in_a_second_are_within_the_quota_and_4000_are_not():
    aws = SimulatedAWS(quotas=AWS_QUOTAS)
    arn = aws.step_functions.create_activity(**ACTIVITY)["activityArn"]

    def poll(times):
        for _ in range(times):
            aws.step_functions.get_activity_task(activityArn=arn)

    poll(1_000)
    with pytest.raises(ClientError, match="ThrottlingException"):
        poll(3_000)


def test_every_call_is_one_of_the_services_and_named_as_boto3_names_it():
    aws = SimulatedAWS()
    for client in (aws.step_functions, aws.dynamodb, aws.glue, aws.athena, aws.dms, aws.batch):
        model = client.meta.service_model
        assert model.service_name == client.service
        assert set(client.meta.method_to_api_mapping.values()) <= set(model.operation_names)
        for method in client.meta.method_to_api_mapping:
            assert callable(getattr(client, method))


def test_what_is_not_simulated_is_refused_so_that_nobody_survives_it():
    aws = SimulatedAWS()
    with pytest.raises(NotSimulatedError, match="list_tables"):
        aws.dynamodb.list_tables()
    with pytest.raises(NotSimulatedError, match="Tags"):
        aws.glue.create_job(Name="sales", Tags={})
    assert not issubclass(NotSimulatedError, Exception)
    assert not hasattr(aws.glue, "_private")


def test_a_call_takes_the_parameters_that_boto3_takes():
    glue = SimulatedAWS().glue
    with pytest.raises(ParamValidationError, match="Missing required parameter"):
        glue.get_job_run(JobName="sales")
    with pytest.raises(TypeError):
        glue.get_job_runs("sales")


def test_events_are_kept_until_they_are_taken_and_told_to_who_listens():
    aws = SimulatedAWS()
    heard = []
    aws.glue.create_job(Name="sales")
    aws.glue.start_job_run(JobName="sales")
    aws.on_event(heard.append)
    aws.glue.end(aws.glue.live()[0].id)
    assert [event["detail"]["state"] for event in aws.events] == ["SUCCEEDED"]
    assert heard == aws.events
    aws.events.clear()
    assert aws.events == []


def test_who_listens_may_call_aws():
    aws = SimulatedAWS()
    aws.glue.create_job(Name="sales", ExecutionProperty={"MaxConcurrentRuns": 2})
    aws.on_event(lambda event: aws.glue.start_job_run(JobName="sales") if len(aws.glue.runs()) < 3 else None)
    aws.glue.duration = timedelta(seconds=10)
    aws.glue.start_job_run(JobName="sales")
    for _ in range(3):
        aws.clock.sleep(10)
        aws.settle()
    assert [run.state for run in aws.glue.runs()] == ["SUCCEEDED"] * 3


def test_what_is_due_happens_at_its_own_time_and_in_order():
    clock = Clock()
    aws = SimulatedAWS(clock)
    aws.glue.create_job(Name="sales", ExecutionProperty={"MaxConcurrentRuns": 2})
    durations = iter([timedelta(seconds=60), timedelta(seconds=30)])
    aws.glue.duration = lambda run: next(durations)
    began = clock()
    for _ in range(2):
        aws.glue.start_job_run(JobName="sales")
    clock.step(3_600)
    first, second = aws.glue.runs()
    assert (first.ended_at - began, second.ended_at - began) == (timedelta(seconds=60), timedelta(seconds=30))
    assert [event["detail"]["jobRunId"] for event in aws.events] == [second.id, first.id]


def test_calls_from_many_threads_take_effect_one_by_one():
    aws = SimulatedAWS()
    table = aws.active_jobs_table()
    counter = {"runner": {"S": "glue"}, "task_key": {"S": "counter"}}

    def count():
        for _ in range(100):
            aws.dynamodb.update_item(
                TableName=table,
                Key=counter,
                UpdateExpression="SET running = if_not_exists(running, :zero) + :one",
                ExpressionAttributeValues={":zero": {"N": "0"}, ":one": {"N": "1"}},
            )

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert aws.dynamodb.get_item(TableName=table, Key=counter)["Item"]["running"] == {"N": "800"}
    assert aws.dynamodb.calls["update_item"] == 800
