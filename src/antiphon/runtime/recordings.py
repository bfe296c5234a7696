"""The audio of a session's items, kept for clients that ask for it again."""

from __future__ import annotations

from concurrent.futures import Executor, ThreadPoolExecutor

import numpy as np
from msgspec.structs import replace

from antiphon.audio.formats import Int16s, codec_of, to_floats, to_int16s
from antiphon.audio.lossless import pack, unpack
from antiphon.audio.resample import Resampler
from antiphon.core.clock import INPUT_CLOCK_HZ
from antiphon.engines.base import Floats
from antiphon.wire.audio_config import AudioFormat, PcmFormat
from antiphon.wire.items import InputAudio, Item, Message, OutputAudio

__all__ = ["KEPT_BYTES", "SENT_BYTES", "Recordings"]

KEPT_BYTES = 16 << 20
"""Audio kept for one session, 16 MiB: some six minutes of answers. The oldest goes first. It counts
as it is sent; PCM takes half as much."""

SENT_BYTES = 700_000
"""Longest audio sent with an item, 15 s of PCM: as base64 it stays under the 1 MiB beyond which
some clients drop the connection. Longer audio is left out."""

_packing = ThreadPoolExecutor(1, "antiphon-recordings")
"""For all sessions, so that packing takes no more than one core and the memory of one thread: an
answer of 6 s takes 2 ms."""


class Recordings:
    """What the user said, as it was heard, and what the assistant said, as it was sent.

    What is complete is packed on a thread. Reading may be done on any.

    Args:
        kept_bytes: How much is kept at most.
        packing: Runs the packing, on one thread.
    """

    def __init__(self, kept_bytes: int = KEPT_BYTES, packing: Executor = _packing) -> None:
        self._packing = packing
        self._heard: dict[str, _Clip] = {}
        self._spoken: dict[str, _Clip] = {}
        self._kept_bytes = kept_bytes
        self._held_bytes = 0

    def hear(self, item_id: str, audio: Floats) -> None:
        """Keep what the user said.

        Args:
            item_id: The item it became.
            audio: Shape (n,), float32 at 16 kHz.
        """
        clip = self._heard[item_id] = _Clip(INPUT_CLOCK_HZ * 2, is_pcm=True)
        clip.extend(to_int16s(audio).tobytes())
        self._packing.submit(clip.pack)
        self._grow(clip.size_bytes)

    def heard(self, item_id: str) -> Floats | None:
        """Return what the user said: shape (n,), float32 at 16 kHz; ``None`` if it is not kept.

        Takes 0.2 ms a second of it.
        """
        clip = self._heard.get(item_id)
        return None if clip is None else to_floats(clip.samples())

    def speak(self, item_id: str, pcm: bytes, audio_format: AudioFormat) -> None:
        """Keep more of what the assistant said, in the format in which it was sent."""
        clip = self._spoken.get(item_id)
        if clip is None:
            codec = codec_of(audio_format)
            is_pcm = isinstance(audio_format, PcmFormat)
            clip = _Clip(codec.rate_hz * codec.bytes_per_sample, is_pcm=is_pcm)
            self._spoken[item_id] = clip
        clip.extend(pcm)
        self._grow(len(pcm))

    def finish(self, item_id: str) -> None:
        """Note that the assistant has said all of an item."""
        if (clip := self._spoken.get(item_id)) is not None:
            self._packing.submit(clip.pack)

    def forget(self, item_id: str) -> None:
        """Forget the audio of an item."""
        for clips in (self._heard, self._spoken):
            if (clip := clips.pop(item_id, None)) is not None:
                self._held_bytes -= clip.size_bytes

    def forget_all(self) -> None:
        """Forget all audio."""
        self._heard.clear()
        self._spoken.clear()
        self._held_bytes = 0

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
        audio = self.heard(item_id)
        if audio is None:
            return b""
        codec = codec_of(audio_format)
        resampler = Resampler(INPUT_CLOCK_HZ, codec.rate_hz)
        return codec.encode(np.concatenate([resampler.push(audio), resampler.flush()]))

    def _spoken_until(self, item_id: str, heard_ms: float | None) -> bytes:
        clip = self._spoken.get(item_id)
        if clip is None:
            return b""
        if heard_ms is None:
            return clip.audio()
        whole_samples = int(heard_ms * clip.bytes_per_s / 1000) // 2 * 2
        return clip.audio()[:whole_samples]

    def _grow(self, new_bytes: int) -> None:
        self._held_bytes += new_bytes
        while self._held_bytes > self._kept_bytes and (self._heard or self._spoken):
            # What the assistant said takes three times as much for the same time.
            self.forget(next(iter(self._spoken or self._heard)))


class _Clip:
    """The audio of one item: as it came, and then packed.

    Args:
        bytes_per_s: How much of it is a second.
        is_pcm: Whether it is PCM. What is compressed as G.711 is hardly made smaller.

    Attributes:
        bytes_per_s: As above.
        size_bytes: How much it is, unpacked.
    """

    def __init__(self, bytes_per_s: int, *, is_pcm: bool) -> None:
        self.bytes_per_s = bytes_per_s
        self.size_bytes = 0
        self._is_pcm = is_pcm
        # Until it is packed. In one piece: small ones, as they come, would lie scattered among what
        # is soon given back, and that memory could not be used for anything larger.
        self._raw: bytearray | None = bytearray()
        self._packed = b""

    def extend(self, piece: bytes) -> None:
        """Add more, before it is packed."""
        assert self._raw is not None, "what is complete does not grow"
        self._raw += piece
        self.size_bytes += len(piece)

    def audio(self) -> bytes:
        """Return all of it, as it came."""
        raw = self._raw  # packing may put it away at any moment
        return unpack(self._packed)[0].tobytes() if raw is None else bytes(raw)

    def samples(self) -> Int16s:
        """Return all of it, if it is PCM: shape (n,)."""
        raw = self._raw
        return unpack(self._packed)[0] if raw is None else np.frombuffer(bytes(raw), np.int16)

    def pack(self) -> None:
        """Make it small. It can be read meanwhile, but is not to be extended any more."""
        if self._raw and self._is_pcm:
            samples = np.frombuffer(self._raw, np.int16)
            self._packed = pack(samples, self.bytes_per_s // samples.itemsize)
            self._raw = None
