"""What AWS says about a request, without the request's own values, which may be secrets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_HIDDEN = "***"
_SHORT = 4  # characters; a text below this may be part of any word
# As AWS's validation quotes: "Value 'x' at 'sql' failed to satisfy constraint".
_QUOTED = re.compile(r"\bValue '.*?' at '", re.DOTALL)


def without_values(message: str, values: Iterable[str] = ()) -> str:
    """Return a message in which neither AWS's own quotes of values nor the given ones are left."""
    message = _QUOTED.sub(f"Value {_HIDDEN} at '", message)
    for value in sorted(set(filter(None, values)), key=len, reverse=True):
        text = re.escape(value)
        message = re.sub(text if len(value) >= _SHORT else rf"(?<!\w){text}(?!\w)", _HIDDEN, message)
    return message
