"""The weather line, tested without a model, a network or a key."""

import asyncio

import pytest
from weather_line import APOLOGY, take_call

from antiphon.testing import silence, speech

QUESTION = speech(700) + silence(800)
"""Sound, then the silence that ends the turn. What it is heard as is up to each test."""


@pytest.fixture(autouse=True)
def weather_office(antiphon_server, antiphon_environment, monkeypatch):
    """The app finds the server by its environment; the Agents SDK sends no traces anywhere."""
    monkeypatch.setenv("REALTIME_URL", antiphon_server.realtime_url)
    monkeypatch.setenv("OPENAI_AGENTS_DISABLE_TRACING", "1")


def test_callers_are_told_what_the_weather_office_says(antiphon_server):
    antiphon_server.hears("What is the weather in Oslo?")
    rule = antiphon_server.when_heard("weather").wait(ms=300).say("Let me look.")
    rule.call("get_weather", city="Oslo").then().say("Take an umbrella.")

    assert asyncio.run(take_call(QUESTION)) == "Let me look. Take an umbrella."

    session = antiphon_server.session
    session.assert_asked("weather in Oslo")
    session.assert_tool_output("get_weather", contains="Rain in Oslo")
    session.assert_no_errors()
    assert session.heard_audio == QUESTION


def test_the_agent_has_its_instructions_and_its_tool(antiphon_server):
    asyncio.run(take_call(QUESTION))
    settings = antiphon_server.session.updates[0]
    assert "Be brief" in settings["instructions"]
    assert [tool["name"] for tool in settings["tools"]] == ["get_weather"]


def test_callers_are_told_when_the_model_fails(antiphon_server):
    antiphon_server.next_answer().fail("The model fell over.")
    assert asyncio.run(take_call(QUESTION)) == APOLOGY


def test_callers_are_told_when_the_connection_breaks(antiphon_server):
    antiphon_server.next_answer().say("Let me").hang()

    async def call():
        caller = asyncio.create_task(take_call(QUESTION))
        await antiphon_server.wait_for_async("response.output_audio_transcript.delta")
        antiphon_server.session.drop()
        return await caller

    assert asyncio.run(call()) == APOLOGY
