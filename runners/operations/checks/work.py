"""Whether the work goes on: dead letters, records of jobs, executions that wait for a runner."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from runners.active_jobs import ActiveJobs
from runners.admission import waits
from runners.job import Running, Stage
from runners.operations.checks import Finding, Scene, ok, problem, unchecked, warning
from runners.operations.executions import state_machines
from runners.operations.printing import plural, rough, said_by
from runners.operations.records import short_key
from runners.tables import items_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from runners.job import ActiveJob
    from runners.services import Service

MANY_ATTEMPTS = 20
LONG_WAIT = timedelta(hours=1)
EXECUTIONS_LOOKED_AT = 100  # of one state machine, the newest
_NAMED = 3  # of several jobs


def dead_letters(scene: Scene) -> Iterator[Finding]:
    """Check that no event lies in the dead-letter queue."""
    sqs, name = scene.client("sqs"), scene.environment.dead_letter_queue
    subject = f"queue {name}"
    try:
        url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    except sqs.exceptions.QueueDoesNotExist:
        yield problem(subject, "is not there: events that fail are lost", "type `pynt deploy`")
        return
    kinds = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=kinds)["Attributes"]
    waiting = sum(int(told.get(kind, 0)) for kind in kinds)
    if waiting:
        yield warning(
            subject,
            f"has {plural(waiting, 'dead letter')}: events that a function failed to handle",
            "mend the cause, then type `runners redrive events`",
        )
    else:
        yield ok(subject, "is empty")


# Jobs


def jobs(scene: Scene, service_of: Callable[[str], Service]) -> Iterator[Finding]:
    """Check each runner's records: that they can be read, go on, and are what the service says."""
    table = ActiveJobs(scene.environment.active_jobs_table, scene.client("dynamodb"))
    for service in scene.services:
        subject = f"jobs {service}"
        before = _keys(scene, service)
        active = list(table.of_runner(service))
        unreadable = (before & _keys(scene, service)) - {job.task_key for job in active}
        findings = [*_unreadable(scene, subject, service, unreadable), *_of_records(scene, subject, active)]
        started = [job for job in active if job.stage is Stage.STARTED]
        if started:
            findings += _of_runs(subject, started, service_of(service))
        yield from findings or [ok(subject, f"{plural(len(active), 'job')} active, {len(started)} of them running")]


def _keys(scene: Scene, runner: str) -> set[str]:
    """Return the keys of all of a runner's records, also of those that cannot be read."""
    items = items_of(
        scene.client("dynamodb").query,
        TableName=scene.environment.active_jobs_table,
        KeyConditionExpression="runner = :runner",
        ExpressionAttributeValues={":runner": {"S": runner}},
        ProjectionExpression="task_key",
        ConsistentRead=True,
    )
    return {item["task_key"]["S"] for item in items}


def _unreadable(scene: Scene, subject: str, service: str, keys: Iterable[str]) -> Iterator[Finding]:
    for key in keys:
        where = f'{{"runner":{{"S":"{service}"}},"task_key":{{"S":"{key}"}}}}'
        yield problem(
            subject,
            f"the record {key} cannot be read, so nobody follows its job",
            "look at its run, if it has one, then delete it: `aws dynamodb delete-item --table-name "
            f"{scene.environment.active_jobs_table} --key '{where}'`",
        )


