"""A real worker process is killed with SIGKILL, again and again, amid jobs that really run: none is lost or run twice.

Each kill comes at a request that the worker makes to the embedded AWS, before it takes effect or before it is answered;
which one is left to chance, that begins with a seed. Half of the jobs run at Glue, which has no start token: there,
only the runner's records and its search for what was started keep a job from running twice. The others are queries at
Athena.
"""

from __future__ import annotations

import json
import os
import random
import signal
from collections import Counter
from datetime import timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any

from runners.active_jobs import ActiveJobs
from runners.local.server import EmbeddedAWS
from tests.integration.waiting import eventually
from tests.integration.workers import (
    WorkerProcess,
    make_activity,
    make_glue_job,
    make_state_machine,
    make_table,
    variables_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

KILLS = 50
JOBS = 200  # half of them at each service
LIKELY, UNLIKELY = 0.3, 0.04  # how likely a kill comes at a request, once it is decided on
CLAIMS_AND_STARTS = {"PutItem", "StartJobRun", "StartQueryExecution"}  # where most could go wrong
PATIENCE = 90.0  # seconds without progress until the test gives up
APPLICATION = "the-worker"  # by which the worker's requests are told from others

SETTINGS = {
    "AWS_SDK_UA_APP_ID": APPLICATION,
    "RUNNERS_ACTIVE_JOBS_TABLE": "ActiveJobs",
    "RUNNERS_POLLS": "4",
    "RUNNERS_MAX_ACTIVE_JOBS": "8",  # so that work is left for every kill
    "RUNNERS_SWEEP_INTERVAL_SECONDS": "0.1",
    "RUNNERS_HEARTBEAT_INTERVAL_SECONDS": "2",
    "RUNNERS_RETRY_START_SECONDS": "0.5",
    # A job whose worker was killed at its start waits for the end of the lease.
    "RUNNERS_LEASE_SECONDS": "6",
    "RUNNERS_START_TAKES_AT_MOST_SECONDS": "4",
}
TASK = {
    "HeartbeatSeconds": 20,  # a task that was handed out to a worker that died before its claim comes back after it
    "TimeoutSeconds": 600,
    "Retry": [
        {
            "ErrorEquals": ["States.Timeout", "States.HeartbeatTimeout"],
            "IntervalSeconds": 1,
            "MaxAttempts": 20,
            "BackoffRate": 1.0,
        }
    ],
}


class Killer:
    """Stands before the embedded AWS: lets a worker's requests pass, and kills it at one of them."""

    def __init__(self, aws: EmbeddedAWS, chance: random.Random) -> None:
        server: Any = aws._server
        self._answer, server.app = server.app, self
        self._chance = chance
        self._lock = Lock()
        self._worker: WorkerProcess | None = None
        self.successes = 0  # that were acknowledged, or would have been
        self.at: Counter[str] = Counter()
        """At which requests the worker was killed, and whether they took effect."""

    def kill_soon(self, worker: WorkerProcess) -> None:
        """Kill a worker at one of its next requests."""
        with self._lock:
            self._worker = worker

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request over HTTP, as WSGI has it."""
        if f"app/{APPLICATION}" not in environ.get("HTTP_USER_AGENT", ""):
            return self._answer(environ, start_response)
        request = environ.get("HTTP_X_AMZ_TARGET", "a request").rpartition(".")[2]
        kill = self._whom_to_kill_at(request)
        if kill and self._chance.random() < 0.5:
            self.at[f"before {request}"] += 1
            kill.kill()
            start_response("503 Service Unavailable", [])
            return []
        answer = self._answer(environ, self._noting(request, start_response))
        if kill:
            self.at[f"after {request}"] += 1
            kill.kill()
        return answer

    def _whom_to_kill_at(self, request: str) -> WorkerProcess | None:
        with self._lock:
            if self._chance.random() > (LIKELY if request in CLAIMS_AND_STARTS else UNLIKELY):
                return None
            worker, self._worker = self._worker, None
            return worker

    def _noting(self, request: str, start_response: Callable[..., Any]) -> Callable[..., Any]:
        def noting(status: str, *rest: Any) -> Any:
            with self._lock:
                self.successes += request == "SendTaskSuccess" and status.startswith("200")
            return start_response(status, *rest)

        return noting


def test_a_worker_that_is_killed_50_times_amid_200_jobs_loses_none_and_runs_none_twice(tmp_path: Path) -> None:
    seed = int(os.environ.get("KILL_SEED", random.randrange(2**32)))
    print(f"KILL_SEED={seed} repeats these kills, as far as threads do not overtake each other")
    chance = random.Random(seed)
    with EmbeddedAWS(activity_poll_wait=timedelta(milliseconds=500)) as aws:
        make_table(aws)
        activities = {name: make_activity(aws, f"{name}-activity") for name in ("glue", "athena")}
        executions = started(aws, activities)
        killer = Killer(aws, chance)
        variables = variables_of(aws) | SETTINGS | arns(activities)

        for number in range(KILLS):
            worker = WorkerProcess(variables, tmp_path / "log", "glue", "athena")
            enough = number * JOBS // KILLS
            eventually(lambda enough=enough: killer.successes >= enough, PATIENCE)
            killer.kill_soon(worker)
            eventually(lambda worker=worker: worker.process.poll() is not None, PATIENCE)
            assert worker.process.returncode == -signal.SIGKILL, worker.said()
        print(dict(killer.at))
        assert killer.at.total() == KILLS
        assert killer.successes < JOBS

        last = WorkerProcess(variables, tmp_path / "log", "glue", "athena")
        eventually(lambda: len(ended(aws, executions)) == JOBS, PATIENCE)
        eventually(lambda: not active_jobs(aws), PATIENCE)
        last.send(signal.SIGTERM)
        assert last.status() == 0, last.said()

        outcomes = ended(aws, executions)
        assert Counter(outcome["status"] for outcome in outcomes.values()) == {"SUCCEEDED": JOBS}
        reported = {number: run_told_in(outcome) for number, outcome in outcomes.items()}
        runs = [*glue_runs(aws), *athena_runs(aws)]
        assert not [number for number, times in Counter(number for number, _ in runs).items() if times > 1]
        assert len(runs) == JOBS
        assert dict(runs) == reported


def active_jobs(aws: EmbeddedAWS) -> list[Any]:
    table = ActiveJobs("ActiveJobs", aws.client("dynamodb"))
    return [job for runner in ("glue", "athena") for job in table.of_runner(runner)]


def arns(activities: dict[str, str]) -> dict[str, str]:
    return {"RUNNERS_ACTIVITY_ARNS": ",".join(f"{name}={arn}" for name, arn in activities.items())}


def started(aws: EmbeddedAWS, activities: dict[str, str]) -> dict[int, str]:
    """Start an execution for each job, by turns at Glue and at Athena; answer their ARNs by the jobs' numbers."""
    aws.client("s3").create_bucket(Bucket="results")
    aws.client("glue").create_database(DatabaseInput={"Name": "shop"})
    job = {"GlueJobName": make_glue_job(aws, "print('worked')"), "number.$": "States.Format('{}', $.number)"}
    query = {
        "AthenaQueryString.$": "States.Format('SELECT {} AS number', $.number)",
        "AthenaDatabase": "shop",
        "AthenaResultOutputLocation": "s3://results/",
    }
    machines = [
        make_state_machine(aws, "runs-a-job", activities["glue"], job, **TASK),
        make_state_machine(aws, "runs-a-query", activities["athena"], query, **TASK),
    ]
    steps = aws.client("stepfunctions")
    return {
        number: steps.start_execution(stateMachineArn=machines[number % 2], input=json.dumps({"number": number}))[
            "executionArn"
        ]
        for number in range(JOBS)
    }


def ended(aws: EmbeddedAWS, executions: dict[int, str]) -> dict[int, dict[str, Any]]:
    """The executions that have ended, by the jobs' numbers."""
    steps = aws.client("stepfunctions")
    shown = {number: steps.describe_execution(executionArn=arn) for number, arn in executions.items()}
    return {number: each for number, each in shown.items() if each["status"] != "RUNNING"}


def run_told_in(outcome: dict[str, Any]) -> str:
    output = json.loads(outcome["output"])
    return str(output.get("GlueJobRunId") or output.get("AthenaQueryExecutionId") or output)


def glue_runs(aws: EmbeddedAWS) -> list[tuple[int, str]]:
    """All runs that there ever were at Glue: the number that each was given, and its id."""
    pages = aws.client("glue").get_paginator("get_job_runs").paginate(JobName="job")
    return [(int(run["Arguments"]["--number"]), run["Id"]) for page in pages for run in page["JobRuns"]]


def athena_runs(aws: EmbeddedAWS) -> list[tuple[int, str]]:
    """All queries that there ever were at Athena: the number that each asked for, and its id."""
    athena = aws.client("athena")
    pages = athena.get_paginator("list_query_executions").paginate()
    ids = [query for page in pages for query in page["QueryExecutionIds"]]
    texts = {query: athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Query"] for query in ids}
    return [(int(text.split()[1]), query) for query, text in texts.items()]
