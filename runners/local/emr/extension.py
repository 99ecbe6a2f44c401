"""EMR steps as an extension of moto: each runs its PySpark script, so many at once as its cluster allows.

moto's own steps stay where they begin. A cluster here has no machines: its steps run on this one. Nothing pretends:
a step that is no PySpark script fails, with what it is.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

from moto.core.responses import ActionResult
from moto.emr.exceptions import InvalidRequestException, ValidationException
from moto.emr.models import Cluster
from moto.emr.responses import ElasticMapReduceResponse

from runners.errors import RunnersError
from runners.local.emr import spark_run
from runners.local.emr.spark_run import Run, ScriptFailedError
from runners.local.emr.steps import ACTIVE, CANCEL_PENDING, CANCELLED, COMPLETED, FAILED, PENDING, RUNNING, Step
from runners.local.events import service_events
from runners.local.replacements import Replacements

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from runners.local.emr.spark_run import Surroundings

MAX_ACTIVE_STEPS = 256
MAX_STEPS_OF_ONE_LIST = 10
ENDED_CLUSTERS = frozenset({"TERMINATING", "TERMINATED", "TERMINATED_WITH_ERRORS"})
CANCEL_AND_WAIT, CONTINUE = "CANCEL_AND_WAIT", "CONTINUE"

# State → severity and what a step's event says of it.
_EVENTS = {
    PENDING: ("INFO", "was added to Amazon EMR cluster {cluster} at {time} and is pending execution."),
    RUNNING: ("INFO", "in Amazon EMR cluster {cluster} started running at {time}."),
    COMPLETED: ("INFO", "in Amazon EMR cluster {cluster} completed execution at {time}."),
    CANCELLED: ("WARN", "in Amazon EMR cluster {cluster} was cancelled at {time}."),
    FAILED: ("ERROR", "in Amazon EMR cluster {cluster} failed at {time}."),
}

logger = logging.getLogger(__name__)


class EmrSteps:
    """The extension. One for each embedded AWS."""

    def __init__(self) -> None:
        self._moto = Replacements()
        self._aws: Surroundings | None = None
        self._lock = threading.RLock()
        self._threads: dict[threading.Thread, Step] = {}
        self._ending = False

    def start(self, aws: Surroundings) -> None:
        """Take the place of moto's steps."""
        self._aws = aws
        self._moto.replace(Cluster, "add_steps", _add)
        self._wrap("run_job_flow", self._run_job_flow)
        self._wrap("add_job_flow_steps", self._add_steps)
        self._wrap("terminate_job_flows", self._terminate)
        self._wrap("list_steps", _list)
        self._wrap("describe_step", _describe)
        self._moto.add(ElasticMapReduceResponse, "cancel_steps", lambda response: self._cancel(response))  # noqa: PLW0108

    def stop(self) -> None:
        """End every step, and give moto its own back."""
        with self._lock:
            self._ending = True
            running = dict(self._threads)
        for step in running.values():
            step.cancel()
        for thread in running:
            thread.join()
        self._moto.undo()

    def _wrap(self, name: str, wrapper: Callable[[Any, Callable[[Any], Any]], Any]) -> None:
        original: Any = getattr(ElasticMapReduceResponse, name)
        self._moto.replace(ElasticMapReduceResponse, name, lambda response: wrapper(response, original))

    # EMR's API

    def _run_job_flow(self, response: Any, run: Callable[[Any], Any]) -> Any:
        known = set(response.backend.clusters)
        answer = run(response)
        for cluster_id in set(response.backend.clusters) - known:
            cluster = response.backend.clusters[cluster_id]
            self._begin(cluster, cluster.steps)
        return answer

    def _add_steps(self, response: Any, add: Callable[[Any], Any]) -> Any:
        cluster = _cluster(response, "JobFlowId")
        asked = response._get_param("Steps", [])
        with self._lock:
            if cluster.state in ENDED_CLUSTERS:
                raise ValidationException(
                    "A job flow that is shutting down, terminated, or finished may not be modified."
                )
            if _count(cluster.steps, ACTIVE) + len(asked) > MAX_ACTIVE_STEPS:
                raise ValidationException(
                    "Maximum number of active steps(State = 'Running', 'Pending' or 'Cancel_Pending') "
                    f"for cluster exceeded: {MAX_ACTIVE_STEPS}"
                )
            _require_continue(cluster, asked)
            answer = add(response)
        self._begin(cluster, cluster.steps[-len(asked) :])
        return answer

    def _terminate(self, response: Any, terminate: Callable[[Any], Any]) -> Any:
        with self._lock:
            answer = terminate(response)
        for cluster_id in response._get_param("JobFlowIds"):
            self._cancel_all(response.backend.clusters[cluster_id])
        return answer

    def _cancel(self, response: Any) -> ActionResult:
        cluster = _cluster(response, "ClusterId")
        answers = []
        for step_id in response._get_param("StepIds", []):
            step = _find(cluster, step_id)
            waited = step.state == PENDING
            if step.cancel():
                answers.append({"StepId": step_id, "Status": "SUBMITTED"})
                if waited:  # no thread of its own will say it
                    _send_event(cluster, step)
            else:
                reason = f"The step is {step.state} and cannot be cancelled."
                answers.append({"StepId": step_id, "Status": "FAILED", "Reason": reason})
        self._go_on(cluster)
        return ActionResult({"CancelStepsInfoList": answers})

    # What it does

    def _begin(self, cluster: Any, added: Sequence[Step]) -> None:
        for step in added:
            _send_event(cluster, step)
        self._go_on(cluster)

    def _go_on(self, cluster: Any) -> None:
        """Start the steps for which there is room, or note that the cluster has none left."""
        with self._lock:
            if self._ending or cluster.state in ENDED_CLUSTERS:
                return
            for step in [step for step in cluster.steps if step.state == PENDING]:
                if _count(cluster.steps, {RUNNING, CANCEL_PENDING}) >= (cluster.step_concurrency_level or 1):
                    break
                if step.begin():
                    thread = threading.Thread(target=self._execute, args=(cluster, step), name=step.id, daemon=True)
                    self._threads[thread] = step
                    thread.start()
            if _count(cluster.steps, ACTIVE):
                cluster.state = "RUNNING"
            elif cluster.steps and not cluster.keep_job_flow_alive_when_no_steps:
                cluster.terminate()
            else:
                cluster.state = "WAITING"

    def _execute(self, cluster: Any, step: Step) -> None:
        """Give a step its whole life, on a thread of its own."""
        _send_event(cluster, step)
        logs = f"{cluster.log_uri.rstrip('/')}/{cluster.id}/steps/{step.id}/" if cluster.log_uri else None
        try:
            assert self._aws is not None  # noqa: S101 - steps begin after start()
            run = Run(step.job(), cluster.emr_backend.region_name, logs)
            spark_run.carry_out(run, self._aws, step.can_be_killed_by)
            step.end(COMPLETED)
        except ScriptFailedError as error:
            log_file = {"LogFile": f"{logs}stderr.gz"} if logs else {}
            step.end(FAILED, {"Reason": "The script failed.", "Message": str(error), **log_file})
        except RunnersError as error:
            step.end(FAILED, {"Reason": "The embedded EMR cannot run this step.", "Message": str(error)})
        except Exception as error:
            logger.exception("an EMR step broke", extra={"action": "emr_step_broke", "step_id": step.id})
            step.end(FAILED, {"Reason": "The embedded EMR broke.", "Message": f"{type(error).__name__}: {error}"})
        if not self._ending:
            _send_event(cluster, step)
            self._after(cluster, step)
        with self._lock:
            self._threads.pop(threading.current_thread(), None)

    def _after(self, cluster: Any, step: Step) -> None:
        """Do what a step asks for if it fails, and go on."""
        alone = (cluster.step_concurrency_level or 1) == 1
        if step.state == FAILED and step.action_on_failure != CONTINUE and alone:
            if step.action_on_failure != CANCEL_AND_WAIT:
                with self._lock:
                    cluster.terminate()
                    cluster.state = "TERMINATED_WITH_ERRORS"
            self._cancel_all(cluster)
        self._go_on(cluster)

    def _cancel_all(self, cluster: Any) -> None:
        for step in cluster.steps:
            waited = step.state == PENDING
            if step.cancel() and waited:
                _send_event(cluster, step)


