"""Lambda as an extension of moto: functions run from their packaged zip, in processes of their own.

moto 5.2.5 runs functions in Docker only, synchronously whoever calls, and forgets dead-letter and logging
configurations (``moto/awslambda/models.py``). Here ``Invoke`` runs a function or queues an event, and whatever else
calls a function (S3 notifications, rules, topics) queues an event and goes on at once.
"""

from __future__ import annotations

import base64
import json
import threading
import time
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any

from moto.awslambda.models import LambdaBackend, LambdaFunction, lambda_backends
from moto.core.exceptions import JsonRESTError
from moto.events import notifications as event_notifications
from moto.logs.models import LogGroup, LogStream, logs_backends

from runners.local.lambda_functions.events import AsynchronousInvocations
from runners.local.lambda_functions.pool import SandboxPool, log_group, refuse_what_cannot_run
from runners.local.replacements import Replacements

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from runners.local.server import EmbeddedAWS

LOG_TAIL_BYTES = 4096  # of the log, in the answer to an Invoke that asks for it


class LambdaFunctions:
    """The extension. One for each embedded AWS."""

    def __init__(self) -> None:
        self._moto = Replacements()
        self._logs = threading.Lock()
        self._pool: SandboxPool | None = None
        self._events: AsynchronousInvocations | None = None

    @property
    def pool(self) -> SandboxPool:
        """The sandboxes, once the extension was started."""
        assert self._pool is not None, "the extension was not started"  # noqa: S101
        return self._pool

    @property
    def events(self) -> AsynchronousInvocations:
        """The events that wait, once the extension was started."""
        assert self._events is not None, "the extension was not started"  # noqa: S101
        return self._events

    def start(self, aws: EmbeddedAWS) -> None:
        """Let functions run."""
        self._pool = SandboxPool(aws.environment(), self._write_log)
        self._events = AsynchronousInvocations(find_function, self.pool.run, aws.client, aws.retry_delays)
        self._keep_configuration()
        self._moto.replace(LambdaBackend, "invoke", self._invoke_method())
        self._moto.replace(LambdaFunction, "invoke", self._event_method())
        self._moto.replace(event_notifications, "_invoke_lambda", self._send_event)
        self._retire_with_function()

    def stop(self) -> None:
        """End all sandboxes, and put moto back as it was."""
        if self._events is not None and self._pool is not None:
            threads = threading.Thread(target=self._events.close)
            threads.start()
            self._pool.close()
            threads.join()
        self._moto.undo()

    def _keep_configuration(self) -> None:
        build, configure, describe = (
            LambdaFunction.__init__,
            LambdaFunction.update_configuration,
            LambdaFunction.get_configuration,
        )
        set_code = LambdaFunction._set_function_code

        @wraps(build)
        def __init__(function: Any, account_id: str, spec: dict[str, Any], *arguments: Any, **named: Any) -> None:  # noqa: N807
            function.dead_letter_config = spec.get("DeadLetterConfig") or {}
            function.logging_config = spec.get("LoggingConfig") or {}
            build(function, account_id, spec, *arguments, **named)
            refuse_what_cannot_run(function)

        @wraps(configure)
        def update_configuration(function: Any, updates: dict[str, Any]) -> dict[str, Any]:
            with _unless_refused(function):
                function.dead_letter_config = updates.get("DeadLetterConfig", function.dead_letter_config)
                function.logging_config = updates.get("LoggingConfig", function.logging_config)
                answer: dict[str, Any] = configure(function, updates)
            return answer

        @wraps(describe)
        def get_configuration(function: Any, *arguments: Any, **named: Any) -> dict[str, Any]:
            answer: dict[str, Any] = describe(function, *arguments, **named)
            answer["LoggingConfig"] = {"LogFormat": "Text", "LogGroup": log_group(function), **function.logging_config}
            if function.dead_letter_config:
                answer["DeadLetterConfig"] = function.dead_letter_config
            return answer

        @wraps(set_code)
        def _set_function_code(function: Any, spec: dict[str, Any]) -> None:
            if spec is function.code:  # a new function, of which the rest is not known yet
                set_code(function, spec)
                return
            with _unless_refused(function):
                set_code(function, spec)

        self._moto.replace(LambdaFunction, "__init__", __init__)
        self._moto.replace(LambdaFunction, "update_configuration", update_configuration)
        self._moto.replace(LambdaFunction, "get_configuration", get_configuration)
        self._moto.replace(LambdaFunction, "_set_function_code", _set_function_code)
        # moto keeps every configuration for asynchronous invocations, and answers the first for ever.
        put = LambdaBackend.put_function_event_invoke_config

        @wraps(put)
        def put_function_event_invoke_config(backend: Any, name: str, config: dict[str, Any]) -> Any:
            backend.get_function(name).event_invoke_config = []
            return put(backend, name, config)

        self._moto.replace(LambdaBackend, "put_function_event_invoke_config", put_function_event_invoke_config)

    def _invoke_method(self) -> Any:
        def invoke(  # noqa: PLR0917  # moto's own signature
            backend: Any,
            function_name: str,
            qualifier: str | None,
            body: Any,
            headers: Mapping[str, str],
            response_headers: dict[str, str],
        ) -> bytes:
            function = backend.get_function(function_name, qualifier)
            event = _parse(body)
            kind = headers.get("X-Amz-Invocation-Type", "RequestResponse")
            if kind == "DryRun":
                return b""
            if kind == "Event":
                self.events.put(function.function_arn, event)
                return b""
            _, invocation = self.pool.run(function, event)
            if invocation.failed:
                response_headers["x-amz-function-error"] = "Unhandled"
            tail = invocation.log.encode()[-LOG_TAIL_BYTES:]
            response_headers["x-amz-log-result"] = base64.b64encode(tail).decode()
            response_headers["x-amz-executed-version"] = str(function.version)
            return invocation.payload.encode()

        return invoke

    def _event_method(self) -> Any:
        # S3, SNS, streams and log subscriptions call this, and moto makes them wait for the function.
        def invoke(function: Any, body: str, _request_headers: Any, _response_headers: Any) -> str:
            self.events.put(function.function_arn, _parse(body))
            return ""

        return invoke

    def _send_event(self, _account_id: str, fn_arn: str, event: Any) -> None:
        self.events.put(fn_arn, event)

    def _retire_with_function(self) -> None:
        delete = LambdaBackend.delete_function

        @wraps(delete)
        def delete_function(backend: Any, function_name: str, qualifier: str | None = None) -> None:
            arn = backend.get_function(function_name, qualifier).function_arn
            delete(backend, function_name, qualifier)
            self.pool.retire(arn)

        self._moto.replace(LambdaBackend, "delete_function", delete_function)

    def _write_log(self, function: Any, stream: str, line: str) -> None:
        backend: Any = logs_backends[function.account_id][function.region]
        name = log_group(function)
        with self._logs:  # moto's log streams are not safe for several writers
            # New dictionaries, because somebody may be reading the logs in the old ones.
            if name not in backend.groups:
                if find_function(function.function_arn) is None:
                    return  # the function and its log group were deleted: a new group would stand in a new one's way
                make: Any = LogGroup  # moto says that it is abstract
                group = make(function.account_id, function.region, name)
                backend.groups = {**backend.groups, name: group}
            group = backend.groups[name]
            if stream not in group.streams:
                group.streams = {**group.streams, stream: LogStream(log_group=group, name=stream)}
            backend.put_log_events(name, stream, [{"timestamp": int(time.time() * 1000), "message": line}])


def find_function(function_arn: str) -> Any:
    """Answer the function of an ARN, or None when there is none."""
    parts = function_arn.split(":")
    try:
        return lambda_backends[parts[4]][parts[3]].get_function(function_arn)
    except (JsonRESTError, IndexError, KeyError):
        return None


@contextmanager
def _unless_refused(function: Any) -> Iterator[None]:
    """Leave a function as it was when what it was changed to cannot run."""
    before = {**vars(function), "code": dict(function.code)}
    try:
        yield
        refuse_what_cannot_run(function)
    except BaseException:
        vars(function).update(before)
        raise


def _parse(body: str | bytes | None) -> Any:
    if not body:
        return {}
    try:
        return json.loads(body)
    except ValueError:
        raise JsonRESTError(
            "InvalidRequestContentException", "Could not parse request body into json: it is not JSON"
        ) from None
