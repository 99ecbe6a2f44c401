from __future__ import annotations

import io
import json
import sys
from types import SimpleNamespace

import boto3
import pytest
from botocore.exceptions import ClientError

from runners import cli
from runners.deployment import environment
from runners.deployment.account import Account
from runners.lint.command import _is_coloured, _laid_out
from tests.unit.lint.definitions import ACTIVITY, machine, state

ROLE = "arn:aws:iam::123456789012:role/orchestrator"
RIGHT = machine(state())
WARNED = machine(state(Catch=None))
WRONG = machine(state(HeartbeatSeconds=None))
del WARNED["States"]["Tell"]  # to which nothing leads


@pytest.fixture
def file(tmp_path, monkeypatch):
    """Writes a file into the working folder and answers its name."""
    monkeypatch.chdir(tmp_path)

    def written(definition, name="a.asl.json"):
        content = definition if isinstance(definition, bytes) else json.dumps(definition, indent=2).encode()
        (tmp_path / name).write_bytes(content)
        return name

    return written


def run(capsys, *arguments):
    status = cli.main(["lint", *arguments])
    printed = capsys.readouterr()
    return status, printed.out, printed.err


def test_a_right_file_ends_well(file, capsys):
    status, out, _ = run(capsys, file(RIGHT))

    assert status == 0
    assert out == "0 errors, 0 warnings, 0 infos in 1 activity task of 1 state machine (environment local)\n"


def test_an_error_fails_the_command(file, capsys):
    status, out, _ = run(capsys, file(WRONG))

    assert status == 1
    assert out.splitlines()[0].startswith('a.asl.json:4:5: error ACT001 heartbeat: state "Load": there is no Heartbeat')


def test_a_warning_fails_it_only_if_it_is_strict(file, capsys):
    name = file(WARNED)

    assert run(capsys, name)[0] == 0
    status, out, _ = run(capsys, name, "--strict")
    assert status == 1
    assert ": error ACT006 catch: " in out


def test_json_is_printed_for_programs(file, capsys):
    status, out, _ = run(capsys, file(WRONG), "--json")

    assert status == 1
    assert json.loads(out)["findings"][0]["rule"] == "ACT001"


def test_several_files_are_linted_each_once(file, capsys):
    first, second = file(WRONG, "first.json"), file(WRONG, "second.json")

    _, out, _ = run(capsys, first, second, first)

    assert [line.split(":")[0] for line in out.splitlines() if "ACT001" in line] == ["first.json", "second.json"]
    assert "in 2 activity tasks of 2 state machines" in out


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        (b"{", "a.json", "a.json:1:2: error FILE001 unreadable: this is not JSON: the text ends too early"),
        (b"", "a.json", "a.json:1:1: error FILE001 unreadable: the file is empty"),
        (b'{"some": "thing"}', "a.json", "this is no state machine"),
        (b"\xff\xfe\x00", "a.dat", "this is no text in UTF-8"),
        (b"a: [", "a.yml", "this is not YAML"),
    ],
)
def test_a_bad_file_is_a_finding_and_the_others_are_linted(file, capsys, content, name, message):
    status, out, _ = run(capsys, file(content, name), file(WRONG, "other.json"))

    assert status == 1
    assert message in out
    assert "other.json:4:5: error ACT001" in out


def test_a_file_that_is_not_there_is_a_finding(file, capsys):
    status, out, _ = run(capsys, "nowhere.json", ".")

    assert status == 1
    assert "nowhere.json:1:1: error FILE001 unreadable: No such file or directory" in out
    assert ".:1:1: error FILE001 unreadable: Is a directory" in out


def test_a_hyphen_is_standard_input(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(json.dumps(WRONG).encode())))

    assert run(capsys, "-")[1].startswith("<stdin>:1:")


def test_yaml_is_known_by_its_name(file, capsys):
    flow = b"{StartAt: A, States: {A: {Type: Pass, End: true}}}"

    assert run(capsys, file(flow, "a.yaml"))[0] == 0
    assert run(capsys, file(flow, "a.json"))[0] == 1


def test_activities_of_ones_own_are_named(file, capsys):
    name = file(machine(state(Resource=f"{ACTIVITY}:Mine")))

    assert run(capsys, name)[0] == 1
    assert run(capsys, name, "--activity", "Mine")[0] == 0


def test_an_environment_that_there_is_not_is_told(file, capsys):
    status, _, err = run(capsys, file(RIGHT), "--environment", "lokal")

    assert status == 1
    assert "did you mean 'local'?" in err


