"""Glue crawlers of the embedded AWS: real objects in S3 become tables of the catalog."""

from __future__ import annotations

import gzip
import io
import json
import threading
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError
from moto.events.models import EventsBackend

from runners.local.crawlers import inference
from tests.integration.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from runners.local.server import EmbeddedAWS

BUCKET = "lake"
DATABASE = "catalog"
PATIENCE_SECONDS = 60
JSON_LINES = b'{"Id": 1, "Name": "a"}\n{"Id": 2, "Name": "b"}\n'


class Lake:
    """A bucket, a database, and crawlers between them."""

    def __init__(self, aws: EmbeddedAWS) -> None:
        self.s3, self.glue, self.logs = aws.client("s3"), aws.client("glue"), aws.client("logs")
        self.s3.create_bucket(Bucket=BUCKET)
        self.glue.create_database(DatabaseInput={"Name": DATABASE})

    def put(self, key: str, body: bytes = JSON_LINES) -> None:
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=body)

    def remove(self, *keys: str) -> None:
        for key in keys:
            self.s3.delete_object(Bucket=BUCKET, Key=key)

    def create(self, *paths: str, name: str = "crawler", **settings: Any) -> str:
        targets = [{"Path": f"s3://{BUCKET}/{path}"} for path in paths or ("",)]
        asked = {"Targets": {"S3Targets": targets}, "DatabaseName": DATABASE, "Role": "role", **settings}
        self.glue.create_crawler(Name=name, **asked)
        return name

    def crawler(self, name: str = "crawler") -> dict[str, Any]:
        return dict(self.glue.get_crawler(Name=name)["Crawler"])

    def crawl(self, name: str = "crawler") -> dict[str, Any]:
        """Crawl to the end; answers ``LastCrawl``."""
        self.glue.start_crawler(Name=name)
        eventually(lambda: self.crawler(name)["State"] == "READY", PATIENCE_SECONDS)
        return dict(self.crawler(name)["LastCrawl"])

    def counts(self, name: str = "crawler") -> tuple[int, int, int]:
        """Answer how many tables the last crawl created, updated and deleted."""
        (found,) = self.glue.get_crawler_metrics(CrawlerNameList=[name])["CrawlerMetricsList"]
        return found["TablesCreated"], found["TablesUpdated"], found["TablesDeleted"]

    def partitions_changed(self, name: str = "crawler") -> dict[str, int]:
        summary = json.loads(self.glue.list_crawls(CrawlerName=name)["Crawls"][0].get("Summary", "{}"))
        return {kind: json.loads(details)["Count"] for kind, details in summary.get("PARTITION", {}).items()}

    def tables(self) -> dict[str, dict[str, Any]]:
        return {table["Name"]: table for table in self.glue.get_tables(DatabaseName=DATABASE)["TableList"]}

    def table(self, name: str) -> dict[str, Any]:
        return self.tables()[name]

    def columns(self, name: str) -> dict[str, str]:
        return {column["Name"]: column["Type"] for column in self.table(name)["StorageDescriptor"]["Columns"]}

    def partitions(self, name: str) -> dict[tuple[str, ...], dict[str, Any]]:
        found = self.glue.get_partitions(DatabaseName=DATABASE, TableName=name)["Partitions"]
        return {tuple(partition["Values"]): partition for partition in found}

    def log(self, name: str = "crawler") -> str:
        events = self.logs.get_log_events(logGroupName="/aws-glue/crawlers", logStreamName=name, startFromHead=True)[
            "events"
        ]
        return "\n".join(event["message"] for event in events)


