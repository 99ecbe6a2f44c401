from __future__ import annotations

import pytest

from runners.deployment.environment import load
from runners.errors import ConfigurationError
from runners.worker.settings import laid_over, settings_of, variables_of

GLUE = "arn:aws:states:us-east-1:123456789012:activity:Glue"
ATHENA = "arn:aws:states:us-east-1:123456789012:activity:Athena"
VARIABLES = {"RUNNERS_ACTIVE_JOBS_TABLE": "ActiveJobs", "RUNNERS_ACTIVITY_ARNS": f"glue={GLUE}, athena={ATHENA}"}


def test_each_runner_has_its_own_activity_and_what_all_have():
    glue, athena = settings_of(["glue", "athena"], VARIABLES | {"RUNNERS_POLLS": "7"})
    assert (glue.service, glue.activity_arn, glue.polls) == ("glue", GLUE, 7)
    assert (athena.service, athena.activity_arn, athena.polls) == ("athena", ATHENA, 7)


def test_a_setting_may_be_one_services_own():
    own = {"RUNNERS_POLLS": "7", "RUNNERS_GLUE_POLLS": "3", "RUNNERS_GLUE_MAX_DPU": "20"}
    glue, athena = settings_of(["glue", "athena"], VARIABLES | own)
    assert (glue.polls, glue.max_dpu) == (3, 20)
    assert (athena.polls, athena.max_dpu) == (7, None)


def test_a_services_settings_are_not_those_of_one_whose_name_begins_alike():
    arns = f"glue={GLUE},glueworkflow={ATHENA}"
    glue, workflow = settings_of(
        ["glue", "glueworkflow"], VARIABLES | {"RUNNERS_ACTIVITY_ARNS": arns, "RUNNERS_GLUEWORKFLOW_POLLS": "3"}
    )
    assert (glue.polls, workflow.polls) == (10, 3)


def test_of_one_service_the_activity_may_be_named_as_for_a_function():
    variables = {"RUNNERS_ACTIVE_JOBS_TABLE": "ActiveJobs", "RUNNERS_ACTIVITY_ARN": GLUE}
    assert settings_of(["glue"], variables)[0].activity_arn == GLUE
    with pytest.raises(ConfigurationError, match="RUNNERS_ACTIVITY_ARNS=glue="):
        settings_of(["glue", "athena"], variables)


def test_an_activity_that_is_not_known_is_told_with_what_to_set():
    with pytest.raises(ConfigurationError, match="RUNNERS_DMS_ACTIVITY_ARN"):
        settings_of(["glue", "athena", "dms"], VARIABLES)


def test_an_activity_of_a_service_that_is_not_run_is_a_mistake():
    with pytest.raises(ConfigurationError, match="names athena, which this worker was not told to run"):
        settings_of(["glue"], VARIABLES)


def test_a_list_of_activities_that_is_none_is_a_mistake():
    with pytest.raises(ConfigurationError, match="has glue; it is a list such as"):
        settings_of(["glue"], VARIABLES | {"RUNNERS_ACTIVITY_ARNS": "glue"})


def test_a_variable_that_is_empty_counts_as_not_set():
    glue, _ = settings_of(["glue", "athena"], VARIABLES | {"RUNNERS_POLLS": "", "RUNNERS_GLUE_POLLS": ""})
    assert glue.polls == 10


def test_a_variable_that_is_missing_is_named():
    with pytest.raises(ConfigurationError, match="RUNNERS_ACTIVE_JOBS_TABLE"):
        settings_of(["glue"], {"RUNNERS_GLUE_ACTIVITY_ARN": GLUE})


# From a file


@pytest.fixture
def environment():
    return load("local").changed(services=["glue", "athena"], athena_work_groups=["primary"])


def test_a_variable_that_is_wrong_is_named_as_it_was_given():
    with pytest.raises(ConfigurationError, match="RUNNERS_GLUE_POLLS: Input should be a valid integer") as own:
        settings_of(["glue", "athena"], VARIABLES | {"RUNNERS_GLUE_POLLS": "many"})
    assert "RUNNERS_POLLS" not in str(own.value)
    with pytest.raises(ConfigurationError, match="RUNNERS_POLLS: Input should be a valid integer"):
        settings_of(["glue", "athena"], VARIABLES | {"RUNNERS_POLLS": "many"})


def test_a_file_says_what_variables_say(environment):
    services = ["arrivals", "glue", "athena"]
    arrivals, glue, athena = settings_of(services, variables_of(environment, services))
    place = f"arn:aws:states:{environment.region}:{environment.account_id}:activity"
    assert arrivals.activity_arn == f"{place}:{environment.data_arrival_activity}"
    assert glue.activity_arn == f"{place}:{environment.glue_runner_activity}"
    assert athena.activity_arn == f"{place}:AthenaRunnerActivity"
    assert {each.active_jobs_table for each in (arrivals, glue, athena)} == {environment.active_jobs_table}
    assert glue.sweep_interval_seconds == environment.sweep_interval_seconds
    assert glue.completions_table == environment.job_completions_table
    assert glue.stop_abandoned_jobs is True
    assert arrivals.data_buckets == (environment.data_bucket,)
    assert glue.data_buckets == ()


def test_steps_have_a_table_of_reports_of_their_own(environment):
    services = ["glue", "step"]
    glue, step = settings_of(services, variables_of(environment.changed(services=services), services))
    assert step.activity_arn.endswith(":activity:StepRunnerActivity")
    assert step.completions_table == environment.steps_completions_table != glue.completions_table
    assert step.cursors_table == environment.steps_cursors_table


def test_the_limits_of_a_file_are_their_services_own(environment):
    limits = {"max_running_jobs": 20, "max_running_by_name": {"SalesJob": 2, "JoinJob": 1}, "max_dpu": 100}
    variables = variables_of(environment.changed(limits={"glue": limits}), ["glue", "athena"])
    glue, athena = settings_of(["glue", "athena"], variables)
    assert (glue.max_running_jobs, glue.max_dpu) == (20, 100)
    assert glue.max_running_by_name == {"SalesJob": 2, "JoinJob": 1}
    assert (athena.max_running_jobs, athena.max_dpu, athena.max_running_by_name) == (None, None, {})


def test_a_variable_wins_over_a_file(environment):
    variables = laid_over(variables_of(environment, ["glue"]), {"RUNNERS_POLLS": "99"}, ["glue"])
    assert settings_of(["glue"], variables)[0].polls == 99


def test_a_variable_for_all_runners_wins_over_what_a_file_says_of_one(environment):
    services, limits = ["glue", "athena"], {"glue": {"max_running_jobs": 20, "max_dpu": 100}}
    of_file = variables_of(environment.changed(limits=limits), services)
    given = {"RUNNERS_MAX_RUNNING_JOBS": "5", "RUNNERS_ATHENA_MAX_RUNNING_JOBS": "6", "RUNNERS_MAX_DPU": ""}
    glue, athena = settings_of(services, laid_over(of_file, given, services))
    assert (glue.max_running_jobs, glue.max_dpu) == (5, 100)
    assert (athena.max_running_jobs, athena.max_dpu) == (6, None)


def test_a_service_that_is_not_switched_on_is_a_mistake(environment):
    with pytest.raises(ConfigurationError, match="dms: not switched on in this environment"):
        variables_of(environment, ["glue", "dms"])