def test_without_any_environment_it_does_without(file, capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(environment, "CONFIG", tmp_path / "config")

    assert run(capsys, file(machine(state(Resource=f"{ACTIVITY}:Any", HeartbeatSeconds=1))))[:2] == (
        0,
        "0 errors, 0 warnings, 0 infos in 1 activity task of 1 state machine\n",
    )
    assert "there is no config/" in run(capsys, "arn:aws:states:us-east-1:123456789012:stateMachine:X")[2]


@pytest.mark.parametrize(
    ("is_terminal", "variables", "coloured"),
    [
        (True, {}, True),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"TERM": "dumb"}, False),
        (False, {}, False),
    ],
)
def test_colours_are_for_terminals_that_want_them(monkeypatch, is_terminal, variables, coloured):
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(isatty=lambda: is_terminal))

    assert _is_coloured() == coloured


# A state machine in the account


@pytest.fixture
def step_functions(aws, monkeypatch):
    """Step Functions in memory, as the account of the local environment."""
    client = boto3.client("stepfunctions", region_name="us-east-1")
    clients = {"stepfunctions": client, "sts": boto3.client("sts", region_name="us-east-1")}
    monkeypatch.setattr(Account, "client", lambda account, service: clients[service])
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    return client


def made(step_functions, definition, **options):
    text = definition if isinstance(definition, str) else json.dumps(definition)
    return step_functions.create_state_machine(name="Nightly", roleArn=ROLE, definition=text, **options)[
        "stateMachineArn"
    ]


def test_a_state_machine_in_the_account_is_linted_with_lines(step_functions, capsys):
    step_functions.create_activity(name="GlueRunnerActivity")
    arn = made(step_functions, WRONG)

    status, out, _ = run(capsys, arn)

    assert status == 1
    assert out.splitlines()[0].startswith(f"{arn}:4:5: error ACT001")


def test_a_definition_that_has_lines_keeps_them(step_functions, capsys):
    step_functions.create_activity(name="GlueRunnerActivity")
    arn = made(step_functions, "\n\n" + json.dumps(WRONG, indent=2) + "\n")

    assert run(capsys, arn)[1].startswith(f"{arn}:6:5: ")


def test_an_activity_that_the_account_lacks_is_told(step_functions, capsys):
    step_functions.create_activity(name="GlueRunerActivity")
    arn = made(step_functions, RIGHT)

    status, out, _ = run(capsys, arn)

    assert status == 1
    assert f"there is no activity {ACTIVITY}:GlueRunnerActivity; did you mean 'GlueRunerActivity'?" in out


def test_a_state_machine_that_is_express_cannot_have_activities(step_functions, capsys):
    step_functions.create_activity(name="GlueRunnerActivity")

    assert "error ACT013 express" in run(capsys, made(step_functions, RIGHT, type="EXPRESS"))[1]


def test_a_state_machine_that_there_is_not_is_told(step_functions, capsys):
    status, _, err = run(capsys, "arn:aws:states:us-east-1:123456789012:stateMachine:Nightly")

    assert status == 1
    assert "there is no state machine arn:aws:states:us-east-1:123456789012:stateMachine:Nightly" in err


@pytest.mark.parametrize(
    ("arn", "message"),
    [
        ("arn:aws:states:us-east-1:123456789012:activity:Nightly", "is no state machine's ARN"),
        ("arn:aws:states:eu-west-1:123456789012:stateMachine:Nightly", "is not in the account"),
        ("arn:aws:states:us-east-1:999999999999:stateMachine:Nightly", "is not in the account"),
    ],
)
def test_an_arn_that_does_not_fit_the_environment_is_told(step_functions, capsys, arn, message):
    status, _, err = run(capsys, arn)

    assert status == 1
    assert message in err


def test_a_refusal_of_aws_is_told(step_functions, capsys, monkeypatch):
    def denied(**_):
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "DescribeStateMachine")

    monkeypatch.setattr(step_functions, "describe_state_machine", denied)

    assert "AWS denies DescribeStateMachine" in run(capsys, "arn:aws:states:us-east-1:123456789012:stateMachine:X")[2]


@pytest.mark.parametrize("definition", ['{"a": 1, "a": 2}', "no JSON"])
def test_a_line_that_cannot_be_laid_out_without_loss_is_left(definition):
    assert _laid_out(definition) == definition
