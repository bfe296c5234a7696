import pytest

from antiphon.errors import RequestError
from antiphon.runtime.live import LiveSessions
from antiphon.runtime.observers import opened_session
from antiphon.runtime.openings import Opening

OPENED = opened_session(Opening(model="m"), "sess_1", "websocket")


def test_a_session_is_listed_until_it_is_over():
    live, host = LiveSessions(), object()
    listed = live.open(OPENED, host)  # type: ignore[arg-type]
    assert [one.opened for one in live] == [OPENED]
    assert live.find("sess_1").host is host
    listed.close(None)
    assert len(live) == 0
    with pytest.raises(RequestError, match="no open session 'sess_1'"):
        live.find("sess_1")
