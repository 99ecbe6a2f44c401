"""Putting a runner together from its settings: the one place that says which parts make which runner."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runners import clients
from runners.active_jobs import ActiveJobs
from runners.activity import Activity
from runners.errors import ConfigurationError
from runners.executions import RunningExecutions
from runners.file_activities import file_activities
from runners.runner import Runner
from runners.services.athena import Athena
from runners.services.batch import Batch
from runners.services.crawler import Crawler
from runners.services.data_arrivals import DataArrivals
from runners.services.databrew import DataBrew
from runners.services.dms import Dms
from runners.services.ecs import Ecs
from runners.services.emr import Emr
from runners.services.emr_serverless import EmrServerless
from runners.services.glue import Glue
from runners.services.glue_workflow import GlueWorkflow
from runners.services.lambda_function import LambdaFunction
from runners.services.redshift import Redshift
from runners.services.step import StepProcesses
from runners.settings import PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mypy_boto3_stepfunctions import SFNClient

    from runners.observer import Observer
    from runners.services import Service
    from runners.settings import Settings


_MADE_BY: Mapping[type[Service], Callable[[Settings], Service]] = {
    DataArrivals: lambda _: DataArrivals(clients.s3()),
    Glue: lambda _: Glue(clients.glue()),
    Athena: lambda _: Athena(clients.athena()),
    Batch: lambda _: Batch(clients.batch()),
    Ecs: lambda _: Ecs(clients.ecs()),
    LambdaFunction: lambda settings: LambdaFunction(
        clients.lambda_functions(), clients.dynamodb(), settings.completions_table
    ),
    Crawler: lambda _: Crawler(clients.glue()),
    DataBrew: lambda _: DataBrew(clients.databrew()),
    GlueWorkflow: lambda _: GlueWorkflow(clients.glue()),
    Emr: lambda _: Emr(clients.emr()),
    EmrServerless: lambda _: EmrServerless(clients.emr_serverless()),
    Redshift: lambda _: Redshift(clients.redshift_data()),
    Dms: lambda _: Dms(clients.dms()),
    StepProcesses: lambda settings: StepProcesses(
        clients.dynamodb(), settings.completions_table, settings.step_processes, variables=_of_step_processes(settings)
    ),
}
SERVICES = {kind.name: kind for kind in _MADE_BY}
"""The services by name; a new one is a line in the table above."""


def _of_step_processes(settings: Settings) -> dict[str, str]:
    """Return what a step's process is to find in its environment: the settings of its worker that are said."""
    said = {
        "environment": settings.environment,
        "cursors_table": settings.cursors_table,
        "metrics": settings.metrics,
        "lineage": settings.lineage,
        "log_level": settings.log_level,
    }
    return {f"{PREFIX}{name.upper()}": value for name, value in said.items() if value}


def service_of(settings: Settings) -> Service:
    """Return the service that the settings name.

    Raises:
        ConfigurationError: they name none, or one that there is not.

    """
    kind = SERVICES.get(settings.service)
    if kind is None:
        known = ", ".join(sorted(SERVICES))
        raise ConfigurationError(f"RUNNERS_SERVICE is {settings.service!r}, which is no service; there are {known}")
    return _MADE_BY[kind](settings)


def runner_of(service: Service, settings: Settings, observer: Observer | None = None) -> Runner:
    """Return the runner of a service."""
    reports = clients.step_functions()
    activity = Activity(settings.activity_arn, settings.worker_name, polls=reports, reports=reports)
    active_jobs = ActiveJobs(settings.active_jobs_table, clients.dynamodb())
    return Runner(service, activity, active_jobs, settings, observer=observer)


def polled_activities(settings: Settings, polls: SFNClient, reports: SFNClient) -> list[Activity]:
    """Return the activities to poll: the runner's own once for each poll, and those that stand for one file.

    Raises:
        ConfigurationError: the settings name no activity.

    """
    if not settings.activity_arn:
        raise ConfigurationError("RUNNERS_ACTIVITY_ARN is not set: say which activity this runner polls")
    own = Activity(settings.activity_arn, settings.worker_name, polls, reports)
    return [own] * settings.polls + file_activities(settings.data_buckets, settings.worker_name, polls, reports)


def running_executions(settings: Settings, stepfunctions: SFNClient) -> RunningExecutions:
    """Return what says whether tasks may come for the activities that ``polled_activities`` returns."""
    activities = settings.activity_arn.rpartition(":")[0]
    of_files = tuple(f"{activities}:{bucket}-" for bucket in settings.data_buckets)
    return RunningExecutions(
        stepfunctions,
        lambda resource: resource == settings.activity_arn or resource.startswith(of_files),
        settings.state_machines,
    )
