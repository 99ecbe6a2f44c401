from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from runners.steps.errors import DataNotRepresentable, SourceFailed, SourceUnavailable, TargetUnavailable
from runners.steps.formats import parquet
from runners.steps.formats.parquet import Parquet
from tests.unit.steps.formats.tables import read, written


def test_row_groups_have_as_many_rows_as_was_asked_for_however_batches_come():
    table = pa.concat_tables([pa.table({"a": range(begin, begin + 700)}) for begin in range(0, 3_500, 700)])
    data = written(Parquet(RowGroupRows=1_000), table)
    metadata = pq.read_metadata(io.BytesIO(data))
    assert [metadata.row_group(place).num_rows for place in range(metadata.num_row_groups)] == [
        1_000,
        1_000,
        1_000,
        500,
    ]
    assert read(Parquet(), data).equals(table)


def test_a_row_group_of_wide_rows_ends_sooner(monkeypatch):
    monkeypatch.setattr(parquet, "_GROUP_BYTES", 1_000)
    table = pa.concat_tables([pa.table({"a": ["x" * 600]})] * 4)
    assert pq.read_metadata(io.BytesIO(written(Parquet(), table))).num_row_groups == 2


@pytest.mark.parametrize("compression", ["zstd", "snappy", "gzip", "none"])
def test_columns_are_compressed_as_asked(compression):
    data = written(Parquet(Compression=compression), pa.table({"a": [1]}))
    said = pq.read_metadata(io.BytesIO(data)).row_group(0).column(0).compression
    assert said == {"none": "UNCOMPRESSED"}.get(compression, compression.upper())


def test_a_large_row_group_is_read_piece_by_piece(monkeypatch):
    monkeypatch.setattr(parquet, "_READ_WHOLE", 10)
    table = pa.table({"a": range(3_000), "b": ["x"] * 3_000})
    assert read(Parquet(), written(Parquet(RowGroupRows=1_000), table)).equals(table)


def test_a_batch_of_wide_rows_has_fewer_of_them(monkeypatch):
    monkeypatch.setattr(parquet, "BATCH_BYTES", 100_000)
    monkeypatch.setattr(parquet, "_SMALLEST_BATCH", 10)
    data = written(Parquet(Compression="none"), pa.table({"a": [f"{row:0>1000}" for row in range(500)]}))
    with Parquet().reading(io.BytesIO(data), "x") as rows:
        assert max(batch.num_rows for batch in rows.batches()) <= 100


@pytest.mark.parametrize("cut", [slice(0, 0), slice(0, 50), slice(10, None), slice(0, -5)])
def test_a_damaged_file_is_refused(cut):
    data = written(Parquet(), pa.table({"a": range(1_000)}))[cut]
    with pytest.raises(SourceFailed, match="the-file is"):
        read(Parquet(), data, "the-file")


def test_a_file_whose_pages_are_damaged_is_refused():
    data = bytearray(written(Parquet(Compression="zstd"), pa.table({"a": range(10_000)})))
    data[100:400] = bytes(300)
    with pytest.raises(SourceFailed, match="the-file is"):
        read(Parquet(), bytes(data), "the-file")


def test_what_breaks_while_a_file_is_read_is_not_taken_for_damage():
    class Broken(io.BytesIO):
        def read(self, size=-1):
            raise SourceUnavailable("the connection broke")

    with pytest.raises(SourceUnavailable), Parquet().reading(Broken(b"PAR1" * 10), "x"):
        pass


def test_columns_that_parquet_does_not_know_are_refused():
    with pytest.raises(DataNotRepresentable, match="Parquet has no form"):
        written(Parquet(), pa.table({"a": pa.array([None], pa.month_day_nano_interval())}))


def test_a_writer_that_is_given_up_writes_no_footer():
    out = io.BytesIO()
    with Parquet().writing(pa.schema([("a", pa.int64())]), out, "x") as writer:
        writer.write(pa.RecordBatch.from_pydict({"a": [1]}))
        writer.write(pa.RecordBatch.from_pydict({"a": range(60_000)}))
    assert b"PAR1" not in out.getvalue()[4:]


def test_what_a_target_raises_is_raised_and_nothing_else():
    class Full:
        def write(self, data):
            raise TargetUnavailable("slow down")

    def write_all():
        with Parquet().writing(pa.schema([("a", pa.int64())]), Full(), "x") as writer:
            for _ in range(100):
                writer.write(pa.RecordBatch.from_pydict({"a": range(60_000)}))

    with pytest.raises(TargetUnavailable):
        write_all()


def test_only_columns_of_few_values_have_a_dictionary():
    columns = {
        "number": pa.array(range(10_000)),
        "state": pa.array(["new", "sent", None, "paid"] * 2_500),
        "code": pa.array(["a", "b"] * 5_000).dictionary_encode(),
        "list": pa.array([[1]] * 10_000),
    }
    file = pq.ParquetFile(io.BytesIO(written(Parquet(), pa.table(columns))))
    group = file.metadata.row_group(0)
    encoded = {group.column(place).path_in_schema: group.column(place).encodings for place in range(group.num_columns)}
    assert {path for path, encodings in encoded.items() if "RLE_DICTIONARY" in encodings} == {"state", "code"}
