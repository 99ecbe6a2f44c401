from __future__ import annotations

import gzip
import io

import pytest

from runners.steps.errors import SourceFailed, SourceUnavailable
from runners.steps.formats.compression import compressing, compression_of, decompressed, without_suffix


def compressed(compression: str, *pieces: bytes) -> bytes:
    out = io.BytesIO()
    with compressing(out, compression) as stream:
        for piece in pieces:
            stream.write(piece)
        stream.close()
    return out.getvalue()


@pytest.mark.parametrize("compression", ["none", "gzip", "zstd"])
def test_bytes_come_back(compression):
    data = compressed(compression, b"a" * 100_000, b"", bytearray(b"b"), memoryview(b"c"))
    with decompressed(io.BytesIO(data), "file", compression) as plain:
        assert plain.read() == b"a" * 100_000 + b"bc"
    assert (len(data) < 10_000) is (compression != "none")


def test_files_of_gzip_one_after_the_other_are_one_file():
    data = gzip.compress(b"a\n") + gzip.compress(b"b\n")
    with decompressed(io.BytesIO(data), "file", "gzip") as plain:
        assert plain.read() == b"a\nb\n"


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
@pytest.mark.parametrize("cut", [slice(0, -6), slice(0, 12), slice(4, None)])
def test_a_damaged_file_is_no_file(compression, cut):
    data = compressed(compression, bytes(range(256)) * 100)[cut]
    with (
        decompressed(io.BytesIO(data), "file", compression) as plain,
        pytest.raises(SourceFailed, match="file is no whole"),
    ):
        list(iter(lambda: plain.read(1_000), b""))


def test_what_breaks_below_is_not_taken_for_damage():
    class Broken(io.BytesIO):
        def read(self, size=-1):
            raise SourceUnavailable("the connection broke")

    with decompressed(Broken(), "file", "gzip") as plain, pytest.raises(SourceUnavailable):
        plain.read(10)


def test_nothing_is_written_to_the_end_of_what_was_given_up():
    out = io.BytesIO()
    with compressing(out, "zstd") as stream:
        stream.write(b"a")
    del stream
    assert out.getvalue() == b""


def test_a_name_says_how_a_file_is_compressed_unless_it_is_said_otherwise():
    assert compression_of("a.csv.gz", None) == "gzip"
    assert compression_of("a.csv.zst", None) == "zstd"
    assert compression_of("a.csv", None) == "none"
    assert compression_of("a.csv.gz", "none") == "none"
    assert without_suffix("a.csv.gz") == "a.csv"
    assert without_suffix("a.csv") == "a.csv"
