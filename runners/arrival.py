"""An arrival: an object that was created in S3, as a value, and how the two kinds of S3's events are read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

from runners.errors import RunnersError

if TYPE_CHECKING:
    from collections.abc import Mapping


class UnreadableEventError(RunnersError):
    """An event is not one of S3's, or lacks what every such event has."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """An object that was created.

    Attributes:
        bucket: its bucket.
        key: its key, as S3 knows it (not URL-encoded).
        size: its size in bytes.
        etag: its entity tag, without quotes.
        version_id: its version in a versioned bucket, or None.
        sequencer: hexadecimal digits that order the events of one key.
        time: when S3 created it.

    """

    bucket: str
    key: str
    size: int
    etag: str
    version_id: str | None
    sequencer: str
    time: datetime


def arrivals_of(event: Mapping[str, Any]) -> list[Arrival]:
    """Read an event: S3's own notification, with all its records, or EventBridge's ``Object Created``.

    Records of anything but a creation, and S3's test event, are passed over.

    Raises:
        UnreadableEventError: it is neither of the two.

    """
    try:
        if "Records" in event:
            created = [record for record in event["Records"] if "ObjectCreated" in record["eventName"]]
            return [_of_record(record) for record in created]
        if event.get("detail-type") == "Object Created":
            return [_of_event_bridge(event)]
        if event.get("Event") == "s3:TestEvent":
            return []
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UnreadableEventError(f"an S3 event lacks or garbles what it should have: {error!r}") from None
    raise UnreadableEventError(
        "the event is no notification of S3 and no 'Object Created' of EventBridge; "
        "subscribe this function to the data bucket's events only"
    )


def _of_record(record: Mapping[str, Any]) -> Arrival:
    thing = record["s3"]["object"]
    return Arrival(
        bucket=record["s3"]["bucket"]["name"],
        key=unquote_plus(thing["key"]),  # a notification's keys are URL-encoded, with + for a blank
        size=int(thing.get("size", 0)),
        etag=thing.get("eTag", ""),
        version_id=thing.get("versionId"),
        sequencer=thing.get("sequencer", ""),
        time=datetime.fromisoformat(record["eventTime"]),
    )


def _of_event_bridge(event: Mapping[str, Any]) -> Arrival:
    thing = event["detail"]["object"]
    return Arrival(
        bucket=event["detail"]["bucket"]["name"],
        key=thing["key"],
        size=int(thing.get("size", 0)),
        etag=thing.get("etag", ""),
        version_id=thing.get("version-id"),
        sequencer=thing.get("sequencer", ""),
        time=datetime.fromisoformat(event["time"]),
    )
