"""Links into the AWS console, for outputs and causes that a person will read."""

from __future__ import annotations

from urllib.parse import quote

_DOMAINS = {"cn": "console.amazonaws.cn", "us-gov": "console.amazonaws-us-gov.com"}


def page_link(region: str, page: str) -> str:
    """Return the address of a page of the console, e.g. ``gluestudio/home?region=…``, in a region's partition."""
    domain = next((domain for start, domain in _DOMAINS.items() if region.startswith(f"{start}-")), None)
    return f"https://{domain or f'{region}.console.aws.amazon.com'}/{page}"


def log_link(region: str, group: str, stream: str) -> str:
    """Return the address of a log stream of CloudWatch; its page wants names quoted twice, with ``$`` for ``%``."""
    group, stream = (quote(quote(name, safe=""), safe="").replace("%", "$") for name in (group, stream))
    page = f"cloudwatch/home?region={region}#logsV2:log-groups/log-group/{group}/log-events/{stream}"
    return page_link(region, page)
