"""Glue job runs as an extension of moto: each run executes its script, in a process of its own.

moto's own runs jump to SUCCEEDED and do nothing, and ``BatchStopJobRun`` is missing. Here a run has the states and
times of what its script does, can be stopped, times out, is retried, and says how it ended in CloudWatch Logs and by
an event to EventBridge. Nothing pretends: a kind of job that a laptop cannot run is refused.
"""

from __future__ import annotations

import logging
import tempfile
import threading
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import ClientError
from moto.core.responses import ActionResult
from moto.glue.exceptions import (
    ConcurrentRunsExceededException,
    EntityNotFoundException,
    GlueClientError,
    InvalidInputException,
)
from moto.glue.models import FakeJob
from moto.glue.responses import GlueResponse

from runners.errors import RunnersError
from runners.local.events import service_events
from runners.local.glue import job_run, process
from runners.local.glue.job_run import JobRun, RunRequest
from runners.local.glue.process import notes
from runners.local.glue.run_logs import RunLogs
from runners.local.replacements import Replacements

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mypy_boto3_s3 import S3Client

    from runners.local.scripts.process import ScriptProcess

MAX_RUNS_OF_ONE_STOP = 25
MAX_RUNS_OF_ONE_PAGE = 200
MAX_CONCURRENT_RUNS = 50
"""How many runs go on at once in the embedded account; each is a process."""
RUNNABLE_COMMANDS = frozenset({"glueetl", "pythonshell"})
TIMEOUT_UNIT = timedelta(minutes=1)
"""How long one unit of a job's ``Timeout`` takes; tests shorten it."""
LOG_INTERVAL = timedelta(seconds=1)

# A final state → severity and message of its event.
EVENTS = {
    job_run.SUCCEEDED: ("INFO", "Job run succeeded"),
    job_run.TIMEOUT: ("WARN", "Job run timed out"),
    job_run.STOPPED: ("INFO", "Job run stopped"),
}

logger = logging.getLogger(__name__)


class Surroundings(Protocol):
    """What the extension needs of the embedded AWS."""

    def client(self, service: str, region: str | None = None) -> Any:
        """Answer a boto3 client of this AWS."""

    def environment(self) -> dict[str, str]:
        """Answer the environment variables that point boto3 to this AWS."""


class ResourceNumberLimitExceededException(GlueClientError):  # noqa: N818 - AWS's name
    """The account has no room for another run."""

    def __init__(self, message: str) -> None:
        super().__init__("ResourceNumberLimitExceededException", message)


