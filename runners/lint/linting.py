"""Linting one text: read it, find its state machines, ask statelint and the rules. It touches no file and no AWS."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from runners.lint import states_language
from runners.lint.findings import Finding, Severity
from runners.lint.machines import StateMachine, tasks_of
from runners.lint.reading import Document, Path, UnreadableError, read
from runners.lint.rules import RULES
from runners.lint.templates import NotRead, machines_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runners.lint.knowledge import Knowledge

UNREADABLE = "FILE001", "unreadable"
REPEATED = "FILE002", "repeated-name"
NO_STATE_MACHINE = "FILE003", "no-state-machine"
NOT_FOLLOWED = "FILE004", "not-followed"
STATES_LANGUAGE = "ASL001", "states-language"


@dataclass
class Report:
    """What was found in a source, and how much was looked at."""

    findings: list[Finding] = field(default_factory=list)
    machines: int = 0
    tasks: int = 0

    def add(self, other: Report) -> None:
        """Add what was found in another source."""
        self.findings += other.findings
        self.machines += other.machines
        self.tasks += other.tasks


def lint(text: str, source: str, knowledge: Knowledge, *, is_yaml: bool | None = None, express: bool = False) -> Report:
    """Return what is wrong with the state machines in a text, in the order of the text.

    Args:
        text: a state machine's definition or a CloudFormation template.
        source: what the text is called in findings.
        knowledge: what is known besides.
        is_yaml: whether it is YAML or JSON; if not said, its first letter tells.
        express: whether it is known to be an Express workflow.

    """
    report = Report()
    try:
        document = read(text, is_yaml=is_yaml)
        machines = machines_in(document, knowledge.environment)
    except UnreadableError as error:
        report.findings = [Finding(source, Severity.ERROR, *UNREADABLE, str(error), error.position)]
        return report
    report.findings = list(_repeated(document, source))
    if not machines:
        message = "the template makes no state machine, so there is nothing to lint"
        report.findings.append(Finding(source, Severity.INFO, *NO_STATE_MACHINE, message))
    for machine in machines:
        report.machines += 1
        if isinstance(machine, NotRead):
            report.findings.append(_not_read(machine, source))
            continue
        found = replace(machine, express=machine.express or express)
        report.tasks += sum(1 for task in tasks_of(found) if task.activity)
        report.findings += _of_machine(found, source, knowledge)
        if machine.name and machine.definition is not document:
            report.findings += _repeated(machine.definition, source, machine.name)
    report.findings = sorted(set(report.findings), key=lambda each: (each.position, each.rule, each.message))
    return report


def _of_machine(machine: StateMachine, source: str, knowledge: Knowledge) -> Iterator[Finding]:
    definition = machine.definition
    for problem, path in states_language.problems_of(definition):
        where = definition.position(path)
        yield Finding(source, Severity.ERROR, *STATES_LANGUAGE, problem, where, machine.name, _state_of(path))
    for task in tasks_of(machine):
        for rule in RULES:
            for found in rule.check(task, knowledge):
                where = definition.position((*task.path, *found.at))
                yield Finding(source, rule.severity, rule.id, rule.name, found.message, where, machine.name, task.name)


def _repeated(document: Document, source: str, machine: str = "") -> Iterator[Finding]:
    for path, position in document.repeated:
        message = f"the name {path[-1]!r} stands here a second time, and only this one counts; remove or rename one"
        yield Finding(source, Severity.ERROR, *REPEATED, message, position, machine, _state_of(path[:-1]))


def _not_read(machine: NotRead, source: str) -> Finding:
    kind, severity = (UNREADABLE, Severity.ERROR) if machine.broken else (NOT_FOLLOWED, Severity.INFO)
    return Finding(source, severity, *kind, machine.reason, machine.position, machine.name)


def _state_of(path: Path) -> str:
    """Return the name of the innermost state on a path."""
    states = [str(path[index + 1]) for index, step in enumerate(path[:-1]) if step == "States"]
    return states[-1] if states else ""
