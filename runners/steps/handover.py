"""Telling a source that its rows are safe, if it wants to know, as a queue does that deletes its messages then.

From then on only the target has the rows. If it is one that replaces what it holds, a repeat of the step would find
other rows in the source, or none, and put them in the place of the first ones. So it is noted among the cursors that
this step of this execution has published, after the target has committed and before the source is told: whoever dies in
between leaves the rows in the source, and whoever dies later leaves the note, by which a repeat moves nothing.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from runners.steps.ends import Acknowledged

if TYPE_CHECKING:
    from runners.steps.context import StepContext
    from runners.steps.cursors import Cursor
    from runners.steps.ends import Rows, Source, Target


class Handover:
    """One run's. Outside an execution there is no repeat, and nothing is noted.

    Args:
        rows: what is being read.
        source: where from.
        target: where to.
        context: what the step has at hand.

    """

    def __init__(self, rows: Rows, source: Source, target: Target, context: StepContext) -> None:
        self._rows = rows
        self._cursors = context.cursors
        self._execution = context.execution_id
        self._name = f"{source.place()} to {target.place()}"
        self._key = context.repeat_key if isinstance(rows, Acknowledged) and target.replaces else ""

    @property
    def was_published(self) -> bool:
        """Whether an earlier try has published its rows."""
        return bool(self._key) and self._noted is not None and self._noted.value == self._key

    def published(self) -> dict[str, Any]:
        """Tell the source that the target has committed its rows; return what is to be known of it.

        Raises:
            StepFailed: another run has published meanwhile. The source is not told.

        """
        if self._key:
            self._cursors.move(self._name, self._key, self._noted, self._execution)
        return self._rows.committed() if isinstance(self._rows, Acknowledged) else {}

    @cached_property
    def _noted(self) -> Cursor | None:
        return self._cursors.read(self._name)
