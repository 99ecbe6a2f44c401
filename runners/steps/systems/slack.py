"""Slack: rows as a message with a table in it, or as a file, sent once all have been read and checked.

A message cannot be taken back. What may have been taken is not sent again by itself, so a lost answer fails the step;
a repeat of the step, though, sends again, as Slack knows no keys by which it would find what it already has.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self
from urllib.parse import urlencode

from pydantic import Field, SecretStr, model_validator

from runners.steps.ends import Sink, Target
from runners.steps.errors import AuthenticationFailed, ConnectionFailed, TargetFailed
from runners.steps.formats.known import AnyFormat
from runners.steps.systems import text_table  # a field has the name of what it holds
from runners.steps.systems.http import WRITING, Answer, Http, HttpConnection, Request, opened
from runners.steps.systems.http_authentication import Address
from runners.steps.systems.json_values import text_of
from runners.steps.systems.spool import Spool, spooled
from runners.steps.systems.text_table import file_of, is_sent, table_of, told_of

if TYPE_CHECKING:
    import pyarrow as pa

    from runners.steps.context import StepContext

TABLE_CHARACTERS = 3_000  # of a message; Slack folds longer ones
FILE_ROWS = 1_000_000
_CODE = re.compile(r"[a-z][a-z_]{1,60}")
_NOT_KNOWN = frozenset(
    {
        "account_inactive",
        "invalid_auth",
        "not_authed",
        "token_expired",
        "token_revoked",
        "no_active_hooks",
        "no_service",
    }
)
_WEBHOOK_REFUSALS = frozenset({400, 403, 404, 410})


class SlackConnection(HttpConnection):
    """A webhook of one channel, or an app's token, which may do more: choose the channel, upload files."""

    url: Address = "https://slack.com/api"
    """Slack's API."""

    webhook_url: SecretStr | None = None
    """The address of a webhook; whoever knows it can post."""

    token: SecretStr | None = None
    """The token of an app with the right ``chat:write``, and ``files:write`` for files."""

    @model_validator(mode="before")
    @classmethod
    def _the_token_says_who_asks(cls, given: Any) -> Any:
        if isinstance(given, Mapping) and given.get("token"):
            return {**given, "authentication": {"type": "bearer", "token": given["token"]}}
        return given

    @model_validator(mode="after")
    def _there_is_one(self) -> Self:
        if (self.webhook_url is None) == (self.token is None):
            raise ValueError("give webhook_url or token")
        return self


class SlackTarget(Target):
    """A message in Slack with the first rows as a table, or a file of all rows."""

    example: ClassVar[dict[str, Any]] = {
        "ConnectionName": "slack",
        "Channel": "C0123456789",
        "Text": "Products of {{ ds }}",
        "File": "products-{{ ds }}.xlsx",
    }

    ConnectionName: str = Field(min_length=1)
    """The connection, by its name."""

    Channel: str | None = Field(default=None, min_length=1)
    """The channel: for a file by its id, such as ``C0123456789``; needed with a token, while a webhook has its own."""

    Text: str = Field(default="", max_length=30_000)
    """What the message says, with Slack's own marks, e.g. ``*bold*``."""

    Rows: int = Field(default=20, ge=0, le=200)
    """How many rows are shown in a message, at most, and as many as fit; long values are cut there."""

    File: str | None = Field(default=None, min_length=1, max_length=200, pattern=r"^[^/\\\x00-\x1f]+$")
    """The name of a file of all rows, e.g. ``products.xlsx``, instead of a table; needs a token."""

    Format: AnyFormat | None = None
    """The format of the file; as its name ends if left out."""

    WhenEmpty: text_table.WhenEmpty = "send"
    """Without a row: ``send`` all the same, ``skip``, or ``fail`` the step."""

    @contextmanager
    def open(self, schema: pa.Schema, context: StepContext) -> Iterator[Sink]:
        """Begin to keep rows, which the commit sends."""
        connection = context.connections.get(self.ConnectionName, SlackConnection)
        if connection.token is None and self.File is not None:
            raise ConnectionFailed(
                f"the connection {self.ConnectionName!r} is a webhook, which takes no files: give a token"
            )
        if connection.token is not None and self.Channel is None:
            raise ConnectionFailed(f"the connection {self.ConnectionName!r} is an app's: name a Channel")
        with (
            opened(context, self.ConnectionName, SlackConnection, WRITING) as http,
            spooled(schema, FILE_ROWS) as spool,
        ):
            yield _SlackSink(self, spool, http, connection.webhook_url)

    def place(self) -> str:
        """Return the channel as lineage names it."""
        return f"slack://{self.ConnectionName}/{self.Channel or ''}"


