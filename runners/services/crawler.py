"""AWS Glue crawlers: start a crawl, or join the one that is on, and tell how it ended; up to 100 crawlers a call.

A crawler makes one crawl at a time and gives it no name before it is over, so the crawler's own name is the run id
of all jobs that wait for it. What tells a job's crawl from earlier ones is its mark: what the crawler was like just
before the start. If it was running, the job has joined somebody else's crawl, which it never stops.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import BaseModel, ConfigDict, Field

from runners.errors import StartLaterError, StartRefusedError
from runners.job import Failed, Running, Succeeded
from runners.links import log_link, page_link
from runners.retries import error_code, repeated, when_throttled
from runners.services import Service, checked, iso, run_told_by
from runners.services.calls import batches, described, grouped, starting

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mypy_boto3_glue import GlueClient
    from mypy_boto3_glue.type_defs import CrawlerHistoryTypeDef, CrawlerTypeDef, LastCrawlInfoTypeDef

    from runners.job import ActiveJob, Status

log = logging.getLogger(__name__)

FAILED = "GlueCrawlerFailedError"

# Of a crawler:
IDLE_STATES = frozenset({"READY"})
RUNNING_STATES = frozenset({"RUNNING"})
ENDING_STATES = frozenset({"STOPPING"})  # also at the end of a crawl that nobody has stopped
# Of its last crawl:
SUCCEEDED_STATES = frozenset({"SUCCEEDED"})
FAILED_STATES = frozenset({"CANCELLED", "FAILED"})

_LATER = frozenset({"CrawlerRunningException", "CrawlerStoppingException", "ResourceNumberLimitExceededException"})
_NOT_RUNNING = frozenset({"CrawlerNotRunningException", "CrawlerStoppingException", "EntityNotFoundException"})
_BATCH = 100  # crawlers; the most that BatchGetCrawlers takes
_CRAWLS = 100  # newest first; among them is the one that has just ended
_CHANGES = {"Created": "ADD", "Updated": "UPDATE", "Deleted": "DELETE"}  # our word, and a crawl's summary's


class CrawlerRequest(BaseModel):
    """The input of a task for a Glue crawler."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    CrawlerName: str = Field(min_length=1, max_length=255)
    """The crawler to start, or to wait for if it is running."""


