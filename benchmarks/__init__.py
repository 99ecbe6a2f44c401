"""What is claimed about speed and cost, each figure measured by one command: ``python -m benchmarks.NAME``.

The runner that is measured is the real one; AWS is simulated (``runners.testing``), with 20 ms a call, AWS's quotas and
AWS's prices. Nothing here reaches AWS, and nothing here fails because a figure is missed: it says what it has measured.
"""

NAMES = ("status_calls", "sweep", "starts", "event_to_report", "pickup", "writes", "cost", "steps")
"""The benchmarks, in the order in which they are run and shown."""
