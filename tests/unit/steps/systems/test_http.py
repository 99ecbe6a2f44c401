from __future__ import annotations

import base64
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import ValidationError

from runners.steps.errors import (
    AuthenticationFailed,
    ConnectionFailed,
    SourceFailed,
    SourceUnavailable,
    StepError,
    StepStopped,
    TargetFailed,
    TargetUnavailable,
)
from runners.steps.systems.http import READING, TRIES, WRITING, Http, HttpConnection, Request, opened
from runners.testing.steps import DescribedConnections, step_context
from tests.unit.steps.systems.http_server import Says, ScriptedServer, serving

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
SECRET = "s3cret of the shop"
BUSY = Says(status=503)


class Clock:
    """Time that passes only when somebody waits."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)

    def seconds(self) -> float:
        return sum(self.waits)

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.seconds())


@pytest.fixture(scope="module")
def running():
    with serving() as server:
        yield server


@pytest.fixture
def server(running: ScriptedServer):
    running.says.clear()
    running.asked.clear()
    running.answers = lambda asked: Says({"path": asked.path})
    return running


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def client(server: ScriptedServer, clock: Clock):
    made: list[Http] = []

    def client_of(side=READING, renewed=None, counted=lambda size: None, url: str = "", **described: Any) -> Http:
        connection = HttpConnection.model_validate({"url": url or server.url, "timeout_seconds": 5} | described)
        made.append(
            Http(
                connection,
                side,
                renewed=renewed,
                counted=counted,
                sleep=clock.sleep,
                clock=clock.seconds,
                now=clock.now,
            )
        )
        return made[-1]

    yield client_of
    for http in made:
        http.close()


def refusal(http: Http, request: Request) -> StepError:
    with pytest.raises(StepError) as raised:
        http.send(request)
    assert "secret" not in raised.value.cause()
    return raised.value


# Asking


def test_a_path_lies_below_the_connection_s_address(client, server):
    http = client(url=f"{server.url}/v1/")
    assert http.send(Request("GET", "/orders", query={"day": "2026-01-31", "open": True})).json() == {
        "path": "/v1/orders"
    }
    assert server.asked[0].query == {"day": "2026-01-31", "open": "true"}
    http.send(Request("GET"))
    assert server.asked[1].path == "/v1"


def test_a_whole_address_is_asked_only_of_the_same_server(client, server):
    http = client()
    assert http.send(Request("GET", f"{server.url}/next")).json() == {"path": "/next"}
    refused = refusal(http, Request("GET", "http://elsewhere.example/next?key=secret"))
    assert isinstance(refused, SourceFailed)
    assert "elsewhere" not in refused.message


def test_a_body_may_be_a_file(client, server, tmp_path: Path):
    file = tmp_path / "export.csv"
    file.write_bytes(b"id\n1\n")
    sizes = []
    client(WRITING, counted=sizes.append).send(Request("POST", "/files", body=file))
    assert server.asked[0].body == b"id\n1\n"
    assert server.asked[0].headers["content-length"] == "5"
    assert sizes == [5]


def test_the_bytes_of_an_answer_are_counted_where_it_is_a_source(client, server):
    sizes = []
    server.says.append(Says(b"[1, 2]"))
    client(counted=sizes.append).send(Request("GET"))
    assert sizes == [6]


def test_an_answer_is_not_read_beyond_its_limit(client, server):
    server.says.append(Says(b"x" * 1_001))
    assert "more than 1,000 bytes" in refusal(client(), Request("GET", most=1_000)).message


def test_an_answer_that_is_no_json_is_said_to_be_none(client, server):
    server.says.append(Says(b"<html>secret</html>"))
    answer = client(WRITING).send(Request("GET", "/orders"))
    with pytest.raises(TargetFailed, match="/orders answered what is no JSON"):
        answer.json()


def test_a_header_that_is_none_is_refused_at_once(client, clock):
    assert isinstance(refusal(client(), Request("GET", headers={"X": "a\nb"})), SourceFailed)
    assert isinstance(refusal(client(), Request("GET", headers={"X": "日"})), SourceFailed)
    assert clock.waits == []


def test_requests_keep_the_pace_that_the_connection_names(client, clock):
    http = client(requests_per_second=4)
    for _ in range(3):
        http.send(Request("GET"))
    assert clock.waits == [0.25, 0.25]


# Patience


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_server_is_asked_again(client, server, clock, status):
    server.says += [Says(status=status), Says(status=status), Says({"ok": True})]
    assert client().send(Request("GET")).json() == {"ok": True}
    assert len(clock.waits) == 2


def test_a_server_is_waited_for_as_long_as_it_asks(client, server, clock):
    server.says += [
        Says(status=429, headers=(("Retry-After", "7"),)),
        Says(status=503, headers=(("Retry-After", "Sat, 31 Jan 2026 12:00:27 GMT"),)),
        Says(status=429, headers=(("Retry-After", "Sat, 31 Jan 2026 11:00:00 GMT"),)),
        Says({"ok": True}),
    ]
    client().send(Request("GET"))
    assert clock.waits == [7.0, 20.0, 0.0]


def test_what_asks_for_nothing_that_can_be_read_is_asked_again_soon(client, server, clock):
    server.says += [Says(status=429, headers=(("Retry-After", "soon"),)), Says({"ok": True})]
    client().send(Request("GET"))
    assert 0 <= clock.waits[0] <= 1


def test_a_server_that_asks_for_too_much_patience_is_unavailable_at_once(client, server, clock):
    server.says.append(Says(status=429, headers=(("Retry-After", "3600"),)))
    refused = refusal(client(), Request("GET", "/orders", query={"key": "secret"}))
    assert isinstance(refused, SourceUnavailable)
    assert refused.message == f"GET {server.url}/orders answered 429 Too Many Requests, and asks to wait 3600 seconds"
    assert clock.waits == []


@pytest.mark.parametrize(("side", "error"), [(READING, SourceUnavailable), (WRITING, TargetUnavailable)])
def test_a_server_that_stays_busy_is_unavailable(client, server, side, error):
    server.answers = lambda asked: BUSY
    assert isinstance(refusal(client(side), Request("GET")), error)
    assert len(server.asked) == TRIES


def test_a_connection_that_breaks_off_is_made_anew(client, server):
    server.says += [Says(breaks_off=True), Says({"ok": True})]
    assert client().send(Request("GET")).json() == {"ok": True}


def test_a_server_that_is_not_there_is_unavailable(client):
    with serving() as gone:
        address = gone.url
    refused = refusal(client(url=address), Request("POST", repeatable=False))
    assert isinstance(refused, SourceUnavailable)
    assert "ConnectError" in refused.message


@pytest.mark.parametrize("says", [Says(status=502), Says(status=504), Says(breaks_off=True)])
def test_what_must_not_be_made_twice_is_not_when_it_may_have_been_taken(client, server, says):
    server.says.append(says)
    refused = refusal(client(WRITING), Request("POST", repeatable=False))
    assert isinstance(refused, TargetFailed)
    assert "it may have been taken" in refused.message
    assert len(server.asked) == 1


@pytest.mark.parametrize("status", [429, 503])
def test_what_must_not_be_made_twice_is_made_again_when_it_was_surely_not_taken(client, server, status):
    server.says += [Says(status=status), Says({"ok": True})]
    assert client(WRITING).send(Request("POST", repeatable=False)).json() == {"ok": True}


def test_what_was_put_off_is_waited_for_longer_after_each_try(client, clock):
    for tries in (1, 2, 10):
        client().pause(tries)
    assert clock.waits == [1.0, 2.0, 60.0]


# Refusals


def test_a_certificate_that_nobody_vouches_for_is_refused_at_once(client, clock, tmp_path: Path):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate_of_its_own(tmp_path))
    with serving(context) as server:
        refused = refusal(client(url=server.url), Request("GET", "/orders"))
    assert isinstance(refused, SourceFailed)
    assert "certificate cannot be verified" in refused.message
    assert clock.waits == []


def certificate_of_its_own(folder: Path) -> Path:
    """Make a certificate that is signed by itself, and write it with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2120, 1, 1, tzinfo=UTC))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = folder / "server.pem"
    path.write_bytes(private + certificate.public_bytes(pem))
    return path


