"""Findings as a person reads them, and as a program does."""

from __future__ import annotations

import json
from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING

from runners.lint.findings import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runners.lint.linting import Report

_COLOURS = {Severity.ERROR: "31;1", Severity.WARNING: "33;1", Severity.INFO: "36"}  # of ANSI terminals


def lines(report: Report, environment: str, *, coloured: bool) -> Iterator[str]:
    """Yield a line for each finding, a blank one between files, and the counts at the end.

    Args:
        report: what was found.
        environment: the name of the environment that the rules went by; empty if there was none.
        coloured: whether a terminal shows it that knows colours.

    """
    for _, findings in groupby(report.findings, key=lambda each: each.source):
        for finding in findings:
            yield _line(finding, coloured=coloured)
        yield ""
    yield _summary(report, environment)


def as_json(report: Report, environment: str) -> str:
    """Return the findings as a JSON object: ``findings``, ``counts``, and what was looked at."""
    return json.dumps(
        {
            "findings": [
                {
                    "source": finding.source,
                    "line": finding.position.line,
                    "column": finding.position.column,
                    "severity": finding.severity,
                    "rule": finding.rule,
                    "name": finding.name,
                    "state_machine": finding.machine or None,
                    "state": finding.state or None,
                    "message": finding.message,
                }
                for finding in report.findings
            ],
            "counts": counts(report),
            "state_machines": report.machines,
            "activity_tasks": report.tasks,
            "steps": report.steps,
            "environment": environment or None,
        },
        indent=2,
        ensure_ascii=False,
    )


def counts(report: Report) -> dict[str, int]:
    """Return how many findings there are of each severity."""
    counted = Counter(finding.severity for finding in report.findings)
    return {str(severity): counted[severity] for severity in Severity}


def _line(finding: Finding, *, coloured: bool) -> str:
    severity: str = finding.severity
    if coloured:
        severity = f"\033[{_COLOURS[finding.severity]}m{severity}\033[0m"
    of_machine = f"{finding.machine}: " if finding.machine else ""
    of_state = f"state {json.dumps(finding.state, ensure_ascii=False)}: " if finding.state else ""
    where = f"{finding.source}:{finding.position.line}:{finding.position.column}"
    return f"{where}: {severity} {finding.rule} {finding.name}: {of_machine}{of_state}{finding.message}"


def _summary(report: Report, environment: str) -> str:
    found = ", ".join(_counted(counts(report)[severity], severity) for severity in Severity)
    tasks = _counted(report.tasks, "activity task") + (f" and {_counted(report.steps, 'step')}" if report.steps else "")
    looked_at = f"{tasks} of {_counted(report.machines, 'state machine')}"
    return f"{found} in {looked_at}{f' (environment {environment})' if environment else ''}"


def _counted(number: int, name: str) -> str:
    return f"{number} {name}{'' if number == 1 else 's'}"
