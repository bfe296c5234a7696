"""Clients of the Realtime API, unmodified and with their own defaults, against the server."""

from __future__ import annotations

import pytest

from tests.clients.programs import PROGRAMS, hold
from tests.clients.story import COUNT, EXPECTED
from tests.clients.telling import QUESTION, WEATHER


@pytest.fixture(scope="module", params=PROGRAMS)
async def conversation(request, tmp_path_factory):
    return await hold(PROGRAMS[request.param], tmp_path_factory.mktemp("client"))


async def test_the_client_calls_its_function_hears_answers_and_is_interrupted(conversation):
    assert [one for one in conversation.told if one["told"] != "remembered"] == EXPECTED


async def test_the_server_was_shown_all_that_was_said_and_of_the_count_what_was_heard(conversation):
    question, call, output, answer, request, count, interruption = conversation.seen
    assert (question.role, question.text) == ("user", QUESTION)
    assert [one.name for one in call.tool_calls] == ["get_weather"]
    assert output.tool_call_id == call.tool_calls[0].call_id
    assert WEATHER in output.text  # some clients send it as JSON
    assert (answer.role, answer.text) == ("assistant", "It is raining in Oslo.")
    assert (request.role, request.text) == ("user", "Count to sixteen.")
    assert (interruption.role, interruption.text) == ("user", "That is enough.")
    assert count.role == "assistant"
    assert count.text.startswith("One")
    assert COUNT.startswith(count.text)
    assert len(count.text) < len(COUNT)


@pytest.mark.parametrize("conversation", ["openai-agents for JavaScript"], indirect=True)
async def test_the_client_reads_back_what_was_said_and_heard(conversation):
    (remembered,) = [one["texts"] for one in conversation.told if one["told"] == "remembered"]
    assert remembered == [
        *(message.text for message in conversation.seen if message.text and message.role != "tool"),
        "I have stopped.",
    ]
