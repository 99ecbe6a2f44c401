from __future__ import annotations

import json
import re
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from runners.errors import InvalidInputError, StartLaterError, StartRefusedError, StopFailedError
from runners.job import Failed, Running, Stage, Succeeded
from runners.runner import Runner
from runners.services.dms import Dms
from runners.services.dms_outcomes import (
    BAD_STOP_REASONS,
    ERRORED_TABLES,
    FAILED,
    FAILED_STATES,
    GOOD_STOP_REASONS,
    OTHER_TABLES,
    PASSING_STOP_REASONS,
    STOPPED_STATES,
)
from runners.services.dms_replications import NOT_RUNNING, OTHERWISE_BUSY, RUNNING
from runners.settings import Settings
from tests.unit.doubles import Clock, FakeActivity, Faults, MemoryActiveJobs, active_job, client_error
from tests.unit.services.modelled_client import ModelledClient

NOW = Clock().now
EARLIER = NOW - timedelta(hours=2)
LATER = NOW + timedelta(minutes=1)
TASK = "arn:aws:dms:us-east-1:123456789012:task:SALES"
CONFIG = "arn:aws:dms:us-east-1:123456789012:replication-config:SALES"
WRONG_STATE = client_error("InvalidResourceStateFault", "Replication Task is currently running")
NOT_FOUND = client_error("ResourceNotFoundFault", "No Replication Tasks found matching provided filters")

# The statuses of serverless replications stand in no model of AWS's: these are what its user guide names, and what was
# seen of the API (https://docs.aws.amazon.com/dms/latest/userguide/CHAP_Serverless.Components.html).
SERVERLESS_STATUSES = {
    "created",
    "ready",
    "initializing",
    "preparing_metadata_resources",
    "testing_connection",
    "fetching_metadata",
    "calculating_capacity",
    "provisioning_capacity",
    "replication_starting",
    "running",
    "stopping",
    "stopped",
    "deprovisioning",
    "deprovisioned",
    "modifying",
    "deleting",
    "failed",
}


class DmsDouble(ModelledClient):
    """DMS's client over tasks and serverless replications that a test puts there."""

    def __init__(self, now=lambda: LATER):
        super().__init__("dms")
        self.now = now
        self.tasks = {}
        self.replications = {}
        self.statistics = {}  # of tables, by ARN
        self.started = []
        self.stopped = []
        self.page = 100
        self.most_values = 1000  # of a filter

    def describe_replication_tasks(self, **call):
        field = {"replication-task-arn": "ReplicationTaskArn", "replication-task-id": "ReplicationTaskIdentifier"}
        assert call["WithoutSettings"]

        def effect():
            (asked,) = call["Filters"]
            return self._page(call, "ReplicationTasks", self._named(self.tasks, asked, field[asked["Name"]]))

        return self.made("describe_replication_tasks", call, effect)

    def describe_replications(self, **call):
        def effect():
            (asked,) = call["Filters"]
            assert asked["Name"] == "replication-config-arn"
            return self._page(call, "Replications", self._named(self.replications, asked, "ReplicationConfigArn"))

        return self.made("describe_replications", call, effect)

    def describe_table_statistics(self, **call):
        arn = call["ReplicationTaskArn"]
        return self.made("describe_table_statistics", call, lambda: self._tables(call, arn, "TableStatistics"))

    def describe_replication_table_statistics(self, **call):
        arn, records = call["ReplicationConfigArn"], "ReplicationTableStatistics"
        return self.made("describe_replication_table_statistics", call, lambda: self._tables(call, arn, records))

    def start_replication_task(self, **call):
        def effect():
            task = self.tasks[call["ReplicationTaskArn"]]
            self._start(task, call)
            task["ReplicationTaskStartDate"] = self.now()
            task["Status"] = "starting"
            return {"ReplicationTask": task}

        return self.made("start_replication_task", call, effect)

    def start_replication(self, **call):
        def effect():
            replication = self.replications[call["ReplicationConfigArn"]]
            self._start(replication, call)
            replication["Status"] = "initializing"
            return {"Replication": replication}

        return self.made("start_replication", call, effect)

    def stop_replication_task(self, **call):
        return self.made("stop_replication_task", call, lambda: self._stop(self.tasks[call["ReplicationTaskArn"]]))

    def stop_replication(self, **call):
        return self.made("stop_replication", call, lambda: self._stop(self.replications[call["ReplicationConfigArn"]]))

    def _start(self, replication, call):
        if replication["Status"] not in NOT_RUNNING:
            raise WRONG_STATE
        self.started.append(call)

    def _stop(self, replication):
        if replication["Status"] != "running":
            raise WRONG_STATE
        replication["Status"] = "stopping"
        self.stopped.append(replication)
        return {}

    def _named(self, known, asked, field):
        if len(asked["Values"]) > self.most_values:
            raise client_error("InvalidParameterValueException", "too many values")
        found = [item for item in known.values() if item[field] in asked["Values"]]
        if not found:
            raise NOT_FOUND
        return found

    def _tables(self, call, arn, records):
        if arn not in self.statistics:
            raise client_error("InvalidResourceStateFault", "has no statistics")
        return self._page(call, records, self.statistics[arn])

    def _page(self, call, records, found):
        start = int(call.get("Marker", "0"))
        end = start + min(self.page, call["MaxRecords"])
        return {records: found[start:end]} | ({"Marker": str(end)} if end < len(found) else {})


@pytest.fixture
def client():
    return DmsDouble()


@pytest.fixture
def dms(client):
    return Dms(client)


def task_of(status="ready", number=None, stats=None, **changes):
    """A task as DMS describes it; it ran before unless it is ready."""
    ran = {} if status == "ready" else {"ReplicationTaskStartDate": EARLIER}
    task = {
        "ReplicationTaskArn": TASK if number is None else f"{TASK}{number}",
        "ReplicationTaskIdentifier": "sales" if number is None else f"sales-{number}",
        "MigrationType": "full-load",
        "Status": status,
        "ReplicationTaskStats": stats or {},
    }
    return task | ran | changes


def replication_of(status="ready", stats=None, **changes):
    """A serverless replication as DMS describes it; it ran before unless it is ready."""
    ran = {} if status == "ready" else {"StartDate": EARLIER}
    replication = {
        "ReplicationConfigArn": CONFIG,
        "ReplicationConfigIdentifier": "sales",
        "ReplicationType": "full-load",
        "Status": status,
        "ReplicationStats": ran | (stats or {}),
        "ReplicationUpdateTime": EARLIER,
    }
    return replication | changes


