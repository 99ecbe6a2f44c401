from __future__ import annotations

import pytest

from runners.steps.connections import Connection
from runners.steps.ends import Source, Target
from runners.steps.pairs import CONNECTIONS, PAIRS, SOURCES, TARGETS, connection_kind, kind_of, pair
from runners.steps.transfer import Transfer


def test_there_are_more_pairs_than_were_asked_for_and_those_that_were_named():
    assert len(PAIRS) >= 40
    assert {"MySqlToS3", "S3ToMySql", "MsSqlToMySql", "S3ToSftp", "ExcelToSlack", "ApiToDynamoDb"} <= PAIRS.keys()


def test_every_source_and_every_target_is_in_a_pair():
    assert {source for source, _ in PAIRS.values()} == SOURCES.keys()
    assert {target for _, target in PAIRS.values()} == TARGETS.keys()


@pytest.mark.parametrize("name", SOURCES)
def test_a_source_is_of_its_class_and_has_an_example_that_is_valid(name):
    kind = kind_of(SOURCES[name])
    assert issubclass(kind, Source)
    assert kind.example
    assert ":" in kind.checked(kind.example).place()


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_is_of_its_class_and_has_an_example_that_is_valid(name):
    kind = kind_of(TARGETS[name])
    assert issubclass(kind, Target)
    assert kind.example
    assert ":" in kind.checked(kind.example).place()


@pytest.mark.parametrize("name", CONNECTIONS)
def test_each_field_of_a_connection_is_explained(name):
    kind = connection_kind(name)
    assert issubclass(kind, Connection)
    assert all(field.description for field in kind.model_fields.values())


def test_what_names_a_connection_and_nothing_else_has_one_that_is_described():
    ends = [*SOURCES.items(), *TARGETS.items()]
    assert {name for name, end in ends if "ConnectionName" in kind_of(end).model_fields} == CONNECTIONS.keys()


@pytest.mark.parametrize("name", PAIRS)
def test_a_pair_is_a_transfer_of_its_name_whose_example_is_valid(name):
    step = pair(name)
    assert issubclass(step, Transfer)
    assert step.name() == name
    assert step.Parameters.checked(step.example)
    assert step.summary().endswith(f" from {SOURCES[PAIRS[name][0]].words} to {TARGETS[PAIRS[name][1]].words}.")


def test_a_pair_is_made_once():
    assert pair("MySqlToS3") is pair("MySqlToS3")
