"""How a step fails: errors whose names are what a state machine's ``Retry`` and ``Catch`` match.

Each has a sentence for people and details for machines; ``cause`` joins them as JSON. Neither ever holds a secret, nor
a value out of the data: the executor hides what it knows to be secret, and whoever raises one leaves values out.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar

from runners.errors import RunnersError


class StepError(RunnersError):
    """The root of the errors of steps. The class's name is the error's name for a state machine.

    Attributes:
        transient: whether the same step may succeed in a moment; the executor then tries again.
        details: what is known besides the message, as JSON, e.g. ``{"connection": "shop"}``.

    """

    transient: ClassVar[bool] = False

    def __init__(self, message: str, **details: Any) -> None:
        self.message = message
        self.details = details
        super().__init__(message)

    @property
    def name(self) -> str:
        """The name that Retry and Catch match."""
        return type(self).__name__

    def document(self) -> dict[str, Any]:
        """Return the cause as a JSON object."""
        return {"error": self.name, "message": self.message, "transient": self.transient, **self.details}

    def cause(self) -> str:
        """Return the cause as JSON text."""
        return json.dumps(self.document(), default=str)


class ValidationFailed(StepError):  # noqa: N818  # a state machine reads it so
    """The parameters of a step are wrong; ``problems`` in the details says which, and how."""


class StepNotFound(ValidationFailed):
    """There is no step type of that name."""


class TemplateFailed(ValidationFailed):
    """A template names what there is not, or cannot be rendered."""


class ClientMissing(StepError):  # noqa: N818
    """The library that a step needs is not installed; the message says which extra to install."""


class ConnectionFailed(StepError):  # noqa: N818
    """A connection is not described, or its system could not be reached or did not let us in."""


class AuthenticationFailed(ConnectionFailed):
    """The system did not take the credentials; they are read anew once, as they may have been rotated."""


class SourceUnavailable(StepError):  # noqa: N818
    """The source does not answer just now, or asks for patience."""

    transient = True


class TargetUnavailable(StepError):  # noqa: N818
    """The target does not answer just now, or asks for patience."""

    transient = True


class SourceFailed(StepError):  # noqa: N818
    """The source refused what it was asked for: a query that is wrong, an object that is not there."""


class TargetFailed(StepError):  # noqa: N818
    """The target refused what it was given."""


class DataQualityFailed(StepError):  # noqa: N818
    """The data is not as it was promised; nothing of it was published."""


class DataNotRepresentable(DataQualityFailed):
    """A value would be changed by the trip: the target has no type that holds it. Nothing was published."""


class StepStopped(StepError):  # noqa: N818
    """The step was told to stop, or its time was over; nothing was published."""


class StepFailed(StepError):  # noqa: N818
    """Anything else: a fault of the step's own code."""
