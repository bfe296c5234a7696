"""A spoken conversation, with the official OpenAI SDK and this machine's microphone.

Run ``antiphon serve``, then ``pip install sounddevice`` and ``python examples/microphone.py``. Use
headphones: there is no echo cancellation, so loudspeakers would interrupt themselves.
"""

import asyncio
import base64
import os
import threading
from collections import deque

import sounddevice
from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection

RATE_HZ = 24_000
CHUNK_SAMPLES = RATE_HZ // 50  # 20 ms

BASE_URL = os.environ.get("ANTIPHON_URL", "http://127.0.0.1:8000/v1")
API_KEY = os.environ.get("ANTIPHON_API_KEY", "none-needed")


class Speaker:
    """Plays 16-bit PCM as the sound card asks for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # the sound card has a thread of its own
        self._chunks: deque[bytes] = deque()
        self._item_id: str | None = None
        self._played_bytes = 0

    def play(self, item_id: str, pcm: bytes) -> None:
        """Add what is to be played next."""
        with self._lock:
            if item_id != self._item_id:
                self._item_id, self._played_bytes = item_id, 0
            self._chunks.append(pcm)

    def hush(self) -> tuple[str, int] | None:
        """Fall silent; return whose audio was cut off, and after how many milliseconds."""
        with self._lock:
            if not self._chunks or self._item_id is None:
                return None
            self._chunks.clear()
            return self._item_id, self._played_bytes * 1000 // (RATE_HZ * 2)

    def fill(self, out: bytearray, _frames: int, _time: object, _status: object) -> None:
        """Give the sound card what it plays next."""
        filled = 0
        with self._lock:
            while filled < len(out) and self._chunks:
                chunk = self._chunks.popleft()
                taken = chunk[: len(out) - filled]
                out[filled : filled + len(taken)] = taken
                filled += len(taken)
                if rest := chunk[len(taken) :]:
                    self._chunks.appendleft(rest)
            self._played_bytes += filled
        out[filled:] = bytes(len(out) - filled)


async def main() -> None:
    """Talk until Ctrl-C."""
    client = AsyncOpenAI(base_url=BASE_URL, api_key=API_KEY)
    speaker = Speaker()
    heard: asyncio.Queue[bytes] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def listen(pcm: bytes, _frames: int, _time: object, _status: object) -> None:
        loop.call_soon_threadsafe(heard.put_nowait, bytes(pcm))

    sound: dict[str, object] = {"samplerate": RATE_HZ, "channels": 1, "dtype": "int16"}
    async with client.realtime.connect(model="antiphon") as connection:
        audio = {"input": {"transcription": {"model": "default"}}}
        await connection.session.update(session={"type": "realtime", "audio": audio})
        with (
            sounddevice.RawInputStream(callback=listen, blocksize=CHUNK_SAMPLES, **sound),
            sounddevice.RawOutputStream(callback=speaker.fill, **sound),
        ):
            sending = asyncio.create_task(send(connection, heard))
            try:
                await answer(connection, speaker)
            finally:
                sending.cancel()


async def send(connection: AsyncRealtimeConnection, heard: asyncio.Queue[bytes]) -> None:
    """Send what the microphone hears."""
    while True:
        pcm = await heard.get()
        await connection.input_audio_buffer.append(audio=base64.b64encode(pcm).decode())


async def answer(connection: AsyncRealtimeConnection, speaker: Speaker) -> None:
    """Play and print what comes back."""
    async for event in connection:
        match event.type:
            case "conversation.item.input_audio_transcription.completed":
                print(f"You:      {event.transcript}", flush=True)
            case "response.output_audio.delta":
                speaker.play(event.item_id, base64.b64decode(event.delta))
            case "response.output_audio_transcript.done":
                print(f"Antiphon: {event.transcript}", flush=True)
            case "input_audio_buffer.speech_started":
                if cut := speaker.hush():
                    item_id, played_ms = cut
                    await connection.conversation.item.truncate(
                        item_id=item_id, content_index=0, audio_end_ms=played_ms
                    )
            case "error":
                print(f"Error: {event.error.message}", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
