from __future__ import annotations

from typing import Annotated, Literal

import pytest
from pydantic import Field

from runners.steps.errors import TemplateFailed, ValidationFailed
from runners.steps.parameters import Parameters, SqlText, Unrendered, VerbatimText, is_verbatim
from runners.steps.templates import Templates


class Inner(Parameters):
    Type: Literal["inner"] = "inner"
    Query: SqlText
    Note: str = ""


class Outer(Parameters):
    Name: str
    Rows: int = 0
    Query: SqlText | None = None
    Part: Annotated[Inner | None, Field()] = None
    Many: tuple[Inner, ...] = ()
    Free: dict[str, str | list[str]] = Field(default_factory=dict)


TEMPLATES = Templates({"ds": "2026-01-31", "rows": 7})


def test_texts_are_rendered_before_they_are_checked():
    read = Outer.read({"Name": "day {{ ds }}", "Rows": "{{ rows }}", "Free": {"a": ["{{ ds }}"]}}, TEMPLATES)
    assert (read.Name, read.Rows, read.Free) == ("day 2026-01-31", 7, {"a": ["2026-01-31"]})


def test_sql_stays_a_template_wherever_it_stands():
    sql = "SELECT {{ ds }}"
    read = Outer.read(
        {"Name": "a", "Query": sql, "Part": {"Query": sql, "Note": "{{ ds }}"}, "Many": [{"Query": sql}]}, TEMPLATES
    )
    assert (read.Query, read.Part.Query, read.Many[0].Query) == (sql, sql, sql)
    assert read.Part.Note == "2026-01-31"


def test_offline_templates_are_left_as_they_are_written():
    assert Outer.checked({"Name": "{{ anything }}"}).Name == "{{ anything }}"


def test_what_is_wrong_is_named_by_field_without_its_value():
    with pytest.raises(ValidationFailed) as refused:
        Outer.checked({"Name": 5, "Rows": "secret-value", "Part": {"Query": ""}})
    assert set(refused.value.details["problems"]) == {"Name", "Rows", "Part.Query"}
    assert "secret-value" not in refused.value.cause()


def test_a_field_that_there_is_not_is_told_with_the_nearest():
    with pytest.raises(ValidationFailed, match="did you mean Name"):
        Outer.checked({"Nam": "a", "Name": "a"})


@pytest.mark.parametrize(
    ("given", "near"),
    [
        ({"Part": {"Query": "x", "Noet": ""}}, "Part.Noet: .*did you mean Note"),
        ({"Many": [{"Query": "x", "Noet": ""}]}, "Many.0.Noet: .*did you mean Note"),
    ],
)
def test_a_field_within_another_that_there_is_not_is_told_with_the_nearest(given, near):
    with pytest.raises(ValidationFailed, match=near):
        Outer.checked({"Name": "a", **given})


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ({"Name": "{{ nobody }}"}, "Name"),
        ({"Name": "a", "Part": {"Query": "SELECT 1", "Note": "{{ nobody }}"}}, "Note"),
        ({"Name": "a", "Free": {"b": ["c", "{{ nobody }}"]}}, "Free.b.1"),
    ],
)
def test_a_template_that_names_what_there_is_not_is_told_where_it_stands(given, place):
    with pytest.raises(TemplateFailed, match=rf"^{place}: a template .* 'nobody' is undefined") as refused:
        Outer.read(given, TEMPLATES)
    assert list(refused.value.details["problems"]) == [place]


class Asks(Parameters):
    Query: VerbatimText
    Path: str = ""


class Passes(Parameters):
    Source: Asks
    Others: tuple[Asks, ...] = ()
    Against: Asks | None = None
    Given: Unrendered = Field(default_factory=dict)


@pytest.mark.parametrize(
    ("place", "verbatim"),
    [
        (("Source", "Query"), True),
        (("Source", "Path"), False),
        (("Source",), False),
        (("Nothing", "Query"), False),
        (("Others", 0, "Path"), False),
        (("Others", 0, "Query"), True),
        (("Against", "Query"), True),
        (("Given", "Anything"), True),
    ],
)
def test_it_is_known_which_text_is_taken_as_it_is_written(place, verbatim):
    assert is_verbatim(Passes, place) is verbatim
