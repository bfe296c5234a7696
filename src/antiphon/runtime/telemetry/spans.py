"""Makes spans of what happens in sessions, in the words of OpenTelemetry's GenAI conventions.

A session is one trace, or part of its client's: the header ``traceparent`` of the upgrade says so.
In it each response is a span, and each stage of the response a span in that, with the times at
which they were. Conventions: https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/
(in development; as of version 1.41). Nothing that was said is in a span unless asked for.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

import msgspec
from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from antiphon.config import TracingChoice
from antiphon.logs import current_trail
from antiphon.observe import Moment
from antiphon.runtime.hosts import CloseReason, SessionHost
from antiphon.runtime.observers import EndedResponse, OpenedSession, SessionObserver
from antiphon.runtime.telemetry.said import output_messages
from antiphon.wire.items import FunctionCall
from antiphon.wire.response import RealtimeResponse
from antiphon.wire.server_events import ServerEvent, SessionCreated, SessionUpdated
from antiphon.wire.session import RealtimeSession, Tracing, TracingConfig
from antiphon.wire.translation import TranslationServerEvent

__all__ = ["STAGE_SPANS", "Traces"]

STAGE_SPANS: Mapping[str, tuple[Moment, Moment]] = {
    "end of turn": (Moment.SPEECH_ENDED, Moment.TURN_ENDED),
    "transcription": (Moment.SPEECH_ENDED, Moment.TRANSCRIBED),
    "prompt": (Moment.STARTED, Moment.PROMPT_READ),
    "first token": (Moment.STARTED, Moment.FIRST_TOKEN),
    "first segment": (Moment.FIRST_TOKEN, Moment.FIRST_SEGMENT),
    "synthesis of the first segment": (Moment.FIRST_SEGMENT, Moment.FIRST_AUDIO),
}
"""The stages of a response by the moments at which they begin and end. What was worked out while
the speaker paused begins before the response does."""

_PROVIDER = "antiphon"
_SCOPE = "antiphon"


class Traces:
    """Traces sessions; an :class:`~antiphon.runtime.observers.Observer`.

    Args:
        provider: Takes the spans.
        choice: Which sessions are traced, and whether with what was said.
    """

    def __init__(self, provider: TracerProvider, choice: TracingChoice) -> None:
        self.tracer = provider.get_tracer(_SCOPE)
        self.choice = choice

    def open(self, session: OpenedSession, host: SessionHost) -> SessionObserver:  # noqa: ARG002
        """Trace a session, from when that is wanted."""
        parent = current_trail().traceparent
        carrier = {"traceparent": parent} if parent else {}
        context = TraceContextTextMapPropagator().extract(carrier, Context())
        return _TracedSession(self, session, context)


class _TracedSession(SessionObserver):
    """Traces one session.

    Args:
        traces: Says how.
        session: The session.
        parent: What it is a part of.
    """

    __slots__ = ("_context", "_session", "_setting", "_span", "_traces")

    def __init__(self, traces: Traces, session: OpenedSession, parent: Context) -> None:
        self._traces = traces
        self._session = session
        self._context = parent
        self._setting: Tracing | None = "auto" if traces.choice.sessions == "all" else None
        self._span: Span | None = None

    def send(self, event: ServerEvent | TranslationServerEvent) -> None:
        if isinstance(event, SessionCreated | SessionUpdated) and isinstance(
            event.session, RealtimeSession
        ):
            self._setting = event.session.tracing or self._setting

    def end_response(self, ended: EndedResponse) -> None:
        if self._setting is None:
            return
        context = self._session_context()
        moments_ns = _moments_ns(ended)
        response = ended.response
        model = self._session.model
        start_ns = min(moments_ns.values())
        span = self._traces.tracer.start_span(
            f"chat {model}",
            context,
            kind=SpanKind.INTERNAL,  # engines may run anywhere; the client's span is the client's
            attributes=dict(self._attributes(response, moments_ns)),
            start_time=start_ns,
        )
        within = set_span_in_context(span, context)
        for name, (begin, end) in STAGE_SPANS.items():
            if begin.value in moments_ns and end.value in moments_ns:
                self._stage(name, within, moments_ns[begin.value], moments_ns[end.value])
        details = response.status_details
        if details and details.error:
            span.set_attribute("error.type", details.error.code or details.error.type)
            span.set_status(Status(StatusCode.ERROR, details.error.type))
        span.end(moments_ns[Moment.ENDED.value])

    def close(self, reason: CloseReason | None) -> None:
        if self._span is not None:
            if reason is not None:
                self._span.set_attribute("antiphon.close_code", reason[0])
            self._span.end()

    def _session_context(self) -> Context:
        """Return what the responses are part of: the session's span, begun with the first."""
        if self._span is None:
            session, setting = self._session, self._setting
            about: dict[str, AttributeValue] = {
                "session.id": session.id,
                "antiphon.session.kind": session.kind,
                "antiphon.transport": session.transport,
                "gen_ai.provider.name": _PROVIDER,
                "gen_ai.request.model": session.model,
            }
            if session.key_name is not None:
                about["antiphon.key"] = session.key_name
            if isinstance(setting, TracingConfig):
                about |= _wished(setting)
            self._span = self._traces.tracer.start_span(
                f"session {session.model}",
                self._context,
                kind=SpanKind.SERVER,
                attributes=about,
                start_time=int(session.opened_at_s * 1e9),
            )
            self._context = set_span_in_context(self._span, self._context)
        return self._context

    def _stage(self, name: str, within: Context, start_ns: int, end_ns: int) -> None:
        # A guess may know the words before the frame that the turn is counted from.
        span = self._traces.tracer.start_span(
            name, within, start_time=min(start_ns, end_ns), kind=SpanKind.INTERNAL
        )
        span.end(max(start_ns, end_ns))

    def _attributes(
        self, response: RealtimeResponse, moments_ns: Mapping[str, int]
    ) -> Iterator[tuple[str, AttributeValue]]:
        yield "gen_ai.operation.name", "chat"
        yield "gen_ai.provider.name", _PROVIDER
        yield "gen_ai.request.model", self._session.model
        yield "gen_ai.response.id", response.id
        yield "gen_ai.output.type", "speech" if "audio" in response.output_modalities else "text"
        yield "session.id", self._session.id
        yield "antiphon.response.status", response.status
        if response.conversation_id is not None:
            yield "gen_ai.conversation.id", response.conversation_id
        if isinstance(response.max_output_tokens, int):
            yield "gen_ai.request.max_tokens", response.max_output_tokens
        reason = _finish_reason(response)
        yield "gen_ai.response.finish_reasons", (reason,)
        if (usage := response.usage) is not None:
            yield "gen_ai.usage.input_tokens", usage.input_tokens
            yield "gen_ai.usage.output_tokens", usage.output_tokens
            cached = usage.input_token_details.cached_tokens
            yield "gen_ai.usage.cache_read.input_tokens", cached
        heard, said = Moment.SPEECH_ENDED.value, Moment.FIRST_AUDIO.value
        if heard in moments_ns and said in moments_ns:
            yield "antiphon.voice_to_voice_s", (moments_ns[said] - moments_ns[heard]) / 1e9
        if self._traces.choice.content:
            messages = output_messages(response, reason)
            yield "gen_ai.output.messages", msgspec.json.encode(messages).decode()


