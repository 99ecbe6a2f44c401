"""What a state gives a step, as a function or an activity, as far as the definition tells, held against its model.

What is only known when the state runs (a path, an expression, a substitution, a template) counts as any value, and
what is found is wrong whatever that value will be. Without the extra ``steps`` there is nothing to hold it against.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from runners.deployment.environment import STEPS_FUNCTION, STEPS_SERVICE
from runners.lint.inputs import Given, given_by, is_later
from runners.problems import explained

if TYPE_CHECKING:
    from runners.lint.knowledge import Knowledge
    from runners.lint.machines import Task
    from runners.lint.reading import Path
    from runners.steps.parameters import Parameters

STEP_TYPE, PARAMETERS, EXECUTION, DATE = "StepType", "Parameters", "ExecutionId", "ExecutionDate"
TRANSIENT = ("SourceUnavailable", "TargetUnavailable")
"""The errors of steps that may not come again; the executor itself tries for as long as a task should wait."""

LOST = "StepLost"
"""The error of a step that a worker's process has lost."""

_FUNCTION = re.compile(rf"(.*:function:)?{STEPS_FUNCTION}(:[^:]+)?")
_INVOKE = re.compile(r"arn:[^:]+:states:::lambda:invoke")
_OF_A_WHOLE_OBJECT = frozenset({"value_error", "assertion_error"})
_UNKNOWN_FIELD = "extra_forbidden"


@dataclass(frozen=True)
class StepCall:
    """A state that asks for a step.

    Attributes:
        given: what is known of the request; None if that is only known when the state runs.
        at: where in the state the request is.
        by_activity: whether a worker runs it, or the function.

    """

    given: Given | None
    at: Path
    by_activity: bool

    @property
    def step_type(self) -> str | None:
        """The step type, if it is known."""
        found = self.given.values.get(STEP_TYPE) if self.given else None
        return found if isinstance(found, str) and not is_later(found) else None

    def names(self, field: str) -> bool:
        """Whether the request has a field."""
        return self.given is not None and field in {*self.given.values, *self.given.later}


def call_of(task: Task, knowledge: Knowledge) -> StepCall | None:
    """Return what a state asks the steps for; None if it asks something else."""
    field = "Arguments" if task.jsonata else "Parameters"
    if task.activity:
        ours = knowledge.service(task.activity) == STEPS_SERVICE
        return StepCall(given_by(task), (field,), by_activity=True) if ours else None
    if _FUNCTION.fullmatch(task.resource) and ":function:" in task.resource:
        return StepCall(given_by(task), (field,), by_activity=False)
    if _INVOKE.fullmatch(task.resource):
        given = given_by(task)
        name = given.values.get("FunctionName") if given else None
        if given and isinstance(name, str) and _FUNCTION.fullmatch(name):
            return StepCall(_payload(given), (field, "Payload"), by_activity=False)
    return None


def problem_of_step_type(name: str) -> str | None:
    """Return what is wrong with the name of a step type.

    Raises:
        ModuleNotFoundError: the extra ``steps`` is not installed.

    """
    from runners.steps.catalog import find  # noqa: PLC0415  # its extra is not needed for other tasks
    from runners.steps.errors import StepError  # noqa: PLC0415

    try:
        find(name)
    except StepError as error:
        return error.message
    return None


def problems_of_parameters(step_type: str, given: Given) -> dict[tuple[str | int, ...], str]:
    """Return what is wrong with the parameters of a step by the place within them, as far as that is sure.

    Raises:
        ModuleNotFoundError: the extra ``steps`` is not installed.

    """
    from runners.steps.catalog import find  # noqa: PLC0415  # as above
    from runners.steps.errors import StepError  # noqa: PLC0415

    values = given.values.get(PARAMETERS, {})
    if PARAMETERS in given.later or not isinstance(values, dict):
        return {}
    vague = [tuple(place.split(".")[1:]) for place in given.vague if place.startswith(f"{PARAMETERS}.")]
    vague += [tuple(map(str, place)) for place, _ in _templates(values)]
    try:
        return dict(_problems(find(step_type).Parameters, values, vague))
    except StepError:
        return {}  # there is no such type, which another rule says


