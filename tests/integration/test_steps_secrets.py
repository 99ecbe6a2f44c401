"""Planted secrets: whatever steps do, and however they fail, nothing that can be seen has one in it, however spelled.

Each connection is kept somewhere else, and has a secret of its own with odd characters. Steps run as the function does,
with logs at DEBUG for all libraries, metrics and lineage; all that they leave is searched.
"""

from __future__ import annotations

import contextlib
import json
import logging
from base64 import b64encode, urlsafe_b64encode
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

import boto3
import pytest
from moto import mock_aws

from runners.lambdas import steps
from runners.steps import Parameters, SourceFailed, SourceUnavailable, Step, catalog
from runners.steps.connections import Connection
from runners.steps.errors import StepError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.integration.databases import Database

PLANTED = {
    "shop": 'pl@nted "sh/öp" %41\\n',
    "warehouse": "planted&ware<house>'+=?#é😀",
    "api": "planted.api/T0ken+with/slashes==",
    "laptop": "planted laptop;{braces}:$and,more!",
}
"""The secrets by the connections that have them."""


def spellings(secret: str) -> list[str]:
    """A secret in the spellings that are searched for; short ones are in what they are parts of."""
    raw = secret.encode()
    ways: list[Callable[[str], str]] = [
        str,
        quote,
        quote_plus,
        escape,
        lambda text: quote(text, safe=""),
        lambda text: quote(quote(text, safe=""), safe=""),
        lambda text: json.dumps(text)[1:-1],
        lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
        lambda text: json.dumps(json.dumps(text)[1:-1])[1:-1],
        lambda text: repr(text)[1:-1],
        lambda text: repr(text.encode())[2:-1],
    ]
    encoded = [way(secret) for way in ways]
    # What texts in base64 have in common that have it at their beginning, or after a user with a colon.
    whole = len(raw) // 3 * 4
    encoded += [encode(raw).decode()[:whole] for encode in (b64encode, urlsafe_b64encode)]
    encoded += [b64encode(b"app:" + raw).decode()[8:whole]]
    return [*encoded, raw.hex(), raw.hex().upper()]


class Leaky(Step):
    """Does with a secret what a step should not."""

    class Parameters(Parameters):
        """What it is told."""

        Way: str
        """How it leaks."""
        ConnectionName: str = "shop"
        """Whose secret."""
        Text: str = ""
        """Any text."""

    source = "leaky://source"
    target = "leaky://target"

    def run(self, context: Any) -> dict[str, Any]:
        connection = context.connections.get(self.parameters.ConnectionName, Anything)
        secret = connection.password.get_secret_value()
        logging.getLogger("runners.leaky").info(
            "connects with %s", secret, extra={"action": "leak", "dsn": f"a:{secret}@b"}
        )
        logging.getLogger("runners.leaky").info("a connection", extra={"action": "leak", "connection": connection})
        return LEAKS[self.parameters.Way](secret, connection)


class Anything(Connection):
    """A connection of any kind; its author has forgotten that a token is secret."""

    password: Any
    token: str = ""

    def __init__(self, **fields: Any) -> None:
        from pydantic import SecretStr  # noqa: PLC0415

        secret = fields.get("password") or fields.get("authentication", {}).get("token")
        super().__init__(password=SecretStr(secret), token=secret)


def _raise(error: Exception) -> dict[str, Any]:
    raise error


def _chained(secret: str, _: Any) -> dict[str, Any]:
    try:
        int(secret)
    except ValueError as error:
        error.add_note(secret)
        failure = SourceFailed(
            f"outer {quote(secret)}", dsn=f"driver://app:{quote(secret, safe='')}@host", parts=[secret]
        )
        failure.add_note(secret)
        raise failure from error


LEAKS: dict[str, Callable[[str, Any], dict[str, Any]]] = {
    "result": lambda secret, connection: {
        "dsn": f"postgresql://app:{quote(secret, safe='')}@host/db",
        secret: [secret, {"json": json.dumps({"password": secret})}],
        "repr": [repr(connection), str(connection), f"{connection.password}"],
        "basic": b64encode(f"app:{secret}".encode()).decode(),
        "bytes": secret.encode(),
        "hex": secret.encode().hex(),
    },
    "exception": lambda secret, _: _raise(RuntimeError(f"could not log in with {secret!r}")),
    "exception as json": lambda secret, _: _raise(OSError(5, json.dumps({"password": secret}))),
    "key error": lambda secret, _: _raise(KeyError(secret)),
    "group": lambda secret, _: _raise(ExceptionGroup(secret, [ValueError(secret)])),
    "chained": _chained,
    "transient": lambda secret, _: _raise(SourceUnavailable(f"no answer for {secret}", hint={secret: secret})),
    "aws": lambda secret, _: boto3.client("s3").get_object(Bucket="bucket", Key=[secret]),
    "aws says": lambda secret, _: boto3.client("s3").head_bucket(Bucket="b", ExpectedBucketOwner=secret),
}


