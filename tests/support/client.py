"""A client's view of a session: every frame is checked by the official SDK's own types."""

from __future__ import annotations

import base64
import json
from abc import ABC, abstractmethod
from typing import Any, ClassVar

import anyio
from openai.types.realtime import RealtimeServerEvent
from pydantic import TypeAdapter

from tests.support.sound import as_base64

__all__ = ["PATIENCE_S", "Client", "Frame", "transcript_of", "types"]

Frame = dict[str, Any]
"""A server event as the client reads it."""

PATIENCE_S = 30.0
"""Bound on any one wait, which a slow machine with real engines may need."""


def types(frames: list[Frame]) -> list[str]:
    """Only what the frames are called."""
    return [frame["type"] for frame in frames]


class Client(ABC):
    """One end of a session.

    Attributes:
        sdk_types: What a frame has to be, by the official SDK.
        frames: Every frame received so far, in order.
    """

    sdk_types: ClassVar[TypeAdapter[object]] = TypeAdapter[object](RealtimeServerEvent)

    def __init__(self) -> None:
        self.frames: list[Frame] = []

    @abstractmethod
    async def _receive(self) -> str | bytes:
        """Wait for the next frame."""

    @abstractmethod
    async def send_raw(self, frame: str | bytes) -> None:
        """Send one frame, which need not be an event."""

    async def send(self, event_type: str, **fields: object) -> None:
        """Send one event."""
        await self.send_raw(json.dumps({"type": event_type, **fields}))

    async def next(self) -> Frame:
        """Wait for the next frame."""
        with anyio.fail_after(PATIENCE_S):
            text = await self._receive()
        self.sdk_types.validate_json(text, strict=True)
        frame: Frame = json.loads(text)
        self.frames.append(frame)
        return frame

    async def until(self, event_type: str) -> Frame:
        """Wait for a frame of a type; an error that is not waited for fails the test."""
        while True:
            frame = await self.next()
            if frame["type"] == event_type:
                return frame
            assert frame["type"] != "error", frame["error"]

    async def collect(self, event_type: str) -> list[Frame]:
        """Wait for a frame of a type, and return all frames up to it."""
        before = len(self.frames)
        await self.until(event_type)
        return self.frames[before:]

    # --- what clients usually do ------------------------------------------------------------------

    async def update(self, **session: object) -> Frame:
        """Change the session, and wait until that is done."""
        await self.send("session.update", session={"type": "realtime", **session})
        return await self.until("session.updated")

    async def take_turns_by_hand(self) -> None:
        """Switch turn detection off."""
        await self.update(audio={"input": {"turn_detection": None}})

    async def write(self, text: str) -> Frame:
        """Put a user's text message into the conversation, and wait until it is there."""
        item = {
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": text}],
        }
        await self.send("conversation.item.create", item=item)
        return await self.until("conversation.item.done")

    async def ask(self, text: str, **response: object) -> Frame:
        """Ask in writing, and wait for the end of the answer."""
        await self.write(text)
        await self.send("response.create", response=response)
        return await self.answer()

    async def answer(self) -> Frame:
        """Wait for the end of an answer, and return it as ``response.done`` tells it."""
        response: Frame = (await self.until("response.done"))["response"]
        return response

    async def append(self, audio: bytes, *, chunk_bytes: int = 4_800) -> None:
        """Append audio in chunks; of 100 ms, if it is 24 kHz PCM."""
        for start in range(0, len(audio), chunk_bytes):
            chunk = as_base64(audio[start : start + chunk_bytes])
            await self.send("input_audio_buffer.append", audio=chunk)

    # --- what came of it --------------------------------------------------------------------------

    def of(self, event_type: str) -> list[Frame]:
        """All frames of a type so far."""
        return [frame for frame in self.frames if frame["type"] == event_type]

    def audio_of(self, response_id: str) -> bytes:
        """All audio of a response so far."""
        deltas = self.of("response.output_audio.delta")
        return b"".join(
            base64.b64decode(delta["delta"])
            for delta in deltas
            if delta["response_id"] == response_id
        )


def transcript_of(response: Frame) -> str:
    """The words of an answer, spoken or written, as ``response.done`` tells them."""
    (message,) = [item for item in response["output"] if item["type"] == "message"]
    (part,) = message["content"]
    text: str = part["transcript"] if part["type"] == "output_audio" else part["text"]
    return text
