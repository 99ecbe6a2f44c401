from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runners.steps.systems.mysql_load import lines

TEXTS = st.none() | st.text(st.sampled_from("\\\t\n\rN0ab'\"\x00é😀"), max_size=6)


def parsed(sent: bytes) -> list[list[str | None]]:
    """What MySQL's manual says of fields that end with a tab, lines with a line feed, and escapes by a backslash."""
    rows: list[list[str | None]] = []
    row: list[str | None] = []
    field = ""
    letters = iter(sent.decode())
    for letter in letters:
        if letter == "\\":
            following = next(letters)
            field += {"t": "\t", "n": "\n", "\\": "\\"}.get(following, f"\x01{following}")
        elif letter in "\t\n":
            row.append(None if field == "\x01N" else field)
            field = ""
            if letter == "\n":
                rows.append(row)
                row = []
        else:
            field += letter
    assert not row
    assert not field
    return rows


@given(rows=st.lists(st.tuples(TEXTS, TEXTS, TEXTS), max_size=6), columns=st.integers(1, 3))
def test_any_text_and_null_can_be_told_apart(rows, columns):
    rows = [list(row[:columns]) for row in rows]
    arrays = [pa.array([row[place] for row in rows], pa.string()) for place in range(columns)]
    assert parsed(bytes(lines(arrays, [True] * columns))) == rows


def test_a_piece_of_a_batch_is_only_itself():
    texts = pa.array(["a\t", None, "b\\"])
    assert bytes(lines([texts.slice(1)], [True])) == b"\\N\nb\\\\\n"


@pytest.mark.parametrize("rows", [0, 1])
def test_columns_without_anything_to_escape_are_written_as_they_are(rows):
    assert bytes(lines([pa.array(["12"] * rows, pa.string())] * 2, [False, False])) == b"12\t12\n" * rows
