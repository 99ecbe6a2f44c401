"""The executor: what is around every step."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime, timedelta

import boto3
import pyarrow as pa
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError

from runners.log import JsonFormatter, Secrets
from runners.steps import Parameters, SourceFailed, SourceUnavailable, Step, StepStopped, TargetUnavailable, catalog
from runners.steps.connections import Connections
from runners.steps.errors import DataQualityFailed, StepError
from runners.steps.executor import RESULT_LIMIT, Executor
from runners.steps.observer import StepObserver, StepObservers
from runners.testing import Clock
from runners.testing.steps import DescribedConnections, MemoryCursors

EXECUTION = "arn:aws:states:eu-central-1:123456789012:execution:Nightly:one"
SECRET = "Pa55 w/rd"


class Play(Step):
    """Does what a test has planned."""

    class Parameters(Parameters):
        """What it is told."""

        Text: str = ""
        """Any text."""

    plan: list = []  # noqa: RUF012
    seen: list = []  # noqa: RUF012

    @property
    def source(self):
        return "postgresql://shop/public.products"

    @property
    def target(self):
        return "s3://bucket/key"

    def run(self, context):
        self.seen.append((self.parameters, context))
        planned = self.plan.pop(0) if self.plan else {}
        if callable(planned):
            return planned(context)
        if isinstance(planned, Exception):
            raise planned
        return planned


class Told(StepObserver):
    """Keeps what it is told."""

    def __init__(self):
        self.all = []

    def refused(self, step_type, error):
        self.all.append(("refused", step_type, error.name))

    def started(self, run):
        self.all.append(("started", run.step_type))

    def succeeded(self, run, figures, at):
        self.all.append(("succeeded", figures, at))

    def failed(self, run, error, figures, at):
        self.all.append(("failed", error.name, figures))

    def flush(self):
        self.all.append(("flushed",))


@pytest.fixture(autouse=True)
def secrets(monkeypatch):
    kept = Secrets()
    kept.add_text(SECRET)
    for module in ("runners.log", "runners.steps.failures", "runners.steps.redaction"):
        monkeypatch.setattr(f"{module}.SECRETS", kept)
    return kept


@pytest.fixture(autouse=True)
def play(monkeypatch):
    monkeypatch.setattr(catalog, "_others", lambda: {"Play": type("Point", (), {"load": lambda: Play, "value": ""})})
    monkeypatch.setattr(Play, "plan", [])
    monkeypatch.setattr(Play, "seen", [])
    return Play


@pytest.fixture
def told():
    return Told()


@pytest.fixture
def executor(clock, told):
    return Executor(Connections(DescribedConnections({})), MemoryCursors(), observer=told, now=clock, sleep=clock.sleep)


def request(**changes):
    return {"StepType": "Play", "Parameters": {}, "ExecutionId": EXECUTION, **changes}


def failing(executor, asked=None, **bounds):
    with pytest.raises(StepError) as raised:
        executor.execute(request() if asked is None else asked, **bounds)
    return raised.value


# Success


def test_a_step_answers_plain_json(executor, play, clock, told):
    def work(context):
        context.progress.count(rows=3, size=100)
        clock.step(2.5)
        return {"rows": 3, "day": datetime(2026, 1, 31, tzinfo=UTC), "odd": float("nan"), "list": ("a", 1, None)}

    play.plan += [work]
    answer = executor.execute(request())
    assert json.loads(json.dumps(answer, allow_nan=False)) == {
        "success": True,
        "message": "Play moved 3 rows from postgresql://shop/public.products to s3://bucket/key",
        "result": {"rows": 3, "day": "2026-01-31 00:00:00+00:00", "odd": "nan", "list": ["a", 1, None]},
        "metrics": {
            "rows": 3,
            "bytes": 100,
            "seconds": 2.5,
            "attempts": 1,
            "source": "postgresql://shop/public.products",
            "target": "s3://bucket/key",
        },
    }
    figures = {"rows": 3, "bytes": 100, "seconds": 2.5, "attempts": 1}
    assert told.all == [("started", "Play"), ("succeeded", figures, clock.now), ("flushed",)]


def test_a_step_that_moves_no_rows_says_so_differently(executor, play):
    play.plan += [["a", "b"]]
    answer = executor.execute(request())
    assert answer["message"].startswith("Play has ended well from")
    assert answer["result"] == {"value": ["a", "b"]}


def test_a_repeat_says_that_its_rows_were_there(executor, play):
    play.plan += [{"rows": 7, "repeated": True}]
    assert executor.execute(request())["message"].startswith("Play had moved its rows before from postgresql://shop")


def test_a_step_that_only_counts_rows_does_not_say_that_it_moved_them(executor, play, monkeypatch):
    monkeypatch.setattr(play, "target", "")
    play.plan += [{"rows": 7}]
    assert executor.execute(request())["message"] == "Play has ended well at postgresql://shop/public.products"


def test_a_step_has_all_it_needs_at_hand(executor, play):
    asked = request(
        Parameters={"Text": "{{ ds }} {{ state_machine }} {{ outputs.copy.rows }} {{ params.who }} {{ execution_id }}"},
        ExecutionDate="2026-01-31T23:00:00-05:00",
        Outputs={"copy": {"rows": 7}},
        Params={"who": "me"},
        StepId="1",
    )
    executor.execute(asked)
    ((parameters, context),) = play.seen
    assert parameters.Text == f"2026-02-01 Nightly 7 me {EXECUTION}"
    assert (context.step_type, context.execution_id, context.step_id) == ("Play", EXECUTION, "1")
    assert len(context.repeat_key) == 64
    assert context.cursors is executor.cursors


@pytest.mark.parametrize(
    "of_one_iteration",
    [{"Params": {"table": "orders"}}, {"Outputs": {"table": "orders"}}, {"ExecutionDate": "2026-01-31"}],
)
def test_steps_of_a_map_that_differ_in_what_their_templates_name_are_no_repeats(executor, play, of_one_iteration):
    for changes in ({}, of_one_iteration, of_one_iteration):
        executor.execute(request(**changes))
    first, other, repeat = (context.repeat_key for _, context in play.seen)
    assert first != other == repeat


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"ExecutionId": "", "Parameters": {"Text": "{{ ds }}"}}, str(Clock().now.date())),
        ({"ExecutionDate": "2026-02-28", "Parameters": {"Text": "{{ ds_nodash }}"}}, "20260228"),
        ({"StateMachine": "Other", "Parameters": {"Text": "{{ state_machine }}"}}, "Other"),
        ({"ExecutionId": "", "Parameters": {"Text": "<{{ state_machine }}>"}}, "<>"),
    ],
)
def test_what_is_not_given_has_a_meaning(executor, play, changes, text):
    executor.execute(request(**changes))
    assert play.seen[0][0].Text == text


def test_a_long_result_is_shortened(executor, play):
    play.plan += [{"rows": 1, "long": "x" * 300_000}]
    result = executor.execute(request())["result"]
    assert result["rows"] == 1
    assert result["TruncatedFields"] == ["long"]
    assert len(json.dumps(result)) <= RESULT_LIMIT + 100


def test_whoever_watches_sees_the_counts_of_each_attempt_from_zero(executor, play):
    def work(context):
        context.progress.count(rows=5)
        raise SourceUnavailable("not now")

    seen = []
    play.plan += [work, lambda context: context.progress.count(rows=2) or {"rows": 2}]
    answer = executor.execute(request(), progress=lambda rows, size: seen.append((rows, size)))
    assert seen == [(5, 0), (2, 0)]
    assert answer["metrics"]["rows"] == 2
    assert answer["metrics"]["attempts"] == 2


# Refusals


@pytest.mark.parametrize(
    ("asked", "expected", "said"),
    [
        ({}, "ValidationFailed", "StepType: Field required"),
        ([], "ValidationFailed", "StepType: Field required"),
        ({"StepType": "Plya"}, "StepNotFound", "did you mean Play?"),
        ({"StepType": "Play", "Parameters": {"Txet": "a"}}, "ValidationFailed", "did you mean Text?"),
        ({"StepType": "Play", "Parameters": {"Text": ["Pa55 w/rd"]}}, "ValidationFailed", "Text: Input should be"),
        ({"StepType": "Play", "Parameters": {"Text": "{{ dss }}"}}, "TemplateFailed", "did you mean ds?"),
        ({"StepType": "Play", "Paramters": {}}, "ValidationFailed", "did you mean Parameters?"),
        ({"StepType": "Play", "ExecutionDate": "2026-01-31T00:00:00"}, "ValidationFailed", "ExecutionDate"),
        ({"StepType": "Play", "ExecutionDate": "2026-02-30"}, "ValidationFailed", "ExecutionDate"),
    ],
)
def test_a_wrong_request_is_refused_before_anything_is_touched(executor, told, asked, expected, said):
    failure = failing(executor, asked)
    assert failure.name == expected
    assert said in failure.message
    assert SECRET not in failure.cause()
    assert not Play.seen
    step_type = asked.get("StepType", "") if isinstance(asked, dict) else ""
    assert told.all == [("refused", step_type, expected), ("flushed",)]


# Attempts


@pytest.mark.parametrize("unavailable", [SourceUnavailable, TargetUnavailable])
def test_what_is_transient_is_tried_again_after_longer_and_longer_waits(executor, play, clock, unavailable, caplog):
    began = clock.now
    play.plan += [unavailable("not now"), unavailable("not yet"), {"rows": 0}]
    with caplog.at_level(logging.DEBUG, "runners"):
        assert executor.execute(request())["metrics"]["attempts"] == 3
    waits = [record.seconds_until_next for record in caplog.records if record.action == "step_repeated"]
    assert len(waits) == 2
    assert sum(waits) == pytest.approx((clock.now - began).total_seconds(), abs=0.01)
    assert all(0 <= wait <= 4 for wait in waits)


def test_it_gives_up_after_so_many_attempts(executor, play, told):
    play.plan += [SourceUnavailable("not now", host="a") for _ in range(4)]
    failure = failing(executor)
    assert failure.document() == {
        "error": "SourceUnavailable",
        "message": "not now",
        "transient": True,
        "host": "a",
        "attempts": 3,
    }
    assert len(play.plan) == 1
    assert [name for name, *_ in told.all] == ["started", "failed", "flushed"]
    assert told.all[1][2]["attempts"] == 3


def test_what_is_not_transient_is_tried_once(executor, play):
    play.plan += [DataQualityFailed("too few rows")]
    assert failing(executor).details == {"attempts": 1}
    assert len(play.seen) == 1


def test_no_attempt_begins_after_the_deadline(executor, play, clock):
    play.plan += [SourceUnavailable("not now") for _ in range(3)]
    assert isinstance(failing(executor, deadline=clock.now), SourceUnavailable)
    assert len(play.seen) == 1


def test_a_step_is_stopped_at_its_deadline(executor, play, clock):
    def work(context):
        context.check_stop()
        clock.step(11)
        context.check_stop()

    play.plan += [work]
    failure = failing(executor, deadline=clock.now + timedelta(seconds=10))
    assert isinstance(failure, StepStopped)
    assert "the step's time was over" in failure.message


def test_a_step_is_stopped_when_whoever_runs_it_says_so(executor, play):
    stop = []

    def work(context):
        stop.append(True)
        context.check_stop()

    play.plan += [work]
    failure = failing(executor, stopping=lambda: bool(stop))
    assert failure.message == "the step was stopped before it had published anything"


def test_a_wait_ends_when_the_step_is_to_stop(executor, play, clock):
    def stopping():
        return clock.now >= began + timedelta(seconds=0.1)

    began = clock.now
    play.plan += [SourceUnavailable("not now"), lambda context: context.check_stop()]
    assert isinstance(failing(executor, stopping=stopping), StepStopped | SourceUnavailable)
    assert clock.now <= began + timedelta(seconds=1)


def test_nothing_is_repeated_for_a_step_that_is_to_stop(executor, play):
    play.plan += [SourceUnavailable("not now") for _ in range(3)]
    assert isinstance(failing(executor, stopping=lambda: True), SourceUnavailable)
    assert len(play.seen) == 1


def test_whether_it_may_publish_is_asked_of_whoever_runs_it(executor, play):
    play.plan += [lambda context: context.check_publish()] * 2
    assert isinstance(failing(executor, may_publish=lambda: False), StepStopped)
    executor.execute(request())


# Failures


def aws_error(code, operation, status=400):
    answer = {"Error": {"Code": code, "Message": f"said {SECRET}"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, operation)


@pytest.mark.parametrize(
    ("raised", "name", "said"),
    [
        (KeyError("a"), "StepFailed", "KeyError: 'a'"),
        (ValueError(), "StepFailed", "ValueError"),
        (RuntimeError(f"in {SECRET}"), "StepFailed", "RuntimeError: in (hidden)"),
        (NoCredentialsError(), "ConnectionFailed", "no AWS credentials"),
        (aws_error("AccessDenied", "PutObject"), "StepFailed", "PutObject, said AccessDenied: said (hidden)"),
        (aws_error("SlowDown", "PutObject"), "TargetUnavailable", "PutObject, does not answer just now: SlowDown"),
        (aws_error("InternalError", "GetObject", 500), "SourceUnavailable", "does not answer just now: InternalError"),
        (EndpointConnectionError(endpoint_url="https://s3"), "SourceUnavailable", "EndpointConnectionError"),
    ],
)
def test_whatever_a_step_raises_has_a_name_and_no_secret(executor, play, raised, name, said):
    play.plan += [raised] * 3
    failure = failing(executor)
    assert failure.name == name
    assert said in failure.message
    assert SECRET not in failure.cause()


def test_what_arrow_says_of_a_value_is_not_told(executor, play):
    play.plan += [pa.ArrowInvalid("Failed to parse string: '7 High Street'")]
    assert failing(executor).message == "ArrowInvalid"


def test_aws_names_what_is_wrong_with_a_call_without_the_value(executor, play):
    client = boto3.client("s3")
    play.plan += [lambda context: client.get_object(Bucket="bucket", Key=["a value"])]
    failure = failing(executor)
    assert "ParamValidationError" in failure.message
    assert "a value" not in failure.message


def test_nothing_that_others_have_written_hangs_on_a_failure(executor, play):
    def work(context):
        try:
            int(SECRET)
        except ValueError as error:
            failure = SourceFailed(f"the query failed: {SECRET}", hint=[SECRET, {SECRET: 1}], dsn=f"u:{SECRET}@h")
            failure.add_note(SECRET)
            raise failure from error

    play.plan += [work]
    failure = failing(executor)
    assert SECRET not in failure.cause() + repr(failure) + str(failure)
    assert failure.__cause__ is failure.__context__ is None
    assert not hasattr(failure, "__notes__")
    assert failure.details["hint"] == ["(hidden)", {"(hidden)": 1}]


def test_a_secret_is_hidden_in_a_result(executor, play):
    play.plan += [{"url": f"https://app:{SECRET}@host", SECRET: [SECRET], "count": 5}]
    assert executor.execute(request())["result"] == {
        "url": "https://app:(hidden)@host",
        "(hidden)": ["(hidden)"],
        "count": 5,
    }


def test_the_log_tells_each_step_of_a_step_as_json_without_secrets(executor, play, caplog):
    play.plan += [SourceUnavailable(SECRET), ValueError(SECRET)]
    with caplog.at_level(logging.DEBUG, "runners"):
        failing(executor)
    lines = [json.loads(JsonFormatter().format(record)) for record in caplog.records]
    assert [line["action"] for line in lines] == [
        "step_started",
        "step_attempt_failed",
        "step_repeated",
        "step_attempt_failed",
        "step_failed",
    ]
    assert {line["step_type"] for line in lines} == {"Play"}
    assert lines[-1]["attempts"] == 2
    assert lines[-1]["error"] == "StepFailed"
    assert any(frame.startswith("test_executor.py:") and frame.endswith(" run") for frame in lines[1]["frames"])
    assert SECRET not in caplog.text


def test_an_observer_that_fails_harms_no_step(executor, play, caplog):
    class Broken(StepObserver):
        """Whose every method raises."""

        def __getattribute__(self, name):
            raise RuntimeError(SECRET)

    told = Told()
    shielded = Executor(executor.connections, executor.cursors, StepObservers(Broken(), told), now=executor.now)
    shielded.execute(request())
    play.plan += [ValueError("a")]
    failing(shielded)
    failing(shielded, {})
    assert [name for name, *_ in told.all if name != "flushed"] == [
        "started",
        "succeeded",
        "started",
        "failed",
        "refused",
    ]
    assert caplog.messages.count("an observer failed") == 8
    assert SECRET not in caplog.text


def test_by_itself_it_takes_the_time_and_tells_nobody(play):
    clock = Clock()
    executor = Executor(Connections(DescribedConnections({})), MemoryCursors())
    assert executor.execute(request())["metrics"]["seconds"] < 60
    assert executor.now() > clock.now - timedelta(days=36500)
    play.plan += [ValueError("a")]
    failing(executor)
    failing(executor, {})
