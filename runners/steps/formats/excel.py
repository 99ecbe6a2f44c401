"""Excel workbooks: read by calamine, written by xlsxwriter, by way of a temporary file that is always removed.

Excel's numbers are doubles, its times have milliseconds and no zone, and it cannot tell an empty text from none. So
what would be changed is written as text: integers and decimals of more than 15 digits, times with a zone, those finer
than a millisecond and those before March 1900, NaN, and binary. An empty text is an empty cell, and read as NULL.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, Literal

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from runners.steps.column_types import ColumnType, typed_column
from runners.steps.ends import Read
from runners.steps.errors import DataNotRepresentable, SourceFailed
from runners.steps.formats.excel_cells import found_column, read_cells
from runners.steps.formats.format import Format
from runners.steps.formats.plain_text import plain_text, simplified
from runners.steps.libraries import library

if TYPE_CHECKING:
    from runners.steps.ends import Rows
    from runners.steps.formats.format import Out, Writer

_ROWS = 1_048_576  # of a sheet, with its header
_COLUMNS = 16_384
_TEXT = 32_767  # characters of a cell
_DIGITS = 10**15  # below it a number's digits are all kept and shown
_FIRST_DAY = date(1900, 3, 1)  # before it Excel counts a day that there was not
_BATCH_ROWS = 10_000
_PIECE_BYTES = 1 << 20
_EXTRA = "steps"


class Excel(Format):
    """An Excel workbook (.xlsx)."""

    suffixes: ClassVar[tuple[str, ...]] = (".xlsx",)

    Type: Literal["excel"] = "excel"

    Sheet: str | None = Field(default=None, min_length=1, max_length=31, pattern=r"^[^\[\]:*?/\\]+$")
    """The sheet's name; if left out, the first one is read, and ``Sheet1`` is written."""

    HeaderRow: int = Field(default=1, ge=1, lt=_ROWS)
    """For reading: the row with the names of the columns; rows above it are passed over."""

    Columns: dict[str, ColumnType] = Field(default_factory=dict)
    """For reading: the types of columns by their names. Others are found in the first 10,000 rows: bool, int64,
    float64, timestamp, date, time, else string; a later value of another type fails the step."""

    @contextmanager
    def writing(self, schema: pa.Schema, out: Out, name: str) -> Iterator[Writer]:
        """Begin to write rows."""
        del name
        if len(schema) > _COLUMNS:
            raise DataNotRepresentable(f"there are {len(schema)} columns, and Excel has {_COLUMNS}")
        with TemporaryDirectory(prefix="runners-excel-") as folder:
            writer = _ExcelWriter(schema, self.Sheet or "Sheet1", Path(folder), out)
            try:
                yield writer
            finally:
                writer.end()

    @contextmanager
    def reading(self, file: BinaryIO, name: str) -> Iterator[Rows]:
        """Begin to read a sheet's rows."""
        with TemporaryDirectory(prefix="runners-excel-") as folder:
            path = Path(folder, "workbook.xlsx")
            with path.open("wb") as copy:
                shutil.copyfileobj(file, copy, _PIECE_BYTES)
            rows = _sheet_rows(path, self.Sheet, name)
            with closing(_typed(self, rows, name)) as batches:
                schema = next(batches).schema  # an empty batch comes first
                yield Read(schema, batches)


def _sheet_rows(path: Path, sheet: str | None, name: str) -> Iterator[list[Any]]:
    calamine = library("python_calamine", _EXTRA)
    try:
        workbook = calamine.CalamineWorkbook.from_path(path)
        if sheet is not None and sheet not in workbook.sheet_names:
            raise SourceFailed(f"{name} has no sheet {sheet!r}; it has {', '.join(workbook.sheet_names)}", file=name)
        found = workbook.get_sheet_by_name(sheet) if sheet else workbook.get_sheet_by_index(0)
        return iter(found.iter_rows())
    except calamine.CalamineError:
        raise SourceFailed(f"{name} is no Excel workbook, or has a password", file=name) from None


def _typed(form: Excel, rows: Iterator[list[Any]], name: str) -> Generator[pa.RecordBatch, None, None]:
    """Yield an empty batch with the schema, and then the rows."""
    header = next((row for number, row in enumerate(rows, 1) if number == form.HeaderRow), None)
    names = _names(form, header, name)
    first = _taken(rows, len(names))
    declared = {column: typed_column(column, kind) for column, kind in form.Columns.items()}
    fields = [
        declared.get(column) or found_column(column, [row[place] for row in first])
        for place, column in enumerate(names)
    ]
    schema = pa.schema(fields)
    yield pa.RecordBatch.from_pylist([], schema)
    while first:
        columns = [read_cells(field, [row[place] for row in first], name) for place, field in enumerate(schema)]
        yield pa.RecordBatch.from_arrays(columns, schema=schema)
        first = _taken(rows, len(names))


def _taken(rows: Iterator[list[Any]], width: int) -> list[list[Any]]:
    """Return the next rows, all of one width, without those that are empty."""
    taken: list[list[Any]] = []
    for row in rows:
        if any(cell != "" for cell in row[:width]):
            taken.append([*row[:width], *[""] * (width - len(row))])
        if len(taken) == _BATCH_ROWS:
            break
    return taken


