from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from runners.errors import LocalAWSError
from runners.local import server
from runners.local.server import EmbeddedAWS
from tests.integration.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def plain_environment(embedded_aws: EmbeddedAWS, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in embedded_aws.environment().items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def foreground() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "runners.local.server", "--port", "0", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.usefixtures("plain_environment")
def test_plain_boto3_finds_it_by_environment_variables_alone() -> None:
    s3 = boto3.session.Session().client("s3")
    s3.create_bucket(Bucket="some-bucket")
    s3.put_object(Bucket="some-bucket", Key="a folder/é.txt", Body=b"content")
    assert s3.get_object(Bucket="some-bucket", Key="a folder/é.txt")["Body"].read() == b"content"
    link = s3.generate_presigned_url("get_object", Params={"Bucket": "some-bucket", "Key": "a folder/é.txt"})
    with urllib.request.urlopen(link) as answer:
        assert answer.read() == b"content"


@pytest.mark.usefixtures("plain_environment")
def test_clients_that_name_no_region_are_in_its_region(embedded_aws: EmbeddedAWS) -> None:
    topic = boto3.session.Session().client("sns").create_topic(Name="topic")["TopicArn"]
    assert f":{embedded_aws.region}:" in topic


def test_it_listens_on_the_loopback_interface_alone(embedded_aws: EmbeddedAWS) -> None:
    assert embedded_aws.endpoint_url == f"http://127.0.0.1:{embedded_aws.port}"
    with socket.socket() as other, pytest.raises(ConnectionRefusedError):
        other.connect(("127.0.0.2", embedded_aws.port))


def test_a_second_one_in_the_same_process_is_refused(embedded_aws: EmbeddedAWS) -> None:
    with pytest.raises(LocalAWSError, match=embedded_aws.endpoint_url):
        EmbeddedAWS().start()
    assert embedded_aws.client("s3").list_buckets()["Buckets"] == []


def test_after_its_end_nothing_of_it_is_left() -> None:
    before, threads = dict(os.environ), set(threading.enumerate())
    with EmbeddedAWS() as first:
        first.client("s3").create_bucket(Bucket="some-bucket")
        assert os.environ["MOTO_PORT"] == str(first.port)
    first.stop()
    assert dict(os.environ) == before
    assert set(threading.enumerate()) <= threads
    with EmbeddedAWS() as second:
        assert second.client("s3").list_buckets()["Buckets"] == []


def test_a_persons_profile_and_endpoints_take_no_part_while_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = {"AWS_PROFILE": "work", "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9"}
    for name, value in theirs.items():
        monkeypatch.setenv(name, value)
    with EmbeddedAWS() as aws, monkeypatch.context() as within:
        for name, value in aws.environment().items():
            within.setenv(name, value)
        assert boto3.session.Session().client("s3").list_buckets()["Buckets"] == []
    assert {name: os.environ.get(name) for name in theirs} == theirs


def test_a_setting_that_was_there_before_is_there_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTO_PORT", "1")
    monkeypatch.setenv("NO_PROXY", "example.org")
    monkeypatch.setitem(server.default_user_config, "stepfunctions", {"execute_state_machine": False})
    with EmbeddedAWS():
        assert os.environ["NO_PROXY"] == "example.org,127.0.0.1,localhost"
    assert os.environ["MOTO_PORT"] == "1"
    assert os.environ["NO_PROXY"] == "example.org"
    assert server.default_user_config["stepfunctions"] == {"execute_state_machine": False}


@pytest.mark.parametrize("port", ["taken", "impossible"])
def test_a_port_that_it_cannot_have_is_one_clear_error(port: str) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        wanted = other.getsockname()[1] if port == "taken" else 65536
        with pytest.raises(LocalAWSError, match=f"cannot listen on 127.0.0.1:{wanted}"):
            EmbeddedAWS(wanted).start()


class _Failing:
    def __init__(self, at: str) -> None:
        self.at = at

    def start(self, aws: Any) -> None:
        if self.at == "start":
            raise LocalAWSError("it does not start")

    def stop(self) -> None:
        raise LocalAWSError("it does not stop")


def test_an_extension_that_does_not_start_leaves_nothing_running(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(server, "extensions", lambda: [_Failing("start")])
        with pytest.raises(LocalAWSError, match="it does not start"):
            EmbeddedAWS().start()
    with EmbeddedAWS() as aws:
        assert aws.client("sqs").list_queues().get("QueueUrls") is None


def test_an_extension_that_does_not_stop_keeps_no_other_from_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(server, "extensions", lambda: [_Failing("stop")])
    EmbeddedAWS().start().stop()
    assert "did not stop" in caplog.text
    EmbeddedAWS().start().stop()


def test_requests_are_told_only_when_asked_for(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", logger="werkzeug"):
        with EmbeddedAWS() as quiet:
            quiet.client("s3").list_buckets()
        assert "GET /" not in caplog.text + capfd.readouterr().err
        with EmbeddedAWS(verbose=True) as verbose:
            verbose.client("s3").list_buckets()
        assert "GET /" in caplog.text


def _endpoint(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    shown = [process.stdout.readline() for _ in range(5)]
    assert shown[1].startswith("  export AWS_ENDPOINT_URL=")
    return shown[1].strip().partition("=")[2]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_in_the_foreground_it_says_how_to_use_it_and_ends_by_a_signal(
    foreground: Callable[..., subprocess.Popen[str]], number: int
) -> None:
    process = foreground()
    url = _endpoint(process)
    s3 = boto3.client("s3", endpoint_url=url, aws_access_key_id="a", aws_secret_access_key="b", region_name="us-east-1")
    assert s3.list_buckets()["Buckets"] == []
    process.send_signal(number)
    assert process.wait(15) == 0


def test_it_ends_with_its_parent_when_asked_to(foreground: Callable[..., subprocess.Popen[str]]) -> None:
    process = foreground("--exit-with-parent")
    _endpoint(process)
    assert process.stdin is not None
    process.stdin.close()
    assert eventually(lambda: process.poll() is not None)
    assert process.returncode == 0
    process.stdin = None


def test_in_the_foreground_a_taken_port_is_one_line(embedded_aws: EmbeddedAWS) -> None:
    tried = subprocess.run(
        [sys.executable, "-m", "runners.local.server", "--port", str(embedded_aws.port)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert tried.returncode == 1
    assert tried.stderr.count("\n") == 1
    assert "choose another port" in tried.stderr