def _moments_ns(ended: EndedResponse) -> dict[str, int]:
    """Return when the moments of a response were, in nanoseconds since 1970: it ended just now."""
    moments_ms = ended.timeline.as_ms()
    began_ns = time.time_ns() - int(moments_ms[Moment.ENDED.value] * 1e6)
    return {name: began_ns + int(at_ms * 1e6) for name, at_ms in moments_ms.items()}


def _wished(setting: TracingConfig) -> dict[str, AttributeValue]:
    """Return what the client wants its trace to be called, and found by."""
    about: dict[str, AttributeValue] = {}
    if setting.workflow_name:
        about["gen_ai.workflow.name"] = setting.workflow_name
    if setting.group_id:
        about["antiphon.trace.group_id"] = setting.group_id
    for name, value in (setting.metadata or {}).items():
        text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
        about[f"antiphon.trace.metadata.{name}"] = text
    return about


def _finish_reason(response: RealtimeResponse) -> str:
    """Return why the model stopped, in the words that the convention's examples have."""
    details = response.status_details
    if response.status == "failed":
        return "error"
    if details is not None and details.reason:
        return "length" if details.reason == "max_output_tokens" else details.reason
    calls = any(isinstance(item, FunctionCall) for item in response.output)
    return "tool_calls" if calls else "stop"
