"""The part of docs/lint.md that lists the rules, made from their table: ``python -m runners.lint.page`` writes it."""

from __future__ import annotations

from difflib import unified_diff
from textwrap import fill
from typing import TYPE_CHECKING

from runners.deployment.environment import ROOT
from runners.lint.linting import ALL_RULES, KINDS

if TYPE_CHECKING:
    from pathlib import Path

    from runners.lint.rules import Rule

PAGE = ROOT / "docs" / "lint.md"
BEGIN = "<!-- From here on the page is written by `python -m runners.lint.page`. -->\n"
_DIFF_HEADER = 2  # lines
_WIDTH = 125  # characters of a line, as in the other pages


def written() -> str:
    """Return what the page says of the rules."""
    kinds = "\n".join(f"| `{kind.id}` {kind.name} | {kind.severity} | {kind.title} |" for kind in KINDS)
    return "\n".join(
        [
            BEGIN,
            "## The file and the language\n",
            "| finding | | what is wanted |",
            "|---|---|---|",
            f"{kinds}\n",
            "## The tasks\n",
            "Each example shows what changes from a bad state to a good one.\n",
            "\n".join(_section(rule) for rule in ALL_RULES),
        ]
    )


def write(page: Path = PAGE) -> None:
    """Write the list of rules into the page; what stands before it stays."""
    before = page.read_text(encoding="utf-8").partition(BEGIN)[0]
    page.write_text(before + written(), encoding="utf-8")


def _section(rule: Rule) -> str:
    lines = list(unified_diff(rule.bad.splitlines(), rule.good.splitlines(), n=1, lineterm=""))
    changes = "\n".join("…" if line.startswith("@@") else line for line in lines[_DIFF_HEADER:])
    said = fill(f"**{rule.severity}.** {rule.title} {rule.why}", _WIDTH, break_long_words=False, break_on_hyphens=False)
    text = f"### {rule.id} {rule.name}\n\n{said}\n"
    return f"{text}\n```diff\n{changes.removeprefix('…').strip(chr(10))}\n```\n"


if __name__ == "__main__":
    write()
