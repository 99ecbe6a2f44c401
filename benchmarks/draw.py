"""Draw the results as charts for the docs, and write their table there: ``python -m benchmarks.draw``.

Reads the JSON that the benchmarks keep and measures nothing; only this module needs matplotlib (the extra ``bench``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.axes import Axes  # noqa: TC002  # beside its own package
from matplotlib.ticker import NullLocator

from benchmarks import NAMES, results
from runners.testing.simulated import AWS_QUOTAS

mpl.use("svg")

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
CHARTS = PAGE.parent / "benchmarks"
_POINT = re.compile(r" after ([\d.]+) s$")  # ends the figures that are points of a curve
_BESIDE_STEPS = re.compile(r"^(PostgreSQL|MariaDB): ")  # begins the figures of other ways than a step
_MARKED = re.compile(r"(<!-- figures: made by benchmarks\.draw -->\n).*?(<!-- end of figures -->)", re.DOTALL)

THEMES = {
    "light": {"text": "#1f2328", "faint": "#d1d9e0", "own": "#0969da", "other": "#9aa4af", "bound": "#bc4c00"},
    "dark": {"text": "#e6edf3", "faint": "#3d444d", "own": "#58a6ff", "other": "#7d8590", "bound": "#f0883e"},
}

Theme = dict[str, str]
Rows = Sequence[tuple[str, float, str]]
_FAR_FROM_BOUND = 0.5  # of it: a label beside a longer bar would lie on the bound's line


@contextmanager
def chart(name: str, theme_name: str, height: float, folder: Path) -> Iterator[tuple[Axes, Theme]]:
    """Give an empty chart in the colours of a theme, and keep it as ``NAME-THEME.svg``."""
    theme = THEMES[theme_name]
    colours = dict.fromkeys(("text.color", "axes.labelcolor", "xtick.color", "ytick.color"), theme["text"])
    style = {
        **colours,
        "svg.fonttype": "none",  # text stays text: it can be read out, and a change of it can be read in a diff
        "svg.hashsalt": name,  # the same chart is the same file
        "font.family": "sans-serif",
        "font.size": 10,
        "axes.edgecolor": theme["faint"],
        "grid.color": theme["faint"],
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
    with mpl.rc_context(style):
        figure, axes = plt.subplots(figsize=(8, height), layout="constrained")
        axes.set_axisbelow(True)
        yield axes, theme
        folder.mkdir(parents=True, exist_ok=True)
        figure.savefig(folder / f"{name}-{theme_name}.svg", transparent=True, metadata={"Date": None})
        plt.close(figure)


def bars(axes: Axes, theme: Theme, rows: Rows, unit: str, *, bound: float | None = None) -> None:
    """Draw rows of a name, a value and the colour's name as bars, the first on top, each with its value beside it."""
    names, values, colours = _from_below(rows, theme)
    axes.barh(names, values, color=colours, height=0.62)
    if bound is not None:
        axes.axvline(bound, color=theme["bound"], linewidth=1.4)
    for place, value in enumerate(values):
        beside = value if bound is None or value < _FAR_FROM_BOUND * bound else max(value, bound)
        _label(axes, beside, place, f"{results.shown(value)} {unit}")
    _without_frame(axes)
    axes.set_xlim(0, 1.12 * max(values))


def dots(axes: Axes, theme: Theme, rows: Rows, unit: str = "") -> None:
    """Draw such rows as dots on a logarithmic scale, where the length of a bar would mean nothing."""
    names, values, colours = _from_below(rows, theme)
    axes.scatter(values, names, color=colours, s=60, zorder=3)
    for place, value in enumerate(values):
        _label(axes, value, place, f"{results.shown(value)} {unit}".strip(), away=9)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.xaxis.set_minor_locator(NullLocator())
    _without_frame(axes)
    axes.set_xlim(min(values) / 1.8, max(values) * 4)
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.grid(axis="y", linewidth=0.6, linestyle=":")


def _from_below(rows: Rows, theme: Theme) -> tuple[list[str], list[float], list[str]]:
    turned = rows[::-1]
    return (
        [name for name, _, _ in turned],
        [value for _, value, _ in turned],
        [theme[colour] for _, _, colour in turned],
    )


def _label(axes: Axes, value: float, place: int, text: str, away: int = 5) -> None:
    axes.annotate(text, (value, place), (away, 0), textcoords="offset points", va="center")


def _without_frame(axes: Axes) -> None:
    axes.grid(axis="x", linewidth=0.6)
    axes.tick_params(length=0)
    axes.spines[["left", "bottom"]].set_visible(False)


class Kept:
    """The figures of all benchmarks, by benchmark and by their words."""

    def __init__(self, folder: Path = results.RESULTS) -> None:
        self.entries = {name: results.read(name, folder) for name in NAMES}

    def series(self, name: str, start: str) -> list[tuple[float, float]]:
        """Return the points of figures such as ``START after 5 s``, as seconds and values."""
        pattern = re.compile(re.escape(start) + r" after ([\d.]+) s")
        matches = ((pattern.fullmatch(entry["figure"]), entry["value"]) for entry in self.entries[name])
        return sorted((float(match[1]), value) for match, value in matches if match)

    def ending(self, name: str, end: str) -> list[tuple[str, float]]:
        """Return the figures of a benchmark that end with these words, and their values."""
        return [(entry["figure"], entry["value"]) for entry in self.entries[name] if entry["figure"].endswith(end)]

    def goals(self) -> list[dict[str, Any]]:
        """Return the figures of the runners for which something was to be reached; steps have a chart of their own."""
        of_runners = (entries for name, entries in self.entries.items() if name != "steps")
        return [entry for entries in of_runners for entry in entries if entry["reach"] is not None]


