"""What a translated query needs of the DuckDB that runs it: settings, and Trino's rules as macros.

A macro fails by ``trino_fail``, which ``failures`` takes apart again. DuckDB's own ``error()`` would not do: TRY cannot
catch it. No macro asks for an extension, or for anything from outside.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from runners.local.athena.sql.failures import MARK
from runners.local.letters import OTHER_CASE

if TYPE_CHECKING:
    from collections.abc import Mapping

    import duckdb

SETTINGS = "SET GLOBAL TimeZone = 'UTC'; SET GLOBAL default_null_order = 'NULLS_LAST';"


def _fail(kind: str, message: str) -> str:
    return f"trino_fail('{kind}', {message})"


def _argument(message: str) -> str:
    return _fail("INVALID_FUNCTION_ARGUMENT", message)


def _not_run(what: str) -> str:
    message = f"{what} is not run by the embedded Athena: its meaning would differ"
    return _fail("NOT_SUPPORTED", "'" + message.replace("'", "''") + "'")


_WHOLE = {"tinyint": "TINYINT", "smallint": "SMALLINT", "integer": "INTEGER", "bigint": "BIGINT"}
_SHOWN = {"integer": "INT"}
_BLANKS_AROUND = r"regexp_matches(x, '^\s|\s$')"
_DECIMAL = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"


def _from_text(target: str, shape: str, kept: str, shown: str) -> str:
    """Read a text of this shape; whether blanks around it are taken depends on Trino's version."""
    bad = _fail("INVALID_CAST_ARGUMENT", f"'Cannot cast ''' || x || ''' to {shown}'")
    blank = _not_run(f"a CAST to {target} of a text with blanks around it")
    return (
        f"CASE WHEN x IS NULL THEN NULL WHEN regexp_full_match(x, '{shape}') "
        f"THEN coalesce(TRY_CAST(x AS {kept}), {bad}) WHEN {_BLANKS_AROUND} THEN {blank} ELSE {bad} END"
    )


