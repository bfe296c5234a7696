"""What passes over a connection is noted as it passes, and a connection can be broken."""

from __future__ import annotations

import pytest
from websockets.exceptions import ConnectionClosed

from antiphon.testing.plugin import antiphon_server
from tests.testing.app import answer, connected, write

__all__ = ["antiphon_server"]


def test_events_are_noted_in_order(antiphon_server):
    with connected(antiphon_server) as app:
        write(app, "Hello.")
        answer(app)
        session = antiphon_server.session
        sent = [event["type"] for event in session.events]
        assert sent == ["conversation.item.create", "response.create"]
        assert session.received[0]["type"] == "session.created"
        assert session.received[-1]["type"] == "response.done"
        assert not session.closed


def test_what_is_no_event_is_noted_all_the_same(antiphon_server):
    with connected(antiphon_server) as app:
        for frame in ("nonsense", "[]"):
            app.send_raw(frame)
            antiphon_server.wait_for("error")
    assert antiphon_server.session.events == (
        {"type": "not an event", "text": "nonsense"},
        {"type": "not an event", "text": "[]"},
    )


def test_each_connection_is_a_session(antiphon_server):
    for _ in range(2):
        with connected(antiphon_server) as app:
            antiphon_server.wait_for("session.created")
            app.close()
    one, other = antiphon_server.sessions
    assert one.id != other.id


def test_a_connection_can_be_dropped(antiphon_server):
    antiphon_server.when_heard("drop").hang()
    with connected(antiphon_server) as app:
        write(app, "Drop me.")
        session = antiphon_server.session
        session.wait_for("response.created")
        session.drop()
        with pytest.raises(ConnectionClosed) as caught:
            answer(app)
    assert caught.value.rcvd is None, "a network says no goodbye"
    assert session.closed
    session.drop()  # harmless
