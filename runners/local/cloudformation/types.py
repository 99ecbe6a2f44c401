"""The resource types of templates that are made by calls to the embedded AWS's own API.

One class a type, each only the translation of a template's properties to calls. The types of a service that has a
package of its own stand in that package's ``resource_types``, which is imported here. A type that is neither among
``TYPES`` nor moto's own (5.2.5) is refused by ``stacks``.
"""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING, Any, NamedTuple

from moto.glue.models import glue_backends

import runners.local.athena.resource_types  # its subclasses of ApiResource are among the TYPES
import runners.local.crawlers.resource_types
import runners.local.dms.resource_types  # noqa: F401 - the last of them
from runners.errors import LocalAWSError
from runners.local.cloudformation.api_resources import ApiResource, as_text, lower_camel, without

if TYPE_CHECKING:
    from collections.abc import Callable

    from runners.local.cloudformation.api_resources import Properties


class Activity(ApiResource):
    """A Step Functions activity."""

    type_name = "AWS::StepFunctions::Activity"
    name_property = "Name"
    immutable = frozenset({"EncryptionConfiguration"})
    attribute_names = ("Arn", "Name")

    def make(self) -> str:
        """Make the activity; its id is its ARN."""
        rest = lower_camel(without(self.properties, "Name"))
        return str(self.api.call("stepfunctions", "CreateActivity", name=self.name, **rest)["activityArn"])

    def change(self) -> None:
        """Change its tags, the only thing that can change."""
        tags = lower_camel(self.properties.get("Tags") or [])
        self.api.call("stepfunctions", "TagResource", resourceArn=self.physical_resource_id, tags=tags)

    def remove(self) -> None:
        """Remove the activity."""
        self.api.remove("stepfunctions", "DeleteActivity", activityArn=self.physical_resource_id)

    def attributes(self) -> Properties:
        """Answer its ARN and its name."""
        return {"Arn": self.physical_resource_id, "Name": self.physical_resource_id.rpartition(":")[2]}


class StateMachine(ApiResource):
    """A state machine, made where executions run: moto makes it in its backend that runs none."""

    type_name = "AWS::StepFunctions::StateMachine"
    name_property = "StateMachineName"
    immutable = frozenset({"StateMachineType"})
    attribute_names = ("Arn", "Name")
    _definition_properties = ("Definition", "DefinitionString", "DefinitionS3Location", "DefinitionSubstitutions")

    def make(self) -> str:
        """Make the state machine; its id is its ARN."""
        created = self.api.call(
            "stepfunctions",
            "CreateStateMachine",
            name=self.name,
            type=self.properties.get("StateMachineType"),
            tags=lower_camel(self.properties.get("Tags")),
            **self._changeable(),
        )
        return str(created["stateMachineArn"])

    def change(self) -> None:
        """Change what running executions do not see."""
        self.api.call(
            "stepfunctions", "UpdateStateMachine", stateMachineArn=self.physical_resource_id, **self._changeable()
        )

    def remove(self) -> None:
        """Remove the state machine, and stop its executions."""
        self.api.remove("stepfunctions", "DeleteStateMachine", stateMachineArn=self.physical_resource_id)

    def attributes(self) -> Properties:
        """Answer its ARN and its name."""
        return {"Arn": self.physical_resource_id, "Name": self.physical_resource_id.rpartition(":")[2]}

    def _changeable(self) -> Properties:
        rest = without(self.properties, "StateMachineName", "StateMachineType", "Tags", *self._definition_properties)
        return {"definition": self._definition(), **lower_camel(rest)}

    def _definition(self) -> str:
        properties = self.properties
        location = properties.get("DefinitionS3Location")
        if location:
            stored = self.api.call("s3", "GetObject", Bucket=location["Bucket"], Key=location["Key"])
            definition = stored["Body"].read().decode()
        else:
            definition = as_text(properties.get("DefinitionString") or properties.get("Definition") or "")
        for key, value in (properties.get("DefinitionSubstitutions") or {}).items():
            definition = definition.replace(f"${{{key}}}", str(as_text(value)))
        return str(definition)


class GlueDatabase(ApiResource):
    """A database of the Glue catalog."""

    type_name = "AWS::Glue::Database"
    immutable = frozenset({"CatalogId", "DatabaseName"})

    def make(self) -> str:
        """Make the database; its id is its self.name."""
        given = self.properties.get("DatabaseName") or self.properties["DatabaseInput"].get("Name") or self.name.lower()
        self.api.call("glue", "CreateDatabase", DatabaseInput={**self.properties["DatabaseInput"], "Name": given})
        return str(given)

    def change(self) -> None:
        """Change the database."""
        described = {**self.properties["DatabaseInput"], "Name": self.physical_resource_id}
        self.api.call("glue", "UpdateDatabase", Name=self.physical_resource_id, DatabaseInput=described)

    def remove(self) -> None:
        """Remove the database with its tables."""
        self.api.remove("glue", "DeleteDatabase", Name=self.physical_resource_id)


