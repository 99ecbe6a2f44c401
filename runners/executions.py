"""Whether tasks of an activity may come: how many its running executions could want at a time, by their definitions.

An open poll is paid for as long as it is open, while the questions asked here cost nothing but their time. So a Lambda
function asks before it polls. The answer is an upper bound, compared with the jobs that are active already:

- An execution waits where it is until its task ended. So one of a state machine without Parallel and Map has at most
  one task with us, whatever it mentions; in a Parallel, each branch may have one; in a Map, each item that may run at
  the same time (without ``MaxConcurrency``: any number).
- If all running executions together have as many jobs with us as they could at most, none can bring another before
  one of them ended. Then nobody needs to poll. In all other cases polls are worth it, whatever executions wait for.
- An execution that another one has started is one of its own state machine, and listed there. Child executions of a
  distributed Map are not in the list of its state machine (they have one of their own, by Map Run), but the execution
  that they belong to is, it runs as long as they do, and its definition holds theirs: so it counts for all of them.
- Express state machines cannot have tasks of activities.

What is not known (denied, throttled, encrypted, far too many) counts as "any number": polls are opened, which costs and
harms nothing. What cannot be seen is left to a poll now and then (``runners.watch``): lists that are a moment late, and
running executions of an older definition or a version that asked an activity which the newest does not ask.
"""

from __future__ import annotations

import json
import logging
import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from threading import Lock
from typing import TYPE_CHECKING, Any

from runners.retries import error_code, repeated
from runners.side_by_side import side_by_side

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mypy_boto3_stepfunctions import SFNClient

log = logging.getLogger(__name__)

LISTED_AFTER = timedelta(seconds=4)  # the list of state machines, of which new definitions are read
REFRESHED_AFTER = timedelta(minutes=10)  # definitions that are known
DOUBTED_AFTER = timedelta(minutes=1)  # a definition that does not ask us, when an execution of it begins
MOST_STATE_MACHINES = 500
MOST_PAGES = 10  # of a thousand running executions each
CALLS_AT_ONCE = 8
_PAGE = 1000


def most_at_once(states: Mapping[str, Any], asks: Callable[[str], bool]) -> float:
    """Return how many tasks of ours one execution can have at a time, at most; infinity if there is no bound.

    Args:
        states: a definition, a branch of a Parallel, or what a Map does with an item: what has ``States``.
        asks: whether a ``Resource`` is an activity of ours.

    """
    return max((_most_of(state, asks) for state in states["States"].values()), default=0)


def _most_of(state: Mapping[str, Any], asks: Callable[[str], bool]) -> float:
    kind = state.get("Type")
    if kind == "Task":
        return 1 if asks(str(state.get("Resource"))) else 0
    if kind == "Parallel":
        return sum(most_at_once(branch, asks) for branch in state["Branches"])
    if kind == "Map":
        of_an_item = most_at_once(state.get("ItemProcessor") or state["Iterator"], asks)
        items = state.get("MaxConcurrency")  # 0: no bound; a text: an expression
        return of_an_item and of_an_item * (items if isinstance(items, int) and items > 0 else math.inf)
    return 0


def asked_in_all(states: Mapping[str, Any], asks: Callable[[str], bool]) -> float:
    """Return how many states of a definition ask us; one in a Map counts as any number."""
    return sum(_asked_by(state, asks) for state in states["States"].values())


def _asked_by(state: Mapping[str, Any], asks: Callable[[str], bool]) -> float:
    if state.get("Type") == "Parallel":
        return sum(asked_in_all(branch, asks) for branch in state["Branches"])
    most = _most_of(state, asks)
    return math.inf if most and state.get("Type") == "Map" else most


@dataclass(frozen=True)
class _Asking:
    """What a state machine wants of us, as it was when we last read its definition."""

    at_once: float
    in_all: float
    read_at: datetime


