from __future__ import annotations

import pytest

from runners.local.dms.columns import DmsType, Kind
from runners.local.dms.postgresql_target import TYPES, type_of


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        (DmsType(Kind.NUMERIC, precision=10, scale=2), "numeric(10,2)"),
        (DmsType(Kind.DATETIME, scale=3), "timestamp(3)"),
        (DmsType(Kind.DATETIME), "timestamp"),
        (DmsType(Kind.STRING, length=10), "character varying(30)"),
        (DmsType(Kind.WSTRING, length=21_845), "character varying(65535)"),
        (DmsType(Kind.WSTRING, length=21_846), "character varying(65535)"),
        (DmsType(Kind.STRING), "character varying"),
        (DmsType(Kind.UINT8), "bigint"),
        (DmsType(Kind.BLOB), "bytea"),
    ],
)
def test_a_type_of_dms_has_the_type_that_the_user_guide_gives_it(kind: DmsType, wanted: str) -> None:
    assert type_of(kind) == wanted


def test_every_kind_has_a_type() -> None:
    assert set(Kind) - set(TYPES) == {Kind.NUMERIC, Kind.STRING, Kind.WSTRING}
