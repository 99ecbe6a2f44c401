"""What the build commands do, in the right order: an environment's buckets, package, scripts and stacks.

Every command can be repeated, and after an interruption it goes on where it stopped. None asks anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3

from runners.active_jobs import ActiveJobs
from runners.deployment import artifacts, buckets, packaging, plan, running, templates
from runners.deployment.account import Account
from runners.deployment.environment import SERVICES, WORKFLOW_SERVICE, chosen, load
from runners.deployment.packaging import BUILD, Package
from runners.deployment.plan import SERVICE_OF, Stack
from runners.deployment.progress import Progress
from runners.deployment.stacks import Change, Stacks
from runners.deployment.templates import CODE_KEY, known
from runners.errors import ConfigurationError, DeploymentError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from runners.deployment.recipes import Recipe

DELETE_DATA = "delete-data"


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
        self._uploaded: dict[str, Package] = {}

    @property
    def stacks(self) -> tuple[Stack, ...]:
        """The stacks that ``deploy`` makes, in their order."""
        return plan.stacks_of(self.environment.services)

    @property
    def functions(self) -> tuple[str, ...]:
        """The names of the Lambda functions that ``deploy`` makes."""
        return plan.functions_of(self.environment.services)

    def package_lambda(self, *functions: str) -> list[Package]:
        """Build the packages of the Lambda functions; all share one, but that of the steps, which has its own."""
        functions = self._known(functions, self.functions, "Lambda function")
        return [self._packaged(recipe) for recipe in dict.fromkeys(map(plan.recipe_of, functions))]

    def deploy_lambda(self, *functions: str) -> list[Package]:
        """Package and upload the Lambda functions' code, for the stacks to take."""
        functions = self._known(functions, self.functions, "Lambda function")
        return [self._uploaded_package(recipe) for recipe in dict.fromkeys(map(plan.recipe_of, functions))]

    def update_lambda(self, *functions: str) -> None:
        """Package, upload and put the code into functions that are deployed, without an update of their stack."""
        functions = self._known(functions, self.functions, "Lambda function")
        self._check()
        client = self._account.client("lambda")
        for function in functions:
            package = self._uploaded_package(plan.recipe_of(function))
            try:
                artifacts.update_function(client, function, self._artifact_bucket, package, self.progress)
            except client.exceptions.ResourceNotFoundException:
                raise DeploymentError(
                    f"the Lambda function {function} is not deployed. Type `pynt createstack` first."
                ) from None

    def deploy_glue_scripts(self) -> None:
        """Upload the Glue scripts."""
        self._check()
        self._upload_scripts()

    def create_stack(self, *names: str) -> None:
        """Create stacks; those that exist are left as they are."""
        self._change(self._wanted(names), self._stacks.create)

    def update_stack(self, *names: str) -> None:
        """Update stacks that exist."""
        self._change(self._wanted(names), self._stacks.update)

    def delete_stack(self, *names: str) -> None:
        """Delete stacks, the last deployed first; the data bucket must be empty."""
        every = {stack.name: stack for stack in (*plan.stacks_of(SERVICES), *plan.samples())}
        chosen_ones = [every[name] for name in names and known(names, tuple(every), "stack")]
        self._account.check()
        self._delete(chosen_ones or [*self.stacks, *self._besides()])

    def stack_status(self) -> dict[str, str]:
        """Show and return the status of each stack."""
        self._account.check()
        names = [stack.name for stack in (*self.stacks, *self._besides())]
        statuses = {name: self._stacks.status(name) or "not created" for name in names}
        for name, status in statuses.items():
            self.progress.say(f"{name:<{max(map(len, names))}}  {status}")
        return statuses

    def delete_s3_bucket(self, *names: str) -> None:
        """Empty and delete buckets, with all versions."""
        names = known(names, (self._data_bucket, self._artifact_bucket), "bucket of this environment")
        self._check()
        for name in names:
            buckets.delete(self._account.client("s3"), name, self.progress)

    def deploy(self) -> None:
        """Bring everything up to date: artifact bucket, scripts, package, stacks; what was switched off goes.

        Raises:
            DeploymentError: the runner of a service that was switched off still has jobs; nothing was changed.

        """
        self.progress.say(f"deploying the environment {self.name} to {self.environment.account_id}")
        self._check()
        switched_off = [stack for stack in self._besides() if stack.service]
        services = sorted({stack.service for stack in switched_off})
        for service in services:
            self._check_idle(service)
        self._upload_scripts()
        self._change(self.stacks, self._stacks.apply)
        for service in services:
            self.progress.say(f"{service} is switched off in config/{self.name}.yaml: its runner is deleted")
        self._delete(switched_off)

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
        self._stop_what_runs()
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
        for stack in self.stacks:
            self._stacks.check_owner(stack.name)

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

    def _upload_scripts(self) -> None:
        self._make_artifact_bucket()
        artifacts.upload_scripts(
            self._account.client("s3"), self._artifact_bucket, self.environment.glue_scripts_prefix, self.progress
        )

    def _packaged(self, recipe: Recipe) -> Package:
        return packaging.package(self.environment, self.progress, self._build, recipe)

    def _uploaded_package(self, recipe: Recipe) -> Package:
        if recipe.name not in self._uploaded:
            package = self._packaged(recipe)
            self._make_artifact_bucket()
            artifacts.upload_package(self._account.client("s3"), self._artifact_bucket, package, self.progress)
            self._uploaded[recipe.name] = package
        return self._uploaded[recipe.name]

    def _known(self, names: tuple[str, ...], own: tuple[str, ...], what: str) -> tuple[str, ...]:
        """Return the names, or all that this environment has if there are none.

        Raises:
            ConfigurationError: a name is wrong, or of a service that is switched off.

        """
        for name in names:
            service = SERVICE_OF.get(name)
            if service and service not in self.environment.services:
                raise ConfigurationError(
                    f"{name} belongs to the runner of {service}, which is switched off. Add {service} to `services` "
                    f"in config/{self.name}.yaml."
                )
        return known(names, own, what)

    def _wanted(self, names: tuple[str, ...]) -> list[Stack]:
        """Return the stacks of these names; without names, those that ``deploy`` makes."""
        there = {stack.name: stack for stack in (*self.stacks, *plan.samples())}
        if not names:
            return list(self.stacks)
        wanted = [there[name] for name in self._known(names, tuple(there), "stack")]
        for stack in wanted:
            self._check_runners_of(stack)
        return wanted

    def _check_runners_of(self, stack: Stack) -> None:
        """See that the activities which a state machine asks are there: without them each execution would fail."""
        missing = sorted(templates.services_asked(stack.template) - set(self.environment.services))
        if missing:
            raise ConfigurationError(
                f"{stack.name} needs the runners of {', '.join(missing)}, which are switched off. Switch them on in "
                f"config/{self.name}.yaml (docs/writing-workflows.md says how), and type `pynt deploy` first."
            )

    def _besides(self) -> list[Stack]:
        """Return the stacks that exist although ``deploy`` does not make them: switched off by now, or samples."""
        owned = self._stacks.owned()
        others = (*plan.stacks_of(SERVICES), *plan.samples())
        return [stack for stack in others if stack.name in owned and stack not in self.stacks]

    def _check_idle(self, service: str) -> None:
        """See that a runner has no jobs: without it nobody would follow them, or keep their tasks alive."""
        if jobs := self._active_jobs(service):
            raise DeploymentError(
                f"{service} is switched off in config/{self.name}.yaml, but its runner still has {jobs} active "
                f"job{'s' * (jobs > 1)}; nothing was changed. `runners jobs {service}` lists them: let them end, then "
                f"deploy again. `pynt 'deletestack[{','.join(plan.names_of(service))}]'` abandons them."
            )

    def _active_jobs(self, service: str) -> int:
        dynamodb = self._account.client("dynamodb")
        try:
            return sum(1 for _ in ActiveJobs(self.environment.active_jobs_table, dynamodb).of_runner(service))
        except dynamodb.exceptions.ResourceNotFoundException:
            return 0  # no table, no jobs

    def _change(self, stacks: Iterable[Stack], change: Callable[[str, str, dict[str, str]], Change | None]) -> None:
        self._account.check()
        for wave in plan.waves(stacks):
            self._follow(
                [change(stack.name, templates.body(stack.template), self._parameters(stack)) for stack in wave]
            )

    def _delete(self, stacks: Sequence[Stack]) -> None:
        for wave in reversed(plan.waves(stacks)):
            self._follow([self._stacks.delete(stack.name) for stack in wave])

    def _parameters(self, stack: Stack) -> dict[str, str]:
        given = {"Environment": self.name, "Service": stack.service}
        if stack.takes_outputs_of:
            given |= self._outputs(stack)
        if templates.needs_code(stack.template):
            given[CODE_KEY] = self._uploaded_package(plan.recipe_of(stack.name)).key
        return templates.parameters(stack.template, self.environment, given)

    def _outputs(self, stack: Stack) -> dict[str, str]:
        outputs = self._stacks.outputs(stack.takes_outputs_of)
        if not outputs:
            raise DeploymentError(
                f"the stack {stack.name} takes outputs of {stack.takes_outputs_of}, which is not deployed. "
                f"Type `pynt createstack[{stack.takes_outputs_of}]` first."
            )
        return outputs

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

    def _stop_what_runs(self) -> None:
        outputs = [self._stacks.outputs(stack.name) for stack in (*self.stacks, *self._besides())]
        for state_machine in {found["StateMachineArn"] for found in outputs if "StateMachineArn" in found}:
            running.stop_executions(self._account.client("stepfunctions"), state_machine, self.progress)
        own = self.environment
        jobs = (own.sales_job, own.marketing_job, own.join_job)
        running.stop_glue_runs(self._account.client("glue"), jobs, self.progress)
        for service in own.services:
            if service != WORKFLOW_SERVICE and (going_on := self._active_jobs(service)):
                self.progress.say(f"{service}: nobody follows these any more, they may go on: {going_on} active jobs")
