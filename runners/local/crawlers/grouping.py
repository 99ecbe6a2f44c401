"""Which folders below a path are tables, and which are partitions of one, as Glue decides it.

Where most of the folders below a folder hold the same kind of data in much the same columns, the folder is one table
and the folders below it are its partitions; otherwise each folder is looked at by itself. Reads nothing: it is given
what the objects hold.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import TYPE_CHECKING

from runners.local.crawlers import column_types
from runners.local.crawlers.column_types import Column
from runners.local.crawlers.inference import Schema, Statistics

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

THRESHOLD = 0.7
"""How much of the columns two schemas share to be similar, and how many of the folders are similar to be one table."""
MAX_CLUSTERS = 5
"""How many different schemas one table may have below it."""

_HIVE = re.compile(r"([^=]+)=(.*)", re.DOTALL)


@dataclass(frozen=True)
class FoundObject:
    """An object, with the folders between the path and it."""

    folders: tuple[str, ...]
    name: str
    schema: Schema
    statistics: Statistics


@dataclass(frozen=True)
class FoundPartition:
    """A folder of a table."""

    folders: tuple[str, ...]
    """Below the table."""
    values: tuple[str, ...]
    schema: Schema
    statistics: Statistics


@dataclass(frozen=True)
class FoundTable:
    """A folder that is a table, or an object that shares its folder with others unlike it."""

    place: tuple[str, ...]
    """Below the path that was crawled."""
    schema: Schema
    statistics: Statistics
    keys: tuple[str, ...] = ()
    partitions: tuple[FoundPartition, ...] = ()
    single_object: bool = False


@dataclass
class _Folder:
    place: tuple[str, ...]
    files: list[FoundObject] = field(default_factory=list)
    children: dict[str, _Folder] = field(default_factory=dict)

    def all_files(self) -> Iterator[FoundObject]:
        yield from self.files
        for child in self.children.values():
            yield from child.all_files()

    def leaves(self) -> Iterator[_Folder]:
        if self.files:
            yield self
        for child in self.children.values():
            yield from child.leaves()


def tables(objects: Sequence[FoundObject], *, combine: bool) -> list[FoundTable]:
    """Group objects into tables; ``combine`` lets columns differ, and asks for the same kind of data alone."""
    root = _Folder(())
    for found in objects:
        folder = root
        for name in found.folders:
            folder = folder.children.setdefault(name, _Folder((*folder.place, name)))
        folder.files.append(found)
    return list(_tables_of(root, combine=combine))


def _tables_of(folder: _Folder, *, combine: bool) -> Iterator[FoundTable]:
    leaves = list(folder.leaves())
    if not leaves:
        return
    if _is_one_table(leaves, combine=combine):
        yield _table(folder, leaves)
        return
    if folder.files:
        if _is_one_table([own := _Folder(folder.place, folder.files)], combine=combine):
            yield _table(own, [own])
        else:
            yield from (_table_of_object(found) for found in folder.files)
    for child in folder.children.values():
        yield from _tables_of(child, combine=combine)


def _is_one_table(leaves: Sequence[_Folder], *, combine: bool) -> bool:
    """Whether all that lies in some folders, equally deep, is of one kind and for the most part in similar columns."""
    files = [found for leaf in leaves for found in leaf.files]
    if len({len(leaf.place) for leaf in leaves}) > 1:
        return False
    if not all(found.schema.compatible(files[0].schema) for found in files):
        return False
    if combine:
        return True
    if not all(len(_clusters([found.schema for found in leaf.files])) == 1 for leaf in leaves):
        return False
    clusters = _clusters([_merged([found.schema for found in leaf.files]) for leaf in leaves])
    return len(clusters) <= MAX_CLUSTERS and max(clusters.values()) / len(leaves) > THRESHOLD


def _clusters(schemas: Sequence[Schema]) -> Counter[int]:
    """Count how many schemas are similar to each of those that are unlike the ones before."""
    kinds: list[Schema] = []
    counts: Counter[int] = Counter()
    for schema in schemas:
        number = next((at for at, kind in enumerate(kinds) if _similar(kind, schema)), len(kinds))
        if number == len(kinds):
            kinds.append(schema)
        counts[number] += 1
    return counts


def _similar(one: Schema, other: Schema) -> bool:
    mine, theirs = ({column.name for column in schema.columns} for schema in (one, other))
    return mine == theirs or len(mine & theirs) / len(mine | theirs) > THRESHOLD


def _merged(schemas: Sequence[Schema]) -> Schema:
    """Answer one schema with the columns of all, each wide enough for all."""
    fields = reduce(
        column_types.merged, ({column.name: column.type for column in schema.columns} for schema in schemas)
    )
    layout = schemas[0].layout
    if layout:
        layout = replace(layout, quoted=any(schema.layout and schema.layout.quoted for schema in schemas))
    return replace(
        schemas[0],
        columns=tuple(Column(*item) for item in fields.items()),
        layout=layout,
        paths=tuple(sorted({path for schema in schemas for path in schema.paths})),
        single_array=any(schema.single_array for schema in schemas),
    )


def _table(folder: _Folder, leaves: Sequence[_Folder]) -> FoundTable:
    files = list(folder.all_files())
    depth = len(leaves[0].place) - len(folder.place)
    levels = [[leaf.place[len(folder.place) + level] for leaf in leaves] for level in range(depth)]
    named = [_key(names) for names in levels]
    return FoundTable(
        place=folder.place,
        schema=_merged([found.schema for found in files]),
        statistics=_sum(files),
        keys=tuple(key or f"partition_{level}" for level, key in enumerate(named)),
        partitions=tuple(_partition(folder, leaf, named) for leaf in leaves) if depth else (),
    )


def _key(names: Sequence[str]) -> str | None:
    """Answer the key that all folders of one level name, Hive's way: ``year`` for ``year=2014``."""
    keys = {match.group(1) if (match := _HIVE.fullmatch(name)) else None for name in names}
    only = keys.pop()
    return only.lower() if only and not keys else None


def _partition(folder: _Folder, leaf: _Folder, named: Sequence[str | None]) -> FoundPartition:
    below = leaf.place[len(folder.place) :]
    return FoundPartition(
        folders=below,
        values=tuple(name.partition("=")[2] if key else name for name, key in zip(below, named, strict=True)),
        schema=_merged([found.schema for found in leaf.files]),
        statistics=_sum(leaf.files),
    )


def _sum(files: Sequence[FoundObject]) -> Statistics:
    return reduce(Statistics.__add__, (found.statistics for found in files))


def _table_of_object(found: FoundObject) -> FoundTable:
    return FoundTable((*found.folders, found.name), found.schema, found.statistics, single_object=True)