class Crawler(Service):
    """Glue's crawlers as a service."""

    name = "crawler"
    asked_for = ("CrawlerName",)

    def __init__(self, glue: GlueClient) -> None:
        self._glue = glue
        self._region = glue.meta.region_name

    def validate(self, request: Mapping[str, Any]) -> None:
        """Check a task's input."""
        checked(CrawlerRequest, request)

    def mark(self, job: ActiveJob) -> dict[str, Any]:
        """Return whether the crawler is running, and when its last crawl that is over began.

        A crawl that is just ending is not joined: it has read its data, or is being cancelled.
        """
        name = _name(job)
        with starting("Glue", lambda reason: _not_started(job, reason)):
            crawler = self._crawlers([name]).get(name)
        if crawler is None:
            raise _not_started(job, "Glue knows no crawler of this name")
        if crawler["State"] in ENDING_STATES:
            raise StartLaterError(f"the crawler {name} is ending a crawl")
        return {"State": crawler["State"], "LastCrawlStartTime": _last_start(crawler)}

    def start(self, job: ActiveJob) -> str:
        """Start the crawler, unless it was running already when the mark was taken: then wait for that crawl.

        A crawler that somebody has started since makes this ``StartLaterError``, and the next mark tells of it.
        """
        name = _name(job)
        if not _has_joined(job):
            with starting("Glue", lambda reason: _not_started(job, reason), _LATER):
                when_throttled(self._glue.start_crawler)(Name=name)
        return name

    def find(self, job: ActiveJob) -> str | None:
        """Tell from what the crawler is like now whether a crawl began since the mark.

        Glue does not say who started a crawl. One that somebody else started in the moments between the mark and
        our start is taken for ours; it serves as well. A job that joins has nothing to be found: joining is no call.
        """
        if job.mark is None or _has_joined(job):
            return None
        name = _name(job)
        crawler = self._crawlers([name]).get(name)
        if crawler is None or (crawler["State"] in IDLE_STATES and not _is_over(job, crawler)):
            return None
        return name

    def describe(self, jobs: Sequence[ActiveJob]) -> dict[str, Status]:
        """Return how the crawl of each job is; the crawlers are read together, up to 100 a call."""
        by_name = grouped(jobs, _name)
        groups = ([job for name in names for job in by_name[name]] for names in batches(list(by_name), _BATCH))
        return described("Glue", groups, self._describe_group)

    def stop(self, jobs: Sequence[ActiveJob]) -> None:
        """Stop the crawls that the jobs have started and that are on; what they joined goes on.

        Others that have joined such a crawl see it fail as ``CANCELLED``.
        """
        own = grouped((job for job in jobs if not _has_joined(job)), _name)
        for names in batches(list(own), _BATCH):
            for name, crawler in self._crawlers(names).items():
                if crawler["State"] in RUNNING_STATES and not all(_is_over(job, crawler) for job in own[name]):
                    self._stop(name)

    def run_of_event(self, event: Mapping[str, Any]) -> str | None:
        """Return the crawler of a ``Glue Crawler State Change``."""
        return run_told_by(event, "aws.glue", "Glue Crawler State Change", "crawlerName")

    def _stop(self, name: str) -> None:
        try:
            repeated(self._glue.stop_crawler)(Name=name)
        except ClientError as error:
            if error_code(error) not in _NOT_RUNNING:
                raise

    def _crawlers(self, names: Iterable[str]) -> dict[str, CrawlerTypeDef]:
        """Return the crawlers that there are, at most 100, by their names."""
        answer = repeated(self._glue.batch_get_crawlers)(CrawlerNames=list(names))
        return {crawler["Name"]: crawler for crawler in answer.get("Crawlers", [])}

    def _describe_group(self, jobs: Sequence[ActiveJob]) -> dict[str, Status]:
        statuses: dict[str, Status] = {}
        by_name = grouped(jobs, _name)
        answer = repeated(self._glue.batch_get_crawlers)(CrawlerNames=list(by_name))
        for crawler in answer.get("Crawlers", []):
            statuses |= self._describe_crawler(crawler, by_name[crawler["Name"]])
        for name in answer.get("CrawlersNotFound", []):
            gone = Failed(FAILED, _cause(name, "UNKNOWN", "Glue does not know this crawler (any more)"))
            statuses |= {job.task_key: gone for job in by_name[name]}
        return statuses

    def _describe_crawler(self, crawler: CrawlerTypeDef, jobs: Sequence[ActiveJob]) -> dict[str, Status]:
        state = crawler["State"]
        over = [job for job in jobs if state in IDLE_STATES and _is_over(job, crawler)]
        statuses: dict[str, Status] = {job.task_key: Running(state) for job in jobs}
        if over:
            details = self._details(crawler)
            statuses |= {job.task_key: self._ended(crawler, details, joined=_has_joined(job)) for job in over}
        return statuses

    def _ended(self, crawler: CrawlerTypeDef, details: dict[str, Any], *, joined: bool) -> Status:
        name, last = crawler["Name"], crawler["LastCrawl"]
        state = last.get("Status", "")
        told = {**details, "Joined": joined, **self._links(name, last)}
        if state in SUCCEEDED_STATES:
            return Succeeded({"CrawlerName": name, "CrawlStatus": state, **told})
        if state in FAILED_STATES:
            message = last.get("ErrorMessage") or f"the crawl ended as {state}"
            return Failed(FAILED, {**_cause(name, state, message), **told})
        # A state that AWS adds later is taken as running: the task's own time-out has the last word.
        return Running(state)

    def _details(self, crawler: CrawlerTypeDef) -> dict[str, Any]:
        """Return what the last crawl did, from its entry in the crawler's history.

        GetCrawlerMetrics counts tables too, but of the crawler, with nothing that says of which crawl.
        """
        last, crawl = crawler["LastCrawl"], self._crawl(crawler)
        start, end = crawl.get("StartTime", last.get("StartTime")), crawl.get("EndTime")
        return {
            "DatabaseName": crawler.get("DatabaseName"),
            "CrawlId": crawl.get("CrawlId"),
            "CrawlStartTime": iso(start),
            "CrawlEndTime": iso(end),
            "CrawlSeconds": round((end - start).total_seconds(), 3) if start and end else None,
            "DPUHours": crawl.get("DPUHour"),
            **_counts("Tables", "TABLE", crawl),
            **_counts("Partitions", "PARTITION", crawl),
        }

    def _crawl(self, crawler: CrawlerTypeDef) -> CrawlerHistoryTypeDef:
        """Return the last crawl's entry in the history, which begins its log lines as ``LastCrawl`` says.

        A result is not held up for the lack of its details.
        """
        name, prefix = crawler["Name"], crawler["LastCrawl"].get("MessagePrefix")
        try:
            crawls = repeated(self._glue.list_crawls)(CrawlerName=name, MaxResults=_CRAWLS).get("Crawls", [])
        except (ClientError, BotoCoreError) as error:
            told = {"action": "details_missing", "run_id": name, "error": str(error)}
            log.warning("Glue did not tell what a crawl did", extra=told)
            return {}
        for crawl in crawls:
            if prefix and crawl.get("MessagePrefix") == prefix:
                return crawl
        return {}

    def _links(self, name: str, last: LastCrawlInfoTypeDef) -> dict[str, str]:
        page = f"glue/home?region={self._region}#/v2/data-catalog/crawlers/view/{quote(name, safe='')}"
        links = {"ConsoleLink": page_link(self._region, page)}
        if "LogGroup" in last and "LogStream" in last:
            links["LogsLink"] = log_link(self._region, last["LogGroup"], last["LogStream"])
        return links