class Echo(BaseHTTPRequestHandler):
    """An API that repeats in its answer how it was asked."""

    def do_GET(self) -> None:
        body = json.dumps({"path": self.path, "headers": dict(self.headers)}).encode()
        self.send_response(200 if "/ok" in self.path else 401 if "/denied" in self.path else 400)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def api() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class Planted:
    """A function whose connections have planted secrets; keeps all that can be seen of it."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str], log: pytest.LogCaptureFixture) -> None:
        self.lineage = folder / "lineage"
        self._capture = capture
        self._log = log
        self._seen: list[str] = []

    def run(self, step_type: str, **parameters: Any) -> dict[str, Any] | StepError:
        """Run a step, and return what it returned or raised."""
        request = {"StepType": step_type, "Parameters": parameters, "ExecutionId": "arn:aws:states:r:1:execution:M:e"}
        ended: dict[str, Any] | StepError
        try:
            with self._log.at_level(logging.DEBUG):
                ended = dict(steps.handler(request, self))
        except StepError as error:
            ended = error
            self._seen += [str(error), repr(error), error.cause(), *map(str, (error.__cause__, error.__context__))]
        self._seen += [json.dumps(ended, default=repr), repr(ended), repr(steps._executor())]
        return ended

    def get_remaining_time_in_millis(self) -> int:
        """As a context of Lambda's."""
        return 900_000

    def seen(self) -> str:
        """All that can be seen."""
        out, err = self._capture.readouterr()
        lineage = self.lineage.read_text() if self.lineage.exists() else ""
        extras = [repr(vars(record)) for record in self._log.records if not record.name.startswith("runners")]
        return "\n".join([*self._seen, out, err, lineage, *extras])


