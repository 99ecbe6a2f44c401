"""The Redshift Data API: statements with bound values, awaited to their end, or cancelled with the step."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import Field, model_validator

from runners.retries import error_code, is_transient, repeated
from runners.steps.connections import Connection
from runners.steps.errors import (
    ConnectionFailed,
    SourceFailed,
    SourceUnavailable,
    StepError,
    TargetFailed,
    TargetUnavailable,
    TemplateFailed,
)
from runners.steps.systems.awaited import awaited
from runners.steps.systems.staged_files import Location

if TYPE_CHECKING:
    from runners.steps.context import StepContext

_FINISHED = "FINISHED"
_FAILED = frozenset({"FAILED", "ABORTED"})
_LATER = frozenset({"ActiveStatementsExceededException", "ActiveSessionsExceededException"})
_NAMES_ONLY = re.compile(
    r"(relation|schema|table|column|function|database|operator|type|permission denied for \w+)\b.*|"
    r"syntax error at or near .*|divi\w+ by zero",
    re.IGNORECASE,
)
"""What Redshift says that quotes names and the statement alone, never a row's value."""

_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'|\([^)]*\)=\([^)]*\)")


class RedshiftConnection(Connection):
    """Where a Redshift is, which is spoken to by its Data API, and where files go on their way.

    It holds no secret: the step's role is who asks, and may read the secret that is named.
    """

    cluster_identifier: str | None = None
    """The cluster; this or ``workgroup_name``."""

    workgroup_name: str | None = None
    """The serverless workgroup; this or ``cluster_identifier``."""

    dbname: str = Field(min_length=1)
    """The database."""

    db_user: str | None = None
    """The user of a cluster, who gets temporary credentials."""

    secret_arn: str | None = None
    """The secret in Secrets Manager with the user and the password, instead."""

    staging_location: Location | None = None
    """Where files go between the step and Redshift: for writing, and for large results."""

    iam_role: str = Field(default="default", pattern=r"^(default|arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+)$")
    """The role by which Redshift reads and writes these files; ``default`` for the one that it has."""

    @model_validator(mode="after")
    def _there_is_one(self) -> Self:
        if (self.cluster_identifier is None) == (self.workgroup_name is None):
            raise ValueError("give cluster_identifier or workgroup_name")
        return self

    @property
    def role(self) -> str:
        """The role as ``COPY`` and ``UNLOAD`` name it."""
        return "default" if self.iam_role == "default" else f"'{self.iam_role}'"

    def staging(self, name: str) -> str:
        """Return where files go.

        Raises:
            ConnectionFailed: nothing says so.

        """
        if self.staging_location is None:
            raise ConnectionFailed(f"this needs staging_location in the connection {name!r}", connection=name)
        return self.staging_location

    def place(self) -> dict[str, str]:
        """Return the members of a call that say where, and as whom."""
        place = {
            "ClusterIdentifier": self.cluster_identifier,
            "WorkgroupName": self.workgroup_name,
            "Database": self.dbname,
            "DbUser": self.db_user,
            "SecretArn": self.secret_arn,
        }
        return {name: value for name, value in place.items() if value is not None}


class Side(NamedTuple):
    """Whose errors are raised."""

    unavailable: type[StepError]
    failed: type[StepError]


SOURCE = Side(SourceUnavailable, SourceFailed)
TARGET = Side(TargetUnavailable, TargetFailed)


class StatementFailedError(Exception):
    """A statement failed.

    Attributes:
        place: which one it was of several, from 0.
        failure: the error of steps.

    """

    def __init__(self, place: int, failure: StepError) -> None:
        super().__init__(failure.message)
        self.place = place
        self.failure = failure


