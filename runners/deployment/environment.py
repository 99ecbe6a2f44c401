"""What differs between environments: the model of the files in ``config/``, the only place where a value is written.

It reads and checks; it never talks to AWS and holds no value of its own. A template's parameter ``MaxActiveJobs``
is the setting ``max_active_jobs``: templates ask for settings by name, and nothing is written twice.
"""

from __future__ import annotations

import difflib
import json
import os
import platform
import re
import sys
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from runners.errors import ConfigurationError

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / "config"
SCHEMA = CONFIG / "environment.schema.json"
VARIABLE = "ETL_ENVIRONMENT"
DEFAULT = "local"  # costs nothing and harms nothing

WORKFLOW_SERVICE = "glue"
STEPS_SERVICE = "step"
STEPS_FUNCTION = "steps"  # answers state machines itself; as a service, steps run in a worker
_HEARTBEATS_PER_TIMEOUT = 3  # a single late heartbeat must not end a task


def _bucket_name(name: str) -> str:
    if ".." in name or "." in name:
        raise ValueError("a bucket's name has no dots here: with dots, TLS cannot check its certificate")
    if name.startswith("xn--") or name.endswith("-s3alias"):
        raise ValueError("a bucket's name begins not with xn-- and ends not with -s3alias")
    return name


