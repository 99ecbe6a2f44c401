"""Whether what is deployed is there, up to date and switched on."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from runners.active_jobs import BY_RUN
from runners.deployment import templates
from runners.deployment.activities import activity_arn
from runners.deployment.environment import STEPS_SERVICE
from runners.deployment.templates import CODE_KEY
from runners.operations.checks import Finding, Scene, ok, problem, unchecked, warning
from runners.operations.printing import plural, rough

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runners.deployment.plan import Stack

DEPLOY = "type `pynt deploy`"
LATELY = timedelta(minutes=15)
_WHOLE = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE"})


# Stacks


def stacks(scene: Scene) -> Iterator[Finding]:
    """Check that each stack is there, whole, and made of the templates and settings on this machine."""
    for stack in scene.stacks:
        subject, described = f"stack {stack.name}", scene.described(stack.name)
        if described is None:
            yield problem(subject, "is not there", DEPLOY)
        elif described["StackStatus"] not in _WHOLE:
            yield problem(subject, f"is {described['StackStatus']}", f"look at its events, then {DEPLOY}")
        elif changes := _changes(scene, stack, described):
            yield warning(subject, f"is {described['StackStatus']}, but not up to date: {', '.join(changes)}", DEPLOY)
        else:
            yield ok(subject, f"{described['StackStatus']}, up to date")


def _changes(scene: Scene, stack: Stack, described: Any) -> list[str]:
    """Return what an update would change: the template, or parameters by name. The functions' code is not compared."""
    body = scene.client("cloudformation").get_template(StackName=stack.name)["TemplateBody"]
    mine = templates.body(stack.template)
    changes = [] if _text(body).strip() == mine.strip() else ["the template"]
    there = {each["ParameterKey"]: each.get("ParameterValue", "") for each in described.get("Parameters", [])}
    given = {"Environment": scene.name, "Service": stack.service, CODE_KEY: there.get(CODE_KEY, "")}
    if stack.takes_outputs_of:
        given |= scene.outputs(stack.takes_outputs_of)
    wanted = templates.parameters(stack.template, scene.environment, given)
    return changes + sorted(name for name, value in wanted.items() if there.get(name, value) != value)


def _text(body: Any) -> str:
    return body if isinstance(body, str) else json.dumps(body)


# Tables


def tables(scene: Scene) -> Iterator[Finding]:
    """Check that the tables are there, with their keys, their index and what makes them forget."""
    environment = scene.environment
    yield from _table(scene, environment.active_jobs_table, ("runner", "task_key"), BY_RUN)
    yield from _table(scene, environment.arrivals_table, ("bucket", "key"))
    if STEPS_SERVICE in scene.services:
        yield from _table(scene, environment.steps_cursors_table, ("step",), is_to_forget=False)
        yield from _table(scene, environment.steps_completions_table, ("completion_key",))


def _table(
    scene: Scene, name: str, keys: tuple[str, ...], index: str = "", *, is_to_forget: bool = True
) -> Iterator[Finding]:
    subject, dynamodb = f"table {name}", scene.client("dynamodb")
    try:
        table = dynamodb.describe_table(TableName=name)["Table"]
    except dynamodb.exceptions.ResourceNotFoundException:
        yield problem(subject, "is not there: what needs it fails", DEPLOY)
        return
    own = tuple(key["AttributeName"] for key in sorted(table["KeySchema"], key=lambda key: key["KeyType"]))
    indexes = {each["IndexName"]: each.get("IndexStatus", "ACTIVE") for each in table.get("GlobalSecondaryIndexes", [])}
    if own != keys:
        yield problem(subject, f"has the keys {', '.join(own)}, and not {', '.join(keys)}", "it is another table")
    elif table["TableStatus"] not in ("ACTIVE", "UPDATING"):
        yield problem(subject, f"is {table['TableStatus']}", "wait for its end, then look again")
    elif index and indexes.get(index) not in ("ACTIVE", "UPDATING"):
        yield problem(subject, f"has no index {index}: events find no job, only sweeps do", DEPLOY)
    elif _forgets(dynamodb, name) == is_to_forget:
        yield ok(subject, f"ACTIVE, with {'keys, index' if index else 'keys'} and time to live as they should be")
    elif is_to_forget:
        yield warning(subject, "does not forget: its time to live is switched off, so it grows", DEPLOY)
    else:
        yield problem(subject, "forgets: its time to live is switched on, and steps begin anew", DEPLOY)


def _forgets(dynamodb: Any, name: str) -> bool:
    told = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    return told.get("TimeToLiveStatus") in ("ENABLED", "ENABLING") and told.get("AttributeName") == "expires_at"


# Activities


