"""``runners local``: an embedded AWS in the foreground."""

from __future__ import annotations

import argparse


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``local`` to the command line."""
    local = commands.add_parser("local", help="keep an embedded AWS running on this machine")
    local.add_argument("--port", type=int, default=4566, help="where it listens on 127.0.0.1 (default: 4566)")
    local.set_defaults(command=_local)


def _local(options: argparse.Namespace) -> int:
    from runners.local import server  # noqa: PLC0415  # the embedded AWS is an extra, and slow to import

    return server.main(["--port", str(options.port)])
