"""A small real HTTP server in a thread, whose answers a test says, and which keeps what it was asked."""

from __future__ import annotations

import json
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from ssl import SSLContext


@dataclass(frozen=True)
class Asked:
    """A request as it came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]  # by names in lower case
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Says:
    """What the server answers: a JSON value, or bytes."""

    body: Any = b""
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    breaks_off: bool = False

    @property
    def bytes(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


class ScriptedServer:
    """Answers in turn what was put into ``says``, then what ``answers`` says of a request."""

    def __init__(self) -> None:
        self.says: deque[Says] = deque()
        self.answers: Callable[[Asked], Says] = lambda asked: Says({"error": "not expected"}, 500)
        self.asked: list[Asked] = []
        self.url = ""

    def answer(self, asked: Asked) -> Says:
        self.asked.append(asked)
        return self.says.popleft() if self.says else self.answers(asked)

    @property
    def paths(self) -> list[str]:
        return [f"{asked.method} {asked.path}" for asked in self.asked]


@contextmanager
def serving(tls: SSLContext | None = None) -> Iterator[ScriptedServer]:
    """Run a server, with a certificate or without."""
    scripted = ScriptedServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # a body after its headers would wait for 40 ms

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            parts = urlsplit(self.path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            query = dict(parse_qsl(parts.query, keep_blank_values=True))
            says = scripted.answer(Asked(self.command, parts.path, query, headers, body))
            if says.breaks_off:
                self.close_connection = True
                return
            self.send_response(says.status)
            for name, value in says.headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(says.bytes)))
            self.end_headers()
            self.wfile.write(says.bytes)

        do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _answer  # noqa: N815

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    scripted.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
    try:
        yield scripted
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
