from __future__ import annotations

import pytest

from runners.testing.prices import Bill


def test_a_bill_adds_up_what_was_counted():
    bill = Bill(
        transitions=1_000_000,
        lambda_requests=1_000_000,
        lambda_gb_seconds=1_000,
        write_units=1_000_000,
        read_units=1_000_000,
        custom_events=1_000_000,
    )
    assert bill.step_functions_usd == pytest.approx(25)
    assert bill.lambda_usd == pytest.approx(0.2 + 0.0166667)
    assert bill.dynamodb_usd == pytest.approx(0.625 + 0.125)
    assert bill.events_usd == pytest.approx(1)
    assert bill.total_usd == pytest.approx(25 + 0.2166667 + 0.75 + 1)


def test_arm_costs_a_fifth_less():
    assert Bill(lambda_gb_seconds=1e6, arm=True).total_usd == pytest.approx(16.66667 * 0.8, rel=1e-4)


def test_what_was_not_used_costs_nothing():
    assert Bill().total_usd == 0
