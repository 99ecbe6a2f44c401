"""A small shop: tables of the Glue catalog over CSV, JSON and Parquet in S3, and queries by Athena's own API."""

from __future__ import annotations

import io
import json
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pyarrow
import pytest
from botocore.exceptions import ClientError
from pyarrow import parquet

from runners.local.server import EmbeddedAWS
from tests.integration.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Row = tuple[str | None, ...]

BUCKET, DATABASE = "semantics", "shop"
FINAL = {"SUCCEEDED", "FAILED", "CANCELLED"}
PATIENCE_SECONDS = 60

SALES = """1,north,apple,10.00,3,2024-01-31
2,north,pear,5.50,\\N,2024-02-29
3,south,apple,7.25,5,2024-02-10
4,south,pear,\\N,2,2024-03-01
5,south,plum,10.00,5,2024-03-15
6,\\N,apple,1.00,1,2023-12-31
"""
PEOPLE = (
    {
        "name": "Ann",
        "tags": ["a", "b"],
        "scores": {"math": 7, "art": 9},
        "home": {"city": "Rome", "zip": 185},
        "about": '{"age": 41, "pets": ["cat", "dog"]}',
    },
    {
        "name": "Bob",
        "tags": [],
        "scores": {"math": 4},
        "home": {"city": "Oslo", "zip": None},
        "about": '{"age": "old"}',
    },
    {"name": "Cid", "tags": None, "scores": None, "home": None, "about": None},
)
READINGS = {
    "sensor": ["a", "a", "b", "b"],
    "taken": [
        datetime.fromisoformat(moment)
        for moment in ("2024-01-01", "2024-01-01T06:30:15.250", "2024-01-02T12:00", "2024-03-31T23:59:59.999")
    ],
    "value": [1.5, 2.5, 0.0, None],
    "steps": [10, 20, 0, None],
}
# (its columns, its SerDe and the SerDe's parameters) of each table
TABLES: dict[str, tuple[str, str, dict[str, str]]] = {
    "sales": (
        "id int, region string, product string, amount decimal(10;2), quantity int, sold_on date",
        "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe",
        {"field.delim": ","},
    ),
    "people": (
        "name string, tags array<string>, scores map<string;int>, home struct<city:string;zip:int>, about string",
        "org.openx.data.jsonserde.JsonSerDe",
        {},
    ),
    "readings": (
        "sensor string, taken timestamp, value double, steps bigint",
        "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
        {},
    ),
}


class Athena:
    """Queries over the tables, through Athena's API."""

    def __init__(self, aws: EmbeddedAWS) -> None:
        self._client = aws.client("athena")
        self._started: dict[str, str] = {}

    def start_queries_of(self, request: pytest.FixtureRequest) -> None:
        """Start all queries of a module's chosen tests, so that as many run side by side as Athena lets."""
        chosen = [item for item in request.session.items if item.getparent(pytest.Module) is request.node]
        for item in chosen:
            given: dict[str, Any] = item.callspec.params if hasattr(item, "callspec") else {}
            if "sql" in given and "parameters" not in given:
                with suppress(ClientError):  # what is refused at once is refused again when its test asks
                    self._started[given["sql"]] = self._start(given["sql"])

    def _start(self, sql: str, parameters: Sequence[str] = ()) -> str:
        if not parameters and sql in self._started:
            return self._started[sql]
        asked: dict[str, Any] = {"ExecutionParameters": list(parameters)} if parameters else {}
        started = self._client.start_query_execution(
            QueryString=sql,
            QueryExecutionContext={"Database": DATABASE},
            ResultConfiguration={"OutputLocation": f"s3://{BUCKET}/results/"},
            **asked,
        )
        return str(started["QueryExecutionId"])

    def _ended(self, query_id: str) -> dict[str, Any]:
        def final() -> dict[str, Any] | None:
            status = self._client.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]["Status"]
            return dict(status) if status["State"] in FINAL else None

        return dict(eventually(final, PATIENCE_SECONDS))

    def page(self, sql: str, parameters: Sequence[str] = ()) -> list[Row]:
        """The names of a query's columns, and its rows."""
        query_id = self._start(sql, parameters)
        status = self._ended(query_id)
        assert status["State"] == "SUCCEEDED", status.get("StateChangeReason")
        found = self._client.get_query_results(QueryExecutionId=query_id)["ResultSet"]["Rows"]
        return [tuple(value.get("VarCharValue") for value in row["Data"]) for row in found]

    def rows(self, sql: str, parameters: Sequence[str] = ()) -> list[Row]:
        return self.page(sql, parameters)[1:]

    def value(self, sql: str) -> str | None:
        ((value,),) = self.rows(sql)
        return value

    def reason(self, sql: str) -> str:
        """Why a query fails."""
        status = self._ended(self._start(sql))
        assert status["State"] == "FAILED", status
        return str(status["StateChangeReason"])


@contextmanager
def shop() -> Iterator[Athena]:
    """Open an embedded AWS with the tables in it."""
    with EmbeddedAWS() as aws:
        s3, glue = aws.client("s3"), aws.client("glue")
        s3.create_bucket(Bucket=BUCKET)
        glue.create_database(DatabaseInput={"Name": DATABASE})
        packed = io.BytesIO()
        schema = pyarrow.schema(
            [
                ("sensor", pyarrow.string()),
                ("taken", pyarrow.timestamp("ms")),
                ("value", pyarrow.float64()),
                ("steps", pyarrow.int64()),
            ]
        )
        parquet.write_table(pyarrow.table(READINGS, schema), packed)
        bodies = {
            "sales": SALES.encode(),
            "people": "\n".join(map(json.dumps, PEOPLE)).encode(),
            "readings": packed.getvalue(),
        }
        for name, (columns, serde, parameters) in TABLES.items():
            s3.put_object(Bucket=BUCKET, Key=f"{name}/data", Body=bodies[name])
            described = (column.replace(";", ",").split(" ", 1) for column in columns.split(", "))
            glue.create_table(
                DatabaseName=DATABASE,
                TableInput={
                    "Name": name,
                    "TableType": "EXTERNAL_TABLE",
                    "StorageDescriptor": {
                        "Columns": [{"Name": column, "Type": of} for column, of in described],
                        "Location": f"s3://{BUCKET}/{name}/",
                        "SerdeInfo": {"SerializationLibrary": serde, "Parameters": parameters},
                    },
                },
            )
        yield Athena(aws)