BucketName = Annotated[
    str, Field(min_length=3, max_length=63, pattern=r"^[a-z0-9][a-z0-9.-]*[a-z0-9]$"), AfterValidator(_bucket_name)
]
Arn = Annotated[str, Field(pattern=r"^arn:[^,*?\s]+$", max_length=2048)]
ResourceName = Annotated[str, Field(min_length=3, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]
Names = tuple[Annotated[str, Field(pattern=r"^[^,*?\s]([^,*?]*[^,*?\s])?$", max_length=255)], ...]
ServiceName = Literal[
    "athena",
    "batch",
    "crawler",
    "databrew",
    "dms",
    "ecs",
    "emr",
    "emrserverless",
    "glue",
    "glueworkflow",
    "lambda",
    "redshift",
    "step",
]
SERVICES: tuple[str, ...] = get_args(ServiceName)
"""The services that can be switched on, each with a template ``cloudformation/<service>-runner.yaml``."""
Prefix = Annotated[str, Field(pattern=r"^([A-Za-z0-9_=-]+/)+$")]

# What each service cannot do without: of each group at least one.
_USED_BY: dict[str, tuple[tuple[str, ...], ...]] = {
    "athena": (("athena_work_groups",),),
    "batch": (("batch_job_queues",), ("batch_job_definitions",)),
    "crawler": (("crawlers",),),
    "databrew": (("databrew_jobs",),),
    "ecs": (("ecs_clusters",), ("ecs_task_definitions",)),
    "emrserverless": (("emr_serverless_applications",), ("emr_serverless_roles",)),
    "glueworkflow": (("glue_workflows",),),
    "lambda": (("lambda_jobs",),),
    "redshift": (("redshift_clusters", "redshift_workgroup_ids"),),
}


class Limits(BaseModel):
    """How much of a service its runner uses at a time; what is left out has no limit."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    max_running_jobs: Annotated[int, Field(ge=1)] | None = None
    """Jobs that run at a time; further ones wait, in order of priority and arrival."""

    max_running_by_name: dict[Annotated[str, Field(pattern=r"^[^,]+$")], Annotated[int, Field(ge=1)]] | None = None
    """The same for single jobs by their name, e.g. `{SalesJob: 2}`."""

    max_dpu: Annotated[float, Field(gt=0)] | None = None
    """Data processing units that the running jobs may have together; only Glue's jobs have any."""

    starts_per_second: Annotated[float, Field(gt=0)] | None = None
    """Jobs that one process starts in a second; left out: what AWS's own quota allows."""


class Environment(BaseModel):
    """One environment: an AWS account and region, or the embedded AWS, and every value that is used there."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, title="An environment of the ETL runners"
    )

    embedded: bool
    """Whether this is the embedded AWS on this machine (true) or an AWS account (false)."""

    account_id: Annotated[str, Field(pattern=r"^\d{12}$", examples=["123456789012"])]
    """The AWS account, 12 digits in quotes; nothing is deployed to any other.
    `aws sts get-caller-identity --query Account` prints it."""

    region: Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$", examples=["eu-central-1"])]
    """The AWS region."""

    notification_email: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")] | None = None
    """Who is written to when an alarm goes off or an execution fails; leave it out to subscribe nobody."""

    artifact_bucket: BucketName | None = None
    """The bucket of the Lambda package and the Glue scripts; left out: etl-runners-artifacts-{account}-{region}."""

    data_bucket: BucketName | None = None
    """The bucket of the data; left out: etl-runners-data-{account}-{region}."""

    sales_prefix: Prefix
    """Where sales data is uploaded in the data bucket; ends with a slash."""

    marketing_prefix: Prefix
    """Where marketing data is uploaded in the data bucket; ends with a slash."""

    output_prefix: Prefix
    """Where the Glue jobs write in the data bucket; ends with a slash."""

    glue_scripts_prefix: Prefix
    """Where the Glue scripts lie in the artifact bucket; ends with a slash."""

    old_version_days: Annotated[int, Field(ge=1, le=3650)]
    """Days for which an overwritten or deleted object can be brought back."""

    services: Annotated[
        tuple[ServiceName, ...],
        Field(
            json_schema_extra={"uniqueItems": True, "contains": {"const": WORKFLOW_SERVICE}},
            examples=[[WORKFLOW_SERVICE], [WORKFLOW_SERVICE, "athena"]],
        ),
    ]
    """The services whose runners are deployed. `glue` is always among them, as the workflow's jobs run there; of a
    service that is not, nothing is deployed, and so nothing is paid."""

    state_machine: ResourceName
    """The state machine that orchestrates the workflow."""

    failure_topic: ResourceName
    """The SNS topic that is told of failed executions."""

    glue_runner_activity: ResourceName
    """The activity of Glue jobs."""

    data_arrival_activity: ResourceName
    """The activity of waits for data."""

    glue_task_timeout_seconds: Annotated[int, Field(ge=60, le=31536000)]
    """Seconds until a task that runs a Glue job is given up, from its scheduling to its outcome."""

    wait_task_timeout_seconds: Annotated[int, Field(ge=60, le=31536000)]
    """Seconds until a wait for data is given up."""

    task_heartbeat_seconds: Annotated[int, Field(ge=30, le=31536000)]
    """Seconds without a heartbeat after which a task's worker counts as lost; at least three heartbeats fit in."""

    lost_worker_retries: Annotated[int, Field(ge=0, le=10)]
    """How often a task is tried again after its worker was lost or its time was over."""

    lost_worker_retry_seconds: Annotated[int, Field(ge=1, le=3600)]
    """Seconds before the first such retry; each further one waits twice as long."""

    athena_work_groups: Names = ()
    """Athena: the work groups whose queries are run."""

    athena_output_prefix: Prefix
    """Athena: where queries may write in the data bucket, results and the data of tables; ends with a slash."""

    other_athena_databases: Names = ()
    """Athena: databases that queries use besides the one of the Glue tables."""

    other_athena_buckets: tuple[BucketName, ...] = ()
    """Athena: buckets that queries read besides the data bucket."""

    batch_job_queues: Names = ()
    """Batch: the queues that jobs are submitted to."""

    batch_job_definitions: Names = ()
    """Batch: the job definitions that are run, in any revision."""

    crawlers: Names = ()
    """Glue crawlers: those that are run."""

    databrew_jobs: Names = ()
    """Glue DataBrew: the jobs that are run."""

    ecs_clusters: Names = ()
    """ECS: the clusters on which tasks are run."""

    ecs_task_definitions: Names = ()
    """ECS: the families of the task definitions that are run, in any revision."""

    ecs_roles: Names = ()
    """ECS: the roles that those task definitions name, with their paths: execution roles and task roles."""

    emr_serverless_applications: Names = ()
    """EMR Serverless: the ids of the applications that jobs are run on."""

    emr_serverless_roles: Names = ()
    """EMR Serverless: the roles that jobs are run as, with their paths."""

    glue_workflows: Names = ()
    """Glue workflows: those that are run."""

    lambda_jobs: Names = ()
    """Lambda: the functions that are run and report how they end."""

    job_completions_table: ResourceName
    """Lambda: the DynamoDB table in which those functions report."""

    redshift_clusters: Names = ()
    """Redshift: the clusters that statements are run on."""

    redshift_workgroup_ids: Names = ()
    """Redshift: the ids of the serverless workgroups that statements are run on, UUIDs."""

    redshift_users: Names = ()
    """Redshift: the database users whom statements on a cluster may name to run as them, without a password."""

    redshift_secrets: Names = ()
    """Redshift: the secrets, by name, that statements may take their user and password from."""

    steps_connections: Names = ()
    """Steps: the connections that they use, by name; each is the parameter `/etl/{environment}/connections/{name}` of
    SSM, a SecureString."""

    steps_secrets: Names = ()
    """Steps: the secrets of Secrets Manager, by name, that are connections too (`secretsmanager:{name}`)."""

    steps_read_buckets: tuple[BucketName, ...] = ()
    """Steps: the buckets that they read."""

    steps_write_buckets: tuple[BucketName, ...] = ()
    """Steps: the buckets that they read and write."""

    steps_tables: Names = ()
    """Steps: the DynamoDB tables that they read and write."""

    steps_queues: Names = ()
    """Steps: the SQS queues that they receive from and send to."""

    steps_topics: Names = ()
    """Steps: the SNS topics that they publish to."""

    steps_functions: Names = ()
    """Steps: the Lambda functions that they call."""

    steps_email_identities: Names = ()
    """Steps: the identities of SES, domains or addresses, that e-mails are sent from."""

    steps_athena_work_groups: Names = ()
    """Steps: the work groups of Athena whose queries they run."""

    steps_athena_databases: Names = ()
    """Steps: the databases of the Glue catalog that those queries use."""

    steps_redshift_clusters: Names = ()
    """Steps: the clusters of Redshift that they read and write."""

    steps_redshift_workgroup_ids: Names = ()
    """Steps: the serverless workgroups of Redshift that they read and write, by id, UUIDs."""

    steps_redshift_users: Names = ()
    """Steps: the database users whom they may name on those clusters, without a password."""

    steps_layers: tuple[Arn, ...] = ()
    """Steps: layers of the function, with their versions: the clients of single systems, and steps of your own."""

    steps_subnets: Annotated[
        tuple[Annotated[str, Field(pattern=r"^subnet-[0-9a-f]+$")], ...], Field(max_length=16)
    ] = ()
    """Steps: the subnets that the function runs in, to reach databases there; left out: no VPC."""

    steps_security_groups: Annotated[
        tuple[Annotated[str, Field(pattern=r"^sg-[0-9a-f]+$")], ...], Field(max_length=5)
    ] = ()
    """Steps: the function's security groups in those subnets."""

    steps_memory_megabytes: Annotated[int, Field(ge=512, le=10240)]
    """Steps: memory of the function in MB; its share of a processor grows with it, one whole at 1769."""

    steps_timeout_seconds: Annotated[int, Field(ge=30, le=900)]
    """Steps: seconds that a step may take as a function; what takes longer runs in a worker."""

    steps_cursors_table: ResourceName
    """Steps: the DynamoDB table of how far incremental steps have come."""

    steps_completions_table: ResourceName
    """Steps: the DynamoDB table in which steps of a worker report how they end."""

    glue_database: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,255}$")]
    """The Glue database of the tables."""

    sales_job: ResourceName
    """The Glue job that processes sales data."""

    marketing_job: ResourceName
    """The Glue job that processes marketing data."""

    join_job: ResourceName
    """The Glue job that joins the two."""

    other_glue_jobs: tuple[ResourceName, ...]
    """Further Glue jobs that your own state machines start through the runner."""

    glue_version: Literal["4.0", "5.0"]
    """The version of Glue."""

    glue_worker_type: Literal["G.1X", "G.2X", "G.4X", "G.8X"]
    """The size of a job's workers, if its task does not say."""

    glue_workers: Annotated[int, Field(ge=2, le=299)]
    """The number of a job's workers, if its task does not say."""

    glue_concurrent_runs: Annotated[int, Field(ge=1, le=1000)]
    """Runs of one job at a time; the runner holds further ones back until they can start."""

    glue_job_timeout_minutes: Annotated[int, Field(ge=1, le=10080)]
    """Minutes until Glue ends a run."""

    active_jobs_table: ResourceName
    """The DynamoDB table of active jobs."""

    arrivals_table: ResourceName
    """The DynamoDB table of arrivals."""

    dead_letter_queue: ResourceName
    """The SQS queue of events that a Lambda function failed to handle."""

    alarm_topic: ResourceName
    """The SNS topic of alarms."""

    lambda_runtime: Literal["python3.11", "python3.12", "python3.13", "host"]
    """The Lambda functions' runtime; `host` is the Python of this machine, for the embedded AWS."""

    lambda_architecture: Literal["arm64", "x86_64", "host"]
    """The Lambda functions' processor; `host` is that of this machine, for the embedded AWS."""

    lambda_memory_megabytes: Annotated[int, Field(ge=128, le=10240)]
    """Memory of a Lambda function in MB."""

    runner_timeout_seconds: Annotated[int, Field(ge=90, le=900)]
    """Seconds that a turn of a runner may take; an open poll alone takes 60."""

    object_created_timeout_seconds: Annotated[int, Field(ge=10, le=900)]
    """Seconds that recording an arrival may take."""

    runner_schedule: Annotated[str, Field(pattern=r"^rate\((1 minute|[2-5] minutes)\)$")]
    """How often a turn of a runner begins: `rate(1 minute)` to `rate(5 minutes)`."""

    log_retention_days: Literal[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 3653]
    """Days for which logs of Lambda functions are kept."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"]
    """The least severe log lines that the runners write."""

    max_active_jobs: Annotated[int, Field(ge=1, le=100000)]
    """Jobs of one runner at a time."""

    polls: Annotated[int, Field(ge=1, le=1000)]
    """Open polls of one turn at a time, at most."""

    sweep_interval_seconds: Annotated[float, Field(gt=0, le=60)]
    """Seconds from one sweep over the active jobs to the next."""

    heartbeat_interval_seconds: Annotated[float, Field(gt=0, le=3600)]
    """Seconds from one heartbeat of a job to the next, at least."""

    retry_start_seconds: Annotated[float, Field(ge=0, le=3600)]
    """Seconds until a job that could not start yet is tried again."""

    stop_abandoned_jobs: bool
    """Whether a job whose execution was aborted or timed out is stopped, or left running."""

    state_machines: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.*-]{1,80}$")]
    """The state machines whose tasks the runners poll for, by name; `*` stands for anything, as in `etl-*`. Executions
    of others do not wake the runners, so an account with many state machines of other kinds names its own here."""

    limits: Annotated[dict[ServiceName, Limits], Field(examples=[{"glue": {"max_running_jobs": 20}}])] | None = None
    """What the runners hold back, by service; leave it out for no limits."""

    metrics: Literal["none", "emf"]
    """`emf`: the runners write metrics for CloudWatch into their logs; an idle one writes none."""

    lineage: Annotated[str, Field(pattern=r"^https?://")] | None = None
    """The address that OpenLineage events of the runners are posted to; leave it out for none."""

    longest_schedule_seconds: Annotated[int, Field(ge=60)]
    """Seconds that a task may wait for a runner before an alarm goes off."""

    @field_validator("services")
    @classmethod
    def _services_are_whole(cls, services: tuple[str, ...]) -> tuple[str, ...]:
        if WORKFLOW_SERVICE not in services:
            raise ValueError(f"{WORKFLOW_SERVICE} is missing, where the workflow's jobs run")
        if len(set(services)) < len(services):
            raise ValueError("a service is named twice")
        return services

    @model_validator(mode="after")
    def _services_know_what_they_may_use(self) -> Environment:
        for service in self.services:
            for either in _USED_BY.get(service, ()):
                if not any(getattr(self, setting) for setting in either):
                    raise ValueError(
                        f"{service} is switched on, but {' and '.join(either)} name{'s' * (len(either) == 1)} nothing "
                        "that its runner may use"
                    )
        return self

    @model_validator(mode="after")
    def _steps_can_run(self) -> Environment:
        if bool(self.steps_subnets) != bool(self.steps_security_groups):
            raise ValueError("steps_subnets and steps_security_groups go together: name both, or neither")
        if STEPS_SERVICE in self.services and not self.embedded and self.lambda_runtime == "python3.11":
            raise ValueError(
                "step is switched on, whose libraries want a newer Linux than Lambda's python3.11 has: set "
                "lambda_runtime to python3.12 or python3.13"
            )
        return self

    @model_validator(mode="after")
    def _durations_agree(self) -> Environment:
        if self.task_heartbeat_seconds < self.least_heartbeat_seconds:
            raise ValueError(
                f"task_heartbeat_seconds must be at least {self.least_heartbeat_seconds:g}: three times "
                f"heartbeat_interval_seconds and the {self.turn_interval_seconds} seconds from one turn to the next "
                f"({self.runner_schedule}), or one late heartbeat counts as a lost worker"
            )
        if not self.embedded and "host" in (self.lambda_runtime, self.lambda_architecture):
            raise ValueError("lambda_runtime and lambda_architecture cannot be `host` in an AWS account")
        return self

    @property
    def turn_interval_seconds(self) -> int:
        """Seconds from one turn of a runner to the next."""
        return int(re.sub(r"\D", "", self.runner_schedule)) * 60

    @property
    def least_heartbeat_seconds(self) -> float:
        """Seconds that ``HeartbeatSeconds`` of a task allows at least, so that one late heartbeat does not end it.

        A turn that opens no poll ends at once: then heartbeats are sent by the next one.
        """
        return _HEARTBEATS_PER_TIMEOUT * self.heartbeat_interval_seconds + self.turn_interval_seconds

    def changed(self, **settings: Any) -> Environment:
        """Return the environment as it were with other settings, such as ``services``, in its file.

        Raises:
            ConfigurationError: a setting is misspelt, or its value is wrong.

        """
        return _environment("changed settings", {**self.model_dump(), **settings}).resolved()

    def resolved(self) -> Environment:
        """Return the environment with what was left open filled in: names of buckets, what `host` stands for."""
        suffix = f"{self.account_id}-{self.region}"
        return self.model_copy(
            update={
                "artifact_bucket": self.artifact_bucket or f"etl-runners-artifacts-{suffix}",
                "data_bucket": self.data_bucket or f"etl-runners-data-{suffix}",
                "lambda_runtime": host_runtime() if self.lambda_runtime == "host" else self.lambda_runtime,
                "lambda_architecture": host_architecture()
                if self.lambda_architecture == "host"
                else self.lambda_architecture,
            }
        )

    def value_of(self, setting: str, service: str = "") -> Any:
        """Return the value of a setting or, if it is a limit, that of a service; None if there is none."""
        if setting in Limits.model_fields:
            return getattr((self.limits or {}).get(service), setting, None)  # type: ignore[call-overload]
        return getattr(self, setting, None)

    def completions_table_of(self, service: str) -> str:
        """Return the table in which the jobs of a service report how they end; of most services, none does."""
        return self.steps_completions_table if service == STEPS_SERVICE else self.job_completions_table

    @property
    def glue_jobs(self) -> tuple[str, ...]:
        """The names of all Glue jobs that the runner may start."""
        return (self.sales_job, self.marketing_job, self.join_job, *self.other_glue_jobs)

    @property
    def athena_databases(self) -> tuple[str, ...]:
        """The databases that Athena's queries may use."""
        return (self.glue_database, *self.other_athena_databases)

    @property
    def athena_buckets(self) -> tuple[str, ...]:
        """The buckets that Athena's queries may read."""
        return (str(self.resolved().data_bucket), *self.other_athena_buckets)

    @property
    def steps_buckets(self) -> tuple[str, ...]:
        """The buckets that steps read: those that they only read, and those that they write."""
        return tuple(dict.fromkeys((*self.steps_read_buckets, *self.steps_write_buckets)))

    @property
    def longest_schedule_milliseconds(self) -> int:
        """``longest_schedule_seconds`` in the unit of the metric that the alarm watches."""
        return self.longest_schedule_seconds * 1000