def test_an_answer_that_cannot_be_unpacked_is_refused(client, server):
    server.says.append(Says(b"secret", headers=(("Content-Encoding", "gzip"),)))
    assert "DecodingError" in refusal(client(), Request("GET")).message


def test_an_address_of_another_protocol_is_refused_at_once(client, clock):
    assert isinstance(refusal(client(), Request("GET", "ftp://secret", signed=False, shown="it")), SourceFailed)
    assert clock.waits == []


def test_a_refusal_says_what_was_asked_without_the_query_and_the_answer(client, server):
    server.says.append(Says({"message": "secret"}, 404))
    refused = refusal(client(), Request("GET", "/orders", query={"key": "secret"}))
    assert (refused.message, refused.details) == (f"GET {server.url}/orders answered 404 Not Found", {"status": 404})


def test_a_refusal_may_be_one_that_whoever_asks_takes(client, server):
    server.says.append(Says({"error": "not_found"}, 404))
    answer = client().send(Request("GET", taken=frozenset({404})))
    assert (answer.status, answer.json()) == (404, {"error": "not_found"})


def test_what_is_shown_of_a_secret_address_is_what_it_is_called(client, server):
    server.says.append(Says(status=404))
    refused = refusal(client(), Request("POST", "/services/secret", shown="the webhook of 'alerts'"))
    assert refused.message == "the webhook of 'alerts' answered 404 Not Found"


