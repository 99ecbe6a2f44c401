"""How a database reads SQL and its driver binds values: placeholders, quoted names, and where neither must stand."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

from runners.steps import sql_text
from runners.steps.errors import TemplateFailed


@dataclass(frozen=True)
class SqlDialect:
    """How a driver writes placeholders, and a database quotes names.

    Attributes:
        name: e.g. ``postgresql``.
        placeholder: ``format`` for ``%s``, ``qmark`` for ``?``, ``numbered`` for ``:p1``,
            ``at`` for ``@p1``.
        quotes: what stands before and after a quoted name.
        longest_name: characters of a name, at most.
        closed: a pattern of what placeholders must not stand in (see ``runners.steps.sql_text``).

    """

    name: str
    placeholder: Literal["format", "qmark", "numbered", "at"]
    quotes: tuple[str, str] = ('"', '"')
    longest_name: int = 128
    closed: str = sql_text.STANDARD

    def mark(self, number: int) -> str:
        """Return the placeholder of a parameter, counted from 1."""
        return {"format": "%s", "qmark": "?", "numbered": f":p{number}", "at": f"@p{number}"}[self.placeholder]

    def identifier(self, name: str) -> str:
        """Return a name quoted; ``schema.table`` part by part.

        Raises:
            TemplateFailed: it is empty, too long, or has a character that no name should have.

        """
        if not isinstance(name, str):
            raise TemplateFailed("a name of a table or column is no text")
        return ".".join(self._quoted(part) for part in name.split("."))

    def _quoted(self, part: str) -> str:
        if not part or len(part) > self.longest_name or re.search(r"[\x00-\x1f\x7f\"'`\[\];\\]", part):
            raise TemplateFailed("a name of a table or column is empty, too long, or has a quote or control character")
        return f"{self.quotes[0]}{part}{self.quotes[1]}"


POSTGRESQL = SqlDialect("postgresql", "format", longest_name=63, closed=sql_text.POSTGRESQL)
MYSQL = SqlDialect("mysql", "format", ("`", "`"), longest_name=64, closed=sql_text.MYSQL)
SQLITE = SqlDialect("sqlite", "qmark", closed=sql_text.SQLITE)
SQLSERVER = SqlDialect("sqlserver", "at", ("[", "]"), closed=sql_text.SQLSERVER)
REDSHIFT = SqlDialect("redshift", "numbered", longest_name=127, closed=sql_text.POSTGRESQL)
SNOWFLAKE = SqlDialect("snowflake", "qmark", longest_name=255, closed=sql_text.SNOWFLAKE)
ATHENA = SqlDialect("athena", "qmark", longest_name=255)


@dataclass(frozen=True)
class Statement:
    """SQL with placeholders, and the values that go in their places.

    Attributes:
        text: the SQL; where it has parameters in the style ``format``, any other ``%`` in it is doubled.
        parameters: the values in their order; None where there are none, so that a driver leaves ``%`` alone.

    """

    text: str
    parameters: tuple[Any, ...] | None
