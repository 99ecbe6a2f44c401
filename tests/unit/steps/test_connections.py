"""Connections: found where they are kept, typed, remembered, read anew once, and never shown."""

from __future__ import annotations

import json
from datetime import timedelta

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, NoRegionError
from pydantic import SecretBytes, SecretStr

from runners.log import Secrets
from runners.steps.connection_places import (
    ConnectionsFile,
    ParameterStore,
    Places,
    Remembered,
    SecretsManager,
    place_of,
)
from runners.steps.connection_secrets import secrets_of
from runners.steps.connections import Connection, Connections
from runners.steps.errors import AuthenticationFailed, ConnectionFailed, SourceUnavailable
from runners.steps.settings import StepSettings
from runners.testing.steps import DescribedConnections

SHOP = {"host": "db.example", "port": 5432, "username": "app", "password": "Pa55 w/rd", "dbname": "shop"}


class Shop(Connection):
    """A database."""

    host: str
    port: int = 5432
    username: str = ""
    password: SecretStr = SecretStr("")


@pytest.fixture(autouse=True)
def secrets(monkeypatch):
    kept = Secrets()
    monkeypatch.setattr("runners.steps.connections.SECRETS", kept)
    return kept


def failure(ask):
    with pytest.raises(ConnectionFailed) as raised:
        ask()
    return raised.value.message


# Models


def test_a_connection_is_a_typed_model():
    shop = Connections(DescribedConnections({"shop": SHOP})).get("shop", Shop)
    assert (shop.host, shop.port, shop.password.get_secret_value()) == ("db.example", 5432, "Pa55 w/rd")


def test_what_is_wrong_with_a_description_is_said_without_its_values():
    described = {**SHOP, "host": None, "port": "Pa55"}
    message = failure(lambda: Connections(DescribedConnections({"shop": described})).get("shop", Shop))
    assert "the connection 'shop' is not described fully: host: " in message
    assert "port: " in message
    assert "Pa55" not in message


def test_a_connection_never_shows_a_secret():
    class Careless(Connection):
        """Whose author did not think of SecretStr."""

        api_key: str
        token: str | None = None
        headers: dict[str, str] = {}  # noqa: RUF012

    shop, careless = Shop(**SHOP), Careless(api_key="Pa55 w/rd")
    for shown in (repr(shop), str(shop), f"{shop!r:>10}", repr(careless), str(careless), repr([careless])):
        assert "Pa55" not in shown
    assert "token=None" in repr(careless)


def test_every_secret_that_is_seen_is_hidden_from_then_on(secrets):
    described = {
        "host": "db.example",
        "password": "Pa55 w/rd",
        "pin": {"secret": 123456, "token": None, "key": True},
        "headers": [{"Authorization": "Bearer abcdef"}],
        "url": "mongodb://app:s%40lty@host/db",
        "webhook": "https://hooks.example/services/T000/B000/XXXX",
        "port": 5432,
    }
    Connections(DescribedConnections({"shop": described})).get("shop", Shop)
    shown = "db.example 5432 Pa55 w/rd 123456 Bearer abcdef s%40lty s@lty POST /services/T000/B000/XXXX True None"
    assert secrets.hidden_in(shown) == "db.example 5432 " + "(hidden) " * 5 + "POST (hidden) True None"


def test_secrets_are_found_by_their_type_too():
    class Odd(Connection):
        """Whose field's name says nothing."""

        first: SecretStr
        second: SecretBytes
        more: tuple[SecretStr, ...] = ()
        plain: str = "plain"

    odd = Odd(first="one", second=b"two", more=("three",))
    assert set(secrets_of(odd)) == {"one", "two", "three"}


# Authentication


def test_credentials_that_are_refused_are_read_anew_once():
    place = DescribedConnections({"shop": SHOP})
    tried = []

    def connect(shop):
        tried.append(shop.password.get_secret_value())
        if len(tried) == 1:
            place.described["shop"] = {**SHOP, "password": "rotated"}
            raise AuthenticationFailed("no")
        return "open"

    assert Connections(place).opened("shop", Shop, connect) == "open"
    assert tried == ["Pa55 w/rd", "rotated"]
    assert place.read_anew == ["shop"]


