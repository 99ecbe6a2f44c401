from __future__ import annotations

from typing import Any

import boto3
import pytest

from runners.local.athena.queries import Outcome
from runners.local.athena.result_pages import page_of
from runners.local.athena.results import ColumnInfo, csv_line
from runners.local.athena.work_groups import InvalidRequest

OUTCOME = Outcome((ColumnInfo("x", "varchar"),), "s3://bucket/o.csv")


@pytest.fixture
def s3(aws: None) -> Any:
    client = boto3.client("s3")
    client.create_bucket(Bucket="bucket")
    return client


def values(answer: dict[str, Any]) -> list[str | None]:
    return [row["Data"][0].get("VarCharValue") for row in answer["ResultSet"]["Rows"]]


def test_pages_together_are_the_whole_result(s3: Any) -> None:
    rows: list[str | None] = ["x", "a\nb", None, "", 'say "c"', "ü"]
    s3.put_object(Bucket="bucket", Key="o.csv", Body="".join(csv_line([row]) for row in rows).encode())
    found: list[str | None] = []
    token: str | None = None
    while True:
        answer = page_of(s3, OUTCOME, token, 2)
        assert len(answer["ResultSet"]["Rows"]) == 2
        found += values(answer)
        token = answer.get("NextToken")
        if token is None:
            break
    assert found == rows


def test_a_page_has_at_most_a_thousand_rows(s3: Any) -> None:
    s3.put_object(Bucket="bucket", Key="o.csv", Body=(csv_line(["x" * 100]) * 1500).encode())
    first = page_of(s3, OUTCOME, None, None)
    assert len(values(first)) == 1000
    assert len(values(page_of(s3, OUTCOME, first["NextToken"], None))) == 500
    with pytest.raises(InvalidRequest, match="MaxResults"):
        page_of(s3, OUTCOME, None, 1001)


def test_lines_of_text_are_rows_without_a_header(s3: Any) -> None:
    s3.put_object(Bucket="bucket", Key="o.txt", Body=b"a\tb\nc\n")
    answer = page_of(s3, Outcome(output="s3://bucket/o.txt", has_header=False), None, None)
    assert values(answer) == ["a\tb", "c"]


def test_what_was_only_written_has_a_count_and_no_rows(s3: Any) -> None:
    answer = page_of(s3, Outcome(output="s3://bucket/none", update_count=7, has_rows=False), None, None)
    assert (answer["UpdateCount"], values(answer)) == (7, [])


def test_an_empty_result_has_no_rows(s3: Any) -> None:
    s3.put_object(Bucket="bucket", Key="o.txt", Body=b"")
    assert values(page_of(s3, Outcome(output="s3://bucket/o.txt", has_header=False), None, None)) == []


@pytest.mark.parametrize("token", ["x", "-1"])
def test_a_token_of_another_kind_is_refused(s3: Any, token: str) -> None:
    with pytest.raises(InvalidRequest, match="NextToken"):
        page_of(s3, OUTCOME, token, None)


def test_a_result_that_was_removed_is_missed(s3: Any) -> None:
    with pytest.raises(InvalidRequest, match="Could not find results"):
        page_of(s3, OUTCOME, None, None)


@pytest.mark.parametrize("body", [b'"x\n', b"\xff\n"])
def test_a_result_that_was_overwritten_cannot_be_read(s3: Any, body: bytes) -> None:
    s3.put_object(Bucket="bucket", Key="o.csv", Body=body)
    with pytest.raises(InvalidRequest, match="cannot be read"):
        page_of(s3, OUTCOME, None, None)
