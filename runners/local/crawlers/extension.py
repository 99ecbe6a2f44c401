"""Glue crawlers as an extension of moto: each crawl looks through S3 and writes tables into the catalog.

moto's own crawls complete when they are looked at, and find nothing. Here a crawl has the states, the times and the
log of what it does, can be stopped, and says how it ended by an event to EventBridge. Nothing pretends: a target or
a setting that the embedded Glue does not crawl by is refused.
"""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from moto.core.responses import ActionResult, EmptyResult
from moto.glue.exceptions import (
    CrawlerNotRunningException,
    CrawlerRunningException,
    EntityNotFoundException,
    InvalidInputException,
)
from moto.glue.models import FakeCrawler
from moto.glue.responses import GlueResponse
from moto.glue.utils import validate_crawl_filters

from runners.errors import RunnersError
from runners.links import log_link
from runners.local.crawlers import crawling, settings
from runners.local.crawlers.classifiers import Classifiers
from runners.local.crawlers.crawl import (
    COMPLETED,
    FAILED,
    LOG_GROUP,
    READY,
    STOPPED,
    Crawl,
    CrawlStoppedError,
    metrics,
)
from runners.local.crawlers.crawl_log import CrawlLog
from runners.local.crawlers.settings import Settings
from runners.local.events import service_events
from runners.local.replacements import Replacements

if TYPE_CHECKING:
    from collections.abc import Callable

    from runners.local.crawlers.crawling import Surroundings

MAX_CRAWLERS_OF_ONE_CALL = 100

# What UpdateCrawler changes → moto's name for it.
_CHANGEABLE = {
    "Role": "role",
    "DatabaseName": "database_name",
    "Description": "description",
    "Targets": "targets",
    "Classifiers": "classifiers",
    "TablePrefix": "table_prefix",
    "SchemaChangePolicy": "schema_change_policy",
    "RecrawlPolicy": "recrawl_policy",
    "LineageConfiguration": "lineage_configuration",
    "Configuration": "configuration",
    "CrawlerSecurityConfiguration": "crawler_security_configuration",
}

logger = logging.getLogger(__name__)


class GlueCrawlers:
    """The extension. One for each embedded AWS."""

    def __init__(self) -> None:
        self._moto = Replacements()
        self._aws: Surroundings | None = None
        self._classifiers = Classifiers()
        self._lock = threading.RLock()
        self._running: dict[threading.Thread, Crawl] = {}
        self._ending = False

    def start(self, aws: Surroundings) -> None:
        """Take the place of moto's crawls."""
        self._aws = aws
        self._wrap("create_crawler", self._create)
        self._wrap("delete_crawler", _delete)
        self._wrap("batch_get_crawlers", _get_batch)
        replace, add = self._moto.replace, self._moto.add
        replace(GlueResponse, "list_crawls", _list_crawls)
        replace(FakeCrawler, "as_dict", _describe)
        # moto looks for functions: a bound method would not be found.
        replace(FakeCrawler, "start_crawler", lambda crawler: self._start(crawler))  # noqa: PLW0108
        replace(FakeCrawler, "stop_crawler", _stop)
        add(GlueResponse, "update_crawler", lambda response: self._update(response))  # noqa: PLW0108
        add(GlueResponse, "get_crawler_metrics", _get_metrics)
        made = self._classifiers
        add(GlueResponse, "create_classifier", lambda response: made.create(response))  # noqa: PLW0108
        add(GlueResponse, "update_classifier", lambda response: made.update(response))  # noqa: PLW0108
        add(GlueResponse, "get_classifier", lambda response: made.get(response))  # noqa: PLW0108
        add(GlueResponse, "get_classifiers", lambda response: made.get_all(response))  # noqa: PLW0108
        add(GlueResponse, "delete_classifier", lambda response: made.delete(response))  # noqa: PLW0108

    def stop(self) -> None:
        """Stop every crawl, and give moto its own back."""
        with self._lock:
            self._ending = True
            running = dict(self._running)
        for crawl in running.values():
            crawl.stop()
        for thread in running:
            thread.join()
        self._moto.undo()

    def _wrap(self, name: str, wrapper: Callable[[Any, Callable[[Any], Any]], Any]) -> None:
        original: Any = getattr(GlueResponse, name)
        self._moto.replace(GlueResponse, name, lambda response: wrapper(response, original))

    def _create(self, response: Any, create: Callable[[Any], Any]) -> Any:
        asked = response.parameters
        self._require_valid(response, "CreateCrawler", {"Targets": {}, **asked})
        answer = create(response)
        crawler = response.glue_backend.get_crawler(asked["Name"])
        for name, value in settings.DEFAULTS.items():
            setattr(crawler, name, getattr(crawler, name) or value)
        return answer

    def _update(self, response: Any) -> EmptyResult:
        asked = response.parameters
        crawler = response.glue_backend.get_crawler(asked["Name"])
        _require_idle(crawler)
        self._require_valid(response, "UpdateCrawler", asked)
        for name, attribute in _CHANGEABLE.items():
            if name in asked:
                setattr(crawler, attribute, asked[name])
        crawler.version += 1
        crawler.last_updated = datetime.now(UTC)
        return EmptyResult()

    def _require_valid(self, response: Any, operation: str, asked: dict[str, Any]) -> None:
        settings.require_valid(operation, asked)
        self._classifiers.named(response.glue_backend, asked.get("Classifiers") or ())

    def _start(self, crawler: Any) -> None:
        with self._lock:
            _require_idle(crawler)
            crawl = Crawl(crawler.name)
            thread = threading.Thread(
                target=self._carry_out, args=(crawler, crawl), name=f"crawl-{crawl.crawl_id[:8]}", daemon=True
            )
            crawler.crawls.insert(0, crawl)  # newest first, as they are listed
            self._running[thread] = crawl
            thread.start()

    def _carry_out(self, crawler: Any, crawl: Crawl) -> None:
        """Give a crawl its whole life, on a thread of its own."""
        log = CrawlLog(crawler, crawl)
        _send_event(crawler, "Started", startTime=_iso(crawl.start_time), message="Crawler Started")
        try:
            assert self._aws is not None  # noqa: S101 - crawls begin after start()
            asked = Settings.of(crawler)
            classifiers = self._classifiers.named(crawler.backend, asked.classifiers)
            crawling.carry_out(self._aws, crawler, crawl, asked, classifiers=classifiers, log=log)
            status, message = COMPLETED, None
        except CrawlStoppedError:
            status, message = STOPPED, None
        except (RunnersError, ClientError, EntityNotFoundException) as error:
            status, message = FAILED, _reason(error)
        except Exception as error:
            logger.exception("a crawl broke", extra={"action": "crawl_broke", "crawl_id": crawl.crawl_id})
            status, message = FAILED, f"{type(error).__name__}: {error}"
        if message:
            log("ERROR", message)
        crawl.end(status, message)
        log("BENCHMARK", f"Crawler has finished running and is in state {READY}")
        if not self._ending:
            _send_end(crawler, crawl)
        with self._lock:
            self._running.pop(threading.current_thread(), None)


