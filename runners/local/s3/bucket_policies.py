"""Bucket policies of the embedded S3 that ask for TLS: loopback counts as secure, so they bar nobody here.

moto (5.2.5) applies a statement whose condition it cannot judge as if the condition held, so a bucket that refuses
all requests without TLS would refuse every request.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3.models import FakeBucket

from runners.local.replacements import Replacements

if TYPE_CHECKING:
    from runners.local.server import EmbeddedAWS


class BucketPolicies:
    """The extension; see ``runners.local.server.Extension``."""

    def __init__(self) -> None:
        self._replacements = Replacements()

    def start(self, aws: EmbeddedAWS) -> None:  # noqa: ARG002  # an extension's signature
        """Judge bucket policies without the statements that speak of requests without TLS."""
        self._replacements.replace(FakeBucket, "get_permission", _permission)

    def stop(self) -> None:
        """Put moto back as it was."""
        self._replacements.undo()


def _permission(bucket: FakeBucket, action: str, resource: str) -> PermissionResult:
    if bucket.policy is None:
        return PermissionResult.NEUTRAL
    policy = json.loads(bucket.policy)
    statements = policy["Statement"] if isinstance(policy["Statement"], list) else [policy["Statement"]]
    judged = [statement for statement in statements if not speaks_of_insecure_requests(statement)]
    return IAMPolicy(json.dumps({**policy, "Statement": judged})).is_action_permitted(action, resource)


def speaks_of_insecure_requests(statement: dict[str, Any]) -> bool:
    """Whether a statement of a policy holds only for requests without TLS."""
    secure = statement.get("Condition", {}).get("Bool", {}).get("aws:SecureTransport")
    return str(secure).lower() == "false"
