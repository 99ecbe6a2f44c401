"""EMR and EMR Serverless with a real Spark: a PySpark script reads and writes S3, as it does at AWS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.integration.spark import QUIET, require_spark
from tests.integration.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable

require_spark()
pytestmark = QUIET

PATIENCE_SECONDS = 180
SCRIPT = b"""
import sys
from pyspark.sql import SparkSession
from pyspark.sql import functions as f

spark = SparkSession.builder.appName("totals").getOrCreate()
assert spark.conf.get("spark.sql.shuffle.partitions") == "3"
assert spark.conf.get("spark.sql.session.timeZone") == "UTC"
read = spark.read.option("header", True).csv("s3://lake/in/")
total = read.groupBy("word").agg(f.sum(f.col("n").cast("int")).alias("n")).orderBy("word").coalesce(1)
total.write.mode("overwrite").csv(sys.argv[1])
"""


def test_a_pyspark_script_runs_as_a_step_and_as_a_job_run(client: Callable[[str], Any]) -> None:
    s3, emr, serverless = client("s3"), client("emr"), client("emr-serverless")
    s3.create_bucket(Bucket="lake")
    s3.put_object(Bucket="lake", Key="in/f.csv", Body=b"word,n\na,1\nb,2\na,3\n")
    s3.put_object(Bucket="lake", Key="job.py", Body=SCRIPT)

    def written(prefix: str) -> bytes:
        keys = [item["Key"] for item in s3.list_objects_v2(Bucket="lake", Prefix=prefix)["Contents"]]
        (data,) = [key for key in keys if not key.endswith("_SUCCESS")]
        return bytes(s3.get_object(Bucket="lake", Key=data)["Body"].read())

    instances = {"KeepJobFlowAliveWhenNoSteps": True, "MasterInstanceType": "m5.xlarge", "InstanceCount": 1}
    cluster = emr.run_job_flow(Name="c", Instances=instances, JobFlowRole="r", ServiceRole="r")["JobFlowId"]
    conf = "spark.sql.shuffle.partitions=3"
    arguments = ["spark-submit", "--deploy-mode", "cluster", "--conf", conf, "s3://lake/job.py", "s3://lake/step/"]
    program = {"Jar": "command-runner.jar", "Args": arguments}
    step = {"Name": "step", "ActionOnFailure": "CONTINUE", "HadoopJarStep": program}
    (step_id,) = emr.add_job_flow_steps(JobFlowId=cluster, Steps=[step])["StepIds"]

    application = serverless.create_application(name="a", releaseLabel="emr-7.0.0", type="SPARK")["applicationId"]
    spark = {
        "entryPoint": "s3://lake/job.py",
        "entryPointArguments": ["s3://lake/run/"],
        "sparkSubmitParameters": f"--conf {conf} --conf spark.executor.cores=4",
    }
    run_id = serverless.start_job_run(
        applicationId=application,
        executionRoleArn="arn:aws:iam::123456789012:role/role",
        jobDriver={"sparkSubmit": spark},
    )["jobRunId"]

    def status() -> dict[str, Any]:
        return dict(emr.describe_step(ClusterId=cluster, StepId=step_id)["Step"]["Status"])

    def run() -> dict[str, Any]:
        return dict(serverless.get_job_run(applicationId=application, jobRunId=run_id)["jobRun"])

    eventually(lambda: status()["State"] in {"COMPLETED", "FAILED"}, PATIENCE_SECONDS)
    assert status()["State"] == "COMPLETED", status()
    eventually(lambda: run()["state"] in {"SUCCESS", "FAILED"}, PATIENCE_SECONDS)
    assert run()["state"] == "SUCCESS", run()
    assert written("step/") == written("run/") == b"a,4\nb,2\n"
