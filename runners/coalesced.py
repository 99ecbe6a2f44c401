"""Doing once what several threads want done at the same time."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Generic, ParamSpec

if TYPE_CHECKING:
    from collections.abc import Callable

Parameters = ParamSpec("Parameters")


class Coalesced(Generic[Parameters]):
    """An act that one thread does at a time, on behalf of all that ask for it meanwhile.

    Who asks while it is being done returns at once; it is then done once more, so that it sees what they had changed.
    """

    def __init__(self, act: Callable[Parameters, object]) -> None:
        self._act = act
        self._lock = Lock()
        self._wanted = False
        self._at_it = False

    def __call__(self, *values: Parameters.args, **named: Parameters.kwargs) -> None:
        """Do it, or leave word that it is wanted; it is done with what the one who does it was called with."""
        with self._lock:
            self._wanted = True
            if self._at_it:
                return
            self._at_it = True
        try:
            while self._is_wanted():
                self._act(*values, **named)
        except BaseException:
            with self._lock:
                self._at_it = False
            raise

    def _is_wanted(self) -> bool:
        with self._lock:
            self._at_it, wanted, self._wanted = self._wanted, self._wanted, False
            return wanted
