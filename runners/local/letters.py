"""Letters on whose case Java and DuckDB do not agree: what Spark's and Trino's SQL would write otherwise than DuckDB.

Found by asking both for every letter there is; kept as character classes of regular expressions.
"""

OTHER_CASE = (
    r"\x{DF}\x{130}\x{149}\x{1F0}\x{390}\x{3A3}\x{3B0}\x{587}\x{1E96}-\x{1E9A}\x{1F50}\x{1F52}\x{1F54}"
    r"\x{1F56}\x{1F80}-\x{1FAF}\x{1FB2}-\x{1FB4}\x{1FB6}-\x{1FB7}\x{1FBC}\x{1FC2}-\x{1FC4}"
    r"\x{1FC6}-\x{1FC7}\x{1FCC}\x{1FD2}-\x{1FD3}\x{1FD6}-\x{1FD7}\x{1FE2}-\x{1FE4}\x{1FE6}-\x{1FE7}"
    r"\x{1FF2}-\x{1FF4}\x{1FF6}-\x{1FF7}\x{1FFC}\x{2C2F}\x{2C5F}\x{A7C0}-\x{A7C1}\x{A7D0}-\x{A7D1}"
    r"\x{A7D6}-\x{A7D9}\x{FB00}-\x{FB06}\x{FB13}-\x{FB17}\x{10570}-\x{105BC}"
)
"""Letters such as ß, İ, Σ and ligatures, of whose upper or lower case they do not agree; Σ because Java looks at what
follows it."""

TITLE_CASE = (
    r"\x{1C4}-\x{1CC}\x{1F1}-\x{1F3}\x{10D0}-\x{10FF}\x{1C90}-\x{1CBF}\x{1E9E}\x{10400}-\x{104FF}\x{10C80}-\x{10CFF}"
    r"\x{118A0}-\x{118DF}\x{16E40}-\x{16E7F}\x{1E900}-\x{1E943}"
)
"""Letters that Java does not simply put into upper case where they begin a word: dž, ẞ, Georgian, rare scripts."""
