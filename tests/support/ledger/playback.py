"""What a client knows of the answers that a server plays: what sounds, what was cut off."""

from collections.abc import Iterable
from enum import Enum

from tests.support.ledger.frames import Frame
from tests.support.ledger.responses import ResponseAccount

__all__ = ["CUTTING_FRAMES", "PlaybackAccount"]

CUTTING_FRAMES = {"output_audio_buffer.cleared", "conversation.item.truncated"}
"""What cutting an answer off consists of."""


class _Stage(Enum):
    """How far the playback of a response is."""

    PLAYING = "playing"
    STOPPED = "stopped"
    CLEARED = "cleared"


class PlaybackAccount:
    """The playback side of a call."""

    def __init__(self) -> None:
        self._stages: dict[str, _Stage] = {}
        self._truncated: set[str] = set()
        self._due: set[str] = set()  # what sounds while the user has begun to speak
        self._may_clear = False

    @property
    def settled(self) -> bool:
        """Whether everything that began to sound has come to an end."""
        return _Stage.PLAYING not in self._stages.values() and not self._due

    @property
    def due(self) -> bool:
        """Whether something must be cut off before all else."""
        return bool(self._due)

    def ask(self) -> None:
        """Note that the client wants everything cut off, whatever there is."""
        self._may_clear = True

    def interrupt(self, in_conversation: Iterable[str]) -> None:
        """Note that the user speaks, which silences these responses."""
        self._may_clear = True
        self._due = {one for one in in_conversation if self._stages.get(one) is _Stage.PLAYING}

    def read(self, kind: str, response_id: str, account: ResponseAccount) -> None:
        """Take a frame about the playback of a response."""
        stage = self._stages.get(response_id)
        match kind:
            case "output_audio_buffer.started":
                assert stage is None
                assert _Stage.PLAYING not in self._stages.values(), "one answer at a time"
                assert any(item.type == "message" for item in account.items)
                self._stages[response_id] = _Stage.PLAYING
            case "output_audio_buffer.stopped":
                assert stage is _Stage.PLAYING
                assert account.done is not None, "there may be more to play"
                self._stages[response_id] = _Stage.STOPPED
            case _:
                assert kind == "output_audio_buffer.cleared"
                assert stage in {None, _Stage.PLAYING}
                assert self._may_clear, "nobody wants it cut off"
                self._stages[response_id] = _Stage.CLEARED
                self._due.discard(response_id)

    def truncates(self, frame: Frame, account: ResponseAccount) -> bool:
        """Say whether an item is truncated by the server, since it has been cut off."""
        item_id = frame["item_id"]
        owner = account.created["id"]
        if self._stages.get(owner) is not _Stage.CLEARED or item_id in self._truncated:
            return False
        self._truncated.add(item_id)
        return True