def table_of(name="orders", state="Table completed", rows=3, **changes):
    return {"SchemaName": "public", "TableName": name, "TableState": state, "FullLoadRows": rows} | changes


def put(client, *items):
    for item in items:
        if "ReplicationTaskArn" in item:
            client.tasks[item["ReplicationTaskArn"]] = item
        else:
            client.replications[item["ReplicationConfigArn"]] = item


def job_of(number=0, arn=TASK, **request):
    name = "ReplicationConfigArn" if arn == CONFIG else "ReplicationTaskArn"
    return active_job(number, runner="dms", request={name: arn} | request)


def marked(dms, job):
    return job.marked(dms.mark(job), dms.singleton(job))


def started(dms, client, job, **ended):
    """Start a job and let its run become what ``ended`` says."""
    job = marked(dms, job)
    arn = dms.start(job)
    known = client.tasks.get(arn) or client.replications[arn]
    known.update(ended)
    return job.started(arn)


def full_load(**changes):
    """What a task is like after a full load that went well."""
    stats = {"FullLoadProgressPercent": 100, "TablesLoaded": 1, "TablesErrored": 0, "ElapsedTimeMillis": 90_500}
    return {
        "Status": "stopped",
        "StopReason": "Stop Reason FULL_LOAD_ONLY_FINISHED",
        "ReplicationTaskStats": stats | {"StopDate": LATER + timedelta(minutes=2)} | changes.pop("stats", {}),
    } | changes


def status_of(dms, client, ended, tables=(), **request):
    """Return the status of a run of a task that was started just now and has become as ``ended`` says."""
    put(client, task_of(MigrationType=ended.get("MigrationType", "full-load")))
    job = started(dms, client, job_of(**request), **ended)
    client.statistics[TASK] = list(tables)
    return dms.describe([job])[job.task_key]


# Requests


@pytest.mark.parametrize(
    ("request_", "field", "problem"),
    [
        ({}, "(input)", "give one of"),
        ({"ReplicationTaskArn": TASK, "ReplicationTaskIdentifier": "sales"}, "(input)", "give one of"),
        ({"ReplicationTaskArn": CONFIG}, "ReplicationTaskArn", "pattern"),
        ({"ReplicationConfigArn": TASK}, "ReplicationConfigArn", "pattern"),
        ({"ReplicationTaskIdentifier": "7 hush"}, "ReplicationTaskIdentifier", "pattern"),
        ({"ReplicationTaskArn": TASK, "StartType": "hush"}, "StartType", "'reload-target'"),
        ({"ReplicationTaskArn": TASK, "CompleteWhen": "hush"}, "CompleteWhen", "'FullLoadComplete'"),
        ({"ReplicationTaskArn": TASK, "CdcStartTime": "hush"}, "CdcStartTime", "valid datetime"),
        ({"ReplicationTaskArn": TASK, "CdcStartPosition": ""}, "CdcStartPosition", "at least 1"),
        ({"ReplicationTaskArn": TASK, "CdcStopPosition": "hush"}, "CdcStopPosition", "server_time"),
        (
            {"ReplicationTaskArn": TASK, "CdcStartTime": "2026-01-31T00:00:00Z", "CdcStartPosition": "hush"},
            "(input)",
            "not both",
        ),
        ({"ReplicationTaskArn": TASK, "Colour": "hush"}, "Colour", "not permitted"),
    ],
)
def test_a_wrong_request_is_refused_by_field_and_never_by_value(dms, request_, field, problem):
    with pytest.raises(InvalidInputError) as caught:
        dms.validate(request_)
    assert problem in caught.value.problems[field]
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    "request_",
    [{"ReplicationTaskArn": TASK}, {"ReplicationTaskIdentifier": "sales"}, {"ReplicationConfigArn": CONFIG}],
)
def test_a_replication_is_all_that_has_to_be_said(dms, request_):
    dms.validate(request_)


# What only one job can have


def test_a_replication_is_known_by_its_arn_however_it_is_named(dms, client):
    put(client, task_of())
    assert dms.singleton(job_of()) == TASK
    assert dms.singleton(job_of(arn=CONFIG)) == CONFIG
    assert dms.singleton(active_job(request={"ReplicationTaskIdentifier": "sales"})) == TASK


@pytest.mark.parametrize(
    "request_",
    [{"ReplicationTaskArn": TASK}, {"ReplicationTaskIdentifier": "sales"}, {"ReplicationConfigArn": CONFIG}],
)
def test_a_replication_that_dms_does_not_know_is_refused(dms, request_):
    with pytest.raises(StartRefusedError, match="DMS does not know this replication") as caught:
        dms.mark(active_job(request=request_))
    assert caught.value.error == FAILED == "DmsTaskFailedError"
    assert caught.value.cause == {
        **request_,
        "Status": "NOT_STARTED",
        "ErrorMessage": "DMS does not know this replication",
    }


def test_a_name_that_dms_does_not_know_has_no_arn(dms):
    with pytest.raises(StartRefusedError):
        dms.singleton(active_job(request={"ReplicationTaskIdentifier": "sales"}))


def test_throttling_before_the_start_is_waited_out_and_then_means_later(dms, client):
    put(client, task_of())
    client.call.before("describe_replication_tasks", client_error("ThrottlingException"), times=4)
    assert dms.mark(job_of())["Arn"] == TASK
    client.call.before("describe_replication_tasks", client_error("ThrottlingException"), times=5)
    with pytest.raises(StartLaterError):
        dms.mark(job_of())


# What is remembered before a start


def test_a_mark_is_json_and_says_what_the_replication_was_like_and_how_to_start_it(dms, client):
    put(client, task_of("stopped"))
    mark = dms.mark(job_of())
    assert mark == {
        "Arn": TASK,
        "StartType": "reload-target",
        "Status": "stopped",
        "StartDate": "2026-01-31T02:05:06+00:00",
        "UpdateDate": None,
    }
    assert json.loads(json.dumps(mark)) == mark


@pytest.mark.parametrize("status", sorted((RUNNING | OTHERWISE_BUSY) - {"deleting"}))
def test_a_replication_that_runs_or_is_being_changed_is_started_later(dms, client, status):
    put(client, task_of(status))
    with pytest.raises(StartLaterError, match=f"is {status}"):
        dms.mark(job_of())


