"""The frame of a job's script."""

from __future__ import annotations

from typing import Any, cast

import pytest

from runners.local.glue.libs.awsglue._warnings import GlueWarning
from runners.local.glue.libs.awsglue.job import Job


def new_job() -> Job:
    return Job(cast("Any", object()))


def test_a_job_begins_and_ends() -> None:
    job = new_job()
    assert not job.isInitialized()
    job.init("ProcessSalesData", {})
    assert job.isInitialized()
    assert job.job_name == "ProcessSalesData"
    job.commit()


def test_a_commit_without_a_beginning_is_an_error() -> None:
    with pytest.raises(RuntimeError, match=r"without job.init"):
        new_job().commit()


def test_bookmarks_come_with_a_warning_at_the_line_of_the_script() -> None:
    with pytest.warns(GlueWarning, match="bookmarks are not kept") as caught:
        new_job().init("x", {"job-bookmark-option": "job-bookmark-enable"})
    assert caught[0].filename == __file__
