"""EMR Serverless as an extension of moto: each job run executes its PySpark script.

moto's own runs succeed at once and do nothing. Nothing pretends: a run that is no PySpark script is refused.
"""

from __future__ import annotations

import logging
import threading
from collections import defaultdict
from datetime import UTC
from typing import TYPE_CHECKING, Any

from moto.core.responses import ActionResult
from moto.emrserverless.exceptions import ResourceNotFoundException, ValidationException
from moto.emrserverless.responses import EMRServerlessResponse

from runners.errors import RunnersError
from runners.local.emr import spark_run
from runners.local.emr.serverless_run import (
    CANCELLED,
    CANCELLING,
    FAILED,
    PENDING,
    SCHEDULED,
    SUCCESS,
    JobRun,
)
from runners.local.emr.spark_run import Run, RunTimedOutError, ScriptFailedError
from runners.local.events import service_events
from runners.local.replacements import Replacements

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from runners.local.emr.spark_run import Surroundings

MAX_RUNS_OF_ONE_PAGE = 50
SHORTEST_TIMEOUT_MINUTES = 5
_REFUSED = {"executionIamPolicy", "retryPolicy", "flexExecution"}

logger = logging.getLogger(__name__)


class EmrServerless:
    """The extension. One for each embedded AWS."""

    def __init__(self) -> None:
        self._moto = Replacements()
        self._aws: Surroundings | None = None
        self._lock = threading.RLock()
        self._runs: dict[tuple[str, str, str], list[JobRun]] = defaultdict(list)
        """Of each account, region and application, oldest first."""
        self._threads: dict[threading.Thread, JobRun] = {}
        self._ending = False

    def start(self, aws: Surroundings) -> None:
        """Take the place of moto's job runs."""
        self._aws = aws
        for name, answer in (
            ("start_job_run", self._start),
            ("get_job_run", self._get),
            ("list_job_runs", self._list),
            ("cancel_job_run", self._cancel),
        ):
            self._moto.replace(EMRServerlessResponse, name, _function(answer))

    def stop(self) -> None:
        """End every run, and give moto its own back."""
        with self._lock:
            self._ending = True
            running = dict(self._threads)
        for run in running.values():
            run.cancel()
        for thread in running:
            thread.join()
        self._moto.undo()

    # EMR Serverless's API

    def _start(self, response: Any) -> ActionResult:
        asked = _asked(response)
        application = response.emrserverless_backend.get_application(asked["applicationId"])
        if application.state == "TERMINATED":
            raise ValidationException(f"Application {application.id} is terminated. Cannot start job run.")
        run = JobRun(asked, response.current_account, response.region, application.release_label, self._tell)
        _require_valid(run)
        with self._lock:
            known = self._of(response)
            token = asked.get("clientToken")
            same = next((one for one in known if token and one.asked.get("clientToken") == token), None)
            if same is None:
                known.append(run)
                thread = threading.Thread(target=self._execute, args=(run,), name=run.run_id, daemon=True)
                self._threads[thread] = run
                thread.start()
        found = same or run
        return ActionResult({"applicationId": found.application_id, "jobRunId": found.run_id, "arn": found.arn})

    def _get(self, response: Any) -> ActionResult:
        return ActionResult({"jobRun": self._find(response).as_dict()})

    def _list(self, response: Any) -> ActionResult:
        asked = {
            name: response._get_param(name)
            for name in ("states", "createdAtAfter", "createdAtBefore", "maxResults", "nextToken")
        }
        response.emrserverless_backend.get_application(response._get_param("applicationId"))
        most = asked["maxResults"] or MAX_RUNS_OF_ONE_PAGE
        if not 1 <= most <= MAX_RUNS_OF_ONE_PAGE:
            raise ValidationException(f"maxResults is 1 to {MAX_RUNS_OF_ONE_PAGE}")
        found = [run for run in reversed(self._of(response)) if _is_asked_for(run, asked)]
        ids = [run.run_id for run in found]
        if asked["nextToken"] and asked["nextToken"] not in ids:
            raise ValidationException("nextToken is none that ListJobRuns gave")
        at = ids.index(asked["nextToken"]) + 1 if asked["nextToken"] else 0
        page = found[at : at + most]
        rest = {"nextToken": page[-1].run_id} if len(found) > at + most else {}
        return ActionResult({"jobRuns": [run.summary() for run in page], **rest})

    def _cancel(self, response: Any) -> ActionResult:
        run = self._find(response)
        if not run.cancel() and run.state not in {CANCELLING, CANCELLED}:
            raise ValidationException(f"Job run {run.run_id} is in state {run.state} and cannot be cancelled.")
        return ActionResult({"applicationId": run.application_id, "jobRunId": run.run_id})

    # What it does

    def _of(self, response: Any) -> list[JobRun]:
        with self._lock:
            return self._runs[response.current_account, response.region, response._get_param("applicationId")]

    def _find(self, response: Any) -> JobRun:
        response.emrserverless_backend.get_application(response._get_param("applicationId"))
        run_id = response._get_param("jobRunId")
        found = next((run for run in self._of(response) if run.run_id == run_id), None)
        if found is None:
            raise ResourceNotFoundException(run_id, "JobRun")
        return found

    def _execute(self, run: JobRun) -> None:
        """Give a run its whole life, on a thread of its own."""
        try:
            if run.move(PENDING) and run.move(SCHEDULED):
                self._carry_out(run)
            run.move(SUCCESS)
        except RunTimedOutError:
            run.cancel("The job run exceeded its execution timeout.")
            run.move(CANCELLED)
        except ScriptFailedError as error:
            run.move(FAILED, f"Job execution failed: {error}")
        except RunnersError as error:
            run.move(FAILED, str(error))
        except Exception as error:
            logger.exception("an EMR Serverless run broke", extra={"action": "emr_run_broke", "run_id": run.run_id})
            run.move(FAILED, f"the embedded EMR Serverless broke: {type(error).__name__}: {error}")
        with self._lock:
            self._threads.pop(threading.current_thread(), None)

    def _carry_out(self, run: JobRun) -> None:
        assert self._aws is not None  # noqa: S101 - runs begin after start()
        spark_run.carry_out(Run(run.job(), run.region, run.logs, run.timeout), self._aws, run.can_be_killed_by)

    def _tell(self, run: JobRun, before: str) -> None:
        """Tell EventBridge of a run's new state."""
        if self._ending:
            return
        detail = {
            "jobRunId": run.run_id,
            "jobRunName": run.asked.get("name") or "",
            "applicationId": run.application_id,
            "arn": run.arn,
            "releaseLabel": run.release_label,
            "state": run.state,
            "previousState": before,
            "createdBy": f"arn:aws:iam::{run.account}:root",
            "updatedAt": _iso(run.updated_at),
            "createdAt": _iso(run.created_at),
        }
        source, detail_type = "aws.emr-serverless", "EMR Serverless Job Run State Change"
        service_events.send(run.account, run.region, source, detail_type, detail)


