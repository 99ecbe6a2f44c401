from __future__ import annotations

import json

from runners.lint.findings import Finding, Severity
from runners.lint.linting import Report
from runners.lint.printing import as_json, lines
from runners.lint.reading import Position

FINDINGS = [
    Finding("a.json", Severity.ERROR, "ACT001", "heartbeat", "none", Position(4, 5), state='Load "it"'),
    Finding("a.json", Severity.WARNING, "ACT006", "catch", "none", Position(9, 1), state="Läden"),
    Finding("b.yaml", Severity.INFO, "FILE004", "not-followed", "elsewhere", machine="Nightly"),
]
REPORT = Report(FINDINGS, machines=2, tasks=1)


def test_findings_are_printed_as_a_compiler_prints_them():
    assert list(lines(REPORT, "local", coloured=False)) == [
        'a.json:4:5: error ACT001 heartbeat: state "Load \\"it\\"": none',
        'a.json:9:1: warning ACT006 catch: state "Läden": none',
        "",
        "b.yaml:1:1: info FILE004 not-followed: Nightly: elsewhere",
        "",
        "1 error, 1 warning, 1 info in 1 activity task of 2 state machines (environment local)",
    ]


def test_without_findings_there_are_the_counts_alone():
    assert list(lines(Report([], 1, 3), "", coloured=False)) == [
        "0 errors, 0 warnings, 0 infos in 3 activity tasks of 1 state machine"
    ]


def test_on_a_terminal_the_severity_has_a_colour():
    assert next(lines(REPORT, "", coloured=True)).startswith("a.json:4:5: \033[31;1merror\033[0m ACT001")


def test_programs_get_the_same_as_json():
    printed = json.loads(as_json(REPORT, "local"))

    assert printed["findings"][0] == {
        "source": "a.json",
        "line": 4,
        "column": 5,
        "severity": "error",
        "rule": "ACT001",
        "name": "heartbeat",
        "state_machine": None,
        "state": 'Load "it"',
        "message": "none",
    }
    assert printed["counts"] == {"error": 1, "warning": 1, "info": 1}
    assert (printed["state_machines"], printed["activity_tasks"], printed["environment"]) == (2, 1, "local")
