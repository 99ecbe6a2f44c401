"""A Slack channel for samples: a web server on this machine that takes what is posted to its webhook and keeps it."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class SlackChannel:
    """A channel."""

    webhook_url: str
    """Where to post to."""

    messages: list[str] = field(default_factory=list)
    """The texts that were posted, in their order."""


@contextmanager
def slack_channel() -> Iterator[SlackChannel]:
    """Open a channel for as long as the block lasts."""
    messages: list[str] = []

    class Webhook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # the server calls it so
            body = self.rfile.read(int(self.headers["Content-Length"]))
            messages.append(json.loads(body)["text"])
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_what: object) -> None:
            """Say nothing: the address is the channel's secret."""

    with ThreadingHTTPServer((LOOPBACK, 0), Webhook) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="slack", daemon=True)
        thread.start()
        try:
            yield SlackChannel(f"http://{LOOPBACK}:{server.server_port}/services/T0/B0/sample", messages)
        finally:
            server.shutdown()
            thread.join()
