from __future__ import annotations

import pytest

from runners.links import log_link, page_link


@pytest.mark.parametrize(
    ("region", "domain"),
    [
        ("eu-west-1", "eu-west-1.console.aws.amazon.com"),
        ("cn-north-1", "console.amazonaws.cn"),
        ("us-gov-west-1", "console.amazonaws-us-gov.com"),
    ],
)
def test_a_page_is_in_the_console_of_its_region_s_partition(region, domain):
    assert page_link(region, "glue/home") == f"https://{domain}/glue/home"


def test_a_log_link_quotes_names_the_way_the_console_wants_them():
    assert log_link("eu-west-1", "/aws-glue/jobs/output", "jr_1") == (
        "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1"
        "#logsV2:log-groups/log-group/$252Faws-glue$252Fjobs$252Foutput/log-events/jr_1"
    )
