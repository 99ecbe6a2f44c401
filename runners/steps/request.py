"""A request for one run of a step, as a state machine's task, a worker or a person gives it."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Annotated, Any

from pydantic import AwareDatetime, BeforeValidator, Field, JsonValue

from runners.steps.parameters import Parameters


def _midnight(value: object) -> object:
    """Take a day without a time for its midnight in UTC."""
    if isinstance(value, str) and len(value) == len("2026-01-31"):
        try:
            return datetime.combine(date.fromisoformat(value), time(), UTC)
        except ValueError:
            return value
    return value


class StepRequest(Parameters):
    """Which step is to run, with what, and for whom; all but the first two stand in the context object, ``$$``."""

    StepType: str = Field(min_length=1)
    """The step's name, e.g. ``MySqlToS3``."""

    Parameters: dict[str, JsonValue] = Field(default_factory=dict)
    """What the step is told; texts in it may be templates."""

    ExecutionId: str = ""
    """The ARN of the execution that asks, ``$$.Execution.Id``; left out on a laptop."""

    StepId: str = ""
    """Tells apart steps of one execution that have the same type and parameters, such as those of a Map."""

    StateMachine: str = ""
    """The state machine's name, ``$$.StateMachine.Name``; read from ``ExecutionId`` if left out."""

    ExecutionDate: Annotated[AwareDatetime, BeforeValidator(_midnight)] | None = None
    """The moment that the execution is for, ``$$.Execution.StartTime``, or a day; what dates in templates go by."""

    Outputs: dict[str, JsonValue] = Field(default_factory=dict)
    """What earlier steps have returned, by names of your choice; ``outputs`` in templates."""

    Params: dict[str, JsonValue] = Field(default_factory=dict)
    """Any other values for templates; ``params`` there."""

    def variables(self, now: datetime) -> dict[str, Any]:
        """Return what templates may name.

        Args:
            now: what stands for the execution's date on a laptop. Within an execution there is no date unless it is
                given: a repeat after midnight would otherwise be another step.

        """
        moment = self.ExecutionDate or (None if self.ExecutionId else now)
        dates: dict[str, Any] = {}
        if moment is not None:
            day = moment.astimezone(UTC).date()
            dates = {"execution_date": moment, "ds": day, "ds_nodash": day.strftime("%Y%m%d")}
        return {
            **dates,
            "execution_id": self.ExecutionId,
            "state_machine": self.state_machine,
            "outputs": self.Outputs,
            "params": self.Params,
        }

    @property
    def given(self) -> dict[str, Any]:
        """What tells the step from others of its type: its parameters, and what their templates may name."""
        return {
            "Parameters": self.Parameters,
            "Params": self.Params,
            "Outputs": self.Outputs,
            "ExecutionDate": self.ExecutionDate,
        }

    @property
    def state_machine(self) -> str:
        """The state machine's name, from ``arn:aws:states:region:account:execution:NAME:…`` if it is not given."""
        parts = self.ExecutionId.split(":")
        return self.StateMachine or (parts[6] if len(parts) > 6 else "")  # noqa: PLR2004  # of an ARN
