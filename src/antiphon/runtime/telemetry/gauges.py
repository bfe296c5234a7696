"""Reads the state of a server when Prometheus asks for it; until then it costs nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from antiphon.runtime.host import Host
from antiphon.runtime.readiness import Phase
from antiphon.runtime.telemetry.engines import EngineReport, EngineState, engine_reports
from antiphon.runtime.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from antiphon.runtime.reception import Reception
    from antiphon.store.queue import StoreFigures

__all__ = ["Gauges", "of_store"]


class Gauges(Collector):
    """What of a server's state is exported.

    Args:
        reception: Knows the sessions, and the engines.
        metrics: Count what has been.
    """

    def __init__(self, reception: Reception, metrics: Metrics) -> None:
        self._reception = reception
        self._metrics = metrics
        metrics.registry.register(self)

    def describe(self) -> list[Metric]:
        """Say nothing beforehand: names are only known to be free when all is collected."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield what is so at the moment."""
        yield from self._of_sessions()
        yield from self._of_server()
        yield from _of_engines(engine_reports(self._reception.models))
        if (store := self._reception.store) is not None:
            yield from of_store(store.figures())

    def _of_sessions(self) -> Iterator[Metric]:
        live = tuple(self._reception.live)
        by_kind = Counter(
            (one.opened.kind, self._metrics.model_label(one.opened.model), one.opened.transport)
            for one in live
        )
        opened = GaugeMetricFamily(
            "antiphon_sessions_open",
            "Sessions that are open.",
            labels=("kind", "model", "transport"),
        )
        for labels, count in by_kind.items():
            opened.add_metric(labels, count)
        yield opened
        held_bytes = sum(one.host.outbox.held_bytes for one in live)
        yield GaugeMetricFamily(
            "antiphon_outbox_bytes", "What waits to be read by clients.", held_bytes
        )
        hosts = [one.host for one in live if isinstance(one.host, Host)]
        late = self._metrics.late_signals + sum(host.late_signals for host in hosts)
        yield CounterMetricFamily(
            "antiphon_signals_late_total", "Results of engines that nobody waited for.", late
        )
        dropped = self._metrics.dropped_frames
        yield CounterMetricFamily(
            "antiphon_frames_dropped_total",
            "Frames thrown away since their client did not read.",
            dropped + sum(one.host.outbox.dropped_frames for one in live),
        )

    def _of_server(self) -> Iterator[Metric]:
        reception = self._reception
        readiness = reception.readiness
        yield GaugeMetricFamily(
            "antiphon_ready", "Whether new clients should come.", int(readiness.ready)
        )
        phases = GaugeMetricFamily(
            "antiphon_phase", "Where the server is in its life.", labels=("phase",)
        )
        for phase in Phase:
            phases.add_metric((phase.value,), int(phase is readiness.phase))
        yield phases
        yield GaugeMetricFamily(
            "antiphon_places_taken",
            "Sessions and requests that are being served.",
            reception.open_sessions,
        )
        yield GaugeMetricFamily(
            "antiphon_places", "How many may be served at once.", reception.config.max_sessions
        )


def _of_engines(reports: list[EngineReport]) -> Iterator[Metric]:
    labels = ("engine", "role")
    states = GaugeMetricFamily(
        "antiphon_engine_state",
        "Whether an engine can be asked: 1 for the state that it is in.",
        labels=(*labels, "state"),
    )
    queue = GaugeMetricFamily(
        "antiphon_engine_queue", "Requests that wait for an engine.", labels=labels
    )
    running = GaugeMetricFamily(
        "antiphon_engine_running", "Requests that an engine works on.", labels=labels
    )
    replaced = CounterMetricFamily(
        "antiphon_engine_replaced_total",
        "How often an engine hung or crashed, and was loaded anew.",
        labels=labels,
    )
    answered = CounterMetricFamily(
        "antiphon_engine_answered_total",
        "Requests that an engine has answered, among those that stand in for one another.",
        labels=labels,
    )
    for (name, role), alike in _by_name(reports).items():
        worst = max((one.state for one in alike), key=list(EngineState).index)
        for state in EngineState:
            states.add_metric((name, role, state.value), int(state is worst))
        loads = [one.load for one in alike if one.load is not None]
        if loads:
            queue.add_metric((name, role), sum(load.waiting for load in loads))
            running.add_metric((name, role), sum(load.running for load in loads))
            replaced.add_metric((name, role), sum(load.replaced for load in loads))
        answers = [one.answered for one in alike if one.answered is not None]
        if answers:
            answered.add_metric((name, role), sum(answers))
    yield from (states, queue, running, replaced, answered)


def _by_name(reports: list[EngineReport]) -> dict[tuple[str, str], list[EngineReport]]:
    """Put together what has the same labels: an engine may be loaded twice with other options."""
    alike: dict[tuple[str, str], list[EngineReport]] = {}
    for one in reports:
        alike.setdefault((one.name, one.role), []).append(one)
    return alike


def of_store(figures: StoreFigures) -> Iterator[Metric]:
    """Yield how the keeping of responses goes."""
    yield GaugeMetricFamily(
        "antiphon_store_queued_records", "Records that wait to be kept.", figures.queued
    )
    yield GaugeMetricFamily(
        "antiphon_store_queued_bytes", "How much memory they take.", figures.queued_bytes
    )
    yield CounterMetricFamily("antiphon_store_written_total", "Records kept.", figures.written)
    yield CounterMetricFamily(
        "antiphon_store_lost_total", "Records that could not be kept.", figures.lost
    )
    failing = figures.failing_since_s is not None
    yield GaugeMetricFamily(
        "antiphon_store_failing", "Whether nothing can be kept at the moment.", int(failing)
    )
