from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.functions import log_lines
from tests.integration.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

    from runners.local.server import EmbeddedAWS

ACCOUNT = "123456789012"
REF, GET = "Ref", "Fn::GetAtt"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
ALLOW = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
ROLE = {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "role", "AssumeRolePolicyDocument": TRUST}}
ECHO = "import json\ndef handler(event, context):\n    print(json.dumps(event))\n    return event\n"


def function(**properties: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "FunctionName": "echo",
            "Runtime": "python3.13",
            "Handler": "index.handler",
            "Role": {GET: ["Role", "Arn"]},
            "Code": {"ZipFile": ECHO},
            **properties,
        },
    }


class Stacks:
    """What a test does with one stack."""

    def __init__(self, aws: EmbeddedAWS) -> None:
        self.aws = aws
        self.client = aws.client("cloudformation")

    def create(self, name: str = "stack", /, *, outputs: Any = None, parameters: Any = None, **resources: Any) -> Any:
        self.client.create_stack(StackName=name, **self._template(outputs, parameters, resources))
        return self.describe(name)

    def update(self, name: str = "stack", /, *, outputs: Any = None, parameters: Any = None, **resources: Any) -> Any:
        self.client.update_stack(StackName=name, **self._template(outputs, parameters, resources))
        return self.describe(name)

    @staticmethod
    def _template(outputs: Any, parameters: Any, resources: Any) -> dict[str, Any]:
        template = {
            "Parameters": {name: {"Type": "String", "Default": "default"} for name in parameters or {}},
            "Resources": resources,
            "Outputs": {name: {"Value": value} for name, value in (outputs or {}).items()},
        }
        given = [{"ParameterKey": name, "ParameterValue": value} for name, value in (parameters or {}).items() if value]
        return {"TemplateBody": json.dumps(template), "Parameters": given, "Capabilities": ["CAPABILITY_NAMED_IAM"]}

    def describe(self, name: str = "stack") -> Any:
        (stack,) = self.client.describe_stacks(StackName=name)["Stacks"]
        return stack

    def status(self, name: str = "stack") -> str:
        return str(self.describe(name)["StackStatus"])

    def outputs(self, name: str = "stack") -> dict[str, str]:
        return {output["OutputKey"]: output["OutputValue"] for output in self.describe(name).get("Outputs", [])}

    def events(self, name: str = "stack") -> list[tuple[str, str]]:
        events = self.client.describe_stack_events(StackName=name)["StackEvents"]
        return [(event["LogicalResourceId"], event["ResourceStatus"]) for event in reversed(events)]

    def reasons(self, name: str = "stack") -> str:
        events = self.client.describe_stack_events(StackName=name)["StackEvents"]
        return "\n".join(event.get("ResourceStatusReason", "") for event in events)

    def delete(self, name: str = "stack") -> None:
        self.client.delete_stack(StackName=name)


@pytest.fixture
def stacks(embedded_aws: EmbeddedAWS) -> Stacks:
    return Stacks(embedded_aws)


# Stacks


def test_a_stack_tells_by_events_what_becomes_of_each_resource(stacks: Stacks) -> None:
    stack = stacks.create(Topic={"Type": "AWS::SNS::Topic"})
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert stacks.events() == [
        ("stack", "CREATE_IN_PROGRESS"),
        ("Topic", "CREATE_IN_PROGRESS"),
        ("Topic", "CREATE_COMPLETE"),
        ("stack", "CREATE_COMPLETE"),
    ]
    (resource,) = stacks.client.describe_stack_resources(StackName="stack")["StackResources"]
    assert resource["PhysicalResourceId"].startswith("arn:aws:sns:")


def test_an_unknown_resource_type_is_refused_by_its_name(stacks: Stacks) -> None:
    with pytest.raises(ClientError, match="AWS::Unknown::Thing"):
        stacks.create(Thing={"Type": "AWS::Unknown::Thing"})
    stacks.create(Topic={"Type": "AWS::SNS::Topic"})
    with pytest.raises(ClientError, match="AWS::Unknown::Thing"):
        stacks.update(Thing={"Type": "AWS::Unknown::Thing"})
    assert [stack["StackName"] for stack in stacks.client.describe_stacks()["Stacks"]] == ["stack"]


def test_a_resource_that_cannot_be_made_rolls_the_stack_back_with_its_reason(stacks: Stacks) -> None:
    stack = stacks.create(
        Queue={"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "queue"}},
        Rule={
            "Type": "AWS::Events::Rule",
            "Properties": {"ScheduleExpression": "sometimes", "RoleArn": {GET: ["Queue", "Arn"]}},
        },
        outputs={"Rule": {GET: ["Rule", "Arn"]}},
    )
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "Outputs" not in stack
    assert stacks.events()[-6:] == [
        ("Rule", "CREATE_IN_PROGRESS"),
        ("Rule", "CREATE_FAILED"),
        ("stack", "ROLLBACK_IN_PROGRESS"),
        ("Queue", "DELETE_IN_PROGRESS"),
        ("Queue", "DELETE_COMPLETE"),
        ("stack", "ROLLBACK_COMPLETE"),
    ]
    assert "Parameter ScheduleExpression is not valid" in stacks.reasons()
    assert "failed to create: [Rule]" in stacks.reasons()
    assert stacks.aws.client("sqs").list_queues().get("QueueUrls") is None
    assert stacks.client.describe_stack_resources(StackName="stack")["StackResources"] == []
    stacks.delete()
    assert stacks.client.describe_stacks()["Stacks"] == []


def test_a_property_that_no_call_takes_fails_the_resource(stacks: Stacks) -> None:
    stacks.create(Activity={"Type": "AWS::StepFunctions::Activity", "Properties": {"Nam": "x"}})
    assert stacks.status() == "ROLLBACK_COMPLETE"
    assert "nam" in stacks.reasons()


def test_an_update_changes_what_changed_and_nothing_else(stacks: Stacks) -> None:
    activity = {"Type": "AWS::StepFunctions::Activity", "Properties": {"Name": "activity"}}
    logs = {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "group", "RetentionInDays": 7}}
    stacks.create(Activity=activity, Logs=logs, Old={"Type": "AWS::SNS::Topic"})
    logs["Properties"] = {"LogGroupName": "group", "RetentionInDays": "14"}
    stacks.update(Activity=activity, Logs=logs, New={"Type": "AWS::SNS::Topic"})
    assert stacks.status() == "UPDATE_COMPLETE"
    assert stacks.events()[-8:] == [
        ("stack", "UPDATE_IN_PROGRESS"),
        ("Logs", "UPDATE_IN_PROGRESS"),
        ("Logs", "UPDATE_COMPLETE"),
        ("New", "CREATE_IN_PROGRESS"),
        ("New", "CREATE_COMPLETE"),
        ("Old", "DELETE_IN_PROGRESS"),
        ("Old", "DELETE_COMPLETE"),
        ("stack", "UPDATE_COMPLETE"),
    ]
    (group,) = stacks.aws.client("logs").describe_log_groups()["logGroups"]
    assert group["retentionInDays"] == 14