@pytest.mark.parametrize("status", sorted(NOT_RUNNING))
def test_a_replication_that_does_not_run_may_be_started(dms, client, status):
    put(client, task_of(status))
    assert dms.mark(job_of())["Status"] == status


def test_a_replication_that_is_being_deleted_is_refused(dms, client):
    put(client, task_of("deleting"))
    with pytest.raises(StartRefusedError, match="is being deleted"):
        dms.mark(job_of())


@pytest.mark.parametrize(
    "positions",
    [
        {"CdcStartTime": "2026-01-31T00:00:00Z"},
        {"CdcStartPosition": "checkpoint:V1"},
        {"CdcStopPosition": "server_time:2026-01-31T00:00:00"},
    ],
)
def test_positions_are_refused_for_a_full_load_and_taken_for_a_capture_of_changes(dms, client, positions):
    put(client, task_of())
    with pytest.raises(StartRefusedError, match="the replication is a full load"):
        dms.mark(job_of(**positions))
    put(client, task_of(MigrationType="cdc"))
    dms.mark(job_of(**positions))


def test_a_capture_of_changes_alone_has_no_full_load_to_wait_for(dms, client):
    put(client, task_of(MigrationType="cdc"))
    with pytest.raises(StartRefusedError, match="has no full load"):
        dms.mark(job_of(CompleteWhen="FullLoadComplete"))


@pytest.mark.parametrize("how", ["resume-processing", "reload-target"])
def test_what_never_ran_can_neither_be_resumed_nor_reloaded(dms, client, how):
    put(client, task_of())
    with pytest.raises(StartRefusedError, match="has never run"):
        dms.mark(job_of(StartType=how))
    put(client, task_of("stopped"))
    assert dms.mark(job_of(StartType=how))["StartType"] == how


LOADED = {"FullLoadProgressPercent": 100}
PARTLY = {"FullLoadProgressPercent": 40}
BOTH = "full-load-and-cdc"


@pytest.mark.parametrize(
    ("kind", "case", "how"),
    [
        ("full-load", ("ready", {}, {}), "start-replication"),
        ("cdc", ("ready", {}, {}), "start-replication"),
        (BOTH, ("ready", {}, {}), "start-replication"),
        ("full-load", ("stopped", LOADED, {}), "reload-target"),
        ("full-load", ("failed", PARTLY, {}), "reload-target"),
        ("cdc", ("stopped", {}, {}), "resume-processing"),
        ("cdc", ("failed", {}, {}), "resume-processing"),
        ("cdc", ("stopped", {}, {"CdcStartPosition": "mysql-bin.000024:373"}), "start-replication"),
        ("cdc", ("stopped", {}, {"CdcStartTime": "2026-01-31T00:00:00"}), "start-replication"),
        ("cdc", ("stopped", {}, {"CdcStopPosition": "commit_time:2026-01-31T00:00:00"}), "resume-processing"),
        (BOTH, ("stopped", LOADED, {}), "resume-processing"),
        (BOTH, ("stopped", PARTLY, {}), "resume-processing"),
        (BOTH, ("failed", LOADED, {}), "resume-processing"),
        (BOTH, ("failed", PARTLY, {}), "reload-target"),
        (BOTH, ("stopped", LOADED, {"StartType": "reload-target"}), "reload-target"),
    ],
)
@pytest.mark.parametrize("arn", [TASK, CONFIG])
def test_how_to_start_is_chosen_by_what_the_replication_is_and_how_far_it_got(client, arn, kind, case, how):
    status, stats, request = case
    put(client, task_of(status, stats=stats, MigrationType=kind))
    put(client, replication_of(status, stats=stats, ReplicationType=kind))
    assert Dms(client).mark(job_of(arn=arn, **request))["StartType"] == how


def test_a_failed_replication_that_has_a_checkpoint_goes_on_from_it(dms, client):
    put(client, task_of("failed", stats=PARTLY, MigrationType=BOTH, RecoveryCheckpoint="checkpoint:V1"))
    assert dms.mark(job_of())["StartType"] == "resume-processing"


# Starting


def test_a_task_is_started_as_its_mark_says(dms, client):
    put(client, task_of("stopped"))
    assert dms.start(marked(dms, job_of())) == TASK
    assert client.started == [{"ReplicationTaskArn": TASK, "StartReplicationTaskType": "reload-target"}]


def test_a_serverless_replication_is_started_by_its_config(dms, client):
    put(client, replication_of())
    assert dms.start(marked(dms, job_of(arn=CONFIG))) == CONFIG
    assert client.started == [{"ReplicationConfigArn": CONFIG, "StartReplicationType": "start-replication"}]


def test_a_task_named_by_its_identifier_is_started_by_its_arn(dms, client):
    put(client, task_of())
    assert dms.start(marked(dms, active_job(request={"ReplicationTaskIdentifier": "sales"}))) == TASK


def test_a_start_without_a_mark_takes_one_first(dms, client):
    put(client, task_of())
    assert dms.start(job_of()) == TASK


@pytest.mark.parametrize("arn", [TASK, CONFIG])
def test_positions_are_passed_on_with_a_time_in_utc_unless_it_says_otherwise(dms, client, arn):
    stop = "server_time:2026-02-01T00:00:00"
    put(client, task_of(MigrationType="cdc"), replication_of(ReplicationType="cdc"))
    dms.start(marked(dms, job_of(arn=arn, CdcStartTime="2026-01-31T00:00:00", CdcStopPosition=stop)))
    (call,) = client.started
    assert call["CdcStartTime"] == datetime(2026, 1, 31, tzinfo=UTC)
    assert call["CdcStopPosition"] == stop
    put(client, task_of(MigrationType="cdc"), replication_of(ReplicationType="cdc"))
    dms.start(marked(dms, job_of(arn=arn, CdcStartTime="2026-01-31T02:00:00+02:00")))
    assert client.started[1]["CdcStartTime"] == datetime(2026, 1, 31, tzinfo=UTC)


@pytest.mark.parametrize(
    "error",
    [
        WRONG_STATE,
        client_error("ThrottlingException"),
        client_error("InsufficientResourceCapacityFault"),
        EndpointConnectionError(endpoint_url="https://dms"),
    ],
)
def test_a_replication_in_a_wrong_state_and_a_dms_that_is_busy_mean_later(dms, client, error):
    put(client, task_of())
    client.call.before("start_replication_task", error, times=3)
    with pytest.raises(StartLaterError):
        dms.start(marked(dms, job_of()))
    assert not client.started


