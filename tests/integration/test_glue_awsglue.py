"""PySpark scripts that import awsglue, outside of Glue: the stand-in, and s3 paths in plain Spark."""

from __future__ import annotations

import uuid
import warnings
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from runners.errors import LocalAWSError
from runners.local.s3.objects import S3PathError
from runners.local.scripts import spark_staging
from runners.local.scripts.spark_staging import PathExistsError
from tests.integration.spark import QUIET, require_spark
from tests.integration.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runners.local.server import EmbeddedAWS

require_spark()

from runners.local.glue.libs.awsglue import transforms  # noqa: E402  # they import PySpark
from runners.local.glue.libs.awsglue._warnings import GlueWarning  # noqa: E402  # they import PySpark
from runners.local.glue.libs.awsglue.context import GlueContext  # noqa: E402  # they import PySpark
from runners.local.glue.libs.awsglue.dynamicframe import DynamicFrame, DynamicFrameCollection  # noqa: E402  # they import PySpark

pytestmark = QUIET

SALES = b"Date,Revenue,Stage\n3/1/2014,10.5,Lead\n3/1/2014,,Won\n3/2/2014,7,Lead\n"


@pytest.fixture(scope="module")
def context() -> Iterator[GlueContext]:
    from pyspark import SparkConf, SparkContext  # noqa: PLC0415 - only where it is installed

    settings = {
        "spark.master": "local[2]",
        "spark.app.name": "awsglue",
        "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.sql.shuffle.partitions": "2",
    }
    spark_context = SparkContext.getOrCreate(SparkConf().setAll(list(settings.items())))
    spark_context.setLogLevel("OFF")
    spark_staging.install_when_imported()
    made = GlueContext(spark_context)
    yield made
    made.spark_session.stop()


class Store:
    """A bucket of the test's own."""

    def __init__(self, aws: EmbeddedAWS) -> None:
        self.aws, self.s3 = aws, aws.client("s3")
        self.bucket = f"store-{uuid.uuid4().hex[:12]}"
        self.s3.create_bucket(Bucket=self.bucket)

    def path(self, key: str) -> str:
        return f"s3://{self.bucket}/{key}"

    def put(self, key: str, body: bytes = SALES) -> str:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)
        return self.path(key)

    def keys(self, prefix: str) -> list[str]:
        found = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix).get("Contents", [])
        return [item["Key"] for item in found if not item["Key"].endswith("_SUCCESS")]

    def text(self, prefix: str) -> str:
        bodies = [self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read() for key in self.keys(prefix)]
        return b"".join(bodies).decode()


@pytest.fixture
def store(embedded_aws: EmbeddedAWS, monkeypatch: pytest.MonkeyPatch) -> Store:
    for name, value in embedded_aws.environment().items():
        monkeypatch.setenv(name, value)
    spark_staging._s3.cache_clear()
    return Store(embedded_aws)


def rows(frame: Any) -> list[tuple[Any, ...]]:
    dataframe = frame.toDF() if isinstance(frame, DynamicFrame) else frame
    return sorted((tuple(row) for row in dataframe.collect()), key=repr)


@pytest.fixture
def sales(context: GlueContext) -> DynamicFrame:
    dataframe = context.spark_session.createDataFrame(
        [("3/1/2014", "10.5", "Lead"), ("3/1/2014", None, "Won"), ("3/2/2014", "7", "Lead")],
        "`Date` string, `Monthly Revenue` string, Stage string",
    )
    return DynamicFrame.fromDF(dataframe, context, "sales")


# Plain Spark over s3 paths.


def test_spark_reads_a_prefix_a_key_a_glob_and_a_list(context: GlueContext, store: Store) -> None:
    one, two = store.put("in/1.csv"), store.put("in/2.csv")
    read = context.spark_session.read
    assert read.csv(store.path("in/"), header=True).count() == 6
    assert read.csv(store.path("in"), header=True).count() == 6
    assert read.option("header", True).format("csv").load(one).count() == 3
    assert read.csv([one, two], header=True).count() == 6
    assert read.csv(path=store.path("in/*.csv"), header=True).count() == 6
    assert read.csv(store.path("in/{1,3}.csv"), header=True).count() == 3
    assert read.text(one).count() == 4


