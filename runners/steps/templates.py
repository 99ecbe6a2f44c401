"""Templates: Jinja2, sandboxed and strict, for texts; and for SQL, where what stands in braces becomes a bound value.

In a text ``{{ ds }}`` is replaced. In SQL ``{{ ds }}`` becomes the driver's placeholder and the value goes beside it,
so no value can change the statement; a list becomes as many placeholders, for ``IN ({{ ids }})``; a name of a table or
a column goes through ``{{ name | identifier }}``, which validates and quotes it. Nothing else reaches a statement.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from difflib import get_close_matches
from typing import Any, TypeGuard, TypeVar

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, UndefinedError, nodes
from jinja2.exceptions import SecurityError
from jinja2.runtime import Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from runners.steps.errors import StepError, TemplateFailed
from runners.steps.sql_dialect import (
    ATHENA,
    MYSQL,
    POSTGRESQL,
    REDSHIFT,
    SNOWFLAKE,
    SQLITE,
    SQLSERVER,
    SqlDialect,
    Statement,
)
from runners.steps.sql_template import SqlTemplate
from runners.steps.template_filters import FILTERS

Rendered = TypeVar("Rendered")

_MOST_OF_A_BASE = 1_000_000  # to be raised to a power
_MOST_OF_A_POWER = 64  # as its exponent
_DATES = frozenset({"ds", "ds_nodash", "execution_date"})
# What takes a variable that there is not.
_FILTERS_WITHOUT = frozenset({"default", "d"})
_TESTS_WITHOUT = frozenset(
    {"defined", "undefined", "none", "string", "boolean", "true", "false", "integer", "float", "number", "mapping"}
    | {"sequence", "sameas", "escaped", "callable"}
)
_GLOBALS = ("range", "namespace")  # of Jinja's own functions; its others make no sense here


class Templates:
    """Renders templates with variables.

    Args:
        variables: what templates may name, e.g. ``ds``, ``execution_id``.

    """

    def __init__(self, variables: Mapping[str, Any] | None = None) -> None:
        self._variables = dict(variables or {})

    def text(self, template: str) -> str:
        """Return a text with its values in their places: dates as in ISO 8601, lists and objects as JSON.

        Raises:
            TemplateFailed: it names what there is not, is no template, or has null where a value should be.

        """
        if "{" not in template:
            return template
        environment = _Sandbox(finalize=_as_text)
        return self._guarded(template, lambda: environment.from_string(template).render(self._variables))

    def sql(self, template: str, dialect: SqlDialect) -> Statement:
        """Return SQL with its values bound.

        Raises:
            TemplateFailed: as ``text``; or a name is none, or a value stands within quotes or a comment.

        """
        if "{" not in template:
            return Statement(template, None)
        sql = SqlTemplate(dialect)
        environment = _Sandbox(finalize=sql.placed)
        environment.filters["identifier"] = sql.identifier

        def rendered() -> str:
            sql.check(environment.parse(template))
            return environment.from_string(template).render(self._variables)

        return sql.statement(self._guarded(template, rendered))

    def check(self, template: str) -> None:
        """See whether a template may be rendered, of whatever values the variables are.

        Raises:
            TemplateFailed: it is none, or it asks for a variable, a function or a filter that there is not. One that it
                may never come to, as behind an ``if``, is not looked for.

        """
        environment = _Sandbox(finalize=_as_text)
        environment.filters["identifier"] = str  # there in SQL
        self._guarded(template, lambda: environment.compile(template))
        parsed = environment.parse(template)
        known = {*self._variables, *environment.globals, *_made_within(parsed)}
        for name in sorted(set(_asked_for(parsed)) - known):
            raise TemplateFailed(f"a template cannot be rendered: {self._unknown(name)}")

    def _guarded(self, template: str, render: Callable[[], Rendered]) -> Rendered:
        """Render, and say what is wrong without a value: what others raise may repeat one."""
        try:
            return render()
        except StepError:
            raise
        except UndefinedError as error:
            raise TemplateFailed(f"a template cannot be rendered: {self._missing(error, template)}") from None
        except TemplateSyntaxError as error:
            raise TemplateFailed(f"line {error.lineno} of a template is wrong: {error.message}") from None
        except SecurityError:
            raise TemplateFailed("a template reaches for what templates must not touch") from None
        except TemplateError as error:
            raise TemplateFailed(f"a template cannot be rendered: {error.message}") from None
        except Exception as error:
            raise TemplateFailed(f"a template cannot be rendered: {type(error).__name__} in an expression") from None

    def _missing(self, error: UndefinedError, template: str) -> str:
        """Return what is not there, if the template itself names it: it may be a value that is looked up by."""
        said = error.message or ""
        named = re.search(r"'(\w+)'( is undefined)?$", said)
        if named is None or named[1] not in template:
            return "it looks for what is not there"
        return self._unknown(named[1]) if named[2] else said

    def _unknown(self, name: str) -> str:
        said = f"'{name}' is undefined"
        if name in _DATES:
            return f"{said}; within an execution, give ExecutionDate from $$.Execution.StartTime"
        near = get_close_matches(name, [*self._variables, *FILTERS], n=1)
        return f"{said}; did you mean {near[0]}?" if near else f"{said}; there are {', '.join(sorted(self._variables))}"


class _Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's sandbox, strict about names, with the functions for dates; and without sums that fill the memory."""

    intercepted_binops = frozenset({"*", "**"})

    def __init__(self, finalize: Any) -> None:
        super().__init__(undefined=StrictUndefined, autoescape=False, finalize=finalize)  # it makes no HTML
        self.globals = {name: self.globals[name] for name in _GLOBALS} | dict(FILTERS)
        self.filters.update(FILTERS)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Take a member of an object by its name, even by one that Python's dictionaries have, such as ``copy``."""
        if isinstance(obj, Mapping) and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Multiply numbers only, and only to powers that are small."""
        numbers = all(isinstance(each, int | float | Decimal) for each in (left, right))
        if not numbers or (operator == "**" and max(abs(left) / _MOST_OF_A_BASE, abs(right) / _MOST_OF_A_POWER) > 1):
            raise TemplateFailed("a template may multiply numbers only, and not to a high power")
        return super().call_binop(context, operator, left, right)


def _made_within(parsed: nodes.Template) -> set[str]:
    """Return the names that a template gives itself."""
    given = {"self"} | {name.name for name in parsed.find_all(nodes.Name) if name.ctx != "load"}
    return given | {macro.name for macro in parsed.find_all(nodes.Macro)}


def _asked_for(node: nodes.Node) -> Iterator[str]:
    """Yield the names that a template asks for whatever the values are."""
    if isinstance(node, nodes.Name):
        yield node.name
        return
    parts: Iterable[nodes.Node]
    if isinstance(node, nodes.If | nodes.CondExpr):
        parts = [node.test]
    elif isinstance(node, nodes.For):
        parts = [node.iter]
    elif isinstance(node, nodes.And | nodes.Or):
        parts = [node.left]
    elif _takes_what_there_is_not(node):
        inner = node.node
        parts = [] if inner is None or isinstance(inner, nodes.Name) else [inner]
    else:
        parts = [] if isinstance(node, nodes.Macro) else node.iter_child_nodes()
    for part in parts:
        yield from _asked_for(part)


def _takes_what_there_is_not(node: nodes.Node) -> TypeGuard[nodes.Filter | nodes.Test]:
    if isinstance(node, nodes.Filter):
        return node.name in _FILTERS_WITHOUT
    return isinstance(node, nodes.Test) and node.name in _TESTS_WITHOUT


def _as_text(value: Any) -> str:
    """Return how a value is written in a text."""
    if isinstance(value, Undefined):
        return str(value)  # which says that it is not there
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if value is None:
        raise TemplateFailed("a value in a template is null: say what stands for it by | default('…', true)")
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, bool | Mapping | list | tuple):
        return json.dumps(value, default=_as_text, ensure_ascii=False)
    raise TemplateFailed(f"a value in a template is a {type(value).__name__}, which has no text")


__all__ = [
    "ATHENA",
    "MYSQL",
    "POSTGRESQL",
    "REDSHIFT",
    "SNOWFLAKE",
    "SQLITE",
    "SQLSERVER",
    "SqlDialect",
    "Statement",
    "Templates",
]
