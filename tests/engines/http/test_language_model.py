"""A server's language model: what it is asked, and what becomes of its answers."""

from __future__ import annotations

import base64
import io
import wave
from typing import Any

import numpy as np
import pytest

from antiphon.core.plan import ChatAudio, ChatImage, ChatMessage, ToolCall
from antiphon.engines.conformance import calls_in, events_of, noise
from antiphon.engines.http import factories
from antiphon.engines.thinking import (
    GenerationEnd,
    GenerationEvent,
    GenerationRequest,
    Progress,
    PromptRead,
    SpeechDelta,
    TextDelta,
    ToolCallDelta,
)
from antiphon.errors import EngineError
from antiphon.wire.session import FunctionTool
from tests.support.openai_server import chat_chunk, says, status, streams

CHAT = "/chat/completions"
HELLO = ChatMessage("user", "Hello")
WEATHER = FunctionTool(name="get_weather", description="Weather.", parameters={"type": "object"})
PIXEL = ChatImage(url="data:image/png;base64,AAAA", detail="low")


async def answer(model, *messages: ChatMessage, **fields):
    request = GenerationRequest(messages=messages or (HELLO,), **fields)
    return await events_of(model.generate(request))


async def all_of(model) -> list[GenerationEvent]:
    """What its guard is told: that it is still at work, too."""
    return [event async for event in model.generate(GenerationRequest(messages=(HELLO,)))]


def text_of(events) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def call_chunk(index, name=None, arguments=None, call_id=None):
    function = {"name": name, "arguments": arguments}
    return chat_chunk(tool_calls=[{"index": index, "id": call_id, "function": function}])


async def test_what_it_is_asked(language_model, server):
    call = ToolCall("call_1", "get_weather", '{"city": "Oslo"}')
    await answer(
        language_model,
        ChatMessage("system", "Be brief."),
        HELLO,
        ChatMessage("assistant", tool_calls=(call,)),
        ChatMessage("tool", "4 °C", tool_call_id="call_1"),
        tools=(WEATHER,),
        max_output_tokens=50,
        parallel_tool_calls=False,
        reasoning_effort="low",
    )
    (asked,) = server.asked_for(CHAT)
    function = {"name": "get_weather", "arguments": '{"city": "Oslo"}'}
    called = {"id": "call_1", "type": "function", "function": function}
    assert asked.body == {
        "model": "parrot",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Hello"},
            {"role": "assistant", "content": "", "tool_calls": [called]},
            {"role": "tool", "content": "4 °C", "tool_call_id": "call_1"},
        ],
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": 50,
        "reasoning_effort": "low",
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "get_weather",
                    "description": "Weather.",
                    "parameters": {"type": "object"},
                },
            }
        ],
        "tool_choice": "auto",
        "parallel_tool_calls": False,
    }


async def test_the_operator_has_the_last_word(build, server):
    model = await build(
        factories.create_language_model,
        api_key="secret",
        headers={"X-Team": "voice"},
        body={"temperature": 0.5, "reasoning_effort": "none"},
        limit_field="max_completion_tokens",
        usage=False,
        tools=False,
    )
    await answer(model, max_output_tokens=9, reasoning_effort="high", tools=(WEATHER,))
    (asked,) = server.asked_for(CHAT)
    assert asked.headers["authorization"] == "Bearer secret"
    assert asked.headers["x-team"] == "voice"
    assert asked.body["max_completion_tokens"] == 9
    assert asked.body["reasoning_effort"] == "none"
    assert asked.body["temperature"] == 0.5
    assert asked.body.keys().isdisjoint({"stream_options", "tools", "tool_choice", "max_tokens"})


async def test_a_forced_function_is_named(language_model, server):
    events = await answer(
        language_model, tools=(WEATHER,), tool_policy="required", forced_tool="get_weather"
    )
    choice = {"type": "function", "function": {"name": "get_weather"}}
    assert server.asked_for(CHAT)[0].body["tool_choice"] == choice
    assert calls_in(events) == [("get_weather", '{"city": "Oslo"}')]


async def test_servers_that_do_not_take_names_are_offered_no_other_function(build, server):
    model = await build(factories.create_language_model, named_tool_choice=False)
    other = FunctionTool(name="end_call")
    await answer(model, tools=(other, WEATHER), tool_policy="required", forced_tool="get_weather")
    body = server.asked_for(CHAT)[0].body
    assert [tool["function"]["name"] for tool in body["tools"]] == ["get_weather"]
    assert body["tool_choice"] == "required"


async def test_images_are_shown_to_models_that_see(build, server):
    model = await build(factories.create_language_model, images=True)
    server.tell(CHAT, says("A dot."))
    await answer(model, ChatMessage("user", "What is it?", images=(PIXEL,)))
    (message,) = server.asked_for(CHAT)[0].body["messages"]
    assert message["content"] == [
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": PIXEL.url, "detail": "low"}},
    ]


async def test_images_are_not_shown_to_others(language_model, server):
    with pytest.raises(EngineError) as caught:
        await answer(language_model, ChatMessage("user", images=(PIXEL,)))
    assert caught.value.code == "image_not_supported"
    assert server.asked_for(CHAT) == []


