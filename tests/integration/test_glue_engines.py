"""Spark and DuckDB give the same rows, names and types for whatever is let through.

The job's script itself runs here, once on each engine, over the embedded S3.
"""

from __future__ import annotations

import csv
import importlib.util
import json
import random
import re
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow
import pyarrow.parquet
import pytest
import sqlglot

from runners.local.letters import OTHER_CASE, TITLE_CASE
from runners.local.scripts import spark_staging
from runners.local.spark_sql import sql_on_duckdb
from runners.local.spark_sql.functions import FUNCTIONS
from runners.local.spark_sql.translation import HELD_AGAINST_SPARK
from tests.integration.spark import QUIET, require_spark

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import ModuleType

    from runners.local.server import EmbeddedAWS

ROOT = Path(__file__).parents[2]
SAMPLES = {"sales": "SalesPipeline_QuickSightSample.csv", "marketing": "MarketingData_QuickSightSample.csv"}

require_spark()

pytestmark = QUIET


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    from pyspark.sql import SparkSession  # noqa: PLC0415 - only where it is installed

    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.sql.shuffle.partitions", "2")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("OFF")
    spark_staging.install_when_imported()
    yield session
    session.stop()


@pytest.fixture
def script(embedded_aws: EmbeddedAWS, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The job's script as a module, in the surroundings of a job."""
    for name, value in embedded_aws.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.syspath_prepend(str(ROOT / "runners/local/glue/libs"))
    spark_staging._s3.cache_clear()
    spec = importlib.util.spec_from_file_location("sql_transformation", ROOT / "glue-scripts/sql_transformation.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    for name in [name for name in sys.modules if name.partition(".")[0] == "awsglue"]:
        monkeypatch.delitem(sys.modules, name)


class Bench:
    """Runs the script on one engine or the other, over a bucket of the test's own."""

    def __init__(self, aws: EmbeddedAWS, script: ModuleType, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.s3 = aws.client("s3")
        self.script, self.directory, self.monkeypatch = script, directory, monkeypatch
        self.bucket = f"bench-{uuid.uuid4().hex[:12]}"
        self.s3.create_bucket(Bucket=self.bucket)

    def put(self, key: str, body: bytes) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)

    def run(self, engine: str, query: str, inputs: dict[str, tuple[str, str]], outputs: dict[str, str]) -> None:
        """Inputs: view → format, prefix. Outputs: prefix → format."""
        query_file = self.directory / "query.sql"
        query_file.write_text(query, encoding="utf-8")
        self.monkeypatch.setenv("RUNNERS_SQL_ENGINE", engine)
        self.script.main(
            [
                "script.py",
                "--transformation",
                str(query_file),
                "--inputs",
                json.dumps(
                    [
                        {"view": view, "format": kind, "path": f"s3://{self.bucket}/{prefix}"}
                        for view, (kind, prefix) in inputs.items()
                    ]
                ),
                "--outputs",
                json.dumps(
                    [{"format": kind, "path": f"s3://{self.bucket}/{prefix}"} for prefix, kind in outputs.items()]
                ),
            ]
        )

    def keys(self, prefix: str) -> list[str]:
        found = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix).get("Contents", [])
        return [item["Key"] for item in found if not item["Key"].endswith("_SUCCESS")]

    def body(self, key: str) -> bytes:
        return bytes(self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read())

    def parquet(self, prefix: str) -> pyarrow.Table:
        tables = [pyarrow.parquet.read_table(pyarrow.BufferReader(self.body(key))) for key in self.keys(prefix)]
        return pyarrow.concat_tables(tables)

    def csv_text(self, prefix: str) -> str:
        bodies = [self.body(key).decode() for key in self.keys(prefix)]
        header = bodies[0].partition("\n")[0]
        return f"{header}\n" + "".join(body.partition("\n")[2] for body in bodies)


@pytest.fixture
def bench(
    embedded_aws: EmbeddedAWS, script: ModuleType, spark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Bench:
    return Bench(embedded_aws, script, tmp_path, monkeypatch)


def schema(table: pyarrow.Table) -> list[tuple[str, str]]:
    return [(field.name, str(field.type)) for field in table.schema]


def test_the_workflow_gives_the_same_on_both_engines(bench: Bench) -> None:
    for view, name in SAMPLES.items():
        bench.put(f"{view}/{name}", (ROOT / "samples" / name).read_bytes())
    for engine in ("spark", "duckdb"):
        for view in SAMPLES:
            query = (ROOT / f"glue-scripts/process_{view}_data.sql").read_text(encoding="utf-8")
            bench.run(engine, query, {view: ("csv", f"{view}/")}, {f"{engine}/{view}/": "parquet"})
        bench.run(
            engine,
            (ROOT / "glue-scripts/join_marketing_and_sales_data.sql").read_text(encoding="utf-8"),
            {view: ("parquet", f"{engine}/{view}/") for view in SAMPLES},
            {f"{engine}/joined/parquet/": "parquet", f"{engine}/joined/csv/": "csv"},
        )
    for result in ("sales/", "marketing/", "joined/parquet/"):
        on_spark, on_duckdb = bench.parquet(f"spark/{result}"), bench.parquet(f"duckdb/{result}")
        assert on_spark.num_rows > 800
        assert schema(on_spark) == schema(on_duckdb)
        assert on_spark.to_pylist() == on_duckdb.to_pylist(), result
    assert bench.csv_text("spark/joined/csv/") == bench.csv_text("duckdb/joined/csv/")


TABLE = (
    "id,name,amount,day,flag\n"
    '1,"Ortega, Lynch",10.50,3/1/2014,1\n'
    "2, padded ,-3,03/02/2014,0\n"
    "3,,1e2,2/30/2014,\n"
    '4,"say ""x""",12.345,,1\n'
    "5,Ünïcödé,abc,3/1/14,yes\n"
    "6,Lead,0x10,3/1/2014 ,2.9\n"
    "7,lead,1_000,3/1/2014,-2.9\n"
    '8,"","",2014-03-01,99999999999\n'
    "9,Lead,.5,3/3/2014,.\n"
)
OTHER = "id,label\n1,one\n3,three\n3,drei\n10,ten\n"
EDGES = (
    "id,grp,n,m,dec,d,s\n"
    "1,a,1,3,1.50,2024-02-29,hello world\n"
    "2,a,1,-3,-2.25,2023-12-31,Straße\n"
    '3,a,,0,,2024-01-01,"  İstanbul  "\n'
    "4,a,5,,0.005,,\n"
    "5,b,-7,2,-0.005,2000-01-01,naïve日本語\n"
    "6,b,7,-2,99999999.99,1999-12-31,😀 smile\n"
    "7,b,0,7,2.5,2024-12-30,a.b.c\n"
    "8,,2147483647,1,-2.5,1582-10-15,x\n"
    "9,,-2147483648,10,3.5,9999-11-30,a  b\n"
    '10,,10,3,0.00,2021-01-03,"ÀÉÎ çñ ΑΛ"\n'
    '11,c,2,2,1.005,2024-03-31,"a,b"\n'
    "12,c,2,5,12.345,2024-05-31,-\n"
)
TEXTS = [
    "2024-1-5", "2024", "2024-03", " 2024-01-05 10:00", "2024-01-05T", "2024-01-05x", "2024-02-30", "24-01-05",
    "2024-001-05", "2024/01/05", "TRUE ", "n", "0.0", "on", "+2024-01-05", "2024-01-", "2024-", "2024-0-5",
    "-2024-01-05", "20240105", "2024-01-05 \n x", "yes", "1", "00", "2024-12-31Z", "0000-01-01", "0001-01-01",
    "\t2024-01-05\t", "\x1c7", "\u00a02024-01-05", "2024-01-05\u3000", "T", "False", "nO", "12024-01-05", "tru e",
]  # fmt: skip

QUERIES = {
    "casts": "SELECT id, CAST(amount AS DECIMAL(18, 2)) AS d, CAST(amount AS DECIMAL(10, 3)) AS e, "
    "CAST(flag AS INT) AS i, CAST(flag AS BIGINT) AS b, CAST(id AS STRING) AS s FROM t",
    "casts of numbers": "SELECT CAST(CAST(amount AS DECIMAL(18, 2)) AS INT) AS i, "
    "CAST(CAST(id AS INT) AS DECIMAL(9, 1)) AS d, CAST(CAST(amount AS DECIMAL(18, 2)) AS STRING) AS s FROM t",
    "dates": "SELECT id, to_date(trim(day), 'M/d/yyyy') AS a, to_date(day, 'MM/dd/yyyy') AS b, "
    "to_date(day, 'yyyy-MM-dd') AS c, DATE '2014-03-01' AS d FROM t",
    "strings": "SELECT trim(name) AS t, name || '-' || id AS j, coalesce(name, 'none') AS c, "
    "nullif(trim(name), 'Lead') AS n FROM t",
    "conditions": "SELECT id FROM t WHERE (name = 'Lead' OR name LIKE '%,%' OR name IS NULL) AND NOT id = '8' "
    "AND id <> '9' AND id IN ('1', '3', '6', '9') AND id BETWEEN '0' AND '8' AND id >= '1' AND id <= '6' "
    "AND id > '0' AND id < '7'",
    "like": "SELECT id FROM t WHERE name LIKE '_ead'",
    "null-safe equality": "SELECT id, name <=> NULL AS a, flag <=> '1' AS b FROM t",
    "booleans": "SELECT id, id = '1' AS a, true AS b, name = NULL AS c FROM t",
    "cases": "SELECT id, CASE WHEN id < '3' THEN 'low' WHEN id < '6' THEN 'mid' END AS a, "
    "CASE flag WHEN '1' THEN 'yes' ELSE 'no' END AS b, if(flag = '1', 1, 0) AS c FROM t",
    "arithmetic": "SELECT CAST(CAST(id AS INT) * 2 + 1 - 3 AS INT) AS i, -CAST(id AS INT) AS n, "
    "CAST(CAST(amount AS DECIMAL(18, 2)) * CAST(1.5 AS DECIMAL(3, 1)) AS DECIMAL(18, 2)) AS d FROM t",
    "aggregates": "SELECT flag, count(*) AS a, count(amount) AS b, count(DISTINCT name) AS c, min(name) AS d, "
    "max(name) AS e, min(CAST(amount AS DECIMAL(18, 2))) AS f, "
    "CAST(sum(CAST(amount AS DECIMAL(18, 2))) AS DECIMAL(18, 2)) AS g, CAST(sum(CAST(id AS INT)) AS BIGINT) AS h, "
    "count(*) FILTER (WHERE name = 'Lead') AS i FROM t GROUP BY flag HAVING count(*) >= 1",
    "aggregates of nothing": "SELECT count(*) AS a, min(id) AS b, "
    "CAST(sum(CAST(id AS INT)) AS BIGINT) AS c FROM t WHERE id = 'none'",
    "order": "SELECT name, id FROM t ORDER BY name DESC, id",
    "order of nulls": "SELECT name, id FROM t ORDER BY name, CAST(id AS INT) DESC",
    "explicit order of nulls": "SELECT name, id FROM t ORDER BY name NULLS LAST, id",
    "limit": "SELECT id FROM t ORDER BY id DESC LIMIT 3",
    "distinct": "SELECT DISTINCT flag FROM t",
    "inner join": "SELECT t.id, u.label FROM t JOIN u ON t.id = u.id",
    "join using": "SELECT * FROM t JOIN u USING (ID)",
    "left join": "SELECT * FROM t LEFT JOIN u USING (id)",
    "full join": "SELECT t.id AS a, u.id AS b FROM t FULL OUTER JOIN u ON t.id = u.id",
    "right join": "SELECT t.id AS a, u.label AS b FROM t RIGHT JOIN u ON t.id = u.id",
    "semi and anti join": "SELECT t.id FROM t LEFT SEMI JOIN u ON t.id = u.id "
    "UNION ALL SELECT t.id FROM t LEFT ANTI JOIN u ON t.id = u.id",
    "cross join": "SELECT t.id AS a, u.id AS b FROM t CROSS JOIN u",
    "union": "SELECT id FROM t UNION SELECT id FROM u",
    "subqueries": "WITH x AS (SELECT id, name FROM t WHERE name IS NOT NULL) "
    "SELECT y.id FROM (SELECT id FROM x WHERE id IN (SELECT id FROM u)) AS y",
    "literals": "SELECT 'it\\'s' AS a, 1 AS b, 1.50 AS c, true AS d, 'a\\tb' AS e FROM t LIMIT 1",
    "no rows": "SELECT id, CAST(amount AS DECIMAL(18, 2)) AS d FROM t WHERE id = 'none'",
    # What the engines do differently by themselves.
    "names as they are written": "SELECT ID, Grp, e.N FROM e",
    "casts of booleans and of too large numbers": "SELECT CAST(id = '1' AS INT) AS a, "
    "CAST(id = '1' AS DECIMAL(4, 2)) AS b, CAST(CAST(flag AS BIGINT) AS INT) AS c, "
    "CAST(CAST(flag AS DECIMAL(20, 0)) AS INT) AS d, CAST(id = '2' AS STRING) AS e, "
    "CAST(CAST('99999999999999999999' AS DECIMAL(20, 0)) AS BIGINT) AS f FROM t",
    "casts to booleans": "SELECT id, CAST(CAST(n AS INT) AS BOOLEAN) AS a, CAST(CAST(dec AS DECIMAL(9, 3)) AS BOOLEAN) "
    "AS b, CAST(id = '1' AS BOOLEAN) AS c FROM e",
    "casts of texts": "SELECT i, CAST(s AS BOOLEAN) AS a, CAST(s AS DATE) = DATE '2024-01-05' AS b, "
    "datediff(to_date(s), DATE '2024-01-01') AS c, to_date(s, 'yyyyMMdd') AS d, CAST(s AS INT) AS e FROM x",
    "blanks": "SELECT i, trim(s) AS a, ltrim(s) AS b, rtrim(s) AS c FROM x",
    # Windows.
    "ranks": "SELECT id, row_number() OVER (PARTITION BY grp ORDER BY CAST(id AS INT)) AS a, "
    "rank() OVER (PARTITION BY grp ORDER BY m) AS b, dense_rank() OVER (ORDER BY grp DESC, m) AS c FROM e",
    "neighbours": "SELECT id, lag(n) OVER (ORDER BY CAST(id AS INT)) AS a, lag(n, 2) OVER (ORDER BY CAST(id AS INT)) "
    "AS b, lead(n, 1, 'none') OVER (PARTITION BY grp ORDER BY CAST(id AS INT) DESC) AS c, "
    "lead(CAST(n AS INT), 2, 0) OVER (ORDER BY CAST(id AS INT)) AS d FROM e",
    "first and last": "SELECT id, first_value(n) OVER (PARTITION BY grp ORDER BY d DESC) AS a, "
    "last_value(n) OVER (PARTITION BY grp ORDER BY d) AS b, last_value(n) OVER (PARTITION BY grp ORDER BY d "
    "ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS c FROM e",
    "running aggregates": "SELECT id, sum(CAST(m AS INT)) OVER (PARTITION BY grp ORDER BY CAST(m AS INT)) AS a, "
    "count(*) OVER (PARTITION BY grp) AS b, min(n) OVER (ORDER BY grp) AS c, "
    "max(CAST(n AS INT)) OVER (ORDER BY CAST(m AS INT) DESC, id ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS d, "
    "sum(CAST(dec AS DECIMAL(10, 3))) OVER (ORDER BY CAST(id AS INT) "
    "ROWS BETWEEN UNBOUNDED PRECEDING AND 1 FOLLOWING) AS e, "
    "avg(CAST(dec AS DECIMAL(10, 3))) OVER (PARTITION BY grp) AS f, count(n) OVER () AS g, "
    "sum(CAST(m AS INT)) OVER (ORDER BY grp RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS h, "
    "min(d) OVER (PARTITION BY grp ORDER BY id ROWS 1 PRECEDING) AS i FROM e",
    "the latest row of each key": "SELECT y.id, y.n FROM (SELECT id, n, row_number() OVER (PARTITION BY grp "
    "ORDER BY d DESC, id) AS rn FROM e) AS y WHERE y.rn = 1",
    "the first row of each key with all columns": "SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY grp "
    "ORDER BY m, id) AS rn FROM e) WHERE rn = 1",
    "nulls in windows": "SELECT id, row_number() OVER (ORDER BY d NULLS LAST, id) AS a, "
    "row_number() OVER (ORDER BY d DESC, id) AS b, row_number() OVER (ORDER BY d, id) AS c, "
    "row_number() OVER (ORDER BY d DESC NULLS FIRST, id) AS e FROM e",
    "windows over aggregates": "SELECT grp, count(*) OVER (PARTITION BY grp) - 1 AS a, "
    "sum(sum(CAST(m AS INT))) OVER (ORDER BY grp) AS b FROM e GROUP BY grp",
    # Dates.
    "parts of dates": "SELECT id, year(CAST(d AS DATE)) AS a, quarter(CAST(d AS DATE)) AS b, month(CAST(d AS DATE)) "
    "AS c, day(CAST(d AS DATE)) AS e, dayofmonth(CAST(d AS DATE)) AS f, dayofyear(CAST(d AS DATE)) AS g, "
    "dayofweek(CAST(d AS DATE)) AS h, weekday(CAST(d AS DATE)) AS i, weekofyear(CAST(d AS DATE)) AS j FROM e",
    "other dates": "SELECT id, last_day(CAST(d AS DATE)) AS a, date_add(CAST(d AS DATE), 1) AS b, "
    "date_sub(CAST(d AS DATE), CAST(m AS INT)) AS c, datediff(CAST(d AS DATE), DATE '2024-03-01') AS e, "
    "date_diff(DATE '2024-03-01', CAST(d AS DATE)) AS f, add_months(CAST(d AS DATE), 1) AS g, "
    "add_months(CAST(d AS DATE), -13) AS h FROM e",
    "truncated dates": "SELECT id, trunc(CAST(d AS DATE), 'MM') AS a, trunc(CAST(d AS DATE), 'year') AS b, "
    "trunc(CAST(d AS DATE), 'QUARTER') AS c, trunc(CAST(d AS DATE), 'WEEK') AS e, "
    "trunc(CAST(d AS DATE), 'DAY') AS f, trunc(CAST(d AS DATE), 'mon') AS g, trunc(CAST(d AS DATE), 'YY') AS h FROM e",
    "written dates": "SELECT id, date_format(CAST(d AS DATE), 'yyyy-MM') AS a, "
    "date_format(CAST(d AS DATE), 'd.M.yyyy') AS b, date_format(CAST(d AS DATE), 'yyyyMMdd') AS c, "
    "CAST(CAST(d AS DATE) AS STRING) AS e FROM e",
    "dates and what is written as one": "SELECT id FROM e WHERE d >= '2024-01-01' AND CAST(d AS DATE) >= '2024-01-01' "
    "AND CAST(d AS DATE) BETWEEN '2024-02-01' AND DATE '2024-12-31'",
    # Strings.
    "case of letters": "SELECT id, upper(s) AS a, ucase(s) AS b, lower(s) AS c, lcase(s) AS d, initcap(s) AS e FROM e "
    "WHERE id NOT IN ('2', '3')",
    "parts of strings": "SELECT substring(s, 2) AS a, substring(s, 0, 2) AS b, substring(s, -3) AS c, "
    "substring(s, -3, 2) AS d, substr(s, 2, 0) AS e, substr(s, 2, -1) AS f, substring(s, -100, 98) AS g, "
    "substring(s, 100) AS h, substr(s, 3) AS i, substring(s, 1, 2147483647) AS j, left(s, 2) AS k, right(s, 3) AS l, "
    "left(s, -1) AS m, right(s, 0) AS o, substring(s, -2, 100) AS p, length(s) AS q, char_length(s) AS r FROM e",
    "joined strings": "SELECT concat(s, '-', id) AS a, concat(s) AS b, concat_ws('|', s, grp, n) AS c, "
    "concat_ws(',', id, CAST(m AS INT), CAST(dec AS DECIMAL(10, 3)), CAST(d AS DATE), id = '1') AS e, "
    "concat(id, CAST(m AS INT), CAST(d AS DATE)) AS f, CAST(m AS INT) || CAST(id AS INT) AS g, "
    "concat_ws(grp, id, m) AS h FROM e",
    "replaced and split strings": "SELECT replace(s, 'a', 'bb') AS a, replace(s, 'a') AS b, replace(s, '', 'x') AS c, "
    "split_part(s, '.', 2) AS d, split_part(s, '.', -1) AS e, split_part(s, ',', 9) AS f, "
    "split_part(s, '', 1) AS g, split_part(s, '', 2) AS h FROM e",
    "padded strings": "SELECT lpad(s, 4, '*') AS a, rpad(s, 14, 'xy') AS b, lpad(s, 14, '日本') AS c, "
    "lpad(s, 0, '*') AS d, rpad(s, -1, '*') AS e, lpad(s, 14, '') AS f, rpad(s, 3) AS g, lpad(s, 14) AS h, "
    "lpad(CAST(id AS INT), 3, '0') AS i FROM e",
    "found strings": "SELECT instr(s, 'a') AS a, locate('b', s) AS b, instr(s, '') AS c, instr(s, '本') AS d, "
    "instr('', s) AS e, startswith(s, 'h') AS f, endswith(s, 'e') AS g, contains(s, 'a') AS h, "
    "startswith(s, '') AS i, endswith(s, '') AS j, contains(s, '') AS k FROM e",
    # Numbers.
    "rounded numbers": "SELECT id, abs(CAST(dec AS DECIMAL(10, 3))) AS a, abs(CAST(m AS INT)) AS b, "
    "round(CAST(dec AS DECIMAL(10, 3)), 2) AS c, round(CAST(dec AS DECIMAL(10, 3))) AS d, "
    "round(CAST(dec AS DECIMAL(10, 3)), -1) AS e, round(CAST(dec AS DECIMAL(10, 3)), 5) AS f, "
    "floor(CAST(dec AS DECIMAL(10, 3))) AS g, ceil(CAST(dec AS DECIMAL(10, 3))) AS h, floor(CAST(m AS INT)) AS i, "
    "round(CAST(m AS INT)) AS j, -CAST(dec AS DECIMAL(10, 3)) AS k, ceiling(CAST(m AS BIGINT)) AS l FROM e",
    "greatest and least": "SELECT id, greatest(n, m, s) AS a, least(CAST(n AS INT), CAST(m AS INT)) AS b, "
    "greatest(CAST(n AS INT), CAST(dec AS DECIMAL(10, 3))) AS c, least(CAST(d AS DATE), DATE '2020-01-01') AS e, "
    "greatest(1, 2.50) AS f FROM e",
    "whole division": "SELECT id, CAST(n AS INT) % CAST(m AS INT) AS a, mod(CAST(n AS BIGINT), 3) AS b, "
    "CAST(n AS INT) div CAST(m AS INT) AS c, 7 div -2 AS d, -7 % 3 AS e FROM e",
    "division of whole numbers": "SELECT id, CAST(n AS INT) / CAST(m AS INT) > 1 AS a, "
    "CAST(CAST(n AS INT) / CAST(m AS INT) AS DECIMAL(18, 4)) AS b, CAST(CAST(n AS INT) / CAST(m AS INT) AS INT) AS c, "
    "CAST(CAST(n AS INT) / CAST(m AS INT) AS BIGINT) AS d, "
    "CAST(CAST(n AS INT) / CAST(m AS INT) * 100 + 1 AS DECIMAL(18, 3)) AS e, "
    "CAST(round(CAST(n AS INT) / CAST(m AS INT) * 100, 2) AS DECIMAL(18, 2)) AS f FROM e",
    "division of decimals": "SELECT id, CAST(dec AS DECIMAL(10, 3)) / CAST(m AS INT) AS a, "
    "CAST(dec AS DECIMAL(18, 2)) / CAST(m AS DECIMAL(18, 2)) AS b, CAST(dec AS DECIMAL(10, 3)) / 3 AS c, "
    "CAST(dec AS DECIMAL(10, 3)) / 0.07 AS d, 100 * CAST(dec AS DECIMAL(10, 3)) / CAST(n AS BIGINT) AS e FROM e",
    "arithmetic of decimals": "SELECT id, CAST(dec AS DECIMAL(10, 3)) + 1 AS a, "
    "CAST(dec AS DECIMAL(10, 3)) * 1.5 AS b, "
    "CAST(dec AS DECIMAL(10, 3)) - CAST(n AS INT) AS c, CAST(m AS INT) * 2 AS d, "
    "CAST(m AS INT) * CAST(2 AS BIGINT) AS e, CAST(m AS INT) * 0.19 AS f, CAST(dec AS DECIMAL(10, 3)) * -2 AS g, "
    "CAST(dec AS DECIMAL(20, 10)) * CAST(m AS DECIMAL(20, 10)) AS h FROM e",
    "types of alternatives": "SELECT CASE WHEN m IS NULL THEN 0 ELSE CAST(dec AS DECIMAL(10, 3)) END AS a, "
    "coalesce(CAST(dec AS DECIMAL(4, 2)), 0) AS b, if(id = '1', 1, 2.5) AS c, "
    "coalesce(CAST(n AS INT), CAST(3 AS BIGINT)) AS d, coalesce(NULL, id) AS e, "
    "CASE WHEN id = '1' THEN NULL ELSE 3000000000 END AS f, nvl(grp, 'x') AS g, ifnull(n, m) AS h, "
    "coalesce(CAST(dec AS DECIMAL(4, 2)), CAST(n AS BIGINT)) AS i, "
    "greatest(CAST(dec AS DECIMAL(4, 2)), CAST(n AS BIGINT)) AS j, "
    "if(id = '1', CAST(dec AS DECIMAL(30, 2)), CAST(dec AS DECIMAL(30, 20))) AS k, "
    "0.05 AS l, 100.0 AS o, .5 AS p, -0.5 AS q, 12345678901234567890 AS r FROM e",
    # Aggregates and groups.
    "types of aggregates": "SELECT grp, sum(CAST(m AS INT)) AS a, sum(CAST(dec AS DECIMAL(10, 3))) AS b, "
    "avg(CAST(dec AS DECIMAL(10, 3))) AS c, CAST(avg(CAST(m AS INT)) AS DECIMAL(18, 6)) AS d, "
    "count(DISTINCT m, d) AS e, avg(CAST(dec AS DECIMAL(10, 3))) FILTER (WHERE m > '2') AS f, "
    "sum(DISTINCT CAST(m AS INT)) AS g, sum(CAST(m AS INT)) / count(*) > 2 AS h, "
    "sum(CAST(dec AS DECIMAL(10, 3))) / count(*) AS i, max(CAST(d AS DATE)) AS j, "
    "sum(CASE WHEN m > '2' THEN 1 ELSE 0 END) AS k, avg(DISTINCT CAST(dec AS DECIMAL(10, 3))) AS l, "
    "round(avg(CAST(dec AS DECIMAL(10, 3))), 2) AS o, "
    "CAST(100 * sum(CAST(m AS INT)) / count(*) AS DECIMAL(5, 2)) AS p, "
    "max(CAST(m AS INT)) - min(CAST(m AS INT)) AS q FROM e GROUP BY grp",
    "types of aggregates of nothing": "SELECT sum(CAST(dec AS DECIMAL(10, 3))) AS a, "
    "avg(CAST(dec AS DECIMAL(10, 3))) AS b, CAST(avg(CAST(m AS INT)) AS INT) AS c, count(DISTINCT m, d) AS d, "
    "sum(CAST(m AS BIGINT)) AS e FROM e WHERE id = 'none'",
    "group by an alias": "SELECT upper(grp) AS g, count(*) AS c FROM e GROUP BY g",
    "group by an alias that is a column": "SELECT trim(grp) AS grp, count(*) AS c FROM e GROUP BY grp",
    "group by places": "SELECT grp AS g, trim(m) AS x, count(*) AS c FROM e GROUP BY 1, x",
    "having": "SELECT trim(grp) AS x, count(*) AS c FROM e GROUP BY x HAVING c > 2 AND sum(CAST(m AS INT)) > 1",
    "shares and differences": "SELECT grp, "
    "round(100.0 * sum(CAST(m AS INT)) / sum(sum(CAST(m AS INT))) OVER (), 1) AS a, "
    "sum(CAST(m AS INT)) - lag(sum(CAST(m AS INT))) OVER (ORDER BY grp) AS b FROM e GROUP BY 1",
    "having an aggregate of what is an alias too": "SELECT grp, max(CAST(m AS INT)) AS m FROM e GROUP BY grp "
    "HAVING max(CAST(m AS INT)) > 3 AND grp IS NOT NULL",
    "a common table that is named as a view": "WITH u AS (SELECT id FROM u WHERE id = '1') SELECT id FROM u",
    "order by an aggregate": "SELECT grp, count(*) AS c FROM e GROUP BY grp ORDER BY sum(CAST(m AS INT)) DESC, 1",
    "an alias used beside it": "SELECT CAST(m AS INT) AS x, x + 1 AS y FROM e",
    # Sets and joins.
    "except": "SELECT grp FROM e EXCEPT SELECT 'b' AS x",
    "except all": "SELECT grp FROM e EXCEPT ALL SELECT 'b' AS x",
    "minus": "SELECT id FROM e MINUS SELECT id FROM u",
    "intersect": "SELECT grp, m FROM e INTERSECT SELECT grp, n FROM e",
    "union of other types": "SELECT id, CAST(m AS INT) AS x, CAST(dec AS DECIMAL(9, 1)) AS y FROM e UNION ALL "
    "SELECT s, CAST(n AS BIGINT), CAST(dec AS DECIMAL(9, 1)) FROM e",
    "exists": "SELECT id FROM e WHERE EXISTS (SELECT 1 FROM u WHERE u.id = e.id) "
    "AND NOT EXISTS (SELECT 1 FROM u WHERE u.label = e.s)",
    "not in with nulls": "SELECT id FROM e WHERE grp NOT IN (SELECT grp FROM e) OR m NOT IN ('1', '2')",
    "scalar subquery": "SELECT id FROM e WHERE CAST(m AS INT) > (SELECT avg(CAST(m AS INT)) FROM e)",
    "right join using": "SELECT id, t.name, u.label FROM u RIGHT JOIN t USING (id)",
    "full join using": "SELECT id, t.name, u.label FROM t FULL JOIN u USING (id)",
    "join of groups": "SELECT a.grp, a.c FROM (SELECT grp, count(*) AS c FROM e GROUP BY grp) AS a "
    "JOIN (SELECT grp, max(m) AS m FROM e GROUP BY grp) AS b ON a.grp <=> b.grp WHERE a.c > 2",
}  # fmt: skip


@pytest.fixture(scope="module")
def tables(spark: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Local CSV files, which both engines have as views."""
    directory = tmp_path_factory.mktemp("tables")
    (directory / "t.csv").write_text(TABLE, encoding="utf-8")
    (directory / "u.csv").write_text(OTHER, encoding="utf-8")
    (directory / "e.csv").write_text(EDGES, encoding="utf-8")
    write_csv(directory / "x.csv", ["i", "s"], enumerate(TEXTS))
    return {view: directory / f"{view}.csv" for view in "tuex"}


def write_csv(file: Path, header: list[str], rows: Iterable[Any]) -> None:
    with file.open("w", encoding="utf-8", newline="") as text:
        csv.writer(text).writerows([header, *rows])


SPARK_TYPES = {"int": "INTEGER", "bigint": "BIGINT", "string": "VARCHAR", "date": "DATE", "boolean": "BOOLEAN"}


def on_spark(spark: Any, script: ModuleType, tables: dict[str, Path], query: str) -> tuple[Any, list[Any]]:
    for name, value in script.SPARK_SETTINGS.items():
        spark.conf.set(name, value)
    for view, file in tables.items():
        spark.read.options(**script.CSV_OPTIONS).csv(str(file)).createOrReplaceTempView(view)
    frame = spark.sql(query)
    types = [(name, SPARK_TYPES.get(kind, kind.upper())) for name, kind in frame.dtypes]
    return types, [tuple(row) for row in frame.collect()]


def on_duckdb(tables: dict[str, Path], query: str) -> tuple[Any, list[Any]]:
    with sql_on_duckdb.connect() as connection:
        for view, file in tables.items():
            sql_on_duckdb.create_view(connection, view, "csv", [file])
        table = connection.table(sql_on_duckdb.run_query(connection, query, list(tables)))
        return list(zip(table.columns, map(str, table.types), strict=True)), table.fetchall()


@pytest.mark.parametrize("name", QUERIES)
def test_what_is_let_through_means_the_same(name: str, spark: Any, script: ModuleType, tables: dict[str, Path]) -> None:
    query = QUERIES[name]
    spark_types, spark_rows = on_spark(spark, script, tables, query)
    duckdb_types, duckdb_rows = on_duckdb(tables, query)
    assert spark_types == duckdb_types
    if not sqlglot.parse_one(query, dialect="spark").args.get("order"):
        spark_rows, duckdb_rows = sorted(spark_rows, key=repr), sorted(duckdb_rows, key=repr)
    assert spark_rows == duckdb_rows


def test_all_that_is_let_through_occurs_in_a_query_that_is_compared() -> None:
    queries = [*QUERIES.values(), *(file.read_text() for file in (ROOT / "glue-scripts").glob("*.sql"))]
    occurring = {type(node) for query in queries for node in sqlglot.parse_one(query, dialect="spark").walk()}
    assert {kind.__name__ for kind in HELD_AGAINST_SPARK} <= {kind.__name__ for kind in occurring}
    assert {name for name in FUNCTIONS if not any(f"{name}(" in query for query in queries)} == set()


def test_every_letter_has_the_same_case_or_is_refused(spark: Any, script: ModuleType, tmp_path: Path) -> None:
    ranges = re.findall(r"\\x\{(\w+)\}(?:-\\x\{(\w+)\})?", OTHER_CASE + TITLE_CASE)
    refused = {code for low, high in ranges for code in range(int(low, 16), int(high or low, 16) + 1)}
    without_letters = {*range(0x3400, 0xA000), *range(0xAC00, 0xF900)}
    codes = [code for code in range(0x21, 0x20000) if code not in refused | without_letters]
    write_csv(tmp_path / "c.csv", ["code", "s"], ((code, f"{chr(code)}y {chr(code)}") for code in codes))
    tables, query = {"c": tmp_path / "c.csv"}, "SELECT code, upper(s) AS u, lower(s) AS l, initcap(s) AS i FROM c"
    on_both = sorted(on_spark(spark, script, tables, query)[1]), sorted(on_duckdb(tables, query)[1])
    assert on_both[0] == on_both[1]


def test_quotients_and_averages_are_the_same_to_the_last_digit(spark: Any, script: ModuleType, tmp_path: Path) -> None:
    numbers = random.Random(1)
    rows = [
        (
            numbers.randint(-(10**size), 10**size),
            numbers.randint(1, 10 ** numbers.randint(1, 6)),
            numbers.randint(1, 900),
        )
        for size in range(1, 10)
        for _ in range(1000)
    ]
    write_csv(tmp_path / "f.csv", ["a", "b", "g"], rows)
    quotients = (
        "SELECT a, b, CAST(CAST(a AS BIGINT) / CAST(b AS INT) AS DECIMAL(38, 15)) AS x, "
        "CAST(CAST(a AS INT) / CAST(b AS INT) AS DECIMAL(18, 2)) AS y, "
        "CAST(round(CAST(a AS INT) / CAST(b AS INT), 2) AS DECIMAL(18, 4)) AS z, "
        "CAST(a AS DECIMAL(12, 2)) / CAST(b AS DECIMAL(12, 2)) AS u, CAST(a AS DECIMAL(18, 0)) / CAST(b AS INT) AS v, "
        "CAST(CAST(a AS DECIMAL(18, 4)) / CAST(b AS DECIMAL(8, 1)) AS DECIMAL(16, 3)) AS w FROM f"
    )
    averages = (
        "SELECT g, avg(CAST(a AS DECIMAL(12, 2))) AS x, CAST(avg(CAST(a AS INT)) AS DECIMAL(20, 10)) AS y "
        "FROM f GROUP BY g"
    )
    for query in (quotients, averages):
        spark_types, spark_rows = on_spark(spark, script, {"f": tmp_path / "f.csv"}, query)
        duckdb_types, duckdb_rows = on_duckdb({"f": tmp_path / "f.csv"}, query)
        assert spark_types == duckdb_types
        assert sorted(spark_rows) == sorted(duckdb_rows)


CSV_FILES = {
    "byte order mark and CRLF": b"\xef\xbb\xbfa ,b\r\n1,2\r\n",
    "quotes, commas and line breaks": b'"a,x",b\n"l1\nl2","say ""y"""\n',
    "blanks kept": b"a,b\n 1 , \n",
    "empty lines": b"a,b\n\n1,2\n\n\n3,4\n",
    "one column with empty lines": b"a\n1\n\n3\n",
    "no last line end": b"a,b\n1,2",
    "header alone": b"a,b\n",
    "a quote within a cell": b'a,b\nx"y,2\n',
    "no comments": b"a,b\n#1,2\n",
}


@pytest.mark.parametrize("name", CSV_FILES)
def test_csv_is_read_the_same(name: str, spark: Any, script: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(CSV_FILES[name])
    tables = {"t": tmp_path / "t.csv"}
    assert on_spark(spark, script, tables, "SELECT * FROM t") == on_duckdb(tables, "SELECT * FROM t")


@pytest.mark.parametrize("text", [b"a,b\n1\n", b"a,b\n1,2,3\n", b"a,a\n1,2\n", b"a,\n1,2\n", b'a,b\n"open,2\n'])
def test_csv_that_does_not_fit_its_header_fails_on_both(
    text: bytes, spark: Any, script: ModuleType, tmp_path: Path
) -> None:
    (tmp_path / "t.csv").write_bytes(text)
    tables = {"t": tmp_path / "t.csv"}
    with pytest.raises(Exception, match=r"CSV|header|Job aborted|Malformed"):
        on_spark(spark, script, tables, "SELECT * FROM t")
    with pytest.raises(Exception, match=r"CSV|header"):
        on_duckdb(tables, "SELECT * FROM t")


def test_files_with_other_headers_fail_on_both(bench: Bench) -> None:
    bench.put("t/1.csv", b"a,b\n1,2\n")
    bench.put("t/2.csv", b"b,a\n3,4\n")
    for engine in ("spark", "duckdb"):
        with pytest.raises(Exception, match="header"):
            bench.run(engine, "SELECT a, b FROM t", {"t": ("csv", "t/")}, {f"{engine}/": "parquet"})


@pytest.mark.parametrize("engine", ["spark", "duckdb"])
def test_an_input_without_objects_is_an_error_that_names_the_path(bench: Bench, engine: str) -> None:
    with pytest.raises(Exception, match=f"no objects at s3://{bench.bucket}/nothing/"):
        bench.run(engine, "SELECT a FROM t", {"t": ("csv", "nothing/")}, {"out/": "parquet"})


@pytest.mark.parametrize("engine", ["spark", "duckdb"])
def test_rows_replace_what_lay_at_the_output(bench: Bench, engine: str) -> None:
    bench.put("t/1.csv", b"a,b\n1,2\n")
    bench.put("out/old.parquet", b"old")
    bench.put("outside/kept", b"kept")
    for _ in range(2):
        bench.run(engine, "SELECT a, b FROM t", {"t": ("csv", "t/")}, {"out/": "parquet"})
    assert len(bench.keys("out/")) == 1
    assert bench.parquet("out/").to_pylist() == [{"a": "1", "b": "2"}]
    assert bench.keys("outside/") == ["outside/kept"]


@pytest.mark.parametrize("engine", ["spark", "duckdb"])
def test_no_rows_still_make_parquet_that_can_be_read(bench: Bench, engine: str) -> None:
    bench.put("t/1.csv", b"a,b\n1,2\n")
    query = "SELECT CAST(a AS INT) AS a FROM t WHERE a = '9'"
    bench.run(engine, query, {"t": ("csv", "t/")}, {"out/": "parquet"})
    assert schema(bench.parquet("out/")) == [("a", "int32")]


def test_csv_is_written_the_same(bench: Bench) -> None:
    bench.put("t/1.csv", b'a,b\n" x ","1,5"\n,"say ""y"""\n#,"l1\nl2"\n')
    for engine in ("spark", "duckdb"):
        query = "SELECT a, b, trim(a) AS c, nullif(b, b) AS d, if(a IS NULL, '', a) AS e FROM t ORDER BY b"
        bench.run(engine, query, {"t": ("csv", "t/")}, {f"{engine}/": "csv"})
    import io  # noqa: PLC0415 - of this test alone

    on_both = [
        list(csv.reader(io.StringIO(bench.csv_text(f"{engine}/"), newline=""))) for engine in ("spark", "duckdb")
    ]
    assert on_both[0] == on_both[1]
