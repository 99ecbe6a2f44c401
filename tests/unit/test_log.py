from __future__ import annotations

import json
import logging
from base64 import b64encode
from datetime import datetime
from urllib.parse import quote

import boto3
import pytest
from pydantic import BaseModel

from runners.activity import Activity
from runners.job import Succeeded
from runners.log import JsonFormatter, Secrets, configure, job_fields
from tests.unit.doubles import active_job


def line_of(**fields):
    record = logging.makeLogRecord(
        {"name": "runners.test", "levelname": "INFO", "msg": "a %s", "args": ("job",)} | fields
    )
    return json.loads(JsonFormatter().format(record))


def test_a_line_is_one_json_object_with_its_action():
    line = line_of(action="job_started", run_id="jr_1")
    assert datetime.fromisoformat(line.pop("time")).utcoffset().total_seconds() == 0
    assert line == {
        "level": "INFO",
        "logger": "runners.test",
        "message": "a job",
        "action": "job_started",
        "run_id": "jr_1",
    }


def test_an_exception_stays_on_its_line():
    try:
        int("oh")
    except ValueError as error:
        text = JsonFormatter().format(logging.makeLogRecord({"exc_info": (ValueError, error, error.__traceback__)}))
    assert "\n" not in text
    assert "ValueError: invalid literal" in json.loads(text)["exception"]


def test_what_json_does_not_know_is_written_as_text():
    assert line_of(reason=ValueError("oh"))["reason"] == "oh"


def test_configuring_twice_changes_only_the_level(capsys):
    logger = logging.getLogger("runners")
    before = len(logger.handlers)
    configure("INFO")
    configure("WARNING")
    assert len(logger.handlers) == before + 1
    logger.info("not shown")
    logger.warning("shown", extra={"action": "tried"})
    lines = capsys.readouterr().err.splitlines()
    assert [json.loads(line)["message"] for line in lines] == ["shown"]


# What is never written

SECRET = "AQCEAAAAKgAAAAMAAAAAAAAAAcret+planted/token="
VALUE = "planted-value, too"  # of an input


class Odd:
    """A value that cannot be made a text."""

    def __str__(self):
        raise RuntimeError(SECRET)


@pytest.fixture
def secrets(monkeypatch):
    kept = Secrets()
    kept.add(SECRET)
    monkeypatch.setattr("runners.log.SECRETS", kept)
    monkeypatch.setattr("runners.activity.SECRETS", kept)
    return kept


def raised(raise_it):
    """The ``exc_info`` of what a call raises."""
    try:
        raise_it()
    except Exception as error:
        return type(error), error, error.__traceback__
    raise AssertionError("nothing was raised")


def fail(text):
    raise ValueError(text)


def chained():
    try:
        fail(f"first {SECRET}")
    except ValueError as error:
        error.add_note(f"noted {SECRET}")
        raise KeyError(SECRET) from error


def in_a_context():
    try:
        fail(SECRET)
    except ValueError:
        raise RuntimeError("second")  # noqa: B904  # that the first is its context is what is tried


def in_a_group():
    raise ExceptionGroup(f"many ({SECRET})", [ValueError(SECRET), OSError(2, "no such file", SECRET)])


