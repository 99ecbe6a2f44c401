"""A SQL Server that answers what a test tells it to, behind pymssql's own connection; none could be had to try against.

Statements are read by a parser of T-SQL, and values are written into them by pymssql itself.
"""

from __future__ import annotations

import re
from typing import Any

import pymssql
import sqlglot
from pymssql import _mssql


class SqlServer:
    """What was connected to, asked and answered.

    Attributes:
        connected: the arguments of each connection.
        asked: each statement with its values, in their order; also ``COMMIT`` and ``CLOSE``.

    """

    def __init__(self) -> None:
        self.connected: list[dict[str, Any]] = []
        self.asked: list[tuple[str, tuple[Any, ...]]] = []
        self._answers: list[tuple[str, Any]] = []

    def answers(self, pattern: str, answer: Any) -> None:
        """Answer statements in which a pattern is found with rows, an error, or what a function makes of them.

        The latest such word holds.
        """
        self._answers.insert(0, (pattern, answer))

    def connect(self, **asked: Any) -> Connection:
        """Stand for ``pymssql.connect``."""
        self.connected.append(asked)
        self._answer("CONNECT", ())
        return Connection(self)

    def statements(self, pattern: str = "") -> list[str]:
        """The statements in which a pattern is found."""
        return [text for text, _ in self.asked if re.search(pattern, text)]

    def values(self, pattern: str) -> tuple[Any, ...]:
        """The values of the first statement in which a pattern is found."""
        return next(values for text, values in self.asked if re.search(pattern, text))

    def _answer(self, text: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        self.asked.append((text, values))
        answer = next((answer for pattern, answer in self._answers if re.search(pattern, text)), [])
        if isinstance(answer, BaseException):
            raise answer
        return list(answer(text) if callable(answer) else answer)


class Connection:
    def __init__(self, server: SqlServer) -> None:
        self._server = server

    def cursor(self) -> Cursor:
        return Cursor(self._server)

    def commit(self) -> None:
        self._server._answer("COMMIT", ())

    def close(self) -> None:
        self._server._answer("CLOSE", ())


class Cursor:
    rowcount = -1
    description = None

    def __init__(self, server: SqlServer) -> None:
        self._server = server
        self._rows: list[tuple[Any, ...]] = []

    def execute(self, text: str, parameters: tuple[Any, ...] | None = None) -> None:
        if parameters is not None:
            batch = _mssql.substitute_params(text, parameters).decode()
            assert "%s" not in text.replace("CAST(%s AS", "")
            sqlglot.parse(batch, dialect="tsql")
            text, *parameters = map(_read, parameters)
        sqlglot.parse(text, dialect="tsql")
        self._rows = self._server._answer(text, tuple(parameters or ()))

    def fetchall(self) -> list[tuple[Any, ...]]:
        return self.fetchmany(len(self._rows))

    def fetchmany(self, count: int) -> list[tuple[Any, ...]]:
        taken, self._rows = self._rows[:count], self._rows[count:]
        return taken


def _read(value: Any) -> Any:
    return bytes(value).decode("utf-16-le") if isinstance(value, bytearray) else value


def error(number: int, said: str = "planted", kind: type[Exception] = pymssql.DatabaseError) -> Exception:
    """An error as pymssql raises it."""
    return kind(number, said.encode())
