"""Engines in processes of their own: they are engines, and their crash is an error of a request."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from typing import Any

import anyio
import pytest

from antiphon.core.plan import ChatMessage
from antiphon.engines import conformance
from antiphon.engines.base import EngineSettings
from antiphon.engines.guard import Limits, guarded
from antiphon.engines.hearing import Transcript, TranscriptionRequest
from antiphon.engines.isolated import isolated, parent
from antiphon.engines.isolated.messages import WINDOW
from antiphon.engines.repair import ENGINE_CRASHED
from antiphon.engines.scripted.hearing import create_transcriber, create_voice_detector
from antiphon.engines.scripted.speaking import create_synthesizer
from antiphon.engines.scripted.thinking import create_language_model
from antiphon.engines.thinking import GenerationRequest, MessageEndPredictor
from antiphon.errors import ConfigurationError, EngineError
from tests.engines import frail
from tests.support.virtual_time import step

SETTINGS = EngineSettings(name="alone")
SPEECH = conformance.noise(16_000)
LONG_SPEECH = conformance.noise(10 * 16_000)
"""More than a pipe holds."""


@pytest.fixture
async def ears():
    engine = await anyio.to_thread.run_sync(isolated, frail.create, SETTINGS, "transcriber")
    yield engine
    await engine.aclose()


@pytest.fixture
def child(ears) -> BaseProcess:
    """The process of the ears."""
    (child,) = (one for one in multiprocessing.active_children() if one.name == "antiphon-alone")
    return child


def signal_to(child: BaseProcess, number: signal.Signals) -> None:
    assert child.pid is not None
    os.kill(child.pid, number)


@contextmanager
def standing_still(child: BaseProcess) -> Iterator[threading.Event]:
    """Stop a process for the time of a test, 5 s at most; yield what is set after these."""
    goes_on = threading.Event()

    def go_on() -> None:
        goes_on.set()
        signal_to(child, signal.SIGCONT)

    signal_to(child, signal.SIGSTOP)
    timer = threading.Timer(5, go_on)
    timer.start()
    try:
        yield goes_on
    finally:
        timer.cancel()


def asking(text: str) -> GenerationRequest:
    return GenerationRequest(messages=(ChatMessage("user", text),))


async def heard_by(engine, prompt=None, speech=SPEECH) -> str:
    request = TranscriptionRequest(prompt=prompt)
    events = [event async for event in engine.transcribe(speech, request)]
    assert isinstance(events[-1], Transcript)
    return events[-1].text


async def failure_of(engine, prompt) -> EngineError:
    with pytest.raises(EngineError) as error:
        await heard_by(engine, prompt)
    assert error.value.stage == "transcribe"
    return error.value


async def test_it_runs_in_another_process_that_ends_with_it(ears, child):
    assert await heard_by(ears) == "Hello there."
    await ears.aclose()
    assert child.exitcode == 0


async def test_an_abort_is_an_error_of_what_is_under_way_and_comes_later(ears):
    error = await failure_of(ears, frail.ABORTING)
    assert (error.code, error.retryable) == (ENGINE_CRASHED, True)
    assert str(error) == "the process of alone has ended"
    assert (await failure_of(ears, None)).code == ENGINE_CRASHED


async def test_an_exception_is_an_error_and_says_what_was_raised(ears):
    error = await failure_of(ears, frail.RAISING)
    assert error.code == ENGINE_CRASHED
    assert "no ears" in str(error)


async def test_what_cannot_be_received_is_a_crash(ears, child, caplog):
    with anyio.fail_after(5):
        assert (await failure_of(ears, frail.GARBLING)).code == ENGINE_CRASHED
    assert "no number" in caplog.text
    await anyio.to_thread.run_sync(child.join)
    assert (await failure_of(ears, None)).code == ENGINE_CRASHED


async def test_behind_a_guard_it_is_back_after_a_crash_or_a_hang():
    settings = EngineSettings(name="guarded")

    async def load():
        return await anyio.to_thread.run_sync(isolated, frail.create, settings, "transcriber")

    engine = guarded(await load(), Limits(stall_s=1, queue_s=60), load)
    for ending in (frail.ABORTING, frail.BLOCKING):
        await failure_of(engine, ending)
        assert await heard_by(engine) == "Hello there."
    await engine.aclose()


async def test_a_reader_that_stops_taking_holds_the_engine_up_and_nobody_else():
    model: Any = await anyio.to_thread.run_sync(
        isolated, create_language_model, SETTINGS, "language_model"
    )
    request = asking("word " * 4 * WINDOW)
    slow = model.generate(request)
    await anext(slow)
    events = [event async for event in model.generate(request)]
    assert len(events) > 2 * WINDOW
    rest = [event async for event in slow]
    assert len(rest) == len(events) - 1
    await model.aclose()


async def test_a_process_that_does_not_read_holds_nobody_up(ears, child):
    with standing_still(child) as goes_on:
        asked = asyncio.ensure_future(heard_by(ears, speech=LONG_SPEECH))
        await step(5)
        assert not goes_on.is_set(), "the event loop stood still until the pipe was read"
        signal_to(child, signal.SIGCONT)
    assert await asked == "Hello there."


async def test_what_cannot_be_sent_fails_alone(ears):
    error = await failure_of(ears, prompt=threading.Lock())
    assert error.code != ENGINE_CRASHED
    assert "cannot pickle" in str(error)
    assert await heard_by(ears) == "Hello there."


async def test_a_process_that_does_not_read_is_ended(ears, child, monkeypatch):
    monkeypatch.setattr(parent, "_EXIT_TIMEOUT_S", 0.1)
    with standing_still(child):
        asked = asyncio.ensure_future(heard_by(ears, speech=LONG_SPEECH))
        await step(5)
        await ears.aclose()
        assert child.exitcode == -signal.SIGKILL
    with pytest.raises(EngineError, match="has ended"):
        await asked


async def test_a_language_model_can_do_what_it_can_but_count(ears):
    model: Any = await anyio.to_thread.run_sync(
        isolated, create_language_model, SETTINGS, "language_model"
    )
    assert model.counter is None
    reads_ends: object = model
    assert isinstance(reads_ends, MessageEndPredictor)
    assert 0 <= await model.predict_message_end(asking("Hello?")) <= 1
    await model.aclose()


FORGETFUL = """
from antiphon.engines.base import EngineSettings
from antiphon.engines.isolated import isolated
from antiphon.engines.scripted.hearing import create_transcriber

