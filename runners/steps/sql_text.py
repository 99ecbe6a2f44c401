"""Where in SQL something stands: in the open, or within a literal, a quoted name or a comment, as a database reads it.

A driver that writes values into the statement does so wherever a placeholder stands. Within quotes or a comment of the
statement's own a value could end these, and go on as SQL. So there must be none.
"""

from __future__ import annotations

_LITERAL = r"'(?:[^']|'')*(?:'|\Z)"
_NAME = r'"(?:[^"]|"")*(?:"|\Z)'
_BACKTICKS = r"`(?:[^`]|``)*(?:`|\Z)"
_BRACKETS = r"\[(?:[^\]]|\]\])*(?:\]|\Z)"
_REST_OF_LINE = r"--[^\n\r]*"
_COMMENT = r"/\*(?:.|\n)*?(?:\*/|\Z)"

STANDARD = "|".join((_LITERAL, _NAME, _REST_OF_LINE, _COMMENT))
"""A pattern of what is not in the open, in standard SQL."""

POSTGRESQL = "|".join(
    (
        r"(?<![\w$])[eE]'(?:[^'\\]|\\(?:.|\n)|'')*(?:'|\Z)",
        r"(?<![\w$])\$(?P<tag>[^\W\d]\w*|)\$(?:.|\n)*?(?:\$(?P=tag)\$|\Z)",
        STANDARD,
    )
)
"""The same in PostgreSQL and what descends from it."""

_LITERAL_WITH_BACKSLASHES = r"'(?:[^'\\]|\\(?:.|\n)|'')*(?:'|\Z)"

MYSQL = "|".join(
    (
        _LITERAL_WITH_BACKSLASHES,
        r'"(?:[^"\\]|\\(?:.|\n)|"")*(?:"|\Z)',
        _BACKTICKS,
        r"--(?=[\x01-\x20]|\Z)[^\n]*",  # without a blank these are two minus signs
        r"#[^\n]*",
        _COMMENT,
    )
)
"""The same in MySQL and MariaDB, with backslashes as they are by default."""

SQLITE = "|".join((STANDARD, _BACKTICKS, _BRACKETS))
"""The same in SQLite."""

SQLSERVER = "|".join((STANDARD, _BRACKETS))
"""The same in SQL Server."""

SNOWFLAKE = "|".join((_LITERAL_WITH_BACKSLASHES, r"\$\$(?:.|\n)*?(?:\$\$|\Z)", r"//[^\n]*", STANDARD))
"""The same in Snowflake."""
