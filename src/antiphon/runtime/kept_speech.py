"""The audio of a session that is kept: what the user said, and what the assistant answered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from antiphon.engines.base import Floats
from antiphon.store.records import AudioCut, Record, Sound, now_us
from antiphon.wire.audio_config import AudioFormat
from antiphon.wire.response import RealtimeResponse

__all__ = ["SPOKEN_BYTES", "KeptSpeech"]

SPOKEN_BYTES = 16 << 20
"""Audio of a session's answers that are still spoken, 16 MiB: some six minutes. What they say
beyond is not kept."""


@dataclass(slots=True)
class _Spoken:
    """What is said of an item so far.

    Attributes:
        audio_format: Of the bytes.
        pcm: What is to be kept.
        is_full: Whether something of it is left out, and so is all that follows.
        heard_ms: How much of it was heard; ``None`` for all.
    """

    audio_format: AudioFormat
    pcm: bytearray = field(default_factory=bytearray)
    is_full: bool = False
    heard_ms: int | None = None


class KeptSpeech:
    """Keeps the audio of one session.

    Args:
        put: Has a record kept.
        conversation_id: Says what the conversation is called by now.
        most_bytes: How much may be held of answers that are still spoken.
    """

    def __init__(
        self,
        put: Callable[[Record], None],
        conversation_id: Callable[[], str],
        most_bytes: int = SPOKEN_BYTES,
    ) -> None:
        self._put = put
        self._conversation_id = conversation_id
        self._room_bytes = most_bytes
        self._spoken: dict[str, _Spoken] = {}  # by item, until its response ends

    def hear(self, item_id: str, audio: Floats) -> None:
        """Keep what the user said.

        Args:
            item_id: What it has become.
            audio: Shape (n,), float32 at 16 kHz.
        """
        self._keep(item_id, audio, None)

    def speak(self, item_id: str, pcm: bytes, audio_format: AudioFormat) -> None:
        """Gather what the assistant says, to be kept when all of it is there."""
        spoken = self._spoken.setdefault(item_id, _Spoken(audio_format))
        if spoken.is_full or len(pcm) > self._room_bytes:
            spoken.is_full = True  # what is kept has no holes
        else:
            spoken.pcm += pcm
            self._room_bytes -= len(pcm)

    def cut(self, item_id: str, heard_ms: int) -> None:
        """Note how much of an item was heard: no more of it is to stay."""
        spoken = self._spoken.get(item_id)
        if spoken is not None:
            spoken.heard_ms = heard_ms
        else:
            self._put(AudioCut(self._conversation_id(), item_id, heard_ms))

    def keep(self, response: RealtimeResponse) -> bool:
        """Keep what a response that has ended said; return whether there is any of it."""
        has_audio = False
        for item in response.output:
            item_id = str(item.id)
            spoken = self._take(item_id)
            if spoken is not None and spoken.pcm:
                has_audio = True
                self._keep(item_id, bytes(spoken.pcm), spoken.audio_format)
                if spoken.heard_ms is not None:
                    self._put(AudioCut(self._conversation_id(), item_id, spoken.heard_ms))
        return has_audio

    def forget(self, item_id: str) -> None:
        """Let go of what was gathered of an item."""
        self._take(item_id)

    def _take(self, item_id: str) -> _Spoken | None:
        spoken = self._spoken.pop(item_id, None)
        if spoken is not None:
            self._room_bytes += len(spoken.pcm)
        return spoken

    def _keep(
        self, item_id: str, samples: Floats | bytes, audio_format: AudioFormat | None
    ) -> None:
        self._put(
            Sound(
                conversation_id=self._conversation_id(),
                item_id=item_id,
                created_at=now_us(),
                samples=samples,
                audio_format=audio_format,
            )
        )