def host_runtime() -> str:
    """Return the Lambda runtime that is this machine's Python."""
    return f"python{sys.version_info.major}.{sys.version_info.minor}"


def host_architecture() -> str:
    """Return Lambda's name of this machine's processor."""
    return "arm64" if platform.machine().lower() in ("arm64", "aarch64") else "x86_64"


def chosen(name: str | None = None) -> str:
    """Return the environment's name: the one given, else that in ``ETL_ENVIRONMENT``, else `local`."""
    return name or os.environ.get(VARIABLE) or DEFAULT


def load(name: str | None = None, config: Path = CONFIG) -> Environment:
    """Read and check ``config/{name}.yaml`` and return it resolved; without a name, the chosen one.

    Raises:
        ConfigurationError: there is no such file, or a value in it is missing, misspelt or wrong.

    """
    name = chosen(name)
    path = config / f"{name}.yaml"
    if not re.fullmatch(r"[A-Za-z0-9_-]+", name) or not path.is_file():
        known = sorted(file.stem for file in config.glob("*.yaml"))
        raise ConfigurationError(
            f"there is no environment {name!r}{nearest(name, known)} Environments: {', '.join(known)}; "
            f"a new one is a new file {config.name}/<name>.yaml."
        )
    shown = f"{config.name}/{path.name}"
    try:
        text = path.read_text(encoding="utf-8")
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{shown} is not YAML: {error}. Mend the file.") from None
    if not isinstance(values, dict):
        raise ConfigurationError(f"{shown} holds no settings; each line is `name: value`.")
    if twice := _named_twice(text):
        raise ConfigurationError(f"{shown}: {', '.join(twice)} stands there twice. Remove one of the lines.")
    return _environment(shown, values).resolved()


