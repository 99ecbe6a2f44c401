"""Run every benchmark, each in a process of its own, so that none pays for the memory or the threads of another."""

from __future__ import annotations

import subprocess
import sys

from benchmarks import NAMES

if __name__ == "__main__":
    for name in sys.argv[1:] or NAMES:
        if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode:  # noqa: S603  # our own
            print(f"{name} did not get through; its figures are those of an earlier run")  # noqa: T201  # a command
