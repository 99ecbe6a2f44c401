"""Whether the account lets the runners work: clocks, permissions, quotas."""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from runners.clients import MAX_POLLS
from runners.deployment.environment import STEPS_SERVICE
from runners.operations.checks import Finding, Scene, ok, problem, unchecked, warning
from runners.operations.printing import rough

if TYPE_CHECKING:
    from collections.abc import Iterator

SKEW_THAT_WARNS = timedelta(seconds=60)
SKEW_THAT_HARMS = timedelta(minutes=5)  # beyond it AWS refuses signatures, and leases mean something else
POLLING_TURNS = 2  # one turn at a time opens polls; while one takes over from another, both have some open
ROOM = 0.8  # of a quota that may be used up without a warning

# The quota of jobs at a time by its name in Service Quotas; a service that is not here has none that matters.
_JOBS_AT_A_TIME = {
    "athena": ("athena", "Active DML queries"),
    "glue": ("glue", "Max concurrent job runs per account"),
}


def credentials(scene: Scene) -> Iterator[Finding]:
    """Say whose credentials these are; that they are the environment's account was checked before."""
    told = scene.client("sts").get_caller_identity()
    yield ok(
        "credentials", f"account {told['Account']}, {scene.environment.region}, as {told['Arn'].rsplit(':', 1)[-1]}"
    )


def clock(scene: Scene) -> Iterator[Finding]:
    """Compare this machine's clock with AWS's, by the date of an answer, which has whole seconds."""
    before = datetime.now(UTC)
    headers = scene.client("sts").get_caller_identity()["ResponseMetadata"]["HTTPHeaders"]
    after = datetime.now(UTC)
    if "date" not in headers:
        yield unchecked("clock", "the answer had no date")
        return
    yield judged(parsedate_to_datetime(headers["date"]) - (before + (after - before) / 2))


def judged(skew: timedelta) -> Finding:
    """Return what is to be said of a clock that differs by so much from AWS's."""
    size = abs(skew)
    told = f"this machine's clock is {rough(size)} {'behind' if skew > timedelta(0) else 'ahead of'} AWS's"
    advice = "let it be set by NTP, such as `timedatectl set-ntp true`"
    if size > SKEW_THAT_HARMS:
        return problem("clock", told, f"{advice}: AWS refuses what is signed so, and leases are misjudged")
    if size > SKEW_THAT_WARNS:
        return warning("clock", told, advice)
    return ok("clock", "this machine's clock and AWS's agree")


# Permissions


def permissions(scene: Scene) -> Iterator[Finding]:
    """Simulate what the policies of each function's role allow: boundaries and the organisation may take it away."""
    functions = scene.client("lambda")
    for service in scene.services:
        for name in scene.functions(service):
            try:
                role = functions.get_function_configuration(FunctionName=name)["Role"]
            except functions.exceptions.ResourceNotFoundException:
                continue  # told already
            yield _allowed(scene.client("iam"), f"role of {name}", role)


def _allowed(iam: Any, subject: str, role: str) -> Finding:
    denied, actions = [], 0
    for statement in _statements(iam, role.rsplit("/", 1)[-1]):
        if statement.get("Effect") != "Allow" or "Action" not in statement or "Condition" in statement:
            continue
        names = _several(statement["Action"])
        actions += len(names)
        pages = iam.get_paginator("simulate_principal_policy").paginate(
            PolicySourceArn=role, ActionNames=names, ResourceArns=_several(statement["Resource"])
        )
        for page in pages:
            denied += [
                f"{result['EvalActionName']} ({result['EvalDecision']})"
                for result in page["EvaluationResults"]
                if result["EvalDecision"] != "allowed"
            ]
    if denied:
        some = ", ".join(sorted(set(denied)))
        return problem(subject, f"is denied {some}", "look for a permissions boundary or a policy of the organisation")
    return ok(subject, f"may do all {actions} actions that its policies name")


def _statements(iam: Any, role: str) -> Iterator[dict[str, Any]]:
    for page in iam.get_paginator("list_role_policies").paginate(RoleName=role):
        for name in page["PolicyNames"]:
            document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
            yield from _several(_document(document)["Statement"])
    for page in iam.get_paginator("list_attached_role_policies").paginate(RoleName=role):
        for policy in page["AttachedPolicies"]:
            arn = policy["PolicyArn"]
            version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
            document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
            yield from _several(_document(document)["Statement"])


def _document(document: Any) -> Any:
    return json.loads(document) if isinstance(document, str) else document


def _several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


# Quotas


def quotas(scene: Scene) -> Iterator[Finding]:
    """Compare what the runners may use at a time with what AWS allows."""
    polls = scene.environment.polls * POLLING_TURNS
    told = f"at most {polls} open polls of an activity (those of two turns, for a moment)"
    if polls > MAX_POLLS:
        yield problem("quota polls", f"{told}; Step Functions takes {MAX_POLLS}", "lower `polls` in config/")
    else:
        yield ok("quota polls", f"{told}, of {MAX_POLLS}")
    yield from _invocations(scene)
    for service in scene.services:
        if service in _JOBS_AT_A_TIME:
            yield _jobs_at_a_time(scene, service, *_JOBS_AT_A_TIME[service])


def turns_at_a_time(scene: Scene) -> int:
    """Return how many turns of a runner may overlap: one begins with each tick, and lasts as long as it may."""
    minutes = int(re.sub(r"\D", "", scene.environment.runner_schedule))
    return math.ceil(scene.environment.runner_timeout_seconds / (minutes * 60))


def _invocations(scene: Scene) -> Iterator[Finding]:
    if scene.environment.embedded:
        yield unchecked("quota invocations", "the embedded AWS has no quota of invocations at a time")
        return
    limits = scene.client("lambda").get_account_settings()["AccountLimit"]
    free = limits["UnreservedConcurrentExecutions"]
    runners = [service for service in scene.services if service not in scene.workers and service != STEPS_SERVICE]
    needed = turns_at_a_time(scene) * len(runners)
    told = f"turns take {needed} of the {free} invocations that Lambda allows at a time"
    if needed > free * ROOM:
        yield warning("quota invocations", told, "ask for more: Service Quotas, Lambda, Concurrent executions")
    else:
        yield ok("quota invocations", told)


def _jobs_at_a_time(scene: Scene, service: str, code: str, name: str) -> Finding:
    subject = f"quota {service}"
    if scene.environment.embedded:
        return unchecked(subject, "the embedded AWS has no quotas")
    pages = scene.client("service-quotas").get_paginator("list_service_quotas").paginate(ServiceCode=code)
    found = (quota["Value"] for page in pages for quota in page["Quotas"] if quota["QuotaName"] == name)
    allowed = next(found, None)
    if allowed is None:
        return unchecked(subject, f"Service Quotas does not tell “{name}”")
    limit = scene.environment.value_of("max_running_jobs", service)
    most = scene.environment.max_active_jobs if limit is None else limit
    told = f"the runner may have {most} jobs at a time, “{name}” is {allowed:g}"
    if most > allowed:
        return warning(
            subject, f"{told}: further ones wait", f"raise the quota, or limit {service}'s max_running_jobs in config/"
        )
    return ok(subject, told)
