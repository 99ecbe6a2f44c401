"""The rules for Task states: each a small function on values, in a table that the documentation is made from.

A rule says what is wrong and what to do, in one line. It asks nobody: what it may know is handed to it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runners.deployment.environment import STEPS_SERVICE, nearest
from runners.lint.findings import Severity
from runners.lint.inputs import WHOLE, given_by, problems_of, problems_of_runner
from runners.task import EXECUTION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from runners.lint.knowledge import Knowledge
    from runners.lint.machines import Task
    from runners.lint.reading import Path

LOST = ("States.Timeout", "States.HeartbeatTimeout")
"""The errors by which Step Functions tells that a task's worker was lost, or its time was over."""

_DEFAULT_ATTEMPTS = 3  # of a retrier that does not say
_WAITS = re.compile(r".*:states:.*\.(sync(:2)?|waitForTaskToken)")


@dataclass(frozen=True, slots=True)
class Problem:
    """What a rule found in a state: a message, and where within the state that is."""

    message: str
    at: Path = ()


@dataclass(frozen=True)
class Rule:
    """A rule.

    Attributes:
        id: by which it is looked up in the documentation.
        name: in one word or two.
        severity: of what it finds.
        title: what it wants, in a sentence.
        why: what happens otherwise.
        bad: a Task state in JSON in which it finds something.
        good: one in which it does not.
        check: yields what is wrong with a task.

    """

    id: str
    name: str
    severity: Severity
    title: str
    why: str
    bad: str
    good: str
    check: Callable[[Task, Knowledge], Iterator[Problem]]


def heartbeat(task: Task, _: Knowledge) -> Iterator[Problem]:
    """Find an activity task without a heartbeat."""
    if task.activity and not task.says("HeartbeatSeconds"):
        yield Problem(
            "there is no HeartbeatSeconds, so a lost worker is noticed only when the task's time is over; "
            'add "HeartbeatSeconds": 300'
        )


def timeout(task: Task, _: Knowledge) -> Iterator[Problem]:
    """Find an activity task without a time-out."""
    if task.activity and not task.says("TimeoutSeconds"):
        yield Problem(
            "there is no TimeoutSeconds, so the task waits practically for ever; add one that is longer than the "
            "job ever takes"
        )


def heartbeat_below_timeout(task: Task, _: Knowledge) -> Iterator[Problem]:
    """Find a heartbeat that is not shorter than the time-out."""
    beat, limit = task.seconds("HeartbeatSeconds"), task.seconds("TimeoutSeconds")
    if task.activity and beat is not None and limit is not None and beat >= limit:
        yield Problem(
            f"HeartbeatSeconds ({beat:g}) is not smaller than TimeoutSeconds ({limit:g}), which Step Functions "
            "refuses; make the time-out longer or the heartbeat shorter",
            ("HeartbeatSeconds",),
        )


def heartbeat_interval(task: Task, knowledge: Knowledge) -> Iterator[Problem]:
    """Find a heartbeat that the environment's runners cannot keep."""
    beat = task.seconds("HeartbeatSeconds")
    if beat is None or knowledge.environment is None or not _is_ours(task, knowledge):
        return
    environment = knowledge.environment
    if beat < environment.least_heartbeat_seconds:
        yield Problem(
            f"HeartbeatSeconds ({beat:g}) is less than three times heartbeat_interval_seconds "
            f"({environment.heartbeat_interval_seconds:g}) and the {environment.turn_interval_seconds} seconds between "
            f"the runner's turns, so one late heartbeat ends the task; make it {environment.least_heartbeat_seconds:g} "
            "or more",
            ("HeartbeatSeconds",),
        )


