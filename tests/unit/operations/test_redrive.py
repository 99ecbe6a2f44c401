"""What a person types and sees; what it does is tested with ``executions`` and ``dead_letters``."""

import json

import pytest

from runners import cli
from runners.deployment import environment
from runners.operations import redrive
from tests.unit.operations.stubs import NOW, Stub
from tests.unit.operations.test_dead_letters import EVENT, TICK, message, queue, record
from tests.unit.operations.test_executions import EXECUTION, MACHINE, described, step_functions


@pytest.fixture
def opened(monkeypatch):
    """Clients by their service's name; a test adds its own."""
    clients = {}

    class Opened:
        def __init__(self, name):
            self.name, self.environment, self.client = name, environment.load("local"), clients.__getitem__

    monkeypatch.setattr(redrive, "Opened", Opened)
    monkeypatch.setattr(redrive, "utc_now", lambda: NOW)
    return clients


MACHINES = {
    "list_state_machines": {"stateMachines": [{"name": "Nightly", "stateMachineArn": MACHINE, "type": "STANDARD"}]}
}
FAILED_ONLY = ["--status", "FAILED"]


def test_what_can_be_redriven_is_shown_and_redriven(opened, capsys):
    opened["stepfunctions"] = step_functions(described(), redrive_execution={}, **MACHINES)

    assert cli.main(["redrive", "executions", "--yes", *FAILED_ONLY]) == 0

    told = capsys.readouterr().out.splitlines()
    assert told[1].endswith(" yes")
    assert told[-1] == "one: goes on"


def test_a_redrive_that_is_refused_ends_with_a_status(opened, capsys):
    opened["stepfunctions"] = stub = step_functions(described(), **MACHINES)
    stub.answers["redrive_execution"] = stub.error("ExecutionLimitExceeded", "too many")

    assert cli.main(["redrive", "executions", "--yes", "--json", *FAILED_ONLY]) == 1

    (document,) = json.loads(capsys.readouterr().out)
    assert (document["execution"], document["redriven"]) == (EXECUTION, False)
    assert document["obstacle"] == "ExecutionLimitExceeded: too many"


def test_what_cannot_be_redriven_is_shown_with_its_reason_and_left_alone(opened, capsys):
    reason = {"redriveStatus": "NOT_REDRIVABLE", "redriveStatusReason": "period exceeded"}
    opened["stepfunctions"] = step_functions(described(**reason), **MACHINES)

    assert cli.main(["redrive", "executions", "--state-machine", "Nightly", *FAILED_ONLY]) == 0

    told = capsys.readouterr().out
    assert "no: period exceeded" in told
    assert "nothing that can be redriven" in told


def test_nothing_is_redriven_unasked(opened, capsys):
    opened["stepfunctions"] = stub = step_functions(described(), redrive_execution={}, **MACHINES)

    assert cli.main(["redrive", "executions", *FAILED_ONLY]) == 1

    assert "--yes" in capsys.readouterr().err
    assert "redrive_execution" not in dict(stub.calls)


def test_a_wrong_state_machine_is_told_with_the_nearest(opened, capsys):
    opened["stepfunctions"] = step_functions(described(), **MACHINES)

    assert cli.main(["redrive", "executions", "--state-machine", "Nightli"]) == 1

    assert "did you mean 'Nightly'?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--since", "12"], "a number and m, h or d"),
        (["--since", "12w"], "a number and m, h or d"),
        (["--status", "FAILED,DONE"], "there is no 'DONE' here"),
    ],
)
def test_wrong_options_are_told_in_one_message(capsys, arguments, told):
    with pytest.raises(SystemExit, match="2"):
        cli.main(["redrive", "executions", *arguments])

    assert told in capsys.readouterr().err


def letters(*messages, invoke):
    sqs = queue(list(messages), get_queue_url={"QueueUrl": "url"}, change_message_visibility={})
    return {"sqs": sqs, "lambda": Stub("lambda", invoke=invoke)}


def test_events_are_given_again_ticks_forgotten_and_the_rest_put_back(opened, capsys):
    opened |= letters(
        message(record(EVENT), "one"), message(record(TICK), "two"), message("?", "three"), invoke={"StatusCode": 202}
    )

    assert cli.main(["redrive", "events", "--yes"]) == 0

    told = capsys.readouterr().out
    assert "2 messages of 3 done." in told
    assert "secret" not in told
    done = [(name, call["ReceiptHandle"]) for name, call in opened["sqs"].calls if "ReceiptHandle" in call]
    assert done == [("delete_message", "one"), ("delete_message", "two"), ("change_message_visibility", "three")]


def test_an_event_that_lambda_refuses_stays_in_the_queue(opened, capsys):
    opened |= letters(message(record(EVENT), "one"), invoke=None)
    opened["lambda"].answers["invoke"] = opened["lambda"].error("TooManyRequestsException", "later")

    assert cli.main(["redrive", "events", "--yes"]) == 1

    assert "stays in the queue: TooManyRequestsException: later" in capsys.readouterr().out
    assert "delete_message" not in dict(opened["sqs"].calls)


def test_an_event_that_lambda_does_not_accept_is_told_to_a_machine(opened, capsys):
    opened |= letters(message(record(EVENT), "one"), invoke={"StatusCode": 200})

    assert cli.main(["redrive", "events", "--yes", "--json"]) == 1

    (document,) = json.loads(capsys.readouterr().out)
    assert (document["done"], document["refusal"]) == (False, "Lambda did not accept it")


def test_nothing_is_lost_when_it_is_interrupted(opened):
    def interrupted(**_):
        raise KeyboardInterrupt

    opened |= letters(message(record(EVENT), "one"), message(record(EVENT), "two"), invoke=interrupted)

    assert cli.main(["redrive", "events", "--yes"]) == cli.INTERRUPTED

    put_back = [call["ReceiptHandle"] for name, call in opened["sqs"].calls if name == "change_message_visibility"]
    assert put_back == ["one", "two"]
    assert "delete_message" not in dict(opened["sqs"].calls)


def test_an_empty_queue_is_told(opened, capsys):
    opened |= letters(invoke={})

    assert cli.main(["redrive", "events"]) == 0

    assert "The dead-letter queue is empty." in capsys.readouterr().out


def test_only_ticks_are_told_as_such(opened, capsys):
    opened |= letters(message(record(TICK), "one"), invoke={})

    assert cli.main(["redrive", "events", "--yes"]) == 0

    assert "forgotten: the schedule ticks on" in capsys.readouterr().out
    assert opened["lambda"].calls == []
