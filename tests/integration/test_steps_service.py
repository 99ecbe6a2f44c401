"""Steps as a service: processes of their own that beat, are stopped, are lost and repeated, in the embedded AWS."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

import pytest

from runners.active_jobs import ActiveJobs
from runners.activity import Activity
from runners.job import Running
from runners.local.server import EmbeddedAWS
from runners.runner import Runner
from runners.services.step import SILENCE, StepProcesses
from runners.settings import Settings
from tests.integration.waiting import eventually
from tests.integration.workers import WorkerProcess, make_activity, make_state_machine, make_table, variables_of
from tests.unit.completions_table import TABLE, create_table

# A step that says when it has begun, goes on when it may, and says what it has published.
PLUGIN = '''
    import os, threading
    from pathlib import Path
    from runners.steps import Parameters, Step

    class Await(Step):
        """Waits for a file, and publishes another."""

        class Parameters(Parameters):
            Folder: str
            """Where the files are."""

        def run(self, context):
            folder = Path(self.parameters.Folder)
            (folder / f"begun-{os.getpid()}").touch()
            while not (folder / "go").exists():
                context.check_stop()
                threading.Event().wait(0.01)
            context.progress.count(rows=7)
            context.check_publish()
            (folder / f"published-{context.execution_id[-6:]}-{os.getpid()}").touch()
            return {"rows": 7}
'''
RETRY = [{"ErrorEquals": ["StepLost"], "IntervalSeconds": 1, "MaxAttempts": 2}]
BEATS_OFTEN = "import sys; from runners.step_process import main; sys.exit(main(sys.stdin.buffer, beat_interval=0.05))"


class Folder:
    """What a step has left."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def begun(self) -> list[int]:
        """Return the ids of the processes that have begun."""
        return sorted(int(file.name.rpartition("-")[2]) for file in self.path.glob("begun-*"))

    def published(self) -> list[int]:
        """Return the ids of those that have published."""
        return sorted(int(file.name.rpartition("-")[2]) for file in self.path.glob("published-*"))

    def go(self) -> None:
        """Let steps go on."""
        (self.path / "go").touch()


