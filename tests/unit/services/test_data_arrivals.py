# ruff: noqa: N803  # arguments are named as boto3 names them
from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

from runners.arrival import Arrival
from runners.errors import InvalidInputError
from runners.job import Failed, Running, Succeeded
from runners.services import data_arrivals
from runners.services.data_arrivals import FAILED, DataArrivals, WaitRequest
from tests.unit.doubles import Clock, CountingClient, Faults, active_job, client_error

ARN = "arn:aws:states:us-east-1:123456789012:activity:data-in.csv"


@pytest.fixture
def bucket(aws):
    """A bucket in memory."""
    client = boto3.client("s3")
    client.create_bucket(Bucket="data")
    return client


@pytest.fixture
def s3(bucket):
    return CountingClient(bucket)


@pytest.fixture
def waits(s3):
    return DataArrivals(s3)


def put(bucket, *keys, body=b"x"):
    for key in keys:
        bucket.put_object(Bucket="data", Key=key, Body=body)


def wait_for(number=0, bucket="data", **request):
    return active_job(number, runner="arrivals", request={"Bucket": bucket} | request)


def status_of(waits, **request):
    job = wait_for(**request)
    return waits.describe([job])[job.task_key]


def keys_of(status):
    return [found["Key"] for found in status.output["Objects"]]


# Requests


@pytest.mark.parametrize(
    "request_",
    [
        {"Key": "sales/in.csv"},
        {"Prefix": "sales/"},
        {"Pattern": "sales/**/*.csv", "MinObjects": 3},
        {"Filename": "in.csv", "FileActivityArn": ARN},
        {"Key": "a", "NewerThan": "2026-01-31T04:05:06.789Z"},
        {"Key": "a", "NewerThan": "2026-01-31T04:05:06+02:00"},
        {"Key": "a", "NewerThan": None},
    ],
)
def test_a_request_names_a_bucket_and_one_way_to_say_which_objects(waits, request_):
    waits.validate({"Bucket": "data"} | request_)


@pytest.mark.parametrize(
    ("request_", "field", "problem"),
    [
        ({"Bucket": None}, "Bucket", "valid string"),
        ({"Bucket": "d"}, "Bucket", "at least 3"),
        ({"Bucket": "hush hush"}, "Bucket", "match pattern"),
        ({"Bucket": "data/in"}, "Bucket", "match pattern"),
        ({}, "(input)", "got none"),
        ({"Key": "hush", "Prefix": "hush"}, "(input)", "got Key and Prefix"),
        ({"Key": ""}, "Key", "at least 1"),
        ({"Key": "hush\ud800"}, "Key", "unicode"),
        ({"Pattern": "hush[z-a]"}, "(input)", "Pattern is no glob"),
        ({"Pattern": "hush[!]"}, "(input)", "Pattern is no glob"),
        ({"Key": "a", "MinObjects": 0}, "MinObjects", "greater than or equal to 1"),
        ({"Key": "a", "NewerThan": "hush"}, "NewerThan", "valid datetime"),
        ({"Key": "a", "NewerThan": "2026-01-31T04:05:06"}, "NewerThan", "timezone"),
        ({"Key": "a", "Colour": "hush"}, "Colour", "not permitted"),
    ],
)
def test_a_wrong_request_is_refused_by_field_and_never_by_value(waits, request_, field, problem):
    with pytest.raises(InvalidInputError) as caught:
        waits.validate({"Bucket": "data"} | request_)
    assert list(caught.value.problems) == [field]
    assert problem in caught.value.problems[field]
    assert "hush" not in str(caught.value)


def test_a_wait_has_nothing_to_start_find_or_stop(waits, s3):
    job = wait_for(Key="a")
    assert waits.start(job) == waits.find(job) == job.task_key
    waits.stop([job])
    assert waits.run_of_event({"source": "aws.s3"}) is None
    assert not s3.call.calls


# Which objects count