@pytest.fixture
def lake(embedded_aws: EmbeddedAWS) -> Lake:
    return Lake(embedded_aws)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Hold every look at an object back until it is opened."""
    opened = threading.Event()
    look_at = inference.look_at

    def wait_and_look(*arguments: Any) -> Any:
        assert opened.wait(30)
        return look_at(*arguments)

    monkeypatch.setattr(inference, "look_at", wait_and_look)
    yield opened
    opened.set()


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []
    put = EventsBackend.put_events

    def listen(backend: EventsBackend, entries: list[dict[str, Any]]) -> Any:
        sent.extend(json.loads(entry["Detail"]) for entry in entries if entry["Source"] == "aws.glue")
        return put(backend, entries)

    monkeypatch.setattr(EventsBackend, "put_events", listen)
    return sent


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


# What is found.


def test_folders_become_tables_with_what_athena_needs_to_read_them(lake: Lake) -> None:
    lake.put("Sales-Orders/a.csv", b"Id|Amount\n1|2.5\n2|3\n")
    lake.put("people/year=2014/a.json")
    lake.put("people/year=2015/a.json")
    lake.create(TablePrefix="raw_")
    assert lake.crawl()["Status"] == "SUCCEEDED"

    orders = lake.table("raw_sales_orders")
    assert lake.columns("raw_sales_orders") == {"id": "bigint", "amount": "double"}
    assert orders["StorageDescriptor"]["Location"] == "s3://lake/Sales-Orders/"
    assert orders["StorageDescriptor"]["SerdeInfo"] == {
        "SerializationLibrary": "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe",
        "Parameters": {"field.delim": "|"},
    }
    assert orders["Parameters"] == {
        "CrawlerSchemaDeserializerVersion": "1.0",
        "CrawlerSchemaSerializerVersion": "1.0",
        "UPDATED_BY_CRAWLER": "crawler",
        "areColumnsQuoted": "false",
        "averageRecordSize": "10",
        "classification": "csv",
        "columnsOrdered": "true",
        "compressionType": "none",
        "delimiter": "|",
        "objectCount": "1",
        "recordCount": "2",
        "sizeKey": "20",
        "skip.header.line.count": "1",
        "typeOfData": "file",
    }
    people = lake.table("raw_people")
    assert people["PartitionKeys"] == [{"Name": "year", "Type": "string"}]
    assert people["Parameters"]["objectCount"] == "2"
    assert people["StorageDescriptor"]["SerdeInfo"]["Parameters"] == {"paths": "Id,Name"}
    partition = lake.partitions("raw_people")["2014",]
    assert partition["StorageDescriptor"]["Location"] == "s3://lake/people/year=2014/"
    assert partition["Parameters"]["recordCount"] == "2"
    assert lake.counts() == (2, 0, 0)
    assert lake.partitions_changed() == {"ADD": 2}


def test_several_targets_are_crawled_each_by_itself(lake: Lake) -> None:
    lake.put("in/table1/f")
    lake.put("in/table2/f")
    lake.create("in/table1/", "in/table2")
    lake.crawl()
    assert {name: table["PartitionKeys"] for name, table in lake.tables().items()} == {"table1": [], "table2": []}


def test_one_object_can_be_a_target(lake: Lake) -> None:
    lake.put("in/one.json")
    lake.put("in/two.json")
    lake.create("in/one.json")
    lake.crawl()
    (table,) = lake.tables().values()
    assert (table["Name"], table["StorageDescriptor"]["Location"]) == ("one_json", "s3://lake/in/one.json")


def test_a_bucket_can_be_the_table(lake: Lake) -> None:
    lake.put("f")
    lake.create()
    lake.crawl()
    assert list(lake.tables()) == ["lake"]


def test_what_is_excluded_hidden_or_empty_is_not_looked_at(lake: Lake) -> None:
    lake.put("in/f.json")
    lake.put("in/other.csv", b"1,2\n3,4\n")
    lake.put("in/_SUCCESS", b"x")
    lake.put("in/empty", b"")
    targets = [{"Path": "s3://lake/in/", "Exclusions": ["*.csv"]}]
    lake.create(Targets={"S3Targets": targets})
    lake.crawl()
    assert lake.table("in")["Parameters"]["objectCount"] == "1"
    assert lake.table("in")["Parameters"]["exclusions"] == '["s3://lake/in/*.csv"]'


def test_a_name_that_is_taken_elsewhere_gets_a_hash(lake: Lake) -> None:
    lake.put("one/data/f")
    lake.put("two/data/f", b'{"Other": 1}\n')
    lake.create("one/data/", "two/data/")
    lake.crawl()
    taken, hashed = sorted(lake.tables())
    assert taken == "data"
    assert hashed.startswith("data_")
    assert len(hashed) == len("data_") + 32


def test_a_csv_classifier_of_ones_own_tells_of_quotes(lake: Lake) -> None:
    lake.put("quoted/f.csv", b'id,name\n1,"last, first"\n')
    lake.create(name="plain")
    assert lake.crawl("plain")["Status"] == "SUCCEEDED"
    assert "quoted/f.csv has quotes, which LazySimpleSerDe does not read" in lake.log("plain")
    lake.glue.create_classifier(
        CsvClassifier={"Name": "quotes", "Delimiter": ",", "QuoteSymbol": '"', "Serde": "OpenCSVSerDe"}
    )
    lake.create(Classifiers=["quotes"])
    lake.crawl()
    assert lake.table("lake")["StorageDescriptor"]["SerdeInfo"] == {
        "SerializationLibrary": "org.apache.hadoop.hive.serde2.OpenCSVSerde",
        "Parameters": {"separatorChar": ",", "quoteChar": '"', "escapeChar": "\\"},
    }
    assert lake.columns("lake") == {"id": "string", "name": "string"}


def test_what_nobody_knows_is_a_table_without_columns_and_said_in_the_log(lake: Lake) -> None:
    lake.put("notes/f.txt", b"some words\n")
    lake.put("arrays/f.json", b'[{"a": 1}]')
    lake.create()
    lake.crawl()
    assert lake.table("notes")["Parameters"]["classification"] == "UNKNOWN"
    assert "notes/f.txt is neither CSV nor JSON nor Parquet" in lake.log()
    assert "arrays/f.json is one JSON array" in lake.log()


# Crawling again.


def test_a_second_crawl_of_the_same_changes_nothing(lake: Lake) -> None:
    lake.put("people/year=2014/a.json")
    lake.put("notes/f.txt", b"some words\n")
    lake.create()
    lake.crawl()
    lake.crawl()
    assert lake.counts() == (0, 0, 0)
    assert lake.partitions_changed() == {}


def test_a_second_crawl_brings_in_what_is_new(lake: Lake) -> None:
    lake.put("people/year=2014/a.json")
    lake.create("people/")
    lake.crawl()
    lake.put("people/year=2014/b.json")
    lake.put("people/year=2015/a.json", b'{"Id": 5000000000, "Name": "c", "Age": 7, "Born": "x"}\n')
    lake.put("people/year=2016/a.json")
    lake.put("people/year=2017/a.json")
    lake.put("people/year=2018/a.json")
    lake.crawl()
    assert lake.counts() == (0, 1, 0)
    assert lake.partitions_changed() == {"ADD": 4, "UPDATE": 1}
    assert lake.columns("people") == {"id": "bigint", "name": "string", "age": "int", "born": "string"}
    assert set(lake.partitions("people")) == {("2014",), ("2015",), ("2016",), ("2017",), ("2018",)}


def test_update_behavior_log_leaves_a_table_as_it_is_and_adds_partitions(lake: Lake) -> None:
    lake.put("people/year=2014/a.json")
    lake.create("people/", SchemaChangePolicy={"UpdateBehavior": "LOG", "DeleteBehavior": "LOG"})
    lake.crawl()
    lake.put("people/year=2015/a.json", b'{"Id": 1, "Name": "b", "Age": 3}\n')
    lake.remove("people/year=2014/a.json")
    lake.crawl()
    assert lake.columns("people") == {"id": "int", "name": "string"}
    assert set(lake.partitions("people")) == {("2014",), ("2015",)}
    assert lake.counts() == (0, 0, 0)
    assert "Table people has changed and is left as it is" in lake.log()
    assert "Partition ['2014'] of table people was not found again" in lake.log()


def test_merge_new_columns_keeps_what_the_table_says_of_the_others(lake: Lake) -> None:
    lake.put("people/a.json")
    configuration = {"Version": 1.0, "CrawlerOutput": {"Tables": {"AddOrUpdateBehavior": "MergeNewColumns"}}}
    lake.create("people/", Configuration=json.dumps(configuration))
    lake.crawl()
    lake.put("people/a.json", b'{"Id": "now a text", "Age": 3}\n')
    lake.crawl()
    assert lake.columns("people") == {"id": "int", "name": "string", "age": "int"}


def test_partitions_inherit_from_their_table_where_that_is_asked_for(lake: Lake) -> None:
    lake.put("people/year=2014/a.json")
    lake.put("people/year=2015/a.json", b'{"Id": 1, "Name": "b", "Age": 3}\n')
    output = {"Partitions": {"AddOrUpdateBehavior": "InheritFromTable"}}
    configuration = {
        "Version": 1.0,
        "CrawlerOutput": output,
        "Grouping": {"TableGroupingPolicy": "CombineCompatibleSchemas"},
    }
    lake.create("people/", Configuration=json.dumps(configuration))
    lake.crawl()
    for partition in lake.partitions("people").values():
        assert [column["Name"] for column in partition["StorageDescriptor"]["Columns"]] == ["id", "name", "age"]
    lake.crawl()
    assert lake.partitions_changed() == {}


@pytest.mark.parametrize("behavior", ["LOG", "DELETE_FROM_DATABASE", "DEPRECATE_IN_DATABASE"])
def test_what_is_gone_is_left_deleted_or_deprecated(lake: Lake, behavior: str) -> None:
    lake.put("gone/f", b'{"Other": 1}\n')
    lake.put("people/year=2014/a.json")
    lake.put("people/year=2015/a.json")
    policy = {"UpdateBehavior": "UPDATE_IN_DATABASE", "DeleteBehavior": behavior}
    lake.create("gone/", "people/", SchemaChangePolicy=policy)
    lake.crawl()
    lake.remove("gone/f", "people/year=2014/a.json")
    lake.crawl()
    deleted = behavior == "DELETE_FROM_DATABASE"
    assert ("gone" in lake.tables()) is not deleted
    assert (("2014",) in lake.partitions("people")) is not deleted
    if not deleted:
        marked = behavior == "DEPRECATE_IN_DATABASE"
        assert ("DEPRECATED_BY_CRAWLER" in lake.table("gone")["Parameters"]) is marked
        assert ("DEPRECATED_BY_CRAWLER" in lake.partitions("people")["2014",]["Parameters"]) is marked
    changes = {"LOG": (0, 1, 0), "DELETE_FROM_DATABASE": (0, 1, 1), "DEPRECATE_IN_DATABASE": (0, 2, 0)}
    assert lake.counts() == changes[behavior]
    lake.crawl()
    assert lake.counts() == (0, 0, 0)
    lake.put("gone/f", b'{"Other": 1}\n')
    lake.crawl()
    assert "DEPRECATED_BY_CRAWLER" not in lake.table("gone")["Parameters"]


def test_tables_of_others_are_left_alone(lake: Lake) -> None:
    lake.glue.create_table(DatabaseName=DATABASE, TableInput={"Name": "by_hand", "Parameters": {}})
    lake.put("people/f")
    policy = {"UpdateBehavior": "UPDATE_IN_DATABASE", "DeleteBehavior": "DELETE_FROM_DATABASE"}
    lake.create("people/", SchemaChangePolicy=policy)
    lake.crawl()
    assert set(lake.tables()) == {"by_hand", "people"}


# What goes wrong.


def test_a_crawl_into_no_database_fails(lake: Lake, events: list[dict[str, Any]]) -> None:
    lake.create(DatabaseName="elsewhere")
    crawl = lake.crawl()
    assert crawl["Status"] == "FAILED"
    assert crawl["ErrorMessage"] == "the database elsewhere does not exist: create it, and start the crawler again"
    assert lake.glue.list_crawls(CrawlerName="crawler")["Crawls"][0]["State"] == "FAILED"
    failed = eventually(lambda: [event for event in events if event["state"] == "Failed"])[0]
    assert (failed["message"], failed["errorMessage"]) == ("Crawler Failed", crawl["ErrorMessage"])


def test_a_crawl_of_a_bucket_that_is_not_there_fails(lake: Lake) -> None:
    lake.create(Targets={"S3Targets": [{"Path": "s3://nowhere/"}]})
    crawl = lake.crawl()
    assert (crawl["Status"], "NoSuchBucket" in crawl["ErrorMessage"]) == ("FAILED", True)


def test_a_crawl_of_what_the_engine_cannot_read_fails_and_changes_nothing(lake: Lake) -> None:
    lake.put("good/f")
    lake.put("log/f.avro", b"Obj\x01")
    lake.create()
    assert lake.crawl()["ErrorMessage"].startswith("s3://lake/log/f.avro is Avro")
    assert lake.tables() == {}


def test_a_crawl_that_finds_nothing_succeeds_and_says_so(lake: Lake) -> None:
    lake.create("nothing/here/")
    assert lake.crawl()["Status"] == "SUCCEEDED"
    assert "WARN : Nothing was found at s3://lake/nothing/here/" in lake.log()


def test_an_engine_that_breaks_fails_the_crawl(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise ZeroDivisionError("broken")

    monkeypatch.setattr(inference, "look_at", broken)
    lake.put("f")
    lake.create()
    assert lake.crawl()["ErrorMessage"] == "ZeroDivisionError: broken"


def test_a_crawler_that_cannot_be_run_is_refused(lake: Lake) -> None:
    with pytest.raises(ClientError, match="JdbcTargets") as refused:
        lake.create(Targets={"JdbcTargets": [{"ConnectionName": "c", "Path": "p"}]})
    assert code_of(refused) == "InvalidInputException"
    with pytest.raises(ClientError, match="Classifier nobody not found") as missing:
        lake.create(Classifiers=["nobody"])
    assert code_of(missing) == "EntityNotFoundException"
    assert lake.glue.get_crawlers()["Crawlers"] == []


# States, and the API around them.


def test_a_crawler_runs_once_at_a_time_and_can_be_stopped(lake: Lake, gate: threading.Event) -> None:
    lake.put("in/one")
    lake.put("in/two")
    lake.create()
    assert lake.crawler()["State"] == "READY"
    with pytest.raises(ClientError) as idle:
        lake.glue.stop_crawler(Name="crawler")
    assert code_of(idle) == "CrawlerNotRunningException"
    lake.glue.start_crawler(Name="crawler")
    running = lake.crawler()
    assert (running["State"], "LastCrawl" in running) == ("RUNNING", False)
    assert eventually(lambda: lake.crawler()["CrawlElapsedTime"]) > 0
    assert lake.glue.list_crawls(CrawlerName="crawler")["Crawls"][0]["State"] == "RUNNING"
    for call in (lake.glue.start_crawler, lake.glue.update_crawler, lake.glue.delete_crawler):
        with pytest.raises(ClientError) as busy:
            call(Name="crawler")
        assert code_of(busy) == "CrawlerRunningException"
    lake.glue.stop_crawler(Name="crawler")
    assert lake.crawler()["State"] == "STOPPING"
    with pytest.raises(ClientError) as stopping:
        lake.glue.stop_crawler(Name="crawler")
    assert code_of(stopping) == "CrawlerNotRunningException"
    gate.set()
    eventually(lambda: lake.crawler()["State"] == "READY")
    assert lake.crawler()["LastCrawl"]["Status"] == "CANCELLED"
    assert lake.glue.list_crawls(CrawlerName="crawler")["Crawls"][0]["State"] == "STOPPED"
    assert lake.tables() == {}


def test_an_embedded_aws_ends_while_a_crawler_runs(lake: Lake, embedded_aws: EmbeddedAWS) -> None:
    for number in range(50):
        lake.put(f"in/{number}")
    lake.create()
    lake.glue.start_crawler(Name="crawler")
    embedded_aws.stop()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("crawl-")]


def test_crawls_are_listed_newest_first_and_page_by_page(lake: Lake) -> None:
    lake.put("f")
    lake.create()
    for _ in range(3):
        lake.crawl()
    first = lake.glue.list_crawls(CrawlerName="crawler", MaxResults=2)
    second = lake.glue.list_crawls(CrawlerName="crawler", MaxResults=2, NextToken=first["NextToken"])
    crawls = [*first["Crawls"], *second["Crawls"]]
    assert [crawl["StartTime"] for crawl in crawls] == sorted((crawl["StartTime"] for crawl in crawls), reverse=True)
    assert ["Summary" in crawl for crawl in crawls] == [False, False, True]
    asked = [{"FieldName": "CRAWL_ID", "FilterOperator": "EQ", "FieldValue": crawls[2]["CrawlId"]}]
    (found,) = lake.glue.list_crawls(CrawlerName="crawler", Filters=asked)["Crawls"]
    assert found["CrawlId"] == crawls[2]["CrawlId"]
    assert lake.crawler()["LastCrawl"]["MessagePrefix"] == crawls[0]["CrawlId"]


def test_many_crawlers_are_read_at_once(lake: Lake) -> None:
    lake.create(name="one")
    answer = lake.glue.batch_get_crawlers(CrawlerNames=["one", "two"])
    assert [crawler["State"] for crawler in answer["Crawlers"]] == ["READY"]
    assert answer["CrawlersNotFound"] == ["two"]
    for call in (
        lambda names: lake.glue.batch_get_crawlers(CrawlerNames=names),
        lambda names: lake.glue.get_crawler_metrics(CrawlerNameList=names),
    ):
        with pytest.raises(ClientError, match="at most 100"):
            call([str(number) for number in range(101)])


def test_a_crawler_says_how_it_was_made_and_can_be_changed(lake: Lake) -> None:
    lake.create("one/")
    made = lake.crawler()
    assert made["RecrawlPolicy"] == {"RecrawlBehavior": "CRAWL_EVERYTHING"}
    assert made["SchemaChangePolicy"] == {
        "UpdateBehavior": "UPDATE_IN_DATABASE",
        "DeleteBehavior": "DEPRECATE_IN_DATABASE",
    }
    assert (made["Version"], made["Classifiers"]) == (1, [])
    lake.put("two/f")
    lake.glue.update_crawler(Name="crawler", Targets={"S3Targets": [{"Path": "s3://lake/two/"}]}, TablePrefix="x_")
    assert lake.crawler()["Version"] == 2
    lake.crawl()
    assert list(lake.tables()) == ["x_two"]
    with pytest.raises(ClientError, match="Schedule"):
        lake.glue.update_crawler(Name="crawler", Schedule="cron(0 1 * * ? *)")


def test_a_crawl_tells_eventbridge_when_it_starts_and_how_it_ends(lake: Lake, events: list[dict[str, Any]]) -> None:
    lake.put("people/year=2014/f")
    lake.create("people/")
    lake.crawl()
    started, succeeded = eventually(lambda: len(events) > 1 and events)
    assert (started["state"], started["message"], started["crawlerName"]) == ("Started", "Crawler Started", "crawler")
    expected = {
        "state": "Succeeded",
        "message": "Crawler Succeeded",
        "crawlerName": "crawler",
        "accountId": "123456789012",
        "tablesCreated": "1",
        "tablesUpdated": "0",
        "tablesDeleted": "0",
        "partitionsCreated": "1",
        "partitionsUpdated": "0",
        "partitionsDeleted": "0",
        "warningMessage": "N/A",
    }
    assert expected.items() <= succeeded.items()


# Classifiers.


def test_classifiers_are_kept_changed_and_removed(lake: Lake) -> None:
    lake.glue.create_classifier(CsvClassifier={"Name": "one", "Delimiter": "|"})
    with pytest.raises(ClientError) as twice:
        lake.glue.create_classifier(CsvClassifier={"Name": "one"})
    assert code_of(twice) == "AlreadyExistsException"
    lake.glue.update_classifier(CsvClassifier={"Name": "one", "Delimiter": ";"})
    found = lake.glue.get_classifier(Name="one")["Classifier"]["CsvClassifier"]
    assert (found["Delimiter"], found["Version"]) == (";", 2)
    assert len(lake.glue.get_classifiers()["Classifiers"]) == 1
    lake.glue.delete_classifier(Name="one")
    with pytest.raises(ClientError) as gone:
        lake.glue.get_classifier(Name="one")
    assert code_of(gone) == "EntityNotFoundException"


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"JsonClassifier": {"Name": "one", "JsonPath": "$"}}, "JsonClassifier"),
        ({"CsvClassifier": {"Name": "one", "CustomDatatypes": ["INT"]}}, "CustomDatatypes"),
        ({"CsvClassifier": {"Name": "one", "CustomDatatypeConfigured": True}}, "CustomDatatypeConfigured"),
        ({"CsvClassifier": {"Name": "one", "Delimiter": '"'}}, "are the same"),
        ({}, "needs a Name"),
    ],
)
def test_a_classifier_that_the_engine_does_not_have_is_refused(lake: Lake, asked: dict[str, Any], named: str) -> None:
    with pytest.raises(ClientError, match=named):
        lake.glue.create_classifier(**asked)


# Templates.


def test_a_template_makes_crawlers_and_classifiers(client: Callable[[str], Any], lake: Lake) -> None:
    def template(prefix: str, delimiter: str) -> str:
        csv = {"Delimiter": delimiter, "Serde": "OpenCSVSerDe"}
        crawler = {
            "Role": "role",
            "DatabaseName": DATABASE,
            "TablePrefix": prefix,
            "Classifiers": [{"Ref": "Quotes"}],
            "Targets": {"S3Targets": [{"Path": "s3://lake/in/"}]},
        }
        resources = {
            "Quotes": {"Type": "AWS::Glue::Classifier", "Properties": {"CsvClassifier": csv}},
            "Crawler": {"Type": "AWS::Glue::Crawler", "Properties": crawler},
        }
        return json.dumps({"Resources": resources, "Outputs": {"Name": {"Value": {"Ref": "Crawler"}}}})

    stacks = client("cloudformation")
    lake.put("in/f.csv", b"a;b\n1;2\n")
    stacks.create_stack(StackName="stack", TemplateBody=template("x_", ","))
    name = stacks.describe_stacks(StackName="stack")["Stacks"][0]["Outputs"][0]["OutputValue"]
    stacks.update_stack(StackName="stack", TemplateBody=template("y_", ";"))
    assert lake.crawl(name)["Status"] == "SUCCEEDED"
    assert lake.columns("y_in") == {"a": "string", "b": "string"}
    stacks.delete_stack(StackName="stack")
    assert lake.glue.get_crawlers()["Crawlers"] == []
    assert lake.glue.get_classifiers()["Classifiers"] == []


# What Athena makes of it.


def test_athena_reads_what_was_crawled(client: Callable[[str], Any], lake: Lake) -> None:
    table = pa.table({"Id": [1, 2], "Price": pa.array([Decimal("1.50"), None], pa.decimal128(10, 2))})
    stream = io.BytesIO()
    pq.write_table(table, stream)
    lake.put("orders/day=2014-03-01/f.parquet", stream.getvalue())
    lake.put("orders/day=2014-03-02/f.parquet", stream.getvalue())
    lake.put("plain/f.csv", b"Id|Amount|Word\n1|2.5|a\n2|3|b\n")
    lake.put("headless/f.csv", b"a,b\nc,d\n")
    lake.put("quoted/f.csv", b'id,name\n1,"last, first"\n')
    lake.put("packed/2014/f.json.gz", gzip.compress(b'{"Id": 1, "Tags": ["x", "y"], "In": {"A": true}}\n'))
    lake.glue.create_classifier(CsvClassifier={"Name": "quotes", "QuoteSymbol": '"', "Serde": "OpenCSVSerDe"})
    lake.create("orders/", "plain/", "headless/", "packed/")
    lake.create("quoted/", name="of-quotes", Classifiers=["quotes"])
    assert lake.crawl()["Status"] == lake.crawl("of-quotes")["Status"] == "SUCCEEDED"

    athena = client("athena")

    def rows(query: str) -> list[list[str | None]]:
        output = {"OutputLocation": f"s3://{BUCKET}/results/"}
        run = athena.start_query_execution(
            QueryString=query, QueryExecutionContext={"Database": DATABASE}, ResultConfiguration=output
        )["QueryExecutionId"]

        def status() -> dict[str, Any]:
            return dict(athena.get_query_execution(QueryExecutionId=run)["QueryExecution"]["Status"])

        eventually(lambda: status()["State"] in {"SUCCEEDED", "FAILED"})
        assert status()["State"] == "SUCCEEDED", status()
        found = athena.get_query_results(QueryExecutionId=run)["ResultSet"]["Rows"][1:]
        return [[cell.get("VarCharValue") for cell in row["Data"]] for row in found]

    assert rows("SELECT id, price, day FROM orders ORDER BY day, id") == [
        ["1", "1.50", "2014-03-01"],
        ["2", None, "2014-03-01"],
        ["1", "1.50", "2014-03-02"],
        ["2", None, "2014-03-02"],
    ]
    assert rows("SELECT sum(id), sum(amount), max(word) FROM plain") == [["3", "5.5", "b"]]
    assert rows("SELECT col0, col1 FROM headless ORDER BY col0") == [["a", "b"], ["c", "d"]]
    assert rows("SELECT id, name FROM quoted") == [["1", "last, first"]]
    assert rows('SELECT id, tags[2], "in".a, partition_0 FROM packed') == [["1", "y", "true", "2014"]]
