"""Findings: what is wrong, where, and how bad that is. How they are printed is not their business."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from runners.lint.reading import START, Position


class Severity(StrEnum):
    """How bad a finding is."""

    ERROR = "error"
    """It will go wrong: at deployment, or some night."""

    WARNING = "warning"
    """It may be meant so, and most often is not."""

    INFO = "info"
    """A suggestion, or what was not checked."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding.

    Attributes:
        source: the file, or the ARN of the state machine.
        position: where in the file, or in the definition.
        severity: how bad it is.
        rule: the rule's id, such as ``ACT001``.
        name: the rule's name, such as ``heartbeat``.
        machine: which state machine of a template, or empty.
        state: the name of the state, or empty.
        message: what is wrong and what to do.

    """

    source: str
    severity: Severity
    rule: str
    name: str
    message: str
    position: Position = START
    machine: str = ""
    state: str = ""