class GlueTable(ApiResource):
    """A table of the Glue catalog."""

    type_name = "AWS::Glue::Table"
    immutable = frozenset({"CatalogId", "DatabaseName"})

    def make(self) -> str:
        """Make the table; its id is its self.name."""
        given = self.properties["TableInput"].get("Name") or self.name.lower()
        described = {**self.properties["TableInput"], "Name": given}
        self.api.call("glue", "CreateTable", DatabaseName=self.properties["DatabaseName"], TableInput=described)
        return str(given)

    def change(self) -> None:
        """Change the table."""
        described = {**self.properties["TableInput"], "Name": self.physical_resource_id}
        self.api.call("glue", "UpdateTable", DatabaseName=self.properties["DatabaseName"], TableInput=described)

    def remove(self) -> None:
        """Remove the table."""
        self.api.remove(
            "glue", "DeleteTable", DatabaseName=self.properties["DatabaseName"], Name=self.physical_resource_id
        )


class GlueJob(ApiResource):
    """A Glue job."""

    type_name = "AWS::Glue::Job"
    name_property = "Name"

    def make(self) -> str:
        """Make the job; its id is its self.name."""
        self.api.call("glue", "CreateJob", **{**self.properties, "Name": self.name})
        return self.name

    def change(self) -> None:
        """Change the job; its runs stay. moto has no UpdateJob, so the job is made anew under its name."""
        jobs: dict[str, Any] = glue_backends[self.account][self.api.region].jobs
        before = jobs.pop(self.physical_resource_id)
        try:
            self.make()
        except BaseException:
            jobs[self.physical_resource_id] = before
            raise
        jobs[self.physical_resource_id].job_runs = before.job_runs

    def remove(self) -> None:
        """Remove the job."""
        self.api.remove("glue", "DeleteJob", JobName=self.physical_resource_id)


class Alarm(ApiResource):
    """A CloudWatch alarm; the embedded AWS keeps it, and evaluates none."""

    type_name = "AWS::CloudWatch::Alarm"
    name_property = "AlarmName"
    attribute_names = ("Arn",)

    def make(self) -> str:
        """Make the alarm; its id is its self.name."""
        self.api.call("cloudwatch", "PutMetricAlarm", **{**self.properties, "AlarmName": self.name})
        return self.name

    def change(self) -> None:
        """Change the alarm."""
        self.make()

    def remove(self) -> None:
        """Remove the alarm."""
        self.api.remove("cloudwatch", "DeleteAlarms", AlarmNames=[self.physical_resource_id])

    def attributes(self) -> Properties:
        """Answer its ARN."""
        return {"Arn": f"arn:aws:cloudwatch:{self.api.region}:{self.account}:alarm:{self.physical_resource_id}"}


class BucketPolicy(ApiResource):
    """The policy of a bucket."""

    type_name = "AWS::S3::BucketPolicy"
    immutable = frozenset({"Bucket"})

    def make(self) -> str:
        """Put the policy; its id is the bucket's self.name."""
        self.api.call(
            "s3", "PutBucketPolicy", Bucket=self.properties["Bucket"], Policy=self.properties["PolicyDocument"]
        )
        return str(self.properties["Bucket"])

    def change(self) -> None:
        """Put the new policy."""
        self.make()

    def remove(self) -> None:
        """Remove the policy."""
        self.api.remove("s3", "DeleteBucketPolicy", Bucket=self.physical_resource_id)


class QueuePolicy(ApiResource):
    """The policy of one or more queues."""

    type_name = "AWS::SQS::QueuePolicy"

    def make(self) -> str:
        """Put the policy on every queue."""
        self._put_on(self.properties["Queues"], self.properties["PolicyDocument"])
        return self.name

    def change(self) -> None:
        """Put the new policy, and take the old one from queues that are named no more."""
        self._put_on([url for url in self.previous["Queues"] if url not in self.properties["Queues"]], "")
        self.make()

    def remove(self) -> None:
        """Take the policy from every queue."""
        self._put_on(self.properties["Queues"], "")

    def _put_on(self, urls: list[str], policy: Any) -> None:
        put = self.api.remove if policy == "" else self.api.call
        for url in urls:
            put("sqs", "SetQueueAttributes", QueueUrl=url, Attributes={"Policy": policy})


