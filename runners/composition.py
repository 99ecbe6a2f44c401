"""Putting a runner together from its settings: the one place that says which parts make which runner."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runners import clients
from runners.active_jobs import ActiveJobs
from runners.activity import Activity
from runners.errors import ConfigurationError
from runners.file_activities import file_activities
from runners.runner import Runner

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

    from runners.services import Service
    from runners.settings import Settings


def runner_of(service: Service, settings: Settings) -> Runner:
    """Return the runner of a service."""
    reports = clients.step_functions()
    activity = Activity(settings.activity_arn, settings.worker_name, polls=reports, reports=reports)
    return Runner(service, activity, ActiveJobs(settings.active_jobs_table, clients.dynamodb()), settings)


def polled_activities(settings: Settings, polls: SFNClient, reports: SFNClient) -> list[Activity]:
    """Return the activities to poll: the runner's own once for each poll, and those that stand for one file.

    Raises:
        ConfigurationError: the settings name no activity.

    """
    if not settings.activity_arn:
        raise ConfigurationError("RUNNERS_ACTIVITY_ARN is not set: say which activity this runner polls")
    own = Activity(settings.activity_arn, settings.worker_name, polls, reports)
    return [own] * settings.polls + file_activities(settings.data_buckets, settings.worker_name, polls, reports)
