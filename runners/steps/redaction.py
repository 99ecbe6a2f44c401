"""Values as plain JSON, without the secrets that this process knows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from runners.log import SECRETS


def redacted(value: Any) -> Any:
    """Return a value as JSON knows it, with secrets hidden in every text and name; what JSON does not know as text."""
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    if isinstance(value, Mapping):
        return {SECRETS.known_hidden_in(str(name)): redacted(item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redacted(item) for item in value]
    return SECRETS.known_hidden_in(str(value))
