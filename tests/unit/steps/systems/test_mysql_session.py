from __future__ import annotations

import ssl

import pymysql
import pytest

from runners.steps.errors import (
    AuthenticationFailed,
    ConnectionFailed,
    SourceFailed,
    SourceUnavailable,
    TargetFailed,
    TargetUnavailable,
)
from runners.steps.systems import mysql_session
from runners.steps.systems.mysql_session import READING, WRITING, MySqlConnection, errors_of, typed


@pytest.mark.parametrize(
    ("number", "side", "kind"),
    [
        (1045, READING, AuthenticationFailed),
        (1044, WRITING, AuthenticationFailed),
        (1049, WRITING, ConnectionFailed),
        (2003, READING, SourceUnavailable),
        (2013, WRITING, TargetUnavailable),
        (1040, READING, SourceUnavailable),
        (1205, WRITING, TargetUnavailable),
        (1213, WRITING, TargetUnavailable),
        (1290, WRITING, TargetUnavailable),
        (1064, READING, SourceFailed),
        (1142, WRITING, TargetFailed),
    ],
)
def test_an_error_of_the_server_is_the_step_s_by_its_number(number, side, kind):
    error = typed(pymysql.err.OperationalError(number, "what it says"), "shop", side)
    assert type(error) is kind
    assert error.details == {"connection": "shop", "code": number}
    assert ("what it says" in error.message) == (number == 1142)


def test_an_error_without_a_number_is_a_refusal():
    assert type(typed(pymysql.err.InterfaceError("closed"), "shop", WRITING)) is TargetFailed


def test_a_certificate_that_is_not_good_is_not_tried_again():
    error = pymysql.err.OperationalError(2003, "cannot connect")
    error.original_exception = ssl.SSLCertVerificationError("self-signed")
    assert type(typed(error, "shop", READING)) is ConnectionFailed


def test_a_connection_that_breaks_is_unavailable():
    with pytest.raises(SourceUnavailable, match="broke off"), errors_of("shop", READING):
        raise ConnectionResetError


@pytest.mark.parametrize(
    ("tls", "mode", "by_name"), [("required", ssl.CERT_NONE, False), ("verified", ssl.CERT_REQUIRED, True)]
)
def test_how_a_server_is_trusted(tls, mode, by_name):
    encryption = mysql_session._encryption(MySqlConnection(host="h", username="u", tls=tls))
    assert encryption.verify_mode == mode
    assert encryption.check_hostname is by_name


@pytest.mark.parametrize("tls", ["preferred", "off"])
def test_where_the_driver_decides_it_is_left_to_it(tls):
    assert mysql_session._encryption(MySqlConnection(host="h", username="u", tls=tls)) is None


def test_a_password_is_not_shown():
    assert "planted" not in repr(MySqlConnection(host="h", username="u", password="planted"))
