"""The events by which DMS says that a replication started, stopped or failed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from runners.local.events import service_events

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Subject:
    """What an event speaks of."""

    account: str
    region: str
    arn: str
    name: str
    serverless: bool = False
    """Whether it is a serverless replication, whose events have names of their own."""


@dataclass(frozen=True)
class Occurrence:
    """Something that happens to a replication."""

    event_id: str
    verb: str
    category: str


STARTED = Occurrence("DMS-EVENT-0069", "STARTED", "StateChange")
STOPPED = Occurrence("DMS-EVENT-0079", "STOPPED", "StateChange")
FAILED = Occurrence("DMS-EVENT-0078", "FAILED", "Failure")


def send(subject: Subject, occurrence: Occurrence, message: str) -> None:
    """Send an event to the default bus of the account."""
    detail_type = "DMS Replication State Change" if subject.serverless else "DMS Replication Task State Change"
    service_events.send(
        subject.account,
        subject.region,
        "aws.dms",
        detail_type,
        _detail(subject, occurrence, message),
        resources=[subject.arn],
    )


def _detail(subject: Subject, occurrence: Occurrence, message: str) -> Mapping[str, str]:
    page = "serverlessReplicationDetails" if subject.serverless else "taskDetails"
    kind = "REPLICATION" if subject.serverless else "REPLICATION_TASK"
    return {
        "type": "REPLICATION_CONFIG" if subject.serverless else "REPLICATION_TASK",
        "category": occurrence.category,
        "eventType": f"{kind}_{occurrence.verb}",
        "eventId": occurrence.event_id,
        "resourceLink": f"https://console.aws.amazon.com/dms/v2/home?region={subject.region}#{page}/{subject.name}",
        "detailMessage": message,
    }
