"""Engines that are servers, with servers that people really run."""

from __future__ import annotations

import json
import re
import shutil

import anyio.to_thread
import numpy as np
import pytest
import soxr

from antiphon.engines.base import EngineSettings
from antiphon.engines.conformance import events_of
from antiphon.engines.ears import moonshine
from antiphon.engines.hearing import TranscriptionRequest
from antiphon.engines.http import factories
from antiphon.engines.speaking import SpeechRequest
from tests.clients.servers import foreign_server
from tests.engines.embedded import settings_of, speech

CONNECT_TIMEOUT_S = 60.0
"""Both load their models before they serve."""


async def built(factory, address, **options):
    options = {"base_url": address, "connect_timeout_s": CONNECT_TIMEOUT_S, **options}
    settings = EngineSettings(name="elsewhere", options=options)
    return await anyio.to_thread.run_sync(factory, settings)


@pytest.fixture
def whisper_server(tmp_path):
    """``faster-whisper-server``, with the weights that Antiphon runs by itself as well."""
    files = settings_of("transcriber", "whisper-base").files
    for path in files.values():
        shutil.copy(path, tmp_path / path.name)
    variables = {"FWS_MODEL_NAME": str(tmp_path)}
    with foreign_server(
        "faster_whisper_server", "faster_whisper_server.api:app", variables
    ) as address:
        yield address


@pytest.fixture
def piper_server(tmp_path):
    """``local-tts-studio``, with the voice that Antiphon runs by itself as well."""
    files = settings_of("synthesizer").files
    voices = tmp_path / "voices"
    voices.mkdir()
    shutil.copy(files["model"], voices / "joe.onnx")
    shutil.copy(files["config"], voices / "joe.onnx.json")
    (tmp_path / "settings.json").write_text(json.dumps({"api_default_voice": "joe"}))
    variables = {"LOCAL_TTS_DATA_DIR": str(tmp_path)}
    with foreign_server("local_tts_studio", "local_tts.server.app:app", variables) as address:
        yield address


async def test_a_server_of_whisper_hears(whisper_server):
    transcriber = await built(
        factories.create_transcriber, whisper_server, model="whisper", detects_language=True
    )
    events = await events_of(transcriber.transcribe(speech("selfish"), TranscriptionRequest()))
    await transcriber.aclose()
    (transcript,) = events
    words = re.findall("[a-z]+", transcript.text.lower())
    said = "unless to be rather cold hearted and rather selfish is to be ill disposed"
    assert words == said.split()
    assert transcript.languages == ("en",)


async def test_a_server_of_piper_speaks(piper_server):
    """What it says is understood: at the right rate, whole, and without a file's header."""
    synthesizer = await built(
        factories.create_synthesizer, piper_server, model="tts-1", rate_hz=22_050, speeds=(1, 1)
    )
    request = SpeechRequest(text="What is the capital of Italy?", voice="alloy")
    audio = np.concatenate(await events_of(synthesizer.synthesize(request)))
    await synthesizer.aclose()
    ear = moonshine.create(settings_of("transcriber"))
    heard = soxr.resample(audio, 22_050, 16_000)
    *_, transcript = await events_of(ear.transcribe(heard, TranscriptionRequest()))
    await ear.aclose()
    assert transcript.text == "What is the capital of Italy?"
