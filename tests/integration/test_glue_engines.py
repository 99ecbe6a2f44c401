"""Spark and DuckDB give the same rows, names and types for whatever is let through.

The job's script itself runs here, once on each engine, over the embedded S3.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow
import pyarrow.parquet
import pytest

from runners.local import spark_staging, sql_on_duckdb
from runners.local.spark_to_duckdb import HELD_AGAINST_SPARK

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from runners.local.server import EmbeddedAWS

ROOT = Path(__file__).parents[2]
SAMPLES = {"sales": "SalesPipeline_QuickSightSample.csv", "marketing": "MarketingData_QuickSightSample.csv"}

if not (shutil.which("java") or os.environ.get("JAVA_HOME")) or importlib.util.find_spec("pyspark") is None:
    if os.environ.get("CI"):
        raise RuntimeError("CI holds the two engines against each other: it needs Java 17 and the extra 'spark'")
    pytest.skip("Spark needs Java 17 and pip install 'etl-runners[spark]'", allow_module_level=True)

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


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
    monkeypatch.syspath_prepend(str(ROOT / "runners/local/glue_libs"))
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
}  # fmt: skip


@pytest.fixture(scope="module")
def tables(spark: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Local CSV files, which both engines have as views."""
    directory = tmp_path_factory.mktemp("tables")
    (directory / "t.csv").write_text(TABLE, encoding="utf-8")
    (directory / "u.csv").write_text(OTHER, encoding="utf-8")
    return {"t": directory / "t.csv", "u": directory / "u.csv"}


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
    if "ORDER BY" not in query:
        spark_rows, duckdb_rows = sorted(spark_rows, key=repr), sorted(duckdb_rows, key=repr)
    assert spark_rows == duckdb_rows


def test_all_that_is_let_through_occurs_in_a_query_that_is_compared() -> None:
    import sqlglot  # noqa: PLC0415 - of this test alone

    queries = [*QUERIES.values(), *(file.read_text() for file in (ROOT / "glue-scripts").glob("*.sql"))]
    occurring = {type(node) for query in queries for node in sqlglot.parse_one(query, dialect="spark").walk()}
    assert {kind.__name__ for kind in HELD_AGAINST_SPARK} <= {kind.__name__ for kind in occurring}


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
    import csv  # noqa: PLC0415 - of this test alone
    import io  # noqa: PLC0415

    on_both = [
        list(csv.reader(io.StringIO(bench.csv_text(f"{engine}/"), newline=""))) for engine in ("spark", "duckdb")
    ]
    assert on_both[0] == on_both[1]
