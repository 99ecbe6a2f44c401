"""The same metrics for Prometheus, of a worker that serves them. It serves nothing itself.

Needs the extra ``worker``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from runners.retries import THROTTLES, Throttle, Throttles
from runners.telemetry import metrics
from runners.telemetry.measured import Measured
from runners.telemetry.metrics import METRICS, Kind, Metric

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runners.job import ActiveJob

LABEL = "service"
"""The label of every metric: the runner's name."""

BUCKETS = {
    metrics.DURATION: (10, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600, 7_200, 14_400, 28_800, 86_400),
    metrics.QUEUE_WAIT: (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800, 3_600),
}
"""Upper bounds of histograms, in seconds."""


class PrometheusMetrics(Measured):
    """Keeps the metrics of a process in a registry of its own.

    Args:
        throttles: the throttled calls of this process.

    """

    def __init__(self, throttles: Throttles = THROTTLES) -> None:
        self._registry = CollectorRegistry()
        kept = [metric for metric in METRICS if metric is not metrics.THROTTLED]
        self._metrics = {metric: _made(metric, self._registry) for metric in kept}
        self._registry.register(_ThrottledCalls(throttles))

    def record(self, metric: Metric, value: float, runner: str, job: ActiveJob | None = None) -> None:  # noqa: ARG002
        """Take a value; jobs are not told apart, as each name would be a series of its own."""
        kept = self._metrics[metric].labels(runner)
        if isinstance(kept, Counter):
            kept.inc(max(0.0, value))
        elif isinstance(kept, Gauge):
            kept.set(value)
        else:
            kept.observe(value)

    def render(self) -> tuple[bytes, str]:
        """Return the metrics as Prometheus reads them, and the content type of that."""
        return generate_latest(self._registry), CONTENT_TYPE_LATEST


class _ThrottledCalls:
    """Reads the throttled calls from where they are counted, whenever the metrics are asked for."""

    def __init__(self, throttles: Throttles) -> None:
        self._throttles = throttles

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Yield them, by service of AWS, operation and code."""
        family = CounterMetricFamily(_bare(metrics.THROTTLED), metrics.THROTTLED.meaning, labels=Throttle._fields)
        for call, count in self._throttles.counts().items():
            family.add_metric(list(call), count)
        yield family


def _made(metric: Metric, registry: CollectorRegistry) -> Counter | Gauge | Histogram:
    if metric.kind is Kind.TIMES:
        return Histogram(metric.prometheus, metric.meaning, [LABEL], registry=registry, buckets=BUCKETS[metric])
    kind = Gauge if metric.kind is Kind.LEVEL else Counter
    return kind(_bare(metric), metric.meaning, [LABEL], registry=registry)


def _bare(metric: Metric) -> str:
    return metric.prometheus.removesuffix("_total")
