"""Names of runs that carry their task's key, for services that show a run's name and not by which token it was started.

By such a name ``find`` recognises a run that was started and never recorded. Nothing here calls a service.
"""

from __future__ import annotations

_DIGITS = 16  # of the task's key, hexadecimal: enough to tell a run from every other of its service
ROOM = _DIGITS + 3
"""Characters that the key takes of the length which a service allows a name."""


def keyed(name: str, task_key: str) -> str:
    """Return a run's name with its task's key, e.g. ``load sales [0123456789abcdef]``."""
    return f"{name} {_suffix(task_key)}"


def is_keyed(name: str, task_key: str) -> bool:
    """Whether a run's name carries this key."""
    return name.endswith(_suffix(task_key))


def _suffix(task_key: str) -> str:
    return f"[{task_key[:_DIGITS]}]"