_CASTS = {
    **{
        f"trino_{name}(x)": _from_text(name, r"[+-]?\d+", kept, _SHOWN.get(name, kept)) for name, kept in _WHOLE.items()
    },
    **{
        f"trino_{name}(x)": "CASE WHEN trim(x) IN ('NaN', '+NaN', '-NaN') THEN CAST('NaN' AS {0}) "
        "WHEN trim(x) IN ('Infinity', '+Infinity') THEN CAST('Infinity' AS {0}) WHEN trim(x) = '-Infinity' "
        "THEN CAST('-Infinity' AS {0}) WHEN regexp_full_match(trim(x), '{1}[fFdD]?') "
        "THEN CAST(rtrim(trim(x), 'fFdD') AS {0}) WHEN x IS NOT NULL THEN {2} END".format(
            kept, _DECIMAL, _fail("INVALID_CAST_ARGUMENT", f"'Cannot cast ''' || x || ''' to {name.upper()}'")
        )
        for name, kept in {"double": "DOUBLE", "real": "FLOAT"}.items()
    },
    "trino_boolean(x)": "CASE WHEN lower(x) IN ('t', 'true', '1') THEN true WHEN lower(x) IN ('f', 'false', '0') "
    "THEN false WHEN x IS NOT NULL THEN {} END".format(
        _fail("INVALID_CAST_ARGUMENT", "'Cannot cast ''' || x || ''' to BOOLEAN'")
    ),
    "trino_decimal_text(x, shown)": f"CASE WHEN x IS NULL OR regexp_full_match(x, '{_DECIMAL}') THEN x "
    f"WHEN {_BLANKS_AROUND} THEN {_not_run('a CAST to a decimal of a text with blanks around it')} ELSE "
    + _fail("INVALID_CAST_ARGUMENT", "'Cannot cast VARCHAR ''' || x || ''' to ' || shown || '. Value is not a number.'")
    + " END",
    "trino_date(x)": r"CASE WHEN x IS NULL THEN NULL WHEN regexp_full_match(x, '\s*\d{4}-\d{1,2}-\d{1,2}\s*') "
    "AND TRY_CAST(trim(x) AS DATE) IS NOT NULL THEN TRY_CAST(trim(x) AS DATE) ELSE "
    + _fail("INVALID_CAST_ARGUMENT", "'Value cannot be cast to date: ' || x")
    + " END",
    "trino_timestamp(x)": r"CASE WHEN x IS NULL THEN NULL WHEN regexp_full_match(trim(x), "
    r"'\d{4}-\d{1,2}-\d{1,2}( \d{1,2}:\d{1,2}(:\d{1,2}(\.\d{1,6})?)?)?') AND "
    "TRY_CAST(trino_with_seconds(trim(x)) AS TIMESTAMP) IS NOT NULL "
    "THEN TRY_CAST(trino_with_seconds(trim(x)) AS TIMESTAMP) ELSE "
    + _fail("INVALID_CAST_ARGUMENT", "'Value cannot be cast to timestamp: ' || x")
    + " END",
    "trino_with_seconds(x)": r"CASE WHEN regexp_full_match(x, '.* \d{1,2}:\d{1,2}') THEN x || ':00' ELSE x END",
    "trino_timestamp_in_utc(x)": "CASE WHEN regexp_matches(x, '[+-][0-9]{2}:?[0-9]{2}$|[A-Za-z]') "
    "AND NOT regexp_matches(x, ' (UTC|Z)$') THEN "
    + _not_run("a CAST to a timestamp with time zone of a text with another zone than UTC")
    + " ELSE (trino_timestamp(regexp_replace(x, ' (UTC|Z)$', '')) AT TIME ZONE 'UTC') END",
    "trino_fitting(x, length_of, shown)": "CASE WHEN length(x) > length_of THEN "
    + _fail("INVALID_CAST_ARGUMENT", "'Value ' || x || ' cannot be represented as varchar(' || length_of || ')'")
    + " ELSE x END",
    **{
        f"trino_{name}_of_double(x)": "CASE WHEN x IS NULL THEN NULL WHEN isnan(x) THEN "
        + _fail("INVALID_CAST_ARGUMENT", f"'Cannot cast double NaN to {name}'")
        + f" ELSE coalesce(TRY_CAST(CAST(round(x) AS HUGEINT) AS {kept}), "
        + _fail(
            "INVALID_CAST_ARGUMENT" if name == "bigint" else "NUMERIC_VALUE_OUT_OF_RANGE",
            f"'{'Unable to cast' if name == 'bigint' else 'Out of range for ' + name + ':'} ' || x"
            + (" || ' to bigint'" if name == "bigint" else ""),
        )
        + ") END"
        for name, kept in _WHOLE.items()
    },
    "trino_digits(x, shown)": "CASE WHEN isfinite(x) THEN format('{:.40f}', x) WHEN x IS NOT NULL THEN "
    + _fail("INVALID_CAST_ARGUMENT", "'Cannot cast DOUBLE ''' || x || ''' to ' || shown")
    + " END",
    # The fewest digits that tell a number apart, without an exponent.
    "trino_shortest(x)": "CASE WHEN isfinite(x) THEN CAST(x AS VARCHAR) WHEN x IS NOT NULL THEN "
    + _not_run("format() of NaN or infinity")
    + " END",
    "trino_rounded(x, unit)": "CASE WHEN trino_micros(x) % unit = 0 THEN x ELSE x + to_microseconds("
    "CASE WHEN trino_micros(x) % unit * 2 >= unit THEN unit - trino_micros(x) % unit ELSE - (trino_micros(x) % unit) "
    "END"
    ") END",
    "trino_micros(x)": "(((epoch_us(x) % 1000000) + 1000000) % 1000000)",
}