def test_a_redirect_is_not_followed(client, server):
    server.says.append(Says(status=302, headers=(("Location", "http://elsewhere.example/secret"),)))
    assert "not followed" in refusal(client(), Request("GET")).message
    assert len(server.asked) == 1


def test_who_may_not_is_told_so(client, server):
    server.says.append(Says(status=403))
    assert "may not do this" in refusal(client(), Request("GET")).message


# Who asks


@pytest.mark.parametrize(
    ("authentication", "header", "value"),
    [
        (
            {"type": "basic", "username": "ada", "password": "pa:ss"},
            "authorization",
            "Basic " + base64.b64encode(b"ada:pa:ss").decode(),
        ),
        ({"type": "bearer", "token": "t0ken"}, "authorization", "Bearer t0ken"),
        ({"type": "api_key", "key": "k3y"}, "x-api-key", "k3y"),
        ({"type": "api_key", "key": "k3y", "name": "Authorization", "prefix": "ApiKey"}, "authorization", "ApiKey k3y"),
    ],
)
def test_who_asks_stands_in_a_header(client, server, authentication, header, value):
    client(authentication=authentication).send(Request("GET"))
    assert server.asked[0].headers[header] == value


def test_a_key_may_stand_in_the_query_and_never_in_an_error(client, server):
    http = client(authentication={"type": "api_key", "key": "secret-key", "name": "key", "place": "query"})
    http.send(Request("GET", "/orders", query={"page": 1}))
    assert server.asked[0].query == {"page": "1", "key": "secret-key"}
    server.says.append(Says(status=400))
    refusal(http, Request("GET"))


def test_nothing_is_told_to_whom_it_is_not_meant_for(client, server):
    http = client(authentication={"type": "bearer", "token": "t0ken"})
    http.send(Request("POST", f"{server.url}/upload", signed=False))
    assert "authorization" not in server.asked[0].headers


def test_a_connection_does_not_show_its_secrets():
    described = {"url": "https://api.example.com", "authentication": {"type": "bearer", "token": SECRET}}
    assert SECRET not in repr(HttpConnection.model_validate(described))


@pytest.mark.parametrize(
    "url",
    [
        "https://ada:secret@api.example.com",
        "https://api.example.com?key=secret",
        "ftp://x",
        "https://",
        "http://[",
        "x",
    ],
)
def test_an_address_holds_no_secret_and_is_one_of_http(url):
    with pytest.raises(ValidationError) as raised:
        HttpConnection(url=url)
    assert "secret" not in str(raised.value)


def test_credentials_that_are_not_taken_are_read_anew_once(client, server):
    fresh = HttpConnection.model_validate({"url": server.url, "authentication": {"type": "bearer", "token": "rotated"}})
    http = client(authentication={"type": "bearer", "token": "old"}, renewed=lambda: fresh)
    server.answers = lambda asked: Says({}, 200 if asked.headers["authorization"] == "Bearer rotated" else 401)
    http.send(Request("GET"))
    http.send(Request("GET"))
    assert [asked.headers["authorization"] for asked in server.asked] == [
        "Bearer old",
        "Bearer rotated",
        "Bearer rotated",
    ]


def test_credentials_that_are_never_taken_fail(client, server):
    server.answers = lambda asked: Says(status=401)
    refused = refusal(client(authentication={"type": "bearer", "token": "secret"}), Request("GET", "/orders"))
    assert isinstance(refused, AuthenticationFailed)
    assert len(server.asked) == 2


# OAuth 2


def oauth2(server: ScriptedServer, **changes: Any) -> dict[str, Any]:
    return {
        "type": "oauth2",
        "issuer_url": f"{server.url}/token",
        "client_id": "runners",
        "client_secret": "client secret",
        "scope": "orders.read",
    } | changes


def gives_tokens(server: ScriptedServer, lifetime: Any = 3_600) -> None:
    """Let the server give out tokens, of which it takes only the newest."""
    given: list[str] = []

    def answers(asked):
        if asked.path == "/token":
            given.append(f"token-{len(given)}")
            return Says({"access_token": given[-1], "token_type": "Bearer", "expires_in": lifetime})
        return Says({"ok": True}, 200 if asked.headers.get("authorization") == f"Bearer {given[-1]}" else 401)

    server.answers = answers


