"""What the server's errors become, and that nothing of the data is in them."""

from __future__ import annotations

import psycopg
import pytest

from runners.steps.errors import (
    AuthenticationFailed,
    DataNotRepresentable,
    DataQualityFailed,
    SourceFailed,
    SourceUnavailable,
    TargetFailed,
    TargetUnavailable,
)
from runners.steps.systems.postgresql_session import SOURCE, TARGET, PostgreSqlConnection, explanation


def error(sqlstate):
    return psycopg.errors.lookup(sqlstate)("a message with a value: 4711")


@pytest.mark.parametrize(
    ("sqlstate", "of_source", "of_target"),
    [
        ("08006", SourceUnavailable, TargetUnavailable),
        ("40P01", SourceUnavailable, TargetUnavailable),
        ("53300", SourceUnavailable, TargetUnavailable),
        ("55P03", SourceUnavailable, TargetUnavailable),
        ("57P01", SourceUnavailable, TargetUnavailable),
        ("58030", SourceUnavailable, TargetUnavailable),
        ("57014", SourceFailed, TargetFailed),
        ("25006", SourceFailed, TargetUnavailable),
        ("28P01", AuthenticationFailed, AuthenticationFailed),
        ("22P02", SourceFailed, DataNotRepresentable),
        ("23505", SourceFailed, DataQualityFailed),
        ("42P01", SourceFailed, TargetFailed),
    ],
)
def test_an_error_becomes_one_of_steps_by_its_code(sqlstate, of_source, of_target):
    for side, expected in ((SOURCE, of_source), (TARGET, of_target)):
        found = explanation(error(sqlstate), "shop", side)
        assert type(found) is expected
        assert found.details == {"connection": "shop", "sqlstate": sqlstate}
        assert sqlstate in found.message
        assert "4711" not in found.cause()


@pytest.mark.parametrize(
    ("raised", "expected"), [(psycopg.OperationalError, SourceUnavailable), (psycopg.ProgrammingError, SourceFailed)]
)
def test_without_a_code_it_is_the_drivers_own_word(raised, expected):
    found = explanation(raised("the connection is lost: 4711"), "shop", SOURCE)
    assert type(found) is expected
    assert "4711" not in found.cause()


def test_a_connection_is_a_secret_of_aws_and_does_not_show_its_password():
    described = {"engine": "postgres", "host": "h", "port": 5433, "username": "u", "password": "4711", "dbname": "d"}
    found = PostgreSqlConnection.model_validate(described)
    assert (found.port, found.sslmode) == (5433, "prefer")
    assert "4711" not in repr(found) + str(found) + found.model_dump_json()