_ARITHMETIC = {
    "trino_divide(x, y)": f"CASE WHEN y = 0 THEN {_fail('DIVISION_BY_ZERO', chr(39) + 'Division by zero' + chr(39))} "
    f"ELSE x // y END",
    "trino_remainder(x, y)": f"CASE WHEN y = 0 THEN "
    f"{_fail('DIVISION_BY_ZERO', chr(39) + 'Division by zero' + chr(39))} ELSE x % y END",
    "trino_divide_doubles(x, y)": "CASE WHEN y <> 0 OR isnan(y) THEN x / y WHEN x = 0 OR isnan(x) THEN 'NaN' "
    "WHEN (x > 0) = (CAST(y AS VARCHAR) NOT LIKE '-%') THEN 'Infinity' WHEN x IS NOT NULL AND y IS NOT NULL THEN "
    "'-Infinity' END",
    "trino_remainder_of_doubles(x, y)": "CASE WHEN y = 0 OR isnan(x) OR isnan(y) OR isinf(x) THEN 'NaN' "
    "WHEN isinf(y) THEN x ELSE x % y END",
    "trino_unscaled(x)": "CAST(replace(CAST(x AS VARCHAR), '.', '') AS HUGEINT)",
    "trino_divide_rounded(x, y, factor)": "CASE WHEN y = 0 THEN "
    f"{_fail('DIVISION_BY_ZERO', chr(39) + 'Division by zero' + chr(39))} ELSE (x * factor) // y + "
    "CASE WHEN abs((x * factor) % y) >= abs(y) - abs((x * factor) % y) THEN sign(x) * sign(y) ELSE 0 END END",
    "trino_pointed(x, places)": "CASE WHEN places = 0 THEN CAST(x AS VARCHAR) ELSE "
    "(CASE WHEN x < 0 THEN '-' ELSE '' END) || substring(trino_padded(x, places), 1, length(trino_padded(x, places)) "
    "- places) "
    "|| '.' || right(trino_padded(x, places), places) END",
    "trino_padded(x, places)": "lpad(CAST(abs(x) AS VARCHAR), CAST(greatest(length(CAST(abs(x) AS VARCHAR)), places "
    "+ 1) AS INTEGER), '0')",
    "trino_equal(x, y)": "(x = y AND (NOT isnan(x) OR y IS NULL))",
    "trino_different(x, y)": "(NOT trino_equal(x, y))",
    "trino_less(x, y)": "(x < y AND NOT isnan(y))",
    "trino_less_or_equal(x, y)": "(x <= y AND NOT isnan(y))",
    "trino_greater(x, y)": "(x > y AND NOT isnan(x))",
    "trino_greater_or_equal(x, y)": "(x >= y AND NOT isnan(x))",
    "trino_same_arrays(x, y)": "CASE WHEN len(x) <> len(y) THEN false "
    "ELSE trino_all(list_transform(generate_series(1, len(x)), lambda i: x[i] = y[i])) END",
    "trino_add_days(x, milliseconds)": "CASE WHEN milliseconds % 86400000 <> 0 THEN "
    + _argument("'Cannot add hour, minutes or seconds to a date'")
    + " ELSE x + CAST(milliseconds // 86400000 AS INTEGER) END",
    "trino_sum(x)": "CASE WHEN x BETWEEN -9223372036854775808 AND 9223372036854775807 THEN CAST(x AS BIGINT) "
    "WHEN x IS NOT NULL THEN " + _fail("NUMERIC_VALUE_OUT_OF_RANGE", "'bigint addition overflow'") + " END",
    "trino_a_number(x)": f"CASE WHEN isnan(x) THEN {_not_run('an order of NaN among numbers')} ELSE x END",
    "trino_round_double(x, places)": "CASE WHEN NOT isfinite(x) THEN x WHEN abs(x) * pow(10e0, places) >= "
    "9007199254740992 THEN "
    + _not_run("round() of a number of so many digits")
    + " WHEN x < 0 THEN - (round(- x * pow(10e0, places)) / pow(10e0, places)) "
    "ELSE round(x * pow(10e0, places)) / pow(10e0, places) END",
    "trino_round_whole(x, places)": "CASE WHEN places >= 0 THEN x ELSE "
    + _not_run("round() of a whole number to less than one")
    + " END",
    "trino_round_decimal(x, places)": "round(x, places)",
    "trino_ln(x)": "CASE WHEN x > 0 OR x IS NULL THEN ln(x) WHEN x = 0 THEN '-Infinity' ELSE 'NaN' END",
    "trino_log2(x)": "CASE WHEN x > 0 OR x IS NULL THEN log2(x) WHEN x = 0 THEN '-Infinity' ELSE 'NaN' END",
    "trino_log10(x)": "CASE WHEN x > 0 OR x IS NULL THEN log10(x) WHEN x = 0 THEN '-Infinity' ELSE 'NaN' END",
}


def _cased(name: str) -> str:
    return (
        f"CASE WHEN regexp_matches(x, '[{OTHER_CASE}]') "
        f"THEN {_not_run(f'{name}() of a letter whose case Java and DuckDB do not agree on')} ELSE {name}(x) END"
    )