def test_an_update_without_a_change_is_refused(stacks: Stacks) -> None:
    stacks.create(Topic={"Type": "AWS::SNS::Topic"}, parameters={"Value": None})
    for parameters in ({"Value": None}, {"Value": "default"}):
        with pytest.raises(ClientError, match="No updates are to be performed"):
            stacks.update(Topic={"Type": "AWS::SNS::Topic"}, parameters=parameters)
    assert stacks.status() == "CREATE_COMPLETE"


def test_a_changed_parameter_reaches_what_substitutes_it(stacks: Stacks) -> None:
    topic = {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Fn::Sub": "it is ${Value}"}}}
    topic["Properties"]["TopicName"] = "topic"  # type: ignore[index]
    stacks.create(Topic=topic, parameters={"Value": "old"}, outputs={"Value": {REF: "Value"}})
    stacks.update(Topic=topic, parameters={"Value": "new"}, outputs={"Value": {REF: "Value"}})
    arn = f"arn:aws:sns:us-east-1:{ACCOUNT}:topic"
    attributes = stacks.aws.client("sns").get_topic_attributes(TopicArn=arn)["Attributes"]
    assert attributes["DisplayName"] == "it is new"
    assert stacks.outputs() == {"Value": "new"}


def test_a_replaced_resource_is_a_new_one_for_those_that_refer_to_it(stacks: Stacks) -> None:
    def resources(name: str) -> dict[str, Any]:
        topic = {GET: ["Topic", "TopicArn"]}
        subscription = {"TopicArn": topic, "Protocol": "sqs", "Endpoint": f"arn:aws:sqs:us-east-1:{ACCOUNT}:q"}
        return {
            "Subscription": {"Type": "AWS::SNS::Subscription", "Properties": subscription},
            "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": name}},
        }

    stacks.create(**resources("old"))
    stacks.update(**resources("new"))
    assert stacks.status() == "UPDATE_COMPLETE"
    sns = stacks.aws.client("sns")
    assert [topic["TopicArn"].rpartition(":")[2] for topic in sns.list_topics()["Topics"]] == ["new"]
    (subscription,) = sns.list_subscriptions()["Subscriptions"]
    assert subscription["TopicArn"].endswith(":new")


def test_a_resource_with_a_name_of_its_own_is_not_replaced_under_it(stacks: Stacks) -> None:
    def table(key: str) -> dict[str, Any]:
        return {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "TableName": "table",
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": key, "KeyType": "HASH"}],
            },
        }

    stacks.create(Table=table("a"))
    assert stacks.update(Table=table("b"))["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert "custom-named resource requires replacing" in stacks.reasons()
    described = stacks.aws.client("dynamodb").describe_table(TableName="table")["Table"]
    assert described["KeySchema"][0]["AttributeName"] == "a"


def test_a_failed_update_is_rolled_back_with_its_reason(stacks: Stacks) -> None:
    topic = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "topic", "DisplayName": "old"}}
    stacks.create(Topic=topic, Role=ROLE, Function=function())
    changed = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "topic", "DisplayName": "new"}}
    stack = stacks.update(Topic=changed, Role=ROLE, Function=function(Runtime="nodejs22.x"))
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert "Python runtimes only" in stacks.reasons()
    arn = f"arn:aws:sns:us-east-1:{ACCOUNT}:topic"
    attributes = stacks.aws.client("sns").get_topic_attributes(TopicArn=arn)["Attributes"]
    assert attributes["DisplayName"] == "old"
    configuration = stacks.aws.client("lambda").get_function_configuration(FunctionName="echo")
    assert configuration["Runtime"] == "python3.13"


def test_a_resource_that_changed_its_type_is_made_anew(stacks: Stacks) -> None:
    stacks.create(Thing={"Type": "AWS::SNS::Topic"})
    stacks.update(Thing={"Type": "AWS::SQS::Queue"})
    assert stacks.status() == "UPDATE_COMPLETE"
    assert stacks.aws.client("sns").list_topics()["Topics"] == []