def _named_twice(text: str) -> list[str]:
    """Return the settings that a file has more than once; of these YAML would take the last and say nothing."""
    mapping: Any = yaml.compose(text, yaml.SafeLoader)
    names = [key.value for key, _ in mapping.value]
    return sorted({name for name in names if names.count(name) > 1})


def _environment(shown: str, values: dict[str, Any]) -> Environment:
    try:
        return Environment(**{str(key): value for key, value in values.items()})
    except ValidationError as error:
        problems = [f"{shown}: {_explained(problem, values)}" for problem in error.errors()]
        raise ConfigurationError("\n".join(problems)) from None


def _explained(problem: Any, values: dict[str, Any]) -> str:
    where = ".".join(str(part) for part in problem["loc"])
    key = str(problem["loc"][0]) if problem["loc"] else ""
    if problem["type"] == "extra_forbidden" and len(problem["loc"]) > 1:
        return f"there is no limit {problem['loc'][-1]!r}{nearest(problem['loc'][-1], list(Limits.model_fields))}"
    if problem["type"] == "extra_forbidden":
        unused = [name for name in Environment.model_fields if name not in values]
        return f"there is no setting {key!r}{nearest(key, unused)} Correct or remove that line."
    field = Environment.model_fields.get(key)
    if field is None:
        return f"{problem['msg'].removeprefix('Value error, ')}."
    meaning = " ".join((field.description or "").split())
    if values.get(key) is None:
        examples = field.examples or _metadata_examples(key)
        example = f"{key}: {_as_typed(examples[0])}" if examples else f"{key}: …"
        return f"{key} has no value. It is: {meaning} Type it there, as in `{example}`."
    return f"{where}: {_in_words(problem)} It is: {meaning}"


