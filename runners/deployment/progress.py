"""What a build command shows while it works: a live line on a terminal, plain lines elsewhere. Decides nothing."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console

if TYPE_CHECKING:
    from collections.abc import Iterator


class Progress:
    """Lines for a person, to standard output unless another console is given."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)

    def say(self, line: str) -> None:
        """Print a line."""
        self._console.print(line, markup=False, soft_wrap=True)

    @contextmanager
    def working(self, on: str) -> Iterator[None]:
        """Show that something is under way: a turning sign on a terminal, else one line."""
        if self._console.is_terminal:
            with self._console.status(on):
                yield
        else:
            self.say(f"{on} …")
            yield
