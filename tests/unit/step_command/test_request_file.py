from __future__ import annotations

import builtins
import io

import pytest

from runners.step_command.request_file import params_of, read_request
from runners.steps.errors import ValidationFailed

JSON = '{"StepType": "CallLambda", "Parameters": {"FunctionName": "loader"}}'
YAML = "StepType: CallLambda\nParameters:\n  FunctionName: loader\nExecutionDate: 2026-01-31\n"
REQUEST = {"StepType": "CallLambda", "Parameters": {"FunctionName": "loader"}}


def test_a_request_is_read_from_json(tmp_path):
    file = tmp_path / "step.json"
    file.write_text(JSON)
    assert read_request(str(file)) == REQUEST


@pytest.mark.parametrize("suffix", ["yaml", "yml"])
def test_a_request_is_read_from_yaml_in_which_days_are_texts(tmp_path, suffix):
    file = tmp_path / f"step.{suffix}"
    file.write_text(YAML)
    assert read_request(str(file)) == REQUEST | {"ExecutionDate": "2026-01-31"}


def test_a_request_is_read_from_standard_input(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(JSON))
    assert read_request("-") == REQUEST


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("step.json", b"{'StepType'}", "is not JSON: Expecting"),
        ("step.json", b"[]", "holds no object"),
        ("step.json", b"\xff\xfe", "is no text in UTF-8"),
        ("step.yaml", b"a: [", "is not YAML in line 1"),
        ("step.yaml", b"a: \x07", "is not YAML"),
        ("step.yaml", b"just a text", "holds no object"),
    ],
)
def test_a_file_that_holds_no_request_is_refused(tmp_path, name, content, said):
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(ValidationFailed, match=said):
        read_request(str(file))


def test_a_file_that_there_is_not_is_told():
    with pytest.raises(ValidationFailed, match="cannot be read: No such file"):
        read_request("nowhere.json")


def test_yaml_without_its_library_is_told(tmp_path, monkeypatch):
    imported = builtins.__import__

    def without_yaml(name, *more, **others):
        if name == "yaml":
            raise ModuleNotFoundError(name=name)
        return imported(name, *more, **others)

    file = tmp_path / "step.yaml"
    file.write_text(YAML)
    monkeypatch.setattr(builtins, "__import__", without_yaml)
    with pytest.raises(ValidationFailed, match="pip install PyYAML"):
        read_request(str(file))


@pytest.mark.parametrize(
    ("given", "value"),
    [("a", "a"), ("7", 7), ("[1, 2]", [1, 2]), ('"7"', "7"), ("2026-01-31", "2026-01-31"), ("", ""), ("a=b", "a=b")],
)
def test_a_value_for_templates_is_json_if_it_is_and_else_a_text(given, value):
    assert params_of([f"name={given}"]) == {"name": value}


@pytest.mark.parametrize("wrong", ["name", "=value", ""])
def test_a_value_without_a_name_is_refused(wrong):
    with pytest.raises(ValidationFailed, match="NAME=VALUE"):
        params_of([wrong])
