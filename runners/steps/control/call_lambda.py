"""``CallLambda``: a Lambda function, called and waited for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import Field, JsonValue

from runners.retries import error_code, is_throttled, is_unclear, is_unsent
from runners.steps.errors import StepError, TargetFailed, TargetUnavailable
from runners.steps.parameters import Parameters
from runners.steps.step import Step

if TYPE_CHECKING:
    from runners.steps.context import StepContext

_LONGEST = 900  # seconds that a function may run, and somewhat more to answer
_UNREACHED = frozenset({"ResourceConflictException", "ResourceNotReadyException", "SnapStartNotReadyException"})


class FunctionFailed(StepError):  # noqa: N818  # a state machine reads it so
    """The function was called and has failed; ``function_error`` in the details is its own error's type."""


class CallLambdaParameters(Parameters):
    """Which function, and its event."""

    FunctionName: str = Field(min_length=1, max_length=256, pattern=r"^[A-Za-z0-9:_.$-]+$")
    """The function: a name or an ARN, with a version or an alias if need be."""

    Payload: dict[str, JsonValue] = Field(default_factory=dict)
    """Its event."""


class CallLambda(Step):
    """Calls a Lambda function and returns what it answers."""

    Parameters = CallLambdaParameters
    example: ClassVar[dict[str, Any]] = {"FunctionName": "enrich-orders", "Payload": {"day": "{{ ds }}"}}

    @property
    def target(self) -> str:
        """The function."""
        return f"lambda://{self.parameters.FunctionName}"

    def run(self, context: StepContext) -> dict[str, Any]:
        """Call it. A call whose answer was lost is not repeated here: the state machine decides.

        Raises:
            FunctionFailed: the function raised an error.
            TargetUnavailable: it was not called, as Lambda is busy or was not reached.
            TargetFailed: Lambda refuses the call, or its answer was lost.

        """
        asked: CallLambdaParameters = self.parameters
        # One try: whether a function that did not answer has run cannot be known.
        patient = Config(read_timeout=_LONGEST + 10, retries={"total_max_attempts": 1, "mode": "standard"})
        client = context.client("lambda", config=patient)
        context.check_publish()
        try:
            answer = client.invoke(FunctionName=asked.FunctionName, Payload=json.dumps(asked.Payload).encode())
            document = json.loads(answer["Payload"].read() or b"null")
        except (ClientError, BotoCoreError) as error:
            raise self._unanswered(error) from None
        if "FunctionError" in answer:
            raise self._failed(document)
        return {"status": answer["StatusCode"], "answer": document}

    def _unanswered(self, error: ClientError | BotoCoreError) -> StepError:
        name = self.parameters.FunctionName
        code = error_code(error) or type(error).__name__
        if is_throttled(error) or is_unsent(error) or code in _UNREACHED:
            return TargetUnavailable(f"the function {name} was not called: {code}", code=code)
        if is_unclear(error):
            said = "so it has run or not; look before you call it again"
            return TargetFailed(f"the answer of the function {name} was lost ({code}), {said}", code=code)
        return TargetFailed(f"the function {name} was not called: {code}", code=code)

    def _failed(self, document: Any) -> FunctionFailed:
        told = document if isinstance(document, dict) else {}
        error = str(told.get("errorType", "an error without a type"))
        return FunctionFailed(
            f"the function {self.parameters.FunctionName} failed with {error}: {told.get('errorMessage', '')}",
            function_error=error,
        )
