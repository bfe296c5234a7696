import msgspec
import pytest

from antiphon.errors import BusyError, RequestError
from antiphon.observe import Timeline
from antiphon.runtime.listening_in import MAX_QUEUED_BYTES
from antiphon.runtime.live import MAX_LISTENING, LiveSessions
from antiphon.runtime.observers import EndedResponse, opened_session
from antiphon.runtime.openings import Opening
from antiphon.wire.server_events import (
    ConversationItemDeleted,
    InputAudioBufferSpeechStarted,
    InputAudioBufferSpeechStopped,
)

OPENED = opened_session(Opening(model="m"), "sess_1", "websocket")
EVENT = ConversationItemDeleted(event_id="event_1", item_id="item_1")


def test_a_session_is_listed_until_it_is_over():
    live, host = LiveSessions(), object()
    listed = live.open(OPENED, host)  # type: ignore[arg-type]
    assert [one.opened for one in live] == [OPENED]
    assert live.find("sess_1").host is host
    listed.close(None)
    assert len(live) == 0
    with pytest.raises(RequestError, match="no open session 'sess_1'"):
        live.find("sess_1")


def test_sessions_of_the_same_id_are_listed_until_each_is_over():
    """A service to which sessions are relayed makes its own ids, and may make one twice."""
    live = LiveSessions()
    first, second = (live.open(OPENED, object()) for _ in range(2))  # type: ignore[arg-type]
    assert (len(live), live.find("sess_1")) == (2, first)
    first.close(None)
    assert (list(live), live.find("sess_1")) == ([second], second)
    second.close(None)
    assert len(live) == 0


def test_it_is_told_who_speaks_and_how_many_responses_there_were():
    session = LiveSessions().open(OPENED, object())  # type: ignore[arg-type]
    session.send(
        InputAudioBufferSpeechStarted(event_id="event_1", audio_start_ms=0, item_id="item_1")
    )
    assert session.speaking
    session.send(
        InputAudioBufferSpeechStopped(event_id="event_2", audio_end_ms=900, item_id="item_1")
    )
    assert not session.speaking
    session.end_response(EndedResponse(None, Timeline("resp_1")))
    assert session.responses == 1


async def test_who_listens_in_hears_everything_from_then_on_to_the_end():
    live = LiveSessions()
    session = live.open(OPENED, object())  # type: ignore[arg-type]
    session.send(EVENT)
    with live.listening("sess_1") as listening:
        session.send(EVENT)
        session.close(None)
        heard = [one async for one in listening.heard()]
    (event,) = heard
    assert event is not None
    kind, data, missed = event
    assert (kind, missed) == ("conversation.item.deleted", 0)
    assert msgspec.json.decode(data)["item_id"] == "item_1"


async def test_what_does_not_fit_is_left_out_and_counted():
    live = LiveSessions()
    session = live.open(OPENED, object())  # type: ignore[arg-type]
    long = ConversationItemDeleted(event_id="event_1", item_id="x" * (MAX_QUEUED_BYTES // 2))
    with live.listening("sess_1") as listening:
        heard = listening.heard()
        for _ in range(3):
            session.send(long)
        first = await anext(heard)
        session.send(EVENT)
        second = await anext(heard)
        assert first is not None
        assert second is not None
        assert (first.missed, second.missed) == (0, 2)
        await heard.aclose()


async def test_it_is_told_when_nothing_happens():
    live = LiveSessions()
    session = live.open(OPENED, object())  # type: ignore[arg-type]
    with live.listening("sess_1") as listening:
        heard = listening.heard(quiet_s=0)
        assert await anext(heard) is None
        session.send(EVENT)
        assert await anext(heard) is not None
        await heard.aclose()


def test_only_so_many_listen_in():
    live = LiveSessions()
    live.open(OPENED, object())  # type: ignore[arg-type]
    contexts = [live.listening("sess_1") for _ in range(MAX_LISTENING)]
    for context in contexts:
        context.__enter__()
    with pytest.raises(BusyError, match="may be no more"), live.listening("sess_1"):
        pass
    contexts[0].__exit__(None, None, None)
    with live.listening("sess_1"):
        pass
