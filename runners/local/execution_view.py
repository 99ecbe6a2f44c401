"""An execution as a person follows it: which states it has been in, how they are, and how long each took.

Everything is read from the execution's history; nothing here talks to Step Functions.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PROGRESS = {
    "ActivityScheduled": "waiting for a runner",
    "ActivityStarted": "running",
    "ActivityFailed": "failed",
    "ActivityTimedOut": "timed out",
    "TaskScheduled": "scheduled",
    "TaskStarted": "running",
    "TaskFailed": "failed",
}
_DETAILS = ("name", "workerName", "error", "cause")


@dataclass(frozen=True, slots=True)
class StateVisit:
    """One visit of an execution to a state.

    Attributes:
        name: the state's name.
        status: how it is, in words: running, waiting for a runner, succeeded, failed, …
        entered: when the state was entered.
        exited: when it was left, or None while it has not been.

    """

    name: str
    status: str
    entered: datetime
    exited: datetime | None

    def took(self, now: datetime) -> timedelta:
        """Return how long the state took, up to now if it has not been left."""
        return (self.exited or now) - self.entered


def visits(history: Sequence[Mapping[str, Any]]) -> list[StateVisit]:
    """Return the visits to states, in the order in which they were entered."""
    events = {event["id"]: event for event in history}
    found: dict[int, StateVisit] = {}
    for event in history:
        kind = event["type"]
        if kind.endswith("StateEntered"):
            name = event["stateEnteredEventDetails"]["name"]
            found[event["id"]] = StateVisit(name, "running", event["timestamp"], None)
            continue
        entry = _entry_of(event, events)
        if entry is None or entry not in found:
            continue
        visit = found[entry]
        if kind.endswith("StateExited"):
            # A state that is left after a failure was caught: its failure is what it came to.
            status = visit.status if visit.status in {"failed", "timed out"} else "succeeded"
            found[entry] = StateVisit(visit.name, status, visit.entered, event["timestamp"])
        elif kind in _PROGRESS:
            found[entry] = StateVisit(visit.name, _PROGRESS[kind], visit.entered, visit.exited)
    return list(found.values())


def _entry_of(event: Mapping[str, Any], events: Mapping[int, Mapping[str, Any]]) -> int | None:
    """Follow an event back to the entry of its state."""
    name = event.get("stateExitedEventDetails", {}).get("name")
    previous = event.get("previousEventId", 0)
    while previous in events:
        before = events[previous]
        entered = before.get("stateEnteredEventDetails")
        if entered is not None and name in {None, entered["name"]}:
            return int(before["id"])
        previous = before.get("previousEventId", 0)
    return None


def as_markdown(history: Sequence[Mapping[str, Any]]) -> str:
    """Render a history, start to end, as a Markdown table of its events, with the inputs and outputs of activities."""
    start = history[0]["timestamp"]
    lines = ["| id | after | seconds | event | details |", "|---:|---:|---:|---|---|"]
    for event in history:
        seconds = (event["timestamp"] - start).total_seconds()
        place = f"{event['id']} | {event.get('previousEventId', 0)} | {seconds:.2f}"
        lines.append(f"| {place} | {event['type']} | {_details(event)} |")
    return "\n".join(lines) + "\n"


def _details(event: Mapping[str, Any]) -> str:
    details: Mapping[str, Any] = next(
        (value for name, value in event.items() if name.endswith("EventDetails") and value), {}
    )
    # A state's input and output repeat those of its activity and of the states before.
    names = (*_DETAILS, "input", "output") if event["type"].startswith("Activity") else _DETAILS
    return "<br>".join(f"{name} `{_cell(details[name])}`" for name in names if details.get(name))


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|").replace("`", "'").replace("\n", " ")
