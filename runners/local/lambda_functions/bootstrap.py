"""What runs inside a sandbox: loads a function's handler and calls it for one request after another.

Stands for the runtime that Lambda itself brings, so it imports nothing but the standard library, and nothing of this
package: the process sees only the function's zip. Requests come as lines of JSON on standard input; the answers go,
as lines of JSON, to the file descriptor that the command line names; what the function prints stays on standard
output, and a mark after each request says that its output is complete. Ends with its parent: at the end of its input.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import queue
import resource
import sys
import threading
import time
import traceback
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

END_OF_OUTPUT = "\x00end of output\x00"
_STRUCTURED = "%Y-%m-%dT%H:%M:%S"


class Context:
    """The context object of one invocation, with what Lambda documents."""

    def __init__(self, request: dict[str, Any]) -> None:
        self._deadline = time.monotonic() + float(request["timeout_seconds"])
        self.aws_request_id: str = request["request_id"]
        self.invoked_function_arn: str = request["function_arn"]
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.identity = None
        self.client_context = None

    def get_remaining_time_in_millis(self) -> int:
        """Answer how long the function may still take, never less than 0."""
        return max(int((self._deadline - time.monotonic()) * 1000), 0)


class LogHandler(logging.Handler):
    """Writes log records as Lambda's own handler does, in text or in JSON."""

    def __init__(self, *, as_json: bool) -> None:
        super().__init__()
        self._as_json = as_json
        self.request_id = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record to standard output."""
        written = time.strftime(_STRUCTURED, time.gmtime(record.created)) + f".{int(record.msecs):03d}Z"
        sys.stdout.write((self._json(record, written) if self._as_json else self._text(record, written)) + "\n")

    def _text(self, record: logging.LogRecord, written: str) -> str:
        message = self.format(record)
        return f"[{record.levelname}]\t{written}\t{self.request_id}\t{message}"

    def _json(self, record: logging.LogRecord, written: str) -> str:
        line = {
            "timestamp": written,
            "level": record.levelname,
            "message": record.getMessage(),
            "logger": record.name,
            "requestId": self.request_id,
        }
        if record.exc_info and record.exc_info[0]:
            line["errorType"] = record.exc_info[0].__name__
            line["errorMessage"] = str(record.exc_info[1])
            line["stackTrace"] = traceback.format_exception(*record.exc_info)  # type: ignore[assignment]
        return json.dumps(line)


def install_log_handler() -> LogHandler:
    """Make the root logger write as Lambda's does; its level is WARNING unless the function's logging says more."""
    handler = LogHandler(as_json=os.environ.get("AWS_LAMBDA_LOG_FORMAT") == "JSON")
    logging.getLogger().addHandler(handler)
    logging.getLogger().setLevel(os.environ.get("AWS_LAMBDA_LOG_LEVEL") or logging.WARNING)
    return handler


def load(name: str) -> Callable[[Any, Context], Any]:
    """Import the handler that ``module.function`` names; any error becomes that of the first invocation."""
    module_name, _, function_name = name.rpartition(".")
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        return _failing("Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}")
    except Exception as error:  # Lambda answers it as the function's own error
        return _failing(type(error).__name__, str(error))
    handler: Callable[[Any, Context], Any] | None = getattr(module, function_name, None)
    if handler is None:
        return _failing("Runtime.HandlerNotFound", f"Handler '{function_name}' missing on module '{module_name}'")
    return handler


class _NotLoaded(Exception):  # noqa: N818  # it stands for an error with a name of its own
    """The handler could not be loaded: what Lambda answers to each invocation."""


def _failing(kind: str, message: str) -> Callable[[Any, Context], Any]:
    def fail(_event: Any, _context: Context) -> Any:
        raise _NotLoaded(kind, message)

    return fail


def call(handler: Callable[[Any, Context], Any], request: dict[str, Any]) -> dict[str, Any]:
    """Run the handler once; answer ``payload`` as JSON text, and ``error`` True when it is that of an error."""
    context = Context(request)
    try:
        result = handler(request["event"], context)
    except _NotLoaded as error:
        kind, message = error.args
        return _error(kind, message, [], context)
    except Exception as error:  # whatever the function raises is its answer
        # The first frame is this file's: no business of the function.
        stack = traceback.format_list(traceback.extract_tb(error.__traceback__)[1:])
        return _error(type(error).__name__, str(error), stack, context)
    try:
        return {"payload": json.dumps(result), "error": False}
    except (TypeError, ValueError) as error:
        return _error("Runtime.MarshalError", f"Unable to marshal response: {error}", [], context)


def _error(kind: str, message: str, stack: list[str], context: Context) -> dict[str, Any]:
    sys.stdout.write(f"[ERROR] {kind}: {message}\nTraceback (most recent call last):\n{''.join(stack)}\n")
    answer = {
        "errorMessage": message,
        "errorType": kind,
        "requestId": context.aws_request_id,
        "stackTrace": stack,
    }
    return {"payload": json.dumps(answer), "error": True}


def serve(requests: queue.SimpleQueue[str], answer: Callable[[dict[str, Any]], None]) -> None:
    """Load the handler, then call it for each request, for as long as the process lives."""
    log_handler = install_log_handler()
    handler = load(os.environ["_HANDLER"])
    answer({"initialized": True})
    while True:
        request = json.loads(requests.get())
        log_handler.request_id = request["request_id"]
        result = call(handler, request)
        sys.stdout.write(END_OF_OUTPUT + "\n")
        result["max_memory_kilobytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        answer(result)


def _read_requests(requests: queue.SimpleQueue[str]) -> None:
    for line in sys.stdin:
        requests.put(line)
    # The parent is gone, or wants this process to be; whatever the handler does at the moment.
    os._exit(0)


def main() -> None:
    """Take the answers' file descriptor and the folders to import from, and serve."""
    answers = os.fdopen(int(sys.argv[1]), "w", buffering=1)
    sys.path[:0] = sys.argv[2:]
    # Lines reach CloudWatch as they are written, and output of C code stays in its place between them.
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    sys.stderr = sys.stdout
    requests: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_read_requests, args=(requests,), daemon=True).start()
    serve(requests, lambda line: print(json.dumps(line), file=answers))  # the protocol's own line


if __name__ == "__main__":
    main()
