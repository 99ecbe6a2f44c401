"""Spark's functions and casts, written in DuckDB's SQL with Spark's rules: tables of data and the macros made of them.

A function that is not in ``FUNCTIONS`` is not known here. Each macro has a test that runs it on both engines over edge
cases. This module translates no query and runs none.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

from runners.local.letters import OTHER_CASE, TITLE_CASE

PREFIX = "spark_"


@dataclass(frozen=True)
class Function:
    """One function of Spark's: the type of what it gives, and DuckDB's SQL by its parameters.

    ``bodies`` maps ``"d DATE, n INT"`` to an expression over ``d`` and ``n``; several entries are several numbers of
    arguments. A VARCHAR takes what Spark would turn into a string by itself, a DATE or an INT nothing but that, and a
    PATTERN is a literal that the translation makes a format for strptime.
    """

    result: str
    bodies: dict[str, str]

    def parameter_types(self, count: int) -> list[str] | None:
        """Say the types of so many arguments; None if the function does not take so many."""
        for parameters in self.bodies:
            types = [parameter.split()[1] for parameter in parameters.split(", ") if parameter]
            if len(types) == count:
                return types
        return None


def _cased(case: str, other: str = OTHER_CASE) -> str:
    return (
        f"CASE WHEN regexp_matches(x, '[{other}]') "
        "THEN error('Spark and DuckDB do not agree on the case of a letter in the data; "
        f"run the job on Spark: set RUNNERS_SQL_ENGINE=spark') ELSE {case} END"
    )


# Where a part starts, counted from 0: Spark counts from 1, from the end if it is negative, and takes 0 for 1.
_START = "CASE WHEN p > 0 THEN p - 1 WHEN p < 0 THEN length(x) + p ELSE 0 END"
# A text that is long enough is cut; one that is padded by nothing stays as it is.
_PADDED = (
    "CASE WHEN x IS NULL OR n IS NULL OR pad IS NULL THEN NULL WHEN n <= 0 THEN '' "
    "WHEN pad = '' OR length(x) >= n THEN substring(x, 1, n) "
    "ELSE {}(x, n, CASE WHEN pad = '' THEN ' ' ELSE pad END) END"
)
_SUBSTRING = {
    "x VARCHAR, p INT": f"substring(x, greatest({_START}, 0) + 1)",
    "x VARCHAR, p INT, n INT": f"substring(x, greatest({_START}, 0) + 1, "
    f"greatest(least({_START} + CAST(n AS BIGINT), 2147483647) - greatest({_START}, 0), 0))",
}

# A part of a date's pattern → its directive for strptime and strftime.
DATE_PARTS = {"M": "%-m", "MM": "%m", "d": "%-d", "dd": "%d", "yyyy": "%Y"}
# What Spark reads as each: one M or d as "one or two digits" after any zeros, the others as exactly so many digits.
_SHAPES = {".": r"\.", "%-m": r"0*\d{1,2}", "%-d": r"0*\d{1,2}", "%m": r"\d{2}", "%d": r"\d{2}", "%Y": r"\d{4}"}
_SHAPE = reduce(lambda sql, part: f"replace({sql}, '{part[0]}', '{part[1]}')", _SHAPES.items(), "pattern")
_DATE_BY_PATTERN = (
    f"CASE WHEN regexp_full_match(x, {_SHAPE}) "
    r"THEN CAST(try_strptime(regexp_replace(x, '\b0+(\d)', '\1', 'g'), pattern) AS DATE) END"
)

FUNCTIONS = {
    # Dates. A pattern has been turned into a format for strptime before.
    "to_date": Function("DATE", {"x VARCHAR": "spark_date(x)", "x VARCHAR, pattern PATTERN": _DATE_BY_PATTERN}),
    "date_format": Function("STRING", {"d DATE, pattern PATTERN": "strftime(d, pattern)"}),
    "year": Function("INT", {"d DATE": "CAST(year(d) AS INT)"}),
    "quarter": Function("INT", {"d DATE": "CAST(quarter(d) AS INT)"}),
    "month": Function("INT", {"d DATE": "CAST(month(d) AS INT)"}),
    "day": Function("INT", {"d DATE": "CAST(day(d) AS INT)"}),
    "dayofmonth": Function("INT", {"d DATE": "CAST(day(d) AS INT)"}),
    "dayofyear": Function("INT", {"d DATE": "CAST(dayofyear(d) AS INT)"}),
    "dayofweek": Function("INT", {"d DATE": "CAST(dayofweek(d) + 1 AS INT)"}),  # 1 is Sunday
    "weekday": Function("INT", {"d DATE": "CAST(isodow(d) - 1 AS INT)"}),  # 0 is Monday
    "weekofyear": Function("INT", {"d DATE": "CAST(week(d) AS INT)"}),
    "last_day": Function("DATE", {"d DATE": "last_day(d)"}),
    "date_add": Function("DATE", {"d DATE, n INT": "d + n"}),
    "date_sub": Function("DATE", {"d DATE, n INT": "d - n"}),
    "datediff": Function("INT", {"d DATE, e DATE": "CAST(d - e AS INT)"}),
    "date_diff": Function("INT", {"d DATE, e DATE": "CAST(d - e AS INT)"}),
    "add_months": Function("DATE", {"d DATE, n INT": "CAST(d + to_months(n) AS DATE)"}),
    "trunc": Function(
        "DATE",
        {
            "d DATE, part VARCHAR": "CASE "
            "WHEN upper(part) IN ('YEAR', 'YYYY', 'YY') THEN CAST(date_trunc('year', d) AS DATE) "
            "WHEN upper(part) = 'QUARTER' THEN CAST(date_trunc('quarter', d) AS DATE) "
            "WHEN upper(part) IN ('MONTH', 'MM', 'MON') THEN CAST(date_trunc('month', d) AS DATE) "
            "WHEN upper(part) = 'WEEK' THEN CAST(date_trunc('week', d) AS DATE) END"
        },
    ),
    # Strings.
    "upper": Function("STRING", {"x VARCHAR": _cased("upper(x)")}),
    "ucase": Function("STRING", {"x VARCHAR": _cased("upper(x)")}),
    "lower": Function("STRING", {"x VARCHAR": _cased("lower(x)")}),
    "lcase": Function("STRING", {"x VARCHAR": _cased("lower(x)")}),
    "initcap": Function(
        "STRING",
        {
            "x VARCHAR": _cased(
                "array_to_string(list_transform(string_split(lower(x), ' '), "
                "lambda word: upper(substring(word, 1, 1)) || substring(word, 2)), ' ')",
                OTHER_CASE + TITLE_CASE,
            )
        },
    ),
    "length": Function("INT", {"x VARCHAR": "CAST(length(x) AS INT)"}),
    "char_length": Function("INT", {"x VARCHAR": "CAST(length(x) AS INT)"}),
    "substring": Function("STRING", _SUBSTRING),
    "substr": Function("STRING", _SUBSTRING),
    "left": Function("STRING", {"x VARCHAR, n INT": "substring(x, 1, greatest(n, 0))"}),
    "right": Function("STRING", {"x VARCHAR, n INT": "substring(x, greatest(length(x) - greatest(n, 0), 0) + 1)"}),
    "replace": Function(
        "STRING",
        {
            "x VARCHAR, old VARCHAR": "replace(x, old, '')",
            "x VARCHAR, old VARCHAR, new VARCHAR": "replace(x, old, new)",
        },
    ),
    "split_part": Function(
        "STRING",
        {
            "x VARCHAR, part VARCHAR, n INT": "CASE WHEN n = 0 THEN error('split_part() counts from 1') "
            "WHEN part = '' THEN CASE WHEN abs(n) = 1 OR x IS NULL THEN x ELSE '' END ELSE split_part(x, part, n) END"
        },
    ),
    "lpad": Function(
        "STRING",
        {
            "x VARCHAR, n INT": "lpad(x, greatest(n, 0), ' ')",
            "x VARCHAR, n INT, pad VARCHAR": _PADDED.format("lpad"),
        },
    ),
    "rpad": Function(
        "STRING",
        {
            "x VARCHAR, n INT": "rpad(x, greatest(n, 0), ' ')",
            "x VARCHAR, n INT, pad VARCHAR": _PADDED.format("rpad"),
        },
    ),
    "ltrim": Function("STRING", {"x VARCHAR": "ltrim(x, ' ')"}),
    "rtrim": Function("STRING", {"x VARCHAR": "rtrim(x, ' ')"}),
    "instr": Function("INT", {"x VARCHAR, part VARCHAR": "CAST(instr(x, part) AS INT)"}),
    "locate": Function("INT", {"part VARCHAR, x VARCHAR": "CAST(instr(x, part) AS INT)"}),
    "startswith": Function("BOOLEAN", {"x VARCHAR, part VARCHAR": "starts_with(x, part)"}),
    "endswith": Function("BOOLEAN", {"x VARCHAR, part VARCHAR": "ends_with(x, part)"}),
    "contains": Function("BOOLEAN", {"x VARCHAR, part VARCHAR": "contains(x, part)"}),
}

# Spark's CAST of a string gives NULL where it is no number, cuts a fraction off a whole number (DuckDB rounds), and
# knows neither 0x10 nor 1_000 (DuckDB does). Blanks and control characters around it do not count. A number that does
# not fit into a whole number's bits loses the upper ones.
_CASTS = r"""
CREATE MACRO spark_trimmed(x) AS regexp_replace(CAST(x AS VARCHAR), '^[\x00-\x20]+|[\x00-\x20]+$', '', 'g');
CREATE MACRO spark_number(x) AS
    CASE typeof(x) WHEN 'BOOLEAN' THEN CASE CAST(x AS VARCHAR) WHEN 'true' THEN '1' WHEN 'false' THEN '0' END
    ELSE spark_trimmed(x) END;
