"""What tests of DMS have in common: rules, and a client that makes endpoints and tasks and looks at what they did."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import sqlite3
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from runners.local.server import EmbeddedAWS

ROLE = "arn:aws:iam::123456789012:role/dms"
FINISHED = "Stop Reason FULL_LOAD_ONLY_FINISHED"
PATIENCE_SECONDS = 60.0


def include(table: str = "%", schema: str = "%", rule_id: str = "1", **rest: Any) -> dict[str, Any]:
    locator = {"schema-name": schema, "table-name": table}
    return {
        "rule-type": "selection",
        "rule-id": rule_id,
        "rule-name": rule_id,
        "rule-action": "include",
        "object-locator": locator,
        **rest,
    }


def transform(target: str, action: str, rule_id: str, value: str | None = None, **locator: str) -> dict[str, Any]:
    names = {f"{name}-name": pattern for name, pattern in ({"schema": "%"} | locator).items()}
    if target != "schema":
        names = {"table-name": "%"} | names
    return {
        "rule-type": "transformation",
        "rule-id": rule_id,
        "rule-name": rule_id,
        "rule-target": target,
        "rule-action": action,
        "object-locator": names,
        "value": value,
    }


def where(column: str, operator: str, **values: str) -> dict[str, Any]:
    condition = {"filter-operator": operator, **{name.replace("_", "-"): value for name, value in values.items()}}
    return {"filter-type": "source", "column-name": column, "filter-conditions": [condition]}


class Dms:
    """Makes endpoints and tasks, in a bucket of the test's own, and looks at what they did."""

    def __init__(self, aws: EmbeddedAWS) -> None:
        self.aws = aws
        self.dms, self.s3 = aws.client("dms"), aws.client("s3")
        self.bucket = f"copies-{uuid.uuid4().hex[:12]}"
        self.s3.create_bucket(Bucket=self.bucket)
        self.instance = self.dms.create_replication_instance(
            ReplicationInstanceIdentifier="instance", ReplicationInstanceClass="dms.t3.micro"
        )["ReplicationInstance"]["ReplicationInstanceArn"]

    def endpoint(self, kind: str, **members: Any) -> str:
        name = f"{kind}-{uuid.uuid4().hex[:8]}"
        made = self.dms.create_endpoint(EndpointIdentifier=name, EndpointType=kind, **members)
        return str(made["Endpoint"]["EndpointArn"])

    def s3_target(self, **settings: Any) -> str:
        described = {"BucketName": self.bucket, "ServiceAccessRoleArn": ROLE, **settings}
        return self.endpoint("target", EngineName="s3", S3Settings=described)

    def task(self, source: str, target: str, *rules: dict[str, Any], **settings: Any) -> str:
        made = self.dms.create_replication_task(
            ReplicationTaskIdentifier=f"task-{uuid.uuid4().hex[:8]}",
            SourceEndpointArn=source,
            TargetEndpointArn=target,
            ReplicationInstanceArn=self.instance,
            MigrationType="full-load",
            TableMappings=json.dumps({"rules": rules or [include()]}),
            ReplicationTaskSettings=json.dumps(settings),
        )
        return str(made["ReplicationTask"]["ReplicationTaskArn"])

    def start(self, task: str, start_type: str = "start-replication") -> dict[str, Any]:
        started = self.dms.start_replication_task(ReplicationTaskArn=task, StartReplicationTaskType=start_type)
        return dict(started["ReplicationTask"])

    def described(self, task: str) -> dict[str, Any]:
        filters = [{"Name": "replication-task-arn", "Values": [task]}]
        (found,) = self.dms.describe_replication_tasks(Filters=filters)["ReplicationTasks"]
        return dict(found)

    def ended(self, task: str) -> dict[str, Any]:
        eventually(lambda: self.described(task)["Status"] in {"stopped", "failed"}, PATIENCE_SECONDS)
        return self.described(task)

    def run(self, task: str, start_type: str = "start-replication") -> dict[str, Any]:
        self.start(task, start_type)
        return self.ended(task)

    def tables(self, task: str) -> dict[str, dict[str, Any]]:
        found = self.dms.describe_table_statistics(ReplicationTaskArn=task)["TableStatistics"]
        return {f"{table['SchemaName']}.{table['TableName']}": table for table in found}

    def states(self, task: str) -> dict[str, str]:
        return {name: table["TableState"] for name, table in self.tables(task).items()}

    def objects(self) -> list[str]:
        return [item["Key"] for item in self.s3.list_objects_v2(Bucket=self.bucket).get("Contents", ())]

    def body(self, key: str) -> bytes:
        return bytes(self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read())

    def csv(self, key: str) -> list[list[str]]:
        return list(csv.reader(io.StringIO(self.body(key).decode(), newline="")))

    def put_rule(self, name: str) -> None:
        self.aws.client("events").put_rule(Name=name, EventPattern=json.dumps({"source": ["aws.dms"]}))


@pytest.fixture
def dms(embedded_aws: EmbeddedAWS) -> Dms:
    return Dms(embedded_aws)


@pytest.fixture
def sqlite_file(tmp_path: Path) -> Callable[..., Path]:
    def make(*statements: str) -> Path:
        path = tmp_path / "source.db"
        with contextlib.closing(sqlite3.connect(path)) as connection:
            for statement in statements:
                connection.execute(statement)
            connection.commit()
        return path

    return make
