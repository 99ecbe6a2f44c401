"""The Python process of one script: ``python -m runners.local.scripts.child PLAN``.

Prepares what a script of a job finds at AWS (``sys.argv``, S3 for Spark), runs it, and leaves the last line of its
traceback for whoever started it. It ends, with all that it started, when the embedded AWS dies, and knows
nothing of moto.
"""

from __future__ import annotations

import importlib.util
import json
import os
import runpy
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypedDict

if TYPE_CHECKING:
    from types import TracebackType

MAX_ERROR_MESSAGE = 2048  # characters


class Plan(TypedDict):
    """What the process is told, as JSON."""

    script: str
    """The file to run."""
    arguments: list[str]
    """What follows it in ``sys.argv``."""
    error_file: str
    """Where the error message goes if the script fails."""
    life_line: int
    """A file descriptor that reaches its end when the embedded AWS dies."""


def main(plan_file: str) -> int:
    """Run the plan in a file, for no longer than the embedded AWS lives; answers the exit status of the process."""
    plan: Plan = json.loads(Path(plan_file).read_text(encoding="utf-8"))
    threading.Thread(target=_end_with_parent, args=(plan["life_line"],), daemon=True).start()
    return run_script(plan)


def run_script(plan: Plan) -> int:
    """Run the script of a plan in this process; 0 if it succeeded, 1 if it failed and its error is written down."""
    sys.argv = [plan["script"], *plan["arguments"]]
    if importlib.util.find_spec("pyspark"):
        from runners.local.scripts import spark_staging  # noqa: PLC0415 - its imports would cost every other script

        spark_staging.install_when_imported()
    try:
        runpy.run_path(plan["script"], run_name="__main__")
    except SystemExit as ending:
        if ending.code in {None, 0}:
            return 0
        _report(f"SystemExit: {ending.code}", plan)
        return 1
    except BaseException as error:  # whatever a script raises is the outcome of its run
        traceback.print_exception(error.with_traceback(_from_script(error.__traceback__, plan["script"])))
        _report(f"{type(error).__name__}: {error}{_advice(error)}", plan)
        return 1
    return 0


def _report(message: str, plan: Plan) -> None:
    Path(plan["error_file"]).write_text(message[:MAX_ERROR_MESSAGE], encoding="utf-8")


def _advice(error: BaseException) -> str:
    """Say what to do where a script asks for what a laptop may lack."""
    missing = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
    if missing == "pyspark":
        return ". PySpark runs jobs locally once it is installed: pip install -e '.[spark]' (needs Java 17)"
    if missing == "awsglue" and importlib.util.find_spec(missing):
        return ". The embedded Glue's awsglue does not have this module"
    if "JAVA_GATEWAY_EXITED" in str(error):
        return ". PySpark needs Java 17 on the PATH or in JAVA_HOME"
    return ""


def _from_script(trace: TracebackType | None, script: str) -> TracebackType | None:
    """Leave out the frames that only say how the script was called."""
    while trace is not None and trace.tb_frame.f_code.co_filename != script:
        trace = trace.tb_next
    return trace


def _end_with_parent(life_line: int) -> NoReturn:
    """Kill the whole process group, which may hold a Java process, once nobody holds the other end."""
    os.set_inheritable(life_line, False)
    os.read(life_line, 1)
    os.killpg(os.getpgrp(), signal.SIGKILL)
    raise AssertionError("a killed process does not go on")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
