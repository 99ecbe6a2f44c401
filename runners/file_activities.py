"""Activities that stand for one file, named ``{bucket}-{filename}``: a wait that is said by its name alone.

State machines with one activity a file are released like all others: their tasks become waits for a file of that
name anywhere in the bucket.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from runners.activity import Activity
from runners.retries import repeated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_stepfunctions import SFNClient

log = logging.getLogger(__name__)


def file_activities(buckets: Sequence[str], worker_name: str, polls: SFNClient, reports: SFNClient) -> list[Activity]:
    """Return the activities of the account that stand for a file in one of these buckets.

    None where they cannot be listed: a runner has its own activity to poll, and looks again with its next turn.
    """
    if not buckets:
        return []
    try:
        pages = repeated(lambda: list(reports.get_paginator("list_activities").paginate()))()
    except (ClientError, BotoCoreError):
        log.exception("the activities that stand for files are not known", extra={"action": "list_activities_failed"})
        return []
    named = [(_bucket_of(found["name"], buckets), found) for page in pages for found in page["activities"]]
    return [
        Activity(
            arn=found["activityArn"],
            worker_name=worker_name,
            polls=polls,
            reports=reports,
            input_of_every_task={
                "Bucket": bucket,
                "Filename": found["name"].removeprefix(f"{bucket}-"),
                "FileActivityArn": found["activityArn"],
            },
        )
        for bucket, found in named
        if bucket
    ]


def _bucket_of(name: str, buckets: Sequence[str]) -> str:
    """Return the bucket that an activity's name begins with: the longest, for one may begin with another's name."""
    return max(
        (bucket for bucket in buckets if name.startswith(f"{bucket}-") and name != f"{bucket}-"), key=len, default=""
    )
