from __future__ import annotations

import json
from typing import Any

import pytest
from moto.glue.exceptions import InvalidInputException

from runners.local.crawlers.settings import require_valid

TARGET = {"S3Targets": [{"Path": "s3://bucket/folder/"}]}


def configured(**parts: Any) -> dict[str, Any]:
    return {"Targets": TARGET, "Configuration": json.dumps({"Version": 1.0, **parts})}


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"Targets": {"JdbcTargets": [{"Path": "x"}]}}, "JdbcTargets"),
        ({"Targets": {**TARGET, "DynamoDBTargets": [{"Path": "x"}]}}, "DynamoDBTargets"),
        ({"Targets": {}}, "at least one of S3Targets"),
        ({"Targets": {"S3Targets": [{"Path": "s3://b/", "SampleSize": 3}]}}, "SampleSize"),
        ({"Targets": {"S3Targets": [{"Path": "bucket"}]}}, "is not an S3 path"),
        ({"Targets": {"S3Targets": [{"Path": "s3://b/", "Exclusions": ["{"]}]}}, "is no glob"),
        ({"Schedule": "cron(0 1 * * ? *)"}, "Schedule"),
        ({"RecrawlPolicy": {"RecrawlBehavior": "CRAWL_EVENT_MODE"}}, "CRAWL_EVERYTHING"),
        ({"LineageConfiguration": {"CrawlerLineageSettings": "ENABLE"}}, "lineage"),
        ({"LakeFormationConfiguration": {"UseLakeFormationCredentials": True}}, "Lake Formation"),
        ({"Configuration": "no JSON"}, "no JSON object"),
        ({"Configuration": "[]"}, "no JSON object"),
        (configured(Other=1), "Other"),
        (configured(Grouping={"TableLevelConfiguration": 2}), "TableLevelConfiguration"),
        (configured(Grouping={"TableGroupingPolicy": "Else"}), "CombineCompatibleSchemas"),
        (configured(CrawlerOutput={"Columns": {}}), "Columns"),
        (configured(CrawlerOutput={"Tables": {"AddOrUpdateBehavior": "InheritFromTable"}}), "MergeNewColumns"),
    ],
)
def test_what_the_engine_cannot_crawl_by_is_refused_by_name(asked: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidInputException, match=named):
        require_valid("CreateCrawler", asked)


def test_what_it_can_is_let_through() -> None:
    output = {
        "Tables": {"AddOrUpdateBehavior": "MergeNewColumns"},
        "Partitions": {"AddOrUpdateBehavior": "InheritFromTable"},
    }
    grouping = {"TableGroupingPolicy": "CombineCompatibleSchemas"}
    require_valid("CreateCrawler", configured(CrawlerOutput=output, Grouping=grouping, CreatePartitionIndex=True))
    require_valid("UpdateCrawler", {"Name": "crawler"})
