from __future__ import annotations

import io
from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from runners.steps.errors import (
    DataNotRepresentable,
    DataQualityFailed,
    SourceFailed,
    SourceUnavailable,
    ValidationFailed,
)
from runners.steps.formats import csv_lines
from runners.steps.formats.csv import CANONICAL, Csv
from tests.unit.steps.formats.tables import EDGES, NAME, read, written


def test_a_file_is_as_postgresql_would_write_it():
    assert written(Csv(), EDGES).decode() == (
        "large,double,long,text,day,clock,moment,instant,bytes\n"
        '9223372036854775807,"NaN","0.000000000000000000","",0001-01-01,"01:02:03.005","2020-01-31 04:05:06.789",'
        '"2020-01-31 04:05:06+00","\\x00ff"\n'
        '-9223372036854775808,"-Infinity","-0.000000000000000001",,9999-12-31,"00:00:00","2020-01-01 00:00:00",,"\\x"\n'
        ',"-0",,"é""😀,\r\n",,,,,\n'
    )


def test_the_encoding_tells_files_apart_that_differ_before_they_are_compressed():
    assert Csv().encoding() == CANONICAL == Csv(Compression="gzip").encoding()
    assert Csv(Delimiter=";").encoding() != CANONICAL
    assert dict(CANONICAL.options) == {"delimiter": ",", "header": True, "null": "", "line_end": "\n"}


def test_names_of_columns_are_quoted_where_they_must_be():
    table = pa.table([pa.array([1])] * 4, names=["plain", 'a "b"', "c,d", "e\nf"])
    data = written(Csv(), table)
    assert data.startswith(b'plain,"a ""b""","c,d","e\nf"\n')
    assert read(Csv(), data).column_names == table.column_names


def test_without_a_header_columns_are_counted_or_named_in_their_order():
    assert read(Csv(Header=False), b"1,2\n3,4\n").to_pydict() == {"column_1": ["1", "3"], "column_2": ["2", "4"]}
    named = Csv(Header=False, Columns={"a": "int64", "b": "string"})
    assert read(named, b"1,2\n").to_pydict() == {"a": [1], "b": ["2"]}


def test_a_column_without_a_type_is_a_text_whatever_it_looks_like():
    assert read(Csv(), b"code\n007\n").to_pydict() == {"code": ["007"]}


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("true", pa.bool_(), True),
        ("-12", pa.int64(), -12),
        ("1.50", pa.float64(), 1.5),
        ("12345678901234567890", pa.string(), "12345678901234567890"),
        ("0.1234567890123456789", pa.string(), "0.1234567890123456789"),
        ("007", pa.string(), "007"),
        ("2020-01-31", pa.date32(), date(2020, 1, 31)),
        ("2020-01-31 04:05:06.5", pa.timestamp("us"), datetime.fromisoformat("2020-01-31T04:05:06.5")),
        ("text", pa.string(), "text"),
        ("", pa.string(), None),
    ],
)
def test_types_are_found_where_no_digit_is_lost_by_them(text, kind, value):
    table = read(Csv(Schema="found"), f"key,value\n1,{text}\n2,\n".encode())
    assert table.schema.field("value").type == kind
    assert table["value"].to_pylist() == [value, None]


def test_a_type_that_is_given_is_not_looked_for():
    table = read(Csv(Schema="found", Columns={"code": "string"}), b"code,number\n1,1\n")
    assert table.to_pydict() == {"code": ["1"], "number": [1]}


def test_types_are_found_in_a_file_with_nothing_but_a_header():
    assert read(Csv(Schema="found"), b"a,b\n").column_names == ["a", "b"]


def test_a_later_value_of_another_type_than_was_found_fails():
    data = b"number,text\n" + b"1,aaaaaaaaaa\n" * 1_000_000 + b"secret,a\n"
    with pytest.raises(DataQualityFailed, match=r"column number of .* is no int64") as caught:
        read(Csv(Schema="found"), data)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("first", "later"),
    [
        ("7", "007"),
        ("7", "0x1F"),
        ("0.5", "00.5"),
        ("0.5", "0.1234567890123456789"),
        ("0.5", "1e400"),
        ("12345678901234567890", "text"),
        ("true", "1"),
    ],
)
def test_a_later_value_that_would_lose_a_digit_in_the_type_that_was_found_fails(first, later):
    data = b"number,filling\n" + f"{first},aaaaaaaaaa\n".encode() * 500_000 + f"{later},a\n".encode()
    with pytest.raises(DataQualityFailed, match="as those before it are: name the column's type in Columns") as caught:
        read(Csv(Schema="found"), data)
    assert repr(later) not in str(caught.value)


@pytest.mark.parametrize(
    ("first", "later", "value"),
    [("7", "9223372036854775807", 2**63 - 1), ("0.5", "1e-05", 1e-05), ("0.5", ".25", 0.25), ("0.5", "-7", -7.0)],
)
def test_a_later_value_of_the_type_that_was_found_may_be_written_otherwise(first, later, value):
    data = b"number,filling\n" + f"{first},aaaaaaaaaa\n".encode() * 500_000 + f"{later},a\n".encode()
    assert read(Csv(Schema="found"), data)["number"][-1].as_py() == value