def test_a_stack_that_cannot_be_removed_says_so_and_can_be_tried_again(stacks: Stacks) -> None:
    stacks.create(Bucket={"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "data"}})
    s3 = stacks.aws.client("s3")
    s3.put_object(Bucket="data", Key="key", Body=b"")
    stacks.delete()
    assert stacks.status() == "DELETE_FAILED"
    assert "failed to delete: [Bucket]" in stacks.reasons()
    s3.delete_object(Bucket="data", Key="key")
    stacks.delete()
    assert stacks.client.describe_stacks()["Stacks"] == []
    assert s3.list_buckets()["Buckets"] == []


def test_the_deletion_of_a_stack_that_is_not_there_does_nothing(stacks: Stacks) -> None:
    stacks.delete("unknown")
    assert stacks.client.describe_stacks()["Stacks"] == []


def test_a_retained_resource_outlives_its_stack(stacks: Stacks) -> None:
    bucket = {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain", "Properties": {"BucketName": "data"}}
    stacks.create(Bucket=bucket)
    stacks.delete()
    assert [bucket["Name"] for bucket in stacks.aws.client("s3").list_buckets()["Buckets"]] == ["data"]


def test_a_resource_whose_condition_is_false_is_not_made_until_it_is_true(stacks: Stacks) -> None:
    def template(wanted: str) -> str:
        return json.dumps(
            {
                "Conditions": {"Wanted": {"Fn::Equals": [wanted, "yes"]}},
                "Resources": {
                    "Always": {"Type": "AWS::SNS::Topic"},
                    "Sometimes": {"Type": "AWS::SQS::Queue", "Condition": "Wanted"},
                },
            }
        )

    stacks.client.create_stack(StackName="stack", TemplateBody=template("no"))
    sqs = stacks.aws.client("sqs")
    assert sqs.list_queues().get("QueueUrls") is None
    stacks.client.update_stack(StackName="stack", TemplateBody=template("yes"))
    assert len(sqs.list_queues()["QueueUrls"]) == 1
    stacks.client.update_stack(StackName="stack", TemplateBody=template("no"))
    assert sqs.list_queues().get("QueueUrls") is None


def test_an_export_is_imported_by_another_stack_and_is_one_stacks_alone(stacks: Stacks) -> None:
    exporting = {
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "topic"}}},
        "Outputs": {"Arn": {"Value": {REF: "Topic"}, "Export": {"Name": "exported"}}},
    }
    stacks.client.create_stack(StackName="exporting", TemplateBody=json.dumps(exporting))
    group = {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": {"Fn::ImportValue": "exported"}}}
    stacks.create("importing", Group=group, outputs={"Name": {REF: "Group"}})
    assert stacks.outputs("importing")["Name"].endswith(":topic")
    exporting["Resources"]["Topic"]["Properties"]["TopicName"] = "another"  # type: ignore[index]
    stacks.client.create_stack(StackName="again", TemplateBody=json.dumps(exporting))
    assert stacks.status("again") == "ROLLBACK_COMPLETE"
    stacks.delete("exporting")
    assert stacks.client.list_exports()["Exports"] == []


def test_change_sets_make_and_change_stacks_and_say_what_came_of_it(stacks: Stacks) -> None:
    def run(kind: str, name: str, **resources: Any) -> str:
        body = json.dumps({"Resources": resources})
        stacks.client.create_change_set(StackName="stack", ChangeSetName=name, ChangeSetType=kind, TemplateBody=body)
        stacks.client.execute_change_set(ChangeSetName=name, StackName="stack")
        return stacks.status()

    assert run("CREATE", "one", Topic={"Type": "AWS::SNS::Topic"}) == "CREATE_COMPLETE"
    assert run("UPDATE", "two", Queue={"Type": "AWS::SQS::Queue"}) == "UPDATE_COMPLETE"
    bad = {"Type": "AWS::Events::Rule", "Properties": {"ScheduleExpression": "sometimes"}}
    assert run("UPDATE", "three", Queue={"Type": "AWS::SQS::Queue"}, Bad=bad) == "UPDATE_ROLLBACK_COMPLETE"


def test_both_forms_of_sub_leave_two_dollars_as_they_are(stacks: Stacks) -> None:
    state = {"Type": "Pass", "Parameters": {"since.$": "$$.Execution.StartTime", "to": "${Where}"}, "End": True}
    text = json.dumps({"StartAt": "P", "States": {"P": state}})
    machine = {
        "Type": "AWS::StepFunctions::StateMachine",
        "Properties": {
            "StateMachineName": "machine",
            "RoleArn": {GET: ["Role", "Arn"]},
            "DefinitionString": {"Fn::Sub": [text, {"Where": "there"}]},
        },
    }
    stacks.create(Machine=machine, Role=ROLE)
    arn = f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:machine"
    definition = stacks.aws.client("stepfunctions").describe_state_machine(stateMachineArn=arn)["definition"]
    parameters = json.loads(definition)["States"]["P"]["Parameters"]
    assert parameters == {"since.$": "$$.Execution.StartTime", "to": "there"}


def test_no_value_is_none_in_a_list_as_well(stacks: Stacks) -> None:
    alarm = {
        "MetricName": "Errors",
        "Namespace": "AWS/Lambda",
        "Statistic": "Sum",
        "Period": "60",
        "EvaluationPeriods": 1,
        "Threshold": "0",
        "ComparisonOperator": "GreaterThanThreshold",
        "AlarmName": "alarm",
        "AlarmActions": [{REF: "AWS::NoValue"}, {REF: "Topic"}],
    }
    stacks.create(
        Alarm={"Type": "AWS::CloudWatch::Alarm", "Properties": alarm},
        Topic={"Type": "AWS::SNS::Topic"},
        outputs={"Arn": {GET: ["Alarm", "Arn"]}},
    )
    (found,) = stacks.aws.client("cloudwatch").describe_alarms()["MetricAlarms"]
    assert len(found["AlarmActions"]) == 1
    assert (found["Threshold"], found["Period"]) == (0.0, 60)
    assert stacks.outputs()["Arn"] == found["AlarmArn"]
    alarm["Threshold"] = 5
    stacks.update(Alarm={"Type": "AWS::CloudWatch::Alarm", "Properties": alarm}, Topic={"Type": "AWS::SNS::Topic"})
    (found,) = stacks.aws.client("cloudwatch").describe_alarms()["MetricAlarms"]
    assert found["Threshold"] == 5.0
    stacks.delete()
    assert stacks.aws.client("cloudwatch").describe_alarms()["MetricAlarms"] == []


def test_an_attribute_that_a_resource_does_not_have_is_refused(stacks: Stacks) -> None:
    with pytest.raises(ClientError, match="Nothing"):
        stacks.create(Topic={"Type": "AWS::SNS::Topic"}, outputs={"No": {GET: ["Topic", "Nothing"]}})
    group = {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": {GET: ["Topic", "Nothing"]}}}
    stacks.create("other", Topic={"Type": "AWS::SNS::Topic"}, Group=group)
    assert stacks.status("other") == "ROLLBACK_COMPLETE"


# Step Functions


def test_activities_are_made_tagged_and_removed(stacks: Stacks) -> None:
    def activity(value: str) -> dict[str, Any]:
        tags = [{"Key": "k", "Value": value}]
        return {"Type": "AWS::StepFunctions::Activity", "Properties": {"Name": "activity", "Tags": tags}}

    outputs = {"Ref": {REF: "A"}, "Arn": {GET: ["A", "Arn"]}, "Name": {GET: ["A", "Name"]}}
    stacks.create(A=activity("1"), outputs=outputs)
    arn = f"arn:aws:states:us-east-1:{ACCOUNT}:activity:activity"
    assert stacks.outputs() == {"Ref": arn, "Arn": arn, "Name": "activity"}
    stacks.update(A=activity("2"), outputs=outputs)
    sfn = stacks.aws.client("stepfunctions")
    assert sfn.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "k", "value": "2"}]
    stacks.delete()
    assert sfn.list_activities()["activities"] == []