class Workplace:
    """State machines of one step, and workers' runners that take them."""

    def __init__(self, aws: EmbeddedAWS, variables: dict[str, str]) -> None:
        self.aws = aws
        self.variables = variables
        self.step_functions = aws.client("stepfunctions")
        self.activity_arn = make_activity(aws, "StepRunnerActivity")
        self.active_jobs = ActiveJobs(make_table(aws), aws.client("dynamodb"))
        self.processes: list[subprocess.Popen[bytes]] = []
        self.ahead = timedelta(0)

    def runner(self) -> Runner:
        """Return the runner of one more worker, in this process; its clock can be put ahead."""
        now = lambda: datetime.now(UTC) + self.ahead  # noqa: E731
        service = StepProcesses(self.aws.client("dynamodb"), TABLE, 4, spawn=self._spawn, now=now)
        activity = Activity(self.activity_arn, "test", self.step_functions, self.step_functions)
        settings = Settings(active_jobs_table="ActiveJobs", heartbeat_interval_seconds=0.01)
        return Runner(service, activity, self.active_jobs, settings)

    def start(self, name: str, folder: Path, **fields: Any) -> str:
        """Start an execution of one step."""
        input_ = {
            "StepType": "Await",
            "Parameters": {"Folder": str(folder)},
            "ExecutionArn.$": "$$.Execution.Id",
        }
        machine = make_state_machine(self.aws, name, self.activity_arn, input_, TimeoutSeconds=60, **fields)
        return str(self.step_functions.start_execution(stateMachineArn=machine)["executionArn"])

    def take(self, runner: Runner) -> None:
        """Let a runner take a task."""
        activity = Activity(self.activity_arn, "test", self.step_functions, self.step_functions)
        runner.take(eventually(activity.poll))

    def ended(self, execution: str, runner: Runner | None = None) -> dict[str, Any] | None:
        """Return how an execution has ended, once it has, with a sweep of a runner before."""
        if runner is not None:
            runner.sweep()
        found = dict(self.step_functions.describe_execution(executionArn=execution))
        return None if found["status"] == "RUNNING" else found

    @contextmanager
    def put_ahead(self, by: timedelta) -> Iterator[None]:
        """Put the clock of the runners ahead within a block, by a little more."""
        self.ahead = by + timedelta(seconds=5)
        try:
            yield
        finally:
            self.ahead = timedelta(0)

    def close(self) -> None:
        """End all processes."""
        for process in self.processes:
            process.kill()
            process.wait(30)

    def _spawn(self, request: IO[bytes]) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", BEATS_OFTEN]
        variables = {**self.variables, "RUNNERS_COMPLETIONS_TABLE": TABLE}
        self.processes.append(
            subprocess.Popen(command, stdin=request, env=variables, stderr=subprocess.DEVNULL, start_new_session=True)
        )
        return self.processes[-1]


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package with a step type, made known by its entry point."""
    place = tmp_path_factory.mktemp("plugin")
    lines = PLUGIN.splitlines()
    (place / "awaiting.py").write_text("\n".join(line.removeprefix("    ") for line in lines))
    metadata = place / "awaiting-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: awaiting\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[runners.steps]\nAwait = awaiting:Await\n")
    return place


@pytest.fixture(scope="module")
def workplace(plugin: Path) -> Iterator[Workplace]:
    aws = EmbeddedAWS(activity_poll_wait=timedelta(milliseconds=200))
    with aws, pytest.MonkeyPatch.context() as patched:
        patched.syspath_prepend(str(plugin))  # runners check inputs, too
        from runners.steps import catalog  # noqa: PLC0415

        catalog._others.cache_clear()
        create_table(aws.client("dynamodb"))
        paths = os.pathsep.join([str(plugin), str(Path.cwd())])
        place = Workplace(aws, variables_of(aws) | {"PYTHONPATH": paths})
        yield place
        place.close()
        catalog._others.cache_clear()


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_a_step_runs_in_a_process_of_its_own_which_is_told_nothing_on_its_command_line(
    workplace: Workplace, folder: Folder
) -> None:
    runner = workplace.runner()
    execution = workplace.start("runs", folder.path)
    workplace.take(runner)
    (process,) = eventually(folder.begun)
    assert process != os.getpid()
    assert str(folder.path) not in Path(f"/proc/{process}/cmdline").read_text()
    folder.go()

    ended = eventually(lambda: workplace.ended(execution, runner))

    assert ended["status"] == "SUCCEEDED"
    output = json.loads(ended["output"])
    assert output["success"] is True
    assert output["result"] == {"rows": 7}
    assert output["metrics"]["rows"] == 7
    assert output["StepType"] == "Await"
    assert folder.published() == [process]


def test_a_second_process_of_a_task_does_nothing(workplace: Workplace, folder: Folder) -> None:
    runner = workplace.runner()
    execution = workplace.start("twice", folder.path)
    workplace.take(runner)
    eventually(folder.begun)
    (job,) = workplace.active_jobs.of_runner("step")
    runner.service.start(job)
    assert workplace.processes[-1].wait(30) == 0
    folder.go()

    ended = eventually(lambda: workplace.ended(execution, runner))

    assert ended["status"] == "SUCCEEDED"
    assert len(folder.begun()) == 1


def test_a_step_whose_process_is_killed_is_lost_and_repeated_by_the_state_machine(
    workplace: Workplace, folder: Folder
) -> None:
    runner = workplace.runner()
    execution = workplace.start("killed", folder.path, Retry=RETRY)
    workplace.take(runner)
    (first,) = eventually(folder.begun)
    os.kill(first, signal.SIGKILL)
    eventually(lambda: runner.sweep() == 0)
    workplace.take(runner)
    folder.go()

    ended = eventually(lambda: workplace.ended(execution, runner))

    assert ended["status"] == "SUCCEEDED"
    assert len(folder.published()) == 1
    assert first not in folder.published()


def test_a_step_of_a_machine_that_is_gone_is_lost_when_it_is_not_heard_of(workplace: Workplace, folder: Folder) -> None:
    execution = workplace.start("gone", folder.path)
    workplace.take(workplace.runner())
    (process,) = eventually(folder.begun)
    os.kill(process, signal.SIGKILL)
    other = workplace.runner()
    other.sweep()
    assert workplace.ended(execution) is None
    with workplace.put_ahead(SILENCE):
        ended = eventually(lambda: workplace.ended(execution, other))
    assert (ended["status"], ended["error"]) == ("FAILED", "StepLost")
    assert "nothing was heard" in json.loads(ended["cause"])["ErrorMessage"]


def test_a_step_that_was_given_up_and_is_only_slow_publishes_nothing(workplace: Workplace, folder: Folder) -> None:
    runner = workplace.runner()
    execution = workplace.start("slow", folder.path)
    workplace.take(runner)
    (process,) = eventually(folder.begun)
    os.kill(process, signal.SIGSTOP)
    with workplace.put_ahead(SILENCE):
        ended = eventually(lambda: workplace.ended(execution, runner))
    assert ended["error"] == "StepLost"
    folder.go()
    os.kill(process, signal.SIGCONT)
    workplace.processes[-1].wait(30)
    assert folder.published() == []


def test_an_execution_that_is_aborted_stops_its_step_with_nothing_published(
    workplace: Workplace, folder: Folder
) -> None:
    runner = workplace.runner()
    execution = workplace.start("aborted", folder.path)
    workplace.take(runner)
    eventually(folder.begun)

    workplace.step_functions.stop_execution(executionArn=execution)
    eventually(lambda: runner.sweep() == 0)

    assert workplace.processes[-1].wait(30) == 0
    assert folder.published() == []


def test_a_step_on_another_machine_stops_at_its_next_beat(workplace: Workplace, folder: Folder) -> None:
    execution = workplace.start("aborted-elsewhere", folder.path)
    workplace.take(workplace.runner())
    eventually(folder.begun)
    (job,) = workplace.active_jobs.of_runner("step")
    other = workplace.runner()
    assert other.service.describe([job]) == {job.task_key: Running("BEGUN")}

    workplace.step_functions.stop_execution(executionArn=execution)
    eventually(lambda: other.sweep() == 0)

    assert workplace.processes[-1].wait(30) == 0
    assert folder.published() == []


def test_a_worker_that_is_killed_leaves_its_steps_at_work_and_another_reports_them(
    workplace: Workplace, folder: Folder, tmp_path: Path
) -> None:
    variables = workplace.variables | {
        "RUNNERS_ACTIVE_JOBS_TABLE": "ActiveJobs",
        "RUNNERS_COMPLETIONS_TABLE": TABLE,
        "RUNNERS_ACTIVITY_ARNS": f"step={workplace.activity_arn}",
        "RUNNERS_SWEEP_INTERVAL_SECONDS": "0.2",
        "RUNNERS_POLLS": "1",
    }
    first = WorkerProcess(variables, tmp_path / "log", "step")
    try:
        execution = workplace.start("survives", folder.path)
        (process,) = eventually(folder.begun)
    finally:
        first.kill()
    second = WorkerProcess(variables, tmp_path / "log", "step")
    try:
        second.until_it_polls()
        folder.go()
        ended = eventually(lambda: workplace.ended(execution))
    finally:
        second.kill()
    assert ended["status"] == "SUCCEEDED"
    assert folder.published() == [process]