_EMPTY = "CASE WHEN {0} = '' THEN {1} ELSE {2} END"
_PAD = (
    "CASE WHEN pad IS NULL THEN NULL WHEN n < 0 THEN {fail_size} WHEN pad = '' THEN {fail_pad} "
    "WHEN length(x) >= n THEN left(x, n) ELSE {name}(x, CAST(n AS INTEGER), pad) END"
)
_TEXTS = {
    "trino_lower(x)": _cased("lower"),
    "trino_upper(x)": _cased("upper"),
    "trino_substr(x, start)": "CASE WHEN start > 0 THEN substring(x, start) WHEN start < 0 AND - start <= length(x) "
    "THEN right(x, - start) WHEN x IS NOT NULL AND start IS NOT NULL THEN '' END",
    "trino_substr_of_length(x, start, n)": "CASE WHEN x IS NULL OR start IS NULL OR n IS NULL THEN NULL "
    "WHEN n <= 0 OR start = 0 OR abs(start) > length(x) THEN '' "
    "ELSE substring(x, CASE WHEN start > 0 THEN start ELSE length(x) + start + 1 END, n) END",
    "trino_strpos(x, part)": "CASE WHEN part = '' AND x IS NOT NULL THEN 1 ELSE instr(x, part) END",
    "trino_replace(x, part, other)": _EMPTY.format(
        "part", _not_run("replace() of an empty text"), "replace(x, part, other)"
    ),
    "trino_reverse(x)": "coalesce(array_to_string(list_transform(generate_series(length(x), 1, -1), "
    "lambda i: substring(x, i, 1)), ''), CASE WHEN x IS NOT NULL THEN '' END)",
    **{
        f"trino_{name}(x, n, pad)": _PAD.format(
            name=name,
            fail_size=_argument("'Target length must be in the range [0..2147483647]'"),
            fail_pad=_argument("'Padding string must not be empty'"),
        )
        for name in ("lpad", "rpad")
    },
    "trino_split(x, cut)": _EMPTY.format(
        "cut",
        _argument("'The delimiter may not be the empty string'"),
        "CASE WHEN cut IS NOT NULL THEN string_split(x, cut) END",
    ),
    "trino_split_at_most(x, cut, n)": "CASE WHEN x IS NULL OR cut IS NULL OR n IS NULL THEN NULL WHEN n <= 0 THEN "
    + _argument("'Limit must be positive'")
    + " WHEN len(trino_split(x, cut)) <= n THEN trino_split(x, cut) ELSE list_append(trino_split(x, cut)[1:n - 1], "
    "substring(x, 1 + (n - 1) * length(cut) + CAST(coalesce(list_sum(list_transform(trino_split(x, cut)[1:n - 1], "
    "lambda p: length(p))), 0) AS BIGINT))) END",
    "trino_split_part(x, cut, n)": "CASE WHEN cut IS NULL THEN NULL WHEN n <= 0 THEN "
    + _argument("'Index must be greater than zero'")
    + " WHEN cut = '' THEN "
    + _not_run("split_part() by an empty text")
    + " ELSE string_split(x, cut)[n] END",
    "trino_split_to_map(x, cut, glue)": "CASE WHEN glue IS NOT NULL THEN "
    "trino_map(list_transform(list_filter(trino_split(x, cut), lambda p: p <> ''), "
    "lambda p: CASE WHEN len(trino_split(p, glue)) <> 2 THEN "
    + _argument("'Key-value delimiter must appear exactly once in each entry. Bad input: ''' || p || ''''")
    + " ELSE struct_pack(k := trino_split(p, glue)[1], v := trino_split(p, glue)[2]) END)) END",
    "trino_chr(n)": "CASE WHEN n BETWEEN 1 AND 55295 OR n BETWEEN 57344 AND 1114111 THEN chr(CAST(n AS INTEGER)) "
    "WHEN n IS NOT NULL THEN " + _argument("'Not a valid Unicode code point: ' || n") + " END",
    "trino_codepoint(x)": "CASE WHEN length(x) = 1 THEN unicode(x) WHEN x IS NOT NULL THEN "
    + _argument("'codepoint() takes one character'")
    + " END",
    "trino_zeros(x, width)": "CASE WHEN length(x) >= width THEN x WHEN x LIKE '-%' "
    "THEN '-' || lpad(substring(x, 2), CAST(width - 1 AS INTEGER), '0') ELSE lpad(x, CAST(width AS INTEGER), '0') END",
    "trino_matched(x, forbidden)": "CASE WHEN regexp_matches(x, forbidden) THEN "
    + _not_run("a regular expression over a text that Java and DuckDB may not match alike")
    + " ELSE x END",
    "trino_group(n, groups)": "CASE WHEN n < 0 OR n > groups THEN "
    + _argument("'Pattern has ' || groups || ' groups. Cannot access group ' || n")
    + " ELSE CAST(n AS INTEGER) END",
}

