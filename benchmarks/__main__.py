"""Run every benchmark, each in a process of its own, so that none pays for the memory or the threads of another.

That a figure is missed is no failure: it is printed. A benchmark that does not get through is one.
"""

from __future__ import annotations

import subprocess
import sys

from benchmarks import NAMES


def main(names: list[str]) -> int:
    """Run some benchmarks, or all if none is named; return how many did not get through."""
    broken = 0
    for name in names or NAMES:
        if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode:  # noqa: S603  # our own
            broken += 1
            print(f"{name} did not get through; its figures are those of an earlier run")  # noqa: T201  # a command
    return broken


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
