"""An S3 in memory that answers the five calls which moving sets of objects needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any


class S3InMemory:
    """Buckets do not matter: one set of keys. ``keeps`` are the keys that a delete leaves, with an error."""

    page_size = 2

    def __init__(self, **objects: bytes) -> None:
        self.objects: dict[str, bytes] = dict(objects)
        self.keeps: set[str] = set()
        self.log: list[str] = []

    def get_paginator(self, operation: str) -> Any:
        assert operation == "list_objects_v2"
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> list[dict[str, Any]]:  # noqa: N803
        keys = [key for key in sorted(self.objects) if key.startswith(Prefix)]
        pages = [keys[at : at + self.page_size] for at in range(0, len(keys), self.page_size)]
        return [{"Contents": [{"Key": key} for key in page]} for page in pages] or [{}]

    def list_objects_v2(self, *, Bucket: str, Prefix: str, MaxKeys: int) -> dict[str, Any]:  # noqa: N803
        keys = [key for key in sorted(self.objects) if key.startswith(Prefix)][:MaxKeys]
        return {"Contents": [{"Key": key} for key in keys]} if keys else {}

    def download_file(self, bucket: str, key: str, file: str) -> None:
        Path(file).write_bytes(self.objects[key])

    def upload_file(self, file: str, bucket: str, key: str) -> None:
        self.log.append(f"put {key}")
        self.objects[key] = Path(file).read_bytes()

    def delete_objects(self, *, Bucket: str, Delete: Any) -> dict[str, Any]:  # noqa: N803
        errors = []
        for item in Delete["Objects"]:
            if item["Key"] in self.keeps:
                errors.append({"Key": item["Key"], "Message": "locked"})
            else:
                self.log.append(f"delete {item['Key']}")
                del self.objects[item["Key"]]
        return {"Errors": errors} if errors else {}
