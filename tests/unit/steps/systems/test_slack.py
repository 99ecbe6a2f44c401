from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest
from python_calamine import CalamineWorkbook

from runners.steps.errors import (
    AuthenticationFailed,
    ConnectionFailed,
    DataQualityFailed,
    StepError,
    TargetFailed,
    ValidationFailed,
)
from runners.steps.systems.slack import SlackTarget
from runners.testing.steps import step_context
from tests.unit.steps.systems.http_server import Says, serving
from tests.unit.steps.systems.rows import abandoned, orders, written

if TYPE_CHECKING:
    import pyarrow as pa

WEBHOOK_PATH = "/services/T000/B000/secret-of-the-webhook"
OK = Says({"ok": True})


@pytest.fixture(scope="module")
def running():
    with serving() as server:
        yield server


@pytest.fixture
def slack(running):
    running.says.clear()
    running.asked.clear()
    running.answers = lambda asked: OK
    return running


@pytest.fixture
def context(slack):
    return step_context(
        {
            "hook": {"webhook_url": f"{slack.url}{WEBHOOK_PATH}"},
            "app": {"url": f"{slack.url}/api", "token": "xoxb-secret"},
            "nothing": {},
        }
    )


def hook(**parameters: Any) -> SlackTarget:
    return SlackTarget.checked({"ConnectionName": "hook"} | parameters)


def app(**parameters: Any) -> SlackTarget:
    return SlackTarget.checked({"ConnectionName": "app", "Channel": "C1"} | parameters)


def refusal(target: SlackTarget, context: Any, *batches: pa.RecordBatch) -> StepError:
    with pytest.raises(StepError) as raised:
        written(target, context, *batches)
    assert "secret" not in raised.value.cause()
    return raised.value


# Messages


def test_a_webhook_gets_the_text_and_the_rows_as_a_table(slack, context):
    assert written(hook(Text="*New* orders"), context, orders("Ada", None)) == {"sent": True}
    assert slack.paths == [f"POST {WEBHOOK_PATH}"]
    assert slack.asked[0].json == {
        "text": "*New* orders\n```\nid  name\n--  ----\n 1  Ada\n 2\n```\n_2 rows_",
    }
    assert "authorization" not in slack.asked[0].headers


def test_an_app_names_the_channel_and_itself(slack, context):
    written(app(), context, orders("Ada"))
    assert slack.paths == ["POST /api/chat.postMessage"]
    assert slack.asked[0].headers["authorization"] == "Bearer xoxb-secret"
    assert slack.asked[0].json["channel"] == "C1"


def test_only_the_first_rows_are_shown_and_it_is_said_how_many_there_are(slack, context):
    written(hook(Rows=2), context, orders("a", "b"), orders("c"))
    assert slack.asked[0].json["text"].endswith("\n 2  b\n```\n_the first 2 of 3 rows_")


def test_no_more_rows_are_shown_than_fit_into_a_message(slack, context):
    written(hook(Rows=200), context, orders(*["x" * 40] * 100))
    text = slack.asked[0].json["text"]
    assert len(text) < 3_100
    shown = text.count("x" * 40)
    assert 50 < shown < 100
    assert text.endswith(f"\n```\n_the first {shown} of 100 rows_")


def test_a_message_may_only_say_how_many_rows_there_are(slack, context):
    written(hook(Rows=0, Text="Done."), context, orders("a"))
    assert slack.asked[0].json["text"] == "Done.\n_1 row_"


def test_values_are_neither_marks_nor_mentions_nor_other_lines(slack, context):
    written(hook(), context, orders("<!channel> & ```\nbold"))
    assert "&lt;!channel&gt; &amp; `\u200b`\u200b` bold" in slack.asked[0].json["text"]


def test_a_long_value_is_cut_where_it_is_shown(slack, context):
    written(hook(), context, orders("x" * 41))
    assert f" {'x' * 39}…\n" in slack.asked[0].json["text"]


def test_nothing_is_sent_without_a_commit(slack, context):
    with abandoned(hook(), context, orders("a")):
        pass
    assert slack.asked == []


# Without rows


def test_an_empty_result_is_sent_skipped_or_fails_as_one_wants(slack, context):
    assert written(hook(WhenEmpty="skip"), context) == {"sent": False}
    with pytest.raises(DataQualityFailed, match="there are no rows"):
        written(hook(WhenEmpty="fail"), context)
    assert slack.asked == []
    assert written(hook(), context) == {"sent": True}
    assert slack.asked[0].json["text"] == "_There are no rows._"


