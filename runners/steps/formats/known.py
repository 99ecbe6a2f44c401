"""The formats that there are, as the parameter ``Format`` tells them apart, and as names of files do."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from runners.steps.errors import ValidationFailed
from runners.steps.formats.compression import without_suffix
from runners.steps.formats.csv import Csv
from runners.steps.formats.excel import Excel
from runners.steps.formats.format import Format
from runners.steps.formats.json import Json
from runners.steps.formats.json_lines import JsonLines
from runners.steps.formats.parquet import Parquet

AnyFormat = Annotated[Csv | Json | JsonLines | Parquet | Excel, Field(discriminator="Type")]
"""A format with its options, e.g. ``{"Type": "csv", "Delimiter": ";"}``."""

FORMATS: tuple[type[Format], ...] = (Csv, Json, JsonLines, Parquet, Excel)
"""All of them."""


def named(name: str) -> type[Format] | None:
    """Return the format that a file's name says; None if it says none."""
    plain = without_suffix(name.lower())
    return next((form for form in FORMATS if plain.endswith(form.suffixes)), None)


def format_of(name: str, chosen: Format | None) -> Format:
    """Return the format that was chosen, or else the one that a file's name says, with nothing else said.

    Raises:
        ValidationFailed: the name says none.

    """
    if chosen is not None:
        return chosen
    if (form := named(name)) is None:
        known = ", ".join(suffix for one in FORMATS for suffix in one.suffixes)
        raise ValidationFailed(f"the format of {name} is not known by its name: give Format, or one of {known}")
    return form()
