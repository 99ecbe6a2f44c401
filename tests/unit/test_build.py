"""The pynt tasks: what a person types, and what they are told."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, NoCredentialsError

from runners.deployment.environment import ROOT
from runners.errors import DeploymentError
from runners.local.following import WorkflowError

if TYPE_CHECKING:
    from types import ModuleType


@pytest.fixture(scope="module")
def build() -> ModuleType:
    specification = importlib.util.spec_from_file_location("build_of_the_project", ROOT / "build.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pynt imports imp, which is deprecated
        specification.loader.exec_module(module)
    return module


class Recorder:
    """Stands in for the deployment: remembers what was asked of which environment."""

    asked: list[tuple[Any, ...]]

    def __init__(self, environment: str | None) -> None:
        self._environment = environment

    def __getattr__(self, name: str) -> Any:
        return lambda *names: Recorder.asked.append((self._environment, name, *names))


@pytest.fixture(autouse=True)
def asked(build: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    Recorder.asked = []
    monkeypatch.setattr(build, "_Deployment", Recorder)
    return Recorder.asked


def pynt(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run pynt as a person does, with nothing of AWS in its environment."""
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", "import pynt; pynt.main()", *arguments],
        cwd=ROOT,
        env={key: value for key, value in os.environ.items() if not key.startswith("AWS_")} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("task", "command"),
    [
        ("packagelambda", "package_lambda"),
        ("updatelambda", "update_lambda"),
        ("deploylambda", "deploy_lambda"),
        ("createstack", "create_stack"),
        ("updatestack", "update_stack"),
        ("deletestack", "delete_stack"),
        ("deletes3bucket", "delete_s3_bucket"),
    ],
)
def test_a_task_takes_names_or_none_for_all(
    build: ModuleType, asked: list[tuple[Any, ...]], task: str, command: str
) -> None:
    getattr(build, task)()
    getattr(build, task)("one", "two", environment="dev")
    assert asked == [(None, command), ("dev", command, "one", "two")]


@pytest.mark.parametrize(
    ("task", "command"),
    [("deploygluescripts", "deploy_glue_scripts"), ("stackstatus", "stack_status"), ("deploy", "deploy")],
)
def test_a_task_on_everything_takes_the_environment(
    build: ModuleType, asked: list[tuple[Any, ...]], task: str, command: str
) -> None:
    getattr(build, task)(environment="dev")
    assert asked == [("dev", command)]


def test_teardown_passes_on_what_was_said_about_data(build: ModuleType, asked: list[tuple[Any, ...]]) -> None:
    build.teardown()
    build.teardown("delete-data")
    assert asked == [(None, "teardown", ""), (None, "teardown", "delete-data")]