def refused_by_botocore():
    client = boto3.client("stepfunctions", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    client.send_task_success(taskToken=[SECRET], output={"Name": VALUE})


def refused_by_pydantic():
    class Model(BaseModel):
        Name: int

    Model(Name=VALUE)


@pytest.mark.parametrize("raise_it", [chained, in_a_context, in_a_group, refused_by_botocore, refused_by_pydantic])
def test_no_exception_brings_a_secret_or_a_value_into_a_line(secrets, raise_it):
    text = json.dumps(line_of(action="tried", exc_info=raised(raise_it)))
    assert SECRET not in text
    assert "planted" not in text
    assert raise_it.__name__ in text  # where it was raised stays


@pytest.mark.parametrize(
    "fields",
    [
        {"msg": f"the token {SECRET}.", "args": ()},
        {"msg": "the token %s", "args": (SECRET,)},
        {"msg": "the token %r", "args": ({"a": [SECRET]},)},
        {"reason": SECRET},
        {"reason": f'{{"taskToken":"{SECRET}"}}'},
        {"reason": ValueError(SECRET)},
        {"reason": {"deep": [{SECRET: (SECRET, {SECRET})}]}},
        {"name": SECRET},
    ],
)
def test_no_text_brings_a_secret_into_a_line(secrets, fields):
    assert SECRET not in json.dumps(line_of(**fields))


@pytest.mark.parametrize("name", ["token", "taskToken", "task_token", "db_password", "AwsSecretAccessKey", "input"])
def test_a_field_with_the_name_of_a_secret_is_not_written(name):
    assert line_of(**{name: "planted"})[name] == "(hidden)"
    assert line_of(reason={name: "planted"})["reason"][name] == "(hidden)"


def test_what_looks_like_a_token_is_not_written_even_if_nobody_has_seen_it():
    token = "AQCEAAAAKgAAAAMAAAAA" * 20 + "=="
    assert line_of(reason=f"no task {token}, sorry")["reason"] == "no task (hidden), sorry"


def test_what_is_no_secret_stays(secrets):
    fields = {"run_id": "jr_1", "task_key": "ab" * 32, "reason": "Glue answered X: s3://bucket/key=1/part-0.csv, 3%"}
    line = line_of(**fields)
    assert {name: line[name] for name in fields} == fields


@pytest.mark.parametrize("text", ["value: ", "input_value=", "A" * 199 + " ", "value: 1, valid ", "AAAA="])
def test_a_long_text_full_of_what_is_looked_for_is_looked_through_in_passing(text):
    times = 400_000 // len(text)
    assert len(Secrets().hidden_in(text * times)) >= times  # with time squared, this would take hours


def test_the_oldest_secrets_are_forgotten():
    secrets = Secrets(kept=2)
    for text in ("one", "two", "one", "three"):
        secrets.add(text)
    assert secrets.hidden_in("one two three") == "(hidden) two (hidden)"


def test_the_token_of_a_polled_or_reported_task_is_kept_out(secrets):
    sent = FakeStepFunctions()
    activity = Activity("arn:activity", "worker", sent, sent)
    task = activity.poll()
    activity.report("token-of-a-report", Succeeded({}))
    activity.heartbeat("token-of-a-heartbeat")
    for token in (task.token, "token-of-a-report", "token-of-a-heartbeat"):
        assert line_of(reason=token)["reason"] == "(hidden)"


class FakeStepFunctions:
    def get_activity_task(self, **_):
        return {"taskToken": "token-of-a-poll", "input": "{}"}

    def send_task_success(self, **_): ...

    def send_task_heartbeat(self, **_): ...


# Logging never raises


def cycle():
    fields = {}
    fields["self"] = fields
    return fields


@pytest.mark.parametrize("fields", [{"msg": "%d", "args": ("x",)}, {"reason": Odd()}, {"msg": Odd(), "args": ()}])
def test_a_line_that_cannot_be_written_says_where_it_was_to_come_from(fields):
    line = line_of(pathname="/runners/turn.py", module="turn", lineno=7, **fields)
    assert (line["action"], line["place"], line["level"]) == ("line_lost", "turn:7", "INFO")
    assert SECRET not in json.dumps(line)


def test_values_that_json_does_not_know_are_written_all_the_same():
    reason = {"cycle": cycle(), 1: float("nan"), "set": {1}, "bytes": b"x", "none": None, "lone": "\ud800"}
    line = line_of(reason=reason)["reason"]
    assert (line["1"], line["set"], line["bytes"], line["none"], line["lone"]) == ("nan", [1], "b'x'", None, "\ud800")


# Jobs


def test_a_line_about_a_job_says_which_but_not_its_token_or_request():
    job = active_job(run_id="run-1", execution="arn:execution", attempt=2)
    assert job_fields(job) == {
        "runner": "fake",
        "task_key": job.task_key,
        "run_id": "run-1",
        "execution": "arn:execution",
        "attempt": 2,
    }


# Secrets of connections

PASSWORD = 'p@ss "w/ö"rd\\'


@pytest.fixture
def passwords():
    kept = Secrets()
    kept.add_text(PASSWORD)
    return kept


@pytest.mark.parametrize(
    "text",
    [
        f"postgresql://app:{quote(PASSWORD, safe='')}@host/shop",
        json.dumps({"password": PASSWORD}),
        json.dumps(json.dumps({"password": PASSWORD})),
        repr(PASSWORD),
        f"Basic {b64encode(f'app:{PASSWORD}'.encode()).decode()}",
        f"x{PASSWORD}x{PASSWORD}",
    ],
)
def test_a_secret_text_is_hidden_within_words_and_in_any_spelling(passwords, text):
    hidden = passwords.hidden_in(text)
    assert "(hidden)" in hidden
    assert "rd" not in hidden.removeprefix("{").replace("password", "")
    assert passwords.known_hidden_in(text) == hidden


def test_secrets_that_overlap_are_hidden_as_one():
    kept = Secrets()
    for text in ("abcd", "cdef", "efghij"):
        kept.add_text(text)
    assert kept.hidden_in("<abcdefghij> abcdabcd cdcdef") == "<(hidden)> (hidden) cd(hidden)"


def test_what_is_known_is_hidden_and_nothing_else_of_a_result_is_changed(passwords):
    long = "A" * 300
    assert passwords.known_hidden_in(f"value: {long}, valid") == f"value: {long}, valid"
    assert passwords.hidden_in(long) == "(hidden)"


def test_a_text_too_short_to_be_a_secret_hides_nothing():
    kept = Secrets()
    kept.add_text("abc")
    assert kept.hidden_in("abc") == "abc"


def test_each_line_of_a_private_key_is_hidden():
    line = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC"
    kept = Secrets()
    kept.add_text(f"-----BEGIN PRIVATE KEY-----\n{line}\nshort\n-----END PRIVATE KEY-----\n")
    assert kept.hidden_in(f"line 2 is {line}, short") == "line 2 is (hidden), short"
    assert kept.hidden_in("-----BEGIN PRIVATE KEY-----") == "-----BEGIN PRIVATE KEY-----"


def test_the_oldest_texts_are_forgotten_unless_they_come_again():
    kept = Secrets(texts_kept=2)
    for text in ("first", "second", "first", "third"):
        kept.add_text(text)
    assert kept.hidden_in("first second third") == "(hidden) second (hidden)"


def test_libraries_that_log_what_they_send_say_less():
    logger = logging.getLogger("botocore")
    before = logger.level
    try:
        logger.setLevel(logging.DEBUG)
        configure("DEBUG")
        assert not logging.getLogger("botocore.parsers").isEnabledFor(logging.INFO)
    finally:
        logger.setLevel(before)
