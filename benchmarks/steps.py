"""How fast steps move rows, and in how much memory, beside the databases' own ways and beside what people write.

Everything is on one machine and shares its cores: the database server, a local S3 and the step. Each way runs in a
process of its own, whose time is from before it connects until everything is published, and whose memory is the most
that it had. Ways that are compared take turns, some rounds of them, and each counts with its median. What people write
holds all rows in memory, 6 to 7 GB of 5 million, and goes once, as all does that takes minutes. A shorter run of which
the machine's host took a part of the time for others is run again.

    python -m benchmarks.steps [ROWS] [out|in|memory]
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import boto3

from benchmarks import database_servers, results, steps_data
from benchmarks.results import Figure
from runners.testing.steps import run_step, step_context

ROWS = 5_000_000
FEW = 1_000_000
MANY = 10_000_000
PARTS = ("out", "in", "memory")
ROUNDS = 3
TRIES = 3
STOLEN_AT_MOST = 0.02  # of the cores' time while a way runs
LONG = 60.0  # seconds; a way that takes more goes once
BUCKET = "bench"
# With TLS, as AWS has it, botocore does not sign what is sent. The local S3 has none.
_AWS_FILE = "aws-settings"
_AWS_SETTINGS = "[default]\ns3 =\n    payload_signing_enabled = false\n"
SLOW = 40.0  # megabytes per second that a slow S3 takes
MEGABYTES_AT_MOST = 300
_KILOBYTES_IN_A_MEGABYTE = 1024

OUT = {
    "PostgreSQL to CSV": ("PostgreSqlToS3", "csv", ""),
    "PostgreSQL to Parquet": ("PostgreSqlToS3", "parquet", ""),
    "PostgreSQL to Parquet, with types that have no quick way": ("PostgreSqlToS3", "parquet", "hard"),
    "MariaDB to CSV": ("MySqlToS3", "csv", ""),
    "MariaDB to Parquet": ("MySqlToS3", "parquet", ""),
}
IN = {
    "CSV to PostgreSQL": ("S3ToPostgreSql", "csv"),
    "Parquet to PostgreSQL": ("S3ToPostgreSql", "parquet"),
    "CSV to MariaDB": ("S3ToMySql", "csv"),
    "Parquet to MariaDB": ("S3ToMySql", "parquet"),
}
_HARD = ", ".join(
    {
        "amount": "amount::numeric AS amount",
        "name": "name::bytea AS name",
        "seen": "seen - timestamptz '2020-01-01 00:00+00' AS seen",
    }.get(column, column)
    for column in steps_data.COLUMNS.split(", ")
)
_TYPES = {
    "id": "int64",
    "customer": "int32",
    "name": "string",
    "note": "string",
    "amount": "decimal(12,2)",
    "ratio": "float64",
    "active": "bool",
    "day": "date",
    "at": "timestamp",
    "seen": "timestamptz",
}


@dataclass(frozen=True)
class Ran:
    """What was measured of one way.

    Attributes:
        rows: how many rows it moved.
        seconds: wall time.
        megabytes: the most memory that the process had.

    """

    rows: int
    seconds: float
    megabytes: float

    @property
    def rate(self) -> float:
        """Thousands of rows a second."""
        return self.rows / self.seconds / 1000


@dataclass(frozen=True)
class Servers:
    """Where everything is."""

    postgresql: dict[str, Any]
    mariadb: dict[str, Any]
    s3: str
    folder: str


def measure(rows: int = ROWS, few: int = FEW, many: int = MANY, parts: Sequence[str] = PARTS) -> Iterator[Figure]:
    """Start the servers, make the rows, and run every way of some parts."""
    with (
        database_servers.postgresql() as postgresql,
        database_servers.mariadb() as mariadb,
        database_servers.s3() as s3,
        database_servers.s3(SLOW) as slow_s3,
        tempfile.TemporaryDirectory() as folder,
    ):
        servers = Servers(postgresql, mariadb, s3, folder)
        (Path(folder) / _AWS_FILE).write_text(_AWS_SETTINGS, encoding="ascii")
        for count in sorted({rows, few, many} if "memory" in parts else {rows}):
            _fill(servers, count)
        if "out" in parts:
            yield from _out(servers, rows)
        if "in" in parts:
            yield from _in(servers, rows)
        if "memory" in parts:
            yield from _memory(servers, Servers(postgresql, mariadb, slow_s3, folder), few, many)


def _fill(servers: Servers, rows: int) -> None:
    file = Path(servers.folder) / f"{rows}.tsv"
    steps_data.fill_postgresql(servers.postgresql, rows)
    steps_data.tab_separated(servers.postgresql, rows, file)
    steps_data.fill_mariadb(servers.mariadb, rows, file)
    file.unlink()


def _out(servers: Servers, rows: int) -> Iterator[Figure]:
    naive = {system: _run(servers, f"naive {system}", rows) for system in ("PostgreSQL", "MariaDB")}
    rates = _medians(servers, ("raw copy out", "mariadb client", *OUT), rows)
    raw = rates["raw copy out"]
    yield Figure("PostgreSQL: raw COPY TO STDOUT", raw, "krows/s")
    yield Figure("MariaDB: its own client, tab-separated", rates["mariadb client"], "krows/s")
    for system, ran in naive.items():
        yield Figure(f"{system}: what people write", ran.rate, "krows/s")
        yield Figure(f"{system}: what people write, memory", ran.megabytes, "MB")
    for name in OUT:
        system = name.partition(" ")[0]
        times = {"MariaDB": 8.0, "PostgreSQL": 15.0}[system] if "no quick way" not in name else 8.0
        yield Figure(name, rates[name], "krows/s")
        yield Figure(f"{name}: of what people write", rates[name] / naive[system].rate, "times", at_least=times)
        if system == "PostgreSQL" and "no quick way" not in name:
            yield Figure(f"{name}: of raw COPY", rates[name] / raw, "times", at_least=0.9)


def _in(servers: Servers, rows: int) -> Iterator[Figure]:
    steps_data.comma_separated(servers.postgresql, rows, _raw_file(servers, "raw copy in"))
    steps_data.tab_separated(servers.postgresql, rows, _raw_file(servers, "load data"))
    for format_type in ("csv", "parquet"):
        _run(servers, f"upload {format_type}", rows)
    executemany = _run(servers, "executemany", rows)
    rates = _medians(servers, ("raw copy in", "load data", *IN), rows)
    raw = {"PostgreSQL": rates["raw copy in"], "MariaDB": rates["load data"]}
    yield Figure("PostgreSQL: raw COPY FROM", raw["PostgreSQL"], "krows/s")
    yield Figure("MariaDB: raw LOAD DATA", raw["MariaDB"], "krows/s")
    yield Figure("PostgreSQL: executemany", executemany.rate, "krows/s")
    for name in IN:
        system = name.rpartition(" ")[2]
        yield Figure(name, rates[name], "krows/s")
        yield Figure(
            f"{name}: of the raw way", rates[name] / raw[system], "times",
            at_least={"PostgreSQL": 1.0, "MariaDB": 0.9}[system],
        )  # fmt: skip
        if system == "PostgreSQL":
            yield Figure(f"{name}: of executemany", rates[name] / executemany.rate, "times", at_least=10)
    for way in ("raw copy in", "load data"):
        _raw_file(servers, way).unlink()


def _memory(servers: Servers, slow: Servers, few: int, many: int) -> Iterator[Figure]:
    for rows in (few, many):
        for format_type in ("csv", "parquet"):
            _run(servers, f"upload {format_type}", rows)
        for name in (*OUT, *IN):
            ran = _run(servers, name, rows)
            yield Figure(
                f"{name}: memory at {rows / 1e6:g} million rows", ran.megabytes, "MB", at_most=MEGABYTES_AT_MOST
            )
    for name in OUT:
        ran = _run(slow, name, few)
        yield Figure(f"{name}: memory with a slow target", ran.megabytes, "MB", at_most=MEGABYTES_AT_MOST)


def _medians(servers: Servers, ways: Sequence[str], rows: int) -> dict[str, float]:
    """Run ways in turns, so that what disturbs the machine meets them all; returns krows/s of each."""
    rates: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(ROUNDS):
        for way in ways:
            rates[way].append(_run(servers, way, rows).rate)
    return {way: median(measured) for way, measured in rates.items()}


def _raw_file(servers: Servers, way: str) -> Path:
    return Path(servers.folder) / way.replace(" ", "-")


def _run(servers: Servers, way: str, rows: int) -> Ran:
    """Run a way in a process of its own, again where time was stolen; returns the run with the least of that."""
    least = 1.0
    for _ in range(TRIES):
        stolen = _stolen()
        begun = time.perf_counter()
        tried = _tried(servers, way, rows)
        share = (_stolen() - stolen) / (time.perf_counter() - begun) / (os.cpu_count() or 1)
        told = f"{tried.rate:.0f} krows/s, {tried.megabytes:.0f} MB, {share:.1%} stolen"
        print(f"  {way}, {rows:,} rows: {told}", file=sys.stderr, flush=True)  # noqa: T201
        if share <= least:
            least, ran = share, tried
        if share <= STOLEN_AT_MOST or tried.seconds > LONG:
            break
    return ran


def _stolen() -> float:
    """Return the seconds of all cores that the machine's host took for others, since it runs."""
    total, *_ = Path("/proc/stat").read_text(encoding="ascii").splitlines()
    return int(total.split()[8]) / os.sysconf("SC_CLK_TCK")  # see proc(5)


