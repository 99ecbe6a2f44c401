"""The documentation: its links lead somewhere, its examples are valid, and it knows what the code knows."""

from __future__ import annotations

import importlib
import inspect
import json
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from pydantic import BaseModel

from runners.composition import SERVICES, service_of
from runners.deployment import environment as environments
from runners.deployment import plan
from runners.deployment.environment import ROOT, Environment
from runners.local.athena import statements
from runners.local.athena.serdes import JSON_SERDES
from runners.local.athena.sql.aggregates import AGGREGATES, WINDOWS
from runners.local.athena.sql.calls import _SPECIAL
from runners.local.athena.sql.functions import SCALARS
from runners.local.dms import endpoints, s3_settings, table_mappings, task_settings
from runners.local.dms.columns import Kind
from runners.local.emr import spark_submit
from runners.local.spark_sql.functions import FUNCTIONS
from runners.settings import Settings
from runners.task import taken_apart

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
SERVICE_PAGES = ROOT / "docs" / "services"
EMBEDDED_AWS = ROOT / "docs" / "embedded-aws.md"
ENGINE_PAGES = ROOT / "docs" / "embedded-aws"
BESIDES = {"dms": ("dms_outcomes", "dms_replications")}  # modules of a service besides that of its class
FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
PROGRAM = re.compile(r"^```python\n(.*?)^```\n\n```text\n(.*?)^```", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
COMMAND = re.compile(r"\bpynt '?([a-z0-9]+)(?:\[([^\]]*)\])?")
OF_THE_EXECUTION = {"$$.Execution.StartTime": "2026-01-31T00:00:00Z"}


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(page: Path, language: str) -> list[str]:
    return [text for kind, text in FENCED.findall(page.read_text(encoding="utf-8")) if kind == language]


def prose(page: Path) -> str:
    return FENCED.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_link_leads_to_a_file_and_a_heading_that_there_are(page: Path) -> None:
    for link in LINK.findall(prose(page)):
        if "://" in link:
            continue
        place, _, anchor = link.partition("#")
        target = (page.parent / place).resolve() if place else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


# Commands and settings


def tasks() -> set[str]:
    text = (ROOT / "build.py").read_text(encoding="utf-8")
    return set(re.findall(r"^@_command\ndef (\w+)\(", text, re.MULTILINE))


def parts() -> set[str]:
    """What a command can be told to work on."""
    stacks = [*plan.stacks_of(environments.SERVICES), *plan.samples()]
    samples = {stack.name.removeprefix("sample-") for stack in plan.samples()}
    return {*(stack.name for stack in stacks), *plan.functions_of(environments.SERVICES), *samples, "delete-data"}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_build_command_is_one_that_there_is(page: Path) -> None:
    for task, names in COMMAND.findall(page.read_text(encoding="utf-8")):
        assert task in tasks(), task
        assert set(filter(None, names.split(","))) <= parts(), names


@pytest.mark.parametrize(
    ("page", "block"), [(page, block) for page in PAGES for block in blocks(page, "yaml")], ids=lambda it: str(it)[-30:]
)
def test_settings_that_are_shown_switch_services_on(page: Path, block: str) -> None:
    dev = yaml.safe_load((ROOT / "config" / "dev.yaml").read_text(encoding="utf-8"))
    account = {"account_id": "123456789012", "region": "eu-central-1"}
    assert Environment(**{**dev, **account, **yaml.safe_load(block)})


# Examples of states


def states(page: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The states of activities in a page's JSON, each by its name."""
    for block in blocks(page, "json"):
        text = block.strip()
        document = json.loads(text if text.startswith("{") else f"{{{text}}}")
        for name, state in document.items():
            if isinstance(state, dict) and ":activity:" in state.get("Resource", ""):
                yield name, state


def filled_in(value: Any) -> Any:
    """Parameters as a task gets them: what a path stands for is some text."""
    if isinstance(value, dict):
        return {
            name.removesuffix(".$"): OF_THE_EXECUTION.get(item, "some text") if name.endswith(".$") else filled_in(item)
            for name, item in value.items()
        }
    return value


@cache
def services_by_activity() -> dict[str, str]:
    config = yaml.safe_load((ROOT / "config" / "dev.yaml").read_text(encoding="utf-8"))
    found = {config["glue_runner_activity"]: "glue", config["data_arrival_activity"]: "arrivals"}
    for service in environments.SERVICES:
        template = (ROOT / "cloudformation" / f"{service}-runner.yaml").read_text(encoding="utf-8")
        found |= dict.fromkeys(re.findall(r"^      Name: (\w+Activity)$", template, re.MULTILINE), service)
    return found


EXAMPLES = [(f"{name_of(page)}: {name}", state) for page in PAGES for name, state in states(page)]


@pytest.mark.parametrize("state", [state for _, state in EXAMPLES], ids=[name for name, _ in EXAMPLES])
def test_a_state_that_is_shown_is_one_that_its_runner_takes(aws: None, state: dict[str, Any]) -> None:
    name = services_by_activity()[state["Resource"].rsplit(":", 1)[-1]]
    service = service_of(Settings(active_jobs_table="jobs", completions_table="completions", service=name))
    service.validate(taken_apart(filled_in(state["Parameters"])).request)
    assert state["TimeoutSeconds"] > state["HeartbeatSeconds"]


# What the pages of services tell


def page_of(service: str) -> str:
    return (SERVICE_PAGES / f"{service}.md").read_text(encoding="utf-8")


def modules_of(service: str) -> list[ModuleType]:
    own = inspect.getmodule(SERVICES[service])
    assert own is not None
    return [own, *(importlib.import_module(f"runners.services.{name}") for name in BESIDES.get(service, ()))]


def told(service: str) -> set[str]:
    """What stands as code in the page of a service."""
    return set(CODE.findall(page_of(service)))


def test_every_service_has_a_page_and_there_are_no_others() -> None:
    assert {page.stem for page in SERVICE_PAGES.glob("*.md")} == SERVICES.keys()


@pytest.mark.parametrize("service", SERVICES)
def test_a_page_of_a_service_names_its_activity_module_and_failure(service: str) -> None:
    (activity,) = [name for name, its in services_by_activity().items() if its == service]
    own = modules_of(service)[0]
    module = Path(str(own.__file__)).relative_to(ROOT)
    assert {activity, str(module), own.FAILED} <= told(service)
    row = next(line for line in (ROOT / "docs" / "services.md").read_text().splitlines() if f"[`{service}`]" in line)
    assert activity in row
    assert own.FAILED in row


@pytest.mark.parametrize("service", SERVICES)
def test_a_page_of_a_service_names_each_field_of_its_request(aws: None, service: str) -> None:
    models = {
        value
        for module in modules_of(service)
        for name, value in vars(module).items()
        if inspect.isclass(value) and issubclass(value, BaseModel) and name.endswith("Request")
    }
    if not models:  # it is made of the operation's own description
        made = service_of(Settings(active_jobs_table="jobs", completions_table="completions", service=service))
        models = {made._request}  # type: ignore[attr-defined]
    fields = {field.alias or name for model in models for name, field in model.model_fields.items()}
    assert fields - told(service) <= {"FileActivityArn"}  # given by the runner itself


@pytest.mark.parametrize("service", SERVICES)
def test_a_page_of_a_service_decides_each_state_that_its_code_decides(service: str) -> None:
    states_and_reasons = {
        str(state)
        for module in modules_of(service)
        for name, value in vars(module).items()
        if re.fullmatch(r"[A-Z_]+_(STATES|REASONS)", name) or name in ("RUNNING", "CUT_SHORT", "ENDED_BY_ITSELF")
        for state in value
    }
    assert states_and_reasons <= told(service)


@pytest.mark.parametrize("service", SERVICES)
def test_a_page_of_a_service_names_what_means_later(service: str) -> None:
    codes = getattr(modules_of(service)[0], "_LATER", frozenset())
    assert set(codes) <= told(service)


def test_the_settings_of_each_service_stand_in_the_table() -> None:
    table = (ROOT / "docs" / "services.md").read_text(encoding="utf-8")
    for service, groups in environments._USED_BY.items():
        (row,) = [line for line in table.splitlines() if line.startswith(f"| `{service}` |")]
        assert all(f"`{setting}`" in row for group in groups for setting in group), service


# What the pages of the embedded AWS tell


def told_of(engine: str) -> set[str]:
    """What stands as code in the page of an engine, outside of its program."""
    return set(CODE.findall(prose(ENGINE_PAGES / f"{engine}.md")))


PROGRAMS = [
    (name_of(page), *program) for page in PAGES for program in PROGRAM.findall(page.read_text(encoding="utf-8"))
]


@pytest.mark.parametrize(("program", "output"), [its for _, *its in PROGRAMS], ids=[name for name, *_ in PROGRAMS])
def test_a_program_prints_what_is_shown_beneath_it(
    program: str, output: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(program, "program", "exec"), {})
    assert capsys.readouterr().out == output


@pytest.mark.parametrize("page", sorted(ENGINE_PAGES.glob("*.md")), ids=name_of)
def test_a_page_of_an_engine_is_found_from_the_overview(page: Path) -> None:
    assert f"(embedded-aws/{page.name})" in EMBEDDED_AWS.read_text(encoding="utf-8")


def test_the_functions_of_athena_are_those_that_are_let_through() -> None:
    _, _, section = (ENGINE_PAGES / "athena.md").read_text(encoding="utf-8").partition("\n## Functions\n")
    rows = [line for line in section.splitlines() if line.startswith("| ")]
    named = [name for row in rows for name in CODE.findall(row)]
    assert len(named) == len(set(named))
    assert set(named) == {*SCALARS, *AGGREGATES, *WINDOWS, *_SPECIAL} - {"$subscript"}


def test_the_page_of_athena_names_the_serdes_of_json_and_the_statements_that_are_refused() -> None:
    assert {*statements._REFUSED, *JSON_SERDES} <= told_of("athena")


def test_the_functions_of_spark_stand_in_its_page() -> None:
    assert set(FUNCTIONS) <= told_of("spark-sql")


def test_the_page_of_dms_names_its_engines_types_rules_and_settings() -> None:
    settings = {*s3_settings.FOLLOWED, *s3_settings.NOT_DONE, *(name for _, name in task_settings.NOT_DONE)}
    rules = {*table_mappings.NAMING, *table_mappings.COLUMN_ACTIONS, *table_mappings.FILTER_OPERATORS}
    assert {*endpoints.DISPLAY_NAMES, *map(str, Kind), *settings, *rules} <= told_of("dms")


def test_the_page_of_emr_names_each_option_of_spark_submit_that_is_taken() -> None:
    options = {spark_submit.PY_FILES, *spark_submit.CONF, *spark_submit.WITHOUT_MEANING, *spark_submit.FLAGS}
    assert {option for option in options if option.startswith("--")} <= told_of("emr")
