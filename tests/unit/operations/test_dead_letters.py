import json
from datetime import timedelta

from runners.operations import dead_letters
from tests.unit.operations.stubs import Stub

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:gluerunner"
EVENT = {"source": "aws.glue", "detail-type": "Glue Job State Change", "detail": {"jobRunId": "jr_1"}}
TICK = {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}


def message(body, receipt="receipt", **attributes):
    text = body if isinstance(body, str) else json.dumps(body)
    given = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
    return {"ReceiptHandle": receipt, "Body": text, "MessageAttributes": given}


def record(event, **changes):
    """Lambda's record of an asynchronous invocation that failed for the last time."""
    return {
        "version": "1.0",
        "timestamp": "2026-01-31T03:12:44.001Z",
        "requestContext": {
            "requestId": "request",
            "functionArn": f"{FUNCTION}:$LATEST",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 3,
        },
        "requestPayload": event,
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "responsePayload": {"errorType": "KeyError", "errorMessage": "secret-value"},
        **changes,
    }


def test_lambdas_record_of_a_failed_invocation_is_read():
    letter = dead_letters.read(message(record(EVENT)))

    assert (letter.function, letter.function_name) == (FUNCTION, "gluerunner")
    assert (letter.kind, letter.reason, letter.failed_at[:10]) == ("Glue Job State Change", "KeyError", "2026-01-31")
    assert json.loads(letter.payload) == EVENT


def test_an_invocation_that_lambda_gave_up_has_its_condition_for_a_reason():
    given_up = record(EVENT, responsePayload=None)

    assert dead_letters.read(message(given_up)).reason == "RetriesExhausted"


def test_an_event_that_eventbridge_could_not_deliver_is_read():
    letter = dead_letters.read(message(EVENT, TARGET_ARN=FUNCTION, ERROR_CODE="NO_PERMISSIONS"))

    assert (letter.function, letter.reason) == (FUNCTION, "NO_PERMISSIONS")
    assert json.loads(letter.payload) == EVENT


def test_a_notification_of_s3_is_told_by_its_event():
    letter = dead_letters.read(message(record({"Records": [{"eventName": "ObjectCreated:Put"}]})))

    assert letter.kind == "ObjectCreated:Put"


def test_what_is_no_record_names_no_function():
    for body in ("no json", "[1]", {"other": 1}, record([1], requestContext={})):
        letter = dead_letters.read(message(body))
        assert (letter.function, letter.kind) == ("", "?")


def queue(*pages, **answers):
    left = list(pages)
    return Stub(
        "sqs", receive_message=lambda **_: {"Messages": left.pop(0)} if left else {}, delete_message={}, **answers
    )


def test_all_messages_are_received_and_hidden_meanwhile():
    sqs = queue([message(record(EVENT), "one")], [message(record(TICK), "two")])

    letters = dead_letters.received(sqs, "url", timedelta(minutes=5))

    assert [(letter.receipt, letter.is_tick) for letter in letters] == [("one", False), ("two", True)]
    assert {call["VisibilityTimeout"] for _, call in sqs.calls} == {300}


def test_a_message_is_deleted_only_after_lambda_has_accepted_its_event():
    letter = dead_letters.read(message(record(EVENT)))
    for status, deleted in ((202, True), (500, False)):
        sqs, functions = queue(), Stub("lambda", invoke={"StatusCode": status})

        assert dead_letters.redeliver(sqs, functions, "url", letter) is deleted
        ((_, invoked),) = functions.calls
        assert (invoked["FunctionName"], invoked["InvocationType"]) == (FUNCTION, "Event")
        assert json.loads(invoked["Payload"]) == EVENT
        assert [name for name, _ in sqs.calls] == ["delete_message"] * deleted


def test_a_tick_is_forgotten_and_begins_no_turn():
    sqs, functions = queue(), Stub("lambda")

    assert dead_letters.redeliver(sqs, functions, "url", dead_letters.read(message(record(TICK))))
    assert (len(sqs.calls), functions.calls) == (1, [])


def test_what_is_put_back_can_be_seen_again_at_once():
    sqs = queue(change_message_visibility={})

    dead_letters.put_back(sqs, "url", [dead_letters.read(message(record(EVENT), "one"))])

    assert sqs.calls == [
        ("change_message_visibility", {"QueueUrl": "url", "ReceiptHandle": "one", "VisibilityTimeout": 0})
    ]