def test_spark_finds_partitions_in_the_keys(context: GlueContext, store: Store) -> None:
    frame = context.spark_session.createDataFrame([(1, "a"), (2, "b")], "n int, part string")
    frame.write.partitionBy("part").parquet(store.path("out/"))
    assert {key.split("/")[1] for key in store.keys("out/")} == {"part=a", "part=b"}
    assert rows(context.spark_session.read.parquet(store.path("out/"))) == [(1, "a"), (2, "b")]


def test_reading_where_nothing_is_names_the_path(context: GlueContext, store: Store) -> None:
    with pytest.raises(S3PathError, match=f"no objects at s3://{store.bucket}/nothing/"):
        context.spark_session.read.parquet(store.path("nothing/"))


def test_writing_over_something_needs_a_mode(context: GlueContext, store: Store) -> None:
    frame = context.spark_session.createDataFrame([(1,)], "n int")
    store.put("out/old", b"old")
    for write in (
        lambda: frame.write.parquet(store.path("out/")),
        lambda: frame.write.mode("error").parquet(store.path("out/")),
        lambda: frame.write.save(store.path("out/"), mode="errorifexists"),
    ):
        with pytest.raises(PathExistsError, match="already exists"):
            write()
    frame.write.mode("ignore").parquet(store.path("out/"))
    assert store.keys("out/") == ["out/old"]


@pytest.mark.parametrize("by_keyword", [False, True])
def test_overwriting_replaces_and_appending_adds(context: GlueContext, store: Store, by_keyword: bool) -> None:
    frame = context.spark_session.createDataFrame([(1,)], "n int").coalesce(1)
    path = store.path("out/")
    store.put("out/old", b"old")

    def write(mode: str) -> None:
        if by_keyword:
            frame.write.json(path, mode=mode)
        else:
            frame.write.mode(mode).json(path)

    write("overwrite")
    assert store.text("out/") == '{"n":1}\n'
    write("append")
    assert store.text("out/") == '{"n":1}\n' * 2


def test_dynamic_overwriting_of_partitions_is_refused(context: GlueContext, store: Store) -> None:
    setting = "spark.sql.sources.partitionOverwriteMode"
    context.spark_session.conf.set(setting, "dynamic")
    try:
        frame = context.spark_session.createDataFrame([(1,)], "n int")
        with pytest.raises(LocalAWSError, match="write each partition to its own path"):
            frame.write.mode("overwrite").parquet(store.path("out/"))
    finally:
        context.spark_session.conf.unset(setting)


def test_local_paths_stay_local(context: GlueContext, tmp_path: Any) -> None:
    frame = context.spark_session.createDataFrame([(1,)], "n int")
    frame.write.mode("overwrite").parquet(str(tmp_path / "out"))
    assert rows(context.spark_session.read.parquet(str(tmp_path / "out"))) == [(1,)]


# Reading and writing DynamicFrames.


def test_a_dynamic_frame_is_read_from_options(context: GlueContext, store: Store) -> None:
    store.put("in/a.csv")
    with_header = context.create_dynamic_frame.from_options(
        "s3", {"paths": [store.path("in/")]}, format="csv", format_options={"withHeader": True}
    )
    assert with_header.count() == 3
    assert with_header.toDF().columns == ["Date", "Revenue", "Stage"]
    without = context.create_data_frame.from_options(
        connection_type="s3", connection_options={"paths": [store.path("in/")], "recurse": True}, format="csv"
    )
    assert (without.columns, without.count()) == (["col0", "col1", "col2"], 4)


