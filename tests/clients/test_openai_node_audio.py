"""The official SDK for JavaScript transcribes files and has texts spoken."""

from __future__ import annotations

import anyio
import pytest

from antiphon.engines.scripted.script import Script
from tests.clients.environments import environment_of
from tests.clients.programs import run_on_node
from tests.support.server import running_server
from tests.support.sound import as_file, silence, speech

SCRIPT = Script(sentence="Good morning.", ms_per_character=50)
TEXT = "Good morning. Good morning."


@pytest.fixture(scope="module")
async def told(tmp_path_factory):
    folder = tmp_path_factory.mktemp("client")
    file = anyio.Path(folder, "speech.wav")
    await file.write_bytes(as_file(speech(2000) + silence(2000) + speech(2000)))
    async with running_server(SCRIPT) as server:
        lines = await run_on_node(
            environment_of("node"), "openai_audio.mjs", folder, server.url, str(file)
        )
    return {line["told"]: line for line in lines}


async def test_models_are_listed_and_looked_up(told):
    assert told["models"]["one"] in told["models"]["ids"]


async def test_transcriptions_come_in_every_format(told):
    assert told["json"]["text"] == TEXT
    assert "".join(told["json"]["tokens"]) == TEXT
    assert told["verbose_json"]["texts"] == ["Good morning."] * 2
    assert told["text"]["body"] == f"{TEXT}\n"
    assert told["srt"]["body"].startswith("1\n00:00:00,000 -->")
    assert told["vtt"]["body"].startswith("WEBVTT\n")


async def test_transcriptions_are_streamed(told):
    assert told["stream"]["text"] == "".join(told["stream"]["deltas"]) == TEXT


async def test_texts_are_spoken(told):
    assert told["speech"]["bytes"] == 48_000


async def test_refusals_are_understood(told):
    assert (told["refused"]["status"], told["refused"]["code"]) == (400, "invalid_value")
