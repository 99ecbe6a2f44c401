"""``DynamicFrame`` over a Spark ``DataFrame``.

Inside Glue a record carries its own schema; here all records share that of the DataFrame, so that there are no
choice types to resolve. What would need them, or Glue's own engine, is refused by name. Where Glue drops a field
without a word, a ``GlueWarning`` says so.
"""
# ruff: noqa: N802, N803 - the names are Glue's

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from ._pyspark import Column, DataFrame, Row, functions
from ._warnings import warn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from .context import GlueContext

SPARK_TYPES = {"long": "bigint", "choice": None, "struct": None, "array": None, "map": None}
REFUSED = frozenset(
    {
        "assertErrorThreshold", "errorsAsDynamicFrame", "mergeDynamicFrame", "relationalize", "simplify_ddb_json",
        "spigot", "split_fields", "split_rows", "unbox", "unnest", "unnest_ddb_json", "with_frame_schema", "write",
    }
)  # fmt: skip


class DynamicFrame:
    """Rows of a DataFrame, with the operations that scripts for Glue use."""

    def __init__(self, dataframe: DataFrame, glue_ctx: GlueContext, name: str = "") -> None:
        self._dataframe = dataframe
        self.glue_ctx = glue_ctx
        self.name = name

    @classmethod
    def fromDF(cls, dataframe: DataFrame, glue_ctx: GlueContext, name: str = "") -> DynamicFrame:
        """Make a DynamicFrame of a DataFrame."""
        return cls(dataframe, glue_ctx, name)

    def toDF(self, options: Any = None) -> DataFrame:
        """Answer the rows as a DataFrame."""
        if options:
            raise NotImplementedError("toDF(options): there are no choice types to resolve outside of Glue")
        return self._dataframe

    def __getattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"DynamicFrame.{name} is not in the awsglue of the embedded Glue" + _hint(name))

    def schema(self) -> Any:
        """Answer the schema, as Spark's ``StructType``."""
        return self._dataframe.schema

    def printSchema(self) -> None:
        """Print the schema as a tree."""
        self._dataframe.printSchema()

    def show(self, num_rows: int = 20) -> None:
        """Print rows, one JSON object a line."""
        for line in self._dataframe.toJSON().take(num_rows):
            print(line)  # noqa: T201 - what it is for

    def count(self) -> int:
        """Count the rows."""
        return self._dataframe.count()

    def errorsCount(self) -> int:
        """Count the records that could not be handled: Spark fails on one, so there are none."""
        return 0

    def stageErrorsCount(self) -> int:
        """Count those of the last step."""
        return 0

    def repartition(self, num_partitions: int, *_: Any, **__: Any) -> DynamicFrame:
        """Spread the rows over so many partitions."""
        return self._with(self._dataframe.repartition(num_partitions))

    def coalesce(self, num_partitions: int, shuffle: bool = False, *_: Any, **__: Any) -> DynamicFrame:
        """Bring the rows together in so many partitions."""
        frame = self._dataframe
        return self._with(frame.repartition(num_partitions) if shuffle else frame.coalesce(num_partitions))

    def union(self, other_frame: DynamicFrame, *_: Any, **__: Any) -> DynamicFrame:
        """Put the rows of two frames into one, columns by name."""
        return self._with(self._dataframe.unionByName(other_frame.toDF(), allowMissingColumns=True))

    def select_fields(self, paths: str | Sequence[str], *_: Any, **__: Any) -> DynamicFrame:
        """Keep these fields; Glue skips a path that does not exist, which here comes with a warning."""
        wanted = _as_list(paths)
        return self._with(self._dataframe.select(*self._existing(wanted, "select_fields")))

    def drop_fields(self, paths: str | Sequence[str], *_: Any, **__: Any) -> DynamicFrame:
        """Leave out these fields, at the top level."""
        unwanted = _as_list(paths)
        self._existing(unwanted, "drop_fields")
        return self._with(self._dataframe.drop(*unwanted))

    def rename_field(self, oldName: str, newName: str, *_: Any, **__: Any) -> DynamicFrame:
        """Rename a field at the top level."""
        self._existing([oldName], "rename_field")
        return self._with(self._dataframe.withColumnRenamed(oldName, newName))

    def apply_mapping(self, mappings: Iterable[Sequence[str]], *_: Any, **__: Any) -> DynamicFrame:
        """Select, rename and cast: ``(source, source type, target, target type)`` or ``(source, target)``.

        As inside Glue, a field without a mapping is dropped, and so is a mapping whose source does not exist; both
        come with a warning here.
        """
        columns, mapped = [], set()
        for source, _source_type, target, target_type in map(_four, mappings):
            mapped.add(source.partition(".")[0].strip("`"))
            if self._has(source):
                columns.append(_cast(functions.col(_escaped(source, self._dataframe)), target_type).alias(target))
            else:
                warn(f"ApplyMapping: there is no field {source}, so Glue drops {target} without a word")
        for left in [name for name in self._dataframe.columns if name not in mapped]:
            warn(f"ApplyMapping: the field {left} has no mapping, so Glue drops it without a word")
        return self._with(self._dataframe.select(*columns))

    def resolveChoice(
        self,
        specs: Iterable[tuple[str, str]] | None = None,
        choice: str = "",
        database: str | None = None,
        table_name: str | None = None,
        *_: Any,
        **__: Any,
    ) -> DynamicFrame:
        """Cast by ``cast:type`` and ``project:type``; ``match_catalog`` casts to the types of a catalog table.

        ``make_cols`` and ``make_struct`` change nothing, because no field has two types.
        """
        if specs and choice:
            raise ValueError("resolveChoice takes specs or choice, not both")
        if choice == "match_catalog":
            if not database or not table_name:
                raise ValueError("resolveChoice(choice='match_catalog') needs database and table_name")
            types = self.glue_ctx.catalog_types(database, table_name)
            specs = [(name, f"cast:{kind}") for name, kind in types.items() if name in self._dataframe.columns]
        elif choice:
            specs = [(name, choice) for name in self._dataframe.columns]
        frame = self._dataframe
        for path, action in specs or ():
            frame = self._resolved(frame, path, action)
        return self._with(frame)

    def _resolved(self, frame: DataFrame, path: str, action: str) -> DataFrame:
        verb, _, kind = action.partition(":")
        if verb in {"make_cols", "make_struct"}:
            return frame
        if verb not in {"cast", "project"} or not kind:
            raise NotImplementedError(
                f"resolveChoice: the action {action!r} is not in the awsglue of the embedded Glue"
            )
        if not self._existing([path], "resolveChoice"):
            return frame
        if "." in path:
            raise NotImplementedError(f"resolveChoice: the nested field {path} cannot be cast by the embedded Glue")
        return frame.withColumn(path, _cast(functions.col(_escaped(path, frame)), kind))

    def filter(self, f: Callable[[dict[str, Any]], bool], *_: Any, **__: Any) -> DynamicFrame:
        """Keep the records for which a function answers true."""
        schema = self._dataframe.schema
        kept = self._dataframe.rdd.filter(lambda row: f(row.asDict(recursive=True)))
        return self._with(self.glue_ctx.spark_session.createDataFrame(kept, schema))

    def map(self, f: Callable[[dict[str, Any]], Mapping[str, Any]], *_: Any, **__: Any) -> DynamicFrame:
        """Make each record another; the schema is found by looking at all of them."""
        made = self._dataframe.rdd.map(lambda row: _row(f(row.asDict(recursive=True)))).cache()
        session = self.glue_ctx.spark_session
        if made.isEmpty():
            return self._with(session.createDataFrame([], self._dataframe.schema))
        return self._with(session.createDataFrame(made, samplingRatio=1.0))

    def join(
        self, paths1: Sequence[str], paths2: Sequence[str], frame2: DynamicFrame, *_: Any, **__: Any
    ) -> DynamicFrame:
        """Join by equality, inner; a field of the second frame that the first has as well gets a dot before it."""
        one, other = self._dataframe, frame2.toDF()
        for name in [name for name in other.columns if name in one.columns]:
            other = other.withColumnRenamed(name, f".{name}")
        condition = None
        for left, right in zip(_as_list(paths1), _as_list(paths2), strict=True):
            right_name = f".{right}" if f".{right}" in other.columns else right
            equal = one[_escaped(left, one)] == other[_escaped(right_name, other)]
            condition = equal if condition is None else condition & equal
        return self._with(one.join(other, condition, "inner"))

    def _with(self, dataframe: DataFrame) -> DynamicFrame:
        return DynamicFrame(dataframe, self.glue_ctx, self.name)

    def _existing(self, paths: Sequence[str], operation: str) -> list[Column]:
        for path in paths:
            if not self._has(path):
                warn(f"{operation}: there is no field {path}, which Glue passes over without a word")
        return [functions.col(_escaped(path, self._dataframe)) for path in paths if self._has(path)]

    def _has(self, path: str) -> bool:
        kind: Any = self._dataframe.schema
        if path.strip("`") in kind.names:
            return True
        for part in path.split("."):
            if part not in getattr(kind, "names", ()):
                return False
            kind = kind[part].dataType
        return True


