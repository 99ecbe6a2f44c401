"""The types of DMS that templates name, made by calls to the embedded DMS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runners.local.cloudformation.api_resources import ApiResource, without

if TYPE_CHECKING:
    from runners.local.cloudformation.api_resources import Api, Properties


class Endpoint(ApiResource):
    """A source or a target of replications."""

    type_name = "AWS::DMS::Endpoint"
    name_property = "EndpointIdentifier"
    immutable = frozenset({"EndpointType", "KmsKeyId", "ResourceIdentifier"})
    attribute_names = ("ExternalId",)
    _renamed = {"MySqlSettings": "MySQLSettings", "PostgreSqlSettings": "PostgreSQLSettings"}  # noqa: RUF012

    def make(self) -> str:
        """Make the endpoint; its id is its ARN."""
        created = self.api.call("dms", "CreateEndpoint", **self._described(), Tags=self.properties.get("Tags"))
        return str(created["Endpoint"]["EndpointArn"])

    def change(self) -> None:
        """Change the endpoint."""
        described = without(self._described(), *self.immutable)
        self.api.call("dms", "ModifyEndpoint", EndpointArn=self.physical_resource_id, ExactSettings=True, **described)
        _retag(self.api, self.physical_resource_id, self.previous, self.properties)

    def remove(self) -> None:
        """Remove the endpoint."""
        self.api.remove("dms", "DeleteEndpoint", EndpointArn=self.physical_resource_id)

    def attributes(self) -> Properties:
        """Answer its external id, which no endpoint here has."""
        return {"ExternalId": ""}

    def _described(self) -> dict[str, Any]:
        described = {"EndpointIdentifier": self.name, **without(self.properties, "Tags")}
        return {self._renamed.get(name, name): value for name, value in described.items()}


class ReplicationInstance(ApiResource):
    """A replication instance, which is kept and never started."""

    type_name = "AWS::DMS::ReplicationInstance"
    name_property = "ReplicationInstanceIdentifier"
    immutable = frozenset(
        {"AvailabilityZone", "KmsKeyId", "PubliclyAccessible", "ReplicationSubnetGroupIdentifier", "ResourceIdentifier"}
    )
    attribute_names = ("ReplicationInstancePrivateIpAddresses", "ReplicationInstancePublicIpAddresses")

    def make(self) -> str:
        """Make the instance; its id is its ARN."""
        described = {"ReplicationInstanceIdentifier": self.name, **without(self.properties, *self._on_change_only)}
        created = self.api.call("dms", "CreateReplicationInstance", **described)
        return str(created["ReplicationInstance"]["ReplicationInstanceArn"])

    def change(self) -> None:
        """Change the instance."""
        described = without(self.properties, "Tags", self.name_property, *self.immutable)
        self.api.call(
            "dms",
            "ModifyReplicationInstance",
            ReplicationInstanceArn=self.physical_resource_id,
            **{"ApplyImmediately": True, **described},
        )
        _retag(self.api, self.physical_resource_id, self.previous, self.properties)

    def remove(self) -> None:
        """Remove the instance."""
        self.api.remove("dms", "DeleteReplicationInstance", ReplicationInstanceArn=self.physical_resource_id)

    def attributes(self) -> Properties:
        """Answer its addresses, one of each kind, as CloudFormation gives them."""
        wanted = [{"Name": "replication-instance-arn", "Values": [self.physical_resource_id]}]
        (described,) = self.api.call("dms", "DescribeReplicationInstances", Filters=wanted)["ReplicationInstances"]
        return {name: ",".join(described.get(name) or ()) for name in self.attribute_names}

    _on_change_only = ("AllowMajorVersionUpgrade", "ApplyImmediately")


class ReplicationSubnetGroup(ApiResource):
    """The subnets of replication instances, which are kept."""

    type_name = "AWS::DMS::ReplicationSubnetGroup"
    name_property = "ReplicationSubnetGroupIdentifier"
    # moto cannot change one.
    immutable = frozenset({"ReplicationSubnetGroupDescription", "SubnetIds", "Tags"})

    def make(self) -> str:
        """Make the group; its id is its name in lower case."""
        name = self.name.lower()
        described = {**self.properties, "ReplicationSubnetGroupIdentifier": name}
        self.api.call("dms", "CreateReplicationSubnetGroup", **described)
        return name

    def change(self) -> None:
        """Change nothing: a group whose description changes is made anew."""

    def remove(self) -> None:
        """Remove the group."""
        name = self.physical_resource_id
        self.api.remove("dms", "DeleteReplicationSubnetGroup", ReplicationSubnetGroupIdentifier=name)


class ReplicationTask(ApiResource):
    """A task, which is made and not started."""

    type_name = "AWS::DMS::ReplicationTask"
    name_property = "ReplicationTaskIdentifier"
    immutable = frozenset(
        {"ReplicationInstanceArn", "ResourceIdentifier", "SourceEndpointArn", "TargetEndpointArn", "TaskData"}
    )

    def make(self) -> str:
        """Make the task; its id is its ARN."""
        described = {"ReplicationTaskIdentifier": self.name, **self.properties}
        created = self.api.call("dms", "CreateReplicationTask", **described)
        return str(created["ReplicationTask"]["ReplicationTaskArn"])

    def change(self) -> None:
        """Change the task, which must not run."""
        described = without(self.properties, "Tags", self.name_property, *self.immutable)
        self.api.call("dms", "ModifyReplicationTask", ReplicationTaskArn=self.physical_resource_id, **described)
        _retag(self.api, self.physical_resource_id, self.previous, self.properties)

    def remove(self) -> None:
        """Remove the task, which must not run."""
        self.api.remove("dms", "DeleteReplicationTask", ReplicationTaskArn=self.physical_resource_id)


class ReplicationConfig(ApiResource):
    """A serverless replication, which is made and not started."""

    type_name = "AWS::DMS::ReplicationConfig"
    name_property = "ReplicationConfigIdentifier"
    immutable = frozenset({"ResourceIdentifier"})
    attribute_names = ("ReplicationConfigArn",)

    def make(self) -> str:
        """Make the config; its id is its ARN."""
        described = {"ReplicationConfigIdentifier": self.name, **self.properties}
        created = self.api.call("dms", "CreateReplicationConfig", **described)
        return str(created["ReplicationConfig"]["ReplicationConfigArn"])

    def change(self) -> None:
        """Change the config, whose replication must not run."""
        described = without(self.properties, "Tags", self.name_property, *self.immutable)
        self.api.call("dms", "ModifyReplicationConfig", ReplicationConfigArn=self.physical_resource_id, **described)
        _retag(self.api, self.physical_resource_id, self.previous, self.properties)

    def remove(self) -> None:
        """Remove the config, whose replication must not run."""
        self.api.remove("dms", "DeleteReplicationConfig", ReplicationConfigArn=self.physical_resource_id)

    def attributes(self) -> Properties:
        """Answer its ARN."""
        return {"ReplicationConfigArn": self.physical_resource_id}


def _retag(api: Api, arn: str, before: Properties, after: Properties) -> None:
    """Give a resource the tags of a template in place of those of the one before."""
    old, new = ({tag["Key"]: tag["Value"] for tag in each.get("Tags") or ()} for each in (before, after))
    gone = sorted(set(old) - set(new))
    if gone:
        api.call("dms", "RemoveTagsFromResource", ResourceArn=arn, TagKeys=gone)
    if new != old and new:
        api.call("dms", "AddTagsToResource", ResourceArn=arn, Tags=after["Tags"])
