"""What becomes of the chunks of a completion: nothing is finished that was not."""

from __future__ import annotations

from typing import Any

import pytest

from antiphon.engines.conformance import calls_in
from antiphon.engines.http.chunks import chunk_of
from antiphon.engines.http.completion import Completion
from antiphon.engines.http.failures import BadAnswerError
from antiphon.engines.thinking import (
    GenerationEnd,
    GenerationEvent,
    GenerationRequest,
    PromptRead,
    TextDelta,
)
from tests.support.openai_server import chat_chunk

CALL = {"index": 0, "id": "a", "function": {"name": "weather", "arguments": "{}"}}


def events(*chunks: dict[str, Any], **request: Any) -> list[GenerationEvent]:
    completion = Completion(GenerationRequest(messages=(), **request), 24_000)
    told: list[GenerationEvent] = []
    for chunk in chunks:
        told += completion.take(chunk_of(chunk))
        if completion.is_past_limit:
            break
    return [*told, *completion.finish()]


def text_of(told: list[GenerationEvent]) -> str:
    return "".join(event.text for event in told if isinstance(event, TextDelta))


@pytest.mark.parametrize("reason", ["error", "abort", "insufficient_system_resource", "unheard of"])
def test_an_answer_that_failed_is_not_finished(reason):
    with pytest.raises(BadAnswerError, match=f"with '{reason}' as finish_reason"):
        events(chat_chunk(content="And then"), chat_chunk(reason))


def test_what_was_said_is_not_quoted_as_a_reason():
    with pytest.raises(BadAnswerError) as caught:
        events(chat_chunk("I cannot say: 'no'!"))
    assert "no'!" not in str(caught.value)


def test_an_answer_without_an_end_is_not_finished():
    with pytest.raises(BadAnswerError, match="without a finish_reason"):
        events(chat_chunk(content="And then"), chat_chunk("null"))


def test_a_filtered_answer_is_incomplete():
    told = events(chat_chunk(content="Well"), chat_chunk("content_filter: SAFETY"))
    assert told[-1] == GenerationEnd("content_filter", 1)


@pytest.mark.parametrize(
    "chunk",
    [
        chat_chunk("tool_calls", tool_calls=[CALL]),
        chat_chunk("function_call", function_call={"name": "weather", "arguments": "{}"}),
        {"choices": [{"delta": {}, "message": {"tool_calls": [CALL]}, "finish_reason": "stop"}]},
        {"choices": [{"message": {"tool_calls": [CALL]}, "finish_reason": "tool_calls"}]},
    ],
    ids=["delta", "legacy", "message beside delta", "message"],
)
def test_a_call_is_understood_in_whatever_form(chunk):
    assert calls_in(events(chunk)) == [("weather", "{}")]


@pytest.mark.parametrize("reason", ["tool_calls", "function_call"])
def test_an_answer_that_is_said_to_be_a_call_needs_one(reason):
    with pytest.raises(BadAnswerError, match="no call that can be read"):
        events(chat_chunk(content="Wait."), chat_chunk(reason))


def test_calls_that_may_not_be_made_are_not_missed():
    told = events(chat_chunk("tool_calls", tool_calls=[CALL]), tool_policy="none")
    assert told == [GenerationEnd("stop", 1)]


def test_another_function_than_the_one_that_is_forced_is_not_called():
    with pytest.raises(BadAnswerError, match="was to call time, and did not") as caught:
        events(
            chat_chunk("tool_calls", tool_calls=[CALL]), tool_policy="required", forced_tool="time"
        )
    assert caught.value.code == "tool_call_failed"


def test_a_message_that_repeats_what_was_streamed_adds_nothing():
    whole = {"content": "Hello.", "tool_calls": [CALL]}
    told = events(
        chat_chunk(content="Hel"),
        chat_chunk(content="lo.", tool_calls=[CALL]),
        {"choices": [{"message": whole, "finish_reason": "stop"}]},
    )
    assert text_of(told) == "Hello."
    assert calls_in(told) == [("weather", "{}")]


def test_a_whole_message_is_an_answer():
    told = events({"choices": [{"message": {"content": "Hello."}, "finish_reason": "stop"}]})
    assert told == [TextDelta("Hello."), GenerationEnd("stop", 1)]


def test_characters_are_whole_in_writing_and_speech():
    told = events(
        chat_chunk(content="Hi \ud83d", audio={"transcript": "Ho \ud83d"}),
        chat_chunk(content="\ude00", audio={"transcript": "\ude00"}),
        chat_chunk("stop", content="\ud83d"),
    )
    assert text_of(told) == "Hi Ho 😀😀\ufffd"


def test_usage_is_the_most_that_was_told():
    told = events(
        chat_chunk("stop", content="Hi"),
        {"usage": {"prompt_tokens": 30, "completion_tokens": 7}},
        {"usage": {"prompt_tokens": 0, "completion_tokens": 0}},
    )
    assert told[1:] == [PromptRead(30, 0), GenerationEnd("stop", 7)]


# --- the limit on tokens, where the server pays no attention to it --------------------------------


def test_an_answer_ends_at_the_limit():
    told = events(*[chat_chunk(content="word ")] * 9, max_output_tokens=5)
    assert told == [*[TextDelta("word ")] * 5, GenerationEnd("length", 5)]


def test_so_do_the_arguments_of_a_call():
    more = {"index": 0, "function": {"arguments": "[[[["}}
    begins = chat_chunk(tool_calls=[CALL | {"function": {"name": "weather", "arguments": ""}}])
    told = events(begins, *[chat_chunk(tool_calls=[more])] * 9, max_output_tokens=5)
    assert calls_in(told) == [("weather", "[[[[" * 4)]
    assert told[-1] == GenerationEnd("length", 5)


def test_an_answer_that_keeps_to_the_limit_is_whole():
    told = events(*[chat_chunk(content="word ")] * 5, chat_chunk("stop"), max_output_tokens=5)
    assert told[-1] == GenerationEnd("stop", 5)


def test_single_characters_are_not_taken_for_tokens():
    """Some servers send what a token says in pieces."""
    letters = [chat_chunk(content=letter) for letter in "twenty-four letters here"]
    *_, end = events(*letters, chat_chunk("stop"), max_output_tokens=6)
    assert end == GenerationEnd("stop", 24)
    *_, end = events(*letters * 2, chat_chunk("stop"), max_output_tokens=6)
    assert end == GenerationEnd("length", 27)
