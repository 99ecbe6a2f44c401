"""What of a connection is secret: found in its description by the fields' names, in its model by their type."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, SecretBytes, SecretStr

_NAMED_SO = re.compile(
    r"pass(word|wd|phrase|code)|^pwd$|secret|token|credential|authori[sz]ation|cookie|webhook|signature|dsn"
    r"|^key$|(api|app|access|account|auth|private|shared|signing|encryption|sas)[-_ ]?key",
    re.IGNORECASE,
)
_LONG_PATH = 16  # characters; the path of a secret address, such as a webhook's, is a secret by itself


def is_named_secret(name: str) -> bool:
    """Whether a field is secret by its name, whatever its type says."""
    return bool(_NAMED_SO.search(name))


def secrets_of(described: Any, *, secret: bool = False) -> Iterator[str]:
    """Yield the secret texts of a description or a model, and of whatever is within it.

    Args:
        described: a connection's JSON, or its model.
        secret: whether all of it is secret, as it stands under such a name.

    """
    match described:
        case SecretStr():
            yield from _and_its_parts(described.get_secret_value())
        case SecretBytes():
            yield from _and_its_parts(described.get_secret_value().decode(errors="replace"))
        case BaseModel():
            yield from secrets_of(dict(described), secret=secret)
        case Mapping():
            for name, value in described.items():
                yield from secrets_of(value, secret=secret or is_named_secret(str(name)))
        case list() | tuple() | set() | frozenset():
            for value in described:
                yield from secrets_of(value, secret=secret)
        case str():
            yield from _and_its_parts(described) if secret else _password_in(described)
        case int() | float() if secret and not isinstance(described, bool):
            yield str(described)


def _and_its_parts(text: str) -> Iterator[str]:
    yield text
    yield from _password_in(text)
    if text.startswith(("https://", "http://")) and len(path := urlsplit(text).path) >= _LONG_PATH:
        yield path


def _password_in(address: str) -> Iterator[str]:
    """Yield the password of ``scheme://user:password@host``."""
    if found := re.search(r"://[^/\s:@]*:([^/\s]+)@", address):
        yield found[1]
        yield unquote(found[1])
