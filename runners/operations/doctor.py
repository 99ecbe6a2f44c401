"""``runners doctor``: all that must be so for the runners to work, looked at one by one."""

from __future__ import annotations

import argparse
from functools import partial
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from runners.composition import service_of
from runners.errors import ConfigurationError
from runners.operations.jobs import service_name
from runners.operations.opened import Opened, add_environment
from runners.operations.printing import plural, print_json, show_warnings
from runners.retries import error_code, error_message
from runners.runner import utc_now
from runners.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from runners.operations.checks import Finding, Level, Scene
    from runners.services import Service

    Check = Callable[[Scene], Iterable[Finding]]

_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError"})
_NOT_THERE = "The embedded AWS does not have the operation"


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``doctor`` to the command line."""
    doctor = commands.add_parser("doctor", help="check all that must be so for the runners to work")
    doctor.add_argument(
        "services", nargs="*", type=service_name, metavar="SERVICE", help="whose runners; all that are switched on"
    )
    doctor.add_argument(
        "--worker",
        action="append",
        default=[],
        type=service_name,
        metavar="SERVICE",
        help="a worker polls for this service, and no function has to; may be given several times",
    )
    add_environment(doctor)
    doctor.set_defaults(command=_doctor)


def _doctor(options: argparse.Namespace) -> int:
    from runners.operations.checks import Level  # noqa: PLC0415  # needs what only deployment needs

    show_warnings("record_unreadable")  # which is a finding of its own
    opened = Opened(options.environment)
    opened.lead_the_way()
    findings = []
    for finding in diagnosis(scene_of(opened, options.services, options.worker)):
        findings.append(finding)
        if not options.json:
            _print(finding)
    counts = {level: sum(finding.level is level for finding in findings) for level in Level}
    if options.json:
        print_json([vars(finding) for finding in findings])
    else:
        print(f"\n{_in_all(counts)}")
    return 1 if counts[Level.PROBLEM] else 0


def _in_all(counts: Mapping[Level, int]) -> str:
    ok, warnings, problems, unchecked = counts.values()
    return f"{plural(problems, 'problem')}, {plural(warnings, 'warning')}, {unchecked} not checked, {ok} ok"


def scene_of(opened: Opened, services: Iterable[str], workers: Iterable[str]) -> Scene:
    """Return what is to be checked.

    Raises:
        ConfigurationError: a service is not switched on in this environment.

    """
    from runners.operations.checks import ARRIVALS, Scene  # noqa: PLC0415  # as above

    there = (ARRIVALS, *opened.environment.services)
    chosen = tuple(services) or there
    for service in (*chosen, *workers):
        if service not in there:
            raise ConfigurationError(
                f"{service} is switched off in config/{opened.name}.yaml: there is nothing to check. Switched on are "
                f"{', '.join(there)}."
            )
    return Scene(opened.name, opened.environment, opened.client, chosen, frozenset(workers), utc_now())


def diagnosis(scene: Scene) -> Iterator[Finding]:
    """Make each check in turn, and yield what it finds; one that cannot be made stops no other."""
    from runners.operations.checks import account, deployment, unchecked, work  # noqa: PLC0415  # as above

    environment = scene.environment

    def service(name: str) -> Service:
        completions_table = environment.completions_table_of(name)
        return service_of(
            Settings(active_jobs_table=environment.active_jobs_table, completions_table=completions_table, service=name)
        )

    checks: tuple[tuple[str, Check], ...] = (
        ("credentials", account.credentials),
        ("clock", account.clock),
        ("stacks", deployment.stacks),
        ("tables", deployment.tables),
        ("activities", deployment.activities),
        ("functions", deployment.functions),
        ("rules", deployment.rules),
        ("permissions", account.permissions),
        ("quotas", account.quotas),
        ("dead letters", work.dead_letters),
        ("jobs", partial(work.jobs, service_of=service)),
        ("executions", work.waiting_tasks),
    )
    for name, check in checks:
        try:
            yield from check(scene)
        except (ClientError, BotoCoreError) as error:
            yield unchecked(name, _why(error))


def _why(error: ClientError | BotoCoreError) -> str:
    if not isinstance(error, ClientError):
        return str(error)
    if error_message(error).startswith(_NOT_THERE):
        return f"the embedded AWS does not have {error.operation_name}"
    if error_code(error) in _DENIED:
        return f"AWS denies {error.operation_name} to these credentials"
    return f"AWS answered {error.operation_name} with {error_code(error)}: {error_message(error)}"


def _print(finding: Finding) -> None:
    level = finding.level.upper() if finding.level == "problem" else finding.level
    print(f"{level:<11}  {finding.subject}: {finding.told}", flush=True)
    if finding.advice:
        print(f"{'':<11}  → {finding.advice}", flush=True)