def test_a_wrong_state_means_later_for_a_start_without_a_mark_too(dms, client):
    put(client, task_of())
    client.call.before("start_replication_task", WRONG_STATE)
    with pytest.raises(StartLaterError):
        dms.start(job_of())


def test_a_start_that_was_throttled_for_a_moment_is_repeated(dms, client):
    put(client, task_of())
    client.call.before("start_replication_task", client_error("ThrottlingException"), times=2)
    assert dms.start(marked(dms, job_of())) == TASK


def test_a_start_that_finds_the_run_of_its_own_lost_start_takes_that(dms, client):
    put(client, task_of("stopped"))
    job = marked(dms, job_of())
    dms.start(job)
    assert dms.start(job) == TASK
    assert len(client.started) == 1


@pytest.mark.parametrize(
    "error",
    [
        client_error("ResourceNotFoundFault"),
        client_error("AccessDeniedFault"),
        client_error(
            "InvalidResourceStateFault", "Test connection for replication instance and endpoint should succeed"
        ),
    ],
)
def test_a_start_that_dms_will_never_make_is_refused_with_what_it_said(dms, client, error):
    put(client, task_of())
    job = marked(dms, job_of())
    client.call.before("start_replication_task", error)
    with pytest.raises(StartRefusedError) as caught:
        dms.start(job)
    assert caught.value.error == FAILED
    assert caught.value.cause["Status"] == "NOT_STARTED"
    assert error.response["Error"]["Message"] in caught.value.cause["ErrorMessage"]


@pytest.mark.parametrize(
    "error", [ReadTimeoutError(endpoint_url="https://dms"), client_error("InternalFailure", "", 500)]
)
def test_an_unclear_start_is_neither_repeated_nor_called_refused_or_put_off(dms, client, error):
    put(client, task_of())
    job = marked(dms, job_of())
    client.call.after("start_replication_task", error)
    with pytest.raises(type(error)):
        dms.start(job)
    assert client.call.calls["start_replication_task"] == 1


# Finding


def test_a_job_without_a_mark_was_never_started(dms, client):
    put(client, task_of("running", ReplicationTaskStartDate=LATER))
    assert dms.find(job_of()) is None
    assert not client.call.calls


def test_a_run_is_found_where_the_start_date_is_later_than_the_mark_s(dms, client):
    put(client, task_of("stopped"))
    job = marked(dms, job_of())
    assert dms.find(job) is None
    put(client, task_of("stopped", ReplicationTaskStartDate=LATER))
    assert dms.find(job) == TASK


@pytest.mark.parametrize("status", sorted(RUNNING))
def test_a_run_is_found_where_what_stood_still_now_runs(dms, client, status):
    put(client, task_of("stopped"))
    job = marked(dms, job_of())
    put(client, task_of(status))
    assert dms.find(job) == TASK


@pytest.mark.parametrize("status", sorted(OTHERWISE_BUSY | NOT_RUNNING - {"failed"}))
def test_a_change_of_another_sort_is_no_run(dms, client, status):
    put(client, task_of("stopped"))
    job = marked(dms, job_of())
    put(client, task_of(status, ReplicationTaskStartDate=EARLIER))
    assert dms.find(job) is None


def test_the_end_of_the_last_run_that_comes_late_is_no_new_run(dms, client):
    put(client, task_of("stopped"))
    job = marked(dms, job_of())
    put(client, task_of("stopped", stats={"StopDate": LATER}))
    assert dms.find(job) is None


def test_a_run_that_failed_before_it_had_a_date_is_found(dms, client):
    put(client, replication_of("stopped"))
    job = marked(dms, job_of(arn=CONFIG))
    put(client, replication_of("failed"))
    assert dms.find(job) == CONFIG


def test_a_run_that_failed_as_the_last_one_did_is_found_by_the_date_of_the_change(dms, client):
    put(client, replication_of("failed"))
    job = marked(dms, job_of(arn=CONFIG))
    assert dms.find(job) is None
    put(client, replication_of("failed", ReplicationUpdateTime=LATER))
    assert dms.find(job) == CONFIG


def test_a_replication_that_is_gone_has_no_run(dms, client):
    put(client, task_of())
    job = marked(dms, job_of())
    client.tasks.clear()
    assert dms.find(job) is None


def test_a_search_that_fails_concludes_nothing(dms, client):
    put(client, task_of())
    job = marked(dms, job_of())
    client.call.before("describe_replication_tasks", client_error("AccessDeniedFault"))
    with pytest.raises(ClientError, match="AccessDenied"):
        dms.find(job)


# States


def test_every_status_of_a_task_that_botocore_s_model_describes_is_decided_once(client):
    decided = Counter([*NOT_RUNNING, *RUNNING, *OTHERWISE_BUSY])
    described = set(re.findall(r'"([a-z-]+)"', client.documentation("ReplicationTask", "Status")))
    assert len(described) == 12  # DMS has no enum of them, only a text
    assert described <= set(decided)
    assert set(decided) == described | SERVERLESS_STATUSES
    assert set(decided.values()) == {1}
    assert NOT_RUNNING | OTHERWISE_BUSY > STOPPED_STATES | FAILED_STATES


@pytest.mark.parametrize("shape", ["ReplicationTask", "Replication"])
def test_every_stop_reason_that_botocore_s_model_describes_is_decided_once(client, shape):
    decided = Counter([*GOOD_STOP_REASONS, *BAD_STOP_REASONS, *PASSING_STOP_REASONS])
    assert set(decided) == set(re.findall(r'"Stop Reason ([A-Z_]+)', client.documentation(shape, "StopReason")))
    assert set(decided.values()) == {1}


def test_every_state_of_a_table_that_botocore_s_model_describes_is_decided(client):
    described = client.documentation("TableStatistics", "TableState").partition("Valid states:")[2]
    states = {state.strip() for state in described.split("|")}
    assert states == (ERRORED_TABLES | OTHER_TABLES) - {"Error"}
    assert not ERRORED_TABLES & OTHER_TABLES


@pytest.mark.parametrize("status", [*sorted(RUNNING | OTHERWISE_BUSY - STOPPED_STATES), "ready", "pondering"])
def test_a_run_goes_on_while_its_replication_has_not_stopped_and_in_a_state_of_later(dms, client, status):
    assert status_of(dms, client, {"Status": status}) == Running(status)


