"""What a benchmark has measured, as it is kept: one JSON file a benchmark, a list of figures, each with its machine.

Knows no benchmark, and draws nothing.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
_SIGNIFICANT_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: what was measured, in which unit, and what was to be reached.

    Attributes:
        figure: what it is, in words; the same text at every run.
        value: what was measured.
        unit: e.g. ``s``, ``calls``, ``USD``.
        at_most: what was to be reached from below; None if nothing was, or ``at_least`` says it.
        at_least: what was to be reached from above.

    """

    figure: str
    value: float
    unit: str
    at_most: float | None = None
    at_least: float | None = None

    @property
    def reach(self) -> str | None:
        """What was to be reached, e.g. ``≤ 0.02``; None for a figure that is told for comparison."""
        if self.at_most is not None:
            return f"≤ {self.at_most:g}"
        return None if self.at_least is None else f"≥ {self.at_least:g}"

    @property
    def holds(self) -> bool | None:
        """Whether it was reached; None if nothing was to be."""
        if self.at_most is not None:
            return self.value <= self.at_most
        return None if self.at_least is None else self.value >= self.at_least


def machine() -> str:
    """Return what the figures were measured on, e.g. ``x86_64, 2 cores, Python 3.11.2``."""
    return f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def written(
    name: str, figures: Iterable[Figure], folder: Path = RESULTS, *, whole: bool = True
) -> list[dict[str, Any]]:
    """Keep the figures of a benchmark as ``NAME.json`` and return them as they were kept.

    Args:
        name: the benchmark's.
        figures: what was measured.
        folder: where to.
        whole: whether that is all; else the others that were kept before stay.

    """
    same = {"machine": machine(), "date": datetime.now(UTC).date().isoformat()}
    entries = [
        {
            "figure": figure.figure,
            "value": float(f"{figure.value:.{_SIGNIFICANT_DIGITS}g}"),
            "unit": figure.unit,
            "reach": figure.reach,
            "holds": figure.holds,
            **same,
        }
        for figure in figures
    ]
    kept = entries if whole else _with_others(entries, read(name, folder))
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(kept, indent=2, ensure_ascii=False) + "\n"
    (folder / f"{name}.json").write_text(text, encoding="utf-8")
    return entries


def _with_others(entries: Sequence[dict[str, Any]], before: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what was kept before, with new entries in the places of those of the same figures."""
    new = {entry["figure"]: entry for entry in entries}
    kept = [new.pop(entry["figure"], entry) for entry in before]
    return [*kept, *new.values()]


def read(name: str, folder: Path = RESULTS) -> list[dict[str, Any]]:
    """Return the figures that a benchmark kept; none if it never ran."""
    path = folder / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else []


def shown(value: float) -> str:
    """Return a value as people read it, e.g. ``12,345``, ``9.81``, ``0.0200``."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"  # noqa: PLR2004  # where digits begin to be grouped


def table(entries: Sequence[dict[str, Any]]) -> str:
    """Return figures as a table of plain text."""
    rows = [
        (entry["figure"], f"{shown(entry['value'])} {entry['unit']}", entry["reach"] or "", _VERDICTS[entry["holds"]])
        for entry in entries
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(3)] if rows else []
    return "\n".join(
        f"  {figure:<{widths[0]}}  {value:>{widths[1]}}  {reach:<{widths[2]}}  {verdict}".rstrip()
        for figure, value, reach, verdict in rows
    )


_VERDICTS = {True: "holds", False: "MISSED", None: ""}


def run(name: str, measure: Callable[[], Iterable[Figure]], *, whole: bool = True) -> None:
    """Run a benchmark as its command does: measure, keep (``written``), print."""
    print(f"{name}:", flush=True)  # noqa: T201  # a command
    print(table(written(name, measure(), whole=whole)), flush=True)  # noqa: T201  # a command