class GlueJobRuns:
    """The extension. One for each embedded AWS."""

    def __init__(self) -> None:
        self._moto = Replacements()
        self._aws: Surroundings | None = None
        self._lock = threading.RLock()
        self._unfinished: list[tuple[Any, JobRun]] = []
        """Runs that wait or go on, with moto's record of their job, in the order in which they were started."""
        self._threads: set[threading.Thread] = set()
        self._ending = False

    def start(self, aws: Surroundings) -> None:
        """Take the place of moto's job runs."""
        self._aws = aws
        moto = self._moto
        self._wrap(GlueResponse, "create_job", _create_job)
        self._wrap(GlueResponse, "get_job_runs", _get_runs)
        self._wrap(FakeJob, "as_dict", _describe_job)
        # moto looks for functions: a bound method would not be found.
        moto.replace(GlueResponse, "start_job_run", lambda response: self._answer_start(response))  # noqa: PLW0108
        moto.replace(FakeJob, "start_job_run", lambda job, **asked: self.start_run(job, _as_parameters(asked)))
        moto.replace(FakeJob, "get_job_runs", lambda job: list(reversed(job.job_runs)))
        moto.add(GlueResponse, "batch_stop_job_run", lambda response: self._answer_stop(response))  # noqa: PLW0108

    def stop(self) -> None:
        """End every run, and give moto its own back."""
        with self._lock:
            self._ending = True
            for _, run in self._unfinished:
                run.stop()
            threads = list(self._threads)
        for thread in threads:
            thread.join()
        self._moto.undo()

    def _wrap(self, owner: Any, name: str, wrapper: Callable[[Any, Callable[[Any], Any]], Any]) -> None:
        """Have ``wrapper`` answer for a method of moto's; it is given the object and the method."""
        original: Any = getattr(owner, name, None)
        self._moto.replace(owner, name, lambda this: wrapper(this, original))

    def start_run(self, job: Any, asked: Mapping[str, Any]) -> str:
        """Start a run of one of moto's jobs, or let it wait; answers its id. Raises what Glue raises."""
        _require_valid(job, asked)
        request = RunRequest.of(job, asked)
        run = JobRun(request, previous_run_id=asked.get("JobRunId"))
        with self._lock:
            self._admit(job, run)
        return run.run_id

    def _answer_start(self, response: Any) -> ActionResult:
        asked = response.parameters
        job = response.glue_backend.get_job(asked.get("JobName"))
        return ActionResult({"JobRunId": self.start_run(job, asked)})

    def _answer_stop(self, response: Any) -> ActionResult:
        """Answer ``BatchStopJobRun``: what cannot be stopped is an entry of ``Errors``, not an error."""
        job_name, run_ids = response.parameters["JobName"], response.parameters["JobRunIds"]
        if not 1 <= len(run_ids) <= MAX_RUNS_OF_ONE_STOP:
            raise InvalidInputException("BatchStopJobRun", f"JobRunIds has 1 to {MAX_RUNS_OF_ONE_STOP} ids")
        job = response.glue_backend.jobs.get(job_name)
        runs = {run.run_id: run for run in (job.job_runs if job else ())}
        stopped, errors = [], []
        for run_id in run_ids:
            entry = {"JobName": job_name, "JobRunId": run_id}
            error = self._stop_run(job, runs.get(run_id))
            if error is None:
                stopped.append(entry)
            else:
                errors.append({**entry, "ErrorDetail": error})
        return ActionResult({"SuccessfulSubmissions": stopped, "Errors": errors})

    def _stop_run(self, job: Any, run: JobRun | None) -> dict[str, str] | None:
        """Stop one run, or answer why it cannot be stopped."""
        if run is None:
            return {"ErrorCode": "EntityNotFoundException", "ErrorMessage": "Job run not found."}
        if not run.stop():
            message = f"The job run is {run.state} and cannot be stopped."
            return {"ErrorCode": "InvalidInputException", "ErrorMessage": message}
        if run.state == job_run.STOPPED:  # it waited, so that no thread of its own will say it
            _send_event(job, run)
        return None

    def _admit(self, job: Any, run: JobRun) -> None:
        refusal = self._no_room_for(job)
        if refusal and not (run.request.queuing and run.request.max_retries == 0):
            raise refusal
        job.job_runs.append(run)
        self._unfinished.append((job, run))
        if refusal:
            run.wait(refusal.message)
        else:
            self._carry_out(job, run)

    def _no_room_for(self, job: Any) -> GlueClientError | None:
        active = [other for other, run in self._unfinished if run.state in job_run.ACTIVE]
        of_one_job = (job.execution_property or {}).get("MaxConcurrentRuns") or 1
        if active.count(job) >= of_one_job:
            return ConcurrentRunsExceededException(f"Concurrent runs exceeded for {job.name}")
        if len(active) >= MAX_CONCURRENT_RUNS:
            return ResourceNumberLimitExceededException(
                f"The account has its {MAX_CONCURRENT_RUNS} concurrent job runs already"
            )
        return None

    def _carry_out(self, job: Any, run: JobRun) -> None:
        thread = threading.Thread(target=self._execute, args=(job, run), name=run.run_id[:20], daemon=True)
        self._threads.add(thread)
        thread.start()

    def _execute(self, job: Any, run: JobRun) -> None:
        """Give a run its whole life, on a thread of its own."""
        try:
            state, message = self._outcome_of(job, run)
        except Exception as error:
            logger.exception("glue run broke", extra={"action": "glue_run_broke", "run_id": run.run_id})
            state, message = job_run.FAILED, f"{type(error).__name__}: {error}"
        with self._lock:
            run.end(state, message)
            self._unfinished = [pair for pair in self._unfinished if pair[1].state not in job_run.FINAL]
            if not self._ending:
                self._go_on_after(job, run)
        if not self._ending:
            _send_event(job, run)
        with self._lock:
            self._threads.discard(threading.current_thread())

    def _go_on_after(self, job: Any, run: JobRun) -> None:
        """Retry what failed, and let those in that wait for room."""
        if run.state == job_run.FAILED and run.attempt < run.request.max_retries:
            again = run.retry()
            job.job_runs.append(again)
            self._unfinished.append((job, again))
            self._carry_out(job, again)
        for waiting_job, waiting in [pair for pair in self._unfinished if pair[1].state == job_run.WAITING]:
            if self._no_room_for(waiting_job) is None and waiting.start():
                self._carry_out(waiting_job, waiting)

    def _outcome_of(self, job: Any, run: JobRun) -> tuple[str, str | None]:
        assert self._aws is not None  # noqa: S101 - runs begin after start()
        client: S3Client = self._aws.client("s3")
        with tempfile.TemporaryDirectory(prefix="runners-glue-run-", ignore_cleanup_errors=True) as name:
            directory = Path(name)
            logs = RunLogs(job.backend.account_id, job.backend.region_name, run.run_id, directory)
            for note in notes(run.request):
                logs.note(note)
            try:
                script = process.started(run, directory, client, self._aws.environment())
            except (RunnersError, ClientError) as error:
                logs.note(str(error))
                return job_run.FAILED, f"{type(error).__name__}: {error}"
            try:
                return self._watch(run, script, logs)
            finally:
                script.close()
                logs.ship(last=True)

    def _watch(self, run: JobRun, script: ScriptProcess, logs: RunLogs) -> tuple[str, str | None]:
        run.run(script.kill)
        left = run.request.timeout_minutes * TIMEOUT_UNIT
        deadline = job_run.now() + left
        while not script.ended_within(min(left, LOG_INTERVAL)):
            logs.ship()
            left = deadline - job_run.now()
            if left <= timedelta():
                return job_run.TIMEOUT, None
        message = script.error_message()
        return (job_run.FAILED, message) if message else (job_run.SUCCEEDED, None)


