"""Pages of a query's result, read from where the query has put it in S3.

A page's token is the place of its first byte, so that each page costs no more than itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from runners.local.athena.results import UnreadableResultError, as_api_row, csv_records, lines_of, text_records
from runners.local.athena.work_groups import InvalidRequest
from runners.local.s3.objects import S3Path

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from runners.local.athena.queries import Outcome

MAX_ROWS_OF_ONE_PAGE = 1000
CHUNK_BYTES = 1 << 16


def page_of(client: S3Client, outcome: Outcome, token: str | None, max_rows: int | None) -> dict[str, Any]:
    """Answer ``GetQueryResults``; the first row of a SELECT's first page names the columns."""
    columns = {"ColumnInfo": [column.as_dict() for column in outcome.columns]}
    answer: dict[str, Any] = {"ResultSet": {"Rows": [], "ResultSetMetadata": columns}}
    if outcome.update_count is not None:
        answer["UpdateCount"] = outcome.update_count
    if not outcome.has_rows:
        return answer
    count = max_rows or MAX_ROWS_OF_ONE_PAGE
    if not 1 <= count <= MAX_ROWS_OF_ONE_PAGE:
        raise InvalidRequest(f"MaxResults is from 1 to {MAX_ROWS_OF_ONE_PAGE}")
    rows, following = _rows(client, outcome, _start(token), count)
    answer["ResultSet"]["Rows"] = [as_api_row(row) for row in rows]
    if following is not None:
        answer["NextToken"] = str(following)
    return answer


def _start(token: str | None) -> int:
    if token is None:
        return 0
    if not token.isdigit():
        raise InvalidRequest("NextToken is none that GetQueryResults has answered")
    return int(token)


def _rows(client: S3Client, outcome: Outcome, start: int, count: int) -> tuple[list[list[str | None]], int | None]:
    """Answer rows from a place on, and the place of the row after them, if there is one."""
    path = S3Path.parse(outcome.output)
    try:
        size = client.head_object(Bucket=path.bucket, Key=path.key)["ContentLength"]
        if start >= size:
            return [], None
        body = client.get_object(Bucket=path.bucket, Key=path.key, Range=f"bytes={start}-")["Body"]
    except ClientError as error:
        raise InvalidRequest(f"Could not find results of the query at {outcome.output}") from error
    read = csv_records if outcome.has_header else text_records
    rows, place = [], start
    try:
        with body:
            for row, length in read(lines_of(body.iter_chunks(CHUNK_BYTES))):
                rows.append(row)
                place += length
                if len(rows) == count:
                    break
    except (UnreadableResultError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"the result at {outcome.output} cannot be read") from error
    return rows, place if place < size else None
