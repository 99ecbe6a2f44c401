"""A transfer between two storages: files as they are, byte for byte, unless it is said how rows are to be written.

Where a ``Format`` is given at either end, or a transform, a check or a cursor, rows are read and written as by any
other transfer. Else files are copied, one or many, by the names that they have; each is seen only once it is whole, and
a repeat copies them again, over what is there.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from runners import globs
from runners.steps.errors import DataQualityFailed, ValidationFailed
from runners.steps.formats.known import named
from runners.steps.read_ahead import read_ahead
from runners.steps.systems.files import FileSource, FileTarget
from runners.steps.transfer import Transfer, TransferParameters, transfer

if TYPE_CHECKING:
    from runners.steps.context import StepContext
    from runners.steps.ends import Source, Target
    from runners.steps.storages.storage import Digest, Storage, StoredFile

_PIECE_BYTES = 4 << 20
_FILES_TOLD = 100  # in the result


def between_files(source: type[Source], target: type[Target]) -> bool:
    """Whether a pair of ends is one of two storages."""
    return issubclass(source, FileSource) and issubclass(target, FileTarget)


def files_transfer(name: str, source: type[Source], target: type[Target], summary: str) -> type[Transfer]:
    """Return the step type that copies files, or moves their rows, from a kind of storage to another."""
    rows = transfer(name, source, target, summary)
    return type(name, (FilesTransfer, rows), {"__doc__": summary})


class FilesTransfer(Transfer):
    """Copies files, or moves their rows."""

    def run(self, context: StepContext) -> dict[str, Any]:
        """Copy the files, or move the rows."""
        return self._copy(context) if self._as_they_stand() else super().run(context)

    def _as_they_stand(self) -> bool:
        asked: TransferParameters = self.parameters
        formats = (asked.Source.Format, asked.Target.Format)  # type: ignore[attr-defined]  # both are of files
        looked_at = asked.Transforms or asked.Incremental or asked.Checks != type(asked.Checks)()
        return not (looked_at or any(formats))

    def _copy(self, context: StepContext) -> dict[str, Any]:
        source, target = self.parameters.Source, self.parameters.Target
        with (
            source.storage(context, lambda _: None) as origin,
            target.storage(context, lambda size: context.progress.count(size=size)) as destination,
        ):
            files = source.found(origin)
            names = {file: _new_name(file, source, target) for file in files}
            copied = [_copied(file, name, origin, destination, context) for file, name in names.items()]
        return {"files": len(copied), "bytes": sum(file.size for file in files), "copied": copied[:_FILES_TOLD]}


def _new_name(file: StoredFile, source: FileSource, target: FileTarget) -> str:
    """Return the name of a copy: in a folder the one that the file has behind its source's own folder.

    Raises:
        ValidationFailed: many files would have one name, or the name is one of another format.

    """
    if target.named.endswith("/"):
        folder = PurePosixPath(source.named or globs.beginning(source.glob) + "x").parent
        return target.named + str(PurePosixPath(file.name.lstrip("/")).relative_to(str(folder).lstrip("/")))
    if source.named is None:
        raise ValidationFailed(f"many files cannot all be {target.place()}: end it with / to keep their names")
    if named(file.name) is not named(target.named) and named(target.named) is not None:
        raise ValidationFailed(f"a copy of {file.name} is no {target.named}: give a Format to have its rows written so")
    return target.named


def _copied(file: StoredFile, name: str, origin: Storage, destination: Storage, context: StepContext) -> dict[str, Any]:
    """Copy a file and return what is to be known of the copy.

    Raises:
        DataQualityFailed: what was read is not what the source says that the file is.

    """
    size = 0
    digest = origin.digest(file)
    checksum = _Checksum(digest)
    with origin.open(file) as opened, destination.create(name) as copy:
        with read_ahead(iter(lambda: opened.read(_PIECE_BYTES), b"")) as pieces:
            for piece in pieces:
                context.check_stop()
                size += len(piece)
                checksum.update(piece)
                copy.write(piece)
        if size != file.size or not checksum.agrees():
            raise DataQualityFailed(
                f"of {origin.place(file.name)} other bytes were read than it has: run the step again",
                size=file.size,
                read=size,
            )
        context.check_publish()
        return copy.commit()


class _Checksum:
    """Sees whether bytes are those of which a storage keeps a checksum."""

    def __init__(self, kept: Digest | None) -> None:
        self._kept = kept
        self._sha256 = hashlib.sha256()
        self._crc32 = 0
        algorithms: dict[str, Callable[[bytes], None]] = {"sha256": self._sha256.update, "crc32": self._update_crc32}
        self.update: Callable[[bytes], None] = algorithms[kept.algorithm] if kept else lambda _: None

    def agrees(self) -> bool:
        """Whether they are."""
        if self._kept is None:
            return True
        found = {"sha256": self._sha256.digest(), "crc32": self._crc32.to_bytes(4, "big")}
        return found[self._kept.algorithm] == self._kept.value

    def _update_crc32(self, piece: bytes) -> None:
        self._crc32 = zlib.crc32(piece, self._crc32)
