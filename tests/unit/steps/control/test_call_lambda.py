from __future__ import annotations

import io
import json

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from runners.steps.errors import StepStopped, TargetFailed, TargetUnavailable
from runners.testing.steps import run_step, step_context


class FakeLambda:
    """Answers one invocation."""

    def __init__(self, answer=None, error=None, function_error=None):
        self._answer = answer
        self._error = error
        self._more = {"FunctionError": function_error} if function_error else {}
        self.calls = []

    def invoke(self, **call):
        self.calls.append(call)
        if self._error:
            raise self._error
        return {"StatusCode": 200, "Payload": io.BytesIO(json.dumps(self._answer).encode()), **self._more}


def called(fake, **parameters):
    asked = {"FunctionName": "enrich", **parameters}
    return run_step("CallLambda", asked, step_context(client=lambda *_, **__: fake, variables={"ds": "2026-01-31"}))


def test_a_function_is_called_and_its_answer_returned():
    fake = FakeLambda({"rows": 3})
    assert called(fake, Payload={"day": "{{ ds }}"}) == {"status": 200, "answer": {"rows": 3}}
    assert fake.calls == [{"FunctionName": "enrich", "Payload": b'{"day": "2026-01-31"}'}]


def test_a_function_that_failed_is_told_by_its_own_error():
    fake = FakeLambda({"errorType": "KeyError", "errorMessage": "'day'"}, function_error="Unhandled")
    with pytest.raises(Exception, match="the function enrich failed with KeyError: 'day'") as failed:
        called(fake)
    assert (failed.value.name, failed.value.details) == ("FunctionFailed", {"function_error": "KeyError"})


def test_an_error_without_a_document_is_told_all_the_same():
    with pytest.raises(Exception, match="an error without a type"):
        called(FakeLambda("oh", function_error="Unhandled"))


@pytest.mark.parametrize("code", ["TooManyRequestsException", "ResourceConflictException"])
def test_a_function_that_was_not_called_may_be_called_later(code):
    with pytest.raises(TargetUnavailable, match=code):
        called(FakeLambda(error=ClientError({"Error": {"Code": code}}, "Invoke")))


def test_a_call_whose_answer_was_lost_is_not_repeated_here():
    fake = FakeLambda(error=ReadTimeoutError(endpoint_url="https://lambda"))
    with pytest.raises(TargetFailed, match=r"lost \(ReadTimeoutError\), so it has run or not"):
        called(fake)
    assert len(fake.calls) == 1


def test_a_function_that_may_not_be_called_is_told():
    with pytest.raises(TargetFailed, match="was not called: AccessDeniedException"):
        called(FakeLambda(error=ClientError({"Error": {"Code": "AccessDeniedException"}}, "Invoke")))


def test_a_step_that_was_given_up_calls_nothing():
    fake = FakeLambda()
    with pytest.raises(StepStopped):
        run_step(
            "CallLambda",
            {"FunctionName": "enrich"},
            step_context(client=lambda *_, **__: fake, may_publish=lambda: False),
        )
    assert fake.calls == []


def test_the_function_is_told_for_lineage():
    from runners.steps.control.call_lambda import CallLambda  # noqa: PLC0415

    assert CallLambda(CallLambda.Parameters.checked({"FunctionName": "enrich"})).target == "lambda://enrich"
