"""Libraries that only some steps need: imported when they are used, with a clear word where one is missing."""

from __future__ import annotations

import re
from importlib import import_module, metadata
from typing import Any

from runners.steps.errors import ClientMissing

_NAME = re.compile(r"[A-Za-z0-9._-]*")  # of the package, in what is required of it


def library(module: str, extra: str) -> Any:
    """Import a module and return it.

    Args:
        module: e.g. ``pymongo``.
        extra: the extra of this package that installs it, e.g. ``mongodb``.

    Raises:
        ClientMissing: it is not installed.

    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise ClientMissing(
            f"the Python package {error.name} is not installed, which this step needs: "
            f"pip install 'etl-runners[{extra}]', or add the layer of that extra to the function",
            extra=extra,
        ) from None


def absent(extra: str) -> list[str]:
    """Return the packages of an extra that are not installed.

    None where this package itself was not installed but unpacked, as in a Lambda function: there nothing is known.

    Args:
        extra: e.g. ``mongodb``.

    """
    try:
        required = metadata.requires("etl-runners") or []
    except metadata.PackageNotFoundError:
        return []
    of_extra = [one for one in required if f'extra == "{extra}"' in one]
    names = [found[0] for one in of_extra if (found := _NAME.match(one))]
    return [name for name in names if not _is_installed(name)]


def _is_installed(package: str) -> bool:
    try:
        metadata.distribution(package)
    except metadata.PackageNotFoundError:
        return False
    return True
