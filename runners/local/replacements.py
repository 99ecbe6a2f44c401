"""Names of moto that the embedded AWS replaces while it runs, and puts back when it ends.

Never guesses: replacing a name that moto does not have is an error, so that a moto which moved on is noticed at
once and not by a fault that comes back in silence.
"""

from __future__ import annotations

from typing import Any

from runners.errors import LocalAWSError


class Replacements:
    """A list of attributes with what they were before, undone in reverse order."""

    def __init__(self) -> None:
        self._before: list[tuple[Any, str, Any]] = []

    def replace(self, owner: Any, name: str, replacement: Any) -> Any:
        """Set ``owner.name`` to ``replacement``, and return what it was."""
        # Read from __dict__ where there is one, so that a staticmethod or an inherited method comes back as it was.
        if name not in vars(owner):
            raise LocalAWSError(
                f"moto has no {getattr(owner, '__name__', owner)}.{name}: install a moto of the version that "
                "setup.cfg names"
            )
        self._before.append((owner, name, vars(owner)[name]))
        before = getattr(owner, name)
        setattr(owner, name, replacement)
        return before

    def add(self, owner: Any, name: str, value: Any) -> None:
        """Set ``owner.name``, which must not exist yet in ``owner`` itself, until ``undo``."""
        if name in vars(owner):
            raise LocalAWSError(f"moto has a {getattr(owner, '__name__', owner)}.{name} of its own by now: use it")
        self._before.append((owner, name, None))
        setattr(owner, name, value)

    def undo(self) -> None:
        """Put back all that was replaced, the last first."""
        while self._before:
            owner, name, before = self._before.pop()
            if before is None:
                delattr(owner, name)
            else:
                setattr(owner, name, before)
