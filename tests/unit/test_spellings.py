"""A secret is found however it is escaped."""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64encode
from html import escape
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runners.spellings import spellings

ODD = "p@ss w/ö\"rd\\n\\\\%'<&>+é😀=\n\t;:#?{}"

ESCAPES = {
    "as it is": str,
    "URL": lambda text: quote(text, safe=""),
    "path of a URL": quote,
    "form": quote_plus,
    "URL in lower case": lambda text: quote(text, safe="").replace("%C", "%c").replace("%F", "%f"),
    "URL within a URL": lambda text: quote(quote(text, safe=""), safe=""),
    "JSON": json.dumps,
    "JSON in Unicode": lambda text: json.dumps(text, ensure_ascii=False),
    "JSON within JSON": lambda text: json.dumps(json.dumps(text)),
    "JSON with slashes escaped": lambda text: json.dumps(text).replace("/", "\\/"),
    "Python": repr,
    "Python in ASCII": ascii,
    "Python's bytes": lambda text: repr(text.encode()),
    "Python within JSON": lambda text: json.dumps(repr(text)),
    "HTML": escape,
    "shell": lambda text: "".join(f"\\{each}" if not each.isalnum() else each for each in text),
    "hex": lambda text: text.encode().hex(),
    "hex in capitals": lambda text: text.encode().hex().upper(),
}


def found_in(secret, text):
    return any(pattern.search(text) for pattern in spellings(secret))


@pytest.mark.parametrize("escaped", ESCAPES.values(), ids=ESCAPES)
def test_it_is_found_in_every_spelling(escaped):
    assert found_in(ODD, f"before {escaped(ODD)} after")
    assert not found_in(ODD, f"before {escaped(ODD[::-1])} after")


@pytest.mark.parametrize("encode", [b64encode, urlsafe_b64encode])
@pytest.mark.parametrize("user", ["", "u", "us", "use", "user"])
def test_it_is_found_within_base64_wherever_it_begins(encode, user):
    for secret in ("pa55", "Pa55word??>>", ODD):
        for after in ("", "x", "xy"):
            assert found_in(secret, f"Basic {encode(f'{user}:{secret}{after}'.encode()).decode()}")
    assert not found_in("Pa55word", b64encode(b"user:Pa66word").decode())


@settings(max_examples=100)
@given(secret=st.text(min_size=4, max_size=20), escaped=st.sampled_from(list(ESCAPES.values())))
def test_any_text_is_found(secret, escaped):
    assert found_in(secret, escaped(secret))


def test_many_backslashes_are_looked_through_quickly():
    assert not found_in("\\" * 8 + "\"'" * 8, "\\" * 5_000)
