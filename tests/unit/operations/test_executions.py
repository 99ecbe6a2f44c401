from datetime import timedelta

import pytest
from botocore.exceptions import ClientError

from runners.operations import executions
from runners.operations.executions import FailedExecution
from tests.unit.operations.stubs import NOW, Stub

MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:Nightly"
EXECUTION = "arn:aws:states:us-east-1:123456789012:execution:Nightly:one"
FAILED = FailedExecution(EXECUTION, "Nightly", "FAILED", NOW, "GlueJobFailedError", 2, "")


def described(**changes):
    return {
        "executionArn": EXECUTION,
        "stateMachineArn": MACHINE,
        "status": "FAILED",
        "stopDate": NOW,
        "error": "GlueJobFailedError",
        "redriveCount": 2,
        "redriveStatus": "REDRIVABLE",
        **changes,
    }


def step_functions(description, ended=NOW, **answers):
    listed = {"executions": [{"executionArn": EXECUTION, "stopDate": ended}]}
    return Stub("stepfunctions", list_executions=listed, describe_execution=description, **answers)


def failed(stub, since=NOW - timedelta(hours=1)):
    return list(executions.failed(stub, [MACHINE], ["FAILED"], since))


def test_only_standard_state_machines_can_be_redriven():
    machines = [
        {"name": "Nightly", "stateMachineArn": MACHINE, "type": "STANDARD"},
        {"name": "Quick", "stateMachineArn": "arn:quick", "type": "EXPRESS"},
    ]
    stub = Stub("stepfunctions", list_state_machines={"stateMachines": machines})

    assert executions.state_machines(stub) == {"Nightly": MACHINE}


def test_a_failed_execution_is_told_with_what_step_functions_says_of_it():
    assert failed(step_functions(described())) == [FAILED]


def test_an_execution_that_ended_earlier_is_left_out():
    assert failed(step_functions(described(), ended=NOW - timedelta(hours=2))) == []


@pytest.mark.parametrize(
    ("said", "obstacle"),
    [
        (
            {"redriveStatus": "NOT_REDRIVABLE", "redriveStatusReason": "Execution redrivable period exceeded"},
            "Execution redrivable period exceeded",
        ),
        ({"redriveStatus": "REDRIVABLE_BY_MAP_RUN"}, "REDRIVABLE_BY_MAP_RUN"),
        ({"redriveStatus": None}, "Step Functions did not say whether it can be redriven"),
    ],
)
def test_why_an_execution_cannot_be_redriven_is_told(said, obstacle):
    (execution,) = failed(step_functions(described(**said)))

    assert execution.obstacle == obstacle


def test_a_redrive_carries_a_token_that_is_the_same_for_the_same_failure():
    stub = Stub("stepfunctions", redrive_execution={})

    assert executions.redrive(stub, FAILED) == ""
    assert stub.calls == [("redrive_execution", {"executionArn": EXECUTION, "clientToken": "one-2"})]


def test_a_redrive_that_is_refused_is_told_and_any_other_error_raised():
    stub = Stub("stepfunctions")
    stub.answers["redrive_execution"] = stub.error("ExecutionNotRedrivable", "it runs")
    assert executions.redrive(stub, FAILED) == "ExecutionNotRedrivable: it runs"

    stub.answers["redrive_execution"] = stub.error("AccessDeniedException")
    with pytest.raises(ClientError):
        executions.redrive(stub, FAILED)
