"""How the stand-in says what Glue would do in silence, or what it does not do itself."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

PACKAGE = str(Path(__file__).parent)


class GlueWarning(UserWarning):
    """Something that goes otherwise inside Glue, or that goes unnoticed there."""


def warn(message: str) -> None:
    """Warn at the line of the script that called into this package."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_code.co_filename.startswith(PACKAGE):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, GlueWarning, stacklevel=level)
