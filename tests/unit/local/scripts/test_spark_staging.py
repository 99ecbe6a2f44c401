"""How PySpark's readers and writers are met when a script imports them; no Spark runs here.

What the wrapped methods do with S3 is shown in ``tests/integration/test_glue_awsglue.py``.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

import pytest

from runners.local.scripts import spark_staging

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MODULE = "pretended_pyspark"
SOURCE = "\n".join(
    [
        "class DataFrameReader:",
        *(f"    def {name}(self, path=None): return path" for name in spark_staging.READING),
        "class DataFrameWriter:",
        *(f"    def {name}(self, path=None): return path" for name in spark_staging.WRITING),
        "    def mode(self, saveMode): return self",
    ]
)


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A module that looks like PySpark's and was not imported yet."""
    (tmp_path / f"{MODULE}.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(spark_staging, "MODULE", MODULE)
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    yield
    sys.modules.pop(MODULE, None)


def wrapped(module: Any) -> bool:
    return hasattr(module.DataFrameReader.csv, "__wrapped__") and hasattr(module.DataFrameWriter.save, "__wrapped__")


def test_the_module_is_wrapped_as_soon_as_it_is_imported(module: None) -> None:
    finders = len(sys.meta_path)
    spark_staging.install_when_imported()
    assert MODULE not in sys.modules
    assert importlib.import_module("colorsys").__name__ == "colorsys", "other modules are found as before"
    assert wrapped(importlib.import_module(MODULE))
    assert len(sys.meta_path) == finders, "nothing stays behind"


def test_a_module_that_was_imported_before_is_wrapped_at_once_and_once(module: None) -> None:
    imported: Any = importlib.import_module(MODULE)
    spark_staging.install_when_imported()
    method = imported.DataFrameReader.csv
    spark_staging.install_when_imported()
    assert wrapped(imported)
    assert imported.DataFrameReader.csv is method


def test_paths_that_are_not_in_s3_reach_spark_as_they_are(module: None) -> None:
    imported: Any = importlib.import_module(MODULE)
    spark_staging.install_when_imported()
    assert imported.DataFrameReader().csv("/tmp/a.csv") == "/tmp/a.csv"
    assert imported.DataFrameReader().load(path=["a", "b"]) == ["a", "b"]
    assert imported.DataFrameWriter().mode("append").parquet("out") == "out"
    assert imported.DataFrameWriter().save() is None
