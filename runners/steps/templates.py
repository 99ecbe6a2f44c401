"""Templates: Jinja2, sandboxed and strict, for texts; and for SQL, where what stands in braces becomes a bound value.

In a text ``{{ ds }}`` is replaced. In SQL ``{{ ds }}`` becomes the driver's placeholder and the value goes beside it,
so no value can change the statement; a list becomes as many placeholders, for ``IN ({{ ids }})``; a name of a table or
a column goes through ``{{ name | identifier }}``, which validates and quotes it. Nothing else reaches a statement.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from runners.steps.errors import TemplateFailed


@dataclass(frozen=True)
class SqlDialect:
    """How a driver writes placeholders, and a database quotes names.

    Attributes:
        name: e.g. ``postgresql``.
        placeholder: ``format`` for ``%s``, ``qmark`` for ``?``, ``at`` for ``@p1``, ``colon`` for ``:p1``.
        quotes: what stands before and after a quoted name.
        longest_name: characters of a name, at most.

    """

    name: str
    placeholder: Literal["format", "qmark", "at", "colon"]
    quotes: tuple[str, str] = ('"', '"')
    longest_name: int = 128

    def identifier(self, name: str) -> str:
        """Return a name quoted; ``schema.table`` part by part.

        Raises:
            TemplateFailed: it is empty, too long, or has a character that no name should have.

        """
        return ".".join(self._quoted(part) for part in str(name).split("."))

    def mark(self, number: int) -> str:
        """Return the placeholder of a statement's value, the first of which has the number 1."""
        return {"format": "%s", "qmark": "?", "at": f"@p{number}", "colon": f":p{number}"}[self.placeholder]

    def _quoted(self, part: str) -> str:
        if not part or len(part) > self.longest_name or re.search(r"[\x00-\x1f\x7f\"'`\[\];\\]", part):
            raise TemplateFailed("a name of a table or column is empty, too long, or has a quote or control character")
        return f"{self.quotes[0]}{part}{self.quotes[1]}"


POSTGRESQL = SqlDialect("postgresql", "format", longest_name=63)
MYSQL = SqlDialect("mysql", "format", ("`", "`"), longest_name=64)
SQLITE = SqlDialect("sqlite", "qmark")
SQLSERVER = SqlDialect("sqlserver", "at", ("[", "]"))
REDSHIFT = SqlDialect("redshift", "colon", longest_name=127)
SNOWFLAKE = SqlDialect("snowflake", "qmark", longest_name=255)
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


class Templates:
    """Renders templates with variables.

    Args:
        variables: what templates may name, e.g. ``ds``, ``execution_id``.

    """

    def __init__(self, variables: Mapping[str, Any] | None = None) -> None:
        self._variables = dict(variables or {})

    def text(self, template: str) -> str:
        """Return a text with its values in their places.

        Raises:
            TemplateFailed: it names what there is not, or is no template.

        """
        if "{" not in template:
            return template
        environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)  # no HTML
        return self._render(environment, template)

    def sql(self, template: str, dialect: SqlDialect) -> Statement:
        """Return SQL with its values bound.

        Raises:
            TemplateFailed: as ``text``; or a name is none.

        """
        environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
        bound: list[Any] = []
        environment.filters["identifier"] = lambda name: _Quoted(dialect.identifier(name))
        environment.finalize = partial(_bind, bound, dialect)
        text = self._render(environment, template)
        return Statement(text, tuple(bound) or None)

    def _render(self, environment: ImmutableSandboxedEnvironment, template: str) -> str:
        try:
            return environment.from_string(template).render(self._variables)
        except TemplateError as error:
            raise TemplateFailed(f"a template cannot be rendered: {error.message}") from None


class _Quoted(str):
    """A name that is quoted already."""


def _bind(bound: list[Any], dialect: SqlDialect, value: Any) -> str:
    if isinstance(value, _Quoted):
        return value
    values = list(value) if isinstance(value, list | tuple) else [value]
    first = len(bound) + 1
    bound += values
    return ", ".join(dialect.mark(first + place) for place in range(len(values)))