def _require_idle(crawler: Any) -> None:
    if crawler.crawls and crawler.crawls[0].is_running:
        raise CrawlerRunningException(f"Crawler with name {crawler.name} has already started")


def _stop(crawler: Any) -> None:
    if not (crawler.crawls and crawler.crawls[0].stop()):
        raise CrawlerNotRunningException(f"Crawler with name {crawler.name} isn't running")


def _delete(response: Any, delete: Callable[[Any], Any]) -> Any:
    _require_idle(response.glue_backend.get_crawler(response.parameters["Name"]))
    return delete(response)


def _describe(crawler: Any) -> dict[str, Any]:
    """Answer a crawler as ``GetCrawler`` does."""
    newest = crawler.crawls[0] if crawler.crawls else None
    ended = next((crawl for crawl in crawler.crawls if not crawl.is_running), None)
    running = newest is not None and newest.is_running
    answer = {
        "Name": crawler.name,
        **{name: getattr(crawler, attribute) for name, attribute in _CHANGEABLE.items()},
        "State": newest.crawler_state if newest else READY,
        "CrawlElapsedTime": round(newest.run_time.total_seconds() * 1000) if newest and running else 0,
        "CreationTime": crawler.creation_time,
        "LastUpdated": crawler.last_updated,
        "LastCrawl": ended.last_crawl() if ended else None,
        "Version": crawler.version,
    }
    return {name: value for name, value in answer.items() if value is not None}


def _get_batch(response: Any, get_batch: Callable[[Any], Any]) -> Any:
    _require_few("BatchGetCrawlers", response.parameters.get("CrawlerNames") or [])
    return get_batch(response)


def _require_few(operation: str, names: list[str]) -> None:
    if len(names) > MAX_CRAWLERS_OF_ONE_CALL:
        raise InvalidInputException(operation, f"at most {MAX_CRAWLERS_OF_ONE_CALL} crawlers can be asked for at once")


def _list_crawls(response: Any) -> ActionResult:
    asked = response.parameters
    crawls, token = response.glue_backend.list_crawls(
        crawler_name=asked["CrawlerName"],
        filters=validate_crawl_filters(asked.get("Filters") or []),
        next_token=asked.get("NextToken"),
        max_results=asked.get("MaxResults"),
    )
    answer = {"Crawls": [crawl.as_dict() for crawl in crawls], "NextToken": token}
    return ActionResult({name: value for name, value in answer.items() if value is not None})


def _get_metrics(response: Any) -> ActionResult:
    names = response.parameters.get("CrawlerNameList") or []
    if len(names) > MAX_CRAWLERS_OF_ONE_CALL:
        raise InvalidInputException(
            "GetCrawlerMetrics", f"CrawlerNameList has at most {MAX_CRAWLERS_OF_ONE_CALL} names"
        )
    crawlers = response.glue_backend.crawlers
    found = [crawler for name, crawler in crawlers.items() if not names or name in names]
    return ActionResult({"CrawlerMetricsList": [metrics(crawler.name, crawler.crawls) for crawler in found]})


def _reason(error: Exception) -> str:
    return getattr(error, "message", None) or str(error)


def _send_end(crawler: Any, crawl: Crawl) -> None:
    link = log_link(crawler.backend.region_name, LOG_GROUP, crawler.name)
    if crawl.status == COMPLETED:
        _send_event(
            crawler,
            "Succeeded",
            message="Crawler Succeeded",
            warningMessage="N/A",
            completionDate=_iso(crawl.end_time),
            cloudWatchLogLink=link,
            **{"runningTime (sec)": str(round(crawl.run_time.total_seconds()))},
            **crawl.counts(),
        )
    elif crawl.status == FAILED:
        message = crawl.error_message or ""
        _send_event(crawler, "Failed", message="Crawler Failed", errorMessage=message, cloudWatchLogLink=link)


def _send_event(crawler: Any, state: str, **details: str) -> None:
    """Tell EventBridge. Glue has no event for a crawl that was stopped."""
    backend = crawler.backend
    detail = {"crawlerName": crawler.name, "accountId": backend.account_id, "state": state, **details}
    service_events.send(backend.account_id, backend.region_name, "aws.glue", "Glue Crawler State Change", detail)


def _iso(moment: datetime | None) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else ""