def definition(answer: str, *, as_object: bool) -> dict[str, Any]:
    described = {"StartAt": "P", "States": {"P": {"Type": "Pass", "Result": answer, "End": True}}}
    return {"Definition": described} if as_object else {"DefinitionString": json.dumps(described)}


@pytest.mark.parametrize("as_object", [True, False])
def test_state_machines_of_stacks_run_and_change_in_place(stacks: Stacks, as_object: bool) -> None:
    def machine(answer: str) -> dict[str, Any]:
        return {
            "Type": "AWS::StepFunctions::StateMachine",
            "Properties": {
                "StateMachineName": "machine",
                "RoleArn": {GET: ["Role", "Arn"]},
                "DefinitionSubstitutions": {"Answer": answer},
                **definition("${Answer}", as_object=as_object),
                "LoggingConfiguration": {"Level": "OFF"},
                "TracingConfiguration": {"Enabled": "true"},
            },
        }

    outputs = {"Ref": {REF: "M"}, "Arn": {GET: ["M", "Arn"]}, "Name": {GET: ["M", "Name"]}}
    stacks.create(M=machine("one"), Role=ROLE, outputs=outputs)
    arn = f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:machine"
    assert stacks.outputs() == {"Ref": arn, "Arn": arn, "Name": "machine"}
    sfn = stacks.aws.client("stepfunctions")

    def answer() -> str:
        execution = sfn.start_execution(stateMachineArn=arn)["executionArn"]
        described = eventually(
            lambda: (found := sfn.describe_execution(executionArn=execution))["status"] != "RUNNING" and found
        )
        return str(json.loads(described["output"]))

    assert answer() == "one"
    stacks.update(M=machine("two"), Role=ROLE, outputs=outputs)
    assert answer() == "two"
    stacks.delete()
    assert sfn.list_state_machines()["stateMachines"] == []


def test_a_definition_may_lie_in_a_bucket(stacks: Stacks) -> None:
    s3 = stacks.aws.client("s3")
    s3.create_bucket(Bucket="code")
    s3.put_object(Bucket="code", Key="machine.json", Body=definition("x", as_object=False)["DefinitionString"])
    properties = {
        "RoleArn": {GET: ["Role", "Arn"]},
        "DefinitionS3Location": {"Bucket": "code", "Key": "machine.json"},
    }
    machine = {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}
    assert stacks.create(M=machine, Role=ROLE)["StackStatus"] == "CREATE_COMPLETE"


# Glue


def test_the_glue_catalog_and_jobs_are_made_changed_and_removed(stacks: Stacks) -> None:
    def resources(text: str) -> dict[str, Any]:
        columns = [{"Name": "a", "Type": "string", "Comment": text}]
        described = {"Name": "table", "TableType": "EXTERNAL_TABLE", "StorageDescriptor": {"Columns": columns}}
        job = {
            "Name": "job",
            "Role": {REF: "Role"},
            "GlueVersion": "5.0",
            "WorkerType": "G.1X",
            "NumberOfWorkers": "2",
            "Timeout": "60",
            "Description": text,
            "Command": {"Name": "glueetl", "ScriptLocation": "s3://code/script.py", "PythonVersion": "3"},
            "DefaultArguments": {"--text": text},
        }
        database = {"CatalogId": {REF: "AWS::AccountId"}, "DatabaseInput": {"Name": "db", "Description": text}}
        table = {"CatalogId": {REF: "AWS::AccountId"}, "DatabaseName": {REF: "Db"}, "TableInput": described}
        return {
            "Role": ROLE,
            "Db": {"Type": "AWS::Glue::Database", "Properties": database},
            "Table": {"Type": "AWS::Glue::Table", "Properties": table},
            "Job": {"Type": "AWS::Glue::Job", "Properties": job},
        }

    outputs = {name: {REF: name} for name in ("Db", "Table", "Job")}
    assert stacks.create(**resources("one"), outputs=outputs)["StackStatus"] == "CREATE_COMPLETE", stacks.reasons()
    assert stacks.outputs() == {"Db": "db", "Table": "table", "Job": "job"}
    glue = stacks.aws.client("glue")
    assert stacks.update(**resources("two"), outputs=outputs)["StackStatus"] == "UPDATE_COMPLETE"
    assert glue.get_database(Name="db")["Database"]["Description"] == "two"
    table = glue.get_table(DatabaseName="db", Name="table")["Table"]
    assert table["StorageDescriptor"]["Columns"][0]["Comment"] == "two"
    job = glue.get_job(JobName="job")["Job"]
    assert (job["Description"], job["DefaultArguments"], job["NumberOfWorkers"]) == ("two", {"--text": "two"}, 2)
    stacks.delete()
    assert glue.get_databases()["DatabaseList"] == []
    assert glue.get_jobs()["Jobs"] == []


def test_a_job_that_cannot_be_changed_stays_as_it_was(stacks: Stacks) -> None:
    command = {"Name": "glueetl", "ScriptLocation": "s3://code/script.py"}
    job = {"Type": "AWS::Glue::Job", "Properties": {"Name": "job", "Role": "role", "Command": command}}
    stacks.create(Job=job)
    broken = {"Type": "AWS::Glue::Job", "Properties": {**job["Properties"], "Unknown": "x"}}  # type: ignore[dict-item]
    assert stacks.update(Job=broken)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert stacks.aws.client("glue").get_job(JobName="job")["Job"]["Command"]["ScriptLocation"] == "s3://code/script.py"


# Lambda and events


