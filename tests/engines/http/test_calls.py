"""What happens to requests that do not go well."""

from __future__ import annotations

import threading
from contextlib import aclosing

import anyio
import anyio.to_thread
import pytest

from antiphon.core.plan import ChatMessage
from antiphon.engines.conformance import events_of
from antiphon.engines.http import factories
from antiphon.engines.thinking import GenerationRequest, TextDelta
from antiphon.errors import EngineError
from tests.support.openai_server import PATIENCE_S, chat_chunk, says, status, streams

CHAT = "/chat/completions"
REQUEST = GenerationRequest(messages=(ChatMessage("user", "Hello"),))


async def answer(model) -> str:
    events = await events_of(model.generate(REQUEST))
    return "".join(event.text for event in events if isinstance(event, TextDelta))


async def failure(model) -> EngineError:
    with pytest.raises(EngineError) as caught:
        await answer(model)
    return caught.value


def hang_up(reply):
    reply.hang_up()


def begin_and_hang_up(reply):
    reply.stream()
    reply.event(chat_chunk(content="Well"))
    reply.hang_up()


def say_nothing(reply):
    reply.wait_for_hang_up()


def begin_and_say_nothing(reply):
    reply.stream()
    reply.event(chat_chunk(content="Well"))
    reply.wait_for_hang_up()


def send_garbage(reply):
    reply.stream()
    reply.send(b"data: {not json\n\n")
    reply.end()


class Noticed:
    """Begins to answer, and tells when the client has left."""

    def __init__(self):
        self.left = threading.Event()

    def __call__(self, reply):
        begin_and_say_nothing(reply)
        self.left.set()

    async def wait(self):
        assert await anyio.to_thread.run_sync(self.left.wait, PATIENCE_S)


# --- sending again --------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [hang_up, status(500), status(503), status(429), status(529)])
async def test_a_request_that_was_not_answered_is_sent_again(language_model, server, first):
    server.tell(CHAT, first, says("Hello."))
    assert await answer(language_model) == "Hello."
    assert len(server.asked_for(CHAT)) == 2


@pytest.mark.parametrize("code", [400, 401, 403, 404, 413, 422])
async def test_a_request_that_was_refused_is_not(language_model, server, code):
    server.tell(CHAT, status(code))
    await failure(language_model)
    assert len(server.asked_for(CHAT)) == 1


async def test_nothing_is_sent_again_once_words_have_been_passed_on(language_model, server):
    server.tell(CHAT, begin_and_hang_up, says("Hello."))
    heard = []

    async def listen():
        async for event in language_model.generate(REQUEST):
            heard.append(event)

    with pytest.raises(EngineError) as caught:
        await listen()
    assert heard == [TextDelta("Well")]
    assert caught.value.retryable
    assert len(server.asked_for(CHAT)) == 1


async def test_a_chunk_without_words_is_no_answer_yet(language_model, server):
    def begin(reply):
        reply.stream()
        reply.event(chat_chunk(role="assistant", content=""))
        reply.hang_up()

    server.tell(CHAT, begin, says("Hello."))
    assert await answer(language_model) == "Hello."


async def test_it_is_not_sent_for_ever(build, server):
    model = await build(factories.create_language_model, retries=2)
    server.tell(CHAT, *[status(500)] * 3, says("Too late."))
    await failure(model)
    assert len(server.asked_for(CHAT)) == 3


async def test_the_server_says_how_long_to_wait(build, server):
    """What the server wants replaces the usual pause, or else this would take minutes."""
    model = await build(factories.create_language_model, retries=12)
    server.tell(CHAT, *[status(429, Retry_After="0")] * 12, says("Hello."))
    with anyio.fail_after(PATIENCE_S):
        assert await answer(model) == "Hello."


async def test_a_connection_that_the_server_drops_is_replaced_at_once(build, server):
    """The usual pauses would take minutes."""
    model = await build(factories.create_language_model, retries=12, failures_in_a_row=99)
    server.tell(CHAT, *[hang_up] * 12, says("Hello."))
    with anyio.fail_after(PATIENCE_S):
        assert await answer(model) == "Hello."


async def test_a_server_that_wants_more_time_than_anybody_has_is_not_asked_again(
    language_model, server
):
    server.tell(CHAT, status(429, Retry_After="60"))
    error = await failure(language_model)
    assert (error.code, error.retryable) == ("server_overloaded", True)
    assert len(server.asked_for(CHAT)) == 1


# --- time limits ----------------------------------------------------------------------------------


