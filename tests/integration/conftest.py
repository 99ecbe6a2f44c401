"""An embedded AWS for each test, empty, with waits that are short."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from runners.local.server import EmbeddedAWS
from tests.integration.databases import (  # noqa: F401 - fixtures of real databases
    mariadb,
    mariadb_server,
    other_postgresql,
    postgresql,
    postgresql_server,
)
from tests.integration.dms import dms, sqlite_file  # noqa: F401 - fixtures of DMS
from tests.integration.sftp import sftp, sshd  # noqa: F401 - fixtures of a real SFTP server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def embedded_aws() -> Iterator[EmbeddedAWS]:
    aws = EmbeddedAWS(
        activity_poll_wait=timedelta(milliseconds=500),
        retry_delays=(timedelta(milliseconds=20), timedelta(milliseconds=20)),
    )
    with aws:
        yield aws


@pytest.fixture
def client(embedded_aws: EmbeddedAWS) -> Callable[[str], Any]:
    """Answer the embedded AWS's client of a service."""
    return embedded_aws.client


@pytest.fixture
def role_arn(client: Callable[[str], Any]) -> str:
    """A role, as functions need one."""
    role = client("iam").create_role(RoleName="role", AssumeRolePolicyDocument="{}")
    return str(role["Role"]["Arn"])