def test_functions_are_made_with_all_that_they_name_and_change_in_place(stacks: Stacks) -> None:
    made = function(
        Architectures=["arm64"],
        Timeout="20",
        MemorySize=256,
        Description="a function",
        Environment={"Variables": {"NUMBER": 1, "TRUTH": True}},
        DeadLetterConfig={"TargetArn": {GET: ["Queue", "Arn"]}},
        LoggingConfig={"LogFormat": "JSON"},
        ReservedConcurrentExecutions="5",
        Tags=[{"Key": "k", "Value": "v"}],
    )
    invoke = {
        "Type": "AWS::Lambda::EventInvokeConfig",
        "Properties": {"FunctionName": {REF: "Function"}, "Qualifier": "$LATEST", "MaximumRetryAttempts": 0},
    }
    permission = {
        "Type": "AWS::Lambda::Permission",
        "Properties": {
            "FunctionName": {REF: "Function"},
            "Action": "lambda:InvokeFunction",
            "Principal": "s3.amazonaws.com",
            "SourceAccount": {REF: "AWS::AccountId"},
        },
    }
    queue = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "letters"}}
    rest: dict[str, Any] = {"Role": ROLE, "Queue": queue}
    stacks.create(
        Function=made, Invoke=invoke, Permission=permission, **rest, outputs={"Arn": {GET: ["Function", "Arn"]}}
    )
    assert stacks.status() == "CREATE_COMPLETE", stacks.reasons()
    client = stacks.aws.client("lambda")
    found = client.get_function(FunctionName="echo")
    configuration = found["Configuration"]
    assert stacks.outputs() == {"Arn": configuration["FunctionArn"]}
    assert (configuration["Timeout"], configuration["MemorySize"]) == (20, 256)
    assert configuration["Architectures"] == ["arm64"]
    assert configuration["Environment"]["Variables"] == {"NUMBER": "1", "TRUTH": "true"}
    assert configuration["DeadLetterConfig"] == {"TargetArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:letters"}
    assert configuration["LoggingConfig"]["LogFormat"] == "JSON"
    assert found["Tags"] == {"k": "v"}
    assert client.get_function_concurrency(FunctionName="echo")["ReservedConcurrentExecutions"] == 5
    assert client.get_function_event_invoke_config(FunctionName="echo")["MaximumRetryAttempts"] == 0
    (statement,) = json.loads(client.get_policy(FunctionName="echo")["Policy"])["Statement"]
    assert statement["Principal"] == {"Service": "s3.amazonaws.com"}
    answer = client.invoke(FunctionName="echo", Payload=b'"hello"')
    assert json.loads(answer["Payload"].read()) == "hello"

    invoke["Properties"]["MaximumRetryAttempts"] = 1  # type: ignore[index]
    code = "def handler(event, context):\n    return 'changed'\n"
    stacks.update(Function=function(Code={"ZipFile": code}), Invoke=invoke, Role=ROLE)
    assert stacks.status() == "UPDATE_COMPLETE", stacks.reasons()
    answer = client.invoke(FunctionName="echo")
    assert json.loads(answer["Payload"].read()) == "changed"
    configuration = client.get_function_configuration(FunctionName="echo")
    assert (configuration["Timeout"], configuration["Description"]) == (3, "")
    assert "Environment" not in configuration
    assert "ReservedConcurrentExecutions" not in client.get_function_concurrency(FunctionName="echo")
    assert client.get_function_event_invoke_config(FunctionName="echo")["MaximumRetryAttempts"] == 1
    stacks.delete()
    assert client.list_functions()["Functions"] == []


def test_a_permission_changes_with_its_stack(stacks: Stacks) -> None:
    def permission(account: str) -> dict[str, Any]:
        return {
            "Type": "AWS::Lambda::Permission",
            "Properties": {
                "FunctionName": {REF: "Function"},
                "Action": "lambda:InvokeFunction",
                "Principal": "s3.amazonaws.com",
                "SourceAccount": account,
            },
        }

    stacks.create(Role=ROLE, Function=function(), Permission=permission("111111111111"))
    stacks.update(Role=ROLE, Function=function(), Permission=permission("222222222222"))
    policy = stacks.aws.client("lambda").get_policy(FunctionName="echo")["Policy"]
    assert "222222222222" in policy
    assert "111111111111" not in policy


def test_a_rule_of_a_stack_fires_changes_and_is_removed_with_its_targets(stacks: Stacks) -> None:
    def rule(**properties: Any) -> dict[str, Any]:
        target = {"Id": "function", "Arn": {GET: ["Function", "Arn"]}}
        return {"Type": "AWS::Events::Rule", "Properties": {"Name": "rule", "Targets": [target], **properties}}

    outputs = {"Arn": {GET: ["Rule", "Arn"]}, "Ref": {REF: "Rule"}}
    stacks.create(Role=ROLE, Function=function(), Rule=rule(ScheduleExpression="rate(1 hour)"), outputs=outputs)
    assert stacks.outputs() == {"Arn": f"arn:aws:events:us-east-1:{ACCOUNT}:rule/rule", "Ref": "rule"}
    logs = stacks.aws.client("logs")
    assert eventually(lambda: [line for line in log_lines(logs, "/aws/lambda/echo") if "Scheduled Event" in line])
    pattern = {"source": ["app"], "detail": {"n": [{"numeric": [">", 1]}]}}
    queue = {"Id": "queue", "Arn": {GET: ["Queue", "Arn"]}}
    stacks.update(
        Role=ROLE,
        Function=function(),
        Queue={"Type": "AWS::SQS::Queue"},
        Rule=rule(EventPattern=pattern, Targets=[queue]),
        outputs=outputs,
    )
    events = stacks.aws.client("events")
    described = events.describe_rule(Name="rule")
    assert json.loads(described["EventPattern"]) == pattern
    assert [target["Id"] for target in events.list_targets_by_rule(Rule="rule")["Targets"]] == ["queue"]
    stacks.delete()
    assert events.list_rules()["Rules"] == []


# Queues and topics


