"""What a crawler is asked to be: what the embedded Glue can crawl is read, and all else refused by its name.

Reads the parameters of ``CreateCrawler`` and ``UpdateCrawler``; touches neither S3 nor the catalog.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from moto.glue.exceptions import InvalidInputException

from runners.errors import RunnersError
from runners.local.crawlers.catalog import INHERIT_FROM_TABLE, MERGE_NEW_COLUMNS, Policy
from runners.local.crawlers.exclusions import excluding
from runners.local.s3.objects import S3Path

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

COMBINE = "CombineCompatibleSchemas"
DEFAULT_DATABASE = "default"
DEFAULTS: dict[str, Any] = {
    "classifiers": [],
    "recrawl_policy": {"RecrawlBehavior": "CRAWL_EVERYTHING"},
    "schema_change_policy": {"UpdateBehavior": "UPDATE_IN_DATABASE", "DeleteBehavior": "DEPRECATE_IN_DATABASE"},
    "lineage_configuration": {"CrawlerLineageSettings": "DISABLE"},
}
"""What Glue says of a crawler that was not told otherwise, by moto's names."""

_BEHAVIORS = {"Tables": MERGE_NEW_COLUMNS, "Partitions": INHERIT_FROM_TABLE}


@dataclass(frozen=True)
class Settings:
    """How a crawler crawls."""

    targets: tuple[tuple[str, tuple[str, ...]], ...]
    """Paths, each with its exclude patterns."""
    database: str
    prefix: str
    classifiers: tuple[str, ...]
    policy: Policy
    combine: bool
    """Whether a table is made of all compatible data, however unlike its columns."""

    @classmethod
    def of(cls, crawler: Any) -> Settings:
        """Read moto's record of a crawler."""
        configuration = json.loads(crawler.configuration or "{}")
        output = configuration.get("CrawlerOutput", {})
        changes = {**DEFAULTS["schema_change_policy"], **(crawler.schema_change_policy or {})}
        return cls(
            targets=tuple(
                (target["Path"], tuple(target.get("Exclusions") or ())) for target in crawler.targets["S3Targets"]
            ),
            database=crawler.database_name or DEFAULT_DATABASE,
            prefix=crawler.table_prefix or "",
            classifiers=tuple(crawler.classifiers or ()),
            policy=Policy(
                update=changes["UpdateBehavior"],
                delete=changes["DeleteBehavior"],
                tables=output.get("Tables", {}).get("AddOrUpdateBehavior"),
                partitions=output.get("Partitions", {}).get("AddOrUpdateBehavior"),
            ),
            combine=configuration.get("Grouping", {}).get("TableGroupingPolicy") == COMBINE,
        )


def require_valid(operation: str, asked: Mapping[str, Any]) -> None:
    """Raise Glue's error for a crawler that the embedded Glue cannot run."""
    refusal = next(_refusals(asked), None)
    if refusal:
        raise InvalidInputException(operation, refusal)


def _refusals(asked: Mapping[str, Any]) -> Iterator[str]:
    if "Targets" in asked:
        yield from _refused_targets(asked["Targets"])
    if asked.get("Schedule"):
        yield "the embedded Glue starts no crawler by a schedule: leave Schedule out, and call StartCrawler"
    if (asked.get("RecrawlPolicy") or {}).get("RecrawlBehavior", "CRAWL_EVERYTHING") != "CRAWL_EVERYTHING":
        yield "the embedded Glue crawls everything: RecrawlBehavior can only be CRAWL_EVERYTHING"
    if (asked.get("LineageConfiguration") or {}).get("CrawlerLineageSettings", "DISABLE") != "DISABLE":
        yield "the embedded Glue keeps no lineage: leave LineageConfiguration out"
    if (asked.get("LakeFormationConfiguration") or {}).get("UseLakeFormationCredentials"):
        yield "the embedded Glue knows no Lake Formation: leave LakeFormationConfiguration out"
    if asked.get("Configuration"):
        yield from _refused_configuration(asked["Configuration"])


def _refused_targets(targets: Mapping[str, Any]) -> Iterator[str]:
    for kind in (kind for kind, members in targets.items() if members and kind != "S3Targets"):
        yield f"the embedded Glue crawls S3 alone, and no {kind}"
    if not targets.get("S3Targets"):
        yield "a crawler needs at least one of S3Targets"
    for target in targets.get("S3Targets") or ():
        for unknown in sorted(target.keys() - {"Path", "Exclusions"}):
            yield f"the embedded Glue does not know {unknown} of an S3 target: leave it out"
        try:
            S3Path.parse(target.get("Path") or "")
            excluding(target.get("Exclusions") or ())
        except RunnersError as error:
            yield str(error)


def _refused_configuration(text: str) -> Iterator[str]:
    try:
        configuration = json.loads(text)
        groups = {name: dict(configuration.get(name) or {}) for name in ("CrawlerOutput", "Grouping")}
    except (ValueError, TypeError, AttributeError):
        yield "Configuration is no JSON object of the kind that crawlers take"
        return
    known = {"Version", "CrawlerOutput", "Grouping", "CreatePartitionIndex"}  # an index only makes reading quicker
    for unknown in sorted(configuration.keys() - known):
        yield f"the embedded Glue does not know {unknown} of a crawler's Configuration"
    for unknown in sorted(groups["Grouping"].keys() - {"TableGroupingPolicy"}):
        yield f"the embedded Glue does not know {unknown} of a crawler's Grouping"
    if groups["Grouping"].get("TableGroupingPolicy", COMBINE) != COMBINE:
        yield f"TableGroupingPolicy can only be {COMBINE}"
    for unknown in sorted(groups["CrawlerOutput"].keys() - {"Tables", "Partitions"}):
        yield f"the embedded Glue does not know {unknown} of a crawler's CrawlerOutput"
    for part, behavior in _BEHAVIORS.items():
        output = groups["CrawlerOutput"].get(part) or {}
        if output and output != {"AddOrUpdateBehavior": behavior}:
            yield f"the CrawlerOutput of {part} can only have the AddOrUpdateBehavior {behavior}"