async def test_a_server_that_never_begins(build, server):
    model = await build(factories.create_language_model, first_event_timeout_s=0.05)
    server.tell(CHAT, say_nothing)
    error = await failure(model)
    assert "sent nothing for 0.05 s" in error.message
    assert error.retryable
    assert len(server.asked_for(CHAT)) == 1, "sent again it would only take as long"


async def test_a_server_that_stops_in_the_middle(build, server):
    model = await build(factories.create_language_model, next_event_timeout_s=0.05)
    server.tell(CHAT, begin_and_say_nothing)
    assert "sent nothing for 0.05 s" in (await failure(model)).message


async def test_a_slow_beginning_is_given_its_time(build, server):
    model = await build(factories.create_language_model, next_event_timeout_s=0.05)
    released = threading.Event()

    def think_first(reply):
        assert released.wait(PATIENCE_S)
        says("Hello.")(reply)

    server.tell(CHAT, think_first)
    async with anyio.create_task_group() as group, aclosing(model.generate(REQUEST)) as events:

        async def release_later():
            await anyio.sleep(0.1)  # longer than what may pass between two events
            released.set()

        group.start_soon(release_later)
        assert await anext(events) == TextDelta("Hello.")


# --- streams that are none ------------------------------------------------------------------------


async def test_a_stream_that_cannot_be_read(language_model, server, caplog):
    server.tell(CHAT, send_garbage)
    assert "not an answer" in (await failure(language_model)).message
    assert "cannot be read" in caplog.text


async def test_a_failure_told_in_the_stream(language_model, server):
    def fail(reply):
        reply.stream()
        reply.event(chat_chunk(content="Well"))
        reply.event({"error": {"message": "CUDA out of memory at 10.0.0.7", "code": 500}})
        reply.end()

    server.tell(CHAT, fail)
    error = await failure(language_model)
    assert error.retryable
    assert "10.0.0.7" not in error.message


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (lambda reply: reply.whole(b"<html>", "text/html"), "is base_url right, with /v1?"),
        (streams(chat_chunk(content="Well")), "without a finish_reason"),
        (says("Well", finish_reason="abort"), "with 'abort' as finish_reason"),
        (says("Well", finish_reason="tool_calls"), "no call that can be read"),
        (streams({"choices": 3}), "no chunk of a completion"),
    ],
)
async def test_operators_are_told_what_is_wrong_with_an_answer(
    language_model, server, caplog, reply, told
):
    server.tell(CHAT, *[reply] * 2)
    assert (await failure(language_model)).retryable
    assert told in caplog.text


async def test_a_server_that_answers_with_something_else_counts_as_down(build, server):
    model = await build(factories.create_language_model, failures_in_a_row=2)
    server.tell(CHAT, *[lambda reply: reply.whole(b"<html>", "text/html")] * 2)
    await failure(model)
    await failure(model)
    assert "several times in a row" in (await failure(model)).message


def finish(reply):
    reply.stream()
    reply.event(chat_chunk(content="Hello."))
    reply.event(chat_chunk("stop"))


def finish_and_hang_up(reply):
    finish(reply)
    reply.hang_up()


def finish_and_say_nothing(reply):
    finish(reply)
    reply.wait_for_hang_up()


def finish_and_fail(reply):
    finish(reply)
    reply.event({"error": {"message": "usage cannot be counted"}})
    reply.end()


@pytest.mark.parametrize("reply", [finish_and_hang_up, finish_and_say_nothing, finish_and_fail])
async def test_whatever_goes_wrong_after_the_end_the_answer_is_good(build, server, reply):
    options = {"next_event_timeout_s": 0.5, "failures_in_a_row": 1}
    model = await build(factories.create_language_model, **options)
    server.tell(CHAT, reply)
    assert await answer(model) == "Hello."
    assert await answer(model) == "You said: Hello"


async def test_an_answer_in_one_piece_is_taken_as_it_is(language_model, server):
    message = {"role": "assistant", "content": "Hello."}
    whole = {
        "object": "chat.completion",
        "choices": [{"message": message, "finish_reason": "stop"}],
    }
    server.tell(CHAT, lambda reply: reply.json(whole))
    assert await answer(language_model) == "Hello."


# --- leaving alone --------------------------------------------------------------------------------


async def test_a_server_that_is_down_is_not_asked(build, server):
    model = await build(factories.create_language_model, failures_in_a_row=3, retries=0)
    server.tell(CHAT, hang_up, status(502), begin_and_hang_up)
    for _ in range(3):
        await failure(model)
    error = await failure(model)
    assert error.retryable
    assert "several times in a row" in error.message
    assert len(server.asked_for(CHAT)) == 3


