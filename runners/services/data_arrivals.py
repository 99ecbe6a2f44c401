"""Waiting for data: a service whose jobs are waits, and whose runs end when the objects are in S3.

S3 is the only truth: whether a wait is over is read from a listing, however the question came up (the wait has
just begun, an event came, a sweep). So events may be lost, repeated or late.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from runners import globs
from runners.errors import InvalidInputError
from runners.job import Failed, Running, Succeeded
from runners.retries import error_code, error_message, repeated
from runners.services import Service, checked, iso

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectTypeDef

    from runners.arrival import Arrival
    from runners.job import ActiveJob, Status

log = logging.getLogger(__name__)

FAILED = "DataArrivalFailedError"
MAX_OBJECTS = 100  # in an output; ObjectCount tells how many there are
MAX_PAGES = 100  # of a thousand keys, in one listing

_REFUSED = frozenset({"AccessDenied", "InvalidBucketName", "NoSuchBucket"})


class WaitRequest(BaseModel):
    """The input of a task that waits for data: a bucket, and one way to say which objects."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    Bucket: str = Field(min_length=3, max_length=63, pattern=r"^[A-Za-z0-9._-]+$")
    """The bucket."""

    Key: str | None = Field(default=None, min_length=1, max_length=1024)
    """One object's key."""

    Prefix: str | None = Field(default=None, min_length=1, max_length=1024)
    """What the keys begin with."""

    Pattern: str | None = Field(default=None, min_length=1, max_length=1024)
    """A glob over the whole key: ``*`` and ``?`` stay within one part of the path, ``**`` crosses parts,
    ``[a-c]`` is one of several characters."""

    Filename: str | None = Field(default=None, min_length=1, max_length=1024)
    """The last part of the key's path, anywhere in the bucket."""

    MinObjects: int = Field(default=1, ge=1)
    """How many objects there must be."""

    NewerThan: AwareDatetime | None = None
    """Only objects created at this time (ISO 8601) or later count, to the second: S3 keeps no fractions.
    Any existing object counts if absent."""

    FileActivityArn: str | None = None
    """The activity that stands for one file, given by the runner for a task of such an activity."""

    @model_validator(mode="after")
    def _objects_are_said_in_one_way(self) -> WaitRequest:
        given = [way for way in ("Key", "Prefix", "Pattern", "Filename") if getattr(self, way) is not None]
        if len(given) != 1:
            raise ValueError(f"give one of Key, Prefix, Pattern or Filename; got {' and '.join(given) or 'none'}")
        globs.check(self.Pattern or "")
        return self

    @property
    def listing_prefix(self) -> str:
        """The longest text with which every matching key begins."""
        if self.Pattern is not None:
            return globs.beginning(self.Pattern)
        return self.Key or self.Prefix or ""

    def matches(self, key: str) -> bool:
        """Whether a key is one that is waited for."""
        if self.Key is not None:
            return key == self.Key
        if self.Prefix is not None:
            return key.startswith(self.Prefix)
        if self.Filename is not None:
            return key.rsplit("/", 1)[-1] == self.Filename
        return globs.matches(self.Pattern or "", key)

    def counts(self, found: ObjectTypeDef) -> bool:
        """Whether a listed object is one that is waited for: by its key, by its age, and no folder's marker."""
        if found["Key"].endswith("/") and found["Size"] == 0:
            return False
        fresh = self.NewerThan is None or found["LastModified"] >= self.NewerThan.replace(microsecond=0)
        return fresh and self.matches(found["Key"])


class _Listing(NamedTuple):
    """What of S3 has to be listed for a wait."""

    bucket: str
    prefix: str
    one_key: bool

    @classmethod
    def of(cls, request: WaitRequest) -> _Listing:
        """Return the listing that shows every object which may count."""
        return cls(request.Bucket, request.listing_prefix, request.Key is not None)


