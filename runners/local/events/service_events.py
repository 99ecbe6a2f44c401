"""The events by which AWS's services say on the default bus what became of a run.

``PutEvents`` takes no event whose source begins with ``aws.``, so moto's bus is given them directly. A target that
fails does not fail the service.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from moto.events.models import events_backends

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

logger = logging.getLogger(__name__)


def send(
    account: str,
    region: str,
    source: str,
    detail_type: str,
    detail: Mapping[str, Any],
    *,
    resources: Sequence[str] = (),
) -> None:
    """Send an event as a service does, e.g. of source ``aws.glue`` and type ``Glue Job State Change``."""
    event = {
        "Source": source,
        "DetailType": detail_type,
        "Detail": json.dumps(detail),
        "Resources": list(resources),
    }
    try:
        events_backends[account][region].put_events([event])
    except Exception:
        logger.exception("a target of an event failed", extra={"action": "service_event", "detail_type": detail_type})
