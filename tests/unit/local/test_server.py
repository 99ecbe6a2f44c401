from __future__ import annotations

import io
import logging
import signal
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from runners.local import server
from runners.local.server import EmbeddedAWS, main

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    level = logging.getLogger().level
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
    logging.getLogger().setLevel(level)


@pytest.fixture(autouse=True)
def no_extensions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "extensions", list)


@pytest.fixture
def parent_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"said before its end")))


@pytest.mark.usefixtures("parent_that_is_gone")
def test_it_says_how_to_use_it_and_ends_with_its_parent(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--port", "0", "--exit-with-parent"]) == 0
    shown = capsys.readouterr().out
    assert "export AWS_ENDPOINT_URL=http://127.0.0.1:" in shown
    assert "export AWS_SECRET_ACCESS_KEY=local" in shown


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # As soon as it has said how to use it, it is told to end.
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(write=len, flush=lambda: signal.raise_signal(number)))
    assert main(["--port", "0"]) == 0


def test_what_keeps_it_from_starting_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with EmbeddedAWS() as running:
        assert main(["--port", "0"]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert running.endpoint_url in error


def test_a_client_is_made_once_for_each_service_and_region() -> None:
    with EmbeddedAWS() as aws:
        assert aws.client("sqs") is aws.client("sqs", "us-east-1")
        assert aws.client("sqs") is not aws.client("sqs", "eu-west-1")
        assert aws.client("sqs").meta.endpoint_url == aws.endpoint_url


def test_a_proxy_is_kept_away_from_the_loopback_interface(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "example.org,localhost")
    assert EmbeddedAWS().environment()["NO_PROXY"] == "example.org,localhost,127.0.0.1"
