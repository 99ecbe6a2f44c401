from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from moto.cloudformation.exceptions import UnformattedGetAttTemplateException

from runners.local.cloudformation.api_resources import Api, ApiResource, as_text, fit, lower_camel, without
from runners.local.cloudformation.types import TYPES


@pytest.fixture(scope="module")
def client() -> Any:
    return boto3.client("dynamodb", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")


def shape(client: Any, operation: str) -> Any:
    return client.meta.service_model.operation_model(operation).input_shape


def test_values_become_what_the_service_expects(client: Any) -> None:
    given = {
        "TableName": 7,
        "DeletionProtectionEnabled": "true",
        "ProvisionedThroughput": {"ReadCapacityUnits": "5", "WriteCapacityUnits": 6},
        "Tags": [{"Key": "k", "Value": True}],
        "ResourcePolicy": {"Statement": []},
    }
    assert fit(shape(client, "CreateTable"), given) == {
        "TableName": "7",
        "DeletionProtectionEnabled": True,
        "ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 6},
        "Tags": [{"Key": "k", "Value": "true"}],
        "ResourcePolicy": '{"Statement": []}',
    }


def test_what_the_service_does_not_know_stays_for_it_to_refuse(client: Any) -> None:
    assert fit(shape(client, "CreateTable"), {"Unknown": {"a": "1"}}) == {"Unknown": {"a": "1"}}


@pytest.mark.parametrize(
    ("value", "text"), [(True, "true"), (3, "3"), (1.5, "1.5"), ("x", "x"), ({"a": 1}, '{"a": 1}'), (None, None)]
)
def test_text_is_made_as_cloudformation_makes_it(value: Any, text: Any) -> None:
    assert as_text(value) == text


def test_keys_are_lowered_at_every_depth() -> None:
    assert lower_camel({"AbcDef": [{"GhI": "JkL"}]}) == {"abcDef": [{"ghI": "JkL"}]}
    assert without({"a": 1, "b": 2}, "a") == {"b": 2}


@pytest.mark.parametrize(("code", "passes"), [("ResourceNotFoundException", True), ("AccessDeniedException", False)])
def test_what_is_gone_already_is_removed_and_nothing_else(client: Any, code: str, passes: bool) -> None:
    api = Api(lambda _service, _region: client, "us-east-1")
    with Stubber(client) as stubber:
        stubber.add_client_error("delete_table", code)
        if passes:
            api.remove("dynamodb", "DeleteTable", TableName="table")
        else:
            with pytest.raises(ClientError):
                api.remove("dynamodb", "DeleteTable", TableName="table")


def test_parameters_without_a_value_are_not_sent(client: Any) -> None:
    with Stubber(client) as stubber:
        stubber.add_response("delete_table", {}, {"TableName": "table"})
        Api(lambda _service, _region: client, "us-east-1").call("dynamodb", "DeleteTable", TableName="table", More=None)


def test_an_attribute_that_a_type_does_not_have_is_not_answered() -> None:
    resource = TYPES["AWS::SNS::Topic"](None, "1", "name", {}, {})  # type: ignore[arg-type]
    with pytest.raises(UnformattedGetAttTemplateException):
        resource.get_cfn_attribute("Nothing")
    assert not resource.has_cfn_attr("Nothing")
    assert resource.has_cfn_attr("TopicArn")


def test_every_type_says_how_it_is_made_changed_and_removed() -> None:
    for kind in TYPES.values():
        for name in ("make", "change", "remove"):
            assert getattr(kind, name) is not getattr(ApiResource, name), f"{kind.type_name} has no {name}"
        assert not kind.attribute_names or kind.attributes is not ApiResource.attributes