def retry(task: Task, _: Knowledge) -> Iterator[Problem]:
    """Find an activity task that is not tried again when its worker was lost."""
    if not task.activity:
        return
    retriers = objects(task.state.get("Retry"))
    first = {error: next((each for each in retriers if matches(each[1], error)), None) for error in LOST}
    missing = [error for error, found in first.items() if found is None]
    if missing:
        besides = "; States.TaskFailed matches all but States.Timeout" if _names(retriers, "States.TaskFailed") else ""
        wanted = ", ".join(f'"{error}"' for error in LOST)
        yield Problem(
            f"no Retry matches {' or '.join(missing)}, so a task whose worker was lost is not tried again{besides}; "
            f'add {{"ErrorEquals": [{wanted}, "ClaimFailedError"], "MaxAttempts": 2}}',
            ("Retry",),
        )
    for index in sorted({found[0] for found in first.values() if found and _never_tries(found[1])}):
        yield Problem(
            "the Retry that matches a lost worker's time-out comes first and has MaxAttempts 0, so nothing is tried "
            "again; make it 1 or more",
            ("Retry", index, "MaxAttempts"),
        )


def catch(task: Task, _: Knowledge) -> Iterator[Problem]:
    """Find an activity task whose failure nobody is told of."""
    if task.activity and not any(objects(state.get("Catch")) for state in (task.state, *task.around)):
        yield Problem(
            "nothing catches its failure, here or in a Parallel or Map around it, so a failed job ends the execution "
            'and the state machine tells nobody; add a Catch on "States.ALL"'
        )


def known_activity(task: Task, knowledge: Knowledge) -> Iterator[Problem]:
    """Find an activity that there is not."""
    name, there_are = task.activity, knowledge.activities()
    if not name or "${" in name or there_are is None or knowledge.has(name, task.resource):
        return
    meant = nearest(name, there_are).removesuffix(".")
    if knowledge.deployed is None:
        own = f" If a worker of your own polls it, say --activity {name}" if meant else f"; or say --activity {name}"
        yield Problem(f"no runner polls the activity {name}, so nobody will take the task{meant}{own}", ("Resource",))
    else:
        yield Problem(f"there is no activity {task.resource}{meant}; deploy it, or correct the ARN", ("Resource",))


def switched_on(task: Task, knowledge: Knowledge) -> Iterator[Problem]:
    """Find an activity of a service that the environment does not deploy."""
    service = knowledge.service(task.activity) if task.activity else None
    if service and knowledge.deployed is None and not knowledge.is_switched_on(service):
        yield Problem(
            f"{task.activity} is the activity of {service}, which is not among the environment's services; switch it "
            "on in config/ before this runs there",
            ("Resource",),
        )


def known_input(task: Task, knowledge: Knowledge) -> Iterator[Problem]:
    """Find an input that the service will refuse."""
    service = knowledge.service(task.activity) if task.activity else None
    given = given_by(task)
    if service is None or given is None or service == STEPS_SERVICE:  # of a step, more is known
        return
    names = {*given.values, *given.later}
    for place, problem in problems_of(service, given).items():
        what = "the fields do not go together" if place == WHOLE else place
        yield Problem(f"{service} will refuse the input: {what}: {problem}", _place_of(task, place, names))


def common_fields(task: Task, knowledge: Knowledge) -> Iterator[Problem]:
    """Find a priority or an execution's ARN that the runner will refuse."""
    given = given_by(task) if _is_ours(task, knowledge) else None
    for name, problem in problems_of_runner(given).items() if given else ():
        yield Problem(f"the runner will refuse the input: {name} {problem}", _place_of(task, name, {name}))


def express(task: Task, _: Knowledge) -> Iterator[Problem]:
    """Find an activity task in an Express workflow."""
    if task.activity and task.express:
        yield Problem(
            "an Express workflow cannot have activities; make the workflow (or the Map's ExecutionType) STANDARD",
            ("Resource",),
        )


def wait_timeout(task: Task, _: Knowledge) -> Iterator[Problem]:
    """Find an integration that waits, without a limit."""
    found = _WAITS.fullmatch(task.resource)
    if found and not task.says("TimeoutSeconds"):
        yield Problem(
            f"it waits (.{found[1]}) and has no TimeoutSeconds, so it waits practically for ever for what gets lost; "
            "add one that is longer than it ever takes"
        )


