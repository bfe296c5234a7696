"""Tells observers of a relayed session.

What passes is decoded for them, and for nobody else: what the service has and this server does not
know is passed on to the client all the same, and only observers miss it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import msgspec

from antiphon.observe import Timeline
from antiphon.runtime.hosts import CloseReason
from antiphon.runtime.observers import EndedResponse, Watch
from antiphon.runtime.upstream.frames import Passing
from antiphon.wire.audio_config import AudioFormat, PcmFormat
from antiphon.wire.response_events import ResponseDone, ResponseOutputAudioDelta
from antiphon.wire.server_events import ServerEvent

__all__ = ["RelayedWatch"]

_log = logging.getLogger(__name__)

_AUDIO = "response.output_audio.delta"

_events: msgspec.json.Decoder[ServerEvent] = msgspec.json.Decoder(ServerEvent)


class RelayedWatch:
    """Who is told of one session, once it has begun.

    Args:
        open_watch: Begins to tell of the session, by the id that the service has given it.
    """

    def __init__(self, open_watch: Callable[[str], Watch]) -> None:
        self._open_watch = open_watch
        self._watch: Watch | None = None
        self._spoken_in: AudioFormat = PcmFormat()

    def begin(self, session_id: str) -> None:
        """Begin: the service has opened the session."""
        self._watch = self._open_watch(session_id)

    def configure(self, session: dict[str, Any]) -> None:
        """Note the settings of the session: in which format it speaks."""
        try:
            wanted = session["audio"]["output"]["format"]
            self._spoken_in = msgspec.convert(wanted, AudioFormat)
        except (KeyError, TypeError, msgspec.ValidationError):
            pass  # it does not speak, or as before

    def tell(self, frame: bytes, passing: Passing, ended: Timeline | None = None) -> None:
        """Tell of a frame that has been passed on.

        Args:
            frame: As the client was sent it.
            passing: What is known of it.
            ended: If it is the end of a response: where its time went.
        """
        if self._watch is None or (passing.type == _AUDIO and not self._watch.listens):
            return
        try:
            event = _events.decode(frame)
        except (msgspec.DecodeError, RecursionError) as error:
            _log.debug("observers are not told of '%s': %s", passing.type, error)
            return
        if isinstance(event, ResponseOutputAudioDelta):
            self._watch.speak(event.item_id, event.delta, self._spoken_in)
            return
        self._watch.send(event)
        if isinstance(event, ResponseDone) and ended is not None:
            self._watch.end_response(EndedResponse(event.response, ended))

    def close(self, reason: CloseReason | None) -> None:
        """Tell that the session is over; with ``None`` the client has gone."""
        if self._watch is not None:
            self._watch.close(reason)
