import json

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from runners.local.s3.bucket_policies import BucketPolicies

ONLY_OVER_TLS = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Resource": ["arn:aws:s3:::data", "arn:aws:s3:::data/*"],
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}
NO_DELETES = {"Effect": "Deny", "Principal": "*", "Action": "s3:DeleteObject", "Resource": "arn:aws:s3:::data/*"}


@pytest.fixture
def s3():
    extension = BucketPolicies()
    with mock_aws():
        extension.start(None)
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="data")
        yield client
        extension.stop()


def put_policy(s3, *statements):
    s3.put_bucket_policy(Bucket="data", Policy=json.dumps({"Version": "2012-10-17", "Statement": list(statements)}))


def test_a_policy_that_asks_for_tls_bars_nobody_on_loopback(s3):
    put_policy(s3, ONLY_OVER_TLS)

    s3.put_object(Bucket="data", Key="a", Body=b"1")

    assert s3.get_object(Bucket="data", Key="a")["Body"].read() == b"1"


def test_what_a_policy_denies_for_other_reasons_stays_denied(s3):
    put_policy(s3, ONLY_OVER_TLS, NO_DELETES)
    s3.put_object(Bucket="data", Key="a", Body=b"1")

    with pytest.raises(ClientError, match=r"403|Forbidden|AccessDenied"):
        s3.delete_object(Bucket="data", Key="a")


def test_a_bucket_without_a_policy_is_open_to_its_owner(s3):
    s3.put_object(Bucket="data", Key="a", Body=b"1")


def test_a_policy_may_have_its_one_statement_without_a_list(s3):
    s3.put_bucket_policy(Bucket="data", Policy=json.dumps({"Version": "2012-10-17", "Statement": ONLY_OVER_TLS}))

    s3.put_object(Bucket="data", Key="a", Body=b"1")