def activities(scene: Scene) -> Iterator[Finding]:
    """Check that each runner's activity exists."""
    step_functions = scene.client("stepfunctions")
    for service in scene.services:
        arn = activity_arn(service, scene.environment)
        subject = f"activity {arn.rsplit(':', 1)[-1]}"
        try:
            step_functions.describe_activity(activityArn=arn)
        except step_functions.exceptions.ActivityDoesNotExist:
            yield problem(subject, "is not there: executions that ask it fail", DEPLOY)
        else:
            yield ok(subject, "is there")


# Functions


def functions(scene: Scene) -> Iterator[Finding]:
    """Check that each function is there, may run, and did so lately without errors."""
    for service in scene.services:
        for function in scene.functions(service):
            if service in scene.workers and function.endswith("runner"):
                yield ok(f"function {function}", "is not looked at: a worker polls for it")
            else:
                yield from _function(scene, function)


def _function(scene: Scene, name: str) -> Iterator[Finding]:
    subject, functions = f"function {name}", scene.client("lambda")
    try:
        told = functions.get_function_configuration(FunctionName=name)
    except functions.exceptions.ResourceNotFoundException:
        yield problem(subject, "is not there", f"{DEPLOY}; or say --worker SERVICE, if a worker polls for it")
        return
    reserved = functions.get_function_concurrency(FunctionName=name).get("ReservedConcurrentExecutions")
    if told.get("State", "Active") not in ("Active", "Inactive"):
        yield problem(subject, f"is {told['State']}: {told.get('StateReason', 'no reason given')}", DEPLOY)
    elif told.get("LastUpdateStatus", "Successful") == "Failed":
        yield problem(subject, f"was not updated: {told.get('LastUpdateStatusReason', 'no reason given')}", DEPLOY)
    elif reserved == 0:
        yield problem(
            subject,
            "is switched off: its reserved concurrency is 0",
            f"type `aws lambda delete-function-concurrency --function-name {name}` once it may run again",
        )
    else:
        yield ok(subject, "is there and may run")
        yield _ran_lately(scene, name)


def _ran_lately(scene: Scene, name: str) -> Finding:
    subject, lately = f"function {name}", rough(LATELY)
    if scene.environment.embedded:
        return unchecked(subject, "the embedded AWS does not count invocations")
    invocations, errors, throttles = (_sum(scene, name, each) for each in ("Invocations", "Errors", "Throttles"))
    logs = f"`aws logs tail /aws/lambda/{name} --since 15m` shows why"
    if throttles:
        return problem(subject, f"was throttled {throttles} times within {lately}", "see `quota` below")
    if errors:
        return problem(subject, f"failed {errors} of {invocations} times within {lately}", logs)
    if not invocations and name.endswith("runner"):
        return problem(
            subject,
            f"was not invoked within {lately}: nobody polls",
            "see its rule below; is it enabled, with a target?",
        )
    return ok(subject, f"was invoked {plural(invocations, 'time')} within {lately}, without errors")


def _sum(scene: Scene, function: str, metric: str) -> int:
    told = scene.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/Lambda",
        MetricName=metric,
        Dimensions=[{"Name": "FunctionName", "Value": function}],
        StartTime=scene.now - LATELY,
        EndTime=scene.now,
        Period=int(LATELY.total_seconds()),
        Statistics=["Sum"],
    )
    return int(sum(point["Sum"] for point in told["Datapoints"]))


# Rules


def rules(scene: Scene) -> Iterator[Finding]:
    """Check that each rule of EventBridge is enabled and has a target."""
    for stack in scene.stacks:
        if scene.described(stack.name) is None:
            continue  # told already
        pages = scene.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack.name)
        for page in pages:
            for resource in page["StackResourceSummaries"]:
                if resource["ResourceType"] == "AWS::Events::Rule":
                    by_worker = stack.service in scene.workers
                    yield _rule(
                        scene, stack.name, resource["LogicalResourceId"], resource["PhysicalResourceId"], by_worker
                    )


def _rule(scene: Scene, stack: str, logical: str, name: str, by_worker: bool) -> Finding:
    subject, events = f"rule {stack}/{logical}", scene.client("events")
    try:
        rule = events.describe_rule(Name=name)
    except events.exceptions.ResourceNotFoundException:
        return problem(subject, "is not there", DEPLOY)
    what = rule.get("ScheduleExpression") or "events"
    targets = events.list_targets_by_rule(Rule=name)["Targets"]
    if rule["State"] == "DISABLED":
        if by_worker:
            return ok(subject, "is disabled; a worker polls")
        return problem(subject, f"is disabled ({what})", f"type `aws events enable-rule --name {name}`")
    if not targets:
        return problem(subject, f"has no target ({what})", DEPLOY)
    return ok(subject, f"is enabled ({what}) for {', '.join(each['Arn'].rsplit(':', 1)[-1] for each in targets)}")
