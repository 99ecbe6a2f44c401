"""``runners arrivals``: which objects in the data bucket were noticed."""

from __future__ import annotations

import argparse

from runners.arrivals import Arrivals
from runners.operations.opened import Opened, add_environment
from runners.operations.printing import clock_time, print_json, print_table


def add_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``arrivals`` to the command line."""
    arrivals = commands.add_parser("arrivals", help="list the objects whose arrival in the data bucket was noticed")
    arrivals.add_argument("prefix", nargs="?", default="", help="what their keys begin with")
    add_environment(arrivals)
    arrivals.set_defaults(command=_arrivals)


def _arrivals(options: argparse.Namespace) -> None:
    opened = Opened(options.environment)
    table = Arrivals(opened.environment.arrivals_table, opened.client("dynamodb"))
    arrivals = list(table.of_bucket(str(opened.environment.data_bucket), options.prefix))
    if options.json:
        print_json([{"arrived_at": each.time, "bytes": each.size, "key": each.key} for each in arrivals])
    elif not arrivals:
        print("No arrival of such an object was noticed." if options.prefix else "No arrival was noticed.")
    else:
        rows = ((clock_time(each.time), f"{each.size}", each.key) for each in arrivals)
        print_table(("arrived (UTC)", "bytes", "key"), rows)
