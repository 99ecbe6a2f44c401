"""Endpoints: which the embedded DMS can read and write, and how it connects to each.

Passwords come from the endpoint or from a secret. They go to the driver, and to nothing that is described or logged.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from runners.local.dms.errors import EndpointError, UnusableRequestError
from runners.local.dms.mysql import MysqlSource
from runners.local.dms.postgresql import PostgresqlSource
from runners.local.dms.postgresql_target import PostgresqlTarget
from runners.local.dms.s3_settings import S3Settings, from_attributes
from runners.local.dms.s3_target import S3Target
from runners.local.dms.sqlite import SqliteSource

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from runners.local.dms.sources import Source
    from runners.local.dms.targets import Target
    from runners.local.dms.task_settings import TaskSettings

POSTGRESQL = frozenset({"postgres", "aurora-postgresql", "aurora-postgresql-serverless"})
MYSQL = frozenset({"mysql", "mariadb", "aurora", "aurora-serverless"})
DISPLAY_NAMES = {
    "postgres": "PostgreSQL",
    "aurora-postgresql": "Amazon Aurora PostgreSQL",
    "aurora-postgresql-serverless": "Amazon Aurora PostgreSQL Serverless",
    "mysql": "MySQL",
    "mariadb": "MariaDB",
    "aurora": "Amazon Aurora MySQL",
    "aurora-serverless": "Amazon Aurora MySQL Serverless",
    "s3": "Amazon S3",
    "sqlite": "SQLite (embedded DMS only)",
}
ENGINES = {"source": POSTGRESQL | MYSQL | {"sqlite"}, "target": POSTGRESQL | {"s3"}}
PORTS = {**dict.fromkeys(POSTGRESQL, 5432), **dict.fromkeys(MYSQL, 3306)}

_CONNECTION = {"DatabaseName", "Password", "Port", "SecretsManagerAccessRoleArn", "SecretsManagerSecretId"}
_CONNECTION |= {"ServerName", "Username", "ServiceAccessRoleArn", "AuthenticationMethod"}
# Settings that are followed, or that concern change capture alone.
KNOWN_SETTINGS = {
    "PostgreSQLSettings": _CONNECTION
    | {"MapBooleanAsBoolean", "TrimSpaceInChar", "CaptureDdls", "DdlArtifactsSchema", "HeartbeatEnable"}
    | {"HeartbeatSchema", "HeartbeatFrequency", "SlotName", "PluginName", "MaxFileSize", "FailTasksOnLobTruncation"},
    "MySQLSettings": _CONNECTION | {"EventsPollInterval", "CleanSourceMetadataOnMismatch", "MaxFileSize"},
}
SETTINGS_OF = {
    **dict.fromkeys(POSTGRESQL, "PostgreSQLSettings"),
    **dict.fromkeys(MYSQL, "MySQLSettings"),
    "s3": "S3Settings",
}
ALL_SETTINGS = (
    "DmsTransferSettings",
    "DocDbSettings",
    "DynamoDbSettings",
    "ElasticsearchSettings",
    "GcpMySQLSettings",
    "IBMDb2Settings",
    "KafkaSettings",
    "KinesisSettings",
    "MicrosoftSQLServerSettings",
    "MongoDbSettings",
    "MySQLSettings",
    "NeptuneSettings",
    "OracleSettings",
    "PostgreSQLSettings",
    "RedisSettings",
    "RedshiftSettings",
    "S3Settings",
    "SybaseSettings",
    "TimestreamSettings",
)


@dataclass(frozen=True)
class Endpoint:
    """An endpoint as it was asked for; the values may be secret."""

    identifier: str
    type: str
    """``source`` or ``target``."""
    engine: str
    given: Mapping[str, Any]
    """The members of CreateEndpoint that describe the connection."""

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Endpoint:
        """Read the request of CreateEndpoint; raises ``UnusableRequestError`` that names what cannot be used."""
        kind, engine = str(given.get("EndpointType", "")).lower(), str(given.get("EngineName", "")).lower()
        if kind not in ENGINES:
            raise UnusableRequestError("EndpointType is source or target")
        if engine not in ENGINES[kind]:
            raise UnusableRequestError(
                f"The embedded DMS has no {kind} of the engine {engine!r}: it has {', '.join(sorted(ENGINES[kind]))}"
            )
        endpoint = cls(str(given.get("EndpointIdentifier", "")).lower(), kind, engine, dict(given))
        endpoint._require_known()
        return endpoint

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of the endpoint's own engine."""
        name = SETTINGS_OF.get(self.engine)
        return dict(self.given.get(name) or {}) if name else {}

    def s3_settings(self) -> S3Settings:
        """Answer the settings of an S3 endpoint, with those of its extra connection attributes."""
        return S3Settings.parse({**self.settings, **from_attributes(self.given.get("ExtraConnectionAttributes") or "")})

    def source(self, secrets: Callable[[], Any]) -> Source:
        """Connect to read; ``secrets`` answers a client of Secrets Manager. Raises ``EndpointError``."""
        if self.engine == "sqlite":
            return SqliteSource(self.given["DatabaseName"], self.identifier)
        parameters = self.parameters(secrets)
        if self.engine in MYSQL:
            return MysqlSource(parameters, self.identifier, views=self.engine != "mariadb")
        return PostgresqlSource(
            parameters,
            self.identifier,
            booleans=bool(self.settings.get("MapBooleanAsBoolean", False)),
            trims_char=bool(self.settings.get("TrimSpaceInChar", True)),
        )

    def target(
        self, clients: Callable[[str], Any], settings: TaskSettings, source: Endpoint | None, started: datetime
    ) -> Target:
        """Answer what to write to; ``clients`` answers a client of a service of this AWS."""
        if self.engine == "s3":
            return S3Target(clients("s3"), self.s3_settings(), self.identifier, settings.preparation, started)
        return PostgresqlTarget(
            self.parameters(lambda: clients("secretsmanager")),
            self.identifier,
            settings.preparation,
            from_postgresql=source is not None and source.engine in POSTGRESQL,
            keys_after_load=settings.keys_after_load,
        )

    def parameters(self, secrets: Callable[[], Any]) -> dict[str, Any]:
        """Answer what the driver of the database connects with; holds the password."""
        given = {**self.given, **{name: value for name, value in self.settings.items() if value not in (None, "")}}
        secret = self._secret(secrets, given.get("SecretsManagerSecretId"))
        parameters = {
            "host": secret.get("host") or given.get("ServerName"),
            "port": int(secret.get("port") or given.get("Port") or PORTS[self.engine]),
            "user": secret.get("username") or given.get("Username"),
            "password": secret.get("password") or given.get("Password"),
        }
        if self.engine in POSTGRESQL:
            parameters |= {"dbname": given.get("DatabaseName"), "sslmode": _sslmode(given)}
        elif str(parameters["host"]).startswith("/"):
            parameters["unix_socket"] = parameters.pop("host")
        return {name: value for name, value in parameters.items() if value is not None}

    def _secret(self, secrets: Callable[[], Any], secret_id: str | None) -> dict[str, Any]:
        if not secret_id:
            return {}
        try:
            secret = json.loads(secrets().get_secret_value(SecretId=secret_id)["SecretString"])
        except (ClientError, ValueError, KeyError):
            secret = None
        if not isinstance(secret, dict):
            raise EndpointError(
                f"The endpoint {self.identifier} cannot be reached: its secret cannot be read, or is no "
                "JSON object with username, password, host and port"
            )
        return secret

    def _require_known(self) -> None:
        """Raise for settings that are not followed."""
        own = SETTINGS_OF.get(self.engine)
        others = [name for name in ALL_SETTINGS if self.given.get(name) and name != own]
        if others:
            raise UnusableRequestError(f"{', '.join(others)} do not belong to an endpoint of the engine {self.engine}")
        if self.engine == "s3":
            self.s3_settings()
            return
        if self.given.get("ExtraConnectionAttributes"):
            raise UnusableRequestError(
                "The embedded DMS has no extra connection attributes but those of S3: use the engine's settings"
            )
        if not (self.settings.get("DatabaseName") or self.given.get("DatabaseName")) and self.engine not in MYSQL:
            raise UnusableRequestError("The endpoint needs a DatabaseName")
        if own:
            self._require_reachable(own)

    def _require_reachable(self, own: str) -> None:
        """Raise for a server that cannot be connected to as it is described; ``own`` names the engine's settings."""
        settings = self.settings
        unknown = sorted(
            name for name, value in settings.items() if name not in KNOWN_SETTINGS[own] and value is not None
        )
        if unknown:
            raise UnusableRequestError(f"The embedded DMS does not do {', '.join(unknown)} of {own}")
        if settings.get("AuthenticationMethod", "password") != "password":
            raise UnusableRequestError("The embedded DMS authenticates by password: leave AuthenticationMethod out")
        if not (self.given.get("ServerName") or settings.get("ServerName") or settings.get("SecretsManagerSecretId")):
            raise UnusableRequestError("The endpoint needs a ServerName, or a SecretsManagerSecretId")
        if self.given.get("CertificateArn") or _sslmode(self.given) not in {"disable", "require"}:
            raise UnusableRequestError("The embedded DMS has no certificates: the SslMode is none or require")
        if self.engine in MYSQL and _sslmode(self.given) != "disable":
            raise UnusableRequestError("The embedded DMS reaches MySQL without TLS: leave SslMode out")


def _sslmode(given: Mapping[str, Any]) -> str:
    mode = str(given.get("SslMode") or "none")
    return "disable" if mode == "none" else mode
