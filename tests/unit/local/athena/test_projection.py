from __future__ import annotations

from datetime import UTC, datetime

import pytest

from runners.local.athena.catalog import Table
from runners.local.athena.ddl_tables import Column
from runners.local.athena.projection import Projection, projection_of
from runners.local.athena.sql.translation import QueryError

NOW = datetime(2024, 3, 31, 15, 30, tzinfo=UTC)


def projection(location: str = "s3://b/t/", template: str | None = None, **columns: dict[str, str]) -> Projection:
    properties = {"projection.enabled": "true"}
    for name, settings in columns.items():
        properties |= {f"projection.{name}.{key.replace('_', '.')}": value for key, value in settings.items()}
    if template:
        properties["storage.location.template"] = template
    partitions = tuple(Column(name, "string") for name in columns)
    table = Table("db", "t", (Column("x", "int"),), partitions, location, properties=properties)
    found = projection_of(table, lambda: NOW)
    assert found is not None
    return found


def has(value: str, **settings: str) -> bool:
    return projection(p=settings).values_at(f"s3://b/t/p={value}/object") is not None


def test_a_table_without_projection_has_none() -> None:
    partitions = (Column("p", "int"),)
    assert projection_of(Table("db", "t", (), partitions)) is None
    assert projection_of(Table("db", "t", (), partitions, properties={"projection.enabled": "false"})) is None
    assert projection_of(Table("db", "t", (), (), properties={"projection.enabled": "true"})) is None


@pytest.mark.parametrize(("value", "there"), [("a", True), ("b c", True), ("d", False), ("A", False)])
def test_enum_has_the_values_that_it_lists(value: str, there: bool) -> None:
    assert has(value, type="enum", values="a, b c") is there


@pytest.mark.parametrize(
    ("value", "there"),
    [("1", True), ("10", True), ("0", False), ("11", False), ("01", False), ("x", False), ("-1", False)],
)
def test_integer_has_the_numbers_of_its_range(value: str, there: bool) -> None:
    assert has(value, type="integer", range="1,10") is there


@pytest.mark.parametrize(("value", "there"), [("0001", True), ("0002", False), ("0004", True), ("1", False)])
def test_integer_counts_its_interval_from_the_first_and_fills_its_digits(value: str, there: bool) -> None:
    assert has(value, type="integer", range="1,100", interval="3", digits="4") is there


@pytest.mark.parametrize(
    ("value", "there"),
    [("2024-01-01", True), ("2024-03-31", True), ("2024-04-01", False), ("2023-12-31", False), ("2024-02-30", False)],
)
def test_date_has_the_days_of_its_range_until_now(value: str, there: bool) -> None:
    assert has(value, type="date", range="2024-01-01,NOW", format="yyyy-MM-dd") is there


@pytest.mark.parametrize(
    ("value", "bounds", "there"),
    [
        ("2024-03-29", "NOW-2DAYS,NOW", True),
        ("2024-03-28", "NOW-2DAYS,NOW", False),
        ("2024-02-29", "NOW-1MONTH,NOW", True),
        ("2024-02-28", "NOW-1MONTHS,NOW", False),
        ("2023-03-31", "NOW-1YEAR,NOW+1WEEK", True),
        ("2024-04-07", "NOW-1YEARS , NOW+1WEEKS", True),
        ("2024-04-08", "NOW-1YEAR,NOW+1WEEK", False),
    ],
)
def test_a_range_of_dates_may_count_from_now(value: str, bounds: str, there: bool) -> None:
    assert has(value, type="date", range=bounds, format="yyyy-MM-dd") is there