@pytest.mark.parametrize(
    ("request_", "matching", "others"),
    [
        ({"Key": "a/in.csv"}, ["a/in.csv"], ["a/in.csv.gz", "a/in", "b/a/in.csv"]),
        ({"Prefix": "a/"}, ["a/in.csv", "a/b/c"], ["b", "ba/in.csv"]),
        ({"Filename": "in.csv"}, ["in.csv", "a/in.csv", "a/b/in.csv"], ["a/min.csv", "in.csv/a"]),
        ({"Pattern": "*.csv"}, ["in.csv"], ["a/in.csv", "in.csv.gz"]),
        ({"Pattern": "a/*/in.csv"}, ["a/b/in.csv"], ["a/in.csv", "a/b/c/in.csv"]),
        ({"Pattern": "a/**/in.csv"}, ["a/in.csv", "a/b/in.csv", "a/b/c/in.csv"], ["a/bin.csv", "in.csv"]),
        ({"Pattern": "a/**"}, ["a/b", "a/b/c"], ["b/a", "a"]),
        ({"Pattern": "**/in.csv"}, ["in.csv", "a/b/in.csv"], ["min.csv"]),
        ({"Pattern": "day-?.csv"}, ["day-1.csv"], ["day-10.csv", "day-/.csv"]),
        ({"Pattern": "day-[0-2].csv"}, ["day-0.csv", "day-2.csv"], ["day-3.csv", "day--.csv"]),
        ({"Pattern": "day-[!0-2].csv"}, ["day-3.csv"], ["day-0.csv"]),
        ({"Pattern": "day-[+--].csv"}, ["day-+.csv", "day-,.csv", "day--.csv"], ["day-..csv"]),
        ({"Pattern": "x[a^]"}, ["xa", "x^"], ["xb"]),
        ({"Pattern": "a[b"}, ["a[b"], ["ab"]),
        ({"Pattern": "a.b+(c)"}, ["a.b+(c)"], ["axb+(c)", "a.bb(c)"]),
        ({"Pattern": "a\nb*"}, ["a\nb"], ["a"]),
    ],
)
def test_keys_match_by_key_prefix_filename_or_glob(request_, matching, others):
    request = WaitRequest(Bucket="data", **request_)
    assert [key for key in [*matching, *others] if request.matches(key)] == matching
    assert all(key.startswith(request.listing_prefix) for key in matching)


def test_a_listing_begins_where_matching_keys_can_begin():
    prefixes = {"sales/*.csv": "sales/", "a?b": "a", "a[bc]": "a", "**": "", "a/b.csv": "a/b.csv"}
    assert {glob: WaitRequest(Bucket="data", Pattern=glob).listing_prefix for glob in prefixes} == prefixes


def test_a_wait_goes_on_until_the_object_is_there(waits, bucket):
    assert status_of(waits, Key="sales/in.csv") == Running("WAITING")
    put(bucket, "sales/in.csv.part")
    assert status_of(waits, Key="sales/in.csv") == Running("WAITING")
    put(bucket, "sales/in.csv")
    assert keys_of(status_of(waits, Key="sales/in.csv")) == ["sales/in.csv"]


def test_a_wait_for_several_objects_goes_on_until_all_are_there(waits, bucket):
    put(bucket, "sales/1", "sales/2")
    assert status_of(waits, Prefix="sales/", MinObjects=3) == Running("WAITING")
    put(bucket, "sales/3")
    assert keys_of(status_of(waits, Prefix="sales/", MinObjects=3)) == ["sales/1", "sales/2", "sales/3"]


def test_the_marker_of_a_folder_does_not_count(waits, bucket):
    put(bucket, "sales/", body=b"")
    assert status_of(waits, Prefix="sales/") == Running("WAITING")


def test_an_empty_object_counts_if_it_is_no_folder_s_marker(waits, bucket):
    put(bucket, "sales/_SUCCESS", body=b"")
    assert isinstance(status_of(waits, Prefix="sales/"), Succeeded)


@pytest.mark.parametrize(
    ("newer_than", "counts"),
    [
        ("2026-01-31T04:05:06Z", True),
        ("2026-01-31T04:05:06.999Z", True),  # S3 keeps no fractions of a second
        ("2026-01-31T05:05:06+01:00", True),
        ("2026-01-31T04:05:07Z", False),
        (None, True),
    ],
)
def test_an_object_counts_if_it_is_new_enough_to_the_second(newer_than, counts):
    request = WaitRequest(Bucket="data", Key="a", NewerThan=newer_than)
    assert request.counts({"Key": "a", "Size": 1, "LastModified": Clock().now}) is counts


def test_an_object_that_was_there_before_is_too_old_until_it_is_written_again(waits, bucket):
    put(bucket, "a")
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    assert status_of(waits, Key="a", NewerThan=later) == Running("WAITING")
    assert isinstance(status_of(waits, Key="a"), Succeeded)


# What is reported


