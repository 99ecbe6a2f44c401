from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runners.limits import TRUNCATED, fit_json, fit_text

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
values = st.recursive(
    scalars | st.text(min_size=50), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)
names = st.text(max_size=20).filter(lambda name: name != TRUNCATED)


@settings(max_examples=60, deadline=None, database=None)
@given(document=st.dictionaries(names, values, max_size=8), limit=st.integers(30, 400))
def test_the_result_always_fits_is_json_in_ascii_and_names_what_was_cut(document, limit):
    text = fit_json(document, limit)
    assert len(text) <= limit
    assert text.isascii()
    read = json.loads(text)
    cut = read.pop(TRUNCATED, [])
    for name, value in document.items():
        assert read.get(name) == value or name in cut or cut == ["(all)"]
    assert cut == ["(all)"] or set(cut) <= set(document)


@settings(max_examples=60, deadline=None, database=None)
@given(document=st.dictionaries(names, values, max_size=8))
def test_what_fits_is_left_as_it_is(document):
    assert json.loads(fit_json(document, 10**9)) == document


@settings(max_examples=60, deadline=None, database=None)
@given(text=st.text(), limit=st.integers(1, 40))
def test_a_text_is_cut_to_its_limit_and_the_cut_is_marked(text, limit):
    fitted = fit_text(text, limit)
    assert len(fitted) <= limit
    assert fitted == text or (len(text) > limit and fitted.endswith("…") and text.startswith(fitted[:-1]))


def test_long_fields_are_shortened_and_short_ones_kept():
    fitted = json.loads(fit_json({"id": 7, "log": "x" * 500, "keys": ["k"] * 200}, 400))
    assert fitted["id"] == 7
    assert fitted["keys"] == ["k"] * len(fitted["keys"])
    assert set(fitted["log"]) == {"x"}
    assert set(fitted[TRUNCATED]) == {"log", "keys"}


def test_only_as_much_is_cut_as_must_be():
    assert len(fit_json({"a": 1, "log": "x" * 500}, 300)) == 300


def test_an_object_keeps_its_beginning():
    problems = {f"field {number}": "Field required" for number in range(1000)}
    fitted = json.loads(fit_json({"Problems": problems}, 1000))
    assert len(fitted["Problems"]) > 20
    assert list(fitted["Problems"]) == list(problems)[: len(fitted["Problems"])]
    assert fitted[TRUNCATED] == ["Problems"]


def test_what_has_no_beginning_becomes_null():
    assert json.loads(fit_json({"a": "ok", "n": 10**200}, 100)) == {"a": "ok", "n": None, TRUNCATED: ["n"]}


def test_a_document_of_nothing_but_small_fields_that_do_not_fit_says_that_all_is_cut():
    assert json.loads(fit_json({f"f{n}": n for n in range(100)}, 100)) == {TRUNCATED: ["(all)"]}


@pytest.mark.parametrize("value", [datetime(2026, 1, 31, tzinfo=UTC), {1, 2}])
def test_what_json_does_not_know_is_written_as_text(value):
    assert json.loads(fit_json({"a": value}, 100)) == {"a": str(value)}
