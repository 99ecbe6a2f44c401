"""CSV files as Glue's built-in classifier sees them, or one that a person made: delimiter, quotes, header, columns.

Looks at the beginning of a file as text, no more; knows neither S3 nor the catalog.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass

from runners.local.crawlers.column_types import STRING, Column, Type, of_text, widened

DELIMITERS = (",", "|", "\t", ";", "\x01")
"""Those that the built-in classifier tries."""
QUOTE = '"'
MAX_RECORDS = 1000
"""How many records of a file are looked at."""
MAX_HEADER_CELL = 150  # characters; a cell of a header is shorter
FEWEST_COLUMNS = 2
FEWEST_ROWS = 2
NAME = re.compile(r"[\u0020-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF\t]{1,255}")

PRESENT, ABSENT, UNKNOWN = "PRESENT", "ABSENT", "UNKNOWN"
LAZY, OPEN = "LazySimpleSerDe", "OpenCSVSerDe"


@dataclass(frozen=True)
class Classifier:
    """How CSV files are told; without a delimiter, by those of the built-in classifier."""

    delimiter: str | None = None
    quote: str = QUOTE
    header: str = UNKNOWN
    names: tuple[str, ...] = ()
    """Names of the columns, in place of those in the file."""
    single_column: bool = False
    """Whether a file of one column is one of CSV."""
    serde: str = LAZY


BUILT_IN = Classifier()


@dataclass(frozen=True)
class Layout:
    """What the catalog is told about a CSV file beside its columns."""

    delimiter: str
    quote: str
    quoted: bool
    """Whether some values stand in quotes."""
    has_header: bool
    serde: str


@dataclass(frozen=True)
class CsvFile:
    """What the beginning of a CSV file says."""

    layout: Layout
    columns: tuple[Column, ...]
    rows: int
    """How many rows of data were looked at."""


def classify(text: str, classifier: Classifier = BUILT_IN) -> CsvFile | None:
    """Read the beginning of a file, which ends with a whole line; nothing if it is not CSV."""
    for delimiter in (classifier.delimiter,) if classifier.delimiter else DELIMITERS:
        rows = _rows(text, delimiter, classifier.quote)
        if rows and _is_table(rows, classifier):
            return _csv_file(text, rows, delimiter, classifier)
    return None


def _rows(text: str, delimiter: str, quote: str) -> list[list[str]]:
    reader = csv.reader(text.splitlines(keepends=True), delimiter=delimiter, quotechar=quote, strict=True)
    rows: list[list[str]] = []
    try:
        for row in reader:
            if row:
                rows.append(row)
            if len(rows) > MAX_RECORDS:
                break
    except csv.Error:
        return []
    return rows


def _is_table(rows: list[list[str]], classifier: Classifier) -> bool:
    width = len(rows[0])
    if any(len(row) != width for row in rows):
        return False
    if classifier.names and len(classifier.names) != width:
        return False
    if classifier is not BUILT_IN:
        return width >= FEWEST_COLUMNS or classifier.single_column
    return width >= FEWEST_COLUMNS and len(rows) >= FEWEST_ROWS


def _csv_file(text: str, rows: list[list[str]], delimiter: str, classifier: Classifier) -> CsvFile:
    has_header = classifier.header == PRESENT or (classifier.header == UNKNOWN and _has_header(rows))
    data = rows[1:] if has_header else rows
    names = classifier.names or (rows[0] if has_header else [f"col{number}" for number in range(len(rows[0]))])
    # Open CSV SerDe reads an empty field of any type but a text as an error.
    types: list[Type] = [STRING] * len(names) if classifier.serde == OPEN else _types(data, len(names))
    layout = Layout(delimiter, classifier.quote, classifier.quote in text, has_header, classifier.serde)
    columns = tuple(
        Column(name.strip().lower() or f"col{number}", type_)
        for number, (name, type_) in enumerate(zip(names, types, strict=True))
    )
    return CsvFile(layout, columns, len(data))


def _has_header(rows: list[list[str]]) -> bool:
    """Tell a header by Glue's rules: texts alone, short, good as names, and unlike the rows below."""
    first, data = rows[0], rows[1:]
    if any(of_text(cell) != STRING or len(cell) >= MAX_HEADER_CELL for cell in first[:-1]):
        return False
    last_is_empty = not first[-1].strip() and all(not row[-1].strip() for row in data)
    if not last_is_empty and of_text(first[-1]) != STRING:
        return False
    if not all(NAME.fullmatch(cell) for cell in first if cell):
        return False
    return any(of_text(cell) not in {STRING, None} for row in data for cell in row)


def _types(data: list[list[str]], width: int) -> list[Type]:
    types: list[Type] = [None] * width
    for row in data:
        types = [widened(type_, of_text(cell)) for type_, cell in zip(types, row, strict=True)]
    return types