class _SlackSink:
    def __init__(self, target: SlackTarget, spool: Spool, http: Http, webhook: SecretStr | None) -> None:
        self._target = target
        self._spool = spool
        self._http = http
        self._webhook = webhook
        self.write = spool.write

    def commit(self) -> dict[str, Any]:
        if not is_sent(self._spool.rows, self._target.WhenEmpty):
            return {"sent": False}
        if self._target.File is not None:
            with file_of(self._spool, self._target.File, self._target.Format) as file:
                self._upload(file, self._target.File)
        elif self._webhook is not None:
            self._post_to(self._webhook)
        else:
            _call(self._http, "chat.postMessage", {"channel": self._target.Channel, "text": self._text()})
        return {"sent": True}

    def _text(self) -> str:
        table = table_of(self._spool, self._target.Rows, TABLE_CHARACTERS)
        block = f"```\n{_escaped(table.text)}\n```" if table.text else ""
        return "\n".join(filter(None, [self._target.Text, block, f"_{told_of(table, self._spool.rows)}_"]))

    def _post_to(self, webhook: SecretStr) -> None:
        shown = f"the webhook of the connection {self._target.ConnectionName!r}"
        answer = self._http.send(
            Request(
                "POST",
                webhook.get_secret_value(),
                signed=False,
                headers={"Content-Type": "application/json"},
                body=text_of({"text": self._text()}).encode(),
                repeatable=False,
                taken=_WEBHOOK_REFUSALS,
                shown=shown,
            )
        )
        if answer.status != HTTPStatus.OK:
            raise _refusal(shown, answer.body.decode(errors="replace"))

    def _upload(self, file: Path, name: str) -> None:
        """Ask where to, send the bytes there, and say that they are complete, which shows them."""
        form = {"filename": name, "length": str(file.stat().st_size)}
        place = _call(self._http, "files.getUploadURLExternal", form=form, repeatable=True)
        shown = "Slack's address for uploads"
        self._http.send(Request("POST", str(place["upload_url"]), signed=False, body=file, shown=shown))
        complete = {"files": [{"id": place["file_id"], "title": name}], "channel_id": self._target.Channel}
        complete |= {"initial_comment": self._target.Text} if self._target.Text else {}
        _call(self._http, "files.completeUploadExternal", complete)


def _call(
    http: Http,
    method: str,
    document: dict[str, Any] | None = None,
    *,
    form: dict[str, str] | None = None,
    repeatable: bool = False,
) -> dict[str, Any]:
    """Call a method of the API with JSON or a form, and return what it answers.

    Raises:
        AuthenticationFailed, TargetFailed: it was refused, though with the status of success.

    """
    if form is not None:
        kind, body = "application/x-www-form-urlencoded", urlencode(form).encode()
    else:
        kind, body = "application/json; charset=utf-8", text_of(document).encode()
    answer: Answer = http.send(
        Request(
            "POST", method, headers={"Content-Type": kind}, body=body, repeatable=repeatable, shown=f"Slack's {method}"
        )
    )
    said = answer.json()
    if not isinstance(said, dict) or said.get("ok") is not True:
        raise _refusal(answer.shown, said.get("error") if isinstance(said, dict) else None)
    return said


def _refusal(shown: str, code: Any) -> AuthenticationFailed | TargetFailed:
    """Return the error of a refusal; of what Slack says only a code is told."""
    known = code.strip() if isinstance(code, str) and _CODE.fullmatch(code.strip()) else "an error without a code"
    kind = AuthenticationFailed if known in _NOT_KNOWN else TargetFailed
    return kind(f"{shown} refused: {known}", code=known)


def _escaped(text: str) -> str:
    """Return a text in which no value is a mark, a mention or the end of the block."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return escaped.replace("```", "`\u200b`\u200b`")
