"""The log of crawls in CloudWatch Logs: a stream for each crawler, each line marked with its crawl.

Writes what it is told, as Glue words it; reads nothing.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from moto.logs.exceptions import ResourceAlreadyExistsException
from moto.logs.models import logs_backends

from runners.local.crawlers.crawl import LOG_GROUP

if TYPE_CHECKING:
    from runners.local.crawlers.crawl import Crawl


class CrawlLog:
    """The lines of one crawl, in the stream of its crawler."""

    def __init__(self, crawler: Any, crawl: Crawl) -> None:
        self._backend = logs_backends[crawler.backend.account_id][crawler.backend.region_name]
        self._crawl = crawl
        with suppress(ResourceAlreadyExistsException):
            self._backend.create_log_group(LOG_GROUP, {})
        self._backend.ensure_log_stream(LOG_GROUP, crawl.crawler_name)

    def __call__(self, level: str, message: str) -> None:
        """Write a line."""
        event = {
            "timestamp": int(datetime.now(UTC).timestamp() * 1000),
            "message": f"[{self._crawl.crawl_id}] {level} : {message}",
        }
        self._backend.put_log_events(LOG_GROUP, self._crawl.crawler_name, [event])