CREATE MACRO spark_whole(x) AS CASE
    WHEN regexp_full_match(spark_number(x), '[+-]?(\d+(\.\d*)?|\.\d*)')
    THEN regexp_extract(spark_number(x), '^([+-]?)(\d*)', 1) || '0'
      || regexp_extract(spark_number(x), '^([+-]?)(\d*)', 2) END;
CREATE MACRO spark_wrapped(n, values_) AS
    (n % values_ + values_ + values_ // 2) % values_ - values_ // 2;
CREATE MACRO spark_int(x) AS CASE WHEN typeof(x) = 'VARCHAR' THEN TRY_CAST(spark_whole(x) AS INT)
    ELSE CAST(spark_wrapped(TRY_CAST(spark_whole(x) AS HUGEINT), 4294967296::HUGEINT) AS INT) END;
CREATE MACRO spark_bigint(x) AS CASE WHEN typeof(x) = 'VARCHAR' THEN TRY_CAST(spark_whole(x) AS BIGINT)
    ELSE CAST(spark_wrapped(TRY_CAST(spark_whole(x) AS HUGEINT), 18446744073709551616::HUGEINT) AS BIGINT) END;
CREATE MACRO spark_double_int(x) AS CASE WHEN x >= 2147483647 THEN 2147483647 WHEN x <= -2147483648 THEN -2147483648
    ELSE CAST(trunc(x) AS INT) END;
CREATE MACRO spark_double_bigint(x) AS CASE WHEN x >= 9223372036854775807 THEN 9223372036854775807
    WHEN x <= -9223372036854775808 THEN -9223372036854775808 ELSE CAST(trunc(x) AS BIGINT) END;
CREATE MACRO spark_decimal(x) AS CASE
    WHEN regexp_full_match(spark_number(x), '[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?') THEN spark_number(x) END;
CREATE MACRO spark_boolean(x) AS CASE
    WHEN typeof(x) = 'VARCHAR' AND lower(spark_trimmed(x)) IN ('t', 'true', 'y', 'yes', '1') THEN true
    WHEN typeof(x) = 'VARCHAR' AND lower(spark_trimmed(x)) IN ('f', 'false', 'n', 'no', '0') THEN false
    WHEN typeof(x) = 'VARCHAR' THEN NULL
    ELSE NOT regexp_full_match(spark_number(x), '-?0*\.?0*') END;
CREATE MACRO spark_date_part(x, number) AS CAST(coalesce(nullif(
    regexp_extract(spark_trimmed(x), '^([+-]?\d+)(?:-(\d+))?(?:-(\d+))?', number), ''), '1') AS INT);
CREATE MACRO spark_date(x) AS CASE
    WHEN regexp_full_match(spark_trimmed(x), '[+-]?\d{4,7}(-\d{1,2}(-\d{1,2}([ T](.|\n)*)?)?)?')
    THEN TRY(make_date(spark_date_part(x, 1), spark_date_part(x, 2), spark_date_part(x, 3))) END;
"""

# A quotient of decimals, exact and rounded half up to so many digits, as its text. All happens on whole numbers: first
# the whole part of the quotient, then its remainder, so that 38 digits suffice.
_QUOTIENT = r"""
CREATE MACRO spark_div(n, d) AS CAST(CASE WHEN d = 0 THEN NULL ELSE
    (abs(CAST(n AS HUGEINT)) // abs(CAST(d AS HUGEINT))) * sign(n) * sign(d) END AS BIGINT);
CREATE MACRO spark_unscaled(x) AS CAST(replace(CAST(x AS VARCHAR), '.', '') AS HUGEINT);
CREATE MACRO spark_ratio(n, d, shift) AS
    (n // d) * shift + ((n % d) * shift) // d
    + CASE WHEN 2 * abs(((n % d) * shift) % d) >= abs(d) THEN sign(n) * sign(d) ELSE 0 END;
CREATE MACRO spark_pointed(n, digits) AS
    CASE WHEN n < 0 THEN '-' ELSE '' END || regexp_replace(
        CASE WHEN length(CAST(abs(n) AS VARCHAR)) > digits THEN CAST(abs(n) AS VARCHAR)
        ELSE lpad(CAST(abs(n) AS VARCHAR), digits + 1, '0') END, '(\d{' || digits || '})$', '.\1');
"""

MACROS = (
    _CASTS
    + _QUOTIENT
    + "".join(
        f"CREATE MACRO {PREFIX}{name} "
        + ", ".join(f"({parameters.replace(' PATTERN', '')}) AS {body}" for parameters, body in function.bodies.items())
        + ";\n"
        for name, function in FUNCTIONS.items()
    )
)