class Queue(ApiResource):
    """A queue."""

    type_name = "AWS::SQS::Queue"
    name_property = "QueueName"
    immutable = frozenset({"FifoQueue"})
    attribute_names = ("Arn", "QueueName", "QueueUrl")

    def make(self) -> str:
        """Make the queue; its id is its URL."""
        tags = {tag["Key"]: tag["Value"] for tag in self.properties.get("Tags") or []}
        created = self.api.call(
            "sqs", "CreateQueue", QueueName=self.name, Attributes=self._settings(self.properties), tags=tags
        )
        return str(created["QueueUrl"])

    def change(self) -> None:
        """Change its settings."""
        settings = without(self._settings(self.properties), "FifoQueue")
        self.api.call("sqs", "SetQueueAttributes", QueueUrl=self.physical_resource_id, Attributes=settings)

    def remove(self) -> None:
        """Remove the queue with its messages."""
        self.api.remove("sqs", "DeleteQueue", QueueUrl=self.physical_resource_id)

    def attributes(self) -> Properties:
        """Answer its ARN, name and URL."""
        own_name = self.physical_resource_id.rpartition("/")[2]
        arn = f"arn:aws:sqs:{self.api.region}:{self.account}:{own_name}"
        return {"Arn": arn, "QueueName": own_name, "QueueUrl": self.physical_resource_id}

    @staticmethod
    def _settings(properties: Properties) -> Properties:
        return {key: as_text(value) for key, value in without(properties, "QueueName", "Tags").items()}


class Topic(ApiResource):
    """A topic."""

    type_name = "AWS::SNS::Topic"
    name_property = "TopicName"
    immutable = frozenset({"FifoTopic", "Subscription"})
    attribute_names = ("TopicArn", "TopicName")
    _not_settings = ("TopicName", "Tags", "Subscription")

    def make(self) -> str:
        """Make the topic; its id is its ARN."""
        settings = {key: as_text(value) for key, value in without(self.properties, *self._not_settings).items()}
        created = self.api.call(
            "sns", "CreateTopic", Name=self.name, Attributes=settings, Tags=self.properties.get("Tags")
        )
        arn = str(created["TopicArn"])
        for subscription in self.properties.get("Subscription") or []:
            self.api.call("sns", "Subscribe", TopicArn=arn, **subscription)
        return arn

    def change(self) -> None:
        """Change its settings."""
        for key, value in without(self.properties, *self._not_settings).items():
            if self.previous.get(key) != value:
                self.api.call(
                    "sns",
                    "SetTopicAttributes",
                    TopicArn=self.physical_resource_id,
                    AttributeName=key,
                    AttributeValue=value,
                )

    def remove(self) -> None:
        """Remove the topic with its subscriptions."""
        self.api.remove("sns", "DeleteTopic", TopicArn=self.physical_resource_id)

    def attributes(self) -> Properties:
        """Answer its ARN and its name."""
        arn = self.physical_resource_id
        return {"TopicArn": arn, "TopicName": arn.rpartition(":")[2]}


class Subscription(ApiResource):
    """A subscription of a topic."""

    type_name = "AWS::SNS::Subscription"
    immutable = frozenset({"TopicArn", "Protocol", "Endpoint"})
    _identity = ("TopicArn", "Protocol", "Endpoint", "Region")

    def make(self) -> str:
        """Subscribe; its id is its ARN."""
        settings = {key: as_text(value) for key, value in without(self.properties, *self._identity).items()}
        subscribed = self.api.call(
            "sns",
            "Subscribe",
            TopicArn=self.properties["TopicArn"],
            Protocol=self.properties["Protocol"],
            Endpoint=self.properties.get("Endpoint"),
            Attributes=settings,
            ReturnSubscriptionArn=True,
        )
        return str(subscribed["SubscriptionArn"])

    def change(self) -> None:
        """Change its settings."""
        for key, value in without(self.properties, *self._identity).items():
            self.api.call(
                "sns",
                "SetSubscriptionAttributes",
                SubscriptionArn=self.physical_resource_id,
                AttributeName=key,
                AttributeValue=value,
            )

    def remove(self) -> None:
        """End the subscription."""
        self.api.remove("sns", "Unsubscribe", SubscriptionArn=self.physical_resource_id)


class TopicPolicy(ApiResource):
    """The policy of one or more topics."""

    type_name = "AWS::SNS::TopicPolicy"

    def make(self) -> str:
        """Put the policy on every topic."""
        for arn in self.properties["Topics"]:
            self.api.call(
                "sns",
                "SetTopicAttributes",
                TopicArn=arn,
                AttributeName="Policy",
                AttributeValue=self.properties["PolicyDocument"],
            )
        return self.name

    def change(self) -> None:
        """Put the new policy."""
        self.make()

    def remove(self) -> None:
        """Leave the topics as they are: CloudFormation puts back a default that the embedded AWS does not enforce."""


