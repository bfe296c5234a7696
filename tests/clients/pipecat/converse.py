"""Pipecat with its OpenAI Realtime service holds the conversation of ``tests/clients/story.py``."""

from __future__ import annotations

import asyncio
from typing import Any

from loguru import logger
from pipecat.adapters.llm.schemas.tools_schema import ToolsSchema
from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    InterruptionFrame,
    LLMRunFrame,
    OutputAudioRawFrame,
    StartFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    AssistantTurnStoppedMessage,
    LLMContextAggregatorPair,
)
from pipecat.processors.frame_processor import FrameDirection
from pipecat.services.llm_service import FunctionCallParams
from pipecat.services.openai.realtime import events
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import TransportParams
from pipecat.utils.time import time_now_iso8601
from pipecat.workers.runner import WorkerRunner

from tests.clients.telling import (
    PLAYED_MS,
    QUESTION,
    RATE_HZ,
    SILENCE,
    SPEECH,
    WEATHER,
    duration_s,
    run,
    tell,
)


async def get_weather(params: FunctionCallParams, city: str) -> None:
    """Get the weather of a city.

    Args:
        city: Name of the city.
    """
    tell("tool called", city=city)
    await params.result_callback(WEATHER)


class Loudspeaker(BaseOutputTransport):
    """Plays as long as a real one would.

    Attributes:
        interrupted: Set once the user has spoken.
    """

    def __init__(self) -> None:
        super().__init__(TransportParams(audio_out_enabled=True, audio_out_sample_rate=RATE_HZ))
        self.interrupted = asyncio.Event()
        self._played_s = 0.0
        self._has_played = asyncio.Condition()

    async def start(self, frame: StartFrame) -> None:
        await super().start(frame)
        await self.set_transport_ready(frame)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, InterruptionFrame):
            self.interrupted.set()

    async def write_audio_frame(self, frame: OutputAudioRawFrame) -> bool:
        await asyncio.sleep(duration_s(frame.audio))
        async with self._has_played:
            self._played_s += duration_s(frame.audio)
            self._has_played.notify_all()
        return True

    async def play(self, seconds: float) -> None:
        """Wait until so much more has been played."""
        until_s = self._played_s + seconds
        async with self._has_played:
            await self._has_played.wait_for(lambda: self._played_s >= until_s)


async def converse(url: str) -> None:
    service = OpenAIRealtimeLLMService(
        api_key="any",
        base_url=f"ws{url.removeprefix('http')}/v1/realtime",
        settings=OpenAIRealtimeLLMService.Settings(
            system_instruction="Be brief.",
            session_properties=events.SessionProperties(
                audio=events.AudioConfiguration(
                    input=events.AudioInput(transcription=events.InputAudioTranscription())
                )
            ),
        ),
    )
    context = LLMContext(
        [{"role": "user", "content": QUESTION}], ToolsSchema(standard_tools=[get_weather])
    )
    aggregators = LLMContextAggregatorPair(context)
    loudspeaker = Loudspeaker()
    worker = PipelineWorker(
        Pipeline([aggregators.user(), service, loudspeaker, aggregators.assistant()])
    )
    answers: asyncio.Queue[AssistantTurnStoppedMessage] = asyncio.Queue()

    @aggregators.user().event_handler("on_user_turn_message_added")
    async def on_heard(_: Any, message: Any) -> None:
        tell("heard", text=message.content)

    @aggregators.assistant().event_handler("on_assistant_turn_stopped")
    async def on_answer(_: Any, message: AssistantTurnStoppedMessage) -> None:
        if message.content:  # a turn that only called a function has none
            answers.put_nowait(message)

    @worker.event_handler("on_pipeline_error")
    async def on_error(_: Any, frame: Any) -> None:
        tell("error", error=frame.error)

    async def hear(pcm: bytes) -> None:
        step = 2 * RATE_HZ // 50  # 20 milliseconds
        for start in range(0, len(pcm), step):
            frame = InputAudioRawFrame(pcm[start : start + step], RATE_HZ, 1)
            await worker.queue_frame(frame)

    async def hold() -> None:
        await worker.queue_frame(LLMRunFrame())
        tell("answer", text=(await answers.get()).content)
        await hear(SPEECH + SILENCE)
        await loudspeaker.play(PLAYED_MS / 1000)
        loudspeaker.interrupted.clear()
        await hear(SPEECH)
        await loudspeaker.interrupted.wait()
        tell("interrupted")
        interrupted_at = time_now_iso8601()
        await hear(SILENCE)
        while (answer := await answers.get()).timestamp < interrupted_at:
            pass  # it began before
        tell("answer", text=answer.content)
        await worker.cancel()

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await asyncio.gather(runner.run(), hold())


if __name__ == "__main__":
    logger.remove()
    run(converse)
