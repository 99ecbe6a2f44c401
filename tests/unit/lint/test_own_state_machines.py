"""The project's own state machines and the states that its documentation shows: what it preaches, it does."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from runners.deployment.environment import ROOT, SERVICES
from runners.lint.linting import lint
from tests.unit.lint.definitions import LOCAL, found

TEMPLATES = sorted(
    path for path in (ROOT / "cloudformation").glob("*.yaml") if "AWS::StepFunctions::StateMachine" in path.read_text()
)
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
EXAMPLES = [
    (page, block)
    for page in PAGES
    for block in re.findall(r"^```json\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    if '"Type": "Task"' in block
]
ALL_SERVICES = replace(LOCAL, environment=LOCAL.environment.model_copy(update={"services": SERVICES}))
LEFT_OUT = {"states-language", "execution-arn"}  # an example is a fragment, and shows what it is about


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_nothing_is_wrong_with_a_state_machine_of_a_template(path):
    report = lint(path.read_text(encoding="utf-8"), path.name, ALL_SERVICES)

    assert report.tasks + report.steps > 0
    assert report.findings == []


def test_the_templates_with_state_machines_are_found():
    assert {path.stem for path in TEMPLATES} >= {
        "step-functions-resources",
        "sample-athena",
        "sample-crawler",
        "sample-dms",
    }


@pytest.mark.parametrize(("page", "block"), EXAMPLES, ids=[page.stem for page, _ in EXAMPLES])
def test_nothing_is_wrong_with_a_state_that_a_page_shows(page, block):
    # docs/services.md says that the examples of its pages leave this out.
    left_out = LEFT_OUT | ({"catch"} if page.parent.name == "services" else set())
    text = block.strip()
    states = json.loads(text if text.startswith("{") else f"{{{text}}}")

    findings = found({"StartAt": next(iter(states)), "States": states}, ALL_SERVICES)

    assert [each for each in findings if each.name not in left_out] == []