class LogGroup(ApiResource):
    """A log group."""

    type_name = "AWS::Logs::LogGroup"
    name_property = "LogGroupName"
    immutable = frozenset({"LogGroupClass"})
    attribute_names = ("Arn",)

    def make(self) -> str:
        """Make the log group; its id is its self.name."""
        self.api.call(
            "logs",
            "CreateLogGroup",
            logGroupName=self.name,
            kmsKeyId=self.properties.get("KmsKeyId"),
            tags={tag["Key"]: tag["Value"] for tag in self.properties.get("Tags") or []},
            logGroupClass=self.properties.get("LogGroupClass"),
        )
        self._retain()
        return self.name

    def change(self) -> None:
        """Change how long it keeps what is logged."""
        self._retain()

    def _retain(self) -> None:
        days = self.properties.get("RetentionInDays")
        if days is not None:
            self.api.call("logs", "PutRetentionPolicy", logGroupName=self.name, retentionInDays=days)
        elif self.previous.get("RetentionInDays") is not None:
            self.api.call("logs", "DeleteRetentionPolicy", logGroupName=self.name)

    def remove(self) -> None:
        """Remove the log group with all that was logged."""
        self.api.remove("logs", "DeleteLogGroup", logGroupName=self.physical_resource_id)

    def attributes(self) -> Properties:
        """Answer its ARN."""
        return {"Arn": f"arn:aws:logs:{self.api.region}:{self.account}:log-group:{self.physical_resource_id}:*"}


class Function(ApiResource):
    """A Lambda function."""

    type_name = "AWS::Lambda::Function"
    name_property = "FunctionName"
    immutable = frozenset({"PackageType"})
    attribute_names = ("Arn",)
    _not_configuration = (
        "FunctionName",
        "Code",
        "Tags",
        "ReservedConcurrentExecutions",
        "PackageType",
        "Architectures",
    )

    def make(self) -> str:
        """Make the function; its id is its self.name."""
        tags = {tag["Key"]: tag["Value"] for tag in self.properties.get("Tags") or []}
        rest = without(self.properties, "Code", "Tags", "FunctionName", "ReservedConcurrentExecutions")
        code = self._code(self.properties["Code"])
        self.api.call("lambda", "CreateFunction", FunctionName=self.name, Code=code, Tags=tags, **rest)
        self._reserve()
        return self.name

    def change(self) -> None:
        """Change code and configuration."""
        if self.previous["Code"] != self.properties["Code"] or self.previous.get(
            "Architectures"
        ) != self.properties.get("Architectures"):
            architectures = self.properties.get("Architectures")
            code = self._code(self.properties["Code"])
            self.api.call(
                "lambda",
                "UpdateFunctionCode",
                FunctionName=self.physical_resource_id,
                Architectures=architectures,
                **code,
            )
        # What the template names no more goes back to Lambda's own value.
        gone: dict[str, Any] = {"Environment": {"Variables": {}}, "Timeout": 3, "MemorySize": 128, "Description": ""}
        reset = {name: value for name, value in gone.items() if name in self.previous and name not in self.properties}
        configuration = {**reset, **without(self.properties, *self._not_configuration)}
        self.api.call("lambda", "UpdateFunctionConfiguration", FunctionName=self.physical_resource_id, **configuration)
        self._reserve()

    def remove(self) -> None:
        """Remove the function."""
        self.api.remove("lambda", "DeleteFunction", FunctionName=self.physical_resource_id)

    def attributes(self) -> Properties:
        """Answer its ARN."""
        return {"Arn": f"arn:aws:lambda:{self.api.region}:{self.account}:function:{self.physical_resource_id}"}

    def _reserve(self) -> None:
        reserved = self.properties.get("ReservedConcurrentExecutions")
        if reserved is not None:
            self.api.call(
                "lambda", "PutFunctionConcurrency", FunctionName=self.name, ReservedConcurrentExecutions=reserved
            )
        elif self.previous.get("ReservedConcurrentExecutions") is not None:
            self.api.call("lambda", "DeleteFunctionConcurrency", FunctionName=self.name)

    @staticmethod
    def _code(code: Properties) -> Properties:
        if "ZipFile" not in code:
            return code
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as package:
            package.writestr("index.py", code["ZipFile"])
        return {"ZipFile": packed.getvalue()}


