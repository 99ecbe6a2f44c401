"""``RunSql``: statements in a database, all in one transaction, each value bound."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from runners.steps.parameters import Parameters, SqlText
from runners.steps.step import Step
from runners.steps.systems.transactions import TRANSACTIONS

if TYPE_CHECKING:
    from runners.steps.context import StepContext

_MOST_ROWS = 1000  # that are told in a result


class RunSqlParameters(Parameters):
    """Which statements, and where."""

    System: Literal["MsSql", "MySql", "PostgreSql", "Sqlite"]
    """What kind of database it is."""

    ConnectionName: str = Field(min_length=1)
    """The connection, by its name."""

    Statements: tuple[SqlText, ...] = Field(min_length=1)
    """The statements, run one after the other in one transaction; ``{{ values }}`` in them are bound. In MySQL a
    statement that defines something, such as ``CREATE TABLE``, commits by itself."""

    Fetch: int = Field(default=0, ge=0, le=_MOST_ROWS)
    """How many of the last statement's rows are told in the result, at most."""


class RunSql(Step):
    """Runs statements in a database, all or none. Write them so that a repeat does no harm."""

    Parameters = RunSqlParameters
    example: ClassVar[dict[str, Any]] = {
        "System": "PostgreSql",
        "ConnectionName": "warehouse",
        "Statements": [
            "DELETE FROM daily_sales WHERE day = {{ ds }}",
            "INSERT INTO daily_sales SELECT day, sum(amount) FROM sales WHERE day = {{ ds }} GROUP BY day",
        ],
    }

    @property
    def target(self) -> str:
        """The database."""
        return f"{self.parameters.System.lower()}://{self.parameters.ConnectionName}"

    def run(self, context: StepContext) -> dict[str, Any]:
        """Run the statements and return how many rows each was about, where the database tells."""
        asked: RunSqlParameters = self.parameters
        system = TRANSACTIONS[asked.System]
        statements = [context.templates.sql(text, system.dialect) for text in asked.Statements]
        counts: list[int | None] = []
        told: dict[str, Any] = {}
        with system.begin(asked.ConnectionName, context) as transaction:
            for statement in statements:
                context.check_stop()
                counts.append(transaction.execute(statement))
            if asked.Fetch:
                columns, rows = transaction.fetch(asked.Fetch)
                told["rows"] = [dict(zip(columns, map(_plain, row), strict=True)) for row in rows]
            context.check_publish()
            transaction.commit()
        return {"row_counts": counts, **told}


def _plain(value: Any) -> Any:
    """Return a value as JSON knows it, exactly: what it does not know becomes a text."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int | float):
        return value if value == value and abs(value) <= 2**53 else str(value)  # noqa: PLR0124  # NaN is not itself
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    return format(value, "f") if isinstance(value, Decimal) else str(value)
