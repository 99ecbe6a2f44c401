import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from moto import mock_aws

from runners import cli
from runners.active_jobs import ActiveJobs
from runners.arrival import Arrival
from runners.arrivals import Arrivals
from runners.deployment import environment
from runners.deployment.account import Account
from runners.job import ActiveJob

CLAIMED_AT = datetime(2026, 1, 31, 4, 5, 6, tzinfo=UTC)


def _answer_clients(monkeypatch, dynamodb):
    """Let the environment's account be moto's, and its endpoint look like the embedded AWS's."""
    clients = {"dynamodb": dynamodb, "sts": boto3.client("sts", region_name="us-east-1")}
    monkeypatch.setattr(Account, "client", lambda account, service: clients[service])
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")


@pytest.fixture
def tables(monkeypatch):
    """The two tables of the local environment."""
    local = environment.load("local")
    with mock_aws():
        dynamodb = boto3.client("dynamodb", region_name=local.region)
        for name, keys in {
            local.active_jobs_table: ("runner", "task_key"),
            local.arrivals_table: ("bucket", "key"),
        }.items():
            dynamodb.create_table(
                TableName=name,
                BillingMode="PAY_PER_REQUEST",
                KeySchema=[
                    {"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"), strict=True)
                ],
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
            )
        _answer_clients(monkeypatch, dynamodb)
        yield ActiveJobs(local.active_jobs_table, dynamodb), Arrivals(local.arrivals_table, dynamodb)


def test_jobs_lists_the_active_jobs_of_one_runner_without_their_tokens(tables, capsys):
    active_jobs, _ = tables
    for runner, run_id in [("glue", "jr_1"), ("arrivals", None)]:
        active_jobs.claim(
            ActiveJob(
                runner=runner,
                task_key="k" * 64,
                token="secret-token",
                request={"GlueJobName": "LoadOrders", "password": "secret-argument"},
                claimed_at=CLAIMED_AT,
                lease_expires_at=CLAIMED_AT + timedelta(seconds=60),
                run_id=run_id,
            )
        )

    assert cli.main(["jobs", "glue"]) == 0

    printed = capsys.readouterr().out
    (line,) = printed.splitlines()[1:]
    assert line[:19] == "2026-01-31 04:05:06"
    assert re.split(r"  +", line)[2:] == ["glue", "CLAIMED", "0", "1", "LoadOrders", "jr_1", "-", "k" * 10]
    assert "secret" not in printed


def test_jobs_says_what_a_wait_waits_for(tables, capsys):
    active_jobs, _ = tables
    active_jobs.claim(
        ActiveJob(
            runner="arrivals",
            task_key="k" * 64,
            token="secret-token",
            request={"Bucket": "data", "Key": None, "Pattern": "orders/*.csv", "MinObjects": 1},
            claimed_at=CLAIMED_AT,
            lease_expires_at=CLAIMED_AT,
        )
    )

    assert cli.main(["jobs", "arrivals", "--json"]) == 0

    (document,) = json.loads(capsys.readouterr().out)
    assert document["asked_for"] == "data orders/*.csv"


def test_a_table_that_was_not_deployed_is_told_with_what_to_type(monkeypatch, capsys):
    with mock_aws():
        _answer_clients(monkeypatch, boto3.client("dynamodb", region_name="us-east-1"))

        assert cli.main(["jobs", "glue"]) == 1

    told = capsys.readouterr()
    assert "`pynt deploy`" in told.err
    assert told.out == ""


def test_arrivals_lists_what_was_noticed_below_a_prefix(tables, capsys):
    _, arrivals = tables
    bucket = environment.load("local").data_bucket
    for key in ("sales/a.csv", "marketing/b.csv"):
        arrivals.record(Arrival(bucket, key, 7, "etag", None, "0A", CLAIMED_AT), CLAIMED_AT)

    assert cli.main(["arrivals", "sales/"]) == 0

    assert capsys.readouterr().out.splitlines()[1:] == ["2026-01-31 04:05:06  7      sales/a.csv"]
    assert cli.main(["arrivals", "nowhere/"]) == 0
    assert capsys.readouterr().out == "No arrival of such an object was noticed.\n"


def test_an_environment_that_does_not_exist_is_told_in_one_message(capsys):
    assert cli.main(["jobs", "glue", "--environment", "locale"]) == 1

    assert "did you mean 'local'?" in capsys.readouterr().err


def test_the_local_environment_is_never_looked_for_in_a_real_account(monkeypatch, capsys):
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.delenv("ETL_ENVIRONMENT", raising=False)

    assert cli.main(["jobs", "glue"]) == 1

    assert "AWS_ENDPOINT_URL" in capsys.readouterr().err


def test_tables_of_another_account_are_not_shown(tables, monkeypatch, capsys):
    other = environment.load("local").model_copy(update={"account_id": "111122223333"})
    monkeypatch.setattr(environment, "load", lambda name: other)

    assert cli.main(["arrivals"]) == 1

    told = capsys.readouterr()
    assert "111122223333" in told.err
    assert told.out == ""


def test_an_interrupted_command_ends_as_shells_expect(monkeypatch):
    def interrupted(name=None):
        raise KeyboardInterrupt

    monkeypatch.setattr(environment, "load", interrupted)

    assert cli.main(["arrivals"]) == 130


def test_local_keeps_an_embedded_aws_on_the_given_port_and_ends_with_its_status(monkeypatch):
    given = []
    monkeypatch.setattr("runners.local.server.main", lambda arguments: given.append(arguments) or 1)

    assert cli.main(["local", "--port", "4777"]) == 1

    assert given == [["--port", "4777"]]


@pytest.mark.parametrize("arguments", [[], ["nothing"], ["jobs", "spark"]])
def test_wrong_arguments_are_answered_with_the_usage(arguments, capsys):
    with pytest.raises(SystemExit, match="2"):
        cli.main(arguments)

    assert "usage: runners" in capsys.readouterr().err


def test_a_reader_that_has_seen_enough_gets_no_traceback():
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "runners", "lint", "--json", "cloudformation/step-functions-resources.yaml"]
    piped = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, check=False, cwd=environment.ROOT)
    os.close(writer)
    assert (piped.returncode, piped.stderr) == (cli.CUT_OFF, "")
