"""As much of Elasticsearch and OpenSearch as the steps ask for, strict about how they ask; written for the tests."""

from __future__ import annotations

import copy
import json
import re
from fnmatch import fnmatchcase
from typing import Any

from tests.unit.steps.systems.http_server import Asked, Says

NOT_FOUND = Says({"error": {"type": "index_not_found_exception", "reason": "no such index [secret]"}}, 404)


class SearchServer:
    """Indices with documents, aliases, and points in time."""

    def __init__(self, engine: str) -> None:
        self.indices: dict[str, dict[str, Any]] = {}
        self.points: dict[str, list[tuple[str, dict[str, Any]]]] = {}
        self.refreshed: list[str] = []
        self.busy = 0  # documents of the next bulk requests that are put off
        self.refuses: str | None = None  # the type of an error, for each document with "refused" in it
        self.most_bytes = 1 << 30
        self.bulks: list[int] = []
        self.shards_failed = 0
        self._point_path, self._id_name = {
            "elasticsearch": ("_pit", "id"),
            "opensearch": ("_search/point_in_time", "pit_id"),
        }[engine]

    def index(self, name: str, /, *documents: dict[str, Any], aliases: tuple[str, ...] = (), **properties: Any) -> None:
        """Put an index there."""
        self.indices[name] = {
            "aliases": {alias: {} for alias in aliases},
            "mappings": {"properties": properties} if properties else {},
            "settings": {},
            "documents": {str(number): document for number, document in enumerate(documents)},
        }

    def documents(self, name: str) -> dict[str, Any]:
        """Answer the documents of an index or an alias."""
        (index,) = self._named(name)
        return self.indices[index]["documents"]

    def answer(self, asked: Asked) -> Says:
        path = asked.path.strip("/")
        for pattern, answers in self._routes():
            if found := re.fullmatch(pattern, f"{asked.method} {path}"):
                return answers(asked, *found.groups())
        return Says({"error": {"type": "no_handler"}}, 405)

    def _routes(self) -> list[tuple[str, Any]]:
        return [
            (r"HEAD ([^/_]+)", self._exists),
            (r"PUT ([^/_]+)", self._create),
            (r"DELETE ([^/_*]+)", self._delete),
            (r"GET ([^/_]+)/_mapping", self._mapping),
            (r"GET ([^/_]+)/_alias", self._aliases_of_indices),
            (r"GET _alias/([^/_]+)", self._indices_of_alias),
            (r"GET ([^/_]+)/_count", self._count),
            (r"POST ([^/_]+)/_bulk", self._bulk),
            (r"POST ([^/_]+)/_refresh", self._refresh),
            (r"POST _aliases", self._switch),
            (rf"POST ([^/]+)/{self._point_path}", self._begin),
            (rf"DELETE {self._point_path}", self._end),
            (r"POST _search", self._search),
        ]

    def _named(self, name: str) -> list[str]:
        return [index for index, one in self.indices.items() if fnmatchcase(index, name) or name in one["aliases"]]

    def _exists(self, asked: Asked, name: str) -> Says:
        return Says(status=200 if self._named(name) else 404)

    def _create(self, asked: Asked, name: str) -> Says:
        assert name not in self.indices
        self.index(name)
        self.indices[name] |= asked.json
        return Says({"acknowledged": True})

    def _delete(self, asked: Asked, name: str) -> Says:
        return Says({"acknowledged": True}) if self.indices.pop(name, None) else NOT_FOUND

    def _mapping(self, asked: Asked, name: str) -> Says:
        found = self._named(name)
        return Says({index: {"mappings": self.indices[index]["mappings"]} for index in found}) if found else NOT_FOUND

    def _aliases_of_indices(self, asked: Asked, name: str) -> Says:
        return Says({index: {"aliases": self.indices[index]["aliases"]} for index in self._named(name)})

    def _indices_of_alias(self, asked: Asked, name: str) -> Says:
        found = {index: {"aliases": one["aliases"]} for index, one in self.indices.items() if name in one["aliases"]}
        return Says(found) if found else Says({"error": "alias missing", "status": 404}, 404)

    def _count(self, asked: Asked, name: str) -> Says:
        assert name in self.refreshed
        return Says({"count": len(self.documents(name))})

    def _refresh(self, asked: Asked, name: str) -> Says:
        self.refreshed.append(name)
        return Says({})

    def _switch(self, asked: Asked) -> Says:
        indices = copy.deepcopy(self.indices)
        for action in asked.json["actions"]:
            ((verb, what),) = action.items()
            if verb == "add":
                indices[what["index"]]["aliases"][what["alias"]] = {}
            elif verb == "remove":
                del indices[what["index"]]["aliases"][what["alias"]]
            else:
                assert verb == "remove_index"
                del indices[what["index"]]
        self.indices = indices
        return Says({"acknowledged": True})

    def _bulk(self, asked: Asked, name: str) -> Says:
        assert asked.headers["content-type"] == "application/x-ndjson"
        assert asked.body.endswith(b"\n")
        lines = asked.body.decode().splitlines()
        self.bulks.append(len(lines) // 2)
        if len(asked.body) > self.most_bytes:
            return Says(b"Payload too large: secret", 413, (("Content-Type", "text/plain"),))
        if not self._named(name):
            self.index(name)
        items = [self._take(name, *map(json.loads, pair)) for pair in zip(lines[::2], lines[1::2], strict=True)]
        return Says({"errors": any("error" in item["index"] for item in items), "items": items})

    def _take(self, name: str, action: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
        if self.busy:
            self.busy -= 1
            return {"index": {"status": 429, "error": {"type": "es_rejected_execution_exception"}}}
        if self.refuses and "refused" in document.values():
            return {"index": {"status": 400, "error": {"type": self.refuses, "reason": "a secret value"}}}
        self.documents(name)[action["index"]["_id"]] = document
        return {"index": {"status": 201}}

    def _begin(self, asked: Asked, name: str) -> Says:
        assert asked.query == {"keep_alive": "10m"}
        if not self._named(name):
            return NOT_FOUND
        point = f"point-{len(self.points)}"
        self.points[point] = [item for index in self._named(name) for item in self.indices[index]["documents"].items()]
        return Says({self._id_name: point})

    def _end(self, asked: Asked) -> Says:
        given = asked.json[self._id_name]
        del self.points[given if self._id_name == "id" else given[0]]
        return Says({"succeeded": True})

    def _search(self, asked: Asked) -> Says:
        assert asked.query == {"allow_partial_search_results": "false"}
        body = asked.json
        begins = body["search_after"][0] if "search_after" in body else -1
        found = self.points[body["pit"]["id"]]
        hits = [
            {"_id": name, "_source": document, "sort": [number]}
            for number, (name, document) in enumerate(found)
            if number > begins
        ]
        return Says(
            {
                "timed_out": False,
                "_shards": {"failed": self.shards_failed},
                "hits": {"hits": hits[: body["size"]]},
                "pit_id": body["pit"]["id"],
            }
        )
