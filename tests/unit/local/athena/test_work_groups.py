from __future__ import annotations

from typing import Any

import pytest

from runners.local.athena.work_groups import InvalidRequest, page, result_configuration, updated

ASKED = {"OutputLocation": "s3://asked/path"}
OF_GROUP = {"OutputLocation": "s3://group/"}


def test_a_query_says_where_its_results_go() -> None:
    assert result_configuration({}, ASKED) == {"OutputLocation": "s3://asked/path/"}


def test_a_work_group_says_it_for_queries_that_do_not() -> None:
    group = {"ResultConfiguration": OF_GROUP}
    assert result_configuration(group, None) == {"OutputLocation": "s3://group/"}
    assert result_configuration(group, ASKED)["OutputLocation"] == "s3://asked/path/"


def test_a_work_group_that_enforces_its_settings_is_the_only_one_to_say() -> None:
    group = {"ResultConfiguration": OF_GROUP, "EnforceWorkGroupConfiguration": True}
    asked = {**ASKED, "EncryptionConfiguration": {"EncryptionOption": "SSE_S3"}}
    assert result_configuration(group, asked) == {"OutputLocation": "s3://group/"}


@pytest.mark.parametrize(
    ("group", "asked", "said"),
    [
        ({}, None, "No output location provided"),
        ({"EnforceWorkGroupConfiguration": True}, ASKED, "No output location provided"),
        ({}, {"OutputLocation": "/tmp"}, "not a valid S3 path"),
        ({}, {"OutputLocation": "s3:///x"}, "not a valid S3 path"),
        ({}, {**ASKED, "EncryptionConfiguration": {"EncryptionOption": "CSE_KMS", "KmsKey": "k"}}, "client's side"),
        ({}, {**ASKED, "EncryptionConfiguration": {"EncryptionOption": "SSE_KMS"}}, "KmsKey is required"),
        ({"ManagedQueryResultsConfiguration": {"Enabled": True}}, ASKED, "managed query results"),
    ],
)
def test_what_cannot_be_done_is_refused(group: dict[str, Any], asked: dict[str, Any] | None, said: str) -> None:
    with pytest.raises(InvalidRequest, match=said):
        result_configuration(group, asked)


def test_settings_are_changed_one_by_one() -> None:
    before = {
        "ResultConfiguration": {**OF_GROUP, "ExpectedBucketOwner": "1"},
        "BytesScannedCutoffPerQuery": 10_000_000,
        "RequesterPaysEnabled": False,
    }
    updates = {
        "ResultConfigurationUpdates": {"RemoveExpectedBucketOwner": True, "OutputLocation": "s3://new/"},
        "RemoveBytesScannedCutoffPerQuery": True,
        "RequesterPaysEnabled": True,
    }
    assert updated(before, updates) == {
        "ResultConfiguration": {"OutputLocation": "s3://new/"},
        "RequesterPaysEnabled": True,
    }


def test_lists_come_in_pages() -> None:
    items = list("abcde")
    first = page(items, "Names", {"MaxResults": 2}, 50)
    assert first == {"Names": ["a", "b"], "NextToken": "2"}
    assert page(items, "Names", {"NextToken": "2"}, 50) == {"Names": ["c", "d", "e"]}
    with pytest.raises(InvalidRequest, match="NextToken"):
        page(items, "Names", {"NextToken": "x"}, 50)
