"""The table of pairs: which sources and targets make a step type together, such as ``MySqlToS3``."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import NamedTuple

from runners.steps.connections import Connection
from runners.steps.ends import Source, Target
from runners.steps.files_transfer import between_files, files_transfer
from runners.steps.transfer import Transfer, transfer


class End(NamedTuple):
    """A kind of source or target."""

    words: str
    """What it is, in words."""

    module: str
    """The module within ``runners.steps`` that has its class."""

    kind: str
    """The class."""

    extra: str = ""
    """The extra of this package that has its client, besides ``steps``."""


SOURCES: dict[str, End] = {
    "Api": End("a REST API", "systems.rest", "ApiSource"),
    "Athena": End("Athena", "systems.athena", "AthenaSource"),
    "DynamoDb": End("DynamoDB", "systems.dynamodb", "DynamoDbSource"),
    "Elasticsearch": End("Elasticsearch", "systems.search", "ElasticsearchSource"),
    "Excel": End("an Excel workbook in S3", "systems.files", "ExcelSource"),
    "Folder": End("files in a local or network folder", "systems.files", "FolderSource"),
    "GraphQl": End("a GraphQL API", "systems.graphql", "GraphQlSource"),
    "MongoDb": End("MongoDB", "systems.mongodb", "MongoDbSource", "mongodb"),
    "MsSql": End("SQL Server", "systems.sqlserver", "MsSqlSource", "mssql"),
    "MySql": End("MySQL or MariaDB", "systems.mysql", "MySqlSource"),
    "OpenSearch": End("OpenSearch", "systems.search", "OpenSearchSource"),
    "PostgreSql": End("PostgreSQL", "systems.postgresql", "PostgreSqlSource"),
    "Redshift": End("Redshift", "systems.redshift", "RedshiftSource"),
    "S3": End("objects in S3", "systems.files", "S3Source"),
    "Sftp": End("files on an SFTP server", "systems.files", "SftpSource", "sftp"),
    "Snowflake": End("Snowflake", "systems.snowflake", "SnowflakeSource", "snowflake"),
    "Sqlite": End("SQLite", "systems.sqlite", "SqliteSource"),
    "Sqs": End("an SQS queue", "systems.sqs", "SqsSource"),
}
TARGETS: dict[str, End] = {
    "Athena": End("a table of Athena's", "systems.athena", "AthenaTarget"),
    "DynamoDb": End("DynamoDB", "systems.dynamodb", "DynamoDbTarget"),
    "Elasticsearch": End("Elasticsearch", "systems.search", "ElasticsearchTarget"),
    "Email": End("an e-mail through SES", "systems.email", "EmailTarget"),
    "Excel": End("an Excel workbook in S3", "systems.files", "ExcelTarget"),
    "Folder": End("a file in a local or network folder", "systems.files", "FolderTarget"),
    "MongoDb": End("MongoDB", "systems.mongodb", "MongoDbTarget", "mongodb"),
    "MsSql": End("SQL Server", "systems.sqlserver", "MsSqlTarget", "mssql"),
    "MySql": End("MySQL or MariaDB", "systems.mysql", "MySqlTarget"),
    "OpenSearch": End("OpenSearch", "systems.search", "OpenSearchTarget"),
    "PostgreSql": End("PostgreSQL", "systems.postgresql", "PostgreSqlTarget"),
    "Redshift": End("Redshift", "systems.redshift", "RedshiftTarget"),
    "S3": End("an object in S3", "systems.files", "S3Target"),
    "Sftp": End("a file on an SFTP server", "systems.files", "SftpTarget", "sftp"),
    "Slack": End("a message or a file in Slack", "systems.slack", "SlackTarget"),
    "Snowflake": End("Snowflake", "systems.snowflake", "SnowflakeTarget", "snowflake"),
    "Sns": End("an SNS topic", "systems.sns", "SnsTarget"),
    "Sqlite": End("SQLite", "systems.sqlite", "SqliteTarget"),
    "Sqs": End("an SQS queue", "systems.sqs", "SqsTarget"),
}

CONNECTIONS: dict[str, tuple[str, str]] = {
    "Api": ("systems.http", "HttpConnection"),
    "Athena": ("systems.athena_session", "AthenaConnection"),
    "Elasticsearch": ("systems.search", "SearchConnection"),
    "Folder": ("storages.folder", "FolderConnection"),
    "GraphQl": ("systems.http", "HttpConnection"),
    "MongoDb": ("systems.mongodb", "MongoDbConnection"),
    "MsSql": ("systems.sqlserver_session", "MsSqlConnection"),
    "MySql": ("systems.mysql_session", "MySqlConnection"),
    "OpenSearch": ("systems.search", "SearchConnection"),
    "PostgreSql": ("systems.postgresql_session", "PostgreSqlConnection"),
    "Redshift": ("systems.redshift_session", "RedshiftConnection"),
    "Sftp": ("storages.sftp", "SftpConnection"),
    "Slack": ("systems.slack", "SlackConnection"),
    "Snowflake": ("systems.snowflake_session", "SnowflakeConnection"),
    "Sqlite": ("systems.sqlite", "SqliteConnection"),
}
"""What describes a connection to a source or target: the module within ``runners.steps``, and the class."""

_TARGETS_OF: dict[str, str] = {
    "Api": "DynamoDb MongoDb MySql PostgreSql S3 Slack Sqs",
    "Athena": "DynamoDb Email Excel MySql PostgreSql S3 Sftp Slack",
    "DynamoDb": "MySql OpenSearch PostgreSql S3",
    "Elasticsearch": "PostgreSql S3",
    "Excel": "DynamoDb Email MsSql MySql PostgreSql Redshift S3 Slack Snowflake",
    "Folder": "MySql PostgreSql S3 Sftp Sqlite",
    "GraphQl": "DynamoDb MySql PostgreSql S3",
    "MongoDb": "PostgreSql S3 Snowflake",
    "MsSql": "Folder MsSql MySql PostgreSql Redshift S3 Sftp Snowflake",
    "MySql": "Athena DynamoDb Elasticsearch Email Excel Folder MsSql MySql OpenSearch PostgreSql Redshift S3 Sftp "
    "Slack Snowflake Sqlite Sqs",
    "OpenSearch": "PostgreSql S3",
    "PostgreSql": "Athena DynamoDb Elasticsearch Email Excel Folder MongoDb MsSql MySql OpenSearch PostgreSql Redshift "
    "S3 Sftp Slack Snowflake Sns Sqlite Sqs",
    "Redshift": "Email Excel MySql PostgreSql S3 Sftp Slack",
    "S3": "Athena DynamoDb Elasticsearch Email Folder MongoDb MsSql MySql OpenSearch PostgreSql Redshift S3 Sftp Slack "
    "Snowflake Sqlite Sqs",
    "Sftp": "Folder MsSql MySql PostgreSql Redshift S3 Snowflake",
    "Snowflake": "Email Excel MySql PostgreSql S3 Sftp Slack",
    "Sqlite": "Folder MySql PostgreSql S3 Sqlite",
    "Sqs": "DynamoDb PostgreSql S3",
}
"""The targets of each source, by their names."""

PAIRS: dict[str, tuple[str, str]] = {
    f"{source}To{target}": (source, target) for source, targets in _TARGETS_OF.items() for target in targets.split()
}
"""The pairs by the name of their step type."""


@cache
def pair(name: str) -> type[Transfer]:
    """Return the step type of a pair."""
    origin, destination = PAIRS[name]
    source, target = source_kind(origin), target_kind(destination)
    words = f"from {SOURCES[origin].words} to {TARGETS[destination].words}."
    if between_files(source, target):
        return files_transfer(name, source, target, f"Copies files, or moves their rows, {words}")
    return transfer(name, source, target, f"Moves rows {words}")


def source_kind(name: str) -> type[Source]:
    """Return the class of a source by its name in ``SOURCES``."""
    return kind_of(SOURCES[name])  # type: ignore[return-value]


def target_kind(name: str) -> type[Target]:
    """Return the class of a target by its name in ``TARGETS``."""
    return kind_of(TARGETS[name])  # type: ignore[return-value]


def kind_of(end: End) -> type[Source] | type[Target]:
    """Return the class of a source or target."""
    kind: type[Source] | type[Target] = getattr(import_module(f"runners.steps.{end.module}"), end.kind)
    return kind


def connection_kind(name: str) -> type[Connection] | None:
    """Return what describes a connection to a source or target; None for one that needs no description, such as S3."""
    if name not in CONNECTIONS:
        return None
    module, kind = CONNECTIONS[name]
    found: type[Connection] = getattr(import_module(f"runners.steps.{module}"), kind)
    return found
