from __future__ import annotations

import json

import pytest

from runners.local.athena.sql.translation import QueryError
from runners.local.athena.sql.types import Type, type_of
from runners.local.athena.text_rows import Json, LazySimple, OpenCSV, Row


def types(*written: str) -> list[Type]:
    return [type_of(one) for one in written]


def lazy(line: str, *columns: str, **parameters: str) -> Row:
    given = {"field.delim": ",", **{key.replace("_", "."): value for key, value in parameters.items()}}
    (row,) = LazySimple.of(types(*columns), given).rows([line])
    return row


@pytest.mark.parametrize(
    ("line", "row"),
    [
        ("a,b", ["a", "b"]),
        ("a", ["a", None]),
        ("", ["", None]),
        ("a,b,c", ["a", "b"]),
        ("\\N,", [None, ""]),
        ('"a,b"', ['"a', 'b"']),
        ("a\\,b,c", ["a\\", "b"]),
    ],
)
def test_delimited_text_has_no_quotes_and_no_escapes_unless_it_says_so(line: str, row: Row) -> None:
    assert lazy(line, "string", "string") == row


@pytest.mark.parametrize(
    ("line", "row"),
    [("a\\,b,c", ["a,b", "c"]), ("a\\\\,b", ["a\\", "b"]), ("a,b\\", ["a", "b\\"]), ("\\N,x", [None, "x"])],
)
def test_an_escape_takes_the_meaning_of_a_delimiter(line: str, row: Row) -> None:
    assert lazy(line, "string", "string", escape_delim="\\") == row


def test_null_has_the_text_that_the_table_says() -> None:
    assert lazy("-,\\N", "string", "string", serialization_null_format="-") == [None, "\\N"]


@pytest.mark.parametrize(
    ("written", "delimiter"),
    [("\\t", "\t"), ("\t", "\t"), ("\\001", "\x01"), ("9", "9"), ("09", "\t"), ("\\u0001", "\x01")],
)
def test_a_delimiter_is_written_in_several_ways(written: str, delimiter: str) -> None:
    reader = LazySimple.of(types("string", "string"), {"field.delim": written})
    assert list(reader.rows([f"a{delimiter}b"])) == [["a", "b"]]


def test_fields_are_parted_by_hives_delimiters_if_nothing_is_said() -> None:
    reader = LazySimple.of(types("int", "array<int>", "map<string,int>", "struct<x:int,y:array<string>>"), {})
    (row,) = reader.rows(["1\x011\x022\x01a\x031\x02b\x032\x017\x02p\x03q"])
    assert row[0] == "1"
    assert [json.loads(str(text)) for text in row[1:]] == [
        ["1", "2"],
        {"a": "1", "b": "2"},
        {"x": "7", "y": ["p", "q"]},
    ]


def test_nested_text_may_lack_values() -> None:
    row = lazy(",a:,x|\\N", "array<int>", "map<string,int>", "array<string>", collection_delim="|", mapkey_delim=":")
    assert [json.loads(str(text)) for text in row] == [[], {"a": ""}, ["x", None]]
    assert lazy("\\N", "array<int>") == [None]
    assert json.loads(str(lazy("a", "map<string,int>")[0])) == {"a": None}


def test_text_is_not_nested_deeper_than_there_are_delimiters() -> None:
    deep = "array<" * 8 + "int" + ">" * 8
    with pytest.raises(QueryError, match="no delimiter"):
        lazy("1", deep)


def csv(line: str, count: int = 3, **parameters: str) -> Row:
    (row,) = OpenCSV.of(types(*["string"] * count), parameters).rows([line])
    return row


@pytest.mark.parametrize(
    ("line", "row"),
    [
        ("a,b,c", ["a", "b", "c"]),
        ("a,b", ["a", "b", None]),
        ("a,b,c,d", ["a", "b", "c"]),
        ("", [None, None, None]),
        (",,", ["", "", ""]),
        ('"a,b",c,"d"', ["a,b", "c", "d"]),
        ('"say ""x""",b,c', ['say "x"', "b", "c"]),
        (r'"say \"x\"","\\",c', ['say "x"', "\\", "c"]),
        (r"a\b,c,d", ["ab", "c", "d"]),
        ('a,   "b",c', ["a", "b", "c"]),
        ('a,bc"d"ef,g', ["a", 'bc"d"ef', "g"]),
        ('a,"b,c', ["a", None, None]),
    ],
)
def test_csv_is_read_as_opencsv_reads_it(line: str, row: Row) -> None:
    assert csv(line) == row


def test_csv_may_have_other_characters() -> None:
    assert csv("'a;b';c", 2, separatorChar=";", quoteChar="'") == ["a;b", "c"]


def read(line: str, columns: dict[str, str], **parameters: str) -> Row:
    given = {key.replace("__", "."): value for key, value in parameters.items()}
    (row,) = Json.of(list(columns), types(*columns.values()), given).rows([line])
    return row


def test_json_values_keep_their_digits_and_come_by_their_keys() -> None:
    line = '{"B": 1.50, "a": 12345678901234567890, "c": true, "d": "x", "unknown": [1]}'
    columns = {"a": "bigint", "b": "double", "c": "boolean", "d": "string", "e": "int"}
    assert read(line, columns) == ["12345678901234567890", "1.50", "true", "x", None]


def test_json_may_be_nested() -> None:
    line = '{"s": {"X": 1, "more": 2, "y": [{"Z": "z"}]}, "m": {"Key": 1.0}, "t": {"any": ["thing", 1.50]}}'
    columns = {"s": "struct<x:int,y:array<struct<z:string>>,w:int>", "m": "map<string,double>", "t": "string"}
    s, m, t = read(line, columns)
    assert json.loads(str(s)) == {"x": "1", "y": [{"z": "z"}], "w": None}
    assert json.loads(str(m)) == {"Key": "1.0"}
    assert t == '{"any":["thing",1.50]}'


def test_a_line_of_json_may_be_an_array() -> None:
    assert read('["x", 2]', {"a": "string", "b": "int", "c": "int"}) == ["x", "2", None]
    (row,) = read('{"s": [1, 2]}', {"s": "struct<x:int,y:int>"})
    assert json.loads(str(row)) == {"x": "1", "y": "2"}


def test_keys_of_json_may_be_named_apart() -> None:
    assert read('{"Order-Id": 1}', {"id": "int"}, mapping__id="Order-Id") == ["1"]
    assert read('{"ID": 1, "id": 2}', {"id": "int"}, case__insensitive="false") == ["2"]
    assert read('{"a.b": 1}', {"a_b": "int"}, dots__in__keys="true") == ["1"]


@pytest.mark.parametrize("line", ["{", "", "1", '"text"', "[" * 100_000])
def test_what_is_no_json_is_an_error_or_a_row_of_nothing(line: str) -> None:
    with pytest.raises(QueryError, match="Row is not a valid JSON Object") as caught:
        read(line, {"a": "int"})
    assert caught.value.kind == "HIVE_CURSOR_ERROR"
    assert read(line, {"a": "int"}, ignore__malformed__json="true") == [None]


def test_a_value_of_another_shape_is_bad_data() -> None:
    with pytest.raises(QueryError, match="HIVE_BAD_DATA"):
        read('{"a": "secret"}', {"a": "array<int>"})