class Permission(ApiResource):
    """A statement in a Lambda function's policy."""

    type_name = "AWS::Lambda::Permission"
    immutable = frozenset({"FunctionName", "Action", "Principal", "SourceArn", "SourceAccount", "PrincipalOrgID"})

    def make(self) -> str:
        """Add the statement; its id is the statement's."""
        self.api.call("lambda", "AddPermission", StatementId=self.name, **self.properties)
        return self.name

    def change(self) -> None:
        """Put the statement anew."""
        self.remove()
        self.make()

    def remove(self) -> None:
        """Remove the statement."""
        function = self.properties["FunctionName"]
        self.api.remove("lambda", "RemovePermission", FunctionName=function, StatementId=self.physical_resource_id)


class EventInvokeConfig(ApiResource):
    """How a Lambda function's asynchronous invocations are tried again, and where they end."""

    type_name = "AWS::Lambda::EventInvokeConfig"
    immutable = frozenset({"FunctionName", "Qualifier"})

    def make(self) -> str:
        """Put the configuration."""
        self.api.call("lambda", "PutFunctionEventInvokeConfig", **self.properties)
        return self.name

    def change(self) -> None:
        """Put the new configuration."""
        self.make()

    def remove(self) -> None:
        """Go back to Lambda's defaults."""
        self.api.remove("lambda", "DeleteFunctionEventInvokeConfig", FunctionName=self.properties["FunctionName"])


class Rule(ApiResource):
    """An EventBridge rule with its targets."""

    type_name = "AWS::Events::Rule"
    name_property = "Name"
    immutable = frozenset({"EventBusName"})
    attribute_names = ("Arn",)

    def make(self) -> str:
        """Make the rule; its id is its self.name."""
        self.api.call("events", "PutRule", **{**without(self.properties, "Targets"), "Name": self.name})
        if self.properties.get("Targets"):
            bus = self.properties.get("EventBusName")
            self.api.call("events", "PutTargets", Rule=self.name, EventBusName=bus, Targets=self.properties["Targets"])
        return self.name

    def change(self) -> None:
        """Change the rule, and which targets it has."""
        self.make()
        kept = {target["Id"] for target in self.properties.get("Targets") or []}
        self._remove_targets(self.previous, kept)

    def remove(self) -> None:
        """Remove the rule with its targets."""
        self._remove_targets(self.properties, set())
        self.api.remove(
            "events", "DeleteRule", Name=self.physical_resource_id, EventBusName=self.properties.get("EventBusName")
        )

    def attributes(self) -> Properties:
        """Answer its ARN."""
        bus = self.properties.get("EventBusName", "default").rpartition("/")[2]
        path = self.physical_resource_id if bus == "default" else f"{bus}/{self.physical_resource_id}"
        return {"Arn": f"arn:aws:events:{self.api.region}:{self.account}:rule/{path}"}

    def _remove_targets(self, properties: Properties, kept: set[str]) -> None:
        ids = [target["Id"] for target in properties.get("Targets") or [] if target["Id"] not in kept]
        if ids:
            bus = properties.get("EventBusName")
            self.api.remove("events", "RemoveTargets", Rule=self.name, EventBusName=bus, Ids=ids)


class Role(ApiResource):
    """An IAM role with its policies; moto forgets them when a stack is updated."""

    type_name = "AWS::IAM::Role"
    name_property = "RoleName"
    immutable = frozenset({"Path"})
    attribute_names = ("Arn", "RoleId")

    def make(self) -> str:
        """Make the role; its id is its name."""
        rest = without(self.properties, "RoleName", "Policies", "ManagedPolicyArns")
        self.api.call("iam", "CreateRole", RoleName=self.name, **rest)
        try:
            self._put_policies()
        except BaseException:
            self.remove()
            raise
        return self.name

    def change(self) -> None:
        """Change who may assume the role, and what it may do."""
        role = self.properties
        trust = role["AssumeRolePolicyDocument"]
        self.api.call("iam", "UpdateAssumeRolePolicy", RoleName=self.name, PolicyDocument=trust)
        self.api.call(
            "iam",
            "UpdateRole",
            RoleName=self.name,
            Description=role.get("Description", ""),
            MaxSessionDuration=role.get("MaxSessionDuration", 3600),
        )
        self._remove_policies(self.previous)
        self._put_policies()

    def remove(self) -> None:
        """Remove the role with its policies."""
        self._remove_policies(self.properties)
        self.api.remove("iam", "DeleteRole", RoleName=self.name)

    def attributes(self) -> Properties:
        """Answer its ARN and its id."""
        role: Properties = self.api.call("iam", "GetRole", RoleName=self.name)["Role"]
        return role

    def _put_policies(self) -> None:
        for policy in self.properties.get("Policies") or []:
            self.api.call("iam", "PutRolePolicy", RoleName=self.name, **policy)
        for arn in self.properties.get("ManagedPolicyArns") or []:
            self.api.call("iam", "AttachRolePolicy", RoleName=self.name, PolicyArn=arn)

    def _remove_policies(self, properties: Properties) -> None:
        for policy in properties.get("Policies") or []:
            self.api.remove("iam", "DeleteRolePolicy", RoleName=self.name, PolicyName=policy["PolicyName"])
        for arn in properties.get("ManagedPolicyArns") or []:
            self.api.remove("iam", "DetachRolePolicy", RoleName=self.name, PolicyArn=arn)


