"""Linting one text: read it, find its state machines, ask statelint and the rules. It touches no file and no AWS."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from runners.lint import states_language
from runners.lint.findings import Finding, Severity
from runners.lint.machines import StateMachine, tasks_of
from runners.lint.reading import START, Document, Path, Position, UnreadableError, read
from runners.lint.rules import RULES, Rule
from runners.lint.step_rules import STEP_RULES
from runners.lint.steps import call_of
from runners.lint.templates import NotRead, machines_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runners.lint.knowledge import Knowledge


class Kind(NamedTuple):
    """A kind of finding that no rule for Task states makes."""

    id: str
    name: str
    severity: Severity
    title: str


UNREADABLE = Kind(
    "FILE001",
    "unreadable",
    Severity.ERROR,
    "The file is there, is JSON or YAML, and is a state machine or a CloudFormation template.",
)
REPEATED = Kind(
    "FILE002",
    "repeated-name",
    Severity.ERROR,
    "No object has a name twice: of two states of one name, one is lost without a word.",
)
NO_STATE_MACHINE = Kind("FILE003", "no-state-machine", Severity.INFO, "A template makes a state machine.")
NOT_FOLLOWED = Kind(
    "FILE004",
    "not-followed",
    Severity.INFO,
    "A template has its definitions in itself, as `Definition` or `DefinitionString`; `Fn::Sub` and `Fn::Join` are "
    "followed.",
)
STATES_LANGUAGE = Kind(
    "ASL001",
    "states-language",
    Severity.ERROR,
    "The definition is valid in the Amazon States Language: statelint's word.",
)
KINDS = (UNREADABLE, REPEATED, NO_STATE_MACHINE, NOT_FOLLOWED, STATES_LANGUAGE)
"""The kinds of findings besides the rules, in the order of the documentation."""

ALL_RULES = (*RULES, *STEP_RULES)
"""All rules for Task states, in the order of the documentation."""


@dataclass
class Report:
    """What was found in a source, and how much was looked at."""

    findings: list[Finding] = field(default_factory=list)
    machines: int = 0
    tasks: int = 0
    """Activity tasks."""
    steps: int = 0
    """Tasks that call the function of the steps."""

    def add(self, other: Report) -> None:
        """Add what was found in another source."""
        self.findings += other.findings
        self.machines += other.machines
        self.tasks += other.tasks
        self.steps += other.steps


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
        report.findings = [finding(UNREADABLE, source, str(error), error.position)]
        return report
    if not machines:
        message = "the template makes no state machine, so there is nothing to lint"
        report.findings.append(finding(NO_STATE_MACHINE, source, message))
    for machine in machines:
        report.machines += 1
        if isinstance(machine, NotRead):
            report.findings.append(_not_read(machine, source))
            continue
        found = replace(machine, express=machine.express or express)
        tasks = tasks_of(found)
        report.tasks += sum(1 for task in tasks if task.activity)
        report.steps += sum(1 for task in tasks if not task.activity and call_of(task, knowledge))
        report.findings += [*_repeated(found.definition, source, found.name), *_of_machine(found, source, knowledge)]
    told = {each.position for each in report.findings if each.rule == REPEATED.id}
    report.findings += [each for each in _repeated(document, source) if each.position not in told]
    report.findings = sorted(report.findings, key=lambda each: (each.position, each.rule, each.message))
    return report


def finding(
    kind: Kind | Rule, source: str, message: str, position: Position = START, *, machine: str = "", state: str = ""
) -> Finding:
    """Return a finding of a kind, or of a rule."""
    return Finding(source, kind.severity, kind.id, kind.name, message, position, machine, state)


def _of_machine(machine: StateMachine, source: str, knowledge: Knowledge) -> Iterator[Finding]:
    definition = machine.definition
    for problem, path in states_language.problems_of(definition):
        where = definition.position(path)
        yield finding(STATES_LANGUAGE, source, problem, where, machine=machine.name, state=_state_of(path))
    for task in tasks_of(machine):
        for rule in ALL_RULES:
            for found in rule.check(task, knowledge):
                where = definition.position((*task.path, *found.at))
                yield finding(rule, source, found.message, where, machine=machine.name, state=task.name)


def _repeated(document: Document, source: str, machine: str = "") -> Iterator[Finding]:
    for path, position in document.repeated:
        message = f"the name {path[-1]!r} stands here a second time, and only this one counts; remove or rename one"
        yield finding(REPEATED, source, message, position, machine=machine, state=_state_of(path[:-1]))


def _not_read(machine: NotRead, source: str) -> Finding:
    kind = UNREADABLE if machine.broken else NOT_FOLLOWED
    return finding(kind, source, machine.reason, machine.position, machine=machine.name)


def _state_of(path: Path) -> str:
    """Return the name of the innermost state on a path."""
    states = [str(path[index + 1]) for index, step in enumerate(path[:-1]) if step == "States"]
    return states[-1] if states else ""
