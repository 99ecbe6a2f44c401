"""The pages of the documentation that list the step types: ``python -m runners.step_command.pages`` writes them.

A page for each kind of source and target and for each step that is no transfer, one for what all transfers take and
one for the formats of files; and the table of all pairs. Their text is that of the models.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from runners.deployment.environment import ROOT
from runners.step_command.descriptions import Field, fields_of
from runners.steps.catalog import CONTROL, find
from runners.steps.formats.known import FORMATS
from runners.steps.pairs import PAIRS, SOURCES, TARGETS, End, connection_kind, kind_of
from runners.steps.transfer import TransferParameters

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import BaseModel

FOLDER = ROOT / "docs" / "steps"
TYPES = "types"
BEGIN = "<!-- From here on the page is written by `python -m runners.step_command.pages`. -->\n"

_WRITTEN = "<!-- This page is written by `python -m runners.step_command.pages`. -->"
_OWN = ("Source", "Target")  # the fields of a transfer that have pages of their own
_FORMAT = "Format"
_FAMILIAR = ("PostgreSql", "S3")  # at the other end of an example


def pages() -> dict[str, str]:
    """Return the pages by their names in ``docs/steps/types``."""
    written = {f"from-{name.lower()}.md": _of_end(name, end, "Source") for name, end in SOURCES.items()}
    written |= {f"to-{name.lower()}.md": _of_end(name, end, "Target") for name, end in TARGETS.items()}
    written |= {f"{name.lower()}.md": _of_step(name) for name in CONTROL}
    return written | {"transfer.md": _of_transfers(), "formats.md": _of_formats()}


def overview() -> str:
    """Return what the page of all steps says of the types: which pairs there are, and what else."""
    rows = [
        (
            f"[{_capital(SOURCES[source].words)}]({TYPES}/from-{source.lower()}.md)",
            ", ".join(f"[`{name}`]({TYPES}/to-{target.lower()}.md)" for name, target in targets),
        )
        for source, targets in _targets_by_source().items()
    ]
    others = [(f"[`{name}`]({TYPES}/{name.lower()}.md)", find(name).summary()) for name in sorted(CONTROL)]
    parts = [
        BEGIN,
        f"## The {len(PAIRS)} transfers\n",
        f"What all take besides their source and target: [transforms, checks, increments]({TYPES}/transfer.md).\n",
        _table(("from", "step types"), rows),
        "## Other steps\n",
        _table(("step type", "what it does"), others),
    ]
    return "\n".join(parts)


def write(folder: Path = FOLDER) -> None:
    """Write all pages; of the overview, what stands before its list stays, and pages of what is gone are removed."""
    types = folder / TYPES
    types.mkdir(parents=True, exist_ok=True)
    made = pages()
    for page in types.glob("*.md"):
        if page.name not in made:
            page.unlink()
    for name, text in made.items():
        (types / name).write_text(text, encoding="utf-8")
    index = folder / "index.md"
    before = index.read_text(encoding="utf-8").partition(BEGIN)[0]
    index.write_text(before + overview(), encoding="utf-8")


def _of_end(name: str, end: End, field: str) -> str:
    kind = kind_of(end)
    place = 0 if field == "Source" else 1
    pairs = {step_type: pair for step_type, pair in PAIRS.items() if pair[place] == name}
    other, folder = ("to", TARGETS) if field == "Source" else ("from", SOURCES)
    listed = ", ".join(
        f"[`{step_type}`]({other}-{pair[1 - place].lower()}.md)" for step_type, pair in sorted(pairs.items())
    )
    step_type, pair = min(pairs.items(), key=lambda one: one[1][1 - place] not in _FAMILIAR)
    ends = {field: kind.example, _OWN[1 - place]: kind_of(folder[pair[1 - place]]).example}
    example = {"StepType": step_type, "Parameters": {own: ends[own] for own in _OWN}}
    needs = [f"Needs the extra `{end.extra}`: `pip install 'etl-runners[{end.extra}]'`.\n"] if end.extra else []
    return _page(
        f"{'From' if field == 'Source' else 'To'} {end.words}",
        [
            _text_of(kind),
            *needs,
            f"Step types: {listed}. [What all transfers take](transfer.md).\n",
            f"## `{field}`\n",
            _fields_table(fields_of(kind)),
            *_of_connection(name),
            "## Example\n",
            _json(example),
        ],
    )


def _of_connection(name: str) -> list[str]:
    kind = connection_kind(name)
    if kind is None:
        return []
    said = _text_of(kind).rstrip()
    return ["## Its connection\n", f"{said} [Where it is kept](../connections.md).\n", _fields_table(fields_of(kind))]


def _of_step(name: str) -> str:
    kind = find(name)
    example = {"StepType": name, "Parameters": kind.example}
    parts = [_text_of(kind), "## Parameters\n", _fields_table(fields_of(kind.Parameters)), "## Example\n"]
    return _page(name, [*parts, _json(example)])


def _of_transfers() -> str:
    fields = [field for field in fields_of(TransferParameters) if field.name.partition(".")[0] not in _OWN]
    said = "What every transfer takes besides its `Source` and `Target`.\n"
    return _page("All transfers", [said, _fields_table(fields)])


def _of_formats() -> str:
    said = "What `Format` may be at S3, SFTP, folders, Slack and e-mail. Without one, the name of the file tells.\n"
    parts = [said]
    for kind in FORMATS:
        parts += [f"## {kind.__name__}\n", _text_of(kind), _fields_table(fields_of(kind))]
    return _page("Formats of files", parts)


def _page(title: str, parts: Iterable[str]) -> str:
    return "\n".join([f"# {title}\n", f"{_WRITTEN}\n", *parts])


def _fields_table(fields: Sequence[Field]) -> str:
    of_formats = re.compile(rf"{_FORMAT}[ .]")
    shown = [field for field in fields if not of_formats.match(field.name)]
    linked = "[formats](formats.md)"
    rows = [
        (f"`{field.name}`", linked if field.name == _FORMAT else field.about, _markdown(field.text)) for field in shown
    ]
    return _table(("parameter", "", ""), rows)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(line.replace("|  |", "| |") for line in lines) + "\n"


def _text_of(kind: type[BaseModel] | type[Any]) -> str:
    """Return what a class says of itself, without the lists of its attributes and errors."""
    said = inspect.cleandoc(kind.__doc__ or "")
    return _markdown(re.split(r"\n\n(?:Args|Attributes|Raises|Example)s?:", said)[0]) + "\n"


def _markdown(text: str) -> str:
    return text.replace("``", "`")


def _json(value: Mapping[str, Any]) -> str:
    return f"```json\n{json.dumps(value, indent=2, ensure_ascii=False)}\n```\n"


def _capital(words: str) -> str:
    return words[0].upper() + words[1:]


def _targets_by_source() -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {source: [] for source in SOURCES}
    for name, (source, target) in PAIRS.items():
        found[source].append((name, target))
    return found


if __name__ == "__main__":
    write()