# Files


def uploads(slack: Any) -> None:
    place = {"ok": True, "upload_url": f"{slack.url}/upload/secret-place", "file_id": "F1"}
    slack.answers = lambda asked: Says(place) if asked.path.endswith("getUploadURLExternal") else OK


def test_a_file_is_uploaded_and_then_shown_in_the_channel(slack, context):
    uploads(slack)
    assert written(app(File="orders.csv", Text="All orders"), context, orders("Ada", None)) == {"sent": True}
    assert slack.paths == [
        "POST /api/files.getUploadURLExternal",
        "POST /upload/secret-place",
        "POST /api/files.completeUploadExternal",
    ]
    asks, upload, completes = slack.asked
    assert upload.body == b'id,name\n1,"Ada"\n2,\n'
    assert parse_qs(asks.body.decode()) == {"filename": ["orders.csv"], "length": [str(len(upload.body))]}
    assert "authorization" not in upload.headers
    assert completes.json == {
        "files": [{"id": "F1", "title": "orders.csv"}],
        "channel_id": "C1",
        "initial_comment": "All orders",
    }
    assert context.progress.bytes >= len(upload.body)


def test_a_file_may_be_a_workbook(slack, context):
    uploads(slack)
    written(app(File="orders.xlsx"), context, orders("Ada"))
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(slack.asked[1].body)).get_sheet_by_index(0)
    assert sheet.to_python() == [["id", "name"], [1.0, "Ada"]]
    assert "initial_comment" not in slack.asked[2].json


def test_an_empty_result_is_a_file_with_its_header(slack, context):
    uploads(slack)
    written(app(File="orders.csv"), context)
    assert b"name" in slack.asked[1].body


def test_a_webhook_takes_no_files(context):
    assert "takes no files" in refusal(hook(File="orders.csv"), context).message


def test_a_file_of_no_known_format_is_refused_before_anything_is_sent(slack, context):
    assert isinstance(refusal(app(File="orders.pdf"), context, orders("a")), ValidationFailed)
    assert slack.asked == []


# Refusals


def test_an_app_without_a_channel_is_refused(context):
    refused = refusal(SlackTarget(ConnectionName="app"), context)
    assert isinstance(refused, ConnectionFailed)


def test_a_connection_is_a_webhook_or_an_app(context):
    assert "give webhook_url or token" in refusal(SlackTarget(ConnectionName="nothing"), context).message


@pytest.mark.parametrize(
    ("says", "error", "code"),
    [
        (Says({"ok": False, "error": "channel_not_found"}), TargetFailed, "channel_not_found"),
        (Says({"ok": False, "error": "token_revoked"}), AuthenticationFailed, "token_revoked"),
        (Says({"ok": False, "error": "the secret Value"}), TargetFailed, "an error without a code"),
        (Says(["secret"]), TargetFailed, "an error without a code"),
    ],
)
def test_a_refusal_of_the_api_is_told_by_its_code(slack, context, says, error, code):
    slack.says.append(says)
    refused = refusal(app(), context, orders("a"))
    assert isinstance(refused, error)
    assert refused.message == f"Slack's chat.postMessage refused: {code}"


def test_a_refusal_of_a_webhook_is_told_by_its_code_and_not_by_its_address(slack, context):
    slack.says.append(Says(b"channel_is_archived", 410))
    assert refusal(hook(), context, orders("a")).message == (
        "the webhook of the connection 'hook' refused: channel_is_archived"
    )


@pytest.mark.parametrize("target", [hook(), app()])
def test_a_message_that_may_have_been_taken_is_not_sent_again(slack, context, target):
    slack.says.append(Says(breaks_off=True))
    assert "may have been taken" in refusal(target, context, orders("a")).message
    assert len(slack.asked) == 1


def test_a_message_that_came_too_soon_is_sent_again(slack, context):
    slack.says.append(Says(status=429, headers=(("Retry-After", "0"),)))
    written(hook(), context, orders("a"))
    assert len(slack.asked) == 2


def test_lineage_names_the_connection_and_the_channel():
    assert app().place() == "slack://app/C1"
    assert hook().place() == "slack://hook/"