@pytest.mark.parametrize("status", ["stopped", "failed"])
def test_the_end_of_an_earlier_run_is_not_taken_for_this_one_s(dms, client, status):
    put(client, task_of(status))
    job = started(dms, client, job_of(), **full_load(Status=status, ReplicationTaskStartDate=EARLIER))
    assert dms.describe([job]) == {job.task_key: Running("starting")}


def test_a_full_load_that_finished_has_succeeded_and_tells_of_its_tables(dms, client):
    tables = [table_of("orders", rows=3), table_of("customers", rows=4, Inserts=1, ValidationState="Validated")]
    status = status_of(dms, client, full_load(stats={"TablesLoaded": 2}), tables)
    nothing = {"Inserts": 0, "Updates": 0, "Deletes": 0, "Ddls": 0}
    assert status == Succeeded(
        {
            "ReplicationTaskArn": TASK,
            "ReplicationTaskIdentifier": "sales",
            "MigrationType": "full-load",
            "StartType": "start-replication",
            "Status": "stopped",
            "StopReason": "FULL_LOAD_ONLY_FINISHED",
            "StartDate": "2026-01-31T04:06:06+00:00",
            "StopDate": "2026-01-31T04:08:06+00:00",
            "ElapsedTimeSeconds": 90.5,
            "FullLoadProgressPercent": 100,
            "TablesLoaded": 2,
            "TablesErrored": 0,
            "ConsoleLink": "https://us-east-1.console.aws.amazon.com/dms/v2/home?region=us-east-1#taskDetails/sales",
            "RowsLoaded": 7,
            "ValidationFailedRecords": 0,
            "TableStatistics": [
                {
                    "SchemaName": "public",
                    "TableName": "orders",
                    "TableState": "Table completed",
                    "FullLoadRows": 3,
                    **nothing,
                },
                {
                    "SchemaName": "public",
                    "TableName": "customers",
                    "TableState": "Table completed",
                    "FullLoadRows": 4,
                    **nothing,
                    "Inserts": 1,
                    "ValidationState": "Validated",
                    "ValidationFailedRecords": None,
                },
            ],
        }
    )
    json.dumps(status.output)


@pytest.mark.parametrize("reason", sorted(GOOD_STOP_REASONS))
def test_a_task_that_stopped_for_a_good_reason_has_succeeded(dms, client, reason):
    status = status_of(dms, client, full_load(StopReason=f"Stop Reason {reason}"))
    assert isinstance(status, Succeeded)
    assert status.output["StopReason"] == reason


@pytest.mark.parametrize("reason", sorted(BAD_STOP_REASONS))
def test_a_task_that_stopped_for_a_bad_reason_has_failed_with_what_dms_said(dms, client, reason):
    ended = full_load(StopReason=f"Stop Reason {reason}", LastFailureMessage="Error 1236 reading binary log")
    status = status_of(dms, client, ended)
    assert isinstance(status, Failed)
    assert status.error == FAILED
    assert status.cause["StopReason"] == reason
    assert status.cause["LastFailureMessage"] == "Error 1236 reading binary log"
    assert status.cause["ErrorMessage"] == f"the replication stopped for {reason}"


@pytest.mark.parametrize("reason", ["", None, "Stop Reason SOLAR_FLARE"])
def test_a_task_that_stopped_for_no_reason_that_is_known_has_not_succeeded(dms, client, reason):
    ended = full_load(StopReason=reason or "")
    if reason is None:
        del ended["StopReason"]
    status = status_of(dms, client, ended)
    assert isinstance(status, Failed)
    assert "stopped for" in status.cause["ErrorMessage"]


@pytest.mark.parametrize("reason", sorted(PASSING_STOP_REASONS))
def test_a_task_that_dms_stops_to_start_it_again_goes_on(dms, client, reason):
    assert status_of(dms, client, full_load(StopReason=f"Stop Reason {reason}")) == Running(f"stopped: {reason}")


@pytest.mark.parametrize("state", sorted(FAILED_STATES))
def test_a_replication_that_failed_has_failed(dms, client, state):
    status = status_of(dms, client, {"Status": state, "LastFailureMessage": "no connection"})
    assert isinstance(status, Failed)
    assert status.cause["Status"] == state
    assert status.cause["LastFailureMessage"] == "no connection"
    assert status.cause["StopReason"] is None
    assert status.cause["ElapsedTimeSeconds"] is None


def test_a_failed_task_without_statistics_of_tables_has_failed_all_the_same(dms, client):
    put(client, task_of())
    job = started(dms, client, job_of(), Status="failed")
    status = dms.describe([job])[job.task_key]
    assert status.cause["ErroredTables"] == []


def test_a_full_load_that_somebody_stopped_in_the_middle_has_not_succeeded(dms, client):
    ended = full_load(StopReason="Stop Reason NORMAL", stats={"FullLoadProgressPercent": 40})
    status = status_of(dms, client, ended)
    assert status.cause["ErrorMessage"] == "the replication was stopped when 40 % of its full load were done"


def test_a_capture_of_changes_that_somebody_stopped_has_succeeded(dms, client):
    ended = full_load(MigrationType="cdc", StopReason="Stop Reason NORMAL", stats={"FullLoadProgressPercent": 0})
    assert isinstance(status_of(dms, client, ended), Succeeded)


@pytest.mark.parametrize("state", sorted(ERRORED_TABLES))
def test_a_good_stop_reason_is_no_success_while_a_table_is_in_error(dms, client, state):
    tables = [table_of("orders"), table_of("customers", state, rows=0)]
    ended = full_load(stats={"TablesErrored": 1}, LastFailureMessage="Last Error: no such column")
    status = status_of(dms, client, ended, tables)
    assert isinstance(status, Failed)
    assert status.cause["ErrorMessage"] == "tables are in error (1): public.customers"
    assert status.cause["TablesErrored"] == 1
    assert [(table["TableName"], table["TableState"]) for table in status.cause["ErroredTables"]] == [
        ("customers", state)
    ]
    assert status.cause["LastFailureMessage"] == "Last Error: no such column"


