"""An SFTP server as a storage, by asyncssh: many requests on their way at one time, in an event loop of its own thread.

The server's key must be known: a connection without it is not described fully. Nothing is taken from the machine: no
``~/.ssh/config``, no agent, no known hosts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import PurePosixPath
from threading import Thread
from typing import Any, BinaryIO, TypeVar, cast

from pydantic import Field, SecretStr

from runners import globs
from runners.steps.connections import Connection
from runners.steps.errors import AuthenticationFailed, ConnectionFailed, SourceFailed, SourceUnavailable, StepError
from runners.steps.libraries import library
from runners.steps.storages.blocks import Blocks, Ranges
from runners.steps.storages.paths import below, is_hidden
from runners.steps.storages.sftp_upload import SftpUpload
from runners.steps.storages.storage import Count, Digest, StoredFile

Result = TypeVar("Result")

CONNECT_SECONDS = 30
_KEEPALIVE_SECONDS = 30
_LOST = ("ConnectionLost", "SFTPConnectionLost", "SFTPNoConnection", "DisconnectError", "ChannelOpenError")


class SftpConnection(Connection):
    """An SFTP server."""

    host: str = Field(min_length=1)
    """The server."""

    port: int = 22
    """Its port."""

    username: str = Field(min_length=1)
    """Who logs in."""

    password: SecretStr | None = None
    """By a password,"""

    private_key: SecretStr | None = None
    """or by a private key, as OpenSSH writes it into a file."""

    passphrase: SecretStr | None = None
    """Of the private key, if it has one; for a key in OpenSSH's own format the package ``bcrypt`` is needed."""

    host_key: str = Field(min_length=1)
    """The server's public key, as ``ssh-keyscan`` prints it without the host: ``ssh-ed25519 AAAA…``; one a line."""

    folder: str = ""
    """The folder that paths begin at; if left out, the one where the server puts who logs in."""