class ManagedPolicy(ApiResource):
    """An IAM policy that roles of other stacks attach; moto cannot change one."""

    type_name = "AWS::IAM::ManagedPolicy"
    name_property = "ManagedPolicyName"
    immutable = frozenset({"Description", "Path"})
    attribute_names = ("PolicyArn",)

    def make(self) -> str:
        """Make the policy; its id is its ARN."""
        rest = without(self.properties, "ManagedPolicyName", *_ATTACHMENTS)
        policy = self.api.call("iam", "CreatePolicy", PolicyName=self.name, **rest)["Policy"]
        self.physical_resource_id = str(policy["Arn"])
        try:
            self._attach()
        except BaseException:
            self.remove()
            raise
        return self.physical_resource_id

    def change(self) -> None:
        """Give the policy a new version and drop the one before, as there may be five at most."""
        arn = self.physical_resource_id
        if self.properties["PolicyDocument"] != self.previous["PolicyDocument"]:
            before = self.api.call("iam", "GetPolicy", PolicyArn=arn)["Policy"]["DefaultVersionId"]
            document = self.properties["PolicyDocument"]
            self.api.call("iam", "CreatePolicyVersion", PolicyArn=arn, PolicyDocument=document, SetAsDefault=True)
            self.api.call("iam", "DeletePolicyVersion", PolicyArn=arn, VersionId=before)
        self._detach(self.previous)
        self._attach()

    def remove(self) -> None:
        """Remove the policy; not while a role of another stack has it."""
        self._detach(self.properties)
        arn = self.physical_resource_id
        others = self.api.call("iam", "ListEntitiesForPolicy", PolicyArn=arn)
        if others["PolicyRoles"] or others["PolicyUsers"] or others["PolicyGroups"]:  # moto would leave it to them
            raise LocalAWSError("Cannot delete a policy attached to entities.")
        self.api.remove("iam", "DeletePolicy", PolicyArn=arn)

    def attributes(self) -> Properties:
        """Answer its ARN."""
        return {"PolicyArn": self.physical_resource_id}

    def _attach(self) -> None:
        for kind, of in _ATTACHMENTS.items():
            for name in self.properties.get(kind) or []:
                self.api.call("iam", f"Attach{of}Policy", **{f"{of}Name": name}, PolicyArn=self.physical_resource_id)

    def _detach(self, properties: Properties) -> None:
        for kind, of in _ATTACHMENTS.items():
            for name in properties.get(kind) or []:
                self.api.remove("iam", f"Detach{of}Policy", **{f"{of}Name": name}, PolicyArn=self.physical_resource_id)


_ATTACHMENTS = {"Roles": "Role", "Users": "User", "Groups": "Group"}


