"""E-mail through Amazon SES: rows as a table in the text, as an attached file, or both, sent once all have been read.

A mail cannot be taken back. One that may have been taken is not sent again by itself, so a lost answer fails the step;
a repeat of the step, though, sends again, as SES knows no keys by which it would find what it already has.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.policy import SMTP
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import Field, model_validator

from runners.retries import error_code, is_unclear, when_throttled
from runners.steps.ends import Sink, Target
from runners.steps.errors import TargetFailed
from runners.steps.formats.known import AnyFormat
from runners.steps.systems import text_table  # a field has the name of what it holds
from runners.steps.systems.spool import Spool, spooled
from runners.steps.systems.text_table import file_of, is_sent, table_of, told_of

if TYPE_CHECKING:
    import pyarrow as pa

    from runners.steps.context import StepContext

ATTACHMENT_BYTES = 25 << 20  # as many as most who receive mail take; SES takes 40 MB, encoded
FILE_ROWS = 1_000_000
TABLE_CHARACTERS = 100_000
_RECIPIENTS = 50  # of one mail, SES's limit
_WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_REFUSALS = frozenset(
    {
        "AccountSuspendedException",
        "BadRequestException",
        "MailFromDomainNotVerifiedException",
        "MessageRejected",
        "NotFoundException",
        "SendingPausedException",
    }
)

MailAddress = Annotated[str, Field(pattern=r"^([^<>@\x00-\x1f,]*<)?[^\s<>@,]+@[^\s<>@,]+>?$", max_length=320)]
"""An address, e.g. ``ada@example.com`` or ``Ada <ada@example.com>``."""


class EmailTarget(Target):
    """An e-mail with the first rows as a table, a file of all rows, or both."""

    example: ClassVar[dict[str, Any]] = {
        "From": "reports@example.com",
        "To": ["shop@example.com"],
        "Subject": "Products of {{ ds }}",
        "Text": "The products of the day are attached.",
        "File": "products-{{ ds }}.xlsx",
    }

    From: MailAddress
    """Who sends: an address, or one of a domain, that SES has verified."""

    To: tuple[MailAddress, ...] = Field(min_length=1)
    """Who receives."""

    Cc: tuple[MailAddress, ...] = ()
    """Who receives a copy."""

    Bcc: tuple[MailAddress, ...] = ()
    """Who receives a copy that nobody else sees."""

    Subject: str = Field(min_length=1, max_length=500, pattern=r"^[^\r\n]*$")
    """The subject."""

    Text: str = ""
    """What the mail says before its table."""

    Rows: int = Field(default=20, ge=0, le=1_000)
    """How many rows are shown in the text, at most; long values are cut there."""

    File: str | None = Field(default=None, min_length=1, max_length=200, pattern=r"^[^/\\\x00-\x1f]+$")
    """The name of an attached file of all rows, e.g. ``products.xlsx``."""

    Format: AnyFormat | None = None
    """The format of the file; as its name ends if left out."""

    ConfigurationSet: str | None = Field(default=None, min_length=1)
    """The configuration set of SES."""

    WhenEmpty: text_table.WhenEmpty = "send"
    """Without a row: ``send`` all the same, ``skip``, or ``fail`` the step."""

    @model_validator(mode="after")
    def _are_not_too_many(self) -> Self:
        if len(self.To) + len(self.Cc) + len(self.Bcc) > _RECIPIENTS:
            raise ValueError(f"SES sends a mail to {_RECIPIENTS} at most: name a list of recipients")
        return self

    @contextmanager
    def open(self, schema: pa.Schema, context: StepContext) -> Iterator[Sink]:
        """Begin to keep rows, which the commit sends."""
        with spooled(schema, FILE_ROWS) as spool:
            yield _EmailSink(self, spool, context)

    def place(self) -> str:
        """Return the sender's domain, as lineage names nobody."""
        return f"email://{self.From.rpartition('@')[2].rstrip('>')}"


class _EmailSink:
    def __init__(self, target: EmailTarget, spool: Spool, context: StepContext) -> None:
        self._target = target
        self._spool = spool
        self._context = context
        self.write = spool.write

    def commit(self) -> dict[str, Any]:
        if not is_sent(self._spool.rows, self._target.WhenEmpty):
            return {"sent": False}
        raw = self._message().as_bytes(policy=SMTP)
        message_id = self._send(raw)
        self._context.progress.count(size=len(raw))
        return {"sent": True, "message_id": message_id}

    def _message(self) -> EmailMessage:
        asked = self._target
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = asked.From, ", ".join(asked.To), asked.Subject
        if asked.Cc:
            message["Cc"] = ", ".join(asked.Cc)
        table = table_of(self._spool, asked.Rows, TABLE_CHARACTERS)
        counted = told_of(table, self._spool.rows)
        message.set_content("\n\n".join(filter(None, [asked.Text, table.text, counted])) + "\n")
        if asked.File is not None:
            self._attach(message, asked.File)
        return message

    def _attach(self, message: EmailMessage, name: str) -> None:
        with file_of(self._spool, name, self._target.Format) as file:
            size = file.stat().st_size
            if size > ATTACHMENT_BYTES:
                raise TargetFailed(
                    f"the file has {size:,} bytes, and may have {ATTACHMENT_BYTES:,}: compress it, or put it into S3 "
                    "and send a link"
                )
            kind, _, subkind = _content_type(name).partition("/")
            message.add_attachment(file.read_bytes(), maintype=kind, subtype=subkind, filename=name)

    def _send(self, raw: bytes) -> str:
        asked = self._target
        call: dict[str, Any] = {
            "FromEmailAddress": asked.From,
            "Destination": {"ToAddresses": [*asked.To], "CcAddresses": [*asked.Cc], "BccAddresses": [*asked.Bcc]},
            "Content": {"Raw": {"Data": raw}},
        }
        if asked.ConfigurationSet:
            call["ConfigurationSetName"] = asked.ConfigurationSet
        try:
            return str(when_throttled(self._context.client("sesv2").send_email)(**call)["MessageId"])
        except (ClientError, BotoCoreError) as error:
            if error_code(error) in _REFUSALS:
                raise TargetFailed(f"SES refused the mail: {error_code(error)}", code=error_code(error)) from None
            if is_unclear(error):
                raise TargetFailed(
                    "SES gave no answer; the mail may be sent, and is not sent again by itself"
                ) from None
            raise


def _content_type(name: str) -> str:
    guessed, compressed = mimetypes.guess_type(name)
    if name.lower().endswith(".xlsx"):
        return _WORKBOOK
    return guessed if guessed and not compressed else "application/octet-stream"