def test_a_table_in_error_counts_whether_the_figures_or_the_statistics_tell_of_it(dms, client):
    told = status_of(dms, client, full_load(), [table_of(state="Table error")])
    assert told.cause["TablesErrored"] == 1
    counted = status_of(dms, client, full_load(stats={"TablesErrored": 2}), [])
    assert counted.cause["TablesErrored"] == 2
    assert counted.cause["ErrorMessage"] == "tables are in error (2): …"


def test_a_message_names_five_tables_in_error_and_the_cause_all(dms, client):
    tables = [table_of(f"t{number}", "Table error") for number in range(7)]
    status = status_of(dms, client, full_load(), tables)
    assert status.cause["ErrorMessage"] == (
        "tables are in error (7): public.t0, public.t1, public.t2, public.t3, public.t4, …"
    )
    assert len(status.cause["ErroredTables"]) == 7


def test_tables_that_failed_validation_are_counted_and_come_first(dms, client):
    bad = {"ValidationState": "Mismatched records", "ValidationFailedRecords": 2}
    status = status_of(dms, client, full_load(), [table_of("orders"), table_of("customers", **bad)])
    assert status.output["ValidationFailedRecords"] == 2
    assert [table["TableName"] for table in status.output["TableStatistics"]] == ["customers", "orders"]
    assert status.output["TableStatistics"][0]["ValidationFailedRecords"] == 2


def test_the_statistics_of_many_tables_are_read_page_by_page(dms, client):
    client.page = 500
    tables = [table_of(f"t{number}", rows=1) for number in range(1100)]
    status = status_of(dms, client, full_load(stats={"TablesLoaded": 1100}), tables)
    assert status.output["RowsLoaded"] == 1100
    assert client.call.calls["describe_table_statistics"] == 3


# A full load after which changes are captured


def both(status="running", stats=None, **changes):
    figures = {"FullLoadProgressPercent": 100, "TablesLoaded": 1, "FullLoadStartDate": LATER + timedelta(seconds=9)}
    return {"MigrationType": BOTH, "Status": status, "ReplicationTaskStats": figures | (stats or {})} | changes


def test_a_full_load_is_complete_while_its_replication_goes_on_with_changes(dms, client):
    status = status_of(dms, client, both(), [table_of()], CompleteWhen="FullLoadComplete")
    assert isinstance(status, Succeeded)
    assert status.output["Status"] == "running"
    assert status.output["RowsLoaded"] == 3
    assert not client.stopped


def test_unless_the_task_waits_for_the_full_load_only_a_replication_with_changes_runs_on(dms, client):
    assert status_of(dms, client, both()) == Running("running")


@pytest.mark.parametrize(
    "now",
    [
        both(stats={"FullLoadProgressPercent": 99, "TablesLoading": 1}),
        both(stats={"FullLoadProgressPercent": 50, "TablesErrored": 1, "TablesQueued": 1}),
        both(stats={"FullLoadProgressPercent": 0, "TablesLoaded": 0}),
        both("starting"),
        both(MigrationType="full-load"),
        both(stats={"FullLoadStartDate": EARLIER}),
    ],
    ids=["loading", "error-while-loading", "begun", "starting", "no-changes-follow", "figures-of-the-last-run"],
)
def test_a_full_load_is_not_complete_before_its_time(dms, client, now):
    status = status_of(dms, client, now, CompleteWhen="FullLoadComplete")
    assert status == Running(now["Status"])


def test_a_resumed_replication_may_have_been_loaded_by_an_earlier_run(dms, client):
    put(client, task_of("stopped", MigrationType=BOTH))
    client.statistics[TASK] = [table_of()]
    job = started(dms, client, job_of(CompleteWhen="FullLoadComplete"), **both(stats={"FullLoadStartDate": EARLIER}))
    assert isinstance(dms.describe([job])[job.task_key], Succeeded)


def test_a_full_load_that_ends_with_a_table_in_error_has_failed_though_its_replication_goes_on(dms, client):
    now = both(stats={"FullLoadProgressPercent": 50, "TablesErrored": 1})
    status = status_of(dms, client, now, [table_of(state="Table error")], CompleteWhen="FullLoadComplete")
    assert isinstance(status, Failed)
    assert status.cause["Status"] == "running"
    assert status.cause["ErrorMessage"] == "tables are in error (1): public.orders"


def test_a_replication_that_stops_before_its_full_load_is_complete_is_judged_by_why_it_stopped(dms, client):
    ended = full_load(MigrationType=BOTH, StopReason="Stop Reason FATAL_ERROR")
    assert isinstance(status_of(dms, client, ended, CompleteWhen="FullLoadComplete"), Failed)
    ended = full_load(MigrationType=BOTH, StopReason="Stop Reason STOPPED_AFTER_FULL_LOAD")
    assert isinstance(status_of(dms, client, ended, CompleteWhen="FullLoadComplete"), Succeeded)


# Serverless replications


def serverless_end(**changes):
    return {
        "Status": "stopped",
        "StopReason": "Stop Reason FULL_LOAD_ONLY_FINISHED",
        "ReplicationStats": {"StartDate": LATER, "FullLoadProgressPercent": 100, "TablesLoaded": 1},
        "ReplicationLastStopTime": LATER + timedelta(minutes=2),
        "ProvisionData": {"ProvisionedCapacityUnits": 4},
    } | changes


@pytest.mark.parametrize("status", sorted(STOPPED_STATES))
def test_a_serverless_replication_that_stopped_and_gives_back_its_capacity_has_succeeded(dms, client, status):
    put(client, replication_of("stopped"))
    client.statistics[CONFIG] = [table_of()]
    job = started(dms, client, job_of(arn=CONFIG), **serverless_end(Status=status))
    output = dms.describe([job])[job.task_key].output
    assert output["ReplicationConfigArn"] == CONFIG
    assert output["ReplicationConfigIdentifier"] == "sales"
    assert (output["StartType"], output["Status"]) == ("reload-target", status)
    assert output["StopDate"] == "2026-01-31T04:08:06+00:00"
    assert output["RowsLoaded"] == 3
    assert output["ProvisionedCapacityUnits"] == 4
    assert output["ConsoleLink"].endswith("#serverlessReplicationDetails/sales")


def test_a_serverless_replication_that_fails_while_it_is_prepared_says_why(dms, client):
    put(client, replication_of())
    job = started(dms, client, job_of(arn=CONFIG), Status="failed", FailureMessages=["no connection", "gave up"])
    status = dms.describe([job])[job.task_key]
    assert isinstance(status, Failed)
    assert status.cause["LastFailureMessage"] == "no connection gave up"
    assert status.cause["ReplicationConfigArn"] == CONFIG