class DataArrivals(Service):
    """The arrival of objects in S3 as a service."""

    name = "arrivals"
    asked_for = ("Bucket", "Key", "Prefix", "Pattern", "Filename")
    ends_at_once = True

    def __init__(self, s3: S3Client) -> None:
        self._s3 = s3

    def validate(self, request: Mapping[str, Any]) -> None:
        """Check a task's input."""
        checked(WaitRequest, request)

    def start(self, job: ActiveJob) -> str:
        """Begin a wait: there is nothing to start, so the task's key names the run."""
        return job.task_key

    def find(self, job: ActiveJob) -> str | None:
        """Return the run, which is there as soon as the task is claimed."""
        return job.task_key

    def describe(self, jobs: Sequence[ActiveJob]) -> dict[str, Status]:
        """Return which waits are over; those with the same bucket and prefix share one listing."""
        statuses: dict[str, Status] = {}
        groups: dict[_Listing, list[tuple[ActiveJob, WaitRequest]]] = defaultdict(list)
        for job in jobs:
            try:
                request = checked(WaitRequest, job.request)
            except InvalidInputError as error:  # what one version took, another may not
                statuses[job.task_key] = Failed(FAILED, {"Problems": error.problems})
            else:
                groups[_Listing.of(request)].append((job, request))
        for listing, waits in groups.items():
            try:
                statuses |= self._look(listing, waits)
            except ClientError as error:
                if error_code(error) in _REFUSED:
                    statuses |= {job.task_key: _refused(listing.bucket, error) for job, _ in waits}
                else:
                    _log_silence(listing, error)
            except BotoCoreError as error:
                _log_silence(listing, error)
        return statuses

    def stop(self, jobs: Sequence[ActiveJob]) -> None:
        """End waits: nothing runs anywhere, so there is nothing to stop."""

    def run_of_event(self, event: Mapping[str, Any]) -> str | None:  # noqa: ARG002  # the shape of a service
        """Return None: an event speaks of an object, for which any number of waits may be (see ``concerned``)."""
        return None

    def concerned(self, jobs: Sequence[ActiveJob], arrivals: Sequence[Arrival]) -> list[ActiveJob]:
        """Return the waits that one of these arrivals may complete."""
        found = ((job, _arrival_for(job, arrivals)) for job in jobs)
        return [_narrowed(job, arrival) for job, arrival in found if arrival is not None]

    def _look(self, listing: _Listing, waits: Sequence[tuple[ActiveJob, WaitRequest]]) -> dict[str, Status]:
        matching: dict[str, list[ObjectTypeDef]] = {job.task_key: [] for job, _ in waits}
        for found in self._list(listing):
            for job, request in waits:
                if request.counts(found):
                    matching[job.task_key].append(found)
        return {job.task_key: self._status(request, matching[job.task_key]) for job, request in waits}

    def _list(self, listing: _Listing) -> Iterator[ObjectTypeDef]:
        query: dict[str, Any] = {"Bucket": listing.bucket, "Prefix": listing.prefix}
        if listing.one_key:
            # Of all keys that begin with it, the key itself comes first.
            yield from repeated(self._s3.list_objects_v2)(**query, MaxKeys=1).get("Contents", [])
            return
        for _ in range(MAX_PAGES):
            page = repeated(self._s3.list_objects_v2)(**query)
            yield from page.get("Contents", [])
            if not page["IsTruncated"]:
                return
            query["ContinuationToken"] = page["NextContinuationToken"]
        log.warning(
            "a listing was cut short; give a longer prefix",
            extra={
                "action": "listing_cut",
                "bucket": listing.bucket,
                "prefix": listing.prefix,
                "keys": MAX_PAGES * 1000,
            },
        )

    def _status(self, request: WaitRequest, found: Sequence[ObjectTypeDef]) -> Status:
        if len(found) < request.MinObjects:
            return Running("WAITING")
        objects = [self._document(request.Bucket, each) for each in found[:MAX_OBJECTS]]
        output = {"Bucket": request.Bucket, "ObjectCount": len(found), "Objects": objects}
        if request.FileActivityArn is not None:
            # What state machines with one activity per file have always been given.
            output |= {
                "S3BucketName": request.Bucket,
                "S3Key": found[0]["Key"],
                "SFNActivityArn": request.FileActivityArn,
            }
        return Succeeded(output)

    def _document(self, bucket: str, found: ObjectTypeDef) -> dict[str, Any]:
        return {
            "Key": found["Key"],
            "Size": found["Size"],
            "ETag": found["ETag"].strip('"'),
            "VersionId": self._version(bucket, found),
            "LastModified": iso(found["LastModified"]),
        }

    def _version(self, bucket: str, found: ObjectTypeDef) -> str | None:
        try:
            head = repeated(self._s3.head_object)(Bucket=bucket, Key=found["Key"], IfMatch=found["ETag"])
        except ClientError:
            return None  # overwritten or deleted since the listing, which is what the output tells of
        return head.get("VersionId")


def _refused(bucket: str, error: ClientError) -> Failed:
    return Failed(FAILED, {"Bucket": bucket, "ErrorMessage": f"{error_code(error)}: {error_message(error)}"})


def _log_silence(listing: _Listing, error: Exception) -> None:
    log.warning(
        "S3 did not answer about a bucket",
        extra={
            "action": "describe_failed",
            "bucket": listing.bucket,
            "prefix": listing.prefix,
            "error": str(error),
        },
    )


def _arrival_for(job: ActiveJob, arrivals: Sequence[Arrival]) -> Arrival | None:
    """Return the first arrival of an object that a wait may be for."""
    here = [arrival for arrival in arrivals if arrival.bucket == job.request.get("Bucket")]
    try:
        request = checked(WaitRequest, job.request) if here else None
    except InvalidInputError:
        return None  # the next sweep says so
    return next((arrival for arrival in here if request and request.matches(arrival.key)), None)


def _narrowed(job: ActiveJob, arrival: Arrival) -> ActiveJob:
    """Have a wait for a file's name look at the object that came, instead of going through its whole bucket."""
    if "Filename" not in job.request or job.request.get("MinObjects", 1) != 1:
        return job
    others = {name: value for name, value in job.request.items() if name != "Filename"}
    return replace(job, request={**others, "Key": arrival.key})
