"""The script that runs a transformation: its arguments, and that it refuses what would destroy data."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import pytest

import runners.local.spark_sql.sql_on_duckdb

ROOT = Path(__file__).parents[3]
SALES = {"view": "sales", "format": "csv", "path": "s3://data/sales/"}
OUTPUT = {"format": "parquet", "path": "s3://data/output/sales/"}


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The script as a module; it finds awsglue as inside a job."""
    monkeypatch.syspath_prepend(str(ROOT / "runners/local/glue/libs"))
    spec = importlib.util.spec_from_file_location("sql_transformation", ROOT / "glue-scripts/sql_transformation.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name in [name for name in sys.modules if name.partition(".")[0] == "awsglue"]:
        monkeypatch.delitem(sys.modules, name)
    return module


@pytest.fixture
def query_file(tmp_path: Path) -> str:
    (tmp_path / "query.sql").write_text("SELECT 1", encoding="utf-8")
    return str(tmp_path / "query.sql")


def arguments(query_file: str, inputs: Any = (SALES,), outputs: Any = (OUTPUT,)) -> list[str]:
    return [
        "script.py", "--transformation", query_file,
        "--inputs", inputs if isinstance(inputs, str) else json.dumps(inputs),
        "--outputs", outputs if isinstance(outputs, str) else json.dumps(outputs),
    ]  # fmt: skip


def test_the_embedded_glue_has_the_query_run_on_duckdb(
    script: Any, query_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    monkeypatch.setenv("RUNNERS_SQL_ENGINE", "duckdb")
    monkeypatch.setattr(runners.local.spark_sql.sql_on_duckdb, "run", lambda *call: calls.append(call))
    script.main(arguments(query_file))
    assert calls == [("SELECT 1", [SALES], [OUTPUT])]


def test_without_the_embedded_glue_the_query_runs_on_spark(
    script: Any, query_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    monkeypatch.delenv("RUNNERS_SQL_ENGINE", raising=False)
    monkeypatch.setattr(script, "run_on_spark", lambda *call: calls.append(call))
    script.main(arguments(query_file))
    assert calls == [("SELECT 1", [SALES], [OUTPUT])]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"inputs": "sales"}, "--inputs must be a JSON list"),
        ({"inputs": []}, "--inputs must be a JSON list"),
        ({"inputs": ["sales"]}, "--inputs must be a JSON list"),
        ({"inputs": [{"view": "sales"}]}, "--inputs must be a JSON list of objects with the keys format, path, view"),
        ({"inputs": [{**SALES, "format": "xml"}]}, "--inputs has the format 'xml'"),
        ({"inputs": [{**SALES, "view": "a b"}]}, "--inputs has the view 'a b'"),
        ({"outputs": {"format": "csv"}}, "--outputs must be a JSON list"),
        ({"outputs": [{**OUTPUT, "mode": "append"}]}, "--outputs must be a JSON list"),
    ],
)
def test_an_argument_that_is_wrong_is_named(script: Any, query_file: str, change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        script.main(arguments(query_file, **change))


@pytest.mark.parametrize(
    "outputs",
    [
        [{"format": "csv", "path": "s3://data/sales/"}],
        [{"format": "csv", "path": "s3://data/sales/2014"}],
        [{"format": "csv", "path": "s3://data/"}],
        [OUTPUT, {"format": "csv", "path": "s3://data/output/sales/csv/"}],
    ],
)
def test_an_output_never_lies_over_an_input_or_another_output(script: Any, query_file: str, outputs: Any) -> None:
    with pytest.raises(ValueError, match="overlaps with"):
        script.main(arguments(query_file, outputs=outputs))


def test_paths_that_begin_alike_do_not_overlap(script: Any, query_file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    monkeypatch.setattr(script, "run_on_spark", lambda *call: calls.append(call))
    monkeypatch.delenv("RUNNERS_SQL_ENGINE", raising=False)
    script.main(arguments(query_file, outputs=[{"format": "csv", "path": "s3://data/sales-by-day/"}]))
    assert len(calls) == 1