# Asking about many


def test_replications_are_asked_for_fifty_of_a_kind_at_a_time(dms, client):
    put(client, replication_of("running"), *(task_of("running", number) for number in range(120)))
    jobs = [job_of(number).started(f"{TASK}{number}") for number in range(120)]
    jobs.append(job_of(200, CONFIG).started(CONFIG))
    jobs = [job.marked({"Status": "stopped", "StartDate": None, "UpdateDate": None}, None) for job in jobs]
    statuses = dms.describe(jobs)
    assert statuses == {job.task_key: Running("running") for job in jobs}
    assert dict(client.call.calls) == {"describe_replication_tasks": 3, "describe_replications": 1}


def test_a_filter_that_dms_finds_too_long_is_halved_until_it_is_taken(dms, client):
    client.most_values = 15
    put(client, *(task_of("running", number) for number in range(50)))
    jobs = [job_of(number).started(f"{TASK}{number}") for number in range(50)]
    assert len(dms.describe(jobs)) == 50
    assert client.call.calls["describe_replication_tasks"] == 1 + 2 + 4


def test_a_filter_of_one_that_dms_refuses_concludes_nothing(dms, client):
    client.most_values = 0
    put(client, task_of("running"))
    assert dms.describe([job_of().started(TASK)]) == {}


def test_pages_are_read_to_their_end(dms, client):
    client.page = 20
    put(client, *(task_of("running", number) for number in range(50)))
    jobs = [job_of(number).started(f"{TASK}{number}") for number in range(50)]
    assert len(dms.describe(jobs)) == 50
    assert client.call.calls["describe_replication_tasks"] == 3


def test_a_replication_that_dms_does_not_know_spoils_no_answer_about_others(dms, client, monkeypatch):
    put(client, *(task_of("running", number) for number in range(1, 5)))
    named = client._named

    def strict(known, asked, field):
        if f"{TASK}0" in asked["Values"]:
            raise NOT_FOUND
        return named(known, asked, field)

    monkeypatch.setattr(client, "_named", strict)
    statuses = dms.describe([job_of(number).started(f"{TASK}{number}") for number in range(5)])
    assert len(statuses) == 5
    assert [key for key, status in statuses.items() if isinstance(status, Failed)] == [job_of(0).task_key]


def test_a_replication_that_dms_does_not_know_fails_and_no_other(dms, client):
    put(client, task_of("running", 1))
    statuses = dms.describe([job_of(0).started(f"{TASK}0"), job_of(1).started(f"{TASK}1")])
    assert statuses[job_of(1).task_key] == Running("running")
    assert statuses[job_of(0).task_key].cause == {
        "ReplicationTaskArn": TASK,
        "Status": "UNKNOWN",
        "ErrorMessage": "DMS does not know this replication (any more)",
    }


def test_statistics_that_cannot_be_read_keep_nothing_from_the_other_jobs(dms, client):
    put(client, task_of("stopped", 0), task_of("stopped", 1))
    jobs = [started(dms, client, job_of(number, f"{TASK}{number}"), **full_load()) for number in range(2)]
    client.call.before("describe_table_statistics", client_error("AccessDeniedFault"))
    statuses = dms.describe(jobs)
    assert set(statuses) == {jobs[1].task_key}
    assert isinstance(statuses[jobs[1].task_key], Succeeded)


def test_a_throttled_question_is_repeated_and_one_that_fails_concludes_nothing(dms, client):
    put(client, task_of())
    job = started(dms, client, job_of(), Status="running")
    client.call.before("describe_replication_tasks", client_error("ThrottlingException"), times=4)
    assert dms.describe([job]) == {job.task_key: Running("running")}
    client.call.before("describe_replication_tasks", client_error("AccessDeniedFault"))
    assert dms.describe([job]) == {}


def test_a_run_whose_mark_was_taken_away_is_judged_by_when_it_was_claimed(dms, client):
    client.statistics[TASK] = [table_of()]
    put(client, task_of("stopped") | full_load())
    job = job_of().started(TASK)
    assert dms.describe([job]) == {job.task_key: Running("starting")}
    put(client, task_of("failed"))
    assert dms.describe([job]) == {job.task_key: Running("starting")}
    put(client, task_of("stopped") | full_load(ReplicationTaskStartDate=LATER))
    assert isinstance(dms.describe([job])[job.task_key], Succeeded)


# Stopping


def test_replications_are_stopped_and_a_job_without_a_run_is_not(dms, client):
    put(client, task_of("running"), replication_of("running"))
    dms.stop([job_of().started(TASK), job_of(1, CONFIG).started(CONFIG), job_of(2)])
    assert [item["Status"] for item in client.stopped] == ["stopping", "stopping"]


@pytest.mark.parametrize("status", ["stopped", "stopping", "failed", "ready", "deleting"])
def test_a_replication_that_has_stopped_already_is_no_error(dms, client, status):
    put(client, task_of(status))
    dms.stop([job_of().started(TASK)])


def test_a_replication_that_dms_does_not_know_any_more_is_no_error(dms, client):
    client.call.before("stop_replication_task", client_error("ResourceNotFoundFault"))
    dms.stop([job_of().started(TASK)])


def test_a_replication_that_cannot_be_stopped_because_it_is_starting_is_worth_another_try(dms, client):
    put(client, task_of("starting"))
    with pytest.raises(StopFailedError, match="which is starting"):
        dms.stop([job_of().started(TASK)])


def test_a_throttled_stop_is_repeated_and_one_that_fails_is_an_error(dms, client):
    put(client, task_of("running"))
    client.call.before("stop_replication_task", client_error("ThrottlingException"), times=2)
    dms.stop([job_of().started(TASK)])
    client.call.before("stop_replication_task", client_error("AccessDeniedFault"))
    with pytest.raises(ClientError):
        dms.stop([job_of().started(TASK)])


# Events