def test_clean_removes_what_was_built(build: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    cleaned: list[Any] = []
    monkeypatch.setattr(build._packaging, "clean", cleaned.append)
    build.clean()
    assert len(cleaned) == 1


def test_the_schema_for_editors_is_written_by_a_task(
    build: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(build, "_write_schema", lambda: "schema.json")
    build.configschema()
    assert "wrote schema.json" in capsys.readouterr().out


@pytest.fixture
def statuses(build: ModuleType, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """What each program that a check runs ends with; 0 unless a test says otherwise."""
    ends_with: dict[str, int] = {}

    def run(command: list[Any], **_options: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, ends_with.setdefault(Path(command[0]).name, 0))

    monkeypatch.setattr(build._subprocess, "run", run)
    return ends_with


def test_all_checks_run_without_a_name(build: ModuleType, statuses: dict[str, int]) -> None:
    build.test()
    assert list(statuses) == ["ruff", "mypy", "lint-imports", "pytest"]


def test_a_failed_check_does_not_spare_the_others_and_is_named_at_the_end(
    build: ModuleType, statuses: dict[str, int]
) -> None:
    statuses["mypy"] = 2
    with pytest.raises(SystemExit, match=r"^failed: types$"):
        build.test()
    assert "pytest" in statuses


def test_a_check_can_be_run_by_itself(build: ModuleType, statuses: dict[str, int]) -> None:
    build.test("layers")
    assert list(statuses) == ["lint-imports"]


def test_a_demo_that_went_wrong_is_told_in_one_message(build: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong() -> None:
        raise WorkflowError("the join has 0 rows instead of 849")

    monkeypatch.setattr("runners.local.demo.main", wrong)
    with pytest.raises(SystemExit, match="0 rows instead of 849"):
        build.demo()


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (DeploymentError("the stack rolled back."), "the stack rolled back."),
        (NoCredentialsError(), "there are no AWS credentials"),
        (ClientError({"Error": {"Code": "ExpiredToken"}}, "GetCallerIdentity"), "have expired"),
        (KeyboardInterrupt(), "the same command can be typed again"),
    ],
)
def test_what_goes_wrong_is_one_message_and_no_traceback(
    build: ModuleType, monkeypatch: pytest.MonkeyPatch, error: BaseException, told: str
) -> None:
    def failing(_environment: str | None) -> None:
        raise error

    monkeypatch.setattr(build, "_Deployment", failing)
    with pytest.raises(SystemExit) as caught:
        build.deploy()
    assert told in str(caught.value.code)
    assert caught.value.__suppress_context__


def test_a_fault_of_the_program_keeps_its_traceback(build: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "_Deployment", lambda _environment: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        build.deploy()


def test_a_task_that_is_given_what_it_does_not_take_says_what_it_does(build: ModuleType) -> None:
    with pytest.raises(SystemExit, match=r"deploy: too many positional arguments\. Bring everything up to date"):
        build.deploy("glue-resources")
    with pytest.raises(SystemExit, match="unexpected keyword argument 'enviroment'"):
        build.createstack("glue-resources", enviroment="dev")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("deply", "there is no task deply; did you mean deploy?"),
        ("update", "did you mean updatelambda or updatestack?"),
        ("xyzzy", "there is no task xyzzy. `pynt` without a name lists the tasks."),
    ],
)
def test_a_wrong_name_of_a_task_is_told_with_the_nearest(build: ModuleType, name: str, told: str) -> None:
    with pytest.raises(SystemExit) as caught:
        getattr(build, name)
    assert told in str(caught.value.code)


@pytest.mark.parametrize("name", ["stackst", "__path__"])
def test_the_beginning_of_one_tasks_name_is_left_to_pynt(build: ModuleType, name: str) -> None:
    assert not hasattr(build, name)


def test_pynt_without_a_task_lists_the_tasks_and_nothing_else() -> None:
    ran = pynt()
    assert ran.returncode == 0
    listed = [line.split()[0] for line in ran.stdout.split("Tasks in build file")[1].splitlines()[1:] if line.strip()]
    assert listed[:-1] == [
        "clean",
        "configschema",
        "createstack",
        "deletes3bucket",
        "deletestack",
        "demo",
        "deploy",
        "deploygluescripts",
        "deploylambda",
        "packagelambda",
        "sample",
        "samples",
        "stackstatus",
        "teardown",
        "test",
        "updatelambda",
        "updatestack",
    ]


def test_pynt_ends_with_status_1_and_one_message_where_a_task_cannot_go_on() -> None:
    ran = pynt("deploy", ETL_ENVIRONMENT="local")
    assert ran.returncode == 1
    assert "Traceback" not in ran.stderr
    assert ran.stderr.splitlines()[-1].startswith("the local environment runs on the embedded AWS only")


def test_pynt_tells_a_missing_value_of_the_environment_that_the_variable_names() -> None:
    ran = pynt("stackstatus", ETL_ENVIRONMENT="dev")
    assert ran.returncode == 1
    assert "config/dev.yaml: account_id has no value" in ran.stderr


def test_pynt_suggests_the_nearest_task() -> None:
    ran = pynt("deply")
    assert ran.returncode == 1
    assert ran.stderr.strip() == "there is no task deply; did you mean deploy? `pynt` without a name lists the tasks."


def test_a_missing_package_is_told_with_what_to_type() -> None:
    hidden = "import sys; sys.modules['yaml'] = None; import runpy; runpy.run_path('build.py')"
    ran = subprocess.run([sys.executable, "-c", hidden], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert ran.stderr.strip() == "the Python package yaml is missing. Type `pip install -e '.[build]'`."
