from __future__ import annotations

import builtins
import json
import signal
from typing import ClassVar

import pytest

from runners import cli, clients
from runners.step_command import command
from runners.steps import Parameters, Step, StepContext, catalog
from runners.steps.connections import Connection
from runners.steps.errors import SourceFailed


class Greet(Step):
    """Greets somebody."""

    class Parameters(Parameters):
        Name: str
        """Whom to greet."""

        Mood: str = "calm"
        """How."""

    example: ClassVar = {"Name": "Ada"}

    def run(self, context: StepContext) -> dict[str, object]:
        name = self.parameters.Name
        if name == "nobody":
            raise SourceFailed("there is nobody", place="here")
        if name == "interrupted":
            signal.raise_signal(signal.SIGINT)
            context.check_stop()
        if name == "twice interrupted":
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
        if name.startswith("connection "):
            return {"found": context.connections.get(name.removeprefix("connection "), Shop).host}
        context.progress.count(rows=3)
        return {"greeting": f"Hello, {name}", "execution": context.execution_id}


class Shop(Connection):
    host: str


class Point:
    value = "tests:Greet"

    def load(self):
        return Greet


@pytest.fixture(autouse=True)
def with_a_step_of_its_own(monkeypatch, tmp_path):
    others = catalog._others
    monkeypatch.setattr(catalog, "_others", lambda: {**others(), "Greet": Point()})
    monkeypatch.chdir(tmp_path)
    for name in ("RUNNERS_ENVIRONMENT", "ETL_ENVIRONMENT", "RUNNERS_CONNECTIONS_FILE", "RUNNERS_LOG_LEVEL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def run(tmp_path):
    """Run the step by its command line and return the exit status."""

    def run(name, *options, **more):
        file = tmp_path / "step.json"
        file.write_text(json.dumps({"StepType": "Greet", "Parameters": {"Name": name}, **more}))
        return cli.main(["step", "run", str(file), *options])

    return run


def test_a_step_is_run_and_its_result_is_shown(run, capsys):
    assert run("Ada") == 0
    shown = capsys.readouterr().out
    assert "greeting  Hello, Ada" in shown
    assert "rows      3" in shown


def test_a_step_s_result_is_json_for_machines(run, capsys):
    assert run("Ada", "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["success"] is True
    assert answer["result"]["greeting"] == "Hello, Ada"
    assert answer["metrics"]["rows"] == 3


def test_templates_find_the_day_and_what_was_given_on_the_command_line(run, capsys):
    status = run("{{ params.who }} on {{ ds }}", "--param", "who=Ada", "--date", "2026-01-31", "--json")
    assert status == 0
    assert json.loads(capsys.readouterr().out)["result"]["greeting"] == "Hello, Ada on 2026-01-31"


def test_what_is_given_on_the_command_line_wins_over_the_file(run, capsys):
    assert run("{{ params.a }}{{ params.b }}", "--param", "b=2", "--json", Params={"a": 1, "b": 1}) == 0
    assert json.loads(capsys.readouterr().out)["result"]["greeting"] == "Hello, 12"


@pytest.mark.parametrize("day", ["yesterday", "2026-01-40", ""])
def test_a_day_that_is_none_is_refused_by_the_command_line(run, capsys, day):
    with pytest.raises(SystemExit):
        run("Ada", "--date", day)
    assert "it is a day such as 2026-01-31" in capsys.readouterr().err


def test_a_step_may_be_run_as_one_of_an_execution(run, capsys):
    arn = "arn:aws:states:us-east-1:123456789012:execution:nightly:1"
    assert run("Ada", "--execution-id", arn, "--json") == 0
    assert json.loads(capsys.readouterr().out)["result"]["execution"] == arn


def test_a_failure_is_told_in_one_message(run, capsys):
    assert run("nobody") == 1
    captured = capsys.readouterr()
    assert captured.err == "runners: there is nobody\n"
    assert captured.out == ""


def test_a_failure_is_json_for_machines(run, capsys):
    assert run("nobody", "--json") == 1
    assert json.loads(capsys.readouterr().out) == {
        "success": False,
        "error": "SourceFailed",
        "message": "there is nobody",
        "transient": False,
        "place": "here",
        "attempts": 1,
    }


def test_ctrl_c_stops_a_step_with_nothing_published(run, capsys):
    before = signal.getsignal(signal.SIGINT)
    assert run("interrupted") == command.INTERRUPTED
    assert "nothing was published" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_twice_ends_a_step_at_once(run):
    assert run("twice interrupted") == cli.INTERRUPTED


# Connections


@pytest.fixture
def described(tmp_path):
    """Describe the connection shop in a file."""

    def described(name, host):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps({"shop": {"host": host}}))
        return str(file)

    return described


def found(capsys):
    return json.loads(capsys.readouterr().out)["result"]["found"]


def test_connections_are_read_from_a_file_that_is_given(run, described, capsys):
    described("config/connections.local.json", "local.example")
    file = described("mine.json", "mine.example")
    assert run("connection shop", "--json", "--connections", file) == 0
    assert found(capsys) == "mine.example"


@pytest.mark.parametrize("variable", [None, "ETL_ENVIRONMENT", "RUNNERS_ENVIRONMENT"])
def test_connections_are_those_of_the_environment_if_it_has_a_file(run, described, capsys, monkeypatch, variable):
    environment = "local" if variable is None else "test"
    described(f"config/connections.{environment}.json", f"{environment}.example")
    if variable:
        monkeypatch.setenv(variable, environment)
    assert run("connection shop", "--json") == 0
    assert found(capsys) == f"{environment}.example"


def test_connections_are_in_parameter_store_if_there_is_no_file(run, aws, capsys):
    ssm = clients.of("ssm")
    ssm.put_parameter(Name="/etl/local/connections/shop", Type="SecureString", Value='{"host": "store.example"}')
    assert run("connection shop", "--json") == 0
    assert found(capsys) == "store.example"


def test_an_environment_of_config_says_the_account_and_whose_connections(run, aws, capsys, monkeypatch):
    class Opened:
        def __init__(self, name):
            self.name = name

        def lead_the_way(self):
            ssm = clients.of("ssm")
            ssm.put_parameter(Name="/etl/prod/connections/shop", Type="SecureString", Value='{"host": "prod.example"}')

    monkeypatch.setattr(command, "Opened", Opened)
    assert run("connection shop", "--json", "--environment", "prod") == 0
    assert found(capsys) == "prod.example"


# Listing and describing


def test_step_types_are_listed(capsys):
    assert cli.main(["step", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["STEP", "TYPE", "WHAT", "IT", "DOES", "MISSING"]
    assert any(line.startswith("Greet ") and "Greets somebody." in line for line in lines)


def test_step_types_are_listed_as_json(capsys):
    assert cli.main(["step", "list", "--json"]) == 0
    assert {"name": "Greet", "does": "Greets somebody.", "missing": ""} in json.loads(capsys.readouterr().out)


def test_a_step_type_is_described_with_its_parameters_and_an_example(capsys):
    assert cli.main(["step", "describe", "Greet"]) == 0
    assert capsys.readouterr().out == (
        "Greet: Greets somebody.\n\n"
        "Name\n    text, required\n    Whom to greet.\n"
        'Mood\n    text, default "calm"\n    How.\n'
        '\nExample:\n\n{\n  "StepType": "Greet",\n  "Parameters": {\n    "Name": "Ada"\n  }\n}\n'
    )


def test_a_transfer_is_described_with_what_its_connections_are_made_of(capsys):
    assert cli.main(["step", "describe", "SqliteToFolder"]) == 0
    shown = capsys.readouterr().out
    assert "\nThe connection of Source, by its ConnectionName (docs/steps/connections.md):\n\npath\n" in shown
    assert "\nThe connection of Target, by its ConnectionName (docs/steps/connections.md):\n\nroot\n" in shown


def test_a_step_type_is_described_as_json(capsys):
    assert cli.main(["step", "describe", "Greet", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["parameters"]["required"] == ["Name"]


def test_a_step_type_that_there_is_not_is_told(capsys):
    assert cli.main(["step", "describe", "Gret"]) == 1
    assert "did you mean Greet" in capsys.readouterr().err


@pytest.mark.parametrize("typed", [["list"], ["describe", "Greet"], ["run", "step.json"]])
@pytest.mark.parametrize(("module", "status"), [("pyarrow", 1)])
def test_a_machine_without_the_extra_is_told_what_to_install(capsys, monkeypatch, typed, module, status):
    imported = builtins.__import__

    def without(name, *more, **others):
        if name.startswith(("runners.step_command.", "runners.step_parts")):
            raise ModuleNotFoundError(name=module)
        return imported(name, *more, **others)

    monkeypatch.setattr(builtins, "__import__", without)
    assert cli.main(["step", *typed]) == status
    assert "pip install 'etl-runners[steps]'" in capsys.readouterr().err


def test_a_fault_of_this_package_is_not_taken_for_a_missing_extra(monkeypatch):
    imported = builtins.__import__

    def without(name, *more, **others):
        if name == "runners.step_command.descriptions":
            raise ModuleNotFoundError(name=name)
        return imported(name, *more, **others)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ModuleNotFoundError):
        cli.main(["step", "list"])
