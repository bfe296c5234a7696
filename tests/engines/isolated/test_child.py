"""The child of an isolated engine: what it keeps of the requests that it is sent."""

from __future__ import annotations

import multiprocessing

from antiphon.engines import conformance
from antiphon.engines.base import EngineSettings
from antiphon.engines.hearing import TranscriptionRequest
from antiphon.engines.isolated.child import _Servant
from antiphon.engines.isolated.messages import Mark, Request
from antiphon.engines.scripted.hearing import create_transcriber
from tests.support.virtual_time import step


async def test_nothing_is_left_of_a_request_that_is_given_up_as_soon_as_it_comes():
    ours, theirs = multiprocessing.Pipe()
    with ours, theirs:
        servant = _Servant(theirs, create_transcriber(EngineSettings(name="ears")))
        request = Request("transcribe", (conformance.noise(160), TranscriptionRequest()))
        servant._hear(1, request)
        servant._hear(1, Mark.STOP)
        await step(5)
        assert servant._jobs == {}
        assert not ours.poll()