def test_credentials_that_are_refused_twice_fail():
    def connect(shop):
        raise AuthenticationFailed("no")

    place = DescribedConnections({"shop": SHOP})
    with pytest.raises(AuthenticationFailed):
        Connections(place).opened("shop", Shop, connect)
    assert place.read_anew == ["shop"]


# Parameter Store


def put(name, value, kind="SecureString"):
    boto3.client("ssm").put_parameter(Name=name, Value=value, Type=kind)


def test_a_connection_is_a_parameter_of_its_environment(aws):
    put("/etl/dev/connections/team/shop", json.dumps(SHOP))
    assert ParameterStore("dev").up("team/shop", anew=False) == SHOP


def test_a_parameter_that_is_missing_is_named_and_the_nearest_suggested(aws):
    put("/etl/dev/connections/shop", json.dumps(SHOP))
    message = failure(lambda: ParameterStore("dev").up("shopp", anew=False))
    assert message == (
        "there is no connection 'shopp': the parameter /etl/dev/connections/shopp does not exist; did you mean shop?"
    )
    assert "did you mean" not in failure(lambda: ParameterStore("dev").up("zebra", anew=False))


@pytest.mark.parametrize("text", ["Pa55 w/rd", '["Pa55 w/rd"]', '{"password": "Pa55 w/rd"'])
def test_a_parameter_that_is_no_object_is_refused_without_its_text(aws, text):
    put("/etl/dev/connections/shop", text)
    message = failure(lambda: ParameterStore("dev").up("shop", anew=False))
    assert message == "the parameter /etl/dev/connections/shop holds no JSON object, which describes a connection"


@pytest.mark.parametrize("name", ["", "../shop", "shop;", "/shop", "a//b", "sh op", "a/../b"])
def test_a_name_cannot_leave_its_environment(name):
    assert "the name of a connection has letters" in failure(
        lambda: ParameterStore("dev", no_client).up(name, anew=False)
    )
    assert "the name of a connection has" in failure(
        lambda: SecretsManager(no_client).up("secretsmanager:a b", anew=False)
    )


def no_client(service):
    raise AssertionError(f"{service} was asked")


class Refusing:
    """A client whose every call fails."""

    def __init__(self, error):
        self.error = error
        self.calls = 0

    def __getattr__(self, name):
        def call(**_):
            self.calls += 1
            raise self.error

        return call


def refused(code):
    return ClientError({"Error": {"Code": code, "Message": "Pa55"}, "ResponseMetadata": {"HTTPStatusCode": 400}}, "Get")


@pytest.mark.parametrize(
    ("place", "name", "what", "right"),
    [
        (ParameterStore, "shop", "the parameter /etl/dev/connections/shop", "ssm:GetParameter"),
        (SecretsManager, "secretsmanager:shop", "the secret shop", "secretsmanager:GetSecretValue"),
    ],
)
def test_a_right_that_is_missing_is_named(place, name, what, right):
    client = Refusing(refused("AccessDeniedException"))
    made = place("dev", lambda _: client) if place is ParameterStore else place(lambda _: client)
    message = failure(lambda: made.up(name, anew=False))
    assert message == f"{what} may not be read: give the role {right}, and kms:Decrypt for its key"


def test_what_is_missing_is_said_even_if_names_may_not_be_listed():
    class Listless(Refusing):
        def describe_parameters(self, **_):
            raise refused("AccessDeniedException")

    client = Listless(refused("ParameterNotFound"))
    message = failure(lambda: ParameterStore("dev", lambda _: client).up("shop", anew=False))
    assert message.endswith("does not exist")


@pytest.mark.parametrize("error", [refused("ThrottlingException"), EndpointConnectionError(endpoint_url="https://ssm")])
def test_a_place_that_does_not_answer_is_asked_again_and_then_named(error):
    client = Refusing(error)
    with pytest.raises(SourceUnavailable, match="/etl/dev/connections/shop could not be read just now"):
        ParameterStore("dev", lambda _: client).up("shop", anew=False)
    assert client.calls == 5


