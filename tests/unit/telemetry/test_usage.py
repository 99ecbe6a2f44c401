from __future__ import annotations

import inspect

import pytest

from runners.composition import SERVICES
from runners.job import Failed, Succeeded
from runners.telemetry.usage import BYTES_SCANNED, COST_USD, DPU_SECONDS, Usage, usage_of

TABLES = [DPU_SECONDS, BYTES_SCANNED, COST_USD]


@pytest.mark.parametrize(("runner", "figure"), [each for table in TABLES for each in table.items()])
def test_a_figure_is_read_from_a_field_that_its_service_writes(runner, figure):
    source = inspect.getsource(inspect.getmodule(SERVICES[runner]))
    assert f'"{figure.field}": ' in source


def test_a_glue_job_tells_its_dpu_seconds():
    usage = usage_of("glue", Succeeded({"DPUSeconds": 1800.0}))
    assert usage == Usage(dpu_seconds=1800.0, cost_usd=pytest.approx(0.22))


def test_a_crawl_tells_its_dpu_hours():
    usage = usage_of("crawler", Succeeded({"DPUHours": 0.5}))
    assert usage == Usage(dpu_seconds=1800.0, cost_usd=pytest.approx(0.22))


def test_a_query_tells_what_it_scanned_and_costs_even_if_it_was_cancelled():
    told = {"AthenaQueryDataScannedInBytes": 10, "AthenaEstimatedCostUSD": 0.1}
    assert usage_of("athena", Failed("AthenaQueryFailedError", told)) == Usage(bytes_scanned=10, cost_usd=0.1)


def test_the_same_field_of_another_service_means_nothing():
    assert usage_of("lambda", Succeeded({"DPUSeconds": 1800.0})) == Usage()


@pytest.mark.parametrize("value", [None, "7", True, float("nan"), float("inf"), [1]])
def test_what_is_no_number_is_not_known(value):
    assert usage_of("glue", Succeeded({"DPUSeconds": value})) == Usage()
