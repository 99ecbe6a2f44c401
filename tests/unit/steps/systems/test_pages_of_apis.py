from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from runners.steps.catalog import find
from runners.steps.systems.http import HttpConnection

PAGES = Path(__file__).parents[4] / "docs" / "steps"
BLOCKS = [
    json.loads(block)
    for page in ("apis", "messages", "search")
    for block in re.findall(r"```json\n(.*?)```", (PAGES / f"{page}.md").read_text(), re.DOTALL)
]


@pytest.mark.parametrize("step", [block for block in BLOCKS if "StepType" in block], ids=lambda step: step["StepType"])
def test_a_step_that_is_shown_is_one_that_can_be_run(step):
    find(step["StepType"]).Parameters.checked(step["Parameters"])


def test_the_connection_that_is_shown_is_one():
    (connection,) = (block for block in BLOCKS if "StepType" not in block)
    assert HttpConnection.model_validate(connection).authentication.type == "oauth2"
