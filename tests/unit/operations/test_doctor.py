import json
from types import SimpleNamespace

import pytest
from botocore.exceptions import EndpointConnectionError

from runners import cli
from runners.deployment import environment
from runners.operations import doctor
from runners.operations.checks import account, deployment, ok, problem, unchecked, warning, work
from tests.unit.doubles import client_error

CHECKS = {
    account: ("credentials", "clock", "permissions", "quotas"),
    deployment: ("stacks", "tables", "activities", "functions", "rules"),
    work: ("dead_letters", "jobs", "waiting_tasks"),
}


@pytest.fixture
def checks(monkeypatch):
    """What each check finds, by its name: nothing unless a test says so."""
    found = {}

    def check_of(name):
        def check(scene, **_):
            value = found.get(name, [])
            if isinstance(value, Exception):
                raise value
            return value(scene) if callable(value) else value

        return check

    for module, names in CHECKS.items():
        for name in names:
            monkeypatch.setattr(module, name, check_of(name))

    class Opened:
        def __init__(self, name):
            self.name, self.environment = environment.chosen(name), environment.load(name)
            self.client = lambda service: SimpleNamespace()

        def lead_the_way(self):
            pass

    monkeypatch.setattr(doctor, "Opened", Opened)
    monkeypatch.delenv("ETL_ENVIRONMENT", raising=False)
    return found


def test_each_finding_is_a_line_and_its_advice_another(checks, capsys):
    checks["stacks"] = [ok("stack one", "is there"), warning("stack two", "is old", "type `pynt deploy`")]
    checks["quotas"] = [unchecked("quota", "nobody says")]

    assert cli.main(["doctor"]) == 0

    assert capsys.readouterr().out.splitlines() == [
        "ok           stack one: is there",
        "warning      stack two: is old",
        "             → type `pynt deploy`",
        "not checked  quota: nobody says",
        "",
        "0 problems, 1 warning, 1 not checked, 1 ok",
    ]


def test_a_problem_stands_out_and_makes_the_status(checks, capsys):
    checks["tables"] = [problem("table", "is not there")]

    assert cli.main(["doctor"]) == 1

    assert "PROBLEM      table: is not there" in capsys.readouterr().out


def test_findings_are_told_to_a_machine(checks, capsys):
    checks["tables"] = [problem("table", "is not there", "deploy")]

    assert cli.main(["doctor", "--json"]) == 1

    finding = {"level": "problem", "subject": "table", "told": "is not there", "advice": "deploy"}
    assert json.loads(capsys.readouterr().out) == [finding]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (client_error("AccessDenied"), "AWS denies Operation to these credentials"),
        (
            client_error("ValidationException", "The embedded AWS does not have the operation iam X"),
            "the embedded AWS does not have Operation",
        ),
        (client_error("ServiceUnavailable", "later"), "AWS answered Operation with ServiceUnavailable: later"),
        (
            EndpointConnectionError(endpoint_url="https://nowhere"),
            'Could not connect to the endpoint URL: "https://nowhere"',
        ),
    ],
)
def test_a_check_that_cannot_be_made_is_not_called_well_and_stops_no_other(checks, capsys, error, told):
    checks["permissions"] = error
    checks["waiting_tasks"] = [ok("executions", "none waits")]

    assert cli.main(["doctor"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"not checked  permissions: {told}"
    assert lines[1] == "ok           executions: none waits"


def test_services_that_are_switched_on_are_checked_unless_others_are_named(checks):
    seen = []
    checks["clock"] = lambda scene: seen.append((scene.services, sorted(scene.workers))) or []

    cli.main(["doctor"])
    cli.main(["doctor", "glue", "--worker", "glue"])

    assert seen == [(("arrivals", "glue"), []), (("glue",), ["glue"])]


def test_a_service_that_is_switched_off_is_told_with_those_that_are_on(checks, capsys):
    assert cli.main(["doctor", "athena"]) == 1

    assert "athena is switched off in config/local.yaml" in capsys.readouterr().err


def test_a_service_that_there_is_not_is_told_with_the_nearest(checks, capsys):
    with pytest.raises(SystemExit, match="2"):
        cli.main(["doctor", "glu"])

    assert "did you mean 'glue'?" in capsys.readouterr().err
