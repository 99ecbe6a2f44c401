"""What calls cost at AWS: the prices of us-east-1 on demand, and a bill of what was counted.

Free tiers are left out, and so is what the jobs themselves cost: only their orchestration is billed here.
"""

from __future__ import annotations

from dataclasses import dataclass

PER_TRANSITION = 25.0 / 1e6
"""US dollars for a state transition of a standard workflow; retries count (aws.amazon.com/step-functions/pricing)."""

PER_LAMBDA_REQUEST = 0.20 / 1e6
"""US dollars for an invocation (aws.amazon.com/lambda/pricing)."""

PER_LAMBDA_GB_SECOND = 0.0000166667
"""US dollars for a second with a gigabyte of memory on x86 (aws.amazon.com/lambda/pricing)."""

PER_LAMBDA_GB_SECOND_ARM = 0.0000133334
"""US dollars for a second with a gigabyte of memory on arm64, which is 20 % less (aws.amazon.com/lambda/pricing)."""

PER_WRITE_UNIT = 0.625 / 1e6
"""US dollars for a write request unit of an on-demand table: 1 KB (aws.amazon.com/dynamodb/pricing/on-demand)."""

PER_READ_UNIT = 0.125 / 1e6
"""US dollars for a read request unit: 4 KB, strongly consistent (aws.amazon.com/dynamodb/pricing/on-demand)."""

PER_CUSTOM_EVENT = 1.0 / 1e6
"""US dollars for an event of one's own; those of AWS's services are free (aws.amazon.com/eventbridge/pricing)."""


@dataclass(frozen=True, slots=True)
class Bill:
    """What was used, and in US dollars what each part of it costs.

    Attributes:
        transitions: of standard workflows.
        lambda_requests: invocations.
        lambda_gb_seconds: duration times memory; what an invocation waits for a poll counts.
        write_units, read_units: of DynamoDB on demand, as ``Table`` counts them.
        custom_events: put to EventBridge.
        arm: whether the functions run on arm64.

    """

    transitions: float = 0
    lambda_requests: float = 0
    lambda_gb_seconds: float = 0
    write_units: float = 0
    read_units: float = 0
    custom_events: float = 0
    arm: bool = False

    @property
    def step_functions_usd(self) -> float:
        """The state transitions."""
        return self.transitions * PER_TRANSITION

    @property
    def lambda_usd(self) -> float:
        """The invocations and their duration."""
        per_gb_second = PER_LAMBDA_GB_SECOND_ARM if self.arm else PER_LAMBDA_GB_SECOND
        return self.lambda_requests * PER_LAMBDA_REQUEST + self.lambda_gb_seconds * per_gb_second

    @property
    def dynamodb_usd(self) -> float:
        """The reads and writes; storage is left out."""
        return self.write_units * PER_WRITE_UNIT + self.read_units * PER_READ_UNIT

    @property
    def events_usd(self) -> float:
        """The events of one's own."""
        return self.custom_events * PER_CUSTOM_EVENT

    @property
    def total_usd(self) -> float:
        """All of it."""
        return self.step_functions_usd + self.lambda_usd + self.dynamodb_usd + self.events_usd
