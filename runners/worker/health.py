"""How a worker is, over HTTP: ``/health`` for whoever restarts it, ``/metrics`` for Prometheus. It changes nothing.

``python -m runners.worker.health [PORT]`` asks a worker on this machine and exits with 0 if it is well: a container's
health check, which needs no other program.
"""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from threading import Thread
from typing import TYPE_CHECKING

from runners.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

PORT = 8080
ADDRESS = "127.0.0.1"  # of this machine alone; say so if others are to ask
REQUEST_TAKES_AT_MOST = 5.0  # seconds

JSON = "application/json"
Answer = tuple[HTTPStatus, str, bytes]
"""Status, content type, body."""


class HealthServer:
    """Answers on a port, in a thread of its own.

    Args:
        address: where to listen; ``0.0.0.0`` is everywhere.
        port: on which; 0 takes a free one (see ``url``).
        pages: what to answer, by path.

    Raises:
        ConfigurationError: the port is taken, or not to be had.

    """

    def __init__(self, address: str, port: int, pages: dict[str, Callable[[], Answer]]) -> None:
        try:
            self._server = _Server((address, port), _handler_of(pages))
        except (OSError, OverflowError) as error:
            raise ConfigurationError(
                f"the worker cannot listen on {address}:{port} ({error}). Choose another port with --health-port, "
                "or 0 for no health endpoint."
            ) from None
        self.url = f"http://{address}:{self._server.server_address[1]}"
        self._thread = Thread(target=self._server.serve_forever, name="health", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def health_page(figures: Callable[[], dict[str, Any]], problems: Callable[[], list[str]]) -> Callable[[], Answer]:
    """Return the page of ``/health``: 200 with figures, or 503 if there are problems, which it names."""

    def page() -> Answer:
        found = problems()
        status = HTTPStatus.SERVICE_UNAVAILABLE if found else HTTPStatus.OK
        document = {"healthy": not found, "problems": found, **figures()}
        return status, JSON, json.dumps(document).encode() + b"\n"

    return page


def metrics_page(render: Callable[[], tuple[bytes, str]]) -> Callable[[], Answer]:
    """Return the page of ``/metrics``, of a function that returns a body and its content type."""

    def page() -> Answer:
        body, kind = render()
        return HTTPStatus.OK, kind, body

    return page


class _Server(ThreadingTCPServer):
    # Not http.server's own, which asks the network for this machine's name before it listens.
    allow_reuse_address = True
    daemon_threads = True


def _handler_of(pages: dict[str, Callable[[], Answer]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = REQUEST_TAKES_AT_MOST  # an open connection that says nothing holds its thread no longer

        def do_GET(self) -> None:  # http.server asks for this name
            page = pages.get(self.path.partition("?")[0])
            if page is None:
                self._answer(HTTPStatus.NOT_FOUND, "text/plain", f"there are {' and '.join(pages)}\n".encode())
            else:
                self._answer(*page())

        def _answer(self, status: HTTPStatus, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Log nothing: health is asked for every few seconds."""

    return Handler


def main(arguments: list[str]) -> int:
    """Ask a worker on this machine how it is; print its answer and return an exit status."""
    port = int(arguments[0]) if arguments else PORT
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://{ADDRESS}:{port}/health", timeout=REQUEST_TAKES_AT_MOST) as answer:
            print(answer.read().decode().strip())
            return 0
    except urllib.error.HTTPError as error:
        print(error.read().decode().strip())
    except OSError as error:
        print(f"no worker answers on port {port}: {error}")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
