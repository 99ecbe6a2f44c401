from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as some

from runners.lint.reading import Position, UnreadableError, read

VALUES = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats(allow_nan=False, allow_infinity=False) | some.text(),
    lambda inner: some.lists(inner) | some.dictionaries(some.text(), inner),
)


@given(some.dictionaries(some.text(), VALUES), some.sampled_from([None, 0, 3, "\t"]))
def test_any_json_is_read_as_python_reads_it(value, indent):
    if any("${" in text for text in [json.dumps(value)]):
        return
    assert read(json.dumps(value, indent=indent)).value == value


def test_a_member_is_where_its_name_is():
    document = read('{\n  "a": {\n\t"b": [1, {"c": 2}]\n  }\n}')

    assert document.position(("a",)) == Position(2, 3)
    assert document.position(("a", "b")) == Position(3, 2)
    assert document.position(("a", "b", 1, "c")) == Position(3, 12)
    assert document.position(("a", "b", 0)) == Position(3, 8)


def test_what_is_not_there_is_where_the_nearest_around_it_is():
    assert read('{\n "a": {}}').position(("a", "b", 3)) == Position(2, 2)


def test_a_substitution_stands_where_json_wants_a_value():
    assert read('{"a": ${Seconds}, "b": [${One}]}').value == {"a": "${Seconds}", "b": ["${One}"]}


def test_names_that_stand_twice_in_one_object_are_told():
    assert read('{"a": 1,\n "a": {"b": 2}, "b": 3}').repeated == ((("a",), Position(2, 2)),)
    assert read("a: 1\nb: 2\na: 3\n").repeated == ((("a",), Position(3, 1)),)


@pytest.mark.parametrize(
    ("text", "position", "message"),
    [
        ("", (1, 1), "the file is empty"),
        (" \n", (1, 1), "the file is empty"),
        ('{"a": 1,}', (1, 9), "comma before }"),
        ('{"a": [1,\n]}', (2, 1), "comma before ]"),
        ('{"a" 1}', (1, 6), 'colon is expected after the name "a"'),
        ('{"a": 1 "b": 2}', (1, 9), "a comma or } is expected"),
        ('{"a": [1 2]}', (1, 10), "a comma or ] is expected"),
        ("{a: 1}", (1, 2), "a name in double quotes"),
        ('{\n"a": nope}', (2, 6), "expecting value"),
        ('{"a": NaN}', (1, 7), "JSON has no NaN"),
        ('{"a": "\n"}', (1, 8), "invalid control character"),
        ('{"a": 1', (1, 8), "ends too early"),
        ('{"a": "b', (1, 7), "unterminated string"),
        ('{"a": 1} 2', (1, 10), "more after the end"),
        ('{"a": ' + "9" * 5000 + "}", (1, 7), "too long"),
        ('{"a":' * 100_000, (1, 1), "nested too deeply"),
        ("a: [1", (1, 6), "this is not YAML"),
        ("a: \x00", (1, 1), "this is not YAML"),
        ("a: 1\n---\nb: 2\n", (2, 1), "this is not YAML"),
        ("&a [*a]", (1, 1), "nested too deeply"),
    ],
)
def test_a_broken_text_is_told_with_its_place(text, position, message):
    with pytest.raises(UnreadableError) as error:
        read(text)

    assert message in str(error.value)
    assert error.value.position == Position(*position)


def test_aliases_that_would_fill_the_memory_are_refused():
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]

    with pytest.raises(UnreadableError, match="too large"):
        read("\n".join(lines))


def test_yaml_is_read_with_cloudformations_short_forms():
    document = read(
        "a: !Ref X\nb: !GetAtt X.Arn\nc: !Sub\n  - t\n  - {n: 1}\nd: 2012-10-17\ne: yes\nf: {<<: {g: 1}, h: ~}\n1: x\n",
        is_yaml=True,
    )

    assert document.value == {
        "a": {"Ref": "X"},
        "b": {"Fn::GetAtt": "X.Arn"},
        "c": {"Fn::Sub": ["t", {"n": 1}]},
        "d": "2012-10-17",
        "e": True,
        "f": {"g": 1, "h": None},
        "1": "x",
    }
    assert document.position(("f", "h")) == Position(8, 17)


def test_json_in_a_block_of_yaml_keeps_its_place_in_the_file():
    document = read('text: !Sub |\n\n    {\n      "a": 1\n    }\n', is_yaml=True)

    inner = document.text_at(("text", "Fn::Sub"), document.value["text"]["Fn::Sub"])

    assert inner.value == {"a": 1}
    assert inner.position(("a",)) == Position(4, 7)


def test_json_in_a_text_is_where_the_text_begins():
    document = read('{\n "text": "{\\"a\\": 1}"}')

    assert document.text_at(("text",), document.value["text"]).position(("a",)) == Position(2, 2)


def test_broken_json_in_a_block_is_told_with_its_place_in_the_file():
    document = read("text: |\n  {\n   x\n", is_yaml=True)

    with pytest.raises(UnreadableError) as error:
        document.text_at(("text",), document.value["text"])

    assert error.value.position == Position(3, 4)


def test_a_mark_of_the_byte_order_is_no_part_of_the_text():
    assert read('\ufeff{"a": 1}').value == {"a": 1}
