"""A process that stops before or after any call to AWS leaves all to the next one, whatever the service."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from runners.active_jobs import ActiveJobs
from runners.activity import Activity
from runners.runner import Runner
from runners.services.athena import Athena
from runners.services.batch import Batch
from runners.services.dms import Dms
from runners.services.glue import Glue
from runners.settings import Settings
from runners.testing import Clock, Crash, Fault, FaultyClient, KillPoint, SimulatedAWS, kill_points
from tests.recovery.world import INPUTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from runners.testing import Execution

SERVICES: dict[str, Callable[[Any, Clock], Any]] = {
    "glue": lambda client, _: Glue(client),
    "athena": lambda client, _: Athena(client),
    "dms": lambda client, _: Dms(client),
    "batch": lambda client, _: Batch(client),
}
SETTINGS = {
    "without limits": Settings(active_jobs_table="active-jobs"),
    "with a limit": Settings(active_jobs_table="active-jobs", max_running_jobs=1),
}


class Life:
    """The life of one job, in a process that stops at a kill point, and in the process that follows it."""

    def __init__(self, service: str, settings: Settings) -> None:
        self.service, self.settings = service, settings
        self.clock = Clock()
        self.aws = SimulatedAWS(self.clock)
        self.aws.active_jobs_table(settings.active_jobs_table)
        self.arn = self.aws.step_functions.create_activity(name="Jobs")["activityArn"]
        self.jobs: Any = getattr(self.aws, service)
        if service == "glue":
            self.jobs.create_job(Name="Sales")
        if service == "dms":
            self.jobs.add_task("copy")

    def lived(self, kill: KillPoint, *, aborted: bool) -> Life:
        """Let a process live until it is killed, and another one bring all to its end."""
        execution = self.aws.step_functions.run(self.arn, INPUTS[self.service], heartbeat_seconds=300, retries=3)
        with suppress(Crash):
            self.live(self.process(kill), execution, aborted=aborted)
        next_process = self.process(KillPoint())
        for _ in range(20):
            self.live(next_process, execution, aborted=aborted)
            if execution.status != "RUNNING" and not self.records():
                break
        return self

    def live(self, process: tuple[Activity, Runner], execution: Execution, *, aborted: bool) -> None:
        activity, runner = process
        with suppress(BotoCoreError, ClientError):  # as a turn does, which then opens the next poll
            task = activity.poll()
            if task is not None:
                runner.take(task)
        if self.jobs.live() and aborted:
            self.aws.step_functions.abort(execution)
        elif self.jobs.live():
            self.jobs.end(self.jobs.live()[0].id)
        for act in (*[partial(runner.on_event, event) for event in list(self.aws.events)], runner.sweep):
            self.clock.step(1 if act != runner.sweep else 61)
            with suppress(BotoCoreError, ClientError):
                act()

    def process(self, kill: KillPoint) -> tuple[Activity, Runner]:
        def of(client: Any) -> Any:
            return FaultyClient(client, kill)

        activity = Activity(self.arn, "process", of(self.aws.step_functions), of(self.aws.step_functions))
        table = ActiveJobs(self.settings.active_jobs_table, of(self.aws.dynamodb))
        service = SERVICES[self.service](of(self.jobs), self.clock)
        return activity, Runner(service, activity, table, self.settings, now=self.clock, sleep=lambda _: None)

    def records(self) -> list[dict[str, Any]]:
        return [
            item
            for item in self.aws.dynamodb.tables[self.settings.active_jobs_table].items()
            if not item["runner"]["S"].endswith((".events", ".admissions", ".sweeps"))
        ]


@pytest.mark.parametrize("aborted", [False, True], ids=["to its end", "aborted"])
@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize("service", SERVICES)
def test_wherever_a_process_is_killed_its_job_runs_once_and_is_reported_once(
    service: str,
    settings: Settings,
    aborted: bool,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, object], None],
) -> None:
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda seconds: None)
    points = list(
        kill_points(
            lambda kill: Life(service, settings).lived(kill, aborted=aborted),
            (Fault.CRASH_BEFORE, Fault.CRASH_AFTER, Fault.ANSWER_LOST, Fault.SERVER_ERROR, Fault.SERVER_ERROR_AFTER),
        )
    )
    for kill in points:
        life = Life(service, settings).lived(kill, aborted=aborted)
        assert len(life.jobs.runs()) == 1, f"{kill}: {life.jobs.runs()}"
        assert not life.jobs.live(), f"{kill}: a run lives on"
        assert not life.records(), f"{kill}: a record stays"
        (execution,) = life.aws.step_functions.executions.values()
        assert execution.status == ("ABORTED" if aborted else "SUCCEEDED"), f"{kill}: {execution}"
    assert len(points) >= 45
    record_property("kill points", len(points))
