"""``python -m runners`` is ``runners``, for where the package lies on the path without being installed."""

import sys

from runners.cli import main

if __name__ == "__main__":
    sys.exit(main())
