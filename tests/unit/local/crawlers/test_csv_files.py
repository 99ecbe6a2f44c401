from __future__ import annotations

import pytest

from runners.local.crawlers.csv_files import ABSENT, LAZY, OPEN, PRESENT, Classifier, CsvFile, classify


def columns(found: CsvFile | None) -> dict[str, object]:
    assert found is not None
    return {column.name: column.type for column in found.columns}


@pytest.mark.parametrize("delimiter", [",", "|", "\t", ";", "\x01"])
def test_each_of_glues_delimiters_is_found(delimiter: str) -> None:
    found = classify(f"Id{delimiter}Name\n1{delimiter}ann\n2{delimiter}bob\n")
    assert found is not None
    assert (found.layout.delimiter, found.layout.serde, found.rows) == (delimiter, LAZY, 2)
    assert columns(found) == {"id": "bigint", "name": "string"}


def test_a_delimiter_within_quotes_splits_nothing() -> None:
    found = classify('id,name\n1,"last, first"\n2,"a ""b"""\n')
    assert found is not None
    assert found.layout.quoted
    assert columns(found) == {"id": "bigint", "name": "string"}


@pytest.mark.parametrize(
    "text",
    [
        "1,2\n3,4\n",  # a header holds texts alone
        "a,b\nc,d\n",  # it is unlike the rows below it
        f"{'x' * 150},b\n1,2\n",  # its cells are short
        ",b\n1,2\n",  # and not empty
    ],
)
def test_a_first_row_that_is_no_header_by_glues_rules_is_data(text: str) -> None:
    found = classify(text)
    assert found is not None
    assert not found.layout.has_header
    assert list(columns(found)) == ["col0", "col1"]
    assert found.rows == 2


def test_the_last_column_may_be_empty_throughout() -> None:
    assert columns(classify("id,name,\n1,a,\n2,b,\n")) == {"id": "bigint", "name": "string", "col2": None}


def test_a_column_is_as_wide_as_its_widest_value() -> None:
    text = "n,d,t,b\n1,1,1,true\n2,2.5,x,false\n,,,\n"
    assert columns(classify(text)) == {"n": "bigint", "d": "double", "t": "string", "b": "boolean"}


@pytest.mark.parametrize(
    "text",
    [
        "only\none\n",  # two columns at least
        "a,b\n",  # two rows at least
        "a,b\n1,2,3\n",  # all of one width
        'a,b\n"1"x,2\n',  # quotes where they belong
        "",
    ],
)
def test_what_is_no_csv_is_not_taken_for_it(text: str) -> None:
    assert classify(text) is None


def test_a_classifier_of_ones_own_says_what_the_file_does_not() -> None:
    own = Classifier(delimiter=":", quote="'", header=PRESENT, serde=OPEN)
    found = classify("A:B\n'x:y':2\n", own)
    assert found is not None
    assert (found.layout.delimiter, found.layout.quote, found.layout.serde) == (":", "'", OPEN)
    assert columns(found) == {"a": "string", "b": "string"}  # Open CSV SerDe knows texts alone


def test_a_classifier_may_name_the_columns() -> None:
    own = Classifier(names=("One", "Two"), header=ABSENT)
    assert columns(classify("1,2\n", own)) == {"one": "bigint", "two": "bigint"}
    assert classify("1,2,3\n", own) is None


def test_a_single_column_is_csv_where_a_classifier_allows_it() -> None:
    assert classify("1\n2\n", Classifier(delimiter=",")) is None
    assert columns(classify("1\n2\n", Classifier(delimiter=",", single_column=True))) == {"col0": "bigint"}
