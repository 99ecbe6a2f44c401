from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from runners.errors import LocalAWSError
from runners.local.lambda_functions import sandbox
from runners.local.lambda_functions.sandbox import Invocation, Sandbox, Settings, link_runtime_packages
from tests.integration.waiting import eventually, in_background

if TYPE_CHECKING:
    from collections.abc import Iterator

CODE = """
import os, subprocess, sys, time

def handler(event, context):
    if event == "sleep":
        time.sleep(600)
    if event == "partial":
        os.write(1, b"half a line")
        os._exit(0)
    if event == "child":
        return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]).pid
    if event == "scratch":
        return os.environ["TMPDIR"]
    if event == "close":
        os.close(1)
    return os.getpid()
"""


class Function:
    """A folder with a module, and a sandbox for it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lines: list[str] = []

    def sandbox(self, handler: str = "app.handler", code: str = CODE) -> Sandbox:
        (self.folder / "app.py").write_text(code)
        settings = Settings(
            handler=handler,
            task_root=self.folder,
            runtime_root=self.folder,
            variables={
                "AWS_LAMBDA_FUNCTION_NAME": "function",
                "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
            },
            log_group="group",
            version="$LATEST",
        )
        self.made = Sandbox(settings, lambda _stream, line: self.lines.append(line))
        return self.made


@pytest.fixture
def function(tmp_path: Path) -> Iterator[Function]:
    made = Function(tmp_path)
    yield made
    made.made.close()


def invoke(sandbox: Sandbox, event: Any = None, timeout_seconds: float = 30) -> Invocation:
    return sandbox.invoke(event, "request", "arn", timeout_seconds)


def test_a_sandbox_answers_again_and_again(function: Function) -> None:
    sandbox = function.sandbox()
    first, second = invoke(sandbox), invoke(sandbox)
    assert first.payload == second.payload
    assert not first.failed
    assert sandbox.usable


def test_a_sandbox_that_died_says_so_and_what_it_wrote_last(function: Function) -> None:
    sandbox = function.sandbox()
    ended = invoke(sandbox, "partial")
    assert ended.failed
    assert "half a line" in ended.log
    assert not sandbox.usable


def test_a_sandbox_that_died_between_two_invocations_answers_with_an_error(function: Function) -> None:
    sandbox = function.sandbox()
    os.kill(int(invoke(sandbox).payload), signal.SIGKILL)
    eventually(lambda: not sandbox.usable)
    assert json.loads(invoke(sandbox).payload)["errorType"] == "Runtime.ExitError"


def test_what_a_function_started_ends_with_its_sandbox(function: Function) -> None:
    sandbox = function.sandbox()
    child = int(invoke(sandbox, "child").payload)
    sandbox.kill()

    def gone() -> bool:
        try:
            os.kill(child, 0)
        except ProcessLookupError:
            return True
        # An orphan that was killed may wait for the host to take note of it.
        status = Path(f"/proc/{child}/status")
        return status.exists() and "State:\tZ" in status.read_text()

    assert eventually(gone)


def test_importing_has_a_time_of_its_own(function: Function, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "INITIALIZATION_LIMIT_SECONDS", 0.3)
    slow = function.sandbox(code="import time\ntime.sleep(600)\n")
    assert json.loads(invoke(slow).payload)["errorType"] == "Sandbox.Timedout"


def test_a_slow_import_does_not_count_as_the_functions_time(function: Function) -> None:
    sandbox = function.sandbox(code="import time\ntime.sleep(1.2)\nhandler = lambda event, context: 1\n")
    assert invoke(sandbox, timeout_seconds=1).payload == "1"


def test_the_scratch_folder_goes_with_the_sandbox(function: Function) -> None:
    sandbox = function.sandbox()
    scratch = Path(json.loads(invoke(sandbox, "scratch").payload))
    assert scratch.is_dir()
    sandbox.close()
    assert not scratch.exists()
    function.sandbox()


def test_a_killed_sandbox_ends_the_invocation_that_waits_for_it(function: Function) -> None:
    sandbox = function.sandbox()
    invoke(sandbox)
    waiting = in_background(lambda: invoke(sandbox, "sleep"))
    eventually(lambda: sum(line.startswith("START") for line in function.lines) == 2)
    sandbox.kill()
    assert waiting().failed


def test_a_sandbox_that_cannot_start_is_one_clear_error(function: Function, monkeypatch: pytest.MonkeyPatch) -> None:
    function.sandbox()
    monkeypatch.setattr(sandbox.sys, "executable", str(function.folder / "no-python"))
    with pytest.raises(LocalAWSError, match="could not be started"):
        Sandbox(function.made.settings, lambda _stream, _line: None)


def test_a_package_that_lambda_carries_and_the_host_does_not_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "RUNTIME_PACKAGES", ("no_such_package",))
    with pytest.raises(LocalAWSError, match="pip install no_such_package"):
        link_runtime_packages(tmp_path)


def test_packages_and_modules_are_linked(tmp_path: Path) -> None:
    link_runtime_packages(tmp_path)
    assert (tmp_path / "boto3" / "__init__.py").exists()
    assert (tmp_path / "six.py").exists()
