"""The rules for states that run steps, by the function or by the activity; like those for other tasks, on values."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from runners.lint import steps
from runners.lint.findings import Severity
from runners.lint.rules import Problem, Rule, matches, objects, state_text
from runners.task import EXECUTION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from runners.lint.knowledge import Knowledge
    from runners.lint.machines import Task

Found = TypeVar("Found")


def step_type(task: Task, knowledge: Knowledge) -> Iterator[Problem]:
    """Find a step type that there is not."""
    call = steps.call_of(task, knowledge)
    name = call.step_type if call else None
    if call is None or call.given is None:
        return
    if not call.names(steps.STEP_TYPE):
        yield Problem(f"no {steps.STEP_TYPE} says which step is to run; `runners step list` shows all", call.at)
    elif name and (problem := _checked(steps.problem_of_step_type, name)):
        yield Problem(problem, (*call.at, steps.STEP_TYPE))


def step_parameters(task: Task, knowledge: Knowledge) -> Iterator[Problem]:
    """Find parameters that a step will refuse."""
    call = steps.call_of(task, knowledge)
    name = call.step_type if call else None
    if call is None or call.given is None or name is None:
        return
    for place, problem in (_checked(steps.problems_of_parameters, name, call.given) or {}).items():
        what = ".".join(map(str, place)) or "the fields do not go together"
        yield Problem(f"{name} will refuse its parameters: {what}: {problem}", (*call.at, steps.PARAMETERS, *place))


def step_templates(task: Task, knowledge: Knowledge) -> Iterator[Problem]:
    """Find a template that names what there is not."""
    call = steps.call_of(task, knowledge)
    name = call.step_type if call else None
    if call is None or call.given is None or not name:
        return
    dated = call.names(steps.DATE) or not _is_told_its_execution(call)
    for place, problem in (_checked(steps.problems_of_templates, name, call.given, dated=dated) or {}).items():
        yield Problem(f"{'.'.join(map(str, place))}: {problem}", (*call.at, steps.PARAMETERS, *place))


def step_execution(task: Task, knowledge: Knowledge) -> Iterator[Problem]:
    """Find a step that does not know its execution."""
    call = steps.call_of(task, knowledge)
    if call is None or call.given is None or _is_told_its_execution(call):
        return
    path = '"{% $states.context.Execution.Id %}"' if task.jsonata else '"$$.Execution.Id"'
    field = EXECUTION if call.by_activity else steps.EXECUTION
    name = field if task.jsonata else f"{field}.$"
    yield Problem(
        f'a repeat of the step cannot be told from another run, so rows may come twice: add "{name}": {path}', call.at
    )


def step_retry(task: Task, knowledge: Knowledge) -> Iterator[Problem]:
    """Find a step that is not tried again when its source or target did not answer, or its process was lost."""
    call = steps.call_of(task, knowledge)
    if call is None:
        return
    retriers = objects(task.state.get("Retry"))
    wanted = (*steps.TRANSIENT, *([steps.LOST] if call.by_activity else []))
    missing = [error for error in wanted if not any(matches(retrier, error) for _, retrier in retriers)]
    if missing:
        listed = ", ".join(f'"{error}"' for error in wanted)
        yield Problem(
            f"no Retry matches {' or '.join(missing)}, which pass by themselves; "
            f'add {{"ErrorEquals": [{listed}], "IntervalSeconds": 60, "BackoffRate": 2}}',
            ("Retry",),
        )


def step_unknown(task: Task, knowledge: Knowledge) -> Iterator[Problem]:
    """Say that a step was not checked."""
    call = steps.call_of(task, knowledge)
    if call is None:
        return
    later = call.given is None or (call.names(steps.STEP_TYPE) and call.step_type is None)
    if later:
        if not call.by_activity or call.given is not None:  # else another rule says so
            yield Problem("which step it is is known only when it runs, so it was not checked", call.at)
    elif not _steps_are_installed():
        yield Problem("the extra `steps` is not installed here, so the step was not checked", call.at)


def _is_told_its_execution(call: steps.StepCall) -> bool:
    return call.names(steps.EXECUTION) or (call.by_activity and call.names(EXECUTION))


def _checked(check: Callable[..., Found], *values: Any, **more: Any) -> Found | None:
    """Return what a check of a step finds; nothing where what steps stand on is not installed."""
    return check(*values, **more) if _steps_are_installed() else None


def _steps_are_installed() -> bool:
    try:
        import runners.steps.catalog  # noqa: F401, PLC0415  # needs the extra
    except ModuleNotFoundError:
        return False
    return True


_COPIES = (
    '"StepType": "CopyObjects", "Parameters": {"Source": {"Bucket": "landing", "Prefix": "2026/"}, '
    '"TargetBucket": "archive", "TargetPrefix": "2026/"}, "ExecutionId.$": "$$.Execution.Id"'
)
_TRIED_AGAIN = '[{"ErrorEquals": ["SourceUnavailable", "TargetUnavailable"], "IntervalSeconds": 60, "BackoffRate": 2}]'


def _step(request: str = _COPIES, **changes: str | None) -> str:
    """Return a Task state that calls the function of the steps."""
    fields = {
        "Resource": '"arn:aws:lambda:eu-central-1:111122223333:function:steps"',
        "Parameters": f"{{{request}}}",
        "TimeoutSeconds": None,
        "HeartbeatSeconds": None,
        "Retry": _TRIED_AGAIN,
        **changes,
    }
    return state_text(**fields)


STEP_RULES = (
    Rule(
        "STP001",
        "step-type",
        Severity.ERROR,
        "The step type of a state that calls `steps`, or the activity of steps, is one that there is.",
        "A state machine may name any: nothing tells before it runs. Types of your own are known if their package is "
        "installed here.",
        _step(_COPIES.replace("CopyObjects", "CopyObject")),
        _step(),
        step_type,
    ),
    Rule(
        "STP002",
        "step-parameters",
        Severity.ERROR,
        "The parameters of a step are those that it takes, as far as the definition tells them.",
        "Wrong ones fail the state with `ValidationFailed`, or `InvalidInput` at an activity, as soon as it runs. The "
        "step's own model is used, so both agree. A path, an expression, a substitution or a template counts as any "
        "value. `runners step describe` shows what a step takes.",
        _step(_COPIES.replace("TargetBucket", "Bucket")),
        _step(),
        step_parameters,
    ),
    Rule(
        "STP003",
        "step-execution",
        Severity.WARNING,
        'A step is told its execution: `"ExecutionId.$": "$$.Execution.Id"`, or `ExecutionArn` at an activity.',
        "By it a step knows that it is a repeat, after a Retry or a redrive, and adds nothing "
        "that it has added before.",
        _step(_COPIES.removesuffix(', "ExecutionId.$": "$$.Execution.Id"')),
        _step(),
        step_execution,
    ),
    Rule(
        "STP004",
        "step-retry",
        Severity.WARNING,
        "A step is tried again when its source or its target was not there: `SourceUnavailable`, `TargetUnavailable`; "
        "at an activity also `StepLost`.",
        "The executor tries for some seconds, and then the state fails; a database that restarts takes longer. "
        "Steps write so that a repeat does no harm.",
        _step(Retry=None),
        _step(),
        step_retry,
    ),
    Rule(
        "STP005",
        "step-unknown",
        Severity.INFO,
        "The step that a state runs could be checked.",
        "It could not if its request or its type is only known when the state runs, or if the extra `steps` is not "
        "installed here. That may be right; it was just not checked.",
        _step(_COPIES.replace('"StepType": "CopyObjects"', '"StepType.$": "$.step"')),
        _step(),
        step_unknown,
    ),
    Rule(
        "STP006",
        "step-templates",
        Severity.ERROR,
        "Templates name what there is: `ds`, `ds_nodash`, `execution_date`, `execution_id`, `state_machine`, `params`, "
        "`outputs`, and the filters.",
        "Any other name fails the state with `TemplateFailed`. Within an execution there are dates only if "
        '`"ExecutionDate.$": "$$.Execution.StartTime"` is given: a repeat after midnight would otherwise be for '
        "another day. What is within `params` and `outputs` is known only when the state runs.",
        _step(_COPIES.replace("2026/", "{{ date }}/")),
        _step(_COPIES.replace("2026/", "{{ ds }}/") + ', "ExecutionDate.$": "$$.Execution.StartTime"'),
        step_templates,
    ),
)
"""The rules for states that run steps, in the order of the documentation."""
