"""A task: what Step Functions hands to a poll. A value without I/O, and how its input is read."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from runners.errors import InvalidInputError


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
