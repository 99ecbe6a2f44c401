"""One crawl: its state from start to end, and what became of it.

A value with a lock, no more: it reads no data and knows nothing of moto's server. Its dictionaries are what Glue
answers for a crawl.
"""

from __future__ import annotations

import threading
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from runners.errors import LocalAWSError
from runners.local.crawlers.catalog import ADD, DELETE, UPDATE, Changes

if TYPE_CHECKING:
    from collections.abc import Sequence

LOG_GROUP = "/aws-glue/crawlers"
READY, RUNNING, STOPPING = "READY", "RUNNING", "STOPPING"
"""States of a crawler."""
COMPLETED, FAILED, STOPPED = "COMPLETED", "FAILED", "STOPPED"
"""States of a crawl that has ended."""

_LAST_CRAWL = {COMPLETED: "SUCCEEDED", FAILED: "FAILED", STOPPED: "CANCELLED"}
_LONGEST_MESSAGE = 2048  # characters


class CrawlStoppedError(LocalAWSError):
    """Somebody stopped the crawl."""


@dataclass
class Crawl:
    """A crawl, as far as it has come. A final state stays."""

    crawler_name: str
    crawl_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: str = RUNNING
    """As ``ListCrawls`` has it."""
    crawler_state: str = RUNNING
    """What the crawler is, while this is its newest crawl."""
    start_time: datetime = field(default_factory=lambda: datetime.now(UTC))
    end_time: datetime | None = None
    error_message: str | None = None
    changes: Changes = field(default_factory=Changes)
    _stop_asked: bool = False
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def advance(self) -> None:
        """Do nothing: moto moves its own crawls forward when they are looked at, these move by themselves."""

    @property
    def is_running(self) -> bool:
        """Whether it has not come to its end."""
        return self.crawler_state != READY

    @property
    def run_time(self) -> timedelta:
        """How long it has taken, or takes."""
        return (self.end_time or datetime.now(UTC)) - self.start_time

    def stop(self) -> bool:
        """Ask the crawl to stop; false if it stops or has ended already."""
        with self._lock:
            if self.crawler_state != RUNNING:
                return False
            self._stop_asked = True
            self.crawler_state = STOPPING
            return True

    def check(self) -> None:
        """Raise ``CrawlStoppedError`` once the crawl was asked to stop."""
        if self._stop_asked:
            raise CrawlStoppedError(f"the crawl {self.crawl_id} was stopped")

    def wind_down(self) -> None:
        """Note that its work is done, so that it can be stopped no more."""
        with self._lock:
            self.check()
            self.crawler_state = STOPPING

    def end(self, status: str, error_message: str | None = None) -> None:
        """Close the crawl; from now on its crawler is ready."""
        with self._lock:
            self.status = status
            self.error_message = error_message and error_message[:_LONGEST_MESSAGE]
            self.end_time = datetime.now(UTC)
            self.crawler_state = READY

    def last_crawl(self) -> dict[str, Any]:
        """Answer the crawl as a crawler's ``LastCrawl``, once it has ended."""
        answer = {"Status": _LAST_CRAWL[self.status], "ErrorMessage": self.error_message, **self._log()}
        return {name: value for name, value in answer.items() if value is not None}

    def as_dict(self) -> dict[str, Any]:
        """Answer the crawl as ``ListCrawls`` does. It used no DPU of Glue's."""
        with self._lock:
            answer = {
                "CrawlId": self.crawl_id,
                "State": self.status,
                "EndTime": self.end_time,
                "Summary": self.changes.summary() if self.end_time else None,
                "ErrorMessage": self.error_message,
                "DPUHour": 0.0,
                **self._log(),
            }
        return {name: value for name, value in answer.items() if value is not None}

    def _log(self) -> dict[str, Any]:
        return {
            "LogGroup": LOG_GROUP,
            "LogStream": self.crawler_name,
            "MessagePrefix": self.crawl_id,
            "StartTime": self.start_time,
        }

    def counts(self) -> dict[str, str]:
        """Answer what was changed, as Glue's event has it."""
        kinds = {"Created": ADD, "Updated": UPDATE, "Deleted": DELETE}
        counted = {suffix: self.changes.counted(kind) for suffix, kind in kinds.items()}
        tables = {f"tables{suffix}": str(counts[0]) for suffix, counts in counted.items()}
        return {**tables, **{f"partitions{suffix}": str(counts[1]) for suffix, counts in counted.items()}}


def metrics(crawler_name: str, crawls: Sequence[Crawl]) -> dict[str, Any]:
    """Answer a crawler's metrics: counts of its last crawl that ended, newest first in ``crawls``."""
    ended = [crawl for crawl in crawls if not crawl.is_running]
    seconds = sorted(crawl.run_time.total_seconds() for crawl in ended)
    changes = ended[0].changes if ended else Changes()
    return {
        "CrawlerName": crawler_name,
        "TimeLeftSeconds": 0.0,
        "StillEstimating": len(ended) < len(crawls),
        "LastRuntimeSeconds": ended[0].run_time.total_seconds() if ended else 0.0,
        "MedianRuntimeSeconds": seconds[len(seconds) // 2] if seconds else 0.0,
        "TablesCreated": changes.counted(ADD)[0],
        "TablesUpdated": changes.counted(UPDATE)[0],
        "TablesDeleted": changes.counted(DELETE)[0],
    }
