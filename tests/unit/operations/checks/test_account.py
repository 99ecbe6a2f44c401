from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from runners.deployment.environment import Limits
from runners.operations.checks import account
from tests.unit.operations.stubs import Stub, levels, scene

FUNCTION = {"Role": "arn:aws:iam::123456789012:role/runner"}
STATEMENT = {"Effect": "Allow", "Action": ["glue:StartJobRun", "glue:GetJobRun"], "Resource": "arn:job"}


@pytest.mark.parametrize(
    ("seconds", "level"),
    [(0, "ok"), (-59, "ok"), (61, "warning"), (-61, "warning"), (301, "problem"), (-301, "problem")],
)
def test_a_clock_that_differs_is_told_by_how_much(seconds, level):
    finding = account.judged(timedelta(seconds=seconds))

    assert finding.level == level
    if level != "ok":
        assert ("behind" in finding.told) is (seconds > 0)


def test_the_clock_is_compared_with_the_date_of_an_answer():
    def answer(**headers):
        return Stub("sts", get_caller_identity={"ResponseMetadata": {"HTTPHeaders": headers}})

    an_hour_ago = format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True)
    (finding,) = account.clock(scene(("sts", answer(date=an_hour_ago))))
    assert (finding.level, "ahead of" in finding.told) == ("problem", True)

    assert levels(account.clock(scene(("sts", answer())))) == ["not checked"]


def test_the_credentials_are_told_by_their_account():
    identity = {"Account": "123456789012", "Arn": "arn:aws:sts::123456789012:assumed-role/operator/me"}

    (finding,) = account.credentials(scene(("sts", Stub("sts", get_caller_identity=identity))))

    assert finding.told == "account 123456789012, us-east-1, as assumed-role/operator/me"


def iam(decision, statement=STATEMENT):
    result = {"EvalActionName": "glue:StartJobRun", "EvalDecision": decision}
    return Stub(
        "iam",
        list_role_policies={"PolicyNames": ["own"]},
        get_role_policy={"PolicyDocument": {"Statement": statement}},
        list_attached_role_policies={"AttachedPolicies": [{"PolicyArn": "arn:policy"}]},
        get_policy={"Policy": {"DefaultVersionId": "v1"}},
        get_policy_version={"PolicyVersion": {"Document": '{"Statement": [{"Effect": "Deny", "Action": "*"}]}'}},
        simulate_principal_policy={"EvaluationResults": [result]},
    )


def permissions(client):
    functions = Stub("lambda", get_function_configuration=FUNCTION)
    return list(account.permissions(scene(("lambda", functions), ("iam", client))))


def test_a_role_that_may_do_what_its_policies_name_is_well():
    client = iam("allowed")

    (finding,) = permissions(client)

    assert (finding.level, finding.told) == ("ok", "may do all 2 actions that its policies name")
    simulated = dict(client.calls)["simulate_principal_policy"]
    assert simulated["PolicySourceArn"] == FUNCTION["Role"]
    assert simulated["ResourceArns"] == ["arn:job"]


def test_what_a_boundary_takes_away_is_a_problem():
    (finding,) = permissions(iam("implicitDeny"))

    assert finding.level == "problem"
    assert "glue:StartJobRun (implicitDeny)" in finding.told


def test_the_role_of_a_function_that_is_not_there_is_told_elsewhere():
    functions = Stub("lambda")
    functions.answers["get_function_configuration"] = functions.error("ResourceNotFoundException")

    assert list(account.permissions(scene(("lambda", functions), ("iam", iam("allowed"))))) == []


def quotas(free=1000, quota=None, **settings):
    named = [] if quota is None else [{"QuotaName": "Max concurrent job runs per account", "Value": quota}]
    return list(
        account.quotas(
            scene(
                (
                    "lambda",
                    Stub("lambda", get_account_settings={"AccountLimit": {"UnreservedConcurrentExecutions": free}}),
                ),
                ("service-quotas", Stub("service-quotas", list_service_quotas={"Quotas": named})),
                **settings,
            )
        )
    )


def test_turns_that_overlap_count_in_the_quotas():
    findings = quotas(quota=1000.0, polls=4, runner_timeout_seconds=180, runner_schedule="rate(1 minute)")

    assert levels(findings) == ["ok", "ok", "ok"]
    assert findings[0].told == "at most 8 open polls of an activity (those of two turns, for a moment), of 1000"
    assert findings[1].told.startswith("turns take 3 of the 1000")


def test_steps_have_no_turns_that_count():
    findings = quotas(
        services=("glue", "step"), quota=1000.0, runner_timeout_seconds=60, runner_schedule="rate(1 minute)"
    )

    assert findings[1].told.startswith("turns take 1 of the 1000")


def test_more_than_aws_allows_is_told():
    findings = quotas(free=3, quota=50.0, polls=600)

    assert levels(findings) == ["problem", "warning", "warning"]
    assert findings[2].told.endswith("“Max concurrent job runs per account” is 50: further ones wait")


def test_a_limit_of_the_service_keeps_its_runner_within_the_quota():
    limits = {"glue": Limits(max_running_jobs=50)}

    assert quotas(quota=50.0, limits=limits)[-1].told.startswith("the runner may have 50 jobs at a time")
    assert levels(quotas(quota=50.0, limits=limits))[-1] == "ok"
    assert levels(quotas(quota=49.0, limits=limits))[-1] == "warning"


def test_a_quota_that_service_quotas_does_not_tell_is_not_called_well():
    assert levels(quotas())[-1] == "not checked"


def test_the_quotas_of_the_embedded_aws_are_not_checked():
    assert levels(quotas(embedded=True)) == ["ok", "not checked", "not checked"]
