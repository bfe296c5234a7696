"""An open microphone: sends speech at the pace at which it is spoken, and silence in between."""

from __future__ import annotations

import asyncio
import base64

import numpy as np
from openai.resources.realtime.realtime import AsyncRealtimeConnection

from antiphon.ask import WIRE_RATE_HZ
from antiphon.audio.formats import Floats, to_int16s

__all__ = ["Microphone"]


class Microphone:
    """The speaker's end of a session. Silent until told to say something.

    Args:
        connection: Where to send the audio, as 24 kHz PCM.
        chunk_ms: Length of the pieces it is sent in.

    Attributes:
        chunk_samples: The same in samples.
    """

    def __init__(self, connection: AsyncRealtimeConnection, chunk_ms: int) -> None:
        self._connection = connection
        self.chunk_samples = WIRE_RATE_HZ * chunk_ms // 1000
        self._speech = np.zeros(0, np.float32)
        self._said: asyncio.Future[float] | None = None

    async def say(self, speech: Floats) -> float:
        """Speak.

        Args:
            speech: Shape (n,), mono float32 at 24 kHz.

        Returns:
            When the last sample was sent, by the loop's clock.
        """
        self._speech = speech
        self._said = asyncio.get_running_loop().create_future()
        return await self._said

    async def run(self) -> None:
        """Stream until cancelled."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            # A chunk can leave only once its last sample has been spoken.
            due += self.chunk_samples / WIRE_RATE_HZ
            await asyncio.sleep(due - loop.time())
            chunk = self._speech[: self.chunk_samples]
            self._speech = self._speech[self.chunk_samples :]
            pcm = to_int16s(np.pad(chunk, (0, self.chunk_samples - len(chunk)))).tobytes()
            await self._connection.input_audio_buffer.append(audio=base64.b64encode(pcm).decode())
            if self._said is not None and not len(self._speech):
                self._said.set_result(loop.time())
                self._said = None
