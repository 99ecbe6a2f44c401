"""What ``runners step run`` shows while a step works: a live line on a terminal, now and then a plain one elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec

PLAIN_INTERVAL = 10.0  # seconds from one plain line to the next
_UNITS = ("B", "kB", "MB", "GB", "TB")
_THOUSAND = 1000

Moved = Callable[[int, int], None]
"""Takes the rows and bytes that were moved so far."""


@contextmanager
def showing(step_type: str, *, live: bool) -> Iterator[Moved]:
    """Show on standard error how far a step has come.

    Args:
        step_type: its name.
        live: whether a person sees it on a terminal.

    """
    if not live or find_spec("rich") is None:  # its extra is not needed to run a step
        yield Lines(step_type, lambda line: print(line, file=sys.stderr, flush=True)).moved
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    began = time.monotonic()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(step_type, total=None)

        def moved(rows: int, size: int) -> None:
            bar.update(task, description=f"{step_type}  {in_words(rows, size, time.monotonic() - began)}")

        yield moved


class Lines:
    """Says how far a step has come, in a line now and then.

    Args:
        step_type: its name.
        say: takes a line.
        clock: seconds that only grow.

    """

    def __init__(self, step_type: str, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._step_type = step_type
        self._say = say
        self._clock = clock
        self._began = self._said = clock()

    def moved(self, rows: int, size: int) -> None:
        """Take what was moved so far."""
        now = self._clock()
        if now - self._said >= PLAIN_INTERVAL:
            self._said = now
            self._say(f"{self._step_type}: {in_words(rows, size, now - self._began)}")


def in_words(rows: int, size: int, seconds: float) -> str:
    """Return what was moved in a time, e.g. ``1,000,000 rows, 164.0 MB, 500,000 rows/s, 82.0 MB/s``."""
    moved = [f"{rows:,} rows"] if rows else []
    moved += [_bytes(size)] if size else []
    if seconds > 0:
        moved += [f"{rows / seconds:,.0f} rows/s"] if rows else []
        moved += [f"{_bytes(size / seconds)}/s"] if size else []
    return ", ".join(moved)


def _bytes(size: float) -> str:
    for unit in _UNITS[:-1]:
        if size < _THOUSAND:
            return f"{size:.0f} {unit}" if unit == _UNITS[0] else f"{size:.1f} {unit}"
        size /= _THOUSAND
    return f"{size:.1f} {_UNITS[-1]}"
