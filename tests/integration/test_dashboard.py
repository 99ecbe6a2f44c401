"""The dashboard's stack in the embedded AWS."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from runners.deployment.templates import body

if TYPE_CHECKING:
    from runners.local.server import EmbeddedAWS

GIVEN = {"Services": "glue", "ActiveJobsTable": "ActiveJobs", "ArrivalsTable": "Arrivals", "DeadLetterQueue": "Dead"}
PARAMETERS = [{"ParameterKey": name, "ParameterValue": value} for name, value in GIVEN.items()]


def test_the_dashboard_is_created_changed_and_deleted_with_its_stack(embedded_aws: EmbeddedAWS) -> None:
    stacks, cloudwatch = embedded_aws.client("cloudformation"), embedded_aws.client("cloudwatch")

    def first_title() -> str:
        shown = json.loads(cloudwatch.get_dashboard(DashboardName="ETLRunners")["DashboardBody"])
        return str(shown["widgets"][0]["properties"]["title"])

    text = body("dashboard")
    stacks.create_stack(StackName="dashboard", TemplateBody=text, Parameters=PARAMETERS)
    assert first_title() == "Jobs started"
    changed = text.replace("Jobs started", "Jobs begun")
    stacks.update_stack(StackName="dashboard", TemplateBody=changed, Parameters=PARAMETERS)
    assert first_title() == "Jobs begun"
    stacks.delete_stack(StackName="dashboard")
    assert cloudwatch.list_dashboards()["DashboardEntries"] == []
