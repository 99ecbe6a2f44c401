"""What is told of an input that a model refuses."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from runners.problems import problems_of


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Csv(Strict):
    Type: Literal["csv"] = "csv"
    Delimiter: str = ","


class Parquet(Strict):
    Type: Literal["parquet"] = "parquet"
    RowGroupRows: int = 1


class Asked(Strict):
    Name: str = ""
    Format: Annotated[Csv | Parquet, Field(discriminator="Type")] = Csv()

    @model_validator(mode="after")
    def _not_both(self) -> Asked:
        if self.Name == "both":
            raise ValueError("give one of them")
        return self


def told(**given):
    with pytest.raises(ValidationError) as caught:
        Asked.model_validate(given)
    return problems_of(caught.value, Asked, "(input)")


def test_a_field_that_there_is_not_is_told_with_the_nearest_one():
    assert told(Nmae="a") == {"Nmae": "Extra inputs are not permitted; did you mean Name?"}


def test_so_is_one_within_another_of_several_models():
    problems = told(Format={"Type": "csv", "Delimeter": ";"})

    assert problems == {"Format.csv.Delimeter": "Extra inputs are not permitted; did you mean Delimiter?"}


def test_a_kind_that_there_is_not_is_told_with_those_that_there_are():
    assert told(Format={"Type": "excel"}) == {"Format": "'Type' is none of 'csv', 'parquet'"}


def test_nothing_is_suggested_where_nothing_is_near():
    assert told(Zzzzzz=1) == {"Zzzzzz": "Extra inputs are not permitted"}


def test_what_is_wrong_with_the_whole_is_told_under_its_own_name():
    assert told(Name="both") == {"(input)": "give one of them"}


def test_no_value_is_repeated():
    assert "planted-4711" not in str(told(Name=["planted-4711"], Format={"Type": "planted-4711"}))
