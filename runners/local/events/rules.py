"""EventBridge as an extension of moto: events reach Lambda functions, state machines and topics, and schedules fire.

moto 5.2.5 (``moto/events/models.py``) delivers to queues and log groups only, sends every event to rules that have
but a schedule, heeds no rule's state, and never fires a schedule. A target that is not supported gets a line in the
log; a target that fails never fails whoever sent the event.
"""

from __future__ import annotations

import copy
import itertools
import json
import logging
import threading
import uuid
from collections import OrderedDict
from datetime import UTC, datetime
from functools import wraps
from typing import TYPE_CHECKING, Any

from moto.events.models import EventBus, Rule, events_backends
from moto.events.utils import EventTemplateParser
from moto.s3 import notifications as s3_notifications

from runners.local.events.schedules import ScheduledRules
from runners.local.replacements import Replacements

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from runners.local.server import EmbeddedAWS

CHECK_INTERVAL_SECONDS = 0.1  # between two looks at which schedules are due
_MOTOS_OWN_TARGETS = ("logs", "sqs", "events")

logger = logging.getLogger(__name__)


class EventRules:
    """The extension. One for each embedded AWS."""

    def __init__(self) -> None:
        self._moto = Replacements()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._aws: EmbeddedAWS | None = None
        self._sequence = itertools.count(1)
        self._moto_sends: Callable[..., None] = Rule.send_to_targets

    def start(self, aws: EmbeddedAWS) -> None:
        """Deliver events, and let schedules fire."""
        self._aws = aws
        self._moto_sends = Rule.send_to_targets

        # moto delivers while it goes through the rules, where another request may add one.
        build_bus = EventBus.__init__

        @wraps(build_bus)
        def __init__(bus: Any, *arguments: Any, **named: Any) -> None:  # noqa: N807
            build_bus(bus, *arguments, **named)
            bus.rules = _Rules(bus.rules)

        def send_to_targets(rule: Any, original_event: Any, transform_input: bool = True) -> None:
            pattern = rule.event_pattern
            if rule.state == "ENABLED" and pattern.get_pattern() and pattern.matches_event(original_event):
                self.deliver(rule, original_event, transform_input=transform_input)

        self._moto.replace(EventBus, "__init__", __init__)
        self._moto.replace(Rule, "send_to_targets", send_to_targets)
        self._complete_s3_events()
        scheduled = ScheduledRules(_scheduled_rules, self._fire, lambda: datetime.now(tz=UTC))
        self._thread = threading.Thread(target=self._keep_time, args=(scheduled,), name="schedules", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the schedules, and put moto back as it was."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        self._moto.undo()

    def deliver(self, rule: Any, event: dict[str, Any], *, transform_input: bool = True) -> None:
        """Hand an event to every target of a rule; one that fails gets a line in the log."""
        for target in list(rule.targets):
            try:
                self._deliver_to(rule, target, event, transform_input=transform_input)
            except Exception as error:  # whoever sent the event is never made to fail
                logger.warning(
                    "The rule %s could not deliver to %s: %s",
                    rule.name,
                    target["Arn"],
                    error,
                    extra={"action": "event_delivery"},
                )

    def _deliver_to(self, rule: Any, target: dict[str, Any], event: dict[str, Any], *, transform_input: bool) -> None:
        assert self._aws is not None  # noqa: S101  # it was started
        arn: str = target["Arn"]
        service, region = arn.split(":")[2:4]
        if service in _MOTOS_OWN_TARGETS:
            alone = copy.copy(rule)
            alone.targets = [target]
            self._moto_sends(alone, copy.deepcopy(event), transform_input)
            return
        payload = json.dumps(_input_of(target, _as_sent(event)))
        if service == "lambda":
            self._aws.client("lambda", region).invoke(FunctionName=arn, InvocationType="Event", Payload=payload)
        elif service == "states":
            self._aws.client("stepfunctions", region).start_execution(stateMachineArn=arn, input=payload)
        elif service == "sns":
            self._aws.client("sns", region).publish(TopicArn=arn, Message=payload)
        else:
            logger.warning(
                "The embedded AWS delivers no events to %s, the target of %s",
                arn,
                rule.name,
                extra={"action": "target"},
            )

    def _complete_s3_events(self) -> None:
        # moto's notification has no sequencer, and no version of an object in a versioned bucket.
        describe = s3_notifications._get_s3_event

        @wraps(describe)
        def _get_s3_event(event_name: str, bucket: Any, key: Any, notification_id: str) -> Any:
            event = describe(event_name, bucket, key, notification_id)
            described = event["Records"][0]["s3"]["object"]
            described["sequencer"] = f"{next(self._sequence):018X}"
            if bucket.versioning_status:
                described["versionId"] = str(key.version_id)
            return event

        self._moto.replace(s3_notifications, "_get_s3_event", _get_s3_event)

    def _keep_time(self, scheduled: ScheduledRules) -> None:
        while not self._ended.wait(CHECK_INTERVAL_SECONDS):
            scheduled.turn()

    def _fire(self, rule: Any, due: datetime) -> None:
        self.deliver(
            rule,
            {
                "version": "0",
                "id": str(uuid.uuid4()),
                "detail-type": "Scheduled Event",
                "source": "aws.events",
                "account": rule.account_id,
                "time": due.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "region": rule.region_name,
                "resources": [rule.arn],
                "detail": {},
            },
        )


class _Rules(OrderedDict[str, Any]):
    """The rules of an event bus; whoever goes through them has a copy of his own."""

    def values(self) -> Any:
        """Answer the rules of this moment."""
        return list(super().values())


def _scheduled_rules() -> Iterator[Any]:
    for account in list(events_backends.values()):
        for backend in list(account.values()):
            for bus in list(backend.event_buses.values()):
                for rule in bus.rules.values():
                    if rule.scheduled_expression and rule.state == "ENABLED" and rule.targets:
                        yield rule


def _as_sent(event: dict[str, Any]) -> dict[str, Any]:
    """Answer the event as AWS sends it: with an id of its own, and a time that is text."""
    sent = copy.deepcopy(event)
    if isinstance(sent.get("time"), int | float):
        sent["time"] = datetime.fromtimestamp(sent["time"], tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        sent.pop("ingestion-time", None)
    if sent.get("source") == "aws.s3":  # moto gives all of them one and the same id
        sent["id"] = str(uuid.uuid4())
    return sent


def _input_of(target: dict[str, Any], event: dict[str, Any]) -> Any:
    """Answer what a target gets: a constant, a part of the event, what is made from it, or the event itself."""
    if "Input" in target:
        return json.loads(target["Input"])
    if "InputPath" in target:
        part: Any = event
        for name in target["InputPath"].removeprefix("$").split("."):
            part = part[name] if name else part
        return part
    transformer = target.get("InputTransformer")
    if transformer:
        made = EventTemplateParser.parse(
            input_template=transformer.get("InputTemplate"),
            input_paths_map=transformer.get("InputPathsMap", {}),
            event={**event, "ingestion-time": event["time"]},  # type: ignore[typeddict-item]  # moto's own structure
        )
        return json.loads(made) if isinstance(made, str) else made
    return event