def test_queues_topics_and_their_policies_are_made_changed_and_removed(stacks: Stacks) -> None:
    def resources(text: str, seconds: Any) -> dict[str, Any]:
        policy = {
            "Version": "2012-10-17",
            "Statement": [{"Sid": text, "Effect": "Allow", "Principal": "*", "Action": "*"}],
        }
        subscription = {
            "TopicArn": {REF: "Topic"},
            "Protocol": "sqs",
            "Endpoint": {GET: ["Queue", "Arn"]},
            "FilterPolicy": {"kind": [text]},
        }
        queue = {"QueueName": "queue", "VisibilityTimeout": seconds, "Tags": [{"Key": "k", "Value": "v"}]}
        return {
            "Queue": {"Type": "AWS::SQS::Queue", "Properties": queue},
            "QueuePolicy": {
                "Type": "AWS::SQS::QueuePolicy",
                "Properties": {"Queues": [{REF: "Queue"}], "PolicyDocument": policy},
            },
            "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "topic", "DisplayName": text}},
            "TopicPolicy": {
                "Type": "AWS::SNS::TopicPolicy",
                "Properties": {"Topics": [{REF: "Topic"}], "PolicyDocument": policy},
            },
            "Subscription": {"Type": "AWS::SNS::Subscription", "Properties": subscription},
        }

    outputs = {
        "Url": {REF: "Queue"},
        "Arn": {GET: ["Queue", "Arn"]},
        "Name": {GET: ["Queue", "QueueName"]},
        "Topic": {GET: ["Topic", "TopicName"]},
        "Subscription": {REF: "Subscription"},
    }
    assert stacks.create(**resources("one", "30"), outputs=outputs)["StackStatus"] == "CREATE_COMPLETE", (
        stacks.reasons()
    )
    put_out = stacks.outputs()
    assert (put_out["Name"], put_out["Topic"]) == ("queue", "topic")
    stacks.update(**resources("two", 60), outputs=outputs)
    assert stacks.status() == "UPDATE_COMPLETE", stacks.reasons()
    sqs, sns = stacks.aws.client("sqs"), stacks.aws.client("sns")
    attributes = sqs.get_queue_attributes(QueueUrl=put_out["Url"], AttributeNames=["All"])["Attributes"]
    assert (attributes["VisibilityTimeout"], attributes["QueueArn"]) == ("60", put_out["Arn"])
    assert json.loads(attributes["Policy"])["Statement"][0]["Sid"] == "two"
    topic = sns.get_topic_attributes(TopicArn=f"arn:aws:sns:us-east-1:{ACCOUNT}:topic")["Attributes"]
    assert topic["DisplayName"] == "two"
    assert json.loads(topic["Policy"])["Statement"][0]["Sid"] == "two"
    subscription = sns.get_subscription_attributes(SubscriptionArn=put_out["Subscription"])["Attributes"]
    assert json.loads(subscription["FilterPolicy"]) == {"kind": ["two"]}
    stacks.delete()
    assert sqs.list_queues().get("QueueUrls") is None
    assert sns.list_topics()["Topics"] == []


def test_a_topic_may_name_its_subscriptions(stacks: Stacks) -> None:
    subscription = [{"Protocol": "sqs", "Endpoint": f"arn:aws:sqs:us-east-1:{ACCOUNT}:q"}]
    stacks.create(Topic={"Type": "AWS::SNS::Topic", "Properties": {"Subscription": subscription}})
    (found,) = stacks.aws.client("sns").list_subscriptions()["Subscriptions"]
    assert found["Protocol"] == "sqs"


