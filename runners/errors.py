"""The tree of errors: everything that this package raises on purpose descends from ``RunnersError``.

A message says what happened, to what, and what to do about it. No message contains a task token, a secret or
the value of an input.
"""

from __future__ import annotations


class RunnersError(Exception):
    """The root of all errors that this package raises on purpose."""


class ConfigurationError(RunnersError):
    """A value is missing or wrong in ``config/``, in the environment or on the command line."""


class DeploymentError(RunnersError):
    """A build command could not do what it was asked to: a stack rolled back, a package is missing."""


class LocalAWSError(RunnersError):
    """The embedded AWS was asked for something that it cannot run."""


class InvalidInputError(RunnersError):
    """The input of a task does not fit its service's request.

    Attributes:
        problems: what is wrong with which field, e.g. ``{"GlueJobName": "Field required"}``; a problem of the
            input as a whole stands under ``"(input)"``.

    """

    def __init__(self, problems: dict[str, str]) -> None:
        self.problems = problems
        super().__init__("; ".join(f"{field}: {problem}" for field, problem in problems.items()))


class TaskGoneError(RunnersError):
    """Step Functions waits for this task no more: it timed out, or its execution was stopped or has ended."""


class StartLaterError(RunnersError):
    """The service did not start the job and may do so later: it is busy, not unwilling.

    Attributes:
        throttled: whether it was asked too often, whatever for; else what this very job needs is in use.

    """

    def __init__(self, reason: str, *, throttled: bool = False) -> None:
        self.throttled = throttled
        super().__init__(reason)


class StartUnclearError(RunnersError):
    """The service did not start the job now, which says nothing of an earlier start whose effect is not known."""


class StopFailedError(RunnersError):
    """The service did not stop a run, which goes on; it is worth another try later."""


class StartRefusedError(RunnersError):
    """The service will not start this job however often it is asked.

    Attributes:
        error: the error's name for the state machine, e.g. ``GlueJobFailedError``.
        cause: what the service said, as a JSON object.

    """

    def __init__(self, error: str, cause: dict[str, object]) -> None:
        self.error = error
        self.cause = cause
        super().__init__(f"{error}: {cause}")