async def test_tokens_are_told_when_they_are_known(language_model, server):
    usage: dict[str, Any] = {
        "prompt_tokens": 30,
        "completion_tokens": 7,
        "prompt_tokens_details": {"cached_tokens": 20},
    }
    server.tell(CHAT, says("Hello ", "there.", **usage))
    events = await answer(language_model)
    assert events == [
        TextDelta("Hello "),
        TextDelta("there."),
        PromptRead(30, 20),
        GenerationEnd("stop", 7),
    ]


async def test_deltas_are_counted_where_tokens_are_not(language_model, server):
    server.tell(CHAT, says("Hello ", "there."))
    assert (await answer(language_model))[-1] == GenerationEnd("stop", 2)


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("content_filter", "content_filter"),
        ("eos", "stop"),
    ],
)
async def test_why_it_ended(language_model, server, told, reason):
    server.tell(CHAT, says("Well", finish_reason=told))
    assert (await answer(language_model))[-1].reason == reason


async def test_reasoning_is_not_spoken(language_model, server):
    thought = chat_chunk(reasoning_content="Let me see.", content=None)
    ends = chat_chunk("stop")
    server.tell(CHAT, streams(thought, chat_chunk(content="Four."), ends))
    assert text_of(await answer(language_model)) == "Four."
    server.tell(CHAT, says("<thi", "nk>Let me", " see.</think>", "\n\nFour."))
    assert text_of(await answer(language_model)) == "Four."


async def test_a_model_that_thinks_for_long_is_not_taken_for_one_that_hangs(
    language_model, server, monkeypatch
):
    monkeypatch.setattr("antiphon.engines.http.language_model._STILL_S", 0)
    thought = chat_chunk(reasoning_content="Let me see.")
    server.tell(CHAT, streams(thought, thought, chat_chunk("stop", content="Four.")))
    events = await all_of(language_model)
    assert events == [*[Progress()] * 2, TextDelta("Four."), GenerationEnd("stop", 1)]


async def test_it_is_not_told_with_every_thought(language_model, server):
    thought = chat_chunk(reasoning_content="Let me see.")
    server.tell(CHAT, streams(*[thought] * 20, chat_chunk("stop", content="Four.")))
    assert (await all_of(language_model)).count(Progress()) < 20


async def test_a_refusal_is_an_answer(language_model, server):
    server.tell(CHAT, streams(chat_chunk(refusal="I'd rather not."), chat_chunk("stop")))
    assert text_of(await answer(language_model)) == "I'd rather not."


async def test_several_calls_in_fragments(language_model, server):
    chunks = [
        call_chunk(0, "get_weather", "", "call_a"),
        call_chunk(0, arguments='{"city": '),
        call_chunk(0, arguments='"Oslo"}'),
        call_chunk(1, "get_weather", '{"city": "Rome"}', "call_b"),
        chat_chunk("tool_calls"),
    ]
    server.tell(CHAT, streams(*chunks))
    events = await answer(language_model, tools=(WEATHER,))
    expected = [("get_weather", '{"city": "Oslo"}'), ("get_weather", '{"city": "Rome"}')]
    assert calls_in(events) == expected
    assert events[0] == ToolCallDelta(0, name="get_weather")
    assert events[-1] == GenerationEnd("stop", 4)


@pytest.mark.parametrize("index", [0, None])
async def test_calls_that_all_have_the_same_number(language_model, server, index):
    """As Ollama and Gemini send them."""
    calls = [call_chunk(index, "get_weather", f'{{"n": {n}}}', f"call_{n}") for n in range(2)]
    server.tell(CHAT, streams(*calls, chat_chunk("tool_calls")))
    events = await answer(language_model, tools=(WEATHER,))
    assert calls_in(events) == [("get_weather", '{"n": 0}'), ("get_weather", '{"n": 1}')]


async def test_a_call_that_must_not_be_made_is_dropped(language_model, server):
    """Some servers pay no attention to ``tool_choice``."""
    server.tell(CHAT, streams(call_chunk(0, "get_weather", "{}", "a"), chat_chunk("tool_calls")))
    events = await answer(language_model, tools=(WEATHER,), tool_policy="none")
    assert calls_in(events) == []


async def test_a_call_that_had_to_be_made_is_missed(language_model, server):
    server.tell(CHAT, says("I would rather talk."))
    with pytest.raises(EngineError) as caught:
        await answer(language_model, tools=(WEATHER,), tool_policy="required")
    assert caught.value.code == "tool_call_failed"


@pytest.mark.parametrize(
    "error",
    [
        {"message": "too many", "code": "context_length_exceeded"},
        {"message": "too many", "type": "exceed_context_size_error", "code": 400},
        {"message": "This model's maximum context length is 4096 tokens.", "code": 400},
    ],
    ids=["openai", "llama.cpp", "vllm"],
)
async def test_a_conversation_that_is_too_long(language_model, server, error):
    server.tell(CHAT, status(400, {"error": error}))
    with pytest.raises(EngineError) as caught:
        await answer(language_model)
    assert (caught.value.code, caught.value.retryable) == ("context_length_exceeded", False)
    assert len(server.asked_for(CHAT)) == 1


