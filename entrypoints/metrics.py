"""Metrics for Prometheus: what is counted as it happens, and what is looked up when asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric

from entrypoints.readiness import view_lags
from projections.status_counts import STATUS_COUNTS

if TYPE_CHECKING:
    from entrypoints.bootstrap import Gas

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """One registry of its own, so that several services fit into one process."""

    def __init__(self, gas: Gas) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_State(gas))
        self._latency = Histogram(
            "gas_request_seconds",
            "Time to answer a request",
            ("method", "route", "status"),
            registry=self._registry,
            buckets=BUCKETS,
        )

    def observe(self, *, method: str, route: str, status: int, seconds: float) -> None:
        """One answered request; ``route`` is the rule, never the address with its ids."""
        self._latency.labels(method, route, str(status)).observe(seconds)

    def exposition(self) -> bytes:
        """Everything in Prometheus's text format."""
        return generate_latest(self._registry)


class _State:
    """What stands in log, views and queues at the moment of asking."""

    def __init__(self, gas: Gas) -> None:
        self._gas = gas

    def describe(self) -> list[Metric]:
        """Nothing, so that registering does not ask the stores."""
        return []

    def collect(self) -> Iterator[Metric]:
        yield self._jobs()
        yield self._queues()
        position = self._gas.service.recorder.max_notification_id() or 0
        yield GaugeMetricFamily("gas_log_position", "Events in the log", value=position)
        yield self._lags()

    def _jobs(self) -> Metric:
        family = GaugeMetricFamily("gas_jobs", "Jobs by status", labels=["status"])
        for status, row in self._gas.views.query(STATUS_COUNTS, "status"):
            family.add_metric([status], row["jobs"])
        return family

    def _queues(self) -> Metric:
        family = GaugeMetricFamily(
            "gas_queue_messages", "Messages by queue and state", labels=["queue", "state"]
        )
        for name, queue in self._gas.queues.items():
            depth = queue.depth()
            for state in ("visible", "in_flight", "delayed", "dead"):
                family.add_metric([name, state], getattr(depth, state))
        return family

    def _lags(self) -> Metric:
        family = GaugeMetricFamily(
            "gas_view_lag", "Events a view is behind the log", labels=["view"]
        )
        for view, lag in view_lags(self._gas).items():
            family.add_metric([view], lag)
        return family
