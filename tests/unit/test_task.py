from __future__ import annotations

import json
import traceback

import pytest

from runners.errors import InvalidInputError
from runners.task import Task, read_input


def test_a_task_is_named_by_the_sha256_of_its_token():
    key = Task(token="abc", input="{}").key
    assert key == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_an_object_is_read_as_it_is():
    assert read_input('{"GlueJobName": "sales", "n": 1}') == {"GlueJobName": "sales", "n": 1}


def test_a_string_that_contains_an_object_is_read_as_that_object():
    assert read_input(json.dumps('{"GlueJobName": "sales"}')) == {"GlueJobName": "sales"}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("[]", "an array"),
        ("true", "a boolean"),
        ("null", "null"),
        ("3", "a number"),
        ("3.5", "a number"),
        ('"[]"', "an array"),
        (json.dumps(json.dumps("{}")), "a string"),
    ],
)
def test_anything_else_is_refused_with_its_kind(text, kind):
    with pytest.raises(InvalidInputError) as caught:
        read_input(text)
    assert caught.value.problems["(input)"].endswith(f"got {kind}")


@pytest.mark.parametrize("text", ["", "hush", '{"a": hush', '"hush"', "[" * 200_000, "9" * 5_000])
def test_what_is_not_json_is_refused_without_repeating_it(text):
    with pytest.raises(InvalidInputError) as caught:
        read_input(text)
    assert caught.value.problems["(input)"].startswith("is not JSON: ")
    shown = "".join(traceback.format_exception(caught.value))
    assert text == "" or text not in shown
    assert len(str(caught.value)) < 200
