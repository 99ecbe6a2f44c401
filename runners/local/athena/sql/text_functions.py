"""Trino's functions of texts and of bytes, and of regular expressions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from runners.local.athena.sql.casts import cast
from runners.local.athena.sql.errors import not_run
from runners.local.athena.sql.patterns import Regex, pattern_of, replacement_of
from runners.local.athena.sql.signatures import function, table
from runners.local.athena.sql.types import (
    MOST_DIGITS,
    VARCHAR,
    decimal,
    is_whole,
    stored,
)
from runners.local.athena.sql.values import Value, literal_of, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runners.local.athena.sql.signatures import Bindings

# The characters that Java calls whitespace, which trim() removes.
BLANKS = (
    "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f "
    "\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2008\u2009\u200a\u2028\u2029\u205f\u3000"
)


def glued(items: str, glue: Value) -> str:
    """Join texts; DuckDB's own function takes nothing but a literal between them."""
    if glue.constant is None:
        return f"trino_array_join({items}, {glue.sql})"
    return f"CASE WHEN {items} IS NOT NULL THEN coalesce(array_to_string({items}, {text(glue.constant)}), '') END"


# Texts

_TEXTS = table(
    function("length(varchar) -> bigint", "length({0})"),
    function("length(varbinary) -> bigint", "octet_length({0})"),
    function("lower(C) -> C", "trino_lower({0})"),
    function("upper(C) -> C", "trino_upper({0})"),
    function("trim(C) -> C", f"trim({{0}}, {text(BLANKS)})"),
    function("ltrim(C) -> C", f"ltrim({{0}}, {text(BLANKS)})"),
    function("rtrim(C) -> C", f"rtrim({{0}}, {text(BLANKS)})"),
    function("trim(C, varchar) -> C", "trim({0}, {1})"),
    function("ltrim(C, varchar) -> C", "ltrim({0}, {1})"),
    function("rtrim(C, varchar) -> C", "rtrim({0}, {1})"),
    function("substr(C, bigint) -> C", "trino_substr({0}, {1})"),
    function("substr(C, bigint, bigint) -> C", "trino_substr_of_length({0}, {1}, {2})"),
    function("strpos(varchar, varchar) -> bigint", "trino_strpos({0}, {1})"),
    function("replace(varchar, varchar) -> varchar", "trino_replace({0}, {1}, '')"),
    function("replace(varchar, varchar, varchar) -> varchar", "trino_replace({0}, {1}, {2})"),
    function("reverse(C) -> C", "trino_reverse({0})"),
    function("reverse(array(E)) -> array(E)", "list_reverse({0})"),
    function("lpad(varchar, bigint, varchar) -> varchar", "trino_lpad({0}, {1}, {2})"),
    function("rpad(varchar, bigint, varchar) -> varchar", "trino_rpad({0}, {1}, {2})"),
    function("split(varchar, varchar) -> array(varchar)", "trino_split({0}, {1})"),
    function("split(varchar, varchar, bigint) -> array(varchar)", "trino_split_at_most({0}, {1}, {2})"),
    function("split_part(varchar, varchar, bigint) -> varchar", "trino_split_part({0}, {1}, {2})"),
    function("split_to_map(varchar, varchar, varchar) -> map(varchar, varchar)", "trino_split_to_map({0}, {1}, {2})"),
    function("starts_with(varchar, varchar) -> boolean", "starts_with({0}, {1})"),
    function("ends_with(varchar, varchar) -> boolean", "ends_with({0}, {1})"),
    function("chr(bigint) -> varchar", "trino_chr({0})"),
    function("codepoint(varchar) -> integer", "trino_codepoint({0})"),
    function("translate(varchar, varchar, varchar) -> varchar", "translate({0}, {1}, {2})"),
    function("concat_ws(varchar, varchar, ...) -> varchar", "concat_ws({all})"),
    function("concat_ws(varchar, array(varchar)) -> varchar", lambda _, glue, items: glued(items.sql, glue)),
    function("to_utf8(varchar) -> varbinary", "encode({0})"),
    function("from_utf8(varbinary) -> varchar", "decode({0})"),
    function("to_hex(varbinary) -> varchar", "hex({0})"),
    function("from_hex(varchar) -> varbinary", "unhex({0})"),
    function("to_base64(varbinary) -> varchar", "to_base64({0})"),
    function("from_base64(varchar) -> varbinary", "from_base64({0})"),
    function("md5(varbinary) -> varbinary", "unhex(md5({0}))"),
    function("sha256(varbinary) -> varbinary", "unhex(sha256({0}))"),
    function("concat(varchar, varchar, ...) -> varchar", lambda _, *parts: _concatenated(parts, "({} || {})")),
    function("concat(varbinary, varbinary, ...) -> varbinary", lambda _, *parts: _concatenated(parts, "({} || {})")),
    function(
        "concat(array(E), array(E), ...) -> array(E)", lambda _, *parts: _concatenated(parts, "list_concat({}, {})")
    ),
    function("concat(array(E), E) -> array(E)", "trino_append({0}, {1})"),
    function("concat(E, array(E)) -> array(E)", "trino_prepend({0}, {1})"),
    function("format(varchar, _, ...) -> varchar", lambda _, *parts: _formatted(parts)),
)