class Session:
    """Runs statements.

    Args:
        described: where.
        context: gives the client, and says whether to stop.
        side: whose errors are raised.

    """

    def __init__(self, described: RedshiftConnection, context: StepContext, side: Side) -> None:
        self._described = described
        self._context = context
        self._side = side
        self._data = context.client("redshift-data")

    def run(self, *statements: str, values: Mapping[str, str] | None = None) -> str:
        """Run statements, several in one transaction, and return the id of them all.

        Args:
            statements: at most 40.
            values: what is bound to ``:name``.

        Raises:
            StepError: a statement failed; StepStopped.

        """
        try:
            return self.tried(*statements, values=values)
        except StatementFailedError as error:
            raise error.failure from None

    def tried(self, *statements: str, values: Mapping[str, str] | None = None) -> str:
        """Run statements as ``run`` does.

        Raises:
            StatementFailedError: says which statement failed.

        """
        # Under the token a start whose answer was lost is not made twice.
        asked: dict[str, Any] = {**self._described.place(), "ClientToken": uuid.uuid4().hex}
        if values:
            asked["Parameters"] = [{"name": name, "value": value} for name, value in values.items()]
        with self._explained():
            if len(statements) == 1:
                answer = repeated(self._data.execute_statement)(Sql=statements[0], **asked)
            else:
                answer = repeated(self._data.batch_execute_statement)(Sqls=list(statements), **asked)
            statement_id = str(answer["Id"])
            stop = partial(self._data.cancel_statement, Id=statement_id)
            found = awaited(partial(self._ended, statement_id), stop, self._context)
        if found["Status"] != _FINISHED:
            raise self._failure(found)
        return statement_id

    def pages(self, statement_id: str) -> Iterator[dict[str, Any]]:
        """Yield the pages of a statement's result, as GetStatementResult gives them."""
        query = {"Id": statement_id}
        while True:
            with self._explained():
                page = repeated(self._data.get_statement_result)(**query)
            yield page
            if not page.get("NextToken"):
                return
            query["NextToken"] = page["NextToken"]

    def rows(self, statement: str, values: Mapping[str, str]) -> list[list[Any]]:
        """Run a statement and return its few rows."""
        pages = self.pages(self.run(statement, values=values))
        return [[value_of(field) for field in row] for page in pages for row in page["Records"]]

    def _ended(self, statement_id: str) -> dict[str, Any] | None:
        found: dict[str, Any] = repeated(self._data.describe_statement)(Id=statement_id)
        return found if found["Status"] == _FINISHED or found["Status"] in _FAILED else None

    def _failure(self, found: Mapping[str, Any]) -> StatementFailedError:
        parts = found.get("SubStatements", [])
        place = next((number for number, part in enumerate(parts) if part["Status"] == "FAILED"), 0)
        said = _cleaned(found.get("Error", f"it was {found['Status'].lower()}"))
        failure = self._side.failed(f"Redshift did not run a statement: {said}", statement=found["Id"])
        return StatementFailedError(place, failure)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (ClientError, BotoCoreError) as error:
            code = error_code(error) or type(error).__name__
            is_for_now = is_transient(error) or code in _LATER
            kind = self._side.unavailable if is_for_now else self._side.failed
            raise kind(f"the Redshift Data API refused a call: {code}", code=code) from None


def value_of(field: Mapping[str, Any]) -> Any:
    """Return the value of a field of a result, None for NULL."""
    ((kind, value),) = field.items()
    return None if kind == "isNull" else value


def bound(parameters: Sequence[Any] | None) -> dict[str, str]:
    """Return values by the names ``p1``, ``p2``, … as the Data API takes them: as texts, for Redshift to convert.

    Raises:
        TemplateFailed: the Data API can say neither NULL nor an empty text, nor bytes.

    """
    return {f"p{number}": _text(value) for number, value in enumerate(parameters or (), 1)}


def _text(value: Any) -> str:
    for kinds, written in _TEXTS:
        if isinstance(value, kinds) and value != "":
            return written(value)
    what = "an empty text" if value == "" else type(value).__name__
    raise TemplateFailed(f"the Redshift Data API cannot bind {what}: write it into the statement")


_TEXTS: tuple[tuple[type | tuple[type, ...], Callable[[Any], str]], ...] = (
    (bool, lambda value: str(value).lower()),  # before int, of which it is one
    (str, str),
    (Decimal, lambda value: f"{value:f}" if value.is_finite() else str(value)),
    ((int, float), repr),
    (datetime, lambda value: value.isoformat(" ")),  # before date, of which it is one
    ((date, time), lambda value: value.isoformat()),
)


def _cleaned(said: str) -> str:
    """Return what Redshift says of a statement, without the values that it may quote."""
    line = said.partition("\n")[0].removeprefix("ERROR: ")
    return line if _NAMES_ONLY.fullmatch(line) else _QUOTED.sub("…", line)
