"""Scripted servers: where they are, what they do when told, and when that may be changed."""

from __future__ import annotations

from typing import cast

import anyio
import anyio.to_thread
import httpx2
import pytest
from websockets.exceptions import ConnectionClosed

from antiphon.engines.scripted.script import Script
from antiphon.engines.scripted.thinking import ScriptedLanguageModel
from antiphon.errors import ConfigurationError
from antiphon.testing import Interruption, scripted_server, silence, speech
from antiphon.testing.plugin import antiphon_server
from tests.testing.app import answer, connected, say, write

__all__ = ["antiphon_server"]

TURN = speech(500) + silence(800)


@pytest.fixture(scope="module")
def server():
    """One for all tests, which therefore use words of their own."""
    with scripted_server() as server:
        yield server


def test_without_rules_it_says_what_it_heard(server):
    with connected(server) as app:
        write(app, "How are you?")
        assert answer(app) == ("completed", "You said: How are you?.")


def test_utterances_are_heard_as_told(server):
    server.hears("Where is the station?")
    with connected(server) as app:
        say(app, TURN)
        assert answer(app)[1] == "You said: Where is the station?."
    assert server.session.asked == ["Where is the station?"]
    assert server.session.heard_audio == TURN


def test_an_utterance_may_be_impossible_to_hear(server):
    server.fails_to_hear("Only noise.")
    with connected(server) as app:
        app.session.update(
            session={
                "type": "realtime",
                "audio": {"input": {"transcription": {"model": "whisper-1"}}},
            }
        )
        say(app, TURN)
        failed = server.wait_for("conversation.item.input_audio_transcription.failed")
    assert failed["error"]["message"] == "Only noise."


def test_an_app_that_is_spoken_to_while_it_speaks_is_interrupted(antiphon_server):
    antiphon_server.when_heard("story").say("Once upon a time.")
    antiphon_server.when_speaking("once").sound(ms=60_000, every_ms=100)
    with connected(antiphon_server) as app:
        write(app, "Tell me a story.")
        spoken = antiphon_server.wait_for("response.output_audio.delta")
        say(app, TURN)
        assert answer(app)[0] == "cancelled"
        app.conversation.item.truncate(item_id=spoken["item_id"], content_index=0, audio_end_ms=50)
        antiphon_server.wait_for("conversation.item.truncated")
    (interruption,) = antiphon_server.session.interruptions
    assert interruption == Interruption(spoken["response_id"], "turn_detected", 50)


def test_the_other_routes_are_there_too(server):
    names = httpx2.get(f"{server.base_url}/models").json()["data"]
    assert [one["id"] for one in names] == ["antiphon"]


def test_figures_and_configuration_can_be_chosen():
    script = Script(sentence="Good morning.", ms_per_character=10.0)
    with scripted_server(script, instructions="Be brief.") as server, connected(server) as app:
        say(app, TURN)
        assert answer(app)[1] == "You said: Good morning."
        created = server.session.received[0]["session"]
        assert created["instructions"] == "Be brief."


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"max_sessions": 0}, "max_sessions"),
        ({"instructions": 3}, "instructions"),
        ({"instruction": "Be brief."}, "'instruction' is no key of the configuration"),
        ({"port": 99_999_999}, "The port is 99999999"),
    ],
)
def test_a_configuration_that_cannot_be_is_refused(wrong, reason):
    with pytest.raises(ConfigurationError, match=reason), scripted_server(**wrong):
        pass


def test_a_script_that_cannot_be_is_refused():
    script = Script(ms_per_character=cast("float", "20"))
    with pytest.raises(ValueError, match="ms_per_character"), scripted_server(script):
        pass


def test_a_server_that_cannot_go_on_is_noticed(antiphon_server, monkeypatch):
    monkeypatch.setattr(ScriptedLanguageModel, "generate", None)
    with connected(antiphon_server) as app:
        write(app, "How are you?")
        with pytest.raises(ConnectionClosed):
            answer(app)
    assert antiphon_server.session.close_code == 1011
    with pytest.raises(AssertionError, match="1011"):
        antiphon_server.session.assert_no_errors()


def test_without_an_app_there_is_no_session():
    with scripted_server() as server, pytest.raises(AssertionError, match="No app has connected"):
        _ = server.session


async def test_an_asynchronous_test_can_wait_while_its_app_runs(antiphon_server):
    def app() -> None:
        with connected(antiphon_server) as connection:
            write(connection, "How are you?")
            answer(connection)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(anyio.to_thread.run_sync, app)
        created = await antiphon_server.wait_for_async("session.created")
        await antiphon_server.session.wait_for_async("response.done")
    assert antiphon_server.session.id == created["session"]["id"]
