"""What a step is: a plugin with parameters and a ``run``. Everything else around it is the executor's.

A step of your own, complete::

    from runners.steps import Parameters, Step

    class Greet(Step):
        '''Greets somebody.'''

        class Parameters(Parameters):
            Name: str
            '''Whom to greet.'''

        def run(self, context):
            return {"greeting": f"Hello, {self.parameters.Name}"}

Its name is its class's. Make it known by the entry point group ``runners.steps``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from runners.steps.parameters import Parameters as StepParameters

if TYPE_CHECKING:
    from runners.steps.context import StepContext


class Step(ABC):
    """A step type; the executor makes one for each run.

    Args:
        parameters: what it is told, validated and rendered.

    """

    Parameters: ClassVar[type[StepParameters]]
    """The model of its parameters, whose docstrings become its documentation."""

    example: ClassVar[dict[str, Any]] = {}
    """Parameters that are valid as they stand, for the documentation."""

    def __init__(self, parameters: StepParameters) -> None:
        self.parameters: Any = parameters

    @abstractmethod
    def run(self, context: StepContext) -> dict[str, Any]:
        """Do the work and return what is to be known of it, as a JSON object.

        A repeat of the same step must leave the same result: publish all at once, at the end.

        Raises:
            StepError: by its name for the state machine.

        """

    @property
    def source(self) -> str:
        """Where data comes from, as lineage names it, e.g. ``postgresql://shop/public.products``; or empty."""
        return ""

    @property
    def target(self) -> str:
        """Where data goes, in the same way; or empty."""
        return ""

    @classmethod
    def name(cls) -> str:
        """Return the name by which a state machine asks for it."""
        return cls.__name__

    @classmethod
    def summary(cls) -> str:
        """Return what it does, in one sentence."""
        return (cls.__doc__ or "").strip().partition("\n")[0]
