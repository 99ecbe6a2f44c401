"""The tags of DMS's resources, which moto keeps but lets nobody change."""

from __future__ import annotations

from typing import Any


class TagOperations:
    """The operations; the attributes name those that moto has, and those that it lacks."""

    replaced: tuple[str, ...] = ()
    added = ("add_tags_to_resource", "remove_tags_from_resource")

    def add_tags_to_resource(self, response: Any, request: dict[str, Any]) -> dict[str, Any]:
        """Set tags of a resource."""
        response.dms_backend.tagger.tag_resource(request["ResourceArn"], request.get("Tags") or [])
        return {}

    def remove_tags_from_resource(self, response: Any, request: dict[str, Any]) -> dict[str, Any]:
        """Remove tags of a resource by their keys."""
        response.dms_backend.tagger.untag_resource_using_names(request["ResourceArn"], request.get("TagKeys") or [])
        return {}
