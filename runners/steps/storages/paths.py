"""Paths below the folder of a connection: what leads out of it is refused, and what is hidden is passed over."""

from __future__ import annotations

from pathlib import PurePosixPath
from uuid import uuid4

from runners.steps.errors import ValidationFailed


def below(name: str) -> PurePosixPath:
    """Return a path that is below a folder.

    Raises:
        ValidationFailed: it leads out of the folder.

    """
    path = PurePosixPath(name.lstrip("/"))
    if not path.parts or ".." in path.parts or "\0" in name:
        raise ValidationFailed(f"the path {name!r} must name a file below the connection's folder, without ..")
    return path


def is_hidden(filename: str) -> bool:
    """Whether a file is passed over, as those that are still being written are."""
    return filename.startswith(".")


def unfinished(path: PurePosixPath) -> PurePosixPath:
    """Return where a file stands while it is being written: hidden, beside its place, and nobody else's."""
    return path.with_name(f".{path.name}.{uuid4().hex[:8]}.part")
