"""The transcriber passes all tests that Antiphon has for transcribers, and some of its own."""

import sys
from pathlib import Path

import numpy as np
import pytest
from antiphon_command import create

from antiphon.engines.base import EngineSettings
from antiphon.engines.hearing import TranscriptionRequest
from antiphon.errors import EngineError

pytest.register_assert_rewrite("antiphon.engines.conformance")
from antiphon.engines import conformance  # noqa: E402 (its asserts are rewritten from here on)

SECONDS = (sys.executable, str(Path(__file__).with_name("seconds.py")))


def engine_with(*command):
    return create(EngineSettings(name="command", options={"command": command}))


@pytest.fixture(scope="session")
def anyio_backend():
    return "asyncio"


class TestCommandTranscriber(conformance.TranscriberConformance):
    @classmethod
    def create(cls):
        return engine_with(*SECONDS)


async def test_the_command_hears_all_of_the_audio():
    work = engine_with(*SECONDS).transcribe(np.ones(24_000, np.float32), TranscriptionRequest())
    assert [event.text async for event in work] == ["1.5 seconds of sound"]


async def test_what_the_command_complains_of_is_the_error():
    engine = engine_with(sys.executable, "-c", "raise SystemExit('no model')")
    with pytest.raises(EngineError, match="no model"):
        await anext(engine.transcribe(np.ones(9, np.float32), TranscriptionRequest()))


@pytest.mark.parametrize("command", [(), ("no-such-command",)])
def test_a_command_that_cannot_be_run_is_refused(command):
    with pytest.raises(EngineError, match="cannot run"):
        engine_with(*command)