class RunningExecutions:
    """The running executions that may ask the activities of one runner; one for each process.

    Args:
        stepfunctions: a client.
        asks: whether a ``Resource`` is an activity of ours.
        state_machines: which state machines are looked at, by name; ``*`` stands for anything.
        now: the clock.

    """

    def __init__(
        self,
        stepfunctions: SFNClient,
        asks: Callable[[str], bool],
        state_machines: str = "*",
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._stepfunctions = stepfunctions
        self._asks = asks
        self._names = state_machines
        self._now = now
        self._lock = Lock()
        self._machines: dict[str, _Asking] = {}
        self.look_afresh()

    def tasks_at_most(self, begun: str = "") -> float:
        """Return how many tasks of ours the running executions can have at a time, those with us already included.

        Infinity if there is no bound or it cannot be told.

        Args:
            begun: the ARN of an execution that has just begun, and counts even if lists do not show it yet.

        """
        try:
            self._refresh()
            return sum((self._wanted(arn, asking, begun) for arn, asking in self._asking()), 0.0)
        except Exception as error:
            log.warning(
                "it is not known whether tasks may come, so polls are opened",
                extra={"action": "gate_unknown", "error": error_code(error) or type(error).__name__},
            )
            return math.inf

    def look_afresh(self) -> None:
        """Let the next question begin with the list of state machines, however new that is."""
        self._listed_at = datetime.min.replace(tzinfo=UTC)

    def concern_us(self, state_machine: str) -> bool:
        """Whether executions of a state machine may ask us: one has just begun, and its event may be of anybody's.

        Args:
            state_machine: its ARN; that of a distributed Map's child executions ends with a label.

        """
        arn = state_machine.partition("/")[0]
        if not self._is_looked_at(arn):
            return False
        known = self._machines.get(arn)
        if known is None or (not known.at_once and self._now() - known.read_at > DOUBTED_AFTER):
            self._read(arn)
            known = self._machines.get(arn)
        return known is not None and known.at_once > 0

    def ask_again(self) -> bool:
        """Whether an execution may ask us once more, after a task of ours ended.

        A retry, and a way back to a state that is our only one, are not thought of: those wait for the next turn.
        """
        try:
            self._refresh()
        except Exception:
            return True
        return any(asking.in_all > 1 for _, asking in self._asking())

    def _asking(self) -> list[tuple[str, _Asking]]:
        with self._lock:
            return [(arn, asking) for arn, asking in self._machines.items() if asking.at_once]

    def _wanted(self, arn: str, asking: _Asking, begun: str) -> float:
        running = self._count(arn, begun if _state_machine_of(begun) == arn else "")
        return running and running * asking.at_once  # of none that runs, none may be wanted, even without a bound

    def _count(self, arn: str, begun: str) -> float:
        token: dict[str, Any] = {}
        running = 1 if begun else 0
        for _ in range(MOST_PAGES):
            try:
                page = repeated(self._stepfunctions.list_executions)(
                    stateMachineArn=arn, statusFilter="RUNNING", maxResults=_PAGE, **token
                )
            except Exception as error:
                if error_code(error) != "StateMachineDoesNotExist":
                    raise
                self._forget(arn)
                return 0
            running += len([one for one in page["executions"] if one["executionArn"] != begun])
            if not page.get("nextToken"):
                return running
            token = {"nextToken": page["nextToken"]}
        return math.inf

    def _refresh(self) -> None:
        """Read the definitions that are new, or were read long ago."""
        now = self._now()
        if now - self._listed_at < LISTED_AFTER:
            return
        listed = set(self._listed())
        if len(listed) > MOST_STATE_MACHINES:
            raise OverflowError(f"{len(listed)} state machines are too many to look at: name those that matter")
        with self._lock:
            self._machines = {arn: asking for arn, asking in self._machines.items() if arn in listed}
            known = {arn for arn, asking in self._machines.items() if now - asking.read_at < REFRESHED_AFTER}
        side_by_side(self._read, listed - known, CALLS_AT_ONCE)
        self._listed_at = now

    def _listed(self) -> Iterator[str]:
        token: dict[str, Any] = {}
        while True:
            page = repeated(self._stepfunctions.list_state_machines)(maxResults=_PAGE, **token)
            for machine in page["stateMachines"]:
                if machine["type"] != "EXPRESS" and self._is_looked_at(machine["stateMachineArn"]):
                    yield machine["stateMachineArn"]
            if not page.get("nextToken"):
                return
            token = {"nextToken": page["nextToken"]}

    def _is_looked_at(self, arn: str) -> bool:
        return fnmatchcase(arn.rpartition(":")[2], self._names)

    def _read(self, arn: str) -> None:
        """Read a definition; one that cannot be read may want anything."""
        at_once = in_all = math.inf
        try:
            described = repeated(self._stepfunctions.describe_state_machine)(stateMachineArn=arn)
            definition = json.loads(described["definition"])
            at_once, in_all = most_at_once(definition, self._asks), asked_in_all(definition, self._asks)
        except Exception as error:
            if error_code(error) == "StateMachineDoesNotExist":
                self._forget(arn)
                return
            log.warning(
                "the definition of a state machine cannot be read, so it may ask anything",
                extra={"action": "definition_unknown", "state_machine": arn, "error": error_code(error)},
            )
        with self._lock:
            self._machines[arn] = _Asking(at_once, in_all, self._now())

    def _forget(self, arn: str) -> None:
        with self._lock:
            self._machines.pop(arn, None)


def _state_machine_of(execution: str) -> str:
    """Return the ARN of an execution's state machine."""
    return execution.rpartition(":")[0].replace(":execution:", ":stateMachine:")