_TIMES = {
    "trino_parsed(x, shape, rest, pattern)": "CASE WHEN x IS NULL THEN NULL WHEN regexp_full_match(x, shape) "
    "AND try_strptime(x || rest, pattern) IS NOT NULL "
    "THEN date_trunc('milliseconds', CASE WHEN rest = '|1970' THEN try_strptime(x || '|1970-01-01', pattern || "
    "'-%m-%d') "
    "ELSE try_strptime(x || rest, pattern) END) ELSE " + _argument("'Invalid format: \"' || x || '\"'") + " END",
    "trino_since_1970(x)": "CASE WHEN year(x) = 1969 THEN x + to_years(100) ELSE x END",
    "trino_from_unixtime(x)": "CASE WHEN isfinite(x) THEN make_timestamptz(CAST(round(x * 1000) AS BIGINT) * 1000) "
    "WHEN x IS NOT NULL THEN " + _argument("'Cannot convert ' || x || ' to a timestamp'") + " END",
    "trino_iso8601(x)": r"CASE WHEN x IS NULL THEN NULL WHEN regexp_full_match(x, "
    r"'\d{4}-\d{2}-\d{2}(T\d{2}(:\d{2}(:\d{2}([.,]\d{1,6})?)?)?(Z|[+-]\d{2}(:?\d{2})?)?)?') THEN "
    r"CASE WHEN regexp_matches(x, '[+-]\d{2}(:?\d{2})?$') AND x LIKE '%T%' AND NOT regexp_matches(x, "
    r"'[+-]00(:?00)?$') THEN "
    + _not_run("from_iso8601_timestamp() of another offset than that of UTC")
    + " ELSE trino_rounded_down(trino_iso8601_local(regexp_replace(x, '(T.*)(Z|[+-]00(:?00)?)$', '\\1'))) AT TIME "
    "ZONE 'UTC' END ELSE " + _argument("'Invalid format: \"' || x || '\"'") + " END",
    "trino_iso8601_local(x)": "CAST(substring(x, 1, 10) || ' ' || replace(substring(x, 12), ',', '.') "
    "|| substring('00:00:00', length(substring(x, 12)) + 1) AS TIMESTAMP)",
    "trino_rounded_down(x)": "date_trunc('milliseconds', x)",
    "trino_iso8601_date(x)": r"CASE WHEN x IS NULL OR regexp_full_match(x, '\d{4}-\d{2}-\d{2}') THEN trino_date(x) "
    r"ELSE " + _not_run("from_iso8601_date() of another form than 2024-01-31") + " END",
}

_WRONG_WAY = (
    "sequence stop value should be greater than or equal to start value if step is greater than zero "
    "otherwise stop should be less than or equal to start"
)


def _sequence(steps: str, made: str) -> str:
    return (
        f"CASE WHEN step = 0 OR (step > 0) <> (stop >= start) AND start <> stop THEN {_argument(repr(_WRONG_WAY))} "
        f"WHEN {steps} >= 10000 THEN "
        + _argument("'result of sequence function must not have more than 10000 entries'")
        + f" ELSE {made} END"
    )


