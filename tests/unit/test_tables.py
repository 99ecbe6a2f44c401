import pytest

from runners.tables import condition_failed, items_of
from tests.unit.doubles import client_error


def test_a_query_is_read_page_by_page_to_its_end():
    pages = {None: {"Items": [1, 2], "LastEvaluatedKey": "a"}, "a": {"Items": [], "LastEvaluatedKey": "b"}}

    def query(TableName, ExclusiveStartKey=None):  # noqa: N803  # as boto3 names them
        assert TableName == "table"
        return pages.get(ExclusiveStartKey, {"Items": [3]})

    assert list(items_of(query, TableName="table")) == [1, 2, 3]


def test_a_page_that_was_throttled_is_asked_for_again():
    answers = [client_error("ThrottlingException"), {"Items": [1]}]

    def query():
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert list(items_of(query)) == [1]


@pytest.mark.parametrize(
    ("error", "failed"),
    [
        (client_error("ConditionalCheckFailedException"), True),
        (client_error("ThrottlingException"), False),
        (ValueError(), False),
    ],
)
def test_a_condition_that_did_not_hold_is_told_from_other_errors(error, failed):
    assert condition_failed(error) is failed
