"""The transforms of Glue as classes with ``apply``; each is the method of the same meaning of ``DynamicFrame``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from ._pyspark import functions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from .dynamicframe import DynamicFrame, DynamicFrameCollection

__all__ = [
    "ApplyMapping",
    "DropFields",
    "DropNullFields",
    "Filter",
    "Join",
    "Map",
    "RenameField",
    "ResolveChoice",
    "SelectFields",
    "SelectFromCollection",
]


def __getattr__(name: str) -> NoReturn:
    if name.startswith("__"):
        raise AttributeError(name)
    raise ImportError(f"the transform {name} is not in the awsglue of the embedded Glue", name=__name__)


class ApplyMapping:
    """Select, rename and cast."""

    @classmethod
    def apply(cls, frame: DynamicFrame, mappings: Iterable[Sequence[str]], *_: Any, **__: Any) -> DynamicFrame:
        """Apply ``(source, source type, target, target type)`` to each field; see ``DynamicFrame.apply_mapping``."""
        return frame.apply_mapping(mappings)


class SelectFields:
    """Keep fields."""

    @classmethod
    def apply(cls, frame: DynamicFrame, paths: Sequence[str], *_: Any, **__: Any) -> DynamicFrame:
        """Keep the fields at these paths."""
        return frame.select_fields(paths)


class DropFields:
    """Leave out fields."""

    @classmethod
    def apply(cls, frame: DynamicFrame, paths: Sequence[str], *_: Any, **__: Any) -> DynamicFrame:
        """Leave out the fields at these paths."""
        return frame.drop_fields(paths)


class RenameField:
    """Rename a field."""

    @classmethod
    def apply(cls, frame: DynamicFrame, old_name: str, new_name: str, *_: Any, **__: Any) -> DynamicFrame:
        """Rename one field."""
        return frame.rename_field(old_name, new_name)


class Filter:
    """Keep records."""

    @classmethod
    def apply(cls, frame: DynamicFrame, f: Callable[[dict[str, Any]], bool], *_: Any, **__: Any) -> DynamicFrame:
        """Keep the records for which ``f`` answers true."""
        return frame.filter(f)


class Map:
    """Change records."""

    @classmethod
    def apply(
        cls, frame: DynamicFrame, f: Callable[[dict[str, Any]], Mapping[str, Any]], *_: Any, **__: Any
    ) -> DynamicFrame:
        """Make of each record what ``f`` answers."""
        return frame.map(f)


class Join:
    """Join two frames."""

    @classmethod
    def apply(
        cls,
        frame1: DynamicFrame,
        frame2: DynamicFrame,
        keys1: Sequence[str],
        keys2: Sequence[str],
        *_: Any,
        **__: Any,
    ) -> DynamicFrame:
        """Join by the equality of keys, inner."""
        return frame1.join(keys1, keys2, frame2)


class ResolveChoice:
    """Cast fields."""

    @classmethod
    def apply(
        cls,
        frame: DynamicFrame,
        specs: Iterable[tuple[str, str]] | None = None,
        choice: str = "",
        database: str | None = None,
        table_name: str | None = None,
        *_: Any,
        **__: Any,
    ) -> DynamicFrame:
        """Resolve by specs or by one choice; see ``DynamicFrame.resolveChoice``."""
        return frame.resolveChoice(specs, choice, database, table_name)


class DropNullFields:
    """Leave out what is never there."""

    @classmethod
    def apply(cls, frame: DynamicFrame, *_: Any, **__: Any) -> DynamicFrame:
        """Leave out the fields that are NULL in every record."""
        rows = frame.toDF()
        counts = rows.select(*(functions.count(f"`{name}`").alias(name) for name in rows.columns)).first()
        return frame.drop_fields([name for name in rows.columns if counts is not None and not counts[name]])


class SelectFromCollection:
    """Take one frame of a collection."""

    @classmethod
    def apply(cls, dfc: DynamicFrameCollection, key: str, *_: Any, **__: Any) -> DynamicFrame:
        """Take the frame of this name."""
        return dfc.select(key)