class Table(ApiResource):
    """A DynamoDB table."""

    type_name = "AWS::DynamoDB::Table"
    name_property = "TableName"
    immutable = frozenset({"KeySchema", "LocalSecondaryIndexes"})
    attribute_names = ("Arn", "StreamArn")
    _apart = ("TimeToLiveSpecification", "PointInTimeRecoverySpecification")
    _settings = ("BillingMode", "ProvisionedThroughput", "DeletionProtectionEnabled")
    _changeable = frozenset({*_apart, *_settings, "GlobalSecondaryIndexes", "AttributeDefinitions"})

    def make(self) -> str:
        """Make the table; its id is its name."""
        rest = without(self.properties, *self._apart, "SSESpecification", "StreamSpecification")
        encryption = self.properties.get("SSESpecification")
        stream = self.properties.get("StreamSpecification")
        self.api.call(
            "dynamodb",
            "CreateTable",
            **{**rest, "TableName": self.name},
            SSESpecification=encryption and {**without(encryption, "SSEEnabled"), "Enabled": encryption["SSEEnabled"]},
            StreamSpecification=stream and {**stream, "StreamEnabled": True},
        )
        self._put_what_is_apart()
        return self.name

    def change(self) -> None:
        """Change what can be: billing, protection, time to live, recovery and indexes."""
        old, new = self.previous, self.properties
        changed = {key for key in {*old, *new} if old.get(key) != new.get(key)}
        fixed = changed - self._changeable
        if fixed:
            raise LocalAWSError(f"The embedded AWS cannot change {', '.join(sorted(fixed))} of a table")
        settings = {key: new.get(key) for key in self._settings if key in changed}
        if settings:
            self.api.call("dynamodb", "UpdateTable", TableName=self.name, **settings)
        self._change_indexes()
        self._put_what_is_apart()

    def remove(self) -> None:
        """Remove the table with its items."""
        self.api.remove("dynamodb", "DeleteTable", TableName=self.name)

    def attributes(self) -> Properties:
        """Answer its ARN and that of its stream."""
        table = self.api.call("dynamodb", "DescribeTable", TableName=self.name)["Table"]
        return {"Arn": table["TableArn"], "StreamArn": table.get("LatestStreamArn")}

    def _change_indexes(self) -> None:
        before = {index["IndexName"]: index for index in self.previous.get("GlobalSecondaryIndexes") or []}
        after = {index["IndexName"]: index for index in self.properties.get("GlobalSecondaryIndexes") or []}
        gone = [{"Delete": {"IndexName": name}} for name, index in before.items() if after.get(name) != index]
        made = [{"Create": index} for name, index in after.items() if before.get(name) != index]
        for step in [*gone, *made]:  # one at a time, as DynamoDB wants it
            self.api.call(
                "dynamodb",
                "UpdateTable",
                TableName=self.name,
                AttributeDefinitions=self.properties["AttributeDefinitions"],
                GlobalSecondaryIndexUpdates=[step],
            )

    def _put_what_is_apart(self) -> None:
        life = self.properties.get("TimeToLiveSpecification")
        if life != self.previous.get("TimeToLiveSpecification"):
            life = life or {**self.previous["TimeToLiveSpecification"], "Enabled": False}
            self.api.call("dynamodb", "UpdateTimeToLive", TableName=self.name, TimeToLiveSpecification=life)
        recovery = self.properties.get("PointInTimeRecoverySpecification")
        if recovery != self.previous.get("PointInTimeRecoverySpecification"):
            self.api.call(
                "dynamodb",
                "UpdateContinuousBackups",
                TableName=self.name,
                PointInTimeRecoverySpecification=recovery or {"PointInTimeRecoveryEnabled": False},
            )


class Bucket(ApiResource):
    """A bucket with its settings, each put by its own call."""

    type_name = "AWS::S3::Bucket"
    name_property = "BucketName"
    attribute_names = ("Arn", "DomainName", "RegionalDomainName")

    def make(self) -> str:
        """Make the bucket; its id is its name."""
        place = None if self.api.region == "us-east-1" else {"LocationConstraint": self.api.region}
        self._refuse_unknown_settings()
        self.api.call("s3", "CreateBucket", Bucket=self.name, CreateBucketConfiguration=place)
        try:
            self._put_settings()
        except BaseException:
            self.remove()
            raise
        return self.name

    def change(self) -> None:
        """Put every setting that changed; one that the template names no more is taken away."""
        self._refuse_unknown_settings()
        self._put_settings()

    def remove(self) -> None:
        """Remove the bucket, which must be empty."""
        self.api.remove("s3", "DeleteBucket", Bucket=self.name)

    def attributes(self) -> Properties:
        """Answer its ARN and its host names."""
        return {
            "Arn": f"arn:aws:s3:::{self.name}",
            "DomainName": f"{self.name}.s3.amazonaws.com",
            "RegionalDomainName": f"{self.name}.s3.{self.api.region}.amazonaws.com",
        }

    def _refuse_unknown_settings(self) -> None:
        unknown = set(self.properties) - {"BucketName", *_BUCKET_SETTINGS}
        if unknown:
            raise LocalAWSError(f"The embedded AWS does not know how to set {', '.join(sorted(unknown))} of a bucket")

    def _put_settings(self) -> None:
        for name, setting in _BUCKET_SETTINGS.items():
            value = self.properties.get(name)
            if value == self.previous.get(name):
                continue
            if value is not None:
                self.api.call("s3", setting.put, Bucket=self.name, **{setting.argument: setting.translate(value)})
            elif setting.delete:
                self.api.call("s3", setting.delete, Bucket=self.name)
            else:
                self.api.call("s3", setting.put, Bucket=self.name, **{setting.argument: setting.none})


def _as_it_is(value: Any) -> Any:
    return value


def _encryption(value: Properties) -> Properties:
    rules = [
        {
            "ApplyServerSideEncryptionByDefault": rule.get("ServerSideEncryptionByDefault"),
            "BucketKeyEnabled": rule.get("BucketKeyEnabled", False),
        }
        for rule in value["ServerSideEncryptionConfiguration"]
    ]
    return {"Rules": rules}