def event(**changes):
    return {
        "version": "0",
        "id": "11a11b1c-e1e1-1a1a-1f1f-1a1b1c1d1e1f",
        "detail-type": "DMS Replication Task State Change",
        "source": "aws.dms",
        "account": "123456789012",
        "time": "2026-01-31T04:05:06Z",
        "region": "us-east-1",
        "resources": [TASK],
        "detail": {
            "type": "REPLICATION_TASK",
            "category": "StateChange",
            "eventType": "REPLICATION_TASK_STOPPED",
            "eventId": "DMS-EVENT-0079",
            "resourceLink": "https://console.aws.amazon.com/dms/v2/home?region=us-east-1#taskDetails/sales",
            "detailMessage": "Replication task has stopped. Stop Reason FULL_LOAD_ONLY_FINISHED.",
        },
    } | changes


SERVERLESS_EVENT = event(
    **{
        "detail-type": "DMS Replication State Change",
        "resources": [CONFIG],
        "detail": {
            "type": "REPLICATION_CONFIG",
            "category": "StateChange",
            "eventType": "REPLICATION_FAILED",
            "detailMessage": "Replication with resource id, 'SALES', has failed.",
        },
    }
)


def test_an_event_of_dms_speaks_of_its_replication(dms):
    assert dms.run_of_event(event()) == TASK
    assert dms.run_of_event(SERVERLESS_EVENT) == CONFIG


@pytest.mark.parametrize(
    "other",
    [
        {},
        event(source="aws.s3"),
        event(**{"detail-type": "DMS Replication Instance State Change"}),
        event(resources=[]),
    ],
)
def test_any_other_event_speaks_of_no_replication(dms, other):
    assert dms.run_of_event(other) is None


# Under the runner


class World:
    """A runner of DMS and all that it talks to."""

    def __init__(self, clock):
        self.clock = clock
        faults = Faults()
        self.activity = FakeActivity(faults)
        self.table = MemoryActiveJobs(faults)
        self.client = DmsDouble(now=clock)
        put(self.client, task_of("stopped"))
        self.client.statistics[TASK] = [table_of()]
        self.runner = self.new_process()

    def new_process(self):
        return Runner(Dms(self.client), self.activity, self.table, Settings(active_jobs_table="jobs"), now=self.clock)

    def take(self, **request):
        task = self.activity.hand_out(json.dumps({"ReplicationTaskArn": TASK} | request))
        self.runner.take(task)
        return task

    def sweep_after(self, seconds, runner=None):
        self.clock.step(seconds)
        (runner or self.runner).sweep()

    def become(self, **changes):
        self.client.tasks[TASK].update(changes)

    def stage(self, task):
        record = self.table.records.get(task.key)
        return record and record.stage

    def outcome(self, task):
        return self.activity.outcomes.get(task.token)


@pytest.fixture
def world(clock):
    return World(clock)


def test_the_runner_takes_a_task_through_to_its_success(world):
    task = world.take()
    assert world.stage(task) is Stage.STARTED
    world.become(Status="running")
    world.sweep_after(15)
    assert world.outcome(task) is None
    world.become(**full_load())
    world.sweep_after(15)
    assert isinstance(world.outcome(task), Succeeded)
    assert not world.table.records
    assert not world.table.holders


def test_a_start_whose_answer_got_lost_is_found_and_not_made_again(world):
    world.client.call.after("start_replication_task", ReadTimeoutError(endpoint_url="https://dms"))
    task = world.take()
    assert world.stage(task) is Stage.CLAIMED
    world.sweep_after(300, world.new_process())
    assert world.stage(task) is Stage.STARTED
    assert len(world.client.started) == 1
    world.become(**full_load())
    world.sweep_after(15)
    assert isinstance(world.outcome(task), Succeeded)


def test_a_start_whose_answer_got_lost_is_found_even_if_its_run_is_over_by_then(world):
    world.client.call.after("start_replication_task", ReadTimeoutError(endpoint_url="https://dms"))
    task = world.take()
    world.become(**full_load())
    world.sweep_after(300)
    world.sweep_after(15)
    assert isinstance(world.outcome(task), Succeeded)
    assert len(world.client.started) == 1


def test_a_start_that_never_reached_dms_is_made_once_the_lease_is_over(world):
    world.client.call.before("start_replication_task", ReadTimeoutError(endpoint_url="https://dms"))
    task = world.take()
    assert not world.client.started
    world.sweep_after(300)
    assert world.stage(task) is Stage.STARTED
    assert len(world.client.started) == 1


def test_two_tasks_for_one_replication_run_one_after_the_other(world):
    first, second = world.take(), world.take()
    assert (world.stage(first), world.stage(second)) == (Stage.STARTED, Stage.CLAIMED)
    for _ in range(3):
        world.sweep_after(60)
    assert len(world.client.started) == 1
    assert world.activity.heartbeats[second.token] > 0
    world.become(**full_load())
    world.sweep_after(30)
    assert isinstance(world.outcome(first), Succeeded)
    assert world.outcome(second) is None
    world.sweep_after(60)
    assert world.stage(second) is Stage.STARTED
    assert len(world.client.started) == 2
    world.sweep_after(30)
    assert world.outcome(second) is None  # DMS says starting; what the first run left behind is not the second's end
    world.become(**full_load(stats={"TablesErrored": 1}))
    world.sweep_after(30)
    assert isinstance(world.outcome(second), Failed)


def test_the_end_of_the_first_run_is_not_the_second_s_though_dms_shows_it_a_while(world):
    first = world.take()
    world.become(**full_load())
    world.sweep_after(15)
    assert isinstance(world.outcome(first), Succeeded)
    shown = dict(world.client.tasks[TASK])
    second = world.take()
    accepted = dict(world.client.tasks[TASK])
    world.client.tasks[TASK] = shown
    world.sweep_after(15)
    assert world.outcome(second) is None
    world.client.tasks[TASK] = accepted | full_load()
    world.sweep_after(15)
    assert isinstance(world.outcome(second), Succeeded)


def test_a_replication_that_somebody_else_started_is_waited_for(world):
    world.become(Status="running")
    task = world.take()
    assert world.stage(task) is Stage.CLAIMED
    world.become(Status="stopped")
    world.sweep_after(60)
    assert world.stage(task) is Stage.STARTED


def test_an_aborted_execution_stops_its_replication(world):
    task = world.take()
    world.become(Status="running")
    world.activity.abort(task)
    world.sweep_after(60)
    assert len(world.client.stopped) == 1
    assert not world.table.records
    assert not world.table.holders


def test_an_event_brings_the_outcome_before_the_next_sweep(world):
    task = world.take()
    world.become(**full_load())
    world.runner.on_event(event())
    assert isinstance(world.outcome(task), Succeeded)
