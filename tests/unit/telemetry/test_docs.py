"""The page on telemetry knows what the code knows."""

from __future__ import annotations

import ast
import json
import re

import pytest

from runners.deployment.environment import ROOT
from runners.telemetry.metrics import METRICS, NAMESPACE
from tests.unit.telemetry.test_lineage_events import valid

PAGE = (ROOT / "docs" / "telemetry.md").read_text(encoding="utf-8")
WITHOUT_PAGE = ("local", "testing")  # of the embedded and the simulated AWS


def rows(heading):
    """The cells of a section's table, without its head."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    table = [line for line in section.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


def texts(node, named):
    """The texts that an expression can be, where a name stands for what is given to it in its module."""
    if isinstance(node, ast.Name):
        return {text for value in named.get(node.id, []) for text in texts(value, {})}
    return {each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str)}


def actions_of(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    named = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            value = node.value
            values = [value.body, value.orelse] if isinstance(value, ast.IfExp) else [value]
            named.setdefault(node.targets[0].id, []).extend(values)
    return {
        text
        for node in ast.walk(tree)
        if isinstance(node, ast.Dict)
        for key, value in zip(node.keys, node.values, strict=True)
        if isinstance(key, ast.Constant) and key.value == "action"
        for text in texts(value, named)
    }


def test_every_action_of_the_log_is_told_and_no_other():
    package = ROOT / "runners"
    paths = [path for path in package.rglob("*.py") if path.relative_to(package).parts[0] not in WITHOUT_PAGE]
    actions = set().union(*map(actions_of, paths))
    assert {name.strip("`") for name, *_ in rows("Log")} == actions
    assert "success_reported" in actions


def test_every_metric_is_told_with_its_unit_and_meaning():
    assert rows("Metrics") == [
        [f"`{metric.name}`", metric.unit, f"`{metric.prometheus}`", metric.meaning] for metric in METRICS
    ]
    assert f"`{NAMESPACE}`" in PAGE


def test_the_event_that_is_shown_is_one():
    (example,) = re.findall(r"^```json\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert valid(json.loads(example))["eventType"] == "COMPLETE"


@pytest.mark.parametrize("template", ["runner-lambda", "data-arrivals", "runner-resources"])
def test_every_alarm_is_told(template):
    text = (ROOT / "cloudformation" / f"{template}.yaml").read_text(encoding="utf-8")
    alarms = re.findall(r"^  (\w+):\n    Type: AWS::CloudWatch::Alarm$", text, re.MULTILINE)
    assert alarms
    for alarm in alarms:
        assert f"`{alarm.removeprefix('ArrivalRunner')}`" in PAGE


def test_the_dashboard_shows_every_metric():
    text = (ROOT / "cloudformation" / "dashboard.yaml").read_text(encoding="utf-8")
    shown = set(re.findall(rf"\{{{NAMESPACE},Service\}} MetricName=\\\"(\w+)\\\"", text))
    assert shown == {metric.name for metric in METRICS}
