"""What is told of a runner's work to the outside: metrics and lineage. It decides nothing and stops nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runners.observer import Observer, Observers
from runners.telemetry.emf import EmbeddedMetrics
from runners.telemetry.lineage_events import Events, namespace_of
from runners.telemetry.openlineage import Lineage, sink_of

if TYPE_CHECKING:
    from runners.job import ActiveJob
    from runners.services import Service
    from runners.settings import Settings


def observer_of(settings: Settings, *services: Service) -> Observer:
    """Return what the settings ask for: metrics as log lines, lineage events, both or nothing.

    One does for all services of a process, whose throttled calls are counted together.

    Raises:
        ConfigurationError: the settings name no place for lineage events.

    """
    by_name = {service.name: service for service in services}

    def job_name(job: ActiveJob) -> str:
        return by_name[job.runner].job_name(job.request)

    observers: list[Observer] = []
    if settings.metrics == "emf":
        observers.append(EmbeddedMetrics(job_name))
    if settings.lineage:
        namespace = namespace_of(settings.activity_arn) if settings.activity_arn else ""
        observers.append(Lineage(Events(namespace, job_name), sink_of(settings.lineage)))
    return Observers(*observers)