@pytest.mark.parametrize(
    ("error", "said"), [(NoRegionError(), "set AWS_DEFAULT_REGION"), (NoCredentialsError(), "log in to AWS")]
)
def test_without_aws_it_is_said_where_else_a_connection_may_be_described(error, said):
    message = failure(lambda: ParameterStore("dev", lambda _: Refusing(error)).up("shop", anew=False))
    assert said in message
    assert "--connections" in message


# Secrets Manager


def test_a_secret_is_a_connection(aws):
    boto3.client("secretsmanager").create_secret(Name="prod/shop", SecretString=json.dumps(SHOP))
    assert SecretsManager().up("secretsmanager:prod/shop", anew=False) == SHOP
    assert "there is no connection" in failure(lambda: SecretsManager().up("secretsmanager:other", anew=False))


def test_a_binary_secret_is_refused(aws):
    boto3.client("secretsmanager").create_secret(Name="shop", SecretBinary=b"Pa55")
    assert failure(lambda: SecretsManager().up("secretsmanager:shop", anew=False)) == (
        "the secret shop holds no JSON object, which describes a connection"
    )


def test_a_description_may_have_its_credentials_in_secrets_manager():
    secrets = DescribedConnections({"secretsmanager:rds!db-1": {"username": "app", "password": "x", "host": "other"}})
    named = DescribedConnections({"shop": {"host": "db", "credentials": "secretsmanager:rds!db-1"}, "plain": SHOP})
    places = Places(named, secrets)
    assert places.up("shop", anew=False) == {"username": "app", "password": "x", "host": "db"}
    assert places.up("plain", anew=False) == SHOP
    assert places.up("secretsmanager:rds!db-1", anew=False)["host"] == "other"
    places.up("shop", anew=True)
    assert secrets.read_anew == ["secretsmanager:rds!db-1"]


# A file


def test_a_file_has_all_connections_by_their_names(tmp_path):
    path = tmp_path / "connections.local.json"
    path.write_text(json.dumps({"shop": SHOP, "odd": "Pa55"}))
    assert ConnectionsFile(path).up("shop", anew=False) == SHOP
    assert failure(lambda: ConnectionsFile(path).up("shopp", anew=False)).endswith("did you mean shop?")
    assert failure(lambda: ConnectionsFile(path).up("odd", anew=False)).endswith("is no JSON object")


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    path = tmp_path / "connections.json"
    assert f"{path} cannot be read: No such file" in failure(lambda: ConnectionsFile(path).up("shop", anew=False))
    path.write_text("{Pa55")
    assert failure(lambda: ConnectionsFile(path).up("shop", anew=False)).startswith(f"the file {path} holds no JSON")


# For a while


def test_a_description_is_remembered_for_a_while():
    place, now = DescribedConnections({"shop": SHOP}), [0.0]
    remembered = Remembered(place, timedelta(minutes=5), lambda: now[0])

    def port():
        return remembered.up("shop", anew=False)["port"]

    assert port() == 5432
    place.described["shop"] = {**SHOP, "port": 1}
    now[0] = 299.0
    assert port() == 5432
    assert remembered.up("shop", anew=True)["port"] == 1
    place.described["shop"] = {**SHOP, "port": 2}
    now[0] = 598.0
    assert port() == 1
    now[0] = 599.0
    assert port() == 2


def test_what_is_remembered_is_not_shown():
    remembered = Remembered(DescribedConnections({"shop": SHOP}))
    remembered.up("shop", anew=False)
    assert "Pa55" not in repr(remembered)


def test_the_settings_say_where_connections_are(aws, tmp_path):
    put("/etl/test/connections/shop", json.dumps(SHOP))
    assert place_of(StepSettings(environment="test")).up("shop", anew=False) == SHOP
    path = tmp_path / "connections.json"
    path.write_text(json.dumps({"shop": {"host": "laptop"}}))
    assert place_of(StepSettings(connections_file=str(path))).up("shop", anew=False) == {"host": "laptop"}
