"""What a build command shows while it works: a live line on a terminal, plain lines elsewhere. Decides nothing."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


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
            with self._console.status(Text(on)):
                yield
        else:
            self.say(f"{on} …")
            yield

    @contextmanager
    def following(self, what: str) -> Iterator[Callable[[str], None]]:
        """Give a function that shows each step of something: the newest on a terminal, else one line each."""
        if self._console.is_terminal:
            with self._console.status(Text(what)) as status:
                yield lambda step: status.update(Text(step))
        else:
            yield self.say
