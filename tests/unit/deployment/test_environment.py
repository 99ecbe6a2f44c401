"""The files of ``config/``: what is checked, what is filled in, and what a person is told."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from runners.deployment import environment as environments
from runners.deployment.environment import (
    CONFIG,
    SCHEMA,
    Environment,
    check_endpoint,
    host_architecture,
    host_runtime,
    load,
    schema,
    write_schema,
)
from runners.errors import ConfigurationError
from runners.turn import POLL_TAKES_AT_MOST, STARTING_TAKES_AT_MOST

if TYPE_CHECKING:
    from pathlib import Path

LOCAL: dict[str, Any] = yaml.safe_load((CONFIG / "local.yaml").read_text(encoding="utf-8"))
DEV = {
    **yaml.safe_load((CONFIG / "dev.yaml").read_text(encoding="utf-8")),
    "account_id": "210987654321",
    "region": "eu-central-1",
}


def written(folder: Path, **changes: Any) -> Path:
    """Write local.yaml with changes; a value of ``...`` removes the line."""
    values = {key: value for key, value in {**LOCAL, **changes}.items() if value is not ...}
    (folder / "local.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    return folder


def message(folder: Path, name: str = "local") -> str:
    with pytest.raises(ConfigurationError) as caught:
        load(name, folder)
    return str(caught.value)


def test_the_local_environment_is_whole_and_takes_the_hosts_python_and_processor() -> None:
    local = load("local")
    assert local.embedded
    assert local.lambda_runtime == host_runtime()
    assert local.lambda_architecture == host_architecture()


@pytest.mark.parametrize("values", [LOCAL, DEV], ids=["local", "dev"])
def test_a_turn_goes_on_polling_until_the_next_one_begins_however_many_tasks_come(values: dict[str, Any]) -> None:
    minutes = int(values["runner_schedule"].removeprefix("rate(").partition(" ")[0])
    last_poll = timedelta(seconds=values["runner_timeout_seconds"]) - POLL_TAKES_AT_MOST - STARTING_TAKES_AT_MOST
    assert last_poll > timedelta(minutes=minutes)


@pytest.mark.parametrize(("machine", "architecture"), [("aarch64", "arm64"), ("ARM64", "arm64"), ("x86_64", "x86_64")])
def test_a_machine_is_named_as_lambda_names_it(
    machine: str, architecture: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.machine", lambda: machine)
    assert host_architecture() == architecture


def test_buckets_are_named_by_account_and_region_unless_a_name_is_given() -> None:
    environment = Environment(**{**DEV, "artifact_bucket": "my-own-artifacts"}).resolved()
    assert environment.artifact_bucket == "my-own-artifacts"
    assert environment.data_bucket == "etl-runners-data-210987654321-eu-central-1"


def test_the_dev_environment_runs_on_python_3_13_and_arm64() -> None:
    environment = Environment(**DEV).resolved()
    assert (environment.lambda_runtime, environment.lambda_architecture) == ("python3.13", "arm64")


def test_each_value_to_fill_in_is_named_with_its_file_and_what_to_type() -> None:
    with pytest.raises(ConfigurationError) as caught:
        load("dev")
    account, region = str(caught.value).splitlines()
    assert account.startswith("config/dev.yaml: account_id has no value")
    assert '`account_id: "123456789012"`' in account
    assert region.startswith("config/dev.yaml: region has no value")
    assert '`region: "eu-central-1"`' in region


def test_no_value_is_written_in_the_model_so_that_config_is_the_only_place() -> None:
    defaults = {name: field.default for name, field in Environment.model_fields.items() if not field.is_required()}
    assert set(defaults.values()) == {None, ()}  # what is left out, and lists that name nothing


def test_every_setting_says_what_it_is() -> None:
    assert [name for name, field in Environment.model_fields.items() if not field.description] == []


def test_a_misspelt_setting_is_told_with_the_nearest_right_one(tmp_path: Path) -> None:
    told = message(written(tmp_path, state_machine=..., state_machin="Mine"))
    assert "there is no setting 'state_machin'; did you mean 'state_machine'?" in told
    assert "state_machine has no value" in told


def test_a_setting_like_no_other_is_told_without_a_suggestion(tmp_path: Path) -> None:
    assert "there is no setting 'xyzzy'. Correct" in message(written(tmp_path, xyzzy=1))


def test_a_setting_with_few_values_is_explained_by_one_of_them(tmp_path: Path) -> None:
    assert '`glue_version: "4.0"`' in message(written(tmp_path, glue_version=...))


@pytest.mark.parametrize(
    "name", ["Upper", "a", "with.dots", "-begins", "ends-", "xn--name", "name-s3alias", "x" * 64, "under_score"]
)
def test_a_wrong_name_of_a_bucket_is_refused(name: str, tmp_path: Path) -> None:
    assert "data_bucket: " in message(written(tmp_path, data_bucket=name))


def test_a_heartbeat_that_leaves_no_room_for_a_late_one_is_refused(tmp_path: Path) -> None:
    told = message(written(tmp_path, task_heartbeat_seconds=30, heartbeat_interval_seconds=11))
    assert "three times heartbeat_interval_seconds and the 60 seconds from one turn to the next" in told


def test_heartbeats_come_in_time_from_turns_that_open_no_poll(tmp_path: Path) -> None:
    seldom = {"runner_schedule": "rate(5 minutes)", "heartbeat_interval_seconds": 60}
    assert "and the 300 seconds from one" in message(written(tmp_path, task_heartbeat_seconds=479, **seldom))
    assert load("local", written(tmp_path, task_heartbeat_seconds=480, **seldom)).task_heartbeat_seconds == 480


def test_an_account_cannot_take_this_machines_python() -> None:
    with pytest.raises(ValueError, match="cannot be `host` in an AWS account"):
        Environment(**{**DEV, "lambda_runtime": "host"})


@pytest.mark.parametrize("text", ["", "- a list", "key: [unclosed"])
def test_a_file_that_holds_no_settings_is_told(text: str, tmp_path: Path) -> None:
    (tmp_path / "local.yaml").write_text(text, encoding="utf-8")
    assert f"{tmp_path.name}/local.yaml" in message(tmp_path)


@pytest.mark.parametrize("name", ["loca", "../secret"])
def test_an_unknown_environment_is_told_with_those_there_are(name: str, tmp_path: Path) -> None:
    told = message(written(tmp_path), name)
    assert "Environments: local" in told
    assert ("did you mean 'local'?" in told) == (name == "loca")


def test_the_environment_is_the_one_given_else_the_variables_else_local(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(environments.VARIABLE, raising=False)
    assert environments.chosen() == "local"
    monkeypatch.setenv(environments.VARIABLE, "dev")
    assert environments.chosen() == "dev"
    assert environments.chosen("prod") == "prod"


@pytest.mark.parametrize("endpoint", ["", "https://sts.amazonaws.com", "http://10.0.0.1:4566"])
def test_the_embedded_environment_never_talks_to_another_aws(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    with pytest.raises(ConfigurationError, match="runners local"):
        check_endpoint(load("local"))


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:4566", "http://localhost:4566", "http://[::1]:4566"])
def test_an_account_is_never_mistaken_for_the_embedded_aws(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    check_endpoint(load("local"))
    with pytest.raises(ConfigurationError, match="unset AWS_ENDPOINT_URL"):
        check_endpoint(Environment(**DEV))


def test_the_glue_jobs_of_an_environment_are_those_of_the_workflow_and_ones_own() -> None:
    environment = Environment(**{**DEV, "other_glue_jobs": ["Mine"]})
    assert environment.glue_jobs == (
        "ProcessSalesData",
        "ProcessMarketingData",
        "JoinMarketingAndSalesData",
        "Mine",
    )


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"services": []}, "services: glue is missing, where the workflow's jobs run. It is: The services whose"),
        ({"services": ["glue", "glue"]}, "services: a service is named twice"),
        (
            {"services": ["glue", "athna"]},
            "services.1: there is no 'athna' here; did you mean 'athena'? Input should be",
        ),
        ({"services": ["glue", "xyzzy"]}, "there is no 'xyzzy' here. Input should be 'athena', 'batch'"),
        ({"services": "glue"}, "services: this is a list, written in brackets, as in `[one, another]`. It is: The"),
        ({"services": None}, 'Type it there, as in `services: ["glue"]`.'),
        (
            {"services": ["glue", "crawler"]},
            "crawler is switched on, but crawlers names nothing that its runner may use",
        ),
        (
            {"services": ["glue", "redshift"], "redshift_users": ["etl"]},
            "redshift is switched on, but redshift_clusters and redshift_workgroup_ids name nothing",
        ),
        ({"crawlers": ["a,b"]}, "crawlers.0: String should match pattern"),
        ({"crawlers": ["*"]}, "crawlers.0: String should match pattern"),
    ],
)
def test_services_that_cannot_work_are_refused(tmp_path: Path, changes: dict[str, Any], told: str) -> None:
    assert told in message(written(tmp_path, **changes))


def test_steps_that_could_not_run_are_refused(tmp_path: Path) -> None:
    alone = message(written(tmp_path, steps_subnets=["subnet-0123456789abcdef0"]))
    assert "steps_subnets and steps_security_groups go together" in alone
    with pytest.raises(ValueError, match=r"newer Linux than Lambda's python3\.11 has"):
        Environment(**{**DEV, "services": ["glue", "step"], "lambda_runtime": "python3.11"})
    assert Environment(**{**DEV, "lambda_runtime": "python3.11"}), "the runners run there"


def test_a_bucket_that_steps_write_is_one_that_they_read_too() -> None:
    changed = load("local").changed(steps_read_buckets=("theirs", "ours"), steps_write_buckets=("ours",))
    assert changed.steps_buckets == ("theirs", "ours")


def test_a_setting_that_stands_there_twice_is_refused(tmp_path: Path) -> None:
    with (written(tmp_path) / "local.yaml").open("a", encoding="utf-8") as file:
        file.write("services: [glue, athena]\n")
    assert "local.yaml: services stands there twice" in message(tmp_path)


def test_a_service_is_switched_on_with_what_it_may_use(tmp_path: Path) -> None:
    written(tmp_path, services=["glue", "athena"], athena_work_groups=["primary"], other_athena_databases=["more"])
    loaded = load("local", tmp_path)
    assert loaded.services == ("glue", "athena")
    assert loaded.athena_databases == ("marketing_and_sales", "more")
    assert loaded.athena_buckets == (loaded.data_bucket,)


def test_a_setting_can_be_changed_without_its_file_and_is_checked_all_the_same() -> None:
    local = load("local")
    changed = local.changed(services=["glue", "crawler"], crawlers=["Uploads"])
    assert (changed.services, changed.crawlers) == (("glue", "crawler"), ("Uploads",))
    assert changed.changed(services=local.services, crawlers=()) == local
    with pytest.raises(ConfigurationError, match="changed settings: there is no setting 'crawlrs'"):
        local.changed(crawlrs=["Uploads"])
    with pytest.raises(ConfigurationError, match="crawler is switched on, but crawlers names nothing"):
        local.changed(services=["glue", "crawler"])


def test_limits_are_of_one_service(tmp_path: Path) -> None:
    loaded = load("local", written(tmp_path, limits={"glue": {"max_running_jobs": 2}}))
    assert loaded.value_of("max_running_jobs", "glue") == 2
    assert loaded.value_of("max_running_jobs", "athena") is None
    assert loaded.value_of("max_dpu", "glue") is None
    assert loaded.value_of("polls", "glue") == LOCAL["polls"]
    assert loaded.changed(limits=None).value_of("max_running_jobs", "glue") is None


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ({"glu": {}}, "there is no 'glu' here; did you mean 'glue'?"),
        ({"glue": {"max_runing_jobs": 1}}, "there is no limit 'max_runing_jobs'; did you mean 'max_running_jobs'?"),
        ({"glue": {"max_running_jobs": 0}}, "limits.glue.max_running_jobs: Input should be greater than or equal to 1"),
        ({"glue": {"max_running_by_name": {"a,b": 1}}}, "String should match pattern"),
    ],
)
def test_wrong_limits_are_told(tmp_path: Path, limits: Any, told: str) -> None:
    assert told in message(written(tmp_path, limits=limits))


def test_the_schema_that_editors_use_is_current() -> None:
    assert json.loads(SCHEMA.read_text(encoding="utf-8")) == schema(), "type `pynt configschema`"


def test_each_file_of_config_names_the_schema() -> None:
    for path in CONFIG.glob("*.yaml"):
        assert path.read_text(encoding="utf-8").startswith(f"# yaml-language-server: $schema=./{SCHEMA.name}\n")


def test_writing_the_schema_gives_the_committed_bytes(tmp_path: Path) -> None:
    assert write_schema(tmp_path / "schema.json").read_bytes() == SCHEMA.read_bytes()