@pytest.mark.parametrize("kind", ["int64", "date", "bool", "decimal(4,2)", "binary", "decimal(40,2)", "timestamptz"])
def test_a_value_that_is_not_of_its_type_fails_and_is_not_told(kind):
    with pytest.raises(DataQualityFailed, match="column a of") as caught:
        read(Csv(Columns={"a": kind}), b"a,b\n123.456secret,1\n")
    assert "secret" not in str(caught.value)


def test_a_decimal_is_never_rounded():
    assert read(Csv(Columns={"a": "decimal(4,2)"}), b"a,b\n1.5,\n")["a"].to_pylist() == [Decimal("1.50")]
    with pytest.raises(DataQualityFailed):
        read(Csv(Columns={"a": "decimal(4,2)"}), b"a,b\n1.555,\n")


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "is empty"),
        (b"a,a\n", "two columns of the name a"),
        (b"a,b\n1\n", "has 1 fields, where it should have 2"),
        (b"a,b\n1,2,3\n", "has 3 fields"),
        (b"\xff\xfe\n", "no text in UTF-8"),
        (b'a,b\n1,"\xff"\n', "no text in UTF-8"),
        (b'a,b\n1,"2\n', "a quote that is never closed, as the last row ends"),
        (b"x" * 2_000_000, "no line within its first megabyte"),
    ],
)
def test_what_is_no_csv_is_refused(data, what):
    with pytest.raises(SourceFailed, match=what):
        read(Csv(), data)


def test_a_type_for_a_column_that_is_not_there_is_refused():
    with pytest.raises(SourceFailed, match=r"names c, which .* does not have; it has a, b"):
        read(Csv(Columns={"c": "int64"}), b"a,b\n1,2\n")


def test_a_quote_that_encloses_nothing_is_a_character_like_any_other_if_that_is_said():
    assert read(Csv(Quotes=False), b'a,b"\n5" pipe,"x\n').to_pydict() == {"a": ['5" pipe'], 'b"': ['"x']}
    assert read(Csv(), b'a,b\n5" pipe,2" pipe\n').to_pydict() == {"a": ['5" pipe'], "b": ['2" pipe']}


def test_rows_are_whole_wherever_the_file_is_cut(monkeypatch):
    monkeypatch.setattr(csv_lines, "_BLOCK_BYTES", 5)
    monkeypatch.setattr(csv_lines, "_HEADER_BYTES", 8)
    table = pa.table({"x": ["a\nb", None, "", '"\n"', "long" * 10], "y\nz": ["1", "\n", ",", "4", None]})
    assert read(Csv(), written(Csv(), table)).equals(table)


def test_a_row_without_an_end_is_refused_before_memory_is(monkeypatch):
    monkeypatch.setattr(csv_lines, "_BLOCK_BYTES", 100)
    monkeypatch.setattr(csv_lines, "_HEADER_BYTES", 100)
    monkeypatch.setattr(csv_lines, "_LONGEST_ROW", 1_000)
    with pytest.raises(SourceFailed, match="a row has more than"):
        read(Csv(), b'a,b\n"' + b"1,2\n" * 1_000)


def test_a_mark_of_byte_order_before_the_header_is_no_part_of_a_name():
    assert read(Csv(), b"\xef\xbb\xbfa,b\r\n1,2\r\n").to_pydict() == {"a": ["1"], "b": ["2"]}


def test_rows_are_read_in_batches_and_only_as_far_as_they_are_asked_for():
    class Endless(io.RawIOBase):
        asked = 0

        def read(self, size=-1):
            self.asked += 1
            return b"a,b\n" if self.asked == 1 else b"1,2\n" * (1 << 18)

    file = Endless()
    with Csv().reading(file, NAME) as rows:
        batches = rows.batches()
        assert next(batches).num_rows > 0
        assert next(batches).nbytes < 64 << 20
    assert file.asked < 20


def test_what_breaks_while_a_file_is_read_is_not_taken_for_its_contents():
    class Broken(io.RawIOBase):
        asked = 0

        def read(self, size=-1):
            self.asked += 1
            if self.asked > 1:
                raise SourceUnavailable("the connection broke")
            return b"a,b\n" + b"1,2\n" * 10

    with pytest.raises(SourceUnavailable), Csv().reading(Broken(), NAME) as rows:
        list(rows.batches())


@pytest.mark.parametrize(
    ("values", "what"),
    [
        (pa.array([-719_163], pa.date32()), "beyond the years 1 to 9999"),
        (pa.array([2**62], pa.timestamp("us")), "beyond the years 1 to 9999"),
        (pa.array([{"a": 1}]), "no form as text"),
        (pa.array([1], pa.duration("s")), "no form as text"),
    ],
)
def test_what_has_no_form_as_text_is_refused(values, what):
    with pytest.raises(DataNotRepresentable, match=what):
        written(Csv(), pa.table({"a": values}))


def test_a_time_with_a_zone_is_written_in_utc():
    moment = pa.array([datetime(2020, 7, 1, 12, tzinfo=UTC)], pa.timestamp("s", "Europe/Berlin"))
    assert written(Csv(Header=False), pa.table({"a": moment})) == b'"2020-07-01 12:00:00+00"\n'


@pytest.mark.parametrize("wrong", [{"Delimiter": '"'}, {"Delimiter": ",,"}, {"Null": '"'}, {"Columns": {"a": "money"}}])
def test_options_that_would_make_a_file_unreadable_are_refused(wrong):
    with pytest.raises(ValidationFailed):
        Csv.checked(wrong)
