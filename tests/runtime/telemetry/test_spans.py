"""Traces of sessions, as the SDK of OpenTelemetry hands them on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import msgspec
import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from antiphon.config import TracingChoice
from antiphon.engines.scripted.script import Call, Fail, Say, Script, Take
from antiphon.runtime.telemetry.spans import Traces
from tests.support.client import Client, transcript_of
from tests.support.server import running_server
from tests.support.sound import silence, speech

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@asynccontextmanager
async def tracing(
    choice: TracingChoice | None = None,
    *,
    script: Script | None = None,
    headers: dict[str, str] | None = None,
    spans: list[ReadableSpan],
) -> AsyncIterator[Client]:
    """Have a session; afterwards its spans are in the list."""
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    async with running_server(script) as server:
        server.reception.observers.add(Traces(provider, choice or TracingChoice()))
        async with server.socket(headers=headers) as client:
            await client.until("session.created")
            yield client
        await server.wait_until_empty()
    spans += exporter.get_finished_spans()


def named(spans: list[ReadableSpan], name: str) -> ReadableSpan:
    (found,) = [span for span in spans if span.name == name]
    return found


def about(span: ReadableSpan) -> Mapping[str, object]:
    assert span.attributes is not None
    return span.attributes


async def test_a_response_is_a_span_within_that_of_its_session():
    spans: list[ReadableSpan] = []
    async with tracing(spans=spans) as client:
        session = await client.update(tracing="auto")
        response = await client.ask("Good morning.")
    whole, answer = named(spans, "session antiphon"), named(spans, "chat antiphon")
    assert whole.context is not None
    assert answer.parent is not None
    assert (answer.parent.span_id, whole.parent) == (whole.context.span_id, None)
    assert (whole.kind, answer.kind) == (SpanKind.SERVER, SpanKind.INTERNAL)
    told = about(answer)
    assert told["gen_ai.operation.name"] == "chat"
    assert told["gen_ai.provider.name"] == "antiphon"
    assert told["gen_ai.request.model"] == "antiphon"
    assert told["gen_ai.response.id"] == response["id"]
    assert told["gen_ai.conversation.id"] == response["conversation_id"]
    assert told["gen_ai.response.finish_reasons"] == ("stop",)
    assert told["gen_ai.output.type"] == "speech"
    assert told["gen_ai.usage.input_tokens"] == response["usage"]["input_tokens"]
    assert told["gen_ai.usage.output_tokens"] == response["usage"]["output_tokens"]
    assert told["session.id"] == session["session"]["id"]
    assert answer.status.status_code is StatusCode.UNSET


async def test_its_stages_have_the_times_at_which_they_were():
    spans: list[ReadableSpan] = []
    async with tracing(spans=spans) as client:
        await client.update(tracing="auto")
        await client.append(speech(900) + silence(900))
        await client.answer()
    answer = named(spans, "chat antiphon")
    assert answer.context is not None
    own_id = answer.context.span_id
    stages = [span for span in spans if span.parent and span.parent.span_id == own_id]
    assert {span.name for span in stages} >= {
        "end of turn",
        "transcription",
        "first token",
        "synthesis of the first segment",
    }
    for span in stages:
        assert span.start_time is not None
        assert span.end_time is not None
        assert answer.start_time is not None
        assert answer.end_time is not None
        assert answer.start_time <= span.start_time <= span.end_time <= answer.end_time
    assert float(str(about(answer)["antiphon.voice_to_voice_s"])) > 0


async def test_without_the_setting_nothing_is_traced():
    spans: list[ReadableSpan] = []
    async with tracing(spans=spans) as client:
        await client.ask("Good morning.")
        await client.update(tracing=None)
        await client.ask("Good evening.")
    assert spans == []


async def test_the_operator_may_have_all_traced():
    spans: list[ReadableSpan] = []
    async with tracing(TracingChoice(sessions="all"), spans=spans) as client:
        await client.ask("Good morning.")
    assert named(spans, "chat antiphon")


async def test_a_trace_is_called_as_the_client_wants():
    spans: list[ReadableSpan] = []
    wanted = {"workflow_name": "booking", "group_id": "g_1", "metadata": {"shop": "x", "n": 3}}
    async with tracing(spans=spans) as client:
        await client.update(tracing=wanted)
        await client.ask("Good morning.")
    told = about(named(spans, "session antiphon"))
    assert told["gen_ai.workflow.name"] == "booking"
    assert told["antiphon.trace.group_id"] == "g_1"
    assert told["antiphon.trace.metadata.shop"] == "x"
    assert told["antiphon.trace.metadata.n"] == "3"


async def test_a_session_is_part_of_the_trace_of_its_client():
    spans: list[ReadableSpan] = []
    async with tracing(spans=spans, headers={"traceparent": TRACEPARENT}) as client:
        await client.update(tracing="auto")
        await client.ask("Good morning.")
    whole = named(spans, "session antiphon")
    assert whole.parent is not None
    assert f"{whole.parent.span_id:x}" == "b7ad6b7169203331"
    assert {f"{span.context.trace_id:032x}" for span in spans if span.context} == {
        "0af7651916cd43dd8448eb211c80319c"
    }


@pytest.mark.parametrize("content", [False, True])
async def test_what_is_said_is_traced_only_for_who_asks_for_it(content):
    spans: list[ReadableSpan] = []
    script = Script(
        answers=(
            Take(steps=(Say("Ahoy, 5550123."),)),
            Take(steps=(Call("book", '{"seat": "12A"}'),)),
        )
    )
    tool = {"type": "function", "name": "book", "parameters": {"type": "object"}}
    async with tracing(TracingChoice(content=content), script=script, spans=spans) as client:
        await client.update(tracing="auto", tools=[tool], instructions="Be a pirate.")
        said = transcript_of(await client.ask("Who are you?"))
        await client.ask("Book a seat.")
    written = " ".join(span.to_json() for span in spans)
    assert "pirate" not in written
    assert ("5550123" in written) == ("12A" in written) == content
    if content:
        told, called = [about(span) for span in spans if span.name == "chat antiphon"]
        (message,) = msgspec.json.decode(str(told["gen_ai.output.messages"]))
        assert message["parts"] == [{"type": "text", "content": said}]
        assert called["gen_ai.response.finish_reasons"] == ("tool_calls",)


async def test_a_failure_is_one_in_the_trace_too():
    spans: list[ReadableSpan] = []
    script = Script(answers=(Take(steps=(Fail("My number is 5550123.", "out_of_order"),)),))
    async with tracing(script=script, spans=spans) as client:
        await client.update(tracing="auto")
        await client.ask("Hello?")
    answer = named(spans, "chat antiphon")
    assert about(answer)["error.type"] == "out_of_order"
    assert answer.status.status_code is StatusCode.ERROR
    assert "5550123" not in answer.to_json()
