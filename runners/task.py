"""A task: what Step Functions hands to a poll. A value without I/O, and how its input is read."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from runners.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Task:
    """One activity task.

    Attributes:
        token: the secret by which the outcome is reported; never logged, so it is left out of ``repr``.
        input: the task's input as Step Functions sent it, a JSON text.

    """

    token: str = field(repr=False)
    input: str = field(repr=False)

    @property
    def key(self) -> str:
        """The name of this task in records, logs and at services: ``sha256(token)``, 64 hexadecimal digits."""
        return hashlib.sha256(self.token.encode()).hexdigest()


PRIORITY = "Priority"
EXECUTION = "ExecutionArn"
MOST_PRIORITY = 1000


@dataclass(frozen=True, slots=True)
class TaskInput:
    """A task's input, taken apart.

    Attributes:
        request: what is asked of the service.
        priority: from ``Priority``, a whole number from -1000 to 1000; 0 if it is not said.
        execution: from ``ExecutionArn``, where state machines pass ``$$.Execution.Id``; None if it is not said.

    """

    request: dict[str, Any] = field(repr=False)
    priority: int = 0
    execution: str | None = None


def taken_apart(document: Mapping[str, Any]) -> TaskInput:
    """Take an input apart into what is the runner's and what is the service's.

    Raises:
        InvalidInputError: a field of the runner's is wrong.

    """
    request = dict(document)
    priority, execution = request.pop(PRIORITY, 0), request.pop(EXECUTION, None)
    problems = {}
    if type(priority) is not int or abs(priority) > MOST_PRIORITY:
        problems[PRIORITY] = f"must be a whole number from -{MOST_PRIORITY} to {MOST_PRIORITY}"
    if execution is not None and not isinstance(execution, str):
        problems[EXECUTION] = "must be a text, the ARN of the execution: $$.Execution.Id"
    if problems:
        raise InvalidInputError(problems)
    return TaskInput(request, priority, execution)


def read_input(text: str) -> dict[str, Any]:
    """Read a task's input: a JSON object, or a JSON string that contains one.

    The second form is what a Pass state with a quoted ``Result`` sends, as older state machines have it.

    Raises:
        InvalidInputError: the text is not JSON, or is neither of the two forms.

    """
    value = _parse(text)
    if isinstance(value, str):
        value = _parse(value)
    if not isinstance(value, dict):
        raise InvalidInputError(
            {"(input)": f"must be a JSON object, or a JSON string that contains one; got {_kind(value)}"}
        )
    return value


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInputError({"(input)": f"is not JSON: {error}"}) from None


def _kind(value: object) -> str:
    kinds: dict[type, str] = {list: "an array", str: "a string", bool: "a boolean", type(None): "null"}
    return kinds.get(type(value), "a number")
