"""One rendering of a template of SQL: no value ever becomes text of the statement, only a mark that says which it is.

When all is rendered the marks are seen where they stand: in the open, as a value or a name of their own. Then they
become the driver's placeholders and quoted names. Whatever could write past ``placed``, such as a macro, is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from types import GeneratorType
from typing import Any

from jinja2 import nodes, pass_context
from jinja2.runtime import Undefined

from runners.steps.errors import TemplateFailed
from runners.steps.sql_dialect import SqlDialect, Statement

_MARK = re.compile("\x00([0-9]+)\x00")
# What a value must not stand beside, as both would be read as one; and -, which makes a comment with a negative number.
_TOUCHES = r"""\w$@#\\'"`\x00"""
_TOUCHED = re.compile(f"[-{_TOUCHES}]\x00[0-9]+\x00|\x00[0-9]+\x00[{_TOUCHES}]")
_BOUND = (str, int, float, Decimal, bytes, date, datetime, time, type(None))
_STATEMENTS = (nodes.Output, nodes.If, nodes.Assign, nodes.With)


@dataclass(frozen=True)
class _Name:
    """A name that is quoted already."""

    text: str


class SqlTemplate:
    """Takes the values of one rendering, and makes the statement of it.

    Args:
        dialect: of the database.

    """

    def __init__(self, dialect: SqlDialect) -> None:
        self._dialect = dialect
        self._values: list[Any] = []

    def check(self, template: nodes.Template) -> None:
        """See that a template writes nothing but its own text and what stands in braces.

        Raises:
            TemplateFailed: it has a macro, a block, or anything else that writes what it has rendered before.

        """
        for node in template.find_all(nodes.Stmt):
            loops = isinstance(node, nodes.For) and not node.recursive
            if not loops and not isinstance(node, _STATEMENTS):
                raise TemplateFailed(
                    f"line {node.lineno} of a template of SQL has what none may have; there are if, for, set and with"
                )
        if any("\x00" in data.data for data in template.find_all(nodes.TemplateData)):
            raise TemplateFailed("a template of SQL has a character of the code 0")

    @pass_context  # so that Jinja calls it when it renders, in the order of the text, and never when it compiles
    def placed(self, _: Any, value: Any) -> str:
        """Keep a value, and return the mark that stands for it."""
        if isinstance(value, Undefined):
            str(value)  # raises, and says what is not there
        self._values.append(value if isinstance(value, _Name) else _values_of(value))
        return f"\x00{len(self._values) - 1}\x00"

    def identifier(self, name: Any) -> _Name:
        """Return a name quoted, or several with commas between."""
        if isinstance(name, Undefined):
            str(name)
        names = list(name) if isinstance(name, list | tuple) else [name]
        if not names:
            raise TemplateFailed("a list of names of tables or columns is empty")
        return _Name(", ".join(map(self._dialect.identifier, names)))

    def statement(self, rendered: str) -> Statement:
        """Return the statement that a rendered text with marks stands for.

        Raises:
            TemplateFailed: a mark stands within quotes or a comment, or touches other text.

        """
        self._see_that_marks_are_open(rendered)
        parameters: list[Any] = []
        used = [self._values[int(mark[1])] for mark in _MARK.finditer(rendered)]
        doubled = self._dialect.placeholder == "format" and any(not isinstance(one, _Name) for one in used)

        def written(found: re.Match[str]) -> str:
            kept = self._values[int(found[1])]
            if isinstance(kept, _Name):
                return kept.text.replace("%", "%%") if doubled else kept.text
            first = len(parameters) + 1
            parameters.extend(kept)
            return ", ".join(self._dialect.mark(first + place) for place in range(len(kept)))

        text = _MARK.sub(written, rendered.replace("%", "%%") if doubled else rendered)
        return Statement(text, tuple(parameters) or None)

    def _see_that_marks_are_open(self, rendered: str) -> None:
        without_closed = []
        position = 0
        for closed in re.finditer(self._dialect.closed, rendered):
            if "\x00" in closed[0]:
                raise TemplateFailed(
                    "a value stands within quotes or a comment of a template of SQL: write {{ it }} without quotes, as "
                    "it is bound; put texts together as {{ 'a' ~ it }}, and names through | identifier"
                )
            if "/*" in closed[0][1:] and closed[0].startswith("/*"):
                raise TemplateFailed("a template of SQL has a comment within a comment")
            without_closed.append(rendered[position : closed.start()])
            position = closed.end()
        open_text = " ".join([*without_closed, rendered[position:]])
        if "?" in open_text and self._dialect.placeholder == "qmark":
            raise TemplateFailed("a template of SQL has a '?', which stands for a value: write {{ value }}")
        if _TOUCHED.search(rendered):
            raise TemplateFailed(
                "a value or a name in a template of SQL touches other text: put a blank between, or put both together "
                "within the braces, as in {{ ('sales_' ~ year) | identifier }}"
            )


def _values_of(value: Any) -> list[Any]:
    """Return what is bound for a value: itself, or the members of a list."""
    if not isinstance(value, list | tuple | GeneratorType):
        return [_plain(value)]
    members = [_plain(member) for member in value]
    if not members:
        # NULL instead would be no error, but make NOT IN leave out every row.
        raise TemplateFailed("a list in a template of SQL is empty, which no IN () takes: ask by {% if list %} first")
    return members


def _plain(value: Any) -> Any:
    if not isinstance(value, _BOUND):
        raise TemplateFailed(f"a value in a template of SQL is a {type(value).__name__}, which cannot be bound")
    return str.__str__(value) if isinstance(value, str) else value  # one that Jinja has marked as safe is none
