from __future__ import annotations

import json
import socket
import urllib.error
import urllib.request

import pytest

from runners.errors import ConfigurationError
from runners.worker.health import HealthServer, health_page, main, metrics_page


@pytest.fixture
def problems():
    return []


@pytest.fixture
def server(problems):
    pages = {
        "/health": health_page(lambda: {"runners": {}}, lambda: problems),
        "/metrics": metrics_page(lambda: (b"jobs 1\n", "text/plain; version=1.0.0")),
    }
    server = HealthServer("127.0.0.1", 0, pages)
    yield server
    server.close()


def asked(server, path):
    try:
        with urllib.request.urlopen(server.url + path) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers["Content-Type"], error.read()


def test_a_worker_that_is_well_says_so(server):
    status, kind, body = asked(server, "/health?from=a-load-balancer")
    assert (status, kind) == (200, "application/json")
    assert json.loads(body) == {"healthy": True, "problems": [], "runners": {}}


def test_a_worker_that_is_not_well_says_what_is_wrong(server, problems):
    problems.append("glue: no sweep has succeeded for 181 s")
    status, _, body = asked(server, "/health")
    assert status == 503
    assert json.loads(body) == {"healthy": False, "problems": problems, "runners": {}}


def test_metrics_are_served_as_they_are_rendered(server):
    assert asked(server, "/metrics") == (200, "text/plain; version=1.0.0", b"jobs 1\n")


def test_any_other_page_is_not_found(server):
    status, _, body = asked(server, "/")
    assert status == 404
    assert body == b"there are /health and /metrics\n"


@pytest.mark.parametrize("port", ["taken", "impossible"])
def test_a_port_that_is_not_to_be_had_is_a_mistake_in_the_command(port):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        wanted = other.getsockname()[1] if port == "taken" else 65536
        with pytest.raises(ConfigurationError, match="--health-port"):
            HealthServer("127.0.0.1", wanted, {})


# A container's health check


def port_of(server):
    return server.url.rpartition(":")[2]


def test_the_check_succeeds_while_the_worker_is_well(server, capsys):
    assert main([port_of(server)]) == 0
    assert '"healthy": true' in capsys.readouterr().out


def test_the_check_fails_if_the_worker_is_not_well_and_shows_why(server, problems, capsys):
    problems.append("glue: a thread has ended with KeyError")
    assert main([port_of(server)]) == 1
    assert problems[0] in capsys.readouterr().out


def test_the_check_fails_if_nobody_answers(server, capsys):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        assert main([str(other.getsockname()[1])]) == 1
    assert "no worker answers" in capsys.readouterr().out
