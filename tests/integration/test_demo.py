"""What `make demo` shows, from an empty machine to the joined rows."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest

from runners.local import demo
from runners.local.following import WorkflowError


@pytest.fixture(autouse=True)
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the demo leaves its results; the process gets its own environment back afterwards."""
    monkeypatch.setattr(demo, "RESULTS", tmp_path)
    monkeypatch.setattr(demo, "JOINED", tmp_path / "joined.csv")
    monkeypatch.setattr(demo, "_shown", str)
    with mock.patch.dict(os.environ):
        yield tmp_path


def test_the_demo_shows_states_rows_and_times_and_leaves_the_history(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    demo.main()

    shown = capsys.readouterr().out
    for state in ("Wait For Sales Data", "Wait For Marketing Data", "Process Sales Data", "Process Marketing Data"):
        assert f"{state}: succeeded" in shown
    assert shown.index("Process Datasets: succeeded") < shown.index("Join Marketing And Sales Data: succeeded")
    assert ": running" in shown  # of some state: one that ends between two looks is never seen running
    assert "All 849 rows are what plain Python makes of the two sample files." in shown
    assert "output/joined/parquet/" in shown
    history = json.loads((results / "history.json").read_text())
    assert (history[0]["type"], history[-1]["type"]) == ("ExecutionStarted", "ExecutionSucceeded")
    assert len((results / "history.md").read_text().splitlines()) == len(history) + 2


def test_the_demo_fails_when_its_execution_does_and_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "broken.csv"
    broken.write_text("Day,Figure\n1/1/2011,7\n")
    monkeypatch.setattr(demo, "SALES", broken)

    with pytest.raises(WorkflowError, match=r"the execution ended as FAILED: GlueJobFailedError .*ProcessSalesData"):
        demo.main()