async def test_what_it_finishes_is_a_new_beginning(build, server):
    model = await build(factories.create_language_model, failures_in_a_row=2, retries=0)
    for _ in range(2):
        server.tell(CHAT, status(502))
        await failure(model)
        assert await answer(model) == "You said: Hello"


async def test_it_is_asked_again_after_a_rest(build, server):
    options = {"failures_in_a_row": 1, "retries": 0, "rest_s": 0.01}
    model = await build(factories.create_language_model, **options)
    server.tell(CHAT, hang_up)
    await failure(model)
    with anyio.fail_after(PATIENCE_S):
        while True:
            try:
                assert await answer(model) == "You said: Hello"
                break
            except EngineError:
                await anyio.lowlevel.checkpoint()


async def test_a_request_counts_once_however_often_it_is_sent(build, server):
    model = await build(factories.create_language_model, failures_in_a_row=2, retries=2)
    server.tell(CHAT, *[hang_up] * 3)
    await failure(model)
    assert await answer(model) == "You said: Hello"


@pytest.mark.parametrize("code", [400, 401, 404, 429, 500])
async def test_refusals_do_not_mean_that_it_is_down(build, server, code):
    model = await build(factories.create_language_model, failures_in_a_row=1, retries=0)
    server.tell(CHAT, status(code))
    await failure(model)
    assert await answer(model) == "You said: Hello"


async def test_engines_of_one_server_know_of_each_others_failures(build, server):
    options = {"failures_in_a_row": 1, "retries": 0}
    one = await build(factories.create_language_model, **options)
    other = await build(factories.create_language_model, **options)
    server.tell(CHAT, hang_up)
    await failure(one)
    assert "several times in a row" in (await failure(other)).message


async def test_answers_that_were_not_wanted_any_more_are_no_failures(build, server):
    model = await build(factories.create_language_model, failures_in_a_row=1, retries=0)
    noticed = Noticed()
    server.tell(CHAT, noticed)
    async with aclosing(model.generate(REQUEST)) as events:
        await anext(events)
    await noticed.wait()
    assert await answer(model) == "You said: Hello"


# --- the end --------------------------------------------------------------------------------------


async def test_the_server_notices_at_once_when_an_answer_is_closed(language_model, server):
    noticed = Noticed()
    server.tell(CHAT, noticed)
    async with aclosing(language_model.generate(REQUEST)) as events:
        assert await anext(events) == TextDelta("Well")
    await noticed.wait()


@pytest.mark.parametrize("reply", [say_nothing, begin_and_say_nothing])
async def test_the_server_notices_at_once_when_the_reader_is_cancelled(
    language_model, server, reply
):
    asked, left = threading.Event(), threading.Event()

    def watched(told):
        asked.set()
        try:
            reply(told)
        finally:
            left.set()

    server.tell(CHAT, watched)
    async with anyio.create_task_group() as group:
        group.start_soon(answer, language_model)
        assert await anyio.to_thread.run_sync(asked.wait, PATIENCE_S)
        group.cancel_scope.cancel()
    assert await anyio.to_thread.run_sync(left.wait, PATIENCE_S)


async def test_closing_the_engine_ends_its_answers(language_model, server):
    noticed = Noticed()
    server.tell(CHAT, noticed)
    events = language_model.generate(REQUEST)
    assert await anext(events) == TextDelta("Well")
    await language_model.aclose()
    with pytest.raises(EngineError) as caught:
        await anext(events)
    assert caught.value.code == "engine_closed"
    await noticed.wait()


# --- connections ----------------------------------------------------------------------------------


async def test_a_connection_is_used_again(language_model, server):
    for _ in range(3):
        await answer(language_model)
    assert len({asked.connection for asked in server.asked_for(CHAT)}) == 1


async def test_engines_of_one_server_share_connections(build, server):
    one = await build(factories.create_language_model)
    other = await build(factories.create_language_model)
    await answer(one)
    await answer(other)
    await one.aclose()
    await answer(other)
    assert len({asked.connection for asked in server.asked_for(CHAT)}) == 1


async def test_engines_with_other_keys_do_not(build, server):
    one = await build(factories.create_language_model, api_key="one")
    other = await build(factories.create_language_model, api_key="other")
    await answer(one)
    await answer(other)
    assert len({asked.connection for asked in server.asked_for(CHAT)}) == 2
