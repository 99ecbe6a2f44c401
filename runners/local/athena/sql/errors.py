"""The one error that a query ends with, named and worded as Athena does."""

from __future__ import annotations

from runners.errors import RunnersError


class QueryError(RunnersError):
    """A query is wrong, met a value that it cannot take, or needs what is not run here.

    Attributes:
        kind: Athena's name of the error, e.g. ``COLUMN_NOT_FOUND``.
        message: what Athena says, e.g. ``line 1:8: Column 'x' cannot be resolved``.

    """

    def __init__(self, kind: str, message: str) -> None:
        self.kind = kind
        self.message = message
        super().__init__(f"{kind}: {message}")


def not_run(construct: str, instead: str = "") -> QueryError:
    """Refuse a construct whose meaning DuckDB would change, by its name."""
    advice = f"; {instead}" if instead else ""
    return QueryError(
        "NOT_SUPPORTED", f"{construct} is not run by the embedded Athena: its meaning would differ{advice}"
    )