@pytest.mark.parametrize(
    ("settings", "there", "not_there"),
    [
        ({"interval": "2", "interval_unit": "DAYS", "format": "yyyy-MM-dd"}, "2024-01-03", "2024-01-02"),
        ({"interval": "1", "interval_unit": "WEEKS", "format": "yyyy-MM-dd"}, "2024-01-08", "2024-01-09"),
        ({"interval": "1", "interval_unit": "MONTHS", "format": "yyyy-MM-dd"}, "2024-02-01", "2025-13-01"),
        ({"interval": "3", "format": "yyyy-MM"}, "2024-04", "2024-03"),
        ({"interval": "1", "interval_unit": "YEARS", "format": "yyyy"}, "2025", "2023"),
    ],
)
def test_dates_come_in_intervals(settings: dict[str, str], there: str, not_there: str) -> None:
    first = {"yyyy-MM-dd": "2024-01-01,2026-01-01", "yyyy-MM": "2024-01,2026-01", "yyyy": "2024,2026"}
    settings = {**settings, "type": "date", "range": first[settings["format"]]}
    assert has(there, **settings)
    assert not has(not_there, **settings)


def test_hours_are_dates_too() -> None:
    settings = {"type": "date", "range": "NOW-1HOUR,NOW", "format": "yyyy-MM-dd-HH"}
    assert has("2024-03-31-14", **settings)
    assert not has("2024-03-31-13", **settings)


def test_a_template_says_where_partitions_are() -> None:
    found = projection(
        template="s3://b/logs/${region}/${day}",
        region={"type": "enum", "values": "eu,us"},
        day={"type": "date", "range": "2024/01/01,NOW", "format": "yyyy/MM/dd"},
    )
    assert found.folder == "s3://b/logs/"
    assert not found.is_hive_style
    assert found.values_at("s3://b/logs/eu/2024/02/03/a/b.gz") == ("eu", "2024/02/03")
    assert found.values_at("s3://b/logs/eu/2024/02") is None
    assert found.values_at("s3://b/logs/ap/2024/02/03/a") is None


def test_objects_are_looked_for_in_the_folder_where_paths_part() -> None:
    settings = {"type": "injected"}
    assert projection(p=settings).folder == "s3://b/t/"
    assert projection(template="s3://b/x-${p}/", p=settings).folder == "s3://b/"


def test_a_column_may_stand_twice_in_a_template() -> None:
    found = projection(template="s3://b/${p}/of-${p}/", p={"type": "integer", "range": "1,9"})
    assert found.values_at("s3://b/2/of-2/x") == ("2",)
    assert found.values_at("s3://b/2/of-3/x") is None


def test_values_in_hives_paths_are_decoded() -> None:
    assert projection(p={"type": "enum", "values": "a"}).values_at("s3://b/t/p=a/x") == ("a",)
    found = projection(p={"type": "injected"})
    assert found.values_at("s3://b/t/p=a%2Fb/x") == ("a/b",)
    assert found.injected == ("p",)


def test_a_format_of_dates_has_literals_in_quotes() -> None:
    assert has("2024T03", type="date", range="2024T01,NOW", format="yyyy'T'MM")
    assert has("2024'03", type="date", range="2024'01,NOW", format="yyyy''MM")


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({}, "projection.p.type"),
        ({"type": "colour"}, "projection.p.type"),
        ({"type": "enum"}, "projection.p.values"),
        ({"type": "integer", "range": "1"}, "projection.p"),
        ({"type": "integer", "range": "a,b"}, "projection.p"),
        ({"type": "integer", "range": "1,2", "interval": "0"}, "at least 1"),
        ({"type": "date", "range": "2024-01-01,NOW", "format": "yyyy-MM-dd", "interval": "0"}, "at least 1"),
        ({"type": "date", "range": "2024,NOW", "format": "yy"}, "no yy"),
        ({"type": "date", "range": "2024,NOW", "format": "yyyy'"}, "quote"),
        ({"type": "date", "range": "2024-01-01,NOW-1EON", "format": "yyyy-MM-dd"}, "EON is no unit"),
        ({"type": "date", "range": "yesterday,NOW", "format": "yyyy-MM-dd"}, "projection.p"),
    ],
)
def test_properties_that_make_no_sense_are_named(settings: dict[str, str], named: str) -> None:
    with pytest.raises(QueryError, match=named) as caught:
        projection(p=settings)
    assert caught.value.kind == "INVALID_TABLE_PROPERTY"


def test_a_template_has_every_partition_column_and_no_other() -> None:
    with pytest.raises(QueryError, match=r"storage\.location\.template"):
        projection(template="s3://b/${q}/", p={"type": "injected"})