def tell_execution(task: Task, knowledge: Knowledge) -> Iterator[Problem]:
    """Suggest to tell the runner which execution waits."""
    given = given_by(task)
    if not _is_ours(task, knowledge) or given is None or EXECUTION in {*given.values, *given.later}:
        return
    path = '"{% $states.context.Execution.Id %}"' if task.jsonata else '"$$.Execution.Id"'
    name = EXECUTION if task.jsonata else f"{EXECUTION}.$"
    yield Problem(
        f'the runner learns at once that an execution was stopped if the input names it: add "{name}": {path}',
        ("Arguments" if task.jsonata else "Parameters",),
    )


def unknown_input(task: Task, knowledge: Knowledge) -> Iterator[Problem]:
    """Say that an input was not checked."""
    if _is_ours(task, knowledge) and given_by(task) is None:
        field = "Arguments" if task.jsonata else "Parameters"
        yield Problem(f"the input is known only when it runs (no {field} say what it is), so it was not checked")


def unknown_resource(task: Task, _: Knowledge) -> Iterator[Problem]:
    """Say that a state was not checked, which may be an activity task."""
    if task.is_unknown:
        yield Problem(
            f"what {task.resource} stands for is not known here; if that is an activity, this state was not checked",
            ("Resource",),
        )


def expressions(task: Task, _: Knowledge) -> Iterator[Problem]:
    """Say what is not checked of JSONata."""
    if task.activity and task.jsonata:
        yield Problem("JSONata is not evaluated: what an expression gives, and whether it is one, was not checked")


def _is_ours(task: Task, knowledge: Knowledge) -> bool:
    """Whether a runner of a service works on a task."""
    return task.activity is not None and knowledge.service(task.activity) is not None


def objects(value: Any) -> list[tuple[int, Mapping[str, Any]]]:
    """Return the objects in a list with their indexes; none if it is no list."""
    items = value if isinstance(value, list) else []
    return [(index, item) for index, item in enumerate(items) if isinstance(item, dict)]


def matches(retrier: Mapping[str, Any], error: str) -> bool:
    """Whether a retrier is for an error; two names stand for many, and States.TaskFailed not for States.Timeout."""
    equals = retrier.get("ErrorEquals")
    names = equals if isinstance(equals, list) else []
    many = "States.TaskFailed" in names and error != "States.Timeout"
    return error in names or "States.ALL" in names or many


def _names(retriers: list[tuple[int, Mapping[str, Any]]], error: str) -> bool:
    return any(error in str(retrier.get("ErrorEquals")) for _, retrier in retriers)


def _never_tries(retrier: Mapping[str, Any]) -> bool:
    attempts = retrier.get("MaxAttempts", _DEFAULT_ATTEMPTS)
    return isinstance(attempts, int) and attempts <= 0


def _place_of(task: Task, place: str, names: set[str]) -> Path:
    """Return where in a state a field of its input is."""
    field = "Arguments" if task.jsonata else "Parameters"
    name = next((each for each in names if place == each or place.startswith(f"{each}.")), None)
    if name is None:
        return (field,)
    written = task.state.get(field)
    return (field, name if isinstance(written, dict) and name in written else f"{name}.$")


_ARN = "arn:aws:states:eu-central-1:111122223333:activity"


def state_text(**changes: str | None) -> str:
    """Return a Task state as it should be, but for some of its fields; a field that is None is left out."""
    fields = {
        "Type": '"Task"',
        "Resource": f'"{_ARN}:GlueRunnerActivity"',
        "Parameters": '{"GlueJobName": "LoadSales", "ExecutionArn.$": "$$.Execution.Id"}',
        "TimeoutSeconds": "10800",
        "HeartbeatSeconds": "300",
        "Retry": '[{"ErrorEquals": ["States.Timeout", "States.HeartbeatTimeout", "ClaimFailedError"], '
        '"MaxAttempts": 2}]',
        "Catch": '[{"ErrorEquals": ["States.ALL"], "Next": "Tell Somebody"}]',
        "End": "true",
        **changes,
    }
    lines = ",\n".join(f'  "{name}": {value}' for name, value in fields.items() if value is not None)
    return f"{{\n{lines}\n}}"


def _map(execution_type: str) -> str:
    """Return a distributed Map of that state."""
    inner = state_text().replace("\n", "\n    ")
    return f"""{{
  "Type": "Map",
  "ItemProcessor": {{
    "ProcessorConfig": {{
      "Mode": "DISTRIBUTED",
      "ExecutionType": "{execution_type}"
    }},
    "StartAt": "Load Sales",
    "States": {{"Load Sales": {inner}}}
  }},
  "End": true
}}"""