def _name(job: ActiveJob) -> str:
    return str(job.request["CrawlerName"])


def _has_joined(job: ActiveJob) -> bool:
    """Whether the crawl was on before the job came."""
    return (job.mark or {}).get("State") not in IDLE_STATES


def _is_over(job: ActiveJob, crawler: CrawlerTypeDef) -> bool:
    """Whether the crawl that the job waits for has ended: the last one that is over is not the one of the mark."""
    return _last_start(crawler) not in {None, (job.mark or {}).get("LastCrawlStartTime")}


def _last_start(crawler: CrawlerTypeDef) -> str | None:
    return iso(crawler.get("LastCrawl", {}).get("StartTime"))


def _counts(what: str, kind: str, crawl: CrawlerHistoryTypeDef) -> dict[str, int | None]:
    """Return how many tables or partitions a crawl has added, changed and removed; None where it does not say.

    The summary is JSON by kind and change, ``{"TABLE": {"ADD": {"Count": 2}}}``, whose inner objects may be texts of
    JSON themselves. What has not changed is not in it, and a crawl that changed nothing has none.
    """
    summary = _object(crawl.get("Summary", "{}" if crawl.get("State") == "COMPLETED" else None))
    changes = None if summary is None else _object(summary.get(kind, {}))
    return {f"{what}{ours}": _count(changes, theirs) for ours, theirs in _CHANGES.items()}


def _count(changes: dict[str, Any] | None, change: str) -> int | None:
    made = None if changes is None else _object(changes.get(change, {"Count": 0}))
    count = None if made is None else made.get("Count")
    return count if isinstance(count, int) else None


def _object(value: Any) -> dict[str, Any] | None:
    """Return a JSON object that may be a text; None if it is none."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return None
    return value if isinstance(value, dict) else None


def _not_started(job: ActiveJob, reason: str) -> StartRefusedError:
    return StartRefusedError(FAILED, _cause(_name(job), "NOT_STARTED", reason))


def _cause(name: str, state: str, message: str) -> dict[str, Any]:
    return {"CrawlerName": name, "CrawlStatus": state, "ErrorMessage": message}
