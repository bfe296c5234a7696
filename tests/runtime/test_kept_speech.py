from __future__ import annotations

from antiphon.runtime.kept_speech import KeptSpeech
from antiphon.store.records import AudioCut, Record, Sound
from antiphon.wire.audio_config import PcmFormat
from antiphon.wire.items import Message, OutputAudio
from tests.store.support import response

FORMAT = PcmFormat()


class Speech:
    """The speech of a session, of which ten bytes fit."""

    def __init__(self) -> None:
        self.put: list[Record] = []
        self.conversation_id = "sess_1"
        self.kept = KeptSpeech(self.put.append, lambda: self.conversation_id, most_bytes=10)

    def say(self, item_id: str, *pieces: bytes) -> None:
        for pcm in pieces:
            self.kept.speak(item_id, pcm, FORMAT)

    def end(self, *item_ids: str) -> bool:
        """End a response that has put out these items; whether any of its audio is kept."""
        output = tuple(
            Message(id=item_id, role="assistant", content=(OutputAudio(transcript="Yes."),))
            for item_id in item_ids
        )
        return self.kept.keep(response(output=output).response)

    @property
    def sounds(self) -> dict[str, bytes]:
        return {
            one.item_id: one.samples
            for one in self.put
            if isinstance(one, Sound) and isinstance(one.samples, bytes)
        }


def test_what_is_said_is_kept_when_its_response_ends():
    speech = Speech()
    speech.say("item_1", b"11", b"12")
    speech.say("item_2", b"21")
    assert speech.put == []
    speech.conversation_id = "conv_1"  # known only now
    assert speech.end("item_1")
    assert speech.end("item_2", "a_call")
    assert speech.sounds == {"item_1": b"1112", "item_2": b"21"}
    assert [getattr(one, "conversation_id", None) for one in speech.put] == ["conv_1"] * 2


def test_of_a_response_without_audio_none_is_kept():
    speech = Speech()
    assert not speech.end("item_1")
    assert speech.put == []


def test_what_was_not_heard_is_cut_off_after_the_sound_is_kept():
    speech = Speech()
    speech.say("item_1", b"1111")
    speech.kept.cut("item_1", 300)
    assert speech.put == []
    speech.end("item_1")
    speech.kept.cut("item_1", 200)
    sound, *cuts = speech.put
    assert isinstance(sound, Sound)
    assert cuts == [AudioCut("sess_1", "item_1", 300), AudioCut("sess_1", "item_1", 200)]


def test_what_is_deleted_while_it_is_said_leaves_its_room_to_others():
    speech = Speech()
    speech.say("item_1", b"1" * 10)
    speech.kept.forget("item_1")
    speech.say("item_2", b"2" * 10)
    assert not speech.end("item_1")
    assert speech.end("item_2")
    assert speech.sounds == {"item_2": b"2" * 10}


def test_of_what_is_too_long_the_beginning_is_kept_though_there_is_room_again_later():
    speech = Speech()
    speech.say("item_1", b"1111")
    speech.say("item_2", b"2222", b"lost", b"no", b"2")
    speech.end("item_1")
    speech.say("item_2", b"late")
    speech.end("item_2")
    assert speech.sounds == {"item_1": b"1111", "item_2": b"2222"}


def test_for_which_there_was_no_room_from_the_beginning_nothing_is_kept():
    speech = Speech()
    speech.say("item_1", b"1" * 10)
    speech.say("item_2", b"lost")
    speech.end("item_1")
    speech.say("item_2", b"late")
    speech.kept.cut("item_2", 300)
    assert not speech.end("item_2")
    speech.say("item_2", b"anew")
    assert speech.end("item_2")
    assert speech.sounds == {"item_1": b"1" * 10, "item_2": b"anew"}
