"""The operations on endpoints, and the tests of their connections, which really connect."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from moto.dms.exceptions import InvalidResourceStateFault, ResourceAlreadyExistsFault, ResourceNotFoundFault

from runners.local.dms import requests
from runners.local.dms.endpoints import ALL_SETTINGS, DISPLAY_NAMES, Endpoint
from runners.local.dms.errors import DmsError
from runners.local.dms.task_settings import TaskSettings

if TYPE_CHECKING:
    from runners.local.dms.requests import Clients

DESCRIBED = (
    "Username",
    "ServerName",
    "Port",
    "DatabaseName",
    "ExtraConnectionAttributes",
    "KmsKeyId",
    "CertificateArn",
    "ServiceAccessRoleArn",
    "ExternalTableDefinition",
)


class KeptEndpoint:
    """An endpoint as moto's backend keeps it: what moto reads of its own is here too."""

    def __init__(self, arn: str, endpoint: Endpoint) -> None:
        self.endpoint_arn = arn
        self.endpoint = endpoint

    @property
    def endpoint_identifier(self) -> str:
        """The key by which moto keeps it."""
        return self.endpoint.identifier

    def describe(self, status: str = "active") -> dict[str, Any]:
        """Answer what the API tells of it: no password."""
        endpoint = self.endpoint
        described: dict[str, Any] = {name: endpoint.given.get(name) for name in DESCRIBED}
        for name in ALL_SETTINGS:
            settings = endpoint.given.get(name)
            described[name] = settings and {key: value for key, value in settings.items() if key != "Password"}
        return {
            **described,
            "EndpointIdentifier": endpoint.identifier,
            "EndpointType": endpoint.type.upper(),
            "EngineName": endpoint.engine,
            "EngineDisplayName": DISPLAY_NAMES[endpoint.engine],
            "SslMode": endpoint.given.get("SslMode") or "none",
            "Status": status,
            "EndpointArn": self.endpoint_arn,
        }


@dataclass
class Connection:
    """The outcome of a test, as moto's backend keeps it."""

    endpoint_arn: str
    replication_instance_arn: str
    endpoint_identifier: str
    replication_instance_identifier: str
    status: str = "testing"
    failure: str = ""

    def describe(self) -> dict[str, str]:
        """Answer what the API tells of it."""
        return {
            "ReplicationInstanceArn": self.replication_instance_arn,
            "EndpointArn": self.endpoint_arn,
            "Status": self.status,
            "LastFailureMessage": self.failure,
            "EndpointIdentifier": self.endpoint_identifier,
            "ReplicationInstanceIdentifier": self.replication_instance_identifier,
        }