def _require_valid(job: Any, asked: Mapping[str, Any]) -> None:
    """Refuse what Glue refuses, and what the embedded Glue cannot run."""
    by_dpu = asked.get("MaxCapacity") or asked.get("AllocatedCapacity")
    by_workers = asked.get("WorkerType") or asked.get("NumberOfWorkers")
    if asked.get("MaxCapacity") and asked.get("AllocatedCapacity"):
        raise _invalid("Please set only Allocated Capacity or Max Capacity")
    if by_dpu and by_workers:
        raise _invalid("Please do not set Max Capacity if using Worker Type and Number of Workers.")
    if asked.get("MaxCapacity") and job_run.takes_only_workers(job):
        raise _invalid("Please set Worker Type and Number of Workers instead of Max Capacity for Glue 2.0 and later.")
    worker_type = asked.get("WorkerType") or job.worker_type
    if worker_type is not None and worker_type not in job_run.DPU_PER_WORKER:
        raise _invalid(f"{worker_type} is not a worker type")
    command = (job.command or {}).get("Name")
    if command not in RUNNABLE_COMMANDS:
        raise _invalid(f"the embedded Glue runs glueetl and pythonshell jobs; {job.name} is a {command} job")
    if RunRequest.of(job, asked).arguments.get("--job-language", "python").lower() != "python":
        raise _invalid(f"the embedded Glue runs Python; {job.name} has another --job-language")
    retried = asked.get("JobRunId")
    if retried and all(run.run_id != retried for run in job.job_runs):
        raise EntityNotFoundException(f"Job run {retried} not found.")


def _invalid(message: str) -> InvalidInputException:
    return InvalidInputException("StartJobRun", message)


def _as_parameters(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Name the arguments that moto gives to ``FakeJob.start_job_run`` as the API names them."""
    names = {"previous_run_id": "JobRunId"}
    return {
        names.get(name, "".join(part.capitalize() for part in name.split("_"))): value for name, value in asked.items()
    }


def _create_job(response: Any, create_job: Callable[[Any], ActionResult]) -> ActionResult:
    """Create the job as moto does, and keep what moto drops."""
    parameters = response.parameters
    if parameters.get("MaxCapacity") and (parameters.get("WorkerType") or parameters.get("NumberOfWorkers")):
        raise InvalidInputException(
            "CreateJob", "Please do not set Max Capacity if using Worker Type and Number of Workers."
        )
    answer = create_job(response)
    job = response.glue_backend.get_job(parameters["Name"])
    job.job_run_queuing_enabled = bool(parameters.get("JobRunQueuingEnabled"))
    return answer


def _describe_job(job: Any, describe: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    return {**describe(job), "JobRunQueuingEnabled": getattr(job, "job_run_queuing_enabled", False)}


def _get_runs(response: Any, get_runs: Callable[[Any], ActionResult]) -> ActionResult:
    if (response.parameters.get("MaxResults") or 1) > MAX_RUNS_OF_ONE_PAGE:
        raise InvalidInputException("GetJobRuns", f"MaxResults is at most {MAX_RUNS_OF_ONE_PAGE}")
    return get_runs(response)


def _send_event(job: Any, run: JobRun) -> None:
    """Tell EventBridge how the run ended. Its targets may fail as they like."""
    severity, message = EVENTS.get(run.state) or (
        "ERROR",
        f"JobName:{job.name} and JobRunId:{run.run_id} failed to execute with exception {run.error_message}",
    )
    detail = {
        "jobName": job.name,
        "severity": severity,
        "state": run.state,
        "jobRunId": run.run_id,
        "message": message,
    }
    backend = job.backend
    service_events.send(backend.account_id, backend.region_name, "aws.glue", "Glue Job State Change", detail)
