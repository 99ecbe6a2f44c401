"""The AWS account that an environment is deployed to: clients for it, and the certainty that it is the right one.

It never falls back to another endpoint or account than the environment's.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)

from runners.deployment.environment import check_endpoint, on_loopback
from runners.errors import ConfigurationError

if TYPE_CHECKING:
    from runners.deployment.environment import Environment

_RETRIES = 8
_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
_UNKNOWN = frozenset({"InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch", "AuthFailure"})
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})


class Account:
    """Makes boto3 clients for an environment's account and region."""

    def __init__(self, environment: Environment) -> None:
        check_endpoint(environment)
        self._environment = environment
        self._session = boto3.session.Session(region_name=environment.region)
        # Given to each client, as botocore can be told to ignore the variable and would then talk to AWS itself.
        self._endpoint = os.environ["AWS_ENDPOINT_URL"] if environment.embedded else None
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        """Return a client, made once; throttled calls are repeated by botocore."""
        if service not in self._clients:
            self._clients[service] = self._session.client(
                service,
                endpoint_url=self._endpoint,
                config=Config(retries={"mode": "standard", "total_max_attempts": _RETRIES}),
            )
        return self._clients[service]

    def check(self) -> None:
        """See that the credentials belong to the environment's account.

        Raises:
            ConfigurationError: they belong to another one.

        """
        actual = self.client("sts").get_caller_identity()["Account"]
        if actual != self._environment.account_id:
            raise ConfigurationError(
                f"these credentials belong to the AWS account {actual}, but the environment is for "
                f"{self._environment.account_id}. Choose others with AWS_PROFILE, or correct account_id in config/."
            )


def explained(error: BotoCoreError | ClientError) -> str:
    """Return one message that says what AWS or botocore meant, and what to type."""
    embedded = on_loopback(os.environ.get("AWS_ENDPOINT_URL", ""))
    sign_in = (
        "Export the variables that `make local` prints, then try again."
        if embedded
        else "Type `aws sso login` or `aws configure`, or set AWS_PROFILE, then try again."
    )
    match error:
        case NoCredentialsError() | PartialCredentialsError():
            return f"there are no AWS credentials, or only a part of them. {sign_in}"
        case SSOError() | TokenRetrievalError():
            return f"the sign-in to AWS is over: {error} {sign_in}"
        case ProfileNotFound():
            return f"{error}. Set AWS_PROFILE to one that `aws configure list-profiles` prints, or unset it."
        case EndpointConnectionError():
            advice = (
                "Is AWS_ENDPOINT_URL right, and does the embedded AWS run (`make local`)?"
                if embedded
                else "Is this machine online, and is the region in config/ spelt right?"
            )
            return f"{error}. {advice}"
        case ClientError():
            return _refusal(error, sign_in)
    return f"botocore: {error}"


def _refusal(error: ClientError, sign_in: str) -> str:
    code = error.response["Error"].get("Code", "")
    message = error.response["Error"].get("Message", "").strip().rstrip(".")
    if code in _EXPIRED:
        return f"the AWS credentials have expired. {sign_in}"
    if code in _UNKNOWN:
        return f"AWS does not know these credentials. {sign_in}"
    if code in _DENIED:
        return f"AWS denies {error.operation_name}: {message}. Use credentials that may deploy, or ask for the right."
    return f"AWS answered {error.operation_name} with {code}: {message}."
