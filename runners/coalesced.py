"""Doing once what several threads want done at the same time."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Generic, ParamSpec

if TYPE_CHECKING:
    from collections.abc import Callable

Parameters = ParamSpec("Parameters")


class Coalesced(Generic[Parameters]):
    """An act that one thread does at a time, while one more waits to do it on behalf of all that ask meanwhile.

    So it always begins once more after the last who asked, and nobody does it twice: a thread that did it for the
    others until nobody asked would not come back to its own work while many do. The act must not ask for itself.
    """

    def __init__(self, act: Callable[Parameters, object]) -> None:
        self._act = act
        self._turn = Lock()
        self._next = Lock()

    def __call__(self, *values: Parameters.args, **named: Parameters.kwargs) -> None:
        """Do it, with these values, once it is our turn; or return at once, as another waits to do it."""
        if not self._next.acquire(blocking=False):
            return
        try:
            self._turn.acquire()
        finally:
            self._next.release()
        try:
            self._act(*values, **named)
        finally:
            self._turn.release()
