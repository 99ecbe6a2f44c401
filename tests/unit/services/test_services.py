from __future__ import annotations

import pytest
from pydantic import BaseModel, model_validator

from runners.errors import InvalidInputError
from runners.services import checked
from runners.services.athena import AthenaRequest


class Inner(BaseModel):
    Count: int


class Example(BaseModel):
    Name: str
    Parts: list[Inner] = []

    @model_validator(mode="after")
    def _names_are_polite(self):
        if self.Name == "rude":
            raise ValueError("be polite")
        return self


def test_a_request_that_fits_is_read_by_its_model():
    assert checked(Example, {"Name": "a", "Parts": [{"Count": 1}]}).Parts[0].Count == 1


def test_a_nested_field_is_named_by_its_path():
    with pytest.raises(InvalidInputError) as caught:
        checked(Example, {"Name": "a", "Parts": [{"Count": 1}, {"Count": "hush"}]})
    assert list(caught.value.problems) == ["Parts.1.Count"]
    assert "hush" not in str(caught.value)


def test_a_problem_of_the_whole_stands_under_input():
    with pytest.raises(InvalidInputError, match=r"\(input\): .*be polite") as caught:
        checked(Example, {"Name": "rude"})
    assert list(caught.value.problems) == ["(input)"]


@pytest.mark.parametrize(
    ("field", "problem"),
    [
        ("QueryString", "Extra inputs are not permitted; did you mean AthenaQueryString?"),
        ("Colour", "Extra inputs are not permitted"),
    ],
)
def test_a_field_that_there_is_not_is_told_with_the_one_that_may_be_meant(field, problem):
    with pytest.raises(InvalidInputError) as caught:
        checked(AthenaRequest, {"AthenaNamedQuery": "revenue", field: "hush"})
    assert caught.value.problems == {field: problem}
