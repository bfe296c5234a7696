from antiphon.runtime.hosts import CloseReason
from antiphon.runtime.observers import Observers, OpenedSession, SessionObserver, opened_session
from antiphon.runtime.openings import Opening
from antiphon.wire.server_events import ConversationItemDeleted

EVENT = ConversationItemDeleted(event_id="event_1", item_id="item_1")
OPENED = opened_session(Opening(model="m", key_name="ann"), "sess_1", "websocket")


class Notes(SessionObserver):
    """Writes down what it is told; also its own observer."""

    def __init__(self, at: str = "") -> None:
        self.told: list[str] = []
        self._at = at

    def open(self, session: OpenedSession, host: object) -> "Notes":
        self._note("open")
        return self

    def send(self, event: object) -> None:
        self._note(type(event).__name__)

    def close(self, reason: CloseReason | None) -> None:
        self._note(f"close {reason}")

    def _note(self, what: str) -> None:
        self.told.append(what)
        if what == self._at:
            raise ValueError(what)


def test_all_observers_are_told_in_order():
    one, other = Notes(), Notes()
    watch = Observers([one, other]).open(OPENED, object())  # type: ignore[arg-type]
    watch.send(EVENT)
    watch.close((1000, "Bye."))
    assert one.told == other.told == ["open", "ConversationItemDeleted", "close (1000, 'Bye.')"]


def test_who_does_not_care_for_events_is_not_called_for_them():
    class Counts(SessionObserver):
        def open(self, session: OpenedSession, host: object) -> "Counts":
            return self

    counts = Counts()
    watch = Observers([counts]).open(OPENED, object())  # type: ignore[arg-type]
    assert (watch._told, watch._told_of_events, watch._told_of_speech) == ((counts,), (), ())


def test_the_end_is_told_once():
    notes = Notes()
    watch = Observers([notes]).open(OPENED, object())  # type: ignore[arg-type]
    watch.close(None)
    watch.close((1001, "Later."))
    assert notes.told == ["open", "close None"]


def test_an_observer_that_makes_a_mistake_is_left_out_and_the_others_are_told():
    for at in ("open", "ConversationItemDeleted"):
        wrong, right = Notes(at), Notes()
        watch = Observers([wrong, right]).open(OPENED, object())  # type: ignore[arg-type]
        watch.send(EVENT)
        watch.send(EVENT)
        watch.close(None)
        assert wrong.told[-1] == at
        assert len(right.told) == 4
