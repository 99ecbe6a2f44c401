"""Every column type of PostgreSQL and of MariaDB, with values at its edges and what a copy of them must read.

Written down by hand from what the databases' manuals say of the values, and never from what the engine answers.
"""

from __future__ import annotations

import datetime as dt
import struct
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class ColumnType:
    """A type with values: ``literals`` as SQL, ``texts`` what a CSV file holds of them."""

    sql: str
    literals: tuple[str, ...]
    texts: tuple[str, ...]
    value: Callable[[str], Any] = str
    """Makes of a text what a Parquet reader answers."""
    parquet: str = "string"
    """The type of Parquet, as pyarrow names it."""
    postgresql: str = ""
    """The type in PostgreSQL, for a column that comes from MariaDB."""


def of(sql: str, pairs: dict[str, str], **rest: Any) -> ColumnType:
    return ColumnType(sql, tuple(pairs), tuple(pairs.values()), **rest)


def same(sql: str, *texts: str, **rest: Any) -> ColumnType:
    """A type whose values read as they are written."""
    return ColumnType(sql, tuple("'" + text.replace("'", "''") + "'" for text in texts), texts, **rest)


def moment(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


def single(text: str) -> float:
    """The number of four bytes nearest to a text."""
    return float(struct.unpack("f", struct.pack("f", float(text)))[0])


WHOLE: dict[str, Any] = {"value": int}
EMOJI = "naïve 😀 Ω"
AWKWARD = 'a "quoted", comma\nline'

POSTGRESQL: dict[str, ColumnType] = {
    "c_smallint": same("smallint", "-32768", "32767", parquet="int16", **WHOLE),
    "c_integer": same("integer", "-2147483648", "2147483647", parquet="int32", **WHOLE),
    "c_bigint": same("bigint", "-9223372036854775808", "9223372036854775807", parquet="int64", **WHOLE),
    "c_numeric_10_2": of(
        "numeric(10,2)",
        {"99999999.99": "99999999.99", "-0.01": "-0.01", "1": "1.00"},
        value=Decimal,
        parquet="decimal128(10, 2)",
    ),
    "c_numeric_38_10": same(
        "numeric(38,10)", "1234567890123456789012345678.0123456789", value=Decimal, parquet="decimal128(38, 10)"
    ),
    "c_numeric_50_20": same("numeric(50,20)", "123456789012345678901234567890.01234567890123456789"),
    "c_numeric_negative_scale": of("numeric(3,-2)", {"12345": "12300"}, value=Decimal, parquet="decimal128(5, 0)"),
    "c_numeric_high_scale": of("numeric(2,4)", {"0.0012": "0.0012"}, value=Decimal, parquet="decimal128(4, 4)"),
    "c_numeric": same("numeric", "0.0000000000000001", "123456789012345678901234567890123456789.5", "NaN", "-Infinity"),
    "c_real": same("real", "1.1", "NaN", "-Infinity", "3.4028235e+38", value=single, parquet="float"),
    "c_double": same(
        "double precision", "0.1", "1.7976931348623157e+308", "5e-324", "NaN", "Infinity", value=float, parquet="double"
    ),
    "c_money": of(
        "money",
        {"'-92233720368547758.08'": "-92233720368547758.08", "1.5": "1.50"},
        value=lambda text: Decimal(text).quantize(Decimal("0.0001")),
        parquet="decimal128(38, 4)",
    ),
    "c_char": of("char(5)", {"'ab'": "ab", "''": "", "'a b'": "a b"}),
    "c_internal_char": same('"char"', "x"),
    "c_name": same("name", "a name"),
    "c_varchar": same("varchar(20)", EMOJI, "", "NULL", AWKWARD[:18]),
    "c_varchar_unlimited": same("varchar", EMOJI, ""),
    "c_text": same("text", AWKWARD, "", EMOJI, "back\\slash\ttab\r\n", "x" * 100_000),
    "c_bytea": of("bytea", {r"'\x00ff10'": "00ff10", r"'\x'": ""}, value=bytes.fromhex, parquet="binary"),
    "c_boolean": of("boolean", {"true": "true", "false": "false"}),
    "c_date": same(
        "date", "2024-02-29", "0001-01-01", "9999-12-31", value=dt.date.fromisoformat, parquet="date32[day]"
    ),
    "c_time": same("time", "00:00:00", "23:59:59.999999", value=dt.time.fromisoformat, parquet="time64[us]"),
    "c_time_0": same("time(0)", "12:34:56", value=dt.time.fromisoformat, parquet="time64[us]"),
    "c_timetz": same("timetz", "12:34:56.5+05:30", "23:59:59-08"),
    "c_timestamp": of(
        "timestamp",
        {"'2024-02-29 12:34:56.123456'": "2024-02-29 12:34:56.123456", "'1999-01-01'": "1999-01-01 00:00:00.000000"},
        value=moment,
        parquet="timestamp[us]",
    ),
    "c_timestamp_0": same("timestamp(0)", "2024-02-29 12:34:56", value=moment, parquet="timestamp[us]"),
    "c_timestamp_3": of(
        "timestamp(3)", {"'2024-02-29 12:34:56.5'": "2024-02-29 12:34:56.500000"}, value=moment, parquet="timestamp[us]"
    ),
    "c_timestamptz": of(
        "timestamptz",
        {"'2024-07-01 02:30:00.25+05:30'": "2024-06-30 21:00:00.250000"},
        value=moment,
        parquet="timestamp[us]",
    ),
    "c_interval": same("interval", "1 year 2 mons 3 days 04:05:06.789", "-1 days +02:03:00", "00:00:00"),
    "c_json": same("json", '{"b": 1,  "a": [null, "é"]}', "null"),
    "c_jsonb": of("jsonb", {"""'{"b":1,"a":[null]}'""": '{"a": [null], "b": 1}'}),
    "c_xml": same("xml"),  # only NULL: the server of the tests is built without XML
    "c_uuid": same("uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    "c_integers": same("integer[]", "{1,NULL,3}", "{}", "{{1,2},{3,4}}"),
    "c_texts": of("text[]", {"""ARRAY['a,b', 'q"q', NULL, '']""": '{"a,b","q\\"q",NULL,""}'}),
    "c_numerics": same("numeric(10,2)[]", "{1.00,NaN}"),
    "c_enum": same("mood", "sad", "very happy"),
    "c_enums": of("mood[]", {"ARRAY['sad', 'very happy']::mood[]": '{sad,"very happy"}'}),
    "c_composite": of("pair", {"ROW(1, 'a b')": '(1,"a b")'}),
    "c_domain": same("positive", "42", parquet="int32", **WHOLE),
    "c_domain_of_domain": of("price", {"12.5": "12.50"}, value=Decimal, parquet="decimal128(8, 2)"),
    "c_bit": of("bit(5)", {"B'10101'": "10101"}),
    "c_varbit": of("bit varying(8)", {"B'101'": "101", "B''": ""}),
    "c_cidr": same("cidr", "192.168.100.0/24"),
    "c_inet": same("inet", "192.168.0.1/32", "2001:db8::1/64"),
    "c_macaddr": same("macaddr", "08:00:2b:01:02:03"),
    "c_macaddr8": same("macaddr8", "08:00:2b:01:02:03:04:05"),
    "c_tsvector": same("tsvector", "'cat':3 'fat':2"),
    "c_tsquery": same("tsquery", "'fat' & 'rat'"),
    "c_int4range": same("int4range", "[1,10)", "empty"),
    "c_int8range": same("int8range", "(,5)"),
    "c_numrange": same("numrange", "[1.5,2.5]"),
    "c_tsrange": same("tsrange", '["2024-01-01 00:00:00","2024-01-02 00:00:00")'),
    "c_tstzrange": of("tstzrange", {"'[2024-01-01 00:00:00+01,)'": '["2023-12-31 23:00:00+00",)'}),
    "c_daterange": same("daterange", "[2024-01-01,2024-02-01)"),
    "c_multirange": same("int4multirange", "{[1,3),[5,7)}"),
    "c_point": same("point", "(1.5,-2)"),
    "c_line": of("line", {"'{1,-1,0}'": "(1,-1,0)"}),
    "c_lseg": of("lseg", {"'[(0,0),(1,1)]'": "((0,0),(1,1))"}),
    "c_box": of("box", {"'(2,2),(0,0)'": "((2,2),(0,0))"}),
    "c_path": same("path", "((0,0),(1,1),(2,0))", "[(0,0),(1,1)]"),
    "c_polygon": same("polygon", "((0,0),(1,1),(2,0))"),
    "c_circle": of("circle", {"'<(1,2),3>'": "(1,2),3"}),
    "c_pg_lsn": same("pg_lsn", "16/B374D848"),
    "c_regclass": same("regclass", "pg_class"),
    "c_vector": same("vector(3)", "[1,2.5,-3]"),
}
"""Types of PostgreSQL 18 and of the extension ``vector``; without ``oid``, which DMS does not migrate."""

POSTGRESQL_SETUP = (
    "CREATE EXTENSION vector",
    "CREATE TYPE mood AS ENUM ('sad', 'very happy')",
    "CREATE TYPE pair AS (number integer, word text)",
    "CREATE DOMAIN positive AS integer CHECK (VALUE > 0)",
    "CREATE DOMAIN amount AS numeric(8,2)",
    "CREATE DOMAIN price AS amount CHECK (VALUE > 0)",
)

MARIADB: dict[str, ColumnType] = {
    "c_tinyint": same("TINYINT", "-128", "127", parquet="int8", postgresql="smallint", **WHOLE),
    "c_tinyint_1": same("TINYINT(1)", "2", "0", "1", parquet="int8", postgresql="smallint", **WHOLE),
    "c_boolean": same("BOOLEAN", "1", "0", parquet="int8", postgresql="smallint", **WHOLE),
    "c_tinyint_unsigned": same("TINYINT UNSIGNED", "255", parquet="uint8", postgresql="smallint", **WHOLE),
    "c_smallint": same("SMALLINT", "-32768", parquet="int16", postgresql="smallint", **WHOLE),
    "c_smallint_unsigned": same("SMALLINT UNSIGNED", "65535", parquet="uint16", postgresql="integer", **WHOLE),
    "c_mediumint": same("MEDIUMINT", "-8388608", parquet="int32", postgresql="integer", **WHOLE),
    "c_mediumint_unsigned": same("MEDIUMINT UNSIGNED", "16777215", parquet="uint32", postgresql="bigint", **WHOLE),
    "c_int": same("INT", "-2147483648", parquet="int32", postgresql="integer", **WHOLE),
    "c_int_unsigned": same("INT UNSIGNED", "4294967295", parquet="uint32", postgresql="bigint", **WHOLE),
    "c_int_zerofill": of("INT(8) ZEROFILL", {"42": "42"}, parquet="uint32", postgresql="bigint", **WHOLE),
    "c_bigint": same("BIGINT", "-9223372036854775808", parquet="int64", postgresql="bigint", **WHOLE),
    "c_bigint_unsigned": same(
        "BIGINT UNSIGNED", "18446744073709551615", "0", parquet="uint64", postgresql="bigint", **WHOLE
    ),
    "c_decimal": of(
        "DECIMAL(10,2)",
        {"-99999999.99": "-99999999.99", "1": "1.00"},
        value=Decimal,
        parquet="decimal128(10, 2)",
        postgresql="numeric(10,2)",
    ),
    "c_decimal_38": same(
        "DECIMAL(38,10)",
        "1234567890123456789012345678.0123456789",
        value=Decimal,
        parquet="decimal128(38, 10)",
        postgresql="numeric(38,10)",
    ),
    "c_decimal_65": same(
        "DECIMAL(65,30)",
        "12345678901234567890123456789012345.012345678901234567890123456789",
        postgresql="character varying(204)",
    ),
    "c_decimal_zerofill": of(
        "DECIMAL(8,2) ZEROFILL",
        {"12.5": "12.50", "0.5": "0.50"},
        value=Decimal,
        parquet="decimal128(8, 2)",
        postgresql="numeric(8,2)",
    ),
    # A FLOAT is the nearest number of four bytes, which a double holds exactly.
    "c_float": of(
        "FLOAT",
        {"1.1": "1.100000023841858", "16777216": "16777216"},
        value=float,
        parquet="double",
        postgresql="double precision",
    ),
    "c_double": of(
        "DOUBLE",
        {"0.1": "0.1", "1.7976931348623157e308": "1.7976931348623157e308"},
        value=float,
        parquet="double",
        postgresql="double precision",
    ),
    "c_bit": of(
        "BIT",
        {"b'1'": "true", "b'0'": "false"},
        value=lambda text: text == "true",
        parquet="bool",
        postgresql="boolean",
    ),
    "c_bit_10": of(
        "BIT(10)", {"b'1010101010'": "02aa", "b'1'": "0001"}, value=bytes.fromhex, parquet="binary", postgresql="bytea"
    ),
    "c_bit_64": of(
        "BIT(64)", {"18446744073709551615": "ff" * 8}, value=bytes.fromhex, parquet="binary", postgresql="bytea"
    ),
    "c_date": same(
        "DATE", "2024-02-29", "1000-01-01", value=dt.date.fromisoformat, parquet="date32[day]", postgresql="date"
    ),
    "c_datetime": same(
        "DATETIME",
        "2024-02-29 12:34:56",
        value=moment,
        parquet="timestamp[us]",
        postgresql="timestamp(0) without time zone",
    ),
    "c_datetime_6": of(
        "DATETIME(6)",
        {"'2024-02-29 12:34:56.5'": "2024-02-29 12:34:56.500000"},
        value=moment,
        parquet="timestamp[us]",
        postgresql="timestamp(6) without time zone",
    ),
    # Written in the session's zone, which the test sets to +05:30.
    "c_timestamp": of(
        "TIMESTAMP NULL",
        {"'2024-07-01 02:30:00'": "2024-06-30 21:00:00"},
        value=moment,
        parquet="timestamp[us]",
        postgresql="timestamp(0) without time zone",
    ),
    "c_time": same("TIME", "838:59:59", "-838:59:59", "00:00:00", postgresql="character varying(51)"),
    "c_time_6": same("TIME(6)", "-101:02:03.000004", postgresql="character varying(51)"),
    "c_year": of("YEAR", {"2024": "2024", "0": "0"}, parquet="int16", postgresql="smallint", **WHOLE),
    "c_char": of("CHAR(5)", {"'ab'": "ab", "''": ""}, postgresql="character varying(15)"),
    "c_varchar": same("VARCHAR(50)", EMOJI, "", "NULL", AWKWARD, postgresql="character varying(150)"),
    "c_latin1": same("VARCHAR(50) CHARACTER SET latin1", "naïve", postgresql="character varying(150)"),
    "c_utf8_bin": same("VARCHAR(50) COLLATE utf8mb4_bin", EMOJI, postgresql="character varying(150)"),
    "c_tinytext": same("TINYTEXT", EMOJI, "", postgresql="character varying(765)"),
    "c_text": same("TEXT", AWKWARD, "", "tab\tand\rmore", postgresql="character varying(65535)"),
    "c_mediumtext": same("MEDIUMTEXT", EMOJI, "x" * 100_000, postgresql="text"),
    "c_longtext": same("LONGTEXT", EMOJI, postgresql="text"),
    "c_binary": of("BINARY(4)", {"x'01ff'": "01ff0000"}, value=bytes.fromhex, parquet="binary", postgresql="bytea"),
    "c_varbinary": of(
        "VARBINARY(8)", {"x'00ff'": "00ff", "''": ""}, value=bytes.fromhex, parquet="binary", postgresql="bytea"
    ),
    "c_tinyblob": of("TINYBLOB", {"x'00'": "00"}, value=bytes.fromhex, parquet="binary", postgresql="bytea"),
    "c_blob": of(
        "BLOB", {"x'DEADBEEF'": "deadbeef", "''": ""}, value=bytes.fromhex, parquet="binary", postgresql="bytea"
    ),
    "c_mediumblob": of("MEDIUMBLOB", {"x'ff'": "ff"}, value=bytes.fromhex, parquet="binary", postgresql="bytea"),
    "c_longblob": of("LONGBLOB", {"x'ff00'": "ff00"}, value=bytes.fromhex, parquet="binary", postgresql="bytea"),
    "c_enum": same("ENUM('small','x large')", "x large", "small", postgresql="character varying(21)"),
    "c_set": same("SET('a','b','c d')", "a,c d", "", postgresql="character varying(21)"),
    "c_json": same("JSON", '{"b": 1,  "a": [null, "é"]}', postgresql="text"),
    "c_uuid": same("UUID", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", postgresql="character varying(108)"),
    "c_inet4": same("INET4", "192.168.0.1", postgresql="character varying(150)"),
    "c_inet6": same("INET6", "2001:db8::1", postgresql="character varying(150)"),
    **{
        f"c_{kind.lower()}": of(
            kind,
            # Four bytes of an SRID before what the standard calls well-known binary.
            {f"ST_GeomFromText('{text}')": "00000000" + wkb},
            value=bytes.fromhex,
            parquet="binary",
            postgresql="bytea",
        )
        for kind, text, wkb in (
            ("POINT", "POINT(1 2)", "0101000000000000000000f03f0000000000000040"),
            ("GEOMETRY", "POINT(1 2)", "0101000000000000000000f03f0000000000000040"),
            ("LINESTRING", "LINESTRING(0 0,1 1)", "010200000002000000" + "00" * 16 + "000000000000f03f" * 2),
        )
    },
}
"""Types of MariaDB 10.11."""
