"""One process that runs a Lambda function, as isolated from the host's packages as Lambda's sandbox is.

The process sees the function's unpacked zip, the standard library, and the packages that Lambda's Python runtime
carries, and nothing else of the virtual environment that the embedded AWS runs in: a package that was forgotten in
the zip fails here as it would at AWS. One invocation at a time; a sandbox that timed out or died is not used again.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runners.errors import LocalAWSError
from runners.local.lambda_functions import bootstrap

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# What Lambda's Python runtimes carry besides the standard library.
RUNTIME_PACKAGES = ("boto3", "botocore", "s3transfer", "jmespath", "urllib3", "dateutil", "six")
INITIALIZATION_LIMIT_SECONDS = 30.0  # for importing the handler; Lambda gives 10, a busy laptop may need longer


@dataclass(frozen=True)
class Settings:
    """What a sandbox is made from; a function whose settings changed needs new sandboxes."""

    handler: str
    task_root: Path
    """The folder of the unpacked zip."""
    runtime_root: Path
    """The folder with the packages of Lambda's runtime."""
    variables: Mapping[str, str]
    """The environment variables of the process, all of them."""
    log_group: str
    version: str


@dataclass(frozen=True)
class Invocation:
    """How one invocation ended."""

    payload: str
    """JSON text: the handler's result, or what Lambda answers for an error."""
    failed: bool
    log: str
    duration_seconds: float


@dataclass
class _Progress:
    """What has been heard of one request so far."""

    answer: dict[str, Any] | None = None
    initialized: bool = False
    output_ended: bool = False
    lines: list[str] = field(default_factory=list)

    @property
    def ended(self) -> bool:
        return self.answer is not None and self.output_ended


def link_runtime_packages(folder: Path) -> Path:
    """Fill a folder with links to this host's copies of what Lambda's runtime carries, and answer it."""
    for name in RUNTIME_PACKAGES:
        found = importlib.util.find_spec(name)
        if found is None or found.origin is None:
            raise LocalAWSError(f"Lambda's runtime carries {name}, but it is not installed here: pip install {name}")
        origin = Path(found.origin)
        source = origin.parent if origin.name == "__init__.py" else origin
        (folder / source.name).symlink_to(source)
    return folder


