"""The night manual knows every alarm, and every command that it shows is one that there is."""

from __future__ import annotations

import re
import shlex

import pytest

from runners.cli import _parser
from runners.deployment.environment import ROOT

PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
ALARM = re.compile(r"^  (\w+):\n    Type: AWS::CloudWatch::Alarm$", re.MULTILINE)
COMMAND = re.compile(r"`(runners [^`]+)`|^\$ (runners .+)$", re.MULTILINE)


def alarms() -> set[str]:
    texts = (path.read_text(encoding="utf-8") for path in (ROOT / "cloudformation").glob("*.yaml"))
    return {name for text in texts for name in ALARM.findall(text)}


def commands() -> list[str]:
    shown = {inline or typed for inline, typed in COMMAND.findall(PAGE)}
    return sorted(command.replace("<service>", "glue") for command in shown)


def test_every_alarm_stands_in_the_manual() -> None:
    assert {"Late", "DeadLettersAlarm"} <= alarms()
    assert alarms() <= set(re.findall(r"`(\w+)`", PAGE))


NAMES_OF_COMMANDS = {"runners redrive", "runners jobs stop", "runners jobs release"}  # in headings


@pytest.mark.parametrize("command", [each for each in commands() if each not in NAMES_OF_COMMANDS])
def test_a_command_in_the_manual_can_be_typed(command: str) -> None:
    assert _parser().parse_args(shlex.split(command)[1:]).command
