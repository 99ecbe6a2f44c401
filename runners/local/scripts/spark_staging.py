"""Lets PySpark read and write ``s3://`` paths without Hadoop's S3 connector, which is not on PyPI.

In the process of a job, ``spark.read`` downloads what lies below a path before Spark reads it, and ``df.write`` has
Spark write to a local directory, which is then uploaded, in the mode that was asked for. What is read is what lay there
when ``read`` was called. Other doors to S3 (RDDs, SQL over paths, streams) are not opened: Hadoop names the scheme
that it does not know. PySpark is not imported here, only met when a script imports it.
"""

from __future__ import annotations

import atexit
import functools
import importlib.abc
import importlib.machinery
import inspect
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runners.errors import LocalAWSError
from runners.local.s3 import objects
from runners.local.s3.objects import S3Path

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

    from mypy_boto3_s3 import S3Client

MODULE = "pyspark.sql.readwriter"
READING = ("load", "csv", "json", "parquet", "orc", "text")
WRITING = ("save", "csv", "json", "parquet", "orc", "text")
GLOB_CHARACTERS = re.compile(r"[*?\[{]")
DEFAULT_MODE = "errorifexists"


class PathExistsError(LocalAWSError):
    """Something lies where ``df.write`` was not told to overwrite or to append."""


def install_when_imported() -> None:
    """Stage ``s3://`` paths from the moment that PySpark's readers and writers are imported."""
    if MODULE in sys.modules:
        install(sys.modules[MODULE])
    else:
        sys.meta_path.insert(0, _WaitForPySpark())


def install(readwriter: ModuleType) -> None:
    """Wrap the reader and the writer of PySpark's module, once."""
    if getattr(readwriter, "stages_s3", False):
        return
    readwriter.stages_s3 = True  # type: ignore[attr-defined]  # a mark on a module
    for name in READING:
        _wrap(readwriter.DataFrameReader, name, _reading)
    for name in WRITING:
        _wrap(readwriter.DataFrameWriter, name, _writing)
    _wrap(readwriter.DataFrameWriter, "mode", _remembering_mode)


class _WaitForPySpark(importlib.abc.MetaPathFinder):
    """Finds nothing itself; has the module wrapped right after Python has found and run it."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != MODULE:
            return None
        sys.meta_path.remove(self)
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            run_module = spec.loader.exec_module

            def run_and_wrap(module: ModuleType) -> None:
                run_module(module)
                install(module)

            spec.loader.exec_module = run_and_wrap  # type: ignore[method-assign]  # of this one loader
        return spec


def _wrap(owner: type, name: str, wrapper: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    setattr(owner, name, wrapper(getattr(owner, name)))


def _reading(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def read(reader: Any, *arguments: Any, **named: Any) -> Any:
        return original(
            reader,
            *(_staged_for_reading(argument) for argument in arguments),
            **{
                name: _staged_for_reading(value) if name in {"path", "paths"} else value
                for name, value in named.items()
            },
        )

    return read


def _staged_for_reading(value: Any) -> Any:
    """Put local paths in the place of ``s3://`` ones, in a string or a list of them."""
    if isinstance(value, (list, tuple)):
        return [_staged_for_reading(item) for item in value]
    if not isinstance(value, str) or not objects.is_s3_path(value):
        return value
    directory = _new_directory()
    glob = GLOB_CHARACTERS.search(value)
    if glob:
        fixed = value[: value.rindex("/", 0, glob.start()) + 1]
        objects.download(_s3(), fixed, directory)
        return f"{directory}/{value.removeprefix(fixed)}"
    files = objects.download(_s3(), value, directory)
    return str(files.get(S3Path.parse(value).key, directory))


def _writing(original: Callable[..., Any]) -> Callable[..., Any]:
    signature = inspect.signature(original)

    @functools.wraps(original)
    def write(writer: Any, *arguments: Any, **named: Any) -> Any:
        call = signature.bind(writer, *arguments, **named)
        path = call.arguments.get("path")
        if not isinstance(path, str) or not objects.is_s3_path(path):
            return original(writer, *arguments, **named)
        mode = str(call.arguments.get("mode") or getattr(writer, "runners_mode", DEFAULT_MODE)).lower()
        _refuse_dynamic_overwrite(writer, mode)
        if not _may_write(mode, path):
            return None
        call.arguments["path"] = str(directory := _new_directory() / "rows")
        answer = original(*call.args, **call.kwargs)
        _bring(directory, path, replace=mode == "overwrite")
        return answer

    return write


def _remembering_mode(original: Callable[..., Any]) -> Callable[..., Any]:
    """Keep the mode where it can be read again: PySpark hands it on to Java at once."""

    @functools.wraps(original)
    def mode(writer: Any, saveMode: str | None) -> Any:  # noqa: N803 - PySpark's name
        if saveMode:
            writer.runners_mode = saveMode
        return original(writer, saveMode)

    return mode


def _refuse_dynamic_overwrite(writer: Any, mode: str) -> None:
    setting = writer._spark.conf.get("spark.sql.sources.partitionOverwriteMode")
    if mode == "overwrite" and setting.lower() == "dynamic":
        raise LocalAWSError(
            "spark.sql.sources.partitionOverwriteMode=dynamic is not there for s3:// paths here: "
            "write each partition to its own path"
        )


def _may_write(mode: str, path: str) -> bool:
    """Whether anything is to be written, by Spark's rules; raises ``PathExistsError``."""
    if mode in {"overwrite", "append"} or not objects.keys_below(_s3(), S3Path.parse(path)):
        return True
    if mode == "ignore":
        return False
    raise PathExistsError(f"path {path} already exists: write with mode('overwrite') or mode('append')")


def _bring(directory: Path, path: str, *, replace: bool) -> None:
    files = {
        file.relative_to(directory).as_posix(): file
        for file in sorted(directory.rglob("*"))
        if file.is_file() and not file.name.endswith(".crc")
    }
    (objects.replace if replace else objects.upload)(_s3(), files, path)
    shutil.rmtree(directory)


@functools.cache
def _s3() -> S3Client:
    import boto3  # noqa: PLC0415 - most scripts import PySpark's readers and never meet S3

    client: S3Client = boto3.client("s3")
    return client


@functools.cache
def _scratch() -> Path:
    """Where all that is staged lies until the process ends: Spark reads late, and more than once."""
    directory = tempfile.mkdtemp(prefix="runners-spark-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    return Path(directory)


def _new_directory() -> Path:
    return Path(tempfile.mkdtemp(dir=_scratch()))
