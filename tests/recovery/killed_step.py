"""A process that runs the step that standard input asks for, and kills itself at a moment of it."""

from __future__ import annotations

import json
import os
import signal
import sys

from runners.testing.steps import run_step, step_context


def main() -> None:
    """Run the step that standard input asks for, and die without a word where it says; print the result."""
    asked = json.load(sys.stdin)
    looks = 0

    def stopping() -> bool:
        nonlocal looks
        looks += 1
        if looks == asked["dies_at"]:
            os.kill(os.getpid(), signal.SIGKILL)
        return False

    context = step_context(
        asked["connections"],
        step_type=asked["step"],
        execution_id=asked["execution_id"],
        given=asked["parameters"],
        stopping=stopping,
    )
    print(json.dumps(run_step(asked["step"], asked["parameters"], context), default=str))


if __name__ == "__main__":
    main()
