"""What a script finds in its process, and what is left of it when it fails."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from runners.local.glue.process import GLUE_LIBS
from runners.local.scripts import child
from runners.local.scripts.child import Plan


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run a script's text; answers the exit status and the error message."""
    monkeypatch.setattr(sys, "argv", ["pytest"])
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))

    def run_text(text: str, *arguments: str) -> tuple[int, str | None]:
        script, error = tmp_path / "job.py", tmp_path / "error"
        script.write_text(text)
        plan: Plan = {
            "script": str(script),
            "arguments": list(arguments),
            "error_file": str(error),
            "life_line": -1,
        }
        status = child.run_script(plan)
        return status, error.read_text() if error.exists() else None

    return run_text


def test_the_process_watches_its_parent_and_runs_the_plan_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched: list[int] = []
    monkeypatch.setattr(sys, "argv", ["pytest"])
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    monkeypatch.setattr(child, "_end_with_parent", watched.append)
    (tmp_path / "job.py").write_text("raise SystemExit(2)")
    plan = {
        "script": str(tmp_path / "job.py"), "arguments": [], "error_file": str(tmp_path / "e"), "life_line": 77,
    }  # fmt: skip
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    assert child.main(str(tmp_path / "plan.json")) == 1
    assert watched == [77]


def test_the_whole_process_group_ends_with_the_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    class KilledError(Exception):
        pass

    def kill(group: int, number: int) -> None:
        raise KilledError(group, number)

    monkeypatch.setattr(child.os, "killpg", kill)
    life_line, other_end = os.pipe()
    os.close(other_end)
    with pytest.raises(KilledError) as killed:
        child._end_with_parent(life_line)
    os.close(life_line)
    assert killed.value.args == (os.getpgrp(), signal.SIGKILL)


def test_a_script_runs_as_the_main_module_with_its_arguments(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("import sys\nprint(__name__, sys.argv[1:])", "--day", "1") == (0, None)
    assert capsys.readouterr().out == "__main__ ['--day', '1']\n"


@pytest.mark.parametrize("ending", ["sys.exit()", "sys.exit(0)", "sys.exit(None)"])
def test_a_script_that_exits_without_a_complaint_succeeds(run: Any, ending: str) -> None:
    assert run(f"import sys\n{ending}") == (0, None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("raise ValueError('no such day')", "ValueError: no such day"),
        ("import sys\nsys.exit(3)", "SystemExit: 3"),
        ("import sys\nsys.exit('gave up')", "SystemExit: gave up"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt: "),
        ("def x(:", "SyntaxError: invalid syntax (job.py, line 1)"),
    ],
)
def test_a_script_that_fails_leaves_the_last_line_of_its_traceback(run: Any, text: str, message: str) -> None:
    assert run(text) == (1, message)


def test_the_traceback_begins_in_the_script(run: Any, capsys: pytest.CaptureFixture[str]) -> None:
    run("def f():\n    raise ValueError('x')\nf()")
    trace = capsys.readouterr().err
    assert "runpy" not in trace
    assert "scripts.child" not in trace
    assert "scripts/child" not in trace
    assert trace.startswith("Traceback")
    assert trace.endswith("ValueError: x\n")


def test_a_long_message_is_cut(run: Any) -> None:
    assert len(run("raise ValueError('x' * 5000)")[1]) == 2048


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("raise ModuleNotFoundError('No module', name='pyspark.sql')", "pip install -e '.[spark]'"),
        ("raise RuntimeError('[JAVA_GATEWAY_EXITED] Java gateway')", "PySpark needs Java 17"),
    ],
)
def test_what_a_laptop_may_lack_comes_with_advice(run: Any, text: str, advice: str) -> None:
    assert advice in run(text)[1]


def test_a_module_that_the_stand_in_for_awsglue_lacks_comes_with_advice(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "awsglue"]:
        monkeypatch.delitem(sys.modules, name)  # other tests import it
    text = "raise ModuleNotFoundError('No module', name='awsglue.gluetypes')"
    assert "awsglue does not have this module" not in run(text)[1]
    monkeypatch.syspath_prepend(GLUE_LIBS)
    assert "awsglue does not have this module" in run(text)[1]


def test_another_missing_module_comes_without_advice(run: Any) -> None:
    assert run("import no_such_module") == (1, "ModuleNotFoundError: No module named 'no_such_module'")
