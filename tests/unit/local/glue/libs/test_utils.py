"""How the stand-in reads a job's arguments."""

from __future__ import annotations

import pytest

from runners.local.glue.libs.awsglue.utils import GlueArgumentError, getResolvedOptions


def options(*arguments: str, ask: tuple[str, ...] = ("day",)) -> dict[str, str]:
    return getResolvedOptions(["script.py", *arguments], ask)


@pytest.mark.parametrize("arguments", [["--day", "1"], ["--day=1"]])
def test_an_argument_is_written_in_one_part_or_in_two(arguments: list[str]) -> None:
    assert options(*arguments) == {"day": "1"}


def test_a_value_may_hold_an_equals_sign_and_be_empty() -> None:
    assert options("--day=a=b") == {"day": "a=b"}
    assert options("--day", "a=b") == {"day": "a=b"}
    assert options("--day=") == {"day": ""}
    assert options("--day", "") == {"day": ""}


def test_a_value_may_begin_with_dashes() -> None:
    assert options("--day", "--1") == {"day": "--1"}
    assert options("--day", "-1") == {"day": "-1"}


def test_the_last_of_two_values_wins() -> None:
    assert options("--day", "1", "--day", "2") == {"day": "2"}


def test_what_the_script_does_not_ask_for_is_skipped() -> None:
    assert options("--other", "x", "--day", "1", "--enable-metrics", "--flag=y") == {"day": "1"}


def test_what_glue_adds_comes_along() -> None:
    found = options("--JOB_NAME", "sales", "--JOB_RUN_ID", "jr_1", "--TempDir", "s3://t/", ask=("JOB_NAME",))
    assert found == {"JOB_NAME": "sales", "JOB_RUN_ID": "jr_1", "TempDir": "s3://t/"}


def test_every_argument_that_is_missing_is_named() -> None:
    with pytest.raises(GlueArgumentError, match=r"required: --day, --hour$"):
        options("--minute", "1", ask=("day", "hour", "minute"))


@pytest.mark.parametrize("arguments", [["--day"], ["--day", "--hour", "1"], ["--hour", "1", "--day"]])
def test_an_argument_without_a_value_is_named(arguments: list[str]) -> None:
    with pytest.raises(GlueArgumentError, match="--day: expected one argument"):
        options(*arguments, ask=("day", "hour"))


@pytest.mark.parametrize("name", ["JOB_RUN_ID", "job-bookmark-option"])
def test_what_glue_reserves_cannot_be_asked_for(name: str) -> None:
    with pytest.raises(GlueArgumentError, match=f"reserved by Glue, take another name: {name}"):
        options(ask=(name,))


def test_the_temporary_directory_can_be_asked_for() -> None:
    assert options("--TempDir", "s3://t/", ask=("TempDir",)) == {"TempDir": "s3://t/"}
