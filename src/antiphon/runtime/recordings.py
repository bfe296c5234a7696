"""The audio of a session's items, kept for clients that ask for it again."""

from __future__ import annotations

import numpy as np
from msgspec.structs import replace

from antiphon.audio.formats import Int16s, codec_of, to_floats, to_int16s
from antiphon.audio.resample import Resampler
from antiphon.core.clock import INPUT_CLOCK_HZ
from antiphon.engines.base import Floats
from antiphon.wire.audio_config import AudioFormat
from antiphon.wire.items import InputAudio, Item, Message, OutputAudio

__all__ = ["KEPT_BYTES", "SENT_BYTES", "Recordings"]

KEPT_BYTES = 16 << 20
"""Audio kept for one session, 16 MiB: some six minutes of answers. The oldest goes first."""

SENT_BYTES = 700_000
"""Longest audio sent with an item, 15 s of PCM: as base64 it stays under the 1 MiB beyond which
some clients drop the connection. Longer audio is left out."""


class Recordings:
    """What the user said, as it was heard, and what the assistant said, as it was sent."""

    def __init__(self, kept_bytes: int = KEPT_BYTES) -> None:
        self._heard: dict[str, Int16s] = {}
        self._spoken: dict[str, bytearray] = {}
        self._bytes_per_s: dict[str, int] = {}
        self._kept_bytes = kept_bytes
        self._held_bytes = 0

    def hear(self, item_id: str, audio: Floats) -> None:
        """Keep what the user said.

        Args:
            item_id: The item it became.
            audio: Shape (n,), float32 at 16 kHz.
        """
        samples = to_int16s(audio)
        self._heard[item_id] = samples
        self._grow(samples.nbytes)

    def heard(self, item_id: str) -> Floats | None:
        """Return what the user said: shape (n,), float32 at 16 kHz; ``None`` if it is not kept."""
        samples = self._heard.get(item_id)
        return None if samples is None else to_floats(samples)

    def speak(self, item_id: str, pcm: bytes, audio_format: AudioFormat) -> None:
        """Keep more of what the assistant said, in the format in which it was sent."""
        codec = codec_of(audio_format)
        self._bytes_per_s[item_id] = codec.rate_hz * codec.bytes_per_sample
        self._spoken.setdefault(item_id, bytearray()).extend(pcm)
        self._grow(len(pcm))

    def forget(self, item_id: str) -> None:
        """Forget the audio of an item."""
        if (heard := self._heard.pop(item_id, None)) is not None:
            self._held_bytes -= heard.nbytes
        if (spoken := self._spoken.pop(item_id, None)) is not None:
            del self._bytes_per_s[item_id]
            self._held_bytes -= len(spoken)

    def complete(self, item: Item, audio_format: AudioFormat, heard_ms: float | None) -> Item:
        """Return an item with its audio, if it is kept and not too long to be sent.

        Args:
            item: The item, without audio.
            audio_format: Format in which the user's audio is wanted.
            heard_ms: How much of the assistant's audio was heard; ``None`` for all of it.
        """
        if not isinstance(item, Message) or not isinstance(item.id, str):
            return item
        audio = self._heard_as(item.id, audio_format) or self._spoken_until(item.id, heard_ms)
        if not audio or len(audio) > SENT_BYTES:
            return item
        content = tuple(
            replace(part, audio=audio) if isinstance(part, InputAudio | OutputAudio) else part
            for part in item.content
        )
        return replace(item, content=content)

    def _heard_as(self, item_id: str, audio_format: AudioFormat) -> bytes:
        samples = self._heard.get(item_id)
        if samples is None:
            return b""
        codec = codec_of(audio_format)
        resampler = Resampler(INPUT_CLOCK_HZ, codec.rate_hz)
        head = resampler.push(to_floats(samples))
        return codec.encode(np.concatenate([head, resampler.flush()]))

    def _spoken_until(self, item_id: str, heard_ms: float | None) -> bytes:
        spoken = self._spoken.get(item_id, bytearray())
        if heard_ms is None:
            return bytes(spoken)
        whole_samples = int(heard_ms * self._bytes_per_s.get(item_id, 0) / 1000) // 2 * 2
        return bytes(spoken[:whole_samples])

    def _grow(self, new_bytes: int) -> None:
        self._held_bytes += new_bytes
        while self._held_bytes > self._kept_bytes and (self._heard or self._spoken):
            # What the assistant said takes three times as much for the same time.
            self.forget(next(iter(self._spoken or self._heard)))
