from __future__ import annotations

import json

import pytest

from runners.local.crawlers.catalog import Change
from runners.local.crawlers.crawl import COMPLETED, FAILED, STOPPED, Crawl, CrawlStoppedError, metrics


def test_a_crawl_that_changed_nothing_has_no_summary() -> None:
    crawl = Crawl("crawler")
    crawl.end(COMPLETED)
    assert "Summary" not in crawl.as_dict()
    assert crawl.last_crawl()["Status"] == "SUCCEEDED"


def test_the_summary_names_what_was_changed_as_a_document_within_a_document() -> None:
    crawl = Crawl("crawler")
    crawl.changes.tables += [Change("ADD", "b", "b"), Change("ADD", "a", "a"), Change("DELETE", "c", "c")]
    crawl.changes.partitions += [Change("ADD", "['1']", "a"), Change("ADD", "['2']", "a")]
    crawl.end(COMPLETED)
    summary = json.loads(crawl.as_dict()["Summary"])
    assert json.loads(summary["TABLE"]["ADD"]) == {"Details": {"names": ["a", "b"]}, "Count": 2}
    assert json.loads(summary["TABLE"]["DELETE"])["Details"]["names"] == ["c"]
    assert json.loads(summary["PARTITION"]["ADD"]) == {"Details": {"names": ["a"]}, "Count": 2}
    assert crawl.counts() == {
        "tablesCreated": "2",
        "tablesUpdated": "0",
        "tablesDeleted": "1",
        "partitionsCreated": "2",
        "partitionsUpdated": "0",
        "partitionsDeleted": "0",
    }


def test_a_crawl_that_was_stopped_notices_it() -> None:
    crawl = Crawl("crawler")
    assert crawl.stop()
    assert not crawl.stop()
    with pytest.raises(CrawlStoppedError):
        crawl.check()
    with pytest.raises(CrawlStoppedError):
        crawl.wind_down()
    crawl.end(STOPPED)
    assert crawl.last_crawl()["Status"] == "CANCELLED"


def test_a_crawl_that_winds_down_cannot_be_stopped() -> None:
    crawl = Crawl("crawler")
    crawl.wind_down()
    assert crawl.crawler_state == "STOPPING"
    assert not crawl.stop()


def test_metrics_are_those_of_the_last_crawl_that_ended() -> None:
    failed, running = Crawl("crawler"), Crawl("crawler")
    failed.changes.tables.append(Change("UPDATE", "a", "a"))
    failed.end(FAILED, "why")
    found = metrics("crawler", [running, failed])
    assert (found["TablesUpdated"], found["TablesCreated"], found["StillEstimating"]) == (1, 0, True)
    assert metrics("crawler", [])["LastRuntimeSeconds"] == 0.0