_ARRAYS = {
    "trino_subscript(x, i)": "CASE WHEN i > len(x) THEN "
    + _argument("'Array subscript must be less than or equal to array length: ' || i || ' > ' || len(x)")
    + " WHEN i = 0 AND x IS NOT NULL THEN "
    + _argument("'SQL array indices start at 1'")
    + " WHEN i < 0 AND x IS NOT NULL THEN "
    + _argument("'Array subscript is negative: ' || i")
    + " ELSE x[i] END",
    "trino_entry(x, k, shown)": "CASE WHEN x IS NULL OR k IS NULL OR map_contains(x, k) THEN x[k] ELSE "
    + _argument("'Key not present in map: ' || shown")
    + " END",
    "trino_element_at(x, i)": "CASE WHEN i = 0 AND x IS NOT NULL THEN "
    + _argument("'SQL array indices start at 1'")
    + " WHEN abs(i) > len(x) THEN NULL ELSE x[i] END",
    "trino_append(x, e)": "CASE WHEN x IS NOT NULL THEN list_append(x, e) END",
    "trino_prepend(e, x)": "CASE WHEN x IS NOT NULL THEN list_prepend(e, x) END",
    "trino_any(x)": "CASE WHEN list_contains(x, true) THEN true WHEN len(list_filter(x, lambda b: b IS NULL)) > 0 "
    "THEN NULL "
    "WHEN x IS NOT NULL THEN false END",
    "trino_all(x)": "CASE WHEN list_contains(x, false) THEN false WHEN len(list_filter(x, lambda b: b IS NULL)) > 0 "
    "THEN NULL "
    "WHEN x IS NOT NULL THEN true END",
    "trino_has_null(x)": "(len(list_filter(x, lambda n: n IS NULL)) > 0)",
    "trino_contains(x, e)": "CASE WHEN x IS NULL OR e IS NULL THEN NULL WHEN list_contains(x, e) THEN true "
    "WHEN trino_has_null(x) THEN NULL ELSE false END",
    "trino_position(x, e)": "CASE WHEN x IS NOT NULL AND e IS NOT NULL THEN CAST(coalesce(list_position(x, e), 0) AS "
    "BIGINT) END",
    "trino_remove(x, e)": "CASE WHEN e IS NOT NULL THEN list_filter(x, lambda n: n IS DISTINCT FROM e) END",
    "trino_distinct(x)": "list_filter(x, lambda n, i: trino_first(x, n) = i)",
    "trino_first(x, n)": "CASE WHEN n IS NULL THEN list_position(list_transform(x, lambda m: m IS NULL), true) "
    "ELSE list_position(x, n) END",
    "trino_has(x, n)": "(coalesce(trino_first(x, n), 0) > 0)",
    "trino_union(x, y)": "CASE WHEN x IS NOT NULL AND y IS NOT NULL THEN trino_distinct(list_concat(x, y)) END",
    "trino_intersect(x, y)": "CASE WHEN y IS NOT NULL THEN trino_distinct(list_filter(x, lambda m: trino_has(y, m))) "
    "END",
    "trino_except(x, y)": "CASE WHEN y IS NOT NULL THEN trino_distinct(list_filter(x, lambda m: NOT trino_has(y, "
    "m))) END",
    "trino_overlap(x, y)": "CASE WHEN x IS NULL OR y IS NULL THEN NULL WHEN list_has_any(x, y) THEN true "
    "WHEN trino_has_null(x) OR trino_has_null(y) THEN NULL ELSE false END",
    "trino_array_extreme(x, found)": "CASE WHEN NOT trino_has_null(x) THEN found END",
    "trino_array_join(x, glue)": "CASE WHEN x IS NOT NULL AND glue IS NOT NULL "
    "THEN coalesce(list_reduce(list_prepend(CAST(NULL AS VARCHAR), list_filter(x, lambda n: n IS NOT NULL)), "
    "lambda a, b: CASE WHEN a IS NULL THEN b ELSE a || glue || b END), '') END",
    "trino_range(n)": "CASE WHEN n > 10000 THEN "
    + _argument("'count argument of repeat function must be less than or equal to 10000'")
    + " WHEN n < 0 THEN "
    + _argument("'count argument of repeat function must be greater than or equal to 0'")
    + " ELSE range(n) END",
    "trino_slice(x, start, n)": "CASE WHEN n < 0 THEN "
    + _argument("'length must be greater than or equal to 0'")
    + " WHEN start = 0 THEN "
    + _argument("'SQL array indices start at 1'")
    + " WHEN x IS NULL OR start IS NULL OR n IS NULL THEN NULL "
    "WHEN n = 0 OR abs(start) > len(x) THEN list_filter(x, lambda m: false) "
    "WHEN start > 0 THEN x[start:start + n - 1] ELSE x[len(x) + start + 1:least(len(x) + start + n, len(x))] END",
    "trino_trim_array(x, n)": "CASE WHEN n < 0 THEN "
    + _argument("'size must not be negative: ' || n")
    + " WHEN n > len(x) THEN "
    + _argument("'size must not exceed array cardinality ' || len(x) || ': ' || n")
    + " WHEN n = len(x) THEN list_filter(x, lambda m: false) ELSE x[1:len(x) - n] END",
    "trino_sequence(start, stop, step)": _sequence("(stop - start) // step", "generate_series(start, stop, step)"),
    "trino_sequence_of_milliseconds(start, stop, step)": _sequence(
        "(epoch_ms(stop) - epoch_ms(start)) // step", "generate_series(start, stop, to_milliseconds(step))"
    ),
    # Each is so many months after the first, so that one short month does not shorten those that follow.
    "trino_sequence_of_months(start, stop, step)": _sequence(
        "datesub('month', start, stop) // step",
        "list_transform(range(0, datesub('month', start, stop) // step + 1), "
        "lambda i: start + to_months(CAST(i * step AS INTEGER)))",
    ),
    "trino_map(x)": "CASE WHEN len(list_filter(x, lambda p: p.k IS NULL)) > 0 THEN "
    + _argument("'map key cannot be null'")
    + " WHEN len(list_distinct(list_transform(x, lambda p: p.k))) < len(x) THEN "
    + _argument("'Duplicate map keys are not allowed'")
    + " ELSE map_from_entries(x) END",
    "trino_map_of_arrays(x, y)": "CASE WHEN len(x) <> len(y) THEN "
    + _argument("'Key and value arrays must be the same length'")
    + " WHEN x IS NOT NULL AND y IS NOT NULL THEN trino_map(list_transform(generate_series(1, len(x)), "
    "lambda i: struct_pack(k := x[i], v := y[i]))) END",
    # The first value of each key; a key that is NULL is left out.
    "trino_map_agg(x)": "trino_map_of_pairs(list_filter(x, lambda p: p.k IS NOT NULL))",
    "trino_map_of_pairs(x)": "CASE WHEN len(x) > 0 THEN map_from_entries(list_filter(x, lambda p, i: "
    "list_position(list_transform(x, lambda q: q.k), p.k) = i)) END",
}

