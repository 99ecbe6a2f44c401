from __future__ import annotations

import json
import re

from runners.step_command import pages
from runners.steps import errors
from runners.steps.catalog import CONTROL, find
from runners.steps.pairs import PAIRS, SOURCES, TARGETS

INDEX = pages.FOLDER / "index.md"
WRITE = "write it anew with `python -m runners.step_command.pages`"


def test_the_pages_of_the_step_types_are_those_that_their_models_make():
    there = {page.name: page.read_text(encoding="utf-8") for page in (pages.FOLDER / pages.TYPES).glob("*.md")}
    made = pages.pages()
    assert there.keys() == made.keys(), WRITE
    assert [name for name, text in made.items() if there[name] != text] == [], WRITE


def test_the_overview_lists_the_step_types_that_there_are():
    text = INDEX.read_text(encoding="utf-8")
    assert text.partition(pages.BEGIN)[1:] == (pages.BEGIN, pages.overview().removeprefix(pages.BEGIN)), WRITE
    assert {*PAIRS, *CONTROL} <= set(re.findall(r"\[`(\w+)`\]", text))


def test_the_overview_names_each_error_of_steps():
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.StepError)]
    table = INDEX.read_text(encoding="utf-8").partition("## How a step fails")[2].partition("##")[0]
    assert {kind.__name__ for kind in kinds} - {"StepError"} <= set(re.findall(r"`(\w+)`", table))


def test_the_examples_of_the_pages_are_ones_that_their_steps_take():
    blocks = [block for text in pages.pages().values() for block in re.findall(r"```json\n(.*?)```", text, re.DOTALL)]
    assert len(blocks) == len(SOURCES) + len(TARGETS) + len(CONTROL)
    for example in map(json.loads, blocks):
        assert find(example["StepType"]).Parameters.checked(example["Parameters"])


def test_a_page_of_what_is_gone_is_removed_and_what_is_written_by_hand_stays(tmp_path):
    types = tmp_path / pages.TYPES
    types.mkdir()
    (types / "from-fax.md").write_text("gone")
    (tmp_path / "index.md").write_text(f"# By hand\n{pages.BEGIN}old")
    pages.write(tmp_path)
    assert {page.name for page in types.glob("*.md")} == pages.pages().keys()
    assert (tmp_path / "index.md").read_text() == f"# By hand\n{pages.overview()}"
