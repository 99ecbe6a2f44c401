"""The kit for tests of steps, and the step that the documentation writes with it."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pyarrow as pa
import pytest

from runners.deployment.environment import ROOT
from runners.steps import ConnectionFailed, Parameters, Step, ValidationFailed
from runners.steps.connections import Connection
from runners.steps.cursors import Cursor
from runners.steps.errors import AuthenticationFailed, StepFailed
from runners.steps.systems.files import FolderSource, FolderTarget
from runners.testing.steps import MemoryCursors, read_rows, run_step, step_context, write_rows

PAGE = ROOT / "docs" / "writing-a-step.md"


class Greet(Step):
    """Greets somebody."""

    class Parameters(Parameters):
        Name: str

    def run(self, context):
        return {"greeting": f"Hello, {self.parameters.Name}", "step": context.step_type}


class Shop(Connection):
    password: str


def test_the_step_of_the_documentation_passes_its_test_and_is_found_by_its_entry_point(tmp_path):
    step, test = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)[:2]
    entry = re.search(r"^```toml\n.*\n(.*)\n```", PAGE.read_text(encoding="utf-8"), re.MULTILINE)[1].replace('"', "")
    (tmp_path / "manifest.py").write_text(step)
    (tmp_path / "test_manifest.py").write_text(test)
    metadata = tmp_path / "manifest-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: manifest\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[runners.steps]\n{entry}\n")
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}

    def run(*arguments):
        options = {"cwd": tmp_path, "env": variables, "capture_output": True, "text": True, "timeout": 120}
        return subprocess.run([sys.executable, "-m", *arguments], check=False, **options)

    tested = run("pytest", "-q", "-p", "no:cacheprovider", "test_manifest.py")
    assert "2 passed" in tested.stdout, tested.stdout + tested.stderr
    described = run("runners", "step", "describe", "WriteManifest")
    assert "WriteManifest: Writes the keys and sizes" in described.stdout, described.stderr


def test_the_step_of_the_documentation_is_as_short_as_it_says():
    step = re.search(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)[1]
    assert len([line for line in step.splitlines() if line.strip()]) <= 30


def test_a_step_is_run_by_its_class_with_its_templates_rendered():
    context = step_context(variables={"who": "Ada"}, step_type="Greeting")
    assert run_step(Greet, {"Name": "{{ who }}"}, context) == {"greeting": "Hello, Ada", "step": "Greeting"}


def test_a_step_needs_no_context():
    assert run_step(Greet, {"Name": "Ada"})["step"] == "Greet"


def test_a_step_of_this_package_is_run_by_its_name():
    with pytest.raises(ValidationFailed, match="FunctionName"):
        run_step("CallLambda", {})


def test_connections_come_from_a_dictionary_and_are_read_anew_when_they_are_refused():
    context = step_context({"shop": {"password": "old"}})
    seen = []

    def connect(shop):
        seen.append(shop.password)
        raise AuthenticationFailed("no")

    with pytest.raises(AuthenticationFailed):
        context.connections.opened("shop", Shop, connect)
    assert seen == ["old", "old"]
    with pytest.raises(ConnectionFailed, match="there is no connection 'other'"):
        context.connections.get("other", Shop)


def test_cursors_are_kept_in_memory_and_moved_by_one_at_a_time():
    cursors = MemoryCursors()
    cursors.move("orders", 7, None)
    assert cursors.read("orders") == Cursor(7, 1)
    cursors.move("orders", 9, Cursor(7, 1))
    assert cursors.read("orders") == Cursor(9, 2)
    with pytest.raises(StepFailed, match="moved by somebody else"):
        cursors.move("orders", 11, Cursor(7, 1))


def test_a_target_is_written_and_a_source_is_read(tmp_path):
    context = step_context({"here": {"root": str(tmp_path)}})
    place = {"ConnectionName": "here", "Path": "a.parquet"}
    rows = pa.table({"id": [1, 2], "name": ["a", None]})
    written = write_rows(FolderTarget.checked(place), rows, context)
    assert "a.parquet" in str(written)
    assert read_rows(FolderSource.checked(place), context).to_pylist() == rows.to_pylist()
