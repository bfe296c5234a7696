"""What does it cost to be observed? Time for a response and an event, beside that of a response.

Run as ``python -m bench.telemetry``. Observers are called as the server calls them, with what they
are given there; a scrape is of a server with some sessions open.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

import msgspec
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from antiphon.config import Config, TracingChoice
from antiphon.engines.base import EngineSettings
from antiphon.engines.scripted.hearing import (
    create_denoiser,
    create_transcriber,
    create_turn_predictor,
    create_voice_detector,
)
from antiphon.engines.scripted.speaking import create_synthesizer
from antiphon.engines.scripted.thinking import create_language_model
from antiphon.observe import Moment, Timeline
from antiphon.runtime.engine_set import EngineSet
from antiphon.runtime.hosts import SessionHost
from antiphon.runtime.models import Models
from antiphon.runtime.observers import (
    EndedResponse,
    Observer,
    Observers,
    OpenedSession,
    SessionObserver,
    opened_session,
)
from antiphon.runtime.openings import Opening
from antiphon.runtime.outbox import Outbox
from antiphon.runtime.readiness import Phase, Readiness
from antiphon.runtime.reception import Reception
from antiphon.runtime.telemetry.spans import Traces
from antiphon.wire.response import RealtimeResponse
from antiphon.wire.response_events import ResponseOutputAudioTranscriptDelta
from bench.common import load_average, print_table

ROUNDS = 20_000
SESSIONS = 64

_RESPONSE = msgspec.convert(
    {
        "id": "resp_1",
        "status": "completed",
        "status_details": None,
        "output": [],
        "conversation_id": "conv_1",
        "output_modalities": ["audio"],
        "max_output_tokens": "inf",
        "audio": {"output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "alloy"}},
        "usage": {"total_tokens": 120, "input_tokens": 80, "output_tokens": 40},
        "metadata": None,
    },
    RealtimeResponse,
)
_DELTA = ResponseOutputAudioTranscriptDelta(
    event_id="event_1",
    response_id="resp_1",
    item_id="item_1",
    output_index=0,
    content_index=0,
    delta=" word",
)


class _Idle:
    """As much of a session's owner as observers look at."""

    def __init__(self) -> None:
        self.outbox = Outbox()
        self.closing = None


class _Nobody:
    """An observer that wants to know nothing."""

    def open(self, session: OpenedSession, host: SessionHost) -> SessionObserver | None:  # noqa: ARG002
        return None


def _reception() -> Reception:
    settings = EngineSettings(name="scripted")
    engines = EngineSet(
        voice_detector=create_voice_detector(settings),
        denoiser=create_denoiser(settings),
        turn_predictor=create_turn_predictor(settings),
        transcriber=create_transcriber(settings),
        language_model=create_language_model(settings),
        synthesizer=create_synthesizer(settings),
    )
    config = Config(home=Path("unused"))
    models = Models(config, lambda _: engines)
    return Reception(config, models, None, Readiness(Phase.SERVING))


def _traces() -> Traces:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(InMemorySpanExporter()))
    return Traces(provider, TracingChoice(sessions="all"))


def _microseconds(do: Callable[[], object], rounds: int = ROUNDS) -> float:
    began = time.process_time()
    for _ in range(rounds):
        do()
    return (time.process_time() - began) / rounds * 1e6


def _row(name: str, observers: list[Observer]) -> tuple[str, str, str]:
    opened = opened_session(Opening(model="antiphon"), f"sess_{name}", "websocket")
    watch = Observers(observers).open(opened, cast("SessionHost", _Idle()))
    timeline = Timeline("resp_1")
    for at_s, moment in enumerate(Moment):
        timeline.mark(moment, at_s * 0.05)
    ended = EndedResponse(_RESPONSE, timeline)
    each = _microseconds(lambda: watch.end_response(ended), ROUNDS // 10)
    event = _microseconds(lambda: watch.send(_DELTA))
    watch.close(None)
    return name, f"{each:.1f}", f"{event:.2f}"


def main() -> None:
    reception = _reception()
    rows = [
        _row("nobody", [_Nobody()]),
        _row("list of sessions", [reception.live]),
        _row("metrics", [reception.metrics]),
        _row("traces", [_traces()]),
    ]
    print_table(("observer", "µs a response", "µs an event"), rows)
    for number in range(SESSIONS):
        opened = opened_session(Opening(model="antiphon"), f"sess_{number}", "websocket")
        reception.observers.open(opened, cast("SessionHost", _Idle()))
    scrape = _microseconds(lambda: reception.metrics.exposition("text/plain"), 100) / 1000
    print(f"a scrape with {SESSIONS} sessions: {scrape:.1f} ms")
    print(f"load average: {load_average()}")


if __name__ == "__main__":
    main()
