"""The settings of steps, typed, read from the environment of the Lambda, of the step's process or of a laptop."""

from __future__ import annotations

from collections.abc import Mapping  # pydantic reads it
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from runners.errors import ConfigurationError
from runners.settings import PREFIX


class StepSettings(BaseModel):
    """What running steps needs to know; ``RUNNERS_`` and the field's name in capitals is the environment variable."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    environment: str = "dev"
    """Whose connections are taken: those under ``/etl/{environment}/connections/``."""

    connections_file: str = ""
    """A file of connections that is read instead of Parameter Store, on a laptop."""

    cursors_table: str = ""
    """The DynamoDB table of the cursors of incremental steps; they are refused without one."""

    attempts: int = Field(default=3, ge=1)
    """How often a step is tried, at most, whose source or target does not answer."""

    metrics: Literal["none", "emf"] = "none"
    """``emf``: metrics as log lines, in CloudWatch's embedded metric format."""

    lineage: str = ""
    """Where OpenLineage events go: ``file:PATH`` or an ``http(s)://`` address; nowhere if empty."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"
    """Python's name of a log level."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings from environment variables.

        Raises:
            ConfigurationError: a variable is wrong; the message names each.

        """
        variables = {name: environment.get(PREFIX + name.upper(), "") for name in cls.model_fields}
        values: dict[str, Any] = {name: value for name, value in variables.items() if value}
        try:
            return cls(**values)
        except ValidationError as error:
            problems = "; ".join(f"{PREFIX}{str(one['loc'][0]).upper()}: {one['msg']}" for one in error.errors())
            raise ConfigurationError(f"the environment of the steps is wrong: {problems}") from None