async def test_an_answer_without_an_end(language_model, server):
    server.tell(CHAT, streams(chat_chunk(content="And then")))
    with pytest.raises(EngineError, match="broke off"):
        await answer(language_model)


@pytest.mark.parametrize("garbage", [{"choices": 3}, [], "chunk", {"choices": [{"delta": []}]}])
async def test_events_that_are_no_chunks(language_model, server, garbage):
    server.tell(CHAT, streams(garbage))
    with pytest.raises(EngineError, match="not an answer"):
        await answer(language_model)


async def test_a_server_that_pays_no_attention_to_the_limit_is_left(language_model, server):
    server.tell(CHAT, says(*["word "] * 9))
    events = await answer(language_model, max_output_tokens=5)
    assert text_of(events) == "word " * 5
    assert events[-1] == GenerationEnd("length", 5)


async def test_chunks_without_choices_are_no_trouble(language_model, server):
    """As Azure begins, and as others tell their usage."""
    ends = chat_chunk("stop")
    server.tell(CHAT, streams({"choices": []}, {"choices": None}, chat_chunk(content="Hi"), ends))
    assert text_of(await answer(language_model)) == "Hi"


async def test_nothing_is_sent_ahead_unless_the_operator_wants_it(language_model, server):
    await language_model.warm(GenerationRequest(messages=(HELLO,)))
    assert server.asked_for(CHAT) == []


async def test_instructions_are_read_ahead(build, server):
    model = await build(factories.create_language_model, warm=True)
    await model.warm(GenerationRequest(messages=(ChatMessage("system", "Be brief."),)))
    (asked,) = server.asked_for(CHAT)
    assert asked.body["max_tokens"] == 1
    assert [message["role"] for message in asked.body["messages"]] == ["system", "user"]


# --- models that hear and speak -------------------------------------------------------------------


async def test_what_was_said_is_sent_as_it_sounded(build, server):
    model = await build(factories.create_language_model, hears=True, images=True)
    clips = (ChatAudio("item_1", after_chars=7), ChatAudio("item_2", "Bye.", after_chars=12))
    said = ChatMessage("user", "Listen: And? Well?", images=(PIXEL,), audio=clips)
    server.tell(CHAT, says("Yes."))
    await answer(model, said, recordings={"item_1": noise(1_600)})
    (asked,) = server.asked_for(CHAT)
    text, image, heard, *others = asked.body["messages"][0]["content"]
    assert text == {"type": "text", "text": "Listen:"}
    assert image["type"] == "image_url"
    assert others == [{"type": "text", "text": words} for words in ("And?", "Bye.", "Well?")]
    assert heard["input_audio"]["format"] == "wav"
    with wave.open(io.BytesIO(base64.b64decode(heard["input_audio"]["data"]))) as file:
        assert (file.getframerate(), file.getnframes(), file.getnchannels()) == (16_000, 1_600, 1)


async def test_a_model_that_speaks_is_asked_for_its_voice_and_heard(build, server):
    model = await build(factories.create_language_model, speaks=True, voices=["alloy", "ash"])
    assert (model.info.speaks, model.info.voices, model.info.rate_hz) == (
        True,
        ("alloy", "ash"),
        24_000,
    )
    pcm = b"\x00\x40\x00\xc0"
    chunks = (
        chat_chunk(audio={"id": "audio_1", "transcript": "Good "}),
        chat_chunk(audio={"data": base64.b64encode(pcm[:3]).decode(), "transcript": "day."}),
        chat_chunk(audio={"data": base64.b64encode(pcm[3:]).decode()}),
        chat_chunk("stop"),
    )
    server.tell(CHAT, streams(*chunks))
    events = await answer(model, voice="ash")
    (asked,) = server.asked_for(CHAT)
    assert asked.body["modalities"] == ["text", "audio"]
    assert asked.body["audio"] == {"voice": "ash", "format": "pcm16"}
    assert text_of(events) == "Good day."
    sounds = [event.audio for event in events if isinstance(event, SpeechDelta)]
    assert np.concatenate(sounds).tolist() == [0.5, -0.5]


async def test_a_written_answer_is_asked_for_as_ever(build, server):
    model = await build(factories.create_language_model, speaks=True, voices=["alloy"])
    await answer(model)
    (asked,) = server.asked_for(CHAT)
    assert "modalities" not in asked.body


async def test_speech_that_is_no_base64_fails_the_answer(build, server):
    model = await build(factories.create_language_model, speaks=True, voices=["alloy"])
    server.tell(CHAT, streams(chat_chunk(audio={"data": "?"}), chat_chunk("stop")))
    with pytest.raises(EngineError) as error:
        await answer(model, voice="alloy")
    assert error.value.stage == "generate"


async def test_a_model_that_speaks_needs_to_be_told_its_voices(build):
    with pytest.raises(EngineError, match="voices") as error:
        await build(factories.create_language_model, speaks=True)
    assert error.value.code == "invalid_options"
