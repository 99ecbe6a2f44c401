from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

import pytest
from jsonschema import Draft202012Validator
from pydantic import Field as In
from pydantic import SecretStr

from runners.step_command import descriptions
from runners.step_command.descriptions import Field, document, fields_of, kind_of, summaries
from runners.steps import libraries
from runners.steps.catalog import names
from runners.steps.errors import StepFailed, StepNotFound
from runners.steps.parameters import Parameters, SqlText


class Csv(Parameters):
    Type: Literal["csv"]
    Delimiter: str = ","
    """What stands between
    two values."""


class Parquet(Parameters):
    Type: Literal["parquet"]


class Inner(Parameters):
    Note: str = ""
    Rows: int


class Outer(Parameters):
    Query: SqlText
    """The query."""
    Inner: Inner
    Format: Annotated[Csv | Parquet, In(discriminator="Type")] = Csv(Type="csv")
    Inners: tuple[Inner, ...] = ()
    Again: Outer | None = None


def kinds(annotation: object) -> str:
    model = type("Model", (Parameters,), {"__annotations__": {"Value": annotation}, "Value": None})
    (field,) = [field for field in fields_of(model) if field.name == "Value"]
    return field.kind


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (str, "text"),
        (int, "whole number"),
        (float, "number"),
        (bool, "true or false"),
        (SecretStr, "secret text"),
        (timedelta, "duration, e.g. PT15M"),
        (int | str | None, "whole number or text"),
        (Literal["append", "overwrite", "upsert"], '"append", "overwrite" or "upsert"'),
        (Literal["csv"], '"csv"'),
        (tuple[str, ...], "list of texts"),
        (tuple[int, ...], "list of whole number"),
        (dict[str, str], "object of texts"),
        (dict[str, object], "object"),
        (object, "anything"),
        (Inner, "object"),
        (Csv | Parquet, "object"),
    ],
)
def test_a_kind_of_value_is_said_in_words(annotation, words):
    assert kinds(annotation) == words


def test_a_name_for_a_kind_of_value_is_followed():
    assert kind_of({"$ref": "#/$defs/Colour"}, {"Colour": {"enum": ["red", "blue"]}}) == '"red" or "blue"'


def test_parameters_are_listed_each_before_those_within_it_and_first_what_is_required():
    assert fields_of(Outer) == [
        Field("Query", "text", "required", "The query."),
        Field("Inner", "object", "required", ""),
        Field("Inner.Rows", "whole number", "required", ""),
        Field("Inner.Note", "text", '""', ""),
        Field("Format", "object", "", ""),
        Field("Format (csv).Type", '"csv"', "required", ""),
        Field("Format (csv).Delimiter", "text", '","', "What stands between two values."),
        Field("Format (parquet).Type", '"parquet"', "required", ""),
        Field("Inners", "list of objects", "", ""),
        Field("Inners[].Rows", "whole number", "required", ""),
        Field("Inners[].Note", "text", '""', ""),
        Field("Again", "object", "", ""),
    ]


@pytest.mark.parametrize(
    ("field", "about"),
    [
        (Field("Rows", "whole number", "required", ""), "whole number, required"),
        (Field("Rows", "whole number", "", ""), "whole number"),
        (Field("Rows", "whole number", "0", ""), "whole number, default 0"),
    ],
)
def test_what_a_parameter_is_if_left_out_stands_beside_its_kind(field, about):
    assert field.about == about


def test_every_step_type_is_listed_with_what_it_does():
    found = summaries()
    assert [one.name for one in found] == names()
    assert all(one.does.endswith(".") for one in found)


def test_the_extra_that_a_step_needs_and_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setattr(descriptions, "absent", lambda extra: ["pymongo"] if extra == "mongodb" else [])
    missing = {one.name: one.missing for one in summaries()}
    assert missing["MongoDbToS3"] == "mongodb"
    assert missing["PostgreSqlToMongoDb"] == "mongodb"
    assert missing["SftpToS3"] == ""


def test_a_step_type_that_cannot_be_loaded_harms_no_other(monkeypatch):
    find = descriptions.find

    def broken(name):
        if name == "RunSql":
            raise StepFailed("it cannot be imported")
        return find(name)

    monkeypatch.setattr(descriptions, "find", broken)
    missing = {one.name: one.missing for one in summaries()}
    assert missing["RunSql"] == "it cannot be imported"
    assert missing["CallLambda"] == ""


def test_the_packages_of_an_extra_that_are_not_installed_are_known(monkeypatch):
    required = [
        'pyarrow<27,>=20; extra == "steps"',
        'no-such-thing[more]>=1; extra == "steps"',
        'other; extra == "dev"',
    ]
    monkeypatch.setattr(libraries.metadata, "requires", lambda _: required)
    assert libraries.absent("steps") == ["no-such-thing"]


def test_nothing_is_known_of_extras_where_this_package_was_unpacked(monkeypatch):
    def not_there(_):
        raise libraries.metadata.PackageNotFoundError

    monkeypatch.setattr(libraries.metadata, "requires", not_there)
    assert libraries.absent("steps") == []


def test_a_step_type_is_described_with_a_schema_that_its_example_satisfies():
    found = document("CallLambda")
    assert found["name"] == found["example"]["StepType"] == "CallLambda"
    Draft202012Validator.check_schema(found["parameters"])
    Draft202012Validator(found["parameters"]).validate(found["example"]["Parameters"])


def test_a_transfer_is_described_with_its_connections():
    connections = document("SqliteToFolder")["connections"]
    assert {end: schema["required"] for end, schema in connections.items()} == {"Source": ["path"], "Target": ["root"]}
    assert document("S3ToSlack")["connections"].keys() == {"Target"}
    assert document("CallLambda")["connections"] == {}


def test_a_step_type_that_there_is_not_is_told_with_the_nearest():
    with pytest.raises(StepNotFound, match="did you mean CallLambda"):
        document("CalLambda")