class Sandbox:
    """A warm process of one function. ``write`` takes each line of its log, as it comes, with its stream's name."""

    def __init__(self, settings: Settings, write: Callable[[str, str], None]) -> None:
        self.settings = settings
        today = datetime.now(tz=UTC)
        self.log_stream = f"{today:%Y/%m/%d}/[{settings.version}]{uuid.uuid4().hex}"
        self._write = write
        self._initialized = False
        self._buffers: dict[int, bytes] = {}
        self._scratch = tempfile.mkdtemp(prefix="lambda-")
        answers, their_answers = os.pipe()
        self._answers = answers
        try:
            self._process = self._start(their_answers)
        except OSError as error:
            os.close(answers)
            shutil.rmtree(self._scratch, ignore_errors=True)
            raise LocalAWSError(f"A sandbox for {settings.handler} could not be started: {error}") from error
        finally:
            os.close(their_answers)

    def _start(self, their_answers: int) -> subprocess.Popen[bytes]:
        roots = [str(self.settings.task_root), str(self.settings.runtime_root)]
        # -I and -S: neither the caller's folder and variables, nor anybody's site-packages.
        command = [sys.executable, "-I", "-S", "-X", "utf8", bootstrap.__file__, str(their_answers), *roots]
        return subprocess.Popen(  # noqa: S603  # the function's code is to be run: that is what a sandbox is for
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(their_answers,),
            cwd=self.settings.task_root,
            env={
                **self.settings.variables,
                "_HANDLER": self.settings.handler,
                "LAMBDA_TASK_ROOT": str(self.settings.task_root),
                "LAMBDA_RUNTIME_DIR": str(self.settings.runtime_root),
                "AWS_LAMBDA_LOG_GROUP_NAME": self.settings.log_group,
                "AWS_LAMBDA_LOG_STREAM_NAME": self.log_stream,
                "TMPDIR": self._scratch,
            },
            start_new_session=True,
        )

    @property
    def usable(self) -> bool:
        """Say whether the process still waits for requests."""
        return self._process.poll() is None

    def invoke(self, event: Any, request_id: str, function_arn: str, timeout_seconds: float) -> Invocation:
        """Run the handler once, and answer how that ended; the process is dead if it took too long."""
        progress = _Progress()
        self._log(progress, f"START RequestId: {request_id} Version: {self.settings.version}")
        started = time.monotonic()
        request = {
            "request_id": request_id,
            "event": event,
            "function_arn": function_arn,
            "timeout_seconds": timeout_seconds,
        }
        try:
            self._send(request)
            in_time = self._listen(progress, timeout_seconds)
        finally:
            # Whoever is interrupted here leaves a process that is busy with something nobody waits for.
            if progress.answer is None:
                self.kill()
        payload, failed = self._result(progress, request_id, timeout_seconds, in_time=in_time)
        duration = time.monotonic() - started
        self._report(progress, request_id, duration)
        return Invocation(payload, failed, "\n".join(progress.lines), duration)

    def kill(self) -> None:
        """End the process with all that it started, and remove its scratch folder."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """End the process, and leave nothing of it behind."""
        self.kill()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        os.close(self._answers)
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _send(self, request: dict[str, Any]) -> None:
        assert self._process.stdin is not None  # noqa: S101  # it was made with a pipe
        # A process that died has no one to read; listening finds the end of its answers.
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()

    def _listen(self, progress: _Progress, timeout_seconds: float) -> bool:
        """Read log and answers until the request ended, the process died, or (then False) its time is over."""
        limit = timeout_seconds if self._initialized else INITIALIZATION_LIMIT_SECONDS
        deadline = time.monotonic() + limit
        assert self._process.stdout is not None  # noqa: S101  # it was made with a pipe
        output = self._process.stdout.fileno()
        with selectors.DefaultSelector() as selector:
            selector.register(output, selectors.EVENT_READ, self._hear_line)
            selector.register(self._answers, selectors.EVENT_READ, self._hear_answer)
            while not progress.ended and selector.get_map():
                ready = selector.select(max(deadline - time.monotonic(), 0))
                if not ready:
                    return False
                for key, _ in ready:
                    if not self._read(key.fd, progress, key.data):
                        selector.unregister(key.fd)
                if progress.initialized and not self._initialized:
                    self._initialized = True
                    deadline = time.monotonic() + timeout_seconds
        return True

    def _read(self, descriptor: int, progress: _Progress, hear: Callable[[_Progress, str], None]) -> bool:
        data = os.read(descriptor, 65536)
        *lines, rest = (self._buffers.get(descriptor, b"") + data).split(b"\n")
        if not data and rest:
            lines, rest = [rest], b""
        self._buffers[descriptor] = rest
        for line in lines:
            hear(progress, line.decode(errors="replace"))
        return bool(data)

    def _hear_line(self, progress: _Progress, line: str) -> None:
        before, mark, _ = line.partition(bootstrap.END_OF_OUTPUT)
        if before or not mark:
            self._log(progress, before)
        progress.output_ended = progress.output_ended or bool(mark)

    def _hear_answer(self, progress: _Progress, line: str) -> None:
        message = json.loads(line)
        if message.get("initialized"):
            progress.initialized = True
        else:
            progress.answer = message

    def _result(
        self, progress: _Progress, request_id: str, timeout_seconds: float, *, in_time: bool
    ) -> tuple[str, bool]:
        if progress.answer is not None:
            return progress.answer["payload"], progress.answer["error"]
        if in_time:
            code = self._process.wait()
            reason = f"exited with error: exit status {code}" if code else "exited without providing a reason"
            kind, message = "Runtime.ExitError", f"RequestId: {request_id} Error: Runtime {reason}"
        else:
            kind = "Sandbox.Timedout"
            message = f"RequestId: {request_id} Error: Task timed out after {timeout_seconds:.2f} seconds"
        self._log(progress, f"{message}\n{kind}")
        return json.dumps({"errorType": kind, "errorMessage": message}), True

    def _report(self, progress: _Progress, request_id: str, duration: float) -> None:
        milliseconds = duration * 1000
        used = (progress.answer or {}).get("max_memory_kilobytes", 0) // 1024
        size = self.settings.variables["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self._log(progress, f"END RequestId: {request_id}")
        self._log(
            progress,
            f"REPORT RequestId: {request_id}\tDuration: {milliseconds:.2f} ms\t"
            f"Billed Duration: {int(milliseconds) + 1} ms\tMemory Size: {size} MB\tMax Memory Used: {used} MB",
        )

    def _log(self, progress: _Progress, line: str) -> None:
        progress.lines.append(line)
        self._write(self.log_stream, line)
