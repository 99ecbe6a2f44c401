"""The resource types of templates that crawlers need, each made by calls to the embedded Glue's own API.

Knows nothing of what a crawl does.
"""

from __future__ import annotations

from runners.local.cloudformation.api_resources import ApiResource, without


class GlueCrawler(ApiResource):
    """A Glue crawler."""

    type_name = "AWS::Glue::Crawler"
    name_property = "Name"

    def make(self) -> str:
        """Make the crawler; its id is its name."""
        self.api.call("glue", "CreateCrawler", **{**self.properties, "Name": self.name})
        return self.name

    def change(self) -> None:
        """Change the crawler."""
        changed = without(self.properties, "Name", "Tags")
        self.api.call("glue", "UpdateCrawler", Name=self.physical_resource_id, **changed)

    def remove(self) -> None:
        """Remove the crawler; the tables that it made stay."""
        self.api.remove("glue", "DeleteCrawler", Name=self.physical_resource_id)


class GlueClassifier(ApiResource):
    """A classifier; the embedded Glue has those of CSV files alone, and refuses the others."""

    type_name = "AWS::Glue::Classifier"

    def make(self) -> str:
        """Make the classifier; its id is its name."""
        described = {kind: {"Name": self.name, **settings} for kind, settings in self.properties.items()}
        self.api.call("glue", "CreateClassifier", **described)
        return str(next((settings["Name"] for settings in described.values()), self.name))

    def change(self) -> None:
        """Change the classifier."""
        described = {
            kind: {**settings, "Name": self.physical_resource_id} for kind, settings in self.properties.items()
        }
        self.api.call("glue", "UpdateClassifier", **described)

    def remove(self) -> None:
        """Remove the classifier."""
        self.api.remove("glue", "DeleteClassifier", Name=self.physical_resource_id)
