import pytest

from antiphon.core.context import chat_messages, is_unspoken
from antiphon.core.conversation import Entry
from antiphon.core.plan import ChatAudio, ChatImage, ChatMessage, ToolCall
from antiphon.wire.items import (
    FunctionCall,
    FunctionCallOutput,
    InputAudio,
    InputImage,
    InputText,
    Item,
    Message,
    OutputAudio,
    OutputText,
)


def seen(*items: Item) -> tuple[ChatMessage, ...]:
    return chat_messages(Entry(item) for item in items)


def user(*parts: InputText | InputAudio | InputImage) -> Message:
    return Message(id="item_1", role="user", content=parts)


def call(call_id: str) -> FunctionCall:
    return FunctionCall(id="item_1", name="look_up", call_id=call_id, arguments='{"q":1}')


def test_text_is_seen_as_it_was_given() -> None:
    assert seen(
        Message(role="system", content=(InputText(text="Be kind."),)),
        user(InputText(text="Hi")),
        Message(role="assistant", content=(OutputText(text="Hello"),)),
    ) == (
        ChatMessage("system", "Be kind."),
        ChatMessage("user", "Hi"),
        ChatMessage("assistant", "Hello"),
    )


def test_audio_is_seen_as_its_words() -> None:
    assert seen(
        user(InputAudio(transcript="good morning")),
        Message(role="assistant", content=(OutputAudio(transcript="Good morning!"),)),
    ) == (ChatMessage("user", "good morning"), ChatMessage("assistant", "Good morning!"))


def test_parts_of_a_message_are_seen_as_one_text() -> None:
    message = user(InputText(text="Look: "), InputAudio(transcript="what is it?"))
    assert seen(message) == (ChatMessage("user", "Look: what is it?"),)


def test_audio_that_is_heard_keeps_its_place_between_texts() -> None:
    heard = InputAudio(transcript="hello")
    entry = Entry(user(heard, InputText(text=" Look: "), heard, InputText(text="Well?")))
    entry.model_hears = True
    (message,) = chat_messages([entry])
    assert message.text == "Look: Well?"
    assert message.audio == (ChatAudio("item_1", "hello"), ChatAudio("item_1", "hello", 5))


@pytest.mark.parametrize("transcript", [None, "", "  "])
def test_audio_without_words_adds_nothing(transcript: str | None) -> None:
    assert seen(user(InputAudio(transcript=transcript))) == ()


def test_an_image_is_seen_even_without_words() -> None:
    url = "data:image/png;base64,AAAA"
    shown = ChatMessage("user", "", (ChatImage(url, "auto"),))
    assert seen(user(InputImage(image_url=url))) == (shown,)


def test_calls_one_after_the_other_are_one_message() -> None:
    messages = seen(call("call_1"), call("call_2"))
    calls = (
        ToolCall("call_1", "look_up", '{"q":1}'),
        ToolCall("call_2", "look_up", '{"q":1}'),
    )
    assert messages == (ChatMessage("assistant", tool_calls=calls),)


def test_calls_with_something_in_between_are_messages_of_their_own() -> None:
    output = FunctionCallOutput(call_id="call_1", output="42")
    messages = seen(call("call_1"), output, call("call_2"))
    assert [message.role for message in messages] == ["assistant", "tool", "assistant"]
    assert messages[1] == ChatMessage("tool", "42", tool_call_id="call_1")


def test_what_is_said_before_a_call_stays_a_message_of_its_own() -> None:
    said = Message(role="assistant", content=(OutputText(text="Let me see."),))
    first, second = seen(said, call("call_1"))
    assert first.text == "Let me see."
    assert not first.tool_calls
    assert second.tool_calls


@pytest.mark.parametrize("transcript", [None, "", " \n"])
def test_audio_in_which_nobody_spoke_is_unspoken(transcript: str | None) -> None:
    assert is_unspoken(Entry(user(InputAudio(transcript=transcript))))


@pytest.mark.parametrize(
    "item",
    [
        user(InputAudio(transcript="hm")),
        user(InputAudio(), InputText(text="What did I say?")),
        user(InputAudio(), InputImage(image_url="data:image/png;base64,AAAA")),
        user(InputText(text="")),
        Message(role="assistant", content=(OutputAudio(transcript=""),)),
        call("call_1"),
    ],
)
def test_everything_else_is_not(item: Item) -> None:
    assert not is_unspoken(Entry(item))


def test_an_item_that_changes_is_seen_as_it_is_then() -> None:
    entry = Entry(user(InputAudio()))
    assert chat_messages([entry]) == ()
    entry.finish_hearing("good morning")
    assert chat_messages([entry]) == (ChatMessage("user", "good morning"),)
