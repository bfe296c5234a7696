import json
import logging

import pytest

from antiphon.config.keys import digest_of, name_of
from antiphon.logs import set_up_logs
from tests.support.server import running_server
from tests.support.sound import silence, speech
from tests.test_logs import written  # noqa: F401 (a fixture)

SECRET = "sk-the-key-itself"
NAME = name_of("key", digest_of(SECRET))
TOOL = {
    "type": "function",
    "name": "book",
    "parameters": {"type": "object", "properties": {"seat": {"type": "string"}}},
}


async def converse(**config):
    """Have a conversation by voice and in writing, with a key; return all that went either way."""
    async with (
        running_server(api_keys=(SECRET,), **config) as server,
        server.sdk(api_key=SECRET) as client,
    ):
        await client.update(instructions="Speak like a pirate.", tools=[TOOL])
        await client.append(speech(900) + silence(900))
        await client.answer()
        await client.ask("My number is 5550123.")
        await server.request("GET", "/v1/models", headers={"Authorization": "Bearer sk-wrong"})
        return client.frames


async def test_nothing_that_is_said_and_no_key_is_logged(written):  # noqa: F811
    set_up_logs("json", "debug", written)
    frames = await converse()
    log = written.getvalue()
    said = [
        frame["transcript"]
        for frame in frames
        if frame["type"].endswith(("transcription.completed", "audio_transcript.done"))
    ]
    assert len(said) >= 2
    secrets = [SECRET, "sk-wrong", "5550123", "pirate", "book", "seat", *said]
    assert [secret for secret in secrets if secret and secret in log] == []


async def test_each_event_of_interest_has_a_line(written):  # noqa: F811
    set_up_logs("json", "info", written)
    frames = await converse()
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    events = [line for line in lines if "event" in line]
    assert [line["event"] for line in events][:3] == [
        "session_opened",
        "response_ended",
        "response_ended",
    ]
    session_id = frames[0]["session"]["id"]
    opened, ended = events[0], events[1]
    assert (opened["session_id"], opened["key"]) == (session_id, NAME)
    assert opened["request_id"].startswith("req_")
    assert (ended["session_id"], ended["status"]) == (session_id, "completed")
    assert ended["request_id"] == opened["request_id"]
    refused = [line for line in events if line["event"] == "refused"]
    assert [line["code"] for line in refused] == ["invalid_api_key"]
    assert "session_id" not in refused[0]
    assert events[-1]["event"] == "session_closed"


async def test_content_is_logged_only_for_who_asks_for_it(written):  # noqa: F811
    set_up_logs("text", "debug", written)
    await converse(log_content=True)
    assert "5550123" in written.getvalue()
    assert SECRET not in written.getvalue()


@pytest.mark.parametrize("level", ["warning", "error"])
async def test_a_quiet_log_is_quiet(written, level):  # noqa: F811
    set_up_logs("text", level, written)
    await converse()
    assert written.getvalue() == ""
    logging.getLogger("antiphon").setLevel(logging.NOTSET)