def _names(form: Excel, header: list[Any] | None, name: str) -> list[str]:
    names = [str(cell) for cell in header or []]
    while names and not names[-1]:
        names.pop()
    if not names or "" in names:
        raise SourceFailed(f"row {form.HeaderRow} of {name} has a column without a name: look at HeaderRow", file=name)
    twice = sorted({one for one in names if names.count(one) > 1})
    if twice:
        raise SourceFailed(f"{name} has two columns of the name {', '.join(twice)}", file=name)
    unknown = sorted(set(form.Columns) - set(names))
    if unknown:
        raise SourceFailed(
            f"Columns names {', '.join(unknown)}, which {name} does not have; it has {', '.join(names)}", file=name
        )
    return names


class _Exact(float):
    """A number that is written with as many digits as it takes to read it again; xlsxwriter would write 16."""

    def __format__(self, _: str) -> str:
        return repr(float(self))


class _ExcelWriter:
    def __init__(self, schema: pa.Schema, sheet: str, folder: Path, out: Out) -> None:
        self._path = folder / "workbook.xlsx"
        self._out = out
        self._workbook = library("xlsxwriter", _EXTRA).Workbook(
            str(self._path),
            {
                "constant_memory": True,
                "tmpdir": str(folder),
                # A text is a text, be it =1+1.
                "strings_to_formulas": False,
                "strings_to_urls": False,
                "strings_to_numbers": False,
            },
        )
        self._sheet = self._workbook.add_worksheet(sheet)
        self._date = self._workbook.add_format({"num_format": "yyyy-mm-dd"})
        self._moment = self._workbook.add_format({"num_format": "yyyy-mm-dd hh:mm:ss.000"})
        self._closed = False
        self._rows = 1
        for place, name in enumerate(schema.names):
            self._sheet.write_string(0, place, name)

    def write(self, batch: pa.RecordBatch) -> None:
        if self._rows + batch.num_rows > _ROWS:
            raise DataNotRepresentable(f"there are more rows than the {_ROWS} of an Excel sheet: use another format")
        columns = [_cells(values, name) for values, name in zip(batch.columns, batch.schema.names, strict=True)]
        for cells in zip(*columns, strict=True):
            for place, cell in enumerate(cells):
                self._write_cell(place, cell)
            self._rows += 1

    def close(self) -> None:
        self.end()
        with self._path.open("rb") as written:
            while piece := written.read(_PIECE_BYTES):
                self._out.write(piece)

    def end(self) -> None:
        """Close the workbook, whose file goes with its folder."""
        if not self._closed:
            self._closed = True
            self._workbook.close()

    def _write_cell(self, place: int, cell: Any) -> None:
        match cell:
            case None:
                return
            case str():
                self._sheet.write_string(self._rows, place, cell)
            case bool():
                self._sheet.write_boolean(self._rows, place, cell)
            case datetime():
                self._sheet.write_datetime(self._rows, place, cell, self._moment)
            case date():
                self._sheet.write_datetime(self._rows, place, cell, self._date)
            case _:
                self._sheet.write_number(self._rows, place, cell)


def _cells(values: pa.Array, name: str) -> list[Any]:
    """Return what is written of a column: values that Excel keeps, and texts of those that it would change."""
    values = simplified(values, name)
    kind = values.type
    fits = next((fits for is_such, fits in _FITS if is_such(kind)), None)
    if pa.types.is_string(kind):
        if (pc.max(pc.utf8_length(values)).as_py() or 0) > _TEXT:
            raise DataNotRepresentable(f"a text of the column {name} has more than the {_TEXT} characters of a cell")
        return list(values.to_pylist())
    texts = plain_text(values, name).to_pylist()
    if fits is None:
        return list(texts)
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        values = values.cast(pa.timestamp("us"), safe=False)  # those that are finer are written from their texts
    return [
        value if value is None or isinstance(value, bool) else fits(value, text)
        for value, text in zip(values.to_pylist(), texts, strict=True)
    ]


def _number(value: Any, text: str) -> Any:
    return int(value) if abs(value) < _DIGITS else text


def _float(value: float, text: str) -> Any:
    return _Exact(value) if text not in {"NaN", "Infinity", "-Infinity"} else text


def _decimal(value: Decimal, text: str) -> Any:
    return _Exact(value) if len(text.replace(".", "").lstrip("-0")) <= 15 else text  # noqa: PLR2004  # digits


def _day(value: date, text: str) -> Any:
    return value if value >= _FIRST_DAY else text


def _time(value: datetime, text: str) -> Any:
    milliseconds = len(text.partition(".")[2]) <= 3 and value.tzinfo is None  # noqa: PLR2004  # digits
    return value if milliseconds and value.date() >= _FIRST_DAY else text


_FITS: tuple[tuple[Callable[[pa.DataType], bool], Callable[[Any, str], Any]], ...] = (
    (pa.types.is_boolean, _number),
    (pa.types.is_integer, _number),
    (pa.types.is_floating, _float),
    (pa.types.is_decimal, _decimal),
    (pa.types.is_date, _day),
    (pa.types.is_timestamp, _time),
)
"""What becomes of the values of each type: themselves if Excel keeps them, else their texts."""
