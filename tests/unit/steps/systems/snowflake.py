"""A Snowflake that answers what a test tells it to, behind a connector that is played here; neither could be had.

Statements are read by a parser of Snowflake's SQL.
"""

from __future__ import annotations

import re
import sys
from types import ModuleType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import sqlglot

CODES = {"FIXED": 0, "REAL": 1, "TEXT": 2, "DATE": 3, "TIMESTAMP": 4, "VARIANT": 5, "TIMESTAMP_LTZ": 6}
CODES |= {"TIMESTAMP_TZ": 7, "TIMESTAMP_NTZ": 8, "OBJECT": 9, "ARRAY": 10, "BINARY": 11, "TIME": 12, "BOOLEAN": 13}
CODES |= {"GEOGRAPHY": 14, "NEW": 99}


class Error(Exception):
    """As the connector's own."""

    def __init__(self, msg: str = "planted", errno: int = -1) -> None:
        super().__init__(msg)
        self.msg = self.raw_msg = msg
        self.errno = errno


class ProgrammingError(Error):
    pass


class OperationalError(Error):
    pass


class Snowflake:
    """What was connected to, asked and answered.

    Attributes:
        connected: the arguments of each connection.
        asked: each statement with its values, in their order; also ``CLOSE``.
        files: the tables of the files that were put.
        columns: what is described: name, type, precision, scale.
        tables: the result as Arrow.

    """

    def __init__(self, monkeypatch: Any) -> None:
        self.connected: list[dict[str, Any]] = []
        self.asked: list[tuple[str, Any]] = []
        self.files: list[pa.Table] = []
        self.columns: list[tuple[Any, ...]] = []
        self.tables: list[pa.Table] = []
        self._answers: list[tuple[str, Any]] = []
        errors = ModuleType("snowflake.connector.errors")
        errors.Error, errors.ProgrammingError, errors.OperationalError = Error, ProgrammingError, OperationalError
        connector = ModuleType("snowflake.connector")
        connector.connect, connector.errors = self.connect, errors
        for name, module in (("", ModuleType("snowflake")), (".connector", connector), (".connector.errors", errors)):
            monkeypatch.setitem(sys.modules, f"snowflake{name}", module)

    def answers(self, pattern: str, answer: Any) -> None:
        """Answer statements in which a pattern is found with rows, a count, or an error; the latest such word holds."""
        self._answers.insert(0, (pattern, answer))

    def connect(self, **asked: Any) -> Any:
        """Stand for ``snowflake.connector.connect``."""
        self.connected.append(asked)
        self.answer("CONNECT", None)
        return Connection(self)

    def statements(self, pattern: str = "") -> list[str]:
        """The statements in which a pattern is found."""
        return [text for text, _ in self.asked if re.search(pattern, text)]

    def answer(self, text: str, values: Any) -> Any:
        """Note a statement, and return what is answered."""
        self.asked.append((text, values))
        answer = next((answer for pattern, answer in self._answers if re.search(pattern, text)), [])
        if isinstance(answer, BaseException):
            raise answer
        return answer


class Connection:
    def __init__(self, snowflake: Snowflake) -> None:
        self._snowflake = snowflake

    def cursor(self) -> Cursor:
        return Cursor(self._snowflake)

    def close(self) -> None:
        self._snowflake.answer("CLOSE", None)


class Cursor:
    rowcount: int | None = None

    def __init__(self, snowflake: Snowflake) -> None:
        self._snowflake = snowflake
        self._answer: Any = []

    def describe(self, text: str, values: Any = None) -> list[tuple[Any, ...]]:
        self._snowflake.answer(f"DESCRIBE {text}", values)
        return [
            (name, CODES[kind], None, None, *(*sizes, 0, 0)[:2], True) for name, kind, *sizes in self._snowflake.columns
        ]

    def execute(self, text: str, values: Any = None) -> None:
        if text.startswith("PUT"):
            self._snowflake.files.append(pq.read_table(text.split("'")[1].removeprefix("file://")))
        else:
            sqlglot.parse(text, dialect="snowflake", error_level=sqlglot.ErrorLevel.RAISE)
        self._answer = self._snowflake.answer(text, values)
        self.rowcount = self._answer if isinstance(self._answer, int) else len(self._answer)

    def fetchall(self) -> list[tuple[Any, ...]]:
        return list(self._answer)

    def fetch_arrow_batches(self) -> Any:
        yield from self._snowflake.tables
