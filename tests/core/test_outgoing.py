from antiphon.core.effects import DropAudio, SendEvent
from antiphon.core.outgoing import Outgoing
from antiphon.wire.server_events import InputAudioBufferCleared

from .support import CountingEntropy


def test_effects_leave_in_the_order_in_which_they_came_about() -> None:
    outgoing = Outgoing(CountingEntropy())
    cleared = InputAudioBufferCleared(event_id=outgoing.event_id())
    outgoing.do(DropAudio(1))
    outgoing.send(cleared)
    outgoing.do(DropAudio(2))
    assert outgoing.drain() == [DropAudio(1), SendEvent(cleared), DropAudio(2)]
    assert outgoing.drain() == []


def test_ids_say_what_they_name() -> None:
    outgoing = Outgoing(CountingEntropy())
    ids = [outgoing.event_id(), outgoing.item_id(), outgoing.call_id(), outgoing.event_id()]
    assert ids == ["event_1", "item_1", "call_1", "event_2"]


def test_ids_of_calls_are_shorter_than_the_others() -> None:
    lengths = []

    class Measuring(CountingEntropy):
        def identifier(self, prefix: str, length: int = 21) -> str:
            lengths.append(length)
            return super().identifier(prefix, length)

    outgoing = Outgoing(Measuring())
    outgoing.item_id()
    outgoing.call_id()
    assert lengths == [21, 16]


def test_padding_fits_its_delta() -> None:
    assert len(Outgoing(CountingEntropy()).padding_for("Hello")) == 11