def test_a_dynamic_frame_is_written_by_options_and_added_to_what_lies_there(
    context: GlueContext, store: Store, sales: DynamicFrame
) -> None:
    for _ in range(2):
        context.write_dynamic_frame.from_options(
            frame=sales, connection_type="s3", connection_options={"path": store.path("out/")}, format="glueparquet"
        )
    assert context.spark_session.read.parquet(store.path("out/")).count() == 6
    context.write_dynamic_frame.from_options(
        sales.coalesce(1), "s3", {"path": store.path("csv/"), "partitionKeys": ["Stage"]}, "csv", {"separator": ";"}
    )
    assert {key.split("/")[1] for key in store.keys("csv/")} == {"Stage=Lead", "Stage=Won"}
    assert "Date;Monthly Revenue\n" in store.text("csv/")
    context.write_dynamic_frame.from_options(sales, "s3", {"path": store.path("gz/"), "compression": "gzip"}, "json")
    assert all(key.endswith(".json.gz") for key in store.keys("gz/"))


def test_a_sink_adds_objects(context: GlueContext, store: Store, sales: DynamicFrame) -> None:
    with pytest.warns(GlueWarning, match="do not update the Data Catalog"):
        sink = context.getSink(connection_type="s3", path=store.path("out/"), enableUpdateCatalog=True)
    sink.setFormat("csv", writeHeader=False)
    with pytest.warns(GlueWarning, match=r"table db\.t is not updated"):
        sink.setCatalogInfo("db", "t")
    sink.writeFrame(sales.coalesce(1))
    assert store.text("out/").count("\n") == 3


@pytest.fixture
def table(store: Store) -> tuple[str, str]:
    """A table of the Data Catalog over CSV files, its columns named otherwise than in their header."""
    store.put("table/a.csv")
    glue, database = store.aws.client("glue"), f"db_{uuid.uuid4().hex[:8]}"
    glue.create_database(DatabaseInput={"Name": database})
    glue.create_table(
        DatabaseName=database,
        TableInput={
            "Name": "sales",
            "StorageDescriptor": {
                "Location": store.path("table/"),
                "Columns": [
                    {"Name": "day", "Type": "string"},
                    {"Name": "revenue", "Type": "decimal(18,2)"},
                    {"Name": "stage", "Type": "string"},
                ],
                "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.serde2.OpenCSVSerde"},
            },
            "Parameters": {"skip.header.line.count": "1"},
        },
    )
    glue.create_table(
        DatabaseName=database,
        TableInput={
            "Name": "by_stage",
            "PartitionKeys": [{"Name": "stage", "Type": "string"}],
            "StorageDescriptor": {"Location": store.path("by_stage/"), "Columns": [{"Name": "n", "Type": "int"}]},
            "Parameters": {"classification": "parquet"},
        },
    )
    return database, "sales"


def test_a_dynamic_frame_is_read_from_the_catalog(context: GlueContext, table: tuple[str, str]) -> None:
    database, name = table
    frame = context.create_dynamic_frame.from_catalog(database=database, table_name=name)
    assert rows(frame) == [
        ("3/1/2014", Decimal("10.50"), "Lead"),
        ("3/1/2014", None, "Won"),
        ("3/2/2014", Decimal("7.00"), "Lead"),
    ]
    wanted = context.create_data_frame.from_catalog(database, name, push_down_predicate="stage = 'Won'")
    assert wanted.count() == 1


def test_a_dynamic_frame_is_written_by_the_catalog(context: GlueContext, store: Store, table: tuple[str, str]) -> None:
    frame = context.spark_session.createDataFrame([(1, "Lead"), (2, "Won")], "n int, stage string")
    context.write_dynamic_frame.from_catalog(DynamicFrame(frame, context), table[0], "by_stage")
    assert {key.split("/")[1] for key in store.keys("by_stage/")} == {"stage=Lead", "stage=Won"}
    read = context.create_dynamic_frame.from_catalog(table[0], "by_stage", push_down_predicate="stage = 'Won'")
    assert rows(read) == [(2, "Won")]


