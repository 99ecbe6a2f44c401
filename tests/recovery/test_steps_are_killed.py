"""A step that moves rows is killed with SIGKILL at every moment at which it looks whether to stop, and run again.

Between two moments there is one batch; the last is right before the commit. Before it is run again nothing of it can be
seen; afterwards the target equals the source; and whoever repeats it once more changes nothing.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import boto3
import pyarrow.csv
import pyarrow.parquet
import pytest
from moto.server import ThreadedMotoServer

from tests.integration.conftest import (  # noqa: F401 - fixtures of real databases
    mariadb,
    mariadb_server,
    postgresql,
    postgresql_server,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.integration.databases import Database

ROWS = 60_000  # of some 200 bytes: a few batches
MAKE = "CREATE TABLE {name} (id bigint PRIMARY KEY, name varchar(100), note text, amount decimal(12, 2))"
FILL = (
    "INSERT INTO source SELECT i, CONCAT('name ', i), CASE WHEN i % 7 > 0 THEN REPEAT('note ', 30) END, i / 100.0 "
    "FROM {numbers}"
)
NUMBERS = {
    "PostgreSql": f"generate_series(1, {ROWS}) AS numbers (i)",
    "MySql": f"(SELECT seq AS i FROM seq_1_to_{ROWS}) AS numbers",
}
BUCKET = "killed"
CONTENT = "SELECT COUNT(*), SUM(id), SUM(amount), COUNT(note), MAX(name) FROM {name}"


@dataclass
class Place:
    """The databases and the bucket of a test."""

    databases: dict[str, Database]
    endpoint: str
    connections: dict[str, Any] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        aws = {"ACCESS_KEY_ID": "a", "SECRET_ACCESS_KEY": "b", "DEFAULT_REGION": "us-east-1"}
        return own | {f"AWS_{name}": value for name, value in aws.items()} | {"AWS_ENDPOINT_URL": self.endpoint}

    def s3(self) -> Any:
        return boto3.client(
            "s3", endpoint_url=self.endpoint, aws_access_key_id="a", aws_secret_access_key="b", region_name="us-east-1"
        )

    def run(self, step: str, parameters: dict[str, Any], dies_at: int) -> dict[str, Any] | None:
        """Run a step in a process of its own; answer its result, or None if it was killed."""
        asked = {
            "step": step,
            "parameters": parameters,
            "dies_at": dies_at,
            "execution_id": "arn:aws:states:us-east-1:123456789012:execution:copies:night",
            "connections": self.connections,
        }
        ran = subprocess.run(
            [sys.executable, "-m", "tests.recovery.killed_step"],
            input=json.dumps(asked),
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if ran.returncode == -signal.SIGKILL:
            return None
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)


@pytest.fixture(scope="module")
def s3_endpoint() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@pytest.fixture
def place(postgresql: Database, mariadb: Database, s3_endpoint: str) -> Place:  # noqa: F811 - fixtures
    made = Place({"PostgreSql": postgresql, "MySql": mariadb}, s3_endpoint)
    for name, database in made.databases.items():
        server = database.server
        made.connections[name] = {
            "host": server.host,
            "port": server.port,
            "username": server.user,
            "password": server.password,
            "dbname": database.name,
        }
        database.run(*(MAKE.format(name=table) for table in ("source", "target")))
        database.run(FILL.format(numbers=NUMBERS[name]))
    made.s3().create_bucket(Bucket=BUCKET)
    return made


@pytest.mark.parametrize(
    ("source", "target", "mode"),
    [
        ("PostgreSql", "PostgreSql", "append"),
        ("PostgreSql", "PostgreSql", "overwrite"),
        ("PostgreSql", "PostgreSql", "upsert"),
        ("PostgreSql", "MySql", "append"),
        ("MySql", "PostgreSql", "upsert"),
    ],
)
def test_a_copy_between_databases_is_done_once_whole_or_not_at_all(
    place: Place, source: str, target: str, mode: str, record_property: Callable[[str, object], None]
) -> None:
    parameters = {
        "Source": {"ConnectionName": source, "Table": "source"},
        "Target": {
            "ConnectionName": target,
            "Table": "target",
            "Mode": mode,
            **({"Key": ["id"]} if mode == "upsert" else {}),
        },
    }
    (wanted,) = place.databases[source].rows(CONTENT.format(name="source"))

    def content() -> tuple[Any, ...]:
        return place.databases[target].rows(CONTENT.format(name="target"))[0]

    deaths = 0
    while place.run(f"{source}To{target}", parameters, deaths + 1) is None:
        deaths += 1
        assert content()[0] == 0, f"rows can be seen of a step that was killed at its moment {deaths}"
    assert content() == wanted
    assert deaths >= 2
    repeated = place.run(f"{source}To{target}", parameters, 0)
    assert repeated is not None
    assert content() == wanted
    record_property("kills of steps", deaths)


@pytest.mark.parametrize(("source", "kind"), [("PostgreSql", "csv"), ("MySql", "parquet")])
def test_an_object_is_there_whole_or_not_at_all(
    place: Place, source: str, kind: str, record_property: Callable[[str, object], None]
) -> None:
    key = f"{source}/rows.{kind}"
    parameters = {
        "Source": {"ConnectionName": source, "Table": "source"},
        "Target": {"Bucket": BUCKET, "Key": key, "Format": {"Type": kind}},
    }
    s3 = place.s3()
    deaths = 0
    while place.run(f"{source}ToS3", parameters, deaths + 1) is None:
        deaths += 1
        assert key not in [item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]
    body = pyarrow.BufferReader(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())
    found = pyarrow.csv.read_csv(body) if kind == "csv" else pyarrow.parquet.read_table(body)
    assert found.num_rows == ROWS
    assert sorted(found.column("id").to_pylist()) == list(range(1, ROWS + 1))
    assert deaths >= 2
    record_property("kills of steps", deaths)