class DynamicFrameCollection:
    """Frames by name."""

    def __init__(self, dynamic_frames: Mapping[str, DynamicFrame], glue_ctx: GlueContext) -> None:
        self._frames = dict(dynamic_frames)
        self._glue_ctx = glue_ctx

    def keys(self) -> list[str]:
        """Answer the names."""
        return list(self._frames)

    def values(self) -> list[DynamicFrame]:
        """Answer the frames."""
        return list(self._frames.values())

    def select(self, key: str) -> DynamicFrame:
        """Answer the frame of this name."""
        return self._frames[key]

    def __getitem__(self, key: str) -> DynamicFrame:
        return self._frames[key]


def spark_type(glue_type: str) -> str:
    """Translate the name of a type from Glue to Spark. Raises ``NotImplementedError`` for nested ones."""
    name = SPARK_TYPES.get(glue_type.lower(), glue_type)
    if name is None:
        raise NotImplementedError(f"the type {glue_type} cannot be cast to by the embedded Glue")
    return name


def _hint(name: str) -> str:
    return ": it needs Glue's own engine" if name in REFUSED else ""


def _cast(column: Column, glue_type: str | None) -> Column:
    return column.cast(spark_type(glue_type)) if glue_type else column


def _four(mapping: Sequence[str]) -> tuple[str, str | None, str, str | None]:
    if len(mapping) == 2:  # noqa: PLR2004 - a source and a target
        source, target = mapping
        return source, None, target, None
    source, source_type, target, target_type = mapping
    if "." in target.strip("`") and not target.startswith("`"):
        raise NotImplementedError(f"ApplyMapping: the nested target {target} cannot be made by the embedded Glue")
    return source, source_type, target.strip("`"), target_type


def _escaped(path: str, frame: DataFrame) -> str:
    """Write a field's path for Spark: a name that has a dot or a blank in it goes between backticks."""
    plain = path.strip("`")
    if plain in frame.columns:
        return f"`{plain}`"
    return path


def _as_list(paths: str | Sequence[str]) -> list[str]:
    return [paths] if isinstance(paths, str) else list(paths)


def _row(record: Mapping[str, Any]) -> Row:
    return Row(**record)
