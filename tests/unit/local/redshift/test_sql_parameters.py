from __future__ import annotations

import pytest

from runners.local.redshift.sql_parameters import bound


def test_a_name_becomes_a_parameter_of_the_driver_wherever_it_stands() -> None:
    sql = "select :a, (:b) from t where x=:a"
    assert bound(sql, {"a": "1", "b": "2"}) == ("select %(a)s, (%(b)s) from t where x=%(a)s", {"a": "1", "b": "2"})


@pytest.mark.parametrize(
    "hidden",
    [
        "':a'",
        "'it''s :a'",
        "e'\\' :a'",
        '":a"',
        "$$ :a $$",
        "$body$ :a $$ :a $body$",
        "-- :a\n",
        "/* :a\n:a */",
        "1::a",
        "x[1:2]",
        ":other",
    ],
)
def test_what_only_looks_like_a_name_stays_as_it_is(hidden: str) -> None:
    assert bound(f"select {hidden} ", {"a": "1"}) == (f"select {hidden} ", {})


def test_a_cast_of_a_parameter_is_a_cast() -> None:
    assert bound(":a::int", {"a": "1"})[0] == "%(a)s::int"


def test_a_percent_sign_means_nothing_to_the_driver() -> None:
    assert bound("select 5 % 2, '10%' , :a", {"a": "%"}) == ("select 5 %% 2, '10%%' , %(a)s", {"a": "%"})


def test_a_longer_name_is_another_name() -> None:
    assert bound(":a1 :a", {"a": "x", "a1": "y"}) == ("%(a1)s %(a)s", {"a1": "y", "a": "x"})
