"""The items of an answer where their place is what matters; their order is in the golden files."""

import pytest

from .support import Rig, called, settings, spoken, types, written


def answering() -> Rig:
    """Return a rig whose session has begun to answer aloud."""
    rig = Rig(settings(modality="audio"))
    rig.send("response.create")
    return rig


def test_sound_without_words_is_an_answer() -> None:
    done = answering().answer("")[-1]["response"]
    (item,) = done["output"]
    assert item["content"] == [{"type": "output_audio", "transcript": ""}]


def test_an_empty_text_opens_nothing() -> None:
    rig = Rig()
    rig.send("response.create")
    assert types(rig.feed(*written("resp_1", "", ""))) == ["response.done"]


def test_audio_may_come_before_its_words() -> None:
    rig = answering()
    segment = spoken("resp_1", "Hello", ending=None)
    text, audio = segment[1], segment[2]
    assert types(rig.feed(audio)) == [
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.output_audio.delta",
    ]
    assert types(rig.feed(text)) == ["response.output_audio_transcript.delta"]


def test_every_frame_of_an_item_names_it_the_same_way() -> None:
    rig = answering()
    frames = rig.answer("One.", " Two.")
    content = [frame for frame in frames if "content_index" in frame]
    places = {
        (one["response_id"], one["item_id"], one["output_index"], one["content_index"])
        for one in content
    }
    assert places == {("resp_1", "item_1", 0, 0)}


@pytest.mark.parametrize("text", ["a", "exactly sixteen!", "ein wenig länger als sechzehn"])
def test_text_deltas_are_padded(text: str) -> None:
    rig = answering()
    (delta,) = [frame for frame in rig.begin(text) if "obfuscation" in frame]
    assert (len(delta["delta"]) + len(delta["obfuscation"])) % 16 == 0


def test_a_call_has_no_content_parts() -> None:
    rig = answering()
    frames = rig.feed(*called("resp_1", "look_up", '{"a":', "1}"))
    assert not any("content_part" in name for name in types(frames))
    assert frames[-1]["response"]["output"][0]["arguments"] == '{"a":1}'


def test_a_call_without_arguments_is_a_whole_call() -> None:
    rig = answering()
    frames = rig.feed(*called("resp_1", "look_up", ""))
    assert "response.function_call_arguments.delta" not in types(frames)
    assert "response.function_call_arguments.done" in types(frames)


def test_text_after_a_call_is_a_message_of_its_own() -> None:
    rig = Rig()
    rig.send("response.create")
    rig.begin("Before")
    rig.feed(*called("resp_1", "look_up", "{}", ending=None))
    done = rig.answer("After")[-1]["response"]
    assert [item["type"] for item in done["output"]] == ["message", "function_call", "message"]


def test_items_follow_each_other_in_the_conversation() -> None:
    rig = Rig()
    rig.send("response.create")
    rig.begin("Before")
    rig.feed(*called("resp_1", "look_up", "{}"))
    added = [frame for frame in rig.frames if frame["type"] == "conversation.item.added"]
    done = [frame for frame in rig.frames if frame["type"] == "conversation.item.done"]
    assert [frame["previous_item_id"] for frame in added] == [None, "item_1"]
    assert [frame["previous_item_id"] for frame in done] == [None, "item_1"]


def test_an_item_put_in_front_meanwhile_is_its_predecessor_when_it_is_done() -> None:
    rig = Rig()
    rig.send("response.create")
    rig.begin("Hello")
    rig.say("First", previous_item_id="root")
    frames = rig.answer(" there")
    (done,) = [frame for frame in frames if frame["type"] == "conversation.item.done"]
    assert done["previous_item_id"] == "item_2"
