"""How a command shows what it has found: in columns for a person, as JSON for a machine. It knows no command."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from runners.errors import ConfigurationError
from runners.log import SECRETS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_BETWEEN = "  "
_UNITS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))  # seconds


def print_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows in columns that are as wide as what stands in them; a cell that is empty shows a hyphen.

    Without rows nothing is printed: whoever has none says so in a sentence.
    """
    lines = [tuple(header), *(tuple(cell or "-" for cell in row) for row in rows)]
    if len(lines) == 1:
        return
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        print(_BETWEEN.join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip())


def print_fields(fields: Iterable[tuple[str, str]]) -> None:
    """Print names and values beneath each other; what has no value is left out."""
    shown = [(name, value) for name, value in fields if value]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        print(f"{name:<{width}}{_BETWEEN}{value}")


def print_json(document: Any) -> None:
    """Print a document as JSON; times as ISO 8601 in UTC."""
    print(json.dumps(document, indent=2, ensure_ascii=False, default=_json))


def clock_time(moment: datetime) -> str:
    """Return a time in UTC as ``2026-01-31 04:05:06``."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def rough(duration: timedelta) -> str:
    """Return a duration in its two largest units, such as ``3 h 12 min``; never less than 0 s."""
    seconds = max(0, int(duration.total_seconds()))
    first = next((place for place, (_, size) in enumerate(_UNITS) if seconds >= size), len(_UNITS) - 1)
    parts: list[str] = []
    for name, size in _UNITS[first : first + 2]:
        count, seconds = divmod(seconds, size)
        if count or not parts:
            parts.append(f"{count} {name}")
    return " ".join(parts)


def plural(count: int, noun: str) -> str:
    """Return a count of something, such as ``1 job`` or ``2 jobs``."""
    return f"{count} {noun}{'s' * (count != 1)}"


def confirmed(question: str, *, yes: bool) -> bool:
    """Ask on the terminal whether to go on; anything but a yes is a no.

    Args:
        question: what is about to be done, without a question mark.
        yes: the answer, given in advance by ``--yes``.

    Raises:
        ConfigurationError: there is no terminal, and no answer in advance.

    """
    if yes:
        return True
    if not sys.stdin.isatty():
        raise ConfigurationError("nothing was done: nobody can be asked here. Add --yes to do it.")
    print(f"{question}? [y/N] ", end="", file=sys.stderr, flush=True)
    answer = sys.stdin.readline()
    agreed = answer.strip().lower() in ("y", "yes")
    if not agreed:
        print("Nothing was done." if answer else "\nNothing was done.", file=sys.stderr)
    return agreed


def said_by(error: BaseException) -> str:
    """Return an error's kind and text, without the values and tokens that some texts repeat."""
    return f"{type(error).__name__}: {SECRETS.hidden_in(str(error))}"


def show_warnings(*but: str) -> None:
    """Show the package's warnings as one line each on standard error, without the traceback that a log would have.

    Args:
        but: the actions of those that are left out.

    """
    logger = logging.getLogger("runners")
    if not any(isinstance(handler, _OneLine) for handler in logger.handlers):
        handler = _OneLine(logging.WARNING)
        handler.addFilter(lambda record: getattr(record, "action", "") not in but)
        logger.addHandler(handler)


class _OneLine(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        error = (
            getattr(record, "reason", None) or getattr(record, "error", None) or (record.exc_info or (None, None))[1]
        )
        key = getattr(record, "task_key", None)
        of = f" ({key[:10]})" if key else ""
        why = f": {SECRETS.hidden_in(str(error))}" if error else ""
        print(f"runners: {record.getMessage()}{of}{why}", file=sys.stderr)


def _json(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    raise TypeError(f"a {type(value).__name__} is no JSON")
