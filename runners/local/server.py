"""The embedded AWS: moto's server on the loopback interface, with its extensions installed.

It exists so that the very templates and commands that go to AWS run on a laptop, without an account. It never
listens beyond 127.0.0.1, keeps nothing on disk once it has ended, and what it cannot run it refuses.

Written against moto 5.2.5. ``extensions()`` is the one place where what opens moto up is listed.

Run ``python -m runners.local.server --port 4566`` to keep one in the foreground.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import socket
import sys
import threading
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Protocol
from urllib.request import getproxies

import boto3
from botocore.config import Config
from moto.core.base_backend import BackendDict
from moto.core.config import default_user_config
from moto.core.model_instances import reset_model_data
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from moto.stepfunctions.parser.utils import TMP_THREADS
from werkzeug.serving import make_server

from runners.errors import LocalAWSError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from werkzeug.serving import BaseWSGIServer

LOOPBACK = "127.0.0.1"
ACCOUNT_ID = "123456789012"  # the account that moto gives to credentials which it does not know
PROFILES = frozenset({"AWS_PROFILE", "AWS_DEFAULT_PROFILE"})
BACKLOG = 1024  # connections that wait to be accepted: runners poll with many at once

logger = logging.getLogger(__name__)


class Extension(Protocol):
    """Something that opens moto up at one place, for as long as an embedded AWS runs."""

    def start(self, aws: EmbeddedAWS) -> None:
        """Install the extension; the server listens already."""

    def stop(self) -> None:
        """End every thread and process that the extension started, and put moto back as it was."""


def extensions() -> list[Extension]:
    """All that the embedded AWS adds to moto, in the order in which it is started."""
    # Imported here, so that an extension may import this module.
    from runners.local.athena.extension import Athena  # noqa: PLC0415
    from runners.local.atomic_tables import AtomicTables  # noqa: PLC0415
    from runners.local.cloudformation.stacks import CloudFormation  # noqa: PLC0415
    from runners.local.crawlers.extension import GlueCrawlers  # noqa: PLC0415
    from runners.local.dms.extension import Dms  # noqa: PLC0415
    from runners.local.emr.extension import EmrSteps  # noqa: PLC0415
    from runners.local.emr.serverless import EmrServerless  # noqa: PLC0415
    from runners.local.events.rules import EventRules  # noqa: PLC0415
    from runners.local.glue.job_runs import GlueJobRuns  # noqa: PLC0415
    from runners.local.lambda_functions.extension import LambdaFunctions  # noqa: PLC0415
    from runners.local.redshift.extension import RedshiftData  # noqa: PLC0415
    from runners.local.s3.bucket_policies import BucketPolicies  # noqa: PLC0415
    from runners.local.step_functions.extension import StepFunctions  # noqa: PLC0415
    from runners.local.unavailable import Unavailable  # noqa: PLC0415

    return [
        AtomicTables(),
        BucketPolicies(),
        StepFunctions(),
        LambdaFunctions(),
        EventRules(),
        CloudFormation(),
        GlueJobRuns(),
        Athena(),
        Unavailable(),
        GlueCrawlers(),
        RedshiftData(),
        EmrSteps(),
        EmrServerless(),
        Dms(),
    ]


class EmbeddedAWS:
    """One AWS in this process, on ``http://127.0.0.1:PORT``; also a context manager.

    ``port`` 0 takes a free one. ``activity_poll_wait`` is how long ``GetActivityTask`` holds a poll that finds no
    task. ``retry_delays`` are the waits before an asynchronous invocation of a Lambda function is tried again.
    Raises ``LocalAWSError`` when the port is taken or another one runs in this process: moto's state is global.
    """

    _running: ClassVar[EmbeddedAWS | None] = None
    _one_at_a_time: ClassVar[threading.Lock] = threading.Lock()

    def __init__(
        self,
        port: int = 0,
        region: str = "us-east-1",
        *,
        activity_poll_wait: timedelta = timedelta(seconds=60),
        retry_delays: Sequence[timedelta] = (timedelta(seconds=1), timedelta(seconds=2)),
        verbose: bool = False,
    ) -> None:
        self.port = port
        self.region = region
        self.activity_poll_wait = activity_poll_wait
        self.retry_delays = tuple(retry_delays)
        self.verbose = verbose
        self._extensions: list[Extension] = []
        self._server: BaseWSGIServer | None = None
        self._thread: threading.Thread | None = None
        self._settings = _ProcessSettings(quiet=not verbose)
        self._clients: dict[tuple[str, str], Any] = {}
        self._clients_lock = threading.Lock()

    @property
    def endpoint_url(self) -> str:
        """Where boto3 and the AWS CLI (``--endpoint-url``) find this AWS."""
        return f"http://{LOOPBACK}:{self.port}"

    def environment(self) -> dict[str, str]:
        """Environment variables that point every AWS SDK and the AWS CLI to this AWS, and to no other."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_DEFAULT_REGION": self.region,
            "AWS_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            # Nothing of a person's own configuration takes part, least of all an endpoint or a profile.
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false",
            **_without_proxy(),
        }

    def client(self, service: str, region: str | None = None) -> Any:
        """Answer a boto3 client of this AWS, made once for each service and region.

        Its read timeout is long and it tries nothing twice: a request may itself make a whole stack.
        """
        key = (service, region or self.region)
        with self._clients_lock:
            if key not in self._clients:
                self._clients[key] = _session().client(
                    service,
                    region_name=key[1],
                    endpoint_url=self.endpoint_url,
                    config=Config(retries={"total_max_attempts": 1}, read_timeout=600),
                )
            return self._clients[key]

    def start(self) -> EmbeddedAWS:
        """Listen, install the extensions, and return once requests are answered."""
        listening = self._claim()
        try:
            self.port = listening.getsockname()[1]
            self._settings.apply(self.port)
            self._serve(listening)
            for extension in extensions():
                self._extensions.append(extension)
                extension.start(self)
        except BaseException:
            self.stop()
            raise
        finally:
            listening.close()
        return self

    def stop(self) -> None:
        """End all that was started, and forget all state; a second call does nothing."""
        if EmbeddedAWS._running is not self:
            return
        while self._extensions:
            self._stop_extension(self._extensions.pop())
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
            self._server = self._thread = None
        self._clients.clear()
        BackendDict.reset()
        reset_model_data()
        TMP_THREADS.clear()
        self._settings.restore()
        EmbeddedAWS._running = None

    def __enter__(self) -> EmbeddedAWS:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _claim(self) -> socket.socket:
        with EmbeddedAWS._one_at_a_time:
            if EmbeddedAWS._running is not None:
                raise LocalAWSError(
                    f"An embedded AWS runs in this process already, at {EmbeddedAWS._running.endpoint_url}: "
                    "stop it first, or start the other one with `python -m runners.local.server`"
                )
            listening = _listen(self.port)
            EmbeddedAWS._running = self
            return listening

    def _serve(self, listening: socket.socket) -> None:
        handler = MotoRequestHandler if self.verbose else _QuietRequestHandler
        # werkzeug ends the whole process when it finds a port taken, so it is given a socket that listens already.
        self._server = make_server(
            LOOPBACK,
            self.port,
            DomainDispatcherApplication(create_backend_app),
            threaded=True,
            request_handler=handler,
            fd=listening.fileno(),
        )
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="embedded-aws", daemon=True
        )
        self._thread.start()

    @staticmethod
    def _stop_extension(extension: Extension) -> None:
        try:
            extension.stop()
        except Exception:  # the others still have processes to end
            logger.exception("An extension of the embedded AWS did not stop", extra={"action": "extension_stop"})


