"""The account of one translation session."""

import base64
import json

from tests.support.ledger.frames import Frame

__all__ = ["TranslationLedger"]

_BYTES_PER_MS = 48


class TranslationLedger:
    """Everything that was sent in one translation session.

    Attributes:
        session: The settings as they were told last.
        source: The words of the source, put together.
        target: The words of the translation, put together.
        sound: The translation as it sounds, 24 kHz PCM.
        closed: Whether the session has come to its end.
    """

    def __init__(self) -> None:
        self.session: Frame = {}
        self.source = ""
        self.target = ""
        self.sound = b""
        self.closed = False
        self._appended_ms = 0.0
        self._closing = False
        self._refusable: list[str | None] = []  # event ids of what the client has asked for
        self._updates = 0
        self._transcribes = False
        self._event_ids: set[str] = set()
        self._elapsed_ms = {"source": 0, "target": 0}

    def sends(self, text: str) -> None:
        """Take a frame that the client sends, which must be JSON."""
        event = json.loads(text)
        self._refusable.append(event.get("event_id"))
        match event.get("type"):
            case "session.input_audio_buffer.append" if not self._closing:
                self._appended_ms += len(base64.b64decode(event["audio"])) / _BYTES_PER_MS
            case "session.update":
                self._updates += 1
            case "session.close":
                self._closing = True

    def read(self, frame: Frame) -> None:
        """Take a frame that the client is sent.

        Raises:
            AssertionError: It contradicts what was sent before.
        """
        assert not self.closed, "the session is over"
        assert frame["event_id"] not in self._event_ids
        self._event_ids.add(frame["event_id"])
        assert (frame["type"] == "session.created") == (len(self._event_ids) == 1)
        match frame["type"]:
            case "session.created":
                self._take_session(frame["session"])
            case "session.updated":
                self._updates -= 1
                assert self._updates >= 0, "nobody asked for an update"
                for key in ("id", "type", "model", "expires_at"):
                    assert self.session[key] == frame["session"][key]
                self._take_session(frame["session"])
            case "session.input_transcript.delta":
                assert self._transcribes, "nobody asked for the words of the source"
                self.source = self._joined(self.source, frame["delta"])
                self._move_on("source", frame["elapsed_ms"])
            case "session.output_transcript.delta":
                self.target = self._joined(self.target, frame["delta"])
                self._move_on("target", frame["elapsed_ms"])
            case "session.output_audio.delta":
                pcm = base64.b64decode(frame["delta"], validate=True)
                assert pcm, "audio without samples"
                assert len(pcm) % 2 == 0, "half a sample"
                self.sound += pcm
                self._move_on("target", frame["elapsed_ms"])
            case "session.closed":
                assert self._closing, "nobody asked for the end"
                self.closed = True
            case "error":
                self._take_error(frame["error"])
            case kind:
                raise AssertionError(f"translation sessions have no {kind}")

    def _take_session(self, session: Frame) -> None:
        self.session = session
        self._transcribes = session["audio"]["input"]["transcription"] is not None

    def _take_error(self, error: Frame) -> None:
        if error["code"] == "session_expired":
            self.closed = True
        elif error["type"] != "server_error":
            assert (error["event_id"] or None) in self._refusable
            self._refusable.remove(error["event_id"] or None)

    def _joined(self, before: str, delta: str) -> str:
        assert delta.strip(), "a delta without words"
        assert before or delta == delta.lstrip(), "the text begins with a space"
        return before + delta

    def _move_on(self, side: str, elapsed_ms: int) -> None:
        """Check that what is told goes forward, and never ahead of what was said."""
        assert self._elapsed_ms[side] <= elapsed_ms <= self._appended_ms
        self._elapsed_ms[side] = elapsed_ms
