"""Trino's functions of JSON, which is kept as its text."""

from __future__ import annotations

from runners.local.athena.sql.patterns import json_path
from runners.local.athena.sql.signatures import Writes, function, table
from runners.local.athena.sql.values import literal_of, text


def _extracted(called: str) -> Writes:
    return lambda _, document, path: f"{called}({document.sql}, {text(json_path(literal_of(path, 'a path of JSON')))})"


JSON_FUNCTIONS = table(
    *(function(f"json_extract({of}, varchar) -> json", _extracted("trino_json_extract")) for of in ("varchar", "json")),
    *(
        function(f"json_extract_scalar({of}, varchar) -> varchar", _extracted("trino_json_scalar"))
        for of in ("varchar", "json")
    ),
    *(function(f"json_array_length({of}) -> bigint", "trino_json_array_length({0})") for of in ("varchar", "json")),
    function("json_parse(varchar) -> json", "trino_json_parse({0})"),
    function("json_format(json) -> varchar", "{0}"),
    function("is_json_scalar(json) -> boolean", "(json_type({0}) NOT IN ('OBJECT', 'ARRAY'))"),
    function("is_json_scalar(varchar) -> boolean", "(json_type(trino_json_parse({0})) NOT IN ('OBJECT', 'ARRAY'))"),
)  # fmt: skip