@pytest.fixture
def planted(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> Iterator[Planted]:
    monkeypatch.setattr(catalog, "_others", lambda: {"Leaky": type("Point", (), {"load": lambda: Leaky, "value": ""})})
    found = Planted(tmp_path, capsys, caplog)
    for name, value in {
        "RUNNERS_ENVIRONMENT": "test",
        "RUNNERS_LOG_LEVEL": "DEBUG",
        "RUNNERS_METRICS": "emf",
        "RUNNERS_LINEAGE": f"file:{found.lineage}",
        "RUNNERS_ATTEMPTS": "1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    levels = {name: logging.getLogger(name).level for name in ("", *logging.root.manager.loggerDict)}
    steps._executor.cache_clear()
    with mock_aws():
        yield found
    steps._executor.cache_clear()
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def describe(name: str, description: dict[str, Any]) -> None:
    boto3.client("ssm").put_parameter(
        Name=f"/etl/test/connections/{name}", Value=json.dumps(description), Type="SecureString"
    )


def assert_no_secret(text: str, names: tuple[str, ...] = tuple(PLANTED)) -> None:
    for name in names:
        for spelling in spellings(PLANTED[name]):
            place = text.find(spelling)
            assert place < 0, f"the secret of {name} can be seen: {text[max(0, place - 300) : place + 100]}"


def test_the_search_finds_what_is_planted() -> None:
    for name, secret in PLANTED.items():
        for text in (secret, f"x{quote(secret)}", repr([secret]), b64encode(f"app:{secret}".encode()).decode()):
            with pytest.raises(AssertionError, match=name):
                assert_no_secret(f"before {text} after")


@pytest.mark.parametrize("way", LEAKS)
def test_a_step_that_leaks_shows_nothing(planted: Planted, way: str) -> None:
    describe("shop", {"password": PLANTED["shop"]})
    ended = planted.run("Leaky", Way=way)
    seen = planted.seen()
    assert_no_secret(seen)
    assert "(hidden)" in seen
    assert isinstance(ended, StepError) == (way != "result")


def test_a_secret_of_secrets_manager_shows_nowhere(planted: Planted) -> None:
    described = {"username": "app", "password": PLANTED["warehouse"]}
    boto3.client("secretsmanager").create_secret(Name="warehouse", SecretString=json.dumps(described))
    for way in LEAKS:
        planted.run("Leaky", Way=way, ConnectionName="secretsmanager:warehouse")
    assert_no_secret(planted.seen())


def test_a_secret_of_a_file_shows_nowhere(planted: Planted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "connections.local.json"
    path.write_text(json.dumps({"laptop": {"password": PLANTED["laptop"]}}))
    monkeypatch.setenv("RUNNERS_CONNECTIONS_FILE", str(path))
    for way in LEAKS:
        planted.run("Leaky", Way=way, ConnectionName="laptop")
    planted.run("Leaky", Way="result", ConnectionName="lapptop")
    assert_no_secret(planted.seen())
    path.write_text(f"no JSON: {PLANTED['laptop']}")
    steps._executor.cache_clear()
    failure = planted.run("Leaky", Way="result", ConnectionName="laptop")
    assert isinstance(failure, StepError)
    assert_no_secret(planted.seen())


def test_a_description_that_is_wrong_shows_nothing(planted: Planted) -> None:
    for text in (PLANTED["shop"], json.dumps([PLANTED["shop"]]), json.dumps({"port": PLANTED["shop"]})):
        boto3.client("ssm").put_parameter(
            Name="/etl/test/connections/shop", Value=text, Type="SecureString", Overwrite=True
        )
        steps._executor.cache_clear()
        for step_type in ("MySqlToFolder", "PostgreSqlToFolder", "ApiToS3"):
            planted.run(step_type, **_read("shop", step_type))
    assert_no_secret(planted.seen())


def test_a_secret_in_parameters_and_templates_shows_nowhere_once_it_is_known(planted: Planted) -> None:
    describe("shop", {"password": PLANTED["shop"]})
    planted.run("Leaky", Way="result")
    secret = PLANTED["shop"]
    for parameters in ({"Text": secret}, {"Text": [secret]}, {secret: 1}, {"Text": "{{ '" + secret + "' | nothing }}"}):
        assert isinstance(planted.run("Leaky", Way=secret, **parameters), StepError)
    assert_no_secret(planted.seen())


def test_a_password_of_mariadb_shows_nowhere(planted: Planted, mariadb: Database, tmp_path: Path) -> None:
    with contextlib.closing(mariadb.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE OR REPLACE USER planted IDENTIFIED BY %s", (PLANTED["shop"],))
        cursor.execute("GRANT ALL ON *.* TO planted")
    mariadb.run("CREATE TABLE t (a INT, b TEXT)", "INSERT INTO t VALUES (1, 'x')")
    shop = {"host": mariadb.server.host, "username": "planted", "dbname": mariadb.name, "password": PLANTED["shop"]}
    describe("shop", shop)
    describe("wrong", {**shop, "password": PLANTED["warehouse"]})
    describe("nowhere", {**shop, "host": "127.0.0.1", "port": 9})
    describe("out", {"root": str(tmp_path)})
    try:
        ended = planted.run("MySqlToFolder", **_read("shop", "MySqlToFolder"))
        assert isinstance(ended, dict), ended
        for name in ("wrong", "nowhere"):
            assert isinstance(planted.run("MySqlToFolder", **_read(name, "MySqlToFolder")), StepError)
        for query in ("SELECT {{ '" + PLANTED["shop"].replace("'", "") + "' }} FROM nothing", "SELEKT"):
            source = {"ConnectionName": "shop", "Query": query}
            planted.run("MySqlToFolder", Source=source, Target={"ConnectionName": "out", "Path": "b.csv"})
        assert_no_secret(planted.seen())
    finally:
        mariadb.run("DROP USER planted")


def test_a_password_of_postgresql_shows_nowhere(planted: Planted, postgresql: Database, tmp_path: Path) -> None:
    postgresql.run("CREATE TABLE t (a INT)", "INSERT INTO t VALUES (1)")
    server = postgresql.server
    shop = {"host": server.host, "port": server.port, "username": server.user, "dbname": postgresql.name}
    describe("shop", {**shop, "password": PLANTED["shop"]})
    describe("nobody", {**shop, "username": "nobody", "password": PLANTED["warehouse"]})
    describe("nowhere", {**shop, "host": "127.0.0.1", "port": 9, "password": PLANTED["laptop"]})
    describe("out", {"root": str(tmp_path)})
    ended = planted.run("PostgreSqlToFolder", **_read("shop", "PostgreSqlToFolder"))
    assert isinstance(ended, dict), ended
    for name in ("nobody", "nowhere"):
        assert isinstance(planted.run("PostgreSqlToFolder", **_read(name, "PostgreSqlToFolder")), StepError)
    assert_no_secret(planted.seen())


@pytest.mark.parametrize(
    "authentication",
    [
        {"type": "bearer", "token": PLANTED["api"]},
        {"type": "basic", "username": "app", "password": PLANTED["api"]},
        {"type": "api_key", "in": "query", "name": "key", "key": PLANTED["api"]},
        {"type": "api_key", "in": "header", "name": "X-Key", "key": PLANTED["api"]},
    ],
    ids=lambda it: f"{it['type']}-{it.get('in', '')}",
)
def test_what_authenticates_at_an_api_shows_nowhere(planted: Planted, api: str, authentication: dict[str, Any]) -> None:
    describe("api", {"url": api, "authentication": authentication})
    describe("nowhere", {"url": "http://127.0.0.1:9", "authentication": authentication})
    boto3.client("s3").create_bucket(Bucket="bucket")
    for name, path in (("api", "/ok"), ("api", "/denied"), ("api", "/wrong")):
        planted.run(
            "ApiToS3", Source={"ConnectionName": name, "Path": path}, Target={"Bucket": "bucket", "Key": "a.json"}
        )
    assert_no_secret(planted.seen())


def _read(connection: str, step_type: str) -> dict[str, Any]:
    """Parameters of a transfer from a connection."""
    if step_type == "ApiToS3":
        source = {"ConnectionName": connection, "Path": "/ok"}
        return {"Source": source, "Target": {"Bucket": "bucket", "Key": "a.json"}}
    return {
        "Source": {"ConnectionName": connection, "Table": "t"},
        "Target": {"ConnectionName": "out", "Path": "a.csv"},
    }
