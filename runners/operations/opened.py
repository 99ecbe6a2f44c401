"""The environment that a command works on: its settings, and clients in its region and surely in its account."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import boto3

if TYPE_CHECKING:
    import argparse

    from runners.deployment.environment import Environment


class Opened:
    """An environment whose account was checked, and the clients of it.

    Args:
        name: a file in ``config/``; None for the one that ``ETL_ENVIRONMENT`` names.

    Raises:
        ConfigurationError: there is no such environment, or the credentials are another account's.

    """

    def __init__(self, name: str | None) -> None:
        from runners.deployment import account, environment  # noqa: PLC0415  # their extra is not needed by a worker

        self.name = environment.chosen(name)
        self.environment: Environment = environment.load(name)
        self._account = account.Account(self.environment)
        self._account.check()

    def client(self, service: str) -> Any:
        """Return a client, made once."""
        return self._account.client(service)

    def lead_the_way(self) -> None:
        """Let the clients that the package makes by itself (``runners.clients``) go to this environment, too."""
        boto3.setup_default_session(region_name=self.environment.region)
        if self.environment.embedded:
            os.environ["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] = "false"  # or they might go to AWS itself


def add_environment(command: argparse.ArgumentParser, *, with_json: bool = True) -> None:
    """Give a command the options that all have: ``--environment``, and ``--json`` for machines."""
    command.add_argument("--environment", help="a file in config/; ETL_ENVIRONMENT says which, else local")
    if with_json:
        command.add_argument("--json", action="store_true", help="print JSON, for machines")