def test_a_queue_policy_is_taken_from_a_queue_that_it_names_no_more(stacks: Stacks) -> None:
    queues = {name: {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": name}} for name in ("One", "Two")}

    def policy(*names: str) -> dict[str, Any]:
        properties = {"Queues": [{REF: name} for name in names], "PolicyDocument": ALLOW}
        return {"Type": "AWS::SQS::QueuePolicy", "Properties": properties}

    stacks.create(**queues, Policy=policy("One", "Two"))
    stacks.update(**queues, Policy=policy("Two"))
    sqs = stacks.aws.client("sqs")

    def policies() -> list[bool]:
        urls = [sqs.get_queue_url(QueueName=name)["QueueUrl"] for name in ("One", "Two")]
        answers = [sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"]) for url in urls]
        return [bool(answer.get("Attributes", {}).get("Policy")) for answer in answers]

    assert policies() == [False, True]
    stacks.update(**queues)
    assert policies() == [False, False]


# IAM


def test_a_role_has_its_policies_and_changes_them(stacks: Stacks) -> None:
    def role(name: str, **more: Any) -> dict[str, Any]:
        policies = [{"PolicyName": name, "PolicyDocument": ALLOW}]
        return {"Type": "AWS::IAM::Role", "Properties": {**ROLE["Properties"], "Policies": policies, **more}}  # type: ignore[dict-item]

    managed = {
        "Type": "AWS::IAM::ManagedPolicy",
        "Properties": {"ManagedPolicyName": "managed", "PolicyDocument": ALLOW},
    }
    arn = {REF: "Managed"}
    outputs = {"Arn": {GET: ["Role", "Arn"]}}
    stacks.create(Role=role("one", ManagedPolicyArns=[arn]), Managed=managed, outputs=outputs)
    assert stacks.status() == "CREATE_COMPLETE", stacks.reasons()
    iam = stacks.aws.client("iam")
    assert stacks.outputs() == {"Arn": f"arn:aws:iam::{ACCOUNT}:role/role"}
    assert iam.list_role_policies(RoleName="role")["PolicyNames"] == ["one"]
    assert len(iam.list_attached_role_policies(RoleName="role")["AttachedPolicies"]) == 1
    stacks.update(Role=role("two", Description="changed"), Managed=managed, outputs=outputs)
    assert stacks.status() == "UPDATE_COMPLETE", stacks.reasons()
    assert iam.list_role_policies(RoleName="role")["PolicyNames"] == ["two"]
    assert iam.list_attached_role_policies(RoleName="role")["AttachedPolicies"] == []
    assert iam.get_role(RoleName="role")["Role"]["Description"] == "changed"
    stacks.delete()
    assert iam.list_roles()["Roles"] == []


def test_a_role_whose_policy_is_refused_is_not_left_behind(stacks: Stacks) -> None:
    properties = {**ROLE["Properties"], "ManagedPolicyArns": ["arn:aws:iam::aws:policy/Unknown"]}  # type: ignore[dict-item]
    stacks.create(Role={"Type": "AWS::IAM::Role", "Properties": properties})
    assert stacks.status() == "ROLLBACK_COMPLETE"
    assert stacks.aws.client("iam").list_roles()["Roles"] == []


def managed_policy(action: str, **properties: Any) -> dict[str, Any]:
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}
    return {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": document, **properties}}


def test_a_managed_policy_is_changed_in_place_as_often_as_one_likes(stacks: Stacks) -> None:
    outputs = {"Arn": {GET: ["Managed", "PolicyArn"]}, "Id": {REF: "Managed"}}
    roles = {"Roles": [{REF: "Role"}]}
    stacks.create(Role=ROLE, Managed=managed_policy("s3:GetObject"), outputs=outputs)
    arn = stacks.outputs()["Arn"]
    assert stacks.outputs()["Id"] == arn
    iam = stacks.aws.client("iam")
    for number in range(6):  # IAM keeps five versions at most
        stacks.update(Role=ROLE, Managed=managed_policy(f"s3:Get{number}", **roles), outputs=outputs)
        assert stacks.status() == "UPDATE_COMPLETE", stacks.reasons()
    assert stacks.outputs()["Arn"] == arn
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    assert document["Statement"][0]["Action"] == "s3:Get5"
    attached = iam.list_attached_role_policies(RoleName="role")["AttachedPolicies"]
    assert [policy["PolicyArn"] for policy in attached] == [arn]
    stacks.delete()
    assert iam.list_policies(Scope="Local")["Policies"] == []


def test_a_managed_policy_that_another_stacks_role_has_cannot_be_deleted(stacks: Stacks) -> None:
    stacks.create("policy", Managed=managed_policy("s3:GetObject"), outputs={"Arn": {REF: "Managed"}})
    properties = {**ROLE["Properties"], "ManagedPolicyArns": [stacks.outputs("policy")["Arn"]]}  # type: ignore[dict-item]
    stacks.create("role", Role={"Type": "AWS::IAM::Role", "Properties": properties})
    stacks.client.delete_stack(StackName="policy")
    assert stacks.status("policy") == "DELETE_FAILED"
    stacks.client.delete_stack(StackName="role")
    stacks.client.delete_stack(StackName="policy")
    assert stacks.aws.client("iam").list_policies(Scope="Local")["Policies"] == []


def test_a_managed_policy_that_cannot_be_attached_is_not_left_behind(stacks: Stacks) -> None:
    stacks.create(Managed=managed_policy("s3:GetObject", Users=["nobody"]))
    assert stacks.status() == "ROLLBACK_COMPLETE"
    assert stacks.aws.client("iam").list_policies(Scope="Local")["Policies"] == []


# Tables


def table(**properties: Any) -> dict[str, Any]:
    names = ("a", "b")
    index = {
        "IndexName": "by_b",
        "KeySchema": [{"AttributeName": "b", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"},
    }
    return {
        "Type": "AWS::DynamoDB::Table",
        "Properties": {
            "TableName": "table",
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in names],
            "KeySchema": [{"AttributeName": "a", "KeyType": "HASH"}],
            "GlobalSecondaryIndexes": [index],
            **properties,
        },
    }


def test_a_table_has_all_that_its_template_names(stacks: Stacks) -> None:
    stacks.create(
        Table=table(
            SSESpecification={"SSEEnabled": "true"},
            PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
            TimeToLiveSpecification={"AttributeName": "expires_at", "Enabled": True},
            StreamSpecification={"StreamViewType": "NEW_IMAGE"},
            DeletionProtectionEnabled=False,
            Tags=[{"Key": "k", "Value": "v"}],
        ),
        outputs={"Arn": {GET: ["Table", "Arn"]}, "Stream": {GET: ["Table", "StreamArn"]}},
    )
    assert stacks.status() == "CREATE_COMPLETE", stacks.reasons()
    dynamodb = stacks.aws.client("dynamodb")
    described = dynamodb.describe_table(TableName="table")["Table"]
    assert stacks.outputs() == {"Arn": described["TableArn"], "Stream": described["LatestStreamArn"]}
    assert described["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert [index["IndexName"] for index in described["GlobalSecondaryIndexes"]] == ["by_b"]
    assert described["SSEDescription"]["Status"] == "ENABLED"
    life = dynamodb.describe_time_to_live(TableName="table")["TimeToLiveDescription"]
    assert (life["AttributeName"], life["TimeToLiveStatus"]) == ("expires_at", "ENABLED")
    backups = dynamodb.describe_continuous_backups(TableName="table")["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"


def test_a_table_changes_in_place_what_it_can(stacks: Stacks) -> None:
    dynamodb = stacks.aws.client("dynamodb")
    on = {
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
        "TimeToLiveSpecification": {"AttributeName": "expires_at", "Enabled": True},
    }
    stacks.create(Table=table(**on))
    dynamodb.put_item(TableName="table", Item={"a": {"S": "kept"}})
    other = {
        "IndexName": "by_c",
        "KeySchema": [{"AttributeName": "c", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"},
    }
    attributes = [{"AttributeName": name, "AttributeType": "S"} for name in ("a", "c")]
    stacks.update(
        Table=table(GlobalSecondaryIndexes=[other], AttributeDefinitions=attributes, DeletionProtectionEnabled="false")
    )
    assert stacks.status() == "UPDATE_COMPLETE", stacks.reasons()
    described = dynamodb.describe_table(TableName="table")["Table"]
    assert [index["IndexName"] for index in described["GlobalSecondaryIndexes"]] == ["by_c"]
    life = dynamodb.describe_time_to_live(TableName="table")["TimeToLiveDescription"]
    assert life["TimeToLiveStatus"] == "DISABLED"
    backups = dynamodb.describe_continuous_backups(TableName="table")["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "DISABLED"
    assert dynamodb.scan(TableName="table")["Count"] == 1


def test_what_a_table_cannot_change_here_is_refused(stacks: Stacks) -> None:
    stacks.create(Table=table())
    stacks.update(Table=table(SSESpecification={"SSEEnabled": True}))
    assert stacks.status() == "UPDATE_ROLLBACK_COMPLETE"
    assert "cannot change SSESpecification of a table" in stacks.reasons()


# Buckets


def bucket(**properties: Any) -> dict[str, Any]:
    return {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "data", **properties}}


SETTINGS: dict[str, Any] = {
    "VersioningConfiguration": {"Status": "Enabled"},
    "PublicAccessBlockConfiguration": {
        "BlockPublicAcls": True,
        "BlockPublicPolicy": "true",
        "IgnorePublicAcls": True,
        "RestrictPublicBuckets": True,
    },
    "BucketEncryption": {
        "ServerSideEncryptionConfiguration": [
            {"BucketKeyEnabled": True, "ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}
        ]
    },
    "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
    "LifecycleConfiguration": {
        "Rules": [
            {
                "Id": "rule",
                "Status": "Enabled",
                "Prefix": "old/",
                "ExpirationInDays": "7",
                "NoncurrentVersionExpiration": {"NoncurrentDays": 30},
                "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
                "Transitions": [{"StorageClass": "GLACIER", "TransitionInDays": 3}],
            },
            {"Status": "Enabled", "ExpiredObjectDeleteMarker": True},
            {"Status": "Enabled", "Prefix": "x", "NoncurrentVersionExpirationInDays": 5},
        ]
    },
    "Tags": [{"Key": "k", "Value": "v"}],
}


def test_a_bucket_has_all_that_its_template_names(stacks: Stacks) -> None:
    outputs = {name: {GET: ["Bucket", name]} for name in ("Arn", "DomainName", "RegionalDomainName")}
    stacks.create(Bucket=bucket(**SETTINGS), outputs=outputs)
    assert stacks.status() == "CREATE_COMPLETE", stacks.reasons()
    assert stacks.outputs() == {
        "Arn": "arn:aws:s3:::data",
        "DomainName": "data.s3.amazonaws.com",
        "RegionalDomainName": "data.s3.us-east-1.amazonaws.com",
    }
    s3 = stacks.aws.client("s3")
    assert s3.get_bucket_versioning(Bucket="data")["Status"] == "Enabled"
    assert all(s3.get_public_access_block(Bucket="data")["PublicAccessBlockConfiguration"].values())
    (rule,) = s3.get_bucket_encryption(Bucket="data")["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    first, second, third = s3.get_bucket_lifecycle_configuration(Bucket="data")["Rules"]
    assert first["Expiration"]["Days"] == 7
    assert first["NoncurrentVersionExpiration"]["NoncurrentDays"] == 30
    assert first["Transitions"][0]["StorageClass"] == "GLACIER"
    assert second["Expiration"]["ExpiredObjectDeleteMarker"] is True
    assert third["NoncurrentVersionExpiration"]["NoncurrentDays"] == 5
    assert s3.get_bucket_tagging(Bucket="data")["TagSet"] == [{"Key": "k", "Value": "v"}]
    ownership = s3.get_bucket_ownership_controls(Bucket="data")["OwnershipControls"]
    assert ownership["Rules"][0]["ObjectOwnership"] == "BucketOwnerEnforced"


def test_settings_that_a_template_names_no_more_are_taken_from_the_bucket(stacks: Stacks) -> None:
    stacks.create(Bucket=bucket(**SETTINGS))
    stacks.update(Bucket=bucket())
    assert stacks.status() == "UPDATE_COMPLETE", stacks.reasons()
    s3 = stacks.aws.client("s3")
    assert s3.get_bucket_versioning(Bucket="data")["Status"] == "Suspended"
    reads: list[Callable[..., Any]] = [
        s3.get_bucket_lifecycle_configuration,
        s3.get_bucket_tagging,
        s3.get_public_access_block,
    ]
    for read in reads:
        with pytest.raises(ClientError):
            read(Bucket="data")


def test_a_bucket_tells_functions_queues_topics_and_eventbridge(stacks: Stacks) -> None:
    only = {"S3Key": {"Rules": [{"Name": "prefix", "Value": "in/"}]}}
    notifications = {
        "LambdaConfigurations": [
            {"Event": "s3:ObjectCreated:*", "Function": {GET: ["Function", "Arn"]}, "Filter": only}
        ],
        "QueueConfigurations": [{"Event": "s3:ObjectRemoved:*", "Queue": {GET: ["Queue", "Arn"]}}],
        "TopicConfigurations": [{"Event": "s3:ObjectRestore:Post", "Topic": {REF: "Topic"}}],
        "EventBridgeConfiguration": {"EventBridgeEnabled": "true"},
    }
    rest = {
        "Role": ROLE,
        "Function": function(),
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "queue"}},
        "Topic": {"Type": "AWS::SNS::Topic"},
        "Rule": {
            "Type": "AWS::Events::Rule",
            "Properties": {
                "EventPattern": {"source": ["aws.s3"]},
                "Targets": [{"Id": "1", "Arn": {GET: ["Queue", "Arn"]}}],
            },
        },
    }
    stacks.create(Bucket=bucket(NotificationConfiguration=notifications), **rest)
    assert stacks.status() == "CREATE_COMPLETE", stacks.reasons()
    s3 = stacks.aws.client("s3")
    configured = s3.get_bucket_notification_configuration(Bucket="data")
    kinds = ("LambdaFunctionConfigurations", "QueueConfigurations", "TopicConfigurations")
    assert all(len(configured[kind]) == 1 for kind in kinds)
    s3.put_object(Bucket="data", Key="out/file", Body=b"")
    s3.put_object(Bucket="data", Key="in/file", Body=b"")
    logs = stacks.aws.client("logs")
    (line,) = eventually(lambda: [line for line in log_lines(logs, "/aws/lambda/echo") if line.startswith("{")])
    assert json.loads(line)["Records"][0]["s3"]["object"]["key"] == "in%2Ffile"
    sqs = stacks.aws.client("sqs")
    url = sqs.get_queue_url(QueueName="queue")["QueueUrl"]
    messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    told = {
        json.loads(message["Body"])["detail"]["object"]["key"] for message in messages if "detail" in message["Body"]
    }
    assert told == {"out/file", "in/file"}


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        ({"WebsiteConfiguration": {}}, "does not know how to set WebsiteConfiguration"),
        ({"LifecycleConfiguration": {"Rules": [{"Status": "Enabled", "TagFilters": []}]}}, "does not know TagFilters"),
    ],
)
def test_a_setting_that_is_not_known_is_refused_and_no_bucket_stays(
    stacks: Stacks, properties: dict[str, Any], reason: str
) -> None:
    stacks.create(Bucket=bucket(**properties))
    assert stacks.status() == "ROLLBACK_COMPLETE"
    assert reason in stacks.reasons()
    assert stacks.aws.client("s3").list_buckets()["Buckets"] == []


def test_a_bucket_has_its_policy(stacks: Stacks) -> None:
    policy = {"Type": "AWS::S3::BucketPolicy", "Properties": {"Bucket": {REF: "Bucket"}, "PolicyDocument": ALLOW}}
    stacks.create(Bucket=bucket(), Policy=policy)
    s3 = stacks.aws.client("s3")
    assert json.loads(s3.get_bucket_policy(Bucket="data")["Policy"])["Statement"][0]["Action"] == "s3:*"
    narrower = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "s3:Get*", "Resource": "*"}]}
    policy["Properties"]["PolicyDocument"] = narrower  # type: ignore[index]
    stacks.update(Bucket=bucket(), Policy=policy)
    assert json.loads(s3.get_bucket_policy(Bucket="data")["Policy"])["Statement"][0]["Action"] == "s3:Get*"
    stacks.update(Bucket=bucket())
    with pytest.raises(ClientError):
        s3.get_bucket_policy(Bucket="data")
