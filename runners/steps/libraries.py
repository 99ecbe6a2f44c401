"""Libraries that only some steps need: imported when they are used, with a clear word where one is missing."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from runners.steps.errors import ClientMissing


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
