"""Steps: plugins that move data between systems, run by one executor in a Lambda, in a worker or on a laptop.

What a plugin needs is imported from here.
"""

from runners.steps.context import StepContext
from runners.steps.ends import Encoding, Read, Rows, Sink, Source, Target
from runners.steps.errors import (
    AuthenticationFailed,
    ClientMissing,
    ConnectionFailed,
    DataNotRepresentable,
    DataQualityFailed,
    SourceFailed,
    SourceUnavailable,
    StepError,
    StepFailed,
    StepNotFound,
    StepStopped,
    TargetFailed,
    TargetUnavailable,
    TemplateFailed,
    ValidationFailed,
)
from runners.steps.parameters import Parameters, SqlText
from runners.steps.step import Step

__all__ = [
    "AuthenticationFailed",
    "ClientMissing",
    "ConnectionFailed",
    "DataNotRepresentable",
    "DataQualityFailed",
    "Encoding",
    "Parameters",
    "Read",
    "Rows",
    "Sink",
    "Source",
    "SourceFailed",
    "SourceUnavailable",
    "SqlText",
    "Step",
    "StepContext",
    "StepError",
    "StepFailed",
    "StepNotFound",
    "StepStopped",
    "Target",
    "TargetFailed",
    "TargetUnavailable",
    "TemplateFailed",
    "ValidationFailed",
]