class EndpointOperations:
    """The operations; the attributes name those that moto has, and those that it lacks."""

    replaced = ("create_endpoint", "describe_endpoints", "delete_endpoint", "test_connection", "describe_connections")
    added = ("modify_endpoint",)

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def create_endpoint(self, response: Any, request: dict[str, Any]) -> dict[str, Any]:
        """Keep an endpoint that can be used; nothing is connected to."""
        backend = response.dms_backend
        identifier = requests.require_identifier("EndpointIdentifier", request.get("EndpointIdentifier"))
        if identifier in backend.endpoints:
            raise ResourceAlreadyExistsFault(f"The endpoint {identifier} exists already")
        kept = KeptEndpoint(
            requests.new_arn(response, "endpoint", request.get("ResourceIdentifier")), Endpoint.of(request)
        )
        backend.endpoints[identifier] = kept
        backend.tagger.tag_resource(kept.endpoint_arn, request.get("Tags") or [])
        return {"Endpoint": kept.describe()}

    def modify_endpoint(self, response: Any, request: dict[str, Any]) -> dict[str, Any]:
        """Change what a request names of an endpoint; settings are changed one by one."""
        backend = response.dms_backend
        kept = endpoint_of(backend, request.get("EndpointArn"))
        changed = {**kept.endpoint.given}
        for name, value in requests.without_none(request).items():
            merged = isinstance(value, dict) and not request.get("ExactSettings")
            changed[name] = {**(changed.get(name) or {}), **value} if merged else value
        endpoint = Endpoint.of(changed)
        requests.require_identifier("EndpointIdentifier", endpoint.identifier)
        if endpoint.identifier != kept.endpoint_identifier and endpoint.identifier in backend.endpoints:
            raise ResourceAlreadyExistsFault(f"The endpoint {endpoint.identifier} exists already")
        del backend.endpoints[kept.endpoint_identifier]
        kept.endpoint = endpoint
        backend.endpoints[endpoint.identifier] = kept
        return {"Endpoint": kept.describe()}

    def describe_endpoints(self, response: Any, request: dict[str, Any]) -> dict[str, Any]:
        """Describe the endpoints that fit the filters; none is an error where filters ask for some."""
        found = requests.filtered(
            response.dms_backend.endpoints.values(),
            request.get("Filters") or (),
            {
                "endpoint-arn": lambda kept: kept.endpoint_arn,
                "endpoint-id": lambda kept: kept.endpoint_identifier,
                "endpoint-type": lambda kept: (kept.endpoint.type, kept.endpoint.type.upper()),
                "engine-name": lambda kept: kept.endpoint.engine,
            },
        )
        if request.get("Filters") and not found:
            raise ResourceNotFoundFault("No Endpoints found matching provided filters")
        shown, marker = requests.page(found, request)
        return {"Endpoints": [kept.describe() for kept in shown], "Marker": marker}

    def delete_endpoint(self, response: Any, request: dict[str, Any]) -> dict[str, Any]:
        """Forget an endpoint that no task uses."""
        backend = response.dms_backend
        kept = endpoint_of(backend, request.get("EndpointArn"))
        if any(kept.endpoint_arn in task.definition.endpoint_arns for task in backend.replication_tasks.values()):
            raise InvalidResourceStateFault(f"Endpoint {kept.endpoint_arn} is part of one or more ReplicationTasks.")
        del backend.endpoints[kept.endpoint_identifier]
        backend.connections[:] = [each for each in backend.connections if each.endpoint_arn != kept.endpoint_arn]
        return {"Endpoint": kept.describe("deleting")}

    def test_connection(self, response: Any, request: dict[str, Any]) -> dict[str, Any]:
        """Connect to an endpoint; how that went is told by DescribeConnections."""
        backend = response.dms_backend
        kept = endpoint_of(backend, request.get("EndpointArn"))
        instance = backend.replication_instances.get(request.get("ReplicationInstanceArn"))
        if instance is None:
            raise ResourceNotFoundFault("Replication instance could not be found.")
        connection = Connection(kept.endpoint_arn, instance.arn, kept.endpoint_identifier, instance.id)
        answer = {"Connection": connection.describe()}
        try:
            self._connect(kept.endpoint, response.region)
        except DmsError as error:
            connection.status, connection.failure = "failed", str(error)
        else:
            connection.status = "successful"
        backend.connections[:] = [
            each
            for each in backend.connections
            if (each.endpoint_arn, each.replication_instance_arn) != (kept.endpoint_arn, instance.arn)
        ]
        backend.connections.append(connection)
        return answer

    def describe_connections(self, response: Any, request: dict[str, Any]) -> dict[str, Any]:
        """Describe the outcomes of tests."""
        found = requests.filtered(
            response.dms_backend.connections,
            request.get("Filters") or (),
            {
                "endpoint-arn": lambda connection: connection.endpoint_arn,
                "replication-instance-arn": lambda connection: connection.replication_instance_arn,
            },
        )
        shown, marker = requests.page(found, request)
        return {"Connections": [connection.describe() for connection in shown], "Marker": marker}

    def _connect(self, endpoint: Endpoint, region: str) -> None:
        if endpoint.type == "source":
            with closing(endpoint.source(lambda: self._clients("secretsmanager", region))):
                return
        settings, now = TaskSettings.parse(None), datetime.now(UTC)
        endpoint.target(lambda service: self._clients(service, region), settings, None, now).check()


def endpoint_of(backend: Any, arn: Any, kind: str = "") -> KeptEndpoint:
    """Answer an endpoint, of a kind where one is asked for, or raise that there is none."""
    for kept in backend.endpoints.values():
        if kept.endpoint_arn == arn and kind in {"", kept.endpoint.type}:
            found: KeptEndpoint = kept
            return found
    raise ResourceNotFoundFault(f"Endpoint {arn} not found or invalid" + (f" as a {kind}" if kind else ""))