def test_the_output_tells_bucket_keys_sizes_etags_versions_and_times(waits, bucket):
    bucket.put_bucket_versioning(Bucket="data", VersioningConfiguration={"Status": "Enabled"})
    put(bucket, "sales/in.csv", body=b"old")
    put(bucket, "sales/in.csv", body=b"a,b\n")
    head = bucket.head_object(Bucket="data", Key="sales/in.csv")
    assert status_of(waits, Key="sales/in.csv").output == {
        "Bucket": "data",
        "ObjectCount": 1,
        "Objects": [
            {
                "Key": "sales/in.csv",
                "Size": 4,
                "ETag": head["ETag"].strip('"'),
                "VersionId": head["VersionId"],
                "LastModified": head["LastModified"].isoformat(),
            }
        ],
    }


def test_an_object_of_a_bucket_without_versions_has_none(waits, bucket):
    put(bucket, "a")
    assert status_of(waits, Key="a").output["Objects"][0]["VersionId"] is None


def test_an_object_that_was_overwritten_since_the_listing_has_no_version(waits, bucket, s3):
    put(bucket, "a")
    s3.call.before("head_object", client_error("PreconditionFailed", status=412))
    assert status_of(waits, Key="a").output["Objects"][0]["VersionId"] is None


def test_a_file_s_activity_gets_what_it_has_always_got(waits, bucket):
    put(bucket, "sales/in.csv")
    output = status_of(waits, Filename="in.csv", FileActivityArn=ARN).output
    assert (output["S3BucketName"], output["S3Key"], output["SFNActivityArn"]) == ("data", "sales/in.csv", ARN)


def test_other_waits_do_not_get_it(waits, bucket):
    put(bucket, "in.csv")
    assert "S3Key" not in status_of(waits, Key="in.csv").output


def test_an_output_tells_of_the_first_hundred_objects_and_how_many_there_are(waits, bucket):
    put(bucket, *(f"sales/{number:03}" for number in range(101)))
    output = status_of(waits, Prefix="sales/").output
    assert output["ObjectCount"] == 101
    assert len(output["Objects"]) == 100
    json.dumps(output)


# Listings


def test_waits_with_the_same_prefix_share_one_listing(waits, bucket, s3):
    put(bucket, "sales/1.csv", "sales/2.txt")
    jobs = [
        wait_for(0, Prefix="sales/"),
        wait_for(1, Pattern="sales/*.csv"),
        wait_for(2, Pattern="sales/[ab]*"),
        wait_for(3, Prefix="sales/", MinObjects=3),
        wait_for(4, Prefix="marketing/"),
    ]
    statuses = waits.describe(jobs)
    assert s3.call.calls["list_objects_v2"] == 2
    found = [statuses[job.task_key] for job in jobs]
    assert [keys_of(status) if isinstance(status, Succeeded) else status.state for status in found] == [
        ["sales/1.csv", "sales/2.txt"],
        ["sales/1.csv"],
        "WAITING",
        "WAITING",
        "WAITING",
    ]


class Pages:
    """S3 with listings of several pages."""

    def __init__(self, pages):
        self.pages = pages
        self.call = Faults()

    def list_objects_v2(self, Bucket, Prefix, ContinuationToken="0"):
        def effect():
            number = int(ContinuationToken)
            found = {"Key": f"{number}", "Size": 1, "ETag": '"e"', "LastModified": Clock().now}
            more = {"NextContinuationToken": str(number + 1)} if number + 1 < self.pages else {}
            return {"Contents": [found], "IsTruncated": bool(more)} | more

        return self.call("list_objects_v2", effect)

    def head_object(self, Bucket, Key, IfMatch):
        return {}


def test_a_listing_is_read_over_its_pages():
    assert keys_of(status_of(DataArrivals(Pages(3)), Pattern="*", MinObjects=3)) == ["0", "1", "2"]


def test_a_listing_is_bounded_and_says_so(monkeypatch, caplog):
    monkeypatch.setattr(data_arrivals, "MAX_PAGES", 2)
    pages = Pages(3)
    assert status_of(DataArrivals(pages), Pattern="*", MinObjects=3) == Running("WAITING")
    assert pages.call.calls["list_objects_v2"] == 2
    assert "give a longer prefix" in caplog.text


def test_a_listing_that_was_throttled_for_a_moment_is_repeated(waits, bucket, s3):
    put(bucket, "a")
    s3.call.before("list_objects_v2", client_error("SlowDown", status=503), times=2)
    assert isinstance(status_of(waits, Key="a"), Succeeded)


