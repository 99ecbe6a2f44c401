"""Waiting for what happens elsewhere: poll for a condition, with a deadline and no fixed sleeps."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def eventually(condition: Callable[[], Any], within_seconds: float = 15.0) -> Any:
    """Answer the first true value of a condition; fail when none comes in time."""
    deadline = time.monotonic() + within_seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"did not come true within {within_seconds} s: {condition}")
        threading.Event().wait(0.01)


def in_background(work: Callable[[], Any]) -> Callable[[], Any]:
    """Do something in a thread of its own; answer a function that waits for its result."""
    results: list[Any] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:  # it is raised where it is waited for
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()

    def result() -> Any:
        thread.join(30)
        assert not thread.is_alive(), "the work in the background did not end"
        if errors:
            raise errors[0]
        return results[0]

    return result