class SftpStorage:
    """Files on a server.

    Args:
        connection: where it is, and who logs in.
        name: the connection's name.
        count: is told of the bytes that are read or written.

    Raises:
        AuthenticationFailed: the server did not let us in.
        ConnectionFailed: it was not reached, or has another key.

    """

    def __init__(self, connection: SftpConnection, name: str, count: Count) -> None:
        self._asyncssh = library("asyncssh", "sftp")
        self._name = name
        self._count = count
        self._root = PurePosixPath(connection.folder)
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(_leave)
        self._thread = Thread(target=self._loop.run_forever, name="sftp", daemon=True)
        self._thread.start()
        try:
            self._connection, self._sftp = self._connected(connection)
        except BaseException:
            self._end()
            raise

    def close(self) -> None:
        """Hang up."""
        try:
            self.run(self._hang_up())
        finally:
            self._end()

    def look(self, name: str) -> StoredFile:
        """Return a file."""
        with self._explained(name):
            return _stored(name, self.run(self._sftp.stat(self.path(name))))

    def find(self, pattern: str) -> Sequence[StoredFile]:
        """Return the files that a glob stands for."""
        begins = globs.beginning(pattern).rpartition("/")[0]
        with self._explained(begins):
            return sorted(self.run(self._found(begins, pattern)), key=lambda file: file.name)

    def digest(self, file: StoredFile) -> Digest | None:
        """Return none: a server of SFTP keeps no checksums."""
        del file
        return None

    @contextmanager
    def open(self, file: StoredFile, *, ranged: bool = False) -> Iterator[BinaryIO]:
        """Open a file; one whose size or time has changed by the end fails."""
        with self._explained(file.name):
            handle = self.run(self._sftp.open(self.path(file.name), "rb"))
        opened = (Ranges if ranged else Blocks)(file.size, partial(self._fetch, handle, file))
        try:
            yield cast("BinaryIO", opened)
            with self._explained(file.name):
                if _stored(file.name, self.run(handle.stat())) != file:
                    raise _changed(self.place(file.name))
        finally:
            opened.close()
            self.run(_quietly(handle.close()))

    def create(self, name: str) -> SftpUpload:
        """Begin a new file."""
        return SftpUpload(self, self._sftp, self.path(name), self.place(name), self._count)

    def place(self, name: str) -> str:
        """Return a file's place, by the name of the connection."""
        return f"sftp://{self._name}/{name.lstrip('/')}"

    def path(self, name: str) -> str:
        """Return a file's path on the server.

        Raises:
            ValidationFailed: it leads out of the connection's folder.

        """
        return str(self._root / below(name))

    def run(self, work: Awaitable[Result]) -> Result:
        """Do something on the server and wait for it."""
        return self.begin(work).result()

    def begin(self, work: Awaitable[Result]) -> Future[Result]:
        """Begin to do something on the server."""
        return asyncio.run_coroutine_threadsafe(_awaited(work), self._loop)

    def is_lost(self, error: BaseException) -> bool:
        """Whether an error says that the connection broke, so that another try may do."""
        return isinstance(error, OSError) or any(isinstance(error, getattr(self._asyncssh, kind)) for kind in _LOST)

    def is_refusal(self, error: BaseException) -> bool:
        """Whether an error is one of SSH's or SFTP's."""
        return isinstance(error, OSError | self._asyncssh.Error)

    def _connected(self, connection: SftpConnection) -> tuple[Any, Any]:
        asyncssh = self._asyncssh
        try:
            return self.run(self._connect(connection))
        except asyncssh.PermissionDenied:
            raise AuthenticationFailed(
                f"the SFTP server of {self._name!r} did not let {connection.username} in", connection=self._name
            ) from None
        except asyncssh.HostKeyNotVerifiable:
            raise ConnectionFailed(
                f"the SFTP server of {self._name!r} has another key than the connection's host_key: ask its owner",
                connection=self._name,
            ) from None
        except (asyncssh.Error, OSError, TimeoutError) as error:
            raise ConnectionFailed(
                f"the SFTP server of {self._name!r} was not reached: {type(error).__name__}", connection=self._name
            ) from None

    async def _connect(self, connection: SftpConnection) -> tuple[Any, Any]:
        opened = await self._asyncssh.connect(
            connection.host,
            connection.port,
            username=connection.username,
            password=_shown(connection.password),
            client_keys=self._keys(connection),
            known_hosts=([self._public_key(line) for line in connection.host_key.splitlines() if line.strip()], [], []),
            config=None,
            agent_path=None,
            connect_timeout=CONNECT_SECONDS,
            keepalive_interval=_KEEPALIVE_SECONDS,
        )
        try:
            return opened, await opened.start_sftp_client()
        except BaseException:
            opened.abort()
            raise

    def _keys(self, connection: SftpConnection) -> list[Any] | None:
        if connection.private_key is None:
            return None
        text = connection.private_key.get_secret_value()
        try:
            return [self._asyncssh.import_private_key(text, _shown(connection.passphrase))]
        except (self._asyncssh.KeyImportError, self._asyncssh.KeyEncryptionError):
            raise ConnectionFailed(
                f"the connection {self._name!r} has a private_key that is none, or another passphrase",
                connection=self._name,
            ) from None

    def _public_key(self, line: str) -> Any:
        try:
            return self._asyncssh.import_public_key(line)
        except self._asyncssh.KeyImportError:
            raise ConnectionFailed(
                f"the connection {self._name!r} has a host_key that is no public key", connection=self._name
            ) from None

    def _fetch(self, handle: Any, file: StoredFile, begin: int, length: int) -> Future[bytes]:
        return self.begin(self._block(handle, file, begin, length))

    async def _block(self, handle: Any, file: StoredFile, begin: int, length: int) -> bytes:
        with self._explained(file.name):
            data = await handle.read(length, begin)
        if len(data) != length:
            raise _changed(self.place(file.name))
        self._count(length)
        return bytes(data)

    async def _found(self, folder: str, pattern: str) -> list[StoredFile]:
        """Return what is in a folder, and below it where the glob goes deeper."""
        found = []
        async for entry in self._sftp.scandir(self.path(folder) if folder else str(self._root)):
            name = f"{folder}/{entry.filename}".lstrip("/")
            if is_hidden(entry.filename):
                continue
            if entry.attrs.type == self._asyncssh.FILEXFER_TYPE_DIRECTORY:
                if "**" in pattern or name.count("/") < pattern.count("/"):
                    found += await self._found(name, pattern)
            elif globs.matches(pattern, name):
                found.append(_stored(name, entry.attrs))
        return found

    @contextmanager
    def _explained(self, name: str) -> Iterator[None]:
        try:
            yield
        except (self._asyncssh.Error, OSError) as error:
            raise self._source_error(error, name) from None

    def _source_error(self, error: Exception, name: str) -> StepError:
        place = self.place(name)
        if isinstance(error, self._asyncssh.SFTPNoSuchFile | self._asyncssh.SFTPNoSuchPath):
            return SourceFailed(f"there is no {place}")
        kind = SourceUnavailable if self.is_lost(error) else SourceFailed
        return kind(f"the SFTP server did not give {place}: {type(error).__name__}")

    async def _hang_up(self) -> None:
        self._sftp.exit()
        self._connection.close()
        await self._connection.wait_closed()

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def _leave(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Leave alone what becomes of requests that were given up; nobody waits for them."""
    del loop, context


async def _awaited(work: Awaitable[Result]) -> Result:
    return await work


async def _quietly(work: Awaitable[Any]) -> None:
    """Do what is of no consequence when the connection is gone."""
    with suppress(Exception):
        await work


def _stored(name: str, attributes: Any) -> StoredFile:
    return StoredFile(name, attributes.size or 0, str(attributes.mtime))


def _changed(place: str) -> SourceFailed:
    return SourceFailed(f"{place} was changed while it was read: run the step again")


def _shown(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret is not None else None