def test_the_types_of_a_table_resolve_choices(context: GlueContext, table: tuple[str, str]) -> None:
    frame = context.spark_session.createDataFrame([("5", "x")], "revenue string, other string")
    cast = DynamicFrame(frame, context).resolveChoice(choice="match_catalog", database=table[0], table_name=table[1])
    assert cast.toDF().dtypes == [("revenue", "decimal(18,2)"), ("other", "string")]


@pytest.mark.parametrize(
    ("storage", "parameters", "message"),
    [
        ({"Location": "jdbc:x"}, {}, "does not lie at S3"),
        ({"Location": "s3://x/"}, {"classification": "ion"}, "has a format that is not known here"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused(  # noqa: PLR0917 - fixtures and parameters
    context: GlueContext, table: tuple[str, str], store: Store, storage: Any, parameters: Any, message: str
) -> None:
    store.aws.client("glue").create_table(
        DatabaseName=table[0], TableInput={"Name": "odd", "StorageDescriptor": storage, "Parameters": parameters}
    )
    with pytest.raises(NotImplementedError, match=message):
        context.create_dynamic_frame.from_catalog(table[0], "odd")


def test_what_glue_has_and_this_lacks_is_refused_by_name(
    context: GlueContext, sales: DynamicFrame, store: Store
) -> None:
    s3 = {"paths": [store.path("x/")], "path": store.path("x/")}
    refusals: list[tuple[Any, str]] = [
        (lambda: context.create_dynamic_frame.from_options("mysql", {}), "not connections of type 'mysql'"),
        (lambda: context.create_dynamic_frame.from_options("s3", s3, "avro"), "not 'avro'"),
        (lambda: context.create_dynamic_frame.from_catalog("a", "b", "s3://tmp/"), "no table of Redshift"),
        (lambda: context.create_dynamic_frame.from_rdd([]), "from_rdd is not in"),
        (lambda: context.write_dynamic_frame.from_jdbc_conf(sales), "from_jdbc_conf is not in"),
        (lambda: context.write_dynamic_frame.from_options(sales, "s3", s3, "xml"), "not 'xml'"),
        (lambda: context.getSource("s3"), "read by create_dynamic_frame"),
        (lambda: context.getSink("redshift"), "not connections of type 'redshift'"),
        (lambda: context.purge_table("a", "b"), "GlueContext.purge_table is not in"),
        (lambda: sales.relationalize("x", "y"), "DynamicFrame.relationalize is not in .* needs Glue's own engine"),
        (lambda: sales.no_such_method, "DynamicFrame.no_such_method is not in .*embedded Glue$"),
        (lambda: sales.toDF(["x"]), "no choice types"),
        (lambda: transforms.Relationalize, "the transform Relationalize is not in"),
    ]
    for call, message in refusals:
        with pytest.raises((NotImplementedError, AttributeError, ImportError), match=message):
            call()


# The operations of DynamicFrame.


def test_a_mapping_selects_renames_and_casts(sales: DynamicFrame) -> None:
    mapped = transforms.ApplyMapping.apply(
        frame=sales,
        mappings=[
            ("Date", "string", "day", "string"),
            ("Monthly Revenue", "string", "revenue", "decimal(18,2)"),
            ("Stage", "stage"),
        ],
        transformation_ctx="mapped",
    )
    assert mapped.toDF().dtypes == [("day", "string"), ("revenue", "decimal(18,2)"), ("stage", "string")]
    assert rows(mapped)[0] == ("3/1/2014", Decimal("10.50"), "Lead")


def test_a_mapping_warns_of_what_glue_drops_without_a_word(sales: DynamicFrame) -> None:
    with pytest.warns(GlueWarning) as caught:
        mapped = sales.apply_mapping([("Date", "string", "day", "string"), ("Stag", "string", "stage", "string")])
    assert mapped.toDF().columns == ["day"]
    assert [str(warning.message) for warning in caught] == [
        "ApplyMapping: there is no field Stag, so Glue drops stage without a word",
        "ApplyMapping: the field Monthly Revenue has no mapping, so Glue drops it without a word",
        "ApplyMapping: the field Stage has no mapping, so Glue drops it without a word",
    ]
    assert {warning.filename for warning in caught} == {__file__}


def test_a_mapping_of_everything_warns_of_nothing(sales: DynamicFrame) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", GlueWarning)
        sales.apply_mapping([("Date", "a"), ("`Monthly Revenue`", "b"), ("Stage", "c")])


def test_nested_fields_are_mapped_from_and_not_to(context: GlueContext) -> None:
    dataframe = context.spark_session.sql("SELECT named_struct('city', 'Ulm') AS address")
    frame = DynamicFrame(dataframe, context)
    assert rows(frame.apply_mapping([("address.city", "string", "city", "string")])) == [("Ulm",)]
    with pytest.raises(NotImplementedError, match=r"nested target a\.b"):
        frame.apply_mapping([("address.city", "string", "a.b", "string")])
    with pytest.warns(GlueWarning, match=r"no field address\.street"):
        frame.apply_mapping([("address.street", "string", "street", "string")])
    with pytest.raises(NotImplementedError, match="the type struct"):
        frame.apply_mapping([("address", "struct", "address", "struct")])


def test_fields_are_selected_dropped_and_renamed(sales: DynamicFrame) -> None:
    assert transforms.SelectFields.apply(sales, ["Stage", "Date"]).toDF().columns == ["Stage", "Date"]
    assert transforms.DropFields.apply(sales, paths=["Stage"]).toDF().columns == ["Date", "Monthly Revenue"]
    renamed = transforms.RenameField.apply(sales, "Monthly Revenue", "revenue")
    assert renamed.toDF().columns == ["Date", "revenue", "Stage"]
    with pytest.warns(GlueWarning, match="select_fields: there is no field nope"):
        assert sales.select_fields(["Date", "nope"]).toDF().columns == ["Date"]


def test_records_are_filtered_and_changed_by_functions(sales: DynamicFrame) -> None:
    leads = transforms.Filter.apply(frame=sales, f=lambda record: record["Stage"] == "Lead")
    assert leads.count() == 2
    changed = transforms.Map.apply(frame=leads, f=lambda record: {"stage": record["Stage"].upper(), "n": 1})
    assert rows(changed) == [("LEAD", 1), ("LEAD", 1)]
    nothing = leads.filter(lambda _: False)
    assert nothing.map(lambda record: record).toDF().columns == leads.toDF().columns


def test_frames_are_joined_and_a_second_field_of_a_name_gets_a_dot(context: GlueContext, sales: DynamicFrame) -> None:
    stages = DynamicFrame(context.spark_session.createDataFrame([("Lead", 5)], "Stage string, n int"), context)
    joined = transforms.Join.apply(sales, stages, ["Stage"], ["Stage"])
    assert joined.toDF().columns == ["Date", "Monthly Revenue", "Stage", ".Stage", "n"]
    assert joined.count() == 2


def test_choices_are_resolved_by_casts(sales: DynamicFrame) -> None:
    cast = transforms.ResolveChoice.apply(sales, specs=[("Monthly Revenue", "cast:double"), ("Date", "make_cols")])
    assert dict(cast.toDF().dtypes)["Monthly Revenue"] == "double"
    assert set(dict(sales.resolveChoice(choice="project:long").toDF().dtypes).values()) == {"bigint"}
    assert sales.resolveChoice(choice="make_struct").toDF().schema == sales.schema()
    with pytest.raises(ValueError, match="specs or choice"):
        sales.resolveChoice(specs=[("Date", "cast:int")], choice="cast:int")
    with pytest.raises(ValueError, match="needs database"):
        sales.resolveChoice(choice="match_catalog")
    with pytest.raises(NotImplementedError, match="'keep_as_struct'"):
        sales.resolveChoice(choice="keep_as_struct")
    with pytest.warns(GlueWarning, match="resolveChoice: there is no field nope"):
        sales.resolveChoice(specs=[("nope", "cast:int")])


def test_a_nested_choice_is_refused(context: GlueContext) -> None:
    frame = DynamicFrame(context.spark_session.sql("SELECT named_struct('n', '1') AS a"), context)
    with pytest.raises(NotImplementedError, match=r"nested field a\.n"):
        frame.resolveChoice(specs=[("a.n", "cast:int")])


def test_fields_that_are_never_there_are_dropped(context: GlueContext) -> None:
    frame = context.spark_session.createDataFrame([(1, None), (2, None)], "n int, nothing string")
    assert transforms.DropNullFields.apply(frame=DynamicFrame(frame, context)).toDF().columns == ["n"]


def test_frames_are_united_spread_and_shown(
    sales: DynamicFrame, capsys: pytest.CaptureFixture[str], context: GlueContext
) -> None:
    assert sales.union(sales).count() == 6
    assert sales.repartition(3).toDF().rdd.getNumPartitions() == 3
    assert sales.coalesce(1).toDF().rdd.getNumPartitions() == 1
    assert sales.coalesce(2, shuffle=True).toDF().rdd.getNumPartitions() == 2
    assert (sales.errorsCount(), sales.stageErrorsCount()) == (0, 0)
    sales.show(1)
    sales.printSchema()
    shown = capsys.readouterr().out
    assert '{"Date":"3/1/2014","Monthly Revenue":"10.5","Stage":"Lead"}' in shown
    assert "|-- Stage: string" in shown
    assert context.get_logger().name == "glue"


def test_a_collection_holds_frames_by_name(context: GlueContext, sales: DynamicFrame) -> None:
    collection = DynamicFrameCollection({"sales": sales}, context)
    assert collection.keys() == ["sales"]
    assert collection.values() == [sales]
    assert collection["sales"] is transforms.SelectFromCollection.apply(collection, "sales") is sales


# A whole script, as a run of a job.

SCRIPT = """
import sys
from awsglue.context import GlueContext
from awsglue.job import Job
from awsglue.transforms import *
from awsglue.utils import getResolvedOptions
from pyspark.context import SparkContext

options = getResolvedOptions(sys.argv, ["JOB_NAME", "bucket"])
context = GlueContext(SparkContext.getOrCreate())
job = Job(context)
job.init(options["JOB_NAME"], options)
sales = context.create_dynamic_frame.from_options(
    "s3", {"paths": [f"s3://{options['bucket']}/in/"]}, "csv", {"withHeader": True})
leads = Filter.apply(frame=sales, f=lambda record: record["Stage"] == "Lead")
leads.toDF().coalesce(1).write.mode("overwrite").csv(f"s3://{options['bucket']}/out/", header=True)
job.commit()
"""


def test_a_script_for_glue_runs_unchanged_as_a_job(store: Store) -> None:
    store.put("in/sales.csv")
    script = store.put("scripts/leads.py", SCRIPT.encode())
    glue, name = store.aws.client("glue"), f"leads-{uuid.uuid4().hex[:8]}"
    glue.create_job(
        Name=name,
        Role="role",
        Command={"Name": "glueetl", "ScriptLocation": script},
        GlueVersion="5.0",
        DefaultArguments={"--bucket": store.bucket},
    )
    run_id = glue.start_job_run(JobName=name)["JobRunId"]

    def ended() -> Any:
        described = glue.get_job_run(JobName=name, RunId=run_id)["JobRun"]
        return described if described["JobRunState"] not in {"STARTING", "RUNNING"} else None

    run = eventually(ended, within_seconds=120)
    assert run["JobRunState"] == "SUCCEEDED", run.get("ErrorMessage")
    assert store.text("out/") == "Date,Revenue,Stage\n3/1/2014,10.5,Lead\n3/2/2014,7,Lead\n"
