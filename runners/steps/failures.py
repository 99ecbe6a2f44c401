"""What a step raises, as an error of steps that may be shown: typed, without secrets, without what lies behind it."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from runners.log import SECRETS
from runners.retries import error_code, error_message, is_transient
from runners.steps.errors import ConnectionFailed, SourceUnavailable, StepError, StepFailed, TargetUnavailable
from runners.steps.redaction import redacted

_WRITES = ("Put", "Create", "Complete", "Upload", "Batch", "Copy", "Delete", "Update", "Transact", "Send", "Publish")


def failure_of(error: Exception) -> StepError:
    """Return an error as one of steps, with secrets hidden.

    What it was raised from, its notes and its traceback are cut off, as they hold texts that others have written.
    """
    failure = error if isinstance(error, StepError) else _made_of(error)
    failure.message = SECRETS.hidden_in(failure.message)
    failure.details = redacted(failure.details)
    failure.args = (failure.message,)
    failure.__cause__ = failure.__context__ = None
    if hasattr(failure, "__notes__"):
        del failure.__notes__
    return failure.with_traceback(None)


def frames_of(error: BaseException) -> list[str]:
    """Return where an error was raised, innermost last, without its text: ``transfer.py:88 _move_rows``."""
    frames, step = [], error.__traceback__
    while step is not None:
        code = step.tb_frame.f_code
        frames.append(f"{code.co_filename.rpartition('/')[2]}:{step.tb_lineno} {code.co_name}")
        step = step.tb_next
    return frames[-8:]


def _made_of(error: Exception) -> StepError:
    if isinstance(error, NoCredentialsError):
        return ConnectionFailed("there are no AWS credentials: give the function a role, or log in")
    if isinstance(error, ClientError | BotoCoreError):
        return _of_aws(error)
    said = "" if isinstance(error, pa.ArrowException) else str(error)  # Arrow's repeats values of the data
    return StepFailed(
        f"{type(error).__name__}: {said}" if said else type(error).__name__, exception=type(error).__name__
    )


def _of_aws(error: ClientError | BotoCoreError) -> StepError:
    """Judge what AWS says; by the call it is known which end it was, the source where there is none."""
    operation = str(getattr(error, "operation_name", ""))
    code = error_code(error) or type(error).__name__
    details: dict[str, Any] = {"code": code, **({"operation": operation} if operation else {})}
    called = f"AWS, asked for {operation}," if operation else "AWS"
    if is_transient(error):
        kind = TargetUnavailable if operation.startswith(_WRITES) else SourceUnavailable
        return kind(f"{called} does not answer just now: {code}", **details)
    return StepFailed(f"{called} said {code}: {error_message(error)}", **details)
