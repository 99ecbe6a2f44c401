"""The account: clients that go where the environment says, and messages in place of botocore's errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOTokenLoadError,
    TokenRetrievalError,
)
from moto import mock_aws

from runners.deployment.account import Account, explained
from runners.deployment.environment import Environment, load
from runners.errors import ConfigurationError

from .test_environment import DEV

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        yield


def refusal(code: str, message: str = "Why.") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "CreateStack")


def test_the_embedded_account_is_reached_at_its_endpoint_even_if_botocore_ignores_the_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
    account = Account(load("local"))
    assert account.client("s3").meta.endpoint_url == "http://127.0.0.1:1"


def test_a_client_is_made_once_and_for_the_environments_region() -> None:
    account = Account(Environment(**DEV))
    assert account.client("s3") is account.client("s3")
    assert account.client("sts").meta.region_name == "eu-central-1"


def test_credentials_of_another_account_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"belong to the AWS account 123456789012.*is for 210987654321"):
        Account(Environment(**DEV)).check()


def test_credentials_of_the_environments_account_are_taken() -> None:
    Account(Environment(**{**DEV, "account_id": "123456789012"})).check()


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (NoCredentialsError(), "there are no AWS credentials"),
        (PartialCredentialsError(provider="env", cred_var="secret"), "only a part of them"),
        (SSOTokenLoadError(error_msg="gone"), "aws sso login"),
        (TokenRetrievalError(provider="sso", error_msg="gone"), "aws sso login"),
        (ProfileNotFound(profile="mine"), "aws configure list-profiles"),
        (
            EndpointConnectionError(endpoint_url="https://sts.eu-centrl-1.amazonaws.com"),
            "is the region in config/ spelt",
        ),
        (ParamValidationError(report="bad"), "botocore: "),
        (refusal("ExpiredToken"), "have expired. Type `aws sso login`"),
        (refusal("InvalidClientTokenId"), "does not know these credentials. Type"),
        (refusal("AccessDenied", "no right."), "AWS denies CreateStack: no right. Use credentials"),
        (refusal("ValidationError", "odd."), "AWS answered CreateStack with ValidationError: odd."),
    ],
)
def test_what_went_wrong_is_told_in_one_message(error: BotoCoreError | ClientError, told: str) -> None:
    assert told in explained(error)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (EndpointConnectionError(endpoint_url="http://127.0.0.1:4566"), "does the embedded AWS run (`make local`)?"),
        (NoCredentialsError(), "Export the variables that `make local` prints"),
    ],
)
def test_at_the_embedded_aws_the_advice_is_about_the_embedded_aws(
    error: BotoCoreError, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    assert told in explained(error)
