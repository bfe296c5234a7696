"""A relayed session that is held as a call: this server listens and plays where the client would.

To the service it is a client with a microphone and a loudspeaker. What is played, what of it was
heard and what an interruption cuts off is decided as for this server's own engines, by
:mod:`antiphon.core.playback`; only that the service is told by ``conversation.item.truncate``.

Nothing holds the service back: it has to be read on, since it says when the user speaks. So a whole
answer may wait to be played, some 10 MB at the 4096 tokens that the hosted service allows for one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import msgspec
from msgspec import UNSET, Struct
from msgspec.structs import replace

from antiphon.audio.formats import codec_of
from antiphon.audio.resample import Resampler
from antiphon.core.effects import ClearPlayback, SendEvent
from antiphon.core.entropy import Entropy
from antiphon.core.outgoing import Outgoing
from antiphon.core.playback import Playback
from antiphon.core.signals import PlaybackAdvanced
from antiphon.engines.base import Floats
from antiphon.engines.hearing import LISTENING_RATE_HZ
from antiphon.runtime.playback import Player
from antiphon.runtime.upstream.frames import Passing, decoded, outcome
from antiphon.wire.audio_config import PcmFormat
from antiphon.wire.client_events import (
    ClientEvent,
    ConversationItemTruncate,
    ResponseCreate,
    SessionUpdate,
)
from antiphon.wire.codec import encode

__all__ = ["RelayedCall", "in_format_of_calls"]

_CODEC = codec_of(PcmFormat())
"""What sound is passed between this server and the service as, whatever clients say."""

_BYTES_PER_MS = _CODEC.rate_hz // 1000 * 2

_Event = TypeVar("_Event", bound=ClientEvent)
_Audio = TypeVar("_Audio", bound=Struct)


@dataclass
class _Message:
    """An item of the service's that is spoken; see :class:`~antiphon.core.playback.PlayedMessage`.

    Attributes:
        content_index: Which part of it is spoken.
    """

    id: str
    response_id: str
    content_index: int
    in_conversation: bool
    duration_ms: float = 0.0
    is_whole: bool = False


class RelayedCall:
    """The ends of one call that the service takes for its client's.

    Args:
        play: Sends a frame of what is to be heard: see :class:`~antiphon.runtime.playback.Player`.
        entropy: Makes ids.
        send: Sends the client an event.
        truncate: Has the service cut off a message.

    Attributes:
        player: Plays the answers.
    """

    def __init__(
        self,
        play: Callable[[bytes], object],
        *,
        entropy: Entropy,
        send: Callable[[bytes], None],
        truncate: Callable[[ConversationItemTruncate], None],
    ) -> None:
        self.player = Player(play, self._advance)
        self._send = send
        self._truncate_at_service = truncate
        self._outgoing = Outgoing(entropy)
        self._playback: Playback[_Message] = Playback(self._outgoing, self._cut_off, _nothing)
        self._messages: dict[str, _Message] = {}  # of responses that have not ended
        self._out_of_band: set[str] = set()  # such responses
        self._speech_interrupts = True
        self._resampler = Resampler(LISTENING_RATE_HZ, _CODEC.rate_hz)

    def heard(self, samples: Floats) -> bytes:
        """Return what came as sound, in the format in which the service is sent it.

        Args:
            samples: Shape (n,), float32 at 16 kHz.
        """
        return _CODEC.encode(self._resampler.push(samples))

    def plays(self, passing: Passing) -> bool:
        """Play what is sound, and say whether the frame was that, so that no client gets it.

        Raises:
            msgspec.DecodeError: There is no sound in it.
        """
        if passing.type != "response.output_audio.delta":
            return False
        response_id, item_id = passing.response_id or "", passing.item_id or ""
        pcm = msgspec.json.decode(passing.delta, type=bytes)
        message = self._messages.get(item_id)
        if message is None:
            in_conversation = response_id not in self._out_of_band
            message = _Message(item_id, response_id, passing.content_index, in_conversation)
            self._messages[item_id] = message
        message.duration_ms += len(pcm) / _BYTES_PER_MS
        self.player.put(response_id, item_id, pcm)
        self._playback.queue(message)
        self._perform()
        return True

    def follow(self, passing: Passing) -> None:
        """Do what follows from a frame that the client has been sent."""
        match passing.type:
            case "session.created" | "session.updated":
                self._speech_interrupts = _interrupts(passing)
            case "response.created" if outcome(passing).conversation_id is None:
                self._out_of_band.add(outcome(passing).id)
            case "response.output_audio.done" if passing.item_id in self._messages:
                self._messages[passing.item_id].is_whole = True
            case "response.done":
                self._end(outcome(passing).id)
            case "input_audio_buffer.speech_started" if self._speech_interrupts:
                self._playback.interrupt()
        self._perform()

    def clear(self) -> None:
        """Cut off everything, at the client's word."""
        self._playback.clear()
        self._perform()

    def _end(self, response_id: str) -> None:
        for message in [one for one in self._messages.values() if one.response_id == response_id]:
            message.is_whole = True
            del self._messages[message.id]
        self._out_of_band.discard(response_id)
        self.player.end(response_id)
        self._playback.end(response_id)

    def _advance(self, signal: PlaybackAdvanced) -> None:
        self._playback.advance(signal)
        self._perform()

    def _cut_off(self, message: _Message, played_ms: float) -> None:
        if message.in_conversation:
            self._truncate_at_service(
                ConversationItemTruncate(
                    item_id=message.id,
                    content_index=message.content_index,
                    audio_end_ms=int(played_ms),
                )
            )

    def _perform(self) -> None:
        for effect in self._outgoing.drain():
            match effect:
                case SendEvent(event=event):
                    self._send(encode(event))
                case ClearPlayback(response_id=response_id):
                    self.player.clear(response_id)


def in_format_of_calls(event: _Event) -> _Event:
    """Return an event without what it says of the format of sound, which is the transport's."""
    match event:
        case SessionUpdate(session=patch) if patch.audio:
            return replace(event, session=replace(patch, audio=_without_formats(patch.audio)))
        case ResponseCreate(response=params) if params and params.audio:
            audio = _without_formats(params.audio)
            return replace(event, response=replace(params, audio=audio))
        case _:
            return event


def _without_formats(audio: _Audio) -> _Audio:
    for side in ("input", "output"):
        settings = getattr(audio, side, UNSET)
        if settings is not UNSET:
            audio = replace(audio, **{side: replace(settings, format=UNSET)})
    return audio


def _interrupts(passing: Passing) -> bool:
    """Say whether the user's speech interrupts answers, by what the service says of the session."""
    session = decoded(passing.session)
    listening = (session.get("audio") or {}).get("input") or {}
    return (listening.get("turn_detection") or {}).get("interrupt_response") is not False


def _nothing() -> None:
    """Silence is no news to the service: it knows nothing of playback."""
