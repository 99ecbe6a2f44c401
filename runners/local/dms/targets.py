"""What a full load asks of a target, whatever it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from runners.local.dms.columns import Row

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from runners.local.dms.columns import TargetTable

Write = Callable[[Sequence[Row]], None]
"""Takes the next rows of a table, in the order of its columns."""


class Target(Protocol):
    """Where tables are copied to. Several are written at once, from as many threads."""

    reads_native: bool
    """Whether a PostgreSQL source is to answer values as PostgreSQL writes them."""

    def check(self) -> None:
        """Raise ``EndpointError`` if nothing can be written."""

    def writing(self, table: TargetTable) -> AbstractContextManager[Write]:
        """Prepare a table and take its rows.

        They are published when the context ends, and none of a file or a transaction when it ends by an error. Raises
        ``TableError`` for a value that the target cannot hold.
        """

    def cancel(self) -> None:
        """Have writes that go on in other threads fail soon."""
