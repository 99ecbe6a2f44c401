from __future__ import annotations

from datetime import timedelta

import pytest

from runners.errors import ConfigurationError
from runners.settings import Settings

TABLE = {"RUNNERS_ACTIVE_JOBS_TABLE": "active-jobs"}


def read(**variables):
    return Settings.from_environment(TABLE | {f"RUNNERS_{name}": value for name, value in variables.items()})


def test_settings_are_read_from_the_environment():
    settings = read(
        ACTIVITY_ARN="arn",
        ARRIVALS_TABLE="arrivals",
        MAX_ACTIVE_JOBS="7",
        POLLS="3",
        SWEEP_INTERVAL_SECONDS="20",
        STOP_ABANDONED_JOBS="false",
        LOG_LEVEL="DEBUG",
    )
    assert (settings.active_jobs_table, settings.activity_arn, settings.arrivals_table) == (
        "active-jobs",
        "arn",
        "arrivals",
    )
    assert (settings.max_active_jobs, settings.polls, settings.log_level) == (7, 3, "DEBUG")
    assert settings.stop_abandoned_jobs is False


def test_durations_are_durations():
    settings = read(
        SWEEP_INTERVAL_SECONDS="20", HEARTBEAT_INTERVAL_SECONDS="30", RETRY_START_SECONDS="0", LEASE_SECONDS="150"
    )
    assert settings.sweep_interval == timedelta(seconds=20)
    assert settings.heartbeat_interval == timedelta(seconds=30)
    assert settings.retry_start_after == timedelta(0)
    assert settings.lease == timedelta(seconds=150)


@pytest.mark.parametrize(
    ("text", "buckets"), [("", ()), ("sales", ("sales",)), (" sales, ,marketing ", ("sales", "marketing"))]
)
def test_buckets_are_separated_by_commas(text, buckets):
    assert read(DATA_BUCKETS=text).data_buckets == buckets


def test_buckets_may_be_given_as_names():
    assert Settings(active_jobs_table="active-jobs", data_buckets=["sales"]).data_buckets == ("sales",)


def test_an_empty_variable_counts_as_absent():
    assert read(POLLS="", LOG_LEVEL="").polls == 10


def test_other_variables_do_no_harm():
    assert read(UNHEARD_OF="1").active_jobs_table == "active-jobs"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("POLLS", "many"),
        ("POLLS", "1001"),
        ("MAX_ACTIVE_JOBS", "0"),
        ("STOP_ABANDONED_JOBS", "perhaps"),
        ("LOG_LEVEL", "LOUD"),
    ],
)
def test_a_wrong_variable_is_named_without_its_value(variable, value):
    with pytest.raises(ConfigurationError, match=f"RUNNERS_{variable}: ") as caught:
        read(**{variable: value})
    assert not value.isalpha() or value not in str(caught.value)


def test_all_that_is_missing_or_wrong_is_named_at_once():
    with pytest.raises(ConfigurationError, match=r"RUNNERS_ACTIVE_JOBS_TABLE: .*RUNNERS_POLLS: ") as caught:
        Settings.from_environment({"RUNNERS_POLLS": "many"})
    assert "Set the variables" in str(caught.value)


def test_a_lambda_function_is_the_worker_by_its_own_name_unless_another_is_given():
    in_lambda = TABLE | {"AWS_LAMBDA_FUNCTION_NAME": "gluerunner"}
    assert Settings.from_environment(in_lambda).worker_name == "gluerunner"
    assert Settings.from_environment(in_lambda | {"RUNNERS_WORKER_NAME": "mine"}).worker_name == "mine"


def test_a_lease_that_no_start_would_fit_into_is_refused():
    with pytest.raises(ConfigurationError, match="lease_seconds must be more than start_takes_at_most_seconds"):
        Settings.from_environment({"RUNNERS_ACTIVE_JOBS_TABLE": "ActiveJobs", "RUNNERS_LEASE_SECONDS": "59"})


def test_limits_by_name_are_listed_with_commas():
    settings = Settings.from_environment(
        {"RUNNERS_ACTIVE_JOBS_TABLE": "ActiveJobs", "RUNNERS_MAX_RUNNING_BY_NAME": "Sales=2, Join = 1"}
    )
    assert settings.max_running_by_name == {"Sales": 2, "Join": 1}


@pytest.mark.parametrize("limits", ["Sales", "Sales=0", "Sales=many"])
def test_a_limit_by_name_that_is_none_is_refused(limits):
    with pytest.raises(ConfigurationError, match="RUNNERS_MAX_RUNNING_BY_NAME"):
        Settings.from_environment({"RUNNERS_ACTIVE_JOBS_TABLE": "ActiveJobs", "RUNNERS_MAX_RUNNING_BY_NAME": limits})