class _QuietRequestHandler(MotoRequestHandler):
    """Answers requests without a line for each."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing: the embedded AWS of a demo shares its terminal with the demo."""


class _ProcessSettings:
    """What moto and boto3 read from the process: moto's port, how it runs and logs; no profile of a person's."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._log_level = logging.NOTSET
        self._environment: dict[str, str | None] = {}
        self._step_functions: Any = None

    def apply(self, port: int) -> None:
        # moto's own clients, as those of state machines, go to http://localhost:$MOTO_PORT.
        wanted = {"MOTO_PORT": str(port), **_without_proxy()}
        # A person's profile would not be found, and an endpoint of one service would win over `AWS_ENDPOINT_URL`.
        unwanted = [name for name in os.environ if name in PROFILES or name.startswith("AWS_ENDPOINT_URL_")]
        self._environment = {name: os.environ.get(name) for name in (*wanted, *unwanted)}
        os.environ.update(wanted)
        for name in unwanted:
            del os.environ[name]
        self._step_functions = default_user_config.get("stepfunctions")
        default_user_config["stepfunctions"] = {"execute_state_machine": True}
        # moto logs each failed state as an error, with the whole state; its history and status say it better.
        self._log_level = logging.getLogger("moto").level
        if self._quiet:
            logging.getLogger("moto").setLevel(logging.CRITICAL)

    def restore(self) -> None:
        for name, before in self._environment.items():
            if before is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = before
        self._environment = {}
        logging.getLogger("moto").setLevel(self._log_level)
        if self._step_functions is None:
            default_user_config.pop("stepfunctions", None)
        else:
            default_user_config["stepfunctions"] = self._step_functions


@cache
def _session() -> Any:
    """Answer the one session of all clients: it reads each service's description once."""
    return boto3.session.Session(
        aws_access_key_id="local",
        aws_secret_access_key="local",  # noqa: S106  # a word, not a secret
        region_name="us-east-1",
    )