def _in_words(problem: Any) -> str:
    """Say what is wrong with a value as whoever writes the file understands it, who knows no tuples."""
    if problem["type"] == "tuple_type":
        return "this is a list, written in brackets, as in `[one, another]`."
    if problem["type"] == "literal_error" and isinstance(problem["input"], str):
        allowed = re.findall(r"'([^']*)'", problem["ctx"]["expected"])
        return f"there is no {problem['input']!r} here{nearest(problem['input'], allowed)} {problem['msg']}."
    return f"{problem['msg'].removeprefix('Value error, ')}."


def _as_typed(value: Any) -> str:
    return yaml.safe_dump(value, default_style='"', default_flow_style=True).strip()


def _metadata_examples(key: str) -> list[Any]:
    schema = Environment.model_json_schema()["properties"][key]
    return list(schema.get("examples", schema.get("enum", [])))


def nearest(name: str, known: list[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the known name that is nearest to a wrong one, else a full stop."""
    matches = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {matches[0]!r}?" if matches else "."


def on_loopback(endpoint: str) -> bool:
    """Whether an endpoint is on this machine."""
    return urlsplit(endpoint).hostname in ("127.0.0.1", "localhost", "::1")


def check_endpoint(environment: Environment) -> None:
    """See that the embedded environment meets only the embedded AWS, and an AWS account's never does.

    Raises:
        ConfigurationError: ``AWS_ENDPOINT_URL`` does not fit the environment.

    """
    endpoint = os.environ.get("AWS_ENDPOINT_URL", "")
    loopback = on_loopback(endpoint)
    if environment.embedded and not loopback:
        raise ConfigurationError(
            "the local environment runs on the embedded AWS only, and AWS_ENDPOINT_URL does not point to it. Type "
            "`runners local` (or `make local`) in another terminal and export the variables that it prints; "
            f"for an AWS account, choose its environment: {VARIABLE}=dev."
        )
    if not environment.embedded and loopback:
        raise ConfigurationError(
            f"AWS_ENDPOINT_URL is {endpoint}, an AWS on this machine, but this environment is an AWS account's. "
            "Type `unset AWS_ENDPOINT_URL` (and unset the embedded AWS's credentials), or choose "
            f"{VARIABLE}=local."
        )


def schema() -> dict[str, Any]:
    """Return the JSON schema of the files in ``config/``, for editors."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Environment.model_json_schema()}


def write_schema(path: Path = SCHEMA) -> Path:
    """Write the JSON schema of the files in ``config/`` and return where it lies."""
    path.write_text(json.dumps(schema(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return path
