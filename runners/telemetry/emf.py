"""Metrics as log lines in CloudWatch's embedded metric format, which CloudWatch Logs makes metrics of by itself.

A custom metric costs $0.30 a month for each value of its dimensions, so the one dimension is the service; a job's name
is a plain property, by which Logs Insights finds it. Values are held back and written together, once a minute and
when they are asked for. An idle runner writes nothing, which costs nothing. It makes no call to AWS.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any

from runners.retries import THROTTLES, Throttles
from runners.telemetry import metrics
from runners.telemetry.measured import Measured
from runners.telemetry.metrics import METRICS, NAMESPACE, Kind, Metric

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TextIO

    from runners.job import ActiveJob

WRITTEN_EVERY = timedelta(minutes=1)  # CloudWatch keeps custom metrics by the minute
MAX_VALUES = 100  # of one metric in one line; the format's limit
MAX_JOB_NAMES = 20  # told apart in one write; the jobs of further names are written without
_LONGEST_NAME = 200  # characters of a job's name


def _no_name(_: ActiveJob) -> str:
    return ""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass
class _Tally:
    """What was recorded of a runner's jobs of one name since the last write."""

    sums: defaultdict[Metric, float] = field(default_factory=lambda: defaultdict(float))
    values: defaultdict[Metric, list[float]] = field(default_factory=lambda: defaultdict(list))
    properties: dict[str, Any] = field(default_factory=dict)

    def add(self, metric: Metric, value: float) -> None:
        if metric.kind is Kind.TIMES:
            self.values[metric].append(value)
        elif metric.kind is Kind.LEVEL:
            self.sums[metric] = value
        else:
            self.sums[metric] += value

    def lines(self) -> Iterator[dict[Metric, float | list[float]]]:
        """Yield what each line takes: sums in the first, and of single values as many as one takes."""
        longest = max(map(len, self.values.values()), default=0)
        first: dict[Metric, float | list[float]] = dict(self.sums)
        for start in range(0, max(longest, 1), MAX_VALUES):
            parts = {metric: values[start : start + MAX_VALUES] for metric, values in self.values.items()}
            yield {**(first if start == 0 else {}), **{metric: part for metric, part in parts.items() if part}}


class EmbeddedMetrics(Measured):
    """Writes metrics as lines; of one process, for any number of runners.

    Args:
        job_name: names a job by what it runs, e.g. by ``Service.job_name``; never by arguments or secrets.
        stream: where the lines go; standard output if None.
        written_every: how long values are held back at most, if more are told.
        now: the clock.
        throttles: the throttled calls of this process.

    """

    def __init__(
        self,
        job_name: Callable[[ActiveJob], str] = _no_name,
        stream: TextIO | None = None,
        written_every: timedelta = WRITTEN_EVERY,
        now: Callable[[], datetime] = _now,
        throttles: Throttles = THROTTLES,
    ) -> None:
        self._job_name = job_name
        self._stream = stream
        self._written_every = written_every
        self._now = now
        self._throttles = throttles
        self._throttles_written = throttles.counts()
        self._tallies: dict[tuple[str, str], _Tally] = {}
        self._levels_written: dict[tuple[str, Metric], float] = {}
        self._written_at = now()
        self._lock = Lock()

    def record(self, metric: Metric, value: float, runner: str, job: ActiveJob | None = None) -> None:
        """Hold a value back until the next write, which this may be."""
        name = "" if job is None else self._job_name(job)[:_LONGEST_NAME]
        with self._lock:
            if (runner, name) not in self._tallies and len(self._tallies) >= MAX_JOB_NAMES:
                name = ""
            self._tallies.setdefault((runner, name), _Tally()).add(metric, value)
            is_time = self._now() - self._written_at >= self._written_every
        if is_time:
            self.flush()

    def flush(self) -> None:
        """Write what was held back."""
        with self._lock:
            self._written_at = self._now()
            self._add_throttles()
            tallies, self._tallies = self._tallies, {}
            self._leave_out_what_is_idle(tallies)
            lines = [self._line(*key, tally, part) for key, tally in tallies.items() for part in tally.lines() if part]
        if lines:
            stream = self._stream or sys.stdout
            stream.write("".join(lines))
            stream.flush()

    def _add_throttles(self) -> None:
        """Add the throttled calls since the last write, to the first runner if there are several in this process."""
        counts = self._throttles.counts()
        new = counts - self._throttles_written
        if not new or not self._tallies:
            return
        self._throttles_written = counts
        runner = next(iter(self._tallies))[0]
        tally = self._tallies.setdefault((runner, ""), _Tally())
        tally.add(metrics.THROTTLED, sum(new.values()))
        tally.properties["ThrottledCalls"] = {" ".join(filter(None, call)): count for call, count in new.items()}

    def _leave_out_what_is_idle(self, tallies: dict[tuple[str, str], _Tally]) -> None:
        """Take levels out that stay at zero, and empty polls of runners that do nothing else."""
        for (runner, _), tally in tallies.items():
            for metric in [metric for metric in tally.sums if metric.kind is Kind.LEVEL]:
                before = self._levels_written.get((runner, metric), 0)
                self._levels_written[runner, metric] = tally.sums[metric]
                if tally.sums[metric] == before == 0:
                    del tally.sums[metric]
        busy = {
            runner
            for (runner, _), tally in tallies.items()
            if tally.values or any(metric is not metrics.EMPTY_POLLS for metric in tally.sums)
        }
        for key in [key for key in tallies if key[0] not in busy]:
            del tallies[key]

    def _line(self, runner: str, name: str, tally: _Tally, figures: dict[Metric, float | list[float]]) -> str:
        directive = {
            "Namespace": NAMESPACE,
            "Dimensions": [["Service"]],
            "Metrics": [{"Name": metric.name, "Unit": metric.unit} for metric in METRICS if metric in figures],
        }
        line = {
            "_aws": {"Timestamp": int(self._written_at.timestamp() * 1000), "CloudWatchMetrics": [directive]},
            "Service": runner,
            **({"JobName": name} if name else {}),
            **tally.properties,
            **{metric.name: value for metric, value in figures.items()},
        }
        return json.dumps(line) + "\n"