def _of_records(scene: Scene, subject: str, active: Sequence[ActiveJob]) -> Iterator[Finding]:
    most = scene.environment.max_active_jobs
    if len(active) >= most:
        yield problem(subject, f"{len(active)} are active and {most} may be: no task is taken", "raise max_active_jobs")
    left = [
        job
        for job in active
        if job.stage is not Stage.STARTED and not waits(job) and job.lease_expires_at + scene.patience < scene.now
    ]
    if left:
        yield problem(
            subject,
            f"nobody goes on with {_named(left)}: the lease has been over for "
            f"{rough(scene.now - min(job.lease_expires_at for job in left))}",
            "does the runner take its turns? `runners jobs release KEY` fails a task that must not wait",
        )
    waiting = [job for job in active if waits(job)]
    if waiting and (longest := scene.now - min(job.claimed_at for job in waiting)) > LONG_WAIT:
        yield warning(
            subject,
            f"{plural(len(waiting), 'job')} waiting to be started, the first for {rough(longest)}",
            "its service is busy, or a limit of the runner is reached: `runners jobs list` shows what runs",
        )
    tried = [job for job in active if job.attempt >= MANY_ATTEMPTS and not waits(job)]
    if tried:
        yield warning(
            subject, f"the start of {_named(tried)} was tried {MANY_ATTEMPTS} times or more", "`runners jobs show KEY`"
        )


def _of_runs(subject: str, started: Sequence[ActiveJob], service: Service) -> Iterator[Finding]:
    try:
        statuses = service.describe(started)
    except Exception as error:  # whatever a service answers, the other checks go on
        yield unchecked(subject, f"{service.name} did not say how its runs are: {said_by(error)}")
        return
    silent = [job for job in started if job.task_key not in statuses]
    if silent:
        yield unchecked(subject, f"{service.name} did not say how {_named(silent)} is")
    ended = [job for job in started if not isinstance(statuses.get(job.task_key, Running("")), Running)]
    if ended:
        yield warning(
            subject,
            f"{_named(ended)} ended at {service.name}, which is not reported yet",
            "look again in a minute: if it stays so, the runner does not sweep",
        )


def _named(jobs: Sequence[ActiveJob]) -> str:
    names = ", ".join(short_key(job) for job in jobs[:_NAMED])
    return f"{plural(len(jobs), 'job')} ({names}{', …' if len(jobs) > _NAMED else ''})"


# Executions


def waiting_tasks(scene: Scene) -> Iterator[Finding]:
    """Check that no execution waits for an activity that nobody polls."""
    step_functions = scene.client("stepfunctions")
    oldest: dict[str, list[datetime]] = defaultdict(list)
    looked_at, cut = 0, False
    for machine in state_machines(step_functions).values():
        running = step_functions.list_executions(
            stateMachineArn=machine, statusFilter="RUNNING", maxResults=EXECUTIONS_LOOKED_AT
        )
        cut = cut or "nextToken" in running
        for execution in running["executions"]:
            looked_at += 1
            for activity, since in not_taken(step_functions, execution["executionArn"]):
                oldest[activity].append(since)
    patience = timedelta(seconds=scene.environment.longest_schedule_seconds)
    late = {activity: min(since) for activity, since in oldest.items() if scene.now - min(since) > patience}
    for activity, since in late.items():
        yield problem(
            f"activity {activity.rsplit(':', 1)[-1]}",
            f"{plural(len(oldest[activity]), 'task')} waiting for it, the first for {rough(scene.now - since)}: nobody "
            "polls it, or its runner takes no more",
            "see its function and rule above, or start its worker",
        )
    if not late:
        some = f" (the newest {EXECUTIONS_LOOKED_AT} of each state machine)" if cut else ""
        yield ok("executions", f"{plural(looked_at, 'execution')} running{some}, none waits long for a runner")


def not_taken(step_functions: Any, execution: str) -> list[tuple[str, datetime]]:
    """Return the activities that an execution waits for although nobody has taken its task, and since when."""
    pages = step_functions.get_paginator("get_execution_history").paginate(executionArn=execution)
    scheduled: dict[int, tuple[str, datetime]] = {}
    for page in pages:
        for event in page["events"]:
            if event["type"] == "ActivityScheduled":
                resource = event["activityScheduledEventDetails"]["resource"]
                scheduled[event["id"]] = (resource, event["timestamp"])
            elif event["type"].startswith("Activity"):
                scheduled.pop(event["previousEventId"], None)
    return list(scheduled.values())
