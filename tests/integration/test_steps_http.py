"""Steps that speak HTTP from end to end: by their names, over real connections, to an API, a queue, a bucket, Slack."""

from __future__ import annotations

import json
import logging
from functools import partial
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from runners.steps.connections import Connections
from runners.steps.errors import StepError
from runners.steps.executor import Executor
from runners.testing.steps import DescribedConnections, MemoryCursors
from tests.unit.steps.systems.http_server import Asked, Says, ScriptedServer, serving
from tests.unit.steps.systems.search_server import SearchServer

if TYPE_CHECKING:
    from collections.abc import Iterator

ALERTS = {"webhook_url": "http://127.0.0.1:1/services/planted-secret-7"}
EXECUTION = "arn:aws:states:eu-central-1:123456789012:execution:daily:1"
COLUMNS = {"id": "int64", "name": "string", "price": "decimal(12,2)"}
PRODUCTS = [
    {"id": 2**53 + number, "name": name, "price": "19.90"}
    for number, name in enumerate(['with "quotes"', "", "two\nlines 🎉", None, "5"])
]
SECRETS = {
    "basic": {"type": "basic", "username": "ada", "password": "planted secret 1"},
    "bearer": {"type": "bearer", "token": "planted-secret-2"},
    "query": {"type": "api_key", "key": "planted-secret-3", "place": "query", "name": "key"},
    "oauth2": {"type": "oauth2", "client_id": "etl", "client_secret": "planted-secret-4"},
}


@pytest.fixture(scope="module")
def aws() -> Iterator[Any]:
    """What makes clients of a server of moto's."""
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="eu-central-1")
    clients = {
        service: session.client(service, endpoint_url=f"http://{host}:{port}")
        for service in ("s3", "sqs", "sns", "sesv2")
    }
    yield clients.__getitem__
    server.stop()


@pytest.fixture
def api() -> Iterator[ScriptedServer]:
    """A shop's API of two pages, which also takes webhooks."""
    with serving() as server:
        server.answers = lambda asked: page(asked) if asked.method == "GET" else Says(b"ok")
        yield server


def page(asked: Asked) -> Says:
    """A page of products, three at a time, by their offset."""
    begins = int(asked.query["offset"])
    return Says({"items": PRODUCTS[begins : begins + 3]})


def executor_of(aws: Any, connections: dict[str, Any]) -> Executor:
    return Executor(Connections(DescribedConnections(connections)), MemoryCursors(), client=aws, sleep=lambda _: None)


def products(**more: Any) -> dict[str, Any]:
    return {
        "ConnectionName": "shop",
        "Path": "/products",
        "Records": "items",
        "Pagination": {"Type": "offset"},
        "Columns": COLUMNS,
    } | more


def run(executor: Executor, step_type: str, source: dict[str, Any], target: dict[str, Any]) -> Any:
    return executor.execute(
        {
            "StepType": step_type,
            "Parameters": {"Source": source, "Target": target},
            "ExecutionId": EXECUTION,
            "ExecutionDate": "2026-01-31T04:05:06Z",
        }
    )


def test_rows_go_from_an_api_through_a_queue_into_a_bucket(aws: Any, api: ScriptedServer) -> None:
    aws("sqs").create_queue(QueueName="products")
    aws("s3").create_bucket(Bucket="lake", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    executor = executor_of(aws, {"shop": {"url": api.url}})
    run(executor, "ApiToSqs", products(), {"Queue": "products"})
    assert [asked.query for asked in api.asked] == [{"offset": "0"}, {"offset": "3"}, {"offset": "5"}]
    source = {"Queue": "products", "WaitSeconds": 0, "Columns": COLUMNS}
    run(executor, "SqsToS3", source, {"Bucket": "lake", "Key": "products.jsonl"})
    lines = aws("s3").get_object(Bucket="lake", Key="products.jsonl")["Body"].read().splitlines()
    found = sorted((json.loads(line) for line in lines), key=lambda row: row["id"])
    assert found == [product | {"price": 19.90} for product in PRODUCTS]
    left = aws("sqs").get_queue_attributes(
        QueueUrl=aws("sqs").get_queue_url(QueueName="products")["QueueUrl"],
        AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
    )
    assert set(left["Attributes"].values()) == {"0"}


def test_rows_go_from_an_api_to_slack(aws: Any, api: ScriptedServer) -> None:
    executor = executor_of(
        aws, {"shop": {"url": api.url}, "alerts": {"webhook_url": f"{api.url}/services/planted-secret-5"}}
    )
    run(executor, "ApiToSlack", products(), {"ConnectionName": "alerts", "Text": "Products of {{ ds }}"})
    assert "two lines 🎉" in api.asked[-1].json["text"]


def test_documents_go_from_a_search_index_into_a_bucket(aws: Any) -> None:
    aws("s3").create_bucket(Bucket="found", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    search = SearchServer("opensearch")
    search.index("products", *PRODUCTS, id={"type": "long"}, name={"type": "text"}, price={"type": "keyword"})
    with serving() as server:
        server.answers = search.answer
        executor = executor_of(aws, {"search": {"url": server.url}})
        source = {"ConnectionName": "search", "Index": "products"}
        run(executor, "OpenSearchToS3", source, {"Bucket": "found", "Key": "products.jsonl"})
    lines = aws("s3").get_object(Bucket="found", Key="products.jsonl")["Body"].read().splitlines()
    assert [json.loads(line) for line in lines] == PRODUCTS


@pytest.mark.parametrize("way", SECRETS)
def test_no_secret_is_shown_when_an_api_refuses(
    api: ScriptedServer, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], way: str
) -> None:
    caplog.set_level(logging.DEBUG)
    authentication = SECRETS[way] | ({"issuer_url": f"{api.url}/token"} if way == "oauth2" else {})
    told = []
    for status in (400, 401, 403, 500, 503):
        api.answers = partial(careless, status)
        executor = executor_of(
            lambda service: None, {"shop": {"url": api.url, "authentication": authentication}, "alerts": ALERTS}
        )
        with pytest.raises(StepError) as raised:
            run(executor, "ApiToSlack", products(), {"ConnectionName": "alerts"})
        told += [raised.value.cause(), repr(raised.value), repr(executor)]
    shown = capfd.readouterr()
    told += [caplog.text, shown.out, shown.err, *(str(vars(record)) for record in caplog.records)]
    assert any("answered 503" in text for text in told)
    assert not [text for text in told if "planted" in text]


def careless(status: int, asked: Asked) -> Says:
    """Refuse with what was asked, as careless servers do."""
    if asked.path == "/token":
        return Says({"access_token": "planted-secret-6"})
    return Says([asked.headers, asked.query], status, (("Retry-After", "0"),))