def _function(answer: Callable[[Any], ActionResult]) -> Callable[[Any], ActionResult]:
    """Make a function of a bound method, which moto would not find."""

    def function(response: Any) -> ActionResult:
        return answer(response)

    return function


def _asked(response: Any) -> dict[str, Any]:
    names = (
        "applicationId",
        "clientToken",
        "executionRoleArn",
        "jobDriver",
        "configurationOverrides",
        "tags",
        "executionTimeoutMinutes",
        "name",
        "mode",
        *_REFUSED,
    )
    values = {name: response._get_param(name) for name in names}
    return {name: value for name, value in values.items() if value is not None}


def _require_valid(run: JobRun) -> None:
    """Refuse what EMR Serverless refuses, and what the embedded one cannot run."""
    for name in sorted(_REFUSED & run.asked.keys()):
        raise ValidationException(f"the embedded EMR Serverless does not know {name}: leave it out")
    if run.asked.get("mode", "BATCH") != "BATCH":
        raise ValidationException("the embedded EMR Serverless runs jobs of mode BATCH alone")
    if 0 < run.asked.get("executionTimeoutMinutes", SHORTEST_TIMEOUT_MINUTES) < SHORTEST_TIMEOUT_MINUTES:
        raise ValidationException(f"RunTimeout must be at least {SHORTEST_TIMEOUT_MINUTES} minutes.")
    driver = run.asked.get("jobDriver") or {}
    for kind in sorted(driver.keys() - {"sparkSubmit"}):
        raise ValidationException(f"the embedded EMR Serverless runs sparkSubmit alone, and no {kind}")
    if not driver.get("sparkSubmit"):
        raise ValidationException("jobDriver is required, with sparkSubmit")
    try:
        run.job()
    except RunnersError as error:
        raise ValidationException(str(error)) from error


def _is_asked_for(run: JobRun, asked: Mapping[str, Any]) -> bool:
    after, before = _aware(asked["createdAtAfter"]), _aware(asked["createdAtBefore"])
    return (
        (not asked["states"] or run.state in asked["states"])
        and (after is None or run.created_at > after)
        and (before is None or run.created_at < before)
    )


def _aware(moment: datetime | None) -> datetime | None:
    """Say of a time that moto gives that it is in UTC."""
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