def problems_of_templates(step_type: str, given: Given, *, dated: bool) -> dict[tuple[str | int, ...], str]:
    """Return what is wrong with the templates in the parameters of a step, by the place within them.

    Args:
        step_type: its name.
        given: what is known of the request.
        dated: whether the request says which day it is for.

    Raises:
        ModuleNotFoundError: the extra ``steps`` is not installed.

    """
    from runners.steps.catalog import find  # noqa: PLC0415  # as above
    from runners.steps.errors import StepError  # noqa: PLC0415
    from runners.steps.parameters import is_verbatim  # noqa: PLC0415
    from runners.steps.request import StepRequest  # noqa: PLC0415
    from runners.steps.templates import Templates  # noqa: PLC0415

    values = given.values.get(PARAMETERS)
    if not isinstance(values, dict):
        return {}
    try:
        model = find(step_type).Parameters
    except StepError:
        return {}  # there is no such type, which another rule says
    now = datetime.now(UTC)
    request = StepRequest(StepType=step_type, ExecutionId="of the execution", ExecutionDate=now if dated else None)
    templates = Templates(request.variables(now))
    problems: dict[tuple[str | int, ...], str] = {}
    for place, text in _templates(values):
        if is_later(text) or is_verbatim(model, place):
            continue
        try:
            templates.check(text)
        except StepError as error:
            problems[place] = error.message
    return problems


def _payload(given: Given) -> Given | None:
    """Return what is known of the payload of a call."""
    values = given.values.get("Payload")
    if not isinstance(values, dict):
        return None
    within = [place.removeprefix("Payload.") for place in given.vague if place.startswith("Payload.")]
    return Given(
        values,
        later=[place for place in within if "." not in place and place not in values],
        vague=[place for place in within if "." in place or place in values],
    )


def _problems(
    model: type[Parameters], values: Mapping[str, Any], vague: list[tuple[str, ...]]
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    try:
        model.model_validate(dict(values))
    except ValidationError as error:
        for problem in error.errors(include_url=False, include_input=False):
            place = tuple(map(str, problem["loc"]))
            whole = problem["type"] in _OF_A_WHOLE_OBJECT
            unknown = problem["type"] == _UNKNOWN_FIELD  # whatever its value
            others = [each for each in vague if not (unknown and _is_within(each, place))]
            if not any(_may_be_right(place, each, whole=whole) for each in others):
                yield problem["loc"], explained(problem, model)


def _may_be_right(place: tuple[str, ...], vague: tuple[str, ...], *, whole: bool) -> bool:
    """Whether a value that is not known may make a problem go away.

    The place of a problem may have names in it that the values have not: which of several models was tried.
    """
    shared = _shared(place, vague)
    around = len(place) - shared <= (1 if whole else 0)
    return shared == len(vague) or around


def _is_within(vague: tuple[str, ...], place: tuple[str, ...]) -> bool:
    """Whether what is not known is the value of a field, or within it."""
    return _shared(place, vague) > _shared(place[:-1], vague)


def _shared(place: tuple[str, ...], vague: tuple[str, ...]) -> int:
    """Return how many of the names of a value that is not known a problem's place has, from the first on."""
    shared = 0
    for part in place:
        if shared < len(vague) and part == vague[shared]:
            shared += 1
    return shared


def _templates(value: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield the texts that have a template in them, each with its place."""
    if isinstance(value, str):
        if "{{" in value or "{%" in value:
            yield at, value
        return
    if isinstance(value, Mapping):
        items: Any = value.items()
    else:
        items = enumerate(value) if isinstance(value, list) else ()
    for name, item in items:
        yield from _templates(item, (*at, name))
