"""Answers that the server plays. The orders of its frames are in ``conformance/golden``."""

from __future__ import annotations

from antiphon.core.effects import StartResponse
from antiphon.core.signals import PlaybackAdvanced
from antiphon.wire.audio_config import PcmFormat, ServerVad
from tests.core.loudspeaker import Loudspeaker
from tests.core.support import Rig, settings, spoken, types


def calling(**start: object) -> Rig:
    return Rig(settings(modality="audio", **start), plays=True)  # type: ignore[arg-type]


def play_all(rig: Rig, loudspeaker: Loudspeaker) -> list[str]:
    played = []
    while (news := loudspeaker.play()) is not None:
        played += types(rig.feed(news))
    return played


def test_answers_are_worked_out_in_the_format_that_is_played_whatever_the_session_says():
    rig = calling()
    rig.send(
        "session.update",
        session={"type": "realtime", "audio": {"output": {"format": {"type": "audio/pcmu"}}}},
    )
    created = rig.send("response.create")
    assert rig.plan.output_format == PcmFormat()
    assert created[0]["response"]["audio"]["output"]["format"] == {"type": "audio/pcmu"}


def test_words_that_were_cut_off_are_not_read_by_the_model():
    rig = calling(turn_detection=ServerVad(create_response=False))
    rig.send("response.create")
    rig.feed(*spoken(rig.plan.response_id, "One two. ", "Three four. ", ms_per_text=1_000))
    item_id = rig.frames[-1]["response"]["output"][0]["id"]
    rig.feed(PlaybackAdvanced(rig.plan.response_id, item_id, 1_000.0))
    rig.speech(320)
    rig.send("response.create", response={"conversation": "none"})
    (said,) = rig.effects(StartResponse)[-1].plan.messages
    assert said.text == "One two."


def test_playback_starts_and_stops_once_however_many_segments_there_are():
    rig = calling()
    rig.send("response.create")
    response_id = rig.plan.response_id
    loudspeaker = Loudspeaker(rig)
    rig.feed(*spoken(response_id, "One. ", "Two."))
    frames = play_all(rig, loudspeaker)
    assert frames == ["output_audio_buffer.started", "output_audio_buffer.stopped"]


def test_news_of_what_nobody_knows_is_no_news():
    rig = calling()
    before = rig.state()
    assert rig.feed(PlaybackAdvanced("resp_none", "item_none", 20.0)) == []
    assert rig.state() == before


def test_a_written_answer_is_not_played():
    rig = calling()
    rig.send("response.create", response={"output_modalities": ["text"]})
    frames = types(rig.answer("Hello"))
    assert frames[-1] == "response.done"
    assert not any(frame.startswith("output_audio_buffer") for frame in frames)
