"""A boto3 client whose answers are given, and an environment whose account was checked."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import boto3
from botocore.exceptions import ClientError

from runners.deployment import environment
from runners.operations.checks import Scene

NOW = datetime(2026, 1, 31, 4, 5, 6, tzinfo=UTC)


class Stub:
    """A client of a service; each answer is a value, an error to raise, or a function of the call's parameters."""

    def __init__(self, service: str, **answers: Any) -> None:
        client = boto3.client(service, region_name="us-east-1")
        self.exceptions = client.exceptions
        self.answers = answers
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def error(self, code: str, message: str = "because") -> ClientError:
        kind = getattr(self.exceptions, code, ClientError)
        return kind({"Error": {"Code": code, "Message": message}}, "Operation")

    def get_paginator(self, name: str) -> Any:
        return SimpleNamespace(paginate=lambda **parameters: [getattr(self, name)(**parameters)])

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self.answers:
            raise AttributeError(name)
        answer = self.answers[name]

        def call(**parameters: Any) -> Any:
            self.calls.append((name, parameters))
            value = answer(**parameters) if callable(answer) else answer
            if isinstance(value, Exception):
                raise value
            return value

        return call


def scene(
    *stubs: tuple[str, Stub], services: tuple[str, ...] = ("glue",), workers: tuple[str, ...] = (), **settings: Any
) -> Scene:
    """An account that is not the embedded AWS, with these clients."""
    own = environment.load("local").model_copy(update={"embedded": False, **settings})
    return Scene("test", own, dict(stubs).__getitem__, services, frozenset(workers), NOW)


def levels(findings: Any) -> list[str]:
    return [finding.level.value for finding in findings]
