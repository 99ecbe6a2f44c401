"""What tests that run Spark have in common: they need more than a machine may have."""

from __future__ import annotations

import importlib.util
import os
import shutil

import pytest

QUIET = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
"""For ``pytestmark``: PySpark's own warnings say nothing about this project."""


def require_spark() -> None:
    """Skip the calling module where there is no Spark; in CI that is an error, for nothing is skipped there."""
    if (shutil.which("java") or os.environ.get("JAVA_HOME")) and importlib.util.find_spec("pyspark"):
        return
    if os.environ.get("CI"):
        raise RuntimeError("CI runs what needs Spark: it needs Java 17 and the extra 'spark'")
    pytest.skip("Spark needs Java 17 and pip install -e '.[spark]'", allow_module_level=True)
