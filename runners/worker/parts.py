"""Putting a worker's parts together from their settings, and seeing whether what they need is there.

The parts share their clients, so that a process with many runners has one pool of connections to each service.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from runners import clients
from runners.active_jobs import ActiveJobs
from runners.activity import Activity
from runners.composition import runner_of, service_of
from runners.errors import ConfigurationError
from runners.file_activities import file_activities
from runners.observer import Observers
from runners.retries import error_code, error_message
from runners.runner import CALLS_AT_ONCE
from runners.telemetry import observer_of
from runners.worker.part import Part

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from runners.observer import Observer
    from runners.services import Service
    from runners.settings import Settings

_WHAT_TO_DO = {
    "ActivityDoesNotExist": "Type `pynt deploy`, or correct its ARN.",
    "InvalidArn": "Correct its ARN.",
    "ResourceNotFoundException": "Type `pynt deploy`, or correct its name; is the region right?",
    "AccessDeniedException": "Give the worker's role the right to do so.",
}


def parts_of(
    settings: Sequence[Settings], metrics: Observer, thread_ended: Callable[[], None] = lambda: None
) -> list[Part]:
    """Return a part for each runner's settings; nothing runs yet.

    Args:
        settings: of each runner; what is the process's, such as where lineage goes, is taken from the first.
        metrics: is told of all runners' work, besides what the settings ask for.
        thread_ended: see ``Part``.

    Raises:
        ConfigurationError: a setting is wrong.

    """
    with clients.shared(sum(each.polls + CALLS_AT_ONCE for each in settings)):
        services = [service_of(each) for each in settings]
        observer = Observers(metrics, observer_of(settings[0], *services))
        return [_part(*each, observer, thread_ended) for each in zip(services, settings, strict=True)]


def check(settings: Sequence[Settings]) -> None:
    """See whether the activities and the tables are there.

    Raises:
        ConfigurationError: some are not, or AWS cannot be asked; the message names each.

    """
    with clients.shared(clients.CONNECTIONS):
        problems = [problem for each in settings for problem in _problems(each)]
    if problems:
        raise ConfigurationError("the worker cannot begin.\n" + "\n".join(dict.fromkeys(problems)))


def _part(service: Service, settings: Settings, observer: Observer, thread_ended: Callable[[], None]) -> Part:
    polls, reports = clients.step_functions_polls(), clients.step_functions()
    own = Activity(settings.activity_arn, settings.worker_name, polls, reports)
    return Part(
        runner_of(service, settings, observer),
        [own] * settings.polls,
        settings,
        file_activities=lambda: file_activities(settings.data_buckets, settings.worker_name, polls, reports),
        thread_ended=thread_ended,
    )


def _problems(settings: Settings) -> list[str]:
    activity, table = settings.activity_arn, settings.active_jobs_table
    records = ActiveJobs(table, clients.dynamodb()).of_runner(settings.service)
    return [
        *_problem(f"the activity {activity}", lambda: clients.step_functions().describe_activity(activityArn=activity)),
        *_problem(f"the table {table}", lambda: next(iter(records), None)),
    ]


def _problem(what: str, look: Callable[[], object]) -> list[str]:
    try:
        look()
    except ClientError as error:
        code = error_code(error)
        return [f"{what}: {code}: {error_message(error).removesuffix('.')}. {_WHAT_TO_DO.get(code, '')}".strip()]
    except BotoCoreError as error:
        return [f"{what} cannot be looked at: {error}"]
    return []
