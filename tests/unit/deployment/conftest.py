"""What a build command shows, kept in memory."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from runners.deployment.progress import Progress


@pytest.fixture
def shown() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def progress(shown: io.StringIO) -> Progress:
    return Progress(Console(file=shown, width=200))