def _concatenated(parts: Sequence[Value], joined: str) -> str:
    """Join, where NULL makes all NULL: DuckDB takes a list that is NULL as an empty one."""
    made = parts[0].sql
    for part in parts[1:]:
        made = joined.format(made, part.sql)
    if joined.startswith("list"):
        present = " AND ".join(f"{part.sql} IS NOT NULL" for part in parts)
        return f"CASE WHEN {present} THEN {made} END"
    return made


_FORMAT = re.compile(
    r"%(?P<percent>%)|%(?P<zero>0?)(?P<width>\d*)(?:\.(?P<digits>\d+))?(?P<kind>[sdf])|(?P<text>[^%]+)|(?P<bad>%)"
)


def _formatted(parts: Sequence[Value]) -> str:
    pattern, values = literal_of(parts[0], "a pattern of format()"), list(parts[1:])
    made = []
    for found in _FORMAT.finditer(pattern):
        if found["percent"] or found["text"]:
            made.append(text(found["percent"] or found["text"]))
            continue
        if found["bad"] or not values or (found["width"] and (found["kind"], found["zero"]) != ("d", "0")):
            raise not_run(f"format() with the pattern {pattern!r}")
        made.append(_formatted_value(values.pop(0), found, pattern))
    return f"({' || '.join(made) or text('')})"


def _formatted_value(value: Value, found: re.Match[str], pattern: str) -> str:
    kind, of = found["kind"], value.type
    if kind == "s" and (of.name in ("varchar", "boolean", "decimal", "date") or is_whole(of)):
        return f"coalesce({cast(value, VARCHAR).sql}, 'null')"
    if kind == "d" and is_whole(of):
        written = f"CAST({value.sql} AS VARCHAR)"
        return f"coalesce(trino_zeros({written}, {found['width'] or 0}), 'null')"
    if kind == "f" and of.name in ("decimal", "real", "double"):
        wanted = decimal(MOST_DIGITS, int(found["digits"] or 6))
        exact = value.sql if of.name == "decimal" else f"trino_shortest({value.sql})"
        return f"coalesce(CAST(CAST({exact} AS {stored(wanted)}) AS VARCHAR), 'null')"
    raise not_run(f"format() of {of} with the pattern {pattern!r}")


def _matched(value: Value, pattern: Value, *, finds_all: bool) -> tuple[str, Regex]:
    """Check a regular expression, and let the text be checked when it is matched."""
    regex = pattern_of(literal_of(pattern, "a regular expression"), finds_all=finds_all)
    return f"trino_matched({value.sql}, {text(regex.forbidden)})", regex


def _is_like(_: Bindings, value: Value, pattern: Value) -> str:
    matched, regex = _matched(value, pattern, finds_all=False)
    return f"regexp_matches({matched}, {text(regex.written)})"


def _parted(_: Bindings, value: Value, pattern: Value) -> str:
    matched, regex = _matched(value, pattern, finds_all=True)
    return f"regexp_split_to_array({matched}, {text(regex.written)})"


def _replaced(_: Bindings, value: Value, pattern: Value, replacement: Value | None = None) -> str:
    matched, regex = _matched(value, pattern, finds_all=True)
    by = replacement_of(literal_of(replacement, "a replacement"), regex.groups) if replacement else ""
    return f"regexp_replace({matched}, {text(regex.written)}, {text(by)}, 'g')"


def _first_group(_: Bindings, value: Value, pattern: Value, group: Value | None = None) -> str:
    return f"({_groups(value, pattern, group, finds_all=False)})[1]"


def _all_groups(_: Bindings, value: Value, pattern: Value, group: Value | None = None) -> str:
    return _groups(value, pattern, group, finds_all=True)


def _groups(value: Value, pattern: Value, group: Value | None, *, finds_all: bool) -> str:
    """All matches: DuckDB's function for one takes a group that takes part in no match for an empty text."""
    matched, regex = _matched(value, pattern, finds_all=finds_all)
    number = f"trino_group({group.sql}, {regex.groups})" if group else "0"
    return f"regexp_extract_all({matched}, {text(regex.written)}, {number})"


_PATTERNS = table(
    function("regexp_like(varchar, varchar) -> boolean", _is_like),
    function("regexp_extract(varchar, varchar) -> varchar", _first_group),
    function("regexp_extract(varchar, varchar, bigint) -> varchar", _first_group),
    function("regexp_extract_all(varchar, varchar) -> array(varchar)", _all_groups),
    function("regexp_extract_all(varchar, varchar, bigint) -> array(varchar)", _all_groups),
    function("regexp_count(varchar, varchar) -> bigint", lambda _, x, y: f"len({_all_groups(_, x, y)})"),
    function("regexp_replace(varchar, varchar) -> varchar", _replaced),
    function("regexp_replace(varchar, varchar, varchar) -> varchar", _replaced),
    function("regexp_split(varchar, varchar) -> array(varchar)", _parted),
)

TEXTS = {**_TEXTS, **_PATTERNS}
