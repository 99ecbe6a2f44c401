"""Rules that hold for any values: of division, of decimals, of casts, and of dates that are written and read."""

from __future__ import annotations

import datetime
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as some

from runners.local.athena.sql.translation import QueryError
from tests.unit.local.athena.sql.tables import connect, rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

quickly = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
INTEGERS = some.integers(-(2**31) + 1, 2**31 - 1)


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with connect() as opened:
        yield opened


def value(connection: duckdb.DuckDBPyConnection, expression: str) -> str | None:
    ((found,),) = rows(connection, f"SELECT {expression}")
    return found


@quickly
@given(INTEGERS, INTEGERS.filter(bool))
def test_a_quotient_is_cut_and_a_remainder_has_the_sign_of_the_dividend(
    connection: duckdb.DuckDBPyConnection, x: int, y: int
) -> None:
    ((quotient, remainder),) = rows(connection, f"SELECT CAST({x} AS INTEGER) / ({y}), CAST({x} AS INTEGER) % ({y})")
    assert int(quotient or "") == abs(x) // abs(y) * (1 if (x < 0) == (y < 0) else -1)
    assert int(quotient or "") * y + int(remainder or "") == x
    assert remainder == "0" or (int(remainder or "") < 0) == (x < 0)


FIRST, LAST = (datetime.datetime.fromisoformat(day) for day in ("1970-01-01", "2069-12-31"))
DECIMALS = some.decimals(min_value=-99999, max_value=99999, places=3)


@quickly
@given(DECIMALS, DECIMALS, some.sampled_from("+-*/%"))
def test_decimals_are_calculated_exactly_and_rounded_half_up(
    connection: duckdb.DuckDBPyConnection, x: Decimal, y: Decimal, sign: str
) -> None:
    assume(sign not in "/%" or y)
    found = value(connection, f"CAST({x} AS DECIMAL(8, 3)) {sign} CAST({y} AS DECIMAL(8, 3))")
    with localcontext() as context:
        context.prec = 60
        exact = {"+": x + y, "-": x - y, "*": x * y, "/": x / y if y else x, "%": x % y if y else x}[sign]
    places = Decimal("0.000001") if sign == "*" else Decimal("0.001")
    assert Decimal(found or "") == exact.quantize(places, ROUND_HALF_UP)


@quickly
@given(some.floats(-1e9, 1e9))
def test_a_double_is_rounded_to_a_decimal_by_all_of_its_digits(connection: duckdb.DuckDBPyConnection, x: float) -> None:
    found = value(connection, f"CAST({x:e} AS DECIMAL(20, 2))")
    assert Decimal(found or "") == Decimal(float(f"{x:e}")).quantize(Decimal("0.01"), ROUND_HALF_UP)


@quickly
@given(some.text(alphabet="0123456789+-. e_", min_size=1, max_size=6))
def test_a_text_is_a_whole_number_only_if_it_is_nothing_but_digits_and_a_sign(
    connection: duckdb.DuckDBPyConnection, written: str
) -> None:
    assume(written == written.strip())
    if written.lstrip("+-").isdigit() and len(written) - len(written.lstrip("+-")) <= 1:
        assert int(value(connection, f"CAST('{written}' AS INTEGER)") or "") == int(written)
    else:
        with pytest.raises(QueryError, match="INVALID_CAST_ARGUMENT"):
            value(connection, f"CAST('{written}' AS INTEGER)")


@quickly
@given(some.datetimes(FIRST, LAST))
def test_a_date_that_is_written_by_a_pattern_is_read_back_by_it(
    connection: duckdb.DuckDBPyConnection, moment: datetime.datetime
) -> None:
    written = f"TIMESTAMP '{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03}'"
    patterns = ("%Y-%m-%d %H:%i:%s.%f", "%e/%c/%y %k:%i:%s.%f", "%M %d, %Y %h:%i:%S.%f %p", "%Y%m%d %T.%f")
    columns = ", ".join(f"date_parse(date_format({written}, '{pattern}'), '{pattern}')" for pattern in patterns)
    ((*found,),) = rows(connection, f"SELECT {columns}")
    assert set(found) == {f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03}"}


@quickly
@given(some.dates(datetime.date(1900, 1, 1), datetime.date(2100, 1, 1)), some.integers(-500, 500))
def test_a_date_is_as_many_days_away_as_were_added(
    connection: duckdb.DuckDBPyConnection, day: datetime.date, days: int
) -> None:
    moved = f"date_add('day', {days}, DATE '{day}')"
    assert value(connection, f"date_diff('day', DATE '{day}', {moved})") == str(days)


@quickly
@given(some.lists(some.integers(-5, 5) | some.none(), max_size=6), some.integers(1, 8))
def test_an_array_gives_null_beyond_its_end_where_a_subscript_fails(
    connection: duckdb.DuckDBPyConnection, items: list[int | None], place: int
) -> None:
    written = f"ARRAY[{', '.join('NULL' if item is None else str(item) for item in items)}]"
    expected = items[place - 1] if place <= len(items) else None
    assert value(connection, f"element_at({written}, {place})") == (None if expected is None else str(expected))
    assert value(connection, f"TRY({written}[{place}])") == (None if expected is None else str(expected))
    assert value(connection, f"cardinality({written})") == str(len(items))
