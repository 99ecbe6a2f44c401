"""What the build commands do, in the right order: an environment's buckets, package, scripts and stacks.

Every command can be repeated, and after an interruption it goes on where it stopped. None asks anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3

from runners.deployment import artifacts, buckets, packaging, templates
from runners.deployment.account import Account
from runners.deployment.environment import chosen, load
from runners.deployment.packaging import BUILD, FUNCTIONS, Package
from runners.deployment.progress import Progress
from runners.deployment.stacks import Change, Stacks
from runners.deployment.templates import CODE_KEY, STACKS, WAVES, known
from runners.errors import ConfigurationError, DeploymentError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

DELETE_DATA = "delete-data"
_NEWEST_RUNS = 200  # of a Glue job; the most that GetJobRuns gives at once
_RUNS_OF_ONE_STOP = 25  # the most that BatchStopJobRun takes


class Deployment:
    """One environment and the commands on it. Names given to a command choose what it works on; none means all."""

    def __init__(self, environment: str | None = None, progress: Progress | None = None, build: Path = BUILD) -> None:
        self.name = chosen(environment)
        self.environment = load(self.name)
        self.progress = progress or Progress()
        self._account = Account(self.environment)
        self._stacks = Stacks(self._account.client("cloudformation"), self.name, self.progress)
        self._build = build
        self._has_artifact_bucket = False
        self._uploaded: Package | None = None

    def package_lambda(self, *functions: str) -> Package:
        """Build the package of the Lambda functions; they share one."""
        known(functions, FUNCTIONS, "Lambda function")
        return packaging.package(self.environment, self.progress, self._build)

    def deploy_lambda(self, *functions: str) -> Package:
        """Package and upload the Lambda functions' code, for the stacks to take."""
        known(functions, FUNCTIONS, "Lambda function")
        return self._uploaded_package()

    def update_lambda(self, *functions: str) -> None:
        """Package, upload and put the code into functions that are deployed, without an update of their stack."""
        functions = known(functions, FUNCTIONS, "Lambda function")
        self._check()
        package = self._uploaded_package()
        client = self._account.client("lambda")
        for function in functions:
            try:
                artifacts.update_function(client, function, self._artifact_bucket, package, self.progress)
            except client.exceptions.ResourceNotFoundException:
                raise DeploymentError(
                    f"the Lambda function {function} is not deployed. Type `pynt createstack` first."
                ) from None

    def deploy_glue_scripts(self) -> None:
        """Upload the Glue scripts."""
        self._check()
        self._make_artifact_bucket()
        artifacts.upload_scripts(
            self._account.client("s3"), self._artifact_bucket, self.environment.glue_scripts_prefix, self.progress
        )

    def create_stack(self, *stacks: str) -> None:
        """Create stacks; those that exist are left as they are."""
        self._change(known(stacks, STACKS, "stack"), self._stacks.create)

    def update_stack(self, *stacks: str) -> None:
        """Update stacks that exist."""
        self._change(known(stacks, STACKS, "stack"), self._stacks.update)

    def delete_stack(self, *stacks: str) -> None:
        """Delete stacks, the last deployed first; the data bucket must be empty."""
        stacks = known(stacks, STACKS, "stack")
        self._account.check()
        for wave in reversed(WAVES):
            self._follow([self._stacks.delete(stack) for stack in wave if stack in stacks])

    def stack_status(self) -> dict[str, str]:
        """Show and return the status of each stack."""
        self._account.check()
        statuses = {stack: self._stacks.status(stack) or "not created" for stack in STACKS}
        for stack, status in statuses.items():
            self.progress.say(f"{stack:<{max(map(len, STACKS))}}  {status}")
        return statuses

    def delete_s3_bucket(self, *names: str) -> None:
        """Empty and delete buckets, with all versions."""
        names = known(names, (self._data_bucket, self._artifact_bucket), "bucket of this environment")
        self._check()
        for name in names:
            buckets.delete(self._account.client("s3"), name, self.progress)

    def deploy(self) -> None:
        """Bring everything up to date: artifact bucket, scripts, package, stacks."""
        self.progress.say(f"deploying the environment {self.name} to {self.environment.account_id}")
        self.deploy_glue_scripts()
        self._change(STACKS, self._stacks.apply)

    def teardown(self, consent: str = "") -> None:
        """Delete everything: executions, job runs, stacks, buckets. Data in an AWS account only with ``delete-data``.

        Raises:
            DeploymentError: the data bucket holds data, and nothing was said about deleting it.

        """
        self._check()
        s3 = self._account.client("s3")
        if consent not in ("", DELETE_DATA):
            raise ConfigurationError(f"teardown takes nothing but {DELETE_DATA}: `pynt teardown[{DELETE_DATA}]`.")
        if not (self.environment.embedded or consent) and buckets.holds_objects(s3, self._data_bucket):
            raise DeploymentError(
                f"s3://{self._data_bucket} holds data, and nothing was deleted. "
                f"`pynt teardown[{DELETE_DATA}]` deletes everything, the data too."
            )
        self.progress.say(f"tearing down the environment {self.name} in {self.environment.account_id}")
        self._stop_executions()
        self._stop_glue_runs()
        if self._stacks.status("data-arrivals"):
            buckets.empty(s3, self._data_bucket, self.progress)
        self.delete_stack()
        buckets.delete(s3, self._artifact_bucket, self.progress)

    @property
    def _artifact_bucket(self) -> str:
        return self.environment.artifact_bucket or ""

    @property
    def _data_bucket(self) -> str:
        return self.environment.data_bucket or ""

    def _check(self) -> None:
        """See that account and stacks are this environment's, before what no stack guards is changed or deleted.

        Two environments of one account and region have the same names of buckets, scripts and functions.
        """
        self._account.check()
        for stack in STACKS:
            self._stacks.check_owner(stack)

    def _make_artifact_bucket(self) -> None:
        if self._has_artifact_bucket:
            return
        self._account.check()
        buckets.create(
            self._account.client("s3"),
            self._artifact_bucket,
            region=self.environment.region,
            partition=boto3.session.Session().get_partition_for_region(self.environment.region),
            old_version_days=self.environment.old_version_days,
            progress=self.progress,
        )
        self._has_artifact_bucket = True

    def _uploaded_package(self) -> Package:
        if self._uploaded is None:
            package = self.package_lambda()
            self._make_artifact_bucket()
            artifacts.upload_package(self._account.client("s3"), self._artifact_bucket, package, self.progress)
            self._uploaded = package
        return self._uploaded

    def _change(self, stacks: Iterable[str], change: Callable[[str, str, dict[str, str]], Change | None]) -> None:
        self._account.check()
        for wave in WAVES:
            self._follow(
                [change(stack, templates.body(stack), self._parameters(stack)) for stack in wave if stack in stacks]
            )

    def _parameters(self, stack: str) -> dict[str, str]:
        given = {CODE_KEY: self._uploaded_package().key} if templates.needs_code(stack) else {}
        return templates.parameters(stack, self.environment, given)

    def _follow(self, changes: list[Change | None]) -> None:
        """Wait for all changes, which go on at the same time; then report the failures of all."""
        failures = []
        for change in filter(None, changes):
            try:
                self._stacks.follow(change)
            except DeploymentError as error:
                failures.append(str(error))
        if failures:
            raise DeploymentError("\n".join(failures))

    def _stop_executions(self) -> None:
        """Stop what runs: a state machine with running executions is not gone before they are."""
        state_machine = self._stacks.outputs("step-functions-resources").get("StateMachineArn")
        if state_machine is None:
            return
        step_functions = self._account.client("stepfunctions")
        running = step_functions.get_paginator("list_executions").paginate(
            stateMachineArn=state_machine, statusFilter="RUNNING"
        )
        try:
            executions = [execution for page in running for execution in page["executions"]]
        except step_functions.exceptions.StateMachineDoesNotExist:
            return  # deleted by hand, or by a teardown that was interrupted
        for execution in executions:
            step_functions.stop_execution(executionArn=execution["executionArn"], cause="torn down")
            self.progress.say(f"{execution['name']}: execution stopped")

    def _stop_glue_runs(self) -> None:
        """Stop what runs for those executions: its runner is deleted before it would, and a run costs and writes on."""
        glue = self._account.client("glue")
        own = self.environment
        for job in (own.sales_job, own.marketing_job, own.join_job):
            try:
                newest = glue.get_job_runs(JobName=job, MaxResults=_NEWEST_RUNS)["JobRuns"]
            except glue.exceptions.EntityNotFoundException:
                continue  # not deployed, or deleted already
            running = [run["Id"] for run in newest if run["JobRunState"] in ("STARTING", "RUNNING", "WAITING")]
            for start in range(0, len(running), _RUNS_OF_ONE_STOP):
                glue.batch_stop_job_run(JobName=job, JobRunIds=running[start : start + _RUNS_OF_ONE_STOP])
            for run in running:
                self.progress.say(f"{job}: run {run} stopped")
