from __future__ import annotations

import email
from email.policy import default
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from moto import mock_aws
from moto.core import DEFAULT_ACCOUNT_ID
from moto.ses import ses_backends

from runners.steps.errors import DataQualityFailed, TargetFailed, ValidationFailed
from runners.steps.systems import email as email_module
from runners.steps.systems.email import EmailTarget
from runners.testing.steps import step_context
from tests.unit.doubles import client_error
from tests.unit.steps.systems.rows import abandoned, orders, written

REGION = "eu-central-1"
MAIL = {"From": "reports@example.com", "To": ["ada@example.com"], "Subject": "Orders"}


class Mailbox:
    """SES's client that keeps what it is given, or raises what a test says."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.raises: list[Exception] = []

    def send_email(self, **call: Any) -> dict[str, str]:
        self.calls.append(call)
        if self.raises:
            raise self.raises.pop(0)
        return {"MessageId": "m-1"}

    @property
    def mail(self) -> Any:
        return email.message_from_bytes(self.calls[0]["Content"]["Raw"]["Data"], policy=default)


@pytest.fixture
def ses():
    return Mailbox()


@pytest.fixture
def context(ses):
    return step_context(client=lambda service: {"sesv2": ses}[service])


def target(**parameters: Any) -> EmailTarget:
    return EmailTarget.checked(MAIL | parameters)


def text_in(mail: Any) -> str:
    return mail.get_body().get_content().replace("\r\n", "\n")


def attachment(mail: Any) -> Any:
    (found,) = mail.iter_attachments()
    return found


def test_a_mail_has_the_text_and_the_rows_as_a_table(ses, context):
    told = written(target(Text="Good morning"), context, orders("Ada", None))
    assert told == {"sent": True, "message_id": "m-1"}
    assert (ses.mail["From"], ses.mail["To"], ses.mail["Subject"]) == (
        "reports@example.com",
        "ada@example.com",
        "Orders",
    )
    assert text_in(ses.mail) == "Good morning\n\nid  name\n--  ----\n 1  Ada\n 2\n\n2 rows\n"
    assert context.progress.bytes == len(ses.calls[0]["Content"]["Raw"]["Data"])


def test_everybody_receives_it_and_who_is_hidden_stays_hidden(ses, context):
    written(
        target(Cc=["Grace <grace@example.com>"], Bcc=["boss@example.com"], ConfigurationSet="etl"), context, orders("a")
    )
    assert ses.calls[0]["Destination"] == {
        "ToAddresses": ["ada@example.com"],
        "CcAddresses": ["Grace <grace@example.com>"],
        "BccAddresses": ["boss@example.com"],
    }
    assert ses.calls[0]["ConfigurationSetName"] == "etl"
    assert ses.mail["Cc"] == "Grace <grace@example.com>"
    assert b"boss" not in ses.calls[0]["Content"]["Raw"]["Data"]


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("orders.csv", "text/csv"),
        ("orders.csv.gz", "application/octet-stream"),
        ("orders.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ],
)
def test_all_rows_are_attached_as_a_file(ses, context, name, content_type):
    written(target(File=name, Rows=0), context, orders("Ada", "Grace"))
    found = attachment(ses.mail)
    assert (found.get_filename(), found.get_content_type()) == (name, content_type)
    assert text_in(ses.mail) == "2 rows\n"


def test_a_text_that_is_not_latin_stays_what_it_is(ses, context):
    written(target(Subject="Bestellungen: 日本 🎉"), context, orders("日本 🎉"))
    assert ses.mail["Subject"] == "Bestellungen: 日本 🎉"
    assert "日本 🎉" in ses.mail.get_content()


def test_an_attached_file_that_is_too_large_is_not_sent(ses, context, monkeypatch):
    monkeypatch.setattr(email_module, "ATTACHMENT_BYTES", 10)
    with pytest.raises(TargetFailed, match="may have 10"):
        written(target(File="orders.csv"), context, orders("Ada", "Grace"))
    assert ses.calls == []


def test_nothing_is_sent_without_a_commit(ses, context):
    with abandoned(target(), context, orders("a")):
        pass
    assert ses.calls == []


def test_an_empty_result_is_sent_skipped_or_fails_as_one_wants(ses, context):
    assert written(target(WhenEmpty="skip"), context) == {"sent": False}
    with pytest.raises(DataQualityFailed):
        written(target(WhenEmpty="fail"), context)
    assert ses.calls == []
    written(target(), context)
    assert text_in(ses.mail) == "There are no rows.\n"


def test_more_rows_than_are_sent_fail_the_step(context, monkeypatch):
    monkeypatch.setattr(email_module, "FILE_ROWS", 2)
    with pytest.raises(TargetFailed, match="more than 2 rows"):
        written(target(), context, orders("a", "b", "c"))


def test_more_bytes_than_are_sent_fail_the_step(context, monkeypatch):
    monkeypatch.setattr("runners.steps.systems.spool.SPOOL_BYTES", 1 << 10)
    with pytest.raises(TargetFailed, match="the most that is sent"):
        written(target(), context, orders("x" * 2_000))


# Refusals


def test_a_refusal_of_ses_is_told_by_its_code(ses, context):
    ses.raises.append(client_error("MessageRejected", "ada@example.com is not verified"))
    with pytest.raises(TargetFailed, match="SES refused the mail: MessageRejected") as raised:
        written(target(), context, orders("a"))
    assert "ada" not in raised.value.cause()


def test_a_mail_that_may_be_sent_is_not_sent_again(ses, context):
    ses.raises.append(ReadTimeoutError(endpoint_url="https://email"))
    with pytest.raises(TargetFailed, match="may be sent"):
        written(target(), context, orders("a"))
    assert len(ses.calls) == 1


def test_another_error_of_aws_is_left_to_the_executor(ses, context):
    ses.raises.append(client_error("AccessDeniedException"))
    with pytest.raises(ClientError):
        written(target(), context, orders("a"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"To": []},
        {"To": ["nobody"]},
        {"From": "a@example.com\nBcc: b@example.com"},
        {"Subject": "Orders\r\nBcc: b@example.com"},
        {"To": ["ada@example.com"] * 51},
        {"File": "../orders.csv"},
    ],
)
def test_parameters_that_make_no_mail_are_refused(wrong):
    with pytest.raises(ValidationFailed):
        target(**wrong)


def test_lineage_names_nobody():
    assert target(From="Reports <reports@example.com>").place() == "email://example.com"


def test_ses_takes_the_mail(monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws():
        boto3.client("sesv2").create_email_identity(EmailIdentity="reports@example.com")
        assert written(target(File="orders.csv"), step_context(), orders("Ada"))["sent"]
        (sent,) = ses_backends[DEFAULT_ACCOUNT_ID][REGION].sent_messages
    assert "orders.csv" in sent.raw_data
