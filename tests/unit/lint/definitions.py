"""Definitions for tests: a state as it should be, and what differs from it."""

from __future__ import annotations

import json
from typing import Any

from runners.deployment import environment
from runners.lint.findings import Finding
from runners.lint.knowledge import Knowledge
from runners.lint.linting import Report, lint

ACTIVITY = "arn:aws:states:us-east-1:123456789012:activity"
LOCAL = Knowledge(environment.load("local"))

RIGHT: dict[str, Any] = {
    "Type": "Task",
    "Resource": f"{ACTIVITY}:GlueRunnerActivity",
    "Parameters": {"GlueJobName": "LoadSales", "ExecutionArn.$": "$$.Execution.Id"},
    "TimeoutSeconds": 10800,
    "HeartbeatSeconds": 300,
    "Retry": [{"ErrorEquals": ["States.Timeout", "States.HeartbeatTimeout", "ClaimFailedError"], "MaxAttempts": 2}],
    "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Tell"}],
    "End": True,
}


def state(**changes: Any) -> dict[str, Any]:
    """The right state with changes; a field that is None is left out."""
    return {name: value for name, value in {**RIGHT, **changes}.items() if value is not None}


def machine(task: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A state machine with one task, and a state that failures go to."""
    return {"StartAt": "Load", "States": {"Load": task, "Tell": {"Type": "Succeed"}}, **fields}


def linted(definition: Any, knowledge: Knowledge = LOCAL, **options: Any) -> Report:
    text = definition if isinstance(definition, str) else json.dumps(definition, indent=2)
    return lint(text, "a.json", knowledge, **options)


def found(definition: Any, knowledge: Knowledge = LOCAL, **options: Any) -> list[Finding]:
    return linted(definition, knowledge, **options).findings


def rules(definition: Any, knowledge: Knowledge = LOCAL, **options: Any) -> list[str]:
    """The names of the rules that found something."""
    return [finding.name for finding in found(definition, knowledge, **options)]
