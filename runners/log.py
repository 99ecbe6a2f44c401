"""Logging as JSON lines, each with a machine-readable ``action``, and the guard that keeps secrets out of them.

Nobody gives a token, a secret or an input value to the log; if one comes all the same, in the text of an error that
somebody else has written, it is not written. Logging never raises: what cannot be written is said to be missing.
"""

from __future__ import annotations

import json
import logging
import math
import re
from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING, Any

from runners.spellings import spellings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from runners.job import ActiveJob

HIDDEN = "(hidden)"

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_SECRETS_KEPT = 20_000  # tokens, each as a number of 8 bytes in a hash table
_TEXTS_KEPT = 1_000  # secrets of connections, each with its patterns
_SHORTEST_TEXT = 4  # characters; to hide less would hide half of every line, and so tell what it is
_SHORTEST_LINE = 16  # characters; of a secret of several lines, such as a private key, lines may come alone
_DEEPEST = 8  # levels of a field's value
_TALKATIVE = ("botocore", "boto3", "urllib3", "httpx", "httpcore", "pymongo", "snowflake")  # loggers of secrets
_SECRET_NAME = re.compile(
    r"token$|^token|secret|password|passwd|credential|authorization|access_?key|^(input|request|payload)$",
    re.IGNORECASE,
)
_WORD = re.compile(r"[A-Za-z0-9+/_-]+=*")  # what a token can be within a text
_LIKE_A_TOKEN = re.compile(r"[A-Za-z0-9+/]{200,}={0,2}")  # of Step Functions: base64, some hundred characters long
# What stands around values that errors repeat: botocore's ParamValidationError, pydantic's ValidationError.
_VALUES_IN_ERRORS = (
    ("value: ", re.compile(r", type: <class |, valid ")),
    ("input_value=", re.compile(r", input_type=")),
)


class Secrets:
    """Texts that are never written: the tokens of tasks, and the secrets of connections.

    Tokens are many, and single words: their hashes alone are kept. Secrets of connections are few and may be any text,
    so they are kept themselves, and found within words and in other spellings (see ``runners.spellings``).

    Args:
        kept: how many tokens; beyond that the oldest are forgotten.
        texts_kept: the same for secrets of connections.

    """

    def __init__(self, kept: int = _SECRETS_KEPT, texts_kept: int = _TEXTS_KEPT) -> None:
        self._kept = kept
        self._texts_kept = texts_kept
        self._hashes: dict[int, None] = {}  # in the order in which they came
        self._texts: dict[str, list[re.Pattern[str]]] = {}  # the same
        self._lock = Lock()

    def add(self, token: str) -> None:
        """Keep a token out of the log from now on."""
        with self._lock:
            self._hashes.pop(hash(token), None)
            self._hashes[hash(token)] = None
            if len(self._hashes) > self._kept:
                del self._hashes[next(iter(self._hashes))]

    def add_text(self, text: str) -> None:
        """Keep a secret of a connection out of whatever is shown from now on; one below four characters is not."""
        texts = {text, text.strip()}
        if "\n" in text:
            lines = (line.strip() for line in text.splitlines())
            texts |= {line for line in lines if len(line) >= _SHORTEST_LINE and not line.startswith("-----")}
        with self._lock:
            known = dict(self._texts)
            for each in texts:
                if len(each) >= _SHORTEST_TEXT:
                    known[each] = known.pop(each, []) or spellings(each)
            while len(known) > self._texts_kept:
                del known[next(iter(known))]
            self._texts = known  # in one piece, as others read it meanwhile

    def hidden_in(self, text: str) -> str:
        """Return the text without the secrets in it, and without what errors repeat of values."""
        text = self.known_hidden_in(text)
        for begin, end in _VALUES_IN_ERRORS:
            text = _cut_out(text, begin, end)
        return _LIKE_A_TOKEN.sub(HIDDEN, text)

    def known_hidden_in(self, text: str) -> str:
        """Return the text without the secrets that are known; nothing else of it is changed."""
        if hash(text) in self._hashes:
            return HIDDEN
        text = _without(text, sorted(self._spans(text)))
        return _WORD.sub(lambda word: HIDDEN if hash(word[0]) in self._hashes else word[0], text)

    def _spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield where in the text secrets stand, overlapping ones too."""
        for patterns in self._texts.values():
            for pattern in patterns:
                found = pattern.search(text)
                while found:
                    yield found.span()
                    found = pattern.search(text, found.start() + 1)


SECRETS = Secrets()
"""Of this process; an activity adds each token that it sees, connections their secrets."""


class JsonFormatter(logging.Formatter):
    """Renders a record as one JSON object: time, level, logger, message, the ``extra`` fields, the exception."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as a line of JSON; it never raises."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
        }
        try:
            line["message"] = record.getMessage()
            line |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
            if record.exc_info:
                line["exception"] = self.formatException(record.exc_info)
            return json.dumps(_fields(line))
        except Exception as error:
            lost = {"action": "line_lost", "message": "a line could not be written", "reason": type(error).__name__}
            line = {name: line[name] for name in ("time", "level", "logger")}
            return json.dumps({**line, **lost, "place": f"{record.module}:{record.lineno}"})


def configure(level: str) -> None:
    """Send this package's log to standard error as JSON lines; calling it again changes only the level.

    Libraries that log bodies and headers are made to say less, whatever level whoever runs this has set for all.
    """
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    logger = logging.getLogger("runners")
    logger.setLevel(level)
    if not any(isinstance(handler.formatter, JsonFormatter) for handler in logger.handlers):
        handler = logging.StreamHandler()
        handler.setFormatter(JsonFormatter())
        logger.addHandler(handler)
        logger.propagate = False


def job_fields(job: ActiveJob) -> dict[str, Any]:
    """Return what a line about a job says of it, for ``extra``: never its token, nor its request.

    Example:
        ``log.info("a job runs", extra={"action": "job_started", **job_fields(job)})``

    """
    return {
        "runner": job.runner,
        "task_key": job.task_key,
        "run_id": job.run_id,
        "execution": job.execution,
        "attempt": job.attempt,
    }


def _fields(fields: Mapping[Any, Any], depth: int = 0) -> dict[str, Any]:
    return {
        SECRETS.hidden_in(str(name)): HIDDEN if _SECRET_NAME.search(str(name)) else _plain(value, depth)
        for name, value in fields.items()
    }


def _cut_out(text: str, begin: str, end: re.Pattern[str]) -> str:
    """Return the text with what stands between hidden; in time that grows with the text, whatever is in it."""
    kept, position = [], 0
    while (found := text.find(begin, position)) >= 0 and (ended := end.search(text, found + len(begin))):
        kept += [text[position : found + len(begin)], HIDDEN]
        position = ended.start()
    return "".join([*kept, text[position:]])


def _without(text: str, spans: list[tuple[int, int]]) -> str:
    """Return the text with these spans hidden, in their order; those that touch or overlap as one."""
    kept: list[str] = []
    position = 0
    for start, end in spans:
        if start > position or not kept:
            kept += [text[position:start], HIDDEN]
        position = max(position, end)
    return "".join([*kept, text[position:]])


def _plain(value: Any, depth: int) -> Any:
    """Return a value as JSON knows it, without secrets."""
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    if depth >= _DEEPEST:
        return f"({type(value).__name__})"
    if isinstance(value, dict):
        return _fields(value, depth + 1)
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item, depth + 1) for item in value]
    return SECRETS.hidden_in(str(value))
