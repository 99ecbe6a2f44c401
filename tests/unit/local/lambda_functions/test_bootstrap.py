from __future__ import annotations

import json
import logging
import queue
import sys
import types
from typing import TYPE_CHECKING, Any

import pytest

from runners.local.lambda_functions import bootstrap
from runners.local.lambda_functions.bootstrap import Context, call, install_log_handler, load, serve

if TYPE_CHECKING:
    from collections.abc import Iterator

REQUEST = {"request_id": "request-1", "event": {"a": 1}, "function_arn": "arn", "timeout_seconds": 30}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NAME", "VERSION", "MEMORY_SIZE"):
        monkeypatch.setenv(f"AWS_LAMBDA_FUNCTION_{name}", name.lower())
    for name in ("GROUP", "STREAM"):
        monkeypatch.setenv(f"AWS_LAMBDA_LOG_{name}_NAME", name.lower())
    monkeypatch.delenv("AWS_LAMBDA_LOG_FORMAT", raising=False)
    monkeypatch.delenv("AWS_LAMBDA_LOG_LEVEL", raising=False)


@pytest.fixture(autouse=True)
def root_logger() -> Iterator[logging.Logger]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    root.handlers.clear()
    yield root
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    made = types.ModuleType("of_a_function")
    monkeypatch.setitem(sys.modules, "of_a_function", made)
    return made


def test_the_context_says_who_and_how_long() -> None:
    context = Context({**REQUEST, "timeout_seconds": 0})
    assert (context.function_name, context.function_version, context.memory_limit_in_mb) == (
        "name",
        "version",
        "memory_size",
    )
    assert (context.log_group_name, context.log_stream_name) == ("group", "stream")
    assert (context.aws_request_id, context.invoked_function_arn) == ("request-1", "arn")
    assert context.get_remaining_time_in_millis() == 0
    assert Context(REQUEST).get_remaining_time_in_millis() > 0


def test_a_handler_is_loaded_and_called(module: types.ModuleType) -> None:
    module.handler = lambda event, context: {"got": event, "by": context.aws_request_id}  # type: ignore[attr-defined]
    answer = call(load("of_a_function.handler"), REQUEST)
    assert answer["error"] is False
    assert json.loads(answer["payload"]) == {"got": {"a": 1}, "by": "request-1"}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("not_a_module.handler", "Runtime.ImportModuleError"),
        ("of_a_function.nothing", "Runtime.HandlerNotFound"),
        ("tests.unit.local.lambda_module_that_fails.handler", "ZeroDivisionError"),
    ],
)
@pytest.mark.usefixtures("module")
def test_what_cannot_be_loaded_is_the_answer_to_each_call(name: str, kind: str) -> None:
    handler = load(name)
    for _ in range(2):
        answer = call(handler, REQUEST)
        assert answer["error"] is True
        assert json.loads(answer["payload"])["errorType"] == kind


def test_an_exception_is_told_without_the_frames_of_the_runtime(capsys: pytest.CaptureFixture[str]) -> None:
    def handler(_event: Any, _context: Any) -> None:
        raise KeyError("missing")

    error = json.loads(call(handler, REQUEST)["payload"])
    assert (error["errorType"], error["errorMessage"], error["requestId"]) == ("KeyError", "'missing'", "request-1")
    assert len(error["stackTrace"]) == 1
    assert "[ERROR] KeyError: 'missing'" in capsys.readouterr().out


def test_a_result_that_is_not_json_is_an_error() -> None:
    answer = call(lambda _event, _context: object(), REQUEST)
    assert json.loads(answer["payload"])["errorType"] == "Runtime.MarshalError"


def test_log_records_are_written_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    install_log_handler().request_id = "request-1"
    logging.getLogger("own").info("not told")
    logging.getLogger("own").warning("told %s", "so")
    level, _, request, message = capsys.readouterr().out.strip().split("\t")
    assert (level, request, message) == ("[WARNING]", "request-1", "told so")


def test_log_records_are_written_as_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("AWS_LAMBDA_LOG_FORMAT", "JSON")
    monkeypatch.setenv("AWS_LAMBDA_LOG_LEVEL", "INFO")
    install_log_handler().request_id = "request-1"
    logging.getLogger("own").info("told")
    try:
        int("wrong")
    except ValueError:
        logging.getLogger("own").exception("failed")
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert (first["level"], first["message"], first["requestId"]) == ("INFO", "told", "request-1")
    assert second["errorType"] == "ValueError"
    assert "'wrong'" in second["errorMessage"]
    assert "test_bootstrap" in "".join(second["stackTrace"])


class _EndedError(Exception):
    pass


def test_requests_are_served_one_after_another_each_with_a_mark_at_its_end(
    module: types.ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module.handler = lambda event, _context: print("working") or event  # type: ignore[attr-defined]
    monkeypatch.setenv("_HANDLER", "of_a_function.handler")
    requests: queue.SimpleQueue[str] = queue.SimpleQueue()
    for number in range(2):
        requests.put(json.dumps({**REQUEST, "event": number}))
    answers: list[dict[str, Any]] = []

    def answer(line: dict[str, Any]) -> None:
        answers.append(line)
        if len(answers) == 3:
            raise _EndedError

    with pytest.raises(_EndedError):
        serve(requests, answer)
    assert answers[0] == {"initialized": True}
    assert [line["payload"] for line in answers[1:]] == ["0", "1"]
    assert all(line["max_memory_kilobytes"] > 0 for line in answers[1:])
    assert capsys.readouterr().out.splitlines() == ["working", bootstrap.END_OF_OUTPUT] * 2
