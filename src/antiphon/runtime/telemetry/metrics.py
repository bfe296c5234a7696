"""Counts what happens in sessions, for Prometheus.

What is a state is read when somebody asks (:mod:`antiphon.runtime.telemetry.gauges`); what happens
is counted here, once for each session and each response, and not for each event.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.exposition import choose_encoder
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from antiphon.observe import stages_ms
from antiphon.runtime.host import Host
from antiphon.runtime.hosts import CloseReason, SessionHost
from antiphon.runtime.models import Models
from antiphon.runtime.observers import EndedResponse, OpenedSession, SessionObserver
from antiphon.runtime.telemetry.labels import OTHER, Few
from antiphon.wire.response import RealtimeResponse, RealtimeResponseUsage

__all__ = ["VOICE_BUCKETS_S", "Metrics"]

VOICE_BUCKETS_S = (
    *(0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9),
    *(1.0, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0),
)
"""Close together around the half second or so that people leave between turns themselves, wide
where an answer is late in any case."""

_LAG_BUCKETS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
_SESSION_BUCKETS_S = (10.0, 30.0, 60.0, 180.0, 600.0, 1800.0, 3600.0)

_CLIENT_LEFT = "client_left"
_VOICE_TO_VOICE = "voice_to_voice"


class Metrics:
    """All figures of a server; an :class:`~antiphon.runtime.observers.Observer`.

    Args:
        models: Whose names may be labels. A name that a client made up may not.

    Attributes:
        registry: What is exported; of this server only, whatever else runs in the process.
    """

    def __init__(self, models: Models) -> None:
        self.registry = registry = CollectorRegistry()
        self._models = models
        self._names = frozenset(models.names)
        self._reasons = Few()
        self._codes = Few()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)
        self._sessions = Counter(
            "antiphon_sessions_total",
            "Sessions opened.",
            ("kind", "model", "transport"),
            registry=registry,
        )
        self._closed = Counter(
            "antiphon_sessions_closed_total",
            "Sessions that are over, by the close code; client_left where the client went.",
            ("code",),
            registry=registry,
        )
        self._session_seconds = Histogram(
            "antiphon_session_seconds",
            "How long sessions lasted.",
            buckets=_SESSION_BUCKETS_S,
            registry=registry,
        )
        self._responses = Counter(
            "antiphon_responses_total",
            "Responses that have ended, by status and the reason or error code.",
            ("model", "status", "reason"),
            registry=registry,
        )
        self._stages = Histogram(
            "antiphon_stage_seconds",
            "How long a stage of a response took.",
            ("stage",),
            buckets=VOICE_BUCKETS_S,
            registry=registry,
        )
        self._voice_to_voice = Histogram(
            "antiphon_voice_to_voice_seconds",
            "From the last frame with speech to the first sound of the answer.",
            buckets=VOICE_BUCKETS_S,
            registry=registry,
        )
        self._tokens = Counter(
            "antiphon_tokens_total",
            "Tokens used, each counted in one kind.",
            ("model", "kind"),
            registry=registry,
        )
        self._cached_tokens = Counter(
            "antiphon_cached_tokens_total",
            "Tokens among the input that the engine knew from an earlier response.",
            ("model",),
            registry=registry,
        )
        self._refused = Counter(
            "antiphon_refused_total",
            "Requests and connections that were refused, by the error's code.",
            ("code",),
            registry=registry,
        )
        self._lag = Histogram(
            "antiphon_event_loop_lag_seconds",
            "How late the event loop is, measured four times a second.",
            buckets=_LAG_BUCKETS_S,
            registry=registry,
        )
        self._packets = Counter(
            "antiphon_call_packets_total",
            "Packets with the sound of clients, in calls that are over, by what became of them.",
            ("outcome",),
            registry=registry,
        )
        self.late_signals = 0
        self.dropped_frames = 0

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """Return all figures, and the media type that they are written in.

        Args:
            accept: What the client can read, in the words of HTTP.
        """
        encode, media_type = choose_encoder(accept)
        return encode(self.registry), media_type

    def open(self, session: OpenedSession, host: SessionHost) -> SessionObserver:
        """Count a session, and what happens in it."""
        model = self.model_label(session.model)
        self._sessions.labels(session.kind, model, session.transport).inc()
        return _Counting(self, model, session, host)

    def refuse(self, code: str | None) -> None:
        """Count a request that was refused."""
        self._refused.labels(self._codes.label(code or "invalid_request_error")).inc()

    def end_call(self, packets: Mapping[str, int]) -> None:
        """Count the packets of a call that is over.

        Args:
            packets: How many there were, by what became of them.
        """
        for outcome, count in packets.items():
            self._packets.labels(outcome).inc(count)

    def lag(self, seconds: float) -> None:
        """Note how late the event loop was."""
        self._lag.observe(seconds)

    def model_label(self, name: str) -> str:
        """Return what a model is called in labels: its first name, if it is configured."""
        return self._models.named(name).name if name in self._names else OTHER

    def end_response(self, model: str, ended: EndedResponse) -> None:
        """Count a response.

        Args:
            model: By :meth:`model_label`.
            ended: The response, and where its time went.
        """
        response = ended.response
        reason = self._reasons.label(_reason_of(response))
        self._responses.labels(model, response.status, reason).inc()
        if response.usage is not None:
            self._count_tokens(model, response.usage)
        for stage, took_ms in stages_ms(ended.timeline.as_ms()).items():
            took_s = max(0.0, took_ms / 1000)
            if stage == _VOICE_TO_VOICE:
                self._voice_to_voice.observe(took_s)
            else:
                self._stages.labels(stage).observe(took_s)

    def close(self, session: OpenedSession, host: SessionHost, reason: CloseReason | None) -> None:
        """Count a session that is over."""
        self._closed.labels(str(reason[0]) if reason else _CLIENT_LEFT).inc()
        self._session_seconds.observe(max(0.0, time.time() - session.opened_at_s))
        self.dropped_frames += host.outbox.dropped_frames
        if isinstance(host, Host):
            self.late_signals += host.late_signals

    def _count_tokens(self, model: str, usage: RealtimeResponseUsage) -> None:
        read, written = usage.input_token_details, usage.output_token_details
        for kind, count in (
            ("input_text", read.text_tokens),
            ("input_audio", read.audio_tokens),
            ("input_image", read.image_tokens),
            ("output_text", written.text_tokens),
            ("output_audio", written.audio_tokens),
        ):
            if count:
                self._tokens.labels(model, kind).inc(count)
        if read.cached_tokens:
            self._cached_tokens.labels(model).inc(read.cached_tokens)


class _Counting(SessionObserver):
    __slots__ = ("_host", "_metrics", "_model", "_session")

    def __init__(
        self, metrics: Metrics, model: str, session: OpenedSession, host: SessionHost
    ) -> None:
        self._metrics = metrics
        self._model = model
        self._session = session
        self._host = host

    def end_response(self, ended: EndedResponse) -> None:
        self._metrics.end_response(self._model, ended)

    def close(self, reason: CloseReason | None) -> None:
        self._metrics.close(self._session, self._host, reason)


def _reason_of(response: RealtimeResponse) -> str:
    """Return why a response ended as it did: nothing if it is completed, or one word."""
    details = response.status_details
    if details is None:
        return ""
    if details.reason:
        return details.reason
    return (details.error.code or details.error.type) if details.error else ""
