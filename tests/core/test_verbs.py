"""How sessions end by themselves; what else all kinds of them do is tested with each."""

from __future__ import annotations

import pytest

from antiphon.core.effects import CloseConnection
from antiphon.core.signals import AudioAppended
from antiphon.core.transcription_session import TranscriptionSession, TranscriptionStart
from antiphon.core.verbs import expiry_message
from antiphon.runtime.session_defaults import transcription_session
from tests.core.support import ABILITIES, CountingEntropy, Rig, settings, types
from tests.core.test_session import VAD

NOTHING = "Nothing has happened in the session for 60 seconds."


def closes(rig: Rig) -> list[tuple[int, str]]:
    return [(effect.code, effect.reason) for effect in rig.effects(CloseConnection)]


def test_a_session_in_which_nothing_happens_ends():
    rig = Rig(idle_s=60)
    assert rig.session.deadline() == 60
    rig.tick(59)
    assert closes(rig) == []
    assert rig.tick(1) == []  # the reason is told by the close alone
    assert closes(rig) == [(1001, NOTHING)]
    assert rig.session.deadline() is None
    assert rig.say("Hello?") == []


@pytest.mark.parametrize("turn_detection", [None, VAD])
def test_audio_keeps_a_session_open_also_if_nobody_says_anything(turn_detection):
    rig = Rig(settings(turn_detection=turn_detection), idle_s=60)
    for _ in range(5):
        rig.tick(40)
        rig.append(20)
    assert closes(rig) == []
    rig.tick(60)
    assert closes(rig) == [(1001, NOTHING)]


def test_events_keep_a_session_open_also_refused_ones():
    rig = Rig(idle_s=60)
    for event in ("input_audio_buffer.clear", "response.cancel", "no.such.event"):
        rig.tick(59)
        assert rig.send(event)
    assert closes(rig) == []


def test_a_session_that_works_on_an_answer_is_not_idle_however_long_that_takes():
    rig = Rig(idle_s=60)
    rig.send("response.create")
    rig.tick(600)
    assert closes(rig) == []
    rig.answer("At last.")
    rig.tick(59)
    assert closes(rig) == []
    rig.tick(1)
    assert closes(rig) == [(1001, NOTHING)]


def test_each_frame_of_audio_leaves_the_timer_alone():
    rig = Rig(idle_s=60)
    deadlines = set()
    for _ in range(100):
        rig.now += 0.02
        rig.append(20)
        deadlines.add(rig.session.deadline())
    assert deadlines == {60}


def test_an_idle_session_ends_no_later_than_any_other():
    rig = Rig(lifetime_s=50, idle_s=60)
    assert rig.session.deadline() == 50
    assert types(rig.tick(50)) == ["error"]
    assert closes(rig) == [(1001, expiry_message(50))]


def test_a_session_that_only_transcribes_ends_as_well():
    start = TranscriptionStart(
        settings=transcription_session("sess_1", lasts_s=3600), abilities=ABILITIES, idle_s=60
    )
    session = TranscriptionSession(start, CountingEntropy(), 0.0)
    session.drain()
    session.feed(AudioAppended(320), 30.0)
    session.tick(60.0)
    assert session.drain() == []
    session.tick(90.0)
    assert [
        (one.code, one.reason) for one in session.drain() if isinstance(one, CloseConnection)
    ] == [(1001, NOTHING)]


@pytest.mark.parametrize(
    ("lifetime_s", "words"), [(3600, "60 minutes"), (300, "5 minutes"), (90, "90 seconds")]
)
def test_how_long_a_session_may_last_is_told_as_the_hosted_service_words_it(lifetime_s, words):
    assert expiry_message(lifetime_s) == f"Your session hit the maximum duration of {words}."