def draw_goals(kept: Kept, axes: Axes, theme: Theme) -> None:
    """Draw how much of what is allowed each figure takes."""
    rows = [(entry["figure"], 100 * _part(entry), "own" if entry["holds"] else "bound") for entry in kept.goals()]
    bars(axes, theme, rows, "%", bound=100)
    axes.set_xlabel("of what is allowed (the line)")


def draw_cost(kept: Kept, axes: Axes, theme: Theme) -> None:
    """Draw what a thousand jobs cost, by who follows them."""
    own = [(name.replace(": runner", ""), value) for name, value in kept.ending("cost", ": runner")]
    others = [(name.removesuffix(": cost"), value) for name, value in kept.ending("cost", ": cost")]
    rows = [*((f"runner: {name}", value, "own") for name, value in own), *((*one, "other") for one in others)]
    dots(axes, theme, rows, "USD")


def draw_lateness(kept: Kept, axes: Axes, theme: Theme) -> None:
    """Draw how long a job's end is unknown, at the 99th percentile."""
    ends = ": runner, from end to report, 99 %"
    own = [(f"runner: {name.removesuffix(ends)}", value, "own") for name, value in kept.ending("cost", ends)]
    ends = ": from end to known, 99 %"
    others = [(name.removesuffix(ends), value, "other") for name, value in kept.ending("cost", ends)]
    dots(axes, theme, [*own, *others], "s")


def draw_calls(kept: Kept, axes: Axes, theme: Theme) -> None:
    """Draw how often a service is asked, for each job and sweep."""
    rows = [(entry["figure"], entry["value"], "own") for entry in kept.entries["status_calls"]]
    dots(axes, theme, [*rows[:-1], (*rows[-1][:2], "other")])


def draw_starts(kept: Kept, axes: Axes, theme: Theme) -> None:
    """Draw how many of a thousand tasks were started when."""
    points = kept.series("starts", "started")
    seconds = [second for second, _ in points]
    most = points[-1][1]
    quota = AWS_QUOTAS["athena"]["start_query_execution"]
    allowed = [min(most, quota.burst + quota.per_second * second) for second in seconds]
    own = [tasks for _, tasks in points]
    axes.plot(seconds, own, color=theme["own"], linewidth=5, alpha=0.7, label="started by a worker")
    axes.plot(seconds, allowed, color=theme["bound"], linestyle="--", linewidth=1.4, label="as the quota allows")
    axes.legend(frameon=False, loc="lower right")
    axes.set_xlabel("seconds since the worker's first poll")
    axes.set_ylabel("tasks")
    axes.grid(linewidth=0.6)
    axes.set_ylim(0)
    axes.set_xlim(0)


def draw_steps(kept: Kept, axes: Axes, theme: Theme) -> None:
    """Draw how many rows a second each way moves: the steps, and what stands beside them."""
    rates = [(entry["figure"], entry["value"]) for entry in kept.entries["steps"] if entry["unit"] == "krows/s"]
    rows = [(name, value, "other" if _BESIDE_STEPS.search(name) else "own") for name, value in rates]
    bars(axes, theme, rows, "krows/s")
    axes.set_xlabel("thousands of rows a second")


DRAWN = {
    "goals": (draw_goals, 7.0),
    "cost": (draw_cost, 2.9),
    "lateness": (draw_lateness, 2.6),
    "calls": (draw_calls, 3.6),
    "starts": (draw_starts, 3.6),
    "steps": (draw_steps, 5.2),
}
"""The charts by name: what draws each, and how high it is, in inches."""


def _part(entry: dict[str, Any]) -> float:
    sign, bound = entry["reach"].split()
    return float(entry["value"] / float(bound) if sign == "≤" else float(bound) / entry["value"])


def table_of(kept: Kept) -> str:
    """Return all figures as Markdown."""
    lines = ["| benchmark | figure | value | to reach | |", "|---|---|---:|---:|---|"]
    for name, entries in kept.entries.items():
        for entry in entries:
            if _POINT.search(entry["figure"]):
                continue
            verdict = {True: "✓", False: "missed", None: ""}[entry["holds"]]
            value = f"{results.shown(entry['value'])} {entry['unit']}"
            lines.append(f"| `{name}` | {entry['figure']} | {value} | {entry['reach'] or ''} | {verdict} |")
    measured = sorted({f"{entry['date']} on {entry['machine']}" for its in kept.entries.values() for entry in its})
    return "\n".join([*lines, "", f"Measured {'; '.join(measured)}."])


def write_table(kept: Kept, page: Path = PAGE) -> None:
    """Put the table between its marks in the page."""
    text = page.read_text(encoding="utf-8")
    page.write_text(_MARKED.sub(lambda found: f"{found[1]}{table_of(kept)}\n{found[2]}", text), encoding="utf-8")


def main() -> None:
    """Draw everything for which there are results, and write the table."""
    kept = Kept()
    for name, (draw, height) in DRAWN.items():
        for theme_name in THEMES:
            with chart(name, theme_name, height, CHARTS) as (axes, theme):
                draw(kept, axes, theme)
    write_table(kept)


if __name__ == "__main__":
    main()
