import json

import msgspec
import pytest
from msgspec import UNSET

from antiphon.wire.codec import encode
from antiphon.wire.items import (
    FunctionCall,
    FunctionCallOutput,
    InputAudio,
    InputText,
    McpCall,
    Message,
    OutputAudio,
    OutputText,
    RealtimeConversationItem,
    refuse_assistant_audio,
)
from antiphon.wire.refusal import InvalidFieldError

USER = {"input_text", "input_audio", "input_image"}
ASSISTANT = {"output_text", "output_audio", "text", "audio"}
PARTS = {
    "input_text": {"text": "a"},
    "input_audio": {"audio": "AAA="},
    "input_image": {"image_url": "data:image/png;base64,AAAA"},
    "output_text": {"text": "a"},
    "output_audio": {"transcript": "a"},
    "text": {"text": "a"},
    "audio": {"transcript": "a"},
}


def message(role: str, *parts: dict[str, object]) -> Message:
    return msgspec.convert({"type": "message", "role": role, "content": parts}, Message)


@pytest.mark.parametrize(
    ("role", "allowed"), [("user", USER), ("assistant", ASSISTANT), ("system", {"input_text"})]
)
@pytest.mark.parametrize("part", sorted(PARTS))
def test_each_role_holds_its_own_parts(role, allowed, part) -> None:
    fields = {"type": part, **PARTS[part]}
    if part in allowed:
        assert len(message(role, fields).content) == 1
    else:
        with pytest.raises(msgspec.ValidationError, match=f"Invalid value: '{part}'"):
            message(role, fields)


def test_older_part_names_become_the_current_ones() -> None:
    made = message(
        "assistant", {"type": "text", "text": "Hi"}, {"type": "audio", "transcript": "Hello"}
    )
    assert made.content == (OutputText(text="Hi"), OutputAudio(transcript="Hello"))


def test_a_misplaced_part_is_named_with_what_would_fit() -> None:
    with pytest.raises(InvalidFieldError) as caught:
        Message(role="user", content=(InputText(text="a"), OutputText(text="b")))
    assert caught.value.field == "content[1].type"
    assert caught.value.message == (
        "Invalid value: 'output_text'. Supported values are: 'input_text', 'input_audio', and "
        "'input_image'."
    )


def test_speech_without_a_transcript_says_so_with_null() -> None:
    assert json.loads(encode(InputAudio())) == {"type": "input_audio", "transcript": None}


@pytest.mark.parametrize(
    ("item", "keys"),
    [
        (
            Message(id="item_1", status="completed", role="user", content=()),
            ["type", "id", "status", "role", "content"],
        ),
        (
            FunctionCall(id="item_1", status="completed", name="f", call_id="c", arguments="{}"),
            ["type", "id", "status", "name", "call_id", "arguments"],
        ),
        (
            FunctionCallOutput(id="item_1", call_id="c", output=""),
            ["type", "id", "call_id", "output"],
        ),
        (
            McpCall(id="mcp_1", server_label="s", name="f", arguments="{}"),
            [
                "type",
                "id",
                "server_label",
                "name",
                "arguments",
                "approval_request_id",
                "output",
                "error",
            ],
        ),
    ],
)
def test_keys_in_the_order_of_the_hosted_service(item, keys) -> None:
    assert list(json.loads(encode(item))) == keys


def test_an_approval_may_come_without_an_id() -> None:
    fields = {"type": "mcp_approval_response", "approval_request_id": "mcpr_1", "approve": False}
    item: RealtimeConversationItem = msgspec.convert(fields, RealtimeConversationItem)
    assert item.id is UNSET


@pytest.mark.parametrize("part", [OutputAudio(transcript="Hi"), OutputAudio(audio=b"\0\0")])
def test_only_the_server_speaks(part) -> None:
    spoken = Message(role="assistant", content=(OutputText(text="a"), part))
    with pytest.raises(InvalidFieldError) as caught:
        refuse_assistant_audio(spoken, "item")
    assert caught.value.field == "item.content[1].text"
    assert caught.value.code == "missing_required_parameter"


def test_the_user_may_speak() -> None:
    refuse_assistant_audio(Message(role="user", content=(InputAudio(audio=b"\0\0"),)), "item")