_RIGHT = state_text()

RULES = (
    Rule(
        "ACT001",
        "heartbeat",
        Severity.ERROR,
        "An activity task has `HeartbeatSeconds` (or `HeartbeatSecondsPath`).",
        "Step Functions hands a task out once. If the process that took it dies before it is recorded, only a missed "
        "heartbeat tells; without one the execution stands still until `TimeoutSeconds` is over.",
        state_text(HeartbeatSeconds=None),
        _RIGHT,
        heartbeat,
    ),
    Rule(
        "ACT002",
        "timeout",
        Severity.ERROR,
        "An activity task has `TimeoutSeconds` (or `TimeoutSecondsPath`).",
        "A task without one waits practically for ever, also when no runner polls its activity. A time-out of the "
        "whole state machine does not stand in for it: it ends the execution, and nothing can be tried again.",
        state_text(TimeoutSeconds=None),
        _RIGHT,
        timeout,
    ),
    Rule(
        "ACT003",
        "heartbeat-below-timeout",
        Severity.ERROR,
        "`HeartbeatSeconds` is smaller than `TimeoutSeconds`.",
        "The Amazon States Language wants it so; otherwise the heartbeat could never tell anything.",
        state_text(TimeoutSeconds="300", HeartbeatSeconds="300"),
        _RIGHT,
        heartbeat_below_timeout,
    ),
    Rule(
        "ACT004",
        "heartbeat-interval",
        Severity.ERROR,
        "`HeartbeatSeconds` is at least three times the environment's `heartbeat_interval_seconds`, and the time from "
        "one turn of the runner to the next.",
        "A heartbeat is late when AWS throttles or a process is replaced. If only one fits in, one that is late ends "
        "the task: its job is stopped and started again.",
        state_text(HeartbeatSeconds="10"),
        _RIGHT,
        heartbeat_interval,
    ),
    Rule(
        "ACT005",
        "retry",
        Severity.ERROR,
        "An activity task is tried again on `States.Timeout` and on `States.HeartbeatTimeout`.",
        "This is what brings a task back whose worker died. Step Functions reports a missed heartbeat under either "
        "name. `States.ALL` matches both; `States.TaskFailed` matches everything but `States.Timeout`. The first "
        "retrier that matches counts, and with `MaxAttempts` 0 it tries nothing.",
        state_text(Retry='[{"ErrorEquals": ["States.TaskFailed"], "MaxAttempts": 2}]'),
        _RIGHT,
        retry,
    ),
    Rule(
        "ACT006",
        "catch",
        Severity.WARNING,
        "The failure of an activity task is caught, by itself or by a Parallel or Map around it.",
        "What nothing catches ends the execution as failed, and the state machine has no chance to tell somebody, to "
        "clean up or to go on without the job.",
        state_text(Catch=None),
        _RIGHT,
        catch,
    ),
    Rule(
        "ACT007",
        "unknown-activity",
        Severity.ERROR,
        "The activity is one that there is: of the environment's names, or, for an ARN, in the account.",
        "A definition may name any activity: nothing tells beforehand that there is none of that name, or that nobody "
        "polls it. Say `--activity NAME` for one that a worker of your own polls.",
        state_text(Resource=f'"{_ARN}:GleuRunnerActivity"'),
        _RIGHT,
        known_activity,
    ),
    Rule(
        "ACT008",
        "service-off",
        Severity.WARNING,
        "The activity's service is switched on in the environment.",
        "A service that is not among `services` in `config/` has no activity and no runner there.",
        state_text(
            Resource=f'"{_ARN}:AthenaRunnerActivity"',
            Parameters='{"AthenaNamedQuery": "Revenue", "ExecutionArn.$": "$$.Execution.Id"}',
        ),
        _RIGHT,
        switched_on,
    ),
    Rule(
        "ACT009",
        "input",
        Severity.ERROR,
        "The input is one that the service takes, as far as the definition tells it.",
        "A wrong input fails the state with `InvalidInput` as soon as it runs, which may be hours after the execution "
        "began. The runner's own check is used, so both agree. A path, an expression or a substitution counts as any "
        "value.",
        state_text(Parameters='{"GlueJob": "LoadSales", "NumberOfWorkers": 0, "ExecutionArn.$": "$$.Execution.Id"}'),
        _RIGHT,
        known_input,
    ),
    Rule(
        "ACT010",
        "common-fields",
        Severity.ERROR,
        "`Priority` is a whole number from -1000 to 1000, and `ExecutionArn` a text.",
        "The runner takes these two out of every input before the service sees it, and fails the state with "
        "`InvalidInput` if they are wrong.",
        state_text(Parameters='{"GlueJobName": "LoadSales", "Priority": "high", "ExecutionArn.$": "$$.Execution.Id"}'),
        state_text(Parameters='{"GlueJobName": "LoadSales", "Priority": 10, "ExecutionArn.$": "$$.Execution.Id"}'),
        common_fields,
    ),
    Rule(
        "ACT011",
        "execution-arn",
        Severity.INFO,
        'The input names the execution: `"ExecutionArn.$": "$$.Execution.Id"`.',
        "When an execution is stopped, Step Functions tells no worker. With its ARN the runner can heed the event that "
        "says so, and stops the job at once instead of at the next heartbeat.",
        state_text(Parameters='{"GlueJobName": "LoadSales"}'),
        _RIGHT,
        tell_execution,
    ),
    Rule(
        "ACT012",
        "input-unknown",
        Severity.INFO,
        "The state says what its activity gets.",
        "Without `Parameters` (in JSONata `Arguments`) the activity gets the state's input, of which the definition "
        "tells nothing. That may be right; it was just not checked.",
        state_text(Parameters=None),
        _RIGHT,
        unknown_input,
    ),
    Rule(
        "ACT013",
        "express",
        Severity.ERROR,
        "A state machine with activities is a STANDARD one.",
        "Express workflows have no activities, and neither has a distributed Map whose items run as Express workflows.",
        _map("EXPRESS"),
        _map("STANDARD"),
        express,
    ),
    Rule(
        "ACT014",
        "resource-unknown",
        Severity.INFO,
        "It is known whether a Task state is an activity task.",
        "What `${Name}` stands for is known if the template makes that resource, if the environment has a setting of "
        "the parameter's name, or if the parameter has a default. Otherwise the state cannot be checked.",
        state_text(Resource='"${GlueActivity}"'),
        _RIGHT,
        unknown_resource,
    ),
    Rule(
        "ACT015",
        "jsonata",
        Severity.INFO,
        "What is written in JSONata was not evaluated.",
        "An expression counts as any value, and its own syntax is not checked. All else is: the fields that are plain "
        "values, the names of the fields, heartbeat, time-out, Retry and Catch.",
        state_text(
            QueryLanguage='"JSONata"',
            Parameters=None,
            Arguments='{"GlueJobName": "{% $states.input.job %}", '
            '"ExecutionArn": "{% $states.context.Execution.Id %}"}',
        ),
        _RIGHT,
        expressions,
    ),
    Rule(
        "INT001",
        "wait-timeout",
        Severity.WARNING,
        "A Task state that waits, `.sync` or `.waitForTaskToken`, has `TimeoutSeconds`.",
        "Step Functions sets no limit of its own, and a job or a token that got lost holds the execution for up to a "
        "year. A job with a time-out of its own ends, but not what waits for a queue before it.",
        state_text(
            Resource='"arn:aws:states:::batch:submitJob.sync"',
            Parameters='{"JobName": "Load", "JobQueue": "Nightly", "JobDefinition": "Load"}',
            TimeoutSeconds=None,
            HeartbeatSeconds=None,
            Retry=None,
        ),
        state_text(
            Resource='"arn:aws:states:::batch:submitJob.sync"',
            Parameters='{"JobName": "Load", "JobQueue": "Nightly", "JobDefinition": "Load"}',
            HeartbeatSeconds=None,
            Retry=None,
        ),
        wait_timeout,
    ),
)
"""The rules for Task states, in the order of the documentation."""