def _tried(servers: Servers, way: str, rows: int) -> Ran:
    asked = json.dumps({"servers": asdict(servers), "way": way, "rows": rows})
    environment = {
        **os.environ,
        "AWS_CONFIG_FILE": str(Path(servers.folder) / _AWS_FILE),
        "AWS_ENDPOINT_URL": servers.s3,
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    answer = subprocess.run(  # noqa: S603  # our own
        [sys.executable, "-m", "benchmarks.steps", "--way", asked], env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    if answer.returncode:
        raise SystemExit(f"{way} with {rows:,} rows did not get through: {answer.stderr[-2000:]}")
    return Ran(**json.loads(answer.stdout))


def _ready(servers: Servers, way: str, rows: int) -> Callable[[], int]:
    """Prepare a way, and return what goes it and says how many rows it has moved."""
    if way in OUT:
        return lambda: _step_out(servers, way, rows, "out")
    if way.startswith("upload "):
        name = {"upload csv": "PostgreSQL to CSV", "upload parquet": "PostgreSQL to Parquet"}[way]
        return lambda: _step_out(servers, name, rows, "in")
    if way in (*IN, "raw copy in", "load data", "executemany"):
        steps_data.empty_postgresql(servers.postgresql, "moved")
        steps_data.empty_mariadb(servers.mariadb, "moved")
    if way in IN:
        return lambda: _step_in(servers, way)
    if way == "executemany":
        found = _all_rows(servers, rows)
        return lambda: _executemany(servers, found)
    others = {
        "raw copy out": _raw_copy_out,
        "mariadb client": _mariadb_client,
        "naive PostgreSQL": _naive_postgresql,
        "naive MariaDB": _naive_mariadb,
        "raw copy in": _raw_copy_in,
        "load data": _load_data,
    }
    return lambda: others[way](servers, rows)


def _step_out(servers: Servers, way: str, rows: int, prefix: str) -> int:
    step, format_type, hard = OUT[way]
    table = steps_data.name_of(rows)
    source: dict[str, Any] = {"Query": f"SELECT {_HARD} FROM {table}"} if hard else {"Table": table}  # noqa: S608  # ours
    target = {"Bucket": BUCKET, "Key": f"{prefix}/rows.{format_type}", "Format": {"Type": format_type}}
    return _moved(servers, step, {"ConnectionName": "source", **source}, target)


def _step_in(servers: Servers, way: str) -> int:
    step, format_type = IN[way]
    read: dict[str, Any] = {"Type": format_type}
    if format_type == "csv":
        read["Columns"] = _TYPES
    source = {"Bucket": BUCKET, "Key": f"in/rows.{format_type}", "Format": read}
    return _moved(servers, step, source, {"ConnectionName": "target", "Table": "moved"})


def _moved(servers: Servers, step: str, source: dict[str, Any], target: dict[str, Any]) -> int:
    described = servers.mariadb if "MySql" in step else servers.postgresql
    context = step_context({"source": described, "target": described}, step_type=step)
    return int(run_step(step, {"Source": source, "Target": target}, context)["rows"])


def _raw_copy_out(servers: Servers, rows: int) -> int:
    statement = f"COPY {steps_data.name_of(rows)} TO STDOUT (FORMAT csv)"
    with steps_data.postgresql(servers.postgresql) as connection, connection.cursor() as cursor:
        with cursor.copy(statement) as copy, Path(os.devnull).open("wb") as nowhere:  # type: ignore[arg-type]
            for data in copy:
                nowhere.write(data)
        return cursor.rowcount


def _mariadb_client(servers: Servers, rows: int) -> int:
    described = servers.mariadb
    command = ["mariadb", "--no-defaults", f"--socket={described['host']}", "-uroot", "-p-", described["dbname"]]
    query = f"SELECT * FROM {steps_data.name_of(rows)}"  # noqa: S608  # our own name
    with Path(os.devnull).open("wb") as nowhere:
        subprocess.run([*command, "--quick", "--batch", "-e", query], check=True, stdout=nowhere)  # noqa: S603  # our own
    return rows


def _naive_postgresql(servers: Servers, rows: int) -> int:
    from psycopg.rows import dict_row  # noqa: PLC0415  # of this way alone

    with steps_data.postgresql(servers.postgresql) as connection:
        return steps_data.naive_out(connection, {"row_factory": dict_row}, rows, boto3.client("s3"))


def _naive_mariadb(servers: Servers, rows: int) -> int:
    from pymysql.cursors import DictCursor  # noqa: PLC0415  # of this way alone

    with steps_data.mariadb(servers.mariadb) as connection:
        return steps_data.naive_out(connection, {"cursor": DictCursor}, rows, boto3.client("s3"))


def _raw_copy_in(servers: Servers, rows: int) -> int:
    with (
        steps_data.postgresql(servers.postgresql) as connection,
        connection.cursor() as cursor,
        cursor.copy("COPY moved FROM STDIN (FORMAT csv)") as copy,
        _raw_file(servers, "raw copy in").open("rb") as file,
    ):
        while data := file.read(1 << 20):
            copy.write(data)
    return rows


def _load_data(servers: Servers, rows: int) -> int:
    with steps_data.mariadb(servers.mariadb) as connection, connection.cursor() as cursor:
        steps_data.load_data(cursor, "moved", _raw_file(servers, "load data"))
    return rows


def _all_rows(servers: Servers, rows: int) -> list[tuple[Any, ...]]:
    with steps_data.postgresql(servers.postgresql) as connection:
        query = f"SELECT * FROM {steps_data.name_of(rows)}"  # noqa: S608  # our own name
        return connection.execute(query).fetchall()  # type: ignore[arg-type]


def _executemany(servers: Servers, found: list[tuple[Any, ...]]) -> int:
    with steps_data.postgresql(servers.postgresql) as connection, connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.executemany(f"INSERT INTO moved VALUES ({', '.join(['%s'] * 10)})", found)  # noqa: S608  # placeholders
        cursor.execute("COMMIT")
    return len(found)


def _go(asked: dict[str, Any]) -> Ran:
    go = _ready(Servers(**asked["servers"]), asked["way"], asked["rows"])
    begun = time.perf_counter()
    moved = go()
    seconds = time.perf_counter() - begun
    return Ran(moved, seconds, _most_megabytes())


def _most_megabytes() -> float:
    """Return the most memory that this process had; ``getrusage`` would count what its parent had before."""
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    (kilobytes,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(kilobytes) / _KILOBYTES_IN_A_MEGABYTE


def main(arguments: list[str]) -> None:
    """Measure all; or go one way, as ``_run`` asks for it."""
    if arguments[:1] == ["--way"]:
        print(json.dumps(asdict(_go(json.loads(arguments[1])))))  # noqa: T201  # whoever asked reads it
        return
    parts = [argument for argument in arguments if argument in PARTS]
    numbers = [argument for argument in arguments if argument not in PARTS]
    if len(numbers) > 1 or not all(number.isdecimal() for number in numbers):
        raise SystemExit(f"say how many rows, or which of the parts {', '.join(PARTS)}; not {' '.join(numbers)}")
    rows = int(numbers[0]) if numbers else ROWS
    if parts and rows != ROWS:
        raise SystemExit(f"parts are measured on {ROWS:,} rows, as their figures stand beside those of the others")
    few, many = (rows // 5, rows * 2) if rows < ROWS else (FEW, MANY)
    results.run("steps", lambda: measure(rows, few, many, parts or PARTS), whole=not parts)


if __name__ == "__main__":
    main(sys.argv[1:])
