"""The warm sandboxes of all Lambda functions: one invocation at a time each, started and retired as needed.

Knows how a function of moto 5.2.5 becomes a sandbox's settings, and refuses at its creation a function that no
sandbox here could run. Never runs anything but a zip for a Python runtime.
"""

from __future__ import annotations

import io
import os
import shutil
import tempfile
import threading
import uuid
import zipfile
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moto.awslambda.exceptions import InvalidParameterValueException
from moto.core.exceptions import JsonRESTError

from runners.errors import LocalAWSError
from runners.local.lambda_functions.sandbox import Invocation, Sandbox, Settings, link_runtime_packages

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_UNZIPPED_BYTES = 262_144_000  # Lambda's own limit
CLOSING_LIMIT_SECONDS = 10.0


class ThrottledError(JsonRESTError):
    """All of a function's reserved concurrency is in use; on the wire, Lambda's 429."""

    code = 429

    def __init__(self) -> None:
        super().__init__("TooManyRequestsException", "Rate Exceeded.")


def refuse_what_cannot_run(function: Any) -> None:
    """Raise Lambda's ``InvalidParameterValueException`` for a function that the embedded AWS cannot run."""
    if function.package_type != "Zip":
        raise InvalidParameterValueException(
            f"The embedded AWS runs zip packages only: {function.function_name} has PackageType {function.package_type}"
        )
    if not str(function.run_time).startswith("python3"):
        raise InvalidParameterValueException(
            f"The embedded AWS runs Python runtimes only: {function.function_name} has Runtime {function.run_time}"
        )
    if function.layers:
        raise InvalidParameterValueException(
            f"The embedded AWS runs no layers: put what {function.function_name} needs into its zip"
        )
    _refuse_bad_zip(function.code_bytes)


