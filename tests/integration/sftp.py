"""A real SFTP server for tests: OpenSSH's, started once for all tests of a session, on loopback, with its own keys.

A test that asks for it is skipped where OpenSSH's server is not installed.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

_CONFIGURATION = """
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/authorized_keys
PidFile {folder}/pid
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
Subsystem sftp internal-sftp
"""


@dataclass(frozen=True)
class SftpServer:
    """Where it listens, and the folder of one test."""

    port: int
    keys: Path
    folder: Path

    def connection(self, **changes: Any) -> dict[str, Any]:
        """Answer the description of a connection to it."""
        return {
            "host": "127.0.0.1",
            "port": self.port,
            "username": pwd.getpwuid(os.geteuid()).pw_name,
            "private_key": (self.keys / "user_key").read_text(),
            "host_key": (self.keys / "host_key.pub").read_text(),
            "folder": str(self.folder),
            **changes,
        }


@pytest.fixture(scope="session")
def sshd() -> Iterator[SftpServer]:
    """OpenSSH's server."""
    server = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if server is None:
        pytest.skip("OpenSSH's server is not installed: apt-get install openssh-server")
    folder = Path(tempfile.mkdtemp(prefix="runners-sshd-", dir="/tmp"))
    for name in ("host_key", "user_key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    shutil.copy(folder / "user_key.pub", folder / "authorized_keys")
    port = _free_port()
    (folder / "sshd_config").write_text(_CONFIGURATION.format(port=port, folder=folder))
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # it insists on it, as root
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([server, "-D", "-e", "-f", str(folder / "sshd_config")], stderr=log)
    try:
        eventually(lambda: _answers(process, port, folder / "log"))
        yield SftpServer(port, folder, folder)
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def sftp(sshd: SftpServer, tmp_path: Path) -> SftpServer:
    """The server, with an empty folder of the test's own."""
    folder = tmp_path / "sftp"
    folder.mkdir()
    return SftpServer(sshd.port, sshd.keys, folder)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _answers(process: subprocess.Popen[bytes], port: int, log: Path) -> bool:
    assert process.poll() is None, f"sshd did not start: {log.read_text()}"
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
