"""Telling a source that its rows are safe, if it wants to know, as a queue does that deletes its messages then.

From then on only the target has the rows. If it is one that replaces what it holds, a repeat of the step would find
other rows in the source, or none, and put them in the place of the first ones. So it is noted among the cursors, by the
source and the target, that this step of this execution has published, and what it said of that: after the target has
committed and before the source is told. Whoever dies in between leaves the rows in the source, and whoever dies later
leaves the note, by which a repeat moves nothing and says the same. Of two tries at one time only one publishes, as each
announces it before, and the second finds the other's word; unless the first hangs amid its commit, and ends it when
the second has begun.
"""

from __future__ import annotations

import json
import secrets
from functools import cached_property
from typing import TYPE_CHECKING, Any

from runners.steps.cursors import Publishing
from runners.steps.ends import Acknowledged
from runners.steps.redaction import redacted

if TYPE_CHECKING:
    from runners.steps.context import StepContext
    from runners.steps.cursors import Cursor
    from runners.steps.ends import Rows, Source, Target


class Handover:
    """One try's. Outside an execution there is no repeat, and nothing is noted.

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
        self._announced: Cursor | None = None

    @property
    def before(self) -> dict[str, Any] | None:
        """What an earlier try said when it had published its rows; None if none has."""
        if not self._key or self._seen is None or self._seen.value is None:
            return None
        noted = json.loads(str(self._seen.value))
        return dict(noted["said"]) if noted["key"] == self._key else None

    def publishing(self) -> None:
        """Announce that the rows are about to be published.

        Raises:
            StepFailed: another try has announced it meanwhile, or has published.

        """
        if self._key:
            announced = Publishing(self._key, secrets.token_hex(16), self._execution)
            self._announced = self._cursors.publish(self._name, announced, self._seen)

    def published(self, said: dict[str, Any]) -> dict[str, Any]:
        """Note that the target has committed the rows, and tell the source.

        Args:
            said: what a repeat is to say.

        Returns:
            What is to be known of the source.

        Raises:
            StepFailed: another try has announced the same meanwhile. The source is not told.

        """
        if self._key:
            noted = json.dumps({"key": self._key, "said": redacted(said)}, default=str)
            self._cursors.move(self._name, noted, self._announced, self._execution)
        return self._rows.committed() if isinstance(self._rows, Acknowledged) else {}

    @cached_property
    def _seen(self) -> Cursor | None:
        return self._cursors.read(self._name)