_NUMBERS_OF_JSON = r"(^|[:\[,])-?([0-9]+(\.[0-9]+)?[eE]|[0-9]{8,}\.|0\.000|[0-9]{20,})"
_JSON = {
    "trino_json_document(x)": "CASE WHEN json_valid(x) THEN CAST(x AS JSON) END",
    "trino_json_number(x)": f"CASE WHEN regexp_matches(x, '{_NUMBERS_OF_JSON}') THEN "
    + _not_run("JSON with a number that Java and DuckDB write differently")
    + " ELSE x END",
    "trino_json_extract(x, path)": "trino_json_number(CAST(json_extract(trino_json_document(x), path) AS VARCHAR))",
    "trino_json_scalar(x, path)": "CASE json_type(trino_json_document(x), path) WHEN 'OBJECT' THEN NULL WHEN 'ARRAY' "
    "THEN NULL "
    "WHEN 'NULL' THEN NULL WHEN 'DOUBLE' THEN trino_json_as_written(x, json_extract_string(trino_json_document(x), "
    "path)) "
    "ELSE json_extract_string(trino_json_document(x), path) END",
    # A number is given as it stands in the document; DuckDB would write 1.10 as 1.1.
    "trino_json_as_written(x, found)": "CASE WHEN regexp_matches(x, '(^|[^0-9.eE+-])' || regexp_escape(found) || "
    "'($|[^0-9.eE+-])') "
    "THEN found ELSE " + _not_run("a number of JSON that is not written in its shortest form") + " END",
    "trino_json_array_length(x)": "CASE WHEN json_type(trino_json_document(x)) = 'ARRAY' "
    "THEN CAST(json_array_length(trino_json_document(x)) AS BIGINT) END",
    # A VARIANT keeps the keys of objects in order, as Trino does.
    "trino_json_parse(x)": "CASE WHEN x IS NULL THEN NULL WHEN NOT json_valid(x) THEN "
    + _argument("'Cannot convert value to JSON: ''' || x || ''''")
    + " ELSE trino_json_number(coalesce(CAST(CAST(CAST(CAST(x AS JSON) AS VARIANT) AS JSON) AS VARCHAR), 'null')) END",
    "trino_json_items(x)": "CASE coalesce(json_type(x), 'NULL') WHEN 'ARRAY' THEN from_json(x, '[\"JSON\"]') WHEN "
    "'NULL' THEN NULL ELSE "
    + _fail("INVALID_CAST_ARGUMENT", "'Cannot cast to array. Expected a json array, but got ' || x")
    + " END",
    "trino_json_fields(x)": "CASE coalesce(json_type(x), 'NULL') WHEN 'OBJECT' THEN from_json(x, '\"MAP(VARCHAR, "
    "JSON)\"') WHEN 'NULL' "
    "THEN NULL ELSE "
    + _fail("INVALID_CAST_ARGUMENT", "'Cannot cast to map. Expected a json object, but got ' || x")
    + " END",
    "trino_json_text(x, shown)": "CASE json_type(x) WHEN 'OBJECT' THEN {0} WHEN 'ARRAY' THEN {0} WHEN 'NULL' THEN NULL "
    "ELSE json_extract_string(x, '$') END".format(
        _fail("INVALID_CAST_ARGUMENT", "'Cannot cast ''' || x || ''' to ' || shown")
    ),
    "trino_json_as_varchar(x)": "trino_json_text(x, 'VARCHAR')",
    "trino_json_as_boolean(x)": "CASE coalesce(json_type(x), 'NULL') WHEN 'BOOLEAN' THEN CAST(x AS BOOLEAN) WHEN "
    "'VARCHAR' "
    "THEN trino_boolean(trino_json_text(x, 'BOOLEAN')) WHEN 'NULL' THEN NULL ELSE "
    + _not_run("a CAST of this JSON to boolean")
    + " END",
    "trino_json_as_double(x)": "CASE json_type(x) WHEN 'BOOLEAN' THEN CAST(CAST(CAST(x AS BOOLEAN) AS INTEGER) AS "
    "DOUBLE) "
    "ELSE trino_double(trino_json_text(x, 'DOUBLE')) END",
    **{
        f"trino_json_as_{name}(x)": f"CASE json_type(x) WHEN 'BOOLEAN' THEN CAST(CAST(CAST(x AS BOOLEAN) AS INTEGER) "
        f"AS {kept}) "
        f"WHEN 'DOUBLE' THEN trino_{name}_of_double(CAST(x AS DOUBLE)) ELSE trino_{name}(trino_json_text(x, "
        f"'{kept}')) END"
        for name, kept in _WHOLE.items()
    },
    "trino_json_of_double(x)": "CASE WHEN x IS NULL THEN NULL WHEN isfinite(x) AND (x = 0 OR abs(x) >= 0.001 AND "
    "abs(x) < 10000000) "
    "THEN CAST(x AS VARCHAR) ELSE " + _not_run("CAST of such a double to JSON") + " END",
}

