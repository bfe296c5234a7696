"""LiveKit Agents with its OpenAI plugin holds the conversation of ``tests/clients/story.py``."""

from __future__ import annotations

import asyncio

from livekit import rtc
from livekit.agents import Agent, AgentSession, function_tool, llm
from livekit.agents.voice import io
from livekit.agents.voice.events import (
    ConversationItemAddedEvent,
    ErrorEvent,
    UserInputTranscribedEvent,
)
from livekit.plugins.openai import realtime

from tests.clients.telling import (
    PLAYED_MS,
    QUESTION,
    RATE_HZ,
    SILENCE,
    SPEECH,
    WEATHER,
    run,
    tell,
)

FRAME_BYTES = 2 * RATE_HZ // 50
"""20 milliseconds."""


class Forecaster(Agent):
    """An agent with a function to call."""

    @function_tool
    async def get_weather(self, city: str) -> str:
        """Get the weather of a city."""
        tell("tool called", city=city)
        return WEATHER


class Microphone(io.AudioInput):
    """What the user says."""

    def __init__(self) -> None:
        super().__init__(label="microphone")
        self._frames: asyncio.Queue[rtc.AudioFrame] = asyncio.Queue()

    def hear(self, pcm: bytes) -> None:
        for start in range(0, len(pcm), FRAME_BYTES):
            frame = pcm[start : start + FRAME_BYTES]
            self._frames.put_nowait(rtc.AudioFrame(frame, RATE_HZ, 1, len(frame) // 2))

    async def __anext__(self) -> rtc.AudioFrame:
        return await self._frames.get()


class Loudspeaker(io.AudioOutput):
    """Plays as long as a real one would.

    Attributes:
        playing: Set while an answer is played.
    """

    def __init__(self) -> None:
        super().__init__(
            label="loudspeaker",
            capabilities=io.AudioOutputCapabilities(pause=False),
            sample_rate=RATE_HZ,
        )
        self.playing = asyncio.Event()
        self._began = 0.0
        self._captured_s = 0.0
        self._end: asyncio.TimerHandle | None = None

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await super().capture_frame(frame)
        if not self.playing.is_set():
            self._began = asyncio.get_running_loop().time()
            self.playing.set()
        self._captured_s += frame.duration

    def flush(self) -> None:
        super().flush()
        if self.playing.is_set():
            loop = asyncio.get_running_loop()
            self._end = loop.call_at(self._began + self._captured_s, self._finish, False)

    def clear_buffer(self) -> None:
        if self.playing.is_set():
            self._finish(True)

    def _finish(self, interrupted: bool) -> None:
        if self._end is not None:
            self._end.cancel()
        played_s = min(asyncio.get_running_loop().time() - self._began, self._captured_s)
        self.playing.clear()
        self._captured_s = 0.0
        self.on_playback_finished(playback_position=played_s, interrupted=interrupted)


async def converse(url: str) -> None:
    microphone, loudspeaker = Microphone(), Loudspeaker()
    # With everything else as the plugin has it by default.
    model = realtime.RealtimeModel(base_url=f"{url}/v1", api_key="any")
    session: AgentSession[None] = AgentSession(llm=model)
    session.input.audio = microphone
    session.output.audio = loudspeaker
    answers: asyncio.Queue[llm.ChatMessage] = asyncio.Queue()

    @session.on("user_input_transcribed")
    def on_heard(event: UserInputTranscribedEvent) -> None:
        if event.is_final:
            tell("heard", text=event.transcript)

    @session.on("conversation_item_added")
    def on_item(event: ConversationItemAddedEvent) -> None:
        if isinstance(event.item, llm.ChatMessage) and event.item.role == "assistant":
            answers.put_nowait(event.item)

    @session.on("error")
    def on_error(event: ErrorEvent) -> None:
        tell("error", error=str(event.error))

    await session.start(Forecaster(instructions="Be brief."), record=False)
    session.generate_reply(user_input=QUESTION)
    tell("answer", text=(await answers.get()).text_content)
    microphone.hear(SPEECH + SILENCE)
    await loudspeaker.playing.wait()
    await asyncio.sleep(PLAYED_MS / 1000)
    microphone.hear(SPEECH)
    if (await answers.get()).interrupted:
        tell("interrupted")
    microphone.hear(SILENCE)
    tell("answer", text=(await answers.get()).text_content)
    await session.aclose()
    await model.aclose()


if __name__ == "__main__":
    run(converse)
