"""Athena's resource types of templates, each made by calls to the embedded Athena's own API.

Knows nothing of what queries do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from runners.local.cloudformation.api_resources import ApiResource

if TYPE_CHECKING:
    from runners.local.cloudformation.api_resources import Properties


class WorkGroup(ApiResource):
    """A work group of Athena."""

    type_name = "AWS::Athena::WorkGroup"
    name_property = "Name"
    attribute_names = ("CreationTime", "WorkGroupConfiguration.EngineVersion.EffectiveEngineVersion")

    def make(self) -> str:
        """Make the work group; its id is its name."""
        self.api.call(
            "athena",
            "CreateWorkGroup",
            Name=self.name,
            Configuration=self.properties.get("WorkGroupConfiguration"),
            Description=self.properties.get("Description"),
            Tags=self.properties.get("Tags"),
        )
        if self.properties.get("State") == "DISABLED":
            self.api.call("athena", "UpdateWorkGroup", WorkGroup=self.name, State="DISABLED")
        return self.name

    def change(self) -> None:
        """Change its settings, its description and whether queries may run in it."""
        self.api.call(
            "athena",
            "UpdateWorkGroup",
            WorkGroup=self.physical_resource_id,
            Description=self.properties.get("Description", ""),
            ConfigurationUpdates=_updates(self.properties.get("WorkGroupConfiguration") or {}),
            State=self.properties.get("State", "ENABLED"),
        )

    def remove(self) -> None:
        """Remove the work group, with all in it where the template says so."""
        self.api.remove(
            "athena",
            "DeleteWorkGroup",
            WorkGroup=self.physical_resource_id,
            RecursiveDeleteOption=self.properties.get("RecursiveDeleteOption"),
        )

    def attributes(self) -> Properties:
        """Answer when it was made, and the version of its engine."""
        described = self.api.call("athena", "GetWorkGroup", WorkGroup=self.physical_resource_id)["WorkGroup"]
        version = described["Configuration"]["EngineVersion"]["EffectiveEngineVersion"]
        return {
            "CreationTime": str(described["CreationTime"].timestamp()),
            "WorkGroupConfiguration.EngineVersion.EffectiveEngineVersion": version,
        }


class NamedQuery(ApiResource):
    """A named query of Athena. All of it is fixed: a change makes a new one."""

    type_name = "AWS::Athena::NamedQuery"
    immutable = frozenset({"Database", "Description", "Name", "QueryString", "WorkGroup"})
    attribute_names = ("NamedQueryId",)

    def make(self) -> str:
        """Make the named query; its id is the one that Athena gives it."""
        made = self.api.call("athena", "CreateNamedQuery", **{"Name": self.name, **self.properties})
        return str(made["NamedQueryId"])

    def change(self) -> None:
        """Change nothing: a template that says something else makes a new one."""

    def remove(self) -> None:
        """Remove the named query."""
        self.api.remove("athena", "DeleteNamedQuery", NamedQueryId=self.physical_resource_id)

    def attributes(self) -> Properties:
        """Answer its id."""
        return {"NamedQueryId": self.physical_resource_id}


def _updates(configuration: Properties) -> Properties:
    """Say a work group's settings as ``UpdateWorkGroup`` takes them: what is named no more is removed."""
    results = dict(configuration.get("ResultConfiguration") or {})
    gone = {
        f"Remove{name}": True
        for name in ("OutputLocation", "EncryptionConfiguration", "ExpectedBucketOwner", "AclConfiguration")
        if name not in results
    }
    updates = {name: value for name, value in configuration.items() if name != "ResultConfiguration"}
    return {**updates, "ResultConfigurationUpdates": {**results, **gone}}