def _without_proxy() -> dict[str, str]:
    """Keep requests to the loopback interface away from a proxy that the environment names."""
    already = os.environ.get("NO_PROXY") or os.environ.get("no_proxy") or ""
    hosts = [host for host in already.split(",") if host]
    value = ",".join([*hosts, *(host for host in (LOOPBACK, "localhost") if host not in hosts)])
    return {"NO_PROXY": value, "no_proxy": value}


def _listen(port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((LOOPBACK, port))
        listening.listen(BACKLOG)
    except (OSError, OverflowError) as error:
        listening.close()
        raise LocalAWSError(
            f"The embedded AWS cannot listen on {LOOPBACK}:{port} ({error}): choose another port, or 0 for a free one, "
            "as in `runners local --port 4567` or `make PORT=4567 local`"
        ) from error
    return listening


def main(arguments: Sequence[str] | None = None) -> int:
    """Keep an embedded AWS in the foreground until a signal, or the end of the parent, ends it."""
    parser = argparse.ArgumentParser(prog="python -m runners.local.server", description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=4566, help="port on 127.0.0.1, 0 for a free one (default: 4566)")
    parser.add_argument("--region", default="us-east-1", help="region of clients that name none")
    parser.add_argument(
        "--exit-with-parent", action="store_true", help="end when standard input reaches its end: with the parent"
    )
    parser.add_argument("--verbose", action="store_true", help="a line for each request")
    chosen = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO if chosen.verbose else logging.WARNING)
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    if chosen.exit_with_parent:
        threading.Thread(target=_set_at_end_of_input, args=(ended,), daemon=True).start()
    try:
        with EmbeddedAWS(chosen.port, chosen.region, verbose=chosen.verbose) as aws:
            sys.stdout.write(f"{how_to_use(aws)}It forgets everything when Ctrl-C ends it.\n")
            sys.stdout.flush()
            ended.wait()
    except LocalAWSError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def how_to_use(aws: EmbeddedAWS) -> str:
    """Answer where it listens, and the variables that a shell exports to use it."""
    shown = ["AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION", "AWS_REGION"]
    if getproxies().keys() - {"no"}:
        shown += ["NO_PROXY"]
    exports = "".join(f"  export {name}={aws.environment()[name]}\n" for name in shown)
    return f"The embedded AWS listens on {aws.endpoint_url}; for boto3 and the AWS CLI:\n{exports}"


def _set_at_end_of_input(ended: threading.Event) -> None:
    while sys.stdin.buffer.read(4096):
        pass
    ended.set()


if __name__ == "__main__":
    # Run as a module this file is `__main__`; the extensions know it by its name.
    from runners.local.server import main as entry

    sys.exit(entry())