isolated(create_transcriber, EngineSettings(name="alone"), "transcriber")
"""


def test_a_program_that_does_not_close_it_ends_and_leaves_no_process():
    program = subprocess.run(
        [sys.executable, "-c", FORGETFUL], timeout=30, check=True, capture_output=True, text=True
    )
    assert program.stderr == ""


@pytest.mark.parametrize(
    ("factory", "role", "message"),
    [
        (frail.create_refused, "transcriber", "no weights for ears"),
        (frail.create_nothing, "transcriber", "ended with status 3 while it loaded"),
        (create_voice_detector, "voice_detector", "a voice_detector answers at once"),
    ],
)
def test_what_cannot_be_loaded_is_told(factory, role, message):
    with pytest.raises((ConfigurationError, EngineError), match=message):
        isolated(factory, SETTINGS, role)


class TestTranscriber(conformance.TranscriberConformance):
    @classmethod
    def create(cls):
        return isolated(create_transcriber, SETTINGS, "transcriber")


class TestLanguageModel(conformance.LanguageModelConformance, conformance.MessageEndConformance):
    @classmethod
    def create(cls):
        return isolated(create_language_model, SETTINGS, "language_model")


class TestSynthesizer(conformance.SynthesizerConformance):
    @classmethod
    def create(cls):
        return isolated(create_synthesizer, SETTINGS, "synthesizer")
