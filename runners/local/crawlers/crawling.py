"""The work of one crawl: look through its targets, then bring what was found into the catalog.

Raises what goes wrong; the states of a crawl are its caller's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from runners.errors import LocalAWSError
from runners.local.crawlers.catalog import Catalog
from runners.local.crawlers.survey import Survey

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from runners.local.crawlers.crawl import Crawl
    from runners.local.crawlers.csv_files import Classifier
    from runners.local.crawlers.settings import Settings


class Surroundings(Protocol):
    """What crawls need of the embedded AWS."""

    def client(self, service: str, region: str | None = None) -> Any:
        """Answer a boto3 client of this AWS."""


def carry_out(
    aws: Surroundings,
    crawler: Any,
    crawl: Crawl,
    asked: Settings,
    *,
    classifiers: Sequence[Classifier],
    log: Callable[[str, str], None],
) -> None:
    """Crawl for moto's record of a crawler. Raises ``RunnersError`` or ``ClientError`` where it cannot be done."""
    backend = crawler.backend
    log("BENCHMARK", f"Running Start Crawl for Crawler {crawler.name}")
    if asked.database not in backend.databases:
        raise LocalAWSError(f"the database {asked.database} does not exist: create it, and start the crawler again")
    s3 = aws.client("s3", backend.region_name)
    survey = Survey(s3, classifiers, combine=asked.combine, check=crawl.check, log=log)
    targets = [survey.target(path, exclusions) for path, exclusions in asked.targets]
    crawl.wind_down()
    log("BENCHMARK", f"Classification complete, writing results to database {asked.database}")
    catalog = Catalog(
        aws.client("glue", backend.region_name),
        database=asked.database,
        crawler=crawler.name,
        prefix=asked.prefix,
        policy=asked.policy,
        log=log,
    )
    crawl.changes = catalog.changes
    catalog.write(targets)
    log("BENCHMARK", "Finished writing to Catalog")
