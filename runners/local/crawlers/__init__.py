"""Glue crawlers that really crawl: tables and partitions of the catalog, inferred from what lies in S3."""
