"""An S3 of as little as there can be, for benchmarks: so cheap that it is the steps that are measured, not the server.

It keeps objects in memory, checks nothing, and can be made slow. Run by itself it prints its address::

    python -m benchmarks.s3_server [MEGABYTES_PER_SECOND]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

_PIECE = 1 << 20  # bytes that are read at a time
_NUMBERS = count(1)

Parts = list[bytes]


class Shelf:
    """The objects by their paths, and what was uploaded of those that are not whole yet."""

    def __init__(self) -> None:
        self.objects: dict[str, Parts] = {}
        self.uploads: dict[str, dict[int, bytes]] = {}
        self.etags: dict[str, str] = {}

    def put(self, path: str, parts: Parts) -> str:
        """Put an object and return its entity tag."""
        self.objects[path] = parts
        self.etags[path] = f'"{next(_NUMBERS):032x}"'
        return self.etags[path]


class Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    protocol_version = "HTTP/1.1"
    shelf = Shelf()
    seconds_per_byte = 0.0

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_PUT(self) -> None:
        """Take an object, or a part of one."""
        body = self._body()
        if self.seconds_per_byte:
            time.sleep(len(body) * self.seconds_per_byte)
        path, query = self._asked()
        if "uploadId" in query:
            number = int(query["partNumber"][0])
            self.shelf.uploads[query["uploadId"][0]][number] = body
            self._answer(200, headers={"ETag": f'"{number:032x}"', **self._checksum()})
        else:
            self._answer(200, headers={"ETag": self.shelf.put(path, [body])})

    def do_POST(self) -> None:
        """Begin or complete an upload, or delete many objects."""
        path, query = self._asked()
        self._body()
        if "uploads" in query:
            upload = f"upload-{next(_NUMBERS)}"
            self.shelf.uploads[upload] = {}
            self._xml(f"<InitiateMultipartUploadResult><UploadId>{upload}</UploadId></InitiateMultipartUploadResult>")
        elif "uploadId" in query:
            parts = self.shelf.uploads.pop(query["uploadId"][0])
            etag = self.shelf.put(path, [parts[number] for number in sorted(parts)])
            self._xml(f"<CompleteMultipartUploadResult><ETag>{etag}</ETag></CompleteMultipartUploadResult>")
        else:
            self._answer(501)

    def do_DELETE(self) -> None:
        """Delete an object, or give an upload up."""
        path, query = self._asked()
        if "uploadId" in query:
            self.shelf.uploads.pop(query["uploadId"][0], None)
        else:
            self.shelf.objects.pop(path, None)
        self._answer(204)

    def do_HEAD(self) -> None:
        """Tell an object's size."""
        path, _ = self._asked()
        if path not in self.shelf.objects:
            self._answer(404)
            return
        self._answer(200, size=self._size(path), headers=self._of(path))

    def do_GET(self) -> None:
        """Give an object, or a range of it; or list a bucket."""
        path, query = self._asked()
        if "list-type" in query:
            self._xml(self._listed(path.strip("/"), query.get("prefix", [""])[0]))
            return
        if path not in self.shelf.objects:
            self._xml("<Error><Code>NoSuchKey</Code></Error>", 404)
            return
        size = self._size(path)
        first, last = _range(self.headers.get("Range"), size)
        status = 206 if "Range" in self.headers else 200
        told = {**self._of(path), "Content-Range": f"bytes {first}-{last}/{size}"}
        self._answer(status, size=last - first + 1, headers=told)
        for piece in _between(self.shelf.objects[path], first, last + 1):
            self.wfile.write(piece)

    def _asked(self) -> tuple[str, dict[str, list[str]]]:
        parts = urlsplit(self.path)
        return unquote(parts.path), parse_qs(parts.query, keep_blank_values=True)

    def _size(self, path: str) -> int:
        return sum(map(len, self.shelf.objects[path]))

    def _of(self, path: str) -> dict[str, str]:
        return {"ETag": self.shelf.etags[path], "Last-Modified": "Sat, 31 Jan 2026 04:05:06 GMT"}

    def _listed(self, bucket: str, prefix: str) -> str:
        beginning = f"/{bucket}/"
        found = [path for path in sorted(self.shelf.objects) if path.startswith(beginning + prefix)]
        items = "".join(
            f"<Contents><Key>{path.removeprefix(beginning)}</Key><Size>{self._size(path)}</Size>"
            f"<ETag>{self.shelf.etags[path]}</ETag><LastModified>2026-01-31T04:05:06.000Z</LastModified></Contents>"
            for path in found
        )
        return f"<ListBucketResult><IsTruncated>false</IsTruncated>{items}</ListBucketResult>"

    def _checksum(self) -> dict[str, str]:
        """Return the checksum that came with a part, as S3 does."""
        name = "x-amz-checksum-crc32"
        return {name: self.headers[name]} if name in self.headers else {}

    def _body(self) -> bytes:
        if "aws-chunked" in self.headers.get("Content-Encoding", ""):
            return b"".join(self._chunks())
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline().split(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():  # trailers, to the empty line
            pass

    def _answer(self, status: int, size: int = 0, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(size)}.items():
            self.send_header(name, value)
        self.end_headers()

    def _xml(self, text: str, status: int = 200) -> None:
        body = text.encode()
        self._answer(status, len(body), {"Content-Type": "application/xml"})
        self.wfile.write(body)


def _range(asked: str | None, size: int) -> tuple[int, int]:
    if asked is None:
        return 0, size - 1
    first, _, last = asked.removeprefix("bytes=").partition("-")
    if not first:  # the last so many bytes
        return max(0, size - int(last)), size - 1
    return int(first), min(int(last), size - 1) if last else size - 1


def _between(parts: Parts, first: int, end: int) -> Iterator[memoryview]:
    position = 0
    for part in parts:
        begin, stop = max(first - position, 0), min(end - position, len(part))
        if begin < stop:
            yield memoryview(part)[begin:stop]
        position += len(part)


def main(arguments: list[str]) -> None:
    """Serve until the process is ended."""
    if arguments:
        Handler.seconds_per_byte = 1 / (float(arguments[0]) * 1e6)
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)  # noqa: T201  # whoever starts it reads it
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1:])
