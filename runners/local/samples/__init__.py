"""The samples beside the main workflow: one for each of several services, run by ``pynt 'sample[athena]'``."""

from __future__ import annotations

from importlib import import_module

from rich.console import Console

from runners.deployment.environment import nearest
from runners.errors import ConfigurationError

SAMPLES = ("athena", "crawler", "dms", "steps")
_COMMAND = "pynt 'sample[{}]'"  # in quotes: a shell takes sample[dms] for the folder samples


def run(name: str) -> None:
    """Run a sample.

    Raises:
        ConfigurationError: there is no such sample.
        WorkflowError: the sample did not do what it should.

    """
    if name not in SAMPLES:
        asked = f"there is no sample {name!r}{nearest(name, list(SAMPLES))}" if name else "say which sample."
        raise ConfigurationError(f"{asked} There are: {', '.join(_COMMAND.format(sample) for sample in SAMPLES)}.")
    import_module(f"runners.local.samples.{name}").main(Console(highlight=False, soft_wrap=True))
