"""DynamoDB's promise that a conditional write is one step, which moto breaks when it serves several threads.

moto 5.2.5 evaluates a condition and writes in two steps, so two claims of one task at the same moment could both
succeed. Here requests to tables come one after another.
"""

from __future__ import annotations

import threading
from functools import wraps
from typing import TYPE_CHECKING, Any

from moto.dynamodb.responses import DynamoHandler

from runners.local.replacements import Replacements

if TYPE_CHECKING:
    from runners.local.server import EmbeddedAWS


class AtomicTables:
    """The extension. One for each embedded AWS."""

    def __init__(self) -> None:
        self._moto = Replacements()
        self._one_at_a_time = threading.RLock()

    def start(self, aws: EmbeddedAWS) -> None:  # noqa: ARG002  # an extension's signature
        """Let requests to tables come one after another."""
        answer = DynamoHandler.call_action

        @wraps(answer)
        def call_action(request: Any) -> Any:
            with self._one_at_a_time:
                return answer(request)

        self._moto.replace(DynamoHandler, "call_action", call_action)

    def stop(self) -> None:
        """Put moto back as it was."""
        self._moto.undo()
