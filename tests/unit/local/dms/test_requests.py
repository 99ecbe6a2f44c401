from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from runners.local.dms import requests
from runners.local.dms.errors import UnusableRequestError
from runners.local.dms.requests import InvalidParameterValueException, answering, filtered, page, require_identifier


@pytest.mark.parametrize("name", ["a", "My-Task", "x1-2-3", "a" * 255])
def test_an_identifier_is_kept_in_lower_case(name: str) -> None:
    assert require_identifier("Name", name) == name.lower()


@pytest.mark.parametrize("name", [None, "", "1a", "a-", "a--b", "a_b", "a" * 256])
def test_what_is_no_identifier_is_refused(name: Any) -> None:
    with pytest.raises(InvalidParameterValueException, match="Name begins with a letter"):
        require_identifier("Name", name)


def test_pages_lead_from_one_to_the_next() -> None:
    items = list(range(45))
    first, marker = page(items, {"MaxRecords": 20})
    second, next_marker = page(items, {"MaxRecords": 20, "Marker": marker})
    last, end = page(items, {"MaxRecords": 20, "Marker": next_marker})
    assert (first + second + last, end) == (items, None)


@pytest.mark.parametrize("request_", [{"MaxRecords": 19}, {"MaxRecords": 101}, {"Marker": "x"}])
def test_a_page_that_cannot_be_is_refused(request_: dict[str, Any]) -> None:
    with pytest.raises(InvalidParameterValueException):
        page([], request_)


def test_filters_are_all_to_fit_each_by_one_of_its_values() -> None:
    read = {"parity": lambda number: number % 2, "size": lambda number: ("small", "tiny") if number < 3 else "large"}
    filters = [{"Name": "parity", "Values": [1]}, {"Name": "size", "Values": ["tiny", "huge"]}]
    assert filtered(range(6), filters, read) == [1]
    with pytest.raises(InvalidParameterValueException, match="There is no filter colour"):
        filtered([], [{"Name": "colour", "Values": []}], read)


def test_a_request_that_cannot_be_used_is_an_invalid_value() -> None:
    def refuse(_response: Any, _request: dict[str, Any]) -> dict[str, Any]:
        raise UnusableRequestError("not done")

    with pytest.raises(InvalidParameterValueException, match="not done"):
        answering(refuse)(SimpleNamespace(body="{}"))


def test_an_answer_has_no_members_that_are_none() -> None:
    assert requests.without_none({"a": None, "b": [{"c": None, "d": 0}]}) == {"b": [{"d": 0}]}
