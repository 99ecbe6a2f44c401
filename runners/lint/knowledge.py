"""What rules may know besides the state machine: of the environment, of the account, of the person who asks.

Nothing is asked of AWS here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from runners.deployment.activities import activity_arn
from runners.deployment.environment import SERVICES

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from runners.deployment.environment import Environment

ARRIVALS = "arrivals"
"""The service of waits for data, which every environment has."""

_ACTIVITY_OF_WAITS = "DataArrivalActivity"
_ACTIVITY_OF_JOBS = "RunnerActivity"  # as its name ends, after that of the service


@dataclass(frozen=True)
class Knowledge:
    """What is known.

    Attributes:
        environment: the environment whose runners will work on the tasks; None if there is no ``config/``.
        own_activities: activities that workers other than the runners poll.
        deployed: the ARNs of the activities in the state machine's account and region; None if it was not asked.

    """

    environment: Environment | None = None
    own_activities: Collection[str] = ()
    deployed: Collection[str] | None = None

    def service(self, activity: str) -> str | None:
        """Return the service that an activity belongs to; None for one that no runner of a service polls."""
        if self.environment is not None:
            return self._services_by_activity.get(activity)
        # Without an environment and its templates there are only the names that activities usually have.
        if activity == _ACTIVITY_OF_WAITS:
            return ARRIVALS
        service = activity.removesuffix(_ACTIVITY_OF_JOBS).lower()
        return service if activity.endswith(_ACTIVITY_OF_JOBS) and service in SERVICES else None

    def has(self, activity: str, arn: str) -> bool:
        """Whether there is an activity: in the account if that was asked, else among those that are polled."""
        if self.deployed is not None:
            return arn in self.deployed
        return activity in (self.activities() or ()) or self._is_for_a_file(activity)

    def activities(self) -> list[str] | None:
        """Return the names of the activities that there are; None if they are not known."""
        if self.deployed is not None:
            return sorted(arn.rpartition(":")[2] for arn in self.deployed)
        return sorted({*self._services_by_activity, *self.own_activities}) if self.environment else None

    def is_switched_on(self, service: str) -> bool:
        """Whether a service's runner is deployed, as far as that is known."""
        return self.environment is None or service == ARRIVALS or service in self.environment.services

    def _is_for_a_file(self, activity: str) -> bool:
        """Whether an activity stands for one file of the data bucket, ``{bucket}-{filename}``."""
        bucket = self.environment.data_bucket if self.environment else None
        return bucket is not None and activity.startswith(f"{bucket}-") and activity != f"{bucket}-"

    @cached_property
    def _services_by_activity(self) -> Mapping[str, str]:
        if self.environment is None:
            return {}
        names = {service: activity_arn(service, self.environment) for service in (ARRIVALS, *SERVICES)}
        return {arn.rpartition(":")[2]: service for service, arn in names.items()}
