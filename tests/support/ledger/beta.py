"""The account of one session that speaks the beta protocol."""

from collections import defaultdict

import msgspec

from tests.support.ledger.frames import Frame

__all__ = ["BetaLedger"]

_RENAMED = ("response.output_text.", "response.output_audio", "conversation.item.added")
_TEXTS = {
    "response.text.done": "text",
    "response.audio_transcript.done": "transcript",
    "response.function_call_arguments.done": "arguments",
}


class BetaLedger:
    """Everything that was sent in one session, as far as the beta protocol's frames tell.

    They are translations: what they say is checked where they come from. Here counts that none is
    lost on the way, and that each is worded as it was then.

    Attributes:
        running: Ids of the responses that have not ended.
        expired: Whether the session has come to its end.
    """

    def __init__(self) -> None:
        self.running: set[str] = set()
        self.expired = False
        self._ended: set[str] = set()
        self._event_ids: set[str] = set()
        self._written: defaultdict[str, str] = defaultdict(str)
        self._refusable: list[str | None] = []

    def sends(self, text: str) -> None:
        """Take a frame that the client sends, which must be JSON."""
        self._refusable.append(msgspec.json.decode(text).get("event_id"))

    def read(self, frame: Frame) -> None:
        """Take a frame that the client is sent.

        Raises:
            AssertionError: It contradicts what was sent before, or is not of the beta protocol.
        """
        kind: str = frame["type"]
        assert not self.expired, "the session is over"
        assert frame["event_id"] not in self._event_ids
        self._event_ids.add(frame["event_id"])
        opening = ["session.created", "conversation.created"][len(self._event_ids) - 1 :][:1]
        assert not opening or kind == opening[0]
        assert not kind.startswith(_RENAMED), "that is what it is called today"
        match kind:
            case "response.created":
                self.running.add(frame["response"]["id"])
            case "response.done":
                self.running.remove(frame["response"]["id"])
                self._ended.add(frame["response"]["id"])
                assert "modalities" in frame["response"]
            case "error":
                self._read_error(frame["error"])
        if "response_id" in frame:
            assert frame["response_id"] in self.running, "nothing comes after response.done"
        if kind.endswith(".delta") and "response_id" in frame:
            self._written[f"{kind} {frame['item_id']}"] += frame["delta"]
        if kind in _TEXTS:
            written = self._written[f"{kind.removesuffix('done')}delta {frame['item_id']}"]
            assert frame[_TEXTS[kind]] == written

    def rest(self) -> None:
        """Note that nothing happens any more.

        Raises:
            AssertionError: Something must still happen.
        """
        assert not self.running

    def _read_error(self, error: Frame) -> None:
        if error["code"] == "session_expired":
            self.expired = True
        elif error["event_id"] is not None:
            assert error["event_id"] in self._refusable
            self._refusable.remove(error["event_id"])
