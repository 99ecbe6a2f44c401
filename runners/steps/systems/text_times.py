"""Times as texts that a database has written, as times of microseconds: exactly, or refused."""

from __future__ import annotations

from datetime import time

import pyarrow as pa
import pyarrow.compute as pc

from runners.steps.errors import DataNotRepresentable

_TOO_FINE = r"\.\d{6}\d*[1-9]"


def exact_times(texts: pa.Array, kind: pa.DataType, name: str, advice: str) -> pa.Array:
    """Return texts such as ``2020-01-31 04:05:06.1234560 +01:00`` as values of a type.

    Args:
        texts: the values.
        kind: a timestamp in microseconds, with a zone if the texts have an offset; or a time of day.
        name: the column's name.
        advice: what to do about a value that is finer than a microsecond.

    Raises:
        DataNotRepresentable: a value is finer.

    """
    if pc.any(pc.match_substring_regex(texts, _TOO_FINE)).as_py():
        raise DataNotRepresentable(f"a value of the column {name} is finer than a microsecond: {advice}", column=name)
    texts = pc.replace_substring_regex(texts, r"(\.\d{6})\d+", r"\1")
    if pa.types.is_time(kind):
        return pa.array([None if text is None else time.fromisoformat(text) for text in texts.to_pylist()], kind)
    return pc.replace_substring_regex(texts, r" ([+-]\d\d:\d\d)$", r"\1").cast(kind)
