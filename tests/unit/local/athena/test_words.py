from __future__ import annotations

import pytest

from runners.local.athena.sql.translation import QueryError
from runners.local.athena.words import Words


def all_of(statement: str, *, hive: bool = False) -> list[tuple[str, str]]:
    words = Words(statement, hive=hive)
    found = []
    while (word := words.next()).kind != "end":
        found.append((word.kind, word.value))
    return found


def test_words_names_texts_numbers_and_symbols_are_told_apart() -> None:
    assert all_of("a = 'it''s' AND \"B c\" >= 1.5") == [
        ("word", "a"),
        ("symbol", "="),
        ("text", "it's"),
        ("word", "AND"),
        ("name", "B c"),
        ("symbol", ">"),
        ("symbol", "="),
        ("number", "1.5"),
    ]


def test_comments_are_no_words() -> None:
    assert all_of("-- first\na /* b\n c */ d") == [("word", "a"), ("word", "d")]


def test_hive_has_texts_in_both_quotes_and_names_in_backquotes() -> None:
    assert all_of("`a b` \"x\" 'y'", hive=True) == [("name", "a b"), ("text", "x"), ("text", "y")]


@pytest.mark.parametrize(
    ("written", "meant"),
    [(r"'\t'", "\t"), (r"'\001'", "\x01"), (r"'\\'", "\\"), (r"'\u0041'", "A"), (r"'it\'s'", "it's"), (r"'\q'", "q")],
)
def test_a_backslash_escapes_in_a_text_of_hives(written: str, meant: str) -> None:
    assert all_of(written, hive=True) == [("text", meant)]


def test_a_backslash_is_a_character_in_a_text_of_trinos() -> None:
    assert all_of("'\\'") == [("text", "\\")]


def test_phrases_are_taken_whole_or_not_at_all() -> None:
    words = Words("if not there")
    assert not words.takes("IF", "NOT", "EXISTS")
    assert words.takes("IF", "NOT")
    assert words.name() == "there"


def test_parentheses_end_where_they_are_closed() -> None:
    words = Words("(a (b) ')' \")\") rest")
    assert words.in_parentheses() == "a (b) ')' \")\""
    assert words.rest() == "rest"


def test_parentheses_that_are_not_closed_are_bad_syntax() -> None:
    with pytest.raises(QueryError, match="Expecting: \\)"):
        Words("(a (b)").in_parentheses()


def test_an_error_says_where_it_is_and_never_shows_a_text() -> None:
    words = Words("a\n  'secret'")
    words.expect("A")
    with pytest.raises(QueryError, match=r"line 2:3: mismatched input\. Expecting: B") as caught:
        words.expect("B")
    assert "secret" not in str(caught.value)


def test_a_semicolon_may_end_a_statement_and_nothing_may_follow() -> None:
    Words(" ; ").end()
    with pytest.raises(QueryError, match="<EOF>"):
        Words("; more").end()


@pytest.mark.parametrize("method", ["name", "text"])
def test_what_has_to_be_there_is_missed(method: str) -> None:
    with pytest.raises(QueryError, match="mismatched input '<EOF>'"):
        getattr(Words(""), method)()
