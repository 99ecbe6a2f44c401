from __future__ import annotations

import pytest

from runners import clients
from runners.clients import MAX_POLLS, POLL_READ_TIMEOUT, READ_TIMEOUT
from runners.settings import Settings

ALL = [clients.step_functions, clients.step_functions_polls, clients.dynamodb, clients.glue, clients.s3]


@pytest.mark.parametrize("make", ALL)
def test_no_client_repeats_a_call_by_itself(make):
    assert make().meta.config.retries["total_max_attempts"] == 1


def test_a_poll_may_take_longer_than_step_functions_holds_it():
    config = clients.step_functions_polls().meta.config
    assert config.read_timeout == POLL_READ_TIMEOUT > 65
    assert config.max_pool_connections == MAX_POLLS


def test_other_calls_end_well_within_the_time_of_a_start():
    config = clients.glue().meta.config
    assert config.read_timeout == READ_TIMEOUT
    # A start may take two calls (see services.glue), the first after attempts that did not connect.
    assert (
        2 * (config.read_timeout + config.connect_timeout)
        < Settings(active_jobs_table="abc").start_takes_at_most_seconds
    )


def test_each_client_is_that_of_its_service():
    services = [make().meta.service_model.service_id for make in ALL]
    assert services == ["SFN", "SFN", "DynamoDB", "Glue", "S3"]