def _notifications(value: Properties) -> Properties:
    kinds = {
        "LambdaConfigurations": ("LambdaFunctionConfigurations", "Function", "LambdaFunctionArn"),
        "QueueConfigurations": ("QueueConfigurations", "Queue", "QueueArn"),
        "TopicConfigurations": ("TopicConfigurations", "Topic", "TopicArn"),
    }
    configured: Properties = {}
    for kind, (api_kind, target, api_target) in kinds.items():
        if value.get(kind):
            configured[api_kind] = [_notification(entry, target, api_target) for entry in value[kind]]
    bridge = value.get("EventBridgeConfiguration")
    if bridge is not None and as_text(bridge.get("EventBridgeEnabled", True)) == "true":
        configured["EventBridgeConfiguration"] = {}
    return configured


def _notification(entry: Properties, target: str, api_target: str) -> Properties:
    notification: Properties = {api_target: entry[target], "Events": [entry["Event"]]}
    if entry.get("Filter"):
        notification["Filter"] = {"Key": {"FilterRules": entry["Filter"]["S3Key"]["Rules"]}}
    return notification


def _lifecycle(value: Properties) -> Properties:
    return {"Rules": [_lifecycle_rule(rule) for rule in value["Rules"]]}


def _lifecycle_rule(rule: Properties) -> Properties:
    translated: Properties = {"Status": rule["Status"], "Filter": {"Prefix": rule.get("Prefix", "")}}
    if "Id" in rule:
        translated["ID"] = rule["Id"]
    if "ExpirationInDays" in rule:
        translated["Expiration"] = {"Days": rule["ExpirationInDays"]}
    if "ExpiredObjectDeleteMarker" in rule:
        translated["Expiration"] = {"ExpiredObjectDeleteMarker": rule["ExpiredObjectDeleteMarker"]}
    if "NoncurrentVersionExpirationInDays" in rule:
        translated["NoncurrentVersionExpiration"] = {"NoncurrentDays": rule["NoncurrentVersionExpirationInDays"]}
    for transition in rule.get("Transitions") or []:
        days = {"Days": transition["TransitionInDays"], "StorageClass": transition["StorageClass"]}
        translated.setdefault("Transitions", []).append(days)
    for same in ("NoncurrentVersionExpiration",):
        if same in rule:
            translated[same] = rule[same]
    if "AbortIncompleteMultipartUpload" in rule:
        translated["AbortIncompleteMultipartUpload"] = rule["AbortIncompleteMultipartUpload"]
    known = {"Status", "Prefix", "Id", "ExpirationInDays", "ExpiredObjectDeleteMarker", "Transitions"}
    known |= {"NoncurrentVersionExpirationInDays", "NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload"}
    if set(rule) - known:
        raise LocalAWSError(
            f"The embedded AWS does not know {', '.join(sorted(set(rule) - known))} of a lifecycle rule"
        )
    return translated


def _logging(value: Properties) -> Properties:
    target = {"TargetBucket": value["DestinationBucketName"], "TargetPrefix": value.get("LogFilePrefix", "")}
    return {"LoggingEnabled": target}


class _Setting(NamedTuple):
    """How one property of a bucket is put, and taken away."""

    put: str
    """The operation that puts it."""
    argument: str
    """The argument that takes it."""
    translate: Callable[[Any], Any] = _as_it_is
    """Makes the argument from the template's value."""
    delete: str | None = None
    """The operation that takes it away, if there is one."""
    none: Any = None
    """What is put instead to take it away, if there is no such operation."""


_BUCKET_SETTINGS = {
    "OwnershipControls": _Setting(
        "PutBucketOwnershipControls", "OwnershipControls", delete="DeleteBucketOwnershipControls"
    ),
    "PublicAccessBlockConfiguration": _Setting(
        "PutPublicAccessBlock", "PublicAccessBlockConfiguration", delete="DeletePublicAccessBlock"
    ),
    "BucketEncryption": _Setting(
        "PutBucketEncryption", "ServerSideEncryptionConfiguration", _encryption, "DeleteBucketEncryption"
    ),
    "VersioningConfiguration": _Setting("PutBucketVersioning", "VersioningConfiguration", none={"Status": "Suspended"}),
    "LifecycleConfiguration": _Setting(
        "PutBucketLifecycleConfiguration", "LifecycleConfiguration", _lifecycle, "DeleteBucketLifecycle"
    ),
    "LoggingConfiguration": _Setting("PutBucketLogging", "BucketLoggingStatus", _logging, none={}),
    "Tags": _Setting("PutBucketTagging", "Tagging", lambda tags: {"TagSet": tags}, "DeleteBucketTagging"),
    "NotificationConfiguration": _Setting(
        "PutBucketNotificationConfiguration", "NotificationConfiguration", _notifications, none={}
    ),
}

TYPES: dict[str, type[ApiResource]] = {kind.type_name: kind for kind in ApiResource.__subclasses__()}
