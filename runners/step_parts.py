"""Putting an executor of steps together from its settings, for the Lambda, the step's process and a laptop alike."""

from __future__ import annotations

from runners import clients
from runners.steps.connection_places import place_of
from runners.steps.connections import Connections
from runners.steps.cursors import Cursors, UnsetCursors
from runners.steps.executor import Executor
from runners.steps.settings import StepSettings
from runners.telemetry.steps import step_observer_of


def executor_of(settings: StepSettings) -> Executor:
    """Return an executor; it makes no call to AWS before a step needs one.

    Raises:
        ConfigurationError: the settings name no place for lineage events.

    """
    cursors = Cursors(settings.cursors_table, clients.dynamodb()) if settings.cursors_table else UnsetCursors()
    return Executor(
        Connections(place_of(settings)), cursors, observer=step_observer_of(settings), attempts=settings.attempts
    )
