"""The settings of a runner, typed, read from the environment that its template gives it.

The values themselves are written in ``config/`` and nowhere else; the defaults here are for a worker that is
started by hand.
"""

from __future__ import annotations

from collections.abc import Mapping  # pydantic reads it
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from runners.errors import ConfigurationError

PREFIX = "RUNNERS_"


def _names(value: object) -> object:
    return _listed(value) if isinstance(value, str) else value


def _listed(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _limits(value: object) -> object:
    return (
        {name.strip(): limit for name, _, limit in (one.rpartition("=") for one in _listed(value))}
        if isinstance(value, str)
        else value
    )


class Settings(BaseModel):
    """What a runner needs to know; ``RUNNERS_`` and the field's name in capitals is the environment variable."""

    model_config = ConfigDict(frozen=True)

    active_jobs_table: str = Field(min_length=3)
    """The DynamoDB table of active jobs."""

    service: str = ""
    """The service whose jobs the runner runs, e.g. ``glue`` (see ``runners.composition.SERVICES``)."""

    activity_arn: str = ""
    """The activity that the runner polls, and by whose account and region lineage names its jobs."""

    arrivals_table: str = ""
    """The DynamoDB table of arrivals; only for the Lambda that records them."""

    completions_table: str = ""
    """The DynamoDB table in which functions and steps report how they end; only for the runners of these."""

    step_processes: int = Field(default=8, ge=1, le=1000)
    """Steps that a worker runs at a time, each in a process of its own; further ones wait, claimed."""

    environment: str = ""
    """The environment whose connections steps use (see ``runners.steps.settings``); only for the runner of steps."""

    cursors_table: str = ""
    """The DynamoDB table of the cursors of incremental steps; only for the runner of steps."""

    data_buckets: Annotated[tuple[str, ...], BeforeValidator(_names)] = ()
    """Buckets for which activities named ``{bucket}-{filename}`` are polled too; comma-separated."""

    state_machines: str = "*"
    """By name, the state machines whose tasks a Lambda function polls for; ``*`` stands for anything."""

    worker_name: str = "etl-runners"
    """What the execution's history shows as the worker; a Lambda function's own name if not set."""

    polls: int = Field(default=10, ge=1, le=1000)
    """Open polls of the activity at a time, at most."""

    max_active_jobs: int = Field(default=1000, ge=1)
    """Jobs at a time, started or waiting to start; no poll is opened for more."""

    max_running_jobs: int | None = Field(default=None, ge=1)
    """Jobs at a time that run at the service or are being started; further ones wait, claimed. None: no limit."""

    max_running_by_name: Annotated[Mapping[str, Annotated[int, Field(ge=1)]], BeforeValidator(_limits)] = {}
    """The same for single jobs by their name, e.g. ``SalesJob=2,JoinJob=1``."""

    max_dpu: float | None = Field(default=None, gt=0)
    """Data processing units that the running jobs may have together; only Glue's jobs have any. None: no limit."""

    starts_per_second: float | None = Field(default=None, gt=0)
    """Jobs that this process starts in a second, at most; None: what the service's own quota allows."""

    metrics: Literal["none", "emf"] = "none"
    """``emf``: metrics as log lines, in CloudWatch's embedded metric format."""

    lineage: str = ""
    """Where OpenLineage events go: ``file:PATH`` or an ``http(s)://`` address; nowhere if empty."""

    sweep_interval_seconds: float = Field(default=15.0, gt=0)
    """Seconds from one sweep to the next while polls are open."""

    heartbeat_interval_seconds: float = Field(default=30.0, gt=0)
    """Seconds from one heartbeat of a job to the next, at least; state machines allow several of these."""

    retry_start_seconds: float = Field(default=10.0, ge=0)
    """Seconds until a job that its service could not start yet is tried again."""

    lease_seconds: float = Field(default=120.0, gt=0)
    """Seconds for which a claim gives the sole right to start the job; longer than a start may take."""

    start_takes_at_most_seconds: float = Field(default=90.0, gt=0)
    """Seconds that must be left of a lease for a start to be made: two calls up to their read time-outs, attempts
    that did not connect, and waits. Less is safe only where calls are surely answered sooner."""

    stop_abandoned_jobs: bool = True
    """Whether the job is stopped when its execution was aborted or timed out, or left running."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"
    """Python's name of a log level."""

    @model_validator(mode="after")
    def _a_lease_outlasts_a_start(self) -> Settings:
        if self.lease_seconds <= self.start_takes_at_most_seconds:
            raise ValueError("lease_seconds must be more than start_takes_at_most_seconds, or nothing is ever started")
        return self

    @property
    def start_takes_at_most(self) -> timedelta:
        """``start_takes_at_most_seconds`` as a duration."""
        return timedelta(seconds=self.start_takes_at_most_seconds)

    @property
    def sweep_interval(self) -> timedelta:
        """``sweep_interval_seconds`` as a duration."""
        return timedelta(seconds=self.sweep_interval_seconds)

    @property
    def heartbeat_interval(self) -> timedelta:
        """``heartbeat_interval_seconds`` as a duration."""
        return timedelta(seconds=self.heartbeat_interval_seconds)

    @property
    def retry_start_after(self) -> timedelta:
        """``retry_start_seconds`` as a duration."""
        return timedelta(seconds=self.retry_start_seconds)

    @property
    def lease(self) -> timedelta:
        """``lease_seconds`` as a duration."""
        return timedelta(seconds=self.lease_seconds)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read the settings from environment variables.

        Raises:
            ConfigurationError: a variable is missing or wrong; the message names each.

        """
        values: dict[str, Any] = {
            name: environment[PREFIX + name.upper()]
            for name in cls.model_fields
            if environment.get(PREFIX + name.upper(), "") != ""
        }
        if function := environment.get("AWS_LAMBDA_FUNCTION_NAME"):
            values.setdefault("worker_name", function)
        try:
            return cls(**values)
        except ValidationError as error:
            problems = "; ".join(
                f"{PREFIX}{str(problem['loc'][0]).upper()}: {problem['msg']}" if problem["loc"] else problem["msg"]
                for problem in error.errors()
            )
            raise ConfigurationError(
                f"the runner's environment is not complete, or wrong: {problems}. Set the variables, or deploy the "
                "stack again."
            ) from None
