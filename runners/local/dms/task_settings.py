"""The settings of a replication: the JSON document that a task keeps, and what of it a full load follows.

A setting that would change the copy in a way that the embedded DMS does not do is refused by its name. What only
concerns change capture, retries or the speed of a load is kept and described, and has no effect here.
"""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from runners.local.dms.errors import UnusableRequestError

DEFAULTS: dict[str, Any] = {
    "TargetMetadata": {
        "TargetSchema": "",
        "SupportLobs": True,
        "FullLobMode": False,
        "LobChunkSize": 0,
        "LimitedSizeLobMode": True,
        "LobMaxSize": 32,
        "InlineLobMaxSize": 0,
    },
    "FullLoadSettings": {
        "TargetTablePrepMode": "DROP_AND_CREATE",
        "CreatePkAfterFullLoad": False,
        "MaxFullLoadSubTasks": 8,
        "TransactionConsistencyTimeout": 600,
        "CommitRate": 10000,
    },
    "Logging": {"EnableLogging": False},
    "ErrorBehavior": {
        "DataErrorPolicy": "LOG_ERROR",
        "TableErrorPolicy": "SUSPEND_TABLE",
        "FailOnNoTablesCaptured": True,
    },
}
"""What a task has when it says nothing, as DMS describes it."""

KNOWN_GROUPS = frozenset(
    {
        *DEFAULTS,
        "BeforeImageSettings",
        "ChangeProcessingDdlHandlingPolicy",
        "ChangeProcessingTuning",
        "CharacterSetSettings",
        "ControlTablesSettings",
        "FailTaskWhenCleanTaskResourceFailed",
        "LoopbackPreventionSettings",
        "PostProcessingRules",
        "ResyncSettings",
        "StreamBufferSettings",
        "TTSettings",
        "ValidationSettings",
    }
)
PREPARATION_MODES = frozenset({"DROP_AND_CREATE", "TRUNCATE_BEFORE_LOAD", "DO_NOTHING"})
MAX_SUB_TASKS = 49

# Group and setting → the values that ask for something which is not done.
NOT_DONE: dict[tuple[str, str], Any] = {
    ("BeforeImageSettings", "EnableBeforeImage"): bool,
    ("CharacterSetSettings", "CharacterReplacements"): bool,
    ("CharacterSetSettings", "CharacterSetSupport"): bool,
    ("ControlTablesSettings", "HistoryTableEnabled"): bool,
    ("ControlTablesSettings", "StatusTableEnabled"): bool,
    ("ControlTablesSettings", "SuspendedTablesTableEnabled"): bool,
    ("ControlTablesSettings", "FullLoadExceptionTableEnabled"): bool,
    ("ErrorBehavior", "DataErrorPolicy"): lambda value: value == "IGNORE_RECORD",
    ("ErrorBehavior", "DataTruncationErrorPolicy"): lambda value: value == "IGNORE_RECORD",
    ("TTSettings", "EnableTT"): bool,
    ("ValidationSettings", "EnableValidation"): bool,
}


@dataclass(frozen=True)
class TaskSettings:
    """What a full load follows."""

    document: str
    """The whole document as it is described, with what was left out filled in."""
    target_schema: str
    """The schema of every table at the target; empty for that of the source."""
    copies_lobs: bool
    """Whether columns of the types BLOB, CLOB and NCLOB are copied."""
    preparation: str
    """DROP_AND_CREATE, TRUNCATE_BEFORE_LOAD or DO_NOTHING."""
    keys_after_load: bool
    """Whether primary keys are made once the rows are there."""
    sub_tasks: int
    """How many tables are loaded at once at most."""
    stops_at_table_error: bool
    """Whether the first table in error fails the task."""
    fails_without_tables: bool
    """Whether a task that finds no table fails."""

    @classmethod
    def parse(cls, text: str | None) -> TaskSettings:
        """Read the document; raises ``UnusableRequestError`` that names the setting which cannot be used."""
        merged = _merged(_document(text))
        for (group, name), asks_for_it in NOT_DONE.items():
            part = merged.get(group)
            if isinstance(part, dict) and asks_for_it(part.get(name)):
                raise UnusableRequestError(
                    f"The task setting {group}.{name} = {part[name]!r} asks for what the embedded DMS does not do: "
                    "leave it out"
                )
        load, errors, metadata = merged["FullLoadSettings"], merged["ErrorBehavior"], merged["TargetMetadata"]
        if load["TargetTablePrepMode"] not in PREPARATION_MODES:
            raise UnusableRequestError(
                f"FullLoadSettings.TargetTablePrepMode is {load['TargetTablePrepMode']!r}: use one of "
                f"{', '.join(sorted(PREPARATION_MODES))}"
            )
        if errors["TableErrorPolicy"] not in {"SUSPEND_TABLE", "STOP_TASK"}:
            raise UnusableRequestError("ErrorBehavior.TableErrorPolicy is SUSPEND_TABLE or STOP_TASK")
        return cls(
            document=json.dumps(merged),
            target_schema=metadata["TargetSchema"] or "",
            copies_lobs=bool(metadata["SupportLobs"]),
            preparation=load["TargetTablePrepMode"],
            keys_after_load=bool(load["CreatePkAfterFullLoad"]),
            sub_tasks=_sub_tasks(load["MaxFullLoadSubTasks"]),
            stops_at_table_error="STOP_TASK" in {errors["TableErrorPolicy"], errors["DataErrorPolicy"]},
            fails_without_tables=bool(errors["FailOnNoTablesCaptured"]),
        )


def _document(text: str | None) -> dict[str, Any]:
    try:
        document = json.loads(text or "{}")
    except ValueError:
        raise UnusableRequestError("ReplicationTaskSettings is no JSON") from None
    if not isinstance(document, dict):
        raise UnusableRequestError("ReplicationTaskSettings is no JSON object")
    unknown = sorted(set(document) - KNOWN_GROUPS)
    if unknown:
        raise UnusableRequestError(f"The embedded DMS does not know the task settings {', '.join(unknown)}")
    return document


def _merged(document: dict[str, Any]) -> dict[str, Any]:
    merged = deepcopy(DEFAULTS)
    for group, given in document.items():
        if group not in merged:
            merged[group] = given
        elif isinstance(given, dict):
            merged[group].update(given)
        elif given is not None:
            raise UnusableRequestError(f"The task setting {group} is no JSON object")
    return merged


def _sub_tasks(given: Any) -> int:
    if not isinstance(given, int) or isinstance(given, bool) or not 1 <= given <= MAX_SUB_TASKS:
        raise UnusableRequestError(f"FullLoadSettings.MaxFullLoadSubTasks is a number from 1 to {MAX_SUB_TASKS}")
    return given
