from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from runners.local.lambda_functions import pool
from runners.local.server import EmbeddedAWS
from tests.integration.functions import Lambda, log_lines, package
from tests.integration.waiting import eventually, in_background

if TYPE_CHECKING:
    from collections.abc import Callable

QUEUE_ARN = "arn:aws:sqs:us-east-1:123456789012:letters"


@pytest.fixture
def functions(embedded_aws: EmbeddedAWS, role_arn: str) -> Lambda:
    return Lambda(embedded_aws.client("lambda"), role_arn)


@pytest.fixture
def logs(embedded_aws: EmbeddedAWS) -> Any:
    return embedded_aws.client("logs")


class Letters:
    """A queue in which tests find what a function's events became."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.url = client.create_queue(QueueName="letters")["QueueUrl"]

    def read(self) -> Any:
        return self.client.receive_message(QueueUrl=self.url, MessageAttributeNames=["All"]).get("Messages")


@pytest.fixture
def letters(embedded_aws: EmbeddedAWS) -> Letters:
    return Letters(embedded_aws.client("sqs"))


def alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists() if Path("/proc/self").exists() else _answers_signals(pid)


def _answers_signals(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


# Invocations


def test_a_function_runs_from_its_zip_and_answers(functions: Lambda) -> None:
    functions.create()
    answer = functions.invoke({"a": 1})
    assert answer["StatusCode"] == 200
    assert "FunctionError" not in answer
    assert answer["ExecutedVersion"] == "$LATEST"
    assert answer["Payload"]["event"] == {"a": 1}


def test_a_warm_process_is_used_again(functions: Lambda) -> None:
    functions.create()
    assert functions.invoke()["Payload"]["pid"] == functions.invoke()["Payload"]["pid"]


def test_concurrent_invocations_run_in_processes_of_their_own(functions: Lambda, tmp_path: Path) -> None:
    code = """
        import os, pathlib, time

        def handler(event, context):
            # Goes on only when both run at the same time.
            folder = pathlib.Path(event["folder"])
            (folder / str(os.getpid())).touch()
            while len(list(folder.iterdir())) < 2:
                time.sleep(0.01)
            return os.getpid()
    """
    functions.create(code=package(code))
    both = [in_background(lambda: functions.invoke({"folder": str(tmp_path)})) for _ in range(2)]
    assert len({result()["Payload"] for result in both}) == 2


def test_new_code_runs_at_the_next_invocation(functions: Lambda) -> None:
    functions.create(code=package("handler = lambda event, context: 'old'"))
    assert functions.invoke()["Payload"] == "old"
    code = package("handler = lambda event, context: 'new'")
    functions.client.update_function_code(FunctionName="function", ZipFile=code)
    assert functions.invoke()["Payload"] == "new"


def test_a_changed_configuration_holds_at_the_next_invocation(functions: Lambda) -> None:
    functions.create()
    functions.invoke()
    functions.client.update_function_configuration(
        FunctionName="function", Environment={"Variables": {"ADDED": "value"}}
    )
    assert functions.invoke({"do": "environment"})["Payload"]["ADDED"] == "value"


def test_a_deleted_function_ends_its_processes(functions: Lambda) -> None:
    functions.create()
    pid = functions.invoke()["Payload"]["pid"]
    functions.client.delete_function(FunctionName="function")
    assert eventually(lambda: not alive(pid))
    with pytest.raises(functions.client.exceptions.ResourceNotFoundException):
        functions.invoke()


def test_a_dry_run_runs_nothing(functions: Lambda, logs: Any) -> None:
    functions.create()
    assert functions.invoke({"do": "fail"}, InvocationType="DryRun")["StatusCode"] == 204
    assert log_lines(logs) == []


def test_an_event_that_is_not_json_is_refused(functions: Lambda) -> None:
    functions.create()
    with pytest.raises(functions.client.exceptions.InvalidRequestContentException):
        functions.client.invoke(FunctionName="function", Payload=b"{")


def test_an_invocation_without_an_event_gets_an_empty_one(functions: Lambda) -> None:
    functions.create()
    answer = functions.client.invoke(FunctionName="function")
    assert json.loads(answer["Payload"].read())["event"] == {}


def test_reserved_concurrency_is_all_that_runs_at_once(functions: Lambda) -> None:
    functions.create()
    functions.client.put_function_concurrency(FunctionName="function", ReservedConcurrentExecutions=0)
    with pytest.raises(functions.client.exceptions.TooManyRequestsException):
        functions.invoke()
    functions.client.put_function_concurrency(FunctionName="function", ReservedConcurrentExecutions=1)
    assert functions.invoke()["StatusCode"] == 200


# What a function sees


def test_the_process_sees_its_zip_the_standard_library_and_what_lambda_carries_only(functions: Lambda) -> None:
    functions.create(code=package(beside="x = 1"))
    for module in ("beside", "sqlite3", "boto3", "botocore", "urllib3", "dateutil", "six", "jmespath", "s3transfer"):
        assert functions.invoke({"do": "import", "module": module})["Payload"] == module
    for module in ("moto", "runners", "pydantic", "pytest"):
        answer = functions.invoke({"do": "import", "module": module})
        assert answer["Payload"]["errorType"] == "ModuleNotFoundError"


def test_the_process_has_the_environment_of_a_lambda_function(
    functions: Lambda, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OF_THE_HOST", "not for functions")
    functions.create(Environment={"Variables": {"OWN": "value"}}, MemorySize=256)
    seen = functions.invoke({"do": "environment"})["Payload"]
    wanted = {
        "OWN": "value",
        "AWS_REGION": "us-east-1",
        "AWS_LAMBDA_FUNCTION_NAME": "function",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/function",
        "_HANDLER": "app.handler",
        "TZ": ":UTC",
    }
    assert {name: seen.get(name) for name in wanted} == wanted
    assert seen["LAMBDA_TASK_ROOT"]
    assert "[$LATEST]" in seen["AWS_LAMBDA_LOG_STREAM_NAME"]
    assert "OF_THE_HOST" not in seen


def test_the_context_says_what_lambda_documents(functions: Lambda) -> None:
    arn = functions.create()
    names = ["function_name", "invoked_function_arn", "memory_limit_in_mb", "function_version", "log_group_name"]
    seen = functions.invoke({"do": "context", "names": [*names, "aws_request_id", "log_stream_name"]})["Payload"]
    assert seen["aws_request_id"]
    assert seen["log_stream_name"]
    assert [seen[name] for name in names] == ["function", arn, "128", "$LATEST", "/aws/lambda/function"]


def test_a_function_finds_this_aws_and_its_remaining_time(functions: Lambda) -> None:
    code = """
        import boto3

        def handler(event, context):
            names = [bucket["Name"] for bucket in boto3.client("s3").list_buckets()["Buckets"]]
            boto3.client("s3").create_bucket(Bucket="made-by-function")
            return [names, context.get_remaining_time_in_millis()]
    """
    functions.create(code=package(code), Timeout=30)
    names, left = functions.invoke()["Payload"]
    assert names == []
    assert 0 < left <= 30_000
    assert functions.invoke()["Payload"][0] == ["made-by-function"]


# What goes wrong


def test_an_exception_is_answered_with_its_type_message_and_stack(functions: Lambda) -> None:
    functions.create()
    answer = functions.invoke({"do": "fail"})
    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    error = answer["Payload"]
    assert (error["errorType"], error["errorMessage"]) == ("ValueError", "as asked")
    assert len(error["stackTrace"]) == 1
    assert "app.py" in error["stackTrace"][0]


@pytest.mark.parametrize(
    ("handler", "kind", "message"),
    [
        (
            "nowhere.handler",
            "Runtime.ImportModuleError",
            "Unable to import module 'nowhere': No module named 'nowhere'",
        ),
        ("app.other", "Runtime.HandlerNotFound", "Handler 'other' missing on module 'app'"),
    ],
)
def test_a_handler_that_cannot_be_loaded_is_answered_as_lambda_does(
    functions: Lambda, handler: str, kind: str, message: str
) -> None:
    functions.create(Handler=handler)
    error = functions.invoke()["Payload"]
    assert (error["errorType"], error["errorMessage"]) == (kind, message)


def test_a_module_that_fails_when_it_is_imported_is_the_functions_error(functions: Lambda) -> None:
    functions.create(code=package("raise KeyError('missing')"))
    assert functions.invoke()["Payload"]["errorType"] == "KeyError"


@pytest.mark.parametrize(
    ("status", "reason"), [(3, "exited with error: exit status 3"), (None, "exited without providing a reason")]
)
def test_a_function_that_exits_is_answered_and_the_next_one_runs(
    functions: Lambda, status: int | None, reason: str
) -> None:
    functions.create()
    answer = functions.invoke({"do": "exit", "status": status})
    assert answer["FunctionError"] == "Unhandled"
    assert answer["Payload"]["errorType"] == "Runtime.ExitError"
    assert answer["Payload"]["errorMessage"].endswith(reason)
    assert functions.invoke()["StatusCode"] == 200


def test_a_result_that_is_not_json_is_an_error(functions: Lambda) -> None:
    functions.create()
    assert functions.invoke({"do": "unspeakable"})["Payload"]["errorType"] == "Runtime.MarshalError"


def test_a_function_that_takes_too_long_is_ended(functions: Lambda, logs: Any) -> None:
    functions.create(Timeout=2)
    first = functions.invoke()["Payload"]["pid"]
    answer = functions.invoke({"do": "sleep"})
    assert answer["FunctionError"] == "Unhandled"
    assert answer["Payload"]["errorType"] == "Sandbox.Timedout"
    assert answer["Payload"]["errorMessage"].endswith("Task timed out after 2.00 seconds")
    assert eventually(lambda: not alive(first))
    assert functions.invoke()["Payload"]["pid"] != first
    assert any("Task timed out" in line for line in log_lines(logs))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"Runtime": "nodejs22.x"}, "Python runtimes only"),
        ({"code": b"no zip"}, "Could not unzip"),
    ],
)
def test_a_function_that_cannot_run_here_is_refused_when_it_is_created(
    functions: Lambda, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(functions.client.exceptions.InvalidParameterValueException, match=message):
        functions.create(**settings)


def test_an_image_is_refused(functions: Lambda) -> None:
    with pytest.raises(functions.client.exceptions.InvalidParameterValueException, match="zip packages only"):
        functions.client.create_function(
            FunctionName="image", Role=functions.role, PackageType="Image", Code={"ImageUri": "1.dkr/image:latest"}
        )


def test_layers_are_refused(functions: Lambda) -> None:
    layer = functions.client.publish_layer_version(LayerName="layer", Content={"ZipFile": package()})
    with pytest.raises(functions.client.exceptions.InvalidParameterValueException, match="no layers"):
        functions.create(Layers=[layer["LayerVersionArn"]])


def test_a_zip_that_is_too_large_unpacked_is_refused(functions: Lambda, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "MAX_UNZIPPED_BYTES", 10)
    with pytest.raises(functions.client.exceptions.InvalidParameterValueException, match="Unzipped size"):
        functions.create()


def test_a_refused_change_leaves_the_function_as_it_was(functions: Lambda) -> None:
    functions.create()
    with pytest.raises(ClientError):
        functions.client.update_function_configuration(FunctionName="function", Runtime="java21", Timeout=9)
    with pytest.raises(ClientError):
        functions.client.update_function_code(FunctionName="function", ZipFile=b"no zip")
    found = functions.client.get_function_configuration(FunctionName="function")
    assert (found["Runtime"], found["Timeout"]) == ("python3.13", 30)
    assert functions.invoke()["StatusCode"] == 200


# Logs


def test_what_a_function_writes_reaches_cloudwatch_between_start_end_and_report(functions: Lambda, logs: Any) -> None:
    functions.create()
    answer = functions.invoke({"do": "log"}, LogType="Tail")
    lines = log_lines(logs)
    assert lines[0].startswith("START RequestId: ")
    assert lines[1].startswith("[WARNING]\t")
    assert lines[1].endswith("\ta warning")
    assert lines[2:5] == ["printed", "written", "unended"]
    assert lines[5].startswith("END RequestId: ")
    assert lines[6].startswith("REPORT RequestId: ")
    assert base64.b64decode(answer["LogResult"]).decode().splitlines() == lines


def test_logs_in_json_go_to_the_group_that_the_function_names(functions: Lambda, logs: Any) -> None:
    config = {"LogFormat": "JSON", "ApplicationLogLevel": "INFO", "LogGroup": "own-group"}
    functions.create(LoggingConfig=config)
    functions.invoke({"do": "log"})
    messages = [json.loads(line) for line in log_lines(logs, "own-group") if line.startswith("{")]
    assert [(line["level"], line["message"]) for line in messages] == [("INFO", "an info"), ("WARNING", "a warning")]
    described = functions.client.get_function_configuration(FunctionName="function")
    assert described["LoggingConfig"] == config


def test_what_outlives_its_function_makes_no_new_log_group(functions: Lambda, logs: Any) -> None:
    functions.create(Timeout=2)
    with ThreadPoolExecutor() as threads:
        invoked = threads.submit(functions.invoke, {"do": "sleep"})
        assert eventually(lambda: log_lines(logs))
        functions.client.delete_function(FunctionName="function")
        logs.delete_log_group(logGroupName="/aws/lambda/function")
        assert invoked.result()["Payload"]["errorType"] == "Sandbox.Timedout"
    assert logs.describe_log_groups()["logGroups"] == []


# Asynchronous invocations


def test_an_event_is_taken_at_once_and_runs_later(functions: Lambda, logs: Any) -> None:
    functions.create()
    assert functions.invoke({"do": "log"}, InvocationType="Event")["StatusCode"] == 202
    assert eventually(lambda: "printed" in log_lines(logs))


def test_an_event_that_fails_is_tried_three_times_and_becomes_a_dead_letter(
    functions: Lambda, logs: Any, letters: Letters
) -> None:
    functions.create(DeadLetterConfig={"TargetArn": QUEUE_ARN})
    functions.invoke({"do": "fail", "number": 1}, InvocationType="Event")
    (letter,) = eventually(letters.read)
    assert json.loads(letter["Body"]) == {"do": "fail", "number": 1}
    attributes = {name: value["StringValue"] for name, value in letter["MessageAttributes"].items()}
    assert attributes.pop("RequestID")
    assert attributes == {"ErrorCode": "200", "ErrorMessage": "as asked"}
    assert sum(line.startswith("START") for line in log_lines(logs)) == 3
    described = functions.client.get_function_configuration(FunctionName="function")
    assert described["DeadLetterConfig"] == {"TargetArn": QUEUE_ARN}


def test_a_dead_letter_may_go_to_a_topic(embedded_aws: EmbeddedAWS, functions: Lambda, letters: Letters) -> None:
    sns = embedded_aws.client("sns")
    topic = sns.create_topic(Name="topic")["TopicArn"]
    raw = {"RawMessageDelivery": "true"}
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=QUEUE_ARN, Attributes=raw)
    functions.create(DeadLetterConfig={"TargetArn": topic})
    functions.client.put_function_event_invoke_config(FunctionName="function", MaximumRetryAttempts=0)
    functions.invoke({"do": "fail"}, InvocationType="Event")
    (letter,) = eventually(letters.read)
    assert json.loads(letter["Body"]) == {"do": "fail"}


@pytest.mark.parametrize(("ask", "condition"), [("fail", "RetriesExhausted"), ("log", "Success")])
def test_the_end_of_an_event_is_told_to_its_destination(
    functions: Lambda, letters: Letters, ask: str, condition: str
) -> None:
    arn = functions.create()
    functions.client.put_function_event_invoke_config(FunctionName="function", MaximumRetryAttempts=2)
    functions.client.put_function_event_invoke_config(
        FunctionName="function",
        MaximumRetryAttempts=1,
        DestinationConfig={"OnFailure": {"Destination": QUEUE_ARN}, "OnSuccess": {"Destination": QUEUE_ARN}},
    )
    functions.invoke({"do": ask}, InvocationType="Event")
    (letter,) = eventually(letters.read)
    record = json.loads(letter["Body"])
    assert record["requestPayload"] == {"do": ask}
    assert record["requestContext"]["condition"] == condition
    assert record["requestContext"]["functionArn"] == f"{arn}:$LATEST"
    assert record["requestContext"]["approximateInvokeCount"] == (2 if ask == "fail" else 1)


def test_a_destination_may_be_a_topic_or_a_function(
    embedded_aws: EmbeddedAWS, functions: Lambda, letters: Letters, logs: Any
) -> None:
    sns = embedded_aws.client("sns")
    topic = sns.create_topic(Name="topic")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=QUEUE_ARN, Attributes={"RawMessageDelivery": "true"})
    other = functions.create("other")
    functions.create()
    functions.client.put_function_event_invoke_config(
        FunctionName="function",
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": topic}, "OnSuccess": {"Destination": other}},
    )
    functions.invoke({"do": "fail"}, InvocationType="Event")
    assert json.loads(eventually(letters.read)[0]["Body"])["responsePayload"]["errorMessage"] == "as asked"
    functions.invoke({"do": "log"}, InvocationType="Event")
    assert eventually(lambda: log_lines(logs, "/aws/lambda/other"))


def test_an_event_that_is_throttled_waits_until_it_may_run(functions: Lambda, logs: Any) -> None:
    functions.create()
    functions.client.put_function_concurrency(FunctionName="function", ReservedConcurrentExecutions=0)
    functions.invoke({"do": "log"}, InvocationType="Event")
    assert log_lines(logs) == []
    functions.client.delete_function_concurrency(FunctionName="function")
    assert eventually(lambda: "printed" in log_lines(logs))


def test_an_upload_is_told_to_the_function_and_waits_for_nothing(
    embedded_aws: EmbeddedAWS, functions: Lambda, logs: Any
) -> None:
    arn = functions.create(
        code=package(
            "import json, time\ndef handler(event, context):\n print(json.dumps(event), flush=True)\n time.sleep(600)"
        )
    )
    s3 = embedded_aws.client("s3")
    s3.create_bucket(Bucket="data")
    s3.put_bucket_versioning(Bucket="data", VersioningConfiguration={"Status": "Enabled"})
    told = [{"LambdaFunctionArn": arn, "Events": ["s3:ObjectCreated:*"]}]
    s3.put_bucket_notification_configuration(
        Bucket="data", NotificationConfiguration={"LambdaFunctionConfigurations": told}
    )
    version = s3.put_object(Bucket="data", Key="in/a b.csv", Body=b"123")["VersionId"]
    line = eventually(lambda: next((line for line in log_lines(logs) if line.startswith("{")), None))
    (record,) = json.loads(line)["Records"]
    assert record["s3"]["object"]["key"] == "in%2Fa+b.csv"
    assert record["s3"]["object"]["versionId"] == version
    assert record["s3"]["object"]["sequencer"]


def test_a_topic_tells_its_function(embedded_aws: EmbeddedAWS, functions: Lambda, logs: Any) -> None:
    arn = functions.create()
    sns = embedded_aws.client("sns")
    topic = sns.create_topic(Name="topic")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn)
    sns.publish(TopicArn=topic, Message="news")
    assert eventually(lambda: log_lines(logs))


# Ends


def test_processes_end_with_the_embedded_aws(role_arn: str, embedded_aws: EmbeddedAWS) -> None:
    functions = Lambda(embedded_aws.client("lambda"), role_arn)
    functions.create()
    idle = functions.invoke()["Payload"]["pid"]
    functions.create("busy")
    running = functions.invoke(name="busy")["Payload"]["pid"]
    functions.invoke({"do": "sleep"}, name="busy", InvocationType="Event")
    eventually(
        lambda: (
            sum(line.startswith("START") for line in log_lines(embedded_aws.client("logs"), "/aws/lambda/busy")) == 2
        )
    )
    embedded_aws.stop()
    assert not alive(idle)
    assert not alive(running)


def test_processes_end_with_a_server_that_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Folders of their own: any other embedded AWS that starts on this machine would tidy up as well.
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    script = tmp_path / "dies.py"
    script.write_text(
        "import os, signal\n"
        "from runners.local.server import EmbeddedAWS\n"
        "from tests.integration.functions import Lambda\n"
        "aws = EmbeddedAWS().start()\n"
        "role = aws.client('iam').create_role(RoleName='role', AssumeRolePolicyDocument='{}')['Role']['Arn']\n"
        "functions = Lambda(aws.client('lambda'), role)\n"
        "functions.create()\n"
        "print(functions.invoke()['Payload']['pid'], os.getpid(), flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    root = str(Path(__file__).parents[2])
    died = subprocess.run(
        [sys.executable, str(script)],
        env={**os.environ, "PYTHONPATH": root},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert died.returncode == -9, died.stderr
    function, server = map(int, died.stdout.split())
    assert eventually(lambda: not alive(function))
    # Its folder, which nobody could remove, goes with the next start.
    assert list(tmp_path.glob(f"embedded-lambda-{server}-*"))
    with EmbeddedAWS():
        assert not list(tmp_path.glob(f"embedded-lambda-{server}-*"))


def test_many_events_run_one_after_another_in_few_processes(functions: Lambda, logs: Any) -> None:
    functions.create(code=package("import os\ndef handler(event, context):\n print('pid', os.getpid())"))
    with ThreadPoolExecutor(8) as callers:
        list(callers.map(lambda number: functions.invoke({"number": number}, InvocationType="Event"), range(40)))

    def pids() -> list[str]:
        return [line for line in log_lines(logs) if line.startswith("pid")]

    eventually(lambda: len(pids()) == 40)
    assert len(set(pids())) <= 10


def test_an_event_of_a_function_that_is_gone_is_dropped(
    functions: Lambda, embedded_aws: EmbeddedAWS, caplog: pytest.LogCaptureFixture
) -> None:
    functions.create()
    functions.client.put_function_concurrency(FunctionName="function", ReservedConcurrentExecutions=0)
    functions.invoke(InvocationType="Event")
    functions.client.delete_function(FunctionName="function")
    embedded_aws.stop()
    assert "lost" not in caplog.text


def test_moto_is_as_before_when_the_embedded_aws_has_ended() -> None:
    from moto.awslambda.models import LambdaFunction  # noqa: PLC0415

    before: Callable[..., Any] = LambdaFunction.invoke
    with EmbeddedAWS():
        assert LambdaFunction.invoke is not before
    assert LambdaFunction.invoke is before
