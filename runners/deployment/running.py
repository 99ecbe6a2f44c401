"""What still runs when an environment is torn down: it is stopped here, since its runners go before they could."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mypy_boto3_glue import GlueClient
    from mypy_boto3_stepfunctions import SFNClient

    from runners.deployment.progress import Progress

_NEWEST_RUNS = 200  # of a Glue job; the most that GetJobRuns gives at once
_RUNS_OF_ONE_STOP = 25  # the most that BatchStopJobRun takes


def stop_executions(step_functions: SFNClient, state_machine: str, progress: Progress) -> None:
    """Stop the executions of a state machine, which is not gone before they are."""
    running = step_functions.get_paginator("list_executions").paginate(
        stateMachineArn=state_machine, statusFilter="RUNNING"
    )
    try:
        executions = [execution for page in running for execution in page["executions"]]
    except step_functions.exceptions.StateMachineDoesNotExist:
        return  # deleted by hand, or by a teardown that was interrupted
    for execution in executions:
        step_functions.stop_execution(executionArn=execution["executionArn"], cause="torn down")
        progress.say(f"{execution['name']}: execution stopped")


def stop_glue_runs(glue: GlueClient, jobs: Iterable[str], progress: Progress) -> None:
    """Stop the runs of Glue jobs: each costs and writes on."""
    for job in jobs:
        try:
            newest = glue.get_job_runs(JobName=job, MaxResults=_NEWEST_RUNS)["JobRuns"]
        except glue.exceptions.EntityNotFoundException:
            continue  # not deployed, or deleted already
        running = [run["Id"] for run in newest if run["JobRunState"] in ("STARTING", "RUNNING", "WAITING")]
        for start in range(0, len(running), _RUNS_OF_ONE_STOP):
            glue.batch_stop_job_run(JobName=job, JobRunIds=running[start : start + _RUNS_OF_ONE_STOP])
        for run in running:
            progress.say(f"{job}: run {run} stopped")