def test_a_token_is_fetched_once_and_kept(client, server):
    gives_tokens(server)
    http = client(authentication=oauth2(server))
    http.send(Request("GET", "/orders"))
    http.send(Request("GET", "/orders"))
    assert server.paths == ["POST /token", "GET /orders", "GET /orders"]
    form = parse_qs(server.asked[0].body.decode())
    assert form == {"grant_type": ["client_credentials"], "scope": ["orders.read"]}
    assert server.asked[0].headers["authorization"] == ("Basic " + base64.b64encode(b"runners:client secret").decode())


def test_who_asks_for_a_token_may_stand_in_the_form(client, server):
    gives_tokens(server)
    asked = oauth2(server, client_authentication="body", audience="https://shop", scope=None)
    client(authentication=asked).send(Request("GET"))
    assert parse_qs(server.asked[0].body.decode()) == {
        "grant_type": ["client_credentials"],
        "audience": ["https://shop"],
        "client_id": ["runners"],
        "client_secret": ["client secret"],
    }
    assert "authorization" not in server.asked[0].headers


@pytest.mark.parametrize(("lifetime", "kept"), [(600, 560), ("600", 560), (None, 260)])
def test_a_token_is_fetched_anew_before_it_expires(client, server, clock, lifetime, kept):
    gives_tokens(server, lifetime)
    http = client(authentication=oauth2(server))
    for wait in (0, kept, 20):
        clock.sleep(wait)
        http.send(Request("GET", "/orders"))
    assert server.paths.count("POST /token") == 2


def test_a_token_that_is_not_taken_is_fetched_anew_once(client, server):
    gives_tokens(server)
    http = client(authentication=oauth2(server))
    http.send(Request("GET", "/orders"))
    client(authentication=oauth2(server)).send(Request("GET", "/orders"))  # after which only this one's token is taken
    http.send(Request("GET", "/orders"))
    assert server.paths[-3:] == ["GET /orders", "POST /token", "GET /orders"]


@pytest.mark.parametrize("says", [Says({"error": "secret"}, 400), Says({"error": "x"}, 401), Says([]), Says({})])
def test_who_gets_no_token_fails_to_be_known(client, server, says):
    server.answers = lambda asked: says
    assert isinstance(refusal(client(authentication=oauth2(server)), Request("GET")), AuthenticationFailed)


# AWS


def test_a_signature_of_aws_covers_the_request(client, server, monkeypatch):
    for name, value in {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"}.items():
        monkeypatch.setenv(name, value)
    http = client(authentication={"type": "aws", "region": "eu-central-1"})
    http.send(Request("POST", "/_search", body=b"{}", query={"pretty": "true"}))
    headers = server.asked[0].headers
    assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
    assert "/eu-central-1/es/aws4_request" in headers["authorization"]
    assert "x-amz-content-sha256" in headers["authorization"]
    assert server.asked[0].body == b"{}"


def test_without_credentials_of_aws_nothing_is_signed(client, monkeypatch):
    monkeypatch.setattr("runners.steps.systems.http_authentication.boto3.Session.get_credentials", lambda self: None)
    http = client(authentication={"type": "aws", "region": "eu-central-1"})
    assert isinstance(refusal(http, Request("GET")), AuthenticationFailed)


# In a step


def test_a_step_s_client_reads_its_connection_anew_when_it_is_not_taken(server):
    context = step_context({"shop": {"url": server.url}})
    server.says.append(Says(status=401))
    with opened(context, "shop", HttpConnection, READING) as http:
        http.send(Request("GET"))
    place = context.connections._place
    assert isinstance(place, DescribedConnections)
    assert place.read_anew == ["shop"]
    assert context.progress.bytes > 0


def test_a_step_that_is_to_stop_waits_no_longer(server):
    server.says.append(Says(status=503, headers=(("Retry-After", "30"),)))
    context = step_context({"shop": {"url": server.url}}, stopping=lambda: True)
    with opened(context, "shop", HttpConnection, READING) as http, pytest.raises(StepStopped):
        http.send(Request("GET"))


def test_a_step_waits_as_long_as_it_is_asked_to(server, monkeypatch):
    clock = Clock()
    monkeypatch.setattr("runners.steps.systems.http.time.monotonic", clock.seconds)
    monkeypatch.setattr("runners.steps.systems.http.time.sleep", clock.sleep)
    server.says += [Says(status=503, headers=(("Retry-After", "3"),)), Says({})]
    with opened(step_context({"shop": {"url": server.url}}), "shop", HttpConnection, READING) as http:
        http.send(Request("GET"))
    assert clock.waits == [1.0, 1.0, 1.0]


def test_a_connection_without_an_address_is_said_to_be_described_badly():
    with (
        pytest.raises(ConnectionFailed, match="'shop' is not described fully: url"),
        opened(step_context({"shop": {}}), "shop", HttpConnection, READING),
    ):
        pass
