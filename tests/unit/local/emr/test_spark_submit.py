from __future__ import annotations

import pytest

from runners.errors import LocalAWSError
from runners.local.emr.spark_submit import parse, split


def test_a_command_line_is_taken_apart() -> None:
    line = (
        "--deploy-mode cluster --master=yarn --verbose --conf spark.a=1 -c spark.b=x=y --conf=spark.c=3 "
        "--py-files s3://bucket/one.zip,s3://bucket/two.py --num-executors 40 s3://bucket/job.py --day 1 --conf mine=1"
    )
    job = parse(line.split())
    assert job.location == "s3://bucket/job.py"
    assert job.arguments == ("--day", "1", "--conf", "mine=1")
    assert job.settings == {"spark.a": "1", "spark.b": "x=y", "spark.c": "3"}
    assert job.modules == ("s3://bucket/one.zip", "s3://bucket/two.py")


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("--class org.Main s3://bucket/job.jar", "--class is not known"),
        ("--packages=a:b:1 s3://bucket/job.py", "--packages is not known"),
        ("s3://bucket/job.jar", "a JAR"),
        ("/usr/lib/spark/examples/pi.py", "no PySpark script in S3"),
        ("--conf spark.a s3://bucket/job.py", "takes name=value"),
        ("--conf", "has no value"),
        ("--verbose", "names no script"),
        ("", "names no script"),
    ],
)
def test_what_one_machine_cannot_run_is_refused_by_name(line: str, named: str) -> None:
    with pytest.raises(LocalAWSError, match=named):
        parse(line.split())


def test_options_of_one_line_are_split_as_a_shell_does() -> None:
    assert split("--conf 'spark.a=x y' -v") == ["--conf", "spark.a=x y", "-v"]
    with pytest.raises(LocalAWSError, match="cannot be read"):
        split("--conf 'spark.a=x")