def _refuse_bad_zip(content: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            unzipped = sum(item.file_size for item in package.infolist())
    except zipfile.BadZipFile:
        raise InvalidParameterValueException(
            "Could not unzip uploaded file. Please check your file, then try to upload again."
        ) from None
    if unzipped >= MAX_UNZIPPED_BYTES:
        raise InvalidParameterValueException(f"Unzipped size must be smaller than {MAX_UNZIPPED_BYTES} bytes")


class SandboxPool:
    """Runs functions, each invocation in a sandbox of its own, reused while the function stays what it was.

    ``environment`` points the functions to the embedded AWS; ``write`` takes log lines: function, stream, line.
    """

    def __init__(self, environment: dict[str, str], write: Callable[[Any, str, str], None]) -> None:
        self._environment = environment
        self._write = write
        self._folder = _own_folder()
        (self._folder / "runtime").mkdir()
        self._runtime_root = link_runtime_packages(self._folder / "runtime")
        self._changed = threading.Condition()
        self._unpacking = threading.Lock()
        self._idle: defaultdict[str, list[Sandbox]] = defaultdict(list)
        self._busy: dict[Sandbox, str] = {}
        self._starting: Counter[str] = Counter()
        self._retirements: Counter[str] = Counter()
        self._closed = False

    def run(self, function: Any, event: Any) -> tuple[str, Invocation]:
        """Invoke a function and wait; answer the request's id and how it ended. ``ThrottledError`` when it may not."""
        arn = function.function_arn
        retirements = self._retirements[arn]
        sandbox = self._take(function, arn)
        request_id = str(uuid.uuid4())
        try:
            return request_id, sandbox.invoke(event, request_id, arn, float(function.timeout))
        finally:
            self._give_back(sandbox, arn, retirements)

    def retire(self, function_arn: str) -> None:
        """End the idle sandboxes of a function, and the busy ones once they are done."""
        with self._changed:
            self._retirements[function_arn] += 1
            idle = self._idle.pop(function_arn, [])
        for sandbox in idle:
            sandbox.close()

    def close(self) -> None:
        """End every sandbox, whatever it does, and remove all folders."""
        with self._changed:
            self._closed = True
            idle = [sandbox for sandboxes in self._idle.values() for sandbox in sandboxes]
            self._idle.clear()
            for sandbox in self._busy:
                sandbox.kill()
        for sandbox in idle:
            sandbox.close()
        with self._changed:
            self._changed.wait_for(lambda: not self._busy and not self._starting.total(), CLOSING_LIMIT_SECONDS)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _take(self, function: Any, arn: str) -> Sandbox:
        settings = self._settings(function)
        with self._changed:
            self._refuse_beyond_reservation(function, arn)
            idle = self._idle.pop(arn, [])
            fit = [sandbox for sandbox in idle if sandbox.settings == settings and sandbox.usable]
            unfit = [sandbox for sandbox in idle if sandbox not in fit]
            taken = fit.pop() if fit else None
            self._idle[arn] = fit
            if taken is not None:
                self._busy[taken] = arn
            else:
                self._starting[arn] += 1
        for sandbox in unfit:
            sandbox.close()
        return taken or self._start(function, settings, arn)

    def _start(self, function: Any, settings: Settings, arn: str) -> Sandbox:
        sandbox = None
        try:
            sandbox = Sandbox(settings, lambda stream, line: self._write(function, stream, line))
        finally:
            with self._changed:
                self._starting[arn] -= 1
                if sandbox is not None:
                    self._busy[sandbox] = arn
                    if self._closed:
                        sandbox.kill()
                self._changed.notify_all()
        return sandbox

    def _give_back(self, sandbox: Sandbox, arn: str, retirements: int) -> None:
        with self._changed:
            keep = sandbox.usable and not self._closed and self._retirements[arn] == retirements
            if keep:
                self._idle[arn].append(sandbox)
        if not keep:
            sandbox.close()
        with self._changed:
            del self._busy[sandbox]
            self._changed.notify_all()

    def _refuse_beyond_reservation(self, function: Any, arn: str) -> None:
        if self._closed:
            raise LocalAWSError("The embedded AWS is ending: it invokes no function any more")
        reserved = function.reserved_concurrency
        running = sum(busy == arn for busy in self._busy.values()) + self._starting[arn]
        if reserved is not None and running >= int(reserved):
            raise ThrottledError

    def _settings(self, function: Any) -> Settings:
        logging_config = function.logging_config
        return Settings(
            handler=function.handler,
            task_root=self._unpack(function.code_sha_256, function.code_bytes),
            runtime_root=self._runtime_root,
            log_group=log_group(function),
            version=str(function.version),
            variables={
                "PATH": "/usr/local/bin:/usr/bin:/bin",
                "LANG": "en_US.UTF-8",
                "TZ": ":UTC",
                **{name: str(value) for name, value in function.environment_vars.items()},
                **self._environment,
                "AWS_REGION": function.region,
                "AWS_DEFAULT_REGION": function.region,
                "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.run_time}",
                "AWS_LAMBDA_FUNCTION_NAME": function.function_name,
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_size),
                "AWS_LAMBDA_FUNCTION_VERSION": str(function.version),
                "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
                "AWS_LAMBDA_LOG_FORMAT": logging_config.get("LogFormat", "Text"),
                "AWS_LAMBDA_LOG_LEVEL": logging_config.get("ApplicationLogLevel", ""),
            },
        )

    def _unpack(self, digest: str, content: bytes) -> Path:
        folder = self._folder / digest.replace("/", "_").replace("=", "").replace("+", "-")
        with self._unpacking:
            if not folder.exists():
                unfinished = folder.with_suffix(".unfinished")
                with zipfile.ZipFile(io.BytesIO(content)) as package:
                    package.extractall(unfinished)
                unfinished.rename(folder)
        return folder


def _own_folder() -> Path:
    """Make a temporary folder that names this process; remove those of processes that were killed."""
    prefix = "embedded-lambda-"
    for folder in Path(tempfile.gettempdir()).glob(f"{prefix}*-*"):
        process_id = folder.name.removeprefix(prefix).partition("-")[0]
        if process_id.isdigit() and not _runs(int(process_id)):
            shutil.rmtree(folder, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"{prefix}{os.getpid()}-"))


def _runs(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it is somebody else's
        return True
    return True


def log_group(function: Any) -> str:
    """Answer the name of the log group that a function writes to."""
    return str(function.logging_config.get("LogGroup") or f"/aws/lambda/{function.function_name}")
