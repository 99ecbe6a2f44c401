"""The alarms and the dashboard: they watch what there is, under the names that it has."""

from __future__ import annotations

import json
import re

import pytest

from runners.composition import SERVICES
from runners.deployment.environment import SERVICES as SWITCHED
from runners.telemetry.metrics import METRICS, NAMESPACE
from tests.unit.test_templates import ENVIRONMENTS, parameters, resources, template

RUNNERS = ["runner-lambda", "data-arrivals"]
OF_AN_ACTIVITY = {"ActivityScheduleTime", "ActivitiesFailed", "ActivitiesTimedOut", "ActivitiesHeartbeatTimedOut"}


def alarms(stack):
    return [alarm["Properties"] for place, _, alarm in resources("AWS::CloudWatch::Alarm") if place == stack]


def watched(stack, namespace, dimension):
    """The metrics that alarms watch, and of what they are."""
    return {
        alarm["MetricName"]: alarm["Dimensions"][0]["Value"]
        for alarm in alarms(stack)
        if alarm["Namespace"] == namespace and alarm["Dimensions"][0]["Name"] == dimension
    }


@pytest.mark.parametrize("stack", RUNNERS)
def test_an_activity_is_watched_for_tasks_that_wait_fail_or_time_out(stack):
    of_activities = watched(stack, "AWS/States", "ActivityArn")
    assert of_activities.keys() == OF_AN_ACTIVITY
    assert len({json.dumps(each) for each in of_activities.values()}) == 1


@pytest.mark.parametrize("stack", RUNNERS)
def test_the_rule_that_begins_turns_is_watched(stack):
    rule = watched(stack, "AWS/Events", "RuleName")["FailedInvocations"]["Ref"]
    properties = template(stack)["Resources"][rule]["Properties"]
    assert "ScheduleExpression" in properties


@pytest.mark.parametrize("stack", RUNNERS)
def test_throttles_are_watched_under_the_name_that_the_runner_gives_them(stack):
    (metric, service), *_ = watched(stack, NAMESPACE, "Service").items()
    assert metric in {each.name for each in METRICS}
    assert service == {"Ref": "Service"} or service in SERVICES
    assert set(SWITCHED) <= set(SERVICES)


def test_dead_letters_are_watched():
    assert "ApproximateNumberOfMessagesVisible" in watched("runner-resources", "AWS/SQS", "QueueName")


def dashboard():
    """The body of the dashboard as CloudWatch gets it, for a deployment with all services."""
    values = {**parameters("dashboard", ENVIRONMENTS["dev"], {}), "AWS::Region": "eu-central-1"}
    text, variables = template("dashboard")["Resources"]["Page"]["Properties"]["DashboardBody"]["Fn::Sub"]
    separator, _ = variables["Runners"]["Fn::Join"]
    values["Runners"] = separator.join(values["Services"].split(","))
    text = re.sub(r"\$\{([^!}][^}]*)\}", lambda found: values[found[1]], text)
    return json.loads(text.replace("${!", "${"))


def test_the_body_of_the_dashboard_is_json_whose_widgets_do_not_overlap():
    places = [
        (x, y)
        for widget in dashboard()["widgets"]
        for x in range(widget["x"], widget["x"] + widget["width"])
        for y in range(widget["y"], widget["y"] + widget["height"])
    ]
    assert len(places) == len(set(places))
    assert max(x for x, _ in places) < 24


def test_the_dashboard_looks_for_the_functions_of_all_services():
    expressions = [
        metric[0]["expression"]
        for widget in dashboard()["widgets"]
        for metric in widget["properties"]["metrics"]
        if isinstance(metric[0], dict)
    ]
    assert all(len(expression) <= 1024 for expression in expressions)  # what a search may have
    (invocations,) = [each for each in expressions if 'MetricName="Invocations"' in each]
    names = re.findall(r'"(\w+runner)"', invocations)
    assert sorted(names) == sorted([*(f"{service}runner" for service in SWITCHED), "arrivalrunner"])