def test_a_bucket_that_does_not_exist_fails_the_wait(waits):
    status = status_of(waits, bucket="elsewhere", Key="a")
    assert status.error == FAILED == "DataArrivalFailedError"
    assert status.cause["Bucket"] == "elsewhere"
    assert status.cause["ErrorMessage"].startswith("NoSuchBucket: ")


@pytest.mark.parametrize("code", ["AccessDenied", "InvalidBucketName"])
def test_a_bucket_that_cannot_be_listed_fails_the_wait(waits, s3, code):
    s3.call.before("list_objects_v2", client_error(code, "no"))
    assert status_of(waits, Key="a") == Failed(FAILED, {"Bucket": "data", "ErrorMessage": f"{code}: no"})


@pytest.mark.parametrize(
    "error",
    [
        client_error("SlowDown", status=503),
        client_error("InternalError", status=500),
        ReadTimeoutError(endpoint_url="https://s3"),
        EndpointConnectionError(endpoint_url="https://s3"),
    ],
)
def test_from_a_listing_that_fails_nothing_is_concluded_and_other_waits_are_not_held_up(waits, bucket, s3, error):
    put(bucket, "marketing/a")
    s3.call.before("list_objects_v2", error, times=5)
    jobs = [wait_for(0, Prefix="sales/"), wait_for(1, Prefix="marketing/")]
    statuses = waits.describe(jobs)
    assert list(statuses) == [jobs[1].task_key]
    assert isinstance(statuses[jobs[1].task_key], Succeeded)


# Events


def arrival(key, bucket="data"):
    return Arrival(bucket, key, 1, "e", None, "0", Clock().now)


def test_an_arrival_concerns_the_waits_that_match_it(waits):
    jobs = [
        wait_for(0, Key="sales/in.csv"),
        wait_for(1, Prefix="sales/"),
        wait_for(2, Prefix="marketing/"),
        wait_for(3, bucket="other", Key="sales/in.csv"),
        wait_for(4, Filename="in.csv"),
    ]
    concerned = waits.concerned(jobs, [arrival("sales/in.csv"), arrival("x")])
    assert [job.task_key for job in concerned] == [jobs[place].task_key for place in (0, 1, 4)]
    assert waits.concerned(jobs, [arrival("x")]) == []


def test_a_wait_for_a_file_name_looks_only_at_the_object_that_came(waits, bucket):
    for number in range(3):
        bucket.put_object(Bucket="data", Key=f"{number}/in.csv", Body=b"x")
    job = wait_for(0, Filename="in.csv")
    (narrowed,) = waits.concerned([job], [arrival("2/in.csv")])
    output = waits.describe([narrowed])[job.task_key].output
    assert [found["Key"] for found in output["Objects"]] == ["2/in.csv"]


def test_a_wait_for_several_files_of_a_name_still_looks_at_all(waits):
    job = wait_for(0, Filename="in.csv", MinObjects=2)
    assert waits.concerned([job], [arrival("2/in.csv")]) == [job]


def test_a_wait_for_one_key_lists_that_key_alone(bucket):
    counting = CountingClient(bucket)
    for name in ("in.csv", "in.csv.old", "in.csv/part"):
        bucket.put_object(Bucket="data", Key=name, Body=b"x")
    job = wait_for(0, Key="in.csv")
    output = DataArrivals(counting).describe([job])[job.task_key].output
    assert [found["Key"] for found in output["Objects"]] == ["in.csv"]
    assert counting.call.calls["list_objects_v2"] == 1


def test_a_wait_whose_record_no_longer_fits_fails_and_keeps_no_other_from_its_end(waits, bucket):
    bucket.put_object(Bucket="data", Key="in.csv", Body=b"x")
    unfit, fit = wait_for(0, Colour="red", Key="in.csv"), wait_for(1, Key="in.csv")
    statuses = waits.describe([unfit, fit])
    assert "Colour" in statuses[unfit.task_key].cause["Problems"]
    assert isinstance(statuses[fit.task_key], Succeeded)
    assert waits.concerned([unfit], [arrival("in.csv")]) == []


def test_a_pattern_that_would_take_too_long_to_match_is_refused(waits):
    with pytest.raises(InvalidInputError, match=r"more than 4 of \*\*"):
        waits.validate({"Bucket": "data", "Pattern": "**/" * 5 + "x"})


def test_what_a_pattern_excludes_does_not_let_it_leave_its_part_of_the_path():
    pattern = WaitRequest(Bucket="data", Pattern="a[!x]b")
    assert pattern.matches("a-b")
    assert not pattern.matches("axb")
    assert not pattern.matches("a/b")