def _add(cluster: Any, steps: Sequence[dict[str, Any]]) -> list[Step]:
    added = [Step(**step) for step in steps]
    cluster.steps += added
    return added


def _require_continue(cluster: Any, asked: Sequence[dict[str, Any]]) -> None:
    """Refuse a step that would end others, where it runs beside them."""
    if (cluster.step_concurrency_level or 1) > 1:
        for step in asked:
            if step.get("ActionOnFailure", "TERMINATE_CLUSTER") != CONTINUE:
                raise ValidationException("The ActionOnFailure setting is not valid: StepConcurrencyLevel is above 1")


def _list(response: Any, list_steps: Callable[[Any], Any]) -> Any:
    _cluster(response, "ClusterId")
    if len(response._get_param("StepIds", [])) > MAX_STEPS_OF_ONE_LIST:
        raise InvalidRequestException(f"StepIds has at most {MAX_STEPS_OF_ONE_LIST} ids")
    return list_steps(response)


def _describe(response: Any, describe: Callable[[Any], Any]) -> Any:
    _find(_cluster(response, "ClusterId"), response._get_param("StepId"))
    return describe(response)


def _cluster(response: Any, parameter: str) -> Any:
    return response.backend.describe_cluster(response._get_param(parameter))


def _find(cluster: Any, step_id: str) -> Step:
    for step in cluster.steps:
        if step.id == step_id:
            found: Step = step
            return found
    raise InvalidRequestException(f"Step id '{step_id}' is not valid.")


def _count(steps: Sequence[Step], states: frozenset[str] | set[str]) -> int:
    return sum(step.state in states for step in steps)


def _send_event(cluster: Any, step: Step) -> None:
    """Tell EventBridge of a step's state."""
    severity, said = _EVENTS.get(step.state, ("INFO", f"is {step.state}."))
    moment = (step.end_date_time or step.start_date_time or step.creation_date_time).strftime("%Y-%m-%d %H:%M UTC")
    detail = {
        "severity": severity,
        "actionOnFailure": step.action_on_failure,
        "stepId": step.id,
        "name": step.name,
        "clusterId": cluster.id,
        "state": step.state,
        "message": f"Step {step.id} ({step.name}) "
        + said.format(cluster=f"{cluster.id} ({cluster.name})", time=moment),
    }
    backend = cluster.emr_backend
    service_events.send(backend.account_id, backend.region_name, "aws.emr", "EMR Step Status Change", detail)