_WINDOWS = {
    "trino_percentage(n)": "CASE WHEN n < 0 OR n > 1 OR isnan(n) THEN "
    + _argument("'Percentile must be between 0 and 1'")
    + " ELSE n END",
    "trino_offset(n)": f"CASE WHEN n < 0 THEN {_argument(chr(39) + 'Offset must be at least 0' + chr(39))} ELSE n END",
    "trino_buckets(n)": f"CASE WHEN n <= 0 THEN {_argument(chr(39) + 'Buckets must be greater than 0' + chr(39))} "
    f"ELSE n END",
    "trino_place(n)": f"CASE WHEN n <= 0 THEN {_argument(chr(39) + 'Offset must be at least 1' + chr(39))} ELSE n END",
}

# What is always a literal, and has to stay one for DuckDB.
_LITERAL = {
    "shape", "rest", "pattern", "path", "forbidden", "shown", "unit", "groups", "places", "length_of", "kind",
    "message", "factor",
}  # fmt: skip


def _once(signature: str, body: str) -> str:
    """Let each argument be evaluated once, however often the body names it, so that calls in calls stay small."""
    names = [name for name in re.findall(r"\w+", signature.partition("(")[2]) if name not in _LITERAL]
    if not any(len(re.findall(rf"\b{name}\b", body)) > 1 for name in names):
        return body
    packed = ", ".join(f"{name} := {name}" for name in names)
    named = re.compile(rf"('(?:[^']|'')*')|\b({'|'.join(names)})\b")
    inner = named.sub(lambda found: found[1] or f"v.{found[2]}", body)
    return f"(list_transform([struct_pack({packed})], lambda v: {inner}))[1]"


MACROS = {
    # Fails, wherever any type is asked for: what reads the element of this list is never reached.
    "trino_fail(kind, message)": f"([NULL])[CAST('{MARK}' || kind || '|' || coalesce(CAST(message AS VARCHAR), '') "
    f"AS INTEGER)]",
    **_ARITHMETIC,
    **{
        signature: _once(signature, body)
        for signature, body in {**_CASTS, **_TEXTS, **_TIMES, **_ARRAYS, **_JSON, **_WINDOWS}.items()
    },
}


def install(connection: duckdb.DuckDBPyConnection) -> None:
    """Make a connection fit for translated queries. It may be done again."""
    connection.execute(SETTINGS + ";".join(_STATEMENTS))


def _called_first(signatures: Mapping[str, str]) -> list[str]:
    """Bring macros into an order in which each comes after those that it calls, as DuckDB wants them."""
    by_name = {signature.partition("(")[0]: signature for signature in signatures}
    ordered: dict[str, None] = {}

    def add(name: str) -> None:
        signature = by_name[name]
        if signature not in ordered:
            for called in re.findall(r"trino_\w+", signatures[signature]):
                add(called)
            ordered[signature] = None

    for name in by_name:
        add(name)
    return list(ordered)


_STATEMENTS = [f"CREATE OR REPLACE MACRO {signature} AS {MACROS[signature]}" for signature in _called_first(MACROS)]
