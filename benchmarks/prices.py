"""What AWS charges for what was counted: us-east-1, on demand, no free tier. Nothing here counts.

Not in it: what the jobs themselves cost, logs, alarms. Those are the same, or nearly, whoever starts the jobs.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

TRANSITION = 25 / 1e6
"""USD per state transition of a Standard workflow."""
LAMBDA_REQUEST = 0.20 / 1e6
LAMBDA_GB_SECOND = 0.0000166667 * 0.8
"""On arm64, which is a fifth cheaper than x86."""
WRITE_UNIT = 0.625 / 1e6
READ_UNIT = 0.125 / 1e6


@dataclass(frozen=True, slots=True)
class Bill:
    """What was counted, and what it costs in USD."""

    transitions: float = 0
    lambda_requests: float = 0
    lambda_gb_seconds: float = 0
    write_units: float = 0
    read_units: float = 0

    @property
    def parts(self) -> dict[str, float]:
        """Each part in USD, by its name."""
        return {
            "state transitions": self.transitions * TRANSITION,
            "Lambda": self.lambda_requests * LAMBDA_REQUEST + self.lambda_gb_seconds * LAMBDA_GB_SECOND,
            "table writes": self.write_units * WRITE_UNIT,
            "table reads": self.read_units * READ_UNIT,
        }

    @property
    def usd(self) -> float:
        """All of it in USD."""
        return sum(self.parts.values())

    def times(self, factor: float) -> Bill:
        """Return the bill of so many times the same."""
        return Bill(**{field.name: factor * getattr(self, field.name) for field in fields(self)})
